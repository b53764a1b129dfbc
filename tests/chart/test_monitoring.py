"""Alerts and dashboard ask for metrics that the operator has, by labels that these have."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml
from prometheus_client.parser import text_string_to_metric_families

from graphcron.metrics import LABELS, OF_GRAPHCRONS, RESULTS, Metrics
from tests.chart.conftest import CHART
from tests.cluster import ROOT
from tests.docs.page import table


def _expressions() -> list[str]:
    alerts: Any = yaml.safe_load((CHART / "files/alerts.yaml").read_text(encoding="utf-8"))
    dashboard = json.loads((CHART / "files/dashboard.json").read_text(encoding="utf-8"))
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    return [*(alert["expr"] for alert in alerts), *asked]


def _samples() -> set[str]:
    """Return the names of all that one scrape of a working operator holds."""
    metrics = Metrics("1", queued=lambda: 0, graphcrons=list)
    metrics.count("GraphCron", RESULTS[0], 1)
    families = text_string_to_metric_families(metrics.text().decode())
    return {sample.name for family in families for sample in family.samples} | {name for name, *_ in OF_GRAPHCRONS}


def test_the_metrics_exist():
    asked = {name for each in _expressions() for name in re.findall(r"\bgraphcron_\w+", each)}
    assert asked
    assert asked <= _samples()


def test_what_an_alert_says_is_known():
    alerts: Any = yaml.safe_load((CHART / "files/alerts.yaml").read_text(encoding="utf-8"))
    said = {name for alert in alerts for name in re.findall(r"\$labels\.(\w+)", str(alert["annotations"]))}
    assert said == {*LABELS, "kind"}
    results = {name for each in _expressions() for name in re.findall(r'result="(\w+)"', each)}
    assert results <= set(RESULTS)


def test_each_alert_asks_for_its_own_release():
    alerts: Any = yaml.safe_load((CHART / "files/alerts.yaml").read_text(encoding="utf-8"))
    for alert in alerts:
        assert alert["expr"].count("graphcron_") == alert["expr"].count('{job="JOB"')


def test_the_page_tells_each_alert():
    alerts: Any = yaml.safe_load((CHART / "files/alerts.yaml").read_text(encoding="utf-8"))
    told = {row["Alert"] for row in table(ROOT / "docs/install.md", "Alert")}
    assert told == {alert["alert"] for alert in alerts}
