"""GraphRuns in the operator: one Job, one end, and a place in the status of their GraphCron."""

from datetime import timedelta
from typing import Any

import pytest

from graphcron.api import names
from graphcron.cache.store import Key
from graphcron.contract import Outcome, Report
from graphcron.errors import ClusterError
from graphcron.settings import Settings
from tests.unit.run_world import RunWorld

DONE = Report(Outcome.SUCCEEDED, "the run succeeded", runId="0" * 8 + "-0000-4000-8000-" + "0" * 12, tokens=7)
STOPPED = Report(Outcome.STOPPED, "the pod was told to stop", runId=DONE.runId)
RUN, CRON = Key("agents", "once", names.RUN_KIND), Key("agents", "report")
REF = {"graphCronRef": {"name": "report"}}
QUOTA = ClusterError("403 exceeded quota: q", status=403, reason="Forbidden")


def started(world: RunWorld, **spec: Any) -> str:
    """Create a GraphRun, and return the name of its Job."""
    world.graphrun(**spec)
    world.work()
    (job,) = world.jobs()
    return job


def test_a_graphrun_makes_one_job_and_is_complete():
    world = RunWorld()
    job = started(world, assistant="agent", input={"a": 1})
    manifest = world.objects["jobs", job]["metadata"]
    run = world.objects[names.RUN_PLURAL, "once"]["metadata"]
    assert manifest["ownerReferences"] == [
        {"apiVersion": names.API_VERSION, "kind": "GraphRun", "name": "once", "uid": run["uid"]}
    ]
    assert manifest["labels"][names.LABEL_UID] == run["uid"]
    assert manifest["labels"][names.LABEL_PURPOSE] == "run"
    template = world.objects["jobs", job]["spec"]["template"]["metadata"]["labels"]
    assert template == manifest["labels"]
    environment = world.environment(job)
    assert environment["GRAPHCRON_UID"] == environment["GRAPHCRON_GRAPHRUN_UID"] == run["uid"]
    assert environment["GRAPHCRON_NAME"] == environment["GRAPHCRON_GRAPHRUN"] == "once"
    assert world.conditions() == {"Reconciling": "JobCreated"}
    assert world.status()["job"] == job

    world.end(job, DONE)
    world.work()
    assert world.conditions() == {"Complete": "Succeeded"}
    status = world.status()
    assert (status["outcome"], status["tokens"], status["runId"]) == ("Succeeded", 7, DONE.runId)
    assert [each["reason"] for each in world.events] == ["Succeeded"]
    assert world.runs == [(("agents", ""), "Succeeded")]
    requests = len(world.requests)
    assert world.reconcile(RUN) is None
    assert len(world.requests) == requests


def test_a_graphrun_takes_all_from_its_graphcron_and_counts_there():
    world = RunWorld()
    world.graphcron(input={"a": 1}, config={"tags": ["x"]}, timeoutSeconds=60, suspend=True)
    job = started(world, **REF, input={"b": 2}, scheduledTime="2026-11-01T04:00:00Z", concurrencyPolicy="Allow")
    cron = world.objects[names.PLURAL, "report"]["metadata"]
    environment, request = world.environment(job), world.request(job)
    assert (environment["GRAPHCRON_UID"], environment["GRAPHCRON_NAME"]) == (cron["uid"], "report")
    assert environment["GRAPHCRON_SCHEDULED_TIME"] == "2026-11-01T04:00:00Z"
    assert environment["GRAPHCRON_REQUESTED_TIME"] == "2026-11-22T12:00:30Z"
    assert (request["input"], request["timeoutSeconds"]) == ({"b": 2}, 60)
    assert (request["startingDeadlineSeconds"], request["concurrencyPolicy"]) == (3600, "Allow")
    assert world.status()["graphCronUid"] == cron["uid"]
    (active,) = world.status("report", names.PLURAL)["active"]
    assert (active["job"], active["graphRun"]) == (job, "once")

    world.end(job, DONE)
    world.work()
    status = world.status("report", names.PLURAL)
    (recent,) = status["recentRuns"]
    assert (recent["graphRun"], recent["outcome"], recent["tokens"]) == ("once", "Succeeded", 7)
    assert (recent["scheduledTime"], recent["requestedTime"]) == ("2026-11-01T04:00:00Z", "2026-11-22T12:00:30Z")
    assert not status.get("active")
    assert status["lastSuccessfulTime"]
    assert world.runs == [(("agents", "report"), "Succeeded")]


