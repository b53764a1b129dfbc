"""Two replicas and one Lease: who works, who stands by, and what happens when the leader goes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.cluster import Cluster, wait_for
from tests.objects import Objects
from tests.operator.conftest import Operator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LEASE = "graphcron"
CRONS = 12


class Replicas:
    """Operators that share a Lease in the test's namespace."""

    def __init__(self, cluster: Cluster, namespace: str, folder: Path) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._folder = folder
        self.all: list[Operator] = []
        self.running: list[Operator] = []

    def start(self) -> Operator:
        """Start one more."""
        operator = Operator(self._cluster, self._namespace, self._folder / f"{len(self.all)}.log")
        self.all.append(operator)
        self.running.append(operator)
        operator.start(GRAPHCRON_LEASE_NAME=LEASE, GRAPHCRON_LEASE_NAMESPACE=self._namespace)
        return operator

    def leaders(self) -> list[Operator]:
        return [each for each in self.running if each.metric("graphcron_leader") == 1]

    def leader(self) -> Operator:
        """Wait until exactly one works."""
        return wait_for("one leader", lambda: len(self.leaders()) == 1 and self.leaders(), seconds=40)[0]

    def kill(self, operator: Operator) -> None:
        operator.kill()
        self.running.remove(operator)

    def stop(self, operator: Operator) -> int:
        self.running.remove(operator)
        return operator.stop()


@pytest.fixture
def replicas(cluster: Cluster, namespace: str, tmp_path: Path) -> Iterator[Replicas]:
    replicas = Replicas(cluster, namespace, tmp_path)
    try:
        yield replicas
    finally:
        for operator in list(replicas.running):
            replicas.stop(operator)
        for operator in replicas.all:
            print(operator.log())
    assert not [operator for operator in replicas.all if "Traceback" in operator.log()]


def holder(objects: Objects) -> str:
    return objects.get("lease", LEASE)["spec"].get("holderIdentity", "")


def minute_of(cronjob: Any) -> str:
    return str(cronjob["spec"]["schedule"].split()[0])


def test_a_standby_is_ready_and_writes_nothing(replicas: Replicas, objects: Objects):
    first = replicas.start()
    assert replicas.leader() is first
    second = replicas.start()
    assert second.probe("livez") == second.probe("readyz") == 200
    objects.apply()
    objects.wait_ready()
    assert replicas.leader() is first
    assert first.metric("graphcron_ready", name="hello") == 1
    assert second.metric("graphcron_ready", name="hello") is None
    assert second.metric("graphcron_reconcile_total", kind="GraphCron", result="success") is None


def test_a_leader_that_is_told_to_stop_hands_over_at_once(replicas: Replicas, objects: Objects):
    first = replicas.start()
    assert replicas.leader() is first
    second = replicas.start()
    held = holder(objects)
    assert replicas.stop(first) == 0
    # Not by its age: a Lease that was given back names nobody, or by now the next.
    assert holder(objects) != held
    assert replicas.leader() is second
    objects.apply()
    objects.wait_ready()


def test_a_leader_that_cannot_renew_stops_working_and_ends(replicas: Replicas, objects: Objects):
    first = replicas.start()
    assert replicas.leader() is first
    # Somebody else's by force: what a leader finds that was cut off for long.
    patch = '{"spec": {"holderIdentity": "somebody-else", "leaseDurationSeconds": 3600}}'
    objects.kubectl("patch", "lease", LEASE, "--type=merge", "-p", patch)
    replicas.running.remove(first)
    assert first.wait() == 1
    assert "Leader election lost" in first.log()


def test_killed_leaders_lose_and_repeat_no_change(replicas: Replicas, objects: Objects):
    names = [f"cron-{number}" for number in range(CRONS)]
    for _ in range(2):
        replicas.start()
    for minute, rounds in enumerate(("kill", "kill", "none")):
        leader = replicas.leader()
        for number, name in enumerate(names):
            objects.apply(name, schedule=f"{minute} 4 * * *")
            if rounds == "kill" and number == CRONS // 2:
                replicas.kill(leader)
                killed = time.monotonic()
        if rounds == "kill":
            replicas.leader()
            print(f"another leads {time.monotonic() - killed:.1f} s after the kill")
            replicas.start()
        for name in names:
            objects.wait_ready(name)
        assert {name: minute_of(each) for name, each in objects.all("cronjob").items()} == dict.fromkeys(
            names, str(minute)
        )
    # Its generation counts the applies that changed something: one to make it, and one for each change.
    assert {each["metadata"]["generation"] for each in objects.all("cronjob").values()} == {3}
    assert {each["status"]["observedGeneration"] for each in objects.all("graphcron").values()} == {3}
