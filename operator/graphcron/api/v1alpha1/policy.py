"""What happens after a run: how it is retried, when failures pause the schedule, and what is kept."""

from typing import Annotated, ClassVar

from pydantic import Field

from graphcron.api.v1alpha1.base import Asked
from graphcron.api.v1alpha1.validation import Rule, Rules


class Retry(Asked):
    """What happens after a run that failed. Until the server has accepted a run, trying again costs nothing and is
    always done; this is about further runs, and each of them is paid for."""

    rules: ClassVar[Rules] = Rules(
        Rule(
            problem="is 0, so that nothing is retried and the rest means nothing",
            remedy="say how many further runs you would pay for, for example attempts: 2, or leave out retry",
            holds=lambda retry: retry.attempts > 0 or (retry.resume and not retry.on_graph_error),
            cel="(has(self.attempts) && self.attempts > 0) || "
            "((!has(self.resume) || self.resume) && (!has(self.onGraphError) || !self.onGraphError))",
            field="attempts",
        ),
    )

    attempts: Annotated[int, Field(ge=0, le=10)] = 0
    """How many further runs may follow one that ran into its timeout or that the server lost; each may call models, and
    costs what they cost. Never after one that was cancelled by a person, replaced, interrupted, refused or over its
    budget. For example 2. Default: 0."""
    on_graph_error: bool = False
    """Whether a run in which the graph itself raised an error is retried too. An error that comes again is then paid
    for again, up to `attempts` times. Default: false."""
    resume: bool = True
    """Whether a further run goes on from the last checkpoint, so that finished steps are not paid for again (true), or
    sends the input again on the same thread and repeats all of them (false). Default: true."""


class FailurePolicy(Asked):
    """When failures pause the GraphCron."""

    pause_after_consecutive_failures: Annotated[int, Field(ge=1, le=100)]
    """How many runs must fail one after another until no more start. The condition `Paused` then says why, and a new
    value of the annotation `graphcron.dev/resume-requested-at` goes on. Those that were skipped, interrupted or
    cancelled do not count, and one that succeeds ends the row. For example 3."""


class History(Asked):
    """How much of the past is kept."""

    successful: Annotated[int, Field(ge=1, le=100)] = 3
    """Completed Jobs to keep, with their pods' logs: of runs that succeeded, were interrupted or cancelled, and of
    skipped occurrences. Default: 3; at least 1, because what a run came to is read from its pod."""
    failed: Annotated[int, Field(ge=1, le=100)] = 3
    """Jobs of failed runs to keep, with their pods' logs. Default: 3; at least 1, as for `successful`."""
    runs: Annotated[int, Field(ge=1, le=100)] = 10
    """Entries to keep in `status.recentRuns`. Default: 10."""
    threads: Annotated[int, Field(ge=0, le=1000)] | None = None
    """Threads of finished runs to keep on the LangGraph server, the newest; with `thread.per`, threads of past periods.
    One with a live run, or one that waits for a person, always stays. Not with `thread.id`. For example 20. Default: no
    limit but `onRunCompleted`."""
