"""Hours of a GraphCron's life at random: with outages of the controllers and of the operator, and lost notes."""

import random
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from graphcron.api.names import Purpose
from graphcron.api.v1alpha1 import GraphCronStatus
from graphcron.cache.objects import RequestAnnotation
from graphcron.contract import EXIT_CODES, Outcome, Report
from graphcron.errors import ClusterError
from tests.unit.world import World, at, environment, graphcron, job, pod

BEGIN = at("06:00")
REPORTS = [
    Report(Outcome.SUCCEEDED), Report(Outcome.SUCCEEDED), Report(Outcome.GRAPH_ERROR, "raised ValueError"),
    Report(Outcome.SKIPPED, reason="ThreadBusy"), Report(Outcome.INTERRUPTED),
]  # fmt: skip


class Life:
    """A world with a clock, a CronJob controller that is away at times, and an operator that is away at times."""

    def __init__(self, seed: int, minutes: int, **spec) -> None:
        self.chance = random.Random(seed)
        self.end = BEGIN + timedelta(minutes=30 * minutes)
        history = {"runs": 100, "successful": 100, "failed": 100}
        spec = {"history": history, "endTime": self.end.isoformat(), "preflight": False, **spec}
        self.world = World(graphcron(schedule=f"*/{minutes} * * * *", **spec))
        self.minutes = minutes
        self.made: dict[datetime, Report] = {}
        """Occurrences that had a Job, and what it came to."""
        self.asked: list[str] = []
        self.world.look(BEGIN - timedelta(seconds=1))

    def go(self, *, losses: bool) -> None:
        now, away, deaf = BEGIN, 0, 0
        while now < self.end + timedelta(minutes=10):
            away = max(away - 1, 0) or (self.chance.random() < 0.05) * self.chance.randint(3, 30)
            deaf = max(deaf - 1, 0) or (self.chance.random() < 0.05) * self.chance.randint(3, 30)
            if not away or now >= self.end:
                self._controller(now)
            if not deaf or now >= self.end:
                self._operator(now, losses=losses)
            now += timedelta(minutes=1)

    def _controller(self, now: datetime) -> None:
        if now.minute % self.minutes == 0 and now < self.end and now not in self.made:
            self.made[now] = report = self.chance.choice(REPORTS)
            self.world.end(job(now), report)
        for each in [each for each in self.world.jobs.values() if not each.finished]:
            report = self.chance.choice(REPORTS)
            if each.purpose is Purpose.CATCH_UP:
                self.made[each.scheduled_time] = report
            done = replace(each, succeeded=EXIT_CODES[report.outcome] == 0, failed=EXIT_CODES[report.outcome] != 0)
            self.world.jobs[each.name] = done
            self.world.pods.append(pod(done, report))

    def _operator(self, now: datetime, *, losses: bool) -> None:
        world, chance = self.world, self.chance
        if chance.random() < 0.02:
            world.trigger = RequestAnnotation(f"number {len(self.asked)}", now)
            self.asked.append(world.trigger.value)
        if losses and chance.random() < 0.02:
            world.status = GraphCronStatus()
        elif losses and chance.random() < 0.02:
            world.cronjobs = {}
        if chance.random() < 0.2:
            world.look(now + timedelta(seconds=1), problem=ClusterError("500"))
        world.look(now + timedelta(seconds=35))

    @property
    def due(self) -> list[datetime]:
        step = timedelta(minutes=self.minutes)
        return [BEGIN + step * number for number in range(int((self.end - BEGIN) / step))]


@pytest.mark.parametrize("catch_up", ["none", "last"])
@pytest.mark.parametrize("seed", range(4))
def test_each_occurrence_is_told_once_and_what_nobody_started_is_counted(seed, catch_up):
    life = Life(seed, 5, catchUp=catch_up)
    life.go(losses=False)
    runs = [run for run in life.world.status.recent_runs or () if not run.trigger]
    assert sum(run.count or 1 for run in runs) == len(life.due)
    single = {run.scheduled_time: run.outcome for run in runs if not run.count}
    for due, report in life.made.items():
        assert single.get(due, "Skipped") == report.outcome
    caught_up = {environment(each)["GRAPHCRON_SCHEDULED_TIME"] for each in life.world.made_for(Purpose.CATCH_UP)}
    never_made = len(life.due) - len(life.made)
    assert (life.world.status.missed_runs or 0) == never_made + len(caught_up)
    assert bool(caught_up) is (catch_up == "last" and never_made + len(caught_up) > 0)


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_lost_nothing_is_started_twice(seed):
    life = Life(seed, 5, catchUp="last")
    life.go(losses=True)
    fired = [environment(each)["GRAPHCRON_TRIGGER"] for each in life.world.made_for(Purpose.TRIGGER)]
    assert len(fired) == len(set(fired))
    assert set(fired) <= set(life.asked)
    by_schedule = {due for due in life.made if job(due).name in life.world.jobs}
    caught_up = [each.scheduled_time for each in life.world.jobs.values() if each.purpose is Purpose.CATCH_UP]
    assert len(caught_up) == len(set(caught_up))
    assert set(caught_up) <= by_schedule
    assert set(life.made) <= set(life.due)


@pytest.mark.parametrize("seed", range(4))
def test_a_minutely_schedule_is_told_in_full(seed):
    life = Life(seed, 1)
    life.go(losses=False)
    runs = [run for run in life.world.status.recent_runs or () if not run.trigger]
    told = [(run.first_scheduled_time or run.scheduled_time, run.scheduled_time) for run in runs]
    # Of the last minutes nobody is told who finds the campaign over before their start deadline has passed.
    known = life.due[:-3]
    assert [due for due in known if not any(first <= due <= last for first, last in told)] == []
