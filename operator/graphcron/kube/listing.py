"""What there is, by lists of metadata alone: to compare what the watches have shown with."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from graphcron.api import names

Query = list[tuple[str, str]]

Get = Callable[[str, Query], Awaitable[Mapping[str, Any]]]
"""Returns the list at a path, of whose objects it has the metadata alone."""

LISTED: Final = (
    (f"/apis/{names.API_VERSION}", names.PLURAL, ""),
    (f"/apis/{names.API_VERSION}", names.SERVER_PLURAL, ""),
    ("/apis/batch/v1", "cronjobs", names.OURS),
    ("/apis/batch/v1", "jobs", names.OURS),
    ("/api/v1", "pods", names.OURS),
)
"""What the watches show: API group, resource and selector of each."""

LIST_LIMIT: Final = 1000
"""Objects of a list that are asked for at once."""


class Listed(NamedTuple):
    """What there is."""

    versions: dict[str, int]
    """The versions of all objects, by UID."""
    version: int
    """The version that the lists are of: what they lack was gone by then. The oldest, where the lists differ."""


async def list_all(get: Get, namespaces: Sequence[str], serves: Callable[[str], bool]) -> Listed:
    """Return all GraphCrons and GraphServers that there are, and the CronJobs, Jobs and pods of ours.

    Parameters
    ----------
    namespaces
        Where to look, by their names; empty: in all of them at once.
    serves
        Tells which namespaces count.
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
        query = [("limit", str(LIST_LIMIT)), ("labelSelector", selector), ("continue", following)]
        page = await get(path, [(name, value) for name, value in query if value])
        yield page
        following = page["metadata"].get("continue", "")
        if not following:
            return


def owners_path(owner: Mapping[str, Any]) -> str:
    """Return the path of the GraphCrons, or GraphServers, of an owner's namespace."""
    plural = names.SERVER_PLURAL if owner["kind"] == names.SERVER_KIND else names.PLURAL
    return f"/apis/{names.API_VERSION}/namespaces/{owner['metadata']['namespace']}/{plural}"
