"""Decides which of two installations of the operator in one namespace reconciles a GraphCron. Pure.

The CronJob names the installation that created it (:data:`graphcron.api.names.ANNOTATION_INSTALLATION`). Any other one
does not touch the GraphCron. It enters itself into the status as the contender, and renews the entry every hour. The
owner acknowledges it, and reports it in ``Ready``; if no owner does, the contender writes ``Ready``.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, Literal

from graphcron.api import names
from graphcron.api.reasons import ConditionType, Reason
from graphcron.api.v1alpha1 import Condition, Contender, GraphCronStatus, GraphServerStatus
from graphcron.cache.objects import Body, CachedCronJob
from graphcron.errors import OtherInstallationError

RENEW_INTERVAL: Final = timedelta(hours=1)
"""How often a contender renews its entry. Each renewal is a write to every GraphCron of the namespace."""

ACKNOWLEDGE_TIMEOUT: Final = timedelta(minutes=1)
"""How long the owner may take to acknowledge a contender."""

CONTENDER_TTL: Final = 2 * RENEW_INTERVAL
"""Time after its last renewal at which a contender no longer counts."""

Status = GraphCronStatus | GraphServerStatus
"""A status that an installation writes."""

UNNAMED: Final = "(without a name)"
"""Name of an installation in messages if its setting ``installation`` is empty."""

_SUMMARY: Final = frozenset({ConditionType.READY, ConditionType.RECONCILING, ConditionType.STALLED})
_UNANSWERED: Final[tuple[tuple[ConditionType, Literal["True", "False"]], ...]] = (
    (ConditionType.READY, "False"),
    (ConditionType.STALLED, "True"),
)


def owner_of(cronjobs: Iterable[CachedCronJob], name: str, uid: str) -> str:
    """Return the installation that a GraphCron's first CronJob names; empty: none, and any may adopt it.

    The first one decides for all, so that two installations that have each created one of them agree.
    """
    own = sorted((each for each in cronjobs if each.belongs_to(uid)), key=lambda each: each.name != name)
    return own[0].installation if own else ""


def check_owner(cronjobs: Iterable[CachedCronJob], body: Body, own: str) -> None:
    """Raise an :class:`OtherInstallationError` where another installation reconciles the GraphCron."""
    owner = owner_of(cronjobs, body["metadata"]["name"], body["metadata"]["uid"])
    if is_others(owner, own):
        raise OtherInstallationError(owner)


def is_others(installation: str | None, own: str) -> bool:
    """Return whether a name is that of another installation."""
    return bool(installation) and installation != own


def adoptable(cronjobs: Iterable[CachedCronJob], own: str) -> list[CachedCronJob]:
    """Return the CronJobs that no other installation owns."""
    return [each for each in cronjobs if not is_others(each.installation, own)]


def is_reported_by_other(previous: Status, status: Status) -> bool:
    """Return whether another installation has already written a status for the same generation."""
    same = previous.observed_generation == status.observed_generation
    return same and is_others(previous.installation, status.installation or "")


def contender_for(status: GraphCronStatus, own: str, *, now: datetime) -> Contender | None:
    """Return the contender of an own GraphCron, acknowledged; None: it has none, or the contender is gone."""
    contender = status.contender
    if contender is None or contender.installation == own or now - contender.time >= CONTENDER_TTL:
        return None
    return contender.model_copy(update={"acknowledged": True})


def with_contender(
    status: GraphCronStatus, owner: str, own: str, *, namespace: str, generation: int, now: datetime
) -> GraphCronStatus:
    """Return the status with the entry of this installation as the contender; usually it is unchanged.

    Parameters
    ----------
    owner, own
        The installation that reconciles the GraphCron, and this one.
    """
    contender = status.contender
    if contender is None or now - contender.time >= RENEW_INTERVAL:
        return status.model_copy(update={"contender": Contender(installation=own, time=now)})
    if contender.acknowledged or now - contender.time < ACKNOWLEDGE_TIMEOUT:
        return status
    conditions = status.conditions or []
    if any(
        (each.type, each.status, each.reason) == (*_UNANSWERED[0], Reason.INSTALLATION_CONFLICT) for each in conditions
    ):
        return status
    message = (
        f"The CronJob belongs to the installation {owner} of the operator, which does not respond. The installation "
        f"{own or UNNAMED} ignores it. If {owner} was uninstalled, transfer its CronJobs: kubectl annotate "
        f"cronjobs --namespace={namespace} --all {names.ANNOTATION_INSTALLATION}-"
    )
    summary = [
        Condition(
            type=condition,
            status=value,
            reason=Reason.INSTALLATION_CONFLICT,
            message=message,
            last_transition_time=now,
            observed_generation=generation,
        )
        for condition, value in _UNANSWERED
    ]
    return status.model_copy(
        update={"conditions": summary + [each for each in conditions if each.type not in _SUMMARY]}
    )
