"""Whatever a stranger may have written into an object, within what the API server stores: for property-based tests."""

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from graphcron.contract import Outcome

PROFILE = settings(
    max_examples=40, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)
"""The same few examples each time."""

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)

TIMES = st.sampled_from(
    [
        "0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59Z",
        "10000-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "2026-11-22T12:00:00", "2026-11-22", "2026-W47", "soon", "",
        "2026-11-22T12:00:00Z", "2026-11-22T12:00:00.123456789Z", "2026-11-22T12:00:00+23:59", "0000-00-00T00:00:00Z",
    ]
)  # fmt: skip
"""Texts where times are expected, some of them right."""

NUMBERS = st.one_of(
    st.integers(min_value=-(2**63), max_value=2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([10**18, 1e300, -1, 0, 2**53, 0.5]),
)

AMOUNTS = st.sampled_from(["0", "1.5", "NaN", "-1", "Infinity", "1e999999999", "9" * 400, "", "much"])
"""Texts where amounts of money are expected."""

SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, TEXT, TIMES)

JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=8
)
"""Any JSON value."""


def mapping(**members: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return objects in which each member may be right, wrong, or missing."""
    return st.fixed_dictionaries({}, optional={name: each | JSON for name, each in members.items()})


def report() -> st.SearchStrategy[dict[str, Any]]:
    """Return reports of which each member may be right, absurd, of another type, or missing."""
    usual = {
        "outcome": st.sampled_from([*Outcome, "Novel"]), "message": TEXT, "reason": TEXT, "runId": TEXT,
        "threadId": TEXT, "tokensAtLeast": st.booleans(), "server": TEXT, "awaited": st.booleans(),
        **dict.fromkeys(("scheduledTime", "startTime", "windowStart", "windowEnd"), TIMES),
        **dict.fromkeys(("durationSeconds", "attempts", "tokens", "windowTokens"), NUMBERS),
        **dict.fromkeys(("cost", "windowCost"), AMOUNTS),
    }  # fmt: skip
    return mapping(**usual)
