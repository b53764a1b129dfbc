"""GraphCrons and GraphRuns as the page shows them."""

from __future__ import annotations

import json
import tracemalloc
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphcron.cli.clients.kubectl import GRAPHCRONS, GRAPHRUNS, GRAPHSERVERS
from graphcron.cli.dashboard.due_times import DAY, due, load
from graphcron.cli.dashboard.page_state import graphcron_view, month_end, server_label, trimmed
from graphcron.cli.dashboard.store import Store, trimmed_by_uid
from tests.cli.unit.dashboard.world import COMPLETE, HTML, NOW, graphcron, graphrun
from tests.cli.unit.test_hostile import GRAPHRUNS as ANY_GRAPHRUNS
from tests.unit import test_hostile
from tests.unit.hostile import PROFILE
from tests.unit.unstructured.test_bounded_json import nested

SERVER = {
    "apiVersion": "graphcron.dev/v1alpha1", "kind": "GraphServer",
    "metadata": {"name": "main", "namespace": "agents", "uid": "uid-main"},
    "spec": {"url": "http://x:1", "maxConcurrentRuns": 3, "budget": {"maxTokens": 50, "window": "day"}},
}  # fmt: skip


def store_of(*bodies: dict[str, Any]) -> Store:
    store = Store()
    kinds = {"GraphCron": GRAPHCRONS, "GraphRun": GRAPHRUNS, "GraphServer": GRAPHSERVERS}
    for each in bodies:
        store.put(kinds[each["kind"]], each)
    store.refresh(now=NOW)
    return store


def state_of(store: Store) -> Any:
    return json.loads(store.state({}))


def card_of(body: dict[str, Any], *graphruns: dict[str, Any]) -> Any:
    return graphcron_view(trimmed(body), list(map(trimmed, graphruns)), [], now=NOW).card


def test_a_graphcron_has_what_the_verbs_print():
    card = card_of(graphcron(5, spec={"timeZone": "Europe/Berlin"}))
    assert (card["state"], card["ready"], card["scheduleText"]) == ("Ready", "True", "At 5 minutes past the hour")
    assert card["next"][:2] == ["2026-11-22T12:05:00Z", "2026-11-22T13:05:00Z"]
    assert card["forecast"]["until"] == "2026-12-01T00:00:00Z"
    assert card["forecast"]["runs"] == 8 * 24 + 12
    assert card["medianSeconds"] == 34.5
    newest, skipped = card["runs"][0], card["runs"][2]
    assert (newest["outcome"], newest["completionTime"]) == ("Succeeded", "2026-11-22T11:05:32Z")
    assert (skipped["outcome"], "startTime" in skipped) == ("Skipped", False)


def test_an_unknown_outcome_and_a_wrong_entry_leave_the_others():
    runs = [
        {"scheduledTime": "2026-11-22T11:55:00Z", "outcome": "Postponed", "message": HTML},
        {"scheduledTime": "2026-11-22T11:50:00Z", "outcome": "GraphError", "durationSeconds": 1e300},
        {"scheduledTime": "soon", "outcome": "GraphError"},
        {"scheduledTime": "2026-11-22T11:45:00Z", "outcome": "Succeeded", "durationSeconds": 5.0},
    ]
    card = card_of(graphcron(status={"recentRuns": runs}))
    assert [each["outcome"] for each in card["runs"]] == ["Postponed", "Succeeded"]
    assert card["runs"][0]["message"] == HTML


