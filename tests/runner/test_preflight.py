"""Preflight: what a run would meet, found by questions only."""

import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from graphcron import contract
from graphcron.contract import Outcome, Report
from graphcron.runner.client import answers
from tests.runner.conftest import Faults
from tests.runner.harness import Api, Cron, free_port, serve
from tests.runner.test_wire import certificates

__all__ = ["certificates"]  # a fixture

UNKNOWN = "3f2b1a52-0000-4000-8000-000000000000"


def look(cron: Cron, env: dict[str, str] | None = None, **request: Any) -> Report:
    """Run a preflight's pod: it has no Job to go by."""
    values = {"input": {"messages": []}, **request}
    return cron.pod(
        env={contract.ENV_PREFLIGHT: "1", contract.ENV_JOB: "nightly-probe", **(env or {})}, **values
    ).wait()


def outcome_of(report: Report) -> tuple[Outcome, str]:
    return report.outcome, report.reason


def rejected(reason: str) -> tuple[Outcome, str]:
    return Outcome.REJECTED, reason


def test_all_is_well_and_nothing_was_made(api: Api, cron: Cron, faults: Faults) -> None:
    before = len(api.get("POST", "/threads/search", {"limit": 1000}))
    report = look(cron, run={"context": {"signature": "Ada"}, "config": {"configurable": {"other": 1}}})
    version = api.get("GET", "/info")["version"]
    assert outcome_of(report) == (Outcome.SUCCEEDED, "")
    assert report.server == f"langgraph-api {version}"
    assert report.message == f"{report.server} answers, and has the assistant agent"

    sent = [(request["method"], request["path"].split("?")[0]) for request in faults.requests()]
    assert len(sent) >= 4
    assert [each for each in sent if each[0] != "GET" and not (each[0] == "POST" and each[1].endswith("/search"))] == []
    assert api.threads(cron.uid) == []
    assert len(api.get("POST", "/threads/search", {"limit": 1000})) == before


def test_the_server_alone(cron: Cron, faults: Faults) -> None:
    report = look(cron, assistant="", input=None)
    assert outcome_of(report) == (Outcome.SUCCEEDED, "")
    assert report.message == f"{report.server} answers"
    assert len(faults.requests()) == 2


def test_a_server_that_is_not_there(cron: Cron, monkeypatch: pytest.MonkeyPatch) -> None:
    cron.url = f"http://127.0.0.1:{free_port()}"
    report = cron.pod(env={contract.ENV_PREFLIGHT: "1"}).wait(60)
    assert outcome_of(report) == (Outcome.SERVER_UNREACHABLE, "")
    assert f"refused, at {cron.url}; in a pod, that is the pod itself" in report.message


def test_a_server_that_is_slow_to_come(cron: Cron, faults: Faults) -> None:
    faults.rules({"fault": "answer", "status": 503, "times": 2}, {"fault": "answer", "status": 429})
    assert look(cron).outcome is Outcome.SUCCEEDED


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serve(tmp_path_factory.mktemp("keyed"), API_KEY="right-key") as url:
        yield url


def test_the_key(cron: Cron, keyed: str) -> None:
    cron.url = keyed
    for assistant in ("", "agent"):
        for env in ({}, {contract.ENV_API_KEY: "wrong-key"}):
            assert outcome_of(look(cron, env, assistant=assistant)) == rejected("Unauthorized")
        assert look(cron, {contract.ENV_API_KEY: "right-key"}, assistant=assistant).outcome is Outcome.SUCCEEDED
    assert outcome_of(look(cron, {contract.ENV_API_KEY: "a\nb"})) == rejected("InvalidHeader")


def test_the_certificate(
    cron: Cron, make_faults: Callable[..., Faults], certificates: tuple[Path, Path], tmp_path: Path
) -> None:
    cert, key = certificates
    cron.url = f"https://127.0.0.1:{make_faults('--cert', str(cert), '--key', str(key)).port}"
    assert outcome_of(look(cron)) == rejected("CertificateNotTrusted")
    assert outcome_of(look(cron, caFile=True)) == rejected("InvalidServer")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"status": 302, "headers": {"Location": "http://127.0.0.1:1/"}}, "Redirected"),
        ({"status": 404, "body": "<html>nothing here</html>"}, "NotALangGraphServer"),
        ({"status": 200, "body": "<html>welcome</html>"}, "NotALangGraphServer"),
        ({"status": 200, "body": '{"hello": "world"}'}, "NotALangGraphServer"),
        ({"status": 405}, "NotALangGraphServer"),
        ({"status": 403, "body": "{}"}, "Unauthorized"),
        ({"status": 418, "body": '{"detail": "a teapot"}'}, "HTTP418"),
    ],
)
def test_something_else_answers(cron: Cron, faults: Faults, answer: dict[str, Any], reason: str) -> None:
    faults.rules({"fault": "answer", "times": None, **answer})
    assert outcome_of(look(cron)) == rejected(reason)


