"""What the pages say holds: links lead somewhere, YAML is accepted, tables agree with the code."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from graphcron import contract
from graphcron.api import names
from graphcron.api.reasons import ConditionType, Reason
from graphcron.api.v1alpha1 import (
    GraphCronSpec,
    GraphRunSpec,
    GraphServerSpec,
    RecentRun,
    problems,
    run_problems,
    server_problems,
)
from graphcron.contract import EXIT_CODES, FINAL_EXIT_CODES, Outcome
from graphcron.settings import PREFIX, from_environment
from graphcron.status.conditions import last_run
from tests.cluster import ROOT
from tests.docs.page import PAGES, Block, anchors, blocks, links, resource, table

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cluster import Cluster

DOCS = ROOT / "docs"
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
YAML = [block for page in PAGES for block in blocks(page) if block.language == "yaml"]
SHELL = [block for page in PAGES for block in blocks(page) if block.language == "bash"]
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
PROBLEMS = {names.KIND: problems, names.RUN_KIND: run_problems, names.SERVER_KIND: server_problems}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in links(page):
        path, _, anchor = target.partition("#")
        goal = (page.parent / path).resolve() if path else page
        assert goal.exists(), f"{page.name} links to {target}"
        assert not anchor or anchor in anchors(goal), f"{page.name} links to {target}: there is no such heading"


@pytest.mark.parametrize("block", YAML, ids=str)
def test_the_model_takes_the_yaml(block: Block) -> None:
    body = resource(block)
    if body is not None:
        assert PROBLEMS[body["kind"]](body) == []
        return
    shown = yaml.safe_load(block.text)
    assert shown.keys() <= _chart_values().keys()
    from_environment({f"{PREFIX}{name.upper()}": json.dumps(value) for name, value in shown.items()})


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_the_model_takes_the_example(example: Path) -> None:
    for body in yaml.safe_load_all(example.read_text(encoding="utf-8")):
        assert body["kind"] not in PROBLEMS or PROBLEMS[body["kind"]](body) == []


def test_the_api_server_takes_the_yaml(cluster: Cluster, namespace: str) -> None:
    for block in YAML:
        body = resource(block)
        if body is None:
            continue
        text = yaml.safe_dump(body)
        done = cluster.kubectl(
            "apply", "--namespace", namespace, "--dry-run=server", "--filename", "-", stdin=text, check=False
        )
        assert done.returncode == 0, f"{block}: {done.stderr}"


@pytest.mark.parametrize("block", SHELL, ids=str)
def test_the_shell_can_read_its_snippets(block: Block) -> None:
    done = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("right", "wrong"), [("schedule:", "schedual:"), ("27 15 * * *", "61 15 * * *")])
def test_a_slip_is_refused_as_the_page_says(cluster: Cluster, namespace: str, right: str, wrong: str) -> None:
    page = DOCS / "cron-jobs.md"
    assert f"`{wrong}`" in page.read_text(encoding="utf-8")
    block = next(block for block in YAML if block.page == page)
    text = block.text.replace(right, wrong)
    done = cluster.kubectl("apply", "--namespace", namespace, "--filename", "-", stdin=text, check=False)
    assert done.returncode != 0
    assert "sched" in done.stderr


def test_snippets_have_a_language() -> None:
    languages = {str(block): block.language for page in PAGES for block in blocks(page)}
    known = {"bash", "console", "javascript", "python", "text", "yaml"}
    assert {at: language for at, language in languages.items() if language not in known} == {}


def test_targets_of_make_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        said = [*re.findall(r"`make ([a-z -]+)`", text), *re.findall(r"^make ([a-z -]+)", text, re.MULTILINE)]
        for words in said:
            assert set(words.split()) <= targets, f"{page.name}: make {words}"


def test_outcomes_are_told_as_they_are() -> None:
    rows = table(DOCS / "promises.md", "Outcome")
    told = {row["Outcome"]: int(row["Exit code"]) for row in rows}
    assert told == {outcome.value: code for outcome, code in EXIT_CODES.items()}
    # A Job that succeeded needs no other pod; one that failed for good gets none.
    tried_again = {row["Outcome"] for row in rows if row["Another pod tries"] == "yes"}
    assert tried_again == {
        outcome.value for outcome, code in EXIT_CODES.items() if code and code not in FINAL_EXIT_CODES
    }


@pytest.mark.parametrize("row", table(DOCS / "promises.md", "Outcome"), ids=lambda row: row["Outcome"])
def test_the_last_run_is_judged_as_told(row: dict[str, str]) -> None:
    condition = _last_run(Outcome(row["Outcome"]))
    if row["LastRunSucceeded"] == "as before":
        assert condition.reason == Reason.NO_RUN_YET
    else:
        assert (condition.status, condition.reason) == (row["LastRunSucceeded"], row["Outcome"])


def test_every_reason_has_its_advice() -> None:
    ready = {row["Reason"] for row in table(DOCS / "troubleshooting.md", "Reason")}
    text = "".join((DOCS / page).read_text(encoding="utf-8") for page in ("troubleshooting.md", "servers.md"))
    assert all(f"`{outcome.value}`" in text for outcome in Outcome)
    assert all(f"`{reason.value}`" in text for reason in Reason)
    assert ready <= {reason.value for reason in Reason}


def test_reasons_of_the_runner_are_real() -> None:
    text = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
    said = {
        *re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE),
        *re.findall(r"^\| `Skipped`, `(\w+)`", text, re.MULTILINE),
        *(row["Reason"] for row in table(DOCS / "servers.md", "Reason")),
    }
    known = {outcome.value for outcome in Outcome} | {reason.value for reason in Reason}
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "operator/graphcron").rglob("*.py"))
    assert {word for word in said - known if f'"{word}"' not in code} == set()


_NEVER_THE_OUTCOME = {"ThreadMovedOn", "RecordNotFound"}
"""Reasons why a further run is not started, after which the outcome is the one before."""


def test_every_skip_is_told() -> None:
    runner = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "operator/graphcron/runner").rglob("*.py"))
    skips = set(re.findall(r'(?:_skipped\(|Outcome\.SKIPPED,)\s*"(\w+)"', runner)) - _NEVER_THE_OUTCOME
    text = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
    assert skips
    assert skips - set(re.findall(r"^\| `Skipped`, `(\w+)`", text, re.MULTILINE)) == set()


def test_defaults_are_told_as_they_are() -> None:
    promises = (DOCS / "promises.md").read_text(encoding="utf-8")
    default = contract.Request._field_defaults["startingDeadlineSeconds"]
    assert f"`startingDeadlineSeconds` ({default} by default)" in promises


def test_values_of_the_chart_exist() -> None:
    said = [name for row in table(DOCS / "install.md", "Value") for name in row["Value"].split(", ")]
    said += re.findall(r"--set ([\w.]+)=", (DOCS / "install.md").read_text(encoding="utf-8"))
    for name in said:
        place: Any = _chart_values()
        for part in name.split("."):
            assert part in place, f"the chart has no value {name}"
            place = place[part]


@pytest.mark.parametrize("part", [GraphCronSpec, GraphRunSpec, GraphServerSpec], ids=lambda part: part.__name__)
def test_every_field_is_told(part: Any) -> None:
    # The reference is made of the fields themselves, and tells of all: here it is about the others.
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES if page.name != "api.md")
    told = set(re.findall(r"`(?:spec\.)?(\w+)|^ *(\w+):", text, re.MULTILINE))
    fields = {field.alias for field in part.model_fields.values()}
    assert fields - {word for words in told for word in words} - _ONLY_EXPLAINED == set()


_ONLY_EXPLAINED = {"runner"}
"""Fields that no page speaks of: `kubectl explain` is enough."""


def test_every_condition_is_told() -> None:
    text = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
    told = {re.sub(r"[\[\]]|\(.*?\)", "", row["Condition"]) for row in table(DOCS / "troubleshooting.md", "Condition")}
    assert {word for words in told for word in words.split(", ")} == {each.value for each in ConditionType}
    assert all(f"`{each.value}`" in text for each in ConditionType)


def test_words_under_our_prefix_are_ours() -> None:
    known = {value for name, value in vars(names).items() if isinstance(value, str)}
    for page in PAGES:
        said = set(re.findall(rf"{re.escape(names.GROUP)}/[\w-]+", page.read_text(encoding="utf-8")))
        removed = {each.removesuffix("-") for each in said}  # "kubectl annotate … name-" takes an annotation away
        assert removed <= known, page.name


@pytest.mark.parametrize(
    ("title", "contract"), [("Package", "graphcron"), ("Package of the runner", "graphcron.runner")]
)
def test_floors_are_those_of_the_contracts(title: str, contract: str) -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    (layers,) = (each["layers"] for each in contracts if each.get("layers", [""])[0] == f"{contract}.main")
    rows = table(ROOT / "CONTRIBUTING.md", title)
    told = [[name.strip("`/") for name in row[title].split(", ")] for row in rows]
    wanted = [[part.strip().removeprefix(f"{contract}.") for part in layer.split("|")] for layer in layers]
    assert told == [each for each in wanted if "graphcron.contract" not in each]
    package = ROOT / "operator" / contract.replace(".", "/")
    rooms = {path.parent.name for path in package.glob("*/__init__.py")} - _BESIDE
    assert rooms <= {name for row in told for name in row}


_BESIDE = {"cli", "helmtest", "runner"}
"""Packages beside the floors: the programs that are not the operator."""


@pytest.mark.parametrize(
    ("plural", "page"),
    [
        (names.PLURAL, ROOT / "README.md"),
        (names.RUN_PLURAL, DOCS / "run-once.md"),
        (names.SERVER_PLURAL, DOCS / "servers.md"),
    ],
)
def test_columns_are_told_as_they_are(plural: str, page: Path) -> None:
    crd = yaml.safe_load((ROOT / f"crds/{plural}.{names.GROUP}.yaml").read_text(encoding="utf-8"))
    columns = crd["spec"]["versions"][0]["additionalPrinterColumns"]
    shown = [block.text.splitlines()[1] for block in blocks(page) if block.language == "console"]
    (titles,) = (line.split() for line in shown if line.startswith("NAME "))
    assert titles == ["NAME", *(each["name"].upper() for each in columns if not each.get("priority"))]


def _last_run(outcome: Outcome) -> Any:
    """Return what LastRunSucceeded says after a run that ended so."""
    return last_run([RecentRun(scheduled_time=NOW, outcome=outcome.value, job="job-1")])


def _chart_values() -> Any:
    return yaml.safe_load((ROOT / "charts/graphcron/values.yaml").read_text(encoding="utf-8"))
