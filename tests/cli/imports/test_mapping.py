"""A cron of a LangGraph server → a GraphCron."""

from datetime import UTC, datetime
from typing import Any

import pytest
import yaml
from croniter import croniter

from graphcron.api.v1alpha1 import problems
from graphcron.cli.migration.cron_import import ImportedCron, import_cron, server_of, text_of
from graphcron.schedule.cron import parse
from graphcron.schedule.times import next_after, zone_for
from tests.cli.imports.crons import ASSISTANT, ASSISTANT_ID, CRON_ID, THREAD_ID, stored

URL = "https://langgraph.example.com"


def mapped(payload: dict[str, Any] | None = None, **fields: Any) -> ImportedCron:
    return import_cron(stored(payload, **fields), ASSISTANT, server={}, namespace=None)


def spec_of(payload: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    found = mapped(payload, **fields)
    assert found.refused == ()
    return dict(found.body["spec"])


def test_a_bare_cron_needs_no_more_than_when_and_what() -> None:
    found = mapped()
    assert found.body == {
        "apiVersion": "graphcron.dev/v1alpha1",
        "kind": "GraphCron",
        "metadata": {"name": "agent-72c6e509"},
        "spec": {"assistant": "agent", "schedule": "0 9 * * *", "timeZone": "Etc/UTC"},
    }
    assert (found.notes, found.refused, found.cron_id, found.enabled) == ((), (), CRON_ID, True)


SAME = {
    "input": ({"messages": [{"role": "user", "content": "hi"}]}, "input"),
    "context": ({"model": "small"}, "context"),
    "metadata": ({"team": "a"}, "metadata"),
    "webhook": ("https://example.com/hook", "webhook"),
    "interrupt_before": (["tools"], "interruptBefore"),
    "interrupt_after": (["tools"], "interruptAfter"),
    "durability": ("sync", "durability"),
}


@pytest.mark.parametrize("field", SAME)
def test_what_a_run_gets_is_passed_on(field: str) -> None:
    value, ours = SAME[field]
    assert spec_of({field: value})[ours] == value


@pytest.mark.parametrize("field", ["interrupt_before", "interrupt_after"])
def test_all_nodes_are_a_list_of_one(field: str) -> None:
    assert spec_of({field: "*"})[SAME[field][1]] == ["*"]


def test_config_is_passed_on_without_what_the_server_wrote_into_it() -> None:
    config = {"tags": ["n"], "recursion_limit": 50, "configurable": {"model": "small", "langgraph_auth_user_id": "me"}}
    expected = {"tags": ["n"], "recursion_limit": 50, "configurable": {"model": "small"}}
    assert spec_of({"config": config})["config"] == expected


def test_a_cron_on_a_thread_keeps_its_thread_and_its_strategy() -> None:
    spec = spec_of({"multitask_strategy": "reject"}, thread_id=THREAD_ID)
    assert (spec["thread"], spec["multitaskStrategy"]) == ({"id": THREAD_ID}, "reject")


def test_a_strategy_without_a_thread_is_told() -> None:
    found = mapped({"multitask_strategy": "reject"})
    assert "multitaskStrategy" not in found.body["spec"]
    assert found.notes[0].startswith("multitask_strategy: left out")


def test_threads_are_kept_where_they_were() -> None:
    assert spec_of(on_run_completed="keep")["onRunCompleted"] == "keep"


@pytest.mark.parametrize(
    ("where", "zone"),
    [({"timezone": "Europe/Berlin"}, "Europe/Berlin"), ({"payload": {"timezone": "Asia/Tokyo"}}, "Asia/Tokyo")],
)
def test_the_zone_is_the_crons(where: dict[str, Any], zone: str) -> None:
    assert spec_of(**where, next_run_date=None)["timeZone"] == zone


def test_a_disabled_cron_is_suspended() -> None:
    found = mapped(enabled=False)
    assert (found.body["spec"]["suspend"], found.enabled) == (True, False)


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        ("2031-01-01T00:00:00Z", "2031-01-01T00:00:00Z"),
        ("2031-01-01T01:00:00.5+01:00", "2031-01-01T00:00:00Z"),
        ("2031-01-01T00:00:00", "2031-01-01T00:00:00Z"),
    ],
)
def test_the_end_is_in_utc(end: str, expected: str) -> None:
    found = mapped(end_time=end)
    assert (found.refused, found.body["spec"]["endTime"]) == ((), expected)
    assert any("had no zone" in note for note in found.notes) == end.endswith(":00:00")


def test_metadata_merged_and_reserved_keys_named() -> None:
    found = mapped({"metadata": {"b": 2, "run_id": "x"}}, metadata={"a": 1, "b": 1})
    assert (found.refused, found.body["spec"]["metadata"]) == ((), {"a": 1, "b": 2})
    assert found.notes == ("metadata.run_id: left out; the server drops or replaces it",)


