"""Lists of metadata, which the relist compares with the cache."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from graphcron.api import names

Query = list[tuple[str, str]]

Get = Callable[[str, Query], Awaitable[Mapping[str, Any]]]
"""Returns the list at a path with the metadata of its objects."""

LISTED: Final = (
    (f"/apis/{names.API_VERSION}", names.PLURAL, ""),
    (f"/apis/{names.API_VERSION}", names.RUN_PLURAL, ""),
    (f"/apis/{names.API_VERSION}", names.SERVER_PLURAL, ""),
    ("/apis/batch/v1", "cronjobs", names.MANAGED_SELECTOR),
    ("/apis/batch/v1", "jobs", names.MANAGED_SELECTOR),
    ("/api/v1", "pods", names.MANAGED_SELECTOR),
)
"""The watched resources: API group, resource and label selector."""

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
    for group, plural, selector in LISTED:
        for scope in [f"namespaces/{each}/" for each in namespaces] or [""]:
            async for page in _pages(get, f"{group}/{scope}{plural}", selector):
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


PLURALS: Final = {
    names.KIND: names.PLURAL,
    names.RUN_KIND: names.RUN_PLURAL,
    names.SERVER_KIND: names.SERVER_PLURAL,
}
"""The plurals by kind."""


def owners_path(owner: Mapping[str, Any]) -> str:
    """Return the path of the objects of an owner's kind in its namespace."""
    return f"/apis/{names.API_VERSION}/namespaces/{owner['metadata']['namespace']}/{PLURALS[owner['kind']]}"


def cronjob_path(namespace: str, name: str) -> str:
    """Return the path of a CronJob."""
    return f"/apis/batch/v1/namespaces/{namespace}/cronjobs/{name}"
