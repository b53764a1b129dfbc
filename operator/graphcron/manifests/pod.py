"""GraphCron → the pod template of its Jobs: the runner, under the *restricted* Pod Security Standard."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from graphcron import contract
from graphcron.api import names
from graphcron.api.names import Purpose
from graphcron.api.v1alpha1 import GraphCron, GraphCronSpec, Header, KeyRef, KeySource, ObjectMeta
from graphcron.manifests.request import ca_source, request_for, request_text
from graphcron.settings import Settings

Manifest = dict[str, Any]

TERMINATION_GRACE_SECONDS: Final = 30
"""How long a pod has after SIGTERM to cancel its run on the server."""

USER: Final = 65532
"""Numeric user of the images: "nonroot"."""


class Extra(NamedTuple):
    """What the pods of a Job outside the schedule have in addition."""

    purpose: Purpose
    environment: Mapping[str, str]
    owner: ObjectMeta | None = None
    """The GraphRun that they belong to; None: they belong to the GraphCron."""


def labels_for(metadata: ObjectMeta, purpose: Purpose | None = None) -> dict[str, str]:
    """Return the labels of all objects that belong to a GraphCron, GraphRun or GraphServer."""
    labels = {
        names.LABEL_MANAGED_BY: names.MANAGED_BY,
        names.LABEL_NAME: metadata.name,
        names.LABEL_UID: metadata.uid or "",
    }
    return labels | ({names.LABEL_PURPOSE: purpose.value} if purpose else {})


def pod_template_for(
    graphcron: GraphCron, settings: Settings, *, since: datetime, extra: Extra | None = None
) -> Manifest:
    """Build the pod template.

    Parameters
    ----------
    since
        When the schedule took effect: the pod skips occurrences that were due earlier.
    extra
        For Jobs outside the schedule.

    Raises
    ------
    SpecError
        No server is named, or the request is too large for a pod's environment.
    """
    runner = _runner_for(graphcron.spec, settings)
    return {
        "metadata": {
            "labels": {
                **runner.get("labels", {}),
                **labels_for((extra and extra.owner) or graphcron.metadata, extra.purpose if extra else None),
            },
            "annotations": runner.get("annotations", {}),
        },
        "spec": _pod_spec(graphcron, settings, runner, since, extra.environment if extra else {}),
    }


def _runner_for(spec: GraphCronSpec, settings: Settings) -> Manifest:
    """Return the ``runner`` of a GraphCron with the operator's defaults; of maps, the GraphCron's keys win."""
    given = spec.runner.model_dump(by_alias=True, exclude_none=True) if spec.runner else {}
    defaults = settings.runner_defaults
    merged = {key: {**defaults[key], **given.get(key, {})} for key in _MERGED & defaults.keys()}
    return defaults | given | merged


def _pod_spec(
    graphcron: GraphCron, settings: Settings, runner: Manifest, since: datetime, more: Mapping[str, str]
) -> Manifest:
    spec = graphcron.spec
    files = _files(spec, settings)
    container: Manifest = {
        "name": names.CONTAINER,
        "image": runner.get("image", settings.runner_image),
        "env": _environment(graphcron, settings, since, more),
        "resources": runner.get("resources", settings.runner_resources),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    if settings.runner_image_pull_policy:
        container["imagePullPolicy"] = settings.runner_image_pull_policy
    pod: Manifest = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        # So that the runner is not process 1, which ignores a SIGTERM that comes before its handler: a pod that is
        # deleted while it starts would continue, start its run, and leave it running when it is killed.
        "shareProcessNamespace": True,
        "terminationGracePeriodSeconds": TERMINATION_GRACE_SECONDS,
        # Never ready, so never an endpoint of a Service, regardless of its labels. A Job does not wait for readiness.
        "readinessGates": [{"conditionType": names.CONDITION_ACCEPTS_TRAFFIC}],
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
    }
    if files:
        container["volumeMounts"] = [{"name": name, "mountPath": path, "readOnly": True} for name, path, _ in files]
        pod["volumes"] = [{"name": name, **source} for name, _, source in files]
    if settings.runner_image_pull_secrets:
        pod["imagePullSecrets"] = [{"name": name} for name in settings.runner_image_pull_secrets]
    return pod | {key: runner[key] for key in _POD_OVERRIDES if key in runner}


_MERGED: Final = frozenset({"labels", "annotations", "nodeSelector"})
"""Maps in ``runner``."""

_POD_OVERRIDES: Final = (
    "nodeSelector",
    "tolerations",
    "affinity",
    "serviceAccountName",
    "priorityClassName",
    "imagePullSecrets",
)


def _environment(graphcron: GraphCron, settings: Settings, since: datetime, more: Mapping[str, str]) -> list[Manifest]:
    spec = graphcron.spec
    server = spec.server
    values = {
        contract.ENV_NAMESPACE: graphcron.metadata.namespace,
        contract.ENV_NAME: graphcron.metadata.name,
        contract.ENV_UID: graphcron.metadata.uid,
        contract.ENV_REQUEST: request_text(request_for(graphcron, settings, since=since)),
        **more,
    }
    environment = [_value(name, value) for name, value in values.items()]
    environment.append(_field(contract.ENV_JOB, f"metadata.labels['{names.LABEL_JOB_NAME}']"))
    environment.append(_field(contract.ENV_POD_UID, "metadata.uid"))
    key = _api_key(spec, settings)
    if key:
        environment.append({"name": contract.ENV_API_KEY, "valueFrom": {"secretKeyRef": _key_ref(key)}})
    headers = (server.headers or ()) if server else ()
    environment += [_header(f"{contract.ENV_HEADER_PREFIX}{index}", header) for index, header in enumerate(headers)]
    if spec.runner and spec.runner.env:
        environment += [each.model_dump(by_alias=True, exclude_none=True) for each in spec.runner.env]
    return environment


def _value(name: str, value: str | None) -> Manifest:
    # The kubelet expands "$(NAME)" in values and takes "$$" for "$": so "$$" for each.
    return {"name": name, "value": (value or "").replace("$", "$$")}


def _field(name: str, path: str) -> Manifest:
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}


def _header(name: str, header: Header) -> Manifest:
    if header.value_from:
        return {"name": name, "valueFrom": {"secretKeyRef": _key_ref(header.value_from.secret_key_ref)}}
    return _value(name, header.value or "")


def _api_key(spec: GraphCronSpec, settings: Settings) -> KeyRef | None:
    """Return the reference to the API key; the operator's default is used with the operator's default server only."""
    if spec.server and spec.server.api_key_secret_ref:
        return spec.server.api_key_secret_ref
    if settings.api_key_secret_name and not (spec.server and spec.server.url):
        return KeyRef(name=settings.api_key_secret_name, key=settings.api_key_secret_key)
    return None


def _files(spec: GraphCronSpec, settings: Settings) -> list[tuple[str, str, Manifest]]:
    """Return what is mounted: volume name, directory, volume source."""
    sources = (
        ("input", contract.INPUT_DIR, contract.INPUT_FILE, spec.input_from),
        ("ca", contract.CA_DIR, contract.CA_FILE, ca_source(spec, settings)),
    )
    return [(name, path, _volume(source, file)) for name, path, file, source in sources if source]


def _volume(source: KeySource, file: str) -> Manifest:
    if source.secret_key_ref:
        secret = source.secret_key_ref
        return {"secret": {"secretName": secret.name, "items": [{"key": secret.key, "path": file}]}}
    config_map = source.config_map_key_ref
    assert config_map is not None, "the model takes one of the two"
    return {"configMap": {"name": config_map.name, "items": [{"key": config_map.key, "path": file}]}}


def _key_ref(reference: KeyRef) -> Manifest:
    return {"name": reference.name, "key": reference.key}
