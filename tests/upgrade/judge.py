"""What an upgrade must leave as it was. Pure: what was seen before and after in, findings out."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from graphcron.api import names
from graphcron.api.names import Purpose

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Objects = dict[str, Any]
"""Objects of one kind, by name."""


class Seen(NamedTuple):
    """A namespace, and what the LangGraph server has of its GraphCrons."""

    graphcrons: Objects
    graphruns: Objects
    graphservers: Objects
    cronjobs: Objects
    jobs: Objects
    runs: Mapping[str, list[str]]
    """Ids of the runs, by GraphCron or GraphRun."""


class Row(NamedTuple):
    """A line of the account."""

    what: str
    before: int
    after: int
    findings: tuple[str, ...]


KEPT_CONDITIONS = ("Ready", "Paused")
"""Conditions that are no runs' business: they must not even change for a moment."""

KEPT_STATUS = ("lastHandledTrigger", "lastHandledResume", "missedRuns")


def judge(before: Seen, after: Seen, *, firing: frozenset[str], new_template: bool) -> list[Row]:
    """Tell what was lost, made anew or fired between two looks.

    Parameters
    ----------
    firing
        GraphCrons whose schedules go on meanwhile.
    new_template
        Whether the CronJobs' pod template may be another one, such as with another runner.
    """
    one, two = before._asdict(), after._asdict()
    findings = {
        "graphcrons": [*_kept(before.graphcrons, after.graphcrons), *_untouched(before.graphcrons, after.graphcrons)],
        "graphruns": [
            *_kept(before.graphruns, after.graphruns),
            *_untouched(before.graphruns, after.graphruns),
            *_same_runs_of_graphruns(before.graphruns, after.graphruns),
        ],
        "graphservers": [
            *_kept(before.graphservers, after.graphservers),
            *_untouched(before.graphservers, after.graphservers),
        ],
        "cronjobs": [
            *_kept(before.cronjobs, after.cronjobs),
            *_same_cronjobs(before.cronjobs, after.cronjobs, new_template=new_template),
        ],
        "jobs": [*_kept(before.jobs, after.jobs), *_fired(before.jobs, after.jobs, firing)],
        "runs": list(_same_runs(before.runs, after.runs, firing)),
    }
    rows = [Row(what, _size(one[what]), _size(two[what]), tuple(found)) for what, found in findings.items()]
    told = [sum(len(_told(each)) for each in seen.graphcrons.values()) for seen in (before, after)]
    return [*rows, Row("recentRuns", *told, tuple(_same_status(before.graphcrons, after.graphcrons)))]


def table(rows: list[Row]) -> str:
    """Return the rows as a short table."""
    lines = [f"{row.what:14}{row.before:8}{row.after:8}  {'; '.join(row.findings) or 'kept'}" for row in rows]
    return "\n".join([f"{'':14}{'before':>8}{'after':>8}", *lines])


def _size(objects: Mapping[str, Any]) -> int:
    """Count objects, or runs by GraphCron."""
    return sum(len(each) if isinstance(each, list) else 1 for each in objects.values())


def _kept(before: Objects, after: Objects) -> Iterator[str]:
    for name, was in before.items():
        if name not in after:
            yield f"{name} is gone"
        elif after[name]["metadata"]["uid"] != was["metadata"]["uid"]:
            yield f"{name} was made anew"


def _both(before: Objects, after: Objects) -> Iterator[tuple[str, Any, Any]]:
    return ((name, was, after[name]) for name, was in before.items() if name in after)


def _untouched(before: Objects, after: Objects) -> Iterator[str]:
    """What is the user's stays: all but the status, and what the API server keeps."""
    for name, was, is_now in _both(before, after):
        if was["spec"] != is_now["spec"]:
            yield f"the spec of {name} has changed"
        for key in ("labels", "annotations", "finalizers"):
            if was["metadata"].get(key) != is_now["metadata"].get(key):
                yield f"{key} of {name} have changed"


def _same_runs_of_graphruns(before: Objects, after: Objects) -> Iterator[str]:
    """One that is over stays as it ended; another one keeps its Job."""
    for name, was, is_now in _both(before, after):
        if "completionTime" in was["status"]:
            if was["status"] != is_now["status"]:
                yield f"the status of {name} has changed"
        elif was["status"]["job"] != is_now["status"]["job"]:
            yield f"{name} has another Job"


def _same_cronjobs(before: Objects, after: Objects, *, new_template: bool) -> Iterator[str]:
    for name, was, is_now in _both(before, after):
        if new_template:
            was, is_now = ({**each, "spec": {**each["spec"], "jobTemplate": None}} for each in (was, is_now))  # noqa: PLW2901
        elif was["metadata"]["generation"] != is_now["metadata"]["generation"]:
            yield f"{name} was written"
        if was["spec"] != is_now["spec"]:
            yield f"{name} has another spec"
        since = [each["metadata"]["annotations"].get(names.ANNOTATION_SCHEDULE_SINCE) for each in (was, is_now)]
        if since[0] != since[1]:
            yield f"{name} counts from {since[1]} now, no more from {since[0]}"


def _fired(before: Objects, after: Objects, firing: frozenset[str]) -> Iterator[str]:
    for name, job in after.items():
        labels = job["metadata"]["labels"]
        if name in before or labels.get(names.LABEL_PURPOSE) == Purpose.PREFLIGHT:
            continue
        scheduled = names.ANNOTATION_SCHEDULED_TIMESTAMP in job["metadata"].get("annotations", {})
        if labels.get(names.LABEL_NAME) not in firing or not scheduled:
            yield f"{name} was fired"


def _same_runs(
    before: Mapping[str, list[str]], after: Mapping[str, list[str]], firing: frozenset[str]
) -> Iterator[str]:
    for name, runs in before.items():
        if gone := set(runs) - set(after.get(name, ())):
            yield f"{len(gone)} runs of {name} are gone"
        if name not in firing and (new := set(after.get(name, ())) - set(runs)):
            yield f"{len(new)} runs of {name} are new"


def _same_status(before: Objects, after: Objects) -> Iterator[str]:
    for name, was, is_now in _both(before, after):
        lost = [each["job"] for each in _told(was) if each not in _told(is_now)]
        if lost:
            yield f"{name} no longer tells of {', '.join(lost)}"
        for key in KEPT_STATUS:
            if was["status"].get(key) != is_now["status"].get(key):
                yield f"{key} of {name} has changed"
        for kind in KEPT_CONDITIONS:
            if _state(was, kind) != _state(is_now, kind):
                yield f"{kind} of {name} has changed, or did for a moment"


def _told(graphcron: Any) -> list[Any]:
    return list(graphcron.get("status", {}).get("recentRuns", ()))


def _state(graphcron: Any, kind: str) -> Any:
    conditions = {each["type"]: each for each in graphcron["status"].get("conditions", ())}
    return [conditions.get(kind, {}).get(key) for key in ("status", "reason", "lastTransitionTime")]


def gaps(minutes: list[int]) -> list[str]:
    """Tell which minutes of a schedule that fires each minute came twice, or not at all."""
    twice = [f"{minute} came {count} times" for minute, count in Counter(minutes).items() if count > 1]
    return twice + [f"nothing between {a} and {b}" for a, b in pairwise(sorted(set(minutes))) if b - a > 1]
