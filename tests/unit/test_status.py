"""Observed → status, as sentences."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from graphcron.contract import Outcome, Report
from graphcron.errors import ClusterError, ConflictError, SpecError
from graphcron.model import GraphCronSpec, GraphCronStatus, dump_status
from graphcron.observed import CronJobSeen, JobSeen, PodSeen
from graphcron.status import Observed, next_time, status_for, status_of

NOW = datetime(2026, 11, 22, 12, 0, 30, tzinfo=UTC)
TICK = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
CRONJOB = CronJobSeen(
    uid="c", generation=3, controller_uid="u", labels={}, applied="h", schedule_key="k",
    schedule_since=None, last_schedule_time=None,
)  # fmt: skip


def spec(**members: Any) -> GraphCronSpec:
    return GraphCronSpec.model_validate({"assistant": "agent", "schedule": "*/5 * * * *", **members})


def job(minutes_ago: int = 0, *, succeeded: bool = False, failed: bool = False, failure: str = "") -> JobSeen:
    moment = TICK - timedelta(minutes=minutes_ago)
    finished_at = moment + timedelta(seconds=20) if succeeded or failed else None
    name = f"hello-{int(moment.timestamp()) // 60}"
    return JobSeen(name, moment, succeeded, failed, failure, finished_at)


def pod(
    of: JobSeen, report: Report | None = None, *, terminal: bool = True, number: int = 0, waiting: str = ""
) -> PodSeen:
    created = of.scheduled_time + timedelta(seconds=number)
    message = 'secret "langgraph" not found' if waiting else ""
    return PodSeen(f"{of.name}-{number}", of.name, created, terminal, report, waiting, message, None)


def observed(**members: Any) -> Observed:
    usual: dict[str, Any] = {
        "generation": 2, "spec": spec(), "problem": None, "cronjob": CRONJOB, "jobs": (), "pods": (),
        "previous": GraphCronStatus(), "now": NOW,
    }  # fmt: skip
    return Observed(**{**usual, **members})


def condition(status: GraphCronStatus, kind: str) -> Any:
    return next((each for each in status.conditions or () if each.type == kind), None)


WRONG = SpecError(field="spec.timeZone", problem="there is no such zone", remedy="did you mean Europe/Berlin?")


@dataclass
class ReadyCase:
    sentence: str
    members: dict[str, Any]
    status: str
    reason: str
    says: str = ""
    also: str | None = None
    """Which of kstatus' two conditions stands beside."""
    absent: tuple[str, ...] = field(default=("Stalled", "Reconciling"))


