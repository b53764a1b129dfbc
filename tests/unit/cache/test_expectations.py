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


def test_a_write_to_an_object_that_no_list_has_is_not_waited_for():
    each = expectations()
    each.expect_write(thing(7), now=NOW)
    assert each.known() == {"u"}
    each.mark_listed({"other"}, now=LATER)
    each.observe_deletion("u", 9)
    assert each.late(now=LATER) == each.overdue(now=LATER) == []
    assert each.known() == set()


def test_a_write_whose_answer_comes_after_the_deletion_is_not_waited_for():
    each = expectations()
    each.observe(thing(6), deleted=False)
    each.observe(thing(8), deleted=True)
    each.expect_write(thing(7), now=NOW)
    assert overdue(each) == []
    assert each.pending_write("u") is None


def test_an_event_that_comes_after_the_deletion_is_stale():
    each = expectations()
    each.observe(thing(6), deleted=False)
    assert not each.is_stale(thing(6))
    each.observe_deletion("u", 9)
    assert each.is_stale(thing(8))
    assert not each.is_stale(thing(8, "another"))


def test_an_object_that_lost_our_labels_and_has_them_again_is_waited_for():
    each = expectations()
    each.observe(thing(6), deleted=False)
    each.observe(thing(7), deleted=True)  # a watch with a selector shows this as the object's end
    each.expect_write(thing(8), now=NOW)
    assert each.pending_write("u") == thing(8)
    assert not each.is_stale(thing(8))
    assert not each.observe(thing(8), deleted=False)
    assert each.known() == {"u"}


def test_of_objects_that_are_gone_the_last_ones_are_remembered(monkeypatch):
    monkeypatch.setattr("graphcron.cache.expectations.MAX_TOMBSTONES", 2)
    each = expectations()
    for uid in ("a", "b", "c"):
        each.observe(thing(7, uid), deleted=True)
    assert [uid for uid in ("a", "b", "c") if each.is_stale(thing(7, uid))] == ["b", "c"]


def test_a_write_that_is_shown_is_not():
    each = expectations()
    each.expect_write(thing(7), now=NOW)
    each.observe(thing(7), deleted=False)
    assert overdue(each) == []


def test_an_older_version_is_no_echo_and_a_newer_one_is():
    each = expectations()
    each.expect_write(thing(7), now=NOW)
    each.observe(thing(6), deleted=False)
    assert overdue(each) == ["u"]
    each.observe(thing(12), deleted=False)
    assert overdue(each) == []


def test_a_write_that_changed_nothing_or_came_back_first_is_not_waited_for():
    each = expectations()
    each.observe(thing(7), deleted=False)
    each.expect_write(thing(7), now=NOW)
    each.expect_write(thing(6), now=NOW)
    assert overdue(each) == []


def test_what_we_wrote_counts_until_a_watch_shows_it():
    each = expectations()
    each.observe(thing(6), deleted=False)
    each.expect_write(thing(7), now=NOW)
    assert each.pending_write("u") == thing(7)
    each.observe(thing(7), deleted=False)
    assert each.pending_write("u") is None


def test_an_object_that_is_gone_is_not_waited_for():
    each = expectations()
    each.expect_write(thing(7), now=NOW)
    each.observe(thing(8), deleted=True)
    assert overdue(each) == []


def test_only_what_shows_just_our_write_is_no_news():
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


def test_an_event_that_comes_before_the_answer_counts_as_news():
    each = expectations()
    assert each.observe(thing(7), deleted=False)
    each.expect_write(thing(7), now=NOW)
    assert each.observe(thing(7), deleted=False)
