"""Limits concurrent preflights, and lets one ask for all while a server does not answer.

The state is kept in memory and rebuilt from the objects: each reconciliation of an owner observes its preflight. A
restart loses nothing, and a Job that is deleted, refused or forgotten keeps no slot.
"""

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterator
from datetime import datetime, timedelta
from typing import Final, Generic, NamedTuple, TypeVar

from graphcron.api.reasons import Reason
from graphcron.api.v1alpha1 import rfc3339
from graphcron.contract import Outcome
from graphcron.errors import PreflightPendingError
from graphcron.planning.preflight import DEADLINE_SECONDS, FIRST_PAUSE, PreflightDecision

Key = TypeVar("Key", bound=Hashable)

SLOT_TIMEOUT: Final = timedelta(seconds=DEADLINE_SECONDS + 60)
"""How long a slot is held at most: the Job's own deadline, and time for the watches to deliver its end."""

TURN_TIMEOUT: Final = timedelta(seconds=60)
"""How long an owner whose turn it is holds up those behind it."""

_NO_ANSWER: Final = frozenset({Outcome.INTERNAL_ERROR, Outcome.STOPPED})
"""Outcomes of a preflight that did not reach the server."""


class _Slot(NamedTuple):
    server: str
    since: datetime


class _ServerState(NamedTuple, Generic[Key]):
    """The latest preflight of a server."""

    time: datetime
    answers: bool
    key: Key | None
    """Its owner; None: the owner was deleted."""
    owner: str
    """Kind and name of the owner, for messages."""
    next_time: datetime | None
    """Time of its next request."""


