"""Following a run to its end, and what that end was."""

from typing import Any, Final

from graphcron.contract import Outcome
from graphcron.runner.client.errors import Ending, Unanswered, Untrusted
from graphcron.runner.client.langgraph_api import Json
from graphcron.runner.client.times import seconds_of
from graphcron.runner.occurrence import outcome
from graphcron.runner.occurrence.context import Tick, delays
from graphcron.runner.occurrence.lookup import cancel
from graphcron.runner.occurrence.outcome import LIVE
from graphcron.runner.occurrence.record_thread import ENDED_RUN, ENDED_WHY
from graphcron.runner.run.resume import resume
from graphcron.runner.run.retry import try_again
from graphcron.runner.run.start import GONE, find_follow_up

SILENCE_SECONDS: Final = 30.0
"""A join that brings nothing for so long is dropped and made anew; the server sends a byte every 5 s."""

BUSY_LOOKS: Final = 8
"""How often to look again at a thread that is busy after its last run."""


def follow(tick: Tick, value: Any) -> Ending:
    """Follow ``tick.run`` until it is over, resuming it where one of our pods stopped it, and trying again.

    Parameters
    ----------
    tick
        Who follows.
    value
        The input, for a run that was stopped before it began, and for one that is tried again from the start.

    Raises
    ------
    Ended
    """
    while True:
        run = _wait(tick)
        if run is not None and run.get("status") == GONE:
            run = None
        ending = cut_short(tick) if run is not None and run.get("status") in LIVE else judge(tick, run)
        if ending.outcome is Outcome.STOPPED:
            assert run is not None
            resume(tick, run, value)
        elif not try_again(tick, ending, value):
            return ending


def age(tick: Tick) -> float:
    """Return the run's age in seconds."""
    assert tick.run is not None
    return max(0.0, tick.clock.now() - seconds_of(tick.run["created_at"]))


def _left(tick: Tick) -> float:
    """Return for how many seconds the run may go on: none where it has used too much."""
    if tick.spending and tick.spending.over:
        return 0.0
    return tick.settings.timeout - age(tick)


def _wait(tick: Tick) -> Json | None:
    """Return the run when it is over, too old, or over its budget; None: it is gone."""
    assert tick.run is not None
    if tick.spending:
        tick.spending.attach(tick)
    pauses = delays(tick.random)
    run: Json | None = tick.run
    while run is not None and run.get("status") in LIVE and _left(tick) > 0:
        joined = tick.clock.steady()
        _join(tick)
        if tick.clock.steady() - joined >= 1:
            pauses = delays(tick.random)
        run = tick.ask(lambda: tick.server.run(tick.thread_id, tick.run_id))
        if run is not None and run.get("status") in LIVE and _left(tick) > 0:
            tick.sleep(min(next(pauses), _left(tick)))  # the join was cut, or knows less than the run
    if run is not None:
        tick.run = run
    return run


def _join(tick: Tick) -> None:
    """Wait at the server until the run is over; whatever comes of it, the run's status is asked next."""

    def wait() -> float:
        left = _left(tick)
        if left <= 0:
            raise TimeoutError
        return min(SILENCE_SECONDS, left)

    with tick.stop.at_once():
        try:
            if tick.spending and tick.spending.replays:
                tick.spending.follow(tick, wait)
            else:
                tick.server.join(tick.thread_id, tick.run_id, wait)
        except (Unanswered, Untrusted) as error:  # a join proves nothing either way
            tick.log("join-cut", level="debug", error=str(error))


def cut_short(tick: Tick) -> Ending:
    """Cancel a run that has used too much or is too old; first say why, should this pod die in between."""
    why = Outcome.OVER_BUDGET if tick.spending and tick.spending.over else Outcome.TIMEOUT
    tick.mark({ENDED_RUN: tick.run_id, ENDED_WHY: why.value})
    return judge(tick, cancel(tick, tick.thread_id, tick.run_id))


def judge(tick: Tick, run: Json | None) -> Ending:
    """Tell how a run that is over has ended."""
    if tick.spending:
        tick.spending.settle(tick)
    if run is None:
        return Ending(Outcome.CANCELLED, "RunNotFound", "the run is gone from the server")
    tick.run = run
    status = run.get("status")
    if status == "success":
        return _judge_success(tick)
    if status == "error":
        return outcome.of_error(tick.ask(lambda: tick.server.thread_error(tick.thread_id)) if _newest(tick) else {})
    if status == "timeout":
        return outcome.timed_out_by_server()
    if status == "interrupted":
        return _judge_interrupted(tick)
    return Ending(Outcome.INTERNAL_ERROR, "UnknownStatus", "the server tells a status that this version does not know")


def _judge_interrupted(tick: Tick) -> Ending:
    """There are servers that call a run ``interrupted``, and not a success, that waits for a person."""
    ending = outcome.of_interrupted(tick.run_id, tick.read_record(), timeout=tick.settings.request.timeoutSeconds)
    if ending.outcome is Outcome.CANCELLED and not ending.reason and find_follow_up(tick, tick.run_id):
        return outcome.stopped()  # another pod of ours has gone on since
    if ending.outcome is Outcome.STOPPED and tick.spending and tick.spending.over and not tick.stop.requested:
        return outcome.over_budget()  # nothing is left to go on with
    if ending.outcome is Outcome.CANCELLED and not ending.reason and _newest(tick):
        plain = tick.ask(lambda: tick.server.thread(tick.thread_id)) or {}
        if tick.shared and "interrupts" in plain:
            return ending  # a server that lists them calls a run that stopped there a success
        thread = tick.ask(lambda: tick.server.thread_at_rest(tick.thread_id)) or {}
        if outcome.waits_for_human(thread):
            return outcome.of_success({**thread, "status": "interrupted"}, newest=True)
    return ending


def _judge_success(tick: Tick) -> Ending:
    """The thread's status comes a moment after the run's: while it is busy with nothing newer, look again."""
    looks = 0
    while True:
        newest = _newest(tick)
        thread = tick.ask(lambda: tick.server.thread_at_rest(tick.thread_id)) or {}
        if not newest or thread.get("status") != "busy" or looks == BUSY_LOOKS:
            return outcome.of_success(thread, newest=newest)
        looks += 1
        tick.sleep(0.25)


def _newest(tick: Tick) -> bool:
    """Tell whether the thread's state is of our run: nobody has started another since."""
    runs = tick.ask(lambda: tick.server.runs(tick.thread_id, limit=1))
    return bool(runs) and runs[0].get("run_id") == tick.run_id
