"""The checks of ``doctor``: objects of the cluster in, findings with a remedy out. Pure."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, NamedTuple

from graphcron.api import names
from graphcron.api.reasons import ConditionType, Reason
from graphcron.cli.app import PROGRAM
from graphcron.cli.clients.kubectl import HERE, Kubectl, Object
from graphcron.cli.printing.columns import condition
from graphcron.contract import Outcome
from graphcron.unstructured.fields import object_at, time_of

OLDEST: Final = (1, 33)
"""Oldest supported release of Kubernetes."""

OPERATOR: Final = f"{names.LABEL_COMPONENT}={names.OPERATOR_COMPONENT}"
"""Selects the operator's Deployments and pods."""

SPARE: Final = timedelta(seconds=5)
"""How far the clocks of this machine and the cluster may differ."""

MISSING: Final = "not installed"
"""Message for a CRD that is not installed."""


class State(StrEnum):
    """Result of a check."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


class Check(NamedTuple):
    """A check: its subject, its result and the remedy."""

    about: str
    state: State
    message: str
    remedy: str = ""


@dataclass(frozen=True, kw_only=True)
class Right:
    """A permission that the operator needs."""

    verb: str
    resource: str
    group: str = ""
    subresource: str = ""
    name: str = ""
    namespace: str = ""
    """Empty: all namespaces."""

    @property
    def review(self) -> Object:
        """The question to the API server."""
        spec = {"resourceAttributes": {key: value for key, value in vars(self).items() if value}}
        return {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": spec}

    @property
    def words(self) -> str:
        """The permission for people: ``patch graphcrons.graphcron.dev/status``."""
        kind = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"{self.verb} {kind}{'/' if self.subresource else ''}{self.subresource}"


def of_version(version: Mapping[str, Any]) -> Check:
    """Check the API server's version, as ``kubectl version -o json`` reports it."""
    server = version.get("serverVersion") or {}
    told = str(server.get("gitVersion", "?"))
    number = tuple(int(re.sub(r"\D", "", str(server.get(part))) or 0) for part in ("major", "minor"))
    if number >= OLDEST:
        return Check("Kubernetes", State.OK, f"API server {told}")
    oldest = ".".join(map(str, OLDEST))
    return Check("Kubernetes", State.FAILED, f"API server {told}", f"upgrade to {oldest} or later")


def of_crd(name: str, found: Object | None, ours: Object, *, kubectl: Kubectl = HERE) -> Check:
    """Compare a CRD of the cluster with this program's own.

    Parameters
    ----------
    kubectl
        Here and below: the cluster that the commands in the remedies name.
    """
    about = f"CRD {name}"
    if found is None:
        return Check(about, State.FAILED, MISSING, "install the chart with crds.enabled=true")
    if condition(found, "Established").get("status") != "True":
        remedy = kubectl.at(None).hint("kubectl", "describe", "crd", name)
        return Check(about, State.FAILED, "not established", remedy)
    if _schemas(found) != _schemas(ours):
        remedy = "upgrade the CRDs or this program to the same release: helm upgrade with crds.enabled=true"
        return Check(about, State.FAILED, "not of the release of this program", remedy)
    return Check(about, State.OK, "installed, same release as this program")


def _schemas(crd: Object) -> dict[str, Any]:
    return {each["name"]: each.get("schema") for each in crd["spec"]["versions"]}


def of_operator(deployments: Sequence[Object], release: str, *, kubectl: Kubectl = HERE) -> Iterator[Check]:
    """Check the operator's Deployments, of which there should be one."""
    if not deployments:
        yield Check("operator", State.FAILED, "no Deployment found", "install the chart: helm install")
    for each in deployments:
        about = f"operator {place(each)}"
        available = condition(each, "Available")
        if not (each.get("status") or {}).get("availableReplicas"):  # without replicas it is Available all the same
            available = {"message": "no pod is ready"}
        if available.get("status") != "True":
            message = f"not available: {available.get('message', 'its Deployment has no condition')}"
            pods = ("describe", "pods", "-l", OPERATOR)
            remedy = kubectl.at(each["metadata"]["namespace"]).hint("kubectl", *pods)
            yield Check(about, State.FAILED, message, remedy)
            continue
        theirs = release_of(each)
        if theirs == release:
            yield Check(about, State.OK, f"available, release {theirs}")
        else:
            message = f"available, release {theirs}; this program has release {release}"
            remedy = "use the same release of both: helm upgrade, or install another release of this program"
            yield Check(about, State.WARNING, message, remedy)


