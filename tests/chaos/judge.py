"""Four figures from what happened, each of which must be 0. Pure: no cluster, no clock."""

from __future__ import annotations

from collections import defaultdict
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from tests.chaos.due import asked, occurrence, of_graph_run
from tests.chaos.records import LIVE, repeated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.chaos.records import Cron, Job, Records, Run, Step, Told

OVERLAP_SECONDS = 1.0
"""A run's last change may be noted this long after the next one has begun."""

GRACE_SECONDS = 45.0
"""A run must be over so long after its GraphCron and its Job were deleted: its pod's grace time, and somewhat more."""

COLLECTED_SECONDS = 120.0
"""The longest that Kubernetes may take to delete a GraphCron's Jobs after it."""


class Figure(StrEnum):
    """What is counted."""

    DUPLICATES = "duplicates"
    """Occurrences with more than one run, except for runs that were cut off and gone on with, or tried again."""
    REPEATED = "repeated finished steps"
    """Steps that ran again although the server had kept their result."""
    ORPHANS = "orphans"
    """Runs that went on, though no GraphCron owned them or no Job followed them."""
    UNEXPLAINED = "unexplained"
    """Occurrences of which neither status nor Jobs tell the outcome, or tell another than the server or each other."""


class Finding(NamedTuple):
    """Something that must not be."""

    figure: Figure
    about: str
    """GraphCron and occurrence, or thread and step."""
    text: str
    occurrence: str = ""
    """Whose Jobs may tell more."""


def judge(records: Records) -> list[Finding]:
    """List all that must not have happened."""
    cases = _cases(records)
    return [
        *(finding for case in cases for finding in _duplicates(case)),
        *_repeated(records),
        *_orphans(records),
        *(finding for cron in records.crons for finding in _unexplained(cron, records.told, cases)),
    ]


def figures(findings: list[Finding]) -> dict[Figure, int]:
    """Count."""
    return {figure: sum(finding.figure is figure for finding in findings) for figure in Figure}


class Case(NamedTuple):
    """All that is known of one occurrence."""

    cron: Cron
    occurrence: str
    jobs: list[Job]
    told: list[Told]
    runs: list[Run]
    """The oldest first."""

    @property
    def about(self) -> str:
        """Whose and when, for people."""
        return f"{self.cron.name} {self.occurrence.removeprefix(self.cron.uid + '/')}"


def _cases(records: Records) -> list[Case]:
    """Put together what was due or asked for, what was done, and what was told."""
    names: dict[tuple[str, str], None] = {}
    for cron in records.crons:
        names |= {(cron.uid, name): None for name in _wanted_by(cron)}
    jobs, told, runs = defaultdict(list), defaultdict(list), defaultdict(list)
    for kind, found in ((jobs, records.jobs), (told, records.told), (runs, records.runs)):
        for each in found:
            kind[each.occurrence].append(each)
            names[(each.cron, each.occurrence)] = None
    crons = {cron.uid: cron for cron in records.crons}
    return [
        Case(crons[uid], name, jobs[name], told[name], sorted(runs[name], key=lambda run: run.created))
        for uid, name in names
        if uid in crons
    ]


def _wanted_by(cron: Cron) -> list[str]:
    """List the occurrences that were due or asked for."""
    due = [occurrence(cron.uid, minute) for minute in cron.due]
    return [*due, *(asked(cron.uid, each) for each in cron.triggers), *_of_graph_runs(cron, cron.graph_runs)]


def _of_graph_runs(cron: Cron, uids: tuple[str, ...]) -> list[str]:
    return [of_graph_run(cron.uid, uid) for uid in uids]


def _duplicates(case: Case) -> Iterator[Finding]:
    """Each further run must follow one that was stopped with its pod, or one that may be tried again."""
    stops, retries = sum(job.stops for job in case.jobs), case.cron.retries
    for earlier, later in pairwise(case.runs):
        ended = earlier.status not in LIVE
        if not ended or later.created < earlier.changed - OVERLAP_SECONDS:
            why = f"run {later.id} began while {earlier.id} ({earlier.status}) went on"
        elif earlier.status == "interrupted" and stops:
            stops -= 1
            continue
        elif earlier.status != "success" and retries:
            retries -= 1
            continue
        else:
            why = f"run {later.id} followed {earlier.id} ({earlier.status}), which nobody had stopped"
        yield Finding(Figure.DUPLICATES, case.about, why, case.occurrence)
        return


