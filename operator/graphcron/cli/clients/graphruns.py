"""GraphRuns as the program writes and reads them. Pure."""

import secrets
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Final

from graphcron.api import names
from graphcron.api.graphruns import graphcron_name_of, is_over
from graphcron.api.reasons import ConditionType, Reason
from graphcron.cli.clients.kubectl import Object
from graphcron.unstructured.fields import object_at, objects_at, text_at, time_of

_SUFFIX: Final = 5
_LETTERS: Final = "bcdfghjklmnpqrstvwxz2456789"
"""The characters that Kubernetes uses for ``generateName``."""


def graphrun_body(
    name: str,
    *,
    graphcron: str,
    namespace: str | None = None,
    labels: Mapping[str, str] | None = None,
    spec: Mapping[str, Any] | None = None,
) -> Object:
    """Return the manifest of a GraphRun that runs a GraphCron once.

    Parameters
    ----------
    spec
        Further fields, with the names of the API, such as ``scheduledTime``.
    """
    optional = {"namespace": namespace, "labels": dict(labels) if labels else None}
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.RUN_KIND,
        "metadata": {"name": name, **{key: value for key, value in optional.items() if value}},
        "spec": {"graphCronRef": {"name": graphcron}, **(spec or {})},
    }


def name_with_suffix(graphcron: str, suffix: str) -> str:
    """Return a name for a GraphRun that begins with that of its GraphCron, cut to the maximum length."""
    return f"{graphcron[: names.MAX_NAME_LENGTH - len(suffix) - 1].rstrip('-.')}-{suffix}"


def new_name(graphcron: str) -> str:
    """Return an unused name for a GraphRun, as ``generateName`` does, which can exceed the maximum length."""
    return name_with_suffix(graphcron, "".join(secrets.choice(_LETTERS) for _ in range(_SUFFIX)))


def conditions_of(graphrun: Mapping[str, Any]) -> dict[str, Object]:
    """Return the conditions that are True, by their types."""
    conditions = objects_at(object_at(graphrun, "status"), "conditions")
    return {text_at(each, "type"): dict(each) for each in conditions if each.get("status") == "True"}


def wait_of(graphrun: Mapping[str, Any]) -> Object | None:
    """Return the condition that reports what an unfinished GraphRun waits for; None: its run is active, or unseen."""
    found = conditions_of(graphrun).get(ConditionType.RECONCILING)
    return found if found and found.get("reason") != Reason.JOB_CREATED else None


def run_of(graphrun: Mapping[str, Any]) -> Object:
    """Return the run of a GraphRun in the form of an entry of ``status.recentRuns``."""
    metadata, status = object_at(graphrun, "metadata"), object_at(graphrun, "status")
    due = object_at(graphrun, "spec").get("scheduledTime") or metadata.get("creationTimestamp")
    return {
        **({"scheduledTime": due} if due else {}),
        "graphRun": text_at(metadata, "name"),
        **{key: status[key] for key in _run_fields() if key in status},
    }


@cache
def _run_fields() -> tuple[str, ...]:
    """Return the fields of the status that describe a finished run."""
    from graphcron.api.v1alpha1 import RUN_FIELDS, GraphRunStatus

    fields = GraphRunStatus.model_fields
    return (*(fields[name].alias or name for name in RUN_FIELDS), "completionTime")


def belongs_to(graphrun: Object, graphcron: Object) -> bool:
    """Return whether a GraphRun refers to a GraphCron, and not to a deleted one of the same name."""
    ours, its = graphrun["metadata"], graphcron["metadata"]
    uid = object_at(graphrun, "status").get("graphCronUid")
    is_same = uid is None or uid == its.get("uid")
    return is_same and (ours.get("namespace"), graphcron_name_of(graphrun)) == (its.get("namespace"), its["name"])


def unfinished(graphruns: Iterable[Object], graphcron: Object) -> list[Object]:
    """Return the GraphRuns that refer to a GraphCron and are not over."""
    return [each for each in graphruns if not is_over(each) and belongs_to(each, graphcron)]


def unlisted(graphruns: Iterable[Object], graphcron: Object) -> list[Object]:
    """Return the finished runs of the GraphRuns of a GraphCron that its status no longer lists."""
    recent = objects_at(object_at(graphcron, "status"), "recentRuns")
    listed = {each["graphRun"] for each in recent if isinstance(each.get("graphRun"), str)}
    finished = (each for each in graphruns if is_over(each) and belongs_to(each, graphcron))
    return [run_of(each) for each in finished if each["metadata"]["name"] not in listed]


def without_graphcron(graphruns: Iterable[Object], graphcrons: Iterable[Object]) -> list[Object]:
    """Return the GraphRuns that have their own fields, or whose GraphCron is deleted."""
    by_name = {(each["metadata"].get("namespace"), each["metadata"]["name"]): each for each in graphcrons}

    def is_alone(graphrun: Object) -> bool:
        graphcron = by_name.get((graphrun["metadata"].get("namespace"), graphcron_name_of(graphrun)))
        return graphcron is None or not belongs_to(graphrun, graphcron)

    return [each for each in graphruns if is_alone(each)]


def newest_first(runs: Iterable[Object]) -> list[Object]:
    """Sort runs by the time at which they were due."""
    dated = [(at.timestamp() if (at := time_of(run.get("scheduledTime"))) else 0.0, run) for run in runs]
    return [run for _, run in sorted(dated, key=lambda each: each[0], reverse=True)]
