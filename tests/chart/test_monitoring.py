"""Alerts and dashboard ask for metrics that the operator has, by labels that these have."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from graphcron.contract import Outcome
from graphcron.metrics import LABELS, RESULTS
from tests.chart.conftest import CHART
from tests.cluster import ROOT
from tests.docs.page import table


def _expressions() -> list[str]:
    alerts: Any = yaml.safe_load((CHART / "files/alerts.yaml").read_text(encoding="utf-8"))
    dashboard = json.loads((CHART / "files/dashboard.json").read_text(encoding="utf-8"))
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    return [*(alert["expr"] for alert in alerts), *asked]


def _samples() -> set[str]:
    """Return the names of all that one scrape of a working operator holds."""
    import metrics_page

    return {sample.name for family in metrics_page.families() for sample in family.samples}


def test_the_metrics_exist():
    asked = {name for each in _expressions() for name in re.findall(r"\bgraphcron_\w+", each)}
    assert asked
    assert asked <= _samples()


def test_what_an_alert_says_is_known():
    alerts: Any = yaml.safe_load((CHART / "files/alerts.yaml").read_text(encoding="utf-8"))
    said = {name for alert in alerts for name in re.findall(r"\$labels\.(\w+)", str(alert["annotations"]))}
    assert said == {*LABELS, "kind"}
    results = {name for each in _expressions() for name in re.findall(r'result!?="(\w+)"', each)}
    assert results <= set(RESULTS)


def test_each_alert_asks_for_its_own_release():
    alerts: Any = yaml.safe_load((CHART / "files/alerts.yaml").read_text(encoding="utf-8"))
    for alert in alerts:
        assert alert["expr"].count("graphcron_") == alert["expr"].count('{job="JOB"')


def test_the_page_tells_each_alert_and_each_metric():
    import metrics_page

    assert metrics_page.PAGE.read_text(encoding="utf-8") == metrics_page.page()
    alerts: Any = yaml.safe_load((CHART / "files/alerts.yaml").read_text(encoding="utf-8"))
    assert {row["Alert"] for row in table(ROOT / "docs/metrics.md", "Alert")} == {alert["alert"] for alert in alerts}
    told = {row["Metric"]: row for row in table(ROOT / "docs/metrics.md", "Metric")}
    assert told["graphcron_runs_total"]["Labels"] == "namespace, name, outcome"
    assert told["graphcron_run_duration_seconds"]["Kind"] == "histogram"
    (outcomes,) = [row for row in table(ROOT / "docs/metrics.md", "Label") if row["Label"] == "outcome"]
    assert outcomes["Values"].split(", ") == [each.value for each in Outcome]


def test_each_panel_of_the_dashboard_has_a_place_of_its_own():
    dashboard = json.loads((CHART / "files/dashboard.json").read_text(encoding="utf-8"))
    taken = set()
    for panel in dashboard["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24, panel["title"]
        own = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not taken & own, panel["title"]
        taken |= own
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
