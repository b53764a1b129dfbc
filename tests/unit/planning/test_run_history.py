"""Jobs and pods → what became of the occurrences, whatever order they come in."""

import random
from dataclasses import replace
from datetime import timedelta

import pytest

from graphcron.api.calendar_for import calendar_for
from graphcron.api.names import Purpose
from graphcron.api.v1alpha1 import RecentRun
from graphcron.contract import Outcome, Report
from graphcron.planning.failures import FAILURES
from graphcron.planning.run_history import active_runs, lost_jobs, merge_run_history, newest_report, stopping
from tests.unit.world import at, graphcron, job, pod

SUCCEEDED = Report(Outcome.SUCCEEDED, "fine", runId="r", threadId="t", tokens=5)
FAILED = Report(Outcome.GRAPH_ERROR, "raised ValueError", "ValueError")
EACH_MINUTE = calendar_for(graphcron(schedule="* * * * *"))
BUSY = Report(Outcome.SKIPPED, "the thread is busy", "ThreadBusy")
WAITS = Report(Outcome.SKIPPED, "the thread waits", "ThreadAwaitsHuman")


def over(minute: str, report: Report, **members):
    """Return a Job that is over, and its pod."""
    failed = report.outcome in FAILURES
    done = job(minute, succeeded=not failed, failed=failed, **members)
    return done, pod(done, report)


def not_started(minute: str, **members) -> RecentRun:
    return RecentRun(scheduled_time=at(minute), outcome="Skipped", reason="NotStarted", message="nobody", **members)


def merged(previous, *pairs, limit=10, missed=()):
    jobs, pods = [each[0] for each in pairs], [each[1] for each in pairs]
    return merge_run_history(previous, jobs, pods, limit=limit, calendar=EACH_MINUTE).with_skipped(missed)


def brief(runs) -> list[tuple]:
    """Return what matters of each: when, how, why, how many."""
    return [(f"{run.scheduled_time:%H:%M}", run.outcome, run.reason, run.count) for run in runs]


HISTORY = [
    over("12:00", SUCCEEDED), over("12:01", BUSY), over("12:02", BUSY), over("12:03", WAITS), over("12:04", FAILED),
    over("12:05", BUSY), over("12:06", BUSY), over("12:07", BUSY), over("12:08", SUCCEEDED),
]  # fmt: skip
AS_TOLD = [
    ("12:08", "Succeeded", None, None), ("12:07", "Skipped", "ThreadBusy", 3), ("12:04", "GraphError", "ValueError", None),
    ("12:03", "Skipped", "ThreadAwaitsHuman", None), ("12:02", "Skipped", "ThreadBusy", 2), ("12:00", "Succeeded", None, None),
]  # fmt: skip


def test_neighbours_that_were_skipped_for_the_same_reason_are_one_entry():
    runs = merged([], *HISTORY).runs
    assert brief(runs) == AS_TOLD
    assert (runs[1].first_scheduled_time, runs[1].job) == (at("12:05"), job("12:07").name)
    assert runs[0].first_scheduled_time is None


def test_telling_the_same_again_adds_nothing():
    first = merged([], *HISTORY)
    again = merged(first.runs, *HISTORY)
    assert (again.runs, again.new) == (first.runs, [])
    assert again.ended_jobs == first.ended_jobs


@pytest.mark.parametrize("seed", range(20))
def test_history_independent_of_listing_order(seed):
    chance = random.Random(seed)
    jobs, pods = [each[0] for each in HISTORY], [each[1] for each in HISTORY]
    chance.shuffle(jobs)
    chance.shuffle(pods)
    shuffled, listed = merge_run_history([], jobs, pods, limit=10, calendar=EACH_MINUTE), merged([], *HISTORY)
    assert (shuffled.runs, shuffled.new, shuffled.ended_jobs) == (listed.runs, listed.new, listed.ended_jobs)


