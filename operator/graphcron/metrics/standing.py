"""How each GraphCron stands: what is read from its spec and status whenever Prometheus asks."""

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
"""Labels of what is told of a GraphCron: as many series as there are GraphCrons, and no more."""


class Stand(NamedTuple):
    """What the gauges are read from."""

    spec: Mapping[str, Any]
    """As the API server sends it: one that the model refuses has a stand, too."""
    status: GraphCronStatus
    now: datetime

    def holds(self, kind: ConditionType) -> float:
        """Return 1 where the condition is true, otherwise 0."""
        return float(any(each.type == kind and each.status == "True" for each in self.status.conditions or ()))


def budget_used(stand: Stand) -> float | None:
    """Return what was used of the window's limit; None: there is none, or the window has turned since."""
    limits, used = object_at(stand.spec, "budget"), stand.status.budget
    if used is None or used.window_end is None or used.window_end <= stand.now:
        return None
    pairs = [(used.tokens, limits.get("maxTokens")), (used.cost, limits.get("maxCost"))]
    try:
        return max((float(Decimal(part or 0) / Decimal(whole)) for part, whole in pairs if whole), default=None)
    except (ArithmeticError, TypeError, ValueError):  # the spec is one that the model refuses
        return None


def _seconds(moment: datetime | None) -> float | None:
    return moment.timestamp() if moment else None


OF_GRAPHCRONS: Final[tuple[tuple[str, str, Callable[[Stand], float | None]], ...]] = (
    (
        "graphcron_ready",
        "Whether the GraphCron is Ready (1) or not (0).",
        lambda stand: stand.holds(ConditionType.READY),
    ),
    (
        "graphcron_suspended",
        "Whether spec.suspend is true (1) or not (0).",
        lambda stand: float(stand.spec.get("suspend") is True),
    ),
    (
        "graphcron_paused",
        "Whether failures have paused the GraphCron (1) or not (0).",
        lambda stand: stand.holds(ConditionType.PAUSED),
    ),
    (
        "graphcron_awaiting_human",
        "Whether the last run stopped at an interrupt and waits for a person (1) or not (0).",
        lambda stand: stand.holds(ConditionType.AWAITING_HUMAN),
    ),
    (
        "graphcron_schedule_tight",
        "Whether runs take longer than the interval of the schedule (1) or not (0).",
        lambda stand: stand.holds(ConditionType.SCHEDULE_TIGHT),
    ),
    (
        "graphcron_budget_used_ratio",
        "Used share of the budget for the current window, where 1 is the limit; absent if unknown.",
        budget_used,
    ),
    (
        "graphcron_next_schedule_timestamp_seconds",
        "Time of the next scheduled run; absent if none is scheduled.",
        lambda stand: _seconds(stand.status.next_schedule_time),
    ),
    (
        "graphcron_last_schedule_timestamp_seconds",
        "Scheduled time of the latest run; absent if there was none.",
        lambda stand: _seconds(stand.status.last_schedule_time),
    ),
    (
        "graphcron_last_success_timestamp_seconds",
        "Time of the last successful run; absent if there was none.",
        lambda stand: _seconds(stand.status.last_successful_time),
    ),
    (
        "graphcron_last_failure_timestamp_seconds",
        "Time of the last failed run; absent if there was none.",
        lambda stand: _seconds(stand.status.last_failure_time),
    ),
    (
        "graphcron_consecutive_failures",
        "Number of failed runs since the last successful one.",
        lambda stand: float(stand.status.consecutive_failures or 0),
    ),
    (
        "graphcron_missed_runs",
        "Total number of missed runs.",
        lambda stand: float(stand.status.missed_runs or 0),
    ),
    (
        "graphcron_active_runs",
        "Number of active runs.",
        lambda stand: float(len(stand.status.active or ())),
    ),
)
"""Name, meaning, and how it is read; None: there is nothing to tell."""


def families_of(bodies: Iterable[Body]) -> Iterator[GaugeMetricFamily]:
    """Tell how the GraphCrons stand."""
    now = datetime.now(UTC)  # noqa: TID251  (Prometheus asks, and tells no time)
    families = [(GaugeMetricFamily(name, text, labels=LABELS), read) for name, text, read in OF_GRAPHCRONS]
    for body in bodies:
        labels = (body["metadata"]["namespace"], body["metadata"]["name"])
        try:
            stand = Stand(object_at(body, "spec"), status_of(body), now)
            values = [read(stand) for _, read in families]
        except Exception:
            logger.exception("%s/%s can't be measured: this is a bug", *labels)
            continue
        for (family, _), value in zip(families, values, strict=True):
            if value is not None:
                family.add_metric(labels, value)
    yield from (family for family, _ in families)


Orphan = tuple[Key, CachedCronJob]
"""A CronJob whose GraphCron is gone, and which one that was."""


def orphaned(orphans: Iterable[Orphan]) -> GaugeMetricFamily:
    """Count the CronJobs whose GraphCrons are gone."""
    text = "Number of suspended CronJobs whose GraphCron was deleted without them; absent if there are none."
    family = GaugeMetricFamily("graphcron_orphaned_cronjobs", text, labels=LABELS)
    for (namespace, name), number in Counter((key.namespace, key.name) for key, _ in orphans).items():
        family.add_metric((namespace, name), number)
    return family
