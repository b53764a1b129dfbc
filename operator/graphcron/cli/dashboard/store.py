"""What the watches have shown, as the page shows it, and what has changed since a version."""

import json
import secrets
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final, NamedTuple

from graphcron.api.graphruns import graphcron_name_of
from graphcron.cli.clients.graphruns import without_graphcron
from graphcron.cli.clients.kubectl import GRAPHCRONS, GRAPHRUNS, GRAPHSERVERS, Object
from graphcron.cli.dashboard.page_state import (
    Plan,
    graphcron_view,
    graphrun_card,
    server_card,
    trimmed,
    unreadable_card,
)
from graphcron.unstructured.fields import object_at, text_at

KINDS: Final = (GRAPHSERVERS, GRAPHRUNS, GRAPHCRONS)
"""The kinds that the page shows. GraphCrons are last: their cards contain parts of the others."""

Place = tuple[str, str]
"""Namespace and name."""


class Card(NamedTuple):
    """An object as the page shows it, in JSON."""

    text: str
    version: int
    plan: Plan | None = None
    expires: datetime | None = None
    """When the card changes without a change of the object."""


class Store:
    """The objects of the page, by kind and UID."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Object]] = {kind: {} for kind in KINDS}
        self.cards: dict[str, Card] = {}
        self.alone: dict[str, Card] = {}
        """GraphRuns without a GraphCron."""
        self._gone: dict[str, int] = {}
        self._version, self._servers_version, self._plans_version = 0, 0, 0
        self._dirty: set[str] = set()
        self._dirty_runs: set[str] = set()
        self._by_place: dict[Place, str] = {}
        self._runs: defaultdict[Place, dict[str, Object]] = defaultdict(dict)
        self._session: Final = secrets.token_hex(4)

    @property
    def version(self) -> str:
        """The present version. Versions of another process differ from all versions of this one."""
        return f"{self._session}-{self._version}"

    @property
    def plans_version(self) -> int:
        """Changes whenever the time or the duration of a run may have changed."""
        return self._plans_version

    def replace(self, kind: str, bodies: Mapping[str, Object]) -> None:
        """Take a complete list of a kind."""
        for uid in [each for each in self.objects[kind] if each not in bodies]:
            self.delete(kind, uid)
        for uid, body in bodies.items():
            old = object_at(self.objects[kind].get(uid), "metadata").get("resourceVersion")
            if old is None or old != body["metadata"].get("resourceVersion"):
                self._put(kind, uid, body)

    def put(self, kind: str, body: Object) -> None:
        """Take an object that was added or has changed."""
        self._put(kind, uid_of(body), trimmed(body))

    def delete(self, kind: str, uid: str) -> None:
        """Forget an object that was deleted."""
        body = self.objects[kind].pop(uid, None)
        if body is None:
            return
        self._touch(kind, uid, body)
        if kind == GRAPHCRONS and self._by_place.get(_place(body)) == uid:
            del self._by_place[_place(body)]
        elif kind == GRAPHRUNS:
            self._runs[_reference(body)].pop(uid, None)

    def _put(self, kind: str, uid: str, body: Object) -> None:
        self.objects[kind][uid] = body
        if kind == GRAPHCRONS:
            self._by_place[_place(body)] = uid
        elif kind == GRAPHRUNS:
            self._runs[_reference(body)][uid] = body
        self._touch(kind, uid, body)

    def _touch(self, kind: str, uid: str, body: Object) -> None:
        """Note which cards depend on an object."""
        namespace, _ = _place(body)
        if kind == GRAPHCRONS:
            self._dirty.add(uid)
            self._dirty_runs |= self._runs.get(_place(body), {}).keys()
        elif kind == GRAPHRUNS:
            self._dirty_runs.add(uid)
            if owner := self._by_place.get(_reference(body)):
                self._dirty.add(owner)
        else:
            self._servers_version = self._version + 1
            self._dirty |= {each for (there, _), each in self._by_place.items() if there == namespace}

    def refresh(self, *, now: datetime, most: int | None = None) -> bool:
        """Bring cards up to date, at most some of them, and return whether others remain."""
        self._dirty |= {uid for uid, each in self.cards.items() if each.expires and each.expires <= now}
        if not (self._dirty or self._dirty_runs or self._servers_version > self._version):
            return False
        self._version += 1
        for uid in list(islice(self._dirty, most)):
            self._dirty.discard(uid)
            self._refresh_graphcron(uid, now)
        for uid in list(islice(self._dirty_runs, most)):
            self._dirty_runs.discard(uid)
            self._refresh_graphrun(uid)
        return bool(self._dirty or self._dirty_runs)

    def _refresh_graphcron(self, uid: str, now: datetime) -> None:
        body, old = self.objects[GRAPHCRONS].get(uid), self.cards.get(uid)
        if body is None:
            if self.cards.pop(uid, None):
                self._gone[uid] = self._version
                self._plans_version = self._version
            return
        runs = list(self._runs.get(_place(body), {}).values())
        servers = [each for each in self.objects[GRAPHSERVERS].values() if _place(each)[0] == _place(body)[0]]
        try:
            card, plan, expires = graphcron_view(body, runs, servers, now=now)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError):
            card, plan, expires = unreadable_card(body), None, None
        self.cards[uid] = Card(as_json(card), self._version, plan, expires)
        self._gone.pop(uid, None)
        if old is None or old.plan != plan:
            self._plans_version = self._version

    def _refresh_graphrun(self, uid: str) -> None:
        body = self.objects[GRAPHRUNS].get(uid)
        owner = self.objects[GRAPHCRONS].get(self._by_place.get(_reference(body), "")) if body else None
        if body is None or not without_graphcron([body], [owner] if owner else []):
            if self.alone.pop(uid, None):
                self._gone[uid] = self._version
        else:
            self.alone[uid] = Card(as_json(graphrun_card(body)), self._version)
            self._gone.pop(uid, None)

    def plans(self) -> dict[str, Plan | None]:
        """Return when the runs of each GraphCron are due, by UID."""
        return {uid: each.plan for uid, each in self.cards.items()}

    def servers(self) -> list[Object]:
        """Return the GraphServers."""
        return [server_card(each) for each in self.objects[GRAPHSERVERS].values()]

    def state(self, about: Mapping[str, Any]) -> str:
        """Return all that the page shows, in JSON."""
        known = as_json({**about, "version": self.version, "servers": self.servers()})
        cards = {uid: self.cards[uid] for _, uid in sorted(self._by_place.items()) if uid in self.cards}
        return f'{known[:-1]},"graphCrons":[{_joined(cards)}],"graphRuns":[{_joined(self.alone)}]}}'

    def changes(self, since: str) -> str | None:
        """Return what has changed since a version, in JSON; None: nothing.

        That is everything if the version is of another process.
        """
        session, _, number = since.rpartition("-")
        known = int(number) if session == self._session and number.isdecimal() else -1
        cards, alone = (
            {uid: each for uid, each in cards.items() if each.version > known} for cards in (self.cards, self.alone)
        )
        gone = [uid for uid, version in self._gone.items() if version > known]
        if not (cards or alone or gone or self._servers_version > known):
            return None
        servers = f',"servers":{as_json(self.servers())}' if self._servers_version > known else ""
        runs = f'{{"set":[{_joined(alone)}],"gone":{as_json(gone)}}}'
        everything = ',"all":true' if known < 0 else ""
        return f'{{"set":[{_joined(cards)}],"gone":{as_json(gone)},"graphRuns":{runs}{servers}{everything}}}'


def uid_of(body: Object) -> str:
    """Return the UID of an object."""
    return text_at(object_at(body, "metadata"), "uid")


def as_json(value: Any) -> str:
    """Write JSON that fits in an event of a stream, and in a page."""
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)


def now_utc() -> datetime:
    """Return the current time."""
    return datetime.now(UTC)  # noqa: TID251  (the page is about now)


def _joined(cards: Mapping[str, Card]) -> str:
    return ",".join(each.text for each in cards.values())


def _place(body: Object) -> Place:
    metadata = object_at(body, "metadata")
    return text_at(metadata, "namespace"), text_at(metadata, "name")


def _reference(graphrun: Object) -> Place:
    """Return the place of the GraphCron that a GraphRun refers to."""
    return _place(graphrun)[0], graphcron_name_of(graphrun)


def trimmed_by_uid(bodies: Iterator[Object]) -> dict[str, Object]:
    """Return the parts of objects that the page needs, by UID."""
    return {uid_of(each): trimmed(each) for each in bodies}
