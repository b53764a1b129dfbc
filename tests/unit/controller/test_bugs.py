"""Bugs that one object triggers: its status reports them, and other objects are reconciled."""

import asyncio
import io
import logging
from typing import Any, cast
from uuid import uuid4

import kopf
import pytest
from kopf._core.actions.loggers import make_formatter

from graphcron.api.v1alpha1 import GraphCron
from graphcron.cache.store import Key
from graphcron.controller.bugs import redact_error_messages, report_bug, status_with_bug
from graphcron.controller.manager import Manager
from graphcron.errors import ClusterError
from graphcron.kube.client import Cluster
from graphcron.metrics import Metrics
from graphcron.settings import Settings
from tests.unit.world import NOW

RUNS = [{"scheduledTime": "soon", "outcome": "Novel"}]
OTHER = {"type": "Novel", "status": "True"}


def body(*conditions: Any) -> dict[str, Any]:
    metadata = {"name": "hello", "namespace": "agents", "uid": "u", "generation": 2, "resourceVersion": "5"}
    return {"kind": "GraphCron", "metadata": metadata, "status": {"recentRuns": RUNS, "conditions": [*conditions]}}


def test_status_with_bug_keeps_the_rest_of_the_status():
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-01T00:00:00Z"}
    status = status_with_bug(body(ready, OTHER), OverflowError("secret"), now=NOW)
    assert status is not None
    assert (status["recentRuns"], status["observedGeneration"]) == (RUNS, 2)
    told, other = status["conditions"]
    assert (told["status"], told["reason"], other) == ("False", "InternalError", OTHER)
    assert told["lastTransitionTime"] == "2026-11-22T12:00:30Z"
    assert "(OverflowError)" in told["message"]
    assert "secret" not in str(status)
    assert status_with_bug(body(told, OTHER), OverflowError("again"), now=NOW) is None


def test_report_bug_failed_write_ignored():
    class Refuses:
        async def update_status(self, *_: Any) -> bool:
            raise ClusterError("no")

    asyncio.run(report_bug(cast("Cluster", Refuses()), body(), ValueError(), now=NOW))
    asyncio.run(report_bug(cast("Cluster", Refuses()), None, ValueError(), now=NOW))


def test_reconcile_failure_reported_and_retried_others_served():
    written: list[str] = []

    class Takes:
        async def update_status(self, owner: Any, status: Any) -> bool:
            written.append(status["conditions"][0]["reason"])
            return True

    async def fails(key: Key, *, now: Any) -> None:
        raise OverflowError

    async def run() -> tuple[str, int]:
        manager = Manager(Settings())
        manager._cluster = cast("Cluster", Takes())
        manager.store.update(body(), deleted=False)
        result = await manager.reconcile({"GraphCron": fails}, Key("agents", "hello"))
        return result, len(manager.queue._timers)

    assert asyncio.run(run()) == ("error", 1)
    assert written == ["InternalError"]


def test_handle_event_unreadable_object_counts_as_observed(caplog):
    def fails(*_: Any, **__: Any) -> Any:
        raise OverflowError

    manager = Manager(Settings())
    manager.store._update_owner = fails
    with caplog.at_level(logging.ERROR):
        manager.handle_event("ADDED", body())
    assert manager.store.missing({"u": 5}) == {}
    assert manager.expectations.overdue(now=NOW) == []
    assert "Cannot read GraphCron agents/hello, which is a bug" in caplog.text


@pytest.mark.parametrize("form", [kopf.LogFormat.JSON, kopf.LogFormat.FULL])
def test_logged_error_holds_no_text_of_the_error(form, monkeypatch):
    """Pydantic's errors quote the value; so do those of Python, and those that they were raised from."""
    monkeypatch.setattr(logging, "_logRecordFactory", logging.getLogRecordFactory())
    private = str(uuid4())
    redact_error_messages()
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(make_formatter(log_format=form))
    logger = logging.getLogger("graphcron.test_bugs")
    logger.addHandler(handler)
    try:
        try:
            try:
                GraphCron.model_validate({"spec": {"input": {"a": private}, "schedule": [private]}})
            except ValueError as error:
                raise KeyError(private) from error
        except KeyError:
            logger.exception("agents/hello: this is a bug")
    finally:
        logger.removeHandler(handler)
    said = out.getvalue()
    assert "agents/hello: this is a bug" in said
    assert private not in said
    assert "ValidationError" in said
    assert "KeyError" in said
    assert "test_bugs.py" in said


def test_what_cannot_be_measured_is_left_out_of_the_scrape(monkeypatch):
    from graphcron.metrics import graphcron_state

    def fails(found: Any) -> Any:
        if found["metadata"]["name"] == "bad":
            raise OverflowError
        return graphcron_state.GraphCronStatus()

    monkeypatch.setattr(graphcron_state, "status_of", fails)
    bodies = [{"metadata": {"namespace": "agents", "name": name}} for name in ("bad", "good")]
    text = Metrics("0", queued=lambda: 0, graphcrons=lambda: bodies).text().decode()
    assert 'graphcron_ready{name="good",namespace="agents"} 0.0' in text
    assert 'graphcron_ready{name="bad"' not in text
