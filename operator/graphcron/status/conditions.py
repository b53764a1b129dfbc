"""The conditions about runs; ``Ready`` has its own module."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, Literal, NamedTuple

from graphcron.api import names
from graphcron.api.names import Purpose
from graphcron.api.reasons import ConditionType, Reason
from graphcron.api.v1alpha1 import BudgetUsed, Condition, GraphCron, RecentRun, rfc3339
from graphcron.contract import Outcome, Report
from graphcron.errors import GraphCronError, PreflightPendingError
from graphcron.manifests.pod import Manifest
from graphcron.planning.failures import FAILURES, SUCCESSES, Pause
from graphcron.planning.run_history import percentile
from graphcron.planning.triggers import delay_message
from graphcron.schedule.occurrences import smallest_gap

ConditionStatus = Literal["True", "False", "Unknown"]

LEAST_RUNS: Final = 5
"""Minimum number of runs that show how long most runs take."""

_AWAITING_SKIPS: Final = frozenset({"ThreadAwaitsHuman"})


class ConditionUpdate(NamedTuple):
    """A condition without its times."""

    kind: ConditionType
    status: ConditionStatus
    reason: str
    message: str


class ConditionInputs(NamedTuple):
    """The inputs of the checks."""

    graphcron: GraphCron | None
    """None: it can't be read."""
    runs: Sequence[RecentRun]
    """The newest first."""
    next_times: Sequence[datetime]
    pause: Pause | None
    budget: BudgetUsed | None
    now: datetime


Check = Callable[[ConditionInputs], ConditionUpdate | None]


def run_conditions(inputs: ConditionInputs) -> Iterator[ConditionUpdate]:
    """Yield the conditions about runs: the result of the last one, and those that hold."""
    yield last_run(inputs.runs)
    yield from (update for check in _CHECKS if (update := check(inputs)))


def last_run(runs: Sequence[RecentRun]) -> ConditionUpdate:
    """Return ``LastRunSucceeded`` of the newest run; skipped occurrences do not count."""
    kind = ConditionType.LAST_RUN_SUCCEEDED
    last = next((run for run in runs if run.outcome != Outcome.SKIPPED), None)
    if last is None:
        return ConditionUpdate(kind, "Unknown", Reason.NO_RUN_YET, "No run has finished yet.")
    status: ConditionStatus = (
        "True" if last.outcome in SUCCESSES else "False" if last.outcome in FAILURES else "Unknown"
    )
    message = f"Run of {rfc3339(last.scheduled_time)}: {last.message or last.outcome}."
    return ConditionUpdate(kind, status, last.outcome, message)


def target(report: Report | None, before: Condition | None, refusal: GraphCronError | None = None) -> ConditionUpdate:
    """Return ``TargetResolved`` from a preflight's report; without one, from the last result."""
    kind = ConditionType.TARGET_RESOLVED
    if report is None:
        return ConditionUpdate(kind, *last_result(before, refusal))
    if report.outcome is Outcome.SUCCEEDED:
        return ConditionUpdate(kind, "True", "Resolved", f"{report.message}.")
    if report.outcome is Outcome.INTERNAL_ERROR:  # it did not reach the server
        return ConditionUpdate(kind, "Unknown", report.reason or report.outcome.value, f"{report.message}.")
    return ConditionUpdate(kind, "False", report.reason or report.outcome.value, f"{report.message}.")


def last_result(before: Condition | None, refusal: GraphCronError | None) -> tuple[ConditionStatus, str, str]:
    """Return status, reason and message of the last preflight's result, while the current one has none.

    Parameters
    ----------
    before
        The current condition; None: it is about another target.
    refusal
        Why the Job of the next preflight could not be created, or has to wait.
    """
    waits = isinstance(refusal, PreflightPendingError)
    words = f"{_NO_PREFLIGHT}{refusal}. The operator retries." if refusal and not waits else ""
    if before is None or before.reason in NO_RESULT:
        if isinstance(refusal, PreflightPendingError):
            return "Unknown", refusal.reason, str(refusal)
        reason, message = (Reason.FAILED_CREATE, words) if words else (Reason.CHECKING, "A preflight is in progress.")
        return "Unknown", reason, message
    result = before.message.partition(f" {_NO_PREFLIGHT}")[0]
    return before.status, before.reason, f"{result} {words}".rstrip()


NO_RESULT: Final = frozenset(
    {Reason.CHECKING, Reason.FAILED_CREATE, Reason.PREFLIGHT_PENDING, Reason.WAITING_FOR_SERVER}
)
"""Reasons of a condition without a preflight's result."""

