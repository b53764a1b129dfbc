"""The chart's values as a model; `values.schema.json` is made from it.

The API server validates parts that Kubernetes defines. Only `values.yaml` documents the values.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from graphcron.api.run_url import MAX_LENGTH, PLACEHOLDERS

Free = dict[str, Any]
"""A part that Kubernetes defines."""

Frees = list[Free]
Texts = dict[str, str]
"""Labels, annotations and the like."""

PullPolicy = Literal["", "Always", "IfNotPresent", "Never"]
RenderMode = Literal["skipIfMissing", "failIfMissing", "alwaysRender"]
Money = Annotated[str, Field(pattern=r"^[0-9]{1,9}(\.[0-9]{1,6})?$")]
Watched = Annotated[str, Field(pattern=r"^!?[a-z0-9*?]([a-z0-9*?-]*[a-z0-9*?])?$")]
Duration = Annotated[str, Field(pattern=r"^([0-9]+(ms|[smh]))*$")]
Argument = Annotated[str, Field(pattern=r"^--[a-z-]+=")]
Url = Annotated[str, Field(pattern=r"^(https?://[^\s/?#@]+(/[^\s?#@]*)?)?$")]

_PLACEHOLDERS = "|".join(PLACEHOLDERS)
UiUrl = Annotated[
    str,
    Field(
        max_length=MAX_LENGTH,
        pattern=r"^(https?://([-_.A-Za-z0-9]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?"
        rf"([/?#]([!#-;=?-\[\]_a-z~]|\{{({_PLACEHOLDERS})\}})*)?)?$",
    ),
]
"""A template of links to runs."""

_PART = r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*"
AllowedServer = Annotated[
    str, Field(pattern=rf"^https?://([A-Za-z0-9.*-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{{1,5}})?(/{_PART})*/?$")
]
"""A URL; ``*`` only in its host."""

AllowedPair = Annotated[str, Field(pattern=r"^[A-Za-z0-9*]([A-Za-z0-9*._/-]*[A-Za-z0-9*])?(=.*)?$")]
"""The key of a label or an annotation, or key and value."""

AllowedName = Annotated[str, Field(pattern=r"^[a-z0-9*]([a-z0-9*.-]*[a-z0-9*])?$")]
"""The name of an object."""

Namespace = Annotated[str, Field(pattern=r"^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)?$")]
NamePart = Annotated[str, Field(pattern=r"^([a-z]([-a-z0-9]*[a-z0-9])?)?$", max_length=52)]
PullSecretName = Annotated[str, Field(min_length=1)]


class Part(BaseModel):
    """A part of the values, which rejects unknown keys by name."""

    model_config = ConfigDict(extra="forbid", strict=True, alias_generator=to_camel)


class PullSecret(Part):
    name: PullSecretName


class Global(Part):
    """Global values, to which other charts of the same parent can add."""

    model_config = ConfigDict(extra="allow")

    image_registry: str
    image_pull_secrets: list[PullSecret | PullSecretName]


class Crds(Part):
    enabled: bool
    keep: bool


class Preflight(Part):
    max_concurrent: Annotated[int, Field(ge=1, le=1000)]


class LeaderElection(Part):
    enabled: bool
    lease_seconds: Annotated[int, Field(ge=10, le=600)]


class Image(Part):
    registry: str
    repository: Annotated[str, Field(min_length=1)]
    tag: str
    digest: Annotated[str, Field(pattern=r"^(sha256:[0-9a-f]{64})?$")]
    pull_policy: PullPolicy


class Runner(Part):
    image: Image
    image_pull_secrets: list[PullSecret]
    resources: Free
    labels: Texts
    annotations: Texts
    node_selector: Texts
    tolerations: Frees
    affinity: Free
    priority_class_name: str
    service_account_name: str
    default_timeout_seconds: Annotated[int, Field(ge=1, le=31_536_000)]
    allowed_annotations: list[AllowedPair]
    allowed_labels: list[AllowedPair]
    allowed_service_accounts: list[AllowedName]


class KeyRef(Part):
    name: str
    key: str


class Server(Part):
    url: Url
    ui_url: UiUrl
    api_key_secret: KeyRef
    ca_config_map: KeyRef


class Switch(Part):
    enabled: bool


class Price(Part):
    input: Money
    output: Money


class Rbac(Part):
    create: bool
    aggregate_to_view: bool
    aggregate_to_edit: bool
    aggregate_to_admin: bool


class ServiceAccount(Part):
    create: bool
    name: str
    annotations: Texts


class Log(Part):
    level: Literal["debug", "info", "warning", "error"]
    format: Literal["json", "text"]


class PodDisruptionBudget(Part):
    enabled: bool
    min_available: int | str
    max_unavailable: int | str


class Service(Part):
    labels: Texts
    annotations: Texts


class NetworkPolicy(Part):
    enabled: bool
    ingress_from: Frees
    egress: Frees


class PrometheusRule(Part):
    enabled: bool
    render_mode: RenderMode
    labels: Texts


class ServiceMonitor(PrometheusRule):
    interval: Duration
    scrape_timeout: Duration


class Dashboard(Part):
    enabled: bool
    labels: Texts
    annotations: Texts
    namespace: str


class Test(Part):
    assistant: str
    input: Free
    namespace: str
    timeout_seconds: Annotated[int, Field(ge=1, le=3600)]


class Values(Part):
    """All values, in the order of `values.yaml`, which lists each of them."""

    global_: Annotated[Global, Field(alias="global")]
    name_override: NamePart
    fullname_override: NamePart
    namespace_override: Namespace
    crds: Crds
    replicas: Annotated[int, Field(ge=0)]
    revision_history_limit: Annotated[int, Field(ge=0)]
    leader_election: LeaderElection
    image: Image
    image_pull_secrets: list[PullSecret]
    runner: Runner
    server: Server
    preflight: Preflight
    allowed_servers: list[AllowedServer]
    admission_policy: Switch
    prices: dict[str, Price]
    watch_namespaces: list[Watched]
    rbac: Rbac
    service_account: ServiceAccount
    log: Log
    resources: Free
    node_selector: Texts
    tolerations: Frees
    affinity: Free
    topology_spread_constraints: Frees
    priority_class_name: str
    runtime_class_name: str
    host_aliases: Frees
    dns_policy: Literal["", "ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"]
    dns_config: Free
    termination_grace_period_seconds: Annotated[int, Field(ge=0)]
    pod_security_context: Free
    security_context: Free
    startup_probe: Free
    liveness_probe: Free
    readiness_probe: Free
    common_labels: Texts
    deployment_annotations: Texts
    pod_labels: Texts
    pod_annotations: Texts
    extra_args: list[Argument]
    extra_env: Frees
    extra_volumes: Frees
    extra_volume_mounts: Frees
    extra_containers: Frees
    extra_objects: list[Free | str]
    pod_disruption_budget: PodDisruptionBudget
    service: Service
    network_policy: NetworkPolicy
    service_monitor: ServiceMonitor
    prometheus_rule: PrometheusRule
    dashboard: Dashboard
    test: Test


def schema() -> dict[str, Any]:
    """Return the JSON schema with which Helm validates values."""
    made = _tidy(Values.model_json_schema())
    return {"$schema": "http://json-schema.org/draft-07/schema#", "title": "Values of the chart graphcron", **made}


def _tidy(part: Any) -> Any:
    """Remove titles, docstrings and required keys: with null, a user can remove a default."""
    if isinstance(part, list):
        return [_tidy(each) for each in part]
    if not isinstance(part, dict):
        return part
    kept = {key: each for key, each in part.items() if key not in {"title", "description", "required"}}
    named = {key: {name: _tidy(each) for name, each in kept[key].items()} for key in _NAMED & kept.keys()}
    return {key: named.get(key) or _tidy(each) for key, each in kept.items()}


_NAMED = {"properties", "$defs"}
"""Members whose keys are names of ours, and no words of JSON Schema."""
