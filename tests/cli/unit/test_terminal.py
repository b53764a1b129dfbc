"""Whatever a text holds that somebody else has written, it does not control the terminal of the one who reads it."""

from __future__ import annotations

import ast
import json
import os
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
import typer.main
import yaml

from graphcron.api import names
from graphcron.cli import completion, options, terminal
from graphcron.cli.app import app, main
from graphcron.cli.clients.kubectl import Kubectl
from graphcron.cli.files.manifests import written
from graphcron.cli.printing import output
from graphcron.cli.runs import following
from tests.cli.imports.crons import stored
from tests.cluster import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCES = sorted((ROOT / "operator/graphcron/cli").rglob("*.py"))

CONTROLS = {
    *(chr(each) for each in range(0x20) if chr(each) not in "\t\n"),
    *map(chr, range(0x7F, 0xA0)),
    *"\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ud800",
}
EVIL = "\x1b[2J\x1b]52;c;eA==\x07[/red][link=http://x]:warning:" + "".join(sorted(CONTROLS)) + "\nforged\tline"
HELD = re.sub("[\\0\ud800]", "", EVIL)
"""What of it a valid object, an argument and a file can hold."""

ID = "1f0c8bd2-7a44-4d9b-9c3e-0d7c2ab6e511"
SINCE = "2026-11-22T11:00:00Z"
CONDITION = {"status": f"False{EVIL}", "reason": EVIL, "message": EVIL, "lastTransitionTime": EVIL}
RUN = {
    "scheduledTime": EVIL,
    "outcome": EVIL,
    "reason": EVIL,
    "message": EVIL,
    "job": EVIL,
    "trigger": EVIL,
    "runId": ID,
    "threadId": ID,
    "durationSeconds": 1,
    "tokens": 5,
    "cost": EVIL,
    "attempts": EVIL,
}
STATUS = {
    "timeZone": EVIL,
    "schedules": [EVIL],
    "missedRuns": EVIL,
    "consecutiveFailures": EVIL,
    "nextScheduleTime": EVIL,
    "nextScheduleTimes": [EVIL],
    "installation": EVIL,
    "conditions": [{**CONDITION, "type": each} for each in ("Ready", "TargetResolved", "Paused", EVIL)],
    "active": [{"job": EVIL, "scheduledTime": EVIL}],
    "recentRuns": [RUN, {**RUN, "scheduledTime": SINCE}],
    "budget": {"tokens": EVIL, "cost": EVIL, "windowEnd": EVIL},
    "contender": {"installation": EVIL, "time": EVIL},
}
METADATA = {
    "name": f"hello{HELD}",
    "namespace": f"agents{HELD}",
    "uid": ID,
    "resourceVersion": "1",
    "creationTimestamp": EVIL,
    "annotations": {"a": EVIL},
    "labels": {names.LABEL_UID: EVIL, names.LABEL_NAME: EVIL, names.LABEL_JOB_NAME: EVIL},
}
SERVER = {"url": f"http://{EVIL}"}
SPEC = {
    "assistant": EVIL,
    "schedule": EVIL,
    "timeZone": EVIL,
    "suspend": True,
    "input": {EVIL: [EVIL]},
    "thread": {"id": EVIL},
    "server": SERVER,
    "budget": {"maxTokens": EVIL, "maxCost": EVIL},
}
GRAPHCRON = {
    "apiVersion": names.API_VERSION,
    "kind": names.KIND,
    "metadata": METADATA,
    "spec": SPEC,
    "status": STATUS,
}
NAMED = {
    **METADATA,
    "name": "hello",
    "namespace": "agents",
    "creationTimestamp": SINCE,
    "labels": {**METADATA["labels"], names.LABEL_JOB_NAME: "job"},
}
VALID = {
    **GRAPHCRON,
    "metadata": NAMED,
    "spec": {
        "assistant": "agent",
        "schedule": "@daily",
        "suspend": True,
        "input": {HELD: HELD, "text": "two\nlines"},
        "metadata": {"a": HELD},
        "server": {"url": "http://langgraph.invalid"},
        "budget": {"maxTokens": 5, "window": "day"},
    },
}
ENDED = {**CONDITION, "type": "Complete", "status": "True"}
GRAPHRUN = {
    "apiVersion": names.API_VERSION,
    "kind": names.RUN_KIND,
    "metadata": METADATA,
    "spec": {"graphCronRef": {"name": HELD}, "scheduledTime": EVIL, "assistant": EVIL, "server": SERVER},
    "status": {**RUN, "startTime": EVIL, "completionTime": EVIL, "conditions": [ENDED, CONDITION]},
}
WAITING = {
    **GRAPHRUN,
    "metadata": {**NAMED, "name": HELD},
    "spec": {"graphCronRef": {"name": "hello"}},
    "status": {"conditions": [{**CONDITION, "type": "Reconciling", "status": "True"}]},
}
APPLIED = {
    "apiVersion": names.API_VERSION,
    "kind": names.KIND,
    "metadata": {"name": "hello", "annotations": {"a": HELD}},
    "spec": {**VALID["spec"], "input": {"other": HELD}},
}
OBJECT = {
    "apiVersion": "g/v1",
    "kind": EVIL,
    "metadata": NAMED,
    "spec": {
        "template": {"spec": {"containers": [{"name": "operator", "env": [{"name": EVIL, "value": EVIL}]}]}},
        "holderIdentity": EVIL,
        "versions": [{"name": EVIL}],
    },
    "status": {
        "conditions": [{**CONDITION, "type": "Available"}],
        "availableReplicas": 1,
        "containerStatuses": [{"name": names.CONTAINER, "state": {"running": {}}}],
    },
}

