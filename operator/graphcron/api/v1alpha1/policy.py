"""Retries, the pause after failures, and retention."""

from typing import Annotated, ClassVar

from pydantic import Field

from graphcron.api.v1alpha1.base import Asked
from graphcron.api.v1alpha1.validation import Rule, Rules


class Retry(Asked):
    """Whether to start a further run after a failed run. Until the server has accepted a run, the runner always
    retries, because this costs nothing. This policy applies to further runs, which cost money."""

    rules: ClassVar[Rules] = Rules(
        Rule(
            problem="is 0, so nothing is retried and the other fields have no effect",
            remedy="set the number of further runs, for example attempts: 2, or omit retry",
            holds=lambda retry: retry.attempts > 0 or (retry.resume and not retry.on_graph_error),
            cel="(has(self.attempts) && self.attempts > 0) || "
            "((!has(self.resume) || self.resume) && (!has(self.onGraphError) || !self.onGraphError))",
            field="attempts",
        ),
    )

    attempts: Annotated[int, Field(ge=0, le=10)] = 0
    """Maximum number of further runs after a run that exceeded its timeout or that the server lost. Each of them may
    call models and costs money. There is no further run after a run that was cancelled by a person, replaced,
    interrupted, rejected or over its budget. For example 2. Default: 0."""
    on_graph_error: bool = False
    """Whether to retry a run in which the graph raised an error. If the error is not transient, you pay for it again,
    up to `attempts` times. Default: false."""
    resume: bool = True
    """Whether a further run resumes from the last checkpoint, so that finished steps are not paid for again. If false,
    the runner sends the input again on the same thread, and the graph repeats all steps. Default: true."""


class FailurePolicy(Asked):
    """When failures pause the GraphCron."""

    pause_after_consecutive_failures: Annotated[int, Field(ge=1, le=100)]
    """Number of consecutive failed runs after which no new runs start. The condition `Paused` gives the reason. To
    resume, set the annotation `graphcron.dev/resume-requested-at` to a new value. A successful run resets the count.
    Skipped, interrupted and cancelled runs do not change it. For example 3."""


class History(Asked):
    """How many finished Jobs, threads and entries in the status to keep."""

    successful: Annotated[int, Field(ge=1, le=100)] = 3
    """Number of completed Jobs to keep, with the logs of their pods: Jobs of runs that succeeded, were interrupted or
    were cancelled, and of skipped occurrences. The minimum is 1, because the operator reads the report of a run from
    its pod. Default: 3."""
    failed: Annotated[int, Field(ge=1, le=100)] = 3
    """Number of Jobs of failed runs to keep, with the logs of their pods. The minimum is 1, as for `successful`.
    Default: 3."""
    runs: Annotated[int, Field(ge=1, le=100)] = 10
    """Number of entries to keep in `status.recentRuns`. Default: 10."""
    threads: Annotated[int, Field(ge=0, le=1000)] | None = None
    """Number of threads of finished runs to keep on the LangGraph server, newest first. With `thread.per`, number of
    past periods. A thread with an active run or one that waits for human input always remains. Not valid with
    `thread.id`. For example 20. Default: no limit except `onRunCompleted`."""
