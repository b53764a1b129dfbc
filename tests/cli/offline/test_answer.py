"""``logs --answer`` asks a server that the GraphCron names: it gets the caller's key only where the caller says so."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from graphcron.cli.clients.langgraph import is_bound
from tests.cli.offline.program import NOWHERE, manifest, run

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

KEY = "s3cr3t"
ID = "1f0c8bd2-7a44-4d9b-9c3e-0d7c2ab6e511"


class Server(BaseHTTPRequestHandler):
    """Has the state of one run, and notes what it is asked and with which key."""

    asked: list[tuple[str, str | None]]
    status = 200
    location = ""
    body: Any = ({"values": {"messages": [{"content": "42"}]}},)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        type(self).asked.append((self.path, self.headers["x-api-key"]))
        body = json.dumps(self.body).encode()
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(body)))
        if self.location:
            self.send_header("Location", self.location)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST  # noqa: N815  (the base class has it so)

    def log_message(self, *arguments: Any) -> None:
        """Be quiet."""


@pytest.fixture
def server() -> Iterator[tuple[str, type[Server]]]:
    """Serve it; return its URL, and what it was asked."""
    handler = type("Handler", (Server,), {"asked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{serving.server_address[1]}", handler
        serving.shutdown()
        thread.join()


def answer(
    folder: Path, url: str | None, *more: str, run_id: str = ID, thread_id: str = ID, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Ask for the answer of a run of a GraphCron that names a server."""
    graphcron = manifest(namespace="agents", **({"server": {"url": url}} if url else {}))
    graphcron["status"] = {"recentRuns": [{"runId": run_id, "threadId": thread_id, "outcome": "Succeeded"}]}
    (folder / "found").write_text(json.dumps(graphcron))
    kubectl = folder / "kubectl"
    kubectl.write_text(f"#!/bin/sh\nexec cat {folder}/found\n")
    kubectl.chmod(0o755)
    plain = {name: value for name, value in NOWHERE.items() if not name.lower().endswith("_proxy")}
    given = {**plain, "KUBECTL": str(kubectl), "LANGGRAPH_API_KEY": KEY, "LANGGRAPH_URL": "", **environment}
    return run("logs", "hello", "--answer", *more, environment=given)


def test_a_server_that_only_the_graphcron_names_gets_no_key(tmp_path: Path, server: tuple[str, type[Server]]) -> None:
    url, asked = server[0], server[1].asked
    done = answer(tmp_path, url)
    assert (done.returncode, done.stdout) == (0, "42\n")
    assert asked == [(f"/threads/{ID}/history", None)]
    assert done.stderr == (
        f"the key in LANGGRAPH_API_KEY is not sent to {url}, which only the GraphCron names; "
        "if you trust that server, give it as --url, or bind the key to it with LANGGRAPH_URL\n"
    )


def test_a_url_that_the_caller_gives_gets_the_key(tmp_path: Path, server: tuple[str, type[Server]]) -> None:
    url, asked = server[0], server[1].asked
    done = answer(tmp_path, "http://langgraph.invalid", "--url", url)
    assert (done.stdout, done.stderr, asked[0][1]) == ("42\n", "", KEY)


def test_a_server_to_which_the_caller_has_bound_the_key_gets_it(
    tmp_path: Path, server: tuple[str, type[Server]]
) -> None:
    url, asked = server[0], server[1].asked
    done = answer(tmp_path, url, LANGGRAPH_URL=f"{url}/")
    assert (done.stdout, done.stderr, asked[0][1]) == ("42\n", "", KEY)
    done = answer(tmp_path, url, LANGGRAPH_URL=url.replace("127.0.0.1", "localhost"))
    assert ("is not sent to" in done.stderr, asked[1][1]) == (True, None)


def test_another_variable_holds_a_key_that_is_guarded_as_well(tmp_path: Path, server: tuple[str, type[Server]]) -> None:
    url, asked = server[0], server[1].asked
    done = answer(tmp_path, url, "--api-key-env", "MINE", MINE="other")
    assert done.stderr == (
        f"the key in MINE is not sent to {url}, which only the GraphCron names; "
        "if you trust that server, give it as --url\n"
    )
    assert answer(tmp_path, url, "--api-key-env", "MINE", MINE="other", LANGGRAPH_URL=url).stderr == done.stderr
    assert answer(tmp_path, url, "--api-key-env", "MINE", "--url", url, MINE="other").stderr == ""
    assert [key for _, key in asked] == [None, None, "other"]
    done = answer(tmp_path, url, "--api-key-env", "NOT_SET")
    assert (done.returncode, done.stderr.startswith("error: the variable NOT_SET is not set; ")) == (1, True)


