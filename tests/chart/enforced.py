"""Policies and roles of the chart on the tests' cluster, beside those of a release that may be there."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.chart.conftest import Manifest
    from tests.cluster import Cluster

KINDS = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "ClusterRole")


@contextmanager
def enforced(cluster: Cluster, prefix: str, objects: Iterable[Manifest]) -> Iterator[None]:
    """Apply policies and ClusterRoles with a prefix to their names, and take them away in the end."""
    ours = [_renamed(each, prefix) for each in objects if each["kind"] in KINDS]
    text = yaml.safe_dump_all(ours)
    cluster.kubectl("apply", "-f", "-", stdin=text)
    try:
        yield
    finally:
        cluster.kubectl("delete", "-f", "-", "--ignore-not-found", stdin=text)


def _renamed(each: Manifest, prefix: str) -> Manifest:
    metadata = {"name": f"{prefix}-{each['metadata']['name']}"}
    if "policyName" in each.get("spec", {}):
        return {
            **each,
            "metadata": metadata,
            "spec": {**each["spec"], "policyName": f"{prefix}-{each['spec']['policyName']}"},
        }
    return {**each, "metadata": metadata}
