"""The dashboard from its start to its end."""

from __future__ import annotations

import asyncio
import errno
import re
import socket
import sys
import threading
import webbrowser
from http.client import HTTPConnection
from typing import TYPE_CHECKING

import pytest

from graphcron.cli.app import CliError
from graphcron.cli.clients.kubectl import Kubectl
from graphcron.cli.clients.kubectl_errors import ForbiddenError
from graphcron.cli.dashboard import serving, watches
from graphcron.cli.dashboard.serving import dashboard_of, serve
from tests.cli.unit.dashboard.world import FakeApi, graphcron
from tests.cli.unit.fake_cluster import graphcron_command

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> FakeApi:
    found = FakeApi(graphcron()).install(monkeypatch)
    found.answers["config"] = "here\n"
    return found


def test_the_context_and_the_namespace_stay_those_of_the_start(api: FakeApi):
    """If the user chooses another context meanwhile, an action must not reach another cluster than the page shows."""
    assert dashboard_of(Kubectl()).kubectl == Kubectl(context="here", namespace="here")
    assert dashboard_of(Kubectl(context="c", namespace="n")).kubectl == Kubectl(context="c", namespace="n")
    everywhere = dashboard_of(Kubectl(everywhere=True, kubeconfig="k"))
    assert everywhere.kubectl == Kubectl(context="here", everywhere=True, kubeconfig="k")
    assert everywhere.about["namespace"] is None
    assert api.asked[0] == "config current-context"


def test_without_a_context_the_namespace_must_be_named(api: FakeApi, monkeypatch: pytest.MonkeyPatch):
    """kubectl takes it from the pod that it runs in, and tells it to nobody."""
    failures = {"config": "current-context must exist in order to minify"}

    def run(_: Kubectl, verb: str, *__: str) -> str:
        if verb in failures:
            raise CliError(failures[verb])
        return ""

    monkeypatch.setattr(Kubectl, "run", run)
    with pytest.raises(CliError, match=r"no context is chosen.*-n"):
        dashboard_of(Kubectl())
    failures["get"] = "no cluster is chosen"
    with pytest.raises(CliError, match="no cluster is chosen"):
        dashboard_of(Kubectl())
    assert dashboard_of(Kubectl(namespace="n")).kubectl == Kubectl(namespace="n")
    assert not api.asked


def test_the_page_is_served_until_it_is_stopped(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """A browser in the terminal ends only after the page is answered, so the page must not wait for that."""
    statuses, addresses, visited = list[int](), list[str](), threading.Event()

    async def lines(*_: object) -> AsyncGenerator[bytes]:
        await asyncio.get_running_loop().create_future()
        yield b""

    def browse(address: str) -> bool:
        addresses.append(address)
        statuses.extend(visit(address))
        visited.set()
        return True

    class Server(serving.uvicorn.Server):
        async def main_loop(self) -> None:
            assert await asyncio.to_thread(visited.wait, 60)

    monkeypatch.setattr(watches, "lines_of", lines)
    monkeypatch.setattr(webbrowser, "open", browse)
    monkeypatch.setattr(serving.uvicorn, "Server", Server)
    serve(Kubectl(), port=0, browser=True)
    assert statuses == [303, 200, 200, 403]
    printed = re.search(r"http://127\.0\.0\.1:\d+/\?token=\S+", capsys.readouterr().out)
    assert printed is not None
    assert addresses[0] != printed[0]  # other users see the command line of a browser
    assert api.asked


def visit(address: str) -> list[int]:
    """Open an address, the page and the state; return the statuses, and that of a second use of the address."""
    host, _, path = address.removeprefix("http://").partition("/")
    connection, cookie, statuses = HTTPConnection(host, timeout=20), "", list[int]()
    for each in (f"/{path}", "/", "/api/state", f"/{path}"):
        connection.request("GET", each, headers={"Cookie": cookie})
        answer = connection.getresponse()
        answer.read()
        cookie = cookie or (answer.headers["Set-Cookie"] or "").partition(";")[0]
        statuses.append(answer.status)
    connection.close()
    return statuses


def test_a_port_in_use_is_named(api: FakeApi):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CliError, match=f"port {port} can't be used .*--port"):
            serve(Kubectl(), port=port, browser=False)
    assert api.asked


def test_a_port_that_another_process_takes_at_the_same_time_is_named(api: FakeApi, monkeypatch: pytest.MonkeyPatch):
    """Until one of them listens, two processes can bind the same port."""

    def listen(*_: object) -> None:
        raise OSError(errno.EADDRINUSE, "Address already in use")

    monkeypatch.setattr(socket.socket, "listen", listen)
    with pytest.raises(CliError, match=r"can't be used \(Address already in use\); .*--port"):
        serve(Kubectl(), port=0, browser=False)
    assert api.asked


def test_without_the_right_to_list_nothing_is_served(api: FakeApi, monkeypatch: pytest.MonkeyPatch):
    opened = list[str]()
    monkeypatch.setattr(webbrowser, "open", opened.append)
    api.failures["graphcrons"] = ForbiddenError("you may not list graphcrons")
    with pytest.raises(ForbiddenError):
        serve(Kubectl(), port=0, browser=True)
    assert opened == []


def test_without_the_extra_the_command_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delitem(sys.modules, "graphcron.cli.dashboard.serving")
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    done = graphcron_command("dashboard")
    assert (done.code, done.err) == (
        1, "error: the dashboard needs uvicorn; install it: pip install 'graphcron[dashboard]'\n"
    )  # fmt: skip
