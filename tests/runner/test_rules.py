"""The rules by which occurrences start, without a server: periods, turns, pauses, bounds, what is kept."""

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from graphcron import contract
from graphcron.contract import Outcome, Request
from graphcron.runner.admission import checks, turns
from graphcron.runner.client import errors, times
from graphcron.runner.occurrence import identity, record_thread, settings
from graphcron.runner.occurrence.record_thread import Record
from graphcron.runner.run import cleanup, retry

RUN = "3f2b1a52-0000-4000-8000-000000000000"


def seconds(text: str) -> int:
    return int(times.seconds_of(text))


PARIS = ((0, 3600), (seconds("2026-03-29T01:00:00Z"), 7200), (seconds("2026-10-25T01:00:00Z"), 3600))


@pytest.mark.parametrize(
    ("per", "at", "first"),
    [
        ("day", "2026-11-22T22:59:59Z", "2026-11-22"),
        ("day", "2026-11-22T23:00:00Z", "2026-11-23"),
        ("day", "2026-07-01T21:59:59Z", "2026-07-01"),
        ("day", "2026-07-01T22:00:00Z", "2026-07-02"),
        ("day", "2026-03-28T23:00:00Z", "2026-03-29"),
        ("day", "2026-03-29T21:59:59Z", "2026-03-29"),
        ("week", "2026-11-22T22:59:59Z", "2026-11-16"),
        ("week", "2026-11-22T23:00:00Z", "2026-11-23"),
        ("week", "2027-01-01T12:00:00Z", "2026-12-28"),
        ("month", "2026-11-30T22:59:59Z", "2026-11-01"),
        ("month", "2026-11-30T23:00:00Z", "2026-12-01"),
        ("month", "2024-02-29T12:00:00Z", "2024-02-01"),
    ],
)
def test_periods(per: str, at: str, first: str) -> None:
    assert identity.first_day(per, PARIS, seconds(at)) == first
    assert identity.first_day(per, (), seconds("2026-11-22T23:59:59Z")) == identity.first_day(
        per, ((0, 0),), seconds("2026-11-22T00:00:00Z")
    )


def test_the_first_offset_holds_before_its_time_too() -> None:
    assert [identity.offset_at(((100, 7), (200, 8)), at) for at in (0, 100, 199, 200, 10**10)] == [7, 7, 7, 8, 8]
    assert identity.offset_at((), 5) == 0


def other(created: float, updated: float, number: int = 0, **metadata: str) -> Record:
    """Return a record without a run, made and touched so many seconds after the hour."""
    hour = seconds("2026-11-22T14:00:00Z")
    members = {f"graphcron/{key.replace('_', '-')}": value for key, value in metadata.items()}
    stamps = {"created_at": times.rfc3339(hour + created), "updated_at": times.rfc3339(hour + updated)}
    return Record({"thread_id": f"t{number}", "metadata": members, **stamps})


@pytest.mark.parametrize(
    ("theirs", "ours", "now", "first"),
    [
        (other(0, 0), other(5, 5, 1), 5, True),  # it was first
        (other(5, 5, 1), other(0, 0), 5, False),
        (other(5, 5, 1), other(5, 5, 2), 5, True),  # the id decides
        (other(5, 5, 2), other(5, 5, 1), 5, False),
        (other(0, 0), other(5, 5, 1), 20, False),  # it was silent for too long
        (other(0, 15), other(5, 16, 1), 20, True),  # ... and this one was not
        (other(5, 6, 1), other(0, 30), 25, True),  # we come back, and it stands there already
        (other(5, 31, 1), other(0, 30), 31, False),  # ... or has seen us
        (other(5, 31, 1, pod="p", kept="p"), other(0, 30), 31, True),  # ... or a pod that only keeps its place has
        (other(5, 31, 1, pod="q", kept="p"), other(0, 30), 31, False),
        (other(5, 49, 1, pod="p", kept="p"), other(0, 30), 50, False),  # what was requested before is visible
        (other(0, 0, run_id=RUN), other(5, 5, 1), 5, False),
        (other(0, 0, pod="p", withdrawn="p"), other(5, 5, 1), 5, False),
        (other(0, 0, pod="q", withdrawn="p"), other(5, 5, 1), 5, True),
    ],
)
def test_whose_turn_it_is(theirs: Record, ours: Record, now: float, first: bool) -> None:
    hour = seconds("2026-11-22T14:00:00Z")
    turn = turns.Turn(turns.order_of(ours), (ours.updated, ours.id), False, 20, ours.updated, 0)
    assert turns.has_priority(theirs, turn, hour + now) is first


