"""Count what an occurrence with a budget uses, over all its runs and pods."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeVar

from graphcron.contract import Budget
from graphcron.runner.budget import ledger, money
from graphcron.runner.budget.ledger import Entry
from graphcron.runner.budget.tokens import Counter, Names, Used, in_state
from graphcron.runner.client.errors import CertificateError, RequestRejected, RunEnded, Unanswered
from graphcron.runner.client.langgraph_api import Json
from graphcron.runner.client.objects import member
from graphcron.runner.occurrence.record_thread import RESUMES
from graphcron.runner.occurrence.retrying_client import RetryingClient
from graphcron.runner.occurrence.runtime import Runtime
from graphcron.runner.occurrence.settings import Settings
from graphcron.runner.occurrence.state import RunState

SAVE_SECONDS: Final = 30.0
"""Interval of writes to the ledger during a run, in case the pod is killed."""

SETTLE_SECONDS: Final = 15.0
"""How long to wait for the rest of a stream whose run is over."""

WRITE_SECONDS: Final = 10.0
"""How long to try to read or write the ledger."""

HURRY_SECONDS: Final = 3.0
"""Both limits after SIGTERM."""

GAP_SECONDS: Final = 100.0
"""After a longer silence events may be missing: servers keep them for two minutes."""


T = TypeVar("T")


class _Over(Exception):
    """The occurrence has used more than a run may."""


class Limits(NamedTuple):
    """How much, in tokens and in money."""

    tokens: int | None
    cost: int | None

    @classmethod
    def of(cls, tokens: int | None, cost: str | None) -> "Limits":
        """Read a budget's pair of limits."""
        return cls(tokens, None if cost is None else money.units(cost))


