"""Who may read and change: only the page of the user who started the dashboard."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from graphcron.cli.clients.kubectl import Kubectl
from graphcron.cli.dashboard.commands import Command
from graphcron.cli.dashboard.live import Dashboard
from graphcron.cli.dashboard.security import HEADERS, Guard
from graphcron.cli.dashboard.server import app_for
from tests.cli.unit.dashboard.world import HTML, FakeApi, graphcron

PORT = 40817
OWN = f"http://127.0.0.1:{PORT}"
ACTION = {"Origin": OWN, "Content-Type": "application/json", "X-GraphCron": "dashboard"}
RUN = {"verb": "run", "namespace": "agents", "name": "cron-0"}


class Client(TestClient):
    """A browser, with the guard that it talks to."""

    guard: Guard
    api: FakeApi
    done: list[Command]


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Client:
    """A browser without the cookie."""
    api = FakeApi(
        graphcron(
            labels={"x": HTML}, status={"recentRuns": [{"outcome": HTML, "scheduledTime": "2026-11-22T11:00:00Z"}]}
        )
    )
    api.install(monkeypatch)
    dashboard, done = Dashboard(Kubectl(namespace="agents", context="here"), {"cluster": HTML}), list[Command]()

    async def execute(command: Command) -> dict[str, Any]:
        done.append(command)
        return {"code": 0, "output": "done"}

    monkeypatch.setattr(dashboard.processes, "run", execute)
    guard = Guard(app_for(dashboard), port=PORT, token="the-token")
    client = Client(guard, base_url=OWN, follow_redirects=False)
    client.guard, client.api, client.done = guard, api, done
    asyncio.run(dashboard.fill())
    return client


@pytest.fixture
def page(browser: Client) -> Client:
    """A browser that has opened the address."""
    assert browser.get("/?token=the-token").status_code == 303
    return browser


def test_browsers_leave_the_default_port_out_of_the_host():
    guard = Guard(app_for(Dashboard(Kubectl(), {})), port=80, token="the-token")
    client = TestClient(guard, base_url="http://127.0.0.1", follow_redirects=False)
    assert client.get("/?token=the-token").status_code == 303
    assert client.get("/", headers={"Origin": "http://127.0.0.1"}).status_code == 200
    assert client.get("/", headers={"Host": "127.0.0.1:80"}).status_code == 200
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 403


def test_the_address_sets_a_strict_cookie(browser: Client):
    answer = browser.get("/?token=the-token")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"graphcron-{PORT}=")
    assert {each.strip().lower() for each in cookie.split(";")[1:]} == {"httponly", "path=/", "samesite=strict"}
    assert "the-token" not in cookie
    assert browser.get("/").status_code == 200
    assert browser.get("/api/state").json()["graphCrons"][0]["name"] == "cron-0"


def test_from_another_site_the_address_works_too(browser: Client):
    """A browser sends no strict cookie with a redirect that another site has begun, for example a web terminal."""
    answer = browser.get("/?token=the-token", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 200
    assert 'http-equiv="refresh"' in answer.text
    assert "set-cookie" in answer.headers


def test_the_token_for_the_command_line_of_a_browser_is_valid_once(browser: Client):
    once = browser.guard.once
    assert browser.get(f"/?token={once}").status_code == 303
    browser.cookies.clear()
    assert browser.get(f"/?token={once}").status_code == 403
    assert browser.guard.once != once


@pytest.mark.parametrize(
    "path", ["/", "/dashboard.js", "/api/state", "/api/events", "/api/object?kind=graphcron", "/x"]
)
def test_without_the_cookie_nothing_is_told(browser: Client, path: str):
    assert browser.get(path).status_code == 403
    assert browser.get(path, headers={"Cookie": f"graphcron-{PORT}=wrong"}).status_code == 403
    assert browser.get("/?token=wrong").status_code == 403
    assert browser.get("/?token=%C3%BC").status_code == 403
    assert browser.api.asked[-1].startswith("get --raw=")


@pytest.mark.parametrize("other", ['state={"a": 1, "b": [2]}', "a=b c", "flag", "[x]=1", "expires=1", 'open="a'])
def test_cookies_of_other_ports_do_not_hide_that_of_the_page(page: Client, other: str):
    """A browser sends the cookies of 127.0.0.1 to all ports, and programs write all kinds of values."""
    own = f"graphcron-{PORT}={page.cookies[f'graphcron-{PORT}']}"
    page.cookies.clear()
    for cookie in (f"{other}; {own}", f"{own}; {other}"):
        assert page.get("/api/state", headers={"Cookie": cookie}).status_code == 200
    assert page.get("/api/state", headers={"Cookie": other}).status_code == 403


@pytest.mark.parametrize(
    "host", ["evil.example", f"evil.example:{PORT}", "127.0.0.1", "127.0.0.1:80", f"127.0.0.1:{PORT}.evil", ""]
)
def test_a_name_that_leads_here_is_rejected(page: Client, host: str):
    """DNS rebinding: the browser believes that the page belongs to evil.example."""
    for path in ("/", "/?token=the-token", "/api/state"):
        assert page.get(path, headers={"Host": host}).status_code == 403
    assert page.get("/api/state", headers={"Host": f"localhost:{PORT}"}).status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_request_of_another_page_is_rejected(page: Client, site: str):
    for path in ("/", "/api/state", "/dashboard.js"):
        assert page.get(path, headers={"Sec-Fetch-Site": site}).status_code == 403


@pytest.mark.parametrize("origin", ["https://evil.example", "null", f"http://localhost:{PORT}"])
def test_read_of_another_origin_is_rejected(page: Client, origin: str):
    assert page.get("/api/state", headers={"Origin": origin}).status_code == 403
    assert page.get("/api/state", headers={"Origin": OWN}).status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": f"https://127.0.0.1:{PORT}"},
        {"Origin": f"http://localhost:{PORT}"},
        {"Origin": "http://127.0.0.1:1"},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"X-GraphCron": ""},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_only_the_page_may_act(page: Client, wrong: dict[str, str]):
    command = page.post("/api/command", headers=ACTION, json=RUN).json()["command"]
    for path in ("/api/command", "/api/execute"):
        answer = page.post(path, headers={**ACTION, **wrong}, content=json.dumps({**RUN, "command": command}))
        assert answer.status_code == 403
    assert page.done == []


def test_what_is_done_is_what_was_shown(page: Client):
    command = page.post("/api/command", headers=ACTION, json=RUN).json()
    assert command == {
        "command": "kubectl graphcron run cron-0 -n agents --context here",
        "argv": ["run", "cron-0", "-n", "agents", "--context", "here"],
    }
    other = page.post("/api/execute", headers=ACTION, json={**RUN, "name": "cron-1", "command": command["command"]})
    assert other.status_code == 400
    assert page.done == []
    assert page.post("/api/execute", headers=ACTION, json={**RUN, "command": command["command"]}).json()["code"] == 0
    assert [each.text for each in page.done] == [command["command"]]


def test_a_command_without_a_dry_run_is_not_done_instead_of_one(page: Client):
    command = page.post("/api/command", headers=ACTION, json=RUN).json()["command"]
    answer = page.post("/api/execute", headers=ACTION, json={**RUN, "command": command, "dryRun": True})
    assert (answer.status_code, answer.json()) == (400, {"error": "dryRun: run has no dry run"})
    assert page.done == []


def test_each_answer_has_the_headers(page: Client):
    for path, status in (("/", 200), ("/api/state", 200), ("/lost", 404), ("/api/command", 404), ("/api/due", 400)):
        answer = page.get(path)
        assert answer.status_code == status
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    page.cookies.clear()
    assert page.get("/").headers["content-security-policy"] == HEADERS["Content-Security-Policy"]
    assert "unsafe" not in HEADERS["Content-Security-Policy"]


def test_markup_in_names_is_json_and_no_page(page: Client):
    answer = page.get("/api/state")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["graphCrons"][0]["labels"] == {"x": HTML}
    assert answer.json()["graphCrons"][0]["runs"][0]["outcome"] == HTML


@pytest.mark.parametrize(
    "path", ["/../__init__.py", "/%2e%2e/security.py", "/..%2fsecurity.py", "/static/../security.py"]
)
def test_no_file_outside_of_the_page_is_served(page: Client, path: str):
    assert page.get(path).status_code == 404


@pytest.mark.parametrize("body", ["", "[]", "{", "\xff", "[" * 5000])
def test_a_body_that_is_no_object_is_rejected(page: Client, body: str):
    answer = page.post("/api/command", headers=ACTION, content=body.encode("latin-1"))
    assert answer.status_code == 400
    assert "error" in answer.json()
