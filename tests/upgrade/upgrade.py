"""Live in the release before this one for a while, upgrade, and look what has become of everything."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import yaml

import installing
from tests.cluster import wait_for
from tests.conftest import ALONE
from tests.e2e.crons import QUESTION
from tests.upgrade.fleet import ACTIVE, ACTIVE_RUN, FIRING, images, look, minutes_fired, settle, start_active
from tests.upgrade.judge import Row, gaps, judge

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.crons import Crons
    from tests.upgrade.previous import Previous

VALUES = {"watchNamespaces": [f"!{ALONE}*"]}
"""Those of the fixture `operator`: the cluster is left as the other tests want it."""

CRDS = ("graphcrons.graphcron.dev", "graphruns.graphcron.dev", "graphservers.graphcron.dev")

OWN_KINDS = "leases,configmaps,secrets,services,serviceaccounts,poddisruptionbudgets"
"""What may be in the operator's namespace and is no pod."""

KUBERNETES_OWN = frozenset({"configmap/kube-root-ca.crt", "serviceaccount/default"})
"""What is in each namespace."""

RELEASE = (installing.RELEASE, "--namespace", installing.OPERATOR_NAMESPACE)


def install(crons: Crons) -> None:
    """Install this checkout's operator, or upgrade to it."""
    installing.install_operator(crons.cluster, {**installing.default_values(), **VALUES})


def uninstall(crons: Crons) -> None:
    """Take the release away and nothing else, and wait for the end of the operator."""
    installing.helm(crons.cluster, "uninstall", *RELEASE, "--ignore-not-found", "--wait")
    pods = ("pods", "--namespace", installing.OPERATOR_NAMESPACE)
    wait_for("end of the operator", lambda: not crons.cluster.items(*pods))


def upgrade(crons: Crons, previous: Previous, say: Callable[[str], None]) -> list[Row]:
    """Install the release before this one, make GraphCrons, upgrade, and compare."""
    say("Installing the release before this one, with its own chart and images")
    uninstall(crons)
    previous.load_images()
    previous.install(VALUES)
    say("Making GraphCrons, and waiting for their first runs")
    settle(crons)
    runs = start_active(crons)
    before = look(crons)
    say("Upgrading to this checkout, while two runs are active")
    install(crons)
    wait_for("new template in each CronJob", lambda: images(crons) == {installing.image("runner")})
    statuses = [crons.server.run(run["thread_id"], run["run_id"])["status"] for run in runs]
    rows = judge(before, look(crons), firing=FIRING, new_template=True)
    say("Waiting for the end of those runs")
    early = [f"it was {status} before the upgrade was over" for status in statuses if status != "running"]
    ended = (*early, *(text for run in runs for text in _end_of(crons, run)))
    minutes = minutes_fired(crons)
    return [
        *rows,
        Row("active runs", 2, 2, ended),
        Row("each minute", len(minutes), len(minutes), tuple(gaps(minutes))),
    ]


def _end_of(crons: Crons, run: Any) -> list[str]:
    """Tell what is wrong with a run that was active: it must be followed to its end by the pod that it had."""

    def told() -> Any:
        recent = [*crons.status(ACTIVE).get("recentRuns", ()), crons.get("graphruns", ACTIVE_RUN)["status"]]
        return next((each for each in recent if each.get("runId") == run["run_id"]), None)

    entry = wait_for("word of the run that was active", told, seconds=240)
    pods = len(crons.pods(entry["job"]))
    return [
        *([] if entry["outcome"] == "Succeeded" else [f"it ended as {entry['outcome']}"]),
        *([] if pods == 1 else [f"it took {pods} pods"]),
    ]


def leave_and_return(crons: Crons, say: Callable[[str], None]) -> list[Row]:
    """Uninstall, look what is left, install anew, and compare."""
    manifest = installing.helm(crons.cluster, "get", "manifest", *RELEASE)
    before = look(crons)
    say("Uninstalling")
    uninstall(crons)
    rows = [_left(crons, manifest), *judge(before, look(crons), firing=FIRING, new_template=False)]
    say("Installing anew")
    crons.apply("newcomer", input=QUESTION)
    install(crons)
    crons.wait_ready("newcomer")
    return [*rows, *judge(before, look(crons), firing=FIRING, new_template=False)]


def _left(crons: Crons, manifest: str) -> Row:
    """Tell what the release has left behind, the operator's own doing included; the CRDs are to stay."""
    count = len([each for each in yaml.safe_load_all(manifest) if each])
    show = ("get", "--ignore-not-found", "--output=name")
    promised = {f"customresourcedefinition.apiextensions.k8s.io/{each}" for each in CRDS}

    def left() -> set[str]:
        ours = installing.kubectl(crons.cluster, *show, "--filename=-", stdin=manifest).split()
        place = (OWN_KINDS, "--namespace", installing.OPERATOR_NAMESPACE)
        return {*ours, *installing.kubectl(crons.cluster, *show, *place).split()} - KUBERNETES_OWN

    with suppress(AssertionError):  # what is left then is told below
        wait_for("end of all but the CRDs", lambda: left() <= promised, seconds=30)
    now = left()
    gone = [f"{each} is gone" for each in sorted(promised - now)]
    return Row("what is left", count, len(now), (*gone, *(f"{each} is left" for each in sorted(now - promised))))
