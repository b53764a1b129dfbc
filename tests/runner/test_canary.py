"""Canaries in all that is private: none may come out of the pod, not even eight characters of one."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from graphcron import contract
from graphcron.contract import Budget, Outcome
from graphcron.runner.occurrence.record_thread import NO_RUN, ended_mark
from tests.runner.canaries import (
    CANARIES,
    ENV,
    REQUEST,
    STATUSES,
    Answer,
    Json,
    await_words,
    check,
    http,
    leaks,
    raw,
    refusing,
    repeating,
    serving,
)
from tests.runner.harness import Cron, free_port


@pytest.mark.parametrize(("method", "path"), [("POST", "/runs$"), ("POST", "/threads$"), ("GET", "/runs/[^/]+$")])
def test_refusals_of_a_run(cron: Cron, method: str, path: str) -> None:
    statuses = STATUSES if path == "/runs$" else STATUSES[:: 4 if method == "GET" else 2]
    with refusing(method, path, statuses) as urls:
        for number, url in enumerate(urls):
            cron.url = url
            cron.pod(number, ENV, **REQUEST)
        if path != "/runs$":  # these are tried again for long
            for pod in cron.pods:
                await_words(pod)
                pod.process.terminate()
        for pod in cron.pods:
            check(pod)


@pytest.mark.parametrize("path", ["/info$", "/threads/search$", "/assistants/search$", "/schemas$"])
def test_refusals_of_a_preflight(cron: Cron, path: str) -> None:
    with refusing("", path, STATUSES[::2]) as urls:
        for url in urls:
            cron.url = url
            cron.pod(env={**ENV, contract.ENV_PREFLIGHT: "1"}, **REQUEST)
        for pod in cron.pods:
            check(pod)


def test_graph_error(cron: Cron) -> None:
    for name in ("ValueError", CANARIES["Class"], f"{CANARIES['value']}('{CANARIES['value']}')"):

        def change(method: str, path: str, sent: Json, answer: Answer, name: str = name) -> Answer:
            error = {"error": name, "message": " ".join(CANARIES.values())}
            if re.search("/runs/[^/]+$", path):
                return answer[0], {**answer[1], "status": "error", "error_message": error["message"]}
            if method == "GET" and re.search("/threads/[^/]+$", path):
                return 200, {"error": error, "values": sent, "status": "error"}
            return answer

        with serving(change) as url:
            cron.url = url
            said = check(cron.pod(env=ENV, **REQUEST), Outcome.GRAPH_ERROR)
            assert ("the graph raised ValueError" in said) is (name == "ValueError")


def test_answers_that_hold_what_nobody_asked_for(cron: Cron) -> None:
    """Each answer repeats the request, and all that is text in it is a canary."""
    words = CANARIES["server"]

    def change(method: str, path: str, sent: Json, answer: Answer) -> Answer:
        status, value = answer
        if isinstance(value, dict):
            more = {"metadata": {**value.get("metadata", {}), "note": words}, "kwargs": sent, words: words}
            value = {**more, **{key: each for key, each in value.items() if key != "metadata"}}
        return status, value

    with serving(change) as url:
        cron.url = url
        check(cron.pod(env=ENV, **REQUEST), Outcome.SUCCEEDED)


@pytest.mark.parametrize("member", ["run_id", "status", "created_at"])
def test_members_of_a_run_that_are_not_of_their_form(cron: Cron, member: str) -> None:
    def change(method: str, path: str, sent: Json, answer: Answer) -> Answer:
        if re.search("/runs$", path) and method == "POST":
            return answer[0], {**answer[1], member: CANARIES["server"]}
        if re.search("/runs/[^/]+$", path) and member == "status":
            return answer[0], {**answer[1], member: CANARIES["server"]}
        return answer

    with serving(change) as url:
        cron.url = url
        pod = cron.pod(env=ENV, **REQUEST)
        assert leaks(raw(pod)) == set()


@pytest.mark.parametrize(
    "metadata",
    [
        {"outcome": "Cancelled", "reason": CANARIES["server"]},
        {"outcome": CANARIES["server"], "reason": CANARIES["server"], "state": "done"},
        {"run-id": CANARIES["server"], "thread-id": CANARIES["server"]},
        ended_mark(NO_RUN, CANARIES["server"]),
    ],
)
def test_records_that_somebody_else_has_written(cron: Cron, metadata: dict[str, str]) -> None:
    ours = {f"graphcron/{key.removeprefix('graphcron/')}": value for key, value in metadata.items()}

    def change(method: str, path: str, sent: Json, answer: Answer) -> Answer:
        if method == "POST" and path == "/threads":
            return 409, {"detail": "there is one already"}
        if path == "/threads/search":
            ids = sent["body"].get("ids") or ["3f2b1a52-0000-4000-8000-000000000000"]
            thread = {"thread_id": ids[0], "created_at": "2026-11-22T14:00:00Z", "updated_at": "2026-11-22T14:00:00Z"}
            made = {"graphcron/state": "active", "graphcron/scheduled-time": CANARIES["server"], **ours}
            return 200, [{**thread, "status": "idle", "interrupts": {}, "metadata": made}]
        return answer

    late = {"startingDeadlineSeconds": 5}
    with serving(change) as url:
        cron.url = url
        assert leaks(raw(cron.pod(5, ENV, **REQUEST, **late))) == set()


def test_predecessor_of_an_odd_time(cron: Cron) -> None:
    """The sentence about another occurrence names its time."""
    other = "3f2b1a52-0000-4000-8000-000000000000"

    def change(method: str, path: str, sent: Json, answer: Answer) -> Answer:
        if path == "/threads/search" and "ids" not in sent["body"]:
            thread = {"thread_id": other, "created_at": "2026-11-22T14:00:00Z", "updated_at": "2026-11-22T14:00:00Z"}
            made = {"state": "active", "run-id": other, "thread-id": other, "scheduled-time": CANARIES["server"]}
            metadata = {f"graphcron/{key}": each for key, each in made.items()}
            return 200, [{**thread, "status": "busy", "interrupts": {}, "metadata": metadata}]
        if path == f"/threads/{other}/runs/{other}":
            return 200, {"run_id": other, "thread_id": other, "status": "running", "created_at": "2026-11-22T14:00:00Z"}
        return answer

    with serving(change) as url:
        cron.url = url
        assert "PredecessorActive" in check(cron.pod(env=ENV, **REQUEST), Outcome.SKIPPED)


def test_stream_of_events(cron: Cron) -> None:
    message = {
        "id": CANARIES["server"],
        "type": CANARIES["server"],
        "content": CANARIES["value"],
        "usage_metadata": {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7},
        "response_metadata": {"model_name": CANARIES["server"]},
    }
    events = [
        ("metadata", {"run_id": CANARIES["server"], "attempt": 1}),
        ("messages", [message, {"ls_model_name": CANARIES["server"]}]),
        ("error", {"error": CANARIES["Class"], "message": CANARIES["value"]}),
        (CANARIES["server"], CANARIES["server"]),
    ]
    stream = "".join(f"id: {CANARIES['server']}\nevent: {name}\ndata: {json.dumps(data)}\n\n" for name, data in events)

    def change(method: str, path: str, sent: Json, answer: Answer) -> Any:
        if path.endswith("/stream"):
            return http(200, stream.encode(), Content_Type="text/event-stream")
        if re.search("/runs/[^/]+$", path) and method == "GET":
            return 200, {**answer[1], "status": "success"}
        return answer

    budget = Budget(maxCostPerRun="5", prices={"other": ["1", "1"]}, maxTokens=1000, window="7d")
    with serving(change) as url:
        cron.url = url
        said = check(cron.pod(env=ENV, **REQUEST, budget=budget), Outcome.SUCCEEDED)
        assert "no price is known for a model" in said


def test_preflight_of_what_a_server_tells_of_itself(cron: Cron) -> None:
    words = CANARIES["server"]
    kinds = {"type": "object", "properties": {words: {"type": words}, "messages": {"type": "integer"}}}
    of_schemas = {"input_schema": kinds, "context_schema": kinds, "config_schema": kinds}
    for assistants in ([], [{"assistant_id": words, "graph_id": words, "metadata": {"created_by": "system"}}]):

        def change(method: str, path: str, sent: Json, answer: Answer, found: Any = assistants) -> Answer:
            if path == "/info":
                return 200, {"name": words, "version": words}
            if path.endswith("/schemas"):
                return 200, of_schemas
            if found and path == "/assistants/search":
                return 200, found
            return answer

        with serving(change) as url:
            cron.url = url
            said = check(cron.pod(env={**ENV, contract.ENV_PREFLIGHT: "1"}, **REQUEST), Outcome.REJECTED)
            assert ("AssistantNotFound" if assistants else "InputMismatch") in said


WRONG_SHAPES = [
    json.dumps(REQUEST["input"]),
    json.dumps({CANARIES["member"]: CANARIES["value"]}),
    json.dumps({CANARIES["member"]: CANARIES["value"], "messages": "x"}),
    json.dumps([CANARIES["value"]]),
    json.dumps(CANARIES["value"]),
    CANARIES["number"],
    f'{{"messages": {CANARIES["value"]}}}',
    CANARIES["value"],
    json.dumps({"messages": "{{ " + CANARIES["template"] + " }}"}),
    json.dumps({"messages": "{{" + CANARIES["template"] + "}} {{ scheduledTime }}", CANARIES["member"]: "{{ x }}"}),
]


@pytest.mark.parametrize("preflight", [{}, {contract.ENV_PREFLIGHT: "1"}], ids=["run", "preflight"])
def test_input_from_a_secret_of_the_wrong_shape(cron: Cron, tmp_path: Path, preflight: dict[str, str]) -> None:
    schemas = {"input_schema": {"type": "object", "properties": {"messages": {"type": "array"}, "count": {}}}}

    def change(method: str, path: str, sent: Json, answer: Answer) -> Any:
        if path.endswith("/schemas"):
            return 200, schemas
        return repeating(422, 1, sent) if method == "POST" and path.endswith("/runs") else answer

    with serving(change) as url:
        cron.url = url
        for number, text in enumerate(WRONG_SHAPES):
            file = tmp_path / f"root-file-{number}" / contract.INPUT_DIR.lstrip("/") / contract.INPUT_FILE
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            request = {**REQUEST, "input": None, "inputFile": True, "inputTemplate": True}
            check(cron.pod(number, {**ENV, **preflight}, pod_uid=f"file-{number}", **request))


def test_template_of_a_plain_input(cron: Cron) -> None:
    secret = CANARIES["template"]
    for text in (
        "{{ S }}",
        "{{ name | S }}",
        "{{ scheduledTime | date('%QS') }}",
        "{{ S",
        "{{ scheduledTime | addDays(S) }}",
    ):
        given = {**REQUEST, "input": {"a": text.replace("S", secret)}, "inputTemplate": True}
        assert "InvalidInput" in check(cron.pod(env=ENV, **given), Outcome.REJECTED)


@pytest.mark.parametrize("proxy", ["http://user:{}/x@127.0.0.1:1", "socks5://{}@127.0.0.1", "http://u:{}@127.0.0.1:{}"])
def test_proxy_that_is_none(cron: Cron, proxy: str) -> None:
    env = {**ENV, "http_proxy": proxy.replace("{}", CANARIES["proxy"])}
    check(cron.pod(env=env, **REQUEST), Outcome.REJECTED)


def test_proxy_that_refuses(cron: Cron) -> None:
    """The reason phrase of a refused CONNECT is text, too."""

    class Handler(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            self.send_response(407, f"Go away {CANARIES['proxy']}")
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        cron.url = f"https://127.0.0.1:{free_port()}"
        pod = cron.pod(
            env={**ENV, "https_proxy": f"http://u:{CANARIES['proxy']}@127.0.0.1:{server.server_port}"}, **REQUEST
        )
        await_words(pod)
        pod.process.terminate()
        assert "the proxy refused to connect" in check(pod)
        server.shutdown()


def test_lines_that_are_no_http(cron: Cron) -> None:
    lines = (
        f"{CANARIES['server']}\r\n\r\n",
        f"HTTP/1.1 {CANARIES['number']} x\r\n\r\n",
        f"HTTP/1.1 200 OK\r\n{CANARIES['server']}\r\n\r\n",
    )
    for line in lines:
        with serving(lambda *_, line=line: line.encode()) as url:
            cron.url = url
            pod = cron.pod(env=ENV, **REQUEST)
            await_words(pod)
            pod.process.terminate()
            assert leaks(raw(pod)) == set()


def test_the_test_sees_canaries() -> None:
    assert leaks(f"…{CANARIES['value'][3:11]}…") == {"value"}
    assert leaks(CANARIES["value"][:7]) == set()
    assert leaks(json.dumps(CANARIES["unicode"])) == {"unicode"}
    assert leaks(CANARIES["key"].lower()) == {"key"}
