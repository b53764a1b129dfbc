"""GraphCrons and GraphRuns as the page shows them. Pure.

Other people write these objects, so each value may be of any type. The page gets texts, numbers and times that are
checked, and never an input, a config, a context or an annotation.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from statistics import median
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from graphcron.api.calendar_for import calendar_for
from graphcron.api.graphruns import graphcron_name_of
from graphcron.api.reasons import ConditionType
from graphcron.api.v1alpha1 import GraphCron, GraphCronStatus, parse, read_status, rfc3339
from graphcron.cli.clients.graphruns import newest_first, unfinished, unlisted
from graphcron.cli.clients.kubectl import Object
from graphcron.cli.dashboard.page_runs import active_run, graphrun_run, graphrun_target_of, recent_run
from graphcron.cli.files.placeholders import with_server
from graphcron.cli.printing import columns
from graphcron.cli.printing.forecast_rows import STOPPED, as_object
from graphcron.cli.printing.output import UNREADABLE, failsafe
from graphcron.cli.schedules import forecast as forecasts
from graphcron.cli.schedules.forecast import Forecast
from graphcron.errors import SpecError
from graphcron.schedule.occurrences import Calendar
from graphcron.unstructured.fields import object_at, short_text_at, time_of

MOST_RUNS: Final = 500
"""Maximum number of runs of one GraphCron on the page."""

NEXT: Final = 5
"""Number of next times of a GraphCron on the page."""

DEFAULT_SERVER: Final = "the operator's default"

_WRONG: Final = (
    (ConditionType.READY, "False"),
    (ConditionType.READY, "Unknown"),
    (ConditionType.TARGET_RESOLVED, "False"),
    (ConditionType.PAUSED, "True"),
    (ConditionType.RUN_DELAYED, "True"),
    (ConditionType.BUDGET_EXCEEDED, "True"),
    (ConditionType.AWAITING_HUMAN, "True"),
    (ConditionType.LAST_RUN_SUCCEEDED, "False"),
    (ConditionType.SCHEDULE_TIGHT, "True"),
)
"""Conditions that report a problem, the most important first."""

_SERVER_FIELDS: Final = ("url", "maxConcurrentRuns", "budget")
_KEPT: Final = frozenset({
    "assistant", "schedule", "schedules", "timeZone", "startTime", "endTime", "excludes", "suspend",
    "concurrencyPolicy", "queueLimit", "thread", "serverRef", "history", "budget", "graphCronRef", "scheduledTime",
    "startingDeadlineSeconds",
})  # fmt: skip
"""Fields of a spec that the page needs; no other field is kept in memory."""

_KEPT_STATUS: Final = frozenset({
    "conditions", "schedules", "timeZone", "budget", "active", "recentRuns",
    "graphCronUid", "job", "outcome", "reason", "message", "runId", "threadId", "url", "startTime", "completionTime",
    "durationSeconds", "attempts", "tokens", "tokensAtLeast", "cost",
})  # fmt: skip


class Plan(NamedTuple):
    """When the runs of a GraphCron are due, how long they take, and where they run."""

    calendar: Calendar
    seconds: float
    """Median duration of the recent runs; 0: none has ended."""
    server: tuple[str, str]
    """Namespace and label: ``maxConcurrentRuns`` applies to the runs of a namespace on a server."""
    limit: int | None
    overlaps: bool
    """Several runs of it can be active at a time."""


class View(NamedTuple):
    """A GraphCron as the page shows it."""

    card: Object
    plan: Plan | None
    """None: no run is due, because it is stopped or invalid."""
    expires: datetime
    """When the card changes with the time: a run is due, or the month of the forecast or a budget's window ends."""


def trimmed(body: Object) -> Object:
    """Return the parts of an object that the page needs."""
    metadata, spec, status = (object_at(body, part) for part in ("metadata", "spec", "status"))
    kept = {key: value for key, value in spec.items() if key in _KEPT}
    server = object_at(spec, "server")
    if server:
        kept["server"] = {key: server[key] for key in _SERVER_FIELDS if key in server}
    kept |= {key: spec[key] for key in _SERVER_FIELDS if key in spec}  # of a GraphServer
    named = ("namespace", "name", "uid", "labels", "creationTimestamp", "resourceVersion")
    return {
        **{key: body[key] for key in ("apiVersion", "kind") if key in body},
        "metadata": {key: metadata[key] for key in named if key in metadata},
        "spec": kept,
        "status": {key: value for key, value in status.items() if key in _KEPT_STATUS},
    }


