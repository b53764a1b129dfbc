"""Derive results from the server's answers: pure functions, no I/O."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from graphcron.contract import Outcome
from graphcron.runner.client import answers
from graphcron.runner.client.errors import RequestRejected, RunResult
from graphcron.runner.client.parsing import is_count
from graphcron.runner.occurrence.record_thread import Record

LIVE: Final = ("pending", "running")
"""Statuses of an active run."""


def waits_for_human(thread: Mapping[str, Any]) -> bool:
    """Return whether a thread has an unanswered interrupt.

    Its status is ambiguous: a cancelled run leaves ``interrupted`` too, and a cancelled *pending* run makes a
    thread with an open interrupt ``idle``.
    """
    return bool(thread.get("interrupts")) and thread.get("status") != "busy"


def of_success(thread: Mapping[str, Any], *, newest: bool) -> RunResult:
    """Return the result of a run with status ``success``, which a run that stopped at an interrupt has too.

    Parameters
    ----------
    thread
        The thread after the run.
    newest
        Whether no later run has changed the thread; otherwise the thread contains no information about this run.
    """
    if newest and thread.get("status") == "interrupted":
        reason = "" if thread.get("interrupts") else "Breakpoint"
        return RunResult(Outcome.INTERRUPTED, reason, "the graph stopped and waits for human input")
    return RunResult(Outcome.SUCCEEDED, "", "the graph ran to its end")


def of_error(error: Mapping[str, Any]) -> RunResult:
    """Return the result of a run with status ``error``: the error's class, never its text, which can be secret."""
    name = answers.class_of(error)
    return RunResult(Outcome.GRAPH_ERROR, name, f"the graph raised {name or 'an error'}")


def of_interrupted(run_id: str, record: Record | None, *, timeout: int | None) -> RunResult:
    """Return the result of a run with status ``interrupted``. The record names the pod that cancelled it, if any.

    Outcome Stopped means that a pod of the occurrence received SIGTERM, so the run can be resumed.

    Parameters
    ----------
    timeout
        As :func:`timed_out` takes it.
    """
    why = record.ended_why(run_id) if record else ""
    if why == Outcome.TIMEOUT.value:
        return timed_out(timeout)
    if why == Outcome.OVER_BUDGET.value:
        return over_budget()
    if why:
        return RunResult(Outcome.CANCELLED, answers.reason_of(why), "the next occurrence took its place")
    if record and record.is_stopped(run_id):
        return stopped()
    if record is None:
        return RunResult(Outcome.CANCELLED, "RecordNotFound", "the run was cancelled; the record of why is gone")
    return RunResult(Outcome.CANCELLED, "", "the run was cancelled on the server")


def stopped() -> RunResult:
    """Return the result of a run that a pod has stopped, so that another resumes it."""
    return RunResult(Outcome.STOPPED, "", "the pod was told to stop")


def over_budget() -> RunResult:
    """Return the result of a run that used too much."""
    return RunResult(Outcome.OVER_BUDGET, "RunBudgetExceeded", "the run used more than its budget, and was cancelled")


def timed_out_by_server() -> RunResult:
    """Return the result of a run that the server's own limit ended."""
    return RunResult(Outcome.TIMEOUT, "ServerTimeout", "the server's own limit ended the run")


def timed_out(timeout: int | None) -> RunResult:
    """Return the result of a run that grew too old.

    Parameters
    ----------
    timeout
        The GraphCron's ``timeoutSeconds``; None if the operator's default applies.
    """
    if timeout is None:
        words = "the run grew older than the operator's default timeout and was cancelled; timeoutSeconds is not set"
        return RunResult(Outcome.TIMEOUT, "DefaultTimeout", words)
    return RunResult(Outcome.TIMEOUT, "", "the run grew older than timeoutSeconds and was cancelled")


def of_refusal(refused: RequestRejected, credentials: Sequence[str]) -> RunResult:
    """Return the result of a 3xx or 4xx.

    Parameters
    ----------
    refused
        The error.
    credentials
        Names of the headers that may authenticate a request.
    """
    status, said = refused.status, f": {refused.detail}" if refused.detail else ""
    what = f"the server refused {refused.request} ({status}){said}"
    if status in (401, 403):
        sent = f"sent with {', '.join(credentials)}" if credentials else "sent without an API key or any other header"
        return RunResult(Outcome.REJECTED, "Unauthorized", f"{what}; {sent}")
    if 300 <= status < 400:
        return RunResult(
            Outcome.REJECTED, "Redirected", f"the server redirects ({status}): set the final address as its URL"
        )
    return RunResult(Outcome.REJECTED, f"HTTP{status}", what if said else f"{what}; the server's own log says why")


def tokens_of(state: Mapping[str, Any] | None) -> int | None:
    """Return the tokens in the messages of a thread's state, or None if they have no usage."""
    values = (state or {}).get("values")
    messages = values.get("messages") if isinstance(values, dict) else None
    counts = [
        usage.get("total_tokens")
        for message in (messages if isinstance(messages, list) else [])
        if isinstance(message, dict) and isinstance(usage := message.get("usage_metadata"), dict)
    ]
    known = [count for count in counts if is_count(count)]
    return sum(known) if known else None
