"""Counting tokens from a stream of events, without a server."""

import json
import random
import tracemalloc
from typing import Any

import pytest

from graphcron.runner.budget import ledger, money, windows
from graphcron.runner.budget.ledger import Entry
from graphcron.runner.budget.tokens import Counter, Used, in_state, usage_of
from graphcron.runner.client import sse
from graphcron.runner.occurrence.outcome import tokens_of

CALL = {"ls_model_type": "chat", "ls_model_name": "asked"}


def event(data: Any, *, name: str = "messages", at: str = "") -> bytes:
    lines = f"event: {name}\r\ndata: {json.dumps(data)}\r\n" + (f"id: {at}\r\n" if at else "")
    return f"{lines}\r\n".encode()


def message(number: int, usage: tuple[int, int] | None, *, piece: bool = False, model: str = "", **more: Any) -> Any:
    asked, answered = usage or (0, 0)
    message_with_usage = (
        {"input_tokens": asked, "output_tokens": answered, "total_tokens": asked + answered} if usage else None
    )
    return {
        "content": "text",
        "response_metadata": {"model_name": model} if model else {},
        "type": "AIMessageChunk" if piece else "ai",
        "id": f"m{number}",
        "usage_metadata": message_with_usage,
        **more,
    }


BEGIN = event({"run_id": "r", "attempt": 1}, name="metadata", at="100-0")


def counted(*pieces: bytes) -> Counter:
    counter = Counter()
    reader = counter.reader()
    for piece in pieces:
        reader.feed(piece)
    return counter


def test_a_whole_message_tells_all_and_the_last_one_holds() -> None:
    counter = counted(
        BEGIN,
        event([message(1, (10, 5), model="a"), CALL], at="101-0"),
        event([message(1, (10, 6), model="a"), CALL], at="102-0"),
        event([message(2, (1, 1), model="b"), CALL], name="messages|sub:1|graph:2", at="103-0"),
    )
    assert counter.by_model == {("a", "asked"): Used(10, 6, 16), ("b", "asked"): Used(1, 1, 2)}
    assert (counter.total, counter.exact) == (18, True)


def test_chunks_add_up_with_separate_model_name() -> None:
    counter = counted(
        BEGIN,
        event([message(1, None, piece=True), CALL]),
        event([message(1, (10, 0), piece=True), CALL]),
        event([message(1, (0, 7), piece=True), CALL]),
        event([message(1, None, piece=True, model="named"), CALL]),
    )
    assert counter.by_model == {("named", "asked"): Used(10, 7, 17)}
    assert counter.exact


def test_a_model_that_tells_nothing_is_noticed() -> None:
    message_with_usage = event([message(1, (3, 4)), CALL])
    silent = event([message(2, None, piece=True), CALL])
    by_hand = event([message(3, None), {"langgraph_node": "node"}])
    person = event([{"type": "human", "id": "h", "content": "x"}, {"langgraph_node": "node"}])
    assert counted(BEGIN, message_with_usage, by_hand, person).exact
    assert not counted(BEGIN, message_with_usage, silent).exact
    assert counted(BEGIN, message_with_usage, silent, event([message(2, (1, 1), piece=True), CALL])).total == 9


def test_events_of_one_millisecond_and_events_that_come_twice() -> None:
    """A server gave two events one id; a stream joined late brings some events twice; a cut one goes on before it."""
    first = event([message(1, (1, 1), piece=True), CALL], at="200-0")
    twin = event([message(2, (1, 1), piece=True), CALL], at="200-0")
    counter = counted(BEGIN, first, twin, twin, first)
    assert (counter.total, counter.since) == (4, "199-0")
    counter.reader().feed(first + twin)
    assert counter.total == 4
    assert counted(BEGIN, event([message(1, (1, 1)), CALL], at="r_event_7")).since == "-1"


@pytest.mark.parametrize(
    ("begin", "exact"),
    [
        (BEGIN, True),
        (event({"run_id": "r"}, name="metadata"), True),
        (event({"run_id": "r", "attempt": 2}, name="metadata"), False),
        (event([1], name="metadata"), False),
        (b"event: metadata\r\ndata: {\r\n\r\n", False),
        (b"", False),
    ],
)
def test_a_stream_without_its_beginning_is_not_exact(begin: bytes, exact: bool) -> None:
    counter = counted(begin, event([message(1, (1, 1)), CALL]))
    assert (counter.exact, counter.total) == (exact, 2)


