"""What the API server refuses, as errors."""

from collections.abc import Awaitable, Mapping
from typing import Any

from graphcron.errors import ClusterError, SpecError
from graphcron.unstructured.bounded_json import fast_loads


def refused(what: str, error: ClusterError) -> SpecError:
    """Return the error about a spec that asks for what the API server refuses."""
    return SpecError(field="spec", problem=f"the API server refuses the {what}: {error}", remedy="change what it names")


def refusal(method: str, path: str, status: int, text: bytes) -> ClusterError:
    """Read what the API server refuses a request with, or what a proxy answers in its place."""
    try:
        answer = fast_loads(text)
        message, reason = answer["message"], str(answer.get("reason") or "")
        causes = frozenset(str(each["reason"]) for each in (answer.get("details") or {}).get("causes") or ())
    except (ValueError, KeyError, TypeError, AttributeError):
        message, reason, causes = text[:200].decode(errors="replace"), "", frozenset[str]()
    return ClusterError(f"{method} {path}: {status} {message}", status=status, reason=reason, causes=causes)


async def unless_changed(call: Awaitable[Mapping[str, Any]]) -> None:
    """Await a call about an object in one state; leave it alone where it is gone, or in another one by now."""
    try:
        await call
    except ClusterError as error:
        if error.status not in {404, 409}:
            raise
