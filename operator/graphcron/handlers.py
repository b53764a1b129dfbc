"""kopf's decorators and nothing else: watches fill the view, every event asks for the same reconcile.

The handlers are coroutines though they wait for nothing: kopf has plain functions run by threads, one for each event.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import kopf
from typing_extensions import override

from graphcron import names
from graphcron.echoes import Echoes
from graphcron.names import Purpose
from graphcron.observed import (
    Body,
    CronJobSeen,
    JobSeen,
    PodSeen,
    cronjob_seen,
    job_seen,
    owner_key,
    pod_seen,
    without_managed_fields,
)
from graphcron.operation import Operation
from graphcron.reconcile import Key

GRAPHCRONS: Final = (names.GROUP, names.VERSION, names.PLURAL)
GRAPHSERVERS: Final = (names.GROUP, names.VERSION, names.SERVER_PLURAL)
CRONJOBS: Final = ("batch", "v1", "cronjobs")
JOBS: Final = ("batch", "v1", "jobs")
PODS: Final = ("v1", "pods")

CONNECT_SECONDS: Final = 10
"""How long a watch may take to connect."""


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


class IndexView:
    """The view that kopf's indices give: filled before the first handler runs, then kept by the watches.

    Where a watch has yet to show what we wrote, our write counts.
    """

    def __init__(self, indices: dict[str, Any], echoes: Echoes) -> None:
        self._indices = indices
        self._echoes = echoes

    def body(self, key: Key) -> Body | None:
        """Return a GraphCron or GraphServer; None where it is gone."""
        body: Body | None = next(iter(self._of("objects_by_key", key)), None)
        return body and (self._echoes.latest(body["metadata"]["uid"]) or body)

    def graphcrons(self) -> Iterator[Body]:
        """Return all GraphCrons."""
        for key in self._indices["objects_by_key"]:
            body = self.body(key) if key.kind == names.KIND else None
            if body:
                yield body

    def cronjobs(self, key: Key) -> list[CronJobSeen]:
        """Return the CronJobs that carry our labels for that GraphCron, or its own name."""
        shown = [self._latest(seen) for seen in self._of("cronjobs_by_key", key)]
        return list({seen.name: seen for seen in shown}.values())

    def jobs(self, uid: str) -> list[JobSeen]:
        """Return the Jobs of the GraphCron with that UID."""
        return list(self._of("jobs_by_uid", uid))

    def pods(self, uid: str) -> list[PodSeen]:
        """Return the pods of the GraphCron with that UID."""
        return list(self._of("pods_by_uid", uid))

    def _latest(self, seen: CronJobSeen) -> CronJobSeen:
        written = self._echoes.latest(seen.uid)
        return cronjob_seen(written) if written else seen

    def _of(self, index: str, key: object) -> Iterable[Any]:
        store: Iterable[Any] = self._indices[index].get(key, ())
        return store


@kopf.index(*GRAPHCRONS)
@kopf.index(*GRAPHSERVERS)
async def objects_by_key(body: kopf.Body, **_: Any) -> dict[Key, dict[str, Any]]:
    """Keep each GraphCron and GraphServer, without what only the API server needs."""
    return {_key(body): without_managed_fields(body, names.ANNOTATION_RUN_REQUESTED)}


@kopf.index(*GRAPHCRONS)
async def users_by_server(body: kopf.Body, **_: Any) -> dict[Key, Key]:
    """Know which GraphCrons name a GraphServer."""
    reference = (body.get("spec") or {}).get("serverRef") or {}
    key = _key(body)
    return {Key(key.namespace, str(reference.get("name", "")), names.SERVER_KIND): key} if reference else {}


@kopf.index(*CRONJOBS)
async def cronjobs_by_key(body: kopf.Body, namespace: str | None, name: str, **_: Any) -> dict[Key, CronJobSeen]:
    """Keep what matters of each CronJob, for the GraphCron that its label names and for the one of its own name."""
    seen = cronjob_seen(body)
    return {Key(namespace or "", each): seen for each in {name, owner_key(body)[1]} if each}


@kopf.index(*JOBS)
async def jobs_by_uid(body: kopf.Body, **_: Any) -> dict[str, JobSeen]:
    """Keep what matters of each Job."""
    return {body["metadata"]["labels"].get(names.LABEL_UID, ""): job_seen(body)}


@kopf.index(*PODS)
async def pods_by_uid(body: kopf.Body, **_: Any) -> dict[str, PodSeen]:
    """Keep what matters of each pod."""
    return {body["metadata"]["labels"].get(names.LABEL_UID, ""): pod_seen(body)}


INDICES: Final = ("objects_by_key", "users_by_server", "cronjobs_by_key", "jobs_by_uid", "pods_by_uid")
"""The indices above, which kopf hands to handlers under their functions' names."""


@kopf.on.event(*GRAPHCRONS)
async def changed(event: kopf.RawEvent, memo: Operation, **_: Any) -> None:
    """A GraphCron was made, changed or deleted, by whatever hand."""
    _changed(memo, event, _key(event["object"]))


@kopf.on.event(*GRAPHSERVERS)
async def server_changed(event: kopf.RawEvent, memo: Operation, **indices: Any) -> None:
    """A GraphServer was made, changed or deleted: those that name it look anew."""
    key = _key(event["object"])
    _changed(memo, event, key, *indices["users_by_server"].get(key, ()))


@kopf.on.event(*CRONJOBS)
async def cronjob_changed(event: kopf.RawEvent, namespace: str | None, name: str, memo: Operation, **_: Any) -> None:
    """A CronJob was made, changed or deleted: by its label, or by its name, a GraphCron's."""
    owner = owner_key(event["object"])[1]
    _changed(memo, event, *(Key(namespace or "", each) for each in {name, owner} if each))


@kopf.on.event(*JOBS)
@kopf.on.event(*PODS)
async def child_changed(event: kopf.RawEvent, memo: Operation, **_: Any) -> None:
    """A Job or a pod of a GraphCron or GraphServer changed."""
    namespace, name = owner_key(event["object"])
    purpose = event["object"]["metadata"].get("labels", {}).get(names.LABEL_PURPOSE)
    keys = [Key(namespace, name)]
    if purpose == Purpose.PREFLIGHT:  # a GraphServer may have the name of a GraphCron; asking both costs nothing
        keys.append(Key(namespace, name, names.SERVER_KIND))
    _changed(memo, event, *keys)


def _key(body: Body) -> Key:
    metadata = body["metadata"]
    return Key(metadata.get("namespace", ""), metadata["name"], body.get("kind", names.KIND))


def _changed(operation: Operation, event: kopf.RawEvent, *keys: Key) -> None:
    if operation.echoes.heard(event["object"], gone=event["type"] == "DELETED"):
        for key in keys:
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
    settings.persistence.diffbase_storage = settings.persistence.progress_storage = _Forgets()
    settings.watching.inactivity_timeout = memo.settings.watch_inactivity_seconds
    settings.watching.connect_timeout = CONNECT_SECONDS
    # Where all namespaces are named, rights in these are all that it takes: nothing of the cluster is looked at.
    settings.scanning.disabled = memo.settings.namespaces_are_named
    # Our Events have names of their own, so that none is told twice; kopf's have not.
    settings.posting.enabled = False
    await memo.start(IndexView({name: arguments[name] for name in INDICES}, memo.echoes))


@kopf.on.cleanup()
async def stop(memo: Operation, **_: Any) -> None:
    """End the work and give back what was taken."""
    await memo.stop()
