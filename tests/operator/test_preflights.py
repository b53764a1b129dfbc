"""Preflights of many GraphCrons whose server is down, across a restart of the operator."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.cluster import wait_for
from tests.objects import Objects, condition
from tests.operator.conftest import Operator

LIMIT = 4
NUMBER = 12
NOBODY = "http://127.0.0.1:9"
"""A server that is down."""


def targets(objects: Objects) -> Counter[tuple[str, str]]:
    """Return how many GraphCrons have which status and reason of TargetResolved."""
    found = [condition(each, "TargetResolved") for each in objects.all("graphcron").values() if "status" in each]
    return Counter((each["status"], each["reason"]) for each in found if each)


def running(objects: Objects) -> list[Any]:
    jobs = objects.all("jobs").values()
    return [each for each in jobs if not any(c["status"] == "True" for c in each["status"].get("conditions", []))]


def test_preflights_server_down_few_run_others_wait(operator: Operator, objects: Objects):
    """While a server is down, few preflights run; the other GraphCrons name the one that asks."""
    for number in range(NUMBER):
        objects.apply(f"cron-{number}", preflight=True, server={"url": NOBODY})
    for number in range(NUMBER):
        objects.wait_ready(f"cron-{number}")
    assert len(objects.all("cronjob")) == NUMBER
    wait_for("preflights", lambda: len(running(objects)) == LIMIT)
    operator.kill()
    operator.start()

    expected = {("False", "ServerUnreachable"): LIMIT, ("Unknown", "WaitingForServer"): NUMBER - LIMIT}

    def all_told() -> bool:
        assert len(running(objects)) <= LIMIT
        return targets(objects) == expected

    wait_for("findings", all_told, seconds=150, pause=1)
    assert len(objects.all("jobs")) <= LIMIT + 1  # the one that asks may do so again by now
    for each in (condition(each, "TargetResolved") for each in objects.all("graphcron").values()):
        if each["reason"] == "WaitingForServer":
            assert each["message"].startswith("The preflight of GraphCron cron-")
