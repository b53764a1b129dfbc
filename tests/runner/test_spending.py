"""What is counted and written while a run goes: with a clock and a server of ours."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from graphcron.contract import Budget
from graphcron.runner.budget import ledger
from graphcron.runner.budget.spending import Spending
from graphcron.runner.client.errors import ResponseLost, ServerBusy
from graphcron.runner.occurrence.state import RunState
from tests.runner.test_budget import COUNT


class Time:
    """A clock that a test sets."""

    at = 1000.0

    def now(self) -> float:
        return self.at

    steady = now


class Client:
    """A client that asks this server once."""

    def __init__(self, server: Any) -> None:
        self.api = server

    def retry(self, call: Any) -> Any:
        return call()

    def until(self, _: float, call: Any) -> Any:
        return call()


def spending_on(server: Any, budget: Budget = COUNT) -> Spending:
    """Return what counts the run 00000001 of an occurrence on this server."""
    settings = SimpleNamespace(
        uid="u",
        name="n",
        namespace="ns",
        requested=5,
        record_id="occurrence-12345678",
        thread_id="t",
        shares_thread=True,
    )
    state = RunState()
    state.run = {"run_id": "00000001"}
    shutdown = SimpleNamespace(requested=False)
    runtime = SimpleNamespace(clock=Time(), shutdown=shutdown, log=lambda *_, **__: None)
    return Spending(budget, settings, state, Client(server), runtime)  # type: ignore[arg-type]


def piece(number: int) -> bytes:
    usage = {"input_tokens": 60, "output_tokens": 40, "total_tokens": 100}
    message = {"id": f"m{number}", "type": "ai", "usage_metadata": usage}
    return f"event: messages\ndata: {json.dumps([message, {}])}\n\n".encode()


class Written:
    """A server that streams what it is told to, and keeps what is written."""

    def __init__(self) -> None:
        self.notes: list[dict[str, str]] = []
        self.script: list[Any] = []
        self.fails = False

    def thread(self, _: str) -> None:
        return None

    def patch_thread(self, _: str, note: dict[str, str]) -> None:
        if self.fails:
            raise ServerBusy(503)
        self.notes.append(note)

    def stream(self, _: str, __: str, ___: str, wait: Any, take: Any) -> None:
        for each in self.script:
            wait()
            each() if callable(each) else take(each)


def test_what_a_run_has_used_is_written_every_half_minute() -> None:
    server = Written()
    spending = spending_on(server)

    def later() -> None:
        spending.runtime.clock.at += 31

    server.script = [later, piece(1), later, piece(2), piece(3), later, later, piece(4)]
    spending.attach()
    spending.follow(lambda: 1.0)
    assert server.notes == [{"5-12345678-00000001": f"{tokens} 0 at-least"} for tokens in (100, 300)]
    assert spending.tokens == 400


def test_a_ledger_that_fails_does_not_stop_the_stream() -> None:
    server = Written()
    server.fails = True
    server.script = [piece(1), lambda: setattr(spending.runtime.clock, "at", 2000.0), piece(2)]
    spending = spending_on(server)
    spending.attach()
    spending.follow(lambda: 1.0)
    assert spending.tokens == 200


def test_after_a_long_silence_it_is_a_lower_bound() -> None:
    """Servers keep a stream's events for two minutes or so: something may be missing."""
    for seconds, at_least in ((90.0, False), (110.0, True)):
        server = Written()
        begin = b'event: metadata\ndata: {"attempt": 1}\n\n'
        server.script = [begin, piece(1), lambda: setattr(spending.runtime.clock, "at", 1000.0 + seconds), piece(2)]  # noqa: B023
        spending = spending_on(server)
        spending.attach()
        spending.follow(lambda: 1.0)
        assert (spending.tokens, spending.at_least) == (200, at_least)


def test_what_an_earlier_pod_has_noted_is_not_forgotten() -> None:
    """Of a run that it counted further than we can, and of the run before."""
    server = Written()
    noted = {"5-12345678-00000001": "250 0.5", "5-12345678-00000000": "70 0.1 at-least", "5-99999999-00000001": "999 9"}
    server.thread = lambda _: {"metadata": noted}  # type: ignore[assignment,method-assign,return-value]
    server.script = [piece(1)]
    spending = spending_on(server, Budget(maxTokensPerRun=320, prices={}))
    spending.attach()
    assert (spending.tokens, ledger.money.text_of(spending.cost), spending.exhausted) == (320, "0.6", True)
    spending.follow(lambda: 1.0)
    assert (spending.tokens, spending.at_least, spending.over) == (320, True, False)


def test_what_an_earlier_pod_has_counted_to_the_end_stays_exact() -> None:
    """A server may have forgotten the stream by the time that a pod comes back to it."""
    server = Written()
    server.thread = lambda _: {"metadata": {"5-12345678-00000001": "250 0"}}  # type: ignore[assignment,method-assign,return-value]
    spending = spending_on(server)
    spending.attach()
    spending.follow(lambda: 1.0)
    assert (spending.tokens, spending.at_least) == (250, False)


def test_stream_ended_early_and_cut_is_incomplete() -> None:
    server = Written()
    spending = spending_on(server)
    spending.attach()
    server.script = [b'event: metadata\ndata: {"attempt": 1}\n\n', piece(1)]
    spending.follow(lambda: 1.0)
    assert not spending.at_least

    def cut() -> None:
        raise ResponseLost("cut")

    server.script = [piece(2), cut]
    with pytest.raises(ResponseLost):
        spending.follow(lambda: 1.0)
    assert (spending.tokens, spending.at_least) == (200, True)
