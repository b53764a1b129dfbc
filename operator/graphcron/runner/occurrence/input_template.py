"""The values of the occurrence in the input, if ``inputTemplate`` is set."""

import re
from datetime import datetime, timedelta, timezone
from typing import Any

from graphcron.contract import Outcome
from graphcron.input_template import PREVIOUS, SCHEDULED, Placeholder, TemplateError, parse
from graphcron.runner.client.errors import RunEnded
from graphcron.runner.client.times import rfc3339
from graphcron.runner.occurrence.identity import DAY, Offsets, instant_of, offset_at
from graphcron.runner.occurrence.settings import Settings

Values = dict[str, str | int]
"""What a template can use: texts, and times in seconds since the epoch."""


def values_of(settings: Settings) -> Values:
    """Return the values that a template can use; without a schedule there is no previous scheduled time."""
    values: Values = {
        SCHEDULED: settings.scheduled,
        "name": settings.name,
        "namespace": settings.namespace,
        "occurrence": settings.occurrence,
        "trigger": settings.trigger,
    }
    if settings.request.lines:
        from graphcron.runner.occurrence.previous_time import previous_time

        previous = previous_time(settings.request, settings.scheduled)
        values[PREVIOUS] = settings.scheduled if previous is None else previous
    return values


def fill(value: Any, values: Values, offsets: Offsets = ()) -> Any:
    """Replace the placeholders in all strings of a JSON value, except keys.

    Raises
    ------
    RunEnded
        Rejected/InvalidInput: a template is invalid, or the value is nested too deeply.
    """
    try:
        return _fill(value, values, offsets)
    except TemplateError as error:
        raise _invalid(f"the input {error}") from None
    except RecursionError:
        raise _invalid("the input is nested too deeply") from None
    except (OverflowError, ValueError):
        raise _invalid("the input uses a time that is out of range") from None


def _fill(value: Any, values: Values, offsets: Offsets) -> Any:
    if isinstance(value, str):
        return "".join(each if isinstance(each, str) else _text(each, values, offsets) for each in parse(value))
    if isinstance(value, list):
        return [_fill(item, values, offsets) for item in value]
    if isinstance(value, dict):
        return {key: _fill(item, values, offsets) for key, item in value.items()}
    return value


def _text(place: Placeholder, values: Values, offsets: Offsets) -> str:
    if place.name not in values:
        raise _invalid(f"the input uses {place.name}, and this run belongs to no schedule")
    value = values[place.name]
    if isinstance(value, str):
        return value
    if place.days:
        value = instant_of(value + offset_at(offsets, value) + place.days * DAY, offsets)
    return rfc3339(value) if place.format is None else _formatted(value, place.format, offset_at(offsets, value))


def _formatted(at: int, form: str, offset: int) -> str:
    """Return a time as a format shows it, at an offset from UTC."""
    local = datetime.fromtimestamp(at, timezone(timedelta(seconds=offset)))
    return re.sub("%.", lambda directive: local.strftime(directive[0]), form)


def _invalid(message: str) -> RunEnded:
    return RunEnded(Outcome.REJECTED, "InvalidInput", message)
