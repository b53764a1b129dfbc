"""kopf's decorators and nothing else: watches fill the view, and what changes it asks for the same reconcile.

The handlers are coroutines though they wait for nothing: kopf has plain functions run by threads, one for each event.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

import kopf
from typing_extensions import override

from graphcron.api import names
from graphcron.cache.store import Key
from graphcron.controller.manager import Operation
from graphcron.kube.connection import open_session, proxy_for
from graphcron.unstructured.fields import is_answered

GRAPHCRONS: Final = (names.GROUP, names.VERSION, names.PLURAL)
GRAPHSERVERS: Final = (names.GROUP, names.VERSION, names.SERVER_PLURAL)
CRONJOBS: Final = ("batch", "v1", "cronjobs")
JOBS: Final = ("batch", "v1", "jobs")
PODS: Final = ("v1", "pods")

CONNECT_SECONDS: Final = 10
"""How long a watch may take to connect."""

CHUNK: Final = 25
"""Objects that are listed at once at a start: the API server stores up to 1.5 MB of each."""

IDLE_SECONDS: Final = 0.1
"""How long kopf keeps a task, and the last event, of an object of which nothing more comes."""

logger = logging.getLogger(__name__)


class _Forgets(kopf.DiffBaseStorage, kopf.ProgressStorage):
    """What kopf keeps of objects to tell what has changed in them: nothing, since every event leads to the same look.

    By itself it would copy each object several times for each event, and compare the copies for handlers that we lack.
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
@kopf.on.event(*GRAPHSERVERS)
async def changed(event: kopf.RawEvent, memo: Operation, **_: Any) -> None:
    """A GraphCron or GraphServer was made, changed or deleted, by whatever hand."""
    _note(memo, event, memo.shown.owner, can_wait=is_answered(event["object"]))


@kopf.on.event(*CRONJOBS)
async def cronjob_changed(event: kopf.RawEvent, memo: Operation, **_: Any) -> None:
    """A CronJob was made, changed or deleted."""
    _note(memo, event, memo.shown.cronjob)


@kopf.on.event(*JOBS)
async def job_changed(event: kopf.RawEvent, memo: Operation, **_: Any) -> None:
    """A Job was made, changed or deleted."""
    _note(memo, event, memo.shown.job)


@kopf.on.event(*PODS)
async def pod_changed(event: kopf.RawEvent, memo: Operation, **_: Any) -> None:
    """A pod was made, changed or deleted."""
    _note(memo, event, memo.shown.pod)


def _note(
    operation: Operation, event: kopf.RawEvent, keep: Callable[..., Iterable[Key]], *, can_wait: bool = True
) -> None:
    """Keep what a watch has shown, and have those look whom it concerns; an event of just our own write is no news."""
    body, gone, was_there_before = event["object"], event["type"] == "DELETED", event["type"] is None
    if was_there_before:
        operation.relist.ask()
    if operation.expectations.is_stale(body):
        return
    # A version counts as seen before anything of it is read: nobody may wait for an object that can't be read.
    is_news = operation.expectations.observe(body, deleted=gone)
    try:
        keys = keep(body, deleted=gone)
    except Exception:
        logger.exception("%s %s can't be read: this is a bug", body.get("kind", "?"), "/".join(_place(body)))
        return
    if is_news:
        for key in keys:
            operation.queue.add(key, patient=was_there_before and can_wait)


def _place(body: Mapping[str, Any]) -> tuple[str, str]:
    return body["metadata"].get("namespace", ""), body["metadata"]["name"]


@kopf.on.login()
async def login(**arguments: Any) -> kopf.AiohttpSession | None:
    """Log in with the pod's ServiceAccount; outside of a cluster, with the kubeconfig.

    Without a handler kopf asks the Kubernetes client, whose synchronous half takes memory and serves nothing else.
    """
    connection = kopf.login_with_service_account(**arguments) or kopf.login_via_client(**arguments)
    return _session(connection) if connection else None


@lru_cache(maxsize=4)
def _session(connection: kopf.ConnectionInfo) -> kopf.AiohttpSession:
    """Return one session for the same credentials, by which kopf recognises those that were refused before.

    kopf decodes the lines of a watch itself, at the depth that Python's reader happens to take: the session makes them
    shallow.
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
async def start(memo: Operation, settings: kopf.OperatorSettings, **_: Any) -> None:
    """Settle how kopf watches, and begin to work."""
    for resource in (CRONJOBS, JOBS, PODS):
        settings.watching.label_selectors[resource] = names.OURS
    settings.persistence.diffbase_storage = settings.persistence.progress_storage = _Forgets()
    settings.watching.inactivity_timeout = memo.settings.watch_inactivity_seconds
    settings.watching.connect_timeout = CONNECT_SECONDS
    # By itself kopf lists all at once, and keeps each object for five seconds with a task of its own.
    settings.watching.chunk_size = CHUNK
    settings.queueing.idle_timeout = IDLE_SECONDS
    # Where all namespaces are named, rights in these are all that it takes: nothing of the cluster is looked at.
    settings.scanning.disabled = memo.settings.namespaces_are_named
    # Our Events have names of their own, so that none is told twice; kopf's have not.
    settings.posting.enabled = False
    await memo.start()


@kopf.on.cleanup()
async def stop(memo: Operation, **_: Any) -> None:
    """End the work and give back what was taken."""
    await memo.stop()
