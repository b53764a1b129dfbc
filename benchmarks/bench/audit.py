"""What an operator asked the API server, counted from its audit log: watches included, and whatever the client."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.api import USER_AGENT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

READS = ("get", "list", "watch")

OTHERS = (USER_AGENT, "kubectl")
"""User agents that are no operator's."""


@dataclass(frozen=True)
class Calls:
    """Requests of one operator, each a verb, a kind of object, and the object's name where the request has one."""

    made: list[tuple[str, str, str]]

    @property
    def reads(self) -> int:
        """How many only read: get, list, and watches that began."""
        return sum(verb in READS for verb, _, _ in self.made)

    def writes(self, *, without: str = "") -> int:
        """How many write; without those about one GraphCron, its CronJob, and its Events, which bear its name."""
        written = [name for verb, _, name in self.made if verb not in READS]
        return sum(not without or (name != without and not name.startswith(f"{without}.")) for name in written)

    def by_verb(self) -> dict[str, int]:
        """Count them by verb and kind, the most frequent first."""
        counted = Counter(f"{verb} {kind}" for verb, kind, _ in self.made)
        return dict(counted.most_common())


class Audit:
    """Reads on in an audit log.

    Parameters
    ----------
    path
        The log, which only grows.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = 0
        self.skip()

    def skip(self) -> None:
        """Forget what was asked until now."""
        self._position = self._path.stat().st_size

    def calls(self) -> Calls:
        """Return what operators have asked since the last call of this or of :meth:`skip`."""
        return Calls([_call(entry) for entry in self._entries() if _counts(entry)])

    def _entries(self) -> Iterator[dict[str, Any]]:
        if self._path.stat().st_size < self._position:
            raise RuntimeError("the API server has begun a new audit log; measure with a smaller N")
        with self._path.open("rb") as file:
            file.seek(self._position)
            for line in file:
                if not line.endswith(b"\n"):  # it is being written
                    break
                self._position += len(line)
                yield json.loads(line)


def _counts(entry: dict[str, Any]) -> bool:
    if str(entry.get("userAgent", "")).startswith(OTHERS):
        return False
    # A watch is told of as it begins and as it ends, anything else as it ends.
    return bool(entry["stage"] == ("ResponseStarted" if entry["verb"] == "watch" else "ResponseComplete"))


def _call(entry: dict[str, Any]) -> tuple[str, str, str]:
    about = entry.get("objectRef") or {}
    kind = about.get("resource") or str(entry["requestURI"]).partition("?")[0]
    kind += f"/{about['subresource']}" if about.get("subresource") else ""
    return str(entry["verb"]), kind, str(about.get("name", ""))
