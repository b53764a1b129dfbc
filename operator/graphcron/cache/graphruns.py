"""Cached values of GraphRuns: which GraphCron they belong to, whether they are over, and a compact form of the rest."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from graphcron.api import names
from graphcron.api.graphruns import is_over
from graphcron.cache.objects import Body, without_unread_metadata
from graphcron.unstructured.fields import object_at, text_at, time_of

MAX_TTL_SECONDS: Final = 31_536_000
"""Maximum of ``ttlSecondsAfterFinished``."""

_KEPT_OF_SPEC: Final = ("graphCronRef", "scheduledTime", "ttlSecondsAfterFinished")
"""Fields of the spec that are read after the end."""


@dataclass(frozen=True, slots=True)
class CachedGraphRun:
    """A GraphRun as its GraphCron sees it."""

    name: str
    uid: str
    graphcron_uid: str
    """UID of the GraphCron that it belongs to; empty: it has none, or no Job yet."""
    created: datetime | None
    scheduled: datetime | None
    """The time that its run stands for."""
    job: str
    """Name of its Job; empty: it has none yet."""
    completion_time: datetime | None
    """When it was over; None: it is not."""
    outcome: str


def ttl_seconds(body: Body) -> int | None:
    """Return how long after its end a GraphRun is deleted; None: never."""
    seconds = object_at(body, "spec").get("ttlSecondsAfterFinished")
    return seconds if type(seconds) is int and 0 <= seconds <= MAX_TTL_SECONDS else None


def references_of(body: Body) -> list[tuple[str, str]]:
    """Return the kinds and names of the objects that a GraphCron or GraphRun depends on."""
    spec = object_at(body, "spec")
    found = [
        (kind, text_at(object_at(spec, field), "name"))
        for kind, field in ((names.SERVER_KIND, "serverRef"), (names.KIND, "graphCronRef"))
        if kind != body["kind"]
    ]
    return [(kind, name) for kind, name in found if name]


def cached_graph_run(body: Body) -> CachedGraphRun:
    """Return the cached value of a GraphRun."""
    metadata, status = body["metadata"], object_at(body, "status")
    created = time_of(metadata.get("creationTimestamp"))
    return CachedGraphRun(
        name=metadata["name"],
        uid=metadata["uid"],
        graphcron_uid=text_at(status, "graphCronUid"),
        created=created,
        scheduled=time_of(object_at(body, "spec").get("scheduledTime")) or created,
        job=text_at(status, "job"),
        completion_time=time_of(status.get("completionTime")) if is_over(body) else None,
        outcome=text_at(status, "outcome") if is_over(body) else "",
    )


def compact(body: Body) -> dict[str, Any]:
    """Return the parts of a GraphRun that are read: of one that is over, hardly more than its status."""
    kept = without_unread_metadata(body, names.ANNOTATION_RUN_REQUESTED)
    if not is_over(body):
        return kept
    spec: Mapping[str, Any] = object_at(body, "spec")
    return {**kept, "spec": {key: spec[key] for key in _KEPT_OF_SPEC if key in spec}}
