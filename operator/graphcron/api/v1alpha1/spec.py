"""``spec``: what the user asks for."""

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
    """What to run, when, and where. Nothing here is filled in or changed by the operator."""

    rules: ClassVar[Rules] = RULES
    nullable: ClassVar[frozenset[str]] = frozenset({"input"})

    assistant: Assistant
    """What to run: the name of a graph (as in the server's langgraph.json) or the UUID of an assistant. For example
    `daily-report`."""
    thread: Thread | None = None
    """A thread that runs share, so that the graph remembers: one of your own, or one for each day, week or month.
    Default: a fresh thread for each run."""
    schedule: Schedule | None = None
    """When to run: minute, hour, day of month, month and weekday, as a Kubernetes CronJob takes them, or one of
    `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`. For example `"30 8 * * 1-5"`: 08:30 from Monday to Friday.
    In quotes, because YAML gives `*` a meaning of its own. If day of month and weekday are both given, either is
    enough. `H` stands for a value that a hash of the GraphCron's name picks, so that not all start at once: `"H 4 * *
    *"`, `"H(0-29) 4 * * *"`, `"H/15 * * * *"`. Either this or `schedules`."""
    schedules: Schedules | None = None
    """Several schedules, each as in `schedule`, for example `["0 9 * * 1-5", "0 12 * * 0,6"]`; a minute in which
    several are due runs once. Either this or `schedule`."""
    time_zone: TimeZone | None = None
    """Zone of the schedule: a name in the IANA database, such as `Europe/Berlin`. A time that the clocks skip in
    spring does not run that day; one that they repeat in autumn runs twice. Default: `Etc/UTC`."""
    input: Any | None = None
    """Input of the graph: any JSON value, for example `{"messages": [{"role": "user", "content": "Write the daily
    report."}]}`. Default: null, or what `inputFrom` holds."""
    input_from: KeySource | None = None
    """Where the input is kept, as JSON, if it is large or secret: a key of a ConfigMap or Secret. Read anew at each
    run. Not together with `input`."""
    input_template: bool = False
    """Whether `{{ scheduledTime }}`, `{{ trigger }}`, `{{ name }}`, `{{ namespace }}`, `{{ occurrence }}` in the texts
    of the input are replaced. Default: false; the graph finds such values in the run's metadata anyway."""
    config: RunConfig | None = None
    """LangGraph's `config` of the run, for example `{"recursion_limit": 50, "tags": ["nightly"]}`. Default: none."""
    context: dict[str, Any] | None = None
    """LangGraph's `context` of the run: values for the graph's context schema, such as `{"model": "small"}`. Not
    together with `config.configurable`. Default: none."""
    metadata: Metadata | None = None
    """Metadata of the run on the LangGraph server, by which runs can be searched, such as `{"team": "research"}`.
    Default: only what GraphCron itself adds, under `graphcron/`."""
    webhook: WebhookUrl | None = None
    """URL to which the LangGraph server posts the outcome of each run, such as `https://example.com/hooks/report`.
    The server decides which it takes; addresses inside the cluster are usually refused. Default: none."""
    interrupt_before: Nodes | None = None
    """Nodes of the graph before which the run stops and waits for a person; `["*"]` for all. Default: none."""
    interrupt_after: Nodes | None = None
    """Nodes of the graph after which the run stops and waits for a person; `["*"]` for all. Default: none."""
    multitask_strategy: Literal["reject", "interrupt", "rollback", "enqueue"] | None = None
    """What the server does if the thread is busy with somebody else's run: `reject` the new one, `interrupt` or
    `rollback` the old one, or `enqueue` the new one after it. Only with `thread`. Default: `enqueue`, so that
    ordinary use of the thread is not disturbed."""
    durability: Literal["sync", "async", "exit"] | None = None
    """When the server saves the graph's state: before each next step (`sync`), while it runs (`async`), or at the end
    (`exit`; a run that was cut off then begins again). Default: the server's, `async`."""
    on_run_completed: Literal["delete", "keep"] = "delete"
    """What becomes of the fresh thread of a successful run: `delete` it with the next run, or `keep` it. Threads of
    failed and interrupted runs stay for a person to look at. Not together with `thread`. Default: `delete`."""
    start_time: Instant | None = None
    """When the schedule begins (RFC 3339): runs that are due earlier do not start. For example
    `2026-12-01T00:00:00Z`. Default: at once."""
    end_time: Instant | None = None
    """When the schedule ends (RFC 3339): runs that are due then or later do not start. For example
    `2026-12-31T23:59:59Z`. Default: never."""
    excludes: Annotated[list[Exclude], Field(max_length=100)] | None = None
    """Days and times at which nothing runs, in the zone of the schedule, for example `[{date: "2026-12-25"}, {from:
    "2026-12-31T12:00", to: "2027-01-02T08:00"}]`. At most 100. Default: none."""
    suspend: bool = False
    """Whether to start no new runs for now; one that is under way goes on. What would have run meanwhile is not made
    up for. Default: false."""
    concurrency_policy: Literal["Forbid", "Allow", "Replace"] = "Forbid"
    """What happens when a run is due and the last one is not over: skip the new one (`Forbid`), run both (`Allow`),
    or cancel the old one (`Replace`). Default: `Forbid`."""
    starting_deadline_seconds: Annotated[int, Field(ge=10, le=604_800)] = 120
    """How late a run may start, in seconds; one that is later is skipped. At least 10, because Kubernetes looks only
    every 10 seconds; at most a week. Default: 120."""
    catch_up: Literal["none", "last"] = "none"
    """What happens to runs that were due and that nobody started in time, because the cluster was down: nothing
    (`none`), or the last of them runs late (`last`). What was suspended, paused, excluded or not yet scheduled is never
    made up for. Default: `none`."""
    timeout_seconds: Annotated[int, Field(ge=1, le=604_800)] | None = None
    """Age at which a run is cancelled on the server, in seconds; at most a week. For example 3600. Default: the
    operator's, a week unless the administrator changes it."""
    on_interrupted: Literal["skip", "proceed"] = "skip"
    """What happens when a run is due and its thread waits for a person: `skip` it, or `proceed`, which discards what
    waits there without a word. Only with `thread`. Default: `skip`."""
    retry: Retry = Retry()
    """What happens after a run that failed. Default: nothing; a further run costs money."""
    failure_policy: FailurePolicy | None = None
    """When failures pause the GraphCron. Default: never."""
    budget: Budget | None = None
    """What runs may use, in tokens and in money. Default: that of the GraphServer if `serverRef` names one, otherwise
    none."""
    history: History = History()
    """How many finished Jobs and which part of the past are kept."""
    server: Server | None = None
    """The LangGraph server. Not together with `serverRef`. Default: the operator's setting."""
    server_ref: LocalObjectRef | None = None
    """A GraphServer in the GraphCron's namespace, such as `name: shared`. Not together with `server`. Default:
    none."""
    preflight: bool = True
    """Whether to look, after each change and without starting a run, if the server answers and knows the assistant and
    the thread; the condition `TargetResolved` says what was found. Default: true."""
    runner: Runner | None = None
    """What is special about the pod that starts a run and follows it. Default: the operator's setting."""

    @property
    def lines(self) -> tuple[str, ...]:
        """The schedules as they were written, one or several."""
        return tuple(self.schedules or ()) or ((self.schedule,) if self.schedule else ())
