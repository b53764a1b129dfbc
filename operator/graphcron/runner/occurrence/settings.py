"""The pod's settings, read once from its environment; they never change."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from graphcron import contract
from graphcron.contract import Outcome, Request
from graphcron.runner.client.errors import RunEnded
from graphcron.runner.client.times import seconds_of
from graphcron.runner.occurrence.identity import lock_id, occurrence, period_thread, scheduled_time

GRACE_SECONDS: Final = 20.0
"""A pod that has claimed the start, but created no run for this time, can be succeeded by another."""

_OWN_HEADERS: Final = {"Accept": "application/json", "User-Agent": "graphcron-runner"}


class Settings(NamedTuple):
    """The identity of the pod's occurrence, and its request."""

    request: Request
    namespace: str
    name: str
    uid: str
    pod: str
    scheduled: int
    """Scheduled time in seconds since the epoch; of a requested run, the time of the request."""
    requested: int
    """When the run was requested; the scheduled time unless a person, or catching up, requested it."""
    trigger: str
    """Value of the annotation that requested a manual run; empty for other runs."""
    graph_run: str
    """Name of the GraphRun that the Job belongs to; empty without one."""
    occurrence: str
    shared_thread: str | None
    """The thread that runs share, the user's or the period's; None if the occurrence has its own."""
    headers: dict[str, str]
    """HTTP headers of every request, including the API key."""
    root: str
    """Prefix of all paths."""
    grace: float
    environ: Mapping[str, str]
    """For the proxy settings."""

    @property
    def credentials(self) -> list[str]:
        """Names of the headers that a user or an administrator has set, including the API key's."""
        return [name for name in self.headers if name not in _OWN_HEADERS]

    @property
    def record_id(self) -> str:
        """Id of the thread that holds the occurrence's record."""
        return lock_id(self.occurrence, 0)

    @property
    def thread_id(self) -> str:
        """Id of the thread that the run is on: a shared one, or the record itself."""
        return self.shared_thread or self.record_id

    @property
    def shares_thread(self) -> bool:
        """Whether others use the run's thread too."""
        return self.shared_thread is not None

    @property
    def is_requested(self) -> bool:
        """Whether a person has requested the occurrence, with an annotation or a GraphRun."""
        return bool(self.trigger or self.graph_run)

    @property
    def is_standalone(self) -> bool:
        """Whether the run is that of a GraphRun without a GraphCron, whose UID is then the GraphRun's."""
        return self.occurrence == occurrence(self.uid, self.scheduled, graph_run_uid=self.uid)

    @property
    def earliest(self) -> int:
        """No run of the occurrence is older (seconds since the epoch); a GraphRun can represent a much earlier time."""
        return self.requested if self.graph_run else min(self.scheduled, self.requested)

    @property
    def deadline(self) -> int:
        """No run is started after this time (seconds since the epoch)."""
        return self.requested + self.request.startingDeadlineSeconds

    @property
    def timeout(self) -> int:
        """A run is cancelled at this age, in seconds."""
        return self.request.timeoutSeconds or self.request.defaultTimeoutSeconds


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Read the environment.

    Raises
    ------
    RunEnded
        InternalError/WrongPod: a variable is missing or invalid; Skipped/NotScheduled: a person has created the Job.
    """
    try:
        request = Request.from_json(environ[contract.ENV_REQUEST])
        uid = environ[contract.ENV_UID]
        trigger = environ.get(contract.ENV_TRIGGER, "")
        scheduled = _scheduled(environ)
        return Settings(
            request=request,
            namespace=environ[contract.ENV_NAMESPACE],
            name=environ[contract.ENV_NAME],
            uid=uid,
            pod=environ[contract.ENV_POD_UID],
            scheduled=scheduled,
            requested=_moment(environ, contract.ENV_REQUESTED_TIME, scheduled),
            trigger=trigger,
            graph_run=environ.get(contract.ENV_GRAPHRUN, ""),
            occurrence=occurrence(uid, scheduled, trigger, environ.get(contract.ENV_GRAPHRUN_UID, "")),
            shared_thread=_shared_thread(request, uid, scheduled),
            headers=_headers(request.headers, environ),
            root=environ.get(contract.ENV_ROOT, "").rstrip("/"),
            grace=float(environ.get(contract.ENV_GRACE, GRACE_SECONDS)),
            environ=environ,
        )
    except KeyError as error:
        raise _wrong_pod(f"the pod's environment lacks {error.args[0]}") from None
    except TypeError:
        raise _wrong_pod(f"{contract.ENV_REQUEST} is of another version of GraphCron") from None
    except ValueError:  # its text can contain the value
        raise _wrong_pod("the pod's environment can't be read") from None


def _scheduled(environ: Mapping[str, str]) -> int:
    """Return the scheduled time, which a Job that a person has created does not have."""
    if environ.get(contract.ENV_SCHEDULED_TIME):
        return _moment(environ, contract.ENV_SCHEDULED_TIME, 0)
    try:
        return scheduled_time(environ[contract.ENV_JOB])
    except ValueError as error:
        raise RunEnded(Outcome.SKIPPED, "NotScheduled", f"no schedule has made this Job: {error}") from None


def _moment(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name)
    return int(seconds_of(text)) if text else default


def _shared_thread(request: Request, uid: str, scheduled: int) -> str | None:
    if request.threadPer is None:
        return request.thread
    return period_thread(uid, request.threadPer, request.offsets, scheduled)


def _wrong_pod(message: str) -> RunEnded:
    return RunEnded(Outcome.INTERNAL_ERROR, "WrongPod", message)


def _headers(names: tuple[str, ...], environ: Mapping[str, str]) -> dict[str, str]:
    headers = dict(_OWN_HEADERS)
    for number, name in enumerate(names):
        headers[name] = environ[f"{contract.ENV_HEADER_PREFIX}{number}"].strip()
    key = environ.get(contract.ENV_API_KEY, "").strip()  # a Secret made from a file ends in a newline
    if key:
        headers["x-api-key"] = key
    for name, value in headers.items():
        if not (value.isascii() and value.isprintable()):
            raise RunEnded(
                Outcome.REJECTED, "InvalidHeader", f"the value of header {name} has characters that HTTP can't carry"
            )
    return headers