def _repeated(records: Records) -> Iterator[Finding]:
    """A step may run again if its result was lost with the pod or the server, not if the server had kept it."""
    occurrences = {run.thread: run.occurrence for run in records.runs}
    for (thread, number), ends in repeated(records.steps).items():
        for earlier, later in pairwise(ends):
            starts = (step.at for step in _starts(records, thread, number) if step.at <= later.at)
            begun = max(starts, default=earlier.at)
            known = (point for point in records.checkpoints if point.thread == thread and number in point.done)
            if any(point.at <= begun for point in known) and not _by_the_server(records, thread, earlier.at, begun):
                text = f"step {number} finished, and ran again"
                yield Finding(Figure.REPEATED, f"thread {thread}", text, occurrences.get(thread, ""))


def _starts(records: Records, thread: str, number: int) -> list[Step]:
    return [step for step in records.steps if (step.thread, step.number, step.finished) == (thread, number, False)]


def _by_the_server(records: Records, thread: str, first: float, second: float) -> bool:
    """Tell whether the server repeated it by itself: the same run, and the server was restarted in between."""
    same = any(run.thread == thread and run.created <= first and second <= run.changed for run in records.runs)
    return same and any(first <= back and down <= second for down, back in records.restarts)


def _orphans(records: Records) -> Iterator[Finding]:
    crons = {cron.uid: cron for cron in records.crons}
    followed = {job.occurrence for job in records.jobs if not job.end and job.gone is None}
    for run in records.runs:
        cron, jobs = crons.get(run.cron), [job for job in records.jobs if job.occurrence == run.occurrence]
        text = _ownerless(run, cron, jobs, followed=run.occurrence in followed)
        if text:
            name = cron.name if cron else run.cron
            yield Finding(Figure.ORPHANS, f"{name} {run.occurrence}", f"run {run.id} {text}", run.occurrence)


def _ownerless(run: Run, cron: Cron | None, jobs: list[Job], *, followed: bool) -> str:
    """Say why nobody is answerable for a run; nothing where somebody is."""
    deleted = cron.deleted if cron else None
    if deleted is not None:
        # Kubernetes' own garbage collector, when it has just come back, may take a minute until it reaches the Job.
        deleted = min(max([deleted, *(job.gone for job in jobs if job.gone)]), deleted + COLLECTED_SECONDS)
    if run.status in LIVE:
        if cron is None or deleted is not None:
            return f"is {run.status}, and its GraphCron is gone"
        return "" if followed else f"is {run.status}, and no Job follows it"
    if deleted is not None and run.changed > deleted + GRACE_SECONDS:
        return f"ended {run.changed - deleted:.0f} s after its GraphCron and its Job were deleted"
    return ""


def untold(records: Records) -> list[Case]:
    """List the occurrences that must have an outcome, and of which neither status nor Jobs tell one."""
    cases = _cases(records)
    return [case for cron in records.crons for case in _untold(cron, records.told, cases)]


def unbegun(records: Records) -> list[Case]:
    """List those of them that have no Job either: a controller that has just come back has yet to start them."""
    return [case for case in untold(records) if not case.jobs]


def _untold(cron: Cron, told: list[Told], cases: list[Case]) -> list[Case]:
    own = [case for case in cases if case.cron is cron]
    silent = [case for case in own if not _is_told(case) and _wanted(case)]
    spans = [each for each in told if each.cron == cron.uid and each.first is not None]
    return _beyond(spans, own, silent)


