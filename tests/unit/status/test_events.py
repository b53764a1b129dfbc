"""Old status, new status → Events."""

from datetime import UTC, datetime, timedelta

import pytest

from graphcron.api.v1alpha1 import Condition, GraphCronStatus, RecentRun
from graphcron.status.events import events_for

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def condition(
    kind: str = "Ready", status: str = "True", reason: str = "Reconciled", since: datetime = NOW
) -> Condition:
    return Condition(type=kind, status=status, reason=reason, message="so it is", last_transition_time=since)


def status(*outcomes: str, ready: str = "True", reason: str = "Reconciled") -> GraphCronStatus:
    runs = [RecentRun(scheduled_time=NOW, outcome=outcome, job=f"hello-{at}") for at, outcome in enumerate(outcomes)]
    return GraphCronStatus(conditions=[condition(status=ready, reason=reason)], recent_runs=runs)


def told(previous: GraphCronStatus, new: GraphCronStatus) -> list[tuple[bool, str]]:
    return [(event.normal, event.reason) for event in events_for(previous, new)]


def test_that_a_new_one_is_well_is_no_event():
    assert told(GraphCronStatus(), status()) == []


def test_new_graphcron_problem_and_repair_are_events():
    wrong = status(ready="False", reason="InvalidSpec")
    assert told(GraphCronStatus(), wrong) == [(False, "InvalidSpec")]
    assert told(wrong, status()) == [(True, "Reconciled")]


def test_nothing_new_is_not_told():
    assert told(status("Succeeded"), status("Succeeded")) == []


def test_runs_that_have_finished_are_told_oldest_first():
    assert told(status("Succeeded"), status("Succeeded", "GraphError", "Skipped")) == [
        (True, "Skipped"),
        (False, "GraphError"),
    ]


def test_new_ready_reason_is_event_of_right_type():
    assert told(status(), status(ready="False", reason="InvalidSpec")) == [(False, "InvalidSpec")]


@pytest.mark.parametrize("kind", ["Paused", "AwaitingHuman", "BudgetExceeded", "ScheduleTight"])
def test_what_needs_a_look_is_a_warning_by_its_own_name(kind):
    before, after = status(), status()
    after = after.model_copy(update={"conditions": [condition(), condition(kind, "True", "Why")]})
    assert told(before, after) == [(False, kind)]
    assert told(after, after) == []
    assert told(after, before) == []


@pytest.mark.parametrize(
    ("verdict", "reason", "normal"), [("True", "Resolved", True), ("False", "AssistantNotFound", False)]
)
def test_what_a_preflight_found_is_told(verdict, reason, normal):
    after = GraphCronStatus(conditions=[condition("TargetResolved", verdict, reason)])
    assert told(GraphCronStatus(), after) == [(normal, reason)]


def test_kstatus_conditions_and_the_last_run_are_told_by_others():
    after = GraphCronStatus(
        conditions=[condition(kind, "True", "Why") for kind in ("Stalled", "Reconciling", "LastRunSucceeded")]
    )
    assert told(GraphCronStatus(), after) == []


def test_a_condition_that_comes_again_is_told_again():
    def names(since: datetime) -> set[str]:
        after = GraphCronStatus(conditions=[condition("Paused", "True", "ConsecutiveFailures", since)])
        return {event.name_for("hello", "u") for event in events_for(GraphCronStatus(), after)}

    assert names(NOW) == names(NOW)
    assert names(NOW) != names(NOW + timedelta(hours=1))


def skipped(minute: int, reason: str, **members) -> RecentRun:
    due = NOW + timedelta(minutes=minute)
    return RecentRun(scheduled_time=due, outcome="Skipped", reason=reason, message=f"because of {reason}", **members)


def test_skips_without_a_job_are_told_apart():
    first = [skipped(0, "NotStarted")]
    more = [skipped(5, "PredecessorActive"), *first]
    asked = [skipped(5, "StartingDeadlineExceeded", trigger="now"), *more]
    seen: set[str] = set()
    previous = GraphCronStatus()
    for runs in (first, more, asked):
        after = GraphCronStatus(recent_runs=runs)
        (event,) = events_for(previous, after)
        assert event.reason == "Skipped"
        seen.add(event.name_for("hello", "u"))
        previous = after
    assert len(seen) == 3


def test_grown_entry_creates_another_event():
    several = skipped(10, "NotStarted", first_scheduled_time=NOW, count=3)
    events = list(
        events_for(GraphCronStatus(recent_runs=[skipped(5, "NotStarted")]), GraphCronStatus(recent_runs=[several]))
    )
    assert [event.message for event in events] == ["Run of 2026-11-22T12:10:00Z: because of NotStarted"]


def test_the_same_thing_always_has_the_same_name():
    first, second = (next(events_for(status(), status("Timeout"))) for _ in range(2))
    other = next(events_for(status(), status("Cancelled")))
    assert first.name_for("hello", "u") == second.name_for("hello", "u")
    assert first.name_for("hello", "u") != other.name_for("hello", "u")
    assert first.name_for("hello", "u") != first.name_for("hello", "v")


def test_a_preflight_that_is_under_way_is_no_news():
    after = GraphCronStatus(conditions=[condition("TargetResolved", "Unknown", "Checking")])
    assert told(GraphCronStatus(), after) == []
