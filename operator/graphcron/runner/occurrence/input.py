"""The input: from the request or a file."""

import json
from typing import Any

from graphcron import contract
from graphcron.contract import Outcome
from graphcron.runner.client.errors import RunEnded
from graphcron.runner.occurrence.settings import Settings


def load_input(settings: Settings) -> Any:
    """Return the input to send.

    Raises
    ------
    RunEnded
        Rejected/InvalidInput: the file is missing or not JSON, or a template is invalid.
    """
    request = settings.request
    value = _from_file(settings.root) if request.inputFile else request.input
    if not request.inputTemplate:
        return value
    from graphcron.runner.occurrence.input_template import fill, values_of

    return fill(value, values_of(settings), request.offsets)


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
