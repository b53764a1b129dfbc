"""Bugs that one object triggers: its status reports the bug, and no other object is affected."""

import logging
import traceback
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from graphcron.api import names
from graphcron.api.graphruns import is_over
from graphcron.api.reasons import ConditionType, Reason
from graphcron.api.v1alpha1 import rfc3339
from graphcron.kube.client import Cluster
from graphcron.unstructured.fields import object_at, objects_at

_MESSAGE: Final = (
    "The operator failed to reconcile this object because of a bug ({error}). Please report it with the operator's "
    "log. Existing CronJobs and Jobs are unchanged. The operator retries."
)

logger = logging.getLogger(__name__)


def redact_error_messages() -> None:
    """Log every exception without its message, which may contain parts of an object, such as its input."""
    make = logging.getLogRecordFactory()

    def record(*args: Any, **more: Any) -> logging.LogRecord:
        made = make(*args, **more)
        if made.exc_info and made.exc_info[1]:
            made.exc_text, made.exc_info = trace_of(made.exc_info[1]), None
        return made

    logging.setLogRecordFactory(record)


def trace_of(error: BaseException) -> str:
    """Return the traceback of an error and its causes without their messages."""
    behind = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    before = f"{trace_of(behind)}\n\nThen:\n\n" if behind else ""
    frames = "".join(traceback.format_tb(error.__traceback__))
    return f"{before}Traceback (most recent call last):\n{frames}{type(error).__name__}"


async def report_bug(cluster: Cluster, body: Mapping[str, Any] | None, error: Exception, *, now: datetime) -> None:
    """Set Ready to False, or Reconciling of a GraphRun to True, if possible; the rest of the status stays as it is."""
    try:
        status = status_with_bug(body, error, now=now) if body else None
        if body and status:
            await cluster.update_status(body, status)
    except Exception:
        logger.exception("Cannot report the bug in the status")


def status_with_bug(body: Mapping[str, Any], error: Exception, *, now: datetime) -> dict[str, Any] | None:
    """Return the status that reports a bug; None if it already does."""
    status, generation = object_at(body, "status"), body["metadata"]["generation"]
    conditions = objects_at(status, "conditions")
    is_run = body.get("kind") == names.RUN_KIND
    if is_run and is_over(body):
        return None
    kind, value = (ConditionType.RECONCILING, "True") if is_run else (ConditionType.READY, "False")
    before = next((each for each in conditions if each.get("type") == kind), {})
    ready = {
        "type": kind.value,
        "status": value,
        "reason": Reason.INTERNAL_ERROR.value,
        "message": _MESSAGE.format(error=type(error).__name__),
        "lastTransitionTime": before["lastTransitionTime"] if before.get("status") == value else rfc3339(now),
        "observedGeneration": generation,
    }
    if ready == before:
        return None
    others = [each for each in conditions if each.get("type") != kind]
    return {**status, "observedGeneration": generation, "conditions": [ready, *others]}