@pytest.mark.parametrize("seed", range(20))
def test_each_occurrence_is_told_once_however_its_job_and_pod_arrive(seed):
    """Jobs end one after another; each Job's end, its pod's, and their going come in any order and at any time."""
    chance = random.Random(seed)
    runs, new = [], []
    jobs, pods = {}, {}
    for done, its_pod in HISTORY:
        going = job(f"{done.scheduled_time:%H:%M}")
        steps = [lambda its=its_pod: pods.update({its.name: its}), lambda its=done: jobs.update({its.name: its})]
        jobs[going.name], pods[its_pod.name] = going, pod(going, terminal=False)
        for step in chance.sample(steps, 2):
            step()
            for _ in range(chance.randint(1, 2)):
                known = list(jobs.values()), list(pods.values())
                answer = merge_run_history(runs, *known, limit=10, calendar=EACH_MINUTE)
                runs, new = answer.runs, new + answer.new
        if chance.random() < 0.5:  # history limits
            del jobs[done.name], pods[its_pod.name]
    assert brief(runs) == AS_TOLD
    assert [run.scheduled_time for run in new] == [done.scheduled_time for done, _ in HISTORY]


def test_jobs_beyond_short_list_not_listed_again():
    pairs = [over("12:00", FAILED), over("12:01", FAILED), over("12:02", FAILED)]
    first = merged([], *pairs, limit=1)
    assert [len(first.runs), len(first.new)] == [1, 3]
    again = merged(first.runs, *pairs, limit=1)
    assert (again.runs, again.new) == (first.runs, [])


def test_late_end_is_listed_if_list_has_room():
    late = merged([], over("12:05", SUCCEEDED)).runs
    assert brief(merged(late, over("12:00", FAILED)).new) == [("12:00", "GraphError", "ValueError", None)]


def test_listed_runs_without_jobs_kept_up_to_limit():
    first = merged([], *HISTORY)
    assert merged(first.runs).runs == first.runs
    assert brief(merged(first.runs, limit=2).runs) == AS_TOLD[:2]


def test_a_merged_entry_grows_by_each_further_skip_once():
    runs = merged([], over("12:00", BUSY)).runs
    assert runs[0].count is None
    for count, minute in ((2, "12:01"), (3, "12:02"), (4, "12:03")):
        runs = merged(runs, over(minute, BUSY)).runs
        runs = merged(runs, over(minute, BUSY)).runs
        assert [(run.count, run.first_scheduled_time) for run in runs] == [(count, at("12:00"))]


def test_skips_of_other_kinds_stay_apart():
    runs = merged([], over("12:00", BUSY), over("12:01", BUSY, trigger="now"), over("12:02", BUSY)).runs
    assert [run.count for run in runs] == [None, None, None]


def test_skips_around_an_open_occurrence_are_merged_only_once_it_is_one_of_them():
    runs = merged([], over("12:00", BUSY), over("12:02", BUSY)).runs
    assert [run.count for run in runs] == [None, None]
    assert [run.count for run in merged(runs, over("12:01", BUSY)).runs] == [3]
    assert [run.outcome for run in merged(runs, over("12:01", SUCCEEDED)).runs] == ["Skipped", "Succeeded", "Skipped"]
    assert [run.count for run in merge_run_history(runs, [], [], limit=10).runs] == [None, None]


# --- One occurrence, several that tell of it


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize(
    ("first", "second", "believed"),
    [
        (Report(Outcome.STOPPED), SUCCEEDED, "Succeeded"),
        (Report(Outcome.SKIPPED, reason="Replaced"), SUCCEEDED, "Succeeded"),
        (Report(Outcome.STOPPED), BUSY, "Skipped"),
        (Report(Outcome.INTERNAL_ERROR), FAILED, "GraphError"),
        (Report(Outcome.SERVER_UNREACHABLE), SUCCEEDED, "Succeeded"),
        (Report(Outcome.CANCELLED, reason="RunNotFound"), SUCCEEDED, "Succeeded"),
        (Report(Outcome.SERVER_UNREACHABLE), Report(Outcome.CANCELLED, reason="RunNotFound"), "Cancelled"),
    ],
)
def test_of_two_jobs_for_one_occurrence_the_surer_word_counts(first, second, believed, backwards):
    pairs = [over("12:00", first), over("12:00", second, name="hello-again-29400000")]
    for listed in (pairs, pairs[::-1]):
        assert [run.outcome for run in merged([], *listed).runs] == [believed]
    one, two = pairs[::-1] if backwards else pairs
    assert [run.outcome for run in merged(merged([], one).runs, two).runs] == [believed]