def test_a_url_that_is_none(cron: Cron) -> None:
    cron.url = "ftp://x"
    assert outcome_of(look(cron)) == rejected("InvalidServer")


@pytest.mark.parametrize("name", ["no-such-graph", UNKNOWN])
def test_an_assistant_that_is_missing(cron: Cron, name: str) -> None:
    report = look(cron, assistant=name)
    assert outcome_of(report) == rejected("AssistantNotFound")
    assert report.message == f"the server has no assistant {name}; POST /assistants/search lists those that it has"


def test_assistants_by_id_and_those_that_people_made(api: Api, cron: Cron) -> None:
    made = api.get("POST", "/assistants", {"graph_id": "steps", "name": "Weekly"})["assistant_id"]
    found = api.get("POST", "/assistants/search", {"graph_id": "agent"})[0]["assistant_id"]
    assert look(cron, assistant=found).outcome is Outcome.SUCCEEDED
    assert look(cron, assistant=made, input={"steps": 1}).outcome is Outcome.SUCCEEDED
    assert look(cron, assistant=made).reason == "InputMismatch"


@pytest.mark.parametrize("name", ["agent", UNKNOWN])
@pytest.mark.parametrize("seen", ["[]", '[{"assistant_id": "x", "graph_id": "mine", "metadata": {"owner": "me"}}]'])
def test_a_server_that_hides_assistants_is_not_called_wrong(cron: Cron, faults: Faults, name: str, seen: str) -> None:
    hidden = {"fault": "answer", "times": None}
    faults.rules(
        {"path": "/assistants/search$", "status": 200, "body": seen, **hidden},
        {"path": "/assistants/", "status": 404, "body": '{"detail": "Not Found"}', **hidden},
    )
    report = look(cron, assistant=name)
    assert report.outcome is Outcome.SUCCEEDED
    assert f"whether it has the assistant {name} can't be seen with this key" in report.message


@pytest.mark.parametrize("status", [403, 404])
def test_a_key_that_may_not_ask_for_assistants_may_run_them(cron: Cron, faults: Faults, status: int) -> None:
    faults.rules({"path": "/assistants/", "fault": "answer", "status": status, "times": None})
    for name in ("agent", UNKNOWN):
        assert look(cron, assistant=name).outcome is Outcome.SUCCEEDED


def test_threads(api: Api, cron: Cron) -> None:
    missing = str(uuid.uuid4())
    assert outcome_of(look(cron, thread=missing)) == rejected("ThreadNotFound")
    assert "will be made by the first run" in look(cron, thread=missing, createThread=True).message
    assert "will be made by the first run" in look(cron, threadPer="day").message
    thread = api.get("POST", "/threads", {})["thread_id"]
    assert look(cron, thread=thread).outcome is Outcome.SUCCEEDED

    api.get("POST", f"/threads/{thread}/runs/wait", {"assistant_id": "approval", "input": {"request": "pay"}})
    waiting = look(cron, thread=thread)
    assert (waiting.outcome, waiting.awaited) == (Outcome.SUCCEEDED, True)
    assert "waits for human input, and runs are skipped until it is answered" in waiting.message
    assert api.get("GET", f"/threads/{thread}")["interrupts"]
    assert "a run discards" in look(cron, thread=thread, onInterrupted="proceed").message


def test_input_and_context(cron: Cron, tmp_path: Path) -> None:
    report = look(cron, input={"mesages": []})
    assert outcome_of(report) == rejected("InputMismatch")
    where = "GET /assistants/ASSISTANT_ID/schemas tells what the graph takes"
    assert report.message == f"the input has no key that the graph knows; {where}"
    assert "is a string, and the graph takes an object;" in look(cron, input="hello").message
    assert "leaves out 1 key of the input" in look(cron, input={"messages": [], "color": "red"}).message
    assert look(cron, input={"messages": "hello"}).outcome is Outcome.SUCCEEDED

    report = look(cron, run={"context": {"signatur": "Ada"}})
    assert outcome_of(report) == rejected("ContextMismatch")
    assert "the context has no key that the graph knows" in report.message
    assert look(cron, run={"context": {"signature": ["Ada"]}}).reason == "ContextMismatch"

    file = tmp_path / "root-file" / contract.INPUT_DIR.lstrip("/") / contract.INPUT_FILE
    file.parent.mkdir(parents=True)
    for content, reason in ((None, "InvalidInput"), ("{", "InvalidInput"), ('{"x": 1}', "InputMismatch")):
        if content:
            file.write_text(content)
        report = cron.pod(env={contract.ENV_PREFLIGHT: "1"}, pod_uid="file", inputFile=True).wait()
        assert outcome_of(report) == rejected(reason)
    assert look(cron, input={"messages": [{"role": "user", "content": "{{ nme }}"}]}, inputTemplate=True).reason == (
        "InvalidInput"
    )


