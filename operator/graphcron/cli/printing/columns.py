"""Columns of tables of GraphCrons and of their runs. Pure."""

import re
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from graphcron.api.reasons import ConditionType, Reason
from graphcron.cli.clients.kubectl import Object
from graphcron.cli.printing.durations import human_duration, local_time, relative_time
from graphcron.cli.printing.output import Column
from graphcron.cli.schedules.cron_text import in_words
from graphcron.cli.targets import graphrun_target
from graphcron.contract import Outcome
from graphcron.unstructured.fields import object_at, objects_at, time_of

_AMOUNT: Final = re.compile(r"[0-9]{1,18}(\.[0-9]{1,18})?", re.ASCII)
_LONGEST_SECONDS: Final = 10**9
"""Longer durations are shown unchanged."""

_HASHED: Final = re.compile(r"\bH\b")
"""An ``H`` that is not replaced by a value; not the H in THU."""


def status_of(graphcron: Object) -> Object:
    """Return the status; empty if the operator has not written one yet."""
    return dict(object_at(graphcron, "status"))


def condition(graphcron: Object, kind: str) -> Object:
    """Return a condition; empty if it does not exist."""
    return next((dict(each) for each in objects_at(status_of(graphcron), "conditions") if each.get("type") == kind), {})


def zone_of(graphcron: Object) -> str:
    """Return the zone in force."""
    return str(status_of(graphcron).get("timeZone") or graphcron["spec"].get("timeZone") or "Etc/UTC")


def lines_of(graphcron: Object) -> list[str]:
    """Return the schedule's lines as the user wrote them."""
    spec = graphcron["spec"]
    return list(spec.get("schedules") or [spec["schedule"]])


def words_of(graphcron: Object) -> list[str]:
    """Return the schedule's lines in words, except those whose ``H`` has no value yet."""
    lines = status_of(graphcron).get("schedules") or lines_of(graphcron)
    return [in_words(line) for line in lines if not _HASHED.search(line)]


def server_of(graphcron: Object) -> str:
    """Return the LangGraph server; empty for the operator's default."""
    reference = object_at(graphcron, "spec", "serverRef").get("name")
    return f"GraphServer {reference}" if reference else str(object_at(graphcron, "spec", "server").get("url", ""))


def thread_of(graphcron: Object) -> str:
    """Return the thread of the runs."""
    thread = object_at(graphcron, "spec", "thread")
    return str(thread.get("id") or (f"one per {thread['per']}" if "per" in thread else ""))


def graphcron_columns(*, now: datetime, everywhere: bool) -> tuple[Column, ...]:
    """Return the columns of a table of GraphCrons."""
    where = (Column("namespace", lambda each: str(each["metadata"]["namespace"])),) if everywhere else ()
    return (
        *where,
        Column("name", lambda each: str(each["metadata"]["name"])),
        Column("schedule", lambda each: ", ".join(lines_of(each))),
        Column("zone", zone_of),
        Column("ready", lambda each: str(condition(each, ConditionType.READY).get("status", "")), outcome=True),
        Column("state", state_of),
        Column("active", lambda each: _number(len(objects_at(status_of(each), "active")) or None)),
        Column("last", lambda each: str(_last(each).get("outcome", "")), outcome=True),
        Column("ago", lambda each: relative_time(_last(each).get("scheduledTime"), now=now)),
        Column("next", lambda each: relative_time(status_of(each).get("nextScheduleTime"), now=now)),
        Column("age", lambda each: relative_time(each["metadata"].get("creationTimestamp"), now=now)),
        Column("assistant", lambda each: str(each["spec"]["assistant"]), wide=True),
        Column("thread", thread_of, wide=True),
        Column("server", server_of, wide=True),
        Column("tokens", lambda each: tokens_of(_last(each)), wide=True),
        Column("cost", lambda each: cost_of(_last(each)), wide=True),
    )


def in_order(graphcrons: Iterable[Object], by: str) -> list[Object]:
    """Sort by ``name``, by the ``next`` time (the soonest first), or by the ``last`` run (the newest first)."""
    found = sorted(graphcrons, key=_by_name)
    if by == "next":
        found.sort(key=lambda each: _first_if_known(status_of(each).get("nextScheduleTime"), 1))
    elif by == "last":
        found.sort(key=lambda each: _first_if_known(_last(each).get("scheduledTime"), -1))
    return found


