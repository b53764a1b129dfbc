"""The record of an occurrence: the metadata of a thread, which all its pods, and later ones, read on the server."""

from typing import Any, Final, NamedTuple

from graphcron.contract import Outcome
from graphcron.runner.client import answers
from graphcron.runner.client.errors import RunResult
from graphcron.runner.client.times import is_time, rfc3339, seconds_of
from graphcron.runner.occurrence.settings import Settings

UID: Final = "graphcron/uid"
STATE: Final = "graphcron/state"
OCCURRENCE: Final = "graphcron/occurrence"
SCHEDULED: Final = "graphcron/scheduled-time"
POD: Final = "graphcron/pod"
RUN_ID: Final = "graphcron/run-id"
THREAD_ID: Final = "graphcron/thread-id"
ACCEPTED: Final = "graphcron/accepted"
WITHDRAWN: Final = "graphcron/withdrawn"
"""The pod that was stopped before there was a run."""

KEPT: Final = "graphcron/kept"
"""The pod that keeps the place of its occurrence while another one may hold the right to start. If it has registered
last, that other pod may have looked for other occurrences long before."""

OUTCOME: Final = "graphcron/outcome"
REASON: Final = "graphcron/reason"
RESUMES: Final = "graphcron/resumes"
DELETE_AFTER: Final = "graphcron/delete-after"
ON_COMPLETED: Final = "graphcron/on-run-completed"
KIND: Final = "graphcron/kind"
NAMESPACE: Final = "graphcron/namespace"
TRIGGER: Final = "graphcron/trigger"
GRAPH_RUN: Final = "graphcron/graphrun"
STANDALONE: Final = "graphcron/standalone"
"""``true`` on the record of a GraphRun without a GraphCron, which has no later occurrence to delete its thread: another
such GraphRun of the namespace does."""

ATTEMPTS: Final = "graphcron/attempts"
"""On the record: number of the occurrence's runs, including the one of :data:`RUN_ID`, without resumes."""

ATTEMPT: Final = "graphcron/attempt"
"""The same on a run. The names differ, since the server copies a thread's metadata to its runs."""

AWAITED_FOR: Final = "graphcron/awaited-for"
"""Number of seconds after the record's last change, by the server's clock, for which the occurrence counts as active
although its run is over, because a further run is to follow."""

WAITING: Final = "graphcron/waiting"
"""Set while the occurrence waits for a slot on the server or for its predecessors; the value is the time since when."""

QUEUED: Final = "graphcron/queued"
"""``true`` if ``concurrencyPolicy`` is ``Queue``: of all such occurrences of a GraphCron, at most one runs."""

_IDS: Final = (RUN_ID, THREAD_ID)
_TIMES: Final = (SCHEDULED, ACCEPTED, DELETE_AFTER)

ACTIVE: Final = "active"
DONE: Final = "done"
NO_RUN: Final = "none"
"""Stands for the run in the mark of an occurrence that was ended before it had one."""

_STOPPED: Final = "graphcron/stopped-"
_ENDED: Final = "graphcron/ended-"
"""Prefixes of the marks of runs. Each run has its own key, so that a request that is processed late does not hide the
mark of a newer run."""

_VOID: Final = "graphcron/void"
"""The last ``stopped`` mark that is void. It is not removed instead: a removal that is processed late would also remove
the mark of a newer pod."""

MARK_KEYS: Final = 61
"""Maximum number of keys with one prefix. Two consecutive runs rarely share a key."""

KIND_OWN: Final = "own"
KIND_SHARED: Final = "shared"
KIND_LOCK: Final = "lock"
KIND_PERIOD: Final = "period"
"""Values of :data:`KIND`: the run is on this thread; on a shared one; no run, only a lock; no record, but the thread
that the runs of a period share."""

LATE_SECONDS: Final = 60
"""How long a record is kept after the start deadline, so that a late pod finds it."""

TTL_MINUTES: Final = 100 * 24 * 60
"""How long a server that sweeps threads keeps records, locks and ledgers: longer than any occurrence goes on (a week
to start in, eleven runs of a week) and than any budget's window. The runner sets no TTL for the threads of runs: how
long inputs and answers are kept is for the server's configuration and the user to decide."""

LOCK_SECONDS: Final = 3600
"""A lock lives at least this long."""


