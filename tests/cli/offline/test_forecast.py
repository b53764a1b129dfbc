"""``forecast``, and its line in ``describe``: what they print, and what they ask the cluster."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.offline.program import manifest, run, text
from tests.cli.offline.test_manners import StandIn, ended, graphcron

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def kubectl(tmp_path: Path) -> StandIn:
    return StandIn(tmp_path)


def daily(name: str, namespace: str = "agents", *tokens: int, **spec: Any) -> dict[str, Any]:
    runs = [ended("2026-11-22T12:00:00Z", tokens=each, cost=f"{each / 1000:.3f}") for each in tokens]
    found = graphcron(name, namespace, recentRuns=runs)
    return {**found, "spec": {**found["spec"], "schedule": "0 9 * * *", **spec}}


def test_file_needs_no_cluster() -> None:
    stdin = text(manifest("a", schedule="H * * * *"), manifest("b", suspend=True))
    done = run("forecast", "-f", "-", "--days", "7", stdin=stdin)
    assert done.returncode == 0
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["NAME", "RUNS", "NOTE"],
        ["a", "168"],
        ["b", "0", "suspended"],
        ["total", "168"],
    ]
    assert done.stderr == "a file has no history, so tokens and cost are not known\n"
    asked = run("forecast", "-f", "-", "--days", "7", "-n", "agents", "-o", "json", stdin=stdin)
    assert json.loads(asked.stdout) == [
        {"namespace": "agents", "name": "a", "runs": 168, "note": ""},
        {"namespace": "agents", "name": "b", "runs": 0, "note": "suspended"},
    ]


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "said"),
    [
        (("hello", "-f", "-"), "", 2, "invalid value for --filename: takes no names and no labels beside it"),
        (("-l", "a=b", "-f", "-"), "", 2, "invalid value for --filename: takes no names and no labels beside it"),
        (("hello", "-A"), "", 2, "invalid value for NAME: names belong to one namespace"),
        (("--days", "0"), "", 2, "invalid value for '--days'"),
        (("-f", "-"), "a: 1", 1, "-: there is no GraphCron in it"),
        (("-f", "-"), text(manifest(timeZone="Mars")), 1, "-:9:13: spec.timeZone: there is no time zone"),
    ],
)
def test_errors_are_one_line(arguments: tuple[str, ...], stdin: str, code: int, said: str) -> None:
    done = run("forecast", *arguments, stdin=stdin)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(f"error: {said}")
    assert len(done.stderr.splitlines()) == 1


def test_table_has_a_total_and_names_what_has_no_history(kubectl: StandIn) -> None:
    invalid = daily("invalid", timeZone="Mars")
    kubectl.has(daily("few", "agents", 100), daily("new"), daily("many", "b", 100, 200, 900), invalid)
    rows = kubectl.run("forecast -A").stdout.splitlines()
    assert kubectl.calls == ["get graphcrons.graphcron.dev --output=json --all-namespaces"]
    assert [row.split() for row in rows[:4]] == [
        ["NAMESPACE", "NAME", "RUNS", "TOKENS", "P95", "COST", "P95", "NOTE"],
        ["b", "many", "30", "6,000", "27,000", "6.00", "27.00"],
        ["agents", "few", "30", "3,000", "3,000", "3.00", "3.00"],
        ["agents", "new", "30", "no", "history"],
    ]
    assert "spec.timeZone: there is no time zone" in rows[4]
    assert rows[5].split() == [
        *["total", "90", "9,000", "30,000", "9.00", "30.00", "1", "of", "them", "without", "history"]
    ]
    wide = kubectl.run("forecast -A -o wide").stdout.splitlines()
    assert wide[1].split()[7:] == ["3", "200", "900", "0.20", "0.90"]
    many, *_ = json.loads(kubectl.run("forecast -A -o json").stdout)
    assert (many["runs"], many["tokensP95"], many["cost"], many["measuredRuns"]) == (30, 27000, "6", 3)
    names = kubectl.run("forecast -o name").stdout.splitlines()
    assert names[0] == "graphcrons.graphcron.dev/many"


def test_names_and_labels_select(kubectl: StandIn) -> None:
    kubectl.has(daily("hello", "agents", 100))
    kubectl.run("forecast hello graphcron.graphcron.dev/other -n agents")
    assert [call.split()[2] for call in kubectl.calls] == ["hello", "other"]
    kubectl.run("forecast -l team=a")
    assert kubectl.calls == ["get graphcrons.graphcron.dev --output=json --selector=team=a"]


def test_servers_are_asked_for_only_if_their_budget_may_apply(kubectl: StandIn) -> None:
    shared = {"serverRef": {"name": "shared"}}
    kubectl.has(daily("hello", "agents", 100, **shared), daily("other", "agents", 100, **shared, budget={}))
    rows = kubectl.run("forecast").stdout.splitlines()
    assert [call.split()[1] for call in kubectl.calls] == ["graphcrons.graphcron.dev", "graphservers.graphcron.dev"]
    assert [row.partition("3.00   ")[2].partition("3.00")[2].strip() for row in rows[1:3]] == [
        "the budget of its GraphServer is not known",
        "",
    ]
    kubectl.has(daily("other", "agents", 100, **shared, budget={}))
    kubectl.run("forecast")
    assert len(kubectl.calls) == 1


def test_describe_has_a_line(kubectl: StandIn) -> None:
    kubectl.has(daily("hello", "agents", 100, 200, 900))
    lines = kubectl.run("describe hello").stdout.splitlines()
    assert "Forecast:   30 runs in 30 days, 6,000 tokens (p95 27,000), cost 6.00 (p95 27.00)" in lines
    kubectl.has(daily("hello", suspend=True))
    assert "Forecast:   0 runs in 30 days, suspended" in kubectl.run("describe hello").stdout.splitlines()
