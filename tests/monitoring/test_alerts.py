"""Each alert fires when it should, and is quiet when it should not: Prometheus' own promtool says so."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import yaml

from tests.cluster import tool
from tests.monitoring.conftest import JOB

if TYPE_CHECKING:
    from pathlib import Path

ONE = {"namespace": "agents", "name": "report"}
"""What the series of one GraphCron are told apart by."""


class Case(NamedTuple):
    """What Prometheus has seen, and whether an alert fires then."""

    alert: str
    what: str
    series: dict[str, str]
    """Values, one a minute, in promtool's notation; by the name of the metric and its own labels."""
    at: str
    value: str | None = None
    """What the alert tells as its value; None: it does not fire."""
    labels: dict[str, str] = ONE


FIRES = ""
"""The value of an alert that tells none."""


def _next(values: str) -> dict[str, str]:
    return {"graphcron_next_schedule_timestamp_seconds": values}


def _missed(values: str, pod: str = "a") -> dict[str, str]:
    return {f'graphcron_missed_runs{{pod="{pod}"}}': values}


def _ended(values: str, result: str) -> dict[str, str]:
    return {f'graphcron_reconcile_total{{kind="GraphCron",result="{result}"}}': values}


OPERATORS = ("graphcron_leader", "graphcron_reconcile_total")
"""What is told of the operator, and not of a GraphCron."""

LEADERS = ('graphcron_leader{pod="a"}', 'graphcron_leader{pod="b"}')

CASES = [
    Case("GraphCronNoLeader", "all stand by", dict.fromkeys(LEADERS, "0x10"), "3m", FIRES, {}),
    Case("GraphCronNoLeader", "none is there", {"graphcron_ready": "1x10"}, "3m", FIRES, {"job": JOB}),
    Case("GraphCronNoLeader", "another takes over", {LEADERS[0]: "1 0x9", LEADERS[1]: "0 0 1x8"}, "5m"),
    Case("GraphCronReconcileErrors", "a bug", _ended("0+1x30", "error"), "25m", FIRES, {"kind": "GraphCron"}),
    Case("GraphCronReconcileErrors", "no cluster", _ended("0+1x30", "retry"), "25m", FIRES, {"kind": "GraphCron"}),
    Case("GraphCronReconcileErrors", "a short outage", _ended("0+1x5 5x25", "retry"), "25m"),
    Case("GraphCronReconcileErrors", "all is well", _ended("0+9x30", "success"), "25m"),
    Case("GraphCronNotReady", "for long", {"graphcron_ready": "0x30"}, "16m", FIRES),
    Case("GraphCronNotReady", "for a while", {"graphcron_ready": "0x10 1x20"}, "16m"),
    Case("GraphCronOrphanedCronJobs", "one is left", {"graphcron_orphaned_cronjobs": "1x30"}, "16m", FIRES),
    Case("GraphCronOrphanedCronJobs", "it is deleted", {"graphcron_orphaned_cronjobs": "1x10 stale"}, "16m"),
    Case("GraphCronOverdue", "a run was due at 10 minutes", _next("600x60"), "26m", FIRES),
    Case("GraphCronOverdue", "it was seen late", _next("600x15 4200x60"), "26m"),
    Case("GraphCronOverdue", "none is due", {"graphcron_ready": "1x60"}, "26m"),
    Case("GraphCronMissedRuns", "one more", _missed("2x10 3x30"), "20m", FIRES),
    Case("GraphCronMissedRuns", "while no operator ran", _missed("2x9") | _missed("_x60 3x9", "b"), "65m", FIRES),
    Case("GraphCronMissedRuns", "some, long ago", _missed("2 3x500"), "420m"),
    Case("GraphCronMissedRuns", "another operator tells the same", _missed("2x9") | _missed("_x9 2x9", "b"), "15m"),
    Case("GraphCronFailing", "three in a row", {"graphcron_consecutive_failures": "2 3x5"}, "2m", "3"),
    Case("GraphCronFailing", "two in a row", {"graphcron_consecutive_failures": "2x5"}, "2m"),
    Case("GraphCronPaused", "it is", {"graphcron_paused": "1x5"}, "1m", FIRES),
    Case("GraphCronPaused", "no more", {"graphcron_paused": "1 0x5"}, "1m"),
    Case("GraphCronAwaitingHuman", "nobody answers", {"graphcron_awaiting_human": "1x10"}, "6m", FIRES),
    Case("GraphCronAwaitingHuman", "somebody answers", {"graphcron_awaiting_human": "1x3 0x9"}, "6m"),
    Case("GraphCronBudgetNearlyUsed", "19 of 20", {"graphcron_budget_used_ratio": "0.5 0.95x5"}, "2m", "95%"),
    Case("GraphCronBudgetNearlyUsed", "more than all", {"graphcron_budget_used_ratio": "1.2x5"}, "2m", "120%"),
    Case("GraphCronBudgetNearlyUsed", "the window has turned", {"graphcron_budget_used_ratio": "1 stale"}, "2m"),
    Case("GraphCronBudgetNearlyUsed", "half of it", {"graphcron_budget_used_ratio": "0.5x5"}, "2m"),
    Case("GraphCronScheduleTight", "it is", {"graphcron_schedule_tight": "1x10"}, "6m", FIRES),
    Case("GraphCronScheduleTight", "it was", {"graphcron_schedule_tight": "1x3 0x9"}, "6m"),
]