def test_what_nobody_started_is_believed_until_a_job_tells():
    runs = merged([], missed=[not_started("12:00")]).runs
    assert brief(runs) == [("12:00", "Skipped", "NotStarted", None)]
    assert brief(merged(runs, over("12:00", BUSY)).runs) == [("12:00", "Skipped", "ThreadBusy", None)]
    assert brief(merged(runs, over("12:00", SUCCEEDED)).runs) == [("12:00", "Succeeded", None, None)]
    broken = Report(Outcome.INTERNAL_ERROR, reason="KeyError")
    assert brief(merged(runs, over("12:00", broken)).runs) == [("12:00", "InternalError", "KeyError", None)]
    assert brief(merged([], over("12:00", BUSY), missed=[not_started("12:00")]).runs) == [
        ("12:00", "Skipped", "ThreadBusy", None)
    ]


def test_caught_up_skip_is_not_merged():
    missed = [not_started("12:00"), not_started("12:01"), not_started("12:02", job="hello-29400002")]
    runs = merged([], missed=missed).runs
    assert brief(runs) == [("12:02", "Skipped", "NotStarted", None), ("12:01", "Skipped", "NotStarted", 2)]
    caught_up = over("12:02", SUCCEEDED, name="hello-29400002", purpose=Purpose.CATCH_UP)
    runs = merged(runs, caught_up).runs
    assert brief(runs) == [("12:02", "Succeeded", None, None), ("12:01", "Skipped", "NotStarted", 2)]


def test_a_request_and_an_occurrence_of_the_same_moment_are_two():
    runs = merged([], over("12:00", SUCCEEDED), over("12:00", SUCCEEDED, name="hello-0123456789", trigger="now")).runs
    assert {run.trigger for run in runs} == {None, "now"}


# --- Pods


@pytest.mark.parametrize("newest", [Report(Outcome.STOPPED), Report(Outcome.CANCELLED, reason="RunNotFound")])
def test_of_several_pods_the_newest_final_report_counts(newest):
    last = job(failed=True)
    reports = [Report(Outcome.STOPPED), FAILED, newest]
    pods = [pod(last, report, number=number) for number, report in enumerate(reports)]
    for listed in (pods, pods[::-1]):
        assert [run.outcome for run in merge_run_history([], [last], listed, limit=10).runs] == ["GraphError"]


def test_job_with_unfinished_pod_has_no_outcome():
    last = job(failed=True)
    assert merge_run_history([], [last], [pod(last, terminal=False)], limit=10).runs == []


DEADLINE, BACKOFF = {"failed": True, "failure": "DeadlineExceeded"}, {"failed": True, "failure": "BackoffLimitExceeded"}
COMPLETE = {"succeeded": True}
STOPPED, BROKEN = Report(Outcome.STOPPED, runId="r", threadId="t"), Report(Outcome.INTERNAL_ERROR, reason="KeyError")


@pytest.mark.parametrize(
    ("end", "report", "outcome", "reason"),
    [
        (DEADLINE, None, "Timeout", "DeadlineExceeded"),
        (DEADLINE, STOPPED, "Timeout", "DeadlineExceeded"),
        (BACKOFF, None, "InternalError", "PodLost"),
        (BACKOFF, STOPPED, "InternalError", "PodLost"),
        (BACKOFF, BROKEN, "InternalError", "KeyError"),
        (COMPLETE, None, "Unknown", "PodLost"),
        (COMPLETE, STOPPED, "Unknown", "PodLost"),
        (COMPLETE, BROKEN, "Unknown", "PodLost"),
    ],
)
def test_job_without_final_report_judged_by_its_end(end, report, outcome, reason):
    """It has failed if and only if its outcome is a failure; of one that is complete, no more than that is claimed."""
    last = job(**end)
    run = merge_run_history([], [last], [pod(last, report)], limit=10).runs[0]
    assert (run.outcome, run.reason) == (outcome, reason)
    assert (Outcome(run.outcome) in FAILURES) == last.failed
    assert run.run_id == (report.runId or None if report else None)
    assert not (run.message or "").endswith(".")


