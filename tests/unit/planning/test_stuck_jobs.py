"""Jobs that Kubernetes leaves open: a sidecar outlives the runner, or no pod can be created."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from graphcron.api.names import Purpose
from graphcron.api.v1alpha1 import RecentRun
from graphcron.cache.objects import CachedJob, CachedPod, cached_job, cached_pod
from graphcron.contract import Outcome, Report
from graphcron.errors import ClusterError
from graphcron.planning.stuck_jobs import SIDECAR_GRACE, outlived_by_sidecars, podless, refusal_in
from tests.unit.world import World, at, condition, graphcron, job, pod

RUN = "1f0e4c5a-0000-4000-8000-000000000001"
SUCCEEDED = Report(Outcome.SUCCEEDED, "fine", runId=RUN, threadId=RUN, tokens=5)
FAILED = Report(Outcome.GRAPH_ERROR, "raised ValueError", "ValueError", runId=RUN)
QUOTA = 'pods "hello" is forbidden: exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0'


# --- What is read of a pod


def container(name: str, *, exit_code: int | None = None, message: str = "") -> dict[str, Any]:
    ended = {"exitCode": exit_code, "message": message, "finishedAt": "2026-11-22T12:00:10Z"}
    return {"name": name, "state": {"running": {}} if exit_code is None else {"terminated": ended}}


def seen(*containers: dict[str, Any], phase: str = "Running", **status: Any) -> CachedPod:
    metadata = {"name": "p", "uid": "u", "creationTimestamp": "2026-11-22T12:00:01Z"}
    return cached_pod({"metadata": metadata, "status": {"phase": phase, "containerStatuses": [*containers], **status}})


@pytest.mark.parametrize("sidecar", ["istio-proxy", "linkerd-proxy", "daprd", "datadog-agent", "vault-agent"])
def test_report_is_read_from_the_runner_wherever_the_kubelet_lists_it(sidecar):
    runner, beside = container("runner", exit_code=10, message=FAILED.to_json()), container(sidecar)
    for order in ((runner, beside), (beside, runner)):
        found = seen(*order)
        assert (found.report, found.exit_code, found.terminal) == (FAILED, 10, True)
        assert (found.sidecars, found.finished_at) == (sidecar, at("12:00:10"))


def test_pod_without_sidecars_is_kept_open_by_none():
    assert seen(container("runner", exit_code=0), phase="Succeeded").sidecars == ""
    assert seen(container("istio-proxy", exit_code=0), container("runner", exit_code=0)).sidecars == ""


def test_sidecar_that_has_ended_says_nothing_of_the_runner():
    found = seen(container("istio-init", exit_code=1, message=FAILED.to_json()), container("runner"))
    assert (found.report, found.terminal, found.exit_code) == (None, False, None)


def test_runner_that_waits_for_an_init_container_waits_for_its_reason():
    waits = {"name": "runner", "state": {"waiting": {"reason": "PodInitializing"}}}
    image = {"name": "istio-proxy", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}
    found = seen(waits, phase="Pending", initContainerStatuses=[image])
    assert (found.waiting_reason, found.waiting_message) == ("ImagePullBackOff", "container istio-proxy: no such image")
    assert seen(waits, phase="Pending").waiting_reason == "PodInitializing"


# --- A sidecar outlives the runner


def lingering(
    of: CachedJob, report: Report | None, *, exit_code: int, ended: str = "12:00:10", **members: Any
) -> CachedPod:
    """Return a pod whose runner has ended, and whose sidecar has not."""
    usual = {"exit_code": exit_code, "finished_at": at(ended), "sidecars": "istio-proxy", "uid": "pod-uid", **members}
    return replace(pod(of, report), **usual)


def meshed(report: Report | None, *, exit_code: int, **members: Any) -> World:
    """Return a GraphCron of which a run has just ended in a pod with a sidecar."""
    world = World(graphcron(schedule="* * * * *", preflight=False))
    world.look(at("11:59:30"))
    started = job("12:00")
    world.jobs[started.name] = started
    world.look(at("12:00:01"))
    world.pods = [lingering(started, report, exit_code=exit_code, **members)]
    world.look(at("12:00:11"))
    return world


@pytest.mark.parametrize(("report", "exit_code", "outcome"), [(SUCCEEDED, 0, "Succeeded"), (FAILED, 10, "GraphError")])
def test_outcome_is_told_at_once_though_a_sidecar_goes_on(report, exit_code, outcome):
    world = meshed(report, exit_code=exit_code)
    (run,) = world.status.recent_runs or ()
    assert (run.outcome, run.run_id, world.status.active) == (outcome, RUN, None)
    assert world.ended == []
    assert world.again == at("12:00:40")


def test_job_of_a_run_that_succeeded_is_deleted_after_the_grace():
    world = meshed(SUCCEEDED, exit_code=0)
    world.look(at("12:00:39"))
    assert world.ended == []
    world.look(at("12:00:40"))
    assert world.ended == [f"Job {job('12:00').name}"]
    assert world.events.count("SidecarKeepsPodRunning") == 1
    world.look(at("12:00:41"))
    assert [run.outcome for run in world.status.recent_runs or ()] == ["Succeeded"]


@pytest.mark.parametrize(("report", "exit_code"), [(FAILED, 10), (Report(Outcome.INTERNAL_ERROR), 1)])
def test_failed_runs_pod_terminated_job_kept(report, exit_code):
    world = meshed(report, exit_code=exit_code)
    world.look(at("12:00:40"))
    assert world.ended == [f"Pod {world.pods[0].name}"]
    assert job("12:00").name in world.jobs


def test_successful_job_deleted_before_sidecar_fails_it():
    world = meshed(SUCCEEDED, exit_code=0, failed=True, sidecars="")
    assert world.ended == [f"Job {job('12:00').name}"]


@pytest.mark.parametrize("members", [{"sidecars": ""}, {"exit_code": None, "sidecars": "istio-proxy"}])
def test_ending_or_running_pod_not_terminated(members):
    going = job("12:00")
    assert list(outlived_by_sidecars([going], [lingering(going, SUCCEEDED, **{"exit_code": 0, **members})])) == []
    over = job("12:00", succeeded=True)
    assert list(outlived_by_sidecars([over], [lingering(over, SUCCEEDED, exit_code=0)])) == []


def test_nothing_is_ended_before_the_outcome_stands_in_the_status(monkeypatch):
    world = meshed(SUCCEEDED, exit_code=0)
    world.status = world.status.model_copy(update={"recent_runs": None})

    async def refuse(*_: Any) -> bool:
        return False

    monkeypatch.setattr("graphcron.kube.client.Cluster.update_status", refuse)
    world.look(at("12:00:40"))
    assert world.ended == []


def test_stuck_job_success_without_report_reported_while_open():
    """A runner that succeeds without a report is reported even if its Job stays open."""
    going = job("12:00")
    world = meshed(None, exit_code=0)
    assert [run.job for run in world.status.recent_runs or ()] == [going.name]


def test_grace_counts_from_the_runners_end():
    (termination,) = outlived_by_sidecars([job("12:00")], [lingering(job("12:00"), SUCCEEDED, exit_code=0)])
    assert termination.at == at("12:00:10") + SIDECAR_GRACE


def test_preflight_with_sidecar_deleted_result_kept():
    world = World(graphcron(schedule="0 9 * * *"))
    world.look(at("12:00"))
    (made,) = world.made_for(Purpose.PREFLIGHT)
    look = world.jobs[made["metadata"]["name"]]
    world.pods = [lingering(look, Report(Outcome.SUCCEEDED, "all is well"), exit_code=0)]
    for moment in ("12:00:11", "12:00:40", "12:00:41"):
        world.look(at(moment))
    target = condition(world.status, "TargetResolved")
    assert world.ended == [f"Job {look.name}"]
    assert target
    assert target.status == "True"
    assert len(world.made_for(Purpose.PREFLIGHT)) == 1


# --- No pod can be created


@pytest.mark.parametrize(
    ("status", "had"),
    [
        ({}, False), ({"ready": 0, "terminating": 0, "uncountedTerminatedPods": {}}, False), ({"active": 1}, True),
        ({"failed": 2}, True), ({"succeeded": 1}, True), ({"terminating": 1}, True),
        ({"uncountedTerminatedPods": {"failed": ["u"]}}, True),
    ],
)  # fmt: skip
def test_job_knows_whether_it_had_pods(status, had):
    body = {"metadata": {"name": "j", "uid": "u", "creationTimestamp": "2026-11-22T12:00:00Z"}, "status": status}
    found = cached_job(body)
    assert found.had_pods is had
    assert [each.name for each in podless([found], [])] == ([] if had else ["j"])
    assert podless([found], [replace(pod(found), job="j")]) == []


def event(reason: str, message: str, at: str = "2026-11-22T12:00:00Z") -> dict[str, str]:
    return {"reason": reason, "message": message, "lastTimestamp": at}


def test_refusal_message_is_stable():
    tries = [
        event("FailedCreate", f'Error creating: pods "hello-{each}" is forbidden: no') for each in ("ddtk2", "25cc5")
    ]
    combined = "(combined from similar events): "  # as the API server's clients do after ten of a kind
    tries += [event("FailedCreate", f'{combined}Error creating: pods "hello-abcde" is forbidden: no')]
    assert {refusal_in("hello", [each]) for each in tries} == {'pods "hello" is forbidden: no'}
    assert refusal_in("hello", [*tries, event("SuccessfulCreate", "Created pod: hello-x")]) == ""
    assert refusal_in("hello", []) == ""
    newest = event("FailedCreate", "Error creating: another", "2026-11-22T12:01:00Z")
    assert refusal_in("hello", [newest, *tries]) == "another"


def refused(schedule: str = "* * * * *", **spec: Any) -> World:
    """Return a GraphCron whose first Job gets no pod."""
    world = World(graphcron(schedule=schedule, preflight=False, **spec), refusal=QUOTA)
    world.look(at("11:59:30"))
    fire(world, "12:00")
    world.look(at("12:00:01"))
    return world


def fire(world: World, minute: str, *, had_pods: bool = False) -> CachedJob:
    """Let the CronJob controller make a Job."""
    made = replace(job(minute), had_pods=had_pods, uid=minute)
    world.jobs[made.name] = made
    return made


def ready(world: World) -> tuple[str, str, str]:
    found = condition(world.status, "Ready")
    assert found is not None
    return found.status, found.reason, found.message


def brief(world: World) -> list[tuple[str, str | None, int | None]]:
    runs: list[RecentRun] = world.status.recent_runs or []
    return [(run.outcome, run.reason, run.count) for run in runs]


def test_stuck_job_without_pod_ready_false_with_controller_message():
    """A Job without a pod makes the GraphCron not ready, with the Job controller's message."""
    world = refused()
    assert ready(world)[:2] == ("True", "Reconciled")
    assert world.again == at("12:00:15")
    world.look(at("12:00:15"))
    status, reason, message = ready(world)
    assert (status, reason) == ("False", "PodCannotStart")
    assert QUOTA in message
    stalled = condition(world.status, "Stalled")
    assert stalled
    assert stalled.status == "True"


