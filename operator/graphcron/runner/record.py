"""The record thread: what all pods of an occurrence, and of later ones, can read about it on the server."""

from typing import Any, Final, NamedTuple

from graphcron.contract import Outcome
from graphcron.runner.settings import Settings
from graphcron.runner.times import rfc3339

UID: Final = "graphcron/uid"
STATE: Final = "graphcron/state"
OCCURRENCE: Final = "graphcron/occurrence"
SCHEDULED: Final = "graphcron/scheduled-time"
POD: Final = "graphcron/pod"
RUN_ID: Final = "graphcron/run-id"
THREAD_ID: Final = "graphcron/thread-id"
ACCEPTED: Final = "graphcron/accepted"
STOPPED_BY: Final = "graphcron/stopped-by"
STOPPED_RUN: Final = "graphcron/stopped-run"
ENDED_RUN: Final = "graphcron/ended-run"
ENDED_WHY: Final = "graphcron/ended-why"
OUTCOME: Final = "graphcron/outcome"
REASON: Final = "graphcron/reason"
RESUMES: Final = "graphcron/resumes"
DELETE_AFTER: Final = "graphcron/delete-after"
ON_COMPLETED: Final = "graphcron/on-run-completed"
KIND: Final = "graphcron/kind"

ACTIVE: Final = "active"
DONE: Final = "done"
NO_RUN: Final = "none"
"""Value of :data:`STOPPED_RUN`: its pod was stopped before there was a run."""

KIND_OWN: Final = "own"
KIND_SHARED: Final = "shared"
KIND_LOCK: Final = "lock"
"""Values of :data:`KIND`: the run is on this thread; on a thread of the user's; no run, only a lock."""

LATE_SECONDS: Final = 60
"""A record outlives the start deadline by this, so that no late pod finds nothing and starts again."""

LOCK_SECONDS: Final = 3600
"""A lock lives at least this long."""


class Record(NamedTuple):
    """A record thread's metadata."""

    thread: dict[str, Any]

    def text(self, key: str) -> str:
        """Return one member, or nothing."""
        value = (self.thread.get("metadata") or {}).get(key)
        return value if isinstance(value, str) else ""

    @property
    def id(self) -> str:
        """The record's own thread id."""
        return str(self.thread.get("thread_id", ""))

    @property
    def outcome(self) -> Outcome | None:
        """How the occurrence ended, where that is known."""
        text = self.text(OUTCOME)
        return Outcome(text) if text in {outcome.value for outcome in Outcome} else None


def common(settings: Settings) -> dict[str, str]:
    """Return what threads and runs of an occurrence carry alike."""
    return {
        UID: settings.uid,
        "graphcron/name": settings.name,
        "graphcron/namespace": settings.namespace,
        OCCURRENCE: settings.occurrence,
        SCHEDULED: rfc3339(settings.scheduled),
    }


def new_record(settings: Settings) -> dict[str, str]:
    """Return the metadata of a fresh record."""
    request = settings.request
    return {
        **common(settings),
        POD: settings.pod,
        STATE: ACTIVE,
        KIND: KIND_SHARED if request.thread else KIND_OWN,
        ON_COMPLETED: request.onRunCompleted,
        DELETE_AFTER: rfc3339(settings.deadline + LATE_SECONDS),
    }


def new_lock(settings: Settings, now: float) -> dict[str, str]:
    """Return the metadata of a lock that is not the record itself."""
    return {
        **common(settings),
        POD: settings.pod,
        STATE: DONE,
        KIND: KIND_LOCK,
        DELETE_AFTER: rfc3339(max(settings.deadline + LATE_SECONDS, now + LOCK_SECONDS)),
    }