@pytest.mark.parametrize(
    ("spec", "condition", "stopped"),
    [
        ({"suspend": True}, {}, "suspended"),
        ({"endTime": "2026-11-01T00:00:00Z"}, {}, "its endTime is in the past"),
        ({}, {"type": "Paused", "status": "True", "reason": "ConsecutiveFailures", "message": "3 in a row"}, "paused after failures"),
    ],
)  # fmt: skip
def test_a_stopped_graphcron_has_no_next_times(spec: Any, condition: Any, stopped: str):
    conditions = [{"lastTransitionTime": "2026-11-22T00:00:00Z", **condition}] if condition else []
    store = store_of(graphcron(spec=spec, status={"conditions": conditions}))
    (card,) = state_of(store)["graphCrons"]
    assert (card["stopped"], card["next"], card["forecast"]["runs"]) == (stopped, [], 0)
    assert due(store.plans(), NOW, NOW + timedelta(days=1))["crons"] == {"uid-0": {"times": [], "count": 0}}
    assert card["summary"] == condition.get("message", "")


def test_nothing_that_a_user_wrote_for_the_graph_is_kept():
    secret = {name: {"text": "secret"} for name in ("input", "config", "context", "metadata")}
    headers = {"url": "http://u@lg:8000/x", "headers": [{"name": "x", "value": "secret"}], "apiKeySecretRef": {}}
    body = graphcron(spec={**secret, "inputTemplate": "secret", "webhook": "secret", "server": headers})
    store = store_of(body, graphrun("once", None, **secret))
    assert "secret" not in json.dumps(store.objects) + store.state({})
    assert server_label(body) == "lg:8000"


def test_a_graphserver_gives_its_limit_and_budget():
    store = store_of(graphcron(spec={"serverRef": {"name": "main"}}), SERVER)
    (card,) = state_of(store)["graphCrons"]
    assert (card["server"], card["maxConcurrentRuns"], card["budget"]["maxTokens"]) == ("main", 3, 50)
    assert state_of(store)["servers"][0]["maxConcurrentRuns"] == 3
    before = store.version
    store.put(GRAPHSERVERS, {**SERVER, "spec": {**SERVER["spec"], "maxConcurrentRuns": 9}})
    store.refresh(now=NOW)
    changes = json.loads(store.changes(before) or "")
    assert changes["set"][0]["maxConcurrentRuns"] == changes["servers"][0]["maxConcurrentRuns"] == 9


def test_graphruns_are_among_the_runs_of_their_graphcron_or_alone():
    waiting = {"conditions": [{"type": "Reconciling", "status": "True", "reason": "GraphCronInvalid", "message": "no"}]}
    store = store_of(
        graphcron(), graphrun("ended", "cron-0", status={**COMPLETE, "job": "j"}), graphrun("alone", None, status=COMPLETE),
        graphrun("waits", "cron-0", status=waiting), graphrun("lost", "deleted", status=COMPLETE),
    )  # fmt: skip
    state = state_of(store)
    (card,) = state["graphCrons"]
    assert [(each["graphRun"], each["kind"]) for each in card["runs"] if "graphRun" in each] == [("ended", "GraphRun")]
    assert [(each["outcome"], each["message"]) for each in card["active"]] == [("Waiting", "no")]
    assert {(each["name"], each["target"]) for each in state["graphRuns"]} == {("alone", "agent"), ("lost", "deleted")}


def test_an_active_run_for_a_past_time_has_its_own_start():
    past, begun = "2026-10-01T08:00:00Z", "2026-11-22T11:58:00Z"
    active = [{"job": "once-job", "scheduledTime": past, "graphRun": "once"}, {"job": "other", "scheduledTime": past}]
    running = graphrun("once", "cron-0", scheduledTime=past, status={"job": "once-job", "startTime": begun})
    card = card_of(graphcron(status={"active": active}), running)
    assert [(each["scheduledTime"], each["startTime"]) for each in card["active"]] == [(past, begun), (past, past)]
    assert card_of(graphcron(status={"active": active}))["active"][0]["startTime"] == past  # GraphRuns can't be listed


