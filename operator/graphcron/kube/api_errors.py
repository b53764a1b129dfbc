"""The API server's error responses as exceptions."""

from collections.abc import Awaitable, Mapping
from typing import Any

from graphcron.errors import ClusterError, SpecError
from graphcron.unstructured.bounded_json import fast_loads


def spec_error(what: str, error: ClusterError) -> SpecError:
    """Return the error about a spec that the API server rejects."""
    return SpecError(
        field="spec", problem=f"the API server rejects the {what}: {error}", remedy="correct the field that it names"
    )


def response_error(method: str, path: str, status: int, text: bytes) -> ClusterError:
    """Parse an error response of the API server or of a proxy in front of it."""
    try:
        return error_of(f"{method} {path}", {**fast_loads(text), "code": status})
    except (ValueError, KeyError, TypeError, AttributeError):
        return ClusterError(f"{method} {path}: {status} {text[:200].decode(errors='replace')}", status=status)


def error_of(request: str, answer: Mapping[str, Any]) -> ClusterError:
    """Return the error that a ``Status`` of the API server reports."""
    causes = frozenset(str(each["reason"]) for each in (answer.get("details") or {}).get("causes") or ())
    status, reason = answer["code"], str(answer.get("reason") or "")
    return ClusterError(f"{request}: {status} {answer['message']}", status=status, reason=reason, causes=causes)


async def ignore_changed(call: Awaitable[Mapping[str, Any]]) -> None:
    """Await a conditional write; ignore the error if the object was deleted or has changed."""
    try:
        await call
    except ClusterError as error:
        if error.status not in {404, 409}:
            raise
