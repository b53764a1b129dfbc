"""Several writes of which none may prevent the others."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import NamedTuple

from graphcron.api.names import Purpose
from graphcron.cache.objects import CachedCronJob
from graphcron.errors import ClusterError, GraphCronError, SpecError


class PlanResult(NamedTuple):
    """The result of carrying out a plan."""

    cronjobs: list[CachedCronJob]
    """The planned CronJobs as they are now."""
    problems: Sequence[GraphCronError] = ()
    """Errors of writing CronJobs; with any, no Job was created."""
    refused: Mapping[Purpose, GraphCronError] = MappingProxyType({})
    """Errors of creating Jobs."""
    unrecorded: GraphCronError | None = None
    """Error of recording a request in the CronJob after its Job was created."""


@contextmanager
def collect_errors(problems: list[GraphCronError]) -> Iterator[None]:
    """Append an error to a list instead of raising it."""
    try:
        yield
    except (SpecError, ClusterError) as error:
        problems.append(error)


def raise_cluster_error(*problems: GraphCronError | None) -> None:
    """Raise the first error that a retry may resolve."""
    for each in problems:
        if isinstance(each, ClusterError):
            raise each