def test_failed_graphruns_are_consecutive_failures_of_the_graphcron_once():
    world = RunWorld()
    world.graphcron()
    for number in range(3):
        world.graphrun(f"r{number}", **REF)
        world.work()
        (job,) = [each for each in world.jobs() if each.startswith(f"r{number}-")]
        world.end(job, Report(Outcome.GRAPH_ERROR, "ValueError"))
        world.work()
        assert world.conditions(f"r{number}") == {"Failed": "GraphError", "Stalled": "GraphError"}
    world.now += timedelta(hours=1)
    world.reconcile(CRON)
    assert world.status("report", names.PLURAL)["consecutiveFailures"] == 3
    assert len(world.runs) == 3


def test_a_backfill_into_a_full_list_is_listed_and_removes_the_oldest():
    world = RunWorld()
    world.graphcron(history={"runs": 2})
    for number in range(3):
        world.now += timedelta(minutes=1)
        world.graphrun(f"r{number}", **REF, scheduledTime=f"2026-11-0{3 - number}T04:00:00Z")
        world.work()
        world.end(next(each for each in world.jobs() if each.startswith(f"r{number}-")), DONE)
        world.work()
    assert [each["graphRun"] for each in world.status("report", names.PLURAL)["recentRuns"]] == ["r2", "r1"]


def test_a_long_graphrun_is_listed_although_newer_runs_have_ended():
    world = RunWorld()
    world.graphcron(history={"runs": 1}, concurrencyPolicy="Allow")
    long = started(world, **REF)
    world.now += timedelta(minutes=1)
    world.graphrun("short", **REF)
    world.work()
    (short,) = [each for each in world.jobs() if each != long]
    world.end(short, DONE._replace(startTime="2026-11-22T12:01:30Z", durationSeconds=10.0))
    world.work()
    world.now += timedelta(hours=1)
    failed = Report(Outcome.GRAPH_ERROR, "ValueError", startTime="2026-11-22T12:00:31Z", durationSeconds=3600.0)
    world.end(long, failed)
    world.work()
    status = world.status("report", names.PLURAL)
    assert [each["job"] for each in status["recentRuns"]] == [long]
    assert status["consecutiveFailures"] == 1


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        pytest.param({"assistant": "agent", "thread": {"id": "x"}}, "InvalidSpec", id="invalid"),
        pytest.param(
            {"assistant": "agent", "budget": {"maxCost": "1", "window": "day"}}, "InvalidSpec", id="no prices"
        ),
    ],
)
def test_an_invalid_graphrun_is_rejected_at_once(spec: dict[str, Any], reason: str):
    world = RunWorld()
    world.graphrun(**spec)
    world.work()
    assert not world.jobs()
    assert world.conditions() == {"Failed": reason, "Stalled": reason}
    assert world.status()["outcome"] == "Rejected"
    assert "spec." in world.status()["message"]


def test_a_graphrun_waits_for_its_graphcron():
    world = RunWorld()
    world.graphrun(**REF)
    world.work()
    assert world.conditions() == {"Reconciling": "GraphCronNotFound"}
    assert not world.jobs()
    world.graphcron()
    world.work()
    assert len(world.jobs()) == 1
    assert world.conditions() == {"Reconciling": "JobCreated"}


def test_a_graphrun_waits_for_the_graphserver_of_its_graphcron():
    world = RunWorld()
    world.graphcron(serverRef={"name": "shared"})
    world.graphrun(**REF)
    world.work()
    assert world.conditions() == {"Reconciling": "GraphServerNotFound"}
    world.create(names.SERVER_PLURAL, "shared", {"url": "http://shared:2024"})
    world.queue = {key for key in world.queue if key.kind != names.SERVER_KIND}
    world.work()
    (job,) = world.jobs()
    assert world.request(job)["url"] == "http://shared:2024"


