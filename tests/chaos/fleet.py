"""The GraphCrons that chaos comes over: of each kind some."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import urllib3

from graphcron.api import names
from tests.chaos.due import due
from tests.chaos.faults import NOT_NOW
from tests.chaos.records import MINUTE, Cron
from tests.cluster import wait_for
from tests.e2e.crons import NEVER, QUESTION
from tests.e2e.mesh import SLEEPS
from tests.objects import condition

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.e2e.crons import Crons

EACH = "* * * * *"
MERGE = {"Content-Type": "application/merge-patch+json"}
ALL_KEPT = {"successful": 100, "failed": 100, "runs": 100}
SETTLED_SECONDS = 10
"""A minute that was due shortly before its GraphCron was suspended needs no outcome."""

TOLD_SECONDS = 90
"""So long after a start deadline the status must tell of an occurrence that nobody has started: the operator may have been
killed meanwhile, and must be elected again."""


def steps(number: int, seconds: float) -> dict[str, Any]:
    """Return the part of a spec that takes so many steps."""
    return {"assistant": "steps", "input": {"steps": number, "seconds": seconds}}


@dataclass(frozen=True)
class Kind:
    """A kind of GraphCron."""

    name: str
    few: int
    """How many of it the short form has,"""
    many: int
    """and the long form."""
    spec: dict[str, Any]
    lines: tuple[str, ...] = (EACH,)
    thread: bool = False
    """It has a thread of its own, which all its runs share."""
    retries: int = 0
    needs: str = ""
    """A field of spec or status that the installed CRD must have."""
    endless: bool = False
    """Its runs would outlast everything: it is deleted in the end."""
    doomed: bool = False
    """It is deleted in the middle of a run, once; it goes past the fault proxy, for its pods must reach the server."""


KINDS = (
    Kind("quick", 2, 5, {"assistant": "agent", "input": QUESTION}),
    Kind("tidied", 1, 3, {"assistant": "agent", "input": QUESTION, "onRunCompleted": "delete"}),
    Kind("steps", 3, 5, steps(5, 1.5)),
    Kind("thread", 1, 2, {"assistant": "agent", "input": QUESTION}, thread=True),
    Kind("thread-steps", 1, 1, {**steps(6, 2), "concurrencyPolicy": "Allow"}, thread=True),
    Kind("forbid", 1, 2, {**steps(20, 4.5), "startingDeadlineSeconds": 25}),
    Kind("replace", 1, 2, {**steps(20, 30), "concurrencyPolicy": "Replace"}, endless=True),
    Kind("queue", 1, 2, {**steps(15, 4.5), "concurrencyPolicy": "Queue", "queueLimit": 2}, needs="spec.queueLimit"),
    Kind("allow", 0, 1, {**steps(18, 4), "concurrencyPolicy": "Allow"}),
    Kind("failing", 1, 1, {"assistant": "failing", "input": {}}),
    Kind("approval", 1, 1, {"assistant": "approval", "input": {}}),
    Kind("waiting", 1, 1, {"assistant": "approval", "input": {}}, thread=True),
    Kind("timeout", 1, 1, {**steps(20, 2), "timeoutSeconds": 10}),
    Kind(
        "late",
        1,
        1,
        {"assistant": "agent", "input": QUESTION, "startingDeadlineSeconds": 10},
        needs="status.missedRuns",
    ),
    Kind(
        "lines",
        1,
        2,
        {"assistant": "agent", "input": QUESTION},
        lines=("*/2 * * * *", "1-59/2 * * * *", "*/3 * * * *"),
        needs="spec.schedules",
    ),
    Kind(
        "retried",
        1,
        1,
        {"assistant": "failing", "input": {}, "retry": {"attempts": 2, "onGraphError": True}},
        retries=2,
        needs="spec.retry",
    ),
    Kind(
        "again",
        1,
        1,
        {**steps(6, 2), "timeoutSeconds": 8, "retry": {"attempts": 2}},
        retries=2,
        needs="spec.retry",
    ),
    Kind("sidecar", 1, 2, {"assistant": "agent", "input": QUESTION, "runner": {"labels": {SLEEPS: "3600"}}}),
    Kind("budget", 0, 1, {"assistant": "agent", "input": QUESTION, "budget": {}}, needs="spec.budget"),
    Kind("asked", 1, 1, steps(3, 2), lines=(NEVER,), needs="status.lastHandledTrigger"),
    Kind("doomed", 1, 3, {**steps(20, 30), "concurrencyPolicy": "Allow"}, doomed=True),
)


@dataclass
class Member:
    """One GraphCron."""

    name: str
    kind: Kind
    thread: str = ""
    uid: str = ""
    since: float = 0.0
    """When its schedule took effect,"""
    made: float = 0.0
    """and when it was surely in force."""
    ended: float = 0.0
    """When it was to be suspended or deleted (0: it goes on),"""
    quiet: float = 0.0
    """and when its CronJob surely started nothing any more."""
    deleted: bool = False
    triggers: list[str] = field(default_factory=list)
    graph_runs: dict[str, str] = field(default_factory=dict)
    """UIDs of its GraphRuns by name."""
    dropped: list[str] = field(default_factory=list)
    """UIDs of those that were deleted."""


class Fleet:
    """All of them.

    Parameters
    ----------
    crons
        Their namespace.
    url
        Where they find the server.
    long
        Many of each kind; else few.
    deadline
        Their ``startingDeadlineSeconds``, in seconds.
    """

    def __init__(self, crons: Crons, url: str, *, long: bool, deadline: int) -> None:
        self._crons, self._url, self._deadline = crons, url, deadline
        self.members = [
            Member(f"{kind.name}-{number}", kind, str(uuid.uuid4()) if kind.thread else "")
            for kind in KINDS
            if self._has(kind.needs)
            for number in range(kind.many if long else kind.few)
        ]

    def make(self) -> None:
        """Apply them, and wait until their schedules are in force."""
        if time.time() % MINUTE > MINUTE - 15:  # what is due while they are made is not clear
            wait_for("next minute", lambda: time.time() % MINUTE < MINUTE - 15)
        self._crons.cluster.apply(*map(self._body, self.members), namespace=self._crons.namespace)
        for member in self.members:
            found = self._crons.wait_ready(member.name)
            cronjob = self._crons.get("cronjobs", member.name)
            since = cronjob["metadata"]["annotations"][names.ANNOTATION_SCHEDULE_SINCE]
            member.uid = found["metadata"]["uid"]
            member.since = datetime.fromisoformat(since).timestamp()
            member.made = time.time()

    def occurrences(self, until: float) -> int:
        """Count what was due, or asked for, up to a time."""
        return sum(
            len(_due(each, min(each.ended or until, until))) + len(each.triggers) + len(each.graph_runs)
            for each in self.members
        )

    def ask(self, member: Member, value: str) -> None:
        """Ask for a run now, again and again until it is surely written; the same value asks once."""
        path = self._crons.path("graphcrons", member.name)
        body = {"metadata": {"annotations": {names.ANNOTATION_RUN_REQUESTED: value}}}
        member.triggers.append(value)

        def written() -> bool:
            try:
                return self._crons.api.ask("PATCH", path, body, headers=MERGE)[0] == 200
            except urllib3.exceptions.HTTPError:
                return False

        wait_for("request that is written", written, seconds=120)

    def run(self, member: Member, name: str, **spec: Any) -> str:
        """Create a GraphRun, again and again until it surely exists; return its UID."""
        meta, reference = {"name": name}, {"name": member.name}
        given = {"graphCronRef": reference, "startingDeadlineSeconds": self._deadline, **spec}
        body = {"apiVersion": names.API_VERSION, "kind": names.RUN_KIND, "metadata": meta, "spec": given}

        def created() -> str:
            try:
                status, text = self._crons.api.ask("POST", self._crons.path("graphruns"), body)
                found = self._crons.get("graphruns", name) if status == 409 else json.loads(text)
            except NOT_NOW:
                return ""
            return str(found["metadata"]["uid"]) if found and status in {201, 409} else ""

        uid = member.graph_runs[name] = wait_for("GraphRun that is created", created, seconds=120)
        return uid

    def drop(self, member: Member, name: str) -> None:
        """Delete a GraphRun; what it made goes in the background."""
        member.dropped.append(member.graph_runs[name])
        self._delete("graphruns", name)

    def delete(self, member: Member) -> None:
        """Delete one; what it made goes in the background."""
        member.ended, member.deleted = time.time(), True
        self._delete("graphcrons", member.name)
        # Kubernetes deletes the CronJobs later: in a minute, if its garbage collector has just come back.
        wait_for(f"end of the CronJobs of {member.name}", lambda: not self._has_cronjobs(member), seconds=180)
        member.quiet = time.time()

    def _delete(self, kind: str, name: str) -> None:
        """Delete an object, again and again until it is surely gone or going."""
        path, body = self._crons.path(kind, name), {"propagationPolicy": "Background"}

        def deleted() -> bool:
            try:
                return self._crons.api.ask("DELETE", path, body)[0] in {200, 202, 404}
            except urllib3.exceptions.HTTPError:
                return False

        wait_for(f"deletion of {name}", deleted, seconds=120)

    def _has_cronjobs(self, member: Member) -> bool:
        try:
            found = self._crons.items("cronjobs")
        except NOT_NOW:
            return True
        return any(
            each["uid"] == member.uid for cronjob in found for each in cronjob["metadata"].get("ownerReferences", [])
        )

    def suspend(self) -> None:
        """Suspend those that are there still: no further occurrences."""
        left = [member for member in self.members if not member.ended]
        for member in left:
            member.ended = time.time()
        bodies = [self._body(member, suspend=True) for member in left]
        self._crons.cluster.apply(*bodies, namespace=self._crons.namespace)
        for member in left:
            self._crons.wait("that is suspended", "graphcrons", member.name, _is_suspended)
            member.quiet = time.time()

    def kept(self) -> Iterable[Member]:
        """Return those that are not deleted."""
        return (member for member in self.members if not member.deleted)

    def records(self) -> list[Cron]:
        """Return them as the judge sees them."""
        return [record(member, self._deadline, time.time()) for member in self.members]

    def _body(self, member: Member, **more: Any) -> dict[str, Any]:
        lines = member.kind.lines
        spec = {
            "startingDeadlineSeconds": self._deadline,
            "history": ALL_KEPT,
            **({"schedule": lines[0]} if len(lines) == 1 else {"schedules": list(lines)}),
            "server": {"url": self._crons.server.url if member.kind.doomed else self._url},
            **({"thread": {"id": member.thread, "create": True}} if member.thread else {"onRunCompleted": "keep"}),
            **member.kind.spec,
            **more,
        }
        meta = {"name": member.name}
        return {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": meta, "spec": spec}

    def _has(self, path: str) -> bool:
        """Tell whether the installed CRD has a field."""
        if not path:
            return True
        part, field_name = path.split(".")
        crd = self._crons.api.get(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{names.CRD_NAME}")
        schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"][part]
        return field_name in schema["properties"]


def _is_suspended(found: Any) -> bool:
    ready = condition(found, "Ready")
    return ready.get("observedGeneration") == found["metadata"]["generation"] and ready["reason"] == "Suspended"


def record(member: Member, deadline: int, now: float) -> Cron:
    """Return a GraphCron as the judge sees it: what surely was due, and what may have been while it came or went."""
    slack = deadline + TOLD_SECONDS if member.deleted else SETTLED_SECONDS
    sure = _due(member, (member.ended or now) - slack)
    possible = due(list(member.kind.lines), member.since - 1, member.quiet or now)
    return Cron(
        uid=member.uid,
        name=member.name,
        due=sure,
        near=tuple(minute for minute in possible if minute not in sure),
        triggers=tuple(member.triggers),
        graph_runs=tuple(member.graph_runs.values()),
        dropped=tuple(member.dropped),
        retries=member.kind.retries,
        deleted=member.ended if member.deleted else None,
        loses="onRunCompleted" in member.kind.spec,
    )


def _due(member: Member, until: float) -> tuple[int, ...]:
    return due(list(member.kind.lines), member.made, until)
