"""The end of a pod's work: the record, the report, and what SIGTERM asks for."""

from collections.abc import Callable
from typing import Final, TypeVar

from graphcron.contract import Outcome, Report
from graphcron.runner.client.errors import Ended, Ending, Refused, Unanswered, Untrusted
from graphcron.runner.client.times import rfc3339, seconds_of
from graphcron.runner.occurrence.context import STOP_SECONDS, Tick
from graphcron.runner.occurrence.lookup import cancel
from graphcron.runner.occurrence.outcome import LIVE, tokens_of
from graphcron.runner.occurrence.record_thread import (
    ACCEPTED,
    NO_RUN,
    RUN_ID,
    STOPPED_BY,
    STOPPED_RUN,
    THREAD_ID,
    closed_by,
)
from graphcron.runner.run import follow
from graphcron.runner.run.retry import deferred
from graphcron.runner.run.start import adopt, find_later_run

HURRY_SECONDS: Final = 3.0
"""How long to wait for one answer then."""

CLOSE_SECONDS: Final = 5.0
"""How long the last notes on the record may take."""

DOUBT_SECONDS: Final = 5.0
"""How long to look, after SIGTERM, for a run whose POST was under way."""

T = TypeVar("T")


def stopped(tick: Tick) -> Ending:
    """Mark the record and cancel the run, so that it can be resumed; a run that is over keeps its verdict."""
    tick.give_up = tick.clock.now() + STOP_SECONDS
    tick.server.hurry(HURRY_SECONDS)
    tick.log("stopping", in_doubt=tick.in_doubt)
    try:
        if tick.run is None or tick.in_doubt:
            _find_run(tick)
        if tick.run is None:
            return _stopped_before_start(tick)
        return deferred(tick, _cancel(tick))
    except (Ended, Refused, Untrusted) as error:
        tick.log("stop-failed", level="error", error=str(error))
        message = "the pod was told to stop and could not cancel the run" if tick.run else "the pod was told to stop"
        return Ending(Outcome.STOPPED, "NotCancelled" if tick.run else "", message)


def _find_run(tick: Tick) -> None:
    """Look for a run that we don't know: made by us a moment ago, or by a pod before us."""
    known, limit = tick.run_id, tick.give_up
    until = tick.clock.now() + (DOUBT_SECONDS if tick.in_doubt else 0)
    tick.give_up = until  # where there was never contact, one try has to do
    try:
        while True:
            run = find_later_run(tick, known)
            if run or tick.clock.now() >= until:
                break
            tick.clock.sleep(0.5)
    finally:
        tick.give_up = limit
    if run:
        tick.read_record()
        adopt(tick, run)


def _stopped_before_start(tick: Tick) -> Ending:
    """Nothing runs: tell the next pod that it need not wait, if it is us that it would wait for."""
    if tick.owner and not tick.in_doubt:
        tick.mark({STOPPED_BY: tick.settings.pod, STOPPED_RUN: NO_RUN})
    return Ending(Outcome.STOPPED, "", "the pod was told to stop before it started a run")


def _cancel(tick: Tick) -> Ending:
    run = tick.ask(lambda: tick.server.run(tick.thread_id, tick.run_id))
    if run is not None and run.get("status") in LIVE:
        # All in one note: its run may have been made so lately that the record still names an older one.
        note = {RUN_ID: tick.run_id, THREAD_ID: tick.thread_id, ACCEPTED: tick.accepted or str(run["created_at"])}
        tick.mark({**note, STOPPED_BY: tick.settings.pod, STOPPED_RUN: tick.run_id})
        run = cancel(tick, tick.thread_id, tick.run_id)
    return follow.judge(tick, run)


def report(tick: Tick, ending: Ending) -> Report:
    """Put together what the pod tells at its end."""
    finished: float | None = None
    if tick.run and tick.run.get("updated_at") and tick.accepted:
        finished = seconds_of(tick.run["updated_at"]) - seconds_of(tick.accepted)
    awaited = ending.outcome is Outcome.INTERRUPTED or ending.reason == "ThreadAwaitsHuman"
    report = Report(
        outcome=ending.outcome,
        message=ending.message,
        reason=ending.reason,
        scheduledTime=rfc3339(tick.settings.scheduled),
        runId=tick.run_id,
        threadId=tick.thread_id if tick.run or awaited else "",
        startTime=rfc3339(seconds_of(tick.accepted)) if tick.accepted else "",
        durationSeconds=None if finished is None else round(max(finished, 0.0), 1),
        attempts=tick.attempt if tick.attempt > 1 else None,
        awaited=awaited or None,
    )
    if tick.spending:
        from graphcron.runner.budget import budget

        return report._replace(message=budget.told(tick, ending), **budget.report_members(tick))
    tokens = _tokens(tick)
    return report._replace(tokens=tokens, tokensAtLeast=None if tokens is None else True)


def _tokens(tick: Tick) -> int | None:
    """Count the tokens that the thread tells of; on a shared one earlier runs' messages can't be told from ours."""
    if tick.run is None or tick.shared or tick.stop.requested:
        return None
    return attempt(tick, lambda: tokens_of(tick.server.state(tick.thread_id)))


def close_record(tick: Tick, ending: Ending) -> None:
    """Write the outcome onto the record, as well as may be."""
    if tick.run is None or ending.outcome in (Outcome.STOPPED, Outcome.INTERNAL_ERROR, Outcome.SERVER_UNREACHABLE):
        return  # without a run, who had the right to has closed it; or the run may go on, and must be found
    tick.give_up = tick.clock.now() + CLOSE_SECONDS
    attempt(tick, lambda: tick.mark(closed_by(ending)))


def attempt(tick: Tick, call: Callable[[], T]) -> T | None:
    """Do what is good to have and never changes the outcome."""
    try:
        return call()
    except (Ended, Unanswered, Refused, Untrusted) as error:
        tick.log("left-undone", level="warning", error=str(error))
        return None
