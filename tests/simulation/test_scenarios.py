"""Bugs that the simulation has found, each reduced by hand to a short script that failed before the fix."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from graphcron.contract import Budget, Outcome, Request
from graphcron.runner.budget.ledger import thread_of
from tests.simulation.kernel import START
from tests.simulation.plan import Action, Plan
from tests.simulation.wire import Fate, Fault, Faults, Wire
from tests.simulation.world import World

SHARED = "5eed0000-0000-4000-8000-000000000000"
CREATE_RUN = "POST /threads/*/runs"


def plan_of(
    *faults: Fault,
    actions: tuple[tuple[float, str], ...] = (),
    doubled: tuple[int, ...] = (),
    outage: tuple[float, float] | None = None,
    occurrences: int = 1,
    crons: int = 1,
    steps: int = 3,
    seconds: float = 2.0,
    graph: dict[str, Any] | None = None,
    skew: float = 0.0,
    **request: Any,
) -> Plan:
    """Return a scenario in which happens just what is named."""
    return Plan(
        seed=1,
        profile="script",
        crons=crons,
        occurrences=occurrences,
        period=60,
        request=Request(
            url="http://langgraph:8000",
            assistant="agent",
            input={"steps": steps, "seconds": seconds, **(graph or {})},
            **request,
        ),
        faults=Faults(script=faults),
        skew=skew,
        doubled=frozenset(doubled),
        actions=tuple(Action(at, kind) for at, kind in actions),
        outages=(outage,) if outage else (),
    )


def play(plan: Plan) -> World:
    """Run a scenario, and check that no property was violated."""
    return finish(World(plan))


def finish(world: World) -> World:
    """Run a scenario that is set up, and check that no property was violated."""
    violations = world.play()
    assert not violations, "\n".join([*map(str, violations), *world.kernel.trace])
    return world


Answers = Callable[[str, str, str, float], Fate | None]
"""Maps a pod's name, a method, a path and the seconds since the beginning to the fate of the request."""


def answer(monkeypatch: pytest.MonkeyPatch, answers: Answers) -> None:
    """Let requests fare as that says; None: as the scenario has it."""
    chosen = Wire._begin

    def begin(wire: Wire, method: str, path: str) -> str:
        kind = chosen(wire, method, path)
        fate = answers(wire._pod.name, method, path, wire._kernel.now - START)
        monkeypatch.setattr(wire, "_fate", (lambda *_: fate) if fate else Wire._fate.__get__(wire), raising=False)
        return kind

    monkeypatch.setattr(Wire, "_begin", begin)


def mark_late(monkeypatch: pytest.MonkeyPatch, since: float, seconds: float) -> None:
    """Process a mark of the first pod, its first from that time on, so late, after a proxy has answered with an error."""
    is_first = iter([True])

    def answers(pod: str, method: str, _: str, now: float) -> Fate | None:
        is_mark = pod == "cron-0-0.0" and method == "PATCH" and now > since
        return Fate(seconds, 0.02, 502) if is_mark and next(is_first, False) else None

    answer(monkeypatch, answers)


