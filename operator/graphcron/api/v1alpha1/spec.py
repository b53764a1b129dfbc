"""``spec`` of a GraphCron: the desired state."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from graphcron.api.v1alpha1.base import Instant
from graphcron.api.v1alpha1.cross_field import RULES
from graphcron.api.v1alpha1.excludes import Exclude
from graphcron.api.v1alpha1.policy import FailurePolicy, History
from graphcron.api.v1alpha1.run_template import RunTemplate
from graphcron.api.v1alpha1.scalars import Assistant
from graphcron.api.v1alpha1.schedule import Schedule, Schedules, TimeZone
from graphcron.api.v1alpha1.validation import Rules


class GraphCronSpec(RunTemplate):
    """What to run, when, and where. The operator does not set defaults in this object or change it."""

    rules: ClassVar[Rules] = RULES

    assistant: Assistant
    """Graph to run: the name of a graph in the server's langgraph.json, or the UUID of an assistant. For example
    `daily-report`."""
    schedule: Schedule | None = None
    """When to run: minute, hour, day of month, month and weekday, in the syntax of a Kubernetes CronJob, or one of
    `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`. For example, `"30 8 * * 1-5"` is 08:30 from Monday to Friday.
    Quote the value, because `*` has a meaning in YAML. If both day of month and weekday are restricted, a day that
    matches either one is enough. `H` is a value that is derived from a hash of the GraphCron's namespace and name,
    which spreads start times: `"H 4 * * *"`, `"H(0-29) 4 * * *"`, `"H/15 * * * *"`. Mutually exclusive with
    `schedules`."""
    schedules: Schedules | None = None
    """Several schedules in the syntax of `schedule`, for example `["0 9 * * 1-5", "0 12 * * 0,6"]`. A minute that
    several of them match runs once. Mutually exclusive with `schedule`."""
    time_zone: TimeZone | None = None
    """Time zone of the schedule: a name in the IANA database, such as `Europe/Berlin`. A local time that does not exist
    when the clocks go forward does not run. A local time that occurs twice when the clocks go back runs twice. Default:
    `Etc/UTC`."""
    start_time: Instant | None = None
    """Start of the schedule (RFC 3339). Runs that are due before this time do not start. For example
    `2026-12-01T00:00:00Z`. Default: at once."""
    end_time: Instant | None = None
    """End of the schedule (RFC 3339). Runs that are due at or after this time do not start. For example
    `2026-12-31T23:59:59Z`. Default: never."""
    excludes: Annotated[list[Exclude], Field(max_length=100)] | None = None
    """Days and time ranges in which no run starts, in the time zone of the schedule, for example `[{date:
    "2026-12-25"}, {from: "2026-12-31T12:00", to: "2027-01-02T08:00"}]`. At most 100. Default: none."""
    suspend: bool = False
    """Whether to suspend the schedule. No new runs start, and an active run continues. Runs that were due during the
    suspension do not start later. Default: false."""
    concurrency_policy: Literal["Forbid", "Allow", "Replace", "Queue"] = "Forbid"
    """How to treat a new run while a previous run of the same GraphCron is still active: skip the new run (`Forbid`),
    run both (`Allow`), cancel the previous run (`Replace`), or start the new run when the previous ones have ended
    (`Queue`). With `Queue`, runs start in the order of their scheduled times, and wait for up to
    `startingDeadlineSeconds`. Default: `Forbid`."""
    queue_limit: Annotated[int, Field(ge=1, le=100)] = 10
    """Maximum number of runs that wait with `concurrencyPolicy: Queue`. Further runs are skipped. Each waiting run has
    a pod. Default: 10."""
    starting_deadline_seconds: Annotated[int, Field(ge=10, le=604_800)] = 120
    """Maximum delay in seconds after which a run may still start. A later run is skipped. The minimum is 10, because
    Kubernetes checks schedules every 10 seconds. The maximum is a week. Default: 120."""
    catch_up: Literal["none", "last"] = "none"
    """How to treat runs that were due and could not start in time, for example because the cluster was down: skip all
    of them (`none`), or start the last one late (`last`). Runs that were due while the schedule was suspended, paused,
    excluded or not in effect are never caught up. Default: `none`."""
    failure_policy: FailurePolicy | None = None
    """When failures pause the GraphCron. Default: never."""
    history: History = History()
    """How many finished Jobs, threads and entries in the status to keep."""
    preflight: bool = True
    """Whether to check after each change that the server answers and knows the assistant and the thread, without
    starting a run. The condition `TargetResolved` reports the result. Default: true."""

    @property
    def lines(self) -> tuple[str, ...]:
        """The schedules as they were written, one or several."""
        return tuple(self.schedules or ()) or ((self.schedule,) if self.schedule else ())
