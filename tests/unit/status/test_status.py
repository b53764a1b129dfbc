"""Observed → status, as sentences."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from graphcron.api.names import Purpose
from graphcron.api.v1alpha1 import BudgetUsed, GraphCronStatus, dump_status
from graphcron.api.v1alpha1.parsing import status_of
from graphcron.contract import Outcome, Report
from graphcron.errors import ClusterError, ConflictError, GraphCronError, SpecError
from graphcron.planning.observed import ObservedState
from graphcron.planning.plan import history_for, plan_for
from graphcron.status.status import StatusInputs, status_for
from tests.unit.world import NOON, NOW, SETTINGS, World, applied, at, condition, graphcron, job, pod

QUIET = {"preflight": False}


def inputs(
    *, spec: dict[str, Any] | None = QUIET, problem: GraphCronError | None = None, now: datetime = NOW,
    jobs: Any = (), pods: Any = (), previous: GraphCronStatus | None = None, planned: bool = True,
) -> StatusInputs:  # fmt: skip
    """Look at a GraphCron whose CronJobs are in place; spec None: it can't be read."""
    resource = None if spec is None else graphcron(**spec)
    bare = ObservedState(cronjobs={}, jobs=jobs, pods=pods, previous=previous or GraphCronStatus())
    manifests = plan_for(resource or graphcron(), SETTINGS, bare, now=NOW - timedelta(minutes=1)).cronjobs
    cronjobs = [applied(manifest, generation=3) for manifest in manifests]
    observed = replace(bare, cronjobs={each.name: each for each in cronjobs})
    plan = plan_for(resource, SETTINGS, observed, now=now) if resource and planned else None
    return StatusInputs(
        generation=2,
        graphcron=resource,
        problem=problem,
        observed=observed,
        cronjobs=cronjobs,
        plan=plan,
        history=history_for(plan, problem, observed, resource),
        now=now,
    )


def status_when(**members: Any) -> GraphCronStatus:
    return status_for(inputs(**members))


