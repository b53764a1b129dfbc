"""Placeholders for what only the cluster knows: the UID, the operator's settings, and a GraphServer."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from graphcron.cli.clients.kubectl import Object
from graphcron.errors import SpecError
from graphcron.unstructured.fields import object_at

if TYPE_CHECKING:
    from graphcron.api.v1alpha1 import GraphCron
    from graphcron.settings import Settings

NO_UID: Final = "00000000-0000-0000-0000-000000000000"
"""Placeholder for the UID, which only the cluster can set."""


def with_server(graphcron: "GraphCron", servers: Iterable[Object], settings: "Settings | None") -> "GraphCron":
    """Replace the reference to a GraphServer by that GraphServer.

    Raises
    ------
    SpecError
        It is not among those that are known, and the settings name no server.
    """
    from graphcron.api.server_ref import resolved
    from graphcron.api.v1alpha1 import parse_server, server_problems

    reference = graphcron.spec.server_ref
    if reference is None:
        return graphcron
    named = [each for each in servers if object_at(each, "metadata").get("name") == reference.name]
    right = [each for each in named if not server_problems(each)]
    if right:
        return resolved(graphcron, parse_server(right[-1]))
    if settings and not settings.server_url:
        raise SpecError(
            field="spec.serverRef",
            problem=f"the GraphServer {reference.name} is not in the file",
            remedy="put it there too, or give --server-url",
        )
    return graphcron.model_copy(update={"spec": graphcron.spec.model_copy(update={"server_ref": None})})


def unknown_settings() -> "Settings":
    """Return placeholders for the settings of an unknown operator."""
    from graphcron.settings import Settings

    prices: dict[str, Any] = {"*": {"input": "0", "output": "0"}}
    return Settings(server_url="<the operator's server>", runner_image="<the operator's image>", prices=prices)