def test_the_use_of_a_budget_ends_with_its_window():
    used = {"tokens": 150, "cost": "2.5", "windowStart": "2026-11-22T00:00:00Z", "windowEnd": "2026-11-22T14:00:00Z"}
    spec = {"budget": {"maxTokens": 100, "window": "day"}, "schedule": "0 8 15 * *"}
    store = store_of(graphcron(spec=spec, status={"budget": used}))
    assert state_of(store)["graphCrons"][0]["budget"] == {**spec["budget"], **used}
    store.refresh(now=NOW + timedelta(hours=2))
    assert state_of(store)["graphCrons"][0]["budget"] == spec["budget"]


def test_changes_since_a_version():
    store = store_of(graphcron(0), graphcron(1), graphrun("alone", "cron-2", status=COMPLETE))
    before = store.version
    assert store.changes(before) is None
    store.put(GRAPHCRONS, graphcron(1, spec={"suspend": True}))
    store.delete(GRAPHCRONS, "uid-0")
    store.put(GRAPHCRONS, graphcron(2))
    store.refresh(now=NOW)
    changes = json.loads(store.changes(before) or "")
    assert {each["name"] for each in changes["set"]} == {"cron-1", "cron-2"}
    assert set(changes["gone"]) == {"uid-0", "uid-alone"}  # the GraphRun now belongs to cron-2
    everything = json.loads(store.changes("other-7") or "")
    assert everything["all"] is True
    assert len(everything["set"]) == 2


def test_many_cards_are_computed_in_parts():
    store = Store()
    for each in range(5):
        store.put(GRAPHCRONS, graphcron(each))
    seen = []
    while store.refresh(now=NOW, most=2):
        seen.append(len(store.cards))
    assert (seen, len(state_of(store)["graphCrons"])) == ([2, 4], 5)


def test_a_graphrun_that_is_alone_again_is_not_gone():
    store = store_of(graphrun("once", "cron-0", status=COMPLETE))
    before = store.version
    store.put(GRAPHCRONS, graphcron(0))
    store.refresh(now=NOW)
    store.delete(GRAPHCRONS, "uid-0")
    store.refresh(now=NOW)
    changes = json.loads(store.changes(before) or "")
    assert (changes["gone"], [each["name"] for each in changes["graphRuns"]["set"]]) == (["uid-0"], ["once"])


def test_next_times_move_on_without_a_change_of_the_object():
    store = store_of(graphcron(5))
    assert not store.refresh(now=NOW + timedelta(hours=2))
    later = state_of(store)
    assert later["graphCrons"][0]["next"][0] == "2026-11-22T14:05:00Z"


@pytest.mark.parametrize("spec", [{"schedule": "0 8 15 * *"}, {"suspend": True}], ids=["monthly", "suspended"])
def test_the_forecast_of_a_new_month_appears_without_a_run(spec: Any):
    store = store_of(graphcron(spec=spec))
    assert state_of(store)["graphCrons"][0]["forecast"]["until"] == "2026-12-01T00:00:00Z"
    store.refresh(now=datetime(2026, 12, 1, 0, 1, tzinfo=UTC))
    assert state_of(store)["graphCrons"][0]["forecast"]["until"] == "2027-01-01T00:00:00Z"


def test_due_times_are_counted_beyond_the_limit():
    store = store_of(graphcron(0, spec={"schedule": "*/5 * * * *"}))
    found = due(store.plans(), NOW, NOW + timedelta(days=2))["crons"]["uid-0"]
    assert (len(found["times"]), found["count"]) == (300, 576)
    assert found["times"][0] == int(NOW.timestamp()) + 300


def test_the_load_shows_that_the_full_hour_is_crowded():
    long = {"recentRuns": [{"scheduledTime": "2026-11-22T11:00:00Z", "outcome": "Succeeded", "durationSeconds": 90.0}]}
    lg = {"schedule": "0 * * * *", "server": {"url": "http://lg:8000", "maxConcurrentRuns": 2}}
    store = store_of(*(graphcron(each, spec=lg, status=long) for each in range(3)), graphcron(9, status=long))
    found = load([each for each in store.plans().values() if each], now=NOW)
    assert (found["start"], found["minutes"]) == ("2026-11-22T12:00:00Z", DAY)
    by_label = {each["label"]: each for each in found["servers"]}
    lg = by_label["lg:8000"]
    assert (lg["namespace"], lg["max"], len(lg["starts"]), sum(lg["starts"])) == ("agents", 2, DAY, 72)
    assert (lg["starts"][60], lg["running"][60:63]) == (3, [3, 1.5, 0])
    assert sum(by_label["the operator's default"]["starts"]) == 24


