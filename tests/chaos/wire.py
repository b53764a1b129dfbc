"""Faults of the wire, made by the proxy: new rules every few seconds."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from tests.chaos.faults import Faults
from tests.e2e.faulty import CREATE_RUN, CREATE_THREAD

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.chaos.faults import Plan
    from tests.e2e.faulty import Faulty

JOIN = {"method": "GET", "path": r"/join$"}
CANCEL = {"method": "POST", "path": r"/cancel"}
NOTE = {"method": "PATCH", "path": r"/threads/[^/]+$"}
LOOK = {"method": "GET", "path": r"/runs"}
SEARCH = {"method": "POST", "path": r"/threads/search$"}
ANY: dict[str, Any] = {}
CHANGES = (CREATE_RUN, CREATE_THREAD, CANCEL, NOTE)
EVERYTHING = (*CHANGES, LOOK, SEARCH, ANY)

KINDS = ("drop", "500", "502 late", "429", "hang", "cut join", "cut body", "delay")
"""Of rules."""


class WireFaults(Faults):
    """Sets the proxy's rules."""

    def __init__(self, faulty: Faulty, plan: Plan) -> None:
        super().__init__("wire", plan)
        self._faulty = faulty

    def kinds(self) -> dict[str, Callable[[], bool]]:
        """Return one verb: new rules. What really happens is counted by the proxy."""
        return {"rules": self._set}

    def _set(self) -> bool:
        kinds = self.random.sample(KINDS, 6)
        self._faulty.rules(*(self._rule(kind) for kind in kinds))
        self.note(", ".join(kinds))
        return True

    def heal(self) -> None:
        """Let everything pass."""
        self._faulty.rules()

    def _rule(self, kind: str) -> dict[str, Any]:
        """Return a rule that makes a few of these faults."""
        random = self.random
        times = {"times": random.randint(1, 3), "skip": random.randint(0, 1)}
        rules: dict[str, dict[str, Any]] = {
            "drop": {**random.choice(CHANGES), "fault": "drop", "seconds": random.choice((0, 0, 3, 12))},
            "500": {**random.choice(EVERYTHING), "fault": "answer", "status": random.choice((500, 503))},
            "502 late": {**random.choice(CHANGES), "fault": "late-answer", "status": 502},
            "429": {
                **random.choice(EVERYTHING),
                "fault": "answer",
                "status": 429,
                "headers": {"Retry-After": str(random.randint(1, 4))},
            },
            "hang": {**random.choice(EVERYTHING), "fault": "hang", "seconds": random.uniform(5, 20)},
            "cut join": {**JOIN, "fault": "cut", "seconds": random.uniform(0.1, 4)},
            "cut body": {**random.choice((CREATE_RUN, *EVERYTHING)), "fault": "cut", "bytes": random.randint(0, 40)},
            "delay": {**random.choice(EVERYTHING), "fault": "delay", "seconds": random.uniform(0.5, 6)},
        }
        return rules[kind] | times


FAULTS = ("answer", "cut", "delay", "drop", "hang", "late-answer")
"""What the proxy calls them."""


def count(requests: list[Any]) -> Counter[str]:
    """Count the faults that happened."""
    return Counter(f"wire: {each['fault']}" for each in requests if each["fault"])
