"""Write docs/metrics.md: the metrics as the code declares them, and the chart's alerts.

python hack/docs/metrics_page.py [--check]
"""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from graphcron.api.names import KIND, SERVER_KIND
from graphcron.api.v1alpha1 import RecentRun
from graphcron.cache.objects import cached_cronjob
from graphcron.cache.store import Key
from graphcron.contract import Outcome
from graphcron.kube.client import VERBS
from graphcron.metrics import RESULTS, Metrics
from graphcron.metrics.standing import Orphan
from reference.markdown import main

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import Metric

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/metrics.md"
ALERTS = ROOT / "charts/graphcron/files/alerts.yaml"

_TIME = "2026-11-22T08:00:00Z"
_FULL = {
    "nextScheduleTime": _TIME,
    "lastScheduleTime": _TIME,
    "lastSuccessfulTime": _TIME,
    "lastFailureTime": _TIME,
    "budget": {"windowEnd": "2999-01-01T00:00:00Z", "tokens": 1},
}
"""A status of which each gauge has something to tell."""

VALUES: Final = {
    "namespace": "of the GraphCron",
    "name": "of the GraphCron",
    "outcome": ", ".join(f"`{each.value}`" for each in Outcome),
    "kind": f"`{KIND}`, `{SERVER_KIND}`",
    "result": ", ".join(f"`{each}`" for each in RESULTS) + ": well, to be tried again, with a bug",
    "verb": ", ".join(f"`{each}`" for each in sorted(VERBS.values())),
    "code": "HTTP status of the answer, or `none`",
    "version": "of GraphCron",
}
"""What the labels can say."""

HEAD = """\
# Metrics and alerts

<!-- Made by hack/docs/metrics_page.py: change the metrics or the chart's alerts, then run `make generate`. -->

The operator tells Prometheus at `/metrics`, port 8080 of the Service `graphcron-metrics`, how its own work goes, how
each GraphCron stands, and how runs ended. [Install](install.md#monitoring) says how Prometheus and Grafana come to
know it.
"""

RULES = """
- Of several replicas one works; only that one tells of GraphCrons and of runs.
- A GraphCron has some fifty series while it is there, all from the operator; there are none for each run.
- A run is counted once, when its end is first written into the status. Neither a restart of the operator nor another
  replica that takes over counts it again. The counters themselves begin at zero with each process: ask for
  `increase()` or `rate()`.
"""


def specimen() -> Metrics:
    """Return metrics of which each has a sample."""
    metadata = {"namespace": "agents", "name": "report"}
    body = {"metadata": metadata, "spec": {"budget": {"maxTokens": 2}}, "status": _FULL}
    metrics = Metrics("1", queued=lambda: 0, graphcrons=lambda: [body], orphans=_orphans)
    metrics.count(KIND, RESULTS[0], 1)
    metrics.asked(VERBS["GET"], 200)
    now = datetime.now(UTC)
    metrics.ended(("agents", "report"), [], [RecentRun(scheduled_time=now, outcome=Outcome.SUCCEEDED.value)])
    return metrics


def _orphans() -> list[Orphan]:
    body = {"metadata": {"name": "report", "uid": "c"}}
    return [(Key("agents", "report"), cached_cronjob(body))]


def families() -> list[Metric]:
    """Return all families of metrics, as Prometheus is told them."""
    return sorted(specimen().families(), key=lambda family: family.name)


def page() -> str:
    """Return the text of the page."""
    return "\n".join([HEAD, "## Metrics", RULES, *_metrics(), "", "## Labels", "", *_labels(), "", *_alerts()]) + "\n"


def shown_name(family: Metric) -> str:
    """Return the name by which queries ask for a family; that of a histogram without its endings."""
    endings = {"counter": "_total", "info": "_info"}
    return family.name if family.name.endswith("_info") else family.name + endings.get(family.type, "")


def labels_of(family: Metric) -> list[str]:
    """Return the labels that tell a family's series apart."""
    return [label for label in family.samples[0].labels if label != "le"]


def _metrics() -> Iterator[str]:
    yield "| Metric | Kind | Labels | What it tells |"
    yield "|---|---|---|---|"
    for family in families():
        labels = ", ".join(f"`{label}`" for label in labels_of(family))
        yield f"| `{shown_name(family)}` | {family.type} | {labels} | {family.documentation} |"


def _labels() -> Iterator[str]:
    used = {label for family in families() for label in labels_of(family)}
    yield "| Label | What it says |"
    yield "|---|---|"
    yield from (f"| `{label}` | {text} |" for label, text in VALUES.items() if label in used)
    missing = used - VALUES.keys()
    if missing:
        raise SystemExit(f"hack/docs/metrics_page.py does not know what these labels say: {', '.join(sorted(missing))}")


def _alerts() -> Iterator[str]:
    rules: Any = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))
    yield "## Alerts"
    yield ""
    yield "The chart's PrometheusRule has them. Each tells a summary, a description and a remedy, as here."
    yield ""
    yield "`KubeJobFailed` of kube-prometheus also covers the Jobs of GraphCrons. It fires only for runs that failed,"
    yield "because a [Job fails](promises.md#told-apart) when, and only when, its run has failed."
    yield ""
    yield "| Alert | Severity | When | What to do |"
    yield "|---|---|---|---|"
    for rule in rules:
        said = rule["annotations"]
        waits = f" For {rule['for']}." if "for" in rule else ""
        asked = re.sub(r'\{job="JOB"\}|job="JOB",', "", rule["expr"])
        what = f"`{asked}`.{waits} {said['description']}"
        yield f"| `{rule['alert']}` | {rule['labels']['severity']} | {what} | {said['remedy']} |"


if __name__ == "__main__":
    raise SystemExit(main("metrics_page.py", "docs/metrics.md", page(), sys.argv[1:]))
