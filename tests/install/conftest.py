"""A release of the chart beside the cluster's own, in a namespace that it alone serves."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

import installing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cluster import Cluster

HELM_SECONDS = "180s"
"""How long helm waits for anything."""

OF_THEMSELVES = ("events", "events.events.k8s.io")
"""Kinds that Kubernetes keeps for a while, whatever becomes of what they tell of."""


class Release:
    """A release, as an administrator makes and tries it."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.name = f"trial-{namespace[-8:]}"

    def install(self, **values: Any) -> None:
        """Install the chart, or upgrade to other values, and wait until all is ready."""
        own = {"watchNamespaces": [self.namespace], "crds": {"enabled": False}}
        text = yaml.safe_dump({**installing.default_values(), **own, **values})
        done = self.helm("upgrade", "--install", str(installing.CHART), "--values=-", "--wait", stdin=text)
        assert not done.returncode, done.stderr

    def test(self) -> subprocess.CompletedProcess[str]:
        """Run ``helm test`` and show what its pod said."""
        return self.helm("test", "--logs")

    def uninstall(self) -> None:
        """Take it away."""
        done = self.helm("uninstall", "--wait")
        assert not done.returncode, done.stderr

    def helm(self, verb: str, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a verb of helm on the release."""
        command = ["helm", verb, self.name, *arguments, "--namespace", self.namespace, "--timeout", HELM_SECONDS]
        environment = self.cluster.environment
        return subprocess.run(command, input=stdin, env=environment, capture_output=True, text=True, check=False)

    def objects(self) -> set[str]:
        """Return all objects of the namespace, and all that are labelled as the release's anywhere, by kind and name."""
        inside = self._list("true", "--namespace", self.namespace)
        selector = f"--selector=app.kubernetes.io/instance={self.name}"
        return inside | self._list("true", "--all-namespaces", selector) | self._list("false", selector)

    def _list(self, namespaced: str, *options: str) -> set[str]:
        kinds = self.cluster.kubectl("api-resources", "--verbs=list", f"--namespaced={namespaced}", "--output=name")
        among = ",".join(sorted(set(kinds.stdout.split()) - set(OF_THEMSELVES)))
        return set(self.cluster.kubectl("get", among, *options, "--output=name").stdout.split())


@pytest.fixture
def other_namespace(cluster: Cluster, namespace: str) -> Iterator[str]:
    """Make a second namespace; delete it afterwards."""
    cluster.kubectl("create", "namespace", name := f"{namespace}-other")
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def release(cluster: Cluster, namespace: str) -> Iterator[Release]:
    """Return a release that is to be installed; it goes with the test."""
    release = Release(cluster, namespace)
    yield release
    release.helm("uninstall", "--ignore-not-found", "--wait")
