"""Writes of ours that the watches must show."""

from datetime import UTC, datetime, timedelta

from graphcron.echoes import Echoes

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)


def thing(version: int, uid: str = "u") -> dict:
    return {"metadata": {"uid": uid, "resourceVersion": str(version)}}


def echoes() -> Echoes:
    return Echoes(timedelta(minutes=3))


def test_a_write_that_is_not_shown_is_overdue():
    each = echoes()
    each.expect(thing(7), now=NOW)
    assert each.overdue(now=NOW + timedelta(minutes=2)) == []
    assert each.overdue(now=LATER) == ["u"]


def test_a_write_that_is_shown_is_not():
    each = echoes()
    each.expect(thing(7), now=NOW)
    each.heard(thing(7), gone=False)
    assert each.overdue(now=LATER) == []


def test_an_older_version_is_no_echo_and_a_newer_one_is():
    each = echoes()
    each.expect(thing(7), now=NOW)
    each.heard(thing(6), gone=False)
    assert each.overdue(now=LATER) == ["u"]
    each.heard(thing(12), gone=False)
    assert each.overdue(now=LATER) == []


def test_a_write_that_changed_nothing_or_came_back_first_is_not_waited_for():
    each = echoes()
    each.heard(thing(7), gone=False)
    each.expect(thing(7), now=NOW)
    each.expect(thing(6), now=NOW)
    assert each.overdue(now=LATER) == []


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
    assert each.overdue(now=LATER) == []


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