KUBECTL = """#!/bin/sh
cd {folder}
case "$*" in
  *--watch*) [ -e watched ] && {{ cat stderr >&2; exit 1; }}; touch watched; cat events;;
  logs*) cat log;;
  version*) cat version;;
  auth*) ;;
  "create "*) cat stderr >&2; exit 1;;
  *--output=name*) cat names;;
  "get {runs}."*" --output=json"*) case "$3" in --*) cat graphruns;; *) cat graphrun;; esac;;
  "get {plural}."*" --output=json"*) case "$3" in --*) cat graphcrons;; *) cat graphcron;; esac;;
  "patch "*) cat graphcron;;
  "apply "*) cat applied;;
  "get "*) case "$3" in --*) cat objects;; *) cat object;; esac;;
esac
"""


class Server(BaseHTTPRequestHandler):
    """A LangGraph server that tells nothing good."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        state = {"values": {"messages": [{"content": EVIL}]}} if "messages" in self.path else {"values": {EVIL: EVIL}}
        cron = {**stored(), "metadata": {EVIL: EVIL}, "schedule": EVIL, EVIL: EVIL, "payload": {"input": EVIL}}
        self._answer([state] if self.path.endswith("/history") else [cron, {**stored(), "user_id": EVIL}])

    def do_GET(self) -> None:
        self._answer({"name": EVIL, "graph_id": EVIL, "metadata": {}})

    def do_PATCH(self) -> None:
        self._answer({"enabled": False})

    def _answer(self, value: Any) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        """Be quiet."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Serve it; return its URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{serving.server_address[1]}"
        serving.shutdown()
        thread.join()


def kubectl_of(folder: Path, graphcron: dict[str, Any]) -> str:
    """Make a kubectl that prints such a GraphCron, and an evil object where something else is asked for."""
    texts = {
        "graphcron": graphcron,
        "applied": {**APPLIED, "metadata": {**APPLIED["metadata"], "namespace": "agents"}},
        "graphcrons": {"items": [graphcron]},
        "graphrun": GRAPHRUN,
        "graphruns": {"items": [GRAPHRUN, WAITING]},
        "object": OBJECT,
        "objects": {"items": [OBJECT]},
        "version": {"serverVersion": {"major": "1", "minor": "36", "gitVersion": EVIL}},
        "events": {"type": EVIL, "object": {**graphcron, "metadata": {**graphcron["metadata"], "uid": "other"}}},
    }
    for name, value in texts.items():
        (folder / name).write_text(f"{json.dumps(value)}\n")
    for name in ("log", "stderr", "names"):
        (folder / name).write_bytes(EVIL.encode(errors="surrogatepass") + b"\x9b2J\xff\n")
    kubectl = folder / "kubectl"
    kubectl.write_text(KUBECTL.format(folder=folder, plural=names.PLURAL, runs=names.RUN_PLURAL))
    kubectl.chmod(0o755)
    return str(kubectl)


@pytest.fixture(autouse=True)
def own_environment() -> Iterator[None]:
    """Take back what the program changes in the environment: completion tells typer of its words there."""
    with patch.dict(os.environ):
        yield


def typed(words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], **environ: str) -> str:
    """Run the program; return all that it has printed."""
    for name, value in {"COLUMNS": "1000", "LANGGRAPH_API_KEY": "key", **environ}.items():
        monkeypatch.setenv(name, value)
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(sys, "argv", ["graphcron", *words])
    with pytest.raises(SystemExit):
        main()
    return "".join(capsys.readouterr())


