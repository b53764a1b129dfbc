"""The reference pages say all that the CRDs and the program do, and are made anew where they don't."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import yaml
from typer.testing import CliRunner

import graphcron.cli.verbs  # noqa: F401  (each adds itself)
from graphcron.api import names
from graphcron.cli.app import app
from tests.cluster import ROOT
from tests.docs.page import table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

API, CLI = ROOT / "docs/api.md", ROOT / "docs/cli-reference.md"
SCRIPTS = {"api_page.py": API, "cli_page.py": CLI}
ANCHOR = re.compile(r'<a id="([^"]+)"></a>')


class Field(NamedTuple):
    """A field of a CRD."""

    anchor: str
    schema: dict[str, Any]
    required: bool

    def __str__(self) -> str:
        return self.anchor


def _schema(plural: str) -> Any:
    crd = yaml.safe_load((ROOT / f"crds/{plural}.{names.GROUP}.yaml").read_text(encoding="utf-8"))
    return crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def _fields(schema: Any, above: str) -> Iterator[Field]:
    for name, each in schema.get("properties", {}).items():
        required = name in schema.get("required", ())
        yield Field(above + name, each, required)
        yield from _fields(each.get("items", each), f"{above}{name}.")


def _messages(schema: Any) -> Iterator[str]:
    """Yield the messages of all rules, wherever they stand in the schema."""
    if isinstance(schema, dict):
        yield from (rule["message"] for rule in schema.get("x-kubernetes-validations", ()))
    for each in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from _messages(each)


PREFIXES = {names.PLURAL: "", names.RUN_PLURAL: "graphrun.", names.SERVER_PLURAL: "graphserver."}
"""What the anchors of each kind begin with."""

FIELDS = [each for plural, prefix in PREFIXES.items() for each in _fields(_schema(plural), prefix)]
MESSAGES = sorted({message for plural in PREFIXES for message in _messages(_schema(plural))})


@cache
def _entries(page: Path) -> dict[str, str]:
    """Return what stands at each anchor: a row of a table, or all up to the next anchor; without escapes and lines."""
    parts = ANCHOR.split(page.read_text(encoding="utf-8"))
    texts = {
        name: text.split("\n", 1)[0] if text[0] != "\n" else text
        for name, text in zip(parts[1::2], parts[2::2], strict=True)
    }
    return {name: _shown(text) for name, text in texts.items()}


def _shown(text: str) -> str:
    """Return the text as it is read, on one line."""
    told = re.sub(r"\\([*_{}\[\]#`])", r"\1", text).replace("&lt;", "<").replace("&#124;", "|")
    return " ".join(told.split())


def _path(field: Field) -> str:
    """Return the path of a field within its kind."""
    return field.anchor.removeprefix("graphserver.").removeprefix("graphrun.")


@pytest.mark.parametrize("field", FIELDS, ids=str)
def test_the_field_is_told(field: Field) -> None:
    entry = _entries(API)[field.anchor]
    text, _, default = field.schema.get("description", "").partition("Default: ")
    assert _shown(text) in entry or _path(field) in {"apiVersion", "kind"}
    assert default.rstrip(".") in entry
    facts = entry.split(" | ")[1] if entry.startswith("[") else entry.partition(" *")[2].partition(".* ")[0]
    values = [field.schema, field.schema.get("items", {}), field.schema.get("additionalProperties", {})]
    for each in values:
        for limit in ("minimum", "maximum", "maxLength", "minItems", "maxItems", "maxProperties"):
            assert limit not in each or f"{each[limit]:,}" in facts, limit
        assert all(f"`{value}`" in facts for value in each.get("enum", ()))
    if _path(field).startswith("spec."):
        assert ("**required**" in facts or facts.startswith("Required.")) == field.required


def test_nothing_else_is_told() -> None:
    ours = {value for name, value in vars(names).items() if name.startswith(("ANNOTATION_", "LABEL_"))}
    found = ANCHOR.findall(API.read_text(encoding="utf-8"))
    assert sorted(set(found) - ours) == sorted(field.anchor for field in FIELDS)
    assert len(found) == len(set(found))


@pytest.mark.parametrize("message", MESSAGES)
def test_the_refusal_is_told(message: str) -> None:
    assert message in _shown(API.read_text(encoding="utf-8"))


def test_a_field_that_is_refused_like_another_leads_to_it() -> None:
    assert "`spec.schedules[]`: the same errors as for [`spec.schedule`](#spec.schedule)" in API.read_text(
        encoding="utf-8"
    )
    schema = _schema(names.PLURAL)["properties"]["spec"]["properties"]
    own = {rule["message"] for rule in schema["schedules"]["items"]["x-kubernetes-validations"]}
    assert own <= {rule["message"] for rule in schema["schedule"]["x-kubernetes-validations"]}


def test_what_only_the_operator_refuses_is_marked() -> None:
    marked = re.findall(r"^- (.*?) \(by the operator\)$", API.read_text(encoding="utf-8"), re.MULTILINE)
    assert "is set together with spec.input; omit one of them" in marked
    assert not {_shown(each).rpartition("`: ")[2] for each in marked} & set(MESSAGES)


def test_every_annotation_that_users_set_is_told() -> None:
    assert {row["Annotation"].rpartition(">")[2] for row in table(API, "Annotation")} == {
        names.ANNOTATION_RUN_REQUESTED,
        names.ANNOTATION_RESUME_REQUESTED,
        names.ANNOTATION_HEALTH_INCLUDES_RUNS,
    }


@pytest.mark.parametrize("plural", PREFIXES)
def test_every_column_is_told(plural: str) -> None:
    crd = yaml.safe_load((ROOT / f"crds/{plural}.{names.GROUP}.yaml").read_text(encoding="utf-8"))
    text = API.read_text(encoding="utf-8")
    for column in crd["spec"]["versions"][0]["additionalPrinterColumns"]:
        assert f"| {column['name']} | `{column['jsonPath']}` |" in text


def _help(*verb: str) -> str:
    done = CliRunner().invoke(app, [*verb, "--help"], env={"COLUMNS": "400", "TERMINAL_WIDTH": "400"})
    assert done.exit_code == 0, done.output
    return done.stdout


VERBS = re.findall(r"^  ([\w-]+) ", _help().partition("Commands:")[2], re.MULTILINE)


def test_every_verb_is_told() -> None:
    told = re.findall(r"^## graphcron ([\w-]+)$", CLI.read_text(encoding="utf-8"), re.MULTILINE)
    assert VERBS
    assert told == sorted(VERBS)
    assert [row["Verb"].partition("]")[0].strip("[") for row in table(CLI, "Verb")] == told


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_of_the_verb_is_told(verb: str) -> None:
    entries, text = _entries(CLI), _help(verb)
    lines = [line for line in text.partition("Options:")[2].splitlines() if "--help" not in line]
    found = [
        (re.findall(r"(?<![\w-])(-\w|--[\w-]+)(?=[ ,]|$)", line.split("   ")[0]), line)
        for line in lines
        if "--" in line
    ]
    for options, _ in found:
        long = next(option for option in options if option.startswith("--"))
        assert all(f"`{option}`" in entries[f"{verb}{long}"] for option in options)
    told = {name for name in entries if name.startswith(f"{verb}--")}
    assert len(told) == len(found)


def test_an_option_says_what_its_help_says() -> None:
    entries = _entries(CLI)
    assert "**required**" in entries["import--url"]
    assert "`table`, `wide`, `json`, `yaml` or `name`" in entries["list--output"]
    assert "`SPAN`" in entries["top--since"]
    assert "`24h`" in entries["top--since"]


def test_every_variable_of_the_environment_is_told() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "operator/graphcron/cli").rglob("*.py"))
    read = set(re.findall(r'environ(?:\.get\(|\[)"(\w+)"', code)) | set(re.findall(r'_ENV: Final = "(\w+)"', code))
    assert read
    assert read <= {name for row in table(CLI, "Variable") for name in row["Variable"].split(", ")}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what the scripts read and write."""
    for folder in ("hack", "docs", "operator"):
        shutil.copytree(
            ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", "cluster", "chart")
        )
    return tmp_path


