"""``spec`` of a GraphServer: a LangGraph server that several GraphCrons share."""

from graphcron.model.base import Spec
from graphcron.model.budget import Budget
from graphcron.model.refs import KeyRef, KeySource
from graphcron.model.server import ConcurrentRuns, Headers
from graphcron.model.words import ServerUrl


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
