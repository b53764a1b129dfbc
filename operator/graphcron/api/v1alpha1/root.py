"""The resources whole: GraphCron, GraphRun and GraphServer."""

from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from graphcron.api.v1alpha1.base import Part
from graphcron.api.v1alpha1.graphrun import GraphRunSpec
from graphcron.api.v1alpha1.graphrun_status import GraphRunStatus
from graphcron.api.v1alpha1.kubernetes_types import SHORT_NAME, ObjectMeta
from graphcron.api.v1alpha1.schedule import fires
from graphcron.api.v1alpha1.server import GraphServerSpec
from graphcron.api.v1alpha1.spec import GraphCronSpec
from graphcron.api.v1alpha1.status import GraphCronStatus, GraphServerStatus
from graphcron.api.v1alpha1.validation import Rule, Rules
from graphcron.schedule.hashed import has_hash, seed_for

T = TypeVar("T")


def _or_none(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    """Return None for a status that can't be read; the operator writes it again."""
    try:
        return handler(value)
    except ValidationError:
        return None


OrNone = Annotated[T | None, WrapValidator(_or_none)]
"""A status, or none where it can't be read."""


def _comes_round(graphcron: "GraphCron") -> bool:
    """Return whether each line matches with its values of ``H``, which depend on namespace and name."""
    namespace, name = graphcron.metadata.namespace, graphcron.metadata.name
    return namespace is None or all(
        fires(line, seed=seed_for(namespace, name, at))
        for at, line in enumerate(graphcron.spec.lines)
        if has_hash(line)
    )


class GraphCron(Part):
    """Schedule on which a LangGraph server runs a graph."""

    rules: ClassVar[Rules] = Rules(
        SHORT_NAME,
        Rule(
            problem="has a schedule that never matches with the value of H here, because the day does not exist",
            remedy='limit H to days and months that go together, for example "0 9 H(1-28) * *"',
            holds=_comes_round,
            field="spec",
        ),
    )

    api_version: Literal["graphcron.dev/v1alpha1"]
    """Version of the resource."""
    kind: Literal["GraphCron"]
    """Kind of the resource."""
    metadata: ObjectMeta
    """Standard metadata, such as name and namespace."""
    spec: GraphCronSpec
    """What to run, when, and where."""
    status: OrNone[GraphCronStatus] = Field(default=None)
    """Observed state. Only the operator writes it."""


class GraphRun(Part):
    """One run of a graph on a LangGraph server."""

    rules: ClassVar[Rules] = Rules(SHORT_NAME)

    api_version: Literal["graphcron.dev/v1alpha1"]
    """Version of the resource."""
    kind: Literal["GraphRun"]
    """Kind of the resource."""
    metadata: ObjectMeta
    """Standard metadata, such as name and namespace."""
    spec: GraphRunSpec
    """What to run, once, and where. It cannot be changed after the GraphRun is created."""
    status: OrNone[GraphRunStatus] = Field(default=None)
    """Observed state. Only the operator writes it."""


class GraphServer(Part):
    """LangGraph server that GraphCrons of the same namespace refer to with `serverRef`."""

    rules: ClassVar[Rules] = Rules(SHORT_NAME)

    api_version: Literal["graphcron.dev/v1alpha1"]
    """Version of the resource."""
    kind: Literal["GraphServer"]
    """Kind of the resource."""
    metadata: ObjectMeta
    """Standard metadata, such as name and namespace."""
    spec: GraphServerSpec
    """Address, credentials and limits of the server."""
    status: OrNone[GraphServerStatus] = Field(default=None)
    """Observed state. Only the operator writes it."""