def begin_late(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let each pod take so long to be there."""
    monkeypatch.setattr("tests.simulation.world.pod_start", lambda _: seconds)


def drain(world: World) -> None:
    """Send the first pod SIGTERM."""
    world.pods[0].terminate()


def told(world: World, job: str) -> tuple[Outcome, str]:
    """Return the last report of a Job."""
    (found,) = [each for each in world.jobs if each.name == job]
    assert found.last
    assert found.last.report
    return found.last.report.outcome, found.last.report.reason


def dead(job: str, first: int) -> list[Fault]:
    """Let all pods of a Job die at their first request from that one on."""
    return [Fault(f"{job}.{number}", "*", 1, "die-before") for number in range(first, 8)]


def test_a_predecessor_that_waited_for_a_place_and_died_is_replaced_once():
    """Each mark of a successor counted as a sign of life of the predecessor, so all later occurrences waited forever."""
    waits = Fault("cron-0-0.0", "PATCH /threads/*", 27, "die-before")
    world = play(
        plan_of(
            waits,
            *dead("cron-0-0", 1),
            crons=2,
            occurrences=3,
            steps=1,
            seconds=150.0,
            maxConcurrentRuns=1,
            concurrencyPolicy="Replace",
            startingDeadlineSeconds=200,
        )
    )
    assert {job.name for job in world.jobs if job.over is None} == set()


def test_a_run_whose_answer_was_lost_is_found_after_the_start_deadline():
    """The pod gave up at the deadline and closed the record, so no other pod would have found the run."""
    lost = Fault("cron-0-0.0", CREATE_RUN, 1, "lost-after")
    world = play(plan_of(lost, outage=(4.5, 60.0), seconds=30.0, startingDeadlineSeconds=30))
    assert told(world, "cron-0-0") == (Outcome.SUCCEEDED, "")


@pytest.mark.parametrize("thread", [None, SHARED])
def test_request_carried_out_after_proxy_error(thread: str | None):
    late = Fault("cron-0-0.0", CREATE_RUN, 1, "busy-late")
    world = play(plan_of(late, steps=1, seconds=1.0, thread=thread, createThread=bool(thread)))
    assert told(world, "cron-0-0") == (Outcome.SUCCEEDED, "")


def test_a_person_cancels_a_run_that_a_pod_before_was_to_stop():
    """The pod had marked the run and died before it cancelled it, so the user's cancellation was undone."""
    dies = Fault("cron-0-0.0", "POST /threads/*/cancel", 1, "die-before")
    world = play(plan_of(dies, actions=((10.0, "drain"), (60.0, "cancel")), steps=10, seconds=20.0))
    assert told(world, "cron-0-0") == (Outcome.CANCELLED, "")


def test_a_person_cancels_a_run_whose_stopped_mark_was_processed_late(monkeypatch: pytest.MonkeyPatch):
    """The next pod already followed the run, so nobody removed the mark, and the user's cancellation was undone."""

    def answers(pod: str, method: str, _: str, now: float) -> Fate | None:
        dies = pod == "cron-0-0.0" and method == "PATCH" and now > 10
        return Fate(8.0, signal="die", signalled=0.01) if dies else None

    answer(monkeypatch, answers)
    world = play(plan_of(actions=((10.0, "drain"), (90.0, "cancel")), steps=10, seconds=20.0))
    assert told(world, "cron-0-0") == (Outcome.CANCELLED, "")


def test_voiding_a_stopped_mark_does_not_hide_the_mark_of_the_pod_that_voids_it(monkeypatch: pytest.MonkeyPatch):
    """That pod was stopped too. Its removal of the old mark was processed after its own mark, so a user was blamed."""
    is_first = iter([True])

    def answers(pod: str, method: str, _: str, now: float) -> Fate | None:
        voids = pod == "cron-0-0.1" and method == "PATCH" and now > 40
        return Fate(1.0, signal="term", signalled=0.01) if voids and next(is_first, False) else None

    answer(monkeypatch, answers)
    dies = Fault("cron-0-0.0", "POST /threads/*/cancel", 1, "die-before")
    world = play(plan_of(dies, actions=((10.0, "drain"),), steps=10, seconds=20.0))
    assert told(world, "cron-0-0") == (Outcome.SUCCEEDED, "")
    assert len(world.server.runs) == 2


def test_capacity_paused_before_retry_counts_with_any_pod_clock():
    """An occurrence that waits for a retry takes a slot, regardless of its pod's clock."""
    world = play(
        plan_of(
            occurrences=2,
            steps=1,
            seconds=58.3,
            graph={"failures": 1, "seconds_again": 5.0},
            retryAttempts=1,
            retryOnGraphError=True,
        )._replace(clocks=(("cron-0-0.0", -40.0),))
    )
    assert told(world, "cron-0-0") == (Outcome.SUCCEEDED, "")
    assert told(world, "cron-0-1") == (Outcome.SKIPPED, "PredecessorActive")


def test_late_pod_run_stopped_looks_for_newer_run():
    """Two pods of an occurrence stopped its run twice, and one reported that a user had cancelled it."""
    slow = [Fault("cron-0-0x.0", "GET /threads/*/runs/*", number, "lost-before") for number in range(2, 12)]
    stops = [
        Fault("cron-0-0.0", "GET /threads/*/runs/*/join", 1, "term-in"),
        Fault("cron-0-0.1", "GET /threads/*/runs/*/join", 1, "term-in"),
    ]
    world = play(plan_of(*slow, *stops, doubled=(0,), steps=10, seconds=10.0))
    assert told(world, "cron-0-0x") == (Outcome.SUCCEEDED, "")


def test_retry_created_followed_when_next_occurrence_took_slot():
    """A retry that exists is followed even if the next occurrence took its slot."""
    dies = Fault("cron-0-0.0", CREATE_RUN, 2, "die-late")
    slow = Fault("cron-0-1.0", "PATCH /threads/*", 1, "lost-after")
    world = play(
        plan_of(
            dies,
            slow,
            occurrences=2,
            steps=1,
            seconds=57.2,
            graph={"failures": 1, "seconds_again": 0.1},
            retryAttempts=1,
            retryOnGraphError=True,
            concurrencyPolicy="Replace",
        )._replace(seed=2)
    )
    assert told(world, "cron-0-0") == (Outcome.SUCCEEDED, "")


def test_pod_started_late_in_outage_looks_for_run():
    world = play(
        plan_of(actions=((70.0, "kill"),), outage=(72.0, 200.0), seconds=50.0, steps=6, startingDeadlineSeconds=30)
    )
    assert told(world, "cron-0-0") == (Outcome.SUCCEEDED, "")


def test_pod_started_in_outage_watches_run_past_timeout():
    """The pod gave up when the run should have ended, but the run continued because it was not cancelled."""
    world = play(
        plan_of(
            actions=((20.0, "kill"),),
            outage=(22.0, 120.0),
            seconds=200.0,
            startingDeadlineSeconds=5,
            timeoutSeconds=60,
        )
    )
    assert told(world, "cron-0-0") == (Outcome.TIMEOUT, "")


def test_a_mark_that_is_carried_out_late_does_not_hide_the_retry():
    """A dead pod's mark of the first run arrived after its double's mark of the second, so the first error was reported."""
    late = Fault("cron-0-0.0", "PATCH /threads/*", 1, "die-late")
    graph = {"failures": 1, "seconds_again": 1.0}
    world = play(
        plan_of(late, doubled=(0,), steps=1, seconds=0.5, graph=graph, retryAttempts=1, retryOnGraphError=True)
    )
    assert told(world, "cron-0-0") == (Outcome.SUCCEEDED, "")


def test_what_a_double_has_deleted_is_told_as_gone():
    """The other pod of the occurrence has reported the end of the run, and deleted it."""
    slow = [Fault("cron-0-0x.0", "GET /threads/*/runs/*", number, "lost-before") for number in range(2, 40)]
    world = play(plan_of(*slow, doubled=(0,), occurrences=5, onRunCompleted="delete", startingDeadlineSeconds=10))
    assert told(world, "cron-0-0x") == (Outcome.CANCELLED, "RunNotFound")


def test_what_one_pod_has_skipped_its_double_does_not_start():
    """Both pods wait for a slot. One reports that there was none, but its update of the record is lost."""
    lost = [Fault("cron-0-0x.0", "PATCH /threads/*", number, "not-sent") for number in range(10, 16)]
    plan = plan_of(
        *lost,
        crons=2,
        doubled=(0,),
        steps=1,
        seconds=45.0,
        maxConcurrentRuns=1,
        startingDeadlineSeconds=40,
    )
    world = play(plan._replace(clocks=(("cron-0-0.0", -30.0),)))
    assert told(world, "cron-0-0x") == (Outcome.SKIPPED, "ServerAtCapacity")


def test_newer_runs_tokens_not_counted_for_older():
    """The older run's stream was lost, and the thread's messages are the newer one's."""
    cut = [
        Fault("cron-0-0x.0", "GET /threads/*/runs/00000001*/stream", number, "lost-before") for number in range(1, 60)
    ]
    cut += [Fault("cron-0-0x.0", "GET /threads/*/runs/*", number, "lost-before") for number in range(2, 14)]
    stop = Fault("cron-0-0.0", "GET /threads/*/stream", 1, "term-in")
    play(
        plan_of(
            *cut, stop, doubled=(0,), steps=6, seconds=5.0, graph={"tokens": 100}, budget=Budget(maxTokensPerRun=10_000)
        )
    )


@pytest.mark.parametrize(
    ("until", "action", "at_least"),
    [
        pytest.param(17, "kill", None, id="written as the retry starts"),
        pytest.param(20, "kill", None, id="written during the retry"),
        pytest.param(75, "kill", True, id="never written, then retried"),
        pytest.param(75, "drain", True, id="never written, then resumed"),
    ],
)
def test_tokens_of_a_run_whose_usage_could_not_be_written_are_written_later_or_told_as_missing(
    monkeypatch: pytest.MonkeyPatch, until: float, action: str, at_least: bool | None
):
    """A further pod, which read the ledger, only knew what the last run had used."""
    day = thread_of("cron-0", START)

    def answers(_: str, method: str, path: str, now: float) -> Fate | None:
        return Fate(None, 0.02, 503) if method == "PATCH" and path.endswith(day) and now < until else None

    answer(monkeypatch, answers)
    request = {"retryAttempts": 1, "retryOnGraphError": True, "budget": Budget(maxTokensPerRun=10_000)}
    graph = {"tokens": 100, "failures": 1, "seconds_again": 40.0}
    world = play(plan_of(actions=((60.0, action),), steps=2, seconds=2.0, graph=graph, **request))
    assert told(world, "cron-0-0") == (Outcome.SUCCEEDED, "")
    report = world.pods[-1].report
    assert report
    assert report.tokensAtLeast is at_least


def test_the_record_is_swept_between_the_claim_and_the_request():
    world = play(plan_of(Fault("cron-0-0.0", CREATE_RUN, 1, "swept")))
    assert told(world, "cron-0-0") == (Outcome.REJECTED, "ThreadNotFound")


def test_a_stop_while_a_pod_recalls_what_was_used_loses_no_tokens():
    faults = [
        Fault("cron-0-0.0", "GET /threads/*/stream", 1, "term-in"),
        Fault("cron-0-0.1", "PATCH /threads/*", 4, "die-before"),
        Fault("cron-0-0.2", "POST /threads/search", 2, "term-in"),
    ]
    world = play(plan_of(*faults, steps=6, seconds=4.0, graph={"tokens": 100}, budget=Budget(maxTokensPerRun=10_000)))
    (job,) = world.jobs
    assert job.last
    assert job.last.report
    assert job.last.report.tokens == sum(sum(run.calls) for run in world.server.runs)


@pytest.mark.parametrize("seconds", [3.0, 12.0])
def test_a_pod_that_begins_late_keeps_its_start_deadline(monkeypatch: pytest.MonkeyPatch, seconds: float):
    begin_late(monkeypatch, seconds)
    world = play(plan_of(outage=(0.0, 4500.0), startingDeadlineSeconds=9000))
    assert told(world, "cron-0-0") == (Outcome.SUCCEEDED, "")


@pytest.mark.parametrize("thread", [None, SHARED])
def test_server_data_lost_after_deadline_run_started_again(thread: str | None):
    plan = plan_of(
        actions=((250.0, "lose-data"),),
        occurrences=7,
        steps=1,
        seconds=400.0,
        retryAttempts=2,
        retryOnGraphError=True,
        thread=thread,
        createThread=bool(thread),
    )
    assert told(play(plan), "cron-0-0") == (Outcome.SUCCEEDED, "")


@pytest.mark.parametrize("scheduled", [0, 1])
def test_too_slow_server_ends_pod_in_time(monkeypatch: pytest.MonkeyPatch, scheduled: int):
    """Claim, look and close take longer than the right lasts, so that no pod can start or end its occurrence."""
    answer(monkeypatch, lambda *_: Fate(3.4) if _[3] > 62.1 * scheduled else None)
    world = play(plan_of(startingDeadlineSeconds=60, occurrences=2, steps=1, seconds=600.0))
    assert told(world, f"cron-0-{scheduled}") == (Outcome.SERVER_UNREACHABLE, "")
    assert len(world.server.threads) < 30


def test_unrecorded_skip_creates_few_locks(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("graphcron.runner.client.langgraph_api.retry_after", lambda _: 30.0)
    is_note = lambda pod, method: pod == "cron-0-1.0" and method == "PATCH"  # noqa: E731
    answer(monkeypatch, lambda pod, method, *_: Fate(None, 0.02, 503) if is_note(pod, method) else None)
    world = play(plan_of(occurrences=2, steps=1, seconds=300.0, startingDeadlineSeconds=60))
    assert len(world.server.threads) < 15


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("seconds", [3.0, 12.0])
def test_a_server_that_refuses_each_run_for_now_is_told_as_unreachable(
    monkeypatch: pytest.MonkeyPatch, status: int, seconds: float
):
    begin_late(monkeypatch, seconds)
    answer(
        monkeypatch,
        lambda _, method, path, __: Fate(None, 0.02, status) if path.endswith("/runs") and method == "POST" else None,
    )
    assert told(play(plan_of()), "cron-0-0") == (Outcome.SERVER_UNREACHABLE, "")


def test_silence_after_a_lost_answer_is_borne_for_an_hour_once():
    world = play(plan_of(Fault("cron-0-0.0", CREATE_RUN, 1, "lost-after"), outage=(4.5, 9000.0), seconds=30.0))
    (job,) = world.jobs
    assert told(world, "cron-0-0") == (Outcome.SERVER_UNREACHABLE, "LostContact")
    assert job.over
    assert job.over - START < 3700


def test_lost_request_after_deadline_is_still_a_skip(monkeypatch: pytest.MonkeyPatch):
    is_first = iter([True])

    def answers(pod: str, method: str, path: str, now: float) -> Fate | None:
        is_claim = pod.startswith("cron-0") and now > 60 and (method, path) == ("POST", "/threads")
        return Fate(None, 0.02, 503) if is_claim and next(is_first, False) else None

    answer(monkeypatch, answers)
    world = play(plan_of(crons=2, maxConcurrentRuns=1, startingDeadlineSeconds=60, steps=1, seconds=200.0))
    assert told(world, "cron-0-0") == (Outcome.SKIPPED, "ServerAtCapacity")


def test_persons_run_on_thread_is_ignored():
    world = World(plan_of(steps=2, seconds=30.0))
    world.kernel.at(START + 10, lambda: _go_on_by_hand(world))
    world.kernel.at(START + 20, lambda: drain(world))
    world.play()
    assert told(world, "cron-0-0") == (Outcome.CANCELLED, "")
    assert [run.status for run in world.server.runs] == ["interrupted", "success"]


def _go_on_by_hand(world: World) -> None:
    (run,) = world.server.runs
    world.server.cancel(run, "person")
    body = b'{"assistant_id":"agent","input":{"steps":1,"seconds":40.0}}'
    world.server.request("POST", f"/threads/{run.thread.id}/runs", body, "person")


def test_rejected_pod_ends_occurrence_only_as_owner(monkeypatch: pytest.MonkeyPatch):
    """A slow check, a late rejection and a late update of the record, while a second pod has started a run."""
    is_first = iter([True])

    def answers(pod: str, method: str, path: str, now: float) -> Fate | None:
        if pod != "cron-0-0.0":
            return None
        if path.endswith("/search") and now < 12 and next(is_first, False):
            return Fate(9.0)
        if method == "POST" and path.endswith("/runs"):
            return Fate(None, 9.9, 403)
        return Fate(5.0, 0.5) if method == "PATCH" and now > 20 else None

    answer(monkeypatch, answers)
    play(plan_of(doubled=(0,), steps=1, seconds=90.0, occurrences=2))


def test_a_stopped_pod_that_cancels_late_has_not_been_a_person(monkeypatch: pytest.MonkeyPatch):
    is_early = lambda pod, path, now: pod == "cron-0-0.0" and "/cancel" in path and now < 36  # noqa: E731
    answer(monkeypatch, lambda pod, _, path, now: Fate(None, 0.02, 503) if is_early(pod, path, now) else None)
    world = World(plan_of(steps=4, seconds=30.0))
    world.kernel.at(START + 10, lambda: world._do_to(world.pods[0], "lose"))
    world.kernel.at(START + 20, lambda: drain(world))
    assert not world.play()
    assert told(world, "cron-0-0") == (Outcome.SUCCEEDED, "")


@pytest.mark.parametrize("status", [403, 409])
def test_a_note_that_is_refused_does_not_change_the_outcome(monkeypatch: pytest.MonkeyPatch, status: int):
    is_note = lambda pod, method: pod == "cron-0-1.0" and method == "PATCH"  # noqa: E731
    answer(monkeypatch, lambda pod, method, *_: Fate(None, 0.02, status) if is_note(pod, method) else None)
    world = play(plan_of(occurrences=2, steps=1, seconds=100.0))
    assert told(world, "cron-0-1") == (Outcome.SKIPPED, "PredecessorActive")


@pytest.mark.parametrize("steps", [8, 15])
@pytest.mark.parametrize("thread", [None, SHARED])
def test_what_was_due_during_a_run_does_not_start_behind_it(steps: int, thread: str | None):
    """The CronJob controller creates the latest delayed Job as soon as the active one ends."""
    request = {"thread": thread, "createThread": bool(thread)}
    world = play(plan_of(occurrences=4, steps=steps, seconds=10.0, **request)._replace(one_job=True))
    assert told(world, f"cron-0-{steps * 10 // 60}") == (Outcome.SKIPPED, "PredecessorActive")
    assert told(world, f"cron-0-{steps * 10 // 60 + 1}") == (Outcome.SUCCEEDED, "")


def test_forbid_record_kept_for_pods_held_back():
    """The pod of a later occurrence overtook the one that was held back, and deleted the record of the run."""
    request = {"thread": SHARED, "createThread": True, "startingDeadlineSeconds": 120}
    world = play(plan_of(occurrences=4, steps=6, seconds=29.5, **request)._replace(one_job=True, seed=6))
    assert told(world, "cron-0-2") == (Outcome.SKIPPED, "PredecessorActive")


@pytest.mark.parametrize("thread", [None, SHARED])
def test_forbid_record_not_closed_due_during_run_skipped(thread: str | None):
    """The pod reports, and its note on the record is lost."""
    lost = [Fault("cron-0-0.0", "PATCH /threads/*", number, "lost-before") for number in range(2, 40)]
    request = {"thread": thread, "createThread": bool(thread)}
    world = play(plan_of(*lost, occurrences=3, steps=8, seconds=10.0, **request)._replace(one_job=True))
    assert told(world, "cron-0-1") == (Outcome.SKIPPED, "PredecessorActive")


def test_forbid_does_not_keep_what_was_due_after_the_earlier_run():
    """A pod may be late for other reasons: here it dies before it starts."""
    dies = Fault("cron-0-1.0", CREATE_RUN, 1, "die-before")
    world = play(plan_of(dies, occurrences=2, steps=5, seconds=10.0)._replace(one_job=True))
    assert told(world, "cron-0-1") == (Outcome.SUCCEEDED, "")


def test_stopped_mark_processed_late_does_not_hide_newer_mark(monkeypatch: pytest.MonkeyPatch):
    """The first pod marks run 1 twice, as a proxy answers with an error; the pod of run 2 is stopped in between."""
    mark_late(monkeypatch, 10, 8.0)
    world = World(plan_of(steps=4, seconds=10.0))
    for at in (10, 16):
        world.kernel.at(START + at, lambda: next(pod for pod in world.pods if pod.process.alive).terminate())
    assert not world.play()
    assert len(world.server.runs) == 3
    assert told(world, "cron-0-0") == (Outcome.SUCCEEDED, "")


def test_ended_mark_processed_late_does_not_hide_newer_mark(monkeypatch: pytest.MonkeyPatch):
    """A run times out, and its retry is replaced before the repeated mark of the timeout is processed."""
    is_first = iter([True])

    def answers(pod: str, method: str, _: str, now: float) -> Fate | None:
        if pod != "cron-0-0.0" or now < 50:
            return None
        if method == "PATCH" and next(is_first, False):
            return Fate(9.0, 0.02, 502)
        return Fate(None, 0.02, 503) if method == "GET" and 62 < now < 70 else None

    answer(monkeypatch, answers)
    request = {"retryAttempts": 1, "concurrencyPolicy": "Replace", "timeoutSeconds": 52}
    world = play(plan_of(occurrences=2, steps=1, seconds=200.0, **request))
    assert told(world, "cron-0-0") == (Outcome.CANCELLED, "Replaced")


TIMES_OUT = {"timeoutSeconds": 55, "steps": 2, "seconds": 80.0}
FAILS = {"retryOnGraphError": True, "steps": 1, "seconds": 54.5, "graph": {"failures": 1, "seconds_again": 30.0}}


@pytest.mark.parametrize(
    ("slow", "drained", "run", "outcome"),
    [
        pytest.param("", False, TIMES_OUT, Outcome.TIMEOUT, id="next pod"),
        pytest.param("cron-0-0x.0", False, TIMES_OUT, Outcome.TIMEOUT, id="double"),
        pytest.param("cron-0-0x.0", True, TIMES_OUT, Outcome.TIMEOUT, id="stopped double"),
        pytest.param("cron-0-0x.0", False, FAILS, Outcome.SUCCEEDED, id="double after error"),
    ],
)
def test_replaced_occurrence_looks_for_requested_run(
    monkeypatch: pytest.MonkeyPatch, slow: str, drained: bool, run: dict[str, Any], outcome: Outcome
):
    """The next occurrence marked the run that was over, and died; the retry, requested before, was processed later."""

    def answers(pod: str, method: str, path: str, now: float) -> Fate | None:
        if pod == "cron-0-0.0" and method == "POST" and path.endswith("/runs") and now > 50:
            return Fate(9.0, signal="die", signalled=0.01)
        return Fate(4.0) if pod == slow and method == "GET" and "/runs/" in path and 50 < now < 65 else None

    answer(monkeypatch, answers)
    takes_over = Fault("cron-0-1.0", "POST /threads/search", 2, "die-before")
    request = {"retryAttempts": 1, "concurrencyPolicy": "Replace", "doubled": (0,) if slow else (), **run}
    world = World(plan_of(takes_over, *dead("cron-0-1", 1), occurrences=2, **request))
    if drained:
        world.kernel.at(START + 62, lambda: next(pod for pod in world.pods if pod.name == slow).terminate())
    finish(world)
    assert told(world, "cron-0-0") == (outcome, "")


@pytest.mark.parametrize(
    ("policy", "resumed", "end"),
    [
        ("Forbid", 87, (Outcome.CANCELLED, "PredecessorActive")),
        ("Replace", 87, (Outcome.CANCELLED, "PredecessorActive")),
        ("Queue", 105, (Outcome.SUCCEEDED, "")),
    ],
)
def test_further_run_waits_for_later_occurrence_registered_before(
    monkeypatch: pytest.MonkeyPatch, policy: str, resumed: int, end: tuple[Outcome, str]
):
    """The earlier occurrence had priority, but the later one had looked for others before, and its retry was pending."""

    def answers(pod: str, method: str, path: str, now: float) -> Fate | None:
        is_retry = pod == "cron-0-1.0" and method == "POST" and path.endswith("/runs") and now > 70
        return Fate(8.0) if is_retry else None

    answer(monkeypatch, answers)
    world = resumed_late(resumed, concurrencyPolicy=policy)
    assert told(world, "cron-0-0") == end
    assert told(world, "cron-0-1") == (Outcome.SUCCEEDED, "")


def test_further_runs_that_wait_for_a_slot_do_not_wait_for_each_other():
    """Each counted the other's reservation, so both waited until the start deadline, and the retry was lost."""
    world = resumed_late(66, 4, concurrencyPolicy="Allow", maxConcurrentRuns=1, startingDeadlineSeconds=200)
    assert told(world, "cron-0-0") == told(world, "cron-0-1") == (Outcome.SUCCEEDED, "")


def test_replaced_occurrence_keeps_its_reservation_until_its_record_is_closed(monkeypatch: pytest.MonkeyPatch):
    """The pod that replaced it was stopped while it waited, and the next one started beside the requested run."""

    def answers(pod: str, method: str, path: str, now: float) -> Fate | None:
        is_resume = pod == "cron-0-0.1" and method == "POST" and path.endswith("/runs")
        return Fate(9.5, signal="die", signalled=0.01) if is_resume else None

    answer(monkeypatch, answers)
    begin_late(monkeypatch, 1.0)
    dead_later = dead("cron-0-0", 2)
    world = World(plan_of(*dead_later, occurrences=2, steps=10, seconds=20.0, concurrencyPolicy="Replace"))
    world.kernel.at(START + 56, lambda: drain(world))
    world.kernel.at(START + 64, lambda: next(pod for pod in world.pods if pod.name == "cron-0-1.0").terminate())
    finish(world)
    assert told(world, "cron-0-1") == (Outcome.SUCCEEDED, "")


def resumed_late(at: float, number: int = 5, **request: Any) -> World:
    """Play two occurrences: that pod of the first resumes its stopped run, and the run of the second fails once."""
    late = [fault for fault in dead("cron-0-0", 1) if fault.pod != f"cron-0-0.{number}"]
    graph = {"failures": 1, "seconds_again": 30.0}
    request |= {"retryAttempts": 1, "retryOnGraphError": True}
    world = World(plan_of(*late, occurrences=2, steps=1, seconds=20.0, graph=graph, **request))

    def start_pod() -> None:
        world.jobs[0].start_pod()

    world.kernel.at(START + 10, lambda: drain(world))
    world.kernel.at(START + at, start_pod)
    return finish(world)


def test_further_run_after_wait_for_slot_registers_again(monkeypatch: pytest.MonkeyPatch):
    """Its pod kept the place in the queue of the first run, which others do not count while there is a run."""

    def answers(_: str, method: str, path: str, now: float) -> Fate | None:
        if method == "POST" and path.endswith("/history"):
            return Fate(2.5)
        return Fate(5.0) if method == "POST" and path.endswith("/runs") and now > 15 else None

    answer(monkeypatch, answers)
    world = World(plan_of(crons=3, doubled=(0,), steps=1, seconds=8.0, maxConcurrentRuns=1))
    world.kernel.at(START + 15, lambda: _stop_double(world))
    finish(world)
    assert [run.status for run in world.server.runs].count("interrupted") == 1


def _stop_double(world: World) -> None:
    """Stop the pod that follows the second run, and has not started it."""
    started = next(line.split()[1] for line in reversed(world.kernel.trace) if "run-created" in line)
    name = started.removesuffix(".0")
    double = name.removesuffix("x") if name.endswith("x") else f"{name}x"
    next(pod for pod in world.pods if pod.name == f"{double}.0").terminate()


def test_closed_record_names_last_run_after_stopped_mark_processed_late(monkeypatch: pytest.MonkeyPatch):
    """The stopped pod's mark also names its run; processed late, it replaced the name of the resumed run."""
    mark_late(monkeypatch, 50, 6.0)
    world = World(plan_of(occurrences=2, steps=4, seconds=20.0)._replace(one_job=True))
    world.kernel.at(START + 20, lambda: world._do_to(world.pods[0], "lose"))
    world.kernel.at(START + 51, lambda: drain(world))
    finish(world)
    assert told(world, "cron-0-1") == (Outcome.SKIPPED, "PredecessorActive")


QUEUE = {"concurrencyPolicy": "Queue", "startingDeadlineSeconds": 600}


def starts(world: World) -> list[str]:
    """Return the occurrences in the order in which their runs started."""
    return [run.metadata["graphcron/occurrence"] for run in world.server.runs]


def test_forbid_looks_for_newest_run_of_record_that_names_older(monkeypatch: pytest.MonkeyPatch):
    """A stopped pod's mark, processed late, named its run again, and the resumed run was active at the scheduled time."""
    mark_late(monkeypatch, 40, 9.0)
    begin_late(monkeypatch, 5.0)
    world = World(plan_of(actions=((42.0, "drain"), (55.0, "kill")), occurrences=2, steps=3, seconds=15.5))
    finish(world)
    assert told(world, "cron-0-1") == (Outcome.SKIPPED, "PredecessorActive")


def test_queue_runs_longer_than_interval_start_in_order():
    world = play(plan_of(occurrences=4, steps=1, seconds=100.0, **QUEUE))
    assert starts(world) == sorted(starts(world))
    assert {told(world, f"cron-0-{number}") for number in range(4)} == {(Outcome.SUCCEEDED, "")}


def test_queue_full_beyond_limit_skipped():
    world = play(plan_of(occurrences=4, steps=1, seconds=230.0, queueLimit=1, **QUEUE))
    assert told(world, "cron-0-1") == (Outcome.SUCCEEDED, "")
    assert {told(world, f"cron-0-{number}") for number in (2, 3)} == {(Outcome.SKIPPED, "QueueFull")}


def test_queue_deadline_passes_while_waiting_skipped():
    world = play(plan_of(occurrences=2, steps=1, seconds=300.0, **{**QUEUE, "startingDeadlineSeconds": 60}))
    assert told(world, "cron-0-1") == (Outcome.SKIPPED, "StartingDeadlineExceeded")


def test_queue_waiting_pod_dies_next_pod_keeps_place():
    """The pod of the second occurrence dies shortly before the first run ends, and the third one waits, too."""
    world = World(plan_of(occurrences=3, steps=1, seconds=140.0, **QUEUE))
    second = lambda: next(pod for pod in world.pods if pod.name == "cron-0-1.0")  # noqa: E731
    world.kernel.at(START + 138, lambda: second().kill())
    assert not world.play()
    assert starts(world) == sorted(starts(world))


def test_queue_waiting_occurrence_without_pods_holds_up_nobody():
    world = play(plan_of(*dead("cron-0-1", 0), occurrences=3, steps=1, seconds=90.0, **QUEUE))
    assert told(world, "cron-0-2") == (Outcome.SUCCEEDED, "")


def test_queue_stopped_run_resumed_before_those_that_wait():
    world = World(plan_of(occurrences=3, steps=4, seconds=30.0, **QUEUE))
    world.kernel.at(START + 70, lambda: drain(world))
    assert not world.play()
    assert starts(world) == sorted(starts(world))
    assert len(starts(world)) == 4


def test_queue_retry_starts_before_those_that_wait():
    graph = {"failures": 1, "seconds_again": 10.0}
    request = {**QUEUE, "retryAttempts": 1, "retryOnGraphError": True}
    world = play(plan_of(occurrences=2, steps=1, seconds=70.0, graph=graph, **request))
    assert starts(world)[0] == starts(world)[1] != starts(world)[2]


def test_queue_takes_one_slot():
    """Those that wait in one queue do not keep another GraphCron from a free slot."""
    plan = plan_of(crons=2, occurrences=4, steps=1, seconds=100.0, maxConcurrentRuns=2, **QUEUE)
    world = play(plan)
    assert all(run.created - START < 400 for run in world.server.runs)
    assert {job.last.report.outcome for job in world.jobs if job.last and job.last.report} == {Outcome.SUCCEEDED}
