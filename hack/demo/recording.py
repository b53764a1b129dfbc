"""Record the images of the README and of the docs: real sessions in a cluster as SVG, and the dashboard as PNG.

    python hack/demo/recording.py [PICTURE …]

Each command really runs, and the images show its output. GRAPHCRON_TEST_CLUSTER names the cluster, into which all
images must be loaded. `make recording` creates one.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import browsing
from demo import Stand, stand_on
from graphcron.api.calendar_for import calendar_for
from graphcron.api.v1alpha1 import GraphCron
from installing import (
    ROOT,
    InstallError,
    default_values,
    delete_namespaces,
    get,
    install_operator,
    install_server,
    kubectl,
    make_namespace,
    say,
)
from terminal import Step, picture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

IMAGES = ROOT / "docs/images"
NAMESPACE = "demo"
TEAM = ROOT / "hack/demo/team.yaml"

FIRST = "daily-report"
"""The GraphCron that the README shows."""

PRICES = {"*": {"input": "2.50", "output": "10"}}

RUN_SECONDS = 180
"""How long what is awaited may take: a pod has to start, and the graph to run."""

ENDED_IN = {"contact-sync": 2, "daily-report": 1, "invoice-check": 1, "lead-search": 2, "press-digest": 1}
"""How often each one of the team is run to its end."""

ACTIVE = "index-docs"
"""The GraphCron of the team whose run is active."""

RUNS = 10
"""Runs that a GraphCron remembers."""

DAYS = 6
"""Length of the history that is written into the status."""

PAST = {
    "contact-sync": ("Succeeded",),
    "daily-report": ("Succeeded", "Succeeded", "GraphError"),
    "index-docs": ("Succeeded",),
    "lead-search": ("Skipped", "Succeeded", "Succeeded"),
    "press-digest": ("Succeeded", "Timeout", "Succeeded"),
}
"""How the runs of the days before ended, the newest first."""

SHOWN = "press-digest"
"""The GraphCron whose details the page shows."""

VIEWPORT: Any = {"width": 1280, "height": 720}

Files = dict[str, bytes]
"""Pictures by the names of their files."""


@dataclass(frozen=True)
class Terminal:
    """A terminal session: a folder with the file to apply, and a cluster with a default namespace."""

    stand: Stand
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """Return a minimal environment that shows nothing of this machine."""
        own = {**self.stand.environment, "FORCE_COLOR": "1", "TERM": "xterm-256color", "TZ": "UTC", "LC_ALL": "C.UTF-8"}
        programs = [str(self.stand.tools), str(Path(sys.executable).parent), own["PATH"]]
        left_out = {"COLORTERM", "COLUMNS", "LINES", "NO_COLOR", "KUBECTL"}
        return {name: text for name, text in own.items() if name not in left_out} | {"PATH": os.pathsep.join(programs)}

    def type(self, command: str) -> Step:
        """Run a command as a user types it, and keep its output.

        Raises
        ------
        InstallError
            It failed.
        """
        say(f"$ {command}")
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise InstallError(f"{command}: {done.stdout.strip()}")
        return Step(command, done.stdout)


def main(words: list[str]) -> int:
    """Make the pictures; return the exit code."""
    parser = argparse.ArgumentParser(prog="python hack/demo/recording.py", description="Make the pictures of the docs.")
    parser.add_argument("pictures", nargs="*", metavar="PICTURE", help=f"of {', '.join(PICTURES)} (default: all)")
    wanted = parser.parse_args(words).pictures or list(PICTURES)
    try:
        record(os.environ["GRAPHCRON_TEST_CLUSTER"], wanted)
    except InstallError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def record(cluster: str, wanted: list[str]) -> None:
    """Install the operator and the server of the demo in a cluster, and record the images there."""
    found = stand_on(cluster)
    say("Installing a LangGraph server and the operator")
    install_server(found)
    install_operator(found, {**default_values(), "prices": PRICES})
    for name in wanted:
        with _seated(found) as terminal:
            files = PICTURES[name](terminal)
        IMAGES.mkdir(parents=True, exist_ok=True)
        for file, content in files.items():
            (IMAGES / file).write_bytes(content)
            say(f"Wrote docs/images/{file}")


@contextmanager
def _seated(found: Stand) -> Iterator[Terminal]:
    """Yield a terminal in a new namespace, and delete the namespace afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        # The kubeconfig is somebody else's: the namespace is set in a copy.
        stand = replace(found, kubeconfig=Path(shutil.copy(found.kubeconfig, Path(folder, "kubeconfig"))))
        kubectl(stand, "config", "set-context", "--current", f"--namespace={NAMESPACE}")
        delete_namespaces(stand, NAMESPACE)
        make_namespace(stand, NAMESPACE)
        Path(folder, f"{FIRST}.yaml").write_text(_yaml_of_the_readme(), encoding="utf-8")
        try:
            yield Terminal(stand, Path(folder))
        finally:
            delete_namespaces(stand, NAMESPACE)


def _yaml_of_the_readme() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8").partition("```yaml\n")[2].partition("```")[0]


# --- the sessions ---------------------------------------------------------------------------------------------------