def graphcron_view(graphcron: Object, graphruns: Sequence[Object], servers: Sequence[Object], *, now: datetime) -> View:
    """Return a GraphCron as the page shows it.

    Parameters
    ----------
    graphruns
        GraphRuns that refer to it.
    servers
        The GraphServers of its namespace that are known.
    """
    model, problem = _model(graphcron, servers)
    status = _status(graphcron, graphruns)
    seconds = _median_seconds(status)
    expected = forecasts.forecast(model, status, now=now, length=month_end(now) - now) if model else None
    stopped = expected.stopped if expected else None
    server = server_label(graphcron)
    place = _place(graphcron)
    limit = model.spec.server.max_concurrent_runs if model and model.spec.server else None
    plan = None
    if model and not stopped:
        overlaps = model.spec.concurrency_policy == "Allow"
        plan = Plan(calendar_for(model), seconds or 0.0, (place["namespace"], server), limit, overlaps)
    next_times = plan.calendar.next_times(now, NEXT) if plan else []
    window_end = status.budget.window_end if status.budget else None
    text = failsafe(graphcron)
    card = {
        **place,
        "labels": _labels(graphcron),
        "server": server,
        "maxConcurrentRuns": limit,
        "target": text(lambda each: str(each["spec"]["assistant"])),
        "thread": text(columns.thread_of) or None,
        "schedules": _texts(text(columns.lines_of, [])),
        "zone": text(columns.zone_of),
        "scheduleText": "; ".join(_texts(text(columns.words_of, []))),
        "state": _state(graphcron),
        "ready": _ready(graphcron),
        "summary": problem or _summary(status),
        "conditions": _conditions(status),
        "next": [rfc3339(each) for each in next_times],
        "stopped": STOPPED[stopped] if stopped else None,
        "suspended": object_at(graphcron, "spec").get("suspend") is True,
        "medianSeconds": seconds,
        "runs": [recent_run(each) for each in status.recent_runs or ()],
        "active": _active(graphcron, graphruns, status),
        "budget": _budget(model, status, now),
        "forecast": {"until": rfc3339(month_end(now)), **_forecast(expected)},
    }
    changes = (month_end(now), *next_times[:1], *((window_end,) if window_end and window_end > now else ()))
    return View(card, plan, min(changes))


def graphrun_card(graphrun: Object) -> Object:
    """Return a GraphRun without a GraphCron as the page shows it."""
    text = failsafe(graphrun)
    run = text(graphrun_run, {"kind": "GraphRun", "outcome": UNREADABLE})
    named = _place(graphrun)
    target = text(lambda each: str(each["spec"].get("assistant") or graphcron_name_of(each)))
    return {**run, **named, "server": server_label(graphrun), "target": target}


def server_card(server: Object) -> Object:
    """Return a GraphServer as the page shows it."""
    metadata, limit = object_at(server, "metadata"), object_at(server, "spec").get("maxConcurrentRuns")
    name = short_text_at(metadata, "name")
    return {
        "namespace": short_text_at(metadata, "namespace"),
        "name": name,
        "label": name,
        "maxConcurrentRuns": limit if isinstance(limit, int) else None,
    }


def unreadable_card(found: Object) -> Object:
    """Return a GraphCron or GraphRun that the page cannot show, so that it shows the others."""
    return {
        **_place(found),
        "labels": {}, "server": DEFAULT_SERVER, "target": UNREADABLE, "schedules": [], "zone": "Etc/UTC",
        "scheduleText": "", "state": "Unknown", "ready": "Unknown", "summary": "the dashboard can't read this object",
        "conditions": [], "next": [], "suspended": False, "runs": [], "active": [],
        "forecast": {"runs": 0, "note": ""},
    }  # fmt: skip


