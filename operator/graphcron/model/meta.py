"""``metadata``: the part of it that we look at, and names."""

from typing import Annotated

from pydantic import ConfigDict

from graphcron import names
from graphcron.model.base import Instant, Part
from graphcron.model.rules import Rule, Rules, matching

SHORT_NAME = Rule(
    problem=f"is longer than {names.MAX_NAME_LENGTH} characters, and Kubernetes adds 11 for each Job",
    remedy="choose a shorter name, for example daily-report",
    holds=lambda resource: len(resource.metadata.name) <= names.MAX_NAME_LENGTH,
    cel=f"size(self.metadata.name) <= {names.MAX_NAME_LENGTH}",
    field="metadata.name",
)
"""A resource has a name that Jobs can be named after."""

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
