"""Checks for installations that share a namespace, and for orphaned CronJobs. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import combinations
from typing import Final

from graphcron.api import names
from graphcron.cli.clients.kubectl import HERE, Kubectl, Object
from graphcron.cli.doctor.checks import Check, State, place, setting
from graphcron.planning.installation import CONTENDER_TTL, UNNAMED
from graphcron.settings import Settings
from graphcron.unstructured.fields import object_at, objects_at, text_at, time_of

_NAMED: Final = 3
"""How many namespaces a message lists."""


def of_installations(deployments: Sequence[Object], graphcrons: Sequence[Object], *, now: datetime) -> Iterator[Check]:
    """Report each pair of installations of the operator that watch the same namespaces."""
    shared: defaultdict[tuple[str, ...], set[str]] = defaultdict(set)
    for namespace, pair in [*_overlaps(deployments, graphcrons), *_contended(graphcrons, now=now)]:
        shared[pair].add(namespace)
    for pair, namespaces in sorted(shared.items()):
        some, more = sorted(namespaces)[:_NAMED], len(namespaces) - _NAMED
        listed = ", ".join(some) + (f" and {more} more" if more > 0 else "")
        message = f"{' and '.join(pair)} both watch {listed}; each GraphCron belongs to the one that its CronJob names"
        remedy = "limit watchNamespaces of one of them, or uninstall it"
        yield Check("installations", State.FAILED, message, remedy)
    if deployments and not shared:
        yield Check("installations", State.OK, "no two of them watch the same namespace")


def _overlaps(deployments: Sequence[Object], graphcrons: Iterable[Object]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield namespaces that the settings of two Deployments both include."""
    running = [each for each in deployments if each["spec"].get("replicas") != 0]
    patterns = {_installation(each): tuple(_split(setting(each, "NAMESPACES"))) for each in running}
    known = {each["metadata"]["namespace"] for each in [*graphcrons, *running]}
    known |= {each for listed in patterns.values() for each in listed if not set(each) & set("*?![")}
    for pair in combinations(sorted(patterns), 2):
        both = [Settings(namespaces=patterns[each]) for each in pair]
        yield from ((each, pair) for each in known if all(settings.serves(each) for settings in both))


def _contended(graphcrons: Iterable[Object], *, now: datetime) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the namespaces of GraphCrons whose status names two installations."""
    for each in graphcrons:
        status = object_at(each, "status")
        contender = object_at(status, "contender")
        renewed = time_of(contender.get("time"))
        if renewed and now - renewed < CONTENDER_TTL:
            both = (text_at(status, "installation"), text_at(contender, "installation"))
            yield each["metadata"]["namespace"], tuple(sorted(name or UNNAMED for name in both))


def _installation(deployment: Object) -> str:
    named = setting(deployment, "INSTALLATION")
    return named.replace("$(GRAPHCRON_LEASE_NAMESPACE)", deployment["metadata"]["namespace"]) or place(deployment)


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def of_orphans(cronjobs: Iterable[Object], graphcrons: Iterable[Object], *, kubectl: Kubectl = HERE) -> Iterator[Check]:
    """Report each CronJob without an owner whose GraphCron was deleted.

    Parameters
    ----------
    cronjobs
        Those with our labels, listed before the GraphCrons.
    """
    uids = {each["metadata"]["uid"] for each in graphcrons}
    for each in cronjobs:
        meta = each["metadata"]
        labels = object_at(meta, "labels")
        owned = any(owner.get("controller") for owner in objects_at(meta, "ownerReferences"))
        if owned or text_at(labels, names.LABEL_UID) in uids:
            continue
        suspended = object_at(each, "spec").get("suspend")
        state = State.WARNING if suspended else State.FAILED
        now = "it is suspended" if suspended else "it still starts runs"
        message = f"its GraphCron {text_at(labels, names.LABEL_NAME)} was deleted; {now}"
        remedy = kubectl.at(meta["namespace"]).hint("kubectl", "delete", "cronjob", meta["name"])
        yield Check(f"CronJob {place(each)}", state, message, remedy)
