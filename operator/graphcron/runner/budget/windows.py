"""Windows of a budget: from when to when, by the wall clock of the schedule's zone. Pure functions."""

from datetime import date, timedelta
from typing import Final, NamedTuple

from graphcron.runner.occurrence.identity import DAY, Offsets, instant_of, offset_at

_EPOCH: Final = date(1970, 1, 1)
_UNITS: Final = {"h": 3600, "d": DAY}


class Window(NamedTuple):
    """From when to when, in seconds since the epoch; the end is not in it."""

    start: float
    end: float
    rolling: bool


def window_at(text: str, now: float, offsets: Offsets) -> Window:
    """Return the window that ``now`` is in.

    Parameters
    ----------
    text
        ``day``, ``week`` (from Monday), ``month``, or a rolling time such as ``36h`` or ``7d``, which ends now.
    now
        Seconds since the epoch.
    offsets
        The zone.

    Raises
    ------
    ValueError
        It is not a window.
    """
    if text[-1:] in _UNITS and text[:-1].isdecimal():
        return Window(now - int(text[:-1]) * _UNITS[text[-1]], now, rolling=True)
    today = _EPOCH + timedelta(seconds=now + offset_at(offsets, now))
    if text == "day":
        first, after = today, today + timedelta(1)
    elif text == "week":
        first = today - timedelta(today.weekday())
        after = first + timedelta(7)
    elif text == "month":
        first = today.replace(day=1)
        after = (first + timedelta(31)).replace(day=1)
    else:
        raise ValueError("not a window")
    return Window(midnight(first, offsets), midnight(after, offsets), rolling=False)


def midnight(day: date, offsets: Offsets) -> float:
    """Return when a local day begins: the first midnight where there are two, the leap where there is none."""
    return float(instant_of((day - _EPOCH).days * DAY, offsets))
