"""Preflights: short-lived Jobs that check whether a run could start. They read the Secrets, the operator does not."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from zlib import crc32

from graphcron import contract
from graphcron.api import names
from graphcron.api.names import Purpose
from graphcron.api.reasons import CANNOT_START, Reason
from graphcron.api.server_ref import inline
from graphcron.api.v1alpha1 import GraphCron, GraphCronSpec, GraphServer, Preflight
from graphcron.cache.objects import CachedJob, CachedPod
from graphcron.contract import Outcome, Report, Request
from graphcron.errors import GraphCronError, PreflightPendingError
from graphcron.manifests.job import digest, owned, pod_failure_policy
from graphcron.manifests.pod import Extra, Manifest, pod_template_for
from graphcron.manifests.request import request_for, whole_seconds
from graphcron.planning.triggers import NAME_CHARACTERS
from graphcron.settings import Settings

KEPT_SECONDS: Final = 300
"""``ttlSecondsAfterFinished`` of the Job."""

DEADLINE_SECONDS: Final = 300
"""``activeDeadlineSeconds`` of the Job; it includes the image pull."""

FIRST_PAUSE: Final = timedelta(seconds=60)
"""Upper bound of the back-off after a first failed preflight; it doubles with each further one."""

_DIGITS: Final = 10
_SOON: Final = timedelta(seconds=1)


class PreflightDecision(NamedTuple):
    """What the status keeps of an owner's preflight, and the Job to be created now, if any."""

    state: Preflight
    """What the status keeps."""
    manifest: Manifest | None
    """The Job to be created now; None: none."""
    report: Report | None
    """The result of the last one; None: nothing new."""
    next_time: datetime | None
    """When the next one is due; None: not while nothing changes."""
    previous: Preflight
    """What the status keeps if the Job is not created."""
    job: str
    """Name of the Job that is to be created, or is active; empty: there is none."""
    server: str
    """What preflights of the same server have in common."""
    owner: str
    """Kind and name of the owner."""
    running: frozenset[str]
    """Names of the owner's active preflight Jobs."""
    is_cached: bool
    """Whether the cache holds :attr:`job`."""

    @property
    def is_first(self) -> bool:
        """Whether no preflight of this target has a result yet."""
        return not self.previous.failures and self.previous.outcome is None

    @property
    def is_probe(self) -> bool:
        """Whether it belongs to a GraphServer; it then also checks a server that other preflights could not reach."""
        return self.owner.startswith(f"{names.SERVER_KIND} ")

    def not_created(self, why: GraphCronError) -> "PreflightDecision":
        """Return the decision where the Job is not created: as before, and no attempt counts."""
        until = why.until if isinstance(why, PreflightPendingError) else None
        return self._replace(state=self.previous, manifest=None, next_time=until)


class PreflightIntervals(NamedTuple):
    """How long after a preflight the next one is due."""

    after_success: timedelta | None
    """None: not until something changes."""
    longest: timedelta
    """Upper bound of the back-off after failures."""

    def backoff(self, failures: int, uid: str) -> timedelta:
        """Return the back-off after that many failures in a row: exponential from a minute, with 50-100 % jitter."""
        pause = min(FIRST_PAUSE * 2.0 ** min(failures - 1, 30), self.longest)
        return pause * (1 + crc32(f"{uid}/{failures}".encode()) / 2**32) / 2


def plan_preflight(
    kind: str,
    graphcron: GraphCron,
    settings: Settings,
    *,
    previous: Preflight | None,
    objects: tuple[Sequence[CachedJob], Sequence[CachedPod]],
    intervals: PreflightIntervals,
    succeeded: bool | None,
    is_due: bool = False,
    now: datetime,
) -> PreflightDecision:
    """Decide on the preflight of a GraphCron, or of what :func:`probe_of` makes of a GraphServer.

    Parameters
    ----------
    kind
        Kind of the owner.
    previous
        What the status keeps.
    objects
        The owner's Jobs and pods.
    succeeded
        Result of a preflight by an earlier version, which kept it in a condition only; None: there is none.
    is_due
        The server that the last one found unreachable has answered since.

    Raises
    ------
    SpecError
        As for a run's pod.
    """
    extra = Extra(Purpose.PREFLIGHT, {contract.ENV_PREFLIGHT: "1"})
    since = graphcron.metadata.creation_timestamp or now
    template = pod_template_for(graphcron, settings, since=since, extra=extra)
    request = request_for(graphcron, settings, since=since)
    key = digest(_subject(request, template))[:_DIGITS]
    state = previous if previous and previous.key == key else Preflight(key=key, failures=0)
    if state.failures is None and succeeded is not None:
        outcome = Outcome.SUCCEEDED if succeeded else Outcome.REJECTED
        state = state.model_copy(update={"outcome": outcome.value, "failures": int(not succeeded), "next_time": now})
    report = report_of(_name(graphcron, state), *objects) if state.attempts else None
    if report == _LOST and state.outcome:
        report = None  # its result is known; its pod was deleted before the Job
    is_news = report is not None and report.outcome != state.outcome
    if report and is_news:
        state = _with_result(state, report, intervals, uid=graphcron.metadata.uid or "", now=now)
    next_time = _next(state, intervals)
    if next_time and is_due:
        next_time = min(next_time, now)
    parts = (_server(graphcron, request, template), f"{kind} {graphcron.metadata.name}", _running(*objects))
    if state.attempts == 0 or (next_time and next_time <= now and not is_news):
        attempt = Preflight(
            key=key, attempts=state.attempts + 1, time=now, server=state.server, failures=state.failures or 0
        )
        name = _name(graphcron, attempt)
        return PreflightDecision(
            attempt,
            _job(kind, graphcron, name, template),
            None,
            None,
            state,
            name,
            *parts,
            _is_cached(name, objects[0]),
        )
    name = "" if state.outcome else _name(graphcron, state)
    manifest = _job(kind, graphcron, name, template) if name else None
    later = max(next_time, now + _SOON) if next_time else None
    return PreflightDecision(state, manifest, report, later, state, name, *parts, _is_cached(name, objects[0]))


