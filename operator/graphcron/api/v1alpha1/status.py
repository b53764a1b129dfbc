"""``status``: the observed state. Only the operator writes it."""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import AfterValidator, ConfigDict, Field, ValidationError

from graphcron.api.v1alpha1.base import BY_NAME, Instant, Part
from graphcron.api.v1alpha1.validation import Violation, violated
from graphcron.unstructured.fields import object_at


class StatusPart(Part):
    """A part of the status; members of a newer operator's are left out."""

    model_config = ConfigDict(extra="ignore")


MOST: Final = 2**53
"""Upper bound of numbers, below which JSON parsers and Prometheus counters are exact."""

LONGEST_SECONDS: Final = 10 * 365 * 86_400
"""The longest duration of a run that is believed."""

AMOUNT: Final = re.compile(r"[0-9]{1,15}(\.[0-9]{1,18})?", re.ASCII)
"""An amount of money as the runner writes it."""


def _believed(holds: Callable[[Any], bool]) -> AfterValidator:
    """Return a check that only the operator applies: the schema allows values that the operator would not write."""

    def check(value: Any) -> Any:
        if not holds(value):
            raise violated(Violation("", "is out of range", "leave the status to the operator"))
        return value

    return AfterValidator(check)


Count = Annotated[int, _believed(lambda value: 0 <= value < MOST)]
Seconds = Annotated[float, _believed(lambda value: 0 <= value <= LONGEST_SECONDS)]
Amount = Annotated[str, _believed(lambda value: AMOUNT.fullmatch(value) is not None)]


class Condition(StatusPart):
    """One aspect of the state of the resource."""

    type: str
    """Type of the condition, such as `Ready`, `LastRunSucceeded`, `Reconciling` or `Stalled`."""
    status: Literal["True", "False", "Unknown"]
    """Status of the condition."""
    reason: str
    """Reason for the status, as one CamelCase word."""
    message: str = ""
    """Human-readable explanation of the status."""
    last_transition_time: Instant
    """Time at which `status` last changed."""
    observed_generation: int | None = None
    """The `metadata.generation` that the condition is based on."""


class ActiveRun(StatusPart):
    """An active run."""

    job: str
    """Name of the Job."""
    scheduled_time: Instant | None = None
    """Time at which the run was due or requested."""
    trigger: str | None = None
    """Value of the annotation that requested the run; absent for a scheduled run."""
    graph_run: str | None = None
    """Name of the GraphRun that requested the run; absent for other runs."""


class RecentRun(StatusPart):
    """A finished run or a skipped occurrence. It never contains a prompt or an answer."""

    scheduled_time: Instant
    """Time at which the run was due or requested."""
    trigger: str | None = None
    """Value of the annotation that requested the run; absent for a scheduled run."""
    graph_run: str | None = None
    """Name of the GraphRun that requested the run; absent for other runs."""
    requested_time: Instant | None = None
    """Creation of that GraphRun, if its scheduled time is another time."""
    first_scheduled_time: Instant | None = None
    """If the entry represents several occurrences, time at which the first one was due."""
    count: Count | None = None
    """Number of consecutive occurrences, skipped for the same reason, that the entry represents; absent if one."""
    outcome: str
    """How the occurrence ended: `Succeeded`, `GraphError`, `Interrupted`, `Timeout`, `Cancelled`, `Skipped`,
    `OverBudget`, `Rejected`, `ServerUnreachable`, …"""
    reason: str | None = None
    """More specific reason for the outcome, as one CamelCase word."""
    message: str | None = None
    """Human-readable explanation of the outcome."""
    job: str | None = None
    """Name of the Job."""
    run_id: str | None = None
    """ID of the run on the LangGraph server."""
    thread_id: str | None = None
    """ID of the thread on the LangGraph server."""
    url: str | None = None
    """Link to the run in a web interface, from `server.uiUrl`; absent if no run started."""
    start_time: Instant | None = None
    """Time at which the server accepted the run."""
    duration_seconds: Seconds | None = None
    """Duration of the run on the server in seconds."""
    attempts: Count | None = None
    """Number of runs on the server, if more than one. The IDs are those of the last run."""
    tokens: Count | None = None
    """Number of input and output tokens of all attempts."""
    tokens_at_least: bool | None = None
    """If true, `tokens` and `cost` are a lower bound, derived from the messages of the thread."""
    cost: Amount | None = None
    """Cost of the tokens, in the currency of the operator's prices; absent if no prices are set."""


class BudgetUsed(StatusPart):
    """Usage in the current window of the budget."""

    window_start: Instant | None = None
    """Start of the window."""
    window_end: Instant | None = None
    """End of the window. For a rolling window, time at which the oldest usage leaves the window."""
    tokens: Count | None = None
    """Number of tokens used in the window."""
    cost: Amount | None = None
    """Cost of the tokens, in the currency of the operator's prices; absent if no prices are set."""


