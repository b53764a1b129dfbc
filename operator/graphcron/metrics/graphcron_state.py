"""The state of each GraphCron as gauges, read from its spec and status at each scrape."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

from prometheus_client.core import GaugeMetricFamily

from graphcron.api.reasons import ConditionType
from graphcron.api.v1alpha1 import GraphCronStatus
from graphcron.api.v1alpha1.parsing import status_of
from graphcron.cache.objects import Body, CachedCronJob
from graphcron.cache.store import Key
from graphcron.unstructured.fields import object_at

logger = logging.getLogger(__name__)

LABELS: Final = ("namespace", "name")
"""Labels of a GraphCron's metrics: one series for each GraphCron."""


class GraphCronState(NamedTuple):
    """What the gauges of a GraphCron are read from."""

    spec: Mapping[str, Any]
    """As the API server sends it: one that the model rejects has gauges, too."""
    status: GraphCronStatus
    now: datetime

    def holds(self, kind: ConditionType) -> float:
        """Return 1 if the condition is true, otherwise 0."""
        return float(any(each.type == kind and each.status == "True" for each in self.status.conditions or ()))


def budget_used(state: GraphCronState) -> float | None:
    """Return the used part of the window's limit; None: there is no limit, or the window is over."""
    limits, used = object_at(state.spec, "budget"), state.status.budget
    if used is None or used.window_end is None or used.window_end <= state.now:
        return None
    pairs = [(used.tokens, limits.get("maxTokens")), (used.cost, limits.get("maxCost"))]
    try:
        return max((float(Decimal(part or 0) / Decimal(whole)) for part, whole in pairs if whole), default=None)
    except (ArithmeticError, TypeError, ValueError):  # the model rejects the spec
        return None


def _seconds(moment: datetime | None) -> float | None:
    return moment.timestamp() if moment else None


GRAPHCRON_GAUGES: Final[tuple[tuple[str, str, Callable[[GraphCronState], float | None]], ...]] = (
    (
        "graphcron_ready",
        "Whether the GraphCron is Ready (1) or not (0).",
        lambda state: state.holds(ConditionType.READY),
    ),
    (
        "graphcron_suspended",
        "Whether spec.suspend is true (1) or not (0).",
        lambda state: float(state.spec.get("suspend") is True),
    ),
    (
        "graphcron_paused",
        "Whether failures have paused the GraphCron (1) or not (0).",
        lambda state: state.holds(ConditionType.PAUSED),
    ),
    (
        "graphcron_awaiting_human",
        "Whether the last run stopped at an interrupt and waits for human input (1) or not (0).",
        lambda state: state.holds(ConditionType.AWAITING_HUMAN),
    ),
    (
        "graphcron_schedule_tight",
        "Whether runs take longer than the interval of the schedule (1) or not (0).",
        lambda state: state.holds(ConditionType.SCHEDULE_TIGHT),
    ),
    (
        "graphcron_budget_used_ratio",
        "Used share of the budget for the current window, where 1 is the limit; absent if unknown.",
        budget_used,
    ),
    (
        "graphcron_next_schedule_timestamp_seconds",
        "Time of the next scheduled run; absent if none is scheduled.",
        lambda state: _seconds(state.status.next_schedule_time),
    ),
    (
        "graphcron_last_schedule_timestamp_seconds",
        "Scheduled time of the latest run; absent if there was none.",
        lambda state: _seconds(state.status.last_schedule_time),
    ),
    (
        "graphcron_last_success_timestamp_seconds",
        "Time of the last successful run; absent if there was none.",
        lambda state: _seconds(state.status.last_successful_time),
    ),
    (
        "graphcron_last_failure_timestamp_seconds",
        "Time of the last failed run; absent if there was none.",
        lambda state: _seconds(state.status.last_failure_time),
    ),
    (
        "graphcron_consecutive_failures",
        "Number of failed runs since the last successful one.",
        lambda state: float(state.status.consecutive_failures or 0),
    ),
    (
        "graphcron_missed_runs",
        "Total number of missed runs.",
        lambda state: float(state.status.missed_runs or 0),
    ),
    (
        "graphcron_active_runs",
        "Number of active runs.",
        lambda state: float(len(state.status.active or ())),
    ),
)
"""Name, HELP text, and function that reads the value; None: the series is absent."""


def gauge_families(bodies: Iterable[Body]) -> Iterator[GaugeMetricFamily]:
    """Yield the gauges of the GraphCrons."""
    now = datetime.now(UTC)  # noqa: TID251  (a scrape has no time)
    families = [(GaugeMetricFamily(name, text, labels=LABELS), read) for name, text, read in GRAPHCRON_GAUGES]
    for body in bodies:
        labels = (body["metadata"]["namespace"], body["metadata"]["name"])
        try:
            state = GraphCronState(object_at(body, "spec"), status_of(body), now)
            values = [read(state) for _, read in families]
        except Exception:
            logger.exception("Cannot measure %s/%s because of a bug", *labels)
            continue
        for (family, _), value in zip(families, values, strict=True):
            if value is not None:
                family.add_metric(labels, value)
    yield from (family for family, _ in families)


Orphan = tuple[Key, CachedCronJob]
"""A CronJob of a deleted GraphCron, and the key of that GraphCron."""


def orphaned_cronjobs(orphans: Iterable[Orphan]) -> GaugeMetricFamily:
    """Count the CronJobs of deleted GraphCrons."""
    text = "Number of suspended CronJobs whose GraphCron was deleted without them; absent if there are none."
    family = GaugeMetricFamily("graphcron_orphaned_cronjobs", text, labels=LABELS)
    for (namespace, name), number in Counter((key.namespace, key.name) for key, _ in orphans).items():
        family.add_metric((namespace, name), number)
    return family
