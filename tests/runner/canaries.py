"""Private texts to look for in what comes out of a pod, and a server that repeats them."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from graphcron import contract
from graphcron.contract import Outcome
from graphcron.helmtest.fake_server import ASSISTANT, StandIn
from tests.runner.harness import Pod

CANARIES = {
    "key": "kq8Zw2VtYx5RnJpL",
    "header": "hq3Xv7TzGm9WkYsJ",
    "value": "vp6Qz4NxTw8HjRkG",
    "member": "mz5Kx9QwVt7PyHgN",
    "nested": "nv2Wq6YzXk4TmRpJ",
    "unicode": "žlúťoučkýkůňúpěl",
    "number": "7193846205718",
    "template": "tw9Gq3VxZk6YpNmH",
    "config": "cx7Vt4QzWn8KyJgP",
    "context": "xg5Rw8NkZq3TvYmJ",
    "metadata": "yk6Tz2PxQw9VnGhR",
    "webhook": "wj8Nv5XkTz3QyRgM",
    "server": "sz4Yq7WxVk2TnPmJ",
    "Class": "Gq9Xw3TzVk7NyRpJ",
    "proxy": "pn7Wz5QxYk3TvGmR",
}
REQUEST: dict[str, Any] = {
    "assistant": ASSISTANT,
    "input": {
        "messages": [CANARIES["value"], {CANARIES["member"]: {"a": [{"b": CANARIES["nested"]}]}}],
        CANARIES["member"]: int(CANARIES["number"]),
        "unicode": CANARIES["unicode"],
    },
    "run": {
        "config": {"configurable": {CANARIES["config"]: CANARIES["config"]}, "tags": [CANARIES["config"]]},
        "context": {CANARIES["context"]: CANARIES["context"]},
        "metadata": {CANARIES["metadata"]: CANARIES["metadata"]},
        "webhook": f"https://hooks.example.com/{CANARIES['webhook']}?token={CANARIES['webhook']}",
    },
    "headers": ("X-Tenant",),
}
ENV = {contract.ENV_API_KEY: CANARIES["key"], f"{contract.ENV_HEADER_PREFIX}0": CANARIES["header"]}
STATUSES = [
    *(300, 302, 307, 400, 401, 402, 403, 404, 405, 406, 408, 409, 410, 413, 415, 418, 422, 429, 431, 451),
    *(500, 501, 502, 503, 504, 520, 599),
]

Json = dict[str, Any]
Answer = tuple[int, Any]
Change = Callable[[str, str, Json, Answer], Any]
"""From method, path, body and the stand-in's answer to what is answered: status and JSON, or bytes to send as they are."""


def leaks(text: str) -> set[str]:
    """Return the canaries of which eight characters in a row stand in a text, however they are written there."""
    spelt = {text, text.lower(), re.sub(r"\\u([0-9a-f]{4})", lambda match: chr(int(match[1], 16)), text)}
    return {
        name
        for name, canary in CANARIES.items()
        for at in range(len(canary) - 7)
        if any(canary[at : at + 8] in each or canary[at : at + 8].lower() in each for each in spelt)
    }


def said_by(pod: Pod, seconds: float = 90) -> str:
    """Wait for the pod, and return all that it wrote."""
    return pod.wait(seconds).to_json() + pod.log


def check(pod: Pod, *outcomes: Outcome) -> str:
    """Check that a pod has ended so, and that it has told nothing."""
    said = said_by(pod)
    assert leaks(said) == set(), said
    if outcomes:
        assert json.loads(pod.log.splitlines()[-1])["outcome"] in outcomes, said
    return said


@contextmanager
def serving(change: Change) -> Iterator[str]:
    """Serve the stand-in, with its answers changed."""
    standin = StandIn()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path, body = urlsplit(self.path).path, json.loads(data or b"{}")
            sent = {"headers": dict(self.headers.items()), "body": body}
            found = change(self.command, path, sent, standin.answer(self.command, path, body))
            self.close_connection = True
            self.wfile.write(found if isinstance(found, bytes) else http(*found))

        do_GET = do_POST = do_PATCH = do_DELETE = handle_any  # noqa: N815

        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def http(status: int, value: Any, reason: str = "OK", **headers: str) -> bytes:
    """Return an answer as it goes over the wire."""
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    kind = {"Content-Type": "application/json", **headers, "Content-Length": str(len(data)), "Connection": "close"}
    lines = "".join(f"{name.replace('_', '-')}: {each}\r\n" for name, each in kind.items())
    return f"HTTP/1.1 {status} {reason}\r\n{lines}\r\n".encode() + data


def repeating(status: int, shape: int, sent: Json) -> bytes:
    """Refuse a request with its own words, in one of several shapes."""
    words = json.dumps(sent, ensure_ascii=bool(shape % 2)) + " " + " ".join(CANARIES.values())
    member = CANARIES["member"]
    problem = {"type": member, "loc": ["body", "input", member, CANARIES["value"]], "msg": words, "input": sent}
    bodies = (
        {"detail": f"Invalid assistant: {words}"},
        {"detail": [problem, {**problem, "loc": ["body", member]}]},
        f"<html><h1>{words}</h1></html>".encode(),
        words.encode(),
        {"message": words, **sent},
        {"detail": f'{words}\n\nFailed validating "type"\n\nOn instance["{member}"]["{member}"]:\n    {words}'},
    )
    key = CANARIES["key"]
    retry = f"{key}, 21 Oct 2026" if status == 503 else CANARIES["number"][:9]
    headers = {
        "WWW_Authenticate": f"Basic realm={key}",
        "Location": f"http://127.0.0.1:1/{key}?{member}",
        "X_Words": key,
    }
    return http(status, bodies[shape % len(bodies)], f"No {CANARIES['value']} {key}", **headers, Retry_After=retry)


def await_words(pod: Pod) -> None:
    for _ in range(300):
        if "server-unavailable" in pod.log or pod.process.poll() is not None:
            return
        threading.Event().wait(0.05)


def raw(pod: Pod) -> str:
    pod.process.wait(60)
    return pod.log + (pod._root / contract.TERMINATION_LOG.lstrip("/")).read_text()


@contextmanager
def refusing(method: str, path: str, statuses: list[int]) -> Iterator[list[str]]:
    """Serve each status, in shapes that change from one to the next."""

    def refuse(status: int) -> Change:
        def change(way: str, where: str, sent: Json, answer: Answer) -> Any:
            is_it = method in ("", way) and re.search(path, where)
            return repeating(status, STATUSES.index(status), sent) if is_it else answer

        return change

    stack = [serving(refuse(status)) for status in statuses]
    urls = [each.__enter__() for each in stack]
    try:
        yield urls
    finally:
        for each in stack:
            each.__exit__(None, None, None)