def test_what_else_comes_is_passed_over() -> None:
    counter = counted(
        BEGIN,
        b": heartbeat\r\n\r\n",
        event({"error": "ValueError", "message": "boom"}, name="error"),
        event([message(1, (1, 1)), CALL], name="values"),
        event("text"),
        event([message(1, (5, 5))]),
        event([message(7, None) | {"usage_metadata": {"input_tokens": "x", "output_tokens": -5}}, {}]),
        event([message(8, (2, 3)) | {"usage_metadata": {"input_tokens": 2, "output_tokens": 3}}, CALL]),
    )
    assert (counter.total, counter.exact) == (5, True)
    assert not counted(BEGIN, b"event: messages\ndata: [{\n\n").exact


def test_any_cutting_of_the_bytes_gives_the_same() -> None:
    rng = random.Random(3)
    text = 'say "x" \\ and \n' * 20_000  # longer than what is held of a line, and full of escapes
    stream = b"".join(
        [BEGIN, *(event([message(n, (n, 1), content=text, model="m"), CALL], at=f"{300 + n}-0") for n in range(1, 4))]
    )
    whole = counted(stream)
    assert (whole.total, whole.exact, whole.by_model) == (9, True, {("m", "asked"): Used(6, 3, 9)})
    for _ in range(20):
        cuts = sorted(rng.randrange(len(stream)) for _ in range(rng.randrange(1, 200)))
        parts = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
        assert counted(*parts).by_model == whole.by_model


def test_long_texts_are_not_held() -> None:
    piece = b'y\\"' * 20_000
    head, tail = event([message(1, (5, 6), content="TEXT"), CALL], at="400-0").split(b"TEXT")
    tracemalloc.start()
    counter = counted(BEGIN, head, *(piece for _ in range(500)), tail)  # 30 MB
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (counter.total, counter.exact) == (11, True)
    assert peak < 2_000_000


def test_what_is_too_much_to_hold_is_said() -> None:
    many = [{"a": number} for number in range(200_000)]
    after = event([message(2, (1, 1)), CALL])
    counter = counted(BEGIN, event([message(1, (1, 1), content=many), CALL]), after)
    assert (counter.total, counter.lost, counter.exact) == (2, 1, False)


def test_events_over_several_lines() -> None:
    seen: list[Any] = []
    events = sse.Events(lambda *each: seen.append(each))
    events.feed(b"id:7\nevent:a\ndata: one\ndata:two\nretry: 5\n\n\n: x\n\ndata: bare\n\n")
    assert seen == [("a", b"one\ntwo", "7"), ("", b"bare", "")]


def test_the_state_tells_a_lower_bound() -> None:
    state = {"values": {"messages": [message(1, (1, 2), model="a"), message(2, (3, 4), model="a"), "x", None]}}
    assert in_state(state) == {("a", ""): Used(4, 6, 10)}
    assert in_state(None) == in_state({"values": []}) == in_state({"values": {"messages": "x"}}) == {}


@pytest.mark.parametrize(
    ("text", "again"),
    [("12.50", "12.5"), ("0", "0"), ("0.000001", "0.000001"), ("100", "100"), ("007.0", "7"), (".5", "0.5")],
)
def test_decimals(text: str, again: str) -> None:
    assert money.text_of(money.units(text)) == again


@pytest.mark.parametrize("text", ["", ".", "1e3", "-1", "1,5", "0x1", "1.0000000000000000001", "١"])
def test_what_is_no_decimal(text: str) -> None:
    with pytest.raises(ValueError, match="decimal"):
        money.units(text)


def test_costs_are_exact() -> None:
    prices = money.Prices({"a": ["0.1", "0.3"], "*": ["3", "15"]})
    cost = prices.cost(("a", ""), 3, 1)
    assert cost is not None
    assert money.text_of(cost * 10**6) == "0.6"  # 0.1 + 0.1 + 0.1 + 0.3, which floats don't get right
    assert money.text_of(prices.cost(("b", "a"), 1_000_000, 0) or 0) == "0.1"
    assert money.text_of(prices.cost(("b", ""), 100, 20) or 0) == "0.0006"
    assert money.Prices({"a": ["1", "1"]}).cost(("b", ""), 1, 1) is None
    with pytest.raises(ValueError, match="twelve"):
        money.Prices({"a": ["0.0000000000001", "1"]})


BERLIN = ((1774742400, 3600), (1774746000, 7200), (1792890000, 3600))
"""2026: summer time from 29 March, 01:00 UTC, to 25 October, 01:00 UTC."""

SANTIAGO = ((1788652800, -14400), (1788667200, -10800))
"""2026: on 6 September the clocks leap from midnight to one."""

HAVANA = ((1793505600, -14400), (1793509200, -18000))
"""2026: on 1 November one o'clock becomes midnight: it comes twice."""


def at(text: str) -> float:
    return windows.midnight(windows.date.fromisoformat(text[:10]), ()) + int(text[11:13]) * 3600 + int(text[14:16]) * 60