FORMATS = ("", "-o wide", "-o json", "-o yaml", "-o name")
CASES = [
    *(f"{verb} {form}" for verb in ("list", "list -A", "describe hello", "history hello", "top") for form in FORMATS),
    *(f"forecast {what} {form}" for what in ("", "hello", "-f {file}", "-f {valid}") for form in FORMATS),
    *(f"list --watch {form}" for form in FORMATS),
    *("logs hello", "logs hello --follow", "logs hello --run other", "logs hello --answer"),
    *("logs hello --answer --url {url}", "logs hello --answer --url {url}/messages"),
    *(
        "run hello",
        "run hello --wait",
        "run hello --logs",
        "run hello -o json",
        "run hello -o yaml",
        "run hello -o name",
    ),
    *(f"{verb} graphrun/a {form}" for verb in ("describe", "history") for form in FORMATS),
    *(
        "cancel graphrun/a",
        "cancel graphrun/a -o json",
        "logs graphrun/a",
        "logs graphrun/a --answer",
        "describe grun/{evil}",
    ),
    *("run hello --input {json} --wait", "run hello --input @{file}", "run hello --input @{evil}", "run grun/{evil}"),
    *(f"run hello --config {{evil}} --metadata {{json}} --dry-run {form}" for form in ("", "-o json", "-o name")),
    *(f"run hello --input {{json}} --dry-run {form}" for form in ("", "-o json", "-o name")),
    *(
        f"backfill hello --from 2025-11-01 --to 2025-11-02 {more}"
        for more in ("", "--dry-run", "--dry-run -o json", "--dry-run -o name", "--missing --url {url}", "--missing")
    ),
    *("backfill hello --from {evil} --to {evil}",),
    *(f"{verb} hello {form}" for verb in ("cancel", "suspend", "resume") for form in ("", "-o json", "-o name")),
    *("cancel hello --run {evil}", "describe {evil}", "{evil}", "list --sort {evil}", "run hello --timeout {evil}"),
    *(f"create {{evil}} -a agent -s @daily {form}" for form in ("", "-o json")),
    *(f"create hello -a agent -s @daily --input {{json}} {form}" for form in ("", "-o json", "-o name")),
    *(f"lint {{file}} -o {form}" for form in ("text", "github", "json")),
    *("lint {evil}", "lint {broken}", "diff {file}", "diff {valid}", "diff {broken}"),
    *(f"{verb} {form}" for verb in ("render {file}", "render {valid}") for form in FORMATS),
    *(f"next {what} {form}" for what in ("hello", "-f {file}", "-f {valid}") for form in FORMATS),
    *("import --url {url}", "import --url {url} --output-dir {folder}", "import --url {url} --disable-originals --yes"),
    *("import --url {evil}", "import --url {url} --api-key-env {evil}", "import --url {url} --header {evil}"),
    *(f"export {form}" for form in ("", "-o json", "-o name", "hello", "-A")),
    *(f"doctor {form}" for form in ("", "-o json", "-o yaml")),
    *("list hello", "history -A", "history -l a=b -o wide", "suspend --all", "resume -l a=b", "top -l a=b"),
    *(f"logs hello -o {form}" for form in ("text", "json")),
    *(f"next {what} --count 2" for what in ("{file}", "{valid}", "@daily", "{evil}")),
    *(f"version {form}" for form in ("", "-o json", "--client")),
    *("help", "help list", "help {evil}"),
    *("dashboard --export {evil}/{evil}", "dashboard --export {folder}", "dashboard -A --export {folder}"),
]

SUCCEEDS = re.compile(
    r"(?!.*--run)(describe|history|next|forecast|top|cancel|suspend|resume|export|doctor) hello|.*\{valid\}"
)
"""What prints more than an error of a GraphCron that is valid."""


def test_each_verb_is_tried():
    assert {each.split()[0] for each in CASES} - {"{evil}"} == {*typer.main.get_command(app).commands}