@pytest.mark.parametrize("applied", [False, True], ids=["no GraphCron", "invalid with this input"])
def test_a_graphrun_that_waits_too_long_is_skipped_with_the_reason(applied: bool):
    world = RunWorld()
    more: dict[str, Any] = {}
    if applied:
        world.graphcron(context={"a": 1})
        more = {"config": {"configurable": {}}}
    world.graphrun(**REF, startingDeadlineSeconds=60, **more)
    world.work()
    assert world.conditions() == {"Reconciling": "GraphCronInvalid" if applied else "GraphCronNotFound"}
    again = world.reconcile(RUN)
    assert again == world.now + timedelta(seconds=61)
    world.now = again
    world.reconcile(RUN)
    assert world.conditions() == {"Complete": "StartingDeadlineExceeded"}
    assert world.status()["outcome"] == "Skipped"
    assert ("spec.config.configurable" if applied else "no GraphCron named report") in world.status()["message"]
    assert not world.jobs()


def test_a_graphrun_that_is_seen_too_late_is_skipped():
    world = RunWorld()
    world.graphrun()
    world.now += timedelta(hours=2)
    world.work()
    assert world.conditions() == {"Complete": "StartingDeadlineExceeded"}
    assert not world.jobs()


def test_a_refused_job_is_retried_and_the_reason_is_visible():
    world = RunWorld()
    world.graphrun()
    world.fault = lambda method, kind: QUOTA if (method, kind) == ("POST", "jobs") else None
    with pytest.raises(ClusterError):
        world.work()
    assert world.conditions() == {"Reconciling": "FailedCreate"}
    assert "exceeded quota" in world.status()["conditions"][0]["message"]
    assert [each["reason"] for each in world.events] == ["FailedCreate"]
    world.fault = lambda *_: None
    world.reconcile(RUN)
    assert len(world.jobs()) == 1


def test_a_lost_response_makes_no_second_job():
    world = RunWorld()
    world.graphrun()
    world.fault, world.is_lost = (lambda method, kind: QUOTA if (method, kind) == ("POST", "jobs") else None), True
    with pytest.raises(ClusterError):
        world.work()
    assert len(world.jobs()) == 1
    world.fault = lambda *_: None
    world.now += timedelta(hours=2)  # after the deadline, and no watch has delivered the Job
    world.reconcile(RUN)
    assert world.conditions() == {"Reconciling": "FailedCreate"}
    world.deliver_all()
    world.work()
    assert world.conditions() == {"Reconciling": "JobCreated"}
    assert world.requests.count(("POST", "jobs")) == 1


def test_a_job_that_no_watch_has_delivered_is_not_lost():
    world = RunWorld()
    world.graphrun()
    world.reconcile(RUN)
    world.deliver(names.RUN_PLURAL, "once")
    assert world.reconcile(RUN) == world.now + timedelta(seconds=5)
    assert world.conditions() == {"Reconciling": "JobCreated"}


def test_deleted_job_ends_graphrun_without_another():
    world = RunWorld()
    job = started(world)
    world.delete("jobs", job)
    world.work()
    assert world.conditions() == {"Failed": "JobGone", "Stalled": "JobGone"}
    assert world.status()["outcome"] == "Stopped"
    assert not world.jobs()
    world.deliver_all()
    world.work()
    assert world.requests.count(("POST", "jobs")) == 1


def test_a_job_that_a_user_deletes_cancels_the_run():
    world = RunWorld()
    job = started(world)
    world.end(job, STOPPED, gone=True)
    world.delete("jobs", job)
    world.work()
    assert world.conditions() == {"Complete": "JobDeleted"}
    assert (world.status()["outcome"], world.status()["runId"]) == ("Cancelled", DONE.runId)


@pytest.mark.parametrize("report", [True, False])
def test_graphcron_deletion_ends_active_graphrun_only(report: bool):
    world = RunWorld()
    world.graphcron()
    world.graphrun("done", **REF)
    world.work()
    (first,) = world.jobs()
    world.end(first, DONE)
    world.work()
    world.graphrun(**REF)
    world.work()
    (job,) = [each for each in world.jobs() if each != first]
    if report:
        world.end(job, STOPPED, gone=True)
    world.delete(names.PLURAL, "report")
    world.work()
    assert world.jobs() == [first]
    assert world.conditions() == {"Complete": "GraphCronDeleted"}
    assert world.status()["outcome"] == "Cancelled"
    assert world.status().get("runId") == (DONE.runId if report else None)
    assert world.conditions("done") == {"Complete": "Succeeded"}