def facts(graphcron: Object) -> list[tuple[str, str]]:
    """Return the properties of a GraphCron, one per line."""
    spec, status = graphcron["spec"], status_of(graphcron)
    written, plain = lines_of(graphcron), status.get("schedules", [])
    words = words_of(graphcron)
    return [
        ("Name", str(graphcron["metadata"]["name"])),
        ("Namespace", str(graphcron["metadata"]["namespace"])),
        ("Assistant", str(spec["assistant"])),
        ("Thread", thread_of(graphcron) or "a fresh one for each run"),
        ("Server", server_of(graphcron) or "the operator's default"),
        ("Schedule", ", ".join(written) + (f" ({', '.join(plain)})" if plain and plain != written else "")),
        *((("In words", "; ".join(words)),) if words else ()),
        ("Zone", zone_of(graphcron)),
        *((("Missed", _number(status["missedRuns"])),) if status.get("missedRuns") else ()),
        *((("Failures", f"{status['consecutiveFailures']} in a row"),) if status.get("consecutiveFailures") else ()),
        *(("Last run", str(run["url"])) for run in [run for run in runs_of(graphcron) if "url" in run][:1]),
    ]


def run_columns(zone: str | None) -> tuple[Column, ...]:
    """Return the columns of a table of recent runs.

    Parameters
    ----------
    zone
        In which their times are written; None: the user's own.
    """
    return (
        Column("due", lambda run: _local(run.get("scheduledTime"), zone)),
        Column("outcome", _member("outcome"), outcome=True),
        Column("reason", _reason),
        Column("duration", duration_of),
        Column("tokens", tokens_of),
        Column("cost", cost_of),
        Column("by", _by),
        Column("job", _member("job")),
        Column("attempts", lambda run: _number(run.get("attempts")), wide=True),
        Column("run", _member("runId"), wide=True),
        Column("thread", _member("threadId"), wide=True),
        Column("message", _member("message"), wide=True),
        Column("link", _member("url"), wide=True),
    )


def active_columns(zone: str, *, now: datetime) -> tuple[Column, ...]:
    """Return the columns of a table of active runs."""
    return (
        Column("due", lambda run: _local(run["scheduledTime"], zone) if "scheduledTime" in run else ""),
        Column("since", lambda run: relative_time(run.get("scheduledTime"), now=now)),
        Column("by", _by),
        Column("job", _member("job")),
    )


def next_rows(graphcron: Object, *, now: datetime) -> list[list[str]]:
    """Return the next times, at most five: in the schedule's zone, in the user's zone, and from now."""
    times = status_of(graphcron).get("nextScheduleTimes") or ()
    return [[_local(each, zone_of(graphcron)), _local(each, None), relative_time(each, now=now)] for each in times]


def failed_run(graphcron: Object) -> list[tuple[str, str]]:
    """Return the ids of the last run on the server; nothing if the run succeeded, or has no ids."""
    runs = (each for each in runs_of(graphcron) if each.get("outcome") != Outcome.SKIPPED)
    last: Object = next(runs, {})
    if last.get("outcome") == Outcome.SUCCEEDED:
        return []
    return [(title, str(last[key])) for title, key in (("Thread", "threadId"), ("Run", "runId")) if key in last]


def budget_lines(graphcron: Object) -> list[str]:
    """Return the use of the budget, one line per limit."""
    budget, used = graphcron["spec"].get("budget"), status_of(graphcron).get("budget") or {}
    if budget is None:
        return []
    lines = [
        f"{_number(used.get('tokens', 0))} tokens" + _share(used.get("tokens", 0), budget.get("maxTokens")),
        *([f"cost {used['cost']}" + _share(used["cost"], budget.get("maxCost"))] if "cost" in used else ()),
    ]
    if "windowEnd" in used:
        lines.append(f"the window ends {_local(used['windowEnd'], zone_of(graphcron))}")
    per_run = [
        f"{_number(budget[key]) if key == 'maxTokensPerRun' else budget[key]} {unit}"
        for key, unit in (("maxTokensPerRun", "tokens"), ("maxCostPerRun", "in money"))
        if key in budget
    ]
    return lines + ([f"a run may use {' and '.join(per_run)}"] if per_run else [])