def test_podless_job_reported_after_a_minute():
    world = refused()
    world.refusal = ""
    world.look(at("12:00:59"))
    assert ready(world)[0] == "True"
    world.look(at("12:01:00"))
    assert "has no pod yet" in ready(world)[2]


def test_stuck_job_without_pod_later_occurrences_reported():
    """The CronJob controller, which forbids two at a time, makes the next Job as soon as one is gone."""
    world = refused()
    moment = at("12:00:15")
    made = ["12:00"]
    while moment < at("12:12"):
        world.look(moment)
        assert ready(world)[1] == "PodCannotStart"
        if not world.jobs:
            minute = f"{moment:%H:%M}"
            fire(world, minute)
            made.append(minute)
        moment += timedelta(seconds=5)
    assert len(made) > 3
    assert [each for each in world.ended if each.startswith("Job")] == [f"Job {job(each).name}" for each in made[:-1]]
    assert {reason for _, reason, _ in brief(world)} == {"PodCannotStart"}
    assert world.status.missed_runs == sum(count or 1 for _, _, count in brief(world))
    assert (world.status.missed_runs or 0) >= 9


def test_next_run_starts_after_quota_relents():
    world = refused()
    world.look(at("12:02:30"))
    assert world.ended == [f"Job {job('12:00').name}"]
    world.refusal = ""
    going = fire(world, "12:02", had_pods=True)
    world.look(at("12:02:31"))
    assert ready(world)[:2] == ("True", "Reconciled")
    world.end(going, SUCCEEDED)
    world.look(at("12:02:50"))
    # What was due while the first Job was there is told as what it was.
    world.look(at("12:03:45"))
    assert sorted(brief(world)) == [("Skipped", "PodCannotStart", 2), ("Succeeded", None, None)]