STUCK = job()
READY_CASES = [
    ReadyCase("all is well", {}, "True", "Reconciled"),
    ReadyCase("the spec is wrong", {"problem": WRONG, "spec": None}, "False", "InvalidSpec", "spec.timeZone", "Stalled"),
    ReadyCase(
        "the spec has become wrong, and the old CronJob goes on", {"problem": WRONG, "spec": None}, "False", "InvalidSpec",
        "stays as the last valid spec made it", "Stalled",
    ),
    ReadyCase(
        "somebody else's CronJob has the name", {"problem": ConflictError("a CronJob named hello exists")}, "False",
        "CronJobNotOurs", "a CronJob named hello exists", "Stalled",
    ),
    ReadyCase(
        "the API server is down", {"problem": ClusterError("PATCH /x: 500")}, "False", "ClusterError", "tried again",
        "Reconciling",
    ),
    ReadyCase(
        "a Secret is missing", {"jobs": [STUCK], "pods": [pod(STUCK, terminal=False, waiting="CreateContainerConfigError")]},
        "False", "PodCannotStart", 'secret "langgraph" not found', "Stalled",
    ),
    ReadyCase(
        "a pod is only starting", {"jobs": [STUCK], "pods": [pod(STUCK, terminal=False, waiting="ContainerCreating")]},
        "True", "Reconciled",
    ),
    ReadyCase(
        "a pod has been starting for a minute", {"jobs": [STUCK], "pods": [pod(STUCK, terminal=False, waiting="ContainerCreating")],
        "now": NOW + timedelta(minutes=1)}, "False", "PodCannotStart", "kubectl describe pod", "Reconciling",
    ),
    ReadyCase("it is suspended", {"spec": spec(suspend=True)}, "True", "Suspended", "spec.suspend"),
    ReadyCase("its campaign is over", {"spec": spec(endTime="2026-11-22T12:00:00Z")}, "True", "Ended", "spec.endTime"),
    ReadyCase(
        "a run has failed, which is no matter of Ready",
        {"jobs": [job(failed=True)], "pods": [pod(job(), Report(outcome=Outcome.GRAPH_ERROR))]}, "True", "Reconciled",
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", READY_CASES, ids=lambda case: case.sentence)
def test_ready_when(case):
    status = status_for(observed(**case.members))
    ready = condition(status, "Ready")
    assert (ready.status, ready.reason, ready.observed_generation) == (case.status, case.reason, 2)
    assert case.says in ready.message
    assert {kind for kind in case.absent if condition(status, kind)} == ({case.also} if case.also else set())


OUTCOMES = [
    (Outcome.SUCCEEDED, "True"),
    (Outcome.GRAPH_ERROR, "False"),
    (Outcome.TIMEOUT, "False"),
    (Outcome.REJECTED, "False"),
    (Outcome.SERVER_UNREACHABLE, "False"),
    (Outcome.OVER_BUDGET, "False"),
    (Outcome.INTERNAL_ERROR, "False"),
    (Outcome.INTERRUPTED, "Unknown"),
    (Outcome.CANCELLED, "Unknown"),
    (Outcome.STOPPED, "Unknown"),
]


@pytest.mark.parametrize(("outcome", "verdict"), OUTCOMES)
def test_the_last_run_is_told_by_its_outcome(outcome, verdict):
    last = job(succeeded=outcome is Outcome.SUCCEEDED, failed=outcome is not Outcome.SUCCEEDED)
    status = status_for(observed(jobs=[last], pods=[pod(last, Report(outcome=outcome))]))
    told = condition(status, "LastRunSucceeded")
    assert (told.status, told.reason) == (verdict, outcome.value)


def test_an_occurrence_that_was_skipped_is_no_run():
    before, skipped = job(5, succeeded=True), job(failed=True)
    pods = [pod(before, Report(outcome=Outcome.SUCCEEDED)), pod(skipped, Report(outcome=Outcome.SKIPPED))]
    status = status_for(observed(jobs=[before, skipped], pods=pods))
    assert condition(status, "LastRunSucceeded").status == "True"
    assert [run.outcome for run in status.recent_runs] == ["Skipped", "Succeeded"]
    assert status.last_failure_time is None


def test_a_report_becomes_an_entry_with_all_that_it_tells():
    last = job(succeeded=True)
    report = Report(
        outcome=Outcome.SUCCEEDED, message="fine", runId="r", threadId="t", startTime="2026-11-22T12:00:02Z",
        durationSeconds=3.5, tokens=150,
    )  # fmt: skip
    status = status_for(observed(jobs=[last], pods=[pod(last, report)]))
    assert dump_status(status)["recentRuns"] == [
        {
            "scheduledTime": "2026-11-22T12:00:00Z", "outcome": "Succeeded", "message": "fine", "job": last.name,
            "runId": "r", "threadId": "t", "startTime": "2026-11-22T12:00:02Z", "durationSeconds": 3.5, "tokens": 150,
        }
    ]  # fmt: skip
    assert status.last_successful_time == TICK + timedelta(seconds=20)


def test_of_several_pods_the_newest_final_report_counts():
    last = job(failed=True)
    pods = [
        pod(last, Report(outcome=Outcome.STOPPED), number=1),
        pod(last, Report(outcome=Outcome.GRAPH_ERROR), number=2),
        pod(last, Report(outcome=Outcome.STOPPED), number=3),
    ]
    assert status_for(observed(jobs=[last], pods=pods)).recent_runs[0].outcome == "GraphError"


def test_a_job_whose_pod_has_not_yet_been_seen_to_end_is_not_judged():
    last = job(failed=True)
    assert status_for(observed(jobs=[last], pods=[pod(last, terminal=False)])).recent_runs is None


@pytest.mark.parametrize(
    ("failure", "outcome", "reason"),
    [("DeadlineExceeded", "Timeout", "DeadlineExceeded"), ("BackoffLimitExceeded", "InternalError", "PodLost")],
)
def test_a_job_without_any_report_is_told_by_its_own_failure(failure, outcome, reason):
    last = job(failed=True, failure=failure)
    run = status_for(observed(jobs=[last], pods=[pod(last)])).recent_runs[0]
    assert (run.outcome, run.reason) == (outcome, reason)


def test_a_job_deleted_while_it_ran_is_told_by_its_pod():
    gone = job()
    status = status_for(observed(pods=[pod(gone, Report(outcome=Outcome.STOPPED))]))
    assert [(run.job, run.outcome, run.scheduled_time) for run in status.recent_runs] == [(gone.name, "Stopped", TICK)]


def test_what_was_told_of_jobs_that_are_gone_is_kept_up_to_the_limit():
    first = job(10, succeeded=True)
    status = status_for(observed(jobs=[first], pods=[pod(first, Report(outcome=Outcome.SUCCEEDED))]))
    second = job(5, succeeded=True)
    later = observed(jobs=[second], pods=[pod(second, Report(outcome=Outcome.SUCCEEDED))], previous=status)
    assert [run.job for run in status_for(later).recent_runs] == [second.name, first.name]
    short = replace(later, spec=spec(history={"runs": 1}))
    assert [run.job for run in status_for(short).recent_runs] == [second.name]


def test_a_final_report_is_told_before_its_job_is_over_and_the_job_is_active_no_more():
    going = job()
    status = status_for(observed(jobs=[going], pods=[pod(going, Report(outcome=Outcome.GRAPH_ERROR))]))
    assert [run.outcome for run in status.recent_runs] == ["GraphError"]
    assert status.active is None


def test_a_stopped_pod_is_no_end_of_its_job():
    going = job()
    status = status_for(observed(jobs=[going], pods=[pod(going, Report(outcome=Outcome.STOPPED))]))
    assert status.recent_runs is None
    assert [run.job for run in status.active] == [going.name]


def test_what_a_pod_told_outlives_the_pod():
    going, over = job(), job(failed=True, failure="PodFailurePolicy")
    told = status_for(observed(jobs=[going], pods=[pod(going, Report(outcome=Outcome.GRAPH_ERROR))]))
    later = status_for(observed(jobs=[over], previous=told))
    assert [run.outcome for run in later.recent_runs] == ["GraphError"]


def test_jobs_that_have_not_finished_are_active_newest_first():
    status = status_for(observed(jobs=[job(5), job(0), job(10, succeeded=True)]))
    assert [run.job for run in status.active] == [job(0).name, job(5).name]


def test_a_transition_time_moves_with_the_status_only():
    first = status_for(observed())
    later = NOW + timedelta(hours=1)
    suspended = status_for(observed(previous=first, spec=spec(suspend=True), now=later))
    assert condition(suspended, "Ready").last_transition_time == NOW
    broken = status_for(observed(previous=first, spec=None, problem=WRONG, now=later))
    assert condition(broken, "Ready").last_transition_time == later


def test_nothing_new_gives_the_same_status():
    first = status_for(observed())
    stored = status_of({"status": dump_status(first)})
    assert dump_status(status_for(observed(previous=stored, now=NOW + timedelta(minutes=1)))) == dump_status(stored)


def test_a_broken_spec_leaves_what_the_last_valid_one_made():
    first = status_for(observed())
    broken = status_for(observed(previous=first, spec=None, problem=WRONG))
    assert (broken.schedule, broken.cron_job, broken.time_zone) == (first.schedule, first.cron_job, "Etc/UTC")


def test_a_status_that_somebody_made_unreadable_is_begun_anew():
    assert status_of({"status": {"recentRuns": "?"}}) == GraphCronStatus()


NEXT = [
    ("five minutes on", {}, datetime(2026, 11, 22, 12, 5, tzinfo=UTC)),
    ("none while suspended", {"suspend": True}, None),
    ("none where the campaign ends before", {"endTime": "2026-11-22T12:05:00Z"}, None),
    ("the last before the end", {"endTime": "2026-11-22T12:05:01Z"}, datetime(2026, 11, 22, 12, 5, tzinfo=UTC)),
    (
        "by the zone's clock",
        {"schedule": "0 9 * * *", "timeZone": "Europe/Berlin"},
        datetime(2026, 11, 23, 8, tzinfo=UTC),
    ),
]


@pytest.mark.parametrize(("members", "moment"), [each[1:] for each in NEXT], ids=[each[0] for each in NEXT])
def test_next(members, moment):
    assert next_time(spec(**members), now=NOW) == moment