WRONG = SpecError(field="spec.timeZone", problem="there is no such zone", remedy="did you mean Europe/Berlin?")
ABSENT = SpecError(field="spec.serverRef", problem="there is no valid GraphServer named shared", remedy="apply one")


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
LOOK = job(name="hello-look", purpose=Purpose.PREFLIGHT)
READY_CASES = [
    ReadyCase("all is well", {}, "True", "Reconciled"),
    ReadyCase("the spec is wrong", {"problem": WRONG, "spec": None}, "False", "InvalidSpec", "spec.timeZone", "Stalled"),
    ReadyCase(
        "the spec has become wrong, and the old CronJob goes on", {"problem": WRONG, "spec": None}, "False", "InvalidSpec",
        "keeps the last valid spec", "Stalled",
    ),
    ReadyCase(
        "the GraphServer is missing", {"problem": ABSENT, "spec": {"serverRef": {"name": "shared"}}, "planned": False},
        "False", "GraphServerNotFound", "no valid GraphServer named shared", "Stalled",
    ),
    ReadyCase(
        "the reference itself is wrong",
        {"problem": SpecError(field="spec.serverRef", problem="is set together with spec.server", remedy="x"), "spec": None},
        "False", "InvalidSpec", "is set together with spec.server", "Stalled",
    ),
    ReadyCase(
        "somebody else's CronJob has the name", {"problem": ConflictError("a CronJob named hello exists")}, "False",
        "CronJobNotOurs", "a CronJob named hello exists", "Stalled",
    ),
    ReadyCase(
        "the API server is down", {"problem": ClusterError("PATCH /x: 500")}, "False", "ClusterError", "The operator retries",
        "Reconciling",
    ),
    ReadyCase(
        "a Secret is missing", {"jobs": [STUCK], "pods": [pod(STUCK, terminal=False, waiting="CreateContainerConfigError")]},
        "False", "PodCannotStart", 'secret "langgraph" not found', "Stalled",
    ),
    ReadyCase(
        "a Secret is missing, and the preflight is the first to find out",
        {"jobs": [LOOK], "pods": [pod(LOOK, terminal=False, waiting="CreateContainerConfigError")]},
        "False", "PodCannotStart", 'secret "langgraph" not found', "Stalled",
    ),
    ReadyCase(
        "a pod is only starting", {"jobs": [STUCK], "pods": [pod(STUCK, terminal=False, waiting="ContainerCreating")]},
        "True", "Reconciled",
    ),
    ReadyCase(
        "a pod has been starting for a minute", {"jobs": [STUCK], "pods": [pod(STUCK, terminal=False, waiting="ContainerCreating")],
        "now": NOW + timedelta(minutes=1)}, "False", "PodCannotStart", "-0 --namespace=agents", "Reconciling",
    ),
    ReadyCase("it is suspended", {"spec": {**QUIET, "suspend": True}}, "True", "Suspended", "spec.suspend"),
    ReadyCase("its campaign is over", {"spec": {**QUIET, "endTime": "2026-11-22T12:00:00Z"}}, "True", "NoLongerActive", "spec.endTime"),
    ReadyCase(
        "its campaign has not begun", {"spec": {**QUIET, "startTime": "2026-11-23T12:00:00Z"}}, "True", "NotYetActive",
        "spec.startTime",
    ),
    ReadyCase(
        "the day is excluded", {"spec": {**QUIET, "excludes": [{"date": "2026-11-22"}]}}, "True", "Excluded", "spec.excludes"
    ),
    ReadyCase(
        "a run has failed, which is no matter of Ready",
        {"jobs": [job(failed=True)], "pods": [pod(job(), Report(outcome=Outcome.GRAPH_ERROR))]}, "True", "Reconciled",
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", READY_CASES, ids=lambda case: case.sentence)
def test_ready_when(case):
    status = status_when(**case.members)
    ready = condition(status, "Ready")
    assert ready is not None
    assert (ready.status, ready.reason, ready.observed_generation) == (case.status, case.reason, 2)
    assert case.says in ready.message
    assert {kind for kind in case.absent if condition(status, kind)} == ({case.also} if case.also else set())


# --- Runs


def test_an_occurrence_that_was_skipped_is_no_run():
    before, skipped = job("11:55", succeeded=True), job(failed=True)
    pods = [pod(before, Report(outcome=Outcome.SUCCEEDED)), pod(skipped, Report(outcome=Outcome.SKIPPED))]
    status = status_when(jobs=[before, skipped], pods=pods)
    told = condition(status, "LastRunSucceeded")
    assert told is not None
    assert told.status == "True"
    assert status.recent_runs is not None
    assert [run.outcome for run in status.recent_runs] == ["Skipped", "Succeeded"]
    assert (status.last_failure_time, status.consecutive_failures) == (None, None)


def test_when_runs_last_succeeded_and_failed_is_told_and_kept():
    good, bad = job("11:55", succeeded=True), job(failed=True)
    pods = [pod(good, Report(outcome=Outcome.SUCCEEDED)), pod(bad, Report(outcome=Outcome.TIMEOUT))]
    status = status_when(jobs=[good, bad], pods=pods)
    assert (status.last_successful_time, status.last_failure_time) == (good.finished_at, bad.finished_at)
    later = status_when(previous=status)
    assert (later.last_successful_time, later.last_failure_time) == (good.finished_at, bad.finished_at)


def test_that_the_job_follows_its_pod_changes_nothing():
    going, over = job("11:55"), job("11:55", succeeded=True)
    ended = replace(pod(going, Report(outcome=Outcome.SUCCEEDED)), finished_at=at("11:55:10"))
    status = status_when(jobs=[going], pods=[ended])
    assert status.last_successful_time == at("11:55:10")
    assert status_when(jobs=[over], pods=[ended], previous=status) == status
    assert status_when(jobs=[over], previous=status).last_successful_time == at("11:55:10")


def test_of_the_limit_as_many_are_kept():
    first = job("11:50", succeeded=True)
    status = status_when(jobs=[first], pods=[pod(first, Report(outcome=Outcome.SUCCEEDED))])
    second = job("11:55", succeeded=True)
    later = {"jobs": [second], "pods": [pod(second, Report(outcome=Outcome.SUCCEEDED))], "previous": status}
    for limit, kept in ((10, [second.name, first.name]), (1, [second.name])):
        short = status_when(**later, spec={**QUIET, "history": {"runs": limit}})
        assert short.recent_runs is not None
        assert [run.job for run in short.recent_runs] == kept


def test_what_a_pod_told_outlives_the_pod():
    going, over = job(), job(failed=True, failure="PodFailurePolicy")
    told = status_when(jobs=[going], pods=[pod(going, Report(outcome=Outcome.GRAPH_ERROR))])
    later = status_when(jobs=[over], previous=told)
    assert later.recent_runs is not None
    assert [run.outcome for run in later.recent_runs] == ["GraphError"]


@pytest.mark.parametrize(
    ("reason", "missed"), [("StartingDeadlineExceeded", 1), ("ThreadBusy", None), ("ScheduleIsYounger", None)]
)
def test_pods_that_came_too_late_count_as_missed(reason, missed):
    late = job(failed=True)
    report = Report(Outcome.SKIPPED, reason=reason)
    status = status_when(jobs=[late], pods=[pod(late, report)])
    assert status.missed_runs == missed
    assert status_when(jobs=[late], pods=[pod(late, report)], previous=status).missed_runs == missed


def test_the_latest_run_that_was_due_is_the_schedules():
    asked = job("12:00:10", name="hello-0123456789", purpose=Purpose.TRIGGER, trigger="now")
    assert status_when(jobs=[job("11:55"), asked]).last_schedule_time == at("11:55")
    assert status_when(previous=GraphCronStatus(last_schedule_time=NOON)).last_schedule_time == NOON


# --- The budget's window


BUDGET = {**QUIET, "budget": {"maxTokens": 1000, "window": "day"}}
WINDOW = {"windowStart": "2026-11-22T00:00:00Z", "windowEnd": "2026-11-23T00:00:00Z"}


def test_the_newest_report_tells_what_is_used():
    last = job(succeeded=True)
    report = Report(Outcome.SUCCEEDED, **WINDOW, windowTokens=1500, windowCost="0.5")
    status = status_when(spec=BUDGET, jobs=[last], pods=[pod(last, report)])
    assert status.budget == BudgetUsed(
        window_start=at("00:00"), window_end=datetime(2026, 11, 23, tzinfo=UTC), tokens=1500, cost="0.5"
    )
    assert condition(status, "BudgetExceeded")
    later = status_when(spec=BUDGET, previous=status)
    assert (later.budget, bool(condition(later, "BudgetExceeded"))) == (status.budget, True)
    turned = status_when(spec=BUDGET, previous=status, now=datetime(2026, 11, 23, tzinfo=UTC))
    assert condition(turned, "BudgetExceeded") is None


@pytest.mark.parametrize("budget", [None, {}, {"maxTokensPerRun": 5}])
def test_without_a_window_nothing_is_told_of_one(budget):
    last = job(succeeded=True)
    spec = {**QUIET, **({} if budget is None else {"budget": budget})}
    pods = [pod(last, Report(Outcome.SUCCEEDED, **WINDOW, windowTokens=5))]
    assert status_when(spec=spec, jobs=[last], pods=pods, previous=GraphCronStatus(budget=BudgetUsed())).budget is None


# --- When


def test_a_transition_time_moves_with_the_status_only():
    first = status_when()
    later = NOW + timedelta(hours=1)
    for spec, problem, moved in (({**QUIET, "suspend": True}, None, False), (None, WRONG, True)):
        ready = condition(status_when(previous=first, spec=spec, problem=problem, now=later), "Ready")
        assert ready is not None
        assert ready.last_transition_time == (later if moved else NOW)


def test_nothing_new_gives_the_same_status():
    stored = status_of({"status": dump_status(status_when())})
    assert dump_status(status_when(previous=stored, now=NOW + timedelta(minutes=1))) == dump_status(stored)


def test_a_broken_spec_leaves_what_the_last_valid_one_made():
    first = status_when()
    broken = status_when(previous=first, spec=None, problem=WRONG)
    for name in ("schedule", "schedules", "cron_jobs", "time_zone", "next_schedule_times", "checked_until"):
        assert getattr(broken, name) == getattr(first, name)


def test_target_condition_kept_while_spec_invalid():
    world = World(graphcron())
    world.look(NOW)
    (made,) = world.jobs.values()
    world.end(made, Report(Outcome.SUCCEEDED, "fine"))
    world.look(NOW + timedelta(seconds=5))
    before = condition(world.status, "TargetResolved")
    assert before is not None
    broken = status_when(previous=world.status, spec=None, problem=WRONG)
    assert condition(broken, "TargetResolved") == before.model_copy(update={"observed_generation": 2})


def test_a_status_that_somebody_made_unreadable_is_begun_anew():
    assert status_of({"status": {"recentRuns": "?"}}) == GraphCronStatus()
    assert status_of({"status": {"novelty": 1}}) == status_of({}) == GraphCronStatus()


def test_the_rendered_lines_and_their_cronjobs_are_told():
    status = status_when(spec={**QUIET, "schedules": ["0 9 * * *", "H H * * 0"]})
    assert status.schedules is not None
    assert status.cron_jobs is not None
    assert (status.schedule, status.schedules[0]) == ("0 9 * * *", "0 9 * * *")
    assert "H" not in status.schedules[1]
    assert [(each.name[:5], each.generation) for each in status.cron_jobs] == [("hello", 3), ("hello", 3)]


TIMES = ["12:05", "12:10", "12:15", "12:20", "12:25"]
NEXT = [
    ("every five minutes", {}, TIMES),
    ("none while suspended", {"suspend": True}, []),
    ("none where the campaign ends before", {"endTime": "2026-11-22T12:05:00Z"}, []),
    ("the last before the end", {"endTime": "2026-11-22T12:10:01Z"}, ["12:05", "12:10"]),
    ("the first of the campaign", {"startTime": "2026-11-22T12:15:00Z"}, ["12:15", "12:20", "12:25", "12:30", "12:35"]),
    ("not what is excluded", {"excludes": [{"from": "2026-11-22T12:10", "to": "2026-11-22T12:20"}]},
     ["12:05", "12:20", "12:25", "12:30", "12:35"]),
    ("of several lines each minute once", {"schedules": ["0 13,14 * * *", "0 14,15 * * *", "30 12 22 11 *"],
     "endTime": "2026-11-23T00:00:00Z"}, ["12:30", "13:00", "14:00", "15:00"]),
    ("by the zone's clock", {"schedule": "0 14 22 11 *", "timeZone": "Europe/Berlin", "endTime": "2026-12-01T00:00:00Z"},
     ["13:00"]),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "times"), [each[1:] for each in NEXT], ids=[each[0] for each in NEXT])
def test_next(spec, times):
    status = status_when(spec={**QUIET, **spec})
    assert [f"{each:%H:%M}" for each in status.next_schedule_times or []] == times
    assert status.next_schedule_time == (at(times[0]) if times else None)


def test_no_next_times_after_end_or_suspension():
    first = status_when()
    assert first.next_schedule_time
    for spec in ({"suspend": True}, {"endTime": "2026-11-22T12:00:00Z"}):
        later = status_when(previous=first, spec={**QUIET, **spec})
        assert (later.next_schedule_time, later.next_schedule_times) == (None, None)
