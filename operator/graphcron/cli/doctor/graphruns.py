"""Checks of GraphRuns: which wait, and which have failed. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from graphcron.api.graphruns import is_over
from graphcron.api.v1alpha1.parsing import run_status_of
from graphcron.cli.app import PROGRAM
from graphcron.cli.clients.graphruns import conditions_of, wait_of
from graphcron.cli.clients.kubectl import HERE, Kubectl, Object
from graphcron.cli.doctor.checks import Check, State, place, unseen
from graphcron.cli.targets import graphrun_target
from graphcron.status.graphrun import delay_in
from graphcron.unstructured.fields import object_at, text_at, time_of

RECENT: Final = timedelta(days=1)
"""Failures that are older are history."""

UNSEEN: Final = timedelta(minutes=1)
"""How long the operator has to see a GraphRun."""


def of_graphruns(graphruns: Sequence[Object], *, now: datetime, kubectl: Kubectl = HERE) -> Iterator[Check]:
    """Check the GraphRuns, and report those that wait and those that have failed in the last day."""
    troubles = [check for each in graphruns if (check := _trouble(each, now, kubectl))]
    if graphruns and not troubles:
        yield Check("GraphRuns", State.OK, f"{len(graphruns)}, none waits, and none has failed in the last day")
    yield from troubles


def _trouble(graphrun: Object, now: datetime, kubectl: Kubectl) -> Check | None:
    meta, status = graphrun["metadata"], object_at(graphrun, "status")
    about = f"GraphRun {place(graphrun)}"
    remedy = kubectl.at(meta["namespace"]).hint(PROGRAM, "describe", graphrun_target(meta["name"]))
    if is_over(graphrun):
        ended = time_of(status.get("completionTime"))
        if "Failed" not in conditions_of(graphrun) or ended is None or now - ended > RECENT:
            return None
        # Not the message, which differs for each: the same failure of many is one line.
        return Check(about, State.WARNING, f"failed: {_outcome(status)}", remedy)
    if wait := wait_of(graphrun):
        # Without the deadline, which differs for each.
        message = delay_in(run_status_of(graphrun)) or str(wait.get("message", ""))
        return Check(about, State.WARNING, " ".join(f"waits: {wait.get('reason', '')}: {message}".split()), remedy)
    if text_at(status, "job"):
        return None
    created = time_of(meta.get("creationTimestamp"))
    if created and now - created > UNSEEN:
        return unseen(about, meta["namespace"])
    return None


def _outcome(status: Mapping[str, Any]) -> str:
    found = dict.fromkeys(filter(None, (text_at(status, "outcome"), text_at(status, "reason"))))
    return ", ".join(found) or "the status has no outcome"