@pytest.mark.parametrize(
    ("window", "now", "offsets", "start", "end"),
    [
        ("day", "2026-11-22 17:00", (), "2026-11-22 00:00", "2026-11-23 00:00"),
        ("day", "2026-11-22 23:30", ((0, 3600),), "2026-11-22 23:00", "2026-11-23 23:00"),
        ("day", "2026-03-29 12:00", BERLIN, "2026-03-28 23:00", "2026-03-29 22:00"),
        ("day", "2026-10-25 12:00", BERLIN, "2026-10-24 22:00", "2026-10-25 23:00"),
        ("day", "2026-09-06 12:00", SANTIAGO, "2026-09-06 04:00", "2026-09-07 03:00"),
        ("day", "2026-11-01 12:00", HAVANA, "2026-11-01 04:00", "2026-11-02 05:00"),
        ("week", "2026-11-22 17:00", (), "2026-11-16 00:00", "2026-11-23 00:00"),
        ("week", "2026-11-23 00:00", (), "2026-11-23 00:00", "2026-11-30 00:00"),
        ("month", "2026-10-30 12:00", BERLIN, "2026-09-30 22:00", "2026-10-31 23:00"),
        ("month", "2026-12-31 23:30", ((0, 3600),), "2026-12-31 23:00", "2027-01-31 23:00"),
        ("36h", "2026-11-22 17:00", BERLIN, "2026-11-21 05:00", "2026-11-22 17:00"),
        ("7d", "2026-11-22 17:00", (), "2026-11-15 17:00", "2026-11-22 17:00"),
    ],
)
def test_windows(window: str, now: str, offsets: Any, start: str, end: str) -> None:
    found = windows.window_at(window, at(now), offsets)
    assert (found.start, found.end) == (at(start), at(end))
    assert found.rolling is window[0].isdigit()


@pytest.mark.parametrize("text", ["", "h", "year", "1w", "-1h"])
def test_what_is_no_window(text: str) -> None:
    with pytest.raises(ValueError, match="window"):
        windows.window_at(text, 0, ())


def test_entries_of_the_ledger() -> None:
    entry = Entry(1795356000, "1edac575", "01a20448", 1234, money.units("0.5"), at_least=True)
    other = entry._replace(run="ffffffff", at_least=False)
    metadata = {"graphcron/uid": "u", "1-2-3": "x", entry.key: entry.value, other.key: other.value, "x": 5}
    assert ledger.entries(metadata) == [entry, other]
    assert (entry.value, other.value) == ("1234 0.5 at-least", "1234 0.5")
    assert ledger.entries({entry.key: "many 0.5", other.key: None}) == []
    assert ledger.within([other, entry._replace(at=5)], 5, 1795356001) == [entry._replace(at=5), other]
    assert ledger.within([other], 5, 1795356000) == []


HUGE = [2**53, 10**4200, -5, True, 1.5, "7", None]


@pytest.mark.parametrize("number", HUGE, ids=lambda number: str(type(number)))
def test_numbers_that_can_not_be_right_count_as_none(number: Any) -> None:
    message = {"usage_metadata": {"input_tokens": number, "output_tokens": 3, "total_tokens": number}}
    assert usage_of(message) == Used(0, 3, 3)
    plain = {"usage_metadata": {"total_tokens": 3}}
    assert tokens_of({"values": {"messages": [message, plain]}}) == 3
    assert tokens_of({"values": {"messages": [message]}}) is None


@pytest.mark.parametrize(
    "value", ["-5 1", "1_0 1", "\u0661 1", f"{2**53} 1", f"1{'0' * 4000} 1", f"1 1{'0' * 4000}", "1 -1"]
)
def test_invalid_ledger_entries_ignored(value: str) -> None:
    right = Entry(12, "0" * 8, "2" * 8, 3, money.units("0.5"), at_least=False)
    found = {"12-00000000-11111111": value, right.key: right.value}
    assert ledger.entries(found) == [right]


def test_when_a_rolling_window_has_room_again() -> None:
    used = [Entry(at, "o", "r", 10, at, at_least=False) for at in (1, 2, 3)]
    assert ledger.relief(used, (30, None)) == 1
    assert ledger.relief(used, (15, None)) == 2
    assert ledger.relief(used, (10, None)) == 3
    assert ledger.relief(used, (None, 4)) == 2
    assert ledger.relief(used, (31, None)) is None


def test_days_that_no_window_reaches() -> None:
    days = [{"thread_id": day, "metadata": {ledger.DAY: day}} for day in ("2026-10-18", "2026-10-21", "2026-11-22")]
    unknown = [{"thread_id": "x", "metadata": {}}, {"thread_id": "y", "metadata": None}]
    assert ledger.outdated([*days, *unknown], at("2026-11-22 17:00")) == ["2026-10-18"]
