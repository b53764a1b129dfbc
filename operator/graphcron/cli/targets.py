"""Names of GraphCrons and GraphRuns on the command line: ``daily-report``, ``graphrun/daily-report-x7k2p``."""

from typing import Annotated, Any, Final, NamedTuple

import typer

from graphcron.cli.clients.kubectl import GRAPHCRONS, GRAPHRUNS
from graphcron.cli.options import completed, is_graphrun, plain

_PREFIX: Final = "graphrun/"


class Target(NamedTuple):
    """A GraphCron or a GraphRun."""

    name: str
    is_run: bool = False

    @property
    def kind(self) -> str:
        """The kind as kubectl takes it."""
        return GRAPHRUNS if self.is_run else GRAPHCRONS

    @property
    def shown(self) -> str:
        """The target as a user types it."""
        return graphrun_target(self.name) if self.is_run else self.name


def target_of(text: str) -> Target:
    """Parse a name, with or without its kind."""
    return Target(plain(text) or "", is_run=is_graphrun(text))


def graphrun_target(name: str) -> str:
    """Return the text that :func:`target_of` parses as a GraphRun."""
    return f"{_PREFIX}{name}"


def _complete(context: typer.Context, incomplete: str) -> list[str]:
    if not incomplete.startswith(_PREFIX):
        return completed(GRAPHCRONS)(context, incomplete)
    found = completed(GRAPHRUNS)(context, incomplete.removeprefix(_PREFIX))
    return [each for each in map(graphrun_target, found) if each not in (context.params.get("named") or ())]


TargetName = Annotated[
    str, typer.Argument(metavar="NAME", help="Name of the GraphCron, or graphrun/NAME.", autocompletion=_complete)
]
_several: Any = typer.Argument(metavar="NAME", help="Names of GraphCrons, or graphrun/NAME.", autocompletion=_complete)
TargetNames = Annotated[list[str], _several]
OptionalTargetNames = Annotated[list[str] | None, _several]
