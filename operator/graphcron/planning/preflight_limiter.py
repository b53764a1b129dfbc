"""How many preflights run at a time, and that one asks for all while a server does not answer.

Kept in memory, and rebuilt from the objects: each look at an owner says how it stands with its preflight. So nothing is
lost with the process, and a Job that is deleted, refused or forgotten keeps no slot.
"""

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterator
from datetime import datetime, timedelta
from typing import Final, Generic, NamedTuple, TypeVar

from graphcron.api.reasons import Reason
from graphcron.api.v1alpha1 import rfc3339
from graphcron.contract import Outcome
from graphcron.errors import PreflightPendingError
from graphcron.planning.preflight import DEADLINE_SECONDS, FIRST_PAUSE, Look

Key = TypeVar("Key", bound=Hashable)

SLOT: Final = timedelta(seconds=DEADLINE_SECONDS + 60)
"""The longest that a slot is held: the Job's own deadline, and some time for the watches to show its end."""

CALLED: Final = timedelta(seconds=60)
"""How long those behind it wait for an owner whose turn it is."""

_TELLS_NOTHING: Final = frozenset({Outcome.INTERNAL_ERROR, Outcome.STOPPED})
"""Outcomes of a preflight that has not asked the server."""


class _Slot(NamedTuple):
    server: str
    since: datetime


class _Word(NamedTuple, Generic[Key]):
    """What the latest preflight found of a server."""

    time: datetime
    answers: bool
    key: Key | None
    """Whose preflight; None: it is gone."""
    owner: str
    """The same for people."""
    again: datetime | None