def test_a_server_without_schemas(cron: Cron, faults: Faults) -> None:
    for answer in ({"status": 404}, {"status": 500}, {"status": 200, "body": "[]"}, {"status": 200, "body": "x"}):
        faults.rules({"path": "/schemas$", "fault": "answer", "times": None, **answer})
        report = look(cron, input={"anything": 1})
        assert report.outcome is Outcome.SUCCEEDED
        assert report.message.endswith("the input was not checked: the graph publishes no input schema")


def test_no_input_on_a_fresh_thread(api: Api, cron: Cron) -> None:
    fresh = look(cron, input=None)
    assert outcome_of(fresh) == rejected("InputMismatch")
    assert fresh.message.startswith("there is no input, and without one every graph fails on a fresh thread")
    assert outcome_of(look(cron, input=None, threadPer="day")) == rejected("InputMismatch")
    assert outcome_of(look(cron, input=None, thread=UNKNOWN, createThread=True)) == rejected("InputMismatch")
    assert cron.pod(input=None).wait().reason == "EmptyInputError"
    thread = api.get("POST", "/threads", {})["thread_id"]
    assert look(cron, input=None, thread=thread).outcome is Outcome.SUCCEEDED


def test_required_keys_that_the_input_lacks(cron: Cron) -> None:
    report = look(cron, input={})
    assert report.outcome is Outcome.SUCCEEDED
    assert "the input lacks 1 key that the graph's schema requires; GET /assistants" in report.message
    assert "lacks" not in look(cron, input={"messages": []}).message


LATER = {"fault": "answer", "status": 503, "headers": {"Retry-After": "3600"}}
SILENT = {"fault": "hang", "seconds": 60}


@pytest.mark.parametrize(
    ("path", "fault", "note"),
    [
        ("/info$", LATER, "GET /info, which tells its version, was not answered"),
        ("/assistants/search$", LATER, "the assistant agent can't be seen: a question for it was not answered"),
        ("/schemas$", SILENT, "the input was not checked: the question for the graph's schemas was not answered"),
    ],
)
def test_no_answer_to_an_optional_question_is_a_note(
    cron: Cron, faults: Faults, path: str, fault: dict[str, Any], note: str
) -> None:
    faults.rules({"path": path, "times": None, **fault})
    report = look(cron)
    assert report.outcome is Outcome.SUCCEEDED
    assert note in report.message


@pytest.mark.parametrize(
    ("headers", "sent"),
    [
        ({}, "sent without an API key or any other header"),
        ({contract.ENV_API_KEY: "wrong-key"}, "sent with x-api-key"),
        ({f"{contract.ENV_HEADER_PREFIX}0": "Bearer wrong-key"}, "sent with authorization"),
    ],
)
def test_refused_credentials(cron: Cron, keyed: str, headers: dict[str, str], sent: str) -> None:
    cron.url = keyed
    report = look(cron, headers, headers=("authorization",) if "authorization" in sent else ())
    assert outcome_of(report) == rejected("Unauthorized")
    refused = "the server refused POST /threads/search (401): it does not know the key or token"
    assert report.message == f"{refused}; {sent}"
    assert "wrong-key" not in report.to_json()


def test_what_a_server_lacks(cron: Cron, faults: Faults) -> None:
    body = json.dumps({"name": "Aegra", "version": "0.1.0"})
    faults.rules({"path": "/info$", "fault": "answer", "status": 200, "body": body})
    report = look(cron, assistant="")
    assert (report.outcome, report.server) == (Outcome.SUCCEEDED, "Aegra 0.1.0")
    assert "multitaskStrategy: reject has no effect" in report.message
    faults.rules({"path": "/info$", "fault": "answer", "status": 404})
    report = look(cron)
    assert (report.server, report.message) == ("", "a LangGraph server answers, and has the assistant agent")


def test_nothing_private_is_said(cron: Cron) -> None:
    pod = cron.pod(
        env={contract.ENV_PREFLIGHT: "1", contract.ENV_API_KEY: "key-of-keys"},
        input={"messages": 5},
        run={"context": {"signature": "private words"}},
    )
    report = pod.wait()
    assert report.reason == "InputMismatch"
    for text in ("key-of-keys", "private words"):
        assert text not in pod.log + report.to_json()


def test_products() -> None:
    assert answers.product_of({"version": "0.2.1", "langgraph_py_version": "1"}) == "langgraph-api 0.2.1"
    assert answers.product_of({"version": "0.16.7.dev3"}) == "langgraph-api 0.16.7.dev3"
    assert answers.product_of({"name": "AEGRA", "version": "1.0.0rc1"}) == "Aegra 1.0.0rc1"
    for other in (
        {},
        {"version": 5},
        {"version": "secret"},
        {"name": "secret", "version": "1"},
        {"name": 5, "version": "1"},
    ):
        assert answers.product_of(other) == ""
    assert answers.is_product("Aegra 1.0.0rc1")
    assert not any(map(answers.is_product, ("", " 1", "aegra 1", "secret 1", "Aegra secret", None)))
