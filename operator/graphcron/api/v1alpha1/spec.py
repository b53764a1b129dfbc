"""``spec``: the desired state."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from graphcron.api.v1alpha1.base import Instant, Spec
from graphcron.api.v1alpha1.budget import Budget
from graphcron.api.v1alpha1.cross_field import RULES
from graphcron.api.v1alpha1.excludes import Exclude
from graphcron.api.v1alpha1.kubernetes_types import KeySource, LocalObjectRef
from graphcron.api.v1alpha1.policy import FailurePolicy, History, Retry
from graphcron.api.v1alpha1.runner import Runner
from graphcron.api.v1alpha1.scalars import Assistant, WebhookUrl
from graphcron.api.v1alpha1.schedule import Schedule, Schedules, TimeZone
from graphcron.api.v1alpha1.server import Server
from graphcron.api.v1alpha1.thread_and_run import Metadata, Nodes, RunConfig, Thread
from graphcron.api.v1alpha1.validation import Rules


class GraphCronSpec(Spec):
    """What to run, when, and where. The operator does not set defaults in this object or change it."""

    rules: ClassVar[Rules] = RULES
    nullable: ClassVar[frozenset[str]] = frozenset({"input"})

    assistant: Assistant
    """Graph to run: the name of a graph in the server's langgraph.json, or the UUID of an assistant. For example
    `daily-report`."""
    thread: Thread | None = None
    """Thread that runs share, so that the graph remembers earlier runs: an existing thread, or one for each day, week
    or month. Default: a new thread for each run."""
    schedule: Schedule | None = None
    """When to run: minute, hour, day of month, month and weekday, in the syntax of a Kubernetes CronJob, or one of
    `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`. For example, `"30 8 * * 1-5"` is 08:30 from Monday to Friday.
    Quote the value, because `*` has a meaning in YAML. If both day of month and weekday are restricted, a day that
    matches either one is sufficient. `H` is a value that is derived from a hash of the GraphCron's namespace and name,
    which spreads start times: `"H 4 * * *"`, `"H(0-29) 4 * * *"`, `"H/15 * * * *"`. Mutually exclusive with
    `schedules`."""
    schedules: Schedules | None = None
    """Several schedules in the syntax of `schedule`, for example `["0 9 * * 1-5", "0 12 * * 0,6"]`. A minute that
    several of them match runs once. Mutually exclusive with `schedule`."""
    time_zone: TimeZone | None = None
    """Time zone of the schedule: a name in the IANA database, such as `Europe/Berlin`. A local time that does not exist
    when the clocks go forward does not run. A local time that occurs twice when the clocks go back runs twice. Default:
    `Etc/UTC`."""
    input: Any | None = None
    """Input of the graph: any JSON value, for example `{"messages": [{"role": "user", "content": "Write the daily
    report."}]}`. Default: null, or the value of `inputFrom`."""
    input_from: KeySource | None = None
    """Source of the input, as JSON in a key of a ConfigMap or Secret. Use it for large or confidential input. The pod
    reads it for each run. Mutually exclusive with `input`."""
    input_template: bool = False
    """Whether to replace `{{ scheduledTime }}`, `{{ trigger }}`, `{{ name }}`, `{{ namespace }}` and `{{ occurrence }}`
    in strings of the input. Default: false; the metadata of the run contains these values in either case."""
    config: RunConfig | None = None
    """LangGraph's `config` of the run, for example `{"recursion_limit": 50, "tags": ["nightly"]}`. Default: none."""
    context: dict[str, Any] | None = None
    """LangGraph's `context` of the run: values for the context schema of the graph, such as `{"model": "small"}`.
    Mutually exclusive with `config.configurable`. Default: none."""
    metadata: Metadata | None = None
    """Metadata of the run on the LangGraph server, which clients can use to search for runs, such as `{"team":
    "research"}`. Default: only the metadata that GraphCron adds under `graphcron/`."""
    webhook: WebhookUrl | None = None
    """URL to which the LangGraph server posts the outcome of each run, such as `https://example.com/hooks/report`. The
    server decides which URLs it accepts, and usually rejects addresses inside the cluster. Default: none."""
    interrupt_before: Nodes | None = None
    """Nodes of the graph before which the run stops and waits for a person. `["*"]` selects all nodes. Default:
    none."""
    interrupt_after: Nodes | None = None
    """Nodes of the graph after which the run stops and waits for a person. `["*"]` selects all nodes. Default: none."""
    multitask_strategy: Literal["reject", "interrupt", "rollback", "enqueue"] | None = None
    """How the server treats the new run if another client's run is active on the thread: `reject` the new run,
    `interrupt` or `rollback` the other run, or `enqueue` the new run after it. Valid only with `thread`. Default:
    `enqueue`, which does not disturb other clients of the thread."""
    durability: Literal["sync", "async", "exit"] | None = None
    """When the server saves the state of the graph: before the next step (`sync`), during the next step (`async`), or
    at the end (`exit`). With `exit`, an aborted run starts from the beginning. Default: the server's, `async`."""
    on_run_completed: Literal["delete", "keep"] = "delete"
    """How to treat the new thread of a successful run: `delete` it with the next run, or `keep` it. Threads of failed
    and interrupted runs remain for inspection. Mutually exclusive with `thread`. Default: `delete`."""
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
    concurrency_policy: Literal["Forbid", "Allow", "Replace"] = "Forbid"
    """How to treat a new run while a previous run of the same GraphCron is still active: skip the new run (`Forbid`),
    run both (`Allow`), or cancel the previous run (`Replace`). Default: `Forbid`."""
    starting_deadline_seconds: Annotated[int, Field(ge=10, le=604_800)] = 120
    """Maximum delay in seconds after which a run may still start. A later run is skipped. The minimum is 10, because
    Kubernetes checks schedules every 10 seconds. The maximum is a week. Default: 120."""
    catch_up: Literal["none", "last"] = "none"
    """How to treat runs that were due and could not start in time, for example because the cluster was down: skip all
    of them (`none`), or start the last one late (`last`). Runs that were due while the schedule was suspended, paused,
    excluded or not in effect are never caught up. Default: `none`."""
    timeout_seconds: Annotated[int, Field(ge=1, le=604_800)] | None = None
    """Maximum age of a run in seconds. The runner cancels an older run on the server. The maximum is a week. For
    example 3600. Default: the operator's, a week unless the administrator changes it."""
    on_interrupted: Literal["skip", "proceed"] = "skip"
    """How to treat a new run if its thread waits for a person: `skip` the run, or `proceed`, which discards the open
    question without notice. Valid only with `thread`. Default: `skip`."""
    retry: Retry = Retry()
    """Whether to start a further run after a failed run. Default: no further run, because each run costs money."""
    failure_policy: FailurePolicy | None = None
    """When failures pause the GraphCron. Default: never."""
    budget: Budget | None = None
    """Limits for the tokens and the cost of runs. Default: the budget of the GraphServer if `serverRef` is set,
    otherwise none."""
    history: History = History()
    """How many finished Jobs, threads and entries in the status to keep."""
    server: Server | None = None
    """LangGraph server. Mutually exclusive with `serverRef`. Default: the operator's setting."""
    server_ref: LocalObjectRef | None = None
    """GraphServer in the namespace of the GraphCron, such as `name: shared`. Mutually exclusive with `server`. Default:
    none."""
    preflight: bool = True
    """Whether to check after each change that the server answers and knows the assistant and the thread, without
    starting a run. The condition `TargetResolved` reports the result. Default: true."""
    runner: Runner | None = None
    """Settings of the pod that starts and follows a run. Default: the operator's setting."""

    @property
    def lines(self) -> tuple[str, ...]:
        """The schedules as they were written, one or several."""
        return tuple(self.schedules or ()) or ((self.schedule,) if self.schedule else ())
