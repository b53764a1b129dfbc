"""Validate the threads and runs of the server's answers, so that other modules can rely on their form.

Ids are UUIDs, metadata are objects, times can be parsed. Any other answer counts as lost.
"""

from collections.abc import Mapping
from typing import Any

from graphcron.runner.client.answers import is_uuid
from graphcron.runner.client.errors import ResponseLost
from graphcron.runner.client.times import is_time


def object_in(answer: Any) -> dict[str, Any]:
    """Return an answer that is an object.

    Raises
    ------
    ResponseLost
        The answer is of another form.
    """
    if not isinstance(answer, dict):
        raise ResponseLost("the answer is not of the API's form")
    return answer


def list_in(answer: Any) -> list[Any]:
    """Return an answer that is a list.

    Raises
    ------
    ResponseLost
        The answer is of another form.
    """
    if not isinstance(answer, list):
        raise ResponseLost("the answer is not of the API's form")
    return answer


def thread_in(answer: Any) -> dict[str, Any]:
    """Return a thread.

    Raises
    ------
    ResponseLost
        The answer is of another form.
    """
    thread = object_in(answer)
    if not is_uuid(thread.get("thread_id")):
        raise ResponseLost("the answer names no thread")
    return {**_timed(thread), "metadata": _known(thread, "metadata")}


def run_in(answer: Any, thread_id: str) -> dict[str, Any]:
    """Return a run of that thread, with the metadata that some servers keep only in its ``config``.

    Raises
    ------
    ResponseLost
        The answer is of another form.
    """
    run = object_in(answer)
    if not is_uuid(run.get("run_id")):
        raise ResponseLost("the answer names no run")
    kept = _known(_known(run, "config"), "metadata")
    return {**_timed(run), "thread_id": thread_id, "metadata": {**kept, **_known(run, "metadata")}}


def member(value: Any, name: str) -> dict[str, Any]:
    """Return a member that is an object, or an empty one."""
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def _known(value: dict[str, Any], name: str) -> dict[str, Any]:
    found = value.get(name)
    return {} if found is None else object_in(found)


def _timed(found: dict[str, Any]) -> dict[str, Any]:
    if not is_time(found.get("created_at")) or not (found.get("updated_at") is None or is_time(found["updated_at"])):
        raise ResponseLost("the answer tells no time")
    return found


def torn_checkpoint(state: Mapping[str, Any] | None) -> str:
    """Return the id of a thread's last checkpoint if a node was interrupted after its result and before the next step.

    LangGraph considers such a node finished: a normal resume would end there, with success. A resume that names the
    checkpoint runs that step again.
    """
    tasks = (state or {}).get("tasks")
    if isinstance(tasks, list) and any(
        isinstance(task, dict) and task.get("error") and task.get("result") for task in tasks
    ):
        return checkpoint_of(state)
    return ""


def checkpoint_of(state: Mapping[str, Any] | None) -> str:
    """Return the id of a thread's last checkpoint; empty without one."""
    found = member(state, "checkpoint").get("checkpoint_id")
    return found if isinstance(found, str) else ""
