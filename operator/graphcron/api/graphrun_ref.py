"""GraphRun → the GraphCron whose settings its run has; all that follows knows only GraphCrons."""

from collections.abc import Mapping
from typing import Any, Final

from graphcron.api.v1alpha1 import GraphCron, GraphCronSpec, GraphRun, RunTemplate, parse
from graphcron.unstructured.fields import object_at

REPLACED: Final = ("input", "inputFrom", "config", "context", "metadata")
"""Fields of a GraphRun that replace those of its GraphCron."""

_EXCLUSIVE: Final = {"input": "inputFrom", "inputFrom": "input"}


def effective_graphcron(run: GraphRun, own: Mapping[str, Any], referenced: Mapping[str, Any] | None) -> GraphCron:
    """Return the GraphCron that a Job is built from; its ``serverRef`` is not resolved.

    Parameters
    ----------
    own
        The body of the GraphRun, which tells a field that is null from one that is absent.
    referenced
        The body of the GraphCron in ``graphCronRef``; None: there is none.

    Raises
    ------
    SpecError
        The GraphCron, with the fields that the GraphRun replaces, is invalid.
    """
    if referenced is None:
        return _inline(run)
    fields = object_at(own, "spec")
    spec = {**object_at(referenced, "spec")}
    for name in REPLACED:
        if name in fields:
            spec.pop(_EXCLUSIVE.get(name, ""), None)
            spec[name] = fields[name]
    graphcron = parse({**referenced, "spec": spec})
    update: dict[str, object] = {"starting_deadline_seconds": run.spec.starting_deadline_seconds}
    if run.spec.concurrency_policy:
        update["concurrency_policy"] = run.spec.concurrency_policy
    return graphcron.model_copy(update={"spec": graphcron.spec.model_copy(update=update)})


def _inline(run: GraphRun) -> GraphCron:
    """Return a GraphCron without a schedule, which the model would reject."""
    fields = {name: getattr(run.spec, name) for name in RunTemplate.model_fields}
    # Nothing else has the UID of a GraphRun, so there is no other run for a policy to apply to.
    spec = GraphCronSpec.model_construct(
        **fields, starting_deadline_seconds=run.spec.starting_deadline_seconds, concurrency_policy="Allow"
    )
    return GraphCron.model_construct(
        api_version=run.api_version, kind="GraphCron", metadata=run.metadata, spec=spec, status=None
    )
