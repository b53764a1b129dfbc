"""Whatever a file holds, ``lint``, ``render``, ``next`` and ``diff`` end with findings or one error, never a traceback."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING, Any

import pytest
import typer
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from graphcron.cli import verbs
from graphcron.cli.app import app
from graphcron.cli.clients.kubectl import Kubectl
from graphcron.errors import GraphCronError
from tests.cli.offline.program import manifest
from tests.unit.hostile import JSON, PROFILE, TIMES, mapping
from tests.unit.test_hostile import GRAPHCRONS, SPEC

if TYPE_CHECKING:
    from pathlib import Path

FUZZ = settings(
    PROFILE,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)
VERBS = [["lint"], ["lint", "-o", "json"], ["render", "--server-url", "http://a"], ["next", "-f"], ["diff"]]
HEAD = "apiVersion: graphcron.dev/v1alpha1\nkind: GraphCron\nmetadata: {name: a}\nspec:\n  assistant: agent\n"

GOOD = yaml.safe_dump(manifest(input={"a": [1, "b"]}, timeZone="Europe/Berlin", schedules=["*/7 * * * *", "H H * * *"]))
"""What is changed a little at a time."""

VALUES = [
    '"\\ud83d"', '"\\ud83d\\ude80"', '"\\U00110000"', '"\\UFFFFFFFF"', ".nan", "-.INF", "1e400", "-9223372036854775809",
    "9" * 5000, "0x" + "f" * 5000, "0" * 400, "1_000", "0b", "0o9", "!!int x", "!!float x", "!!bool x", "!!null x",
    "!!timestamp x", "!!binary x", "!!set {a}", "!!omap [a: 1]", "!!map x", "!!seq x", "!!str {a: b}", "!!python/none a",
    "!x y", "<<", "{<<: a}", "{<<: [1]}", "&a [*a]", "&a {<<: *a}", "*a", "@daily", "`a", "%a", "a: b: c", "? [a]", "? {}",
    "{~: 1}", "{1: 2, 1.5: 3, true: 4, 1e400: 5, .nan: 6}", "|", ">-", "''", '"', "'", "[", "{", "- - -", "\t- a", "=",
    "2026-11-22", "9999-12-31", "0001-01-01T00:00:00+14:00", "\x7f", "\ufeff", "\u2028", "\x85", "{{ a }}", "\\", "a\r\nb",
]  # fmt: skip
"""What readers of YAML stumble over."""

FIELDS = ["schedule", "timeZone", "input", "endTime", "excludes", "server", "thread", "startingDeadlineSeconds", "x"]


def lines_of(field: str, value: str) -> str:
    return f"{HEAD}  {'schedule: 0 9 * * *' if field != 'schedule' else ''}\n  {field}: {value}\n"


METADATA = JSON | mapping(
    name=st.just("a") | JSON, generateName=st.just("a-") | JSON, namespace=st.just("agents") | JSON
)
GRAPHRUNS = st.builds(
    lambda spec, metadata: {
        "apiVersion": "graphcron.dev/v1alpha1",
        "kind": "GraphRun",
        "metadata": metadata,
        "spec": spec,
    },
    JSON | SPEC | mapping(graphCronRef=mapping(name=st.just("hello") | JSON), input=JSON, config=JSON, context=JSON,
                          metadata=JSON, inputFrom=JSON, scheduledTime=TIMES, concurrencyPolicy=JSON),
    METADATA,
)  # fmt: skip
"""GraphRuns, some of which refer to a GraphCron of :data:`GRAPHCRONS`."""

TEXTS = st.one_of(
    st.text(max_size=60),
    st.builds(lines_of, st.sampled_from(FIELDS), st.sampled_from(VALUES) | st.text(max_size=20)),
    st.builds(
        lambda at, length, by: GOOD[:at] + by + GOOD[at + length :],
        st.integers(0, len(GOOD)),
        st.integers(0, 12),
        st.sampled_from(VALUES) | st.text(max_size=6),
    ),
    st.builds(lambda body, cut: json.dumps(body)[: cut or None], GRAPHCRONS, st.sampled_from([0, 0, -1, -9])),
    st.builds(lambda body: json.dumps(body, ensure_ascii=False, indent="\t"), GRAPHCRONS),
    st.builds(
        json.dumps,
        mapping(
            apiVersion=st.just("graphcron.dev/v1alpha1"),
            kind=st.sampled_from(["GraphCron", "GraphRun", "GraphServer", "List", "GraphCronList"]),
            metadata=mapping(name=st.just("a"), namespace=st.just("b")),
            spec=mapping(**dict.fromkeys(FIELDS, JSON), assistant=st.just("a")),
            items=st.lists(GRAPHCRONS | JSON, max_size=2),
        ),
    ),
    st.builds(
        lambda objects: "---\n".join(json.dumps(each) + "\n" for each in objects),
        st.lists(GRAPHCRONS | GRAPHRUNS, min_size=1, max_size=3),
    ),
    st.builds("---\n".join, st.lists(st.just(GOOD) | st.just('{"kind": "GraphServer"}\n'), max_size=3)),
)


def applied(self: Kubectl, verb: str, *arguments: str, stdin: str = "", **_: Any) -> str:
    """Answer as kubectl does where nothing is there yet."""
    if verb != "apply":
        return json.dumps({"items": []}) if "--output=json" in arguments and "list" in arguments else ""
    body = json.loads(stdin)
    body["metadata"] = {"namespace": "default", **body["metadata"]}
    return json.dumps(body)


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    assert verbs  # each verb has added itself
    monkeypatch.setattr(Kubectl, "run", applied)
    monkeypatch.setattr(Kubectl, "find", lambda *_: None)


def end(arguments: list[str]) -> tuple[int, str]:
    """Run the program in this process; return how it ended, and what it printed."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="") for _ in range(2))
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code = app(arguments, standalone_mode=False) or 0
        except GraphCronError as error:
            typer.echo(str(error).encode("utf-8"))
            code = 1
        except typer.Exit as error:
            code = error.exit_code
    out.flush()
    return code, out.buffer.getvalue().decode()  # type: ignore[attr-defined]


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
@FUZZ
@given(TEXTS)
@example("\x00")
def test_no_file_ends_in_a_traceback(verb: list[str], tmp_path: Path, text: str):
    file = tmp_path / "a.yaml"
    file.write_text(text, encoding="utf-8", errors="surrogatepass")
    code, _ = end([*verb, str(file)])
    assert code in (0, 1, 2)


