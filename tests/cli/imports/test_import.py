"""``graphcron import``: against real servers, and against one that can't disable a cron."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from graphcron.cli.app import CliError
from graphcron.cli.clients.langgraph import LangGraph
from tests.cli.imports import crons
from tests.cli.imports.conftest import FULL, WEBHOOK, Kept, Program
from tests.cli.imports.crons import ASSISTANT, stored
from tests.cluster import Cluster
from tests.runner.harness import free_port


def files(folder: Path) -> dict[str, str]:
    """Return the text of each file, by the end of the cron's id that is in its name."""
    return {path.stem.rpartition("-")[2]: path.read_text() for path in folder.iterdir()}


def test_crons_of_a_real_server_become_graphcrons(kept: Kept, run: Program, tmp_path: Path) -> None:
    done = run("import", "--url", kept.api.url, "--namespace", "agents", "--output-dir", str(tmp_path))
    assert done.returncode == 0, done.stderr
    written = files(tmp_path)
    stateless = yaml.safe_load(written[kept.stateless[-8:]])
    assert stateless["metadata"] == {"name": f"agent-{kept.stateless[-8:]}", "namespace": "agents"}
    common = {
        "assistant": "agent",
        "schedule": FULL["schedule"],
        "timeZone": "Europe/Berlin",
        "endTime": FULL["end_time"],
        "input": FULL["input"],
        "config": FULL["config"],
        "metadata": FULL["metadata"],
        "webhook": WEBHOOK,
        "interruptBefore": ["tools"],
        "interruptAfter": ["*"],
        "durability": "sync",
    }
    assert stateless["spec"] == {**common, "onRunCompleted": "keep"}
    own = {"thread": {"id": kept.thread}, "suspend": True, "multitaskStrategy": "reject"}
    assert yaml.safe_load(written[kept.on_thread[-8:]])["spec"] == {**common, **own}
    assert yaml.safe_load(written[kept.odd[-8:]]) is None


def test_unmapped_fields_named_in_file_and_stderr(kept: Kept, run: Program, tmp_path: Path) -> None:
    done = run("import", "--url", kept.api.url, "--output-dir", str(tmp_path))
    written = files(tmp_path)
    said = "stream_mode: left out; a scheduled run has no listener"
    assert f"# {said}\n" in written[kept.stateless[-8:]]
    assert f"agent-{kept.stateless[-8:]}: {said}\n" in done.stderr
    refused = f"agent-{kept.odd[-8:]}: written commented out, since GraphCron refuses it: spec.schedule: day of month"
    assert refused in done.stderr
    assert "# Refused: spec.schedule: day of month" in written[kept.odd[-8:]]


def test_the_api_server_takes_them(kept: Kept, run: Program, cluster: Cluster, namespace: str) -> None:
    done = run("import", "--url", kept.api.url, "--namespace", namespace)
    assert done.returncode == 0, done.stderr
    applied = cluster.kubectl("apply", "--dry-run=server", "--output=name", "-f", "-", stdin=done.stdout)
    names = {f"graphcron.graphcron.dev/agent-{each[-8:]}" for each in (kept.stateless, kept.on_thread)}
    assert names <= set(applied.stdout.split())
    assert f"agent-{kept.odd[-8:]}" not in applied.stdout


def test_originals_are_left_alone_unless_asked(kept: Kept, run: Program) -> None:
    before = kept.all()
    assert run("import", "--url", kept.api.url).returncode == 0
    assert kept.all() == before


def test_originals_are_disabled_but_for_those_that_are_refused(kept: Kept, run: Program, tmp_path: Path) -> None:
    done = run("import", "--url", kept.api.url, "--output-dir", str(tmp_path), "--disable-originals", "--yes")
    assert done.returncode == 0, done.stderr
    assert kept.cron(kept.stateless)["enabled"] is False
    assert kept.cron(kept.odd)["enabled"] is True
    assert f"cron {kept.stateless} is disabled; agent-{kept.stateless[-8:]} takes its place\n" in done.stderr
    assert f"cron {kept.odd} stays enabled, since agent-{kept.odd[-8:]} is commented out\n" in done.stderr
    assert "suspend" not in yaml.safe_load(files(tmp_path)[kept.stateless[-8:]])["spec"]


def test_nothing_is_disabled_without_a_yes(kept: Kept, run: Program, tmp_path: Path) -> None:
    done = run("import", "--url", kept.api.url, "--output-dir", str(tmp_path), "--disable-originals")
    assert done.returncode == 1
    assert "Disable " in done.stderr
    assert kept.cron(kept.stateless)["enabled"] is True


def test_a_file_that_is_there_is_kept(kept: Kept, run: Program, tmp_path: Path) -> None:
    file = tmp_path / f"agent-{kept.stateless[-8:]}.yaml"
    file.write_text("# mine\n")
    done = run("import", "--url", kept.api.url, "--output-dir", str(tmp_path))
    assert done.returncode == 0
    assert file.read_text() == "# mine\n"
    assert f"{file} exists and is kept as it is" in done.stderr


def test_pages_are_read_to_the_end(kept: Kept) -> None:
    found = [each["cron_id"] for each in LangGraph(kept.api.url, {}).crons(page=1)]
    assert set(found) >= {kept.stateless, kept.on_thread, kept.odd}
    assert len(found) == len(set(found))


