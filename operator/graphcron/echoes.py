"""A dead watch, noticed without a write of its own: what we wrote must come back over the watch.

A stream that has died quietly looks like a quiet cluster. The API server's bookmarks tell kopf, which makes the watch
anew; this is the net beneath: a write of ours that no watch has shown for long means that a restart is due.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any


class Echoes:
    """The writes that the watches have yet to show, by object."""

    def __init__(self, patience: timedelta) -> None:
        self._patience = patience
        self._expected: dict[str, tuple[int, datetime]] = {}
        self._seen: dict[str, int] = {}

    def expect(self, answer: Mapping[str, Any], *, now: datetime) -> None:
        """Take note of a write, by the object that the API server answered with."""
        metadata = answer["metadata"]
        uid, version = metadata["uid"], int(metadata["resourceVersion"])
        if self._seen.get(uid, 0) < version:
            self._expected[uid] = (version, now)

    def heard(self, body: Mapping[str, Any], *, gone: bool) -> None:
        """Take note of what a watch has shown: that version of the object, or its end."""
        metadata = body["metadata"]
        uid, version = metadata["uid"], int(metadata["resourceVersion"])
        if gone:
            self._seen.pop(uid, None)
            self._expected.pop(uid, None)
            return
        self._seen[uid] = version
        # Versions of one resource are ordered numbers; a later one has overtaken the one that we wait for.
        if uid in self._expected and version >= self._expected[uid][0]:
            del self._expected[uid]

    def overdue(self, *, now: datetime) -> list[str]:
        """Return the UIDs of the objects whose writes have not been shown in time."""
        return [uid for uid, (_, moment) in self._expected.items() if now - moment > self._patience]
