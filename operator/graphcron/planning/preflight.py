"""Looking before the first run: would the server take it? By a short-lived Job, which sees the Secrets; we do not."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
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
"""How long the Job is kept after its end."""

DEADLINE_SECONDS: Final = 300
"""How long it may take, pulling the image included."""

FIRST_PAUSE: Final = timedelta(seconds=60)
"""The longest pause after a first preflight that found something wrong; it doubles with each further one."""

_ALWAYS: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DIGITS: Final = 10
_SOON: Final = timedelta(seconds=1)


class Look(NamedTuple):
    """How it stands with a preflight."""

    state: Preflight
    """What the status remembers."""
    manifest: Manifest | None
    """The Job to be made now; None: none."""
    report: Report | None
    """What the last one found; None: nothing new."""
    again: datetime | None
    """When the next one is due; None: not by itself."""
    before: Preflight
    """What the status remembers if the Job can't be made."""
    job: str
    """Name of the Job that is to be made, or is under way; empty: there is none."""
    server: str
    """What preflights of the same server have in common."""
    owner: str
    """Kind and name of the owner."""
    running: frozenset[str]
    """Names of the owner's preflight Jobs that are under way."""
    is_shown: bool
    """Whether the watches have shown :attr:`job`."""

    @property
    def is_new(self) -> bool:
        """Whether no preflight of this target has found anything yet."""
        return not self.before.failures and self.before.outcome is None

    @property
    def leads(self) -> bool:
        """Whether it asks a server that other preflights have found unreachable: a GraphServer's does."""
        return self.owner.startswith(f"{names.SERVER_KIND} ")

    def undone(self, why: GraphCronError) -> "Look":
        """Return how it stands if the Job is not made: as before, and no attempt is counted."""
        until = why.until if isinstance(why, PreflightPendingError) else None
        return self._replace(state=self.before, manifest=None, again=until)


class Rhythm(NamedTuple):
    """How long after a preflight the next one is made."""

    good: timedelta | None
    """After one that found nothing wrong; None: not until something changes."""
    longest: timedelta
    """At most, after one that found something wrong."""

    def after(self, failures: int, uid: str) -> timedelta:
        """Return the pause after that many in a row: exponential back-off from a minute, with 50-100 % jitter."""
        pause = min(FIRST_PAUSE * 2.0 ** min(failures - 1, 30), self.longest)
        return pause * (1 + crc32(f"{uid}/{failures}".encode()) / 2**32) / 2


def look(
    kind: str,
    graphcron: GraphCron,
    settings: Settings,
    *,
    before: Preflight | None,
    seen: tuple[Sequence[CachedJob], Sequence[CachedPod]],
    rhythm: Rhythm,
    good: bool | None,
    is_due: bool = False,
    now: datetime,
) -> Look:
    """Decide on the preflight of a GraphCron, or of what :func:`probe_of` makes of a GraphServer.

    Parameters
    ----------
    kind
        Kind of the owner.
    before
        What the status remembers.
    seen
        The owner's Jobs and pods.
    good
        What an earlier version has found, which did not remember it: that all is well, that it is not, or nothing.
    is_due
        The server that the last one found unreachable has answered since.

    Raises
    ------
    SpecError
        As for a run's pod.
    """
    extra = Extra(Purpose.PREFLIGHT, {contract.ENV_PREFLIGHT: "1"})
    template = pod_template_for(graphcron, settings, since=_ALWAYS, extra=extra)
    request = request_for(graphcron, settings, since=_ALWAYS)
    key = digest(_subject(request, template))[:_DIGITS]
    state = before if before and before.key == key else Preflight(key=key, failures=0)
    if state.failures is None and good is not None:
        outcome = Outcome.SUCCEEDED if good else Outcome.REJECTED
        state = state.model_copy(update={"outcome": outcome.value, "failures": int(not good), "next_time": now})
    report = report_of(_name(graphcron, state), *seen) if state.attempts else None
    if report == _LOST and state.outcome:
        report = None  # it has told long ago; its pod went first, when its time was up
    is_news = report is not None and report.outcome != state.outcome
    if report and is_news:
        state = _told(state, report, rhythm, uid=graphcron.metadata.uid or "", now=now)
    again = _next(state, rhythm)
    if again and is_due:
        again = min(again, now)
    parts = (_server(graphcron, request, template), f"{kind} {graphcron.metadata.name}", _running(*seen))
    if state.attempts == 0 or (again and again <= now and not is_news):
        attempt = Preflight(
            key=key, attempts=state.attempts + 1, time=now, server=state.server, failures=state.failures or 0
        )
        name = _name(graphcron, attempt)
        return Look(
            attempt, _job(kind, graphcron, name, template), None, None, state, name, *parts, _has(name, seen[0])
        )
    name = "" if state.outcome else _name(graphcron, state)
    manifest = _job(kind, graphcron, name, template) if name else None
    later = max(again, now + _SOON) if again else None
    return Look(state, manifest, report, later, state, name, *parts, _has(name, seen[0]))


