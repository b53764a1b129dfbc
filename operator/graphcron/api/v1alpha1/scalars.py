"""String types of the spec, each with its rules."""

from typing import Annotated, Final

from pydantic import Field

from graphcron.api.run_url import MAX_LENGTH, PLACEHOLDER_PATTERN, PLACEHOLDERS
from graphcron.api.v1alpha1.validation import Rules, matching, not_matching

ObjectName = Annotated[
    str,
    Field(max_length=253),
    Rules(
        matching(
            r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?",
            "is not a valid name of a Kubernetes object",
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
            "is not a valid key of a ConfigMap or Secret",
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
            "is not a UUID, and the server accepts nothing else",
            "make one with uuidgen; it looks like 4f6b3c1e-0d4a-4c55-9a53-6a1c2f0e7b11",
        ),
    ),
]
"""A UUID in its usual spelling."""

_BLANK_AT_END: Final = "is empty, or begins or ends with a space"

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
    "is not an http or https URL",
    "write it with its scheme, for example https://langgraph.example.com",
)
_ANY_HTTP: Final = r"https?://[^\s/?#].*"

WebhookUrl = Annotated[
    str,
    Field(max_length=2048),
    Rules(_HTTP, matching(r"\S*", "contains a space", "write %20 for a space", where=_ANY_HTTP)),
]
"""Where the server posts the outcome."""

ServerUrl = Annotated[
    str,
    Field(max_length=2048),
    Rules(
        _HTTP,
        matching(
            r"[^?#\s]*",
            "has a query, a fragment or a space",
            "end it with the host or the path, for example https://example.com/langgraph",
            where=_ANY_HTTP,
        ),
        matching(
            r"https?://[^/@]*(/.*)?",
            "contains a user name or password that everyone can read",
            "store it in a Secret and name that in apiKeySecretRef or headers",
            where=_ANY_HTTP,
        ),
        matching(
            r"https?://([-_.A-Za-z0-9]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/.*)?",
            "has no valid host or port",
            "write it like http://langgraph.agents.svc:8000",
            where=r"https?://[^\s/?#@]+(/[^\s?#@]*)?",
        ),
    ),
]
"""Base URL of a LangGraph server."""

UI_URL_RULES: Final = Rules(
    _HTTP,
    matching(
        r"[!#-;=?-\[\]_a-z{}~]*",
        "contains a character that a URL cannot contain",
        "percent-encode it, for example %20 for a space",
        where=_ANY_HTTP,
    ),
    matching(
        r"https?://([-_.A-Za-z0-9]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?([/?#].*)?",
        "has no valid host or port",
        "write it like https://smith.langchain.com/..., with placeholders only after the host",
        where=_ANY_HTTP,
    ),
    matching(
        rf"([^{{}}]|{PLACEHOLDER_PATTERN})*",
        "has a brace that does not belong to a placeholder",
        f"use only {', '.join(f'{{{each}}}' for each in PLACEHOLDERS)}",
        where=_ANY_HTTP,
    ),
)
"""Rules of a template of links to runs."""

UiUrl = Annotated[str, Field(max_length=MAX_LENGTH), UI_URL_RULES]
"""Template of links to runs."""

HeaderName = Annotated[
    str,
    Field(max_length=253),
    Rules(
        matching(
            r"[-!#$%&'*+.^_`|~0-9A-Za-z]+",
            "is not a valid name of an HTTP header",
            "write letters, digits and '-', for example x-tenant",
        ),
        not_matching(
            r"(?i:x-api-key)",
            "is the header of the API key, which has a separate field",
            "name the Secret in apiKeySecretRef",
        ),
        not_matching(
            r"(?i:host|connection|content-(length|type|encoding)|transfer-encoding|te|upgrade|expect|accept-encoding)",
            "is set by the runner",
            "leave it out",
        ),
    ),
]
"""Name of an extra HTTP header."""

HeaderValue = Annotated[
    str,
    Field(max_length=4096),
    Rules(matching(r"[\t -~]*", "contains a line break or a non-ASCII character", "write it on one line, in ASCII")),
]
"""Value of an extra HTTP header."""

EnvName = Annotated[
    str,
    Field(max_length=253),
    Rules(
        matching(
            r"[-._a-zA-Z][-._a-zA-Z0-9]*",
            "is not a valid name of an environment variable",
            "write letters, digits and '_', for example HTTPS_PROXY",
        ),
        not_matching(
            r"GRAPHCRON_.*", "begins with GRAPHCRON_, which is reserved for the operator", "choose another name"
        ),
    ),
]
"""Name of an environment variable."""

ImageName = Annotated[
    str,
    Field(max_length=1024),
    Rules(
        matching(
            r"[^\s:]\S*",
            "is not a valid image name",
            "write it with registry and tag, for example registry.example.com/graphcron-runner:0.1.0",
        ),
        not_matching(r"https?://.*", "is a URL", "leave out the scheme: registry.example.com/graphcron-runner:0.1.0"),
    ),
]
"""Name of a container image."""