class Record(NamedTuple):
    """A record thread's metadata."""

    thread: dict[str, Any]

    def text(self, key: str) -> str:
        """Return one member; empty if it is missing, or not in the form that the runner writes."""
        value = (self.thread.get("metadata") or {}).get(key)
        if not isinstance(value, str) or (key in _IDS and not answers.is_uuid(value)):
            return ""
        return "" if key in _TIMES and not is_time(value) else value

    @property
    def id(self) -> str:
        """The record's own thread id."""
        return str(self.thread.get("thread_id", ""))

    @property
    def scheduled(self) -> str:
        """When the occurrence was due, as RFC 3339."""
        text = self.text(SCHEDULED)
        return rfc3339(seconds_of(text)) if text else "an unknown time"

    @property
    def scheduled_at(self) -> float:
        """The same in seconds since the epoch; 0 if it is unknown."""
        text = self.text(SCHEDULED)
        return seconds_of(text) if text else 0.0

    @property
    def reason(self) -> str:
        """The reason of the outcome, if it is one that the runner writes."""
        return answers.reason_of(self.text(REASON))

    @property
    def created(self) -> tuple[float, str]:
        """When the record was created, by the server's clock, and its id, so that no two are equal."""
        return seconds_of(self.thread["created_at"]), self.id

    @property
    def updated(self) -> float:
        """When it was last changed, by the server's clock; when it was created, on servers without that."""
        return seconds_of(self.thread.get("updated_at") or self.thread["created_at"])

    @property
    def outcome(self) -> Outcome | None:
        """The outcome of the occurrence, if it is known."""
        text = self.text(OUTCOME)
        return Outcome(text) if text in {outcome.value for outcome in Outcome} else None

    def is_stopped(self, run_id: str) -> bool:
        """Return whether a pod of the occurrence has stopped the run, so that another one resumes it."""
        return bool(self.stopped_by(run_id))

    def stopped_by(self, run_id: str) -> str:
        """Return the pod that has marked the run as stopped; empty if none has, or the mark is void."""
        pod = self._mark(_STOPPED, run_id)
        return "" if self.text(_VOID) == f"{run_id}/{pod}" else pod

    def ended_why(self, run_id: str) -> str:
        """Return why a pod has ended the run for good; empty if none has."""
        return self._mark(_ENDED, run_id)

    def _mark(self, prefix: str, run_id: str) -> str:
        marked, _, what = self.text(_key(prefix, run_id)).partition("/")
        return what if marked == run_id else ""


def stopped_mark(run_id: str, pod: str) -> dict[str, str]:
    """Return the metadata that mark a run as stopped by a pod of its occurrence."""
    return {_key(_STOPPED, run_id): f"{run_id}/{pod}"}


def void_mark(run_id: str, pod: str) -> dict[str, str]:
    """Return the metadata that void this mark."""
    return {_VOID: f"{run_id}/{pod}"}


def ended_mark(run_id: str, why: str) -> dict[str, str]:
    """Return the metadata that mark a run as ended for good, with the reason."""
    return {_key(_ENDED, run_id): f"{run_id}/{why}"}


def _key(prefix: str, run_id: str) -> str:
    return f"{prefix}{sum(run_id.encode()) % MARK_KEYS}"


def common_metadata(settings: Settings) -> dict[str, str]:
    """Return the metadata that all threads and runs of an occurrence have."""
    return {
        **owner_metadata(settings),
        OCCURRENCE: settings.occurrence,
        SCHEDULED: rfc3339(settings.scheduled),
        **({TRIGGER: settings.trigger} if settings.trigger else {}),
        **({GRAPH_RUN: settings.graph_run} if settings.graph_run else {}),
    }


def owner_metadata(settings: Settings) -> dict[str, str]:
    """Return the metadata that all threads and runs of a GraphCron have."""
    return {UID: settings.uid, "graphcron/name": settings.name, NAMESPACE: settings.namespace}


def new_record(settings: Settings) -> dict[str, str]:
    """Return the metadata of a new record."""
    request = settings.request
    return {
        **common_metadata(settings),
        POD: settings.pod,
        STATE: ACTIVE,
        **({KIND: KIND_SHARED, THREAD_ID: settings.shared_thread} if settings.shared_thread else {KIND: KIND_OWN}),
        ON_COMPLETED: request.onRunCompleted,
        DELETE_AFTER: delete_after(settings, settings.requested),
        **({QUEUED: "true"} if request.concurrencyPolicy == "Queue" else {}),
        **({STANDALONE: "true"} if settings.is_standalone else {}),
    }


def delete_after(settings: Settings, since: float) -> str:
    """Return when no occurrence that was due by then can still start.

    Parameters
    ----------
    since
        Seconds since the epoch.
    """
    return rfc3339(since + settings.request.startingDeadlineSeconds + LATE_SECONDS)


def closed_by(result: RunResult) -> dict[str, str]:
    """Return the metadata that close a record."""
    return {STATE: DONE, OUTCOME: result.outcome.value, REASON: result.reason}


def new_lock(settings: Settings, now: float) -> dict[str, str]:
    """Return the metadata of a lock that is not the record itself."""
    return {
        **common_metadata(settings),
        POD: settings.pod,
        STATE: DONE,
        KIND: KIND_LOCK,
        DELETE_AFTER: rfc3339(max(settings.deadline + LATE_SECONDS, now + LOCK_SECONDS)),
    }