@pytest.mark.parametrize("report", [BUSY, Report(Outcome.INTERRUPTED, runId="r"), Report(Outcome.CANCELLED, runId="r")])
@pytest.mark.parametrize("end", [COMPLETE, {"failed": True, "failure": "PodFailurePolicy"}], ids=["now", "until 0.1"])
def test_run_history_report_not_failed_believed_with_any_job_end(report, end):
    """Earlier runners ended with exit codes that made the Job fail; such Jobs outlive an upgrade."""
    last = job(**end)
    answer = merge_run_history([], [last], [pod(last, report)], limit=10)
    assert [run.outcome for run in answer.runs] == [report.outcome]
    assert answer.ended_jobs == {last.name}


def test_job_entry_improves_with_its_pod():
    last = job(succeeded=True)
    lost = merge_run_history([], [last], [], limit=10)
    assert [run.outcome for run in lost.new] == ["Unknown"]
    found = merge_run_history(lost.runs, [last], [pod(last, SUCCEEDED)], limit=10)
    assert [(run.outcome, run.run_id) for run in found.new] == [("Succeeded", "r")]


def test_a_job_deleted_while_it_ran_is_told_by_its_pod():
    gone = job()
    runs = merge_run_history([], [], [pod(gone, STOPPED)], limit=10).runs
    assert [(run.job, run.outcome, run.reason, run.scheduled_time) for run in runs] == [
        (gone.name, "Cancelled", "JobDeleted", at("12:00"))
    ]
    assert (runs[0].run_id, runs[0].thread_id) == ("r", "t")


@pytest.mark.parametrize(
    ("report", "outcome", "message"),
    [
        (STOPPED, "Cancelled", "its Job was deleted, and its pod cancelled the run"),
        (Report(Outcome.STOPPED, "too early"), "Cancelled", "its Job was deleted, before a run started"),
        (Report(Outcome.STOPPED, "could not", "NotCancelled", runId="r"), "Stopped", "could not"),
        (SUCCEEDED, "Succeeded", "fine"),
    ],
)
def test_report_of_a_deleted_job(report, outcome, message):
    (run,) = merge_run_history([], [], [pod(job(), report)], limit=10).runs
    assert (run.outcome, run.message) == (outcome, message)


def test_a_better_report_after_the_watch_has_missed_a_job():
    late = job("12:00", succeeded=True)
    early = merge_run_history([], [], [pod(late, STOPPED)], limit=10).runs
    answer = merge_run_history(early, [late], [pod(late, STOPPED), pod(late, SUCCEEDED, number=1)], limit=10)
    assert [run.outcome for run in answer.runs] == ["Succeeded"]


@pytest.mark.parametrize(("purpose", "known"), [(Purpose.CATCH_UP, True), (Purpose.TRIGGER, False)])
def test_run_history_deleted_unseen_job_only_catch_up_reported(purpose, known):
    """Only a catch-up Job tells its occurrence if it was deleted before the operator saw it."""
    gone = job(purpose=purpose)
    assert bool(merge_run_history([], [], [pod(gone, SUCCEEDED)], limit=10).runs) is known


def test_run_history_final_report_before_job_end_not_active():
    """A final report counts before its Job is over, and the Job is no longer active."""
    going = job()
    answer = merge_run_history([], [going], [pod(going, FAILED)], limit=10)
    assert [run.outcome for run in answer.runs] == ["GraphError"]
    assert active_runs([going], answer.ended_jobs) == []


def test_run_history_report_of_killed_pod_counts_after_job_end():
    """The report of a pod that was killed before its exit counts only once its Job is over."""
    going = job("12:00")
    killed = replace(pod(going, Report(Outcome.SERVER_UNREACHABLE, "gave up")), exit_code=137)
    assert merge_run_history([], [going], [killed], limit=10).new == []
    done = job("12:00", succeeded=True)
    skipped = pod(done, Report(Outcome.SKIPPED, "too late", "StartingDeadlineExceeded"), number=1)
    assert [run.outcome for run in merge_run_history([], [done], [killed, skipped], limit=10).new] == ["Skipped"]
    failed = job("12:00", failed=True)
    assert [run.outcome for run in merge_run_history([], [failed], [killed], limit=10).new] == ["ServerUnreachable"]


