"""How soon the dashboard shows many GraphCrons, whether it stalls, and how soon it shows the end of a run.

    python benchmarks/dashboard.py [GRAPHCRONS]

A real browser looks at the dashboard of a real cluster. The statuses with ten runs each are written by hand; no
operator runs.
"""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import NAMESPACE, ROOT, number
from bench.cluster import cluster
from bench.result import Figure

sys.path[:0] = [str(ROOT), str(ROOT / "hack/demo")]

from browsing import browser, dashboard  # noqa: E402
from tests.client import Api  # noqa: E402
from tests.dashboard import graphcrons  # noqa: E402

if TYPE_CHECKING:
    from bench.cluster import BenchCluster
    from playwright.sync_api import Browser, Page

    from browsing import Dashboard

GRAPHCRONS = 1000
FIRST_VIEW_SECONDS = 2
STALL_MS = 100
PROCESS_MIB = 150
LIVE_SECONDS = 2

PEER = "dashboard"

OBSERVE = """
window.stalls = [];
new PerformanceObserver((list) => window.stalls.push(...list.getEntries().map((each) => each.duration)))
  .observe({type: "longtask", buffered: true});
"""
"""Collects the tasks of the page's thread that take 50 ms or more; browsers report no shorter ones."""

DRAWN = "() => new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(performance.now()))))"
"""Returns the milliseconds from the page's request to the end of the frame that is drawn next."""

SCROLLS = 60
ZOOMS = ("-",) * 8 + ("+",) * 16 + ("-",) * 8


class Looked:
    """A page of the dashboard."""

    def __init__(self, page: Page, url: str) -> None:
        self._page = page
        page.add_init_script(OBSERVE)
        page.goto(url)
        page.get_by_text(graphcrons.name_of(0)).first.wait_for()
        self.first_view_seconds = page.evaluate(DRAWN) / 1000

    def longest_task_ms(self) -> float:
        """Scroll through all rows and zoom; return the longest task."""
        page = self._page
        page.evaluate(DRAWN)
        page.evaluate("window.stalls = []")
        page.mouse.move(700, 500)
        for step in range(SCROLLS):
            page.mouse.wheel(0, 1000 if step < SCROLLS / 2 else -1000)
            page.evaluate(DRAWN)
        page.get_by_text(graphcrons.name_of(0)).first.click()
        for key in ZOOMS:
            page.keyboard.press(key)
            page.evaluate(DRAWN)
        return max([0.0, *map(float, page.evaluate("window.stalls"))])


def measure(made: BenchCluster, figure: Figure, count: int, rounds: int) -> dict[str, list[float]]:
    """Create GraphCrons and look at them; return what the aims are about."""
    api, now = Api(made.kubeconfig), datetime.now(UTC)
    graphcrons.create(api, NAMESPACE, [graphcrons.graphcron(each, now=now) for each in range(count)])
    made.calm()
    found: dict[str, list[float]] = {"first": [], "stall": [], "live": []}
    with browser() as started, dashboard(made.environment, "--namespace", NAMESPACE) as running:
        for _ in range(rounds):
            _look(started, running, figure, found)
        found["live"] = [_live(started, running, api, figure, each) for each in range(rounds)]
        found["memory"] = [_status_mib(running.pid, "VmHWM")]
        figure.add("memory at its peak", "MiB", PEER, found["memory"][0])
    return found


def _look(started: Browser, running: Dashboard, figure: Figure, found: dict[str, list[float]]) -> None:
    with started.new_context(viewport={"width": 1440, "height": 900}) as context:
        looked = Looked(context.new_page(), running.url)
        found["first"].append(looked.first_view_seconds)
        figure.add("first view", "s", PEER, looked.first_view_seconds)
        found["stall"].append(looked.longest_task_ms())
        figure.add("longest task while scrolling and zooming", "ms", PEER, found["stall"][-1])


def _live(started: Browser, running: Dashboard, api: Api, figure: Figure, at: int) -> float:
    """Return the seconds from the end of a run until the table shows it."""
    path = f"/apis/graphcron.dev/v1alpha1/namespaces/{NAMESPACE}/graphcrons/{graphcrons.name_of(at)}"
    with started.new_context() as context:
        page = context.new_page()
        page.goto(f"{running.url}#table")
        page.get_by_role("searchbox").fill(graphcrons.name_of(at))
        page.get_by_role("row").filter(has_text=graphcrons.name_of(at)).wait_for()
        body: Any = api.get(path)
        ended = {"scheduledTime": _text(datetime.now(UTC)), "outcome": "Rejected", "job": "live"}
        body["status"]["recentRuns"].insert(0, {**ended, "startTime": ended["scheduledTime"], "durationSeconds": 1})
        began = time.perf_counter()
        api.send("PUT", f"{path}/status", body)
        page.get_by_role("row").filter(has_text=graphcrons.name_of(at)).filter(has_text="Rejected").wait_for()
        seconds = time.perf_counter() - began
    figure.add("end of a run until it is shown", "s", PEER, seconds)
    return seconds


def _text(moment: datetime) -> str:
    return (moment - timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _status_mib(pid: int, field: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{field}:"))


def main() -> None:
    """Measure and report."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else number("N", GRAPHCRONS)
    rounds = number("ROUNDS", 5)
    title = f"The dashboard with {count:,} GraphCrons and {count * graphcrons.RUNS:,} finished runs"
    figure = Figure("dashboard", title)
    with cluster("bench-dashboard") as made:
        found = measure(made, figure, count, rounds)
    figure.aim(f"first view: within {FIRST_VIEW_SECONDS} s", found["first"], at_most=FIRST_VIEW_SECONDS)
    figure.aim(f"longest task while scrolling and zooming: {STALL_MS} ms", found["stall"], at_most=STALL_MS)
    figure.aim(f"end of a run shown: within {LIVE_SECONDS} s", found["live"], at_most=LIVE_SECONDS)
    figure.aim(f"memory of the program: under {PROCESS_MIB} MiB", found["memory"], at_most=PROCESS_MIB)
    figure.report()


if __name__ == "__main__":
    main()
