"""The judge sees each violation: made-up records, no cluster."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.chaos.chaos import is_enough, short_plan
from tests.chaos.due import asked, due, minutes_of, occurrence, of_graph_run
from tests.chaos.fleet import KINDS, Member, record
from tests.chaos.judge import Figure, figures, judge, unbegun, untold
from tests.chaos.records import Checkpoint, Cron, Job, Records, Run, Step, Told

UID = "11111111-1111-1111-1111-111111111111"
M = 29_900_000
T = M * 60.0
OCCURRENCE = occurrence(UID, M)
CRON = Cron(uid=UID, name="hello", due=(M,))
JOB = Job(name=f"hello-{M}", cron=UID, occurrence=OCCURRENCE, end="Complete")
TOLD = Told(cron=UID, occurrence=OCCURRENCE, outcome="Succeeded", run="r1")
RUN = Run(id="r1", thread="t1", cron=UID, occurrence=OCCURRENCE, status="success", created=T + 1, changed=T + 9)
GOOD = Records(crons=[CRON], jobs=[JOB], told=[TOLD], runs=[RUN])


def counts(records: Records) -> dict[str, int]:
    """Return the figures that are not 0."""
    return {figure.name: number for figure, number in figures(judge(records)).items() if number}


def steps(*notes: tuple[int, bool, float]) -> list[Step]:
    return [Step(thread="t1", number=number, finished=finished, at=T + at) for number, finished, at in notes]


def test_nothing_is_found_where_all_is_well():
    assert judge(GOOD) == []
    assert figures([]) == dict.fromkeys(Figure, 0)


def test_minute_within_the_suspension_may_have_been_run():
    suspended = Member("hello", KINDS[0], uid=UID, since=T - 600, made=T - 590, ended=T - 5, quiet=T + 7)
    cron = record(suspended, deadline=60, now=T + 300)
    assert M not in cron.due
    assert cron.near[-1] == M
    earlier = record(replace(suspended, quiet=T - 1), deadline=60, now=T + 300)
    assert M not in (*earlier.due, *earlier.near)


# --- duplicates ---------------------------------------------------------------------------------------------------


OF_GRAPH_RUN = of_graph_run(UID, "22222222-2222-2222-2222-222222222222")
ONE_MORE = replace(
    GOOD,
    crons=[replace(CRON, graph_runs=("22222222-2222-2222-2222-222222222222",))],
    jobs=[JOB, replace(JOB, name="hello-x-1", occurrence=OF_GRAPH_RUN)],
    told=[TOLD, replace(TOLD, occurrence=OF_GRAPH_RUN, run="r2")],
    runs=[RUN, replace(RUN, id="r2", thread="t2", occurrence=OF_GRAPH_RUN)],
)


def test_judge_graphrun_is_an_occurrence_of_its_own():
    assert counts(ONE_MORE) == {}
    again = replace(RUN, id="r3", thread="t2", occurrence=OF_GRAPH_RUN, created=T + 20, changed=T + 30)
    assert counts(replace(ONE_MORE, runs=[*ONE_MORE.runs, again])) == {"DUPLICATES": 1}
    assert counts(replace(ONE_MORE, crons=[CRON])) == {"UNEXPLAINED": 1}


def test_judge_graphrun_without_outcome_unexplained_unless_deleted():
    silent = replace(ONE_MORE, told=[TOLD], jobs=[JOB], runs=[RUN])
    assert counts(silent) == {"UNEXPLAINED": 1}
    dropped = replace(CRON, graph_runs=silent.crons[0].graph_runs, dropped=silent.crons[0].graph_runs)
    assert counts(replace(silent, crons=[dropped])) == {}


CUT = replace(RUN, status="interrupted", changed=T + 5)
RESUMED = replace(RUN, id="r2", created=T + 6)
TOLD_SECOND = replace(TOLD, run="r2")


def test_a_second_run_after_a_success_is_a_duplicate():
    records = replace(GOOD, runs=[RUN, replace(RUN, id="r2", created=T + 20, changed=T + 30)])
    assert counts(records) == {"DUPLICATES": 1}


def test_two_runs_at_the_same_time_are_a_duplicate_even_if_a_pod_was_stopped():
    runs = [replace(CUT, changed=T + 9), replace(RESUMED, created=T + 2)]
    records = replace(GOOD, runs=runs, told=[TOLD_SECOND], jobs=[replace(JOB, stops=1)])
    assert counts(records) == {"DUPLICATES": 1}


def test_a_run_that_goes_on_after_one_that_was_stopped_with_its_pod_is_none():
    records = replace(GOOD, runs=[CUT, RESUMED], told=[TOLD_SECOND], jobs=[replace(JOB, stops=1)])
    assert counts(records) == {}


def test_judge_run_after_cancel_without_stopped_pod_duplicate():
    """A run after a cancelled one is a duplicate if nobody stopped the earlier pod."""
    assert counts(replace(GOOD, runs=[CUT, RESUMED], told=[TOLD_SECOND])) == {"DUPLICATES": 1}


def test_more_runs_than_stops_are_a_duplicate():
    runs = [CUT, replace(CUT, id="r2", created=T + 6, changed=T + 7), replace(RESUMED, id="r3", created=T + 8)]
    records = replace(GOOD, runs=runs, told=[replace(TOLD, run="r3")], jobs=[replace(JOB, stops=1)])
    assert counts(records) == {"DUPLICATES": 1}


@pytest.mark.parametrize(("retries", "expected"), [(0, {"DUPLICATES": 1}), (1, {})])
def test_judge_run_after_failed_duplicate_unless_retried(retries: int, expected: dict[str, int]):
    """A run after a failed one is a duplicate unless the occurrence may be retried."""
    runs = [replace(RUN, status="error", changed=T + 5), RESUMED]
    records = replace(GOOD, crons=[replace(CRON, retries=retries)], runs=runs, told=[TOLD_SECOND])
    assert counts(records) == expected


def test_a_doubled_occurrence_counts_once():
    runs = [RUN, *(replace(RUN, id=f"r{number}", created=T + 2, changed=T + 9) for number in range(2, 6))]
    assert counts(replace(GOOD, runs=runs)) == {"DUPLICATES": 1}


# --- repeated steps -----------------------------------------------------------------------------------------------


TWICE = steps((1, False, 1), (1, True, 2), (1, False, 4), (1, True, 5))
KEPT = [Checkpoint(thread="t1", at=T + 2.1, done=frozenset({1}))]


def test_a_finished_step_that_ran_again_is_counted():
    assert counts(replace(GOOD, steps=TWICE, checkpoints=KEPT)) == {"REPEATED": 1}


def test_judge_step_cut_off_before_result_not_counted():
    """A step that was interrupted before the server kept its result does not count as repeated."""
    assert counts(replace(GOOD, steps=TWICE)) == {}
    assert counts(replace(GOOD, steps=TWICE, checkpoints=[replace(KEPT[0], at=T + 5.1)])) == {}


def test_a_step_that_was_started_twice_and_finished_once_is_not():
    assert counts(replace(GOOD, steps=steps((1, False, 1), (1, False, 4), (1, True, 5)), checkpoints=KEPT)) == {}


def test_a_step_that_the_server_repeated_after_its_own_restart_is_not():
    records = replace(GOOD, steps=TWICE, checkpoints=KEPT, restarts=[(T + 2.5, T + 3.5)])
    assert counts(records) == {}


def test_a_restart_excuses_no_repetition_by_another_run():
    runs = [replace(CUT, changed=T + 3), replace(RESUMED, created=T + 3.7)]
    records = replace(GOOD, runs=runs, told=[TOLD_SECOND], jobs=[replace(JOB, stops=1)])
    records = replace(records, steps=TWICE, checkpoints=KEPT, restarts=[(T + 2.5, T + 3.5)])
    assert counts(records) == {"REPEATED": 1}


# --- orphans ------------------------------------------------------------------------------------------------------


ALIVE = replace(RUN, status="running", changed=T + 2)


def test_a_live_run_that_no_job_follows_is_an_orphan():
    told, jobs = [replace(TOLD, outcome="ServerUnreachable")], [replace(JOB, end="PodFailurePolicy")]
    assert counts(replace(GOOD, runs=[ALIVE], told=told, jobs=jobs)) == {"ORPHANS": 1}


def test_a_live_run_whose_job_is_deleted_is_an_orphan():
    records = replace(GOOD, runs=[ALIVE], told=[], jobs=[replace(JOB, end="", gone=T + 3)])
    assert counts(records) == {"ORPHANS": 1, "UNEXPLAINED": 1}


def test_a_live_run_of_an_unknown_graphcron_is_an_orphan():
    assert counts(replace(GOOD, runs=[RUN, replace(ALIVE, id="r9", cron="gone", occurrence="gone/x")])) == {
        "ORPHANS": 1
    }


def test_a_live_run_of_a_job_that_goes_on_is_none():
    assert counts(
        replace(GOOD, runs=[ALIVE], jobs=[replace(JOB, end="")], told=[], crons=[replace(CRON, due=(), near=(M,))])
    ) == {"UNEXPLAINED": 1}


@pytest.mark.parametrize(
    ("gone", "changed", "expected"),
    [
        (T + 12, T + 20, {}),
        (T + 12, T + 90, {"ORPHANS": 1}),
        (T + 70, T + 90, {}),  # it took Kubernetes a minute to delete the Job
        (T + 70, T + 120, {"ORPHANS": 1}),
        (T + 500, T + 170, {}),
        (T + 500, T + 180, {"ORPHANS": 1}),
    ],
)
def test_a_run_that_went_on_after_its_graphcron_was_deleted_is_an_orphan(
    gone: float, changed: float, expected: dict[str, int]
):
    run = replace(RUN, status="interrupted", changed=changed)
    jobs = [replace(JOB, end="", gone=gone, stops=1)]
    records = Records(crons=[replace(CRON, deleted=T + 10)], jobs=jobs, runs=[run])
    assert counts(records) == expected


# --- unexplained --------------------------------------------------------------------------------------------------


def test_an_occurrence_that_nobody_tells_of_is_unexplained():
    assert counts(replace(GOOD, jobs=[], told=[], runs=[])) == {"UNEXPLAINED": 1}


def test_occurrence_is_begun_with_its_job_and_told_with_its_end():
    silent = replace(GOOD, jobs=[], told=[], runs=[])
    assert [case.occurrence for case in unbegun(silent)] == [OCCURRENCE]
    begun = replace(silent, jobs=[replace(JOB, end="")])
    assert unbegun(begun) == []
    assert [case.occurrence for case in untold(begun)] == [OCCURRENCE]
    skipped = replace(silent, told=[replace(TOLD, outcome="Skipped", reason="NotStarted", run="")])
    assert unbegun(skipped) == untold(skipped) == []


def test_an_occurrence_whose_job_never_ends_is_unexplained():
    assert counts(replace(GOOD, jobs=[replace(JOB, end="")], told=[], runs=[])) == {"UNEXPLAINED": 1}


def test_judge_job_deleted_before_end_unexplained():
    """A Job that was deleted before its end is unexplained unless its GraphCron was deleted too."""
    jobs = [replace(JOB, end="", gone=T + 5)]
    assert counts(Records(crons=[CRON], jobs=jobs)) == {"UNEXPLAINED": 1}
    assert counts(Records(crons=[replace(CRON, deleted=T + 4)], jobs=jobs)) == {}


def test_the_end_of_a_job_is_an_outcome():
    assert counts(replace(GOOD, told=[], runs=[], jobs=[replace(JOB, end="BackoffLimitExceeded")])) == {}


def test_a_skip_without_a_reason_is_unexplained():
    told = [Told(cron=UID, occurrence=OCCURRENCE, outcome="Skipped")]
    assert counts(replace(GOOD, told=told, runs=[])) == {"UNEXPLAINED": 1}
    assert counts(replace(GOOD, told=[replace(told[0], reason="PredecessorActive")], runs=[])) == {}


def test_an_entry_for_several_skips_explains_as_many_as_it_says():
    crons = [replace(CRON, due=(M, M + 1, M + 2, M + 3))]
    span = Told(cron=UID, occurrence=occurrence(UID, M + 3), outcome="Skipped", reason="NotStarted")
    span = replace(span, first=M, last=M + 3, count=4)
    assert counts(Records(crons=crons, told=[span])) == {}
    assert counts(Records(crons=crons, told=[replace(span, count=3)])) == {"UNEXPLAINED": 1}
    assert counts(Records(crons=crons, told=[replace(span, first=M + 1, count=3)])) == {"UNEXPLAINED": 1}
    assert counts(Records(crons=crons, told=[replace(span, reason="")])) == {"UNEXPLAINED": 1}
    with_job = [replace(JOB, occurrence=occurrence(UID, M + 1), end="PodFailurePolicy")]
    assert counts(Records(crons=crons, told=[span], jobs=with_job)) == {}
    assert counts(Records(crons=crons, told=[replace(span, count=3)], jobs=with_job)) == {"UNEXPLAINED": 1}


def test_a_request_that_nothing_came_of_is_unexplained():
    crons = [Cron(uid=UID, name="hello", triggers=("now",))]
    assert counts(Records(crons=crons)) == {"UNEXPLAINED": 1}
    told = [Told(cron=UID, occurrence=asked(UID, "now"), outcome="Skipped", reason="PredecessorActive")]
    assert counts(Records(crons=crons, told=told)) == {}


@pytest.mark.parametrize(
    ("outcome", "status"),
    [("Succeeded", "error"), ("GraphError", "success"), ("Cancelled", "success"), ("Timeout", "success")],
)
def test_an_outcome_that_is_not_the_runs_is_unexplained(outcome: str, status: str):
    records = replace(GOOD, told=[replace(TOLD, outcome=outcome)], runs=[replace(RUN, status=status)])
    assert counts(records) == {"UNEXPLAINED": 1}


@pytest.mark.parametrize(
    ("outcome", "status", "fits"),
    [
        ("Succeeded", "success", "Complete"),
        ("Interrupted", "interrupted", "Complete"),
        ("Cancelled", "interrupted", "Complete"),
        ("Unknown", "success", "Complete"),
        ("GraphError", "error", "PodFailurePolicy"),
        ("Timeout", "timeout", "DeadlineExceeded"),
        ("InternalError", "success", "BackoffLimitExceeded"),
    ],
)
def test_job_that_failed_without_its_run_or_the_reverse_is_unexplained(outcome: str, status: str, fits: str):
    records = replace(GOOD, told=[replace(TOLD, outcome=outcome)], runs=[replace(RUN, status=status)])
    other = "PodFailurePolicy" if fits == "Complete" else "Complete"
    for end, expected in ((fits, {}), (other, {"UNEXPLAINED": 1}), ("", {})):
        assert counts(replace(records, jobs=[replace(JOB, end=end)])) == expected
    twins = [replace(JOB, end=fits), replace(JOB, name="twin", end=other)]
    assert counts(replace(records, jobs=twins)) == {}


def test_job_that_failed_after_a_skip_is_unexplained():
    told = [Told(cron=UID, occurrence=OCCURRENCE, outcome="Skipped", reason="PredecessorActive")]
    records = replace(GOOD, told=told, runs=[])
    assert counts(records) == {}
    assert counts(replace(records, jobs=[replace(JOB, end="PodFailurePolicy")])) == {"UNEXPLAINED": 1}
    podless = [replace(told[0], reason="PodCannotStart")]
    assert counts(replace(records, told=podless, jobs=[replace(JOB, end="DeadlineExceeded")])) == {}


def test_judge_success_without_run_unexplained():
    """A success without a run is unexplained unless threads are deleted after the run."""
    assert counts(replace(GOOD, runs=[])) == {"UNEXPLAINED": 1}
    assert counts(replace(GOOD, runs=[], crons=[replace(CRON, loses=True)])) == {}


def test_a_skip_although_there_was_a_run_is_unexplained():
    told = [Told(cron=UID, occurrence=OCCURRENCE, outcome="Skipped", reason="StartingDeadlineExceeded")]
    assert counts(replace(GOOD, told=told)) == {"UNEXPLAINED": 1}


def test_a_run_that_was_not_due_is_unexplained():
    assert counts(replace(GOOD, crons=[replace(CRON, due=())])) == {"UNEXPLAINED": 1}
    assert counts(replace(GOOD, crons=[replace(CRON, due=(), near=(M,))])) == {}


# --- when the faults end ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("occurrences", "happened", "seconds", "expected"),
    [
        (30, 22, 90, True),
        (29, 22, 90, False),
        (30, 21, 90, False),
        (30, 11, 190, True),
        (30, 10, 190, False),
        (29, 10, 601, True),
    ],
)
def test_faults_go_on_until_enough_has_happened(occurrences: int, happened: int, seconds: float, expected: bool):
    kinds = [number < happened for number in range(22)]
    assert is_enough(short_plan(seed=1, occurrences=30), occurrences, kinds, seconds) is expected


# --- when a schedule is due -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("* * * * *", set(range(60))),
        ("*/20 * * * *", {0, 20, 40}),
        ("1-59/29 * * * *", {1, 30, 59}),
        ("7,9-11 * * * *", {7, 9, 10, 11}),
        ("50/5 * * * *", {50, 55}),
        ("0 0 29 2 *", set()),
    ],
)
def test_minutes(line: str, expected: set[int]):
    assert minutes_of(line) == expected


def test_due_several_lines_once_a_minute_within_bounds():
    """Several lines are due once a minute, after the start and up to the end."""
    hour = M // 60 * 60
    lines = ["*/2 * * * *", "*/3 * * * *"]
    assert due(lines, hour * 60.0, (hour + 6) * 60.0) == tuple(hour + minute for minute in (2, 3, 4, 6))