@pytest.mark.parametrize("value", VALUES, ids=ascii)
def test_no_value_ends_in_a_traceback(value: str, tmp_path: Path):
    file = tmp_path / "a.yaml"
    for field in ("schedule", "input", "timeZone"):
        file.write_text(lines_of(field, value), encoding="utf-8")
        for verb in VERBS:
            assert end([*verb, str(file)])[0] in (0, 1, 2)


@FUZZ
@given(st.binary(max_size=80))
def test_no_bytes_end_in_a_traceback(tmp_path: Path, raw: bytes):
    (tmp_path / "a.yaml").write_bytes(raw)
    for verb in VERBS:
        assert end([*verb, str(tmp_path / "a.yaml")])[0] in (0, 1, 2)


def test_folder_with_unreadable_files_checked_completely(tmp_path: Path):
    (tmp_path / "gone.yaml").symlink_to(tmp_path / "nowhere")
    (tmp_path / "half.yaml").write_text(lines_of("input", '"\\ud83d"'))
    (tmp_path / "pair.json").write_text(json.dumps(manifest("pair", schedule="0 9 31 2 *", input="\U0001f680")))
    code, said = end(["lint", str(tmp_path)])
    assert code == 2
    assert [line.partition(":")[0].rpartition("/")[2] for line in said.splitlines()] == [
        "gone.yaml",
        "half.yaml",
        "pair.json",
    ]
