"""Kinds of text that the spec is made of, each with its rules."""

from typing import Annotated, Final

from pydantic import Field

from graphcron.api.v1alpha1.validation import Rules, matching, not_matching

ObjectName = Annotated[
    str,
    Field(max_length=253),
    Rules(
        matching(
            r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?",
            "is no name of a Kubernetes object",
            "write lower-case letters, digits, '-' and '.', for example langgraph-api",
        ),
    ),
]
"""Name of another object in the same namespace."""

DataKey = Annotated[
    str,
    Field(max_length=253),
    Rules(
        matching(
            r"[-._a-zA-Z0-9]+",
            "is no key of a ConfigMap or Secret",
            "write letters, digits, '-', '_' and '.', for example api-key",
        ),
    ),
]
"""Key in the ``data`` of a ConfigMap or Secret."""

Uuid = Annotated[
    str,
    Field(max_length=64),
    Rules(
        matching(
            r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
            "is no UUID, and the server takes nothing else",
            "make one with uuidgen; it looks like 4f6b3c1e-0d4a-4c55-9a53-6a1c2f0e7b11",
        ),
    ),
]
"""A UUID in its usual spelling."""

_BLANK_AT_END: Final = "is empty, or begins or ends with a blank"

Assistant = Annotated[
    str,
    Field(max_length=253),
    Rules(
        matching(
            r"\S(.*\S)?",
            _BLANK_AT_END,
            "write the graph's name in langgraph.json or the assistant's UUID, for example daily-report",
        ),
    ),
]
"""Name of a graph or UUID of an assistant."""

NodeName = Annotated[
    str,
    Field(max_length=253),
    Rules(matching(r"\S(.*\S)?", _BLANK_AT_END, 'write the name of a node of the graph, or "*" for all')),
]
"""Name of a node of the graph, or ``*``."""

_HTTP: Final = matching(
    r"https?://[^\s/?#].*",
    "is no http or https URL",
    "write it with its scheme, for example https://langgraph.example.com",
)
_ANY_HTTP: Final = r"https?://[^\s/?#].*"

WebhookUrl = Annotated[
    str,
    Field(max_length=2048),
    Rules(_HTTP, matching(r"\S*", "has a blank in it", "write %20 for a blank", where=_ANY_HTTP)),
]
"""Where the server posts the outcome."""

ServerUrl = Annotated[
    str,
    Field(max_length=2048),
    Rules(
        _HTTP,
        matching(
            r"[^?#\s]*",
            "has a query, a fragment or a blank",
            "end it with the host or the path, for example https://example.com/langgraph",
            where=_ANY_HTTP,
        ),
        matching(
            r"https?://[^/@]*(/.*)?",
            "holds a user name or password that everybody can read",
            "put it into a Secret and name that in apiKeySecretRef or headers",
            where=_ANY_HTTP,
        ),
        matching(
            r"https?://([-_.A-Za-z0-9]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/.*)?",
            "has no proper host or port",
            "write it like http://langgraph.agents.svc:8000",
            where=r"https?://[^\s/?#@]+(/[^\s?#@]*)?",
        ),
    ),
]
"""Base URL of a LangGraph server."""

HeaderName = Annotated[
    str,
    Field(max_length=253),
    Rules(
        matching(
            r"[-!#$%&'*+.^_`|~0-9A-Za-z]+",
            "is no name of an HTTP header",
            "write letters, digits and '-', for example x-tenant",
        ),
        not_matching(
            r"(?i:x-api-key)",
            "is the header of the API key, which has its own field",
            "name the Secret in apiKeySecretRef",
        ),
        not_matching(
            r"(?i:host|connection|content-(length|type|encoding)|transfer-encoding|te|upgrade|expect|accept-encoding)",
            "is set by the runner itself",
            "leave it out",
        ),
    ),
]
"""Name of an extra HTTP header."""

HeaderValue = Annotated[
    str,
    Field(max_length=4096),
    Rules(matching(r"[\t -~]*", "has a line break or a character outside ASCII", "write it on one line, in ASCII")),
]
"""Value of an extra HTTP header."""

EnvName = Annotated[
    str,
    Field(max_length=253),
    Rules(
        matching(
            r"[-._a-zA-Z][-._a-zA-Z0-9]*",
            "is no name of an environment variable",
            "write letters, digits and '_', for example HTTPS_PROXY",
        ),
        not_matching(r"GRAPHCRON_.*", "begins with GRAPHCRON_, which is the operator's own", "choose another name"),
    ),
]
"""Name of an environment variable."""

ImageName = Annotated[
    str,
    Field(max_length=1024),
    Rules(
        matching(
            r"[^\s:]\S*",
            "is no name of an image",
            "write it with registry and tag, for example registry.example.com/graphcron-runner:0.1.0",
        ),
        not_matching(r"https?://.*", "is a URL", "leave out the scheme: registry.example.com/graphcron-runner:0.1.0"),
    ),
]
"""Name of a container image."""
