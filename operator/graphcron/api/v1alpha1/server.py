"""A LangGraph server: ``spec.server`` of a GraphCron, and ``spec`` of a GraphServer."""

from typing import Annotated, ClassVar, Final

from pydantic import Field

from graphcron.api.v1alpha1.base import BY_NAME, Asked, Spec
from graphcron.api.v1alpha1.budget import Budget
from graphcron.api.v1alpha1.kubernetes_types import KeyRef, KeySource
from graphcron.api.v1alpha1.scalars import HeaderName, HeaderValue, ServerUrl
from graphcron.api.v1alpha1.validation import Rule, Rules, one_of, unique_names

_SECRET_HEADERS: Final = ("authorization", "proxy-authorization", "cookie")


class HeaderSource(Asked):
    """Where the value of a header comes from."""

    secret_key_ref: KeyRef
    """A key of a Secret; the operator never reads it, only the pod does."""


class Header(Asked):
    """An extra HTTP header."""

    rules: ClassVar[Rules] = Rules(
        one_of(
            ("value", "valueFrom"),
            "must have either value or valueFrom, and not both",
            "for example value: team-a, or valueFrom: {secretKeyRef: {name: my-secret, key: my-key}}",
        ),
        Rule(
            problem="shows a credential to everybody who can read this object",
            remedy="put it into a Secret: valueFrom: {secretKeyRef: {name: my-secret, key: my-key}}",
            holds=lambda header: header.value is None or header.name.lower() not in _SECRET_HEADERS,
            cel=f"!has(self.value) || !(self.name.lowerAscii() in {list(_SECRET_HEADERS)})",
            field="value",
            reason="FieldValueForbidden",
        ),
    )

    name: HeaderName
    """Name of the header, such as `x-tenant` or `authorization`. The API key has a field of its own,
    `apiKeySecretRef`."""
    value: HeaderValue | None = None
    """Value of the header, for everybody to read. Either this or `valueFrom`."""
    value_from: HeaderSource | None = None
    """Where the value comes from. Either this or `value`."""


Headers = Annotated[list[Header], Field(max_length=16, json_schema_extra=BY_NAME), Rules(unique_names("headers"))]
"""Extra HTTP headers, told apart by their names."""

ConcurrentRuns = Annotated[int, Field(ge=1, le=1000)]
"""How many runs a server is given at a time."""


class Server(Asked):
    """The LangGraph server, and how to reach it. What is left out comes from the operator's settings."""

    url: ServerUrl | None = None
    """Base URL of the server, path prefix included, such as `http://langgraph.agents.svc:8000` or
    `https://example.com/langgraph`. Default: the operator's setting."""
    api_key_secret_ref: KeyRef | None = None
    """The API key, sent as the header `x-api-key`. The operator never reads the Secret, only the pod does. Default:
    the operator's setting where `url` is left out too, otherwise none."""
    ca_bundle_ref: KeySource | None = None
    """Certificates (PEM) that the pod trusts besides its system's, for a server with a certificate of your own
    authority. Default: the operator's setting where `url` is left out too, otherwise none."""
    headers: Headers | None = None
    """Extra HTTP headers of every request, such as one that a gateway in front of the server asks for."""
    max_concurrent_runs: ConcurrentRuns | None = None
    """Most runs of all GraphCrons of this namespace at a time on this server; a run that finds it full waits until its
    starting deadline and is then skipped. For example 4. Default: no limit."""


class GraphServerSpec(Spec):
    """Where the server is, how to reach it, and what its runs may use. Nothing here is filled in or changed by the
    operator."""

    url: ServerUrl
    """Base URL of the server, path prefix included, such as `http://langgraph.agents.svc:8000` or
    `https://example.com/langgraph`."""
    api_key_secret_ref: KeyRef | None = None
    """The API key, sent as the header `x-api-key`. The operator never reads the Secret, only the pod does. Default:
    none."""
    ca_bundle_ref: KeySource | None = None
    """Certificates (PEM) that the pod trusts besides its system's, for a server with a certificate of your own
    authority. Default: none."""
    headers: Headers | None = None
    """Extra HTTP headers of every request, such as one that a gateway in front of the server asks for."""
    max_concurrent_runs: ConcurrentRuns | None = None
    """Most runs of all GraphCrons of this namespace at a time on this server; a run that finds it full waits until its
    starting deadline and is then skipped. For example 4. Default: no limit."""
    budget: Budget | None = None
    """Budget of each GraphCron that names this server and has none of its own; they do not share it. Default: none."""
