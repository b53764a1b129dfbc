"""The runner's decisions, without a server."""

import json
import uuid

import pytest

from graphcron.contract import Outcome, Request
from graphcron.runner.client import errors, langgraph_api, objects, proxies
from graphcron.runner.occurrence import identity, input_template, record_thread
from graphcron.runner.occurrence import outcome as outcomes
from graphcron.runner.occurrence.record_thread import Record
from graphcron.runner.occurrence.retrying_client import RetryingClient
from graphcron.runner.occurrence.runtime import Clock, Runtime
from graphcron.runner.occurrence.settings import Settings
from graphcron.runner.occurrence.state import RunState
from graphcron.runner.run import cleanup

RUN = "3f2b1a52-0000-4000-8000-000000000000"


@pytest.mark.parametrize("name", ["", "a", "6c1e/2026-11-22T14:00:00Z", "ü" * 100])
def test_uuid5_is_the_standard_library_s(name: str) -> None:
    space = uuid.uuid5(uuid.NAMESPACE_DNS, "graphcron.dev")
    assert bytes(identity.NAMESPACE) == space.bytes
    assert identity.uuid5(name) == str(uuid.uuid5(space, name))


def test_the_occurrence_s_ids_never_change() -> None:
    """Two versions of the runner that met one occurrence would make two runs."""
    name = identity.occurrence("2a7c0c4e-1111-4222-8333-444455556666", identity.scheduled_time("nightly-29930400"))
    assert name == "2a7c0c4e-1111-4222-8333-444455556666/2026-11-28T00:00:00Z"
    assert identity.lock_id(name, 0) == "1edac575-4e8c-5069-a84a-487841e429e0"
    assert identity.lock_id(name, 1) == identity.uuid5(f"{name}/lock/1")
    assert identity.resume_name(name, "r") == f"{name}/resume/r"
    assert identity.occurrence("2a7c", 0, "now!") == "2a7c/trigger/now!"
    assert identity.period_thread("2a7c", "day", (), 0) == identity.uuid5("2a7c/thread/day/1970-01-01")


@pytest.mark.parametrize("job", ["nightly", "nightly-", "nightly-1x", "nightly-١", ""])
def test_a_job_that_no_cronjob_made(job: str) -> None:
    with pytest.raises(ValueError, match="scheduled minute"):
        identity.scheduled_time(job)


@pytest.mark.parametrize(
    ("host", "port", "no_proxy", "excepted"),
    [
        ("a.example.org", 80, "", False),
        ("a.example.org", 80, "*", True),
        ("a.example.org", 80, "example.org", True),
        ("a.example.org", 80, ".example.org", True),
        ("a.example.org", 80, "*.example.org", True),
        ("aexample.org", 80, "example.org", False),
        ("a.example.org", 80, "x, A.EXAMPLE.ORG ,y", True),
        ("a.example.org", 80, "example.org:81", False),
        ("a.example.org", 81, "example.org:81", True),
        ("langgraph.agents.svc.cluster.local", 80, ".svc,.cluster.local", True),
        ("10.1.2.3", 80, "10.0.0.0/8", True),
        ("11.1.2.3", 80, "10.0.0.0/8", False),
        ("10.example.org", 80, "10.0.0.0/8", False),
        ("10.1.2.3", 80, "example.org,10.1.2.0/24", True),
        ("10.1.3.3", 80, "10.1.2.0/24", False),
        ("10.1.2.3", 80, "10.1.2.9/24", True),
        ("10.1.2.3", 80, "10.1.2.0/33", False),
        ("fd00::1", 80, "fd00::/8", True),
        ("fe00::1", 80, "fd00::/8", False),
        ("10.1.2.3", 80, "fd00::/8", False),
        ("::1", 80, "[::1]", True),
    ],
)
def test_no_proxy(host: str, port: int, no_proxy: str, excepted: bool) -> None:
    assert proxies.excepted(host, port, no_proxy) is excepted


