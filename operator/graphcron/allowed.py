"""Which servers GraphCrons may name: the administrator's allow-list, where there is one.

Who may create a GraphCron can make a pod send a Secret of the namespace to a URL. With an allow-list, only to the URLs
on it; a runner of one's own could send it anywhere, so that is the administrator's too. The chart's admission policy
says the same at ``kubectl apply``.
"""

import re
from collections.abc import Sequence
from typing import Final

from graphcron.errors import NotAllowedError
from graphcron.model import GraphCron, GraphServer
from graphcron.settings import Settings

_HOST: Final = "[A-Za-z0-9.-]+"
"""What ``*`` stands for: it never leaves the host."""

_BELOW: Final = "(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*/?"
"""What may follow an entry: a path without ``..``, escapes or empty parts."""


def is_allowed(url: str, servers: Sequence[str]) -> bool:
    """Tell whether a URL is one of the servers or below one.

    Parameters
    ----------
    servers
        URLs such as ``https://example.com/langgraph`` or ``http://*.agents.svc:8000``.
    """
    patterns = (re.escape(each.rstrip("/")).replace(r"\*", _HOST) + _BELOW for each in servers)
    return any(re.fullmatch(pattern, url, re.ASCII) for pattern in patterns)


def check_graphcron(graphcron: GraphCron, settings: Settings) -> None:
    """Refuse a GraphCron that names what is not on the list; its ``serverRef`` has been put in place.

    Raises
    ------
    NotAllowedError
        The server, or a runner of the GraphCron's own.
    """
    if not settings.allowed_servers:
        return
    spec = graphcron.spec
    if spec.server and spec.server.url:
        _check_url("spec.server.url", spec.server.url, settings)
    for field in ("image", "env"):
        if spec.runner and getattr(spec.runner, field):
            raise NotAllowedError(
                field=f"spec.runner.{field}",
                problem="is not allowed where the administrator limits the servers: it could send a Secret anywhere",
                remedy="leave it out",
            )


def check_server(server: GraphServer, settings: Settings) -> None:
    """Refuse a GraphServer that is not on the list.

    Raises
    ------
    NotAllowedError
        It is not.
    """
    if settings.allowed_servers:
        _check_url("spec.url", server.spec.url, settings)


def _check_url(field: str, url: str, settings: Settings) -> None:
    servers = [each for each in (settings.server_url, *settings.allowed_servers) if each]
    if not is_allowed(url, servers):
        raise NotAllowedError(
            field=field,
            problem=f"{url} is no server that the administrator allows",
            remedy=f"name one of {', '.join(servers)}",
        )
