"""Files are read as kubectl reads them, and each field is found in them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from graphcron.cli.app import CliError
from graphcron.cli.files.manifests import Manifest, Unreadable, of_text, paths, read, written

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cluster import Cluster

HEAD = "apiVersion: graphcron.dev/v1alpha1\nkind: GraphCron\n"

SCALARS = [
    "y",
    "n",
    "Y",
    "N",
    "yes",
    "No",
    "ON",
    "off",
    "true",
    "FALSE",
    "~",
    "null",
    "1",
    "010",
    "0o17",
    "0x1F",
    "0b11",
    "08",
    "-5",
    "+7",
    "1_000",
    "1e3",
    "1E-2",
    "1.5",
    ".5",
    "5.",
    "1.0",
    "12:30",
    "12:30:00",
    "190:20:30",
    "2026-11-22",
    "2026-11-22T10:00:00Z",
    "1.2.3",
    "1e",
    "e3",
    "0",
    "-0",
    "00",
    "0.1e1",
    "123456789012",
    "1__0",
    "0o8",
    "1e+3",
    "_1",
    "=",
]
"""What YAML readers do not agree on."""

PAGE = (
    HEAD
    + """\
metadata: {name: hello}
spec:
  assistant: agent
  schedules:
  - 0 9 * * *
  - 0 9 31 4 *
  server:
    headers: [{name: x-tenant, value: a}]
  runner:
    labels:
      example.com/team: a b
