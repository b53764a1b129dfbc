"""``doctor``: check an installation, and print a remedy for each problem."""

import dataclasses
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

import typer

from graphcron import __version__
from graphcron.api import names
from graphcron.cli import terminal
from graphcron.cli.app import CliError, app
from graphcron.cli.clients.kubectl import GRAPHCRONS, GRAPHRUNS, GRAPHSERVERS, Kubectl, Object
from graphcron.cli.doctor import checks
from graphcron.cli.doctor.checks import OPERATOR, Check, Right, State
from graphcron.cli.options import Format, Output, in_namespaces
from graphcron.cli.printing.output import dump

_MARKS: Final = {
    State.OK: ("✓", "green"),
    State.WARNING: ("!", "yellow"),
    State.FAILED: ("✗", "red"),
}


FEW: Final = 3
"""Maximum number of objects with the same finding that are listed separately."""


@app.command()
@in_namespaces
def doctor(
    kubectl: Kubectl,
    output: Format = Output.TABLE,
) -> None:
    """Check an installation. Checks the cluster, CRDs, operator, permissions, GraphCrons, GraphRuns and servers.

    Checks the objects of all namespaces. Without permission to list them, it checks one namespace, unless you specify
    -A.
    """
    if output is Output.NAME:
        raise typer.BadParameter("checks have no names; choose table, json or yaml", param_hint="--output")
    found = _examine(kubectl, datetime.now(UTC))  # noqa: TID251  (how old is the leader's sign of life?)
    if output in {Output.JSON, Output.YAML}:
        done = list(found)
        dump([each._asdict() | {"state": each.state.value} for each in done], output)
    else:
        done = [_shown(each) for each in found]
    raise typer.Exit(any(each.state is State.FAILED for each in done))


def _shown(check: Check) -> Check:
    """Print a check as soon as it is done, and return it."""
    terminal.coloured([[_MARKS[check.state], (f" {check.about}: {check.message}", "")]])
    if check.remedy:
        terminal.line(f"  → {check.remedy}")
    return check


def _examine(kubectl: Kubectl, now: datetime) -> Iterator[Check]:
    try:
        version = json.loads(kubectl.run("version", "--output=json"))
    except CliError as error:
        message, _, remedy = str(error).partition("; ")
        yield Check("Kubernetes", State.FAILED, message, remedy)
        return
    yield checks.of_version(version)
    cluster = kubectl.at(None)
    crds = list(_crds(cluster))
    yield from crds
    yield from _operators(cluster, now)
    if not any(each.message == checks.MISSING for each in crds):
        yield _you(kubectl)
        yield from _objects(kubectl, now)


def _crds(kubectl: Kubectl) -> Iterator[Check]:
    from graphcron.api.crd import crds

    for ours in crds():
        name = ours["metadata"]["name"]
        try:
            found = kubectl.find("customresourcedefinitions.apiextensions.k8s.io", name)
        except CliError as error:
            yield _not_seen(f"CRD {name}", error)
        else:
            yield checks.of_crd(name, found, ours, kubectl=kubectl)


def _operators(kubectl: Kubectl, now: datetime) -> Iterator[Check]:
    everywhere = dataclasses.replace(kubectl, everywhere=True)
    try:
        deployments = everywhere.find_all("deployments.apps", selector=OPERATOR)
    except CliError as error:
        yield _not_seen("operator", error)
        return
    yield from checks.of_operator(deployments, __version__, kubectl=kubectl)
    for each in deployments:
        yield _leader(kubectl, each, now)
        yield _rights(kubectl, each)


def _leader(kubectl: Kubectl, deployment: Object, now: datetime) -> Check:
    home = dataclasses.replace(kubectl, namespace=deployment["metadata"]["namespace"])
    name = checks.setting(deployment, "LEASE_NAME")
    try:
        lease = home.find("leases.coordination.k8s.io", name) if name else None
    except CliError as error:
        return _not_seen("leader", error)
    return checks.of_leader(deployment, lease, now=now, kubectl=kubectl)


def _rights(kubectl: Kubectl, deployment: Object) -> Check:
    try:
        missing = _missing(kubectl, checks.rights_of(deployment), checks.account_of(deployment))
    except CliError as error:
        return _not_seen("rights", error)
    return checks.of_rights(deployment, missing)


