"""Count a run's tokens from its stream of messages, each model call once.

A whole message contains the usage of its call. The chunks of a streamed one add up, as in LangChain. Events can come
twice after a disconnect. Their ids alone do not identify them, since a server can give several events of one
millisecond the same id. So an event with usage is identified by its id and its data.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from graphcron.runner.client.parsing import is_count, parse
from graphcron.runner.client.sse import Events

FROM_THE_START: Final = "-1"
"""The event id that is before all others."""

_TIMED: Final = re.compile(r"([0-9]{1,18})-[0-9]{1,18}")

Names = tuple[str, str]
"""Name of a model in its answer, and in the request; either may be empty."""

UNNAMED: Final[Names] = ("", "")


class Used(NamedTuple):
    """Tokens of some model calls."""

    asked: int = 0
    answered: int = 0
    total: int = 0
    """Of both; a model may count more than that."""

    def plus(self, other: "Used", sign: int = 1) -> "Used":
        """Return the sum, or the difference."""
        return Used(
            self.asked + sign * other.asked, self.answered + sign * other.answered, self.total + sign * other.total
        )


class Counter:
    """The tokens of one run: what is kept of it is a few hundred bytes a model call, and no text."""

    def __init__(self) -> None:
        self.by_model: dict[Names, Used] = {}
        """What was used, by model."""
        self.total = 0
        self.begun = False
        """The run's first event has been read."""
        self.lost = 0
        """Events that were too large."""
        self.silent: set[str] = set()
        """Model messages without usage so far."""
        self.since = FROM_THE_START
        """Event id to continue from after a disconnect."""
        self._calls: dict[str, tuple[Names, Used]] = {}
        self._seen: set[int] = set()

    @property
    def exact(self) -> bool:
        """Whether nothing is missing so far."""
        return self.begun and not self.lost and not self.silent

    def reader(self) -> Events:
        """Return what takes the bytes of one connection."""
        return Events(self.take)

    def take(self, name: str, data: bytes | None, event_id: str) -> None:
        """Take one event of the stream."""
        if event_id:
            self.since = _shortly_before(event_id)
        kind = name.partition("|")[0]
        if data is None:
            self.lost += 1
        elif kind == "metadata":
            self.begun = self.begun or _first_attempt(data)
        elif kind == "messages":
            self._messages(data, event_id)

    def _messages(self, data: bytes, event_id: str) -> None:
        try:
            value = parse(data)
        except ValueError:
            self.lost += 1
            return
        if not (isinstance(value, list) and len(value) == 2 and all(isinstance(each, dict) for each in value)):
            return
        message, metadata = value
        used = usage_of(message)
        message_id = str(message.get("id") or event_id)
        if used is None:
            if metadata.get("ls_model_type") and message_id not in self._calls:
                self.silent.add(message_id)
            self._name(message_id, message, metadata)
            return
        mark = hash((event_id, data))
        if mark not in self._seen:
            self._seen.add(mark)
            self._count(message_id, message, metadata, used)

    def _count(self, message_id: str, message: Mapping[str, Any], metadata: Mapping[str, Any], used: Used) -> None:
        names, before = self._calls.get(message_id, (UNNAMED, Used()))
        is_piece = str(message.get("type", "")).endswith("Chunk")
        after = before.plus(used) if is_piece else used
        self.silent.discard(message_id)
        self._book(names, before, -1)
        self._calls[message_id] = (_names(names, message, metadata), after)
        self._book(self._calls[message_id][0], after, 1)

    def _name(self, message_id: str, message: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
        """Take the model's name from a chunk: it can be missing in the chunk with the usage."""
        known, used = self._calls.get(message_id, (UNNAMED, Used()))
        names = _names(known, message, metadata)
        if names != known:
            self._book(known, used, -1)
            self._book(names, used, 1)
            self._calls[message_id] = (names, used)

    def _book(self, names: Names, used: Used, sign: int) -> None:
        self.total += sign * used.total
        left = self.by_model.get(names, Used()).plus(used, sign)
        if any(left):
            self.by_model[names] = left
        else:
            self.by_model.pop(names, None)


def usage_of(message: Mapping[str, Any]) -> Used | None:
    """Return the usage in a message, or None without one."""
    usage = message.get("usage_metadata")
    if not isinstance(usage, dict):
        return None
    asked, answered = (_number(usage.get(key)) for key in ("input_tokens", "output_tokens"))
    return Used(asked, answered, _number(usage.get("total_tokens")) or asked + answered)


def in_state(state: Mapping[str, Any] | None) -> dict[Names, Used]:
    """Return the usage in a thread's messages: a lower bound of what its runs used."""
    values = (state or {}).get("values")
    messages = values.get("messages") if isinstance(values, dict) else None
    found: dict[Names, Used] = {}
    for message in messages if isinstance(messages, list) else []:
        used = usage_of(message) if isinstance(message, dict) else None
        if used:
            names = _names(UNNAMED, message, {})
            found[names] = found.get(names, Used()).plus(used)
    return found


def _names(known: Names, message: Mapping[str, Any], metadata: Mapping[str, Any]) -> Names:
    response = message.get("response_metadata")
    response = response if isinstance(response, dict) else {}
    answered = response.get("model_name") or response.get("model")
    asked = metadata.get("ls_model_name")
    return known[0] or _text(answered), known[1] or _text(asked)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any) -> int:
    return value if is_count(value) else 0


def _first_attempt(data: bytes) -> bool:
    """Return whether it is the first attempt: a server that restarts a run forgets the usage of the one before."""
    try:
        value = parse(data)
    except ValueError:
        return False
    return isinstance(value, dict) and value.get("attempt", 1) == 1


def _shortly_before(event_id: str) -> str:
    """Return an id that repeats the events of the same millisecond; the start for ids of another form."""
    match = _TIMED.fullmatch(event_id)
    return f"{int(match[1]) - 1}-0" if match else FROM_THE_START