"""
)


def only(text: str) -> Manifest:
    [manifest] = of_text(text, "a.yaml")
    return manifest


@pytest.mark.parametrize(
    ("field", "place"),
    [
        ("spec.assistant", (5, 14)),
        ("spec.schedules", (6, 3)),
        ("spec.schedules[1]", (8, 5)),
        ("spec.server", (9, 3)),
        ("spec.server.headers[0].name", (10, 22)),
        ("spec.runner.labels[example.com/team]", (13, 25)),
        ("spec.timeZone", (4, 1)),
        ("metadata.name", (3, 18)),
        ("status.nothing", (1, 1)),
    ],
)
def test_a_field_is_found_in_its_file(field: str, place: tuple[int, int]) -> None:
    assert only(PAGE).place(field) == place


def test_duplicate_field_last_one_is_located() -> None:
    manifest = only(HEAD + "metadata: {name: a}\nspec:\n  assistant: a\n  assistant: b\n")
    assert manifest.body["spec"]["assistant"] == "b"
    assert manifest.place("spec.assistant") == (6, 14)
    assert manifest.repeated == (("spec.assistant", 6, 3, 5),)


def test_what_is_merged_in_is_there_once() -> None:
    manifest = only(HEAD + "metadata: &m {name: a}\nspec:\n  runner:\n    labels: {<<: *m, name: b}\n")
    assert manifest.body["spec"]["runner"]["labels"] == {"name": "b"}
    assert manifest.repeated == ()
    assert manifest.place("spec.runner.labels.name") == (6, 28)


def test_objects_come_from_documents_and_lists_and_others_are_passed_over() -> None:
    listed = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: graphcron.dev/v1alpha1, kind: GraphServer}\n"
    text = f"{PAGE}---\n# nothing\n---\n[1]\n---\nkind: ConfigMap\napiVersion: v1\n---\n{listed}"
    assert [each.kind for each in of_text(text, "a.yaml")] == ["GraphCron", "GraphServer"]
    assert [each.kind for each in of_text("kind: GraphCron\napiVersion: other.dev/v1\n", "a.yaml")] == ["GraphCron"]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (HEAD + "spec: [1\n", (4, 1)),
        (HEAD + "spec: {{ .Values.spec }}\n", (3, 8)),
        (HEAD + "spec: !unknown a\n", (3, 7)),
        (HEAD + "spec: {~: a}\n", (3, 8)),
        (HEAD + "spec: *nowhere\n", (3, 7)),
        (HEAD + "spec: \x00\n", (1, 1)),
        (HEAD + "spec: &a [*a]\n", (1, 1)),
    ],
)
def test_what_is_no_yaml_is_told_with_its_place(text: str, place: tuple[int, int]) -> None:
    with pytest.raises(Unreadable, match=r"is not (valid )?YAML") as caught:
        list(of_text(text, "a.yaml"))
    assert (caught.value.file, caught.value.line, caught.value.column) == ("a.yaml", *place)


def test_a_file_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"a: \xff")
    for file, words in ((str(tmp_path / "none.yaml"), "No such file"), (str(latin), "UTF-8")):
        with pytest.raises(CliError, match=words) as caught:
            list(read(file))
        assert str(caught.value).startswith(file)


def test_of_a_folder_those_files_are_read_that_speak_of_us(tmp_path: Path) -> None:
    files = {
        "a.yaml": PAGE,
        "deep/er/b.yml": PAGE,
        "c.txt": PAGE,
        ".hidden/d.yaml": PAGE,
        "other.yaml": "kind: ConfigMap",
        "chart/Chart.yaml": "name: mine",
        "chart/templates/e.yaml": PAGE,
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert list(paths(str(tmp_path))) == [str(tmp_path / "a.yaml"), str(tmp_path / "deep/er/b.yml")]
    assert list(paths("-", "none.yaml")) == ["-", "none.yaml"]


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("schedule: @daily", 'put it in quotes: schedule: "@daily"'),
        ("schedule: * * * * *", 'put it in quotes: schedule: "* * * * *"'),
        ("schedule: */5 * * * *  # often", 'put it in quotes: schedule: "*/5 * * * *"'),
        ("schedules: [0 9 * * *, */5 * * * *]", 'put it in quotes: "*/5 * * * *"'),
        ("thread: {per: @day}", 'put it in quotes: per: "@day"'),
        ("- */5 * * * *", 'put it in quotes: "*/5 * * * *"'),
        ("webhook: a: b", 'put it in quotes: webhook: "a: b"'),
        ("input: %a", 'put it in quotes: input: "%a"'),
    ],
)
def test_a_text_that_needs_quotes_is_told_with_them(line: str, hint: str) -> None:
    with pytest.raises(Unreadable) as caught:
        list(of_text(f"{HEAD}spec:\n  {line}\n  assistant: a\n", "a.yaml"))
    assert caught.value.remedy == hint
    assert caught.value.line == 4
    assert "is not valid YAML" in caught.value.problem


TEMPLATE = "a Helm template is not YAML; check the output of helm template instead"


@pytest.mark.parametrize(
    ("line", "problem", "hint"),
    [
        ('input: {text: "cut \\ud83d"}', "is half a character; write the character itself", ""),
        ('input: "cut \\ud83d"', "is half a character; write the character itself", ""),
        ('input: {text: "a \\q b"}', "found unknown escape character 'q'", ""),
        ('input: "a \\q"', "found unknown escape character 'q'", ""),
        ('input: "\\U00110000"', r"an escape beyond \U0010ffff is not a character", ""),
        ('schedule: "0 9 * * *" UTC', "expected <block end>", ""),
        ("input: {a: 'it's'}", "expected ',' or '}'", ""),
        ("input:\t{a: b}", "cannot start any token", "use spaces instead of tabs"),
        ("\tinput: {}", "cannot start any token", "use spaces instead of tabs"),
        ("schedule: {{ .Values.schedule | quote }}", "is not valid YAML", TEMPLATE),
        ("{{- if .Values.input }}", "is not valid YAML", TEMPLATE),
    ],
)
def test_an_error_that_quotes_do_not_mend_does_not_suggest_them(line: str, problem: str, hint: str) -> None:
    with pytest.raises(Unreadable) as caught:
        list(of_text(f"{HEAD}spec:\n  assistant: a\n  {line}\n", "a.yaml"))
    assert problem in caught.value.problem
    assert caught.value.remedy == hint


def test_json_is_read_as_json() -> None:
    body = {
        "apiVersion": "graphcron.dev/v1alpha1",
        "kind": "GraphCron",
        "spec": {"input": "\U0001f680 \x7f\u2028\ufeff"},
    }
    for text in (json.dumps(body), json.dumps(body, ensure_ascii=False), json.dumps(body, indent="\t")):
        assert only(text).body == body
    found = only(json.dumps(body, indent="\t"))
    assert found.place("spec.input") == (5, 12)
    assert [each.body for each in of_text(json.dumps(body) + "\n---\n" + json.dumps(body), "a.json")] == [body, body]


def test_json_has_what_go_reads_of_it() -> None:
    head = '{"kind": "GraphCron", "spec": '
    assert only(head + '"\\ud83d"}').body["spec"] == "\ufffd"
    assert only(head + "[18446744073709551615, 1.0, 1e3, -0]}").body["spec"] == [18446744073709551615.0, 1, 1000, 0]
    for wrong in ("NaN", "1e400", "[1,]", "'a'", '"a" "b"', "01"):
        with pytest.raises(Unreadable, match="is not valid JSON"):
            list(of_text(f"{head}{wrong}}}", "a.json"))
    assert only("{kind: GraphCron, spec: a}").body["spec"] == "a"


@pytest.mark.parametrize(
    "value", [".nan", "-.inf", '"\\ud83d"', '"\\ud83d\\ude80"', "!!binary aGk=", "!!timestamp 2026-11-22"]
)
def test_what_no_api_server_takes_is_refused(value: str) -> None:
    with pytest.raises(Unreadable) as caught:
        list(of_text(f"{HEAD}spec: {{input: {value}}}\n", "a.yaml"))
    assert (caught.value.line, caught.value.column) == (3, 15)


def test_numbers_are_those_that_the_api_server_stores() -> None:
    values = "[9007199254740993, 9223372036854775808, 1e400, 1.0, 1.5e300, 1.2345678901234567e18]"
    assert only(f"{HEAD}spec: {values}\n").body["spec"] == [
        9007199254740993,
        9223372036854775808.0,
        "1e400",
        1,
        1.5e300,
        1234567890123456800,
    ]


def test_anchors_that_multiply_without_end_are_refused() -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{at}: &a{at} [*a{at - 1}, *a{at - 1}]" for at in range(1, 60)]
    with pytest.raises(Unreadable, match="many times larger"):
        list(of_text(HEAD + "\n".join(lines), "a.yaml"))


def test_what_is_written_is_read_back() -> None:
    texts = {scalar: scalar for scalar in SCALARS}
    body = {"apiVersion": "graphcron.dev/v1alpha1", "kind": "GraphCron", "spec": {"input": texts}}
    assert only(written(body)).body == body


def test_kubectl_reads_the_same(cluster: Cluster, namespace: str) -> None:
    values = "".join(f"    key-{at}: {scalar}\n" for at, scalar in enumerate(SCALARS))
    keys = "".join(f"    {scalar}: a\n" for scalar in ("y", "OFF", "1", "0x1F", "1.5", "12:30", "2026-11-22", "1e3"))
    written_texts = written({"texts": {scalar: scalar for scalar in SCALARS}}).replace("\n", "\n    ")
    text = (
        HEAD
        + "metadata: {name: scalars}\nspec:\n  assistant: agent\n  schedule: '@daily'\n  input:\n"
        + f"{values}{keys}    {written_texts}"
    )
    command = ("create", "--dry-run=server", "--output=json", "--namespace", namespace, "--filename", "-")
    found = json.loads(cluster.kubectl(*command, stdin=text).stdout)
    ours = only(text).body
    assert json.dumps(found["spec"], sort_keys=True) == json.dumps(ours["spec"], sort_keys=True)