def _unexplained(cron: Cron, told: list[Told], cases: list[Case]) -> Iterator[Finding]:
    for case in cases:
        text = _contradiction(case) or _wrong_end(case) if case.cron is cron else ""
        if text:
            yield Finding(Figure.UNEXPLAINED, case.about, text, case.occurrence)
    for case in _untold(cron, told, cases):
        jobs = ", ".join(f"{job.name} {job.end or 'not over'}{' and deleted' * bool(job.gone)}" for job in case.jobs)
        runs = ", ".join(f"{run.id} {run.status}" for run in case.runs)
        text = f"no outcome; Jobs: {jobs or 'none'}; runs: {runs or 'none'}"
        yield Finding(Figure.UNEXPLAINED, case.about, text, case.occurrence)


def _wanted(case: Case) -> bool:
    """Tell whether an occurrence must have an outcome."""
    deleted = case.cron.deleted
    if deleted is not None and any(job.gone is not None and job.gone >= deleted for job in case.jobs):
        return False  # went with its GraphCron
    if case.occurrence in _of_graph_runs(case.cron, case.cron.dropped):
        return False  # went with its GraphRun
    return case.occurrence in _wanted_by(case.cron) or bool(case.jobs)


def _is_told(case: Case) -> bool:
    return bool(case.told) or any(job.end for job in case.jobs)


def _beyond(spans: list[Told], own: list[Case], silent: list[Case]) -> list[Case]:
    """Return those that entries for several skips do not explain: each stands for as many as it says, itself included.

    What has an entry of its own is none of them; a skip that has a Job may be one.
    """
    left = {case.occurrence: case for case in silent}
    silently = {case.occurrence for case in own if not case.told}
    for span in spans:
        assert span.first is not None
        assert span.last is not None
        members = {occurrence(span.cron, minute) for minute in range(span.first, span.last)} & silently
        room = span.count - 1 - len(members - left.keys())
        for name in sorted(members & left.keys())[: max(room, 0)]:
            del left[name]
    return list(left.values())


SUITS = {
    "Succeeded": {"success"},
    "GraphError": {"error"},
    "Interrupted": {"success", "interrupted"},
    "Timeout": {"interrupted", "timeout"},
    "Cancelled": {"interrupted"},
    "Stopped": {"interrupted"},
}
"""Statuses of a run that go with what is told of it; what is not listed goes with any."""


def _contradiction(case: Case) -> str:
    """Say what does not fit: told, done, or due; nothing where all fits."""
    names = {*_wanted_by(case.cron), *(occurrence(case.cron.uid, minute) for minute in case.cron.near)}
    if case.runs and case.occurrence not in names:
        return "was run, and was neither due nor asked for"
    runs = {run.id: run for run in case.runs}
    for told in case.told:
        run = runs.get(told.run)
        if told.outcome == "Skipped" and not told.reason:
            return "skipped without a reason"
        if run and run.status not in SUITS.get(told.outcome, {run.status}):
            return f"told as {told.outcome}, and run {run.id} is {run.status}"
        candidates = [run] if told.run else case.runs
        if told.outcome == "Succeeded" and not any(candidates) and not case.cron.loses:
            return f"told as Succeeded, and the server has no run {told.run or 'of it'}"
    if case.runs and case.told and all(told.outcome == "Skipped" for told in case.told):
        return f"told as Skipped, and run {case.runs[0].id} was made"
    return ""


FAILURES = frozenset({"GraphError", "Timeout", "OverBudget", "Rejected", "ServerUnreachable", "InternalError"})
"""Outcomes with which a Job fails; with any other it is complete, or was deleted before its end."""


def _wrong_end(case: Case) -> str:
    """Say which Job failed without its run or the reverse; nothing where none did. One of several Jobs must fit.

    A Job that never got a pod runs into its deadline, though its occurrence is a skip.
    """
    ends = sorted({job.end for job in case.jobs if job.end})
    for told in case.told:
        if told.reason == "PodCannotStart":
            continue
        fits = any((end != "Complete") == (told.outcome in FAILURES) for end in ends)
        if ends and not fits and told.outcome != "Stopped" and told.reason != "JobDeleted":
            return f"told as {told.outcome}, and its Job ended as {', '.join(ends)}"
    return ""
