"""``suspend`` and ``resume``: no new runs, and new runs again."""

from datetime import UTC, datetime

import typer

from graphcron import names
from graphcron.cli.app import app
from graphcron.cli.kubectl import GRAPHCRONS, Kubectl
from graphcron.cli.options import Context, Kubeconfig, Name, Namespace
from graphcron.reasons import ConditionType


@app.command()
def suspend(name: Name, namespace: Namespace = None, context: Context = None, kubeconfig: Kubeconfig = None) -> None:
    """Let no new runs start. What runs goes on."""
    kubectl = Kubectl(namespace=namespace, context=context, kubeconfig=kubeconfig)
    kubectl.patch(GRAPHCRONS, name, {"spec": {"suspend": True}})
    typer.echo(f"{name} is suspended; what runs goes on (graphcron cancel {name} ends it)")


@app.command()
def resume(name: Name, namespace: Namespace = None, context: Context = None, kubeconfig: Kubeconfig = None) -> None:
    """Let new runs start again: after a suspension, and after a pause for failures. Nothing runs in retrospect."""
    kubectl = Kubectl(namespace=namespace, context=context, kubeconfig=kubeconfig)
    found = kubectl.get(GRAPHCRONS, name)
    conditions = found.get("status", {}).get("conditions", ())
    paused = any(each["type"] == ConditionType.PAUSED and each["status"] == "True" for each in conditions)
    if found["spec"].get("suspend"):
        kubectl.patch(GRAPHCRONS, name, {"spec": {"suspend": None}})
        typer.echo(f"{name} is no longer suspended")
    if paused:
        stamp = datetime.now(UTC).isoformat(timespec="milliseconds")  # noqa: TID251  (a person asks now)
        kubectl.annotate(GRAPHCRONS, name, {names.ANNOTATION_RESUME_REQUESTED: stamp})
        typer.echo(f"{name} is no longer paused after failures")
    if not found["spec"].get("suspend") and not paused:
        typer.echo(f"{name} was neither suspended nor paused")
