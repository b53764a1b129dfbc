"""What the page shows of one object only on demand: its YAML, its Events, and the log of a run."""

import re
from typing import Final

from graphcron.api import names
from graphcron.cli.app import CliError
from graphcron.cli.clients.kubectl import GRAPHCRONS, GRAPHRUNS, Kubectl, Object
from graphcron.cli.clients.kubectl_errors import ForbiddenError
from graphcron.cli.printing.log_text import LogText
from graphcron.cli.runs.pod_logs import place_of, started
from graphcron.unstructured.fields import object_at, short_text_at

LINES: Final = 2000
"""Last lines of a log."""

EVENTS: Final = 50

_KINDS: Final = {"graphcron": (GRAPHCRONS, names.KIND), "graphrun": (GRAPHRUNS, names.RUN_KIND)}
NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?", re.ASCII)


def object_details(kubectl: Kubectl, *, kind: str, namespace: str, name: str) -> Object:
    """Return the YAML of an object, and its Events, the newest first."""
    if kind not in _KINDS:
        raise CliError(f"kind: is not one of {', '.join(_KINDS)}")
    there, (plural, title) = kubectl.at(checked(namespace)), _KINDS[kind]
    yaml = there.run("get", plural, checked(name), "--output=yaml", "--namespace", namespace)
    try:
        found = there.find_all("events", fields=f"involvedObject.kind={title},involvedObject.name={name}")
    except ForbiddenError:
        found = []
    events = sorted(map(_event, found), key=lambda each: str(each["time"]), reverse=True)
    return {"yaml": yaml, "events": events[:EVENTS]}


def _event(found: Object) -> Object:
    times = [object_at(found, "series").get("lastObservedTime"), *(found.get(each) for each in _TIMES)]
    return {
        "time": next((each for each in times if isinstance(each, str)), ""),
        **{key: short_text_at(found, key) for key in ("type", "reason", "message")},
    }


_TIMES: Final = ("lastTimestamp", "eventTime", "firstTimestamp")


def log_of(kubectl: Kubectl, *, namespace: str, job: str) -> str:
    """Return the last lines of the logs of the pods of a Job, the oldest pod first."""
    there = kubectl.at(checked(namespace))
    pods = there.find_all("pods", selector=f"{names.LABEL_JOB_NAME}={checked(job)}")
    pods.sort(key=lambda pod: short_text_at(object_at(pod, "metadata"), "creationTimestamp"))
    if not pods:
        raise CliError("there is no pod of this run; Kubernetes deletes pods with their Jobs, as spec.history says")
    texts = [_log_of_pod(there, pod) for pod in pods if started(pod)]
    return "\n".join(LogText().lines(line for text in texts for line in text.splitlines()))


def _log_of_pod(kubectl: Kubectl, pod: Object) -> str:
    """Return the last lines of a pod's log, or why they can't be read: its node may be gone."""
    name, *where = place_of(pod)
    try:
        return kubectl.run("logs", name, *where, f"--tail={LINES}")
    except CliError as error:
        return f"the log of the pod {name} can't be read: {error}"


def checked(name: str) -> str:
    """Return a name as Kubernetes allows it, which kubectl takes for no option.

    Raises
    ------
    CliError
        It is not one.
    """
    if not NAME.fullmatch(name):
        raise CliError(f"{name[:80]!r} is not a name of an object")
    return name
