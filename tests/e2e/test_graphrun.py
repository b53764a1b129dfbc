"""GraphRuns on a real cluster, whose runs happen on a real LangGraph server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.cluster import wait_for
from tests.e2e.crons import QUESTION, Crons

if TYPE_CHECKING:
    from tests.e2e.api import LangGraph

REF = {"graphCronRef": {"name": "hello"}}
SLOW = {"steps": 90, "seconds": 1}


def conditions(status: Any) -> dict[str, str]:
    return {each["type"]: each["status"] for each in status["conditions"]}


def running(crons: Crons, uid: str, besides: frozenset[str] = frozenset()) -> Any:
    return crons.wait_running(uid, besides=besides)


def active_runs(crons: Crons) -> list[Any]:
    return [each.get("graphRun") for each in crons.status().get("active", [])]


def test_graphrun_runs_without_a_graphcron_and_kubectl_waits_for_it(crons: Crons):
    uid = crons.make_run(assistant="agent", input=QUESTION, server={"url": crons.server.url})
    crons.kubectl("wait", "graphrun/once", "--for=condition=Complete", "--timeout=90s", timeout=120)
    status = crons.run_end()
    assert (status["outcome"], conditions(status)) == ("Succeeded", {"Complete": "True"})
    (run,) = crons.server.runs_of(uid)
    assert (run["run_id"], run["thread_id"]) == (status["runId"], status["threadId"])
    assert run["metadata"]["graphcron/occurrence"] == f"{uid}/run/{uid}"
    assert run["metadata"]["graphcron/graphrun"] == "once"
    crons.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=manifest(crons, "once"))
    crons.kubectl("get", "grun", "once")
    assert len(crons.server.runs_of(uid)) == 1


def manifest(crons: Crons, run: str) -> str:
    """Return a GraphRun as a repository has it."""
    found = crons.get("graphruns", run)
    kept = {key: found[key] for key in ("apiVersion", "kind", "spec")}
    return json.dumps({**kept, "metadata": {"name": run}})


def test_graphrun_with_another_input_and_time_counts_for_its_graphcron(crons: Crons):
    """The input is the GraphRun's; the server sees the time that it stands for; the budget and the list have it."""
    budget = {"maxTokens": 1_000_000, "window": "month"}
    uid = crons.make(assistant="steps", input=SLOW, budget=budget, suspend=True, ready_reason="Suspended")
    own = crons.make_run(**REF, input={"steps": 1, "seconds": 0.1}, scheduledTime="2026-11-01T04:00:00Z")
    crons.kubectl("wait", "graphrun/once", "--for=condition=Complete", "--timeout=90s", timeout=120)
    status = crons.run_end()
    assert status["outcome"] == "Succeeded"
    assert status["graphCronUid"] == uid
    (run,) = crons.server.runs_of(uid)
    metadata = run["metadata"]
    assert metadata["graphcron/scheduled-time"] == "2026-11-01T04:00:00Z"
    assert metadata["graphcron/occurrence"] == f"{uid}/run/{own}"

    told = crons.told(status["job"])
    assert (told["graphRun"], told["outcome"], told["runId"]) == ("once", "Succeeded", run["run_id"])
    assert told["scheduledTime"] == "2026-11-01T04:00:00Z"
    wait_for("budget", lambda: "windowEnd" in crons.status().get("budget", {}))
    assert "lastSuccessfulTime" in crons.status()


def test_graphrun_obeys_forbid_and_replace(crons: Crons):
    uid = crons.make(assistant="steps", input=SLOW)
    _, first = crons.start_running(uid=uid)
    crons.make_run("skipped", **REF)
    status = crons.run_end("skipped")
    assert (status["outcome"], status["reason"]) == ("Skipped", "PredecessorActive")
    assert conditions(status) == {"Complete": "True"}

    crons.make_run("replacing", **REF, concurrencyPolicy="Replace")
    second = running(crons, uid, frozenset({first["run_id"]}))
    assert second["metadata"]["graphcron/graphrun"] == "replacing"
    assert crons.server.run(first["thread_id"], first["run_id"])["status"] == "interrupted"
    wait_for("only the GraphRun active", lambda: active_runs(crons) == ["replacing"])


def test_deleting_a_graphrun_cancels_its_run_on_the_server(crons: Crons):
    uid = crons.make_run(assistant="steps", input=SLOW, server={"url": crons.server.url})
    run = running(crons, uid)
    crons.kubectl("delete", "graphrun", "once")
    wait_for("cancelled run", lambda: not crons.server.live_runs_of(uid))
    assert crons.server.run(run["thread_id"], run["run_id"])["status"] == "interrupted"
    wait_for("end of its Job", lambda: not crons.items("jobs"))


def test_graphcron_deletion_ends_only_active_graphruns(crons: Crons):
    uid = crons.make(assistant="steps", input=SLOW)
    crons.make_run("done", **REF, input={"steps": 1, "seconds": 0.1})
    assert crons.run_end("done")["outcome"] == "Succeeded"
    crons.make_run("active", **REF)
    running(crons, uid)
    crons.kubectl("delete", "graphcron", "hello")
    status = crons.run_end("active")
    assert (status["outcome"], status["reason"]) == ("Cancelled", "GraphCronDeleted")
    assert not crons.server.live_runs_of(uid)
    assert crons.run_end("done")["outcome"] == "Succeeded"


@pytest.mark.parametrize("assistant", ["failing"])
def test_a_failed_graphrun_is_failed_and_deleted_after_its_ttl(crons: Crons, server: LangGraph, assistant: str):
    crons.make_run(assistant=assistant, server={"url": server.url}, ttlSecondsAfterFinished=5)
    status = crons.run_end()
    assert status["outcome"] == "GraphError"
    assert conditions(status) == {"Failed": "True", "Stalled": "True"}
    wait_for("deletion after the TTL", lambda: crons.get("graphruns", "once") is None, seconds=30)
    wait_for("end of its Job", lambda: not crons.items("jobs"))
