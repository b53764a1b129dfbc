"""``status``: what the operator has seen. Written by the operator only."""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import AfterValidator, ConfigDict, Field, ValidationError

from graphcron.api.v1alpha1.base import BY_NAME, Instant, Part
from graphcron.api.v1alpha1.validation import Violation, violated
from graphcron.unstructured.fields import object_at


class _Seen(Part):
    """A part of the status; members of a newer operator's are left out."""

    model_config = ConfigDict(extra="ignore")


MOST: Final = 2**53
"""Numbers are below this: JSON of any origin and the counters of Prometheus still tell them apart."""

LONGEST_SECONDS: Final = 10 * 365 * 86_400
"""The longest duration of a run that is believed."""

AMOUNT: Final = re.compile(r"[0-9]{1,15}(\.[0-9]{1,18})?", re.ASCII)
"""An amount of money as the runner writes it."""


def _believed(holds: Callable[[Any], bool]) -> AfterValidator:
    """Return a check for the operator alone: it refuses what it would not have written, and the schema takes it."""

    def check(value: Any) -> Any:
        if not holds(value):
            raise violated(Violation("", "is out of range", "leave the status to the operator"))
        return value

    return AfterValidator(check)


Count = Annotated[int, _believed(lambda value: 0 <= value < MOST)]
Seconds = Annotated[float, _believed(lambda value: 0 <= value <= LONGEST_SECONDS)]
Amount = Annotated[str, _believed(lambda value: AMOUNT.fullmatch(value) is not None)]


class Condition(_Seen):
    """One thing that holds of the resource, or does not."""

    type: str
    """What the condition is about, such as `Ready`, `LastRunSucceeded`, `Reconciling` or `Stalled`."""
    status: Literal["True", "False", "Unknown"]
    """Whether it holds."""
    reason: str
    """Why, in one CamelCase word."""
    message: str = ""
    """Why, in a sentence for people."""
    last_transition_time: Instant
    """When `status` last changed."""
    observed_generation: int | None = None
    """The `metadata.generation` that this was said of."""


class ActiveRun(_Seen):
    """A run that is under way."""

    job: str
    """Name of its Job."""
    scheduled_time: Instant | None = None
    """When it was due, or when a person asked for it."""
    trigger: str | None = None
    """What a person wrote to ask for it; absent if the schedule did."""


class RecentRun(_Seen):
    """A run that has ended, or an occurrence that was skipped. Never a prompt or an answer."""

    scheduled_time: Instant
    """When it was due, or when a person asked for it."""
    trigger: str | None = None
    """What a person wrote to ask for it; absent if the schedule did."""
    first_scheduled_time: Instant | None = None
    """Where the entry stands for several: when the first of them was due."""
    count: Count | None = None
    """How many neighbouring occurrences, skipped for the same reason, the entry stands for; absent: one."""
    outcome: str
    """How it ended: `Succeeded`, `GraphError`, `Interrupted`, `Timeout`, `Cancelled`, `Skipped`,
    `OverBudget`, `Rejected`, `ServerUnreachable`, …"""
    reason: str | None = None
    """More exactly why, in one CamelCase word."""
    message: str | None = None
    """Why, in a sentence for people."""
    job: str | None = None
    """Name of its Job."""
    run_id: str | None = None
    """The run on the LangGraph server."""
    thread_id: str | None = None
    """Its thread on the LangGraph server."""
    start_time: Instant | None = None
    """When the server accepted it."""
    duration_seconds: Seconds | None = None
    """How long it took on the server, in seconds."""
    attempts: Count | None = None
    """Runs that it took on the server, where there was more than one; the ids are the last one's."""
    tokens: Count | None = None
    """Tokens that it used, in and out, all attempts together."""
    tokens_at_least: bool | None = None
    """True: `tokens` and `cost` are a lower bound, those that the messages of the thread tell of."""
    cost: Amount | None = None
    """What they cost, in the currency of the operator's prices; absent if it has none."""


class BudgetUsed(_Seen):
    """What was used in the current window of the budget."""

    window_start: Instant | None = None
    """When the window began."""
    window_end: Instant | None = None
    """When it turns; of a rolling window, when what was used in it begins to leave."""
    tokens: Count | None = None
    """Tokens used in it."""
    cost: Amount | None = None
    """What they cost, in the currency of the operator's prices; absent if it has none."""


class Preflight(_Seen):
    """The last look at the target."""

    key: str
    """What of the spec and the settings it was about; another one now means that it is made anew."""
    attempts: Count = 0
    """How often it was made."""
    time: Instant | None = None
    """When it was made last."""
    server: str | None = None
    """Product and version of the server, such as `langgraph-api 0.16.7`."""
    outcome: str | None = None
    """How it ended, such as `Succeeded`, `Rejected` or `ServerUnreachable`; absent while it is under way."""
    failures: int | None = None
    """How many in a row have found something wrong."""
    next_time: Instant | None = None
    """When the next one is due, after one that found something wrong."""


