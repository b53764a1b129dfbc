"""Schedules in words."""

from functools import lru_cache

from graphcron.cli.schedules.steps import written_out
from graphcron.errors import SpecError
from graphcron.schedule.cron import MACROS


@lru_cache(maxsize=4096)
def in_words(line: str) -> str:
    """Return a line without ``H`` in words: ``At 08:30, Monday through Friday``.

    Return the line itself if the library cannot describe it.
    """
    from cron_descriptor import (  # type: ignore[import-untyped]
        FormatError,
        MissingFieldError,
        Options,
        WrongArgumentError,
        get_description,
    )

    options = Options()
    options.use_24hour_time_format = True
    try:
        return str(get_description(_plain(line), options))
    except (FormatError, MissingFieldError, WrongArgumentError, SpecError, ValueError):
        return line


def _plain(line: str) -> str:
    """Return the line in the spelling that the library knows: no macro, ``*`` for ``?``, no empty items, no plus.

    It would say "every 90 minutes" of a step of 90, which runs every hour.
    """
    fields = written_out(MACROS.get(line, line)).upper().replace("?", "*").replace("+", "").split()
    return " ".join(_plain_field(list(filter(None, field.split(",")))) for field in fields)


def _plain_field(items: list[str]) -> str:
    return "*" if {"*", "*/1"} & set(items) else ",".join(items)
