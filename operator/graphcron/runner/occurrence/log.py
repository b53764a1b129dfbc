"""One JSON object a line on standard output; never a prompt, an answer or a key."""

import json
import sys

from graphcron.runner.client.times import rfc3339_millis


class Log:
    """Writes events, each with the fields that all lines of this pod share."""

    def __init__(self, **shared: str) -> None:
        self._shared = shared

    def bind(self, **shared: str) -> None:
        """Put more fields on every line from here on."""
        self._shared.update(shared)

    def __call__(self, event: str, *, level: str = "info", **fields: object) -> None:
        """Write one line."""
        line = {"time": rfc3339_millis(), "level": level, "event": event, **self._shared, **fields}
        try:
            sys.stdout.write(json.dumps(line, ensure_ascii=False, default=str) + "\n")
            sys.stdout.flush()
        except OSError:  # nobody reads us any more: no reason to lose the run
            pass
