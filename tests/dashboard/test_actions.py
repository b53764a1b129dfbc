"""The actions of the page, with an operator, a LangGraph server and real runs."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import yaml
from playwright.sync_api import expect

from tests.cluster import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Locator, Page

    from tests.dashboard.conftest import Place, Visit
    from tests.e2e.crons import Crons

pytestmark = pytest.mark.needs("browser")

RUN_SECONDS = 120
"""How long a run may take: a pod has to start."""

DONE = re.compile("This command was executed|The command continues")


class Details:
    """The details of a GraphCron in a page."""

    def __init__(self, page: Page, name: str) -> None:
        self._page = page
        page.get_by_role("row").get_by_text(name, exact=True).click()
        self.panel = page.get_by_role("complementary", name=f"Details of {name}")

    def button(self, name: str) -> Locator:
        return self.panel.get_by_role("group", name="Actions").get_by_role("button", name=name)

    def open(self, action: str, verb: str) -> Locator:
        """Choose an action; return its dialog, which shows the command."""
        self.button(action).click()
        dialog = self._page.get_by_role("dialog")
        expect(dialog.locator(".command")).to_contain_text(f"kubectl graphcron {verb} ")
        return dialog

    def do(self, dialog: Locator, button: str) -> None:
        """Run the command and close the dialog; a long-running command continues."""
        dialog.get_by_role("button", name=button, exact=True).click()
        expect(dialog).to_contain_text(DONE, timeout=RUN_SECONDS * 1000)
        dialog.get_by_role("button", name="Close", exact=True).last.click()
        expect(dialog).to_have_count(0)


def test_actions_are_done_as_shown_and_their_end_appears(crons: Crons, visit: Visit, place: Place) -> None:
    slow = crons.make("slow", assistant="steps", input={"steps": 600})
    hello = crons.make("hello", schedule="0 4 * * *", input={"messages": []}, onRunCompleted="keep")
    page = visit(place.start("--namespace", crons.namespace).url, timezone_id="UTC")

    details = Details(page, "slow")
    assert details.button("Cancel").get_attribute("aria-disabled") == "true"
    details.do(details.open("Run now", "run"), "Run now")
    expect(details.button("Cancel")).to_have_attribute("aria-disabled", "false", timeout=RUN_SECONDS * 1000)
    wait_for("run on the server", lambda: crons.server.live_runs_of(slow), seconds=RUN_SECONDS)
    details.do(details.open("Cancel", "cancel"), "Cancel the runs")
    expect(details.panel.get_by_text("Cancelled", exact=True).first).to_be_visible(timeout=RUN_SECONDS * 1000)
    assert not crons.server.live_runs_of(slow)

    details = Details(page, "hello")
    dialog = details.open("Run now", "run")
    question = {"messages": [{"role": "user", "content": "It's <b>"}]}
    dialog.get_by_role("textbox").fill(json.dumps(question))
    expect(dialog.locator(".command")).to_contain_text("--input=")
    details.do(dialog, "Run now")
    # The test does not use the page until it shows the end of the run.
    expect(details.panel.get_by_text("Succeeded", exact=True).first).to_be_visible(timeout=RUN_SECONDS * 1000)
    (run,) = crons.server.runs_of(hello)
    assert crons.server.values(run["thread_id"])["messages"][0]["content"] == "It's <b>"

    details.do(details.open("Suspend", "suspend"), "Suspend")
    expect(details.button("Resume")).to_be_visible()
    assert crons.get("graphcrons")["spec"]["suspend"] is True
    details.do(details.open("Resume", "resume"), "Resume")
    expect(details.button("Suspend")).to_be_visible()
    assert not crons.get("graphcrons")["spec"].get("suspend")

    details.button("Backfill").click()
    dialog = page.get_by_role("dialog")
    today = datetime.now(UTC).replace(hour=0, minute=0)
    dialog.get_by_label("From").fill(f"{today - timedelta(days=2):%Y-%m-%dT%H:%M}")
    dialog.get_by_label("To").fill(f"{today - timedelta(days=1):%Y-%m-%dT%H:%M}")
    dialog.get_by_role("button", name="Show what would run").click()
    expect(dialog.get_by_role("button", name="Start these runs")).to_be_visible()
    assert len(crons.items("graphruns")) == 1  # the run with an input
    details.do(dialog, "Start these runs")
    wait_for("GraphRun of the backfill", lambda: len(crons.items("graphruns")) == 2)


def test_actions_that_the_user_has_no_right_to_are_greyed_out(
    crons: Crons, visit: Visit, place: Place, tmp_path: Path
) -> None:
    crons.apply("hello")
    viewer = f"{crons.namespace}:viewer"
    crons.kubectl("create", "serviceaccount", "viewer")
    crons.kubectl("create", "rolebinding", "viewer", "--clusterrole=view", f"--serviceaccount={viewer}")
    given = yaml.safe_load(crons.cluster.kubeconfig.read_text())
    given["users"][0]["user"] = {"token": crons.kubectl("create", "token", "viewer").strip()}
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(given))
    page = visit(place.start("--namespace", crons.namespace, kubeconfig=str(kubeconfig)).url)
    details = Details(page, "hello")
    for action in ("Run now", "Suspend", "Backfill"):
        expect(details.button(action)).to_have_attribute("aria-disabled", "true")
        expect(details.button(action)).to_have_attribute("title", re.compile("^you may not "))
        details.button(action).click(force=True)
        expect(page.get_by_role("dialog")).to_have_count(0)
