"""The manifests for installations without Helm, as one file and as a kustomize base."""

import subprocess
from pathlib import Path
from typing import Any

import yaml

RELEASE = "graphcron"
NAMESPACE = "graphcron-system"

_HEADER = "# Made from charts/graphcron by `make generate`; change it there.\n"
_HELMS = {"app.kubernetes.io/managed-by", "helm.sh/chart", "helm.sh/resource-policy"}
"""Labels and annotations that apply only to installations with Helm."""

_FILES = {"Namespace": "namespace.yaml", "CustomResourceDefinition": "crds.yaml"}
_POLICIES = {"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"}
_RIGHTS = {"ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", *_POLICIES}

Manifest = dict[str, Any]


def files(helm: str, chart: Path) -> dict[str, str]:
    """Return the text of each file, by its path below `charts/static`."""
    manifests = [_namespace(), *_rendered(helm, chart)]
    parts: dict[str, list[Manifest]] = {}
    for manifest in manifests:
        parts.setdefault(_file(manifest["kind"]), []).append(manifest)
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": list(parts),
    }
    texts = {"install.yaml": _dump(manifests), "base/kustomization.yaml": _dump([kustomization])}
    return texts | {f"base/{name}": _dump(part) for name, part in parts.items()}


def _rendered(helm: str, chart: Path) -> list[Manifest]:
    # The schema is made from the same model as the values, and may be written only after this.
    command = [
        helm,
        "template",
        RELEASE,
        str(chart),
        "--namespace",
        NAMESPACE,
        "--no-hooks",
        "--skip-schema-validation",
    ]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return [_without_helm(each) for each in yaml.safe_load_all(done.stdout) if each]


def _without_helm(manifest: Manifest) -> Manifest:
    """Leave out what is Helm's."""
    metadata = dict(manifest["metadata"])
    for part in ("labels", "annotations"):
        kept = {key: value for key, value in metadata.pop(part, {}).items() if key not in _HELMS}
        if kept:
            metadata[part] = kept
    return manifest | {"metadata": metadata}


def _namespace() -> Manifest:
    labels = {"app.kubernetes.io/name": RELEASE, "pod-security.kubernetes.io/enforce": "restricted"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}}


def _file(kind: str) -> str:
    return _FILES.get(kind, "rbac.yaml" if kind in _RIGHTS else "operator.yaml")


def _dump(manifests: list[Manifest]) -> str:
    return _HEADER + yaml.safe_dump_all(manifests, sort_keys=False, allow_unicode=True, width=120)
