"""``spec.runner``: what is special about the pod."""

from typing import Annotated, Any, ClassVar

from pydantic import Field

from graphcron.api.v1alpha1.base import BY_NAME, Asked
from graphcron.api.v1alpha1.kubernetes_types import (
    Annotations,
    KeySource,
    Labels,
    LocalObjectRef,
    NodeSelector,
    Resources,
)
from graphcron.api.v1alpha1.scalars import EnvName, ImageName, ObjectName
from graphcron.api.v1alpha1.validation import Rules, one_of, unique_names


class ResourceRequirements(Asked):
    """CPU, memory and storage of the container."""

    requests: Resources | None = None
    """What the node must have free, by resource: `cpu`, `memory` or `ephemeral-storage`; for example `cpu: 10m`."""
    limits: Resources | None = None
    """What the container may use at most, by resource; for example `memory: 64Mi`."""


class EnvVar(Asked):
    """An environment variable of the container."""

    rules: ClassVar[Rules] = Rules(
        one_of(
            ("value", "valueFrom"),
            "must have either value or valueFrom, and not both",
            'for example value: "1", or valueFrom: {configMapKeyRef: {name: my-config, key: my-key}}',
        ),
    )

    name: EnvName
    """Name of the variable, such as `HTTPS_PROXY`. Names that begin with `GRAPHCRON_` are the operator's."""
    value: Annotated[str, Field(max_length=32768)] | None = None
    """Value, for everybody to read. Numbers and the like need quotes. Either this or `valueFrom`."""
    value_from: KeySource | None = None
    """Where the value comes from. Either this or `value`."""


class Runner(Asked):
    """What is special about the pod that starts a run and follows it. The graph runs on the LangGraph server, so the
    pod needs little; what is left out comes from the operator's settings."""

    image: ImageName | None = None
    """Image of the runner, such as a mirror's: `registry.example.com/graphcron-runner:0.1.0`. Default: the operator's
    setting."""
    resources: ResourceRequirements | None = None
    """CPU, memory and storage. Default: the operator's setting."""
    node_selector: NodeSelector | None = None
    """Labels that the pod's node must have, such as `kubernetes.io/arch: amd64`. Default: none."""
    tolerations: Annotated[list[dict[str, Any]], Field(max_length=32)] | None = None
    """Taints of nodes that the pod tolerates, as in a Pod's `spec.tolerations`. Default: none."""
    affinity: dict[str, Any] | None = None
    """Where the pod may or should run, as in a Pod's `spec.affinity`. Default: anywhere."""
    labels: Labels | None = None
    """Labels of the pod besides the operator's own. Default: none."""
    annotations: Annotations | None = None
    """Annotations of the pod besides the operator's own, such as `sidecar.istio.io/inject: "false"`. Default:
    none."""
    service_account_name: ObjectName | None = None
    """ServiceAccount of the pod, for example for image pull secrets or pod security. No token of it is mounted.
    Default: the namespace's `default`."""
    priority_class_name: ObjectName | None = None
    """PriorityClass of the pod. Default: the cluster's."""
    image_pull_secrets: (
        Annotated[list[LocalObjectRef], Field(max_length=16, json_schema_extra=BY_NAME), Rules(unique_names("Secrets"))]
        | None
    ) = None
    """Secrets with which the image is pulled, each as `name: my-registry`. Default: the operator's setting."""
    env: (
        Annotated[list[EnvVar], Field(max_length=64, json_schema_extra=BY_NAME), Rules(unique_names("variables"))]
        | None
    ) = None
    """Environment variables of the container besides the operator's own, such as `HTTPS_PROXY`. Default: none."""
