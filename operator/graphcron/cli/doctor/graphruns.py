"""Checks of GraphRuns: which wait, and which have failed. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from graphcron.cli.app import PROGRAM
from graphcron.cli.clients.graphruns import WAITING, conditions_of, is_finished
from graphcron.cli.clients.kubectl import HERE, Kubectl, Object
from graphcron.cli.doctor.checks import Check, State, place
from graphcron.cli.targets import graphrun_target
from graphcron.unstructured.fields import object_at, text_at, time_of

RECENT: Final = timedelta(days=1)
"""Failures that are older are history."""

UNSEEN: Final = timedelta(minutes=1)
"""How long the operator has to see a GraphRun."""


def of_graphruns(graphruns: Sequence[Object], *, now: datetime, kubectl: Kubectl = HERE) -> Iterator[Check]:
    """Check the GraphRuns, and report those that wait without a Job and those that have failed in the last day."""
    troubles = [check for each in graphruns if (check := _trouble(each, now, kubectl))]
    if graphruns and not troubles:
        yield Check(
            "GraphRuns", State.OK, f"{len(graphruns)} are there; none waits, and none has failed in the last day"
        )
    yield from troubles


def _trouble(graphrun: Object, now: datetime, kubectl: Kubectl) -> Check | None:
    meta, status = graphrun["metadata"], object_at(graphrun, "status")
    about = f"GraphRun {place(graphrun)}"
    remedy = kubectl.at(meta["namespace"]).hint(PROGRAM, "describe", graphrun_target(meta["name"]))
    if is_finished(graphrun):
        ended = time_of(status.get("completionTime"))
        if "Failed" not in conditions_of(graphrun) or ended is None or now - ended > RECENT:
            return None
        # Not the message, which differs for each: the same failure of many is one line.
        return Check(about, State.WARNING, f"failed: {_outcome(status)}", remedy)
    if text_at(status, "job"):
        return None
    wait = conditions_of(graphrun).get(WAITING)
    if wait:
        message = " ".join(f"{wait.get('reason', '')}: {wait.get('message', '')}".split())
        return Check(about, State.WARNING, f"waits: {message}", remedy)
    created = time_of(meta.get("creationTimestamp"))
    if created and now - created > UNSEEN:
        where = f"read the operator's log; does it watch {meta['namespace']}?"
        return Check(about, State.FAILED, "seen by no operator", where)
    return None


def _outcome(status: Mapping[str, Any]) -> str:
    found = dict.fromkeys(filter(None, (text_at(status, "outcome"), text_at(status, "reason"))))
    return ", ".join(found) or "the status has no outcome"
