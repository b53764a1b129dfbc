"""Old status, new status → Events."""

from datetime import UTC, datetime

from graphcron.events import events_for
from graphcron.model import Condition, GraphCronStatus, RecentRun

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def status(*outcomes: str, ready: str = "True", reason: str = "Reconciled") -> GraphCronStatus:
    runs = [RecentRun(scheduled_time=NOW, outcome=outcome, job=f"hello-{at}") for at, outcome in enumerate(outcomes)]
    condition = Condition(type="Ready", status=ready, reason=reason, message="so it is", last_transition_time=NOW)
    return GraphCronStatus(conditions=[condition], recent_runs=runs)


def told(previous: GraphCronStatus, new: GraphCronStatus) -> list[tuple[bool, str]]:
    return [(event.normal, event.reason) for event in events_for(previous, new)]


def test_the_first_ready_is_told():
    assert told(GraphCronStatus(), status()) == [(True, "Reconciled")]


def test_nothing_new_is_not_told():
    assert told(status("Succeeded"), status("Succeeded")) == []


def test_runs_that_have_finished_are_told_oldest_first():
    assert told(status("Succeeded"), status("Succeeded", "GraphError", "Skipped")) == [
        (True, "Skipped"),
        (False, "GraphError"),
    ]


def test_a_new_reason_of_ready_is_told_as_a_warning_where_it_is_one():
    assert told(status(), status(ready="False", reason="InvalidSpec")) == [(False, "InvalidSpec")]


def test_the_same_thing_always_has_the_same_name():
    first, second = (next(events_for(status(), status("Timeout"))) for _ in range(2))
    other = next(events_for(status(), status("Cancelled")))
    assert first.name_for("hello", "u") == second.name_for("hello", "u")
    assert first.name_for("hello", "u") != other.name_for("hello", "u")
    assert first.name_for("hello", "u") != first.name_for("hello", "v")