def release_of(deployment: Object) -> str:
    """Return the operator's release, as the labels of its Deployment have it."""
    return str(object_at(deployment, "metadata", "labels").get("app.kubernetes.io/version", "?"))


def setting(deployment: Object, name: str) -> str:
    """Return a setting of the operator, as its Deployment has it; empty if unset."""
    containers = deployment["spec"]["template"]["spec"]["containers"]
    env = next((each.get("env") or () for each in containers if each["name"] == "operator"), ())
    return str(next((each.get("value", "") for each in env if each["name"] == f"GRAPHCRON_{name}"), ""))


def watched(deployment: Object) -> list[str]:
    """Return the namespaces in which the operator needs its permissions; an empty name means all."""
    listed = [each.strip() for each in setting(deployment, "NAMESPACES").split(",") if each.strip()]
    return [""] if not listed or set("".join(listed)) & set("*?![") else listed


def of_leader(deployment: Object, lease: Object | None, *, now: datetime, kubectl: Kubectl = HERE) -> Check:
    """Check the Lease of the operator's leader election."""
    about = f"leader {place(deployment)}"
    if not setting(deployment, "LEASE_NAME"):
        return Check(about, State.OK, "no Lease needed: a single pod runs without leader election")
    meta = deployment["metadata"]
    remedy = kubectl.at(meta["namespace"]).hint("kubectl", "logs", f"deployment/{meta['name']}")
    spec = (lease or {}).get("spec") or {}
    holder, renewed = spec.get("holderIdentity"), spec.get("renewTime")
    last = time_of(renewed)
    if not holder or not last:
        return Check(about, State.FAILED, "no pod holds the Lease, so nothing is reconciled", remedy)
    age = now - last
    if age > timedelta(seconds=spec.get("leaseDurationSeconds") or 0) + SPARE:
        message = f"{holder} has not renewed the Lease for {age.total_seconds():.0f} s"
        return Check(about, State.FAILED, message, f"{remedy}; check the clock of this machine, too")
    return Check(about, State.OK, f"{holder} holds and renews the Lease")


_WORK: Final = (
    (names.GROUP, ("graphcrons", "graphruns", "graphservers"), "", ("list", "watch")),
    (names.GROUP, ("graphruns",), "", ("delete",)),
    (names.GROUP, ("graphcrons", "graphruns", "graphservers"), "status", ("update",)),
    ("batch", ("cronjobs",), "", ("get", "list", "watch", "create", "patch", "delete")),
    ("batch", ("jobs",), "", ("list", "watch", "create", "delete")),
    ("", ("pods",), "", ("list", "watch", "patch")),
    ("", ("events",), "", ("create", "list")),
)
"""Group, resources, subresource, verbs: what the operator does in a namespace, as the chart allows it."""


def rights_of(deployment: Object) -> list[Right]:
    """Return the permissions that the operator needs."""
    work = [
        Right(group=group, resource=resource, subresource=below, verb=verb, namespace=namespace)
        for namespace in watched(deployment)
        for group, resources, below, verbs in _WORK
        for resource in resources
        for verb in verbs
    ]
    lease, home = setting(deployment, "LEASE_NAME"), deployment["metadata"]["namespace"]
    election = [
        Right(group="coordination.k8s.io", resource="leases", verb=verb, name=lease, namespace=home)
        for verb in ("get", "update")
    ]
    return work + (election if lease else [])


def account_of(deployment: Object) -> str:
    """Return the operator's user name, that of its ServiceAccount."""
    account = deployment["spec"]["template"]["spec"].get("serviceAccountName", "default")
    return f"system:serviceaccount:{deployment['metadata']['namespace']}:{account}"


def of_rights(deployment: Object, missing: Iterable[Right]) -> Check:
    """Check the permissions that the operator lacks."""
    about = f"rights {place(deployment)}"
    lacks = [f"{each.words} in {each.namespace or 'all namespaces'}" for each in missing]
    if lacks:
        message = f"its ServiceAccount lacks permissions: {', '.join(lacks)}"
        return Check(about, State.FAILED, message, "restore the chart's roles: helm upgrade with rbac.create=true")
    return Check(about, State.OK, "its ServiceAccount has all required permissions")


