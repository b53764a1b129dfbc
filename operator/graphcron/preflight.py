"""Looking before the first run: would the server take it? By a short-lived Job, which sees the Secrets; we do not."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from graphcron import contract, names
from graphcron.asks import NAME_CHARACTERS
from graphcron.contract import Outcome, Report, Request
from graphcron.desired import digest, owned
from graphcron.model import GraphCron, GraphCronSpec, GraphServer, Preflight
from graphcron.names import Purpose
from graphcron.observed import JobSeen, PodSeen
from graphcron.pod import Extra, Manifest, pod_template_for
from graphcron.reasons import Reason
from graphcron.request import request_for
from graphcron.resolved import inline
from graphcron.settings import Settings

KEPT_SECONDS: Final = 300
"""How long the Job is kept after its end."""

DEADLINE_SECONDS: Final = 300
"""How long it may take, pulling the image included."""

LOST_PAUSE: Final = timedelta(seconds=60)
"""How long after a preflight whose pod was lost the next one is made."""

_ALWAYS: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DIGITS: Final = 10
_PASSING: Final = frozenset({Outcome.STOPPED, Outcome.INTERNAL_ERROR})
"""Outcomes after which the Job may start another pod, whose word then counts."""


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


class Rhythm(NamedTuple):
    """How long after a preflight the next one is made; None: not until something changes."""

    good: timedelta | None
    bad: timedelta


def look(
    kind: str,
    graphcron: GraphCron,
    settings: Settings,
    *,
    before: Preflight | None,
    seen: tuple[Sequence[JobSeen], Sequence[PodSeen]],
    rhythm: Rhythm,
    good: bool | None,
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
        What is known so far: that all is well, that it is not, or nothing.

    Raises
    ------
    SpecError
        As for a run's pod.
    """
    extra = Extra(Purpose.PREFLIGHT, {contract.ENV_PREFLIGHT: "1"})
    template = pod_template_for(graphcron, settings, since=_ALWAYS, extra=extra)
    key = digest(_subject(request_for(graphcron, settings, since=_ALWAYS), template))[:_DIGITS]
    state = before if before and before.key == key else Preflight(key=key)
    report = report_of(_name(graphcron, state), *seen)
    if report == _LOST and good is not None:
        report = None  # it has told long ago; its pod went first, when its time was up
    verdict = report.outcome is Outcome.SUCCEEDED if report else good if state.attempts else None
    lost = report is not None and report.outcome is Outcome.INTERNAL_ERROR
    pause = rhythm.good if verdict else LOST_PAUSE if lost else rhythm.bad
    again = state.time + pause if state.time and pause is not None and verdict is not None else None
    if state.attempts == 0 or (again is not None and again <= now):
        state = Preflight(key=key, attempts=state.attempts + 1, time=now, server=state.server)
        return Look(state, _job(kind, graphcron, _name(graphcron, state), template), None, None)
    manifest = None if verdict is not None else _job(kind, graphcron, _name(graphcron, state), template)
    if report and report.server:
        state = state.model_copy(update={"server": report.server})
    return Look(state, manifest, report, again)


def report_of(name: str, jobs: Sequence[JobSeen], pods: Sequence[PodSeen]) -> Report | None:
    """Return what a preflight's Job found; None: nothing yet, or it is gone."""
    over = any(job.name == name and job.finished for job in jobs)
    own = sorted((pod for pod in pods if pod.job == name), key=lambda pod: pod.created)
    reports = [pod.report for pod in own if pod.report and (over or pod.report.outcome not in _PASSING)]
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
        "podFailurePolicy": {
            "rules": [
                {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
                {"action": "FailJob", "onExitCodes": {"operator": "In", "values": list(contract.FINAL_EXIT_CODES)}},
            ]
        },
        "template": template,
    }
    return {**owned(kind, graphcron.metadata, name, Purpose.PREFLIGHT), "spec": spec}
