"""The logs of pods."""

from collections.abc import Iterable
from typing import Final

from graphcron.api import names
from graphcron.cli import terminal
from graphcron.cli.clients.kubectl import Kubectl, Object

LOOK_SECONDS: Final = 1.0
"""Time between two requests while the program waits."""


def print_log(lines: Iterable[str]) -> None:
    """Print lines as they arrive."""
    for line in lines:
        terminal.block(f"{line}\n")


def started(pod: Object) -> bool:
    """Return whether a pod has a log."""
    status = pod.get("status", {})
    states = [each["state"] for each in status.get("containerStatuses", ()) if each["name"] == names.CONTAINER]
    return any("waiting" not in state for state in states)


def read_log(kubectl: Kubectl, pod: Object) -> list[str]:
    """Return the lines of a pod's log."""
    text = kubectl.run("logs", *place_of(pod))
    return text.removesuffix("\n").split("\n") if text else []


def place_of(pod: Object) -> tuple[str, ...]:
    """Return the arguments with which kubectl finds the container of a run."""
    metadata = pod["metadata"]
    return (metadata["name"], "--namespace", metadata["namespace"], "--container", names.CONTAINER)
