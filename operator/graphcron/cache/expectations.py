"""Our own writes, until the watches show them.

They serve three times. What we wrote is newer than what a watch has shown so far, and a decision on the older would be
made twice. An event that shows just our write is no news, and nothing has to be looked at for it. And a write that no
watch has shown for long means that a watch has died: a stream that dies quietly looks like a quiet cluster. The API
server's bookmarks tell kopf, which makes the watch anew; this is the net beneath.

Of objects that are gone the last version is kept for a while: a write whose answer comes after the deletion is not
waited for, and an event that comes after it is stale.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

TOMBSTONES: Final = 10_000
"""How many objects that are gone are remembered, the last ones."""

Answer = Mapping[str, Any]
"""An object as the API server answered our write with."""


class _Write(NamedTuple):
    version: int
    moment: datetime
    answer: Answer
    is_listed: bool = False
    """Whether a list had the object when the watch was already late."""


class Echoes:
    """The writes that the watches have yet to show, by the object's UID.

    Parameters
    ----------
    patience
        How long a watch may take to show a write.
    """

    def __init__(self, patience: timedelta) -> None:
        self._patience = patience
        self._expected: dict[str, _Write] = {}
        self._seen: dict[str, int] = {}
        self._gone: dict[str, int] = {}
        """The last versions of objects that are gone. One that a selector lost and has again has a later one."""

    def expect(self, answer: Answer, *, now: datetime) -> None:
        """Take note of a write."""
        uid, version = _identity(answer)
        if max(self._seen.get(uid, 0), self._gone.get(uid, 0)) < version:
            self._expected[uid] = _Write(version, now, answer)

    def heard(self, body: Mapping[str, Any], *, gone: bool) -> bool:
        """Take note of what a watch has shown, that version of the object or its end; tell whether it is news."""
        uid, version = _identity(body)
        if gone:
            self.end(uid, version)
            return True
        self._seen[uid] = version
        write = self._expected.get(uid)
        # Versions of one resource are ordered numbers; a later one has overtaken the one that we wait for.
        if write and version >= write.version:
            del self._expected[uid]
        return write is None or version != write.version

    def end(self, uid: str, version: int = 0) -> None:
        """Take note that an object is gone: its last version, or one that all of its versions came before."""
        write = self._expected.pop(uid, None)
        self._gone[uid] = max(version, self._seen.pop(uid, 0), write.version if write else 0)
        while len(self._gone) > TOMBSTONES:
            del self._gone[next(iter(self._gone))]

    def is_stale(self, body: Mapping[str, Any]) -> bool:
        """Return whether an event is about an object that is known to have gone since."""
        uid, version = _identity(body)
        return version <= self._gone.get(uid, -1)

    def has_shown(self, uid: str, version: int) -> bool:
        """Tell whether a watch has shown that version of an object, or a later one, and the object is there still."""
        return self._seen.get(uid, -1) >= version

    def known(self) -> set[str]:
        """Return the UIDs of all objects that were shown or written, and are not known to be gone."""
        return self._seen.keys() | self._expected.keys()

    def latest(self, uid: str) -> Answer | None:
        """Return what we wrote last, where no watch has shown it yet."""
        write = self._expected.get(uid)
        return write.answer if write else None

    def late(self, *, now: datetime) -> list[str]:
        """Return the UIDs of the objects to be looked up: no watch has shown our write for half of the patience."""
        return [uid for uid, write in self._expected.items() if self._is_late(write, now) and not write.is_listed]

    def listed(self, uids: Collection[str], *, now: datetime) -> None:
        """Take note of the objects that a list has; those that it lacks are gone, see :meth:`end`."""
        late = {uid: write for uid, write in self._expected.items() if self._is_late(write, now) and uid in uids}
        self._expected |= {uid: write._replace(is_listed=True) for uid, write in late.items()}

    def overdue(self, *, now: datetime) -> list[str]:
        """Return the UIDs of the objects that are there, and whose writes have not been shown in time."""
        overdue = [uid for uid, write in self._expected.items() if now - write.moment > self._patience]
        return [uid for uid in overdue if self._expected[uid].is_listed]

    def _is_late(self, write: _Write, now: datetime) -> bool:
        return now - write.moment > self._patience / 2


def _identity(body: Mapping[str, Any]) -> tuple[str, int]:
    metadata = body["metadata"]
    return metadata["uid"], int(metadata["resourceVersion"])
