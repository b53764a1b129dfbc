"""Trying again what failed, where the GraphCron allows it: one further run after each failed one, and never more.

A further run is claimed as a resume is, under a name that follows from the run before it. So pods that are killed or
doubled meet, and the number of runs stands on the record and on the runs themselves.
"""

from typing import Any, Final

from graphcron.contract import Outcome
from graphcron.runner.admission import turns
from graphcron.runner.admission.checks import before_again, before_start, see_ended, within_budget
from graphcron.runner.client.errors import Ended, Ending, Refused
from graphcron.runner.client.langgraph_api import Json
from graphcron.runner.client.times import seconds_of
from graphcron.runner.occurrence.context import Tick
from graphcron.runner.occurrence.record_thread import LATE_SECONDS, OCCURRENCE
from graphcron.runner.run.at_most_once import Start, start_once
from graphcron.runner.run.resume import await_rest, body_after, has_begun, start_after
from graphcron.runner.run.start import adopt, find_follow_up, find_run, find_unrecorded_run

FIRST_SECONDS: Final = 2.0
"""Pause before the first further run; each later one's is twice as long."""

LONGEST_SECONDS: Final = 60.0
"""Longest pause."""


def wanted(tick: Tick, ending: Ending) -> bool:
    """Tell whether an ending is one after which to try again, and whether a try is left."""
    if tick.attempt > tick.settings.request.retryAttempts or (tick.spending and tick.spending.exhausted):
        return False
    return _is_retried(tick, ending)


def _is_retried(tick: Tick, ending: Ending) -> bool:
    """Tell whether an ending is one after which this occurrence tries again at all."""
    request = tick.settings.request
    if not request.retryAttempts:
        return False
    if ending.outcome is Outcome.GRAPH_ERROR:
        return request.retryOnGraphError
    return ending.outcome is Outcome.TIMEOUT or ending[:2] == (Outcome.CANCELLED, "RunNotFound")


def deferred(tick: Tick, ending: Ending) -> Ending:
    """Return the ending for a pod that was told to stop: a try that is left is the next pod's."""
    if tick.run is None or not wanted(tick, ending):
        return ending
    return Ending(Outcome.STOPPED, "", "the pod was told to stop before it tried again")


def pause_before(attempt: int, jitter: float) -> float:
    """Return the seconds to wait after the run of this number, with a jitter between 0 and 1."""
    return min(FIRST_SECONDS * (1 << attempt - 1), LONGEST_SECONDS) * (0.5 + jitter / 2)


def try_again(tick: Tick, ending: Ending, value: Any) -> bool:
    """Start one more run after ``tick.run``, or find the one that another pod has started; False: there is none.

    Raises
    ------
    Ended
        Another pod has ended the occurrence, or the next one has.
    """
    failed, attempt = tick.run, tick.attempt + 1
    if failed is None or not _is_retried(tick, ending):
        return False
    # Also where no try is left: a mark that a dead pod sent late can name an earlier run on the record.
    later = find_follow_up(tick, str(failed["run_id"]))
    if later:  # another pod of ours has tried again
        adopt(tick, later)
        return True
    if not wanted(tick, ending):
        return False
    pause = pause_before(tick.attempt, tick.random.random())
    try:
        see_ended(tick, str(failed["run_id"]))
        turns.hold(tick, pause)
        tick.log("trying-again", attempt=attempt, after=ending.outcome.value, seconds=round(pause, 1))
        tick.sleep(pause)
        run = _further_run(tick, failed, ending, value, attempt)
    except Ended as ended:
        if ended.ending.outcome is not Outcome.SKIPPED:
            raise
        tick.log("not-tried-again", level="warning", reason=ended.ending.reason, message=ended.ending.message)
        return False
    except Refused as error:
        if error.status not in (409, 422):  # a thread with a newer run; a server that can't resume
            raise
        tick.log("not-tried-again", level="warning", reason=f"HTTP{error.status}")
        return False
    tick.log("tried-again", run=run["run_id"], failed=failed["run_id"], attempt=attempt)
    adopt(tick, run, attempt=attempt)
    return True


def _further_run(tick: Tick, failed: Json, ending: Ending, value: Any, attempt: int) -> Json:
    within_budget(tick)
    await_rest(tick)
    lost = ending.outcome is Outcome.CANCELLED
    begun = tick.settings.request.retryResume and _has_begun(tick, failed, lost=lost)
    body = body_after(tick, str(failed["run_id"]), value, begun=begun, attempt=attempt)
    if tick.read_record() is None:
        if not lost and tick.clock.now() > tick.settings.deadline + LATE_SECONDS:  # closed, and deleted since
            raise Ended(Outcome.SKIPPED, "RecordNotFound", "the record of how the occurrence ended is gone")
        return _start_over(tick, failed, body)
    return start_after(tick, failed, body, lambda: before_again(tick, failed, goes_on=True))


def _has_begun(tick: Tick, failed: Json, *, lost: bool) -> bool:
    """Tell whether there is a checkpoint to go on from; a run that is gone may have left some."""
    if lost:
        ours = {OCCURRENCE: tick.settings.occurrence}
        if tick.ask(lambda: tick.server.thread(tick.thread_id)) is None:
            return False
        return tick.ask(lambda: tick.server.has_checkpoint(tick.thread_id, ours))
    return has_begun(tick, failed)


def _start_over(tick: Tick, failed: Json, body: Json) -> Json:
    """Claim the occurrence again: the server has lost all that it knew of it, its record too."""

    def look_unrecorded() -> Json | None:
        run = find_unrecorded_run(tick)
        return run if run and seconds_of(run["created_at"]) > seconds_of(failed["created_at"]) else None

    plan = Start(
        name=tick.settings.occurrence,
        look=lambda: find_run(tick),
        look_unrecorded=look_unrecorded,
        allow=lambda: before_start(tick),
        in_time=lambda: None,
        refused=lambda error: error,
        close=lambda _: None,
        body=body,
    )
    return start_once(tick, plan)
