"""The CRDs only ever gain: what the last release took, this one takes. And the check finds each way to break that."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from graphcron.api import crd
from tests.upgrade.additive import incompatibilities
from tests.upgrade.previous import git, last_release

if TYPE_CHECKING:
    from collections.abc import Callable

ACCEPTED: frozenset[str] = frozenset()
"""Findings that a person has looked at and found to take nothing away, such as a pattern that takes more than before. To be
emptied after each release."""


def released() -> dict[str, Any]:
    """Return the CRDs of the last release, by name."""
    files = git("ls-tree", "--name-only", last_release(), "crds/").decode().split()
    definitions = [yaml.safe_load(git("show", f"{last_release()}:{file}")) for file in files]
    return {each["metadata"]["name"]: each for each in definitions}


def test_the_crds_take_all_that_the_last_release_took() -> None:
    ours = {each["metadata"]["name"]: each for each in crd.crds()}
    theirs = released()
    assert theirs.keys() <= ours.keys(), "a CRD is gone"
    assert theirs, f"{last_release()} has no CRDs where this checkout has them"
    found = {f"{name} {text}" for name, old in theirs.items() for text in incompatibilities(old, ours[name])}
    assert found - ACCEPTED == set(), f"{last_release()} took what these refuse"
    assert ACCEPTED - found == set(), "these are no findings any more: take them out"


OLD: dict[str, Any] = {
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {
            "kind": "Thing",
            "listKind": "ThingList",
            "plural": "things",
            "singular": "thing",
            "shortNames": ["th"],
        },
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "additionalPrinterColumns": [
                    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}
                ],
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "required": ["spec"],
                        "properties": {
                            "spec": {
                                "type": "object",
                                "properties": {
                                    "size": {"type": "integer", "minimum": 1, "maximum": 9, "nullable": True},
                                    "mode": {"type": "string", "enum": ["a", "b"]},
                                    "name": {"type": "string", "maxLength": 9, "pattern": "^a"},
                                    "free": {"x-kubernetes-preserve-unknown-fields": True},
                                    "list": {
                                        "type": "array",
                                        "x-kubernetes-list-type": "atomic",
                                        "items": {"type": "object", "properties": {"key": {"type": "string"}}},
                                    },
                                    "map": {"type": "object", "additionalProperties": {"type": "string"}},
                                },
                                "x-kubernetes-validations": [{"rule": "has(self.size)", "message": "size it"}],
                            }
                        },
                    }
                },
            }
        ],
    }
}


def changed(change: Callable[[dict[str, Any], dict[str, Any]], Any]) -> list[str]:
    """Compare a definition with one that differs: the change is given the version, and the fields of its spec."""
    new = copy.deepcopy(OLD)
    version = new["spec"]["versions"][0]
    change(new["spec"], version["schema"]["openAPIV3Schema"]["properties"]["spec"])
    return incompatibilities(OLD, new)


def at(*path: str, **values: Any) -> Callable[[dict[str, Any], dict[str, Any]], Any]:
    """Return a change that sets keys somewhere in the schema; None takes a key away."""

    def change(_: dict[str, Any], schema: dict[str, Any]) -> None:
        for step in path:
            schema = schema[step]
        for key, value in values.items():
            name = {"preserve": "x-kubernetes-preserve-unknown-fields", "rules": "x-kubernetes-validations"}.get(
                key, key
            )
            name = name.replace("list_type", "x-kubernetes-list-type")
            if value is None:
                schema.pop(name)
            else:
                schema[name] = value

    return change


def rule(*texts: str) -> list[dict[str, str]]:
    return [{"rule": text} for text in ("has(self.size)", *texts)]


def with_new(*rules: str) -> Callable[[dict[str, Any], dict[str, Any]], Any]:
    """Return a change that adds the field ``fresh``, and rules."""

    def change(_: dict[str, Any], schema: dict[str, Any]) -> None:
        schema["properties"]["fresh"] = {"type": "string", "maxLength": 3, "pattern": "^x"}
        schema["x-kubernetes-validations"] = rule(*rules)

    return change


SPEC = "properties"
BAD = {
    "field removed": (at(SPEC, size=None), "v1.spec: the field size is gone"),
    "field in a list removed": (at(SPEC, "list", "items", SPEC, key=None), "v1.spec.list[]: the field key is gone"),
    "type changed": (at(SPEC, "size", type="string"), "v1.spec.size: type: 'integer' has become 'string'"),
    "type within a map changed": (
        at(SPEC, "map", "additionalProperties", type="integer"),
        "v1.spec.map{}: type: 'string' has become 'integer'",
    ),
    "map closed": (at(SPEC, "map", additionalProperties=None), "v1.spec.map: additionalProperties is gone"),
    "new required": (at(required=["mode"]), "v1.spec: mode is required now"),
    "enum narrowed": (at(SPEC, "mode", enum=["b", "c"]), "v1.spec.mode: 'a' is out of the enum"),
    "enum added": (at(SPEC, "name", enum=["a"]), "v1.spec.name: it has got an enum"),
    "pattern changed": (at(SPEC, "name", pattern="^ab"), "v1.spec.name: pattern: '^a' has become '^ab'"),
    "pattern added": (at(SPEC, "mode", pattern="^a"), "v1.spec.mode: pattern: None has become '^a'"),
    "format added": (at(SPEC, "name", format="uuid"), "v1.spec.name: format: None has become 'uuid'"),
    "minimum raised": (at(SPEC, "size", minimum=2), "v1.spec.size: minimum: 1 has become 2"),
    "maximum lowered": (at(SPEC, "size", maximum=8), "v1.spec.size: maximum: 9 has become 8"),
    "limit added": (at(SPEC, "list", maxItems=5), "v1.spec.list: maxItems: None has become 5"),
    "length added": (at(SPEC, "mode", minLength=1), "v1.spec.mode: minLength: None has become 1"),
    "null refused": (at(SPEC, "size", nullable=None), "v1.spec.size: nullable: True has become None"),
    "freedom gone": (
        at(SPEC, "free", preserve=None, type="object"),
        "v1.spec.free: x-kubernetes-preserve-unknown-fields: True has become None",
    ),
    "default added": (at(SPEC, "mode", default="a"), "v1.spec.mode: default: None has become 'a'"),
    "merged otherwise": (
        at(SPEC, "list", list_type="set"),
        "v1.spec.list: x-kubernetes-list-type: 'atomic' has become 'set'",
    ),
    "new rule": (at(rules=rule("self.size > 3")), "v1.spec: a new rule: self.size > 3"),
    "new rule on an old value": (at(SPEC, "name", rules=rule()), "v1.spec.name: a new rule: has(self.size)"),
    "rule that wants a new field": (with_new("has(self.fresh)"), "v1.spec: a new rule: has(self.fresh)"),
    "rule that does not spare the old": (
        with_new("(has(self.mode) || !has(self.fresh) || has(self.name)) && has(self.map)"),
        "v1.spec: a new rule: (has(self.mode) || !has(self.fresh) || has(self.name)) && has(self.map)",
    ),
    "unknown keyword": (at(SPEC, "map", oneOf=[{}]), "v1.spec.map: oneOf: None has become [{}]"),
    "version dropped": (
        lambda spec, _: spec["versions"][0].update(name="v2"),
        "v1: the version is gone, or is served no more",
    ),
    "version not served": (
        lambda spec, _: spec["versions"][0].update(served=False),
        "v1: the version is gone, or is served no more",
    ),
    "status dropped": (
        lambda spec, _: spec["versions"][0].update(subresources={}),
        "v1: the subresource status is gone or another",
    ),
    "scope changed": (lambda spec, _: spec.update(scope="Cluster"), "scope: Namespaced has become Cluster"),
    "renamed": (lambda spec, _: spec["names"].update(plural="thingies"), "names.plural: things has become thingies"),
    "short name dropped": (lambda spec, _: spec["names"].update(shortNames=["t"]), "names.shortNames: th is gone"),
}

GOOD = {
    "nothing": lambda _spec, _schema: None,
    "new field with limits": with_new(),
    "rule that spares the old": with_new("!has(self.fresh) || self.fresh != 'x'"),
    "enum widened": at(SPEC, "mode", enum=["b", "a", "c"]),
    "enum dropped": at(SPEC, "mode", enum=None),
    "limits eased": at(SPEC, "size", minimum=0, maximum=10),
    "limits dropped": at(SPEC, "name", maxLength=None, pattern=None),
    "null taken": at(SPEC, "mode", nullable=True),
    "rule dropped": at(rules=None),
    "words": at(SPEC, "mode", description="of working"),
    "columns": lambda spec, _: spec["versions"][0].update(additionalPrinterColumns=[]),
    "new version": lambda spec, _: spec["versions"].append({"name": "v2", "served": True, "storage": False}),
    "new short name": lambda spec, _: spec["names"].update(shortNames=["th", "t"]),
}


@pytest.mark.parametrize("name", BAD)
def test_what_takes_something_away_is_found(name: str) -> None:
    change, text = BAD[name]
    assert text in changed(change)


@pytest.mark.parametrize("name", GOOD)
def test_what_only_adds_is_no_finding(name: str) -> None:
    assert changed(GOOD[name]) == []