def test_which_proxy() -> None:
    environ = {"HTTP_PROXY": "http://upper:1", "http_proxy": "lower:2", "HTTPS_PROXY": "http://u:p@tls"}
    assert proxies.proxy_for("http", "x", 80, environ) == ("lower", 2, {})
    assert proxies.proxy_for("https", "x", 443, environ) == ("tls", 80, {"Proxy-Authorization": "Basic dTpw"})
    assert proxies.proxy_for("https", "x", 443, {}) is None
    with pytest.raises(ValueError, match="HTTP_PROXY"):
        proxies.proxy_for("http", "x", 80, {"HTTP_PROXY": "socks5://x:1"})


def test_template_is_filled_in_strings_but_not_in_keys() -> None:
    values: input_template.Values = {"name": "n", "occurrence": "o", "scheduledTime": 0}
    given = {"{{ name }}": ["{{name}} {{  occurrence }}", 1, None, {"a": "{ name }{{scheduledTime|date('%y')}}"}]}
    assert input_template.fill(given, values) == {"{{ name }}": ["n o", 1, None, {"a": "{ name }70"}]}
    for text, problem in (("nmae", "that is not one of name"), ("previousScheduledTime", "belongs to no schedule")):
        with pytest.raises(errors.RunEnded) as caught:
            input_template.fill([f"{{{{ {text} }}}}"], values)
        assert caught.value.result.outcome is Outcome.REJECTED
        assert problem in caught.value.result.message
        assert "nmae" not in caught.value.result.message


@pytest.mark.parametrize(
    ("status", "interrupts", "newest", "outcome"),
    [
        ("idle", {}, True, Outcome.SUCCEEDED),
        ("busy", {}, True, Outcome.SUCCEEDED),
        ("interrupted", {"t": [1]}, True, Outcome.INTERRUPTED),
        ("interrupted", {}, True, Outcome.INTERRUPTED),
        ("interrupted", {"t": [1]}, False, Outcome.SUCCEEDED),
        ("error", {}, False, Outcome.SUCCEEDED),
    ],
)
def test_success(status: str, interrupts: object, newest: bool, outcome: Outcome) -> None:
    assert outcomes.of_success({"status": status, "interrupts": interrupts}, newest=newest).outcome is outcome


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ({"error": "ValueError", "message": "secret"}, "ValueError"),
        ({"error": "TaskNotFound"}, "TaskNotFound"),
        ({"error": "my.pkg.Error"}, ""),
        ({"error": "secretError"}, ""),
        ({"error": "Secret"}, ""),
        ({"error": "Ünicode" + "Error"}, ""),
        ({"error": "ValueError('secret words')"}, ""),
        ({"error": "X" * 200 + "Error"}, ""),
        ({"error": 5}, ""),
        ({}, ""),
    ],
)
def test_error(error: dict[str, object], reason: str) -> None:
    result = outcomes.of_error(error)
    assert (result.outcome, result.reason) == (Outcome.GRAPH_ERROR, reason)
    assert "secret" not in result.message


@pytest.mark.parametrize(
    ("metadata", "outcome", "reason"),
    [
        ({}, Outcome.CANCELLED, ""),
        (record_thread.stopped_mark("r", "pod"), Outcome.STOPPED, ""),
        (record_thread.stopped_mark("other", "pod"), Outcome.CANCELLED, ""),
        (record_thread.ended_mark("r", "Timeout"), Outcome.TIMEOUT, ""),
        (record_thread.ended_mark("r", "Replaced"), Outcome.CANCELLED, "Replaced"),
        (
            record_thread.ended_mark("r", "Replaced") | record_thread.stopped_mark("r", "pod"),
            Outcome.CANCELLED,
            "Replaced",
        ),
        (record_thread.ended_mark("q", "Timeout"), Outcome.CANCELLED, ""),
    ],
)
def test_interrupted(metadata: dict[str, str], outcome: Outcome, reason: str) -> None:
    result = outcomes.of_interrupted("r", Record({"metadata": metadata}), timeout=60)
    assert (result.outcome, result.reason) == (outcome, reason)
    assert outcomes.of_interrupted("r", None, timeout=60).outcome is Outcome.CANCELLED


def test_retry_after() -> None:
    assert [langgraph_api.retry_after(text) for text in ("", "7", " 3 ", "Wed, 21 Oct 2026 07:28:00 GMT")] == [
        0,
        7,
        3,
        0,
    ]