def test_who_has_no_key_is_told_nothing_of_it(tmp_path: Path, server: tuple[str, type[Server]]) -> None:
    done = answer(tmp_path, server[0], LANGGRAPH_API_KEY="")
    assert (done.stdout, done.stderr) == ("42\n", "")


def test_what_is_no_key_is_never_printed(tmp_path: Path, server: tuple[str, type[Server]]) -> None:
    url, asked = server[0], server[1].asked
    done = answer(tmp_path, url, "--url", url, LANGGRAPH_API_KEY=f"{KEY}\nmore")
    assert (done.returncode, done.stdout, asked) == (1, "", [])
    assert done.stderr.startswith("error: the variable LANGGRAPH_API_KEY holds no API key: ")
    assert answer(tmp_path, url, "--url", url, LANGGRAPH_API_KEY=f"{KEY}\n").returncode == 0
    assert asked[0][1] == KEY


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(tmp_path: Path, server: tuple[str, type[Server]], status: int) -> None:
    url, handler = server
    handler.status, handler.location = status, f"{url}/elsewhere"
    done = answer(tmp_path, url, "--url", url)
    assert (done.returncode, len(handler.asked)) == (1, 1)
    assert f"answers {status} to POST /threads/{ID}/history: it leads elsewhere" in done.stderr


@pytest.mark.parametrize("bad", ["../../crons", f"{ID}/../x", f"{ID}?x=", f"{ID}\r\nx-more: 1", "", f"{{{ID}}}", 7])
@pytest.mark.parametrize("member", ["run_id", "thread_id"])
def test_an_id_that_is_no_uuid_goes_into_no_path(
    tmp_path: Path, server: tuple[str, type[Server]], member: str, bad: Any
) -> None:
    url, handler = server
    done = answer(tmp_path, url, "--url", url, **{member: bad})
    assert (done.returncode, handler.asked) == (1, [])
    assert "is not a UUID" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("body", [{}, [7], "x", [{"values": {"messages": [{"content": [7, None, {"text": "42"}]}]}}]])
def test_an_answer_of_any_shape_is_one_line(tmp_path: Path, server: tuple[str, type[Server]], body: Any) -> None:
    url, handler = server
    handler.body = body
    done = answer(tmp_path, url, "--url", url)
    assert "Traceback" not in done.stderr
    assert len((done.stdout + done.stderr).splitlines()) == 1


@pytest.mark.parametrize(
    ("url", "bound"),
    [
        ("https://a.example", "https://a.example"),
        ("https://A.example:443/", "https://a.EXAMPLE"),
        ("https://a.example/team/", "https://a.example"),
        ("https://a.example/team/", "https://a.example/team"),
        ("http://[::1]:80", "http://[::1]"),
    ],
)
def test_a_key_is_bound_to_an_origin(url: str, bound: str) -> None:
    assert is_bound(url, bound)


@pytest.mark.parametrize(
    ("url", "bound"),
    [
        ("http://a.example", "https://a.example"),
        ("https://a.example:8443", "https://a.example"),
        ("https://a.example.", "https://a.example"),
        ("https://a.example.evil.example", "https://a.example"),
        ("https://evil-a.example", "https://a.example"),
        ("https://b.a.example", "https://a.example"),
        ("https://a.example@evil.example", "https://a.example"),
        ("https://a.example:443@evil.example", "https://a.example"),
        ("https://evil.example#@a.example", "https://a.example"),
        ("https://evil.example\\@a.example", "https://a.example"),
        ("https://evil.example/https://a.example", "https://a.example"),
        ("https://evil.example?https://a.example", "https://a.example"),
        ("https://a.example/other", "https://a.example/team"),
        ("https://a.example/team/../other", "https://a.example/team"),
        ("https://a.example", "https://a.example/team"),
        ("https://a.example:x", "https://a.example"),
        ("https://a.example", "a.example"),
        ("https://a.example", "https://user:pw@a.example"),
        ("https://a.example", ""),
        ("", ""),
        ("ftp://a.example", "ftp://a.example"),
        ("https://\u24d0.example", "https://a.example"),
    ],
)
def test_and_to_no_other(url: str, bound: str) -> None:
    assert not is_bound(url, bound)
