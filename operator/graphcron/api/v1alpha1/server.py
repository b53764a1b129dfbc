"""A LangGraph server: ``spec.server`` of a GraphCron, and ``spec`` of a GraphServer."""

from typing import Annotated, ClassVar, Final

from pydantic import Field

from graphcron.api.v1alpha1.base import BY_NAME, Asked, Spec
from graphcron.api.v1alpha1.budget import Budget
from graphcron.api.v1alpha1.kubernetes_types import KeyRef, KeySource
from graphcron.api.v1alpha1.scalars import HeaderName, HeaderValue, ServerUrl, UiUrl
from graphcron.api.v1alpha1.validation import Rule, Rules, one_of, unique_names

_SECRET_HEADERS: Final = ("authorization", "proxy-authorization", "cookie")


class HeaderSource(Asked):
    """Source of the value of a header."""

    secret_key_ref: KeyRef
    """Key of a Secret. Only the pod reads the Secret, never the operator."""


class Header(Asked):
    """Additional HTTP header."""

    rules: ClassVar[Rules] = Rules(
        one_of(
            ("value", "valueFrom"),
            "must have either value or valueFrom, and not both",
            "for example value: team-a, or valueFrom: {secretKeyRef: {name: my-secret, key: my-key}}",
        ),
        Rule(
            problem="exposes a credential to everyone who can read this object",
            remedy="store it in a Secret: valueFrom: {secretKeyRef: {name: my-secret, key: my-key}}",
            holds=lambda header: header.value is None or header.name.lower() not in _SECRET_HEADERS,
            cel=f"!has(self.value) || !(self.name.lowerAscii() in {list(_SECRET_HEADERS)})",
            field="value",
            reason="FieldValueForbidden",
        ),
    )

    name: HeaderName
    """Name of the header, such as `x-tenant` or `authorization`. For the API key, use `apiKeySecretRef`."""
    value: HeaderValue | None = None
    """Value, readable by everyone who can read this object. Mutually exclusive with `valueFrom`."""
    value_from: HeaderSource | None = None
    """Source of the value. Mutually exclusive with `value`."""


Headers = Annotated[list[Header], Field(max_length=16, json_schema_extra=BY_NAME), Rules(unique_names("headers"))]
"""Additional HTTP headers, keyed by name."""

ConcurrentRuns = Annotated[int, Field(ge=1, le=1000)]
"""How many runs a server is given at a time."""


class Server(Asked):
    """LangGraph server. Fields that are not set use the operator's settings."""

    url: ServerUrl | None = None
    """Base URL of the server, including a path prefix, such as `http://langgraph.agents.svc:8000` or
    `https://example.com/langgraph`. Default: the operator's setting."""
    api_key_secret_ref: KeyRef | None = None
    """API key, which the pod sends in the `x-api-key` header. Only the pod reads the Secret, never the operator.
    Default: the operator's setting if `url` is not set either, otherwise none."""
    ca_bundle_ref: KeySource | None = None
    """CA certificates (PEM) that the pod trusts in addition to the system's, for a server with a private CA. Default:
    the operator's setting if `url` is not set either, otherwise none."""
    headers: Headers | None = None
    """Additional HTTP headers of every request, for example for a gateway in front of the server."""
    max_concurrent_runs: ConcurrentRuns | None = None
    """Maximum number of concurrent runs on this server across all GraphCrons in the namespace. A run that exceeds the
    limit waits until its starting deadline and is then skipped. For example 4. Default: no limit."""
    ui_url: UiUrl | None = None
    """Template of a link to each run in a web interface such as LangSmith, for example
    `https://smith.langchain.com/o/ORG/projects/p/PROJECT/r/{runId}`. The placeholders `{threadId}`, `{runId}`,
    `{assistant}`, `{namespace}` and `{name}` are replaced by percent-encoded values. The status, Events and `kubectl
    graphcron` contain the link. GraphCron never connects to it. Default: the operator's
    setting if `url` is not set either, otherwise none."""


class GraphServerSpec(Spec):
    """Address, credentials and limits of the server. The operator does not set defaults in this object or change it."""

    url: ServerUrl
    """Base URL of the server, including a path prefix, such as `http://langgraph.agents.svc:8000` or
    `https://example.com/langgraph`."""
    api_key_secret_ref: KeyRef | None = None
    """API key, which the pod sends in the `x-api-key` header. Only the pod reads the Secret, never the operator.
    Default: none."""
    ca_bundle_ref: KeySource | None = None
    """CA certificates (PEM) that the pod trusts in addition to the system's, for a server with a private CA. Default:
    none."""
    headers: Headers | None = None
    """Additional HTTP headers of every request, for example for a gateway in front of the server."""
    max_concurrent_runs: ConcurrentRuns | None = None
    """Maximum number of concurrent runs on this server across all GraphCrons in the namespace. A run that exceeds the
    limit waits until its starting deadline and is then skipped. For example 4. Default: no limit."""
    ui_url: UiUrl | None = None
    """Template of a link to each run in a web interface such as LangSmith, for example
    `https://smith.langchain.com/o/ORG/projects/p/PROJECT/r/{runId}`. The placeholders `{threadId}`, `{runId}`,
    `{assistant}`, `{namespace}` and `{name}` are replaced by percent-encoded values. The status, Events and `kubectl
    graphcron` contain the link. GraphCron never connects to it. Default: none."""
    budget: Budget | None = None
    """Budget of each GraphCron that refers to this server and does not set `budget`. GraphCrons do not share it.
    Default: none."""
