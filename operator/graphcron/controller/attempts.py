"""What becomes of several writes, of which none may hold up the others."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import NamedTuple

from graphcron.api.names import Purpose
from graphcron.cache.objects import CachedCronJob
from graphcron.errors import ClusterError, GraphCronError, SpecError


class Done(NamedTuple):
    """What became of a plan."""

    cronjobs: list[CachedCronJob]
    """Those that are wanted, as they are now."""
    problems: Sequence[GraphCronError] = ()
    """Why CronJobs are not as they should be; then no Job was tried."""
    refused: Mapping[Purpose, GraphCronError] = MappingProxyType({})
    """Why Jobs could not be made."""
    unremembered: GraphCronError | None = None
    """Why the CronJob does not remember a request whose Job was made."""


@contextmanager
def kept(problems: list[GraphCronError]) -> Iterator[None]:
    """Keep what goes wrong with one write, so that it does not hold up the next."""
    try:
        yield
    except (SpecError, ClusterError) as error:
        problems.append(error)


def raise_cluster_error(*problems: GraphCronError | None) -> None:
    """Raise the first one after which it is worth to try again."""
    for each in problems:
        if isinstance(each, ClusterError):
            raise each
