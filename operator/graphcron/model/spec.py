"""``spec``: what the user asks for."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from graphcron.model.base import Asked, Instant
from graphcron.model.refs import KeySource
from graphcron.model.rules import Rule, Rules
from graphcron.model.run import Metadata, Nodes, RunConfig
from graphcron.model.runner import Runner
from graphcron.model.server import Server
from graphcron.model.when import Schedule, TimeZone
from graphcron.model.words import Assistant, Uuid, WebhookUrl


class Thread(Asked):
    """A thread of your own that all runs share."""

    id: Uuid
    """UUID of the thread on the LangGraph server, such as `4f6b3c1e-0d4a-4c55-9a53-6a1c2f0e7b11`."""
    create: bool = False
    """Whether to make the thread if the server does not have it. Default: false; the run then fails."""


class History(Asked):
    """How much of the past is kept."""

    successful: Annotated[int, Field(ge=1, le=100)] = 3
    """Jobs of successful runs to keep, with their pods' logs. Default: 3; at least 1, because what a run came to is
    read from its pod."""
    failed: Annotated[int, Field(ge=1, le=100)] = 3
    """Jobs of failed runs to keep, with their pods' logs. Default: 3; at least 1, as for `successful`."""
    runs: Annotated[int, Field(ge=1, le=100)] = 10
    """Entries to keep in `status.recentRuns`. Default: 10."""


_RULES = Rules(
    Rule(
        problem="is set beside spec.context, and the server takes only one of the two",
        remedy="move its values to spec.context, or leave spec.context out",
        holds=lambda spec: spec.context is None or "configurable" not in (spec.config or {}),
        cel="!has(self.context) || !has(self.config) || !has(self.config.configurable)",
        field="config.configurable",
        reason="FieldValueForbidden",
    ),
    Rule(
        problem="is set beside spec.input",
        remedy="leave out one of the two",
        holds=lambda spec: spec.input_from is None or "input" not in spec.model_fields_set,
        field="inputFrom",
    ),
    Rule(
        problem="is set, and there is no input to fill in",
        remedy='add spec.input, for example {"date": "{{ scheduledTime }}"}, or spec.inputFrom',
        holds=lambda spec: not spec.input_template or spec.input is not None or spec.input_from is not None,
        field="inputTemplate",
    ),
    Rule(
        problem="matters only on a shared thread, and without spec.thread each run has its own",
        remedy="leave it out, or name a thread in spec.thread.id; for runs that overlap see spec.concurrencyPolicy",
        holds=lambda spec: spec.multitask_strategy is None or spec.thread is not None,
        cel="!has(self.multitaskStrategy) || has(self.thread)",
        field="multitaskStrategy",
        reason="FieldValueForbidden",
    ),
    Rule(
        problem="is about the fresh thread of each run, and spec.thread names one of your own, which is never deleted",
        remedy="leave out one of the two",
        holds=lambda spec: spec.thread is None or "on_run_completed" not in spec.model_fields_set,
        cel="!has(self.onRunCompleted) || !has(self.thread)",
        field="onRunCompleted",
        reason="FieldValueForbidden",
    ),
)


class GraphCronSpec(Asked):
    """What to run, when, and where. Nothing here is filled in or changed by the operator."""

    rules: ClassVar[Rules] = _RULES
    nullable: ClassVar[frozenset[str]] = frozenset({"input"})

    assistant: Assistant
    """What to run: the name of a graph (as in the server's langgraph.json) or the UUID of an assistant. For example
    `daily-report`."""
    thread: Thread | None = None
    """A thread of your own on which every run goes, so that the graph remembers. Default: a fresh thread for each
    run."""
    schedule: Schedule
    """When to run: minute, hour, day of month, month and weekday, as a Kubernetes CronJob takes them, or one of
    `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`. For example `"30 8 * * 1-5"`: 08:30 from Monday to Friday.
    In quotes, because YAML gives `*` a meaning of its own. If day of month and weekday are both given, either is
    enough."""
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
    """Whether `{{ scheduledTime }}` and the like in the texts of the input are replaced. Default: false; the graph
    finds such values in the run's metadata anyway."""
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
    end_time: Instant | None = None
    """When the schedule ends (RFC 3339): runs that are due then or later do not start. For example
    `2026-12-31T23:59:59Z`. Default: never."""
    suspend: bool = False
    """Whether to start no new runs for now; one that is under way goes on. What would have run meanwhile is not made
    up for. Default: false."""
    concurrency_policy: Literal["Forbid", "Allow", "Replace"] = "Forbid"
    """What happens when a run is due and the last one is not over: skip the new one (`Forbid`), run both (`Allow`),
    or cancel the old one (`Replace`). Default: `Forbid`."""
    starting_deadline_seconds: Annotated[int, Field(ge=10, le=604_800)] = 120
    """How late a run may start, in seconds; one that is later is skipped. At least 10, because Kubernetes looks only
    every 10 seconds; at most a week. Default: 120."""
    timeout_seconds: Annotated[int, Field(ge=1, le=604_800)] | None = None
    """Age at which a run is cancelled on the server, in seconds; at most a week. For example 3600. Default: none but
    the server's own limit."""
    history: History = History()
    """How many finished Jobs and which part of the past are kept."""
    server: Server | None = None
    """The LangGraph server. Default: the operator's setting."""
    runner: Runner | None = None
    """What is special about the pod that starts a run and follows it. Default: the operator's setting."""
