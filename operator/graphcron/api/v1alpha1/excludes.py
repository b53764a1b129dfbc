"""``spec.excludes``: days and time ranges in which no run starts."""

from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Final

from pydantic import BeforeValidator, Field

from graphcron.api.v1alpha1.base import Asked
from graphcron.api.v1alpha1.validation import Rule, Rules, matching

_DAY: Final = (
    "[1-9][0-9]{3}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|[12][0-9]))"
)
_TIME: Final = "([01][0-9]|2[0-3]):[0-5][0-9]"


def _exists(text: str) -> bool:
    """Return whether the day exists."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _as_text(value: Any) -> Any:
    """Return the text of a date that a YAML parser created, and any other value unchanged."""
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.isoformat(timespec="minutes")
    return value.isoformat() if isinstance(value, date) else value


def _on_calendar(pattern: str, problem: str, remedy: str) -> Rules:
    """Return the rules for a text of this form whose day exists."""
    shape = matching(pattern, problem, remedy)
    return Rules(
        shape,
        Rule(
            problem="is a day that does not exist",
            remedy=remedy,
            holds=lambda text: not shape.holds(text) or _exists(text),
        ),
    )


LocalDay = Annotated[
    str,
    Field(max_length=64),
    BeforeValidator(_as_text),
    _on_calendar(
        _DAY,
        "is not a valid day",
        'write year, month and day, in quotes, for example "2026-12-25"; for hours see from and to',
    ),
]
"""A day, without a zone."""

LocalTime = Annotated[
    str,
    Field(max_length=64),
    BeforeValidator(_as_text),
    _on_calendar(
        f"{_DAY}(T{_TIME})?",
        "is neither a day nor a local time",
        'write a day or a minute without a zone, in quotes, for example "2026-12-24" or "2026-12-24T18:00"; '
        "the zone is spec.timeZone",
    ),
]
"""A day or a minute, without a zone."""

_EXAMPLES: Final = '{date: "2026-12-25"} or {from: "2026-12-24T18:00", to: "2026-12-27T08:00"}'


def _is_whole(each: "Exclude") -> bool:
    """Return whether it is only a day, or has both ends of a range."""
    ends = (each.from_, each.to)
    return None not in ends if each.date is None else ends == (None, None)


def _in_order(begin: str, end: str) -> bool:
    return begin < end if "T" in begin else begin <= end


class Exclude(Asked):
    """Day or time range in which no run starts, in the time zone of the schedule. Quote the values, because some YAML
    parsers convert unquoted dates."""

    rules: ClassVar[Rules] = Rules(
        Rule(
            problem="must have either date, or both from and to",
            remedy=f"for example {_EXAMPLES}",
            holds=_is_whole,
            cel="has(self.date) ? !has(self.from) && !has(self.to) : has(self.from) && has(self.to)",
        ),
        Rule(
            problem="does not have the format of from: one is a day, the other a local time",
            remedy='write both in the same format, for example {from: "2026-12-24T18:00", to: "2026-12-27T00:00"}',
            holds=lambda each: each.from_ is None or each.to is None or len(each.from_) == len(each.to),
            cel="!has(self.from) || !has(self.to) || size(self.from) == size(self.to)",
            field="to",
        ),
        Rule(
            problem="excludes nothing, because to is not later than from",
            remedy="write the last day that is excluded, or a later time, at which runs start again",
            holds=lambda each: each.from_ is None or each.to is None or _in_order(each.from_, each.to),
            cel="!has(self.from) || !has(self.to) || self.from < self.to"
            " || (self.from == self.to && !self.from.contains('T'))",
            field="to",
        ),
    )

    date: LocalDay | None = None
    """Day to exclude, such as `"2026-12-25"`. Mutually exclusive with `from` and `to`."""
    from_: Annotated[LocalTime | None, Field(alias="from")] = None
    """Start of the range, inclusive: a day, such as `"2026-12-24"`, or a local time, such as `"2026-12-24T18:00"`."""
    to: LocalTime | None = None
    """End of the range: an inclusive day if `from` is a day, or an exclusive local time if `from` is a local time."""
    reason: Annotated[str, Field(max_length=100)] | None = None
    """Human-readable reason, which the status shows during the exclusion. For example `Christmas`."""

    @property
    def span(self) -> tuple[str, str]:
        """Both ends as written: days, including the last one, or local times, without the last one."""
        return self.date or self.from_ or "", self.date or self.to or ""
