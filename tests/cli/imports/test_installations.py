"""What ``doctor`` makes of two installations on one namespace, and of CronJobs that no GraphCron owns."""

from datetime import timedelta
from typing import Any

import pytest

from graphcron.api import names
from graphcron.cli.clients.kubectl import Kubectl
from graphcron.cli.doctor.checks import State
from graphcron.cli.doctor.installations import of_installations, of_orphans
from tests.cli.imports.test_checks import NOW, deployment, graphcron

FIRST = deployment(INSTALLATION="$(GRAPHCRON_LEASE_NAMESPACE)/graphcron")


def second(namespaces: str = "", *, replicas: int = 1, name: str = "team/second") -> dict[str, Any]:
    found = deployment(INSTALLATION=name, NAMESPACES=namespaces)
    found["metadata"] |= {"namespace": "team", "name": "second"}
    found["spec"]["replicas"] = replicas
    return found


@pytest.mark.parametrize(
    ("deployments", "where"),
    [
        ([FIRST, second("agents")], "agents"),
        ([FIRST, second("agents,team-*")], "agents"),
        ([FIRST, second()], "agents, graphcron-system, team"),
        ([deployment(NAMESPACES="agents,a,b,c"), second("a,b,c,agents")], "a, agents, b and 1 more"),
        ([FIRST, second("!agents")], "graphcron-system, team"),
    ],
)
def test_doctor_deployments_with_same_namespaces_reported(deployments, where) -> None:
    """Deployments that watch the same namespaces are reported, with the remedy."""
    (found,) = of_installations(deployments, [graphcron()], now=NOW)
    assert found.state is State.FAILED
    assert f"both watch {where};" in found.message
    assert "team/second" in found.message
    assert "watchNamespaces" in found.remedy


@pytest.mark.parametrize(
    "deployments",
    [
        [FIRST],
        [FIRST, second("agents", replicas=0)],
        [FIRST, second(name="graphcron-system/graphcron")],
        [deployment(NAMESPACES="agents"), second("team-a")],
        [deployment(NAMESPACES="agents,!team-*"), second("team-a")],
    ],
    ids=["one", "scaled to zero", "one installation", "parted by names", "parted by patterns"],
)
def test_installations_that_share_no_namespace_are_fine(deployments) -> None:
    (found,) = of_installations(deployments, [graphcron()], now=NOW)
    assert found.state is State.OK


@pytest.mark.parametrize(("age", "told"), [(timedelta(minutes=70), True), (timedelta(hours=2), False)])
def test_a_contender_in_a_status_is_reported_while_it_renews(age: timedelta, told: bool) -> None:
    contended = graphcron()
    contender = {"installation": "", "time": (NOW - age).isoformat()}
    contended["status"] = {"installation": "graphcron-system/graphcron", "contender": contender}
    found = list(of_installations([], [contended], now=NOW))
    assert [each.state for each in found] == [State.FAILED] * told
    assert all("(without a name) and graphcron-system/graphcron both watch agents;" in each.message for each in found)


def cronjob(*, suspend: bool = True, uid: str = "gone", owned: bool = False) -> dict[str, Any]:
    owners = [{"kind": names.KIND, "uid": uid, "controller": True}] if owned else []
    labels = {names.LABEL_NAME: "report", names.LABEL_UID: uid}
    metadata = {"name": "report", "namespace": "agents", "labels": labels, "ownerReferences": owners}
    return {"metadata": metadata, "spec": {"suspend": suspend}}


@pytest.mark.parametrize(
    ("suspend", "state", "words"),
    [(True, State.WARNING, "it is suspended"), (False, State.FAILED, "it still starts runs")],
)
def test_an_orphaned_cronjob_is_reported_with_the_command_that_deletes_it(suspend, state, words) -> None:
    (found,) = of_orphans([cronjob(suspend=suspend)], [], kubectl=Kubectl(context="prod"))
    assert (found.about, found.state) == ("CronJob agents/report", state)
    assert found.message == f"its GraphCron report was deleted; {words}"
    assert found.remedy == "kubectl delete cronjob report -n agents --context prod"


def test_a_cronjob_with_an_owner_or_a_graphcron_is_no_orphan() -> None:
    live = graphcron()
    live["metadata"]["uid"] = "live"
    assert list(of_orphans([cronjob(owned=True), cronjob(uid="live")], [live])) == []
