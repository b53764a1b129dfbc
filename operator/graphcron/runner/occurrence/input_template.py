"""The input: from the request or a file, with the occurrence's values if ``inputTemplate`` is set."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from graphcron import contract
from graphcron.contract import Outcome
from graphcron.runner.client.errors import RunEnded
from graphcron.runner.client.times import rfc3339
from graphcron.runner.occurrence.settings import Settings

_PLACE: Final = re.compile(r"\{\{([^{}]*)\}\}")


def load_input(settings: Settings) -> Any:
    """Return the input to send.

    Raises
    ------
    RunEnded
        Rejected/InvalidInput: the file is missing or not JSON, or a template has an unknown name.
    """
    request = settings.request
    value = _from_file(settings.root) if request.inputFile else request.input
    if not request.inputTemplate:
        return value
    return fill(value, values_of(settings))


def values_of(settings: Settings) -> dict[str, str]:
    """Return the values that a template can use."""
    return {
        "scheduledTime": rfc3339(settings.scheduled),
        "name": settings.name,
        "namespace": settings.namespace,
        "occurrence": settings.occurrence,
        "trigger": settings.trigger,
    }


def fill(value: Any, values: Mapping[str, str]) -> Any:
    """Replace ``{{ name }}`` in all strings of a JSON value, except keys."""
    if isinstance(value, str):
        return _PLACE.sub(lambda match: _value(match[1].strip(), values), value)
    if isinstance(value, list):
        return [fill(item, values) for item in value]
    if isinstance(value, dict):
        return {key: fill(item, values) for key, item in value.items()}
    return value


def _value(name: str, values: Mapping[str, str]) -> str:
    if name not in values:
        known = ", ".join(sorted(values))
        raise _invalid(f"the input has a name between {{{{ and }}}} that is not one of {known}")
    return values[name]


def _from_file(root: str) -> Any:
    path = f"{contract.INPUT_DIR}/{contract.INPUT_FILE}"
    try:
        with open(root + path, "rb") as file:
            return json.load(file)
    except OSError as error:
        raise _invalid(f"the input file can't be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise _invalid("the input file is not JSON, or is nested too deeply") from None


def _invalid(message: str) -> RunEnded:
    return RunEnded(Outcome.REJECTED, "InvalidInput", message)
