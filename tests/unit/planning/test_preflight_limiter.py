"""Many preflights: how many run at a time, in which order, and who asks a server that does not answer."""

import random
from datetime import timedelta
from typing import Any

import pytest

from graphcron.api.names import Purpose
from graphcron.api.v1alpha1 import Preflight
from graphcron.cache.store import Key
from graphcron.contract import Outcome, Report
from graphcron.planning.preflight import PreflightDecision
from graphcron.planning.preflight_limiter import SLOT_TIMEOUT, PreflightLimiter
from tests.unit.world import NOW, QUOTA, World, condition, graphcron, pod

GOOD = Report(Outcome.SUCCEEDED, "langgraph-api 0.16.7 answers")
DOWN = Report(Outcome.SERVER_UNREACHABLE, "no answer for 30 s", "ConnectionRefused")
WRONG = Report(Outcome.REJECTED, "there is no assistant agent", "AssistantNotFound")
LIMIT = 4


class Fleet:
    """GraphCrons of one operator, with a clock and a queue that are the test's."""

    def __init__(self, number: int, *, servers: int = 1, limit: int = LIMIT) -> None:
        self.limit = limit
        self.now = NOW
        self.queue: dict[str, None] = {}
        self.worlds: dict[str, World] = {}
        self.restart()
        for each in range(number):
            self.add(f"cron-{each}", server=f"http://server-{each % servers}:2024")

    def add(self, name: str, *, server: str = "http://server-0:2024") -> World:
        cron = graphcron(name, schedule="0 0 1 1 *", server={"url": server})
        self.worlds[name] = World(cron, limiter=self.limiter)
        self.queue[name] = None
        return self.worlds[name]

    def restart(self) -> None:
        """Let another operator process begin."""
        self.limiter: PreflightLimiter[Key] = PreflightLimiter(self.limit, lambda key: self.queue.setdefault(key.name))
        for name, world in self.worlds.items():
            world.limiter = self.limiter
            self.queue[name] = None
            for job in world.jobs.values():
                if not job.finished:
                    self.limiter.restore(world.key, job.name, since=self.now)

    def work(self) -> None:
        """Look at whatever is enqueued or due, until nothing is."""
        for name, world in self.worlds.items():
            if world.again and world.again <= self.now:
                self.queue.setdefault(name)
        while self.queue:
            name = next(iter(self.queue))
            del self.queue[name]
            if name in self.worlds:
                self.worlds[name].look(self.now)
            assert len(self.running()) <= self.limit

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.work()

    def running(self) -> list[str]:
        """Return the names of those whose preflight is under way."""
        return [name for name, each in self.worlds.items() if any(not job.finished for job in each.jobs.values())]

    def end(self, name: str, *reports: Report) -> None:
        """Let a preflight end, and what it left be gone after a while."""
        world = self.worlds[name]
        for job in [each for each in world.jobs.values() if not each.finished]:
            world.end(job, *reports)
        self.queue[name] = None
        self.work()
        world.forget([job.name for job in world.jobs.values() if job.finished])

    def delete(self, name: str) -> None:
        world = self.worlds.pop(name)
        self.limiter.forget(world.key, now=self.now)
        self.work()

    def told(self, name: str) -> tuple[str, str]:
        found = condition(self.worlds[name].status, "TargetResolved")
        assert found is not None
        return found.status, found.reason

    def all_told(self) -> set[tuple[str, str]]:
        return {self.told(name) for name in self.worlds}

    def made(self) -> int:
        return sum(len(each.made_for(Purpose.PREFLIGHT)) for each in self.worlds.values())


def test_limit_holds_and_order_is_kept():
    fleet = Fleet(20)
    fleet.work()
    order = []
    while running := fleet.running():
        assert len(running) == min(LIMIT, 20 - len(order))
        order.append(running[0])
        fleet.end(running[0], GOOD)
    assert order == [f"cron-{each}" for each in range(20)]
    assert fleet.all_told() == {("True", "Resolved")}
    assert fleet.made() == 20


def test_waiting_preflight_leaves_graphcron_ready_with_reason():
    fleet = Fleet(5)
    fleet.work()
    last = fleet.worlds["cron-4"]
    ready, target = condition(last.status, "Ready"), condition(last.status, "TargetResolved")
    assert ready is not None
    assert target is not None
    assert list(last.cronjobs) == ["cron-4"]
    assert ready.status == "True"
    assert (target.status, target.reason) == ("Unknown", "PreflightPending")
    assert target.message == "At most 4 preflights run concurrently. This preflight is queued."
    assert last.status.preflight is not None
    assert last.status.preflight.attempts == 0