def test_nobody_who_waits_is_before_one_who_holds_a_place() -> None:
    ours = other(5, 5, 1)
    turn = turns.Turn(turns.order_of(ours), (ours.updated, "t1"), True, 20, ours.updated, 0)
    assert turns.has_priority(other(0, 6), turn, turn.queued_since[0] + 1) is False
    assert (
        turns.has_priority(other(0, 4), turn, turn.queued_since[0] + 1) is True
    )  # it may have looked before we said so


def test_turn_by_schedule_earlier_scheduled_time_has_priority() -> None:
    ours = other(0, 5, 1, scheduled_time="2026-11-22T14:00:00Z")
    turn = turns.Turn(turns.order_of(ours, by_schedule=True), (ours.updated, "t1"), False, 20, ours.updated, 0, True)
    early, late = "2026-11-22T13:59:00Z", "2026-11-22T14:01:00Z"
    assert turns.has_priority(other(4, 6, 2, scheduled_time=early), turn, ours.updated) is True
    assert turns.has_priority(other(4, 6, 2, scheduled_time=late), turn, ours.updated) is False
    assert (
        turns.has_priority(other(4, 4, 2, scheduled_time=late), turn, ours.updated) is True
    )  # it may not have seen us
    withdrawn = other(4, 6, 2, scheduled_time=early, pod="p", withdrawn="p")
    assert turns.has_priority(withdrawn, turn, ours.updated) is True  # another pod follows
    assert turns.has_priority(withdrawn, turn, withdrawn.updated + 20) is False


def test_the_pause_before_another_run() -> None:
    assert [retry.backoff(number, 1) for number in range(1, 8)] == [2, 4, 8, 16, 32, 60, 60]
    assert [retry.backoff(number, 0) for number in (1, 10)] == [1, 30]


class Threads:
    """A server's threads, oldest first, of which no run is active."""

    def __init__(self, *threads: Any) -> None:
        self.threads = {each["thread_id"]: each for each in threads}

    def search_threads(self, query: dict[str, str], *, limit: int, sort_order: str) -> list[Any]:
        assert sort_order == "asc"
        return [each for each in self.threads.values() if query.items() <= each["metadata"].items()][:limit]

    def runs(self, thread: str, *, limit: int) -> list[Any]:
        return []

    def delete_thread(self, thread: str) -> None:
        del self.threads[thread]


@pytest.mark.parametrize(
    ("is_standalone", "owner"), [(False, {"uid": "u"}), (True, {"uid": "v", "namespace": "n", "standalone": "true"})]
)
def test_cleanup_many_threads_that_stay_deletes_those_behind_them(is_standalone: bool, owner: dict[str, str]) -> None:
    def thread(number: int, **metadata: str) -> Any:
        given = {**owner, "state": "done", "delete_after": "2026-11-22T15:00:00Z", "run_id": RUN, **metadata}
        return {**other(0, 0, number, **given).thread, "status": "idle"}

    kept = [thread(number, kind="own", outcome="GraphError") for number in range(cleanup.THREADS)]
    goes = [
        thread(300, kind="own", outcome="Succeeded", on_run_completed="delete"),
        thread(301, kind="lock"),
        thread(302, kind="shared"),
        thread(303, kind="own", outcome="Skipped", run_id=""),
    ]
    api, now = Threads(*kept, *goes), seconds("2026-11-22T16:00:00Z")
    given = SimpleNamespace(
        is_standalone=is_standalone,
        uid="u",
        namespace="n",
        record_id="r",
        thread_id="t",
        request=SimpleNamespace(historyThreads=None),
    )
    clock, ignored = SimpleNamespace(now=lambda: now, steady=lambda: 0.0), lambda *_, **__: None
    shutdown = SimpleNamespace(requested=False)
    context: Any = SimpleNamespace(api=api, settings=given, clock=clock, shutdown=shutdown, log=ignored, spending=None)
    cleanup.collect_garbage(context)
    assert list(api.threads) == [each["thread_id"] for each in kept]


