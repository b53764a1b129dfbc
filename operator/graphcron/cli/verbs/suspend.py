"""``suspend`` and ``resume``: prevent new runs, and allow them again."""

from datetime import UTC, datetime

from graphcron.api import names
from graphcron.api.reasons import ConditionType
from graphcron.cli.app import PROGRAM, app
from graphcron.cli.clients.kubectl import GRAPHCRONS, Kubectl
from graphcron.cli.options import All, Done, OptionalNames, Selector, chosen_names, in_cluster
from graphcron.cli.printing import output as printed
from graphcron.cli.printing.columns import condition


@app.command()
@in_cluster
def suspend(
    kubectl: Kubectl,
    named: OptionalNames = None,
    *,
    selector: Selector = "",
    every: All = False,
    output: Done = None,
) -> None:
    """Prevent new runs. Active runs continue."""
    done = []
    for name in chosen_names(kubectl, named, selector, every=every):
        done.append(kubectl.patch(GRAPHCRONS, name, {"spec": {"suspend": True}}))
        cancel = kubectl.hint(PROGRAM, "cancel", name)
        printed.say([f"{name} is suspended; active runs continue ({cancel} ends them)"], output)
    printed.show_done(done, output)


@app.command()
@in_cluster
def resume(
    kubectl: Kubectl,
    named: OptionalNames = None,
    *,
    selector: Selector = "",
    every: All = False,
    output: Done = None,
) -> None:
    """Allow new runs again. Ends a suspension, and a pause after failures. Does not start missed runs.

    -l selects GraphCrons by their labels, and --all selects all in the namespace.
    """
    done = []
    for name in chosen_names(kubectl, named, selector, every=every):
        found = kubectl.get(GRAPHCRONS, name)
        suspended = bool(found["spec"].get("suspend"))
        paused = condition(found, ConditionType.PAUSED).get("status") == "True"
        if suspended:
            found = kubectl.patch(GRAPHCRONS, name, {"spec": {"suspend": None}})
        if paused:
            stamp = datetime.now(UTC).isoformat(timespec="milliseconds")  # noqa: TID251  (a person asks now)
            found = kubectl.annotate(GRAPHCRONS, name, {names.ANNOTATION_RESUME_REQUESTED: stamp})
        ended = [f"{name} is no longer suspended"] * suspended + [f"{name} is no longer paused after failures"] * paused
        printed.say(ended or [f"{name} was neither suspended nor paused"], output)
        done.append(found)
    printed.show_done(done, output)
