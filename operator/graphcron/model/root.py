"""The whole resource."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from graphcron import names
from graphcron.model.base import Instant, Part
from graphcron.model.rules import Rule, Rules, matching
from graphcron.model.spec import GraphCronSpec
from graphcron.model.status import GraphCronStatus

_NAME_RULE = Rule(
    problem=f"is longer than {names.MAX_NAME_LENGTH} characters, and Kubernetes adds 11 for each Job",
    remedy="choose a shorter name, for example daily-report",
    holds=lambda graphcron: len(graphcron.metadata.name) <= names.MAX_NAME_LENGTH,
    cel=f"size(self.metadata.name) <= {names.MAX_NAME_LENGTH}",
    field="metadata.name",
)

_NAME_SHAPE = matching(
    r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*",
    "is no name of a Kubernetes object",
    "write lower-case letters, digits, '-' and '.', for example daily-report",
)


class ObjectMeta(Part):
    """The part of an object's metadata that GraphCron looks at."""

    model_config = ConfigDict(extra="ignore")

    name: Annotated[str, Rules(_NAME_SHAPE)]
    """Name of the object."""
    namespace: str | None = None
    """Its namespace."""
    uid: str | None = None
    """Identity that no other object ever has."""
    generation: int | None = None
    """Goes up by one with each change of the spec."""
    creation_timestamp: Instant | None = None
    """When it was created."""
    deletion_timestamp: Instant | None = None
    """When it was deleted, while it still waits for something."""
    labels: dict[str, str] | None = None
    """Its labels."""
    annotations: dict[str, str] | None = None
    """Its annotations."""


def _or_none(value: Any, handler: ValidatorFunctionWrapHandler) -> GraphCronStatus | None:
    """Take a status that can't be read for none: it is ours, and we write it anew."""
    try:
        status: GraphCronStatus | None = handler(value)
    except ValidationError:
        return None
    return status


class GraphCron(Part):
    """A schedule on which a LangGraph server runs a graph."""

    rules: ClassVar[Rules] = Rules(_NAME_RULE)

    api_version: Literal["graphcron.dev/v1alpha1"]
    """Version of the resource."""
    kind: Literal["GraphCron"]
    """Kind of the resource."""
    metadata: ObjectMeta
    """Name, namespace and so on."""
    spec: GraphCronSpec
    """What to run, when, and where."""
    status: Annotated[GraphCronStatus | None, WrapValidator(_or_none)] = Field(default=None)
    """What the operator has seen. Written by the operator only."""
