"""Writes of ours that the watches must show."""

from datetime import UTC, datetime, timedelta

from graphcron.cache.expectations import Echoes

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)


def thing(version: int, uid: str = "u") -> dict:
    return {"metadata": {"uid": uid, "resourceVersion": str(version)}}


def echoes() -> Echoes:
    return Echoes(timedelta(minutes=3))


def overdue(each: Echoes) -> list[str]:
    """Return what is overdue of objects that a late list has."""
    each.listed({"u"}, now=LATER)
    return each.overdue(now=LATER)


def test_a_write_that_is_not_shown_is_looked_up_and_overdue_if_its_object_is_there():
    each = echoes()
    each.expect(thing(7), now=NOW)
    soon, late = NOW + timedelta(minutes=1), NOW + timedelta(minutes=2)
    each.listed({"u"}, now=soon)
    assert each.late(now=soon) == []
    assert each.late(now=late) == ["u"]
    assert each.overdue(now=LATER) == []  # it was listed before it was late, and may have been deleted since
    each.listed({"u"}, now=late)
    assert each.late(now=late) == []
    assert each.overdue(now=late) == []
    assert each.overdue(now=LATER) == ["u"]


def test_a_write_to_an_object_that_no_list_has_is_not_waited_for():
    each = echoes()
    each.expect(thing(7), now=NOW)
    assert each.known() == {"u"}
    each.listed({"other"}, now=LATER)
    each.end("u", 9)
    assert each.late(now=LATER) == each.overdue(now=LATER) == []
    assert each.known() == set()


def test_a_write_whose_answer_comes_after_the_deletion_is_not_waited_for():
    each = echoes()
    each.heard(thing(6), gone=False)
    each.heard(thing(8), gone=True)
    each.expect(thing(7), now=NOW)
    assert overdue(each) == []
    assert each.latest("u") is None


def test_an_event_that_comes_after_the_deletion_is_stale():
    each = echoes()
    each.heard(thing(6), gone=False)
    assert not each.is_stale(thing(6))
    each.end("u", 9)
    assert each.is_stale(thing(8))
    assert not each.is_stale(thing(8, "another"))


def test_an_object_that_lost_our_labels_and_has_them_again_is_waited_for():
    each = echoes()
    each.heard(thing(6), gone=False)
    each.heard(thing(7), gone=True)  # a watch with a selector shows this as the object's end
    each.expect(thing(8), now=NOW)
    assert each.latest("u") == thing(8)
    assert not each.is_stale(thing(8))
    assert not each.heard(thing(8), gone=False)
    assert each.known() == {"u"}


def test_of_objects_that_are_gone_the_last_ones_are_remembered(monkeypatch):
    monkeypatch.setattr("graphcron.cache.expectations.TOMBSTONES", 2)
    each = echoes()
    for uid in ("a", "b", "c"):
        each.heard(thing(7, uid), gone=True)
    assert [uid for uid in ("a", "b", "c") if each.is_stale(thing(7, uid))] == ["b", "c"]


def test_a_write_that_is_shown_is_not():
    each = echoes()
    each.expect(thing(7), now=NOW)
    each.heard(thing(7), gone=False)
    assert overdue(each) == []


def test_an_older_version_is_no_echo_and_a_newer_one_is():
    each = echoes()
    each.expect(thing(7), now=NOW)
    each.heard(thing(6), gone=False)
    assert overdue(each) == ["u"]
    each.heard(thing(12), gone=False)
    assert overdue(each) == []


def test_a_write_that_changed_nothing_or_came_back_first_is_not_waited_for():
    each = echoes()
    each.heard(thing(7), gone=False)
    each.expect(thing(7), now=NOW)
    each.expect(thing(6), now=NOW)
    assert overdue(each) == []


def test_what_we_wrote_counts_until_a_watch_shows_it():
    each = echoes()
    each.heard(thing(6), gone=False)
    each.expect(thing(7), now=NOW)
    assert each.latest("u") == thing(7)
    each.heard(thing(7), gone=False)
    assert each.latest("u") is None


def test_an_object_that_is_gone_is_not_waited_for():
    each = echoes()
    each.expect(thing(7), now=NOW)
    each.heard(thing(8), gone=True)
    assert overdue(each) == []


def test_only_what_shows_just_our_write_is_no_news():
    each = echoes()
    assert each.heard(thing(6), gone=False)
    each.expect(thing(8), now=NOW)
    assert each.heard(thing(7), gone=False)
    assert not each.heard(thing(8), gone=False)
    assert each.heard(thing(9), gone=False)
    each.expect(thing(10), now=NOW)
    assert each.heard(thing(11), gone=False)
    each.expect(thing(12), now=NOW)
    assert each.heard(thing(13), gone=True)


def test_an_event_that_comes_before_the_answer_counts_as_news():
    each = echoes()
    assert each.heard(thing(7), gone=False)
    each.expect(thing(7), now=NOW)
    assert each.heard(thing(7), gone=False)
