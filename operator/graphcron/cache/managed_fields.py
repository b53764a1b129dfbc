"""Ownership of the fields of a CronJob that the operator has created by a POST.

A POST owns its fields as an ``Update``. An apply removes a field that it leaves out only if it owns it as an ``Apply``,
so the first apply needs the entry upgraded, as client-go's ``csaupgrade`` does.
"""

from collections.abc import Mapping
from typing import Any

from graphcron.api import names
from graphcron.unstructured.fields import object_at, objects_at


def needs_upgrade(body: Mapping[str, Any]) -> bool:
    """Return whether the operator owns fields of an object as an ``Update``."""
    return any(_is_ours(each, "Update") for each in objects_at(body["metadata"], "managedFields"))


def upgraded(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the managed fields of an object with the operator's ``Update`` as a part of its ``Apply``."""
    entries = objects_at(body["metadata"], "managedFields")
    ours = [each for each in entries if _is_ours(each, "Update") or _is_ours(each, "Apply")]
    if not ours:
        return entries
    fields: Mapping[str, Any] = {}
    for each in ours:
        fields = _union(fields, object_at(each, "fieldsV1"))
    return [{**ours[0], "operation": "Apply", "fieldsV1": fields}, *(each for each in entries if each not in ours)]


def _is_ours(entry: Mapping[str, Any], operation: str) -> bool:
    """Return whether an entry is the operator's, and not about a subresource."""
    return (entry.get("manager"), entry.get("operation"), entry.get("subresource", "")) == (
        names.FIELD_MANAGER,
        operation,
        "",
    )


def _union(one: Mapping[str, Any], other: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the fields that are in one of two sets; a set is a tree of names."""
    return {key: _union(object_at(one, key), object_at(other, key)) for key in {**one, **other}}
