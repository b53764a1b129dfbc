"""GraphCron + GraphServer → a GraphCron that names its server itself; all that follows knows only such ones."""

from graphcron.api.v1alpha1 import GraphCron, GraphServer, Server
from graphcron.errors import SpecError


def resolved(graphcron: GraphCron, server: GraphServer | None) -> GraphCron:
    """Put the server that ``serverRef`` names in its place.

    Parameters
    ----------
    server
        The GraphServer of that name; None: there is none, or it can't be read.

    Raises
    ------
    SpecError
        There is none.
    """
    spec = graphcron.spec
    if spec.server_ref is None:
        return graphcron
    if server is None:
        raise SpecError(
            field="spec.serverRef",
            problem=f"there is no valid GraphServer named {spec.server_ref.name} in this namespace",
            remedy="apply one, or name another: kubectl get graphservers",
        )
    update = {"server": inline(server), "server_ref": None, "budget": spec.budget or server.spec.budget}
    return graphcron.model_copy(update={"spec": spec.model_copy(update=update)})


def inline(server: GraphServer) -> Server:
    """Return the fields of a GraphServer in the form of ``spec.server`` of a GraphCron."""
    parts = server.spec
    return Server(
        url=parts.url,
        api_key_secret_ref=parts.api_key_secret_ref,
        ca_bundle_ref=parts.ca_bundle_ref,
        headers=parts.headers,
        max_concurrent_runs=parts.max_concurrent_runs,
        ui_url=parts.ui_url,
    )
