"""A real Prometheus scrapes the real operator: what the dashboard and the alerts ask for is there."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.cluster import wait_for
from tests.e2e.crons import QUESTION
from tests.monitoring.conftest import CHART

if TYPE_CHECKING:
    from tests.e2e.crons import Crons
    from tests.monitoring.conftest import Prometheus

pytestmark = pytest.mark.needs("go")

BUDGET = {"maxTokens": 1_000_000, "window": "day"}


def _panels() -> list[tuple[str, str]]:
    """Return the panels' titles, and what each asks for, as Grafana sends it."""
    panels = json.loads((CHART / "files/dashboard.json").read_text(encoding="utf-8"))["panels"]
    asked = [(panel["title"], target["expr"]) for panel in panels for target in panel.get("targets", ())]
    assert asked
    return [(title, text.replace("$namespace", ".*").replace("$__rate_interval", "1m")) for title, text in asked]


def _runs(prometheus: Prometheus, crons: Crons, name: str) -> dict[str, float]:
    found = prometheus.query(f'graphcron_runs_total{{namespace="{crons.namespace}",name="{name}"}}')
    return {dict(labels)["outcome"]: value for labels, value in found.items()}


def _told(prometheus: Prometheus, crons: Crons, name: str) -> dict[str, float]:
    """Return how many runs ended how, without the outcomes that there were none of."""
    return {outcome: value for outcome, value in _runs(prometheus, crons, name).items() if value}


def test_prometheus_knows_all_that_is_asked_for(crons: Crons, prometheus: Prometheus) -> None:
    crons.make("hello", input=QUESTION, budget=BUDGET)
    crons.make("wrong", assistant="failing", input={})
    for name in ("hello", "wrong"):  # a counter that Prometheus has seen at zero can increase
        wait_for(f"series of {name}", lambda name=name: _runs(prometheus, crons, name))
    jobs = {name: crons.start(name) for name in ("hello", "wrong")}
    for name, job in jobs.items():
        crons.told(job, name)

    wait_for("one success", lambda: _told(prometheus, crons, "hello") == {"Succeeded": 1})
    wait_for("one failure", lambda: _told(prometheus, crons, "wrong") == {"GraphError": 1})
    _there_is_an_answer_for_each_panel(prometheus)
    _the_rules_are_well(prometheus)

    spent = f'graphcron_tokens_total{{namespace="{crons.namespace}",name="hello"}}'
    assert list(prometheus.query(spent).values()) == [crons.status("hello")["recentRuns"][0]["tokens"]]


def _there_is_an_answer_for_each_panel(prometheus: Prometheus) -> None:
    def known() -> set[str]:
        return set(prometheus.ask("label/__name__/values"))

    for title, expression in _panels():
        names = set(re.findall(r"\bgraphcron_\w+", expression))
        wait_for(f"metrics of the panel {title}: {names}", lambda names=names: names <= known())
        # What shows only more than nothing shows nothing where nothing is wrong, or costs.
        wait_for(f"answer for the panel {title}", lambda asked=expression: prometheus.query(asked.removesuffix(" > 0")))


def _the_rules_are_well(prometheus: Prometheus) -> None:
    def evaluated() -> list[Any]:
        (group,) = prometheus.ask("rules")["groups"]
        return group["rules"] if all(rule["health"] != "unknown" for rule in group["rules"]) else []

    rules = {rule["name"]: rule for rule in wait_for("evaluated rules", evaluated)}
    assert {name: rule.get("lastError") for name, rule in rules.items() if rule["health"] != "ok"} == {}
    assert rules["GraphCronNoLeader"]["state"] == "inactive"