def _missing(kubectl: Kubectl, rights: Sequence[Right], account: str) -> list[Right]:
    """Return the permissions that an account lacks, in one call, as ``kubectl auth can-i --as`` does."""
    asked = {"apiVersion": "v1", "kind": "List", "items": [each.review for each in rights]}
    text = kubectl.run("create", "--filename=-", "--output=json", f"--as={account}", stdin=json.dumps(asked))
    decoder, answers = json.JSONDecoder(), []
    while text := text.strip():  # kubectl prints one object after the other
        answer, end = decoder.raw_decode(text)
        answers.append(answer["status"]["allowed"])
        text = text[end:]
    return [right for right, allowed in zip(rights, answers, strict=True) if not allowed]


def _you(kubectl: Kubectl) -> Check:
    where = f"in {kubectl.namespace}" if kubectl.namespace else "in the current namespace"
    here = (f"--namespace={kubectl.namespace}",) if kubectl.namespace else ()
    if kubectl.everywhere:
        where, here = "in all namespaces", ("--all-namespaces",)
    if _may_create(kubectl, GRAPHCRONS, *here):
        return Check("you", State.OK, f"can create GraphCrons {where}")
    if _may_create(kubectl, GRAPHRUNS, *here):
        return Check("you", State.OK, f"can run GraphCrons {where}, but not change them")
    remedy = "ask for the ClusterRole edit, or choose another --namespace"
    return Check("you", State.FAILED, f"cannot create GraphCrons {where}", remedy)


def _may_create(kubectl: Kubectl, kind: str, *here: str) -> bool:
    try:
        kubectl.run("auth", "can-i", "create", kind, *here)
    except CliError:  # "no" is an exit code
        return False
    return True


def _objects(kubectl: Kubectl, now: datetime) -> Iterator[Check]:
    from graphcron.cli.doctor import graphruns, installations

    everywhere = dataclasses.replace(kubectl, everywhere=True)
    try:
        cronjobs, graphcrons, graphservers = _listed(everywhere, None if kubectl.everywhere else kubectl)
    except CliError as error:
        yield _not_seen("GraphCrons", error)
        return
    yield from installations.of_installations(_visible(everywhere, "deployments.apps", OPERATOR), graphcrons, now=now)
    yield from summed(installations.of_orphans(cronjobs, graphcrons, kubectl=kubectl))
    yield from summed(checks.of_graphcrons(graphcrons, kubectl=kubectl))
    yield from summed(graphruns.of_graphruns(_graphruns(everywhere, kubectl), now=now, kubectl=kubectl))
    yield from summed(checks.of_servers(graphcrons, graphservers, kubectl=kubectl))


def summed(checks: Iterable[Check]) -> Iterator[Check]:
    """Yield the checks, with the same finding about many objects merged into one."""
    alike = defaultdict(list)
    for each in checks:
        alike[each.about.partition(" ")[0], each.state, each.message].append(each)
    for (kind, state, message), found in alike.items():
        if len(found) <= FEW:
            yield from found
            continue
        some = ", ".join(each.about.partition(" ")[2] for each in found[:FEW])
        listed = f"{message.rstrip('.')} ({some} and {len(found) - FEW} more)"
        yield Check(f"{len(found)} {kind}s", state, listed, found[0].remedy)


def _listed(kubectl: Kubectl, narrower: Kubectl | None = None) -> tuple[list[Object], list[Object], list[Object]]:
    """List CronJobs, GraphCrons and GraphServers, in the narrower scope if the user lacks permissions.

    The CronJobs come first, so that a GraphCron that is created meanwhile does not look deleted.
    """
    try:
        cronjobs = _visible(kubectl, "cronjobs.batch", names.MANAGED_SELECTOR)
        return cronjobs, kubectl.find_all(GRAPHCRONS), kubectl.find_all(GRAPHSERVERS)
    except CliError:
        if narrower is None:
            raise
        return _listed(narrower)


def _graphruns(kubectl: Kubectl, narrower: Kubectl) -> list[Object]:
    """List the GraphRuns, in the narrower scope if the user is not allowed to list all."""
    try:
        return kubectl.find_all(GRAPHRUNS)
    except CliError:
        return narrower.graphruns()


def _visible(kubectl: Kubectl, kind: str, selector: str) -> list[Object]:
    """List objects; none if the user has no permission to list them."""
    try:
        return kubectl.find_all(kind, selector=selector)
    except CliError:
        return []


def _not_seen(about: str, error: CliError) -> Check:
    return Check(
        about,
        State.WARNING,
        f"can't be checked: {error}",
        "ask a user who has permission to read it to run this command",
    )