def _has(name: str, jobs: Sequence[CachedJob]) -> bool:
    return any(job.name == name for job in jobs)


def _told(state: Preflight, report: Report, rhythm: Rhythm, *, uid: str, now: datetime) -> Preflight:
    """Return what is remembered of a preflight that has found something."""
    good = report.outcome is Outcome.SUCCEEDED
    # A pod may be shown after the end of its Job, which had counted as lost.
    failures = 0 if good else max((state.failures or 0) + (state.outcome is None), 1)
    update = {
        "outcome": report.outcome.value,
        "failures": failures,
        "next_time": None if good else whole_seconds(now + rhythm.after(failures, uid)),
        "server": report.server or state.server,
    }
    return state.model_copy(update=update)


def _next(state: Preflight, rhythm: Rhythm) -> datetime | None:
    """Return when the next preflight is due; None: not while nothing changes, or one is under way."""
    if state.outcome == Outcome.SUCCEEDED:
        return state.time + rhythm.good if state.time and rhythm.good else None
    return state.next_time


def _running(jobs: Sequence[CachedJob], pods: Sequence[CachedPod]) -> frozenset[str]:
    """Return the names of the Jobs that are under way; one whose pod cannot start is no load."""
    stuck = {pod.job for pod in pods if pod.waiting_reason in CANNOT_START}
    return frozenset(job.name for job in jobs if job.purpose is Purpose.PREFLIGHT and not job.finished) - stuck


def report_of(name: str, jobs: Sequence[CachedJob], pods: Sequence[CachedPod]) -> Report | None:
    """Return what a preflight's Job found; None: nothing yet, or it is gone."""
    over = any(job.name == name and job.finished for job in jobs)
    own = sorted((pod for pod in pods if pod.job == name), key=lambda pod: pod.created)
    reports = [pod.report for pod in own if pod.report and (over or pod.report.outcome not in contract.RETRIABLE)]
    if reports:
        return reports[-1]
    waiting = any(pod.job == name and not pod.terminal for pod in pods)
    if over and not waiting:
        return _LOST
    return None


_LOST: Final = Report(Outcome.INTERNAL_ERROR, "its pod left no report", Reason.POD_LOST)


def probe_of(server: GraphServer) -> GraphCron:
    """Return a GraphCron that names the server and no assistant: what it takes to look at the server alone."""
    spec = GraphCronSpec.model_construct(assistant="", schedule="@daily", server=inline(server))
    return GraphCron.model_construct(
        api_version=names.API_VERSION, kind=names.KIND, metadata=server.metadata, spec=spec, status=None
    )


_ABOUT: Final = ("url", "assistant", "thread", "createThread", "input", "inputFile", "run", "headers", "caFile")


def _server(graphcron: GraphCron, request: Request, template: Manifest) -> str:
    """Return what preflights of the same server, from the same namespace and with the same Secrets, have in common."""
    references = [each for each in template["spec"]["containers"][0]["env"] if "valueFrom" in each]
    return digest([graphcron.metadata.namespace, request.url, request.headers, request.caFile, references])[:_DIGITS]


def _subject(request: Request, template: Manifest) -> list[Any]:
    """Return what a preflight is about; the rest, such as the pod's image or the schedule, is no reason for another."""
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