class PreflightLimiter(Generic[Key]):
    """Slots for preflights, in the order of asking, and the latest word on each server.

    Parameters
    ----------
    limit
        How many preflights run at a time.
    enqueue
        Called with each owner that is to be looked at, because its turn has come or there is news of its server.
    """

    def __init__(self, limit: int, enqueue: Callable[[Key], None]) -> None:
        self._limit = limit
        self._enqueue = enqueue
        self._slots: dict[tuple[Key, str], _Slot] = {}
        """By owner and Job."""
        self._line: dict[Key, datetime | None] = {}
        """Those that wait for a slot, the first first, and when their turn came."""
        self._words: dict[str, _Word[Key]] = {}
        """By server."""
        self._waiting: dict[str, dict[Key, datetime]] = {}
        """By server, those that are looked at when it answers, and since when they wait."""
        self._due: set[Key] = set()
        """Those whose server has answered since they found it unreachable."""
        self._server: dict[Key, str] = {}
        self._owners: Counter[str] = Counter()
        """How many owners each server has, so that a mass deletion does not count them again for each."""

    def restore(self, key: Key, job: str, *, since: datetime) -> None:
        """Hold a slot for a Job that an earlier process made."""
        self._slots[key, job] = _Slot("", since)

    def is_due(self, key: Key) -> bool:
        """Tell whether the owner's server has answered since its own preflight found it unreachable."""
        return key in self._due

    def observe(self, key: Key, look: Look | None, *, refused: Collection[str] = (), now: datetime) -> None:
        """Take note of how it stands with an owner's preflight; call it in each look, before :meth:`acquire`.

        Parameters
        ----------
        look
            None: it has no preflight.
        refused
            Names of Jobs that get no pod: they are no load.
        """
        if look is None:
            self.forget(key, now=now)
            return
        if self._server.get(key) != look.server:
            self._leave(key)
            self._server[key] = look.server
            self._owners[look.server] += 1
        self._learn(key, look)
        self._release(key, (look.running if look.is_shown else {*look.running, look.job}) - set(refused))
        for slot, held in self._slots.items():
            if slot[0] == key:
                self._slots[slot] = held._replace(server=look.server)
        if look.manifest is None:
            self._line.pop(key, None)
        self._call(now)

    def acquire(self, key: Key, look: Look, *, now: datetime) -> None:
        """Take a slot for the Job that a look wants to make.

        Raises
        ------
        PreflightPendingError
            There is none now; the owner is enqueued when its turn comes.
        """
        slot, server = (key, look.job), look.server
        if slot in self._slots:
            return
        pending = self._behind(key, look, now)
        if pending:
            self._line.pop(key, None)
            self._waiting.setdefault(server, {}).setdefault(key, now)
            self._call(now)
            raise pending
        if not self._has_turn(key, now):
            self._line.setdefault(key)
            message = f"At most {self._limit} preflights run at a time, and this one waits for its turn."
            raise PreflightPendingError(Reason.PREFLIGHT_PENDING, message)
        self._line.pop(key, None)
        self._waiting.get(server, {}).pop(key, None)
        self._due.discard(key)
        self._slots[slot] = _Slot(server, now)
        self._call(now)

    def release(self, key: Key, look: Look | None, *, now: datetime) -> None:
        """Give the slot of a Job back that could not be made; forget an owner whose spec can't be read."""
        if look is None:
            self.forget(key, now=now)
            return
        self._release(key, {each for owner, each in self._slots if owner == key} - {look.job})
        self._call(now)

    def forget(self, key: Key, *, now: datetime) -> None:
        """Forget an owner that is gone, or has no preflight."""
        self._release(key, ())
        self._line.pop(key, None)
        self._leave(key)
        self._call(now)

    # --- what is known of servers

    def _learn(self, key: Key, look: Look) -> None:
        state, server = look.before, look.server
        if state.outcome is None or state.time is None or state.outcome in _TELLS_NOTHING:
            return
        word = _Word(state.time, state.outcome != Outcome.SERVER_UNREACHABLE, key, look.owner, state.next_time)
        known = self._words.get(server)
        # Of two at the same time the first stays, or they would take turns.
        is_newer = known is None or (word.time, word.answers) > (known.time, known.answers)
        if known is None or is_newer or (known.key == key and known != word):
            known = self._words[server] = word
            self._wake(server)
        if word.answers:
            self._due.discard(key)
        elif not known.answers:
            self._waiting.setdefault(server, {}).setdefault(key, state.time)
        elif key not in self._due:
            self._due.add(key)
            self._enqueue(key)

    def _wake(self, server: str) -> None:
        """Have those looked at that wait for a server; where it answers, they wait no longer."""
        waiting = self._waiting.get(server, {})
        word = self._words.get(server)
        if word and word.answers:
            self._due.update(waiting)
            self._waiting.pop(server, None)
        for key in waiting:
            self._enqueue(key)

    def _behind(self, key: Key, look: Look, now: datetime) -> PreflightPendingError | None:
        """Return why a preflight leaves it to another one to ask the server; None: it does not.

        While the server does not answer, the owner that found that asks again. A new one may ask earlier.
        """
        word = self._words.get(look.server)
        if word is None or word.answers or look.leads:
            return None
        until = None
        if not any(slot.server == look.server for slot in self._slots.values()):
            since = self._waiting.get(look.server, {}).get(key, now)
            until = word.time + FIRST_PAUSE if look.is_new and since > word.time else None
            if word.key in (None, key) or (until and until <= now):
                return None
        again = f", and asks again at {rfc3339(word.again)}" if word.again else ""
        message = (
            f"The preflight of {word.owner} found the server unreachable at {rfc3339(word.time)}{again}. "
            "This one follows when the server answers."
        )
        return PreflightPendingError(Reason.WAITING_FOR_SERVER, message, until=until)

    def _leave(self, key: Key) -> None:
        """Forget an owner's server, and what it found of it; somebody else has to ask then."""
        server = self._server.pop(key, None)
        self._due.discard(key)
        if server is None:
            return
        self._waiting.get(server, {}).pop(key, None)
        self._owners[server] -= 1
        if not self._owners[server]:
            del self._owners[server]
            self._words.pop(server, None)
            self._waiting.pop(server, None)
        elif self._words.get(server) and self._words[server].key == key and not self._words[server].answers:
            self._words[server] = self._words[server]._replace(key=None)
            self._wake(server)

    # --- slots

    def _release(self, key: Key, kept: Collection[str]) -> None:
        for owner, job in [each for each in self._slots if each[0] == key and each[1] not in kept]:
            server = self._slots.pop((owner, job)).server
            word = self._words.get(server)
            if word and not word.answers:
                self._wake(server)

    def _free(self, now: datetime) -> int:
        for slot, held in list(self._slots.items()):
            if now - held.since > SLOT:
                del self._slots[slot]
        return self._limit - len(self._slots)

    def _candidates(self, free: int, now: datetime) -> Iterator[Key]:
        """Yield those of the line whose turn it is; one that does not come keeps its place, and holds up nobody."""
        for key, called in self._line.items():
            if free <= 0:
                return
            free -= called is None or now - called <= CALLED
            yield key

    def _has_turn(self, key: Key, now: datetime) -> bool:
        free = self._free(now)
        candidates = list(self._candidates(free, now))
        if key in self._line:
            return key in candidates
        return sum(not self._is_late(each, now) for each in candidates) < free

    def _is_late(self, key: Key, now: datetime) -> bool:
        called = self._line[key]
        return called is not None and now - called > CALLED

    def _call(self, now: datetime) -> None:
        for key in list(self._candidates(self._free(now), now)):
            if self._line[key] is None:
                self._line[key] = now
                self._enqueue(key)
