"""Starting the occurrence's run, or finding the one that another pod has started."""

from typing import Any, Final

from graphcron.contract import Outcome
from graphcron.runner import checks
from graphcron.runner.failures import Ended, Refused
from graphcron.runner.lookup import newest_run
from graphcron.runner.once import Start, start_once
from graphcron.runner.record import (
    ACCEPTED,
    ACTIVE,
    ATTEMPT,
    ATTEMPTS,
    AWAITED_UNTIL,
    DONE,
    REASON,
    RUN_ID,
    STATE,
    THREAD_ID,
    Record,
    common,
)
from graphcron.runner.server import Json
from graphcron.runner.tick import Tick

GONE: Final = "gone"
"""Our own word for the status of a run that the server has lost, and that may be tried again."""


def start(tick: Tick, value: Any) -> Json:
    """Start the occurrence's run with this input, or attach to the one there is."""
    settings = tick.settings

    def is_open() -> bool:
        return tick.clock.now() <= settings.deadline

    def late() -> None:
        raise Ended(
            Outcome.SKIPPED,
            "StartingDeadlineExceeded",
            f"not started within {settings.request.startingDeadlineSeconds} s of "
            + ("the scheduled time" if settings.requested == settings.scheduled else "being asked for"),
        )

    strategy = None if tick.shared else "reject"
    body = run_body(tick, value, strategy=strategy)
    plan = Start(settings.occurrence, lambda: find_run(tick), is_open, lambda: checks.before_start(tick), late, body)
    try:
        run = start_once(tick, plan)
    except Refused as error:
        if error.status == 409 and tick.shared:
            raise Ended(
                Outcome.SKIPPED, "ThreadBusy", "the thread runs something else, and multitaskStrategy is reject"
            ) from None
        raise
    adopt(tick, run)
    return run


def adopt(tick: Tick, run: Json, *, attempt: int = 1) -> None:
    """Follow this run from here on, and say so on the record.

    Parameters
    ----------
    tick
        Who follows.
    run
        What is followed.
    attempt
        Which run of the occurrence it is at least; record and run may know better.
    """
    tick.run = run
    tick.attempt = max(tick.attempt, attempt, _attempt(run, tick.record))
    tick.in_doubt = False
    run_id = tick.run_id
    tick.log.bind(run=run_id, thread=tick.thread_id)
    tick.log("following", status=run.get("status"))
    known = tick.record.text(ACCEPTED) if tick.record else ""
    tick.accepted = known or str(run["created_at"])
    if not tick.record or tick.record.text(RUN_ID) != run_id:
        note = {RUN_ID: run_id, THREAD_ID: tick.thread_id, ACCEPTED: tick.accepted}
        if tick.attempt > 1:
            note[ATTEMPTS] = str(tick.attempt)
        if tick.record and tick.record.text(AWAITED_UNTIL):
            note[AWAITED_UNTIL] = ""
        if tick.record and tick.record.text(STATE) == DONE:
            note[STATE] = ACTIVE
        tick.mark(note)


def _attempt(run: Json, record: Record | None) -> int:
    texts = ((run.get("metadata") or {}).get(ATTEMPT), record.text(ATTEMPTS) if record else None)
    return max((int(text) for text in texts if isinstance(text, str) and text.isdigit()), default=1)


def run_body(tick: Tick, value: Any, *, strategy: str | None, attempt: int = 1) -> Json:
    """Return the body of ``POST /threads/{id}/runs``."""
    settings = tick.settings
    run = dict(settings.request.run or {})
    body = {
        "stream_mode": "custom",  # nobody streams it: the least that the server has to publish
        **run,
        "assistant_id": settings.request.assistant,
        "input": value,
    }
    # Ours go where every server keeps them, under any name; LangGraph's makes them metadata of the run.
    config = run.get("config") or {}
    if isinstance(config, dict):  # what is none, the server refuses
        kept = config.get("metadata")
        ours = {**common(settings), **({ATTEMPT: str(attempt)} if attempt > 1 else {})}
        body["config"] = {**config, "metadata": {**(kept if isinstance(kept, dict) else {}), **ours}}
    if settings.request.budget is not None:  # each call to a model is told of, and can be read again
        body |= {"stream_mode": ["messages-tuple"], "stream_resumable": True, "stream_subgraphs": True}
    if strategy:
        body["multitask_strategy"] = strategy
    return body


def find_run(tick: Tick) -> Json | None:
    """Return the occurrence's newest run, or None: nobody has started one.

    Raises
    ------
    Ended
        Another pod has ended the occurrence, or its run is gone.
    """
    record = tick.read_record()
    if record is None:
        return None
    run_id = record.text(RUN_ID)
    if not run_id:
        if record.outcome:
            raise Ended(record.outcome, record.text(REASON), "an earlier pod of this occurrence ended so")
        return find_later_run(tick, "")
    run = tick.ask(lambda: tick.server.run(tick.thread_id, run_id))
    if run is None:
        if record.outcome:
            raise Ended(record.outcome, record.text(REASON), "an earlier pod followed the run to its end")
        if not tick.settings.request.retryAttempts:
            raise Ended(Outcome.CANCELLED, "RunNotFound", "the run is gone from the server")
        return {"run_id": run_id, "thread_id": tick.thread_id, "status": GONE, "created_at": record.text(ACCEPTED)}
    return run


def find_later_run(tick: Tick, than: str) -> Json | None:
    """Return the occurrence's newest run on its thread, unless that is the one we know."""
    run = newest_run(tick, tick.thread_id, tick.settings.occurrence, tick.settings.scheduled, shared=tick.shared)
    return run if run and run.get("run_id") != than else None