class AppliedCronJob(_Seen):
    """A CronJob as the operator last wrote it."""

    name: str
    """Its name."""
    generation: int
    """Its `metadata.generation` after that; another one now means that somebody else has changed it."""


_BY_TYPE: Final[dict[str, Any]] = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}


Conditions = Annotated[list[Condition], Field(json_schema_extra=_BY_TYPE)]
"""Conditions, told apart by their types."""


class Contender(_Seen):
    """An installation of the operator that watches the namespace beside the one that reconciles the GraphCron."""

    installation: str
    """Its name; empty if it has none."""
    time: Instant
    """When it last found the CronJob of the other installation."""
    acknowledged: bool | None = None
    """Whether the installation that reconciles the GraphCron has seen this entry."""


class GraphCronStatus(_Seen):
    """What the operator has seen. Users read it and never write it."""

    observed_generation: int | None = None
    """The `metadata.generation` that this status is about."""
    installation: str | None = None
    """Installation of the operator that reconciles the GraphCron: namespace and name of its Helm release."""
    contender: Contender | None = None
    """Another installation that watches the namespace, and leaves the GraphCron alone; absent if there is none."""
    conditions: Conditions | None = None
    """What holds of the GraphCron. Always: `Ready`, its CronJobs are as they should be; `LastRunSucceeded`, how the
    last run ended. Unless `preflight` is off: `TargetResolved`, a run could be made. While they hold: `Paused` after
    failures, `AwaitingHuman`, `BudgetExceeded`, `ScheduleTight` if runs take longer than the schedule leaves them."""
    schedule: str | None = None
    """The first schedule as it stands in its CronJob."""
    schedules: list[str] | None = None
    """All schedules as they stand in their CronJobs, each `H` replaced by its value."""
    time_zone: str | None = None
    """The zone that is in force."""
    next_schedule_time: Instant | None = None
    """When the next run is due; absent if none is."""
    next_schedule_times: list[Instant] | None = None
    """When the next runs are due, at most five: over all schedules, without what is excluded."""
    last_schedule_time: Instant | None = None
    """When the latest run was due."""
    last_successful_time: Instant | None = None
    """When a run last succeeded."""
    last_failure_time: Instant | None = None
    """When a run last failed."""
    missed_runs: Count | None = None
    """How many runs were due and were started by nobody, because the cluster was down."""
    consecutive_failures: Count | None = None
    """How many of the latest runs have failed one after another."""
    last_handled_trigger: str | None = None
    """The value of the annotation `graphcron.dev/run-requested-at` that was acted on last."""
    last_handled_resume: str | None = None
    """The value of the annotation `graphcron.dev/resume-requested-at` that was acted on last."""
    budget: BudgetUsed | None = None
    """What was used in the current window of the budget; absent if it has none."""
    preflight: Preflight | None = None
    """The last look at the target."""
    active: list[ActiveRun] | None = None
    """Runs that are under way."""
    recent_runs: list[RecentRun] | None = None
    """The latest runs that have ended, newest first; `spec.history.runs` says how many."""
    cron_jobs: Annotated[list[AppliedCronJob], Field(json_schema_extra=BY_NAME)] | None = None
    """The CronJobs as the operator last wrote them, one for each schedule."""
    checked_until: Instant | None = None
    """Up to when it was looked for runs that were due and that nobody started."""


class GraphServerStatus(_Seen):
    """What the operator has seen. Users read it and never write it."""

    observed_generation: int | None = None
    """The `metadata.generation` that this status is about."""
    installation: str | None = None
    """Installation of the operator that looks at the server: namespace and name of its Helm release."""
    conditions: Conditions | None = None
    """What holds of the server. `Ready`: it answers and takes the API key."""
    server: str | None = None
    """Product and version of the server, such as `langgraph-api 0.16.7`."""
    preflight: Preflight | None = None
    """The last look at it."""


def dump_status(status: GraphCronStatus | GraphServerStatus) -> dict[str, Any]:
    """Return the status as Kubernetes stores it: camelCase, no nulls, times in UTC and whole seconds."""
    return status.model_dump(by_alias=True, exclude_none=True)


Status = TypeVar("Status", GraphCronStatus, GraphServerStatus)


def read_status(kind: type[Status], body: Mapping[str, Any]) -> Status:
    """Read the status of an object as it stands, without the members and entries that can't be read.

    Somebody else may have written it, or a newer version before a rollback.
    """
    status = dict(object_at(body, "status"))
    try:
        return _validated(kind, status)
    except ValidationError as error:
        wrong = {details["loc"][:2] for details in error.errors(include_url=False, include_input=False)}
    for name in {str(location[0]) for location in wrong}:
        found = status.pop(name)
        if isinstance(found, list):
            status[name] = [each for at, each in enumerate(found) if (name, at) not in wrong]
    try:
        return _validated(kind, status)
    except ValidationError:
        return kind()


def _validated(kind: type[Status], status: Mapping[str, Any]) -> Status:
    return kind.model_validate(status, by_alias=True, by_name=False)