@pytest.mark.parametrize("words", CASES)
@pytest.mark.parametrize("graphcron", [GRAPHCRON, VALID], ids=["evil", "valid"])
def test_nothing_controls_the_terminal(  # noqa: PLR0917
    words: str,
    graphcron: dict[str, Any],
    server: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    kubectl = kubectl_of(tmp_path, graphcron)
    files = {"file": json.dumps(GRAPHCRON), "valid": written(APPLIED), "broken": f"a: [{HELD}"}
    for name, text in files.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    monkeypatch.setattr(following, "told", lambda *_: RUN)
    monkeypatch.setattr(following, "job_of", lambda *_: "job")
    given = {**{name: str(tmp_path / f"{name}.yaml") for name in files}, "folder": str(tmp_path / "made")}
    given |= {"url": server, "json": json.dumps(EVIL), "evil": HELD}
    said = typed([each.format(**given) for each in words.split()], monkeypatch, capsys, KUBECTL=kubectl)
    said += "".join(each.read_text() for each in tmp_path.glob("made/*"))
    assert said
    assert "Traceback" not in said
    assert graphcron is GRAPHCRON or not SUCCEEDS.match(words) or "error: " not in said
    assert CONTROLS.isdisjoint(said)
    several_lines = ("logs", "run hello --logs", "diff", "render", "import")
    assert words.startswith(several_lines) or not any(line.startswith("forged") for line in said.splitlines())


@pytest.mark.parametrize("verb", sorted(typer.main.get_command(app).commands))
def test_neither_does_an_error_of_kubectl_or_a_bug(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def fail(*_: Any, **__: Any) -> None:
        raise ValueError(EVIL)

    words = next(each for each in CASES if each.split()[0] == verb).format(file="f", url="http://127.0.0.1:1", evil="x")
    kubectl_of(tmp_path, VALID)
    (tmp_path / "kubectl").write_text(f"#!/bin/sh\ncat {tmp_path}/stderr >&2\nexit 1\n")
    failed = typed(words.split(), monkeypatch, capsys, KUBECTL=str(tmp_path / "kubectl"))
    monkeypatch.setattr(typer.main.get_command(app).commands[verb], "callback", fail)
    monkeypatch.setattr("graphcron.cli.app.app", fail)
    bug = typed(words.split(), monkeypatch, capsys)
    assert CONTROLS.isdisjoint(failed + bug)
    assert "ValueError: \\x1b[2J" in bug


def test_names_that_control_the_terminal_are_not_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    kubectl = tmp_path / "kubectl"
    kubectl.write_text("#!/bin/sh\nprintf 'graphcron.graphcron.dev/hello\\ngraphcron.graphcron.dev/hell\\033[2J\\n'\n")
    kubectl.chmod(0o755)
    monkeypatch.setenv("KUBECTL", str(kubectl))
    monkeypatch.setattr(sys, "argv", ["kubectl_complete-graphcron", "describe", "hel"])
    assert Kubectl().names("graphcrons") == ["hello", "hell\x1b[2J"]
    assert options._offered("hello", "hel")
    completion.main()
    assert CONTROLS.isdisjoint(said := capsys.readouterr().out)
    assert "hell\\x1b" not in said


def test_what_is_shown_can_be_told_from_the_text():
    assert terminal.in_line("a\x1b[2J\u202e\x9b\n\t\rb") == r"a\x1b[2J\u202e\x9b\n\t\rb"
    assert terminal.in_text("a\n\tb\r") == "a\n\tb\\r"
    assert terminal.in_line("Grüße, 世界 👩‍🚀 [red]") == "Grüße, 世界 👩‍🚀 [red]"


@pytest.mark.parametrize(
    "value",
    [EVIL, {EVIL: [EVIL, {"a": f"two\nlines{EVIL}"}]}, "\x85\n\u2028", "\u202e"],
    ids=["text", "nested", "breaks", "mark"],
)
def test_json_and_yaml_say_the_same_in_escapes(value: Any):
    for text, read in ((output.as_json(value), json.loads), (written(value), yaml.safe_load)):
        assert CONTROLS.isdisjoint(text)
        assert read(text) == value


@pytest.mark.parametrize("path", [each for each in SOURCES if each.name != "terminal.py"], ids=lambda path: path.name)
def test_nothing_is_printed_past_the_terminal(path: Path):
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Call(func=ast.Name(id="print" | "input" as name)):
                found.add(name)
            case ast.Attribute(value=ast.Name(id="typer"), attr="echo" | "secho" | "confirm" | "prompt" as name):
                found.add(name)
            case ast.Attribute(
                value=ast.Name(id="sys"), attr="stdout" | "stderr" | "__stdout__" | "__stderr__" as name
            ):
                found.add(name)
            case ast.ImportFrom(module=str(module)) if module.startswith("rich") and module != "rich.cells":
                found.add(module)
            case ast.Import(names=[ast.alias(name=("rich" | "click") as name), *_]):
                found.add(name)
            case ast.keyword(arg="stdout" | "stderr", value=ast.Constant(value=None)):
                found.add("subprocess")
    assert found == set()
