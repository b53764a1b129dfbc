"""Attacks on a dashboard: other pages in the same browser, other host names, and text that contains markup."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from datetime import UTC, datetime
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.dashboard import graphcrons

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from browsing import Dashboard
    from tests.dashboard.conftest import Place, Visit

pytestmark = pytest.mark.needs("browser")

SCRIPT = "<script>document.title = 'owned'</script><img src=x onerror=\"document.title = 'owned'\">"

COMMAND = {"verb": "suspend", "namespace": "", "name": graphcrons.name_of(0)}

ATTACK = """
<!doctype html><title>waiting</title><body><script>
const body = JSON.stringify(BODY);
const json = {"Content-Type": "application/json", "X-GraphCron": "dashboard"};
const outcome = (promise) => promise.then((answer) => answer.type + answer.status, () => "refused");
const frame = document.body.appendChild(document.createElement("iframe"));
const framed = new Promise((done) => { frame.onload = () => done("loaded"); frame.src = "ORIGIN/"; });
Promise.all([
  outcome(fetch("ORIGIN/api/state", {credentials: "include"})),
  outcome(fetch("ORIGIN/api/execute", {method: "POST", credentials: "include", headers: json, body})),
  outcome(fetch("ORIGIN/api/execute", {method: "POST", credentials: "include", mode: "no-cors", body})),
  framed,
]).then((seen) => {
  document.title = "tried " + seen.join(" ");
});
</script>
<form method="post" enctype="text/plain" action="ORIGIN/api/execute"><input name='BODY'></form>
"""
"""Another user's page that knows everything except the token."""


def ask(
    dashboard: Dashboard, path: str, *, method: str = "GET", body: Any = None, **headers: str
) -> tuple[int, dict[str, str], str]:
    """Send a request; return status, headers and text."""
    address = urlsplit(dashboard.origin)
    connection = HTTPConnection(address.hostname or "", address.port, timeout=20)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body=None if body is None else json.dumps(body), headers=named)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, text


def cookie_of(dashboard: Dashboard) -> str:
    """Turn the token into the cookie, as a browser does."""
    status, headers, _ = ask(dashboard, dashboard.url.removeprefix(dashboard.origin))
    assert status in (302, 303, 307), status
    cookie, *attributes = headers["set-cookie"].split("; ")
    assert {each.lower() for each in attributes} >= {"httponly", "samesite=strict", "path=/"}
    return cookie


