"""Create GraphRuns, at most some at a time, and wait for their ends."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from graphcron.api.graphruns import is_over
from graphcron.cli import terminal
from graphcron.cli.app import PROGRAM, CliError
from graphcron.cli.backfill.plan import Action, Step
from graphcron.cli.clients.kubectl import GRAPHRUNS, Kubectl, Object
from graphcron.cli.clients.kubectl_errors import AlreadyExistsError
from graphcron.unstructured.fields import object_at

LOOK_SECONDS: Final = 1.0
"""Time between two requests for a GraphRun."""

TAKEN_SECONDS: Final = 60
"""How long the operator has to write a status."""


class Ended(NamedTuple):
    """A run that has ended."""

    step: Step
    graphrun: Object | None
    """None: it was deleted."""


class Execution:
    """The runs of a backfill, from the first to the last.

    Parameters
    ----------
    planned
        The occurrences; GraphRuns that exist and have not ended count as active.
    body
        Returns the GraphRun for an occurrence.
    parallel
        How many runs are active at a time.
    """

    def __init__(
        self, kubectl: Kubectl, planned: Sequence[Step], body: Callable[[Step], Object], *, parallel: int
    ) -> None:
        self.active = {each.name: each for each in planned if each.action is Action.FOLLOW}
        self.pending = deque(each for each in planned if each.action is Action.CREATE)
        self._kubectl, self._body, self._parallel = kubectl, body, parallel
        self._since: dict[str, float] = {}
        """When a GraphRun was created, for those that the operator has not seen."""

    def follow(self) -> Iterator[Ended]:
        """Create the GraphRuns, and yield each one when it has ended."""
        while self.pending or self.active:
            while self.pending and len(self.active) < self._parallel:
                self._create_next()
            for name in list(self.active):
                found = self._kubectl.find(GRAPHRUNS, name)
                if found is None or is_over(found):
                    yield Ended(self.active.pop(name), found)
                else:
                    self._check_taken(name, found)
            if self.active:
                time.sleep(LOOK_SECONDS)

    def _create_next(self) -> None:
        step = self.pending[0]
        self.active[step.name] = step  # before the request, since an interrupt does not tell whether it succeeded
        try:
            self._kubectl.create(self._body(step))
            self._since[step.name] = time.monotonic()
        except AlreadyExistsError:
            del self.active[step.name]
            terminal.line(f"{step.name} exists and is kept", err=True)
        except CliError:
            del self.active[step.name]
            raise
        self.pending.popleft()

    def _check_taken(self, name: str, found: Object) -> None:
        if object_at(found, "status"):
            self._since.pop(name, None)
        elif time.monotonic() - self._since.get(name, time.monotonic()) > TAKEN_SECONDS:
            doctor = self._kubectl.hint(PROGRAM, "doctor")
            raise CliError(
                f"the operator has not taken {name} within {TAKEN_SECONDS} s; {doctor} shows whether it runs"
            )
