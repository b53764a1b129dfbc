"""kopf's decorators and nothing else: watches fill the view, and what changes it asks for the same reconcile.

The handlers are coroutines though they wait for nothing: kopf has plain functions run by threads, one for each event.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

import kopf
from typing_extensions import override

from graphcron import names
from graphcron.observed import is_answered
from graphcron.operation import Operation
from graphcron.reconcile import Key

GRAPHCRONS: Final = (names.GROUP, names.VERSION, names.PLURAL)
GRAPHSERVERS: Final = (names.GROUP, names.VERSION, names.SERVER_PLURAL)
CRONJOBS: Final = ("batch", "v1", "cronjobs")
JOBS: Final = ("batch", "v1", "jobs")
PODS: Final = ("v1", "pods")

CONNECT_SECONDS: Final = 10
"""How long a watch may take to connect."""

CHUNK: Final = 100
"""Objects that are listed at once at a start."""

IDLE_SECONDS: Final = 0.1
"""How long kopf keeps a task, and the last event, of an object of which nothing more comes."""


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
    gone, was_there_before = event["type"] == "DELETED", event["type"] is None
    keys = keep(event["object"], gone=gone)
    if operation.echoes.heard(event["object"], gone=gone):
        for key in keys:
            operation.queue.add(key, patient=was_there_before and can_wait)


@kopf.on.login()
def login(**arguments: Any) -> kopf.ConnectionInfo | None:
    """Log in with the pod's ServiceAccount; outside of a cluster, with the kubeconfig.

    By itself kopf asks the Kubernetes client, whose synchronous half is nothing that we need in memory.
    """
    return kopf.login_with_service_account(**arguments) or kopf.login_via_client(**arguments)


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