@pytest.mark.parametrize(
    ("state", "tokens"),
    [
        (None, None),
        ({"values": None}, None),
        ({"values": []}, None),
        ({"values": {"messages": "none"}}, None),
        ({"values": {"messages": [{"type": "human"}, "x", {"usage_metadata": None}]}}, None),
        (
            {
                "values": {
                    "messages": [{"usage_metadata": {"total_tokens": 3}}, {"usage_metadata": {"total_tokens": 4}}]
                }
            },
            7,
        ),
    ],
)
def test_tokens(state: dict[str, object] | None, tokens: int | None) -> None:
    assert outcomes.tokens_of(state) == tokens


@pytest.mark.parametrize(
    ("tasks", "torn"),
    [
        ([], ""),
        (None, ""),
        ([{"error": None, "result": None}], ""),
        ([{"error": "CancelledError()", "result": None}, {"error": None, "result": {"a": 1}}], ""),
        ([{"error": "CancelledError()", "result": {"a": 1}}], "c"),
    ],
)
def test_torn(tasks: object, torn: str) -> None:
    assert objects.torn_checkpoint({"tasks": tasks, "checkpoint": {"checkpoint_id": "c"}}) == torn
    assert objects.torn_checkpoint(None) == ""


@pytest.mark.parametrize(
    ("metadata", "goes"),
    [
        (
            {
                record_thread.KIND: "own",
                record_thread.OUTCOME: "Succeeded",
                record_thread.ON_COMPLETED: "delete",
                record_thread.RUN_ID: RUN,
            },
            True,
        ),
        (
            {
                record_thread.KIND: "own",
                record_thread.OUTCOME: "Succeeded",
                record_thread.ON_COMPLETED: "keep",
                record_thread.RUN_ID: RUN,
            },
            False,
        ),
        (
            {
                record_thread.KIND: "own",
                record_thread.OUTCOME: "GraphError",
                record_thread.ON_COMPLETED: "delete",
                record_thread.RUN_ID: RUN,
            },
            False,
        ),
        ({record_thread.KIND: "own", record_thread.OUTCOME: "Skipped"}, True),
        ({record_thread.KIND: "own", record_thread.OUTCOME: "Rejected"}, True),
        ({record_thread.KIND: "own", record_thread.OUTCOME: "Rejected", record_thread.RUN_ID: RUN}, False),
        ({record_thread.KIND: "own", record_thread.OUTCOME: "ServerUnreachable"}, False),
        ({record_thread.KIND: "shared", record_thread.OUTCOME: "GraphError", record_thread.RUN_ID: RUN}, True),
        ({record_thread.KIND: "lock"}, True),
        ({}, False),
    ],
)
def test_what_is_tidied_away(metadata: dict[str, str], goes: bool) -> None:
    due = {**metadata, record_thread.DELETE_AFTER: "2026-11-22T14:00:00Z"}
    at = 1795356000.0
    assert cleanup.is_deletable(Record({"metadata": due}), at + 1) is goes
    assert cleanup.is_deletable(Record({"metadata": due}), at - 1) is False
    assert cleanup.is_deletable(Record({"metadata": metadata}), at + 1) is False


def test_the_longest_request_fits() -> None:
    assert Request.from_json(Request(url="http://x", assistant="a", input="x" * 90_000).to_json()).input == "x" * 90_000
    assert json.loads(Request(url="http://x", assistant="a").to_json()) == {"url": "http://x", "assistant": "a"}


@pytest.mark.parametrize(("began", "seconds"), [(5.0, 120.0), (60.0, 60.0 + 3_600.0)])
def test_a_late_pod_waits_for_an_hour(began: float, seconds: float) -> None:
    known = Settings(
        Request("http://s", assistant="agent"), "ns", "n", "u", "p", 0, 0, "", "", "u/0", None, {}, "", 20.0, {}
    )
    clock = Clock()
    clock.now = lambda: began  # type: ignore[method-assign]
    runtime = Runtime(None, clock, None, None, connect=None, write_report=None)  # type: ignore[arg-type]
    assert RetryingClient(None, known, RunState(), runtime).start_deadline == seconds  # type: ignore[arg-type]
