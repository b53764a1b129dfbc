"""An Event on a GraphCron or GraphServer, as a value."""

import hashlib
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from graphcron.api import names

MAX_MESSAGE: Final = 1024
"""Maximum length of the message of an Event."""


_LINK_LENGTH: Final = 800
"""Maximum length of a link, so that the text has room."""


def with_link(message: str, url: str | None) -> str:
    """Return a message that ends with a link, which an Event does not cut."""
    if not url or len(url) > _LINK_LENGTH:
        return message
    return f"{message[: MAX_MESSAGE - len(url) - 1]} {url}"


class Event(NamedTuple):
    """An Event on a GraphCron."""

    normal: bool
    """Normal, or a Warning."""
    reason: str
    message: str
    key: str
    """Identifies the subject: the same key gives the same Event name, so that no Event is created twice."""

    def name_for(self, graphcron: str, uid: str) -> str:
        """Return the Event's name: the same for the same key, however often it is created."""
        digest = hashlib.sha256(f"{uid}/{self.reason}/{self.key}".encode()).hexdigest()[:16]
        return f"{graphcron}.{digest}"

    def body_for(self, owner: Mapping[str, Any], *, now: str) -> dict[str, Any]:
        """Return the Event as the API server takes it, about a GraphCron or GraphServer."""
        metadata = owner["metadata"]
        about = {key: metadata[key] for key in ("name", "namespace", "uid")}
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": self.name_for(metadata["name"], metadata["uid"]),
                "namespace": metadata["namespace"],
            },
            "involvedObject": {"apiVersion": names.API_VERSION, "kind": owner["kind"], **about},
            "type": "Normal" if self.normal else "Warning",
            "reason": self.reason,
            "message": self.message[:MAX_MESSAGE],
            "source": {"component": names.OPERATOR},
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