def of_graphcrons(graphcrons: Sequence[Object], *, kubectl: Kubectl = HERE) -> Iterator[Check]:
    """Check the GraphCrons, and report those with a problem."""
    troubles = [check for each in graphcrons if (check := _trouble(each, kubectl))]
    if not troubles:
        message = f"{len(graphcrons)}, all ready" if graphcrons else "none yet"
        yield Check("GraphCrons", State.OK, message)
    yield from troubles


def _trouble(graphcron: Object, kubectl: Kubectl) -> Check | None:
    meta = graphcron["metadata"]
    about = f"GraphCron {place(graphcron)}"
    remedy = kubectl.at(meta["namespace"]).hint(PROGRAM, "describe", meta["name"])
    ready, target = (condition(graphcron, kind) for kind in (ConditionType.READY, ConditionType.TARGET_RESOLVED))
    if not ready:
        return unseen(about, meta["namespace"])
    if ready.get("status") != "True":
        return Check(about, State.FAILED, f"not ready: {_told(ready)}", remedy)
    if target.get("status") == "False":
        return Check(about, State.FAILED, f"can't run: {_told(target)}", remedy)
    for each in (condition(graphcron, ConditionType.RUN_DELAYED), target):
        if each.get("reason") == Reason.FAILED_CREATE:
            return Check(about, State.WARNING, f"no Job yet: {_told(each)}", remedy)
    return None


def unseen(about: str, namespace: str) -> Check:
    """Return the finding about an object without a status."""
    remedy = f"read the log of the operator, and check that it watches {namespace}"
    return Check(about, State.FAILED, "no operator has reconciled it", remedy)


UNREACHED: Final = frozenset(
    {Outcome.SERVER_UNREACHABLE.value, "Unauthorized", "CertificateNotTrusted", "InvalidServer", "Redirected"}
)
"""Reasons of ``TargetResolved`` that concern the server, and not the target."""


def of_servers(
    graphcrons: Iterable[Object], graphservers: Iterable[Object], *, kubectl: Kubectl = HERE
) -> Iterator[Check]:
    """Check the servers by the conditions of GraphCrons and GraphServers, without a request."""
    for each in graphservers:
        meta = each["metadata"]
        remedy = kubectl.at(meta["namespace"]).hint("kubectl", "describe", names.SERVER_SHORT_NAME, meta["name"])
        yield _of_server(f"GraphServer {place(each)}", [condition(each, ConditionType.READY)], remedy)
    found = defaultdict(list)
    for each in graphcrons:
        if not object_at(each, "spec", "serverRef"):
            url = object_at(each, "spec", "server").get("url")
            found[f"server {url}" if url else "the operator's default server"].append(each)
    for about, asking in found.items():
        told = [(condition(each, ConditionType.TARGET_RESOLVED), each["metadata"]) for each in asking]
        bad = [meta for each, meta in told if each.get("status") == "False" and each.get("reason") in UNREACHED]
        about_it = [each for each, _ in told if each.get("status") != "False" or each.get("reason") in UNREACHED]
        remedy = kubectl.at(bad[0]["namespace"]).hint(PROGRAM, "describe", bad[0]["name"]) if bad else ""
        yield _of_server(about, about_it, remedy)


def _of_server(about: str, conditions: Sequence[Mapping[str, str]], remedy: str) -> Check:
    bad = next((each for each in conditions if each.get("status") == "False"), None)
    if bad:
        return Check(about, State.FAILED, _told(bad), remedy)
    if any(each.get("status") == "True" for each in conditions):
        return Check(about, State.OK, "responded to the last preflight")
    return Check(
        about, State.WARNING, "not checked by a preflight yet", "set spec.preflight, or wait for the first run"
    )


def _told(condition: Mapping[str, str]) -> str:
    return " ".join(f"{condition.get('reason', '')}: {condition.get('message', '')}".split())


def place(found: Object) -> str:
    """Return an object's namespace and name."""
    return f"{found['metadata']['namespace']}/{found['metadata']['name']}"