@pytest.mark.parametrize(
    ("report", "outcome", "reason"),
    [
        pytest.param(STOPPED, "Cancelled", "JobDeleted", id="stopped"),
        pytest.param(DONE, "Succeeded", None, id="over before"),
        pytest.param(None, "Stopped", "JobGone", id="no report"),
    ],
)
def test_graphrun_deleted_while_active_is_listed(report: Report | None, outcome: str, reason: str | None):
    world = RunWorld()
    world.graphcron()
    job = started(world, **REF)
    world.pod(job)
    world.delete(names.RUN_PLURAL, "once")
    world.work()
    (active,) = world.status("report", names.PLURAL)["active"]
    assert active["graphRun"] == "once"
    world.delete("jobs", job)
    if report:
        world.end(job, report, gone=True)
    else:
        world.delete("pods", f"{job}-x")
    assert world.reconcile(CRON) is not None
    status = world.status("report", names.PLURAL)
    (run,) = status["recentRuns"]
    assert (run["graphRun"], run["job"], run["outcome"], run.get("reason")) == ("once", job, outcome, reason)
    assert not status.get("active")


def test_a_recreated_graphcron_does_not_adopt_runs_of_the_deleted_one():
    world = RunWorld()
    world.graphcron()
    job = started(world, **REF)
    gone = world.objects.pop((names.PLURAL, "report"))
    world.store.remove(gone["metadata"]["uid"])
    world.delete("cronjobs", "report")
    world.graphcron()
    world.work()
    assert job not in world.jobs()
    assert world.conditions() == {"Complete": "GraphCronDeleted"}
    assert not world.status("report", names.PLURAL).get("recentRuns")


@pytest.mark.parametrize("is_late", [False, True], ids=["no pod", "a pod that no watch has delivered"])
def test_a_pod_that_kubernetes_refuses_until_the_deadline_skips_the_run(is_late: bool):
    world = RunWorld()
    world.refusal = 'pods "x" is forbidden: exceeded quota: q'
    job = started(world, assistant="agent", startingDeadlineSeconds=60)
    world.now += timedelta(seconds=20)
    world.reconcile(RUN)
    assert world.conditions() == {"Reconciling": "PodCannotStart"}
    world.now += timedelta(seconds=45)
    world.reconcile(RUN)
    assert world.jobs() == [job]
    world.now += timedelta(seconds=30)
    if is_late:
        deliver, world.deliver = world.deliver, lambda *_: None  # type: ignore[method-assign]
        world.end(job, DONE, gone=True)
        world.deliver = deliver  # type: ignore[method-assign]
    world.reconcile(RUN)
    world.deliver_all()
    expected = {"Complete": "Succeeded"} if is_late else {"Complete": "PodCannotStart"}
    assert world.conditions() == expected
    assert world.status()["outcome"] == ("Succeeded" if is_late else "Skipped")
    assert world.jobs() == ([job] if is_late else [])


def test_a_report_that_no_watch_has_delivered_counts():
    """The Job's end may be delivered before its pod; the end of a GraphRun is final."""
    world = RunWorld()
    job = started(world)
    deliver, late = world.deliver, set[tuple[str, str]]()

    def without_pods(kind: str, name: str) -> None:
        deliver(kind, name) if kind != "pods" else late.add((kind, name))

    world.deliver = without_pods  # type: ignore[method-assign]
    world.end(job, DONE)
    world.work()
    assert late
    assert world.conditions() == {"Complete": "Succeeded"}
    assert world.status()["tokens"] == DONE.tokens


def test_the_ttl_deletes_a_finished_graphrun():
    world = RunWorld()
    job = started(world, assistant="agent", ttlSecondsAfterFinished=60)
    world.end(job, DONE)
    world.work()
    end = world.now
    assert world.reconcile(RUN) == end + timedelta(seconds=60)
    world.now += timedelta(seconds=60)
    assert world.reconcile(RUN) is None
    assert (names.RUN_PLURAL, "once") not in world.objects