class PreflightLimiter(Generic[Key]):
    """Slots for preflights, first come, first served, and the state of each server.

    Parameters
    ----------
    limit
        How many preflights run at a time.
    enqueue
        Called with each owner to reconcile, because its turn has come or its server's state has changed.
    """

    def __init__(self, limit: int, enqueue: Callable[[Key], None]) -> None:
        self._limit = limit
        self._enqueue = enqueue
        self._slots: dict[tuple[Key, str], _Slot] = {}
        """By owner and Job."""
        self._queue: dict[Key, datetime | None] = {}
        """Owners that wait for a slot, in order, and when their turn came."""
        self._servers: dict[str, _ServerState[Key]] = {}
        """By server."""
        self._waiting: dict[str, dict[Key, datetime]] = {}
        """By server, the owners to reconcile when it answers, and since when they wait."""
        self._due: set[Key] = set()
        """Owners whose server has answered since they found it unreachable."""
        self._server_of: dict[Key, str] = {}
        self._owners: Counter[str] = Counter()
        """How many owners each server has, so that a mass deletion does not count them again for each."""

    def restore(self, key: Key, job: str, *, since: datetime) -> None:
        """Hold a slot for a Job that an earlier process created."""
        self._slots[key, job] = _Slot("", since)

    def is_due(self, key: Key) -> bool:
        """Return whether the owner's server has answered since its own preflight found it unreachable."""
        return key in self._due

    def observe(
        self, key: Key, decision: PreflightDecision | None, *, refused: Collection[str] = (), now: datetime
    ) -> None:
        """Observe an owner's preflight; call this in each reconciliation, before :meth:`acquire`.

        Parameters
        ----------
        decision
            None: it has no preflight.
        refused
            Names of Jobs that get no pod: they hold no slot.
        """
        if decision is None:
            self.forget(key, now=now)
            return
        if self._server_of.get(key) != decision.server:
            self._forget_server(key)
            self._server_of[key] = decision.server
            self._owners[decision.server] += 1
        self._record_result(key, decision)
        self._release(
            key, (decision.running if decision.is_cached else {*decision.running, decision.job}) - set(refused)
        )
        for slot, held in self._slots.items():
            if slot[0] == key:
                self._slots[slot] = held._replace(server=decision.server)
        if decision.manifest is None:
            self._queue.pop(key, None)
        self._offer_slots(now)

    def acquire(self, key: Key, decision: PreflightDecision, *, now: datetime) -> None:
        """Take a slot for the Job of a decision.

        Raises
        ------
        PreflightPendingError
            There is none now; the owner is enqueued when its turn comes.
        """
        slot, server = (key, decision.job), decision.server
        if slot in self._slots:
            return
        pending = self._wait_for_server(key, decision, now)
        if pending:
            self._queue.pop(key, None)
            self._waiting.setdefault(server, {}).setdefault(key, now)
            self._offer_slots(now)
            raise pending
        if not self._has_turn(key, now):
            self._queue.setdefault(key)
            message = f"At most {self._limit} preflights run concurrently. This preflight is queued."
            raise PreflightPendingError(Reason.PREFLIGHT_PENDING, message)
        self._queue.pop(key, None)
        self._waiting.get(server, {}).pop(key, None)
        self._due.discard(key)
        self._slots[slot] = _Slot(server, now)
        self._offer_slots(now)

    def release(self, key: Key, decision: PreflightDecision | None, *, now: datetime) -> None:
        """Return the slot of a Job that was not created; forget an owner whose spec can't be read."""
        if decision is None:
            self.forget(key, now=now)
            return
        self._release(key, {each for owner, each in self._slots if owner == key} - {decision.job})
        self._offer_slots(now)

    def forget(self, key: Key, *, now: datetime) -> None:
        """Forget an owner that was deleted, or has no preflight."""
        self._release(key, ())
        self._queue.pop(key, None)
        self._forget_server(key)
        self._offer_slots(now)

    # --- servers

    def _record_result(self, key: Key, decision: PreflightDecision) -> None:
        state, server = decision.previous, decision.server
        if state.outcome is None or state.time is None or state.outcome in _NO_ANSWER:
            return
        result = _ServerState(
            state.time, state.outcome != Outcome.SERVER_UNREACHABLE, key, decision.owner, state.next_time
        )
        latest = self._servers.get(server)
        # Of two at the same time the first stays, or they would replace each other without end.
        is_newer = latest is None or (result.time, result.answers) > (latest.time, latest.answers)
        if latest is None or is_newer or (latest.key == key and latest != result):
            latest = self._servers[server] = result
            self._enqueue_waiting(server)
        if result.answers:
            self._due.discard(key)
        elif not latest.answers:
            self._waiting.setdefault(server, {}).setdefault(key, state.time)
        elif key not in self._due:
            self._due.add(key)
            self._enqueue(key)

    def _enqueue_waiting(self, server: str) -> None:
        """Enqueue the owners that wait for a server; where it answers, they wait no longer."""
        waiting = self._waiting.get(server, {})
        latest = self._servers.get(server)
        if latest and latest.answers:
            self._due.update(waiting)
            self._waiting.pop(server, None)
        for key in waiting:
            self._enqueue(key)

    def _wait_for_server(self, key: Key, decision: PreflightDecision, now: datetime) -> PreflightPendingError | None:
        """Return why a preflight waits for that of another owner; None: it does not.

        While the server does not respond, only the owner that detected this retries. A new owner may try earlier.
        """
        latest = self._servers.get(decision.server)
        if latest is None or latest.answers or decision.is_probe:
            return None
        until = None
        if not any(slot.server == decision.server for slot in self._slots.values()):
            since = self._waiting.get(decision.server, {}).get(key, now)
            until = latest.time + FIRST_PAUSE if decision.is_first and since > latest.time else None
            if latest.key in (None, key) or (until and until <= now):
                return None
        again = f", and retries at {rfc3339(latest.next_time)}" if latest.next_time else ""
        message = (
            f"The preflight of {latest.owner} found the server unreachable at {rfc3339(latest.time)}{again}. "
            "This preflight runs when the server responds."
        )
        return PreflightPendingError(Reason.WAITING_FOR_SERVER, message, until=until)

    def _forget_server(self, key: Key) -> None:
        """Forget an owner's server and result; another owner has to ask then."""
        server = self._server_of.pop(key, None)
        self._due.discard(key)
        if server is None:
            return
        self._waiting.get(server, {}).pop(key, None)
        self._owners[server] -= 1
        if not self._owners[server]:
            del self._owners[server]
            self._servers.pop(server, None)
            self._waiting.pop(server, None)
        elif self._servers.get(server) and self._servers[server].key == key and not self._servers[server].answers:
            self._servers[server] = self._servers[server]._replace(key=None)
            self._enqueue_waiting(server)

    # --- slots

    def _release(self, key: Key, kept: Collection[str]) -> None:
        for owner, job in [each for each in self._slots if each[0] == key and each[1] not in kept]:
            server = self._slots.pop((owner, job)).server
            latest = self._servers.get(server)
            if latest and not latest.answers:
                self._enqueue_waiting(server)

    def _free(self, now: datetime) -> int:
        for slot, held in list(self._slots.items()):
            if now - held.since > SLOT_TIMEOUT:
                del self._slots[slot]
        return self._limit - len(self._slots)

    def _candidates(self, free: int, now: datetime) -> Iterator[Key]:
        """Yield the owners whose turn it is; one that does not come keeps its place, and holds up no other."""
        for key, called in self._queue.items():
            if free <= 0:
                return
            free -= called is None or now - called <= TURN_TIMEOUT
            yield key

    def _has_turn(self, key: Key, now: datetime) -> bool:
        free = self._free(now)
        candidates = list(self._candidates(free, now))
        if key in self._queue:
            return key in candidates
        return sum(not self._is_late(each, now) for each in candidates) < free

    def _is_late(self, key: Key, now: datetime) -> bool:
        called = self._queue[key]
        return called is not None and now - called > TURN_TIMEOUT

    def _offer_slots(self, now: datetime) -> None:
        for key in list(self._candidates(self._free(now), now)):
            if self._queue[key] is None:
                self._queue[key] = now
                self._enqueue(key)
