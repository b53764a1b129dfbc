"""From what the server says to an outcome: pure functions, no I/O."""

import re
from collections.abc import Mapping
from typing import Any, Final

from graphcron.contract import Outcome
from graphcron.runner.failures import Ending, Refused
from graphcron.runner.record import ENDED_RUN, ENDED_WHY, STOPPED_RUN, Record

LIVE: Final = ("pending", "running")
"""Statuses of a run that is not over."""

DETAIL_CHARACTERS: Final = 200
"""At most so much of the server's words goes into a message."""

_CLASS: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,99}")
_QUOTING: Final = re.compile(r"\n\s*\n|On instance|Failed validating")


def waits_for_human(thread: Mapping[str, Any]) -> bool:
    """Tell whether a thread has an interrupt that nobody has answered.

    Its status does not: a cancelled run leaves ``interrupted`` too, and a cancelled *pending* run makes a
    thread with an open interrupt ``idle``.
    """
    return bool(thread.get("interrupts")) and thread.get("status") != "busy"


def of_success(thread: Mapping[str, Any], *, newest: bool) -> Ending:
    """Judge a run of status ``success``: one that stopped at an interrupt is that as well.

    Parameters
    ----------
    thread
        The thread, as it is after the run.
    newest
        Whether no later run has touched the thread; if one has, the thread says nothing about ours.
    """
    if newest and thread.get("status") == "interrupted":
        reason = "" if thread.get("interrupts") else "Breakpoint"
        return Ending(Outcome.INTERRUPTED, reason, "the graph stopped and waits for a person")
    return Ending(Outcome.SUCCEEDED, "", "the graph ran to its end")


def of_error(error: Mapping[str, Any]) -> Ending:
    """Judge a run of status ``error``: the error's class, never its text, which may hold secrets."""
    name = error.get("error")
    if isinstance(name, str) and _CLASS.fullmatch(name):
        return Ending(Outcome.GRAPH_ERROR, name, f"the graph raised {name}")
    return Ending(Outcome.GRAPH_ERROR, "", "the graph raised an error")


def of_interrupted(run_id: str, record: Record | None) -> Ending:
    """Judge a run of status ``interrupted``: who cancelled it stands on the record, if it was one of us.

    Outcome Stopped here means: one of our pods was told to stop, so it can be resumed.
    """
    if record and record.text(ENDED_RUN) == run_id:
        if record.text(ENDED_WHY) == Outcome.TIMEOUT.value:
            return timed_out()
        if record.text(ENDED_WHY) == Outcome.OVER_BUDGET.value:
            return over_budget()
        return Ending(Outcome.CANCELLED, record.text(ENDED_WHY), "the next occurrence took its place")
    if record and record.text(STOPPED_RUN) == run_id:
        return Ending(Outcome.STOPPED, "", "the pod was told to stop")
    return Ending(Outcome.CANCELLED, "", "somebody cancelled the run on the server")


def over_budget() -> Ending:
    """Return the ending of a run that used too much."""
    return Ending(Outcome.OVER_BUDGET, "RunBudgetExceeded", "the run used more than its budget, and was cancelled")


def timed_out(*, by_server: bool = False) -> Ending:
    """Return the ending of a run that grew too old."""
    if by_server:
        return Ending(Outcome.TIMEOUT, "ServerTimeout", "the server's own limit ended the run")
    return Ending(Outcome.TIMEOUT, "", "the run grew older than timeoutSeconds and was cancelled")


def of_refusal(refused: Refused, ours: list[str]) -> Ending:
    """Judge a 3xx or 4xx.

    Parameters
    ----------
    refused
        What the server said.
    ours
        Texts that we sent; a detail that repeats one of them is left out.
    """
    if refused.status in (401, 403):
        return Ending(Outcome.REJECTED, "Unauthorized", f"the server refused the API key ({refused.status})")
    if 300 <= refused.status < 400:
        return Ending(
            Outcome.REJECTED, "Redirected", f"the server redirects ({refused.status}): set the final address as its URL"
        )
    detail = shown(refused.detail, ours)
    return Ending(
        Outcome.REJECTED,
        f"HTTP{refused.status}",
        f"the server refused the run ({refused.status})" + (f": {detail}" if detail else ""),
    )


def shown(detail: str, ours: list[str]) -> str:
    """Return the part of a server's words that may be shown, in one line."""
    said = " ".join(_QUOTING.split(detail, maxsplit=1)[0].split())
    if any(len(text) >= 4 and " ".join(text.split()) in said for text in ours):
        return "its words are left out, since they repeat what was sent"
    return said if len(said) <= DETAIL_CHARACTERS else said[: DETAIL_CHARACTERS - 1] + "…"


def texts_of(value: Any) -> list[str]:
    """Return all strings of a JSON value, keys excepted."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [text for item in value for text in texts_of(item)] if isinstance(value, list) else []


def torn_checkpoint(state: Mapping[str, Any] | None) -> str:
    """Return the id of a thread's last checkpoint if a node was cut off there between its result and its way on.

    LangGraph takes such a node for finished: resumed as usual, the graph would end there and call that success.
    Started at the checkpoint by its id, it runs that one step again.
    """
    tasks = (state or {}).get("tasks") or []
    if any(isinstance(task, dict) and task.get("error") and task.get("result") for task in tasks):
        return str(((state or {}).get("checkpoint") or {}).get("checkpoint_id") or "")
    return ""


def tokens_of(state: Mapping[str, Any] | None) -> int | None:
    """Return the tokens that the messages of a thread's state tell of, or None: they tell nothing."""
    values = (state or {}).get("values")
    messages = values.get("messages") if isinstance(values, dict) else None
    counts = [
        message["usage_metadata"]["total_tokens"]
        for message in (messages if isinstance(messages, list) else [])
        if isinstance(message, dict) and isinstance((message.get("usage_metadata") or {}).get("total_tokens"), int)
    ]
    return sum(counts) if counts else None