def test_finished_graphruns_are_kept_compact_and_cause_no_reconcile():
    world = RunWorld()
    world.graphcron()
    for number in range(3):
        world.graphrun(f"r{number}", **REF, input={"text": "x" * 10_000})
        world.work()
        world.end(next(each for each in world.jobs() if each.startswith(f"r{number}-")), DONE)
        world.work()
    body = world.store.body(Key("agents", "r0", names.RUN_KIND))
    assert body
    assert body["spec"] == REF
    restarted = RunWorld()
    restarted.objects = world.objects
    for kind, name in world.objects:
        if kind == names.RUN_PLURAL:
            restarted.deliver(kind, name)
    assert {key.kind for key in restarted.queue} <= {names.KIND}
    world.queue.clear()
    world.objects[names.PLURAL, "report"]["metadata"]["generation"] = 2
    world._put(names.PLURAL, world.objects[names.PLURAL, "report"])
    world.deliver(names.PLURAL, "report")
    assert world.queue == {CRON}


def test_a_graphrun_that_is_not_allowed_waits_and_runs_nothing():
    world = RunWorld(Settings(server_url="http://langgraph:2024", allowed_servers=["http://langgraph:2024"]))
    world.graphrun(assistant="agent", server={"url": "http://evil.example"})
    world.work()
    assert world.conditions() == {"Reconciling": "NotAllowed"}
    assert not world.jobs()


def test_another_installation_leaves_the_graphrun_alone():
    first = RunWorld(Settings(server_url="http://langgraph:2024", installation="team/first"))
    first.graphcron()
    started(first, **REF)
    first.graphrun("inline")
    first.work()
    second = RunWorld(Settings(server_url="http://other:2024", installation="team/second"))
    second.objects = first.objects
    second._version = first._version
    second.deliver_all()
    for name in ("once", "inline"):
        second.reconcile(Key("agents", name, names.RUN_KIND))
    assert not [each for each in second.requests if each[0] != "GET"]


def test_a_graphrun_that_is_deleted_gets_no_job():
    world = RunWorld()
    world.graphrun()
    del world.objects[names.RUN_PLURAL, "once"]  # no watch has delivered that
    assert world.reconcile(RUN) is None
    assert not world.jobs()


def test_two_graphruns_of_one_name_have_different_jobs():
    world = RunWorld()
    first = started(world)
    world.delete(names.RUN_PLURAL, "once")
    world.delete("jobs", first)
    second = started(world)
    assert first != second


LINKS = Settings(server_url="http://langgraph:2024", ui_url="https://ui.example.com/{name}/{runId}")


def test_link_to_the_run_is_in_the_status_and_in_the_event():
    world = RunWorld(LINKS)
    world.end(started(world, assistant="agent", input={}), DONE)
    world.work()
    assert world.status()["url"] == f"https://ui.example.com/once/{DONE.runId}"
    assert [each["message"].rpartition(" ")[2] for each in world.events] == [world.status()["url"]]


def test_link_to_a_run_of_a_graphcron_is_the_same_in_both():
    world = RunWorld(LINKS)
    world.graphcron(server={"uiUrl": "https://own.example.com/{name}/{runId}"})
    world.end(started(world, **REF), DONE)
    world.work()
    assert world.status()["url"] == f"https://own.example.com/report/{DONE.runId}"
    assert world.status("report", names.PLURAL)["recentRuns"][0]["url"] == world.status()["url"]


def test_run_of_a_past_time_has_the_dates_of_its_graphcron():
    world = RunWorld()
    template = {"inputTemplate": True, "input": "{{ previousScheduledTime | date }}"}
    world.graphcron(**template, schedule="0 8 * * *", timeZone="Europe/Berlin")
    request = world.request(started(world, **REF, scheduledTime="2023-07-02T06:00:00Z"))
    assert request["lines"] == ["0 8 * * *"]
    assert request["offsets"][0][0] < 1_672_531_200
    world = RunWorld()
    world.graphrun(assistant="agent", inputTemplate=True, input="{{ scheduledTime | date }}")
    world.work()
    (job,) = world.jobs()
    assert "lines" not in world.request(job)
