"""``lint``: what it prints, and its exit codes. What it finds: ``test_bad_specs``."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from graphcron.cli.files.manifests import of_text
from graphcron.cli.verbs.lint import Finding, Severity, as_github, as_text, findings
from tests.cli.offline.program import manifest, run, text
from tests.cluster import ROOT

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
WHY = "because kubectl reads this key as a boolean; write the key in quotes"
BAD = text(manifest(schedule="0 9 31 2 *"))
SENTENCE = 'spec.schedule: "0 9 31 2 *" never matches: there is no such day; choose a day that exists, for example "0 9 28 2 *"'


def found_in(*objects: dict[str, Any]) -> list[str]:
    return [as_text(each) for each in findings(list(of_text(text(*objects), "a.yaml")), now=NOW)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "good.yaml").write_text(text(manifest()))
    (tmp_path / "bad.yaml").write_text(BAD)
    (tmp_path / "none.yaml").write_text("apiVersion: v1\nkind: ConfigMap\n")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty/none.yaml").write_text("apiVersion: v1\nkind: ConfigMap\n")
    (tmp_path / "broken.yaml").write_text("# of GraphCron\na: [1\n")
    return tmp_path


@pytest.mark.parametrize(
    ("files", "code", "said"),
    [
        (["good.yaml"], 0, "no problems (1 checked)"),
        (["good.yaml", "bad.yaml"], 1, ""),
        (["none.yaml"], 1, "there is no GraphCron, GraphRun or GraphServer in these files"),
        (["none.yaml", "--allow-none"], 0, "there is no GraphCron, GraphRun or GraphServer in these files"),
        (["bad.yaml", "broken.yaml"], 2, ""),
        (["missing.yaml"], 2, ""),
        ([".", "--allow-none"], 2, ""),
        (["empty"], 1, "there is no GraphCron, GraphRun or GraphServer in these files"),
        (["empty", "--allow-none"], 0, "there is no GraphCron, GraphRun or GraphServer in these files"),
        (["empty", "good.yaml"], 0, "no problems (1 checked)"),
        ([], 2, "name a file, a folder, or - for standard input"),
    ],
)
def test_the_exit_code_tells_what_was_found(folder: Path, files: list[str], code: int, said: str) -> None:
    done = run("lint", *(each if each.startswith("--") else str(folder / each) for each in files))
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_is_wrong_with_the_examples() -> None:
    done = run("lint", str(ROOT / "examples"), "--max-runs-per-day", "1440")
    assert (done.returncode, done.stdout) == (0, "")
    assert "no problems" in done.stderr


def test_people_programs_and_github_are_told_the_same(folder: Path) -> None:
    file = str(folder / "bad.yaml")
    assert run("lint", file).stdout == f"{file}:8:13: {SENTENCE}\n"
    assert run("lint", file, "-o", "github").stdout == f"::error file={file},line=8,col=13::{SENTENCE}\n"
    [found] = json.loads(run("lint", file, "-o", "json").stdout)
    assert f"{found['field']}: {found['problem']}; {found['remedy']}" == SENTENCE
    assert (found["file"], found["line"], found["column"]) == (file, 8, 13)
    assert json.loads(run("lint", str(folder / "good.yaml"), "-o", "json").stdout) == []


def test_the_standard_input_is_a_file() -> None:
    done = run("lint", "-", stdin=BAD)
    assert (done.returncode, done.stdout) == (1, f"-:8:13: {SENTENCE}\n")


def test_what_github_would_read_otherwise_is_escaped() -> None:
    finding = Finding(file="a,b:c.yaml", line=1, column=2, field="spec", problem="is 5%\nor so", remedy="")
    assert as_github(finding) == "::error file=a%2Cb%3Ac.yaml,line=1,col=2::spec: is 5%25%0Aor so"


def test_a_field_that_is_there_twice_is_found() -> None:
    doubled = BAD.replace("0 9 31 2 *", "0 9 1 2 *") + "  assistant: other\n"
    [found] = findings(list(of_text(doubled, "a.yaml")), now=NOW)
    assert as_text(found) == "a.yaml:9:3: spec.assistant: is a duplicate of line 6; remove one of them"


@pytest.mark.parametrize(("kind", "near"), [("GraphCorn", "GraphCron"), ("GraphServers", "GraphServer")])
def test_a_kind_that_we_do_not_have_is_named(kind: str, near: str) -> None:
    [said] = found_in({**manifest(), "kind": kind})
    assert said == f"a.yaml:2:7: kind: graphcron.dev has no kind {kind}; did you mean {near}?"


def test_another_group_is_told_apart() -> None:
    [said] = found_in({**manifest(), "apiVersion": "graphcrons.dev/v1alpha1"})
    assert said.startswith("a.yaml:1:13: apiVersion: ")
    assert "graphcron.dev/v1alpha1" in said


def test_a_request_that_fits_into_no_pod_is_found() -> None:
    [said] = found_in(manifest(input="x" * 110_000))
    assert "spec.input: the request is 110," in said
    assert "spec.inputFrom" in said


def test_impossible_h_found_with_namespace() -> None:
    """The value of an H hangs on it: here a 28 February in one namespace, and a later day in another."""
    line = "0 9 H(28-31) 2 *"
    assert found_in(manifest(schedule=line), manifest(schedule=line, namespace="b")) == []
    [said] = found_in(manifest(schedule=line, namespace="agents"))
    assert "never matches with the value of H here" in said


def test_what_only_the_cluster_knows_is_no_problem() -> None:
    """The operator's server and prices, and GraphServers that are not in the files."""
    money = {"maxCostPerRun": "0.50"}
    assert found_in(manifest(budget=money), manifest("second", serverRef={"name": "shared"})) == []


