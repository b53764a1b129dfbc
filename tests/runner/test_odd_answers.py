"""Answers of odd types, and ids that lead elsewhere: a lost answer, never an error of the runner's own."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from graphcron.runner.admission import turns
from graphcron.runner.budget import ledger, tokens
from graphcron.runner.client import answers
from graphcron.runner.client.errors import RequestRejected, ResponseLost, Unanswered
from graphcron.runner.client.http_transport import Answer, Transport
from graphcron.runner.client.langgraph_api import LangGraphClient, path_of
from graphcron.runner.occurrence import outcome
from graphcron.runner.occurrence.record_thread import ACCEPTED, ATTEMPTS, DELETE_AFTER, RUN_ID, SCHEDULED, Record
from graphcron.runner.preflight import json_schema, preflight
from graphcron.runner.run import cleanup, start

ID = "3f2b1a52-0000-4000-8000-000000000000"
ELSEWHERE = "../../tenant-b/threads/3f2b1a52-0000-4000-8000-000000000000"
AT = "2026-11-22T14:00:00Z"
THREAD = {"thread_id": ID, "created_at": AT, "metadata": {}}
RUN = {"run_id": ID, "thread_id": ID, "status": "success", "created_at": AT, "metadata": {}}

ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda each: st.lists(each, max_size=2) | st.dictionaries(st.text(max_size=5), each, max_size=2),
    max_leaves=4,
)
# fmt: off
KEYS = (
    "thread_id", "run_id", "created_at", "updated_at", "metadata", "config", "interrupts", "status", "next", "tasks",
    "checkpoint", "checkpoint_id", "values", "messages", "usage_metadata", "total_tokens", "error", "result", "name",
    "version", "graph_id", "created_by", "type", "properties", "input_schema", "anyOf", "$ref", "graphcron/day",
    "graphcron/earlier", "message", "id", "response_metadata", "input_tokens", "task", "assistant_id",
)
# fmt: on
WORDS = st.sampled_from([ID, AT, ELSEWHERE, "success", "interrupted", "idle", "system", "object", "langgraph-api"])
RECORD = st.dictionaries(
    st.sampled_from([DELETE_AFTER, SCHEDULED, ACCEPTED, ATTEMPTS, RUN_ID, ledger.DAY, ledger.EARLIER]), ODD | WORDS
)
MEMBER = st.recursive(
    ODD | WORDS | RECORD,
    lambda each: st.lists(each, max_size=2) | st.dictionaries(st.sampled_from(KEYS), each, max_size=6),
    max_leaves=12,
)
REAL = st.builds(
    lambda odd, kept, with_run: {**THREAD, **(RUN if with_run else {}), **odd, **kept},
    st.dictionaries(st.sampled_from(KEYS), MEMBER, max_size=5),
    st.sampled_from([{}, {"thread_id": ID, "run_id": ID}, {"created_at": AT, "thread_id": ID, "run_id": ID}]),
    st.booleans(),
)
ANSWER = MEMBER | REAL | st.lists(REAL | ODD, max_size=2)
PHASES = [phase for phase in Phase if phase is not Phase.shrink]
AT_RANDOM = settings(max_examples=150, deadline=None, phases=PHASES, suppress_health_check=[HealthCheck.too_slow])


class Said(Transport):
    """Gives one answer to every request, and notes where those went."""

    def __init__(self, answer: Any) -> None:
        self.body, self.paths = json.dumps(answer).encode(), list[str]()

    def request(self, method: str, path: str, body: bytes | None = None, *, limit: int = 1 << 24) -> Answer:
        self.paths.append(path)
        return Answer(200, "", self.body, whole=True)


def look_at_thread(thread: dict[str, Any]) -> None:
    record = Record(thread)
    _ = (record.created, record.updated, record.scheduled, record.outcome, record.reason, record.text(RUN_ID))
    outcome.of_success(thread, newest=True)
    outcome.of_interrupted(ID, record, timeout=None)
    cleanup.is_deletable(record, 0)
    turns.is_reserved(record, 0)
    turns.has_withdrawn(record)
    start._attempt(thread, record)
    assert answers.is_uuid(record.id)


def look_at_run(run: dict[str, Any]) -> None:
    answers.run_status(run)
    start._attempt(run, None)
    assert run["thread_id"] == ID
    assert answers.is_uuid(run["run_id"])


@AT_RANDOM
@given(ANSWER)
def test_answer_of_any_shape_is_read_or_lost(answer: Any) -> None:
    server = LangGraphClient(Said(answer))
    with suppress(Unanswered, RequestRejected):
        threads = server.search_threads({}, limit=1)
        for thread in threads:
            look_at_thread(thread)
        ledger.count(threads)
        ledger.earlier(threads, 0)
        ledger.outdated(threads, 0)
    for ask in (server.thread, server.thread_at_rest):
        with suppress(Unanswered, RequestRejected):
            if thread := ask(ID):
                look_at_thread(thread)
    for run_of in (server.run, server.create_run):
        with suppress(Unanswered, RequestRejected):
            if run := run_of(ID, {} if run_of == server.create_run else ID):
                look_at_run(run)
    with suppress(Unanswered, RequestRejected):
        for run in server.runs(ID, limit=1):
            look_at_run(run)
    with suppress(Unanswered, RequestRejected):
        state = server.state(ID)
        outcome.tokens_of(state)
        tokens.in_state(state)
    with suppress(Unanswered, RequestRejected):
        outcome.of_error(server.thread_error(ID))
    with suppress(Unanswered, RequestRejected):
        server.torn_checkpoint(ID)
    with suppress(Unanswered, RequestRejected):
        server.has_checkpoint(ID, {"run_id": ID})
    with suppress(Unanswered, RequestRejected):
        found = server.search_assistants({})
        preflight._shows_all(preflight._system_first(found))
    with suppress(Unanswered, RequestRejected):
        server.assistant(ID)
    schemas = server.schemas(ID)
    json_schema.mismatch({"properties": 1}, schemas.get("input_schema"))
    answers.product_of(server.info() or {})
    answers.sentence_of(422, json.dumps(answer).encode())


@AT_RANDOM
@given(ANSWER | st.lists(st.dictionaries(st.sampled_from(KEYS), MEMBER), min_size=2, max_size=2))
def test_event_of_any_shape_is_counted_or_not(event: Any) -> None:
    counter = tokens.Counter()
    for name in ("metadata", "messages"):
        counter.take(name, json.dumps(event).encode(), "1-0")


@pytest.mark.parametrize(
    "answer",
    [
        [],
        "x",
        5,
        {**RUN, "config": "x"},
        {**RUN, "config": {"metadata": []}},
        {**RUN, "metadata": []},
        {**RUN, "run_id": ELSEWHERE},
        {key: value for key, value in RUN.items() if key != "created_at"},
        {**RUN, "created_at": "yesterday"},
        {**RUN, "updated_at": 5},
    ],
)
def test_run_of_odd_type_is_a_lost_answer(answer: Any) -> None:
    for ask in (lambda server: server.run(ID, ID), lambda server: server.create_run(ID, {"input": {}})):
        with pytest.raises(ResponseLost):
            ask(LangGraphClient(Said(answer)))
    with pytest.raises(ResponseLost):
        LangGraphClient(Said([answer])).runs(ID, limit=1)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        "x",
        ["x"],
        [{**THREAD, "thread_id": ELSEWHERE}],
        [{**THREAD, "metadata": "x"}],
        [{**THREAD, "created_at": None}],
    ],
)
def test_search_of_odd_type_is_a_lost_answer(answer: Any) -> None:
    with pytest.raises(ResponseLost):
        LangGraphClient(Said(answer)).search_threads({}, limit=1)


@pytest.mark.parametrize("bad", [ELSEWHERE, "", "%2e%2e", f"{ID}/x", f"{ID}?a=b", ID + "\n"])
def test_no_request_goes_to_an_id_that_is_no_uuid(bad: str) -> None:
    said = Said({})
    server = LangGraphClient(said)
    for ask in (
        lambda: server.delete_thread(bad),
        lambda: server.patch_thread(bad, {}),
        lambda: server.thread_error(bad),
        lambda: server.create_run(bad, {}),
        lambda: server.run(ID, bad),
        lambda: server.run(bad, ID),
        lambda: server.runs(bad, limit=1),
        lambda: server.cancel(ID, bad),
        lambda: server.state(bad),
        lambda: server.has_checkpoint(bad, {}),
        lambda: server.join(ID, bad, lambda: 1.0),
        lambda: server.stream(ID, bad, "-1", lambda: 1.0, lambda _: None),
        lambda: server.assistant(bad),
        lambda: server.schemas(bad),
    ):
        with pytest.raises(ResponseLost):
            ask()
    assert said.paths == []


def test_path_is_made_of_words_and_uuids() -> None:
    assert path_of("threads", ID, "runs", ID, "join") == f"/threads/{ID}/runs/{ID}/join"
    with pytest.raises(ResponseLost):
        path_of("threads", ELSEWHERE)


def test_day_of_odd_type_in_a_ledger_is_no_day() -> None:
    """Whoever shares the key can write a thread under the GraphCron's UID."""
    entry = {"1795356000-0000000a-0000000b": "5 0"}
    odd = [{"metadata": {ledger.DAY: day, **entry}} for day in ([], {}, 5, None)]
    found, gone = ledger.count(odd)
    assert (len(found), gone) == (4, [])


@pytest.mark.parametrize("text", ["", "yesterday", "²", "9" * 5000])
def test_text_of_a_record_that_no_runner_wrote_counts_as_none(text: str) -> None:
    record = Record({**THREAD, "metadata": {SCHEDULED: text, ACCEPTED: text, ATTEMPTS: text}})
    assert (record.text(SCHEDULED), record.text(ACCEPTED), record.scheduled) == ("", "", "an unknown time")
    assert start._attempt({}, record) == 1