def demo(terminal: Terminal) -> Files:
    """A GraphCron from its apply to its end."""
    steps = [terminal.type(f"kubectl apply -f {FIRST}.yaml")]
    _wait("The GraphCron is ready", _is_ready, terminal, FIRST)
    steps += [terminal.type("kubectl get gcron"), terminal.type(f"kubectl graphcron run {FIRST} --wait")]
    steps += [terminal.type("kubectl get gcron"), terminal.type(f"kubectl graphcron describe {FIRST}")]
    steps.append(terminal.type(f"kubectl delete gcron {FIRST}"))
    made = "cronjobs,jobs,pods"
    _wait("All that it made is gone", lambda: not get(terminal.stand, made)["items"])
    steps.append(terminal.type(f"kubectl get {made}"))
    description = (
        "A terminal. A GraphCron is applied, is ready, and is run once: the run succeeds. describe shows its schedule, "
        "its next times and that run. It is deleted, and no CronJob, no Job and no Pod is left."
    )
    return {"demo.svg": picture(steps, title="From apply to delete", description=description).encode()}


def cli(terminal: Terminal) -> Files:
    """GraphCrons of a team, seen with ``kubectl graphcron``."""
    _let_the_team_run(terminal)
    steps = [terminal.type(f"kubectl graphcron {words}") for words in ("list", "next press-digest")]
    steps += [terminal.type(f"kubectl graphcron {words}") for words in ("history lead-search", "top")]
    description = (
        "A terminal. list shows seven GraphCrons, some of which are suspended, paused after failures, active or over "
        "their budget; next the five times at which one is due; history the runs of one; top what all of them used."
    )
    return {"cli.svg": picture(steps, title="kubectl graphcron", description=description).encode()}


def _let_the_team_run(terminal: Terminal) -> None:
    """Apply the GraphCrons of the team, and run each as often as `ENDED_IN` specifies."""
    kubectl(terminal.stand, "apply", "-f", str(TEAM))
    for name in (*ENDED_IN, ACTIVE):
        _wait(f"{name} is ready", _is_ready, terminal, name)
    for already in range(max(ENDED_IN.values())):
        asked = [name for name, times in ENDED_IN.items() if times > already]
        for name in asked:
            terminal.type(f"kubectl graphcron run {name}")
        for name in asked:
            _wait(f"The run of {name} has ended", _has_run, terminal, name, already + 1)
    terminal.type(f"kubectl graphcron run {ACTIVE}")
    _wait(f"The run of {ACTIVE} goes on", lambda: bool(_status(terminal, ACTIVE).get("active")))


def dashboard(terminal: Terminal) -> Files:
    """The page of the same team, with the details of one GraphCron.

    A new cluster has no history, so the runs of the previous days are written into the status, at scheduled times.
    """
    _let_the_team_run(terminal)
    for name in PAST:
        _write_past(terminal, name)
    here = kubectl(terminal.stand, "config", "current-context").strip()
    kubectl(terminal.stand, "config", "rename-context", here, "production")
    return dict(_screenshots(terminal))


def _write_past(terminal: Terminal, name: str) -> None:
    """Append runs of the last days to the real runs."""
    found = get(terminal.stand, "graphcron", name, f"--namespace={NAMESPACE}")
    runs, now = found["status"].get("recentRuns", []), datetime.now(UTC)
    calendar = calendar_for(GraphCron.model_validate(found))
    times = calendar.due_between(now - timedelta(days=DAYS), now - timedelta(hours=1), 1000)[len(runs) - RUNS :]
    for at, (scheduled, outcome) in enumerate(zip(reversed(times), cycle(PAST[name]), strict=False)):
        run = {"scheduledTime": f"{scheduled:%Y-%m-%dT%H:%M:%SZ}", "outcome": outcome, "job": f"{name}-{at}"}
        started = {"startTime": run["scheduledTime"], "durationSeconds": 240 + 37 * at, "tokens": 610 + 73 * at}
        runs.append(run | ({"reason": "BudgetExceeded"} if outcome == "Skipped" else started))
    status = json.dumps({"status": {"recentRuns": runs}})
    words = ("patch", "graphcron", name, f"--namespace={NAMESPACE}", "--subresource=status", "--type=merge")
    kubectl(terminal.stand, *words, f"--patch={status}")


def _screenshots(terminal: Terminal) -> Iterator[tuple[str, bytes]]:
    with browsing.browser() as chromium, browsing.dashboard(terminal.environment) as running:
        for theme in ("light", "dark"):
            options: Any = {"color_scheme": theme, "device_scale_factor": 2, "timezone_id": "Europe/Berlin"}
            with chromium.new_context(viewport=VIEWPORT, **options) as context:
                page = context.new_page()
                page.goto(f"{running.url}#timeline/{NAMESPACE}/{SHOWN}")
                page.get_by_role("button", name="1w", exact=True).click()
                page.get_by_role("complementary").get_by_text("Succeeded").first.wait_for()
                page.locator("[aria-disabled=false]", has_text="Run now").wait_for()  # the rights are known
                yield f"dashboard-{theme}.png", page.screenshot()


PICTURES: dict[str, Callable[[Terminal], Files]] = {"demo": demo, "cli": cli, "dashboard": dashboard}


def _status(terminal: Terminal, name: str) -> dict[str, Any]:
    found: dict[str, Any] = get(terminal.stand, "graphcron", name, f"--namespace={NAMESPACE}").get("status", {})
    return {"recentRuns": [], "conditions": [], **found}


def _is_ready(terminal: Terminal, name: str) -> bool:
    return any((each["type"], each["status"]) == ("Ready", "True") for each in _status(terminal, name)["conditions"])


def _has_run(terminal: Terminal, name: str, times: int) -> bool:
    return len(_status(terminal, name)["recentRuns"]) >= times


def _wait(what: str, holds: Callable[..., bool], *of: Any) -> None:
    deadline = time.monotonic() + RUN_SECONDS
    while not holds(*of):
        if time.monotonic() > deadline:
            raise InstallError(f"after {RUN_SECONDS} s this does not hold: {what}")
        time.sleep(0.5)
    say(what)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
