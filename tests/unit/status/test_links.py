"""Links to runs in the status and in Events."""

from dataclasses import replace
from typing import Any

import pytest

from graphcron.api.v1alpha1 import GraphCronStatus, RecentRun
from graphcron.contract import Outcome, Report
from graphcron.errors import SpecError
from graphcron.settings import Settings
from graphcron.status.events import events_for
from graphcron.status.links import link_template
from graphcron.status.status import status_for
from tests.unit.status.test_status import inputs
from tests.unit.world import NOW, graphcron, job, pod

DEFAULT = Settings(server_url="http://langgraph:2024", ui_url="https://default.example.com/{runId}")
OWN = "https://ui.example.com/{namespace}/{name}/{threadId}"


@pytest.mark.parametrize(
    ("server", "template"),
    [
        (None, DEFAULT.ui_url),
        ({"maxConcurrentRuns": 1}, DEFAULT.ui_url),
        ({"uiUrl": OWN}, OWN),
        ({"url": "http://other:2024"}, ""),
        ({"url": "http://other:2024", "uiUrl": OWN}, OWN),
    ],
    ids=str,
)
def test_default_template_applies_to_the_default_server_only(server: dict[str, Any] | None, template: str) -> None:
    spec = graphcron(**({"server": server} if server else {})).spec
    assert link_template(spec, DEFAULT) == template


def listed(template: str, previous: list[RecentRun], **members: Any) -> list[str | None]:
    """Return the links of the recent runs."""
    found = inputs(previous=GraphCronStatus(recent_runs=previous), **members)
    return [run.url for run in status_for(replace(found, settings=Settings(ui_url=template))).recent_runs or ()]


def test_runs_have_links_and_skipped_occurrences_have_none() -> None:
    new, skipped = job("11:59", succeeded=True), job("11:58", succeeded=True)
    pods = [
        pod(new, Report(outcome=Outcome.SUCCEEDED, runId="r1", threadId="t1")),
        pod(skipped, Report(outcome=Outcome.SKIPPED)),
    ]
    known = RecentRun(scheduled_time=NOW.replace(hour=9), outcome="GraphError", job="a", run_id="r0", thread_id="t0")
    links = listed(OWN, [known], jobs=[new, skipped], pods=pods)
    assert links == ["https://ui.example.com/agents/hello/t1", None, "https://ui.example.com/agents/hello/t0"]
    assert listed("", [known], jobs=[new], pods=pods[:1]) == [None, None]


def test_links_follow_a_change_of_the_template() -> None:
    known = RecentRun(
        scheduled_time=NOW, outcome="Succeeded", run_id="r0", thread_id="t0", url="https://old.example.com/r0"
    )
    assert listed(OWN, [known]) == ["https://ui.example.com/agents/hello/t0"]
    assert listed("", [known]) == [None]


@pytest.mark.parametrize("spec", [None, {"schedule": "0 0 1 1 *", "serverRef": {"name": "shared"}}], ids=str)
def test_links_stay_while_the_server_is_unknown(spec: dict[str, Any] | None) -> None:
    problem = SpecError(field="spec.serverRef", problem="there is no valid GraphServer named shared", remedy="apply it")
    known = RecentRun(scheduled_time=NOW, outcome="Succeeded", run_id="r0", url="https://old.example.com/r0")
    assert listed("", [known], spec=spec, problem=problem, planned=False) == ["https://old.example.com/r0"]


def event_of(url: str | None, message: str = "the graph raised ValueError") -> tuple[str, str]:
    run = RecentRun(scheduled_time=NOW, outcome="GraphError", message=message, run_id="r1", url=url)
    (event,) = events_for(GraphCronStatus(), GraphCronStatus(recent_runs=[run]))
    return event.message, event.name_for("hello", "u")


def test_event_of_a_run_ends_with_its_link() -> None:
    message, name = event_of("https://ui.example.com/r1")
    assert message == "Run of 2026-11-22T12:00:30Z: the graph raised ValueError https://ui.example.com/r1"
    assert event_of(None) == (message.removesuffix(" https://ui.example.com/r1"), name)


def test_event_has_a_whole_link_or_none() -> None:
    link = "https://ui.example.com/" + "a" * 500
    message, _ = event_of(link, "x" * 5000)
    assert len(message) == 1024
    assert message.endswith(f"x {link}")
    assert "https" not in event_of("https://ui.example.com/" + "a" * 1000)[0]