def test_graphserver_linted_with_its_graphcrons() -> None:
    server = {
        "apiVersion": "graphcron.dev/v1alpha1",
        "kind": "GraphServer",
        "metadata": {"name": "shared"},
        "spec": {"url": "langgraph:8000"},
    }
    [said] = found_in(server, manifest(serverRef={"name": "shared"}))
    assert said.startswith("a.yaml:6:8: spec.url: is not an http or https URL")


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"schedule": "*/90 * * * *"}, 'spec.schedule: minute "*/90" matches only 0'),
        ({"schedules": ["0 9 * * *", "*/45 * * * *"]}, 'spec.schedules[1]: minute "*/45" matches 0, 45'),
        ({"schedule": "H/7 * * * *"}, 'spec.schedule: minute "*/7" matches 0, 7,'),
        ({"schedule": "0-30/90 * * * *"}, 'spec.schedule: minute "0-30/90" matches only 0'),
        ({"timeZone": "EST"}, "spec.timeZone: EST knows no summer time"),
        ({"timeZone": "Etc/GMT+5"}, "spec.timeZone: Etc/GMT+5 is 5 hours behind UTC"),
        ({"server": {"url": "http://localhost:2024"}}, "spec.server.url: names localhost"),
        ({"server": {"url": "http://127.0.0.1"}}, "spec.server.url: names 127.0.0.1"),
        ({"endTime": "2026-11-22T12:00:00Z"}, "spec.endTime: is in the past"),
        ({"schedule": "*/2 * * * *"}, "spec.schedule: is due 720 times a day"),
        ({"schedules": ["H/5 * * * *", "2-59/4 * * * *"]}, "spec.schedules: is due "),
        ({"input": {"a": 2**63}}, "spec.input.a: is stored as 9.223372036854776e+18"),
    ],
)
def test_what_hardly_anybody_means_is_a_warning(spec: dict[str, Any], said: str) -> None:
    [found] = findings(list(of_text(text(manifest(**spec)), "a.yaml")), now=NOW)
    assert found.severity is Severity.WARNING
    assert as_text(found).partition("warning: ")[2].startswith(said)
    assert as_github(found).startswith("::warning file=a.yaml,line=")


def test_limit_of_runs_a_day_can_be_set() -> None:
    stdin = text(manifest(schedule="*/2 * * * *"))
    assert run("lint", "-", "--max-runs-per-day", "720", stdin=stdin).stdout == ""
    done = run("lint", "-", "--max-runs-per-day", "719", stdin=stdin)
    assert done.returncode == 0
    assert done.stdout.endswith('for example "0 * * * *" (hourly), or raise --max-runs-per-day\n')
    usual = text(manifest(schedule="*/3 * * * *"), manifest("b", schedules=["*/5 * * * 1", "1-59/5 * * * 2"]))
    assert run("lint", "-", stdin=usual).stdout == ""


def test_keys_that_kubectl_reads_as_a_boolean_are_warnings() -> None:
    page = text(manifest()).replace("input:", "context: {x: 1, y: 2, list: [{n: 3}], 'on': 4, true: 5}\n  input:")
    found = findings(list(of_text(page, "a.yaml")), now=NOW)
    assert [(each.severity, as_text(each).partition("warning: ")[2]) for each in found] == [
        (Severity.WARNING, f'spec.context.{field}: is stored with the key "{key}", {WHY}')
        for field, key in (("y", "true"), ("list[0].n", "false"))
    ]


