"""The warnings of ``lint``: valid values that are probably mistakes."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from graphcron.api import names
from graphcron.cli.clients.kubectl import Object
from graphcron.cli.schedules.busy_days import busiest_day, minutes_of_day
from graphcron.cli.schedules.steps import DAY, remedy_for, uneven_steps
from graphcron.errors import SpecError
from graphcron.schedule import cron, hashed
from graphcron.schedule.zone_names import no_summer_time
from graphcron.unstructured.fields import object_at, time_of

Advice = Iterator[SpecError]

_HASHED_STEP: Final = re.compile(r"\bH(?=/)")
_THIS_MACHINE: Final = re.compile(r"localhost|.*\.localhost|127\..*|::1|0\.0\.0\.0")


MAX_RUNS_PER_DAY: Final = 500
"""More runs a day are rarely meant."""


def advice(body: Object, *, now: datetime, max_runs_per_day: int = MAX_RUNS_PER_DAY) -> Advice:
    """Yield the warnings about an object, which need not be valid."""
    spec = object_at(body, "spec")
    server = spec if body.get("kind") == names.SERVER_KIND else object_at(spec, "server")
    path = "spec" if server is spec else "spec.server"
    yield from _of_text(server, "url", f"{path}.url", _of_url)
    yield from _of_text(spec, "timeZone", "spec.timeZone", _of_zone)
    lines = _lines_of(spec)
    for field, line in lines.items():
        yield from _of_line(line, field)
    yield from _of_runs(lines, max_runs_per_day)
    if body.get("kind") == names.KIND or (body.get("kind") == names.RUN_KIND and "graphCronRef" not in spec):
        yield from _of_input(spec)
    if body.get("kind") == names.KIND and spec.get("concurrencyPolicy") == "Queue":
        yield from _of_queue(spec)
    scheduled = time_of(spec.get("scheduledTime"))
    if scheduled and scheduled > now:
        yield SpecError(
            field="spec.scheduledTime",
            problem="is in the future, and a GraphRun starts as soon as it is created",
            remedy="omit it, or use a GraphCron with a schedule",
        )
    end = time_of(spec.get("endTime"))
    if end and end <= now:
        yield SpecError(
            field="spec.endTime",
            problem="is in the past, so nothing runs anymore",
            remedy="write a later time, or leave it out",
        )


def _of_text(part: Mapping[str, Any], key: str, field: str, of: Callable[[str, str], Advice]) -> Advice:
    value = part.get(key)
    if isinstance(value, str):
        yield from of(value, field)


def _of_url(url: str, field: str) -> Advice:
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:  # told as an error
        return
    if _THIS_MACHINE.fullmatch(host):
        yield SpecError(
            field=field,
            problem=f"names {host}, and in a pod that is the pod itself",
            remedy="name the server as pods see it, for example http://langgraph.default.svc:2024",
        )


def _of_input(spec: Mapping[str, Any]) -> Advice:
    given = spec.get("input") is not None or spec.get("inputFrom")
    if not given and not object_at(spec, "thread").get("id"):  # a thread of the user's may have a checkpoint
        yield SpecError(
            field="spec.input",
            problem="is missing, and without one every graph fails on a fresh thread with EmptyInputError",
            remedy="write one, if only {}",
        )


def _of_queue(spec: Mapping[str, Any]) -> Advice:
    if spec.get("startingDeadlineSeconds") is None:
        yield SpecError(
            field="spec.startingDeadlineSeconds",
            problem="is missing, and by default a run waits in the queue for 2 minutes at most",
            remedy="set it to the time after which a late run has no value, for example 3600",
        )


def _of_zone(name: str, field: str) -> Advice:
    if found := no_summer_time(name):
        yield SpecError(field=field, problem=found[0], remedy=found[1])


def _of_line(line: str, field: str) -> Advice:
    try:
        plain, is_hashed = _without_hash(line)
        for step in uneven_steps(plain):
            if step.is_meant or (is_hashed and step.at == DAY):
                continue
            yield SpecError(field=field, problem=step.problem, remedy=remedy_for(plain, step))
    except SpecError:  # told as an error
        return


def _lines_of(spec: Mapping[str, Any]) -> dict[str, str]:
    """Return the lines of the schedule by their fields."""
    one, several = spec.get("schedule"), spec.get("schedules")
    lines = {"spec.schedule": one}
    lines |= {f"spec.schedules[{at}]": line for at, line in enumerate(several if isinstance(several, list) else ())}
    return {field: line for field, line in lines.items() if isinstance(line, str)}


def _of_runs(lines: Mapping[str, str], most: int) -> Advice:
    try:
        crons = [cron.parse(hashed.render(line, seed="")) for line in lines.values()]
    except SpecError:  # told as an error
        return
    if len(minutes_of_day(crons)) > most and (count := busiest_day(crons)) > most:
        yield SpecError(
            field="spec.schedule" if "spec.schedule" in lines else "spec.schedules",
            problem=f"is due {count:,} times a day, and each time is a paid run",
            remedy='write the minutes that you mean, for example "0 * * * *" (hourly), or raise --max-runs-per-day',
        )


def _without_hash(line: str) -> tuple[str, bool]:
    """Return a line in plain cron: where an ``H`` has a step, the hash only shifts what the step does."""
    if not hashed.has_hash(line):
        return line, False
    return hashed.render(_HASHED_STEP.sub("*", line), seed=""), True