class Spending:
    """Counts an occurrence's runs one after the other, and knows what earlier pods have counted."""

    def __init__(
        self, budget: Budget, settings: Settings, state: RunState, client: RetryingClient, runtime: Runtime
    ) -> None:
        self.budget, self.settings, self.state, self.client, self.runtime = budget, settings, state, client, runtime
        self.prices = money.Prices(budget.prices) if budget.prices is not None else None
        self.per_run = Limits.of(budget.maxTokensPerRun, budget.maxCostPerRun)
        self.counter = Counter()
        self.run_id = ""
        self.can_stream = True
        """The server provides the run's stream."""
        self.window: dict[str, Any] = {}
        """The budget's window, as members of the report."""
        self.lost_days: list[str] = []
        """Days of the window whose ledger the server has deleted, so that only a lower bound is known."""
        self._at, self._occurrence = settings.requested, ledger.short(settings.record_id)
        self._entries: dict[str, Entry] = {}
        """The occurrence's runs by the ledger, and those that the pod has counted to the end."""
        self._in_state: dict[Names, Used] = {}
        self._read = False
        self._complete = False
        self._gap = False
        self._last_event: float | None = None
        self._saved_at = 0.0
        self._saved: Entry | None = None
        self._unwritten: dict[str, Entry] = {}
        """Entries by run that the ledger may not have yet."""

    @property
    def entry(self) -> Entry:
        """What the run has used so far, as this or an earlier pod knows."""
        noted = self._entries.get(ledger.short(self.run_id))
        others = [each for each in self._entries.values() if each.run != ledger.short(self.run_id)]
        seen = sum(used.total for used in self._in_state.values()) - sum(each.tokens for each in others)
        seen_cost = self._cost(self._in_state) - sum(each.cost for each in others)
        tokens = max(self.counter.total, seen, noted.tokens if noted else 0)
        cost = max(self._cost(self.counter.by_model), seen_cost, noted.cost if noted else 0)
        is_exact = self.counter.exact and self._complete and not self._gap and tokens == self.counter.total
        is_exact = is_exact or (noted is not None and not noted.at_least)  # only a complete count is called exact
        return Entry(self._at, self._occurrence, ledger.short(self.run_id), tokens, cost, not is_exact)

    @property
    def all(self) -> list[Entry]:
        """What each run of the occurrence has used."""
        own = [self.entry] if self.run_id else []
        return [each for each in self._entries.values() if each.run != ledger.short(self.run_id)] + own

    @property
    def tokens(self) -> int:
        """Tokens of all runs of the occurrence."""
        return sum(entry.tokens for entry in self.all)

    @property
    def cost(self) -> int:
        """What they cost, as far as prices are known."""
        return sum(entry.cost for entry in self.all)

    @property
    def at_least(self) -> bool:
        """It may have been more."""
        return any(entry.at_least for entry in self.all)

    @property
    def unpriced(self) -> int:
        """How many models have no price."""
        if self.prices is None:
            return 0
        used = {**self.counter.by_model, **self._in_state}
        return len({names[0] or names[1] for names in used if self.prices.cost(names, 0, 0) is None})

    @property
    def over(self) -> bool:
        """Whether it is more than a run may use."""
        tokens, cost = self.per_run
        return (tokens is not None and self.tokens > tokens) or (cost is not None and self.cost > cost)

    @property
    def exhausted(self) -> bool:
        """Whether a further run could use nothing."""
        return ledger.reached(self.tokens, self.per_run.tokens) or ledger.reached(self.cost, self.per_run.cost)

    def _cost(self, by_model: dict[Names, Used]) -> int:
        prices = self.prices
        if prices is None:
            return 0
        return sum(prices.cost(names, used.asked, used.answered) or 0 for names, used in by_model.items())

    def attach(self) -> None:
        """Count the run that the pod follows from here on."""
        if self.state.run_id != self.run_id:
            if self.run_id:
                self._entries[ledger.short(self.run_id)] = self.entry
            self.counter, self.run_id, self.can_stream, self._in_state = Counter(), self.state.run_id, True, {}
            self._complete, self._gap, self._last_event = False, False, None
            self._saved_at = self.runtime.clock.steady() - (SAVE_SECONDS if self._unwritten else 0.0)
        if not self._read:  # SIGTERM may have interrupted the first try
            self._load_earlier()

    def _load_earlier(self) -> None:
        """Read what earlier pods of the occurrence have written."""
        day = ledger.thread_of(self.settings.uid, self._at)
        found = self._with_short_deadline(lambda: [self.client.api.thread(day)])
        self._read, self._gap = found is not None, self._gap or found is None
        thread = (found or [None])[0] or {}
        for entry in ledger.entries(thread.get("metadata") or {}):
            if (entry.at, entry.occurrence) == (self._at, self._occurrence):
                self._entries.setdefault(entry.run, entry)
        self._gap = self._gap or self._misses_earlier()

    def _misses_earlier(self) -> bool:
        """Return whether the ledger lacks a run before this one: its entry could not be written."""
        runs = self._entries.keys() - {ledger.short(self.run_id)}
        stopped = str(member(self.state.run or {}, "metadata").get(RESUMES, ""))
        return len(runs) < self.state.attempt - 1 or (bool(stopped) and ledger.short(stopped) not in runs)

    def follow(self, wait: Callable[[], float], *, stop_at_limit: bool = True) -> None:
        """Read the run's stream until its end, or until the run has used too much.

        Parameters
        ----------
        wait
            Called before each read; returns the longest wait in seconds.
        stop_at_limit
            Whether to stop reading at the limit.

        Raises
        ------
        Unanswered, CertificateError
        """
        reader, self._complete = self.counter.reader(), False

        def take(piece: bytes) -> None:
            before = self.counter.total
            self._note_event()
            reader.feed(piece)
            if stop_at_limit and self.counter.total != before and self.over:
                raise _Over

        def patience() -> float:
            self._save_periodically()
            return wait()

        try:
            self.client.api.stream(self.settings.thread_id, self.state.run_id, self.counter.since, patience, take)
            self._complete = True
        except _Over:
            self.runtime.log("over-budget", tokens=self.tokens)
        except RequestRejected as error:
            self.can_stream = False
            self.runtime.log("stream-unavailable", level="warning", error=str(error))

    def _note_event(self) -> None:
        now = self.runtime.clock.steady()
        self._gap = self._gap or (self._last_event is not None and now - self._last_event > GAP_SECONDS)
        self._last_event = now

    def _save_periodically(self) -> None:
        now = self.runtime.clock.steady()
        if now - self._saved_at < SAVE_SECONDS:
            return
        self._saved_at, entry = now, self.entry
        if entry.tokens and entry != self._saved:
            self._saved = self._unwritten[entry.run] = entry
        if self._unwritten:
            self._try(self._write_entries)

    def settle(self) -> None:
        """Read the rest of the stream of a finished run, and write its usage to the ledger."""
        if self.state.run is None:
            return
        self.attach()
        patience = HURRY_SECONDS if self.runtime.shutdown.requested else SETTLE_SECONDS
        if self.can_stream and not self._complete:
            self._read_rest(self.runtime.clock.steady() + patience)
        if self.entry.at_least and not self.settings.shares_thread and not self.runtime.shutdown.requested:
            self._in_state = in_state(self._try(self._read_state))
        self._write()

    def _read_state(self) -> Json | None:
        """Return the thread's state, unless a newer run may have changed it."""
        newest = self.client.api.runs(self.settings.thread_id, limit=1)
        is_ours = bool(newest) and newest[0].get("run_id") == self.state.run_id
        return self.client.api.state(self.settings.thread_id) if is_ours else None

    def _read_rest(self, until: float) -> None:
        def wait() -> float:
            left = until - self.runtime.clock.steady()
            if left <= 0:
                raise TimeoutError
            return left

        while self.can_stream and not self._complete and self.runtime.clock.steady() < until:
            with self.runtime.shutdown.interruptible():
                try:
                    self.follow(wait, stop_at_limit=False)
                except (Unanswered, CertificateError) as error:
                    self.runtime.log("stream-disconnected", level="debug", error=str(error))
            if not self._complete:
                self.runtime.sleep(0.2)

    def _write(self) -> None:
        entry = self.entry
        self._unwritten[entry.run] = entry
        self._with_short_deadline(self._write_entries)
        self.runtime.log("counted", tokens=entry.tokens, at_least=entry.at_least, unpriced=self.unpriced or None)

    def _write_entries(self) -> None:
        ledger.write(self.client.api, self.settings, *self._unwritten.values())
        self._unwritten.clear()

    def _with_short_deadline(self, call: Callable[[], T]) -> T | None:
        """Make a call with a short deadline: a run's outcome does not wait for the ledger."""
        patience = HURRY_SECONDS if self.runtime.shutdown.requested else WRITE_SECONDS
        until = self.runtime.clock.now() + patience
        return self._try(lambda: self.client.until(until, lambda: self.client.retry(call)))

    def _try(self, call: Callable[[], T]) -> T | None:
        try:
            return call()
        except (RunEnded, Unanswered, RequestRejected, CertificateError) as error:
            self.runtime.log("ledger-write-failed", level="warning", error=str(error))
            return None
