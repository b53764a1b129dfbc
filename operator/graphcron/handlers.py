"""kopf's decorators and nothing else: watches fill the view, every event asks for the same reconcile."""

from collections.abc import Iterable
from typing import Any, Final

import kopf

from graphcron import names
from graphcron.echoes import Echoes
from graphcron.observed import (
    Body,
    CronJobSeen,
    JobSeen,
    PodSeen,
    cronjob_seen,
    job_seen,
    owner_key,
    pod_seen,
)
from graphcron.operation import Operation
from graphcron.reconcile import Key

GRAPHCRONS: Final = (names.GROUP, names.VERSION, names.PLURAL)
CRONJOBS: Final = ("batch", "v1", "cronjobs")
JOBS: Final = ("batch", "v1", "jobs")
PODS: Final = ("v1", "pods")

CONNECT_SECONDS: Final = 10
"""How long a watch may take to connect."""


class IndexView:
    """The view that kopf's indices give: filled before the first handler runs, then kept by the watches.

    Where a watch has yet to show what we wrote, our write counts.
    """

    def __init__(self, indices: dict[str, Any], echoes: Echoes) -> None:
        self._indices = indices
        self._echoes = echoes

    def graphcron(self, key: Key) -> Body | None:
        """Return the object; None where it is gone."""
        body: Body | None = next(iter(self._of("graphcrons_by_key", key)), None)
        return body and (self._echoes.latest(body["metadata"]["uid"]) or body)

    def cronjob(self, key: Key) -> CronJobSeen | None:
        """Return the CronJob of that name with our labels."""
        seen: CronJobSeen | None = next(iter(self._of("cronjobs_by_key", key)), None)
        written = self._echoes.latest(seen.uid) if seen else None
        return cronjob_seen(written) if written else seen

    def jobs(self, uid: str) -> list[JobSeen]:
        """Return the Jobs of the GraphCron with that UID."""
        return list(self._of("jobs_by_uid", uid))

    def pods(self, uid: str) -> list[PodSeen]:
        """Return the pods of the GraphCron with that UID."""
        return list(self._of("pods_by_uid", uid))

    def _of(self, index: str, key: object) -> Iterable[Any]:
        store: Iterable[Any] = self._indices[index].get(key, ())
        return store


@kopf.index(*GRAPHCRONS)
def graphcrons_by_key(body: kopf.Body, namespace: str | None, name: str, **_: Any) -> dict[Key, dict[str, Any]]:
    """Keep each GraphCron, without what only the API server needs."""
    metadata = {key: value for key, value in body["metadata"].items() if key != "managedFields"}
    return {Key(namespace or "", name): {**body, "metadata": metadata}}


@kopf.index(*CRONJOBS)
def cronjobs_by_key(body: kopf.Body, namespace: str | None, name: str, **_: Any) -> dict[Key, CronJobSeen]:
    """Keep what matters of each CronJob."""
    return {Key(namespace or "", name): cronjob_seen(body)}


@kopf.index(*JOBS)
def jobs_by_uid(body: kopf.Body, **_: Any) -> dict[str, JobSeen]:
    """Keep what matters of each Job."""
    return {body["metadata"]["labels"].get(names.LABEL_UID, ""): job_seen(body)}


@kopf.index(*PODS)
def pods_by_uid(body: kopf.Body, **_: Any) -> dict[str, PodSeen]:
    """Keep what matters of each pod."""
    return {body["metadata"]["labels"].get(names.LABEL_UID, ""): pod_seen(body)}


INDICES: Final = ("graphcrons_by_key", "cronjobs_by_key", "jobs_by_uid", "pods_by_uid")
"""The indices above, which kopf hands to handlers under their functions' names."""


@kopf.on.event(*GRAPHCRONS)
@kopf.on.event(*CRONJOBS)
async def changed(event: kopf.RawEvent, namespace: str | None, name: str, memo: Operation, **_: Any) -> None:
    """A GraphCron, or the CronJob of its name, was made, changed or deleted, by whatever hand."""
    _changed(memo, event, Key(namespace or "", name))


@kopf.on.event(*JOBS)
@kopf.on.event(*PODS)
async def child_changed(event: kopf.RawEvent, memo: Operation, **_: Any) -> None:
    """A Job or a pod of a GraphCron changed."""
    _changed(memo, event, Key(*owner_key(event["object"])))


def _changed(operation: Operation, event: kopf.RawEvent, key: Key) -> None:
    operation.echoes.heard(event["object"], gone=event["type"] == "DELETED")
    operation.queue.add(key)


@kopf.on.login()
def login(**arguments: Any) -> kopf.ConnectionInfo | None:
    """Log in with the pod's ServiceAccount; outside of a cluster, with the kubeconfig.

    By itself kopf asks the Kubernetes client, whose synchronous half is nothing that we need in memory.
    """
    return kopf.login_with_service_account(**arguments) or kopf.login_via_client(**arguments)


@kopf.on.startup()
async def start(memo: Operation, settings: kopf.OperatorSettings, **arguments: Any) -> None:
    """Settle how kopf watches, and begin to work."""
    ours = f"{names.LABEL_MANAGED_BY}={names.MANAGED_BY}"
    for resource in (CRONJOBS, JOBS, PODS):
        settings.watching.label_selectors[resource] = ours
    settings.watching.inactivity_timeout = memo.settings.watch_inactivity_seconds
    settings.watching.connect_timeout = CONNECT_SECONDS
    # Our Events have names of their own, so that none is told twice; kopf's have not.
    settings.posting.enabled = False
    await memo.start(IndexView({name: arguments[name] for name in INDICES}, memo.echoes))


@kopf.on.cleanup()
async def stop(memo: Operation, **_: Any) -> None:
    """End the work and give back what was taken."""
    await memo.stop()
