"""The judge finds each thing that an upgrade must not do, and nothing else."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from graphcron.api import names
from tests.upgrade.judge import Seen, gaps, judge, table

if TYPE_CHECKING:
    from collections.abc import Callable

FIRING = frozenset({"often"})
RUN = {"job": "often-1", "outcome": "Succeeded", "runId": "r1"}


def graphcron(name: str, **status: Any) -> dict[str, Any]:
    ready = {"type": "Ready", "status": "True", "reason": "Reconciled", "lastTransitionTime": "2026-11-22T12:00:00Z"}
    spec = {"assistant": "agent"}
    return {"metadata": {"name": name, "uid": f"u-{name}"}, "spec": spec, "status": {"conditions": [ready], **status}}


def cronjob(name: str) -> dict[str, Any]:
    since = {names.ANNOTATION_SCHEDULE_SINCE: "2026-11-22T12:00:00Z"}
    metadata = {"name": name, "uid": f"c-{name}", "generation": 1, "annotations": since}
    return {"metadata": metadata, "spec": {"schedule": "* * * * *", "suspend": False, "jobTemplate": {"image": "old"}}}


def job(name: str, of: str, *, scheduled: bool = True, **labels: str) -> dict[str, Any]:
    annotations = {names.ANNOTATION_SCHEDULED_TIMESTAMP: "2026-11-22T12:00:00Z"} if scheduled else {}
    metadata = {"uid": f"j-{name}", "labels": {names.LABEL_NAME: of, **labels}, "annotations": annotations}
    return {"metadata": metadata}


def graphrun(name: str, **status: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "uid": f"g-{name}"}, "spec": {"assistant": "agent"}, "status": status}


BEFORE = Seen(
    graphcrons={"often": graphcron("often", recentRuns=[RUN]), "rare": graphcron("rare", lastHandledTrigger="once")},
    graphruns={
        "done": graphrun("done", job="done-1", completionTime="2026-11-22T12:00:00Z", outcome="Succeeded"),
        "going": graphrun("going", job="going-1"),
    },
    graphservers={"shared": {"metadata": {"uid": "s"}, "spec": {"url": "http://a"}}},
    cronjobs={"often": cronjob("often"), "rare": cronjob("rare")},
    jobs={"often-1": job("often-1", "often"), "rare-1": job("rare-1", "rare")},
    runs={"often": ["r1"], "rare": ["r2"]},
)


def findings(change: Callable[[Seen], Any], *, new_template: bool = True) -> list[str]:
    after = copy.deepcopy(BEFORE)
    change(after)
    return [text for row in judge(BEFORE, after, firing=FIRING, new_template=new_template) for text in row.findings]


def put(place: Callable[[Seen], Any], **values: Any) -> Callable[[Seen], None]:
    return lambda seen: place(seen).update(values)


BAD = {
    "GraphCron lost": (lambda seen: seen.graphcrons.pop("rare"), "rare is gone"),
    "GraphCron made anew": (put(lambda seen: seen.graphcrons["rare"]["metadata"], uid="other"), "rare was made anew"),
    "spec written": (put(lambda seen: seen.graphcrons["rare"], spec={}), "the spec of rare has changed"),
    "label set": (
        put(lambda seen: seen.graphcrons["rare"]["metadata"], labels={"a": "b"}),
        "labels of rare have changed",
    ),
    "finalizer set": (
        put(lambda seen: seen.graphcrons["rare"]["metadata"], finalizers=["x"]),
        "finalizers of rare have changed",
    ),
    "GraphRun lost": (lambda seen: seen.graphruns.pop("done"), "done is gone"),
    "GraphRun with another end": (
        put(lambda seen: seen.graphruns["done"]["status"], outcome="Stopped"),
        "the status of done has changed",
    ),
    "GraphRun with another Job": (
        put(lambda seen: seen.graphruns["going"]["status"], job="going-2"),
        "going has another Job",
    ),
    "GraphServer lost": (lambda seen: seen.graphservers.clear(), "shared is gone"),
    "CronJob lost": (lambda seen: seen.cronjobs.pop("rare"), "rare is gone"),
    "CronJob made anew": (put(lambda seen: seen.cronjobs["rare"]["metadata"], uid="other"), "rare was made anew"),
    "CronJob awake": (put(lambda seen: seen.cronjobs["rare"]["spec"], suspend=True), "rare has another spec"),
    "schedule begun anew": (
        put(lambda seen: seen.cronjobs["rare"]["metadata"]["annotations"], **{names.ANNOTATION_SCHEDULE_SINCE: "now"}),
        "rare counts from now now, no more from 2026-11-22T12:00:00Z",
    ),
    "Job lost": (lambda seen: seen.jobs.pop("rare-1"), "rare-1 is gone"),
    "Job fired": (lambda seen: seen.jobs.update({"rare-2": job("rare-2", "rare")}), "rare-2 was fired"),
    "Job out of turn": (lambda seen: seen.jobs.update(x=job("x", "often", scheduled=False)), "x was fired"),
    "run lost": (lambda seen: seen.runs["rare"].clear(), "1 runs of rare are gone"),
    "run fired": (lambda seen: seen.runs["rare"].append("r3"), "1 runs of rare are new"),
    "history lost": (
        put(lambda seen: seen.graphcrons["often"]["status"], recentRuns=[]),
        "often no longer tells of often-1",
    ),
    "request forgotten": (
        put(lambda seen: seen.graphcrons["rare"]["status"], lastHandledTrigger=""),
        "lastHandledTrigger of rare has changed",
    ),
    "not ready for a moment": (
        put(lambda seen: seen.graphcrons["rare"]["status"]["conditions"][0], lastTransitionTime="later"),
        "Ready of rare has changed, or did for a moment",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_must_not_be_is_found(name: str) -> None:
    change, text = BAD[name]
    assert text in findings(change)


def test_what_may_be_is_no_finding() -> None:
    def change(seen: Seen) -> None:
        seen.jobs["often-2"] = job("often-2", "often")
        seen.jobs["look"] = job("look", "rare", scheduled=False, **{names.LABEL_PURPOSE: "preflight"})
        seen.runs["often"].append("r9")
        seen.graphcrons["often"]["status"]["recentRuns"].insert(0, {**RUN, "job": "often-2"})
        seen.graphcrons["new"] = graphcron("new")
        seen.graphruns["going"]["status"].update(completionTime="2026-11-22T12:01:00Z", outcome="Succeeded")
        for each in seen.cronjobs.values():
            each["spec"]["jobTemplate"] = {"image": "new"}
            each["metadata"]["generation"] = 2

    assert findings(change) == []
    assert findings(change, new_template=False) == [
        text for name in ("often", "rare") for text in (f"{name} was written", f"{name} has another spec")
    ]


def test_the_table_is_short_and_says_it() -> None:
    rows = judge(BEFORE, BEFORE._replace(cronjobs={}), firing=FIRING, new_template=True)
    lines = table(rows).splitlines()
    assert len(lines) == 8
    assert lines[4].split(maxsplit=3) == ["cronjobs", "2", "0", "often is gone; rare is gone"]
    assert lines[1].split() == ["graphcrons", "2", "2", "kept"]


def test_minutes_that_came_twice_or_not_at_all_are_found() -> None:
    assert gaps([7, 5, 6]) == []
    assert gaps([5, 5, 8]) == ["5 came 2 times", "nothing between 5 and 8"]