def test_slips_that_the_server_swallowed_are_told() -> None:
    config = {"recursionLimit": 5, "configurable": {"thread_id": THREAD_ID}}
    found = mapped({"config": config})
    assert found.refused == ()
    assert "config" not in found.body["spec"]
    assert {note.partition(":")[0] for note in found.notes} == {
        "config.recursionLimit",
        "config.configurable.thread_id",
    }


@pytest.mark.parametrize("field", ["stream_mode", "stream_subgraphs", "stream_resumable", "feedback_keys", "a_typo"])
def test_what_has_no_place_is_named(field: str) -> None:
    (note,) = mapped({field: ["x"]}).notes
    assert note.startswith(f"{field}: left out; ")


def test_a_field_of_the_cron_that_nobody_knows_is_named() -> None:
    (note,) = mapped(jitter=5).notes
    assert note.startswith("jitter: left out; ")


def test_an_owner_is_named_without_being_told() -> None:
    (note,) = mapped(user_id="somebody").notes
    assert note.startswith("user_id: left out; ")
    assert "somebody" not in note


def test_custom_assistant_keeps_id_and_names_graphcron() -> None:
    assistant = {**ASSISTANT, "name": "Täglicher Bericht!", "metadata": {}}
    found = import_cron(stored(), assistant, server={}, namespace="agents")
    assert found.body["metadata"] == {"name": "taglicher-bericht-72c6e509", "namespace": "agents"}
    assert found.body["spec"]["assistant"] == ASSISTANT_ID
    assert found.notes == ('spec.assistant: is the assistant "Täglicher Bericht!" of graph agent',)


@pytest.mark.parametrize("name", ["", "---", "日本", "A" * 300, "x." * 60, "a_b c/d"])
def test_every_name_is_one_that_kubernetes_takes(name: str) -> None:
    found = import_cron(stored(), {**ASSISTANT, "name": name}, server={}, namespace=None)
    assert problems(found.body) == []
    assert len(found.name) <= 52


def test_an_assistant_that_is_gone_is_told() -> None:
    found = import_cron(stored(), None, server={}, namespace=None)
    assert found.name == "cron-72c6e509"
    assert found.notes == ("spec.assistant: the server has no assistant with this id",)


@pytest.mark.parametrize("schedule", ["0 9 L * *", "0 9 * * 1#2", "0 9 15W * *", "0 9 * * * 30", "0 0 30 2 *"])
def test_a_schedule_that_never_fires_or_is_not_kubernetes_is_refused(schedule: str) -> None:
    found = mapped(schedule=schedule)
    assert [each.partition(":")[0] for each in found.refused] == ["spec.schedule"]


@pytest.mark.parametrize(
    ("schedule", "lines"),
    [
        ("0 9 * * 7", ["0 9 * * 0"]),
        ("0 9 * * 5-7", ["0 9 * * 0,5,6"]),
        ("0 9 * * 1-7", ["0 9 * * 0-6"]),
        ("0 9 1 * 1-7", ["0 9 1 * 0-6"]),
        ("0 9 * * mon,7", ["0 9 * * mon,0"]),
        ("0 9 * * * 0", ["0 9 * * *"]),
        ("0 9 L 4,6 *", ["0 9 30 4,6 *"]),
        ("0 9 l 3-12 *", ["0 9 31 3,5,7,8,10,12 *", "0 9 30 4,6,9,11 *"]),
        ("0 9 28-31,L * *", ["0 9 28,29,30,31 * *"]),
        ("0 9 15,L 5 1", ["0 9 15,31 5 1"]),
        ("0 9 * * 1#1,1#2,1#3,1#4,1#5", ["0 9 * * 1"]),
    ],
)
def test_import_foreign_schedule_lines_fire_at_same_times(schedule: str, lines: list[str]) -> None:
    """A schedule of another cron becomes lines that fire at the same times."""
    found = mapped(schedule=schedule, next_run_date=None)
    spec = found.body["spec"]
    assert (found.refused, spec.get("schedules") or [spec["schedule"]]) == ((), lines)
    [note] = found.notes
    assert f'"{schedule}" is written as "{lines[0]}"' in note
    begin = at = datetime(2023, 1, 1, tzinfo=UTC)
    theirs, crons = croniter(schedule, begin), [parse(line) for line in lines]
    for _ in range(200):
        at = min(each for cron in crons if (each := next_after(cron, zone_for("Etc/UTC"), at)))
        assert at == theirs.get_next(datetime)


@pytest.mark.parametrize(
    ("field", "value"),
    [("command", {"resume": "yes"}), ("checkpoint_id", "1f0"), ("checkpoint", {"checkpoint_id": "1f0"})],
)
def test_a_cron_that_would_be_another_run_is_refused(field: str, value: Any) -> None:
    found = mapped({field: value})
    assert [each.partition(":")[0] for each in found.refused] == [field]
    assert yaml.safe_load(text_of(found, URL)) is None