def server_label(found: Object) -> str:
    """Return the server of a GraphCron or GraphRun: a GraphServer's name, or host and port."""
    reference = short_text_at(object_at(found, "spec", "serverRef"), "name")
    if reference:
        return reference
    url = short_text_at(object_at(found, "spec", "server"), "url")
    try:
        return urlsplit(url).netloc.rpartition("@")[2] or DEFAULT_SERVER
    except ValueError:
        return DEFAULT_SERVER


def _place(found: Object) -> Object:
    metadata = object_at(found, "metadata")
    created = time_of(metadata.get("creationTimestamp"))
    return {
        **{key: short_text_at(metadata, key) for key in ("uid", "namespace", "name")},
        "created": rfc3339(created) if created else None,
    }


def _model(graphcron: Object, servers: Sequence[Object]) -> tuple[GraphCron | None, str]:
    """Return the GraphCron with the fields of its GraphServer, and what is wrong with it."""
    try:
        return with_server(parse(graphcron), servers, None), ""
    except SpecError as error:
        return None, str(error)


def _status(graphcron: Object, graphruns: Sequence[Object]) -> GraphCronStatus:
    """Return the status, with the runs of the GraphRuns that it no longer lists, the newest first."""
    runs = newest_first([*columns.runs_of(graphcron), *unlisted(graphruns, graphcron)])
    return read_status(GraphCronStatus, {"status": {**object_at(graphcron, "status"), "recentRuns": runs[:MOST_RUNS]}})


def _active(graphcron: Object, graphruns: Sequence[Object], status: GraphCronStatus) -> list[Object]:
    """Return the active runs, and the GraphRuns that the status does not list yet, for example because they wait."""
    unlisted_runs = {graphrun_target_of(each): graphrun_run(each) for each in unfinished(graphruns, graphcron)}
    listed = [active_run(each, unlisted_runs.pop(each.graph_run or "", {})) for each in status.active or ()]
    return [*listed, *unlisted_runs.values()]


def _median_seconds(status: GraphCronStatus) -> float | None:
    found = [each.duration_seconds for each in status.recent_runs or () if each.duration_seconds is not None]
    return round(median(found), 3) if found else None


def _labels(found: Object) -> dict[str, str]:
    labels = object_at(found, "metadata", "labels")
    return {str(key): value for key, value in labels.items() if isinstance(value, str)}


def _texts(values: Iterable[Any]) -> list[str]:
    return [str(each)[:200] for each in values]


def _state(graphcron: Object) -> str:
    """Return the state as ``list`` prints it; that of a GraphCron without a remark is the status of Ready in a word."""
    found = failsafe(graphcron)(columns.state_of)
    return found or {"True": "Ready", "False": "NotReady"}.get(_ready(graphcron), "Unknown")


def _ready(graphcron: Object) -> str:
    found = columns.condition(graphcron, ConditionType.READY).get("status")
    return found if found in {"True", "False"} else "Unknown"


def _summary(status: GraphCronStatus) -> str:
    conditions = {(each.type, each.status): each.message or each.reason for each in status.conditions or ()}
    return next((conditions[each][:1024] for each in _WRONG if each in conditions), "")


def _conditions(status: GraphCronStatus) -> list[Object]:
    return [
        {
            "type": each.type,
            "status": each.status,
            "reason": each.reason,
            "message": each.message[:1024],
            "since": rfc3339(each.last_transition_time),
        }
        for each in status.conditions or ()
    ]


def _budget(model: GraphCron | None, status: GraphCronStatus, now: datetime) -> Object | None:
    budget, used = model.spec.budget if model else None, status.budget
    if budget is None:
        return None
    found = budget.model_dump(by_alias=True, exclude_none=True)
    if used and (used.window_end is None or used.window_end > now):
        found |= used.model_dump(by_alias=True, exclude_none=True)
    return dict(found)


def _forecast(expected: Forecast | None) -> Object:
    row = as_object(expected) if expected else {"runs": 0, "note": ""}
    kept = ("runs", "tokens", "tokensP95", "cost", "costP95", "tokensAtLeast", "note")
    return {key: row[key] for key in kept if key in row}


def month_end(now: datetime) -> datetime:
    """Return the end of the calendar month in UTC."""
    month = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)
