"""The fields that describe a run, which GraphCron and GraphRun share."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from graphcron.api.v1alpha1.base import Spec
from graphcron.api.v1alpha1.budget import Budget
from graphcron.api.v1alpha1.cross_field import RUN_RULES
from graphcron.api.v1alpha1.kubernetes_types import KeySource, LocalObjectRef
from graphcron.api.v1alpha1.policy import Retry
from graphcron.api.v1alpha1.runner import Runner
from graphcron.api.v1alpha1.scalars import Assistant, WebhookUrl
from graphcron.api.v1alpha1.server import Server
from graphcron.api.v1alpha1.thread_and_run import Metadata, Nodes, RunConfig, Thread
from graphcron.api.v1alpha1.validation import Rules


class RunTemplate(Spec):
    """What to run, and where."""

    rules: ClassVar[Rules] = RUN_RULES
    nullable: ClassVar[frozenset[str]] = frozenset({"input"})

    assistant: Assistant | None = None
    """Graph to run: the name of a graph in the server's langgraph.json, or the UUID of an assistant. For example
    `daily-report`."""
    thread: Thread | None = None
    """Thread that runs share, so that the graph remembers earlier runs: an existing thread, or one for each day, week
    or month. Default: a new thread for each run."""
    input: Any | None = None
    """Input of the graph: any JSON value, for example `{"messages": [{"role": "user", "content": "Write the daily
    report."}]}`. Default: null, or the value of `inputFrom`."""
    input_from: KeySource | None = None
    """Source of the input, as JSON in a key of a ConfigMap or Secret. Use it for large or confidential input. The pod
    reads it for each run. Mutually exclusive with `input`."""
    input_template: bool = False
    """Whether to replace placeholders in strings of the input: `{{ scheduledTime }}`, `{{ previousScheduledTime }}`,
    `{{ trigger }}`, `{{ name }}`, `{{ namespace }}` and `{{ occurrence }}`. The filters `date` and `addDays` apply to
    times, for example `{{ scheduledTime | addDays(-1) | date }}`. Default: false; the metadata of the run contains most
    of these values in either case."""
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
    """Nodes of the graph before which the run stops and waits for human input. `["*"]` selects all nodes. Default:
    none."""
    interrupt_after: Nodes | None = None
    """Nodes of the graph after which the run stops and waits for human input. `["*"]` selects all nodes. Default:
    none."""
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
    on_interrupted: Literal["skip", "proceed"] = "skip"
    """How to treat a new run if its thread waits for human input: `skip` the run, or `proceed`, which discards the open
    question without notice. Valid only with `thread`. Default: `skip`."""
    timeout_seconds: Annotated[int, Field(ge=1, le=604_800)] | None = None
    """Maximum age of a run in seconds. The runner cancels a run that exceeds it. The maximum is a week. For
    example 3600. Default: the operator's, a week unless the administrator changes it."""
    retry: Retry = Retry()
    """Whether to start a further run after a failed run. Default: no further run, because each run costs money."""
    budget: Budget | None = None
    """Limits for the tokens and the cost of runs. Default: the budget of the GraphServer if `serverRef` is set,
    otherwise none."""
    server: Server | None = None
    """LangGraph server. Mutually exclusive with `serverRef`. Default: the operator's setting."""
    server_ref: LocalObjectRef | None = None
    """GraphServer in the namespace of the GraphCron, such as `name: shared`. Mutually exclusive with `server`. Default:
    none."""
    runner: Runner | None = None
    """Settings of the pod that starts and follows a run. Default: the operator's setting."""
