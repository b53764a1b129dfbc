"""Rights that were granted beside requests that were made. Pure: rules and audit events in, sentences out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ACCOUNT = "system:serviceaccount:"


class Right(NamedTuple):
    """A verb on a resource."""

    verb: str
    resource: str
    """With its group where it has one, such as ``cronjobs.batch``; a subresource as ``graphcrons.graphcron.dev/status``."""
    namespace: str = ""
    """The only one where it is granted; empty: everywhere."""
    name: str = ""
    """The only object that it is granted for; empty: all."""

    def __str__(self) -> str:
        place = f" in {self.namespace}" if self.namespace else ""
        return f"{self.verb} {self.resource}{f' {self.name}' if self.name else ''}{place}"

    def covers(self, use: Right) -> bool:
        """Tell whether it allows a request."""
        same = (self.verb, self.resource) == (use.verb, use.resource)
        return same and self.namespace in ("", use.namespace) and self.name in ("", use.name)


class Use(NamedTuple):
    """A request of a ServiceAccount."""

    account: str
    """As ``namespace:name``."""
    right: Right
    """What it takes."""
    forbidden: bool
    """Whether RBAC refused it. A 403 in a namespace that is going away is no matter of rights."""


def grants(rules: Iterable[dict[str, Any]], namespace: str = "") -> set[Right]:
    """Return what the rules of a Role grant, or of a ClusterRole. Wildcards are taken by the letter: none is ever used."""
    return {
        Right(verb, _resource(group, resource), namespace, name)
        for rule in rules
        for verb in rule["verbs"]
        for group in rule.get("apiGroups", ("",))
        for resource in rule.get("resources", rule.get("nonResourceURLs", ()))
        for name in rule.get("resourceNames") or ("",)
    }


def uses(lines: Iterable[str]) -> Iterator[Use]:
    """Read an audit log. A line that a killed API server has cut is left out; paths such as ``/version`` are no resources."""
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        target = event.get("objectRef", {})
        if not event["user"]["username"].startswith(ACCOUNT) or "resource" not in target:
            continue
        account = event["user"]["username"].removeprefix(ACCOUNT)
        resource = _resource(target.get("apiGroup", ""), target["resource"], target.get("subresource", ""))
        right = Right(event["verb"], resource, target.get("namespace", ""), target.get("name", ""))
        forbidden = event.get("annotations", {}).get("authorization.k8s.io/decision") == "forbid"
        yield Use(account, right, forbidden)
        # An apply that makes an object is a patch that needs the right to create, too.
        if right.verb == "patch" and event.get("responseStatus", {}).get("code") == 201:
            yield Use(account, right._replace(verb="create"), forbidden)


def missing(granted: set[Right], used: set[Right]) -> list[str]:
    """List what was asked for and is not granted."""
    return sorted({str(use._replace(name="")) for use in used if not any(each.covers(use) for each in granted)})


def unused(granted: set[Right], used: set[Right]) -> list[str]:
    """List what is granted and was never asked for."""
    return sorted(str(each) for each in granted if not any(each.covers(use) for use in used))


def _resource(group: str, resource: str, subresource: str = "") -> str:
    """Write a resource as kubectl does; in a rule the subresource is a part of the resource's name."""
    plain, _, inner = resource.partition("/")
    below = subresource or inner
    return plain + (f".{group}" if group else "") + (f"/{below}" if below else "")