def test_stuck_job_rare_schedule_kept_until_next_due():
    """The Job of a rare schedule stays until the next run is due, so that a pod can still show that all is well."""
    world = refused("0 */6 * * *")
    world.look(at("12:02:30"))
    assert (brief(world), world.status.active) == ([("Skipped", "PodCannotStart", None)], None)
    world.look(at("15:00"))
    assert world.ended == []
    world.jobs = {name: replace(each, had_pods=True) for name, each in world.jobs.items()}
    world.look(at("15:01"))
    assert ready(world)[:2] == ("True", "Reconciled")


def test_rare_schedule_makes_room_before_the_next_is_due():
    world = refused("0 */6 * * *")
    for moment in ("12:02:30", "17:59:29", "17:59:30"):
        assert world.ended == []
        world.look(at(moment))
    assert world.ended == [f"Job {job('12:00').name}"]
    assert ready(world)[1] == "PodCannotStart"


def test_run_now_that_gets_no_pod_is_told_with_its_request():
    world = refused("0 */6 * * *")
    asked = replace(job("12:01", name="hello-asked", purpose=Purpose.TRIGGER, trigger="now"), had_pods=False)
    world.jobs[asked.name] = asked
    world.look(at("12:03:31"))
    told = {run.trigger: run.reason for run in world.status.recent_runs or ()}
    assert told == {None: "PodCannotStart", "now": "PodCannotStart"}


