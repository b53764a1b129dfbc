"""When runs are due in a range, and how many are active at a time. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from math import floor
from typing import Final

from graphcron.api.v1alpha1 import rfc3339
from graphcron.cli.clients.kubectl import Object
from graphcron.cli.dashboard.page_state import DEFAULT_SERVER, Plan
from graphcron.schedule.enumeration import due_seconds

LIMIT: Final = 300
"""Maximum number of times of one GraphCron in an answer."""

DAY: Final = 24 * 60
_MINUTE: Final = 60
_LONGEST: Final = timedelta(days=1)


def due(plans: Mapping[str, Plan | None], begin: datetime, end: datetime, *, limit: int = LIMIT) -> Object:
    """Return the times that are due in a range by UID, at most ``limit`` of each, and how many there are."""
    found = {uid: _due(plan, begin, end, limit) for uid, plan in plans.items()}
    return {"from": rfc3339(begin), "to": rfc3339(end), "limit": limit, "crons": found}


def _due(plan: Plan | None, begin: datetime, end: datetime, limit: int) -> Object:
    if plan is None:
        return {"times": [], "count": 0}
    times = due_seconds(plan.calendar, begin, end)
    return {"times": times[:limit], "count": len(times)}


def load(plans: Iterable[Plan], *, now: datetime) -> Object:
    """Return how many runs start, and how many are expected to be active, in each minute of the next day.

    Each run is expected to take the median duration of the recent runs of its GraphCron.
    """
    begin = now.replace(second=0, microsecond=0)
    by_server: defaultdict[tuple[str, str], list[Plan]] = defaultdict(list)
    for plan in plans:
        by_server[plan.server].append(plan)
    servers = [
        {
            "label": label,
            "namespace": namespace,
            "max": min((each.limit for each in of_server if each.limit), default=None),
            **_minutes(of_server, begin),
        }
        for (namespace, label), of_server in sorted(by_server.items())
    ]
    return {"start": rfc3339(begin), "minutes": DAY, "defaultServer": DEFAULT_SERVER, "servers": servers}


def _minutes(plans: Iterable[Plan], begin: datetime) -> Object:
    first = int(begin.timestamp())
    starts, changes = [0] * DAY, [0.0] * (DAY + 2)
    for plan in plans:
        before = min(timedelta(seconds=plan.seconds), _LONGEST)
        end = begin + timedelta(minutes=DAY - 1)
        times = due_seconds(plan.calendar, begin - before - timedelta(seconds=1), end)
        minutes = [(each - first) // _MINUTE for each in times]
        for at, minute in enumerate(minutes):
            if minute >= 0:
                starts[minute] += 1
            following = minutes[at + 1] if at + 1 < len(minutes) else DAY
            length = before.total_seconds() / _MINUTE
            _add(changes, minute, length if plan.overlaps else min(length, following - minute))
    running, total = [], 0.0
    for change in changes[:DAY]:
        total += change
        running.append(round(total, 2) + 0.0)
    return {"starts": starts, "running": running}


def _add(changes: list[float], minute: int, length: float) -> None:
    """Add a run to the changes from minute to minute; in its last minute it counts as a part of one."""
    end = minute + length
    last = floor(end)  # a run that has begun before the first minute can end before it, too
    rest = end - last
    begin, stop, after = (min(max(each, 0), DAY + 1) for each in (minute, last, last + 1))
    changes[begin] += 1
    changes[stop] -= 1 - rest
    changes[after] -= rest