class Preflight(StatusPart):
    """Last check of the target."""

    key: str
    """Hash of the parts of the spec and the settings that the check covers. A different value triggers a new check."""
    attempts: Count = 0
    """Number of checks for this key."""
    time: Instant | None = None
    """Time of the last check."""
    server: str | None = None
    """Product and version of the server, such as `langgraph-api 0.16.7`."""
    outcome: str | None = None
    """Outcome of the check, such as `Succeeded`, `Rejected` or `ServerUnreachable`; absent while the check is
    running."""
    failures: int | None = None
    """Number of consecutive checks that found a problem."""
    next_time: Instant | None = None
    """Time of the next check, after a check that found a problem."""


class AppliedCronJob(StatusPart):
    """A CronJob as the operator last wrote it."""

    name: str
    """Name of the CronJob."""
    generation: int
    """Its `metadata.generation` after that write. A different value means that another client has changed it."""


_BY_TYPE: Final[dict[str, Any]] = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}


Conditions = Annotated[list[Condition], Field(json_schema_extra=_BY_TYPE)]
"""Conditions, keyed by type."""


class Contender(StatusPart):
    """Another installation of the operator that watches the same namespace."""

    installation: str
    """Name of the installation; empty if it has none."""
    time: Instant
    """Last time at which that installation found the CronJob of this one."""
    acknowledged: bool | None = None
    """Whether the installation that reconciles the GraphCron has seen this entry."""


class GraphCronStatus(StatusPart):
    """Observed state of the GraphCron. Only the operator writes it."""

    observed_generation: int | None = None
    """The `metadata.generation` that this status is based on."""
    installation: str | None = None
    """Installation of the operator that reconciles the GraphCron: namespace and name of its Helm release."""
    contender: Contender | None = None
    """Another installation that watches the namespace and does not reconcile the GraphCron; absent if there is none."""
    conditions: Conditions | None = None
    """Conditions of the GraphCron. Always present: `Ready`, whether the CronJobs match the spec; `LastRunSucceeded`,
    how the last run ended. Unless `preflight` is false: `TargetResolved`, whether a run can start. Only while True:
    `Paused` after failures, `AwaitingHuman`, `BudgetExceeded`, `RunDelayed`, and `ScheduleTight` if runs take longer
    than the interval of the schedule."""
    schedule: str | None = None
    """First schedule, as in its CronJob."""
    schedules: list[str] | None = None
    """All schedules, as in their CronJobs, with the value of each `H`."""
    time_zone: str | None = None
    """Time zone that is in effect."""
    next_schedule_time: Instant | None = None
    """When the next run is due; absent if no run is due."""
    next_schedule_times: list[Instant] | None = None
    """Up to five times at which the next runs are due, across all schedules and without exclusions."""
    last_schedule_time: Instant | None = None
    """Time at which the latest run was due."""
    last_successful_time: Instant | None = None
    """Time of the last successful run."""
    last_failure_time: Instant | None = None
    """Time of the last failed run."""
    missed_runs: Count | None = None
    """Number of runs that were due and did not start in time, for example because the cluster was down."""
    consecutive_failures: Count | None = None
    """Number of consecutive failed runs."""
    last_handled_trigger: str | None = None
    """Last handled value of the annotation `graphcron.dev/run-requested-at`."""
    last_handled_resume: str | None = None
    """Last handled value of the annotation `graphcron.dev/resume-requested-at`."""
    budget: BudgetUsed | None = None
    """Usage in the current window of the budget; absent without a budget."""
    preflight: Preflight | None = None
    """Last check of the target."""
    active: list[ActiveRun] | None = None
    """Active runs."""
    recent_runs: list[RecentRun] | None = None
    """Latest finished runs, newest first. `spec.history.runs` sets the maximum number."""
    cron_jobs: Annotated[list[AppliedCronJob], Field(json_schema_extra=BY_NAME)] | None = None
    """CronJobs as the operator last wrote them, one for each schedule."""
    checked_until: Instant | None = None
    """Time up to which the operator has checked for missed runs."""


class GraphServerStatus(StatusPart):
    """Observed state of the GraphServer. Only the operator writes it."""

    observed_generation: int | None = None
    """The `metadata.generation` that this status is based on."""
    installation: str | None = None
    """Installation of the operator that checks the server: namespace and name of its Helm release."""
    conditions: Conditions | None = None
    """Conditions of the GraphServer. `Ready` reports whether the server answers and accepts the API key."""
    server: str | None = None
    """Product and version of the server, such as `langgraph-api 0.16.7`."""
    preflight: Preflight | None = None
    """Last check of the server."""


def dump_status(status: StatusPart) -> dict[str, Any]:
    """Return the status as Kubernetes stores it: camelCase, no nulls, times in UTC and whole seconds."""
    return status.model_dump(by_alias=True, exclude_none=True)


Status = TypeVar("Status", bound=StatusPart)


def read_status(kind: type[Status], body: Mapping[str, Any]) -> Status:
    """Read the status of an object as it stands, without the members and entries that can't be read.

    Another client may have written it, or a newer version of the operator before a rollback.
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
