"""kopf's handlers: they pass each event to the manager.

The handlers are coroutines although they await nothing: kopf runs plain functions in threads, one for each event.
"""

from functools import lru_cache
from typing import Any, Final

import kopf
from typing_extensions import override

from graphcron.api import names
from graphcron.controller.manager import Manager
from graphcron.kube.connection import open_session, proxy_for
from graphcron.kube.transport import CONNECT_SECONDS
from graphcron.kube.watch import PAGE_SIZE, RETRY_SECONDS

GRAPHCRONS: Final = (names.GROUP, names.VERSION, names.PLURAL)
GRAPHRUNS: Final = (names.GROUP, names.VERSION, names.RUN_PLURAL)
GRAPHSERVERS: Final = (names.GROUP, names.VERSION, names.SERVER_PLURAL)

IDLE_SECONDS: Final = 0.1
"""Time for which kopf keeps a task, and the last event, of an object without further events."""


class NullStorage(kopf.DiffBaseStorage, kopf.ProgressStorage):
    """Storage that keeps nothing: the operator reconciles states and does not use kopf's diffs.

    The default storage copies each object several times for each event, and compares the copies for handlers that the
    operator does not have.
    """

    @override
    def build(self, **_: Any) -> Any:
        return {}

    @override
    def clear(self, *, essence: Any) -> Any:
        return essence

    @override
    def fetch(self, **_: Any) -> Any:
        return None

    @override
    def store(self, **_: Any) -> None:
        pass

    purge = touch = store


@kopf.on.event(*GRAPHCRONS)
@kopf.on.event(*GRAPHRUNS)
@kopf.on.event(*GRAPHSERVERS)
async def handle_event(event: kopf.RawEvent, memo: Manager, **_: Any) -> None:
    """Pass an event to the manager; kopf's event type is None for an object of the initial list."""
    memo.handle_event(event["type"], event["object"])


@kopf.on.login()
async def login(**arguments: Any) -> kopf.AiohttpSession | None:
    """Log in with the pod's ServiceAccount; outside a cluster, with the kubeconfig.

    Without this handler, kopf uses the synchronous Kubernetes client, which takes memory and has no other use here.
    """
    connection = kopf.login_with_service_account(**arguments) or kopf.login_via_client(**arguments)
    return _session(connection) if connection else None


@lru_cache(maxsize=4)
def _session(connection: kopf.ConnectionInfo) -> kopf.AiohttpSession:
    """Return one session for the same credentials, so that kopf recognises those that were rejected before.

    kopf decodes the lines of a watch without a limit on their nesting. The session limits it.
    """
    session = open_session(
        connection.as_ssl_context(),
        connection.as_http_headers(),
        proxy=connection.proxy_url or proxy_for(connection.server),
    )
    return kopf.AiohttpSession(
        aiohttp_session=session,
        server=connection.server,
        default_namespace=connection.default_namespace,
        priority=connection.priority,
        expiration=connection.expiration,
    )


@kopf.on.startup()
async def start(memo: Manager, settings: kopf.OperatorSettings, **_: Any) -> None:
    """Configure kopf, and start the manager."""
    settings.persistence.diffbase_storage = settings.persistence.progress_storage = NullStorage()
    settings.watching.inactivity_timeout = memo.settings.watch_inactivity_seconds
    settings.watching.connect_timeout = settings.networking.connect_timeout = CONNECT_SECONDS
    settings.networking.error_backoffs = RETRY_SECONDS
    # By default, kopf lists all objects at once, and keeps each for five seconds in a separate task.
    settings.watching.chunk_size = PAGE_SIZE
    settings.queueing.idle_timeout = IDLE_SECONDS
    # If all namespaces are named, the operator may have no rights outside them.
    settings.scanning.disabled = memo.settings.namespaces_are_named
    # The operator posts its own Events, whose names prevent duplicates.
    settings.posting.enabled = False
    await memo.start()


@kopf.on.cleanup()
async def stop(memo: Manager, **_: Any) -> None:
    """Stop the manager."""
    await memo.stop()
