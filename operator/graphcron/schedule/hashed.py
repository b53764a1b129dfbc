"""Jenkins' ``H`` to plain cron: a time chosen by a hash, so that not all runs start at the full hour.

The value of an ``H`` depends on the name of the GraphCron. One GraphCron always has the same times, and the times of
many GraphCrons are spread. Kubernetes receives plain cron with the value in place of the ``H``:

=============  ================================================  ===================
``H``          one value of the field's whole range              ``37``
``H(0-29)``    one value of the range, also of names             ``7``
``H/15``       every 15th, from a first one below 15             ``7-59/15``
``H(8-17)/3``  every third value of the range                    ``10-17/3``
=============  ================================================  ===================

An ``H`` can be in any field, and in lists (``H,0``). A field has one hash, so ``H(0-29),H(30-59)`` is half an hour
apart. As in Jenkins, a day of the month is chosen from 1-28, which every month has, and a step must not be larger than
its range. Unlike in Jenkins, ``H/1`` is rejected (there it means once, not each time), macros such as ``@daily`` keep
their meaning, and of day of month and weekday, only one needs to match if both are given, as in cron.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from graphcron.errors import SpecError
from graphcron.schedule.cron import parse

__all__ = ["has_hash", "render", "seed_for"]

_WORD = re.compile(r"(?<![A-Za-z])[Hh]+(?![A-Za-z])")
"""An H outside a name such as THU; also ``h`` and ``HH``, which are rejected with a reason."""
_ITEM = re.compile(r"H(?:\(([0-9A-Za-z]{1,9})-([0-9A-Za-z]{1,9})\))?(?:/([0-9]{1,9}))?")
_QUOTE_LIMIT = 40
"""Characters of the user's text that a message repeats, so that it stays one line."""


def has_hash(line: str) -> bool:
    """Return whether the line has an ``H``, valid or not, that :func:`render` replaces or rejects."""
    words: list[str] = _WORD.findall(line)
    return any("H" in word for word in words) if line.startswith("@") else bool(words)


def seed_for(namespace: str, name: str, line: int = 0) -> str:
    """Return the seed of a GraphCron's line. The first one does not depend on further lines. It must never change."""
    return f"{namespace}/{name}/{line}" if line else f"{namespace}/{name}"


def render(line: str, *, seed: str, field: str = "spec.schedule") -> str:
    """Return the line with its ``H`` written out; a line without ``H`` is returned unchanged and unchecked.

    Whether a line is rejected does not depend on the seed.

    Parameters
    ----------
    line
        As the user wrote it.
    seed
        What picks the numbers: :func:`seed_for`.
    field
        Path of the field that holds it, for the message.

    Raises
    ------
    SpecError
        If an ``H`` is wrong or the rest of its line is: what is returned in its place, ``cron.parse`` takes.
    """
    if not has_hash(line):
        return line
    if line.startswith("@"):
        remedy = 'write five fields, for example "H H * * *" (once a day) or "H * * * *" (once an hour)'
        raise SpecError(field=field, problem=f"{_quoted(line)} has an H in a macro", remedy=remedy)
    if len(line.split()) != len(_FIELDS):
        parse(line, field=field)
    fields = iter(_Field(at, *each, seed=seed, path=field) for at, each in enumerate(_FIELDS))
    rendered = re.sub(r"\S+", lambda word: next(fields).render(word[0]), line)
    parse(rendered, field=field)
    return rendered


_FIELDS = (
    ("minute", 0, 59, "H, H(0-29) or H/15"),
    ("hour", 0, 23, "H, H(0-7) or H/6"),
    ("day of month", 1, 28, "H, H(1-14) or H/7"),
    ("month", 1, 12, "H, H(1-6) or H/3"),
    ("weekday", 0, 6, "H, H(1-5) or H(MON-FRI)"),
)
"""Name, range of a plain ``H``, and a valid example."""


@dataclass(frozen=True, slots=True)
class _Field:
    """Renders one field of a line."""

    at: int
    label: str
    low: int
    high: int
    example: str
    seed: str
    path: str

    def render(self, text: str) -> str:
        return ",".join(self._item(item) if _WORD.search(item) else item for item in text.split(","))

    def _item(self, item: str) -> str:
        """Return the value of an ``H``: a number, or every n-th from one below n."""
        found = _ITEM.fullmatch(item)
        if not found:
            small = _ITEM.fullmatch("H" + item[1:])
            raise self._error(item, "the hash is a capital H" if small else "an H stands alone or with a range")
        first, last, step = found.groups()
        low, high = (self._value(first), self._value(last)) if first else (self.low, self.high)
        if low > high:
            raise self._error(item, "the range runs backwards")
        count = high - low + 1
        if step is None:
            return str(low + self._number() % count)
        if int(step) == 1:
            raise self._error(item, "may be read as once or as each time", "write H for once, or * for each time")
        if int(step) == 0 or int(step) > count:
            raise self._error(
                item, f"a step is a whole number from 2 to {count} here" if count > 1 else "has one value"
            )
        return f"{low + self._number() % int(step)}-{high}/{int(step)}"

    def _number(self) -> int:
        """Return the field's number for this seed. It must never change, or every schedule would change."""
        return int.from_bytes(hashlib.sha256(f"{self.at}:{self.seed}".encode()).digest(), "big")

    def _value(self, end: str) -> int:
        """Return the value of a number or name within the field's bounds."""
        alone = parse(" ".join(end if at == self.at else "*" for at in range(len(_FIELDS))), field=self.path)
        return min((alone.minutes, alone.hours, alone.days, alone.months, alone.weekdays)[self.at])

    def _error(self, item: str, problem: str, remedy: str = "") -> SpecError:
        problem = f"{self.label} {_quoted(item)}: {problem}"
        return SpecError(field=self.path, problem=problem, remedy=remedy or f"write {self.example}")


def _quoted(text: str) -> str:
    """Return the user's text in quotes and on one line, truncated if it is long."""
    shown = text if len(text) <= _QUOTE_LIMIT else text[:_QUOTE_LIMIT] + "..."
    return '"' + shown.encode("unicode_escape").decode("ascii") + '"'