def test_runs_of_a_graphcron_that_forbids_concurrency_do_not_pile_up():
    slow = {
        "recentRuns": [{"scheduledTime": "2026-11-22T11:00:00Z", "outcome": "Succeeded", "durationSeconds": 86400.0}]
    }
    for policy, most in (("Forbid", 1), ("Allow", 24)):
        store = store_of(graphcron(0, spec={"concurrencyPolicy": policy}, status=slow))
        (server,) = load([each for each in store.plans().values() if each], now=NOW)["servers"]
        assert max(server["running"]) == most


def test_a_run_that_ends_as_the_day_begins_is_not_active_in_it():
    short = {"recentRuns": [{"scheduledTime": "2026-11-22T11:00:00Z", "outcome": "Succeeded", "durationSeconds": 59.2}]}
    store = store_of(graphcron(0, spec={"schedule": "59 11 * * *"}, status=short))
    (server,) = load([each for each in store.plans().values() if each], now=NOW)["servers"]
    assert server["running"][:2] == [0, 0]


def test_the_month_ends_in_utc():
    assert month_end(NOW.replace(month=12)).isoformat() == "2027-01-01T00:00:00+00:00"


@PROFILE
@given(st.lists(test_hostile.GRAPHCRONS, max_size=2), st.lists(ANY_GRAPHRUNS, max_size=2))
def test_any_objects_are_shown(graphcrons: list[Any], graphruns: list[Any]):
    found = [
        *graphcrons,
        *({**each, "spec": {**SERVER["spec"]}, "kind": "GraphServer"} for each in graphcrons),
        *graphruns,
    ]
    numbered = [{**each, "metadata": {**each["metadata"], "uid": str(at)}} for at, each in enumerate(found)]
    store = store_of(*numbered, graphcron(1, namespace="other"))
    assert "cron-1" in [each["name"] for each in state_of(store)["graphCrons"]]
    load([each for each in store.plans().values() if each], now=NOW)


def test_an_object_that_cannot_be_shown_leaves_the_others(monkeypatch: pytest.MonkeyPatch):
    def fail(body: Any, *_: Any, **given: Any) -> Any:
        if body["metadata"]["name"] == "cron-0":
            raise TypeError
        return graphcron_view(body, *_, **given)

    monkeypatch.setattr("graphcron.cli.dashboard.store.graphcron_view", fail)
    state = state_of(store_of(graphcron(0), graphcron(1)))
    assert [each["state"] for each in state["graphCrons"]] == ["Unknown", "Ready"]


@pytest.mark.parametrize("levels", [300, 10_000])
def test_a_deep_object_is_shown(levels: int):
    from graphcron.unstructured.bounded_json import fast_loads

    text = json.dumps(graphcron(spec={"thread": "DEEP"}, status={"active": "DEEP"}))
    (card,) = state_of(store_of(fast_loads(text.replace('"DEEP"', nested(levels, "both")))))["graphCrons"]
    assert card["name"] == "cron-0"


def test_each_graphcron_takes_little_memory():
    store = Store()
    graphcron_view(trimmed(graphcron(0)), [], [], now=NOW)  # what is loaded once does not count
    tracemalloc.start()
    store.replace(GRAPHCRONS, trimmed_by_uid(graphcron(each) for each in range(100)))
    store.refresh(now=NOW)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(state_of(store)["graphCrons"]) == 100
    assert kept < 100 * 60 * 1024  # 1,000 of them are 60 MiB
