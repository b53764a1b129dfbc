"""The upgrade of managed fields, so that an apply removes what a POST has set."""

import pytest

from graphcron.cache.managed_fields import needs_upgrade, upgraded

POSTED = {
    "manager": "graphcron",
    "operation": "Update",
    "apiVersion": "batch/v1",
    "time": "2026-11-22T12:00:00Z",
    "fieldsType": "FieldsV1",
    "fieldsV1": {"f:metadata": {"f:labels": {".": {}, "f:a": {}}}, "f:spec": {"f:schedule": {}}},
}
APPLIED = {**POSTED, "operation": "Apply", "fieldsV1": {"f:spec": {"f:schedule": {}, "f:timeZone": {}}}}
OF_OTHERS = [
    {**POSTED, "manager": "kubectl-edit"},
    {**POSTED, "manager": "kube-controller-manager", "subresource": "status"},
    {**POSTED, "subresource": "status"},
]


def body(*entries):
    return {"metadata": {"managedFields": list(entries)}}


@pytest.mark.parametrize(
    ("entries", "needed"),
    [([], False), ([APPLIED], False), ([POSTED], True), ([APPLIED, POSTED], True), (OF_OTHERS, False)],
    ids=["none", "applied", "posted", "both", "of others"],
)
def test_needs_upgrade_with_an_update_only(entries, needed):
    assert needs_upgrade(body(*entries)) is needed
    assert not needs_upgrade(body(*upgraded(body(*entries))))


def test_upgrade_turns_an_update_into_an_apply():
    assert upgraded(body(*OF_OTHERS, POSTED)) == [{**POSTED, "operation": "Apply"}, *OF_OTHERS]


def test_upgrade_merges_an_update_into_the_apply():
    (entry,) = upgraded(body(APPLIED, POSTED))
    labels = {"f:labels": {".": {}, "f:a": {}}}
    assert entry["fieldsV1"] == {"f:spec": {"f:schedule": {}, "f:timeZone": {}}, "f:metadata": labels}


@pytest.mark.parametrize("entries", [[], [APPLIED], OF_OTHERS], ids=["none", "applied", "of others"])
def test_upgrade_keeps_all_others(entries):
    assert upgraded(body(*entries)) == entries
