"""``spec.runner``: settings of the pod."""

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
    """Resources that the node must have available: `cpu`, `memory` or `ephemeral-storage`. For example `cpu: 10m`."""
    limits: Resources | None = None
    """Maximum resources of the container. For example `memory: 64Mi`."""


class EnvVar(Asked):
    """Environment variable of the container."""

    rules: ClassVar[Rules] = Rules(
        one_of(
            ("value", "valueFrom"),
            "must have either value or valueFrom, and not both",
            'for example value: "1", or valueFrom: {configMapKeyRef: {name: my-config, key: my-key}}',
        ),
    )

    name: EnvName
    """Name of the variable, such as `HTTPS_PROXY`. Names that begin with `GRAPHCRON_` are reserved for the operator."""
    value: Annotated[str, Field(max_length=32768)] | None = None
    """Value, readable by everyone who can read this object. Quote numbers and booleans. Mutually exclusive with
    `valueFrom`."""
    value_from: KeySource | None = None
    """Source of the value. Mutually exclusive with `value`."""


class Runner(Asked):
    """Settings of the pod that starts and follows a run. The pod needs few resources, because the graph runs on the
    LangGraph server. Fields that are not set use the operator's settings."""

    image: ImageName | None = None
    """Image of the runner, for example in a mirror: `registry.example.com/graphcron-runner:0.1.0`. Default: the
    operator's setting."""
    resources: ResourceRequirements | None = None
    """CPU, memory and storage. Default: the operator's setting."""
    node_selector: NodeSelector | None = None
    """Labels that the node must have, such as `kubernetes.io/arch: amd64`. Merged with the operator's
    setting."""
    tolerations: Annotated[list[dict[str, Any]], Field(max_length=32)] | None = None
    """Tolerations for node taints, as in a Pod's `spec.tolerations`. Default: the operator's setting."""
    affinity: dict[str, Any] | None = None
    """Scheduling constraints, as in a Pod's `spec.affinity`. Default: the operator's setting."""
    labels: Labels | None = None
    """Additional labels of the pod. Merged with the operator's setting."""
    annotations: Annotations | None = None
    """Additional annotations of the pod, such as `sidecar.istio.io/inject: "false"`. Merged with the operator's
    setting."""
    service_account_name: ObjectName | None = None
    """ServiceAccount of the pod, for example for image pull secrets or pod security. Its token is not mounted. Default:
    the operator's setting, or the namespace's `default`."""
    priority_class_name: ObjectName | None = None
    """PriorityClass of the pod. Default: the operator's setting, or the cluster's default."""
    image_pull_secrets: (
        Annotated[list[LocalObjectRef], Field(max_length=16, json_schema_extra=BY_NAME), Rules(unique_names("Secrets"))]
        | None
    ) = None
    """Secrets for pulling the image, each as `name: my-registry`. Default: the operator's setting."""
    env: (
        Annotated[list[EnvVar], Field(max_length=64, json_schema_extra=BY_NAME), Rules(unique_names("variables"))]
        | None
    ) = None
    """Additional environment variables of the container, such as `HTTPS_PROXY`. Default: none."""
