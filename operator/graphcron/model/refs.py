"""References to what is kept elsewhere in the namespace."""

from typing import ClassVar

from graphcron.model.base import Asked
from graphcron.model.rules import Rules, one_of
from graphcron.model.words import DataKey, ObjectName


class KeyRef(Asked):
    """One key of a ConfigMap or Secret in the GraphCron's namespace."""

    name: ObjectName
    """Name of the ConfigMap or Secret, in the GraphCron's namespace."""
    key: DataKey
    """Key in its `data`."""


class KeySource(Asked):
    """One key of either a ConfigMap or a Secret in the GraphCron's namespace."""

    rules: ClassVar[Rules] = Rules(
        one_of(
            ("configMapKeyRef", "secretKeyRef"),
            "must name either a ConfigMap or a Secret, and not both",
            "for example configMapKeyRef: {name: my-config, key: my-key}",
        ),
    )

    config_map_key_ref: KeyRef | None = None
    """A key of a ConfigMap. Either this or `secretKeyRef`."""
    secret_key_ref: KeyRef | None = None
    """A key of a Secret; the operator never reads it, only the pod does. Either this or `configMapKeyRef`."""


class LocalObjectRef(Asked):
    """Another object in the GraphCron's namespace."""

    name: ObjectName
    """Its name."""