# --- A server as langgraph-api was before crons could be disabled: it has no PATCH


class Old(BaseHTTPRequestHandler):
    """Gives one cron; the shape of what it gives is that of ``stored``."""

    asked: list[str]
    headers_seen: list[str | None]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        type(self).headers_seen = [self.headers["x-api-key"], self.headers["x-tenant"]]
        self._answer(200 if self.headers["x-api-key"] else 401, [stored()])

    def do_GET(self) -> None:
        self._answer(200, ASSISTANT)

    def do_PATCH(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(405, {"detail": "Method Not Allowed"})

    def do_DELETE(self) -> None:
        self._answer(204, None)

    def _answer(self, status: int, value: Any) -> None:
        type(self).asked.append(f"{self.command} {self.path}")
        body = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        if value is not None:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def old() -> Iterator[tuple[str, type[Old]]]:
    """URL of such a server, and what it was asked."""
    handler = type("Handler", (Old,), {"asked": [], "headers_seen": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", handler
        server.shutdown()
        thread.join()


DELETE = f"DELETE /runs/crons/{stored()['cron_id']}"


def test_where_it_can_not_be_disabled_it_goes_on(old: tuple[str, type[Old]], run: Program) -> None:
    url, server = old
    done = run("import", "--url", url, "--disable-originals", "--yes", LANGGRAPH_API_KEY="key")
    assert done.returncode == 1
    told = "1 cron can't be disabled by the server: --delete-originals deletes such crons\n"
    assert done.stderr.endswith(told)
    assert DELETE not in server.asked
    assert yaml.safe_load(done.stdout)["kind"] == "GraphCron"


def test_it_is_deleted_only_if_asked(old: tuple[str, type[Old]], run: Program) -> None:
    url, server = old
    wanted = ("--disable-originals", "--delete-originals", "--yes")
    done = run("import", "--url", url, *wanted, LANGGRAPH_API_KEY="key")
    assert done.returncode == 0, done.stderr
    assert server.asked[-1] == DELETE
    assert "is deleted; agent-72c6e509 takes its place" in done.stderr


def test_the_key_and_headers_are_sent_and_never_written(old: tuple[str, type[Old]], run: Program) -> None:
    url, server = old
    done = run("import", "--url", url, "--api-key-env", "MY_KEY", "--header", "x-tenant=a1b2", MY_KEY="s3cr3t")
    assert (done.returncode, server.headers_seen) == (0, ["s3cr3t", "a1b2"])
    assert not any(secret in done.stdout + done.stderr for secret in ("s3cr3t", "a1b2"))
    assert "x-tenant was sent to read the crons and is not written" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 1, "401 to POST /runs/crons/search: name the variable that holds your key in --api-key-env"),
        (("--api-key-env", "NOT_SET"), 1, "the variable NOT_SET is not set"),
        (("--header", "nonsense"), 2, "NAME=VALUE"),
        (("--header", "x-more=1\r\nx-other: 2"), 2, "NAME=VALUE"),
        (("--delete-originals",), 2, "--disable-originals"),
        (("--output-dir", "/dev/null/x"), 1, "choose another --output-dir"),
    ],
)
def test_errors_are_one_line_with_the_remedy(
    old: tuple[str, type[Old]], run: Program, arguments: tuple[str, ...], code: int, words: str
) -> None:
    environ = {"LANGGRAPH_API_KEY": "key" if "--output-dir" in arguments else ""}
    done = run("import", "--url", old[0], *arguments, **environ)
    assert (done.returncode, done.stdout) == (code, "")
    assert words in done.stderr
    assert code == 2 or done.stderr.count("\n") == 1


@pytest.mark.parametrize("bad", ["../../../x", "a/b", "", None, 7])
def test_a_cron_whose_id_is_not_a_uuid_ends_it(
    old: tuple[str, type[Old]], run: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bad: Any
) -> None:
    monkeypatch.setattr(f"{__name__}.stored", lambda: {**crons.stored(), "cron_id": bad})
    wanted = ("--output-dir", str(tmp_path), "--disable-originals", "--yes")
    done = run("import", "--url", old[0], *wanted, LANGGRAPH_API_KEY="key")
    assert (done.returncode, done.stdout, [*tmp_path.iterdir()]) == (1, "", [])
    assert "answers with no list of crons" in done.stderr
    assert old[1].asked == ["POST /runs/crons/search"]


def test_non_uuid_assistant_not_requested(
    old: tuple[str, type[Old]], run: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{__name__}.stored", lambda: {**crons.stored(), "assistant_id": "../threads"})
    assert run("import", "--url", old[0], LANGGRAPH_API_KEY="key").returncode == 0
    assert old[1].asked == ["POST /runs/crons/search"]


@pytest.mark.parametrize("url", ["ftp://example.com", "nonsense", "http://user:pw@example.com"])
def test_a_url_that_is_none_is_told(url: str) -> None:
    with pytest.raises(CliError, match="--url"):
        LangGraph(url, {})


def test_a_server_that_does_not_answer_is_told(run: Program) -> None:
    done = run("import", "--url", f"http://127.0.0.1:{free_port()}")
    assert done.returncode == 1
    assert done.stderr.endswith("give the server's URL with --url\n")