def test_which_threads_are_too_many() -> None:
    def thread(number: int, **metadata: str) -> Record:
        return other(0, 0, number, **{"kind": "own", "run_id": RUN, "outcome": "GraphError", **metadata})

    records = [
        thread(1),
        thread(2, run_id=""),  # skipped: there is nothing on it
        thread(3, outcome="Succeeded", on_run_completed="delete"),  # goes in any case
        thread(4, outcome="Succeeded", on_run_completed="keep"),
        thread(5),
        thread(6, outcome="Interrupted"),
    ]
    assert [each.id for each in cleanup.beyond_limit(records, 2)] == ["t5", "t6"]
    assert [each.id for each in cleanup.beyond_limit(records, 0)] == ["t1", "t4", "t5", "t6"]
    assert list(cleanup.beyond_limit(records, 4)) == []
    periods = [other(0, 0, number, kind="period") for number in range(3)]
    assert [each.id for each in cleanup.beyond_limit(periods, 1)] == ["t1", "t2"]


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        ("2026-11-22T13:59:59Z", "ScheduleIsYounger"),
        ("2026-11-22T14:00:00Z", "NotYetActive"),
        ("2026-11-22T14:59:59Z", "NotYetActive"),
        ("2026-11-22T15:00:00Z", None),
        ("2026-11-22T15:59:59Z", None),
        ("2026-11-22T16:00:00Z", "Excluded"),
        ("2026-11-22T16:59:59Z", "Excluded"),
        ("2026-11-22T17:00:00Z", None),
        ("2026-11-22T17:59:59Z", None),
        ("2026-11-22T18:00:00Z", "NoLongerActive"),
    ],
)
def test_the_schedule_s_own_bounds(at: str, reason: str | None) -> None:
    request = Request(
        url="http://x",
        assistant="a",
        notBefore="2026-11-22T14:00:00Z",
        startTime="2026-11-22T16:00:00+01:00",
        notAfter="2026-11-22T18:00:00Z",
        excludes=(("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"), ("2026-11-22T16:00:00Z", "2026-11-22T17:00:00Z")),
    )
    environ = {
        contract.ENV_REQUEST: request.to_json(),
        contract.ENV_UID: "u",
        contract.ENV_NAMESPACE: "n",
        contract.ENV_NAME: "m",
        contract.ENV_POD_UID: "p",
        contract.ENV_SCHEDULED_TIME: at,
    }
    with nullcontext() if reason is None else pytest.raises(errors.RunEnded) as caught:
        checks.within_schedule(settings.read_settings(environ))
    if caught:
        assert caught.value.result[:2] == (Outcome.SKIPPED, reason)
    checks.within_schedule(settings.read_settings({**environ, contract.ENV_TRIGGER: "now"}))
    checks.within_schedule(settings.read_settings({**environ, contract.ENV_GRAPHRUN: "once"}))


@pytest.mark.parametrize("scheduled", ["2026-11-01T04:00:00Z", "2027-11-01T04:00:00Z"], ids=["past", "future"])
def test_a_graphrun_is_an_occurrence_of_its_graphcron_that_its_uid_identifies(scheduled: str) -> None:
    environ = {
        contract.ENV_REQUEST: Request(url="http://x", assistant="a", startingDeadlineSeconds=60).to_json(),
        contract.ENV_UID: "u",
        contract.ENV_NAMESPACE: "n",
        contract.ENV_NAME: "m",
        contract.ENV_POD_UID: "p",
        contract.ENV_SCHEDULED_TIME: scheduled,
        contract.ENV_REQUESTED_TIME: "2026-11-22T14:00:00Z",
        contract.ENV_GRAPHRUN: "once",
        contract.ENV_GRAPHRUN_UID: "r",
    }
    read = settings.read_settings(environ)
    assert read.occurrence == "u/run/r"
    assert (read.deadline, read.earliest) == (read.requested + 60, read.requested)
    metadata = record_thread.common_metadata(read)
    assert metadata[record_thread.GRAPH_RUN] == "once"
    assert metadata[record_thread.SCHEDULED] == scheduled
