"""``status`` of a GraphRun. Only the operator writes it."""

from typing import Final

from graphcron.api.v1alpha1.base import Instant
from graphcron.api.v1alpha1.status import Amount, Conditions, Count, RecentRun, Seconds, StatusPart


class GraphRunStatus(StatusPart):
    """Observed state of the GraphRun. Only the operator writes it. It never contains a prompt or an answer."""

    observed_generation: int | None = None
    """The `metadata.generation` that this status is based on."""
    installation: str | None = None
    """Installation of the operator that reconciles the GraphRun: namespace and name of its Helm release."""
    conditions: Conditions | None = None
    """Conditions of the GraphRun. Exactly one of `Complete` and `Failed` is True when the run is over. As for a Job,
    `Failed` means that the run has failed; a run that succeeded, was skipped, cancelled or interrupted is `Complete`,
    and `outcome` tells which. Until then, `Reconciling` is True."""
    graph_cron_uid: str | None = None
    """UID of the GraphCron that the run belongs to; absent without `graphCronRef`."""
    job: str | None = None
    """Name of the Job."""
    outcome: str | None = None
    """How the run ended: `Succeeded`, `GraphError`, `Interrupted`, `Timeout`, `Cancelled`, `Skipped`, `OverBudget`,
    `Rejected`, `ServerUnreachable`, …; absent while the run is not over."""
    reason: str | None = None
    """More specific reason for the outcome, as one CamelCase word."""
    message: str | None = None
    """Human-readable explanation of the outcome."""
    run_id: str | None = None
    """ID of the run on the LangGraph server."""
    thread_id: str | None = None
    """ID of the thread on the LangGraph server."""
    url: str | None = None
    """Link to the run in a web interface, from `server.uiUrl`; absent if no run started."""
    start_time: Instant | None = None
    """Time at which the server accepted the run."""
    completion_time: Instant | None = None
    """Time at which the operator observed the end."""
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


RUN_FIELDS: Final = tuple(name for name in RecentRun.model_fields if name in GraphRunStatus.model_fields)
"""Fields of a finished run that both a GraphRun and an entry of ``recentRuns`` have."""
