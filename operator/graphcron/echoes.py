"""Our own writes, until the watches show them.

They serve three times. What we wrote is newer than what a watch has shown so far, and a decision on the older would be
made twice. An event that shows just our write is no news, and nothing has to be looked at for it. And a write that no
watch has shown for long means that a watch has died: a stream that dies quietly looks like a quiet cluster. The API
server's bookmarks tell kopf, which makes the watch anew; this is the net beneath.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

Answer = Mapping[str, Any]
"""An object as the API server answered our write with."""


class _Write(NamedTuple):
    version: int
    moment: datetime
    answer: Answer


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

    def expect(self, answer: Answer, *, now: datetime) -> None:
        """Take note of a write."""
        metadata = answer["metadata"]
        uid, version = metadata["uid"], int(metadata["resourceVersion"])
        if self._seen.get(uid, 0) < version:
            self._expected[uid] = _Write(version, now, answer)

    def heard(self, body: Mapping[str, Any], *, gone: bool) -> bool:
        """Take note of what a watch has shown, that version of the object or its end; tell whether it is news."""
        metadata = body["metadata"]
        uid, version = metadata["uid"], int(metadata["resourceVersion"])
        if gone:
            self._seen.pop(uid, None)
            self._expected.pop(uid, None)
            return True
        self._seen[uid] = version
        write = self._expected.get(uid)
        # Versions of one resource are ordered numbers; a later one has overtaken the one that we wait for.
        if write and version >= write.version:
            del self._expected[uid]
        return write is None or version != write.version

    def has_shown(self, uid: str, version: int) -> bool:
        """Tell whether a watch has shown that version of an object, or a later one, and the object is there still."""
        return self._seen.get(uid, -1) >= version

    def latest(self, uid: str) -> Answer | None:
        """Return what we wrote last, where no watch has shown it yet."""
        write = self._expected.get(uid)
        return write.answer if write else None

    def overdue(self, *, now: datetime) -> list[str]:
        """Return the UIDs of the objects whose writes have not been shown in time."""
        return [uid for uid, write in self._expected.items() if now - write.moment > self._patience]