@pytest.mark.parametrize("outcome", [Outcome.STOPPED, Outcome.INTERNAL_ERROR])
def test_a_report_after_which_another_pod_may_come_is_no_end(outcome):
    going = job()
    answer = merge_run_history([], [going], [pod(going, Report(outcome))], limit=10)
    assert answer.runs == []
    assert [run.job for run in active_runs([going], answer.ended_jobs)] == [going.name]


def test_jobs_that_have_not_finished_are_active_newest_first():
    jobs = [job("11:55"), job("12:00"), job("11:50", succeeded=True)]
    assert [run.job for run in active_runs(jobs)] == [job("12:00").name, job("11:55").name]


def test_a_report_becomes_an_entry_with_all_that_it_tells():
    report = Report(
        Outcome.SUCCEEDED, "fine", runId="r", threadId="t", startTime="2026-11-22T12:00:02Z", durationSeconds=3.5,
        attempts=2, tokens=150, tokensAtLeast=True, cost="0.0123",
    )  # fmt: skip
    run = merged([], over("12:00", report)).runs[0]
    assert run.model_dump(by_alias=True, exclude_none=True) == {
        "scheduledTime": "2026-11-22T12:00:00Z", "outcome": "Succeeded", "message": "fine", "job": job("12:00").name,
        "runId": "r", "threadId": "t", "startTime": "2026-11-22T12:00:02Z", "durationSeconds": 3.5, "attempts": 2,
        "tokens": 150, "tokensAtLeast": True, "cost": "0.0123",
    }  # fmt: skip


def test_the_newest_report_that_knows_the_window_tells_of_the_budget():
    def of(minute: str, end: str):
        return pod(job(minute, succeeded=True), Report(Outcome.SUCCEEDED, windowEnd=end))

    pods = [of("12:00", "first"), of("12:10", "last"), of("12:20", ""), of("12:05", "second")]
    report = newest_report(pods)
    assert report is not None
    assert report.windowEnd == "last"
    assert newest_report(pods[2:3]) is None


def test_a_long_history_is_merged_without_losing_count():
    runs: list[RecentRun] = []
    for minute in range(60):
        due = at("12:00") + timedelta(minutes=minute)
        done = job(due, failed=True)
        runs = merged(runs, (done, pod(done, BUSY)), limit=3).runs
    assert [(run.count, run.first_scheduled_time, run.scheduled_time) for run in runs] == [
        (60, at("12:00"), at("12:59"))
    ]


def test_active_job_gone_without_report_listed_once():
    gone, going = job("11:55"), job("12:00")
    active = active_runs([gone, going])
    (lost,) = lost_jobs(active, [going], [], [])
    assert (lost.job, lost.outcome, lost.reason) == (gone.name, "Stopped", "JobGone")
    assert lost_jobs(active, [going], [pod(gone, terminal=False)], []) == []
    assert lost_jobs(active, [going], [], [lost]) == []


def test_a_requested_run_whose_job_is_deleted_is_cancelled_by_request():
    """Its Job is gone before its pod reports; until then it is active."""
    gone = job("11:55", purpose=Purpose.TRIGGER, trigger="now", name="hello-by-request")
    active = active_runs([gone])
    assert [(run.job, run.trigger) for run in active] == [(gone.name, "now")]
    ending = pod(gone, terminal=False)
    assert stopping(active, [], [ending], frozenset()) == active
    assert lost_jobs(active, [], [ending], []) == []
    assert merge_run_history([], [], [ending], limit=10, active=active).runs == []

    answer = merge_run_history([], [], [pod(gone, STOPPED)], limit=10, active=active)
    (run,) = answer.runs
    assert (run.outcome, run.reason, run.trigger, run.scheduled_time) == ("Cancelled", "JobDeleted", "now", at("11:55"))
    assert (run.job, run.run_id, run.thread_id) == (gone.name, "r", "t")
    assert stopping(active, [], [pod(gone, STOPPED)], answer.ended_jobs) == []
    assert merge_run_history(answer.runs, [], [pod(gone, STOPPED)], limit=10).runs == answer.runs


def test_a_requested_run_that_vanishes_without_a_report_is_told_by_request():
    gone = job("11:55", purpose=Purpose.TRIGGER, trigger="now", name="hello-by-request")
    (run,) = lost_jobs(active_runs([gone]), [], [], [])
    assert (run.job, run.outcome, run.reason, run.trigger) == (gone.name, "Stopped", "JobGone", "now")