@contextmanager
def page_of_others(text: str) -> Iterator[int]:
    """Serve a page on another port; yield the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def test_only_the_cookie_and_the_own_host_open_it(place: Place) -> None:
    place.fill(1)
    dashboard = place.start()
    cookie = cookie_of(dashboard)
    port = urlsplit(dashboard.origin).port
    own = {"Cookie": cookie}
    assert ask(dashboard, "/api/state", **own)[0] == 200
    assert ask(dashboard, "/api/state", **own, Host=f"localhost:{port}")[0] == 200
    refused = {
        "no cookie": ask(dashboard, "/api/state"),
        "no cookie, the page": ask(dashboard, "/"),
        "another cookie": ask(dashboard, "/api/state", Cookie=cookie[:-1] + ("a" if cookie[-1] != "a" else "b")),
        "a wrong token": ask(dashboard, "/?token=wrong"),
        "the name of another host": ask(dashboard, "/api/state", **own, Host=f"rebound.example:{port}"),
        "the host without its port": ask(dashboard, "/api/state", **own, Host="127.0.0.1"),
        "another site": ask(dashboard, "/api/state", **own, Sec_Fetch_Site="cross-site"),
        "another port": ask(dashboard, "/api/state", **own, Sec_Fetch_Site="same-site"),
    }
    assert {what: status for what, (status, _, _) in refused.items() if status not in (400, 403, 421)} == {}
    assert [what for what, (_, _, text) in refused.items() if graphcrons.name_of(0) in text] == []


def test_an_action_needs_the_header_that_no_form_sends(place: Place) -> None:
    place.fill(1)
    dashboard = place.start()
    own = {"Cookie": cookie_of(dashboard), "Origin": dashboard.origin, "Content_Type": "application/json"}
    body = {**COMMAND, "namespace": place.namespace}
    status, _, text = ask(dashboard, "/api/command", method="POST", body=body, **own, X_GraphCron="dashboard")
    assert status == 200, text
    execute = {**body, "command": json.loads(text)["command"]}
    header = {"X_GraphCron": "dashboard"}
    for without in (own, {**own, **header, "Content_Type": "text/plain"}, {**own, **header, "Origin": "null"}):
        status, _, text = ask(dashboard, "/api/execute", method="POST", body=execute, **without)
        assert status in (400, 403, 415), text
    status, _, text = ask(
        dashboard, "/api/execute", method="POST", body={**execute, "command": "kubectl delete ns x"}, **own, **header
    )
    assert status in (400, 409), text
    assert not place.get()["spec"]["suspend"]


def test_the_page_lets_nothing_else_in(place: Place) -> None:
    place.fill(1)
    dashboard = place.start()
    cookie = cookie_of(dashboard)
    for path in ("/", "/api/state"):
        _, headers, _ = ask(dashboard, path, Cookie=cookie)
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"
        assert headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"], ids=["another port", "another site"])
def test_a_page_of_others_reads_and_does_nothing(host: str, place: Place, chromium: Browser) -> None:
    place.fill(1)
    dashboard = place.start()
    body = {
        **COMMAND,
        "namespace": place.namespace,
        "command": f"kubectl graphcron suspend {COMMAND['name']} -n {place.namespace}",
    }
    text = ATTACK.replace("ORIGIN", dashboard.origin).replace("BODY", json.dumps(body))
    with page_of_others(text) as port, chromium.new_context() as context:
        own = context.new_page()
        own.goto(dashboard.url)
        expect(own.get_by_text(COMMAND["name"]).first).to_be_visible()
        statuses: list[int] = []
        own_url = dashboard.origin + "/"
        other = context.new_page()
        other.on("response", lambda got: statuses.append(got.status) if got.url.startswith(own_url) else None)
        other.goto(f"http://{host}:{port}/")
        expect(other).to_have_title(re.compile("^tried"))
        assert other.title().split()[1:3] == ["refused", "refused"]
        assert not other.frames[1].evaluate("document.body && document.body.innerText").count(COMMAND["name"])
        with other.expect_response("**/api/execute"):
            other.evaluate("document.forms[0].submit()")
        assert set(statuses) == {403}
    assert not place.get()["spec"]["suspend"]


def test_text_from_the_cluster_is_shown_as_text(place: Place, visit: Visit) -> None:
    """Any text except names can contain markup; Kubernetes rejects it in names."""
    body = graphcrons.graphcron(0, now=datetime.now(UTC))
    body["metadata"]["annotations"] = {"example.com/note": SCRIPT}
    body["spec"]["assistant"] = SCRIPT
    for run in body["status"]["recentRuns"]:
        run |= {"reason": SCRIPT, "message": SCRIPT, "outcome": SCRIPT, "url": "javascript:document.title='owned'"}
    for condition in body["status"]["conditions"]:
        condition |= {"status": "False", "message": SCRIPT}
    place.create(body)
    made = place.get()
    about = {key: made["metadata"][key] for key in ("name", "namespace", "uid")}
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "markup"},
        "involvedObject": {"apiVersion": made["apiVersion"], "kind": made["kind"], **about},
        "reason": "Markup",
        "message": SCRIPT,
        "type": "Warning",
        "source": {"component": SCRIPT},
        "firstTimestamp": "2026-11-30T17:00:00Z",
        "lastTimestamp": "2026-11-30T17:00:00Z",
    }
    place.cluster.apply(event, namespace=place.namespace)
    page = visit(place.start().url)
    title = page.title()
    page.get_by_role("row").get_by_text(graphcrons.name_of(0), exact=True).click()
    expect(page.get_by_text(SCRIPT).first).to_be_visible()
    page.get_by_role("tab", name="Events").click()
    expect(page.get_by_text("Markup", exact=True)).to_be_visible()
    page.get_by_role("tab", name="YAML").click()
    expect(page.get_by_text("example.com/note").first).to_be_visible()
    assert page.title() == title
    assert page.locator("[onerror]").count() == 0
    assert page.locator("a[href^='javascript']").count() == 0