@pytest.mark.parametrize(
    "spec",
    [
        {"schedule": "*/15 8-17/3 * * 1-5/2"},
        {"schedule": "0 18-23/2 * * *"},
        {"schedule": "H/15 H/6 H/7 * *"},
        {"timeZone": "HST"},
        {"server": {"url": "http://langgraph.default.svc:2024"}},
        {"endTime": "2026-11-22T12:00:01Z"},
        {"input": {"a": 2**63 - 1, "b": 1e300, "c": -(2**63)}},
    ],
)
def test_nothing_is_said_of_what_may_be_meant(spec: dict[str, Any]) -> None:
    assert found_in(manifest(**spec)) == []


def test_a_graphserver_on_this_machine_is_a_warning() -> None:
    server = {
        "apiVersion": "graphcron.dev/v1alpha1",
        "kind": "GraphServer",
        "metadata": {"name": "shared"},
        "spec": {"url": "http://localhost:2024"},
    }
    [said] = found_in(server)
    assert "warning: spec.url: names localhost" in said


def test_warnings_alone_are_no_failure(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(text(manifest(schedule="*/90 * * * *")))
    done = run("lint", str(tmp_path / "a.yaml"), "-o", "json")
    assert done.returncode == 0
    assert [each["severity"] for each in json.loads(done.stdout)] == ["warning"]
    assert done.stderr == "no errors, warnings: 1 (1 checked)\n"


def test_two_objects_of_one_name_are_found_in_one_call(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(text(manifest("same", namespace="agents")))
    (tmp_path / "c.yaml").write_text(text(manifest("same", namespace="other"), manifest("another", namespace="agents")))
    for stage in ("dev", "prod"):  # which are of different namespaces
        (tmp_path / stage).mkdir()
        (tmp_path / stage / "a.yaml").write_text(text(manifest("same")))
    done = run("lint", str(tmp_path))
    assert done.returncode == 1
    [said] = done.stdout.splitlines()
    assert said.startswith(
        f"{tmp_path}/b.yaml:4:9: metadata.name: another GraphCron has the same name, in {tmp_path}/a.yaml:4"
    )


def test_an_unknown_placeholder_is_found_where_the_input_is_a_template() -> None:
    body = {"input": {"a": ["{{ scheduledTime }}", "{{ date }}"]}}
    assert found_in(manifest(**body)) == []
    [said] = found_in(manifest(**body, inputTemplate=True))
    assert "spec.input: has a name between {{ and }} that is not one of name, namespace" in said


def test_all_errors_are_found_at_once() -> None:
    said = found_in(
        manifest(
            "a" * 60,
            thread={"id": "4f6b3c1e-0d4a-4c55-9a53-6a1c2f0e7b11", "per": "day"},
            schedule="0 9 * * *",
            schedules=["0 9 * * *"],
            server={"url": "http://langgraph:2024"},
            serverRef={"name": "shared"},
            startTime="2027-12-01T00:00:00Z",
            endTime="2027-11-01T00:00:00Z",
            webhook=None,
            headers=[],
        )
    )
    fields = {each.split(": ")[1] for each in said}
    rest = {"spec.schedules", "spec.serverRef", "spec.endTime", "spec.webhook", "spec.headers"}
    assert fields == {"metadata.name", "spec.thread", *rest}
    assert any(each.endswith("spec.headers: is an unknown field; did you mean server.headers?") for each in said)


@pytest.mark.parametrize(
    ("spec", "warns"),
    [
        ({"input": None}, True),
        ({"input": None, "thread": {"per": "day"}}, True),
        ({"input": {}}, False),
        ({"input": None, "inputFrom": {"configMapKeyRef": {"name": "a", "key": "b"}}}, False),
        ({"input": None, "thread": {"id": "5a0f3a52-6f0e-4f0f-9a53-0d7f0a1f7c11"}}, False),
    ],
)
def test_missing_input_is_a_warning(spec: dict[str, Any], warns: bool) -> None:
    wrong = manifest(**spec)
    wrong["spec"] = {key: value for key, value in wrong["spec"].items() if value is not None}
    said = "spec.input: is missing, and without one every graph fails on a fresh thread with EmptyInputError"
    assert [said in each for each in found_in(wrong)] == [True] * warns
    assert {each.severity for each in findings(list(of_text(text(wrong), "a.yaml")), now=NOW)} <= {Severity.WARNING}


@pytest.mark.parametrize(
    ("spec", "warns"),
    [
        ({"concurrencyPolicy": "Queue"}, True),
        ({"concurrencyPolicy": "Queue", "startingDeadlineSeconds": 600}, False),
        ({"concurrencyPolicy": "Forbid"}, False),
    ],
)
def test_queue_without_starting_deadline_is_a_warning(spec: dict[str, Any], warns: bool) -> None:
    said = "spec.startingDeadlineSeconds: is missing, and by default a run waits in the queue for 2 minutes at most"
    assert [said in each for each in found_in(manifest(**spec))] == [True] * warns