def place_columns(*, everywhere: bool) -> tuple[Column, ...]:
    """Return the columns that say which GraphCron a row belongs to."""
    where = (Column("namespace", _member("namespace")),) if everywhere else ()
    return (*where, Column("name", _member("name")))


def usage_columns(*, everywhere: bool) -> tuple[Column, ...]:
    """Return the columns of the table of ``top``; a plus means that there may have been more."""
    return (
        *place_columns(everywhere=everywhere),
        Column("runs", lambda each: _number(each["runs"]) + ("+" if each["incomplete"] else "")),
        Column("succeeded", lambda each: _number(each["succeeded"])),
        Column("skipped", lambda each: _number(each["skipped"])),
        Column("tokens", lambda each: tokens_of(each) + ("+" if each["incomplete"] else "")),
        Column("cost", lambda each: cost_of(each) + ("+" if each["incomplete"] and "cost" in each else "")),
    )


def runs_of(graphcron: Object) -> list[Object]:
    """Return the recent runs, the newest first."""
    return [dict(each) for each in objects_at(status_of(graphcron), "recentRuns")]


def amount(value: Any) -> Decimal:
    """Return an amount in a status; zero if it is malformed."""
    return Decimal(str(value)) if _AMOUNT.fullmatch(str(value)) else Decimal()


def duration_of(run: Object) -> str:
    """Return the duration of a run."""
    seconds = run.get("durationSeconds")
    if seconds is None:
        return ""
    if not 0 <= seconds <= _LONGEST_SECONDS:
        return f"{seconds}s"
    return f"{seconds:.1f}s" if seconds < 10 else human_duration(timedelta(seconds=seconds))


def tokens_of(run: Object) -> str:
    """Return the tokens of a run; ``≥`` means that it may have been more."""
    return ("≥" if run.get("tokensAtLeast") else "") + _number(run["tokens"]) if "tokens" in run else ""


def cost_of(run: Object) -> str:
    """Return the cost of a run; ``≥`` means that it may have been more."""
    return ("≥" if run.get("tokensAtLeast") else "") + str(run["cost"]) if "cost" in run else ""


def _member(member: str) -> Callable[[Object], str]:
    return lambda each: str(each.get(member, ""))


def _by(run: Object) -> str:
    """Return what started a run."""
    if "graphRun" in run:
        return graphrun_target(run["graphRun"])
    return "request" if run.get("trigger") else "schedule"


def state_of(graphcron: Object) -> str:
    """Return why a GraphCron is not ready, or why its runs do not start or would fail."""
    ready, target = (condition(graphcron, kind) for kind in (ConditionType.READY, ConditionType.TARGET_RESOLVED))
    told = [str(ready.get("reason", ""))] if ready.get("reason") != Reason.RECONCILED else []
    if ready.get("status") == "True" and target.get("status") == "False":
        told.append(str(target["reason"]))
    waiting = (target, condition(graphcron, ConditionType.RUN_DELAYED))
    if any(each.get("reason") == Reason.FAILED_CREATE for each in waiting):
        told.append(Reason.FAILED_CREATE)
    return ", ".join(told)


def _last(graphcron: Object) -> Object:
    return next(iter(runs_of(graphcron)), {})


def _reason(run: Object) -> str:
    count = f" ×{run['count']}" if run.get("count") else ""
    return f"{run.get('reason', '')}{count}".strip()


def _by_name(graphcron: Object) -> tuple[str, str]:
    return str(graphcron["metadata"].get("namespace", "")), str(graphcron["metadata"]["name"])


def _first_if_known(text: str | None, sign: int) -> tuple[bool, float]:
    at = time_of(text)
    return at is None, sign * at.timestamp() if at else 0


def _share(used: Any, limit: Any) -> str:
    whole = amount(limit)
    return f" of {_number(limit)} ({amount(used) / whole:.0%})" if whole else ""


def _local(text: str | None, zone: str | None) -> str:
    at = time_of(text)
    return local_time(at, zone) if at else str(text or "")


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value or "")


CONDITION_COLUMNS: Final = (
    Column("condition", _member("type")),
    Column("status", _member("status")),
    Column("reason", _member("reason")),
    Column("message", _member("message")),
)
"""Columns of a table of conditions."""
