"""Lists of metadata, which the relist compares with the cache."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from graphcron.api import names

Query = list[tuple[str, str]]

Get = Callable[[str, Query], Awaitable[Mapping[str, Any]]]
"""Returns the list at a path with the metadata of its objects."""


class Resource(NamedTuple):
    """A watched resource."""

    group: str
    """Path of its API group and version."""
    kind: str
    plural: str
    selector: str = ""
    """Label selector of the watched objects."""

    def path(self, namespace: str) -> str:
        """Return the path of its objects in a namespace; an empty name means all namespaces."""
        return f"{self.group}/{f'namespaces/{namespace}/' if namespace else ''}{self.plural}"


OWN: Final = tuple(
    Resource(f"/apis/{names.API_VERSION}", kind, plural)
    for kind, plural in (
        (names.KIND, names.PLURAL),
        (names.RUN_KIND, names.RUN_PLURAL),
        (names.SERVER_KIND, names.SERVER_PLURAL),
    )
)
"""What users create."""

CHILDREN: Final = (
    Resource("/apis/batch/v1", "CronJob", "cronjobs", names.MANAGED_SELECTOR),
    Resource("/apis/batch/v1", "Job", "jobs", names.MANAGED_SELECTOR),
    Resource("/api/v1", "Pod", "pods", names.MANAGED_SELECTOR),
)
"""What the operator and Kubernetes create of it."""

PAGE_SIZE: Final = 1000
"""Number of objects in one page of a list."""


class Listed(NamedTuple):
    """The existing objects."""

    versions: dict[str, int]
    """Versions of all objects by UID."""
    version: int
    """The lowest resource version of the lists: an object that they lack was deleted by then."""


async def list_all(get: Get, namespaces: Sequence[str], serves: Callable[[str], bool]) -> Listed:
    """List all GraphCrons, GraphRuns and GraphServers, and the CronJobs, Jobs and Pods with the operator's labels.

    Parameters
    ----------
    namespaces
        Names of the namespaces to list; empty: all namespaces with one request.
    serves
        Returns whether the operator serves a namespace.
    """
    found, lists = dict[str, int](), list[int]()
    for resource in (*OWN, *CHILDREN):
        for namespace in namespaces or ("",):
            async for page in _pages(get, resource.path(namespace), resource.selector):
                lists.append(int(page["metadata"]["resourceVersion"]))
                heads = [each["metadata"] for each in page["items"] or ()]
                found |= {each["uid"]: int(each["resourceVersion"]) for each in heads if serves(each["namespace"])}
    return Listed(found, min(lists))


async def _pages(get: Get, path: str, selector: str) -> AsyncIterator[Mapping[str, Any]]:
    following = ""
    while True:
        query = [("limit", str(PAGE_SIZE)), ("labelSelector", selector), ("continue", following)]
        page = await get(path, [(name, value) for name, value in query if value])
        yield page
        following = page["metadata"].get("continue", "")
        if not following:
            return


PLURALS: Final = {each.kind: each.plural for each in OWN}
"""The plurals by kind."""


def owners_path(owner: Mapping[str, Any]) -> str:
    """Return the path of the objects of an owner's kind in its namespace."""
    return f"/apis/{names.API_VERSION}/namespaces/{owner['metadata']['namespace']}/{PLURALS[owner['kind']]}"


def cronjob_path(namespace: str, name: str) -> str:
    """Return the path of a CronJob."""
    return f"/apis/batch/v1/namespaces/{namespace}/cronjobs/{name}"
