"""Cached values by UID and by keys."""

from collections.abc import Collection, Iterator
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")


class Index(Generic[Value]):
    """Cached values by UID and by any number of keys."""

    def __init__(self) -> None:
        self._values: dict[Any, dict[str, Value]] = {}
        self._keys: dict[str, Collection[Any]] = {}

    def put(self, uid: str, keys: Collection[Any], value: Value) -> bool:
        """Store a value in place of the previous one; return whether it differs."""
        has_changed = self._keys.get(uid, ()) != keys or any(self._values[key][uid] != value for key in keys)
        if has_changed:
            self.drop(uid)
            self._keys[uid] = keys
        for key in keys:
            self._values.setdefault(key, {})[uid] = value
        return has_changed

    def drop(self, uid: str) -> Collection[Any]:
        """Remove an object; return its keys."""
        keys = self._keys.pop(uid, ())
        for key in keys:
            left = self._values[key]
            del left[uid]
            if not left:
                del self._values[key]
        return keys

    def keys_of(self, uid: str) -> Collection[Any]:
        """Return the keys of an object."""
        return self._keys.get(uid, ())

    def of(self, key: Any) -> list[Value]:
        """Return the values under a key, the newest last."""
        return list(self._values.get(key, {}).values())

    def get(self, uid: str) -> Value | None:
        """Return the value of an object; None if it is unknown."""
        return next((self._values[key][uid] for key in self.keys_of(uid)), None)

    def knows(self, uid: str) -> bool:
        """Return whether an object is known."""
        return uid in self._keys

    def __iter__(self) -> Iterator[Any]:
        return iter(list(self._values))