def _run(checkout: Path, script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, f"hack/docs/{script}", *arguments],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(checkout / "operator"), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_page_is_fresh_whatever_the_terminal(checkout: Path, script: str) -> None:
    for columns in ("40", "300"):
        done = _run(checkout, script, "--check", COLUMNS=columns, TERMINAL_WIDTH=columns, FORCE_COLOR="1")
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("script", "source", "before", "after"),
    [
        ("api_page.py", "api/v1alpha1/status.py", "When the next run is due", "When the next one is due"),
        ("api_page.py", "api/v1alpha1/policy.py", "Field(ge=0, le=10)", "Field(ge=0, le=11)"),
        ("api_page.py", "api/v1alpha1/cross_field.py", "so nothing would run", "so that nothing would run"),
        ("cli_page.py", "cli/options.py", '"Context of the kubeconfig.', '"A context of the kubeconfig.'),
    ],
)
def test_a_stale_page_is_told(checkout: Path, script: str, source: str, before: str, after: str) -> None:
    file, page = checkout / "operator/graphcron" / source, checkout / SCRIPTS[script].relative_to(ROOT)
    text = file.read_text(encoding="utf-8")
    assert before in text
    file.write_text(text.replace(before, after), encoding="utf-8")
    stale = _run(checkout, script, "--check")
    assert (stale.returncode, stale.stderr) == (1, f"docs/{page.name} is stale: run `make generate`\n")
    assert page.read_text(encoding="utf-8") == SCRIPTS[script].read_text(encoding="utf-8")
    assert _run(checkout, script).returncode == 0
    assert page.read_text(encoding="utf-8") != SCRIPTS[script].read_text(encoding="utf-8")
    assert _run(checkout, script, "--check").returncode == 0


def test_a_default_that_its_text_does_not_tell_stops_the_page(checkout: Path) -> None:
    file = checkout / "operator/graphcron/api/v1alpha1/spec.py"
    text = file.read_text(encoding="utf-8")
    assert "le=604_800)] = 120" in text
    file.write_text(text.replace("le=604_800)] = 120", "le=604_800)] = 90"), encoding="utf-8")
    done = _run(checkout, "api_page.py", "--check")
    assert done.returncode == 1
    assert "the description of spec.startingDeadlineSeconds does not tell its default, 90" in done.stderr