def _is_cached(name: str, jobs: Sequence[CachedJob]) -> bool:
    return any(job.name == name for job in jobs)


def _with_result(
    state: Preflight, report: Report, intervals: PreflightIntervals, *, uid: str, now: datetime
) -> Preflight:
    """Return the state with the result of a preflight."""
    succeeded = report.outcome is Outcome.SUCCEEDED
    # The cache may get a pod after the end of its Job, which had counted as lost.
    failures = 0 if succeeded else max((state.failures or 0) + (state.outcome is None), 1)
    update = {
        "outcome": report.outcome.value,
        "failures": failures,
        "next_time": None if succeeded else whole_seconds(now + intervals.backoff(failures, uid)),
        "server": report.server or state.server,
    }
    return state.model_copy(update=update)


def _next(state: Preflight, intervals: PreflightIntervals) -> datetime | None:
    """Return when the next preflight is due; None: not while nothing changes, or one is under way."""
    if state.outcome == Outcome.SUCCEEDED:
        return state.time + intervals.after_success if state.time and intervals.after_success else None
    return state.next_time


def _running(jobs: Sequence[CachedJob], pods: Sequence[CachedPod]) -> frozenset[str]:
    """Return the names of the active Jobs, without those whose pods cannot start.

    A pod that has reported is enough: the Job controller updates the Job about a second later.
    """
    over = {pod.job for pod in pods if pod.waiting_reason in CANNOT_START or _is_final(pod)}
    return frozenset(job.name for job in jobs if job.purpose is Purpose.PREFLIGHT and not job.finished) - over


def report_of(name: str, jobs: Sequence[CachedJob], pods: Sequence[CachedPod]) -> Report | None:
    """Return the result of a preflight's Job; None: there is none yet, or the Job was deleted."""
    over = any(job.name == name and job.finished for job in jobs)
    own = sorted((pod for pod in pods if pod.job == name), key=lambda pod: pod.created)
    reports = [pod.report for pod in own if pod.report and (over or _is_final(pod))]
    if reports:
        return reports[-1]
    waiting = any(pod.job == name and not pod.terminal for pod in pods)
    if over and not waiting:
        return _LOST
    return None


def _is_final(pod: CachedPod) -> bool:
    """Return whether a pod has reported, and no other one of its Job follows."""
    return pod.report is not None and pod.report.outcome not in contract.RETRIABLE


_LOST: Final = Report(Outcome.INTERNAL_ERROR, "its pod left no report", Reason.POD_LOST)


def probe_of(server: GraphServer) -> GraphCron:
    """Return a GraphCron that names the server and no assistant, for a preflight of the server alone."""
    spec = GraphCronSpec.model_construct(assistant="", schedule="@daily", server=inline(server))
    return GraphCron.model_construct(
        api_version=names.API_VERSION, kind=names.KIND, metadata=server.metadata, spec=spec, status=None
    )


_ABOUT: Final = ("url", "assistant", "thread", "createThread", "input", "inputFile", "run", "headers", "caFile")


def _server(graphcron: GraphCron, request: Request, template: Manifest) -> str:
    """Return a key that preflights of the same server, namespace and Secrets share."""
    references = [each for each in template["spec"]["containers"][0]["env"] if "valueFrom" in each]
    return digest([graphcron.metadata.namespace, request.url, request.headers, request.caFile, references])[:_DIGITS]


def _subject(request: Request, template: Manifest) -> list[Any]:
    """Return what a preflight checks; a change of anything else, such as the image or the schedule, does not count."""
    pod = template["spec"]
    references = [each for each in pod["containers"][0]["env"] if "valueFrom" in each]
    return [*(getattr(request, name) for name in _ABOUT), references, pod.get("volumes")]


def _name(graphcron: GraphCron, state: Preflight) -> str:
    made = digest([state.key, state.attempts, graphcron.metadata.uid])[:_DIGITS]
    return f"{graphcron.metadata.name[:NAME_CHARACTERS]}-{made}"


def _job(kind: str, graphcron: GraphCron, name: str, template: Manifest) -> Manifest:
    spec = {
        "backoffLimit": 1,
        "activeDeadlineSeconds": DEADLINE_SECONDS,
        "ttlSecondsAfterFinished": KEPT_SECONDS,
        "podReplacementPolicy": "Failed",
        "podFailurePolicy": pod_failure_policy(),
        "template": template,
    }
    return {**owned(kind, graphcron.metadata, name, Purpose.PREFLIGHT), "spec": spec}
