"""The operator's own writes that no watch has delivered yet.

They serve three purposes. A write is newer than the cached object, and a decision on the older state would be made
twice. An event that delivers only the operator's own write needs no reconciliation. A write that no watch delivers for
a long time means that a watch has died: a stream that fails silently looks like a quiet cluster. Usually kopf notices
missing bookmarks and restarts the watch; the expectations are the safety net for the other cases.

The last versions of deleted objects are kept for a while. A write whose response arrives after the deletion is not
expected, and an event that arrives after it is stale.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

MAX_TOMBSTONES: Final = 10_000
"""Maximum number of deleted objects that are remembered."""

Answer = Mapping[str, Any]
"""An object as the API server returned it in response to a write."""


class _Write(NamedTuple):
    version: int
    time: datetime
    answer: Answer
    is_listed: bool = False
    """Whether a list contained the object when the watch was already late."""


class Expectations:
    """Pending writes by the object's UID.

    Parameters
    ----------
    timeout
        Time that a watch may take to deliver a write.
    """

    def __init__(self, timeout: timedelta) -> None:
        self._timeout = timeout
        self._pending: dict[str, _Write] = {}
        self._observed: dict[str, int] = {}
        """The last version of each object that a watch has delivered."""
        self._deleted: dict[str, int] = {}
        """The last version of each deleted object. An object that a selector matches again has a later one."""

    def expect_write(self, answer: Answer, *, now: datetime) -> None:
        """Record a write."""
        uid, version = _identity(answer)
        if max(self._observed.get(uid, 0), self._deleted.get(uid, 0)) < version:
            self._pending[uid] = _Write(version, now, answer)

    def observe(self, body: Mapping[str, Any], *, deleted: bool) -> bool:
        """Record the version that a watch has delivered; return whether it is more than the operator's own write."""
        uid, version = _identity(body)
        if deleted:
            self.observe_deletion(uid, version)
            return True
        self._observed[uid] = version
        write = self._pending.get(uid)
        # Versions of one resource are ordered numbers. A later version includes the pending write.
        if write and version >= write.version:
            del self._pending[uid]
        return write is None or version != write.version

    def observe_deletion(self, uid: str, version: int = 0) -> None:
        """Record a deletion with the object's last version, or with any version after it."""
        write = self._pending.pop(uid, None)
        self._deleted[uid] = max(version, self._observed.pop(uid, 0), write.version if write else 0)
        while len(self._deleted) > MAX_TOMBSTONES:
            del self._deleted[next(iter(self._deleted))]

    def is_stale(self, body: Mapping[str, Any]) -> bool:
        """Return whether an event is older than the recorded deletion of its object."""
        uid, version = _identity(body)
        return version <= self._deleted.get(uid, -1)

    def has_observed(self, uid: str, version: int) -> bool:
        """Return whether a watch has delivered this version or a later one, and no deletion since."""
        return self._observed.get(uid, -1) >= version

    def known(self) -> set[str]:
        """Return the UIDs of all objects that were observed or written and not deleted since."""
        return self._observed.keys() | self._pending.keys()

    def pending_write(self, uid: str) -> Answer | None:
        """Return the object as last written; None if no write is pending."""
        write = self._pending.get(uid)
        return write.answer if write else None

    def late(self, *, now: datetime) -> list[str]:
        """Return the UIDs of the objects to look up: their writes have been pending for half of the timeout."""
        return [uid for uid, write in self._pending.items() if self._is_late(write, now) and not write.is_listed]

    def mark_listed(self, uids: Collection[str], *, now: datetime) -> None:
        """Record which objects a list contains. For those that it lacks, call :meth:`observe_deletion`."""
        late = {uid: write for uid, write in self._pending.items() if self._is_late(write, now) and uid in uids}
        self._pending |= {uid: write._replace(is_listed=True) for uid, write in late.items()}

    def overdue(self, *, now: datetime) -> list[str]:
        """Return the UIDs of existing objects whose writes have been pending for longer than the timeout."""
        return [uid for uid, write in self._pending.items() if write.is_listed and now - write.time > self._timeout]

    def _is_late(self, write: _Write, now: datetime) -> bool:
        return now - write.time > self._timeout / 2


def _identity(body: Mapping[str, Any]) -> tuple[str, int]:
    metadata = body["metadata"]
    return metadata["uid"], int(metadata["resourceVersion"])
