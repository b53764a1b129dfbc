"""What ``describe`` shows of GraphRuns. Pure."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from graphcron.api.graphruns import graphcron_name_of, is_over
from graphcron.cli.clients.graphruns import run_of, wait_of
from graphcron.cli.clients.kubectl import Object
from graphcron.cli.printing.columns import cost_of, duration_of, server_of, thread_of, tokens_of
from graphcron.cli.printing.durations import local_time, relative_time
from graphcron.cli.printing.output import Column
from graphcron.cli.targets import graphrun_target
from graphcron.unstructured.fields import object_at, text_at, time_of

_REPLACED: Final = ("input", "inputFrom", "config", "context", "metadata")
"""Fields of a GraphRun that replace those of its GraphCron."""


def facts(graphrun: Object) -> list[tuple[str, str]]:
    """Return the properties of a GraphRun and of its run, without those that are empty."""
    metadata, spec, run = object_at(graphrun, "metadata"), dict(object_at(graphrun, "spec")), run_of(graphrun)
    found = [
        ("Name", text_at(metadata, "name")),
        ("Namespace", text_at(metadata, "namespace")),
        *(_of_reference(graphrun) if graphcron_name_of(graphrun) else _of_own_fields(graphrun)),
        ("Created", _local(metadata.get("creationTimestamp"))),
        ("Stands for", _local(spec.get("scheduledTime"))),
        ("Outcome", ", ".join(str(run[key]) for key in ("outcome", "reason") if key in run)),
        ("Message", text_at(run, "message")),
        ("Started", _local(run.get("startTime"))),
        ("Ended", _local(run.get("completionTime"))),
        ("Duration", duration_of(run)),
        ("Attempts", str(run.get("attempts", ""))),
        ("Tokens", tokens_of(run)),
        ("Cost", cost_of(run)),
        ("Job", text_at(object_at(graphrun, "status"), "job")),
        ("Thread", text_at(run, "threadId")),
        ("Run", text_at(run, "runId")),
        ("Link", text_at(run, "url")),
    ]
    return [(title, text) for title, text in found if text]


def _of_reference(graphrun: Object) -> list[tuple[str, str]]:
    replaced = [key for key in _REPLACED if key in object_at(graphrun, "spec")]
    return [("GraphCron", graphcron_name_of(graphrun)), ("Replaces", ", ".join(replaced))]


def _of_own_fields(graphrun: Object) -> list[tuple[str, str]]:
    return [
        ("Assistant", text_at(object_at(graphrun, "spec"), "assistant")),
        ("On thread", thread_of(graphrun) or "a fresh one"),
        ("Server", server_of(graphrun) or "the operator's default"),
    ]


def waiting(graphruns: Iterable[Object]) -> list[Object]:
    """Return the GraphRuns that wait for something, or that the operator has not seen yet."""
    unstarted = (each for each in graphruns if not is_over(each))
    return [each for each in unstarted if wait_of(each) or not object_at(each, "status").get("job")]


def waiting_columns(*, now: datetime) -> tuple[Column, ...]:
    """Return the columns of a table of GraphRuns that wait."""
    return (
        Column("name", lambda each: graphrun_target(each["metadata"]["name"])),
        Column("age", lambda each: relative_time(each["metadata"].get("creationTimestamp"), now=now)),
        Column("reason", lambda each: str(_wait(each).get("reason", "the operator has not seen it yet"))),
        Column("message", lambda each: " ".join(str(_wait(each).get("message", "")).split())),
    )


def _wait(graphrun: Object) -> Object:
    return wait_of(graphrun) or {}


def _local(text: Any) -> str:
    at = time_of(text)
    return local_time(at) if at else str(text or "")