def test_catch_up_without_a_pod_gives_way_to_a_later_one():
    world = refused("*/5 * * * *", catchUp="last")
    older = replace(job("12:00", name="a", purpose=Purpose.CATCH_UP), had_pods=False, created=at("12:03"))
    newer = replace(job("12:05", name="b", purpose=Purpose.CATCH_UP), had_pods=False, created=at("12:08"))
    world.jobs = {older.name: older, newer.name: newer}
    world.look(at("12:09"))
    assert world.ended == ["Job a"]


def test_preflight_without_a_pod_says_why_and_is_no_run():
    world = World(graphcron(schedule="0 9 * * *"), refusal=QUOTA)
    world.look(at("12:00:30"))
    world.look(at("12:01"))
    target = condition(world.status, "TargetResolved")
    assert target is not None
    assert (target.status, target.reason) == ("Unknown", "PodCannotStart")
    assert QUOTA in target.message
    assert ready(world)[1] == "PodCannotStart"
    assert (world.ended, brief(world)) == ([], [])
    world.refusal = ""
    world.jobs = {name: replace(each, had_pods=True) for name, each in world.jobs.items()}
    world.look(at("12:02"))
    assert ready(world)[:2] == ("True", "Reconciled")


def test_podless_deadline_job_is_no_run():
    world = refused()
    failed = replace(job("12:00", failed=True, failure="DeadlineExceeded"), had_pods=False)
    world.jobs = {failed.name: failed}
    world.look(at("12:03"))
    assert brief(world)[0][:2] == ("Skipped", "PodCannotStart")
    last = condition(world.status, "LastRunSucceeded")
    assert last
    assert last.reason == "NoRunYet"


def test_events_that_cannot_be_read_stop_nothing(monkeypatch):
    async def refuse(*_: Any) -> Any:
        raise ClusterError("GET /events: 403", status=403)

    monkeypatch.setattr("graphcron.kube.client.Cluster.list_events", refuse)
    world = refused()
    world.look(at("12:02:31"))
    assert "has no pod yet" in ready(world)[2]
    assert world.ended == []