def test_preflight_limiter_server_silent_one_asks_others_wait():
    """While a server does not answer, one GraphCron asks; the others wait and name it."""
    fleet = Fleet(12)
    fleet.work()
    for name in fleet.running():
        fleet.end(name, DOWN)
    assert not fleet.running()
    assert fleet.made() == LIMIT
    made = LIMIT
    for _ in range(12 * 20):
        fleet.wait(180)
        assert len(fleet.running()) <= 1
        for name in fleet.running():
            made += 1
            fleet.end(name, DOWN)
    assert fleet.made() == made <= LIMIT + 12
    assert fleet.told("cron-0") == ("False", "ConnectionRefused")
    waits = condition(fleet.worlds["cron-11"].status, "TargetResolved")
    assert waits is not None
    assert (waits.status, waits.reason) == ("Unknown", "WaitingForServer")
    assert "The preflight of GraphCron cron-" in waits.message
    assert "retries at 2026-" in waits.message
    assert fleet.worlds["cron-11"].status.preflight.attempts == 0  # type: ignore[union-attr]


def down_for_hours(number: int = 12) -> Fleet:
    fleet = Fleet(number)
    fleet.work()
    for _ in range(100):
        for name in fleet.running():
            fleet.end(name, DOWN)
        fleet.wait(180)
    return fleet


def ask(fleet: Fleet, *, minutes: int = 300) -> str:
    """Wait until somebody asks, and return who."""
    for _ in range(minutes):
        if fleet.running():
            break
        fleet.wait(60)
    (name,) = fleet.running()
    return name


def test_preflight_limiter_server_back_all_follow_within_limit():
    """When the server answers, all preflights follow at once, up to the limit at a time."""
    fleet = down_for_hours()
    before = fleet.made()
    fleet.end(ask(fleet), GOOD)
    while running := fleet.running():
        fleet.wait(2)
        fleet.end(running[0], GOOD)
    assert fleet.all_told() == {("True", "Resolved")}
    assert fleet.made() <= before + 1 + 12


def test_preflight_limiter_restart_keeps_server_state():
    """A restart keeps the knowledge that a server is down, or that it answers again."""
    fleet = down_for_hours()
    before = fleet.made()
    fleet.restart()
    fleet.work()
    for name in fleet.running():
        fleet.end(name, DOWN)
    assert fleet.made() <= before + LIMIT
    fleet.end(ask(fleet), GOOD)
    fleet.restart()
    fleet.work()
    while running := fleet.running():
        fleet.wait(2)
        fleet.end(running[0], GOOD)
    assert fleet.all_told() == {("True", "Resolved")}


def test_a_restart_keeps_the_slots_of_what_runs():
    fleet = Fleet(20)
    fleet.work()
    before = fleet.running()
    fleet.restart()
    fleet.work()
    assert fleet.running() == before


def test_if_the_one_that_asks_is_deleted_another_asks():
    fleet = down_for_hours(10)
    asker = ask(fleet)
    fleet.end(asker, DOWN)
    fleet.delete(asker)
    assert len(fleet.running()) == 1
    assert fleet.running() != [asker]


def test_a_new_graphcron_asks_soon_though_the_others_ask_rarely():
    fleet = down_for_hours()
    while fleet.running():
        fleet.end(fleet.running()[0], DOWN)
    fleet.wait(90)
    fleet.add("new")
    fleet.work()
    assert fleet.running() == ["new"]
    fleet.end("new", GOOD)
    assert len(fleet.running()) == LIMIT


def test_a_server_that_answers_does_not_wait_for_one_that_does_not():
    fleet = Fleet(8, servers=2)
    fleet.work()
    for name in fleet.running():
        fleet.end(name, DOWN if int(name[5:]) % 2 == 0 else GOOD)
    while running := fleet.running():
        fleet.end(running[0], GOOD)
    assert {fleet.told(f"cron-{each}") for each in (1, 3, 5, 7)} == {("True", "Resolved")}


def test_rejected_preflights_do_not_hold_up_others_of_their_server():
    fleet = Fleet(8)
    fleet.work()
    while running := fleet.running():
        fleet.end(running[0], WRONG)
    assert fleet.made() == 8


def test_absent_owner_does_not_block_the_queue():
    fleet = Fleet(7)
    fleet.work()
    stuck = fleet.worlds.pop("cron-4")  # no look at it works
    fleet.end("cron-0", GOOD)
    assert len(fleet.running()) == LIMIT - 1
    fleet.wait(61)
    fleet.queue["cron-5"] = fleet.queue["cron-6"] = None
    fleet.work()
    assert "cron-5" in fleet.running()
    fleet.worlds["cron-4"] = stuck
    fleet.end("cron-1", GOOD)
    fleet.end("cron-2", GOOD)
    fleet.queue["cron-4"] = None
    fleet.work()
    assert "cron-4" in fleet.running()


class Compared(str):
    """A server that counts how often it is compared with another one."""

    count = 0

    def __eq__(self, other: object) -> bool:
        Compared.count += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


