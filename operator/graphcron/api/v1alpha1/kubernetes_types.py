"""Kubernetes' own types, as far as the API has them: metadata, maps and references."""

import re
from typing import Annotated, Any, ClassVar, Final

from pydantic import BeforeValidator, ConfigDict, Field

from graphcron.api import names
from graphcron.api.v1alpha1.base import Asked, Instant, Part
from graphcron.api.v1alpha1.scalars import DataKey, ObjectName
from graphcron.api.v1alpha1.validation import Rule, Rules, Violation, matching, one_of, reserved_prefixes, violated

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
    "is not a valid name of a Kubernetes object",
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


_RESOURCES: Final = ("cpu", "memory", "ephemeral-storage")
_QUANTITY: Final = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?", re.ASCII)
_QUANTITY_REMEDY: Final = 'write a whole number or quoted text, for example 1, "500m", "0.5" or 64Mi'


def _is_quantity(amount: int | str) -> bool:
    return isinstance(amount, int) or _QUANTITY.fullmatch(amount) is not None


def _int_or_text(amount: Any) -> Any:
    """Return whole numbers and text as they are; refuse fractions, which the API server wants in quotes."""
    if isinstance(amount, bool) or not isinstance(amount, int | str):
        raise violated(Violation("", "is neither text nor a whole number", _QUANTITY_REMEDY))
    return amount


Resources = Annotated[
    dict[str, Annotated[str | int, BeforeValidator(_int_or_text)]],
    Field(max_length=8),
    Rules(
        Rule(
            problem="names an unsupported resource",
            remedy=f"the names are {', '.join(_RESOURCES)}; for example memory: 64Mi",
            holds=lambda resources: all(name in _RESOURCES for name in resources),
            cel=f"self.all(name, name in {list(_RESOURCES)})",
        ),
        Rule(
            problem="contains an amount that is not a quantity",
            remedy=_QUANTITY_REMEDY,
            holds=lambda resources: all(_is_quantity(amount) for amount in resources.values()),
            cel="self.all(name, type(self[name]) == int || isQuantity(self[name]))",
        ),
    ),
]
"""Amounts of CPU, memory and storage."""

_OURS: Final = reserved_prefixes(
    names.RESERVED_PREFIXES,
    "has a key that is reserved for the operator or Kubernetes",
    "leave out graphcron.dev/ and batch.kubernetes.io/; choose another prefix, for example example.com/team",
)
_UNCONFINED: Final = reserved_prefixes(
    names.PROFILE_PREFIXES,
    "has a key that changes the pod's security profile",
    "leave it out",
)
_KEY: Final = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", re.ASCII)
_KEYS: Final = Rule(
    problem="has a key that Kubernetes does not accept",
    remedy="write letters, digits, '-', '_' and '.', after a prefix if you like, for example example.com/team",
    holds=lambda pairs: all(_KEY.fullmatch(key) for key in pairs),
)
"""For Python only: CEL reckons that a key may be as long as a request, and a pattern on it as too dear."""

LabelValue = Annotated[
    str,
    Field(max_length=63),
    Rules(
        matching(
            r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?",
            "is not a valid label value",
            "write letters, digits, '-', '_' and '.', for example team-a",
        ),
    ),
]
"""Value of a label."""

NodeSelector = Annotated[dict[str, LabelValue], Field(max_length=32), Rules(_KEYS)]
"""Labels that the pod's node must have."""

Labels = Annotated[dict[str, LabelValue], Field(max_length=32), Rules(_OURS, _KEYS)]
"""Labels of the pod."""

Annotations = Annotated[dict[str, str], Field(max_length=32), Rules(_OURS, _UNCONFINED, _KEYS)]
"""Annotations of the pod."""


class KeyRef(Asked):
    """Key of a ConfigMap or Secret in the namespace of the GraphCron."""

    name: ObjectName
    """Name of the ConfigMap or Secret."""
    key: DataKey
    """Key in its `data`."""


class KeySource(Asked):
    """Key of a ConfigMap or a Secret in the namespace of the GraphCron."""

    rules: ClassVar[Rules] = Rules(
        one_of(
            ("configMapKeyRef", "secretKeyRef"),
            "must name either a ConfigMap or a Secret, and not both",
            "for example configMapKeyRef: {name: my-config, key: my-key}",
        ),
    )

    config_map_key_ref: KeyRef | None = None
    """Key of a ConfigMap. Mutually exclusive with `secretKeyRef`."""
    secret_key_ref: KeyRef | None = None
    """Key of a Secret. Only the pod reads the Secret, never the operator. Mutually exclusive with `configMapKeyRef`."""


class LocalObjectRef(Asked):
    """Reference to an object in the namespace of the GraphCron."""

    name: ObjectName
    """Name of the object."""
