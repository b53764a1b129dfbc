"""Many GraphCrons with a history of weeks. The tests write their status, and no operator changes it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from graphcron.api import names

if TYPE_CHECKING:
    from tests.client import Api

Object = dict[str, Any]

RUNS = 10
"""Entries of ``recentRuns`` of each GraphCron."""

WRITERS = 8
"""Requests at a time."""

AREAS = ("billing", "docs", "leads", "reports", "search", "support")
TASKS = ("check", "digest", "index", "review", "sync")
OUTCOMES = ("Succeeded",) * 6 + ("GraphError", "Skipped", "Timeout", "Interrupted")
ZONES = ("Etc/UTC", "Europe/Berlin", "Asia/Tokyo", "America/New_York")


class Rhythm(NamedTuple):
    """A schedule, and the interval between its occurrences."""

    line: str
    apart: timedelta


def rhythm_of(number: int) -> Rhythm:
    """Return the schedule of a GraphCron; most run once a day."""
    minute = number * 7 % 60
    return (
        Rhythm(f"{minute % 15}-59/15 * * * *", timedelta(minutes=15)),
        Rhythm(f"{minute} * * * *", timedelta(hours=1)),
        Rhythm(f"{minute} */4 * * *", timedelta(hours=4)),
        *[Rhythm(f"{minute} {number % 24} * * *", timedelta(days=1))] * 5,
    )[number % 8]


def name_of(number: int) -> str:
    """Return the name of a GraphCron."""
    return f"{AREAS[number % len(AREAS)]}-{TASKS[number % len(TASKS)]}-{number:04}"


def graphcron(number: int, *, now: datetime) -> Object:
    """Return a GraphCron after ten runs."""
    line, zone = rhythm_of(number).line, ZONES[number % len(ZONES)]
    runs = [_run(number, at, now) for at in range(RUNS)]
    ended = next(run for run in runs if run["outcome"] != "Skipped")
    succeeded = ended["outcome"] == "Succeeded"
    since = _text(now)
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "metadata": {"name": name_of(number), "labels": {"team": AREAS[number % len(AREAS)]}},
        "spec": {
            "schedule": line,
            "timeZone": zone,
            "assistant": TASKS[number % len(TASKS)],
            "server": {"url": f"http://langgraph-{number % 3}.agents.svc:2024"},
            "input": {},
            "preflight": False,
            "suspend": number % 20 == 19,
            **({"budget": {"maxTokens": 200_000, "window": "day"}} if number % 10 == 3 else {}),
        },
        "status": {
            "observedGeneration": 1,
            "schedule": line,
            "schedules": [line],
            "timeZone": zone,
            "conditions": [
                _condition("Ready", "True", "Suspended" if number % 20 == 19 else "Reconciled", since),
                _condition("LastRunSucceeded", str(succeeded), ended["outcome"], since),
            ],
            "lastScheduleTime": runs[0]["scheduledTime"],
            "recentRuns": runs,
        },
    }


def _run(number: int, at: int, now: datetime) -> Object:
    """Return one of its runs; the newest is at 0."""
    apart = rhythm_of(number).apart
    last = now.replace(minute=number * 7 % 60, second=0, microsecond=0) - timedelta(hours=1)
    scheduled, outcome = last - apart * at, OUTCOMES[(number + at * 3) % len(OUTCOMES)]
    run: Object = {"scheduledTime": _text(scheduled), "outcome": outcome, "job": f"{name_of(number)}-{at}"}
    if outcome == "Skipped":
        return {**run, "reason": "PreviousRunActive", "message": "The previous run was still active."}
    used = 500 + (number * 37 + at * 101) % 9000
    return {
        **run,
        "startTime": _text(scheduled + timedelta(seconds=4)),
        "durationSeconds": 20 + (number * 13 + at * 29) % 600,
        "tokens": used,
        "cost": f"0.{used:06}",
        "runId": f"1f0c{number:04}-0000-6000-8000-{at:012}",
        "threadId": f"0a0b{number:04}-0000-4000-8000-{at:012}",
        **({} if outcome == "Succeeded" else {"message": f"The run ended as {outcome}."}),
    }


def _condition(kind: str, status: str, reason: str, since: str) -> Object:
    return {"type": kind, "status": status, "reason": reason, "message": "", "lastTransitionTime": since}


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def create(api: Api, namespace: str, objects: list[Object]) -> None:
    """Create GraphCrons, each with its status."""
    with ThreadPoolExecutor(WRITERS) as writers:
        for _ in writers.map(lambda each: _create(api, namespace, each), objects):
            pass


def _create(api: Api, namespace: str, body: Object) -> None:
    path = f"/apis/{names.API_VERSION}/namespaces/{namespace}/graphcrons"
    made = api.send("POST", path, {key: value for key, value in body.items() if key != "status"})
    api.send("PUT", f"{path}/{made['metadata']['name']}/status", {**made, "status": body["status"]})