_NO_PREFLIGHT: Final = "No preflight could be started: "


def run_delayed(refused: Mapping[Purpose, GraphCronError], jobs: Mapping[Purpose, Manifest]) -> ConditionUpdate | None:
    """Return ``RunDelayed`` if runs outside the schedule have no Job yet."""
    messages = [
        delay_message(
            purpose,
            scheduled=jobs[purpose]["metadata"]["annotations"][names.ANNOTATION_SCHEDULED_TIMESTAMP],
            requested=jobs[purpose]["metadata"]["annotations"][names.ANNOTATION_REQUESTED_TIME],
            why=error,
        )
        for purpose, error in refused.items()
        if purpose is not Purpose.PREFLIGHT
    ]
    return (
        ConditionUpdate(ConditionType.RUN_DELAYED, "True", Reason.FAILED_CREATE, " ".join(messages))
        if messages
        else None
    )


def _paused(inputs: ConditionInputs) -> ConditionUpdate | None:
    if inputs.graphcron is None or inputs.pause is None or inputs.pause.since is None:
        return None
    last = next((run for run in inputs.runs if run.outcome != Outcome.SKIPPED), None)
    why = f" The last failure: {last.message or last.outcome}." if last else ""
    metadata = inputs.graphcron.metadata
    remedy = f"kubectl annotate graphcron {metadata.name} --namespace={metadata.namespace} --overwrite"
    failures = inputs.pause.failures
    message = (
        f"{failures} consecutive {'run has' if failures == 1 else 'runs have'} failed, so no further runs start.{why} "
        f'To resume, run: {remedy} {names.ANNOTATION_RESUME_REQUESTED}="$(date)"'
    )
    return ConditionUpdate(ConditionType.PAUSED, "True", Reason.CONSECUTIVE_FAILURES, message)


def _awaiting_human(inputs: ConditionInputs) -> ConditionUpdate | None:
    # A skip for another reason does not show the state of the thread.
    telling = (run for run in inputs.runs if run.outcome != Outcome.SKIPPED or run.reason in _AWAITING_SKIPS)
    last = next(telling, None)
    if last is None or not (last.outcome == Outcome.INTERRUPTED or last.reason in _AWAITING_SKIPS):
        return None
    asked = next((run for run in inputs.runs if run.outcome == Outcome.INTERRUPTED), last)
    where = f"thread {asked.thread_id}" if asked.thread_id else "its thread"
    message = f"The run of {rfc3339(asked.scheduled_time)} stopped at an interrupt: {where} waits for an answer."
    return ConditionUpdate(ConditionType.AWAITING_HUMAN, "True", Reason.WAITS_FOR_ANSWER, message)


def _budget_exceeded(inputs: ConditionInputs) -> ConditionUpdate | None:
    budget, used = inputs.graphcron.spec.budget if inputs.graphcron else None, inputs.budget
    if budget is None or used is None or used.window_end is None or used.window_end <= inputs.now:
        return None
    until = f"Runs are skipped until {rfc3339(used.window_end)}."
    if budget.max_tokens is not None and (used.tokens or 0) >= budget.max_tokens:
        message = f"{used.tokens:,} of {budget.max_tokens:,} tokens are used. {until}"
    elif budget.max_cost is not None and Decimal(used.cost or 0) >= Decimal(budget.max_cost):
        message = f"{used.cost} of {budget.max_cost} is spent. {until}"
    else:
        return None
    return ConditionUpdate(ConditionType.BUDGET_EXCEEDED, "True", Reason.LIMIT_REACHED, message)


def _schedule_tight(inputs: ConditionInputs) -> ConditionUpdate | None:
    durations = sorted(run.duration_seconds for run in inputs.runs if run.duration_seconds is not None)
    gap = smallest_gap(inputs.next_times)
    if gap is None or len(durations) < LEAST_RUNS:
        return None
    longest = timedelta(seconds=percentile(durations, 95))
    if longest <= gap:
        return None
    message = (
        f"95 % of runs take up to {longest.total_seconds():,.0f} s, but the schedule leaves only "
        f"{gap.total_seconds():,.0f} s between runs. Schedule runs less often, or check spec.concurrencyPolicy."
    )
    return ConditionUpdate(ConditionType.SCHEDULE_TIGHT, "True", Reason.RUNS_OUTLAST_INTERVAL, message)


_CHECKS: Final[tuple[Check, ...]] = (_paused, _awaiting_human, _budget_exceeded, _schedule_tight)