@pytest.mark.parametrize("number", [100, 400])
def test_a_mass_deletion_takes_the_same_steps_for_each_graphcron(number):
    limiter: PreflightLimiter[int] = PreflightLimiter(LIMIT, lambda _: None)
    state = Preflight(key="", failures=0)
    nothing = PreflightDecision(state, None, None, None, state, "", "", "", frozenset(), is_cached=True)
    for key in range(number):
        limiter.observe(key, nothing._replace(server=Compared(f"http://server-{key}:2024")), now=NOW)
    Compared.count = 0
    for key in range(number):
        limiter.forget(key, now=NOW)
    assert Compared.count <= 10 * number
    assert (limiter._server_of, limiter._owners) == ({}, {})


def test_a_job_that_never_ends_keeps_its_slot_for_minutes_only():
    fleet = Fleet(LIMIT + 1)
    fleet.work()
    fleet.now += SLOT_TIMEOUT + timedelta(seconds=1)
    fleet.limit = 2 * LIMIT
    fleet.queue["cron-4"] = None
    fleet.work()
    assert "cron-4" in fleet.running()


def fleet_with_pod(report: Report | None = None, **state: Any) -> Fleet:
    """Return a fleet of which one more may start, once the first one has a pod in that state."""
    fleet = Fleet(LIMIT + 1)
    fleet.work()
    world = fleet.worlds["cron-0"]
    (job,) = world.jobs.values()
    world.pods.append(pod(job, report, **state))
    fleet.limit += 1
    fleet.queue["cron-0"] = None
    fleet.work()
    return fleet


@pytest.mark.parametrize("reason", ["ImagePullBackOff", "ErrImageNeverPull"])
def test_a_pod_that_cannot_start_keeps_no_slot(reason: str):
    assert "cron-4" in fleet_with_pod(terminal=False, waiting=reason).running()


def test_reported_pod_of_an_active_job_keeps_no_slot():
    fleet = fleet_with_pod(GOOD)
    assert "cron-4" in fleet.running()
    assert fleet.told("cron-0") == ("True", "Resolved")


class Weather:
    """What may happen to a fleet."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.fleet = Fleet(self.dice.randint(1, 12), servers=self.dice.randint(1, 3))
        self.down = {f"http://server-{each}:2024" for each in range(self.dice.randint(0, 3))}

    def happen(self) -> None:
        """Let something happen to one of them."""
        names = sorted(self.fleet.worlds)
        if names:
            event = self.dice.choice(
                [self.end] * 6
                + [self.lose_job, self.refuse_jobs, self.take_jobs, self.edit, self.delete, self.add, self.restart]
                + [self.recover]
            )
            event(self.dice.choice(names))
        self.fleet.wait(self.dice.choice((0, 1, 5, 60)))

    def end(self, _: str) -> None:
        if running := self.fleet.running():
            name = self.dice.choice(running)
            server = self.fleet.worlds[name].graphcron.spec.server
            report = DOWN if server and server.url in self.down else self.dice.choice((GOOD, GOOD, WRONG))
            self.fleet.end(name, *[report] * self.dice.randint(0, 9))

    def lose_job(self, name: str) -> None:
        self.fleet.worlds[name].forget(list(self.fleet.worlds[name].jobs))
        self.fleet.queue[name] = None

    def refuse_jobs(self, name: str) -> None:
        self.fleet.worlds[name].fault = lambda method, resource, _: QUOTA if (method, resource) == JOBS else None

    def take_jobs(self, name: str) -> None:
        self.fleet.worlds[name].fault = lambda *_: None

    def edit(self, name: str) -> None:
        if name not in self.fleet.running():  # an edit does not end the preflight of what was there before
            self.fleet.worlds[name].change(assistant=f"agent-{self.dice.randint(1, 9)}")
            self.fleet.queue[name] = None

    def delete(self, name: str) -> None:
        self.fleet.delete(name)

    def add(self, _: str) -> None:
        name = f"late-{self.dice.randint(1, 99)}"
        if name not in self.fleet.worlds:
            self.fleet.add(name, server=f"http://server-{self.dice.randint(0, 2)}:2024")

    def restart(self, _: str) -> None:
        self.fleet.restart()

    def recover(self, _: str) -> None:
        self.down.discard("http://server-0:2024")


JOBS = ("POST", "jobs")


@pytest.mark.parametrize("seed", range(8))
def test_in_any_weather_slots_never_leak_and_nobody_starves(seed):
    """Preflights end well, badly or not at all; Jobs are deleted or refused; GraphCrons come, change and go."""
    weather = Weather(seed)
    fleet = weather.fleet
    for _ in range(100):
        weather.happen()
    # Then all is well, and everybody gets an answer.
    for name in fleet.worlds:
        weather.take_jobs(name)
    for _ in range(1000):
        fleet.queue.update(dict.fromkeys(fleet.worlds))  # the resync
        fleet.work()
        for name in fleet.running():
            fleet.end(name, GOOD)
        if fleet.all_told() <= {("True", "Resolved")}:
            break
        fleet.wait(60)
    assert fleet.all_told() <= {("True", "Resolved")}
    fleet.queue.update(dict.fromkeys(fleet.worlds))
    fleet.work()
    assert (fleet.limiter._slots, fleet.limiter._queue, fleet.limiter._due) == ({}, {}, set())