@pytest.fixture(scope="module")
def promtool() -> str:
    return tool("promtool")


def _alerts(rules: Path) -> dict[str, dict[str, Any]]:
    (group,) = yaml.safe_load(rules.read_text(encoding="utf-8"))["groups"]
    return {rule["alert"]: rule for rule in group["rules"]}


def _full(series: str) -> str:
    """Return a series with the labels that each has that Prometheus has scraped of the operator."""
    name, _, own = series.partition("{")
    labels = {"job": JOB} | ({} if name in OPERATORS else ONE)
    told = [f'{key}="{value}"' for key, value in labels.items()] + ([own.removesuffix("}")] if own else [])
    return f"{name}{{{','.join(told)}}}"


def _said(text: str, case: Case) -> str:
    """Return an annotation as people read it."""
    text = re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda match: case.labels[match[1]], text)
    return re.sub(r"\{\{ \$value.*?\}\}", case.value or "", text)


def _expected(case: Case, rule: dict[str, Any]) -> list[dict[str, Any]]:
    if case.value is None:
        return []
    grouped = "by (" in rule["expr"] or not case.labels
    labels = case.labels | rule["labels"] | ({} if grouped else {"job": JOB})
    said = {name: _said(text, case) for name, text in rule["annotations"].items()}
    return [{"exp_labels": labels, "exp_annotations": said}]


@pytest.mark.needs("go")
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.alert}: {case.what}")
def test_an_alert_fires_when_it_should(case: Case, rules: Path, promtool: str, tmp_path: Path) -> None:
    test = {
        "interval": "1m",
        "input_series": [{"series": _full(name), "values": values} for name, values in case.series.items()],
        "alert_rule_test": [
            {
                "eval_time": case.at,
                "alertname": case.alert,
                "exp_alerts": _expected(case, _alerts(rules)[case.alert]),
            }
        ],
    }
    file = tmp_path / "test.yaml"
    file.write_text(yaml.safe_dump({"rule_files": [str(rules)], "tests": [test]}), encoding="utf-8")
    done = subprocess.run([promtool, "test", "rules", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_is_seen_to_fire_and_to_be_quiet(rules: Path) -> None:
    known = set(_alerts(rules))
    assert {case.alert for case in CASES if case.value is not None} == known
    assert {case.alert for case in CASES if case.value is None} == known


@pytest.mark.needs("go")
def test_promtool_finds_nothing_wrong(rules: Path, promtool: str) -> None:
    done = subprocess.run(
        [promtool, "check", "rules", "--lint-fatal", rules], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"SUCCESS: {len(_alerts(rules))} rules found" in done.stdout


def test_each_alert_says_what_to_do(rules: Path) -> None:
    for name, rule in _alerts(rules).items():
        assert rule["annotations"].keys() == {"summary", "description", "remedy"}, name
        assert not [text for text in rule["annotations"].values() if not text.endswith(".")], name
