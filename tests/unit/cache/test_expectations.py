"""Writes of the operator that the watches must deliver."""

from datetime import UTC, datetime, timedelta

from graphcron.cache.expectations import Expectations

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)


def thing(version: int, uid: str = "u") -> dict:
    return {"metadata": {"uid": uid, "resourceVersion": str(version)}}


def expectations() -> Expectations:
    return Expectations(timedelta(minutes=3))


def overdue(each: Expectations) -> list[str]:
    """Return what is overdue of objects that a late list has."""
    each.mark_listed({"u"}, now=LATER)
    return each.overdue(now=LATER)


def test_expected_write_not_observed_overdue_if_object_exists():
    """A write that no watch shows is looked up, and is overdue if its object exists."""
    each = expectations()
    each.expect_write(thing(7), now=NOW)
    soon, late = NOW + timedelta(minutes=1), NOW + timedelta(minutes=2)
    each.mark_listed({"u"}, now=soon)
    assert each.late(now=soon) == []
    assert each.late(now=late) == ["u"]
    assert each.overdue(now=LATER) == []  # it was listed before it was late, and may have been deleted since
    each.mark_listed({"u"}, now=late)
    assert each.late(now=late) == []
    assert each.overdue(now=late) == []
    assert each.overdue(now=LATER) == ["u"]


def test_expected_write_unlisted_object_not_pending():
    each = expectations()
    each.expect_write(thing(7), now=NOW)
    assert each.known() == {"u"}
    each.mark_listed({"other"}, now=LATER)
    each.observe_deletion("u", 9)
    assert each.late(now=LATER) == each.overdue(now=LATER) == []
    assert each.known() == set()


def test_expect_write_after_deletion_not_pending():
    each = expectations()
    each.observe(thing(6), deleted=False)
    each.observe(thing(8), deleted=True)
    each.expect_write(thing(7), now=NOW)
    assert overdue(each) == []
    assert each.pending_write("u") is None


def test_event_after_deletion_is_stale():
    each = expectations()
    each.observe(thing(6), deleted=False)
    assert not each.is_stale(thing(6))
    each.observe_deletion("u", 9)
    assert each.is_stale(thing(8))
    assert not each.is_stale(thing(8, "another"))


def test_expect_write_object_relabelled_is_pending():
    each = expectations()
    each.observe(thing(6), deleted=False)
    each.observe(thing(7), deleted=True)  # a watch with a selector shows this as the object's end
    each.expect_write(thing(8), now=NOW)
    assert each.pending_write("u") == thing(8)
    assert not each.is_stale(thing(8))
    assert not each.observe(thing(8), deleted=False)
    assert each.known() == {"u"}


def test_deletions_beyond_the_limit_are_forgotten(monkeypatch):
    monkeypatch.setattr("graphcron.cache.expectations.MAX_TOMBSTONES", 2)
    each = expectations()
    for uid in ("a", "b", "c"):
        each.observe(thing(7, uid), deleted=True)
    assert [uid for uid in ("a", "b", "c") if each.is_stale(thing(7, uid))] == ["b", "c"]


def test_expected_write_observed_not_overdue():
    each = expectations()
    each.expect_write(thing(7), now=NOW)
    each.observe(thing(7), deleted=False)
    assert overdue(each) == []


def test_expected_write_needs_its_version_or_a_later_one():
    each = expectations()
    each.expect_write(thing(7), now=NOW)
    each.observe(thing(6), deleted=False)
    assert overdue(each) == ["u"]
    each.observe(thing(12), deleted=False)
    assert overdue(each) == []


def test_expect_write_version_already_observed_not_pending():
    each = expectations()
    each.observe(thing(7), deleted=False)
    each.expect_write(thing(7), now=NOW)
    each.expect_write(thing(6), now=NOW)
    assert overdue(each) == []


def test_pending_write_until_observed():
    each = expectations()
    each.observe(thing(6), deleted=False)
    each.expect_write(thing(7), now=NOW)
    assert each.pending_write("u") == thing(7)
    each.observe(thing(7), deleted=False)
    assert each.pending_write("u") is None


def test_expected_write_object_deleted_not_pending():
    each = expectations()
    each.expect_write(thing(7), now=NOW)
    each.observe(thing(8), deleted=True)
    assert overdue(each) == []


def test_observe_returns_false_for_the_own_write_only():
    each = expectations()
    assert each.observe(thing(6), deleted=False)
    each.expect_write(thing(8), now=NOW)
    assert each.observe(thing(7), deleted=False)
    assert not each.observe(thing(8), deleted=False)
    assert each.observe(thing(9), deleted=False)
    each.expect_write(thing(10), now=NOW)
    assert each.observe(thing(11), deleted=False)
    each.expect_write(thing(12), now=NOW)
    assert each.observe(thing(13), deleted=True)


def test_observe_before_the_response_returns_true():
    each = expectations()
    assert each.observe(thing(7), deleted=False)
    each.expect_write(thing(7), now=NOW)
    assert each.observe(thing(7), deleted=False)
