"""What an answer of a server becomes: sentences of our own, and nothing of the answer."""

import ast
import json
from typing import Any

import pytest

from graphcron.runner.client import answers
from tests.runner.harness import ROOT

RUNNER = ROOT / "operator" / "graphcron" / "runner"
SECRET = "zq7Kxw9TmPv3Yjh8"
SHAPES = [
    SECRET,
    f"<html><title>{SECRET}</title>",
    f"Assistant '{SECRET}' not found",
    f"Graph '{SECRET}' not found. Expected one of: ['{SECRET}']",
    f"Thread with ID {SECRET} not found",
    f"Invalid assistant: '{SECRET}'. Must be either:\n- {SECRET}",
    f'"{SECRET}" is not of type "object"\n\nFailed validating "type"\n\nOn instance["input"]["{SECRET}"]:\n    {SECRET}',
    f'"{SECRET}" is not valid\n\nOn instance["{SECRET}"]:\n    "{SECRET}"',
    [{"type": "missing", "loc": ["body", SECRET], "msg": SECRET, "input": SECRET}],
    [{"type": SECRET, "loc": ["body", "input", SECRET], "msg": SECRET, "input": {SECRET: SECRET}}],
    [{"type": "value_error", "loc": SECRET, "msg": SECRET}, SECRET, None],
    [SECRET],
    {SECRET: SECRET},
]


def windows(text: str) -> set[str]:
    return {text[at : at + 8] for at in range(len(text) - 7)}


@pytest.mark.parametrize("status", [*range(300, 600), 999])
def test_sentence_holds_nothing_of_the_answer(status: int) -> None:
    for shape in SHAPES:
        for value in (shape, {"detail": shape}, {"message": shape}, {"error": shape}, [shape]):
            said = answers.sentence_of(status, json.dumps(value).encode())
            assert not windows(SECRET.lower()) & windows(said.lower())
        if isinstance(shape, str):
            said = answers.sentence_of(status, shape.encode())
            assert not windows(SECRET.lower()) & windows(said.lower())


@pytest.mark.parametrize(
    ("status", "detail", "said"),
    [
        (401, "bad api key", "it does not know the key or token"),
        (401, "Invalid token", "it does not know the key or token"),
        (401, "Token has expired", "the key or token has expired"),
        (401, "Missing authentication headers", "it has found no key or token in the request"),
        (401, "Authentication required", "it has found no key or token in the request"),
        (403, "Not authenticated", "it has found no key or token in the request"),
        (403, "Forbidden", "the key or token has no right to do this"),
        (403, "Missing permission for threads:search", "the key or token has no right to do this"),
        (403, "Required scope is not permitted on threads:search", "the key or token has no right to do this"),
        (403, "Plan limit reached", "its plan does not allow this"),
        (403, "Not available on your current plan", "its plan does not allow this"),
        (403, "License key is invalid", "its licence does not allow this"),
        (403, "Monthly quota exceeded", "a quota is used up"),
        (429, "Rate limit exceeded", "a quota is used up"),
        (404, "Assistant 'x' not found", "it has no such assistant"),
        (404, "Graph 'x' not found. Expected one of: ['agent']", "it has no such assistant"),
        (422, "Invalid assistant: 'x'. Must be either:\n- a graph", "it has no such assistant"),
        (404, "Thread with ID 'x' not found. Please verify the ID is correct.", "it has no such thread"),
        (404, "Thread or assistant not found.", "it has no such thread, or no such assistant"),
        (404, "Not Found", "it knows no such path; check the path of its URL"),
        (405, "Method Not Allowed", "it knows no such path; check the path of its URL"),
        (409, "Thread is already running a task. Wait for it to finish.", "another run is active on the thread"),
        (400, "Cannot specify both configurable and context.", "config.configurable and context exclude each other"),
        (422, "Webhook host blocked: x", "it refuses the webhook's URL"),
        (422, "Must specify either 'input' or 'command'", "it does not take a run without an input"),
        (500, "Internal Server Error", "it failed, and its log says why"),
        (503, "Service Unavailable", "it is not ready"),
        (504, "", "a proxy got no answer from it in time"),
        (418, "a teapot", ""),
        (422, "something else", ""),
        (404, "something else", ""),
    ],
)
def test_known_shapes(status: int, detail: str, said: str) -> None:
    assert answers.sentence_of(status, json.dumps({"detail": detail}).encode()) == said
    assert answers.sentence_of(status, detail.encode()) == said


@pytest.mark.parametrize(
    ("detail", "said"),
    [
        ([{"type": "missing", "loc": ["body", "assistant_id"]}], "`assistant_id` is missing"),
        ([{"type": "extra_forbidden", "loc": ["body", "webhook"]}], "`webhook` is unknown to it"),
        ([{"type": "string_type", "loc": ["body", "durability"]}], "`durability` has the wrong type"),
        ([{"type": "missing", "loc": ["body", "input", "messages"]}], "`input` has a value that it refuses"),
        ([{"type": "missing", "loc": ["body", "messages"]}], ""),
        ([{"type": "missing", "loc": ["path", "input"]}], ""),
        (
            [{"type": "value_error", "loc": ["body", name, 0]} for name in ("config", "input", "config")],
            "`config` has a value that it refuses; `input` has a value that it refuses",
        ),
        (
            '"x" is not of type "object"\n\nOn instance["multitask_strategy"]:\n "x"',
            "`multitask_strategy` has a value that it refuses",
        ),
    ],
)
def test_only_our_own_fields_are_named(detail: Any, said: str) -> None:
    assert answers.sentence_of(422, json.dumps({"detail": detail}).encode()) == said


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"5", b"null", b'{"detail": 5}', b'{"detail": null}', b"\xff", b"{" * 9999]
)
def test_answers_without_words(body: bytes) -> None:
    assert answers.sentence_of(422, body) == ""


def test_page_comes_from_a_proxy() -> None:
    page = b"  <html>bad api key</html>"
    assert answers.sentence_of(401, page) == answers.sentence_of(404, page) != ""
    assert answers.sentence_of(502, page) == "a proxy got no answer from it"


def test_ids() -> None:
    assert answers.is_uuid("3F2b1a52-0000-4000-8000-00000000000f")
    for text in (
        "",
        "r",
        SECRET,
        "3f2b1a52-0000-4000-8000-00000000000g",
        "3f2b1a5200004000800000000000000012ab",
        None,
        5,
    ):
        assert not answers.is_uuid(text)


def test_reasons_on_a_record() -> None:
    for reason in ("Replaced", "HTTP422", "ValueError"):
        assert answers.reason_of(reason) == reason
    for text in ("", SECRET, "HTTP", "HTTPabc", "HTTP²²²", "HTTP1234", "Replaced by somebody"):
        assert answers.reason_of(text) == ""


def test_all_reasons_of_the_runner_are_listed() -> None:
    """A literal beside an Outcome, or given to a helper that puts one there, is a reason."""
    found = set()
    for file in RUNNER.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            at = {"RunEnded": 1, "RunResult": 1, "_skipped": 0, "_rejected": 0}.get(node.func.id)
            if at is not None and len(node.args) > at:
                words = [each for each in ast.walk(node.args[at]) if isinstance(each, ast.Constant)]
                found |= {each.value for each in words if str(each.value).isidentifier()} - {"HTTP"}
    assert {"Replaced", "WrongPod", "ScheduleIsYounger"} <= found
    assert {reason for reason in found if answers.reason_of(reason) != reason} == set()