@pytest.mark.parametrize("value", [False, "", [], {}, 0])
@pytest.mark.parametrize("field", ["stream_subgraphs", "checkpoint_during", "a_typo", "command"])
def test_falsy_value_without_counterpart_is_named(field: str, value: Any) -> None:
    (note,) = mapped({field: value}).notes
    assert note.startswith(f"{field}: left out; ")
    assert mapped({field: None}).notes == ()


@pytest.mark.parametrize(
    "key", ["openai_api_key", "OPENAI_API_KEY", "apiKey", "password", "client_secret", "auth_token"]
)
@pytest.mark.parametrize("place", ["config.configurable", "context"])
def test_credential_is_named_without_its_value(place: str, key: str) -> None:
    values = {key: "sk-hidden", "model": "small"}
    found = mapped({"context": values} if place == "context" else {"config": {"configurable": values}})
    assert found.refused == ()
    assert found.credentials == (f"{place}.{key}",)
    assert any(note.startswith(f"{place}.{key}: left out") for note in found.notes)
    assert "sk-hidden" not in text_of(found, URL)
    assert "small" in text_of(found, URL)


@pytest.mark.parametrize("key", ["model", "max_tokens", "token_limit", "keyboard", "monkey", "tokenizer"])
def test_other_keys_are_passed_on(key: str) -> None:
    assert spec_of({"config": {"configurable": {key: "a"}}})["config"] == {"configurable": {key: "a"}}


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("spec.timeZone", {"timezone": "Mars/Phobos"}),
        ("spec.endTime", {"end_time": "yesterday"}),
        ("spec.webhook", {"payload": {"webhook": "/relative"}}),
        ("spec.config.configurable", {"payload": {"context": {"a": 1}, "config": {"configurable": {"b": 2}}}}),
        ("spec.assistant", {"assistant_id": None}),
    ],
)
def test_nothing_that_matters_is_left_out_to_make_it_fit(field: str, fields: dict[str, Any]) -> None:
    assistant = None if "assistant_id" in fields else ASSISTANT
    found = import_cron(stored(**fields), assistant, server={}, namespace=None)
    assert [each.partition(":")[0] for each in found.refused] == [field]


def test_a_schedule_that_the_server_reads_otherwise_is_told() -> None:
    (note,) = mapped(schedule="0 9 6-6 * *").notes
    assert note.startswith("spec.schedule: the server's next run is at 2026-11-23T09:00:00Z")


def test_text_survives_every_reader_of_yaml() -> None:
    words = ["y", "no", "1e3", "0x1", "12:30", "2031-01-01", "~", "", " a ", "a\nb", "a: b", "#x", "é", "null", "{{x}}"]
    found = mapped({"input": {"words": words, "y": 1}})
    text = text_of(found, URL)
    assert yaml.safe_load(text) == found.body
    quoted = text.partition("words:")[2]
    assert "- '1e3'\n" in quoted  # a number to YAML 1.2
    assert "- 'y'\n" in quoted  # a truth value to YAML 1.1


def test_notes_are_comments_and_can_be_nothing_else() -> None:
    assistant = {**ASSISTANT, "name": "a\nkind: Secret", "metadata": {}}
    found = import_cron(stored(), assistant, server={}, namespace=None)
    text = text_of(found, URL)
    assert text.startswith(f"# From cron {CRON_ID} of {URL}\n# spec.assistant: is the assistant")
    assert yaml.safe_load(text) == found.body


def test_what_is_refused_is_commented_out_with_the_reason() -> None:
    text = text_of(mapped(schedule="0 9 L * *"), URL)
    assert yaml.safe_load(text) is None
    assert "# Refused: spec.schedule: " in text
    bare = "\n".join(line.removeprefix("# ") for line in text.splitlines()[2:])
    assert yaml.safe_load(bare)["spec"]["schedule"] == "0 9 L * *"


def test_the_server_is_the_one_that_was_read() -> None:
    server, notes = server_of(URL, "langgraph", {})
    assert (server, notes) == ({"url": URL, "apiKeySecretRef": {"name": "langgraph", "key": "api-key"}}, [])


@pytest.mark.parametrize("url", ["http://localhost:2024", "http://127.0.0.1:2024", "http://[::1]:2024"])
def test_a_server_on_this_machine_is_left_to_the_operator(url: str) -> None:
    server, (note,) = server_of(url, None, {})
    assert server == {}
    assert note.startswith("spec.server.url: left out")


def test_a_header_is_named_and_its_value_is_not_told() -> None:
    server, (note,) = server_of(URL, None, {"authorization": "Bearer secret"})
    assert server == {"url": URL}
    assert note.startswith("spec.server.headers: authorization was sent")
    assert "secret" not in note
