"""GraphServers: what their status says, probe after probe."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from graphcron.api import names
from graphcron.cache.objects import CachedJob, CachedPod, cached_job
from graphcron.cache.store import Key
from graphcron.contract import Outcome, Report
from graphcron.controller.graphserver import ServerReconciler
from graphcron.errors import ClusterError
from graphcron.kube.client import Cluster
from graphcron.planning.preflight_limiter import PreflightLimiter
from graphcron.settings import Settings
from tests.unit.world import NOW, job, pod

KEY = Key("agents", "shared", names.SERVER_KIND)
SETTINGS = Settings(probe_seconds=900, resync_seconds=600)
GOOD = Report(Outcome.SUCCEEDED, "langgraph-api 0.16.7 answers", server="langgraph-api 0.16.7")
DOWN = Report(Outcome.SERVER_UNREACHABLE, "no answer", "ConnectionRefused")


class Place:
    """A GraphServer where it lives: both what the watches show and what writes go to."""

    def __init__(self, **spec: Any) -> None:
        metadata = {"name": "shared", "namespace": "agents", "uid": "s", "generation": 1}
        spec = {"url": "http://langgraph:2024", **spec}
        self.object = {"apiVersion": names.API_VERSION, "kind": "GraphServer", "metadata": metadata, "spec": spec}
        self.seen: dict[str, CachedJob] = {}
        self.ended: list[CachedPod] = []
        self.made: list[dict[str, Any]] = []
        self.events: list[tuple[bool, str]] = []
        self.refuses = False
        self.deleted = False
        self.limiter: PreflightLimiter[Key] = PreflightLimiter(4, lambda _: None)

    def body(self, key: Key) -> Any:
        return self.object if key == KEY else None

    def cronjobs(self, key: Key) -> list[Any]:
        return []

    def jobs(self, key: Key, uid: str) -> list[CachedJob]:
        return list(self.seen.values()) if uid == "s" else []

    def pods(self, key: Key, uid: str) -> list[CachedPod]:
        return self.ended if uid == "s" else []

    async def exists(self, owner: Any) -> bool:
        return not self.deleted

    async def create_job(self, manifest: dict[str, Any]) -> None:
        if self.refuses:
            raise ClusterError("POST /jobs: 500")
        name = manifest["metadata"]["name"]
        if name not in self.seen:
            self.made.append(manifest)
            metadata = {**manifest["metadata"], "creationTimestamp": NOW.isoformat()}
            self.seen[name] = cached_job({**manifest, "metadata": metadata})

    async def delete_job(self, namespace: str, name: str, *, uid: str, version: str = "") -> None:
        del self.seen[name]

    async def list_events(self, namespace: str, uid: str) -> list[dict[str, Any]]:
        return []

    async def update_status(self, owner: Any, status: dict[str, Any]) -> bool:
        self.object = {**self.object, "status": status}
        return True

    async def create_event(self, owner: Any, event: Any, *, now: str) -> None:
        self.events.append((event.normal, event.reason))

    def look(self, now: datetime, settings: Settings = SETTINGS) -> datetime | None:
        reconciler = ServerReconciler(cast("Cluster", self), self, settings, self.limiter)
        return asyncio.run(reconciler.reconcile(KEY, now=now))

    def probe(self, report: Report, now: datetime) -> None:
        """Let the newest probe end and be gone, and look at each."""
        name = self.made[-1]["metadata"]["name"]
        over = job(
            name=name, succeeded=report.outcome is Outcome.SUCCEEDED, failed=report.outcome is not Outcome.SUCCEEDED
        )
        self.seen[name], self.ended = over, [pod(over, report)]
        self.look(now)
        self.seen, self.ended = {}, []
        self.look(now + timedelta(seconds=1))

    @property
    def ready(self) -> tuple[str, str]:
        (told,) = self.object["status"]["conditions"]
        return told["status"], told["reason"]

    @property
    def message(self) -> str:
        (told,) = self.object["status"]["conditions"]
        return str(told["message"])

    @property
    def server(self) -> str | None:
        return self.object["status"].get("server")


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_a_new_one_is_looked_at_once():
    place = Place()
    for second in range(60):
        place.look(after(second))
    assert len(place.made) == 1
    assert place.ready == ("Unknown", "Checking")
    (owner,) = place.made[0]["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"]) == ("GraphServer", "s")


def test_the_probe_asks_for_no_assistant_and_sends_the_servers_key():
    place = Place(apiKeySecretRef={"name": "langgraph", "key": "api-key"})
    place.look(NOW)
    container = place.made[0]["spec"]["template"]["spec"]["containers"][0]
    environment = {each["name"]: each for each in container["env"]}
    assert '"assistant":""' in environment["GRAPHCRON_REQUEST"]["value"]
    assert environment["GRAPHCRON_API_KEY"]["valueFrom"]["secretKeyRef"]["name"] == "langgraph"


@pytest.mark.parametrize(
    ("report", "ready", "server"),
    [(GOOD, ("True", "Answers"), GOOD.server), (DOWN, ("False", "ConnectionRefused"), None)],
)
def test_what_the_probe_found_is_told_and_kept(report, ready, server):
    place = Place()
    place.look(NOW)
    place.probe(report, after(5))
    place.look(after(600))
    assert (place.ready, place.server) == (ready, server)
    assert place.object["status"]["observedGeneration"] == 1


def test_one_that_answers_is_looked_at_again_in_its_rhythm():
    place = Place()
    place.look(NOW)
    place.probe(GOOD, after(5))
    assert place.look(after(500)) == after(900)
    place.look(after(899))
    assert len(place.made) == 1
    place.look(after(900))
    assert len(place.made) == 2


def test_probe_interval_server_down_backs_off_to_normal_interval():
    """A server that is down is probed within a minute, then less and less often, but at least as often as the others."""
    place, pauses = Place(), list[float]()
    place.look(NOW)
    found = after(5)
    for _ in range(8):
        place.probe(DOWN, found)
        due = place.look(found + timedelta(seconds=2))
        while due is not None and len(place.seen) == 0:
            before, due = due, place.look(due)
        pauses.append((before - found).total_seconds())
        found = before + timedelta(seconds=5)
    assert pauses[0] <= 60
    assert all(longest / 2 <= pause <= longest + 1 for pause, longest in zip(pauses, EXPECTED, strict=True)), pauses


EXPECTED = [60, 120, 240, 480, 900, 900, 900, 900]


def test_until_the_next_probe_has_ended_the_last_one_counts():
    place = Place()
    place.look(NOW)
    place.probe(GOOD, after(5))
    place.look(after(900))
    assert place.ready == ("True", "Answers")
    place.probe(DOWN, after(905))
    assert place.ready == ("False", "ConnectionRefused")
    assert place.server == GOOD.server


def test_changes_are_told_in_events_and_nothing_twice():
    place = Place()
    place.look(NOW)
    for number, report in enumerate((GOOD, GOOD, DOWN, DOWN, GOOD)):
        place.probe(report, after(900 * number + 5))
        place.look(after(900 * number + 900))
    assert place.events == [(True, "Answers"), (False, "ConnectionRefused"), (True, "Answers")]


def test_another_url_makes_what_was_found_worthless():
    place = Place()
    place.look(NOW)
    place.probe(GOOD, after(5))
    place.object = {**place.object, "spec": {"url": "http://another:2024"}}
    place.look(after(10))
    assert (len(place.made), place.ready, place.server) == (2, ("Unknown", "Checking"), None)
    place.probe(DOWN, after(15))
    assert place.ready == ("False", "ConnectionRefused")


def test_a_budget_is_no_matter_of_whether_it_answers():
    place = Place()
    place.look(NOW)
    place.probe(GOOD, after(5))
    place.object = {**place.object, "spec": {**cast("dict", place.object["spec"]), "budget": {"maxTokensPerRun": 5}}}
    place.look(after(10))
    assert (len(place.made), place.ready) == (1, ("True", "Answers"))


def spoilt(place: Place) -> None:
    place.object = {**place.object, "spec": {"url": "no url"}}


def righted(place: Place) -> None:
    place.object = {**place.object, "spec": {"url": "http://langgraph:2024"}}


def test_a_wrong_spec_says_so_and_is_forgotten_once_it_is_right():
    place = Place()
    place.look(NOW)
    place.probe(GOOD, after(5))
    spoilt(place)
    place.look(after(10))
    assert place.ready == ("False", "InvalidSpec")
    righted(place)
    place.look(after(20))
    assert place.ready == ("Unknown", "Checking")
    place.probe(GOOD, after(25))
    assert place.ready == ("True", "Answers")


@pytest.mark.parametrize(
    ("seconds", "refused", "retried"),
    [(0, ("Unknown", "FailedCreate"), ("Unknown", "Checking")), (900, ("True", "Answers"), ("True", "Answers"))],
    ids=["the first", "a later one"],
)
def test_rejected_probe_reported_retried_result_kept(seconds, refused, retried):
    place = Place()
    if seconds:
        place.look(NOW)
        place.probe(GOOD, after(5))
    place.refuses = True
    for second in range(3):
        with pytest.raises(ClusterError):
            place.look(after(seconds + second))
        assert (place.ready, place.message.count("POST /jobs: 500")) == (refused, 1)
    place.refuses = False
    before = len(place.made)
    place.look(after(seconds + 5))
    assert (len(place.made), place.ready) == (before + 1, retried)
    assert "500" not in place.message
    assert place.object["status"]["preflight"]["attempts"] == before + 1
    place.probe(GOOD, after(seconds + 10))
    assert place.ready == ("True", "Answers")


def test_a_probe_that_vanished_without_a_word_is_made_again():
    place = Place()
    place.look(NOW)
    place.seen = {}
    place.look(after(60))
    assert len(place.made) == 2
    assert len({each["metadata"]["name"] for each in place.made}) == 1


@pytest.mark.parametrize(
    "gone", [lambda place: place.object["metadata"].update(deletionTimestamp="2026-11-22T12:00:00Z")]
)
def test_one_that_is_going_is_left_alone(gone: Callable[[Place], None]):
    place = Place()
    gone(place)
    assert place.look(NOW) is None
    assert place.made == []


def test_a_status_that_somebody_made_unreadable_is_begun_anew():
    place = Place()
    place.object = {**place.object, "status": {"conditions": "?"}}
    place.look(NOW)
    assert place.ready == ("Unknown", "Checking")


def test_of_a_graphserver_that_is_gone_no_probe_is_made():
    place = Place()
    place.look(NOW)
    place.probe(GOOD, NOW)
    place.deleted = True
    assert place.look(NOW + timedelta(hours=1)) is None
    assert len(place.made) == 1


@pytest.mark.parametrize("metadata", [{}, {"deletionTimestamp": "2026-11-22T12:00:00Z"}])
def test_a_probe_of_a_server_that_is_no_longer_allowed_is_ended(metadata):
    place = Place()
    place.look(NOW)
    assert place.seen
    place.object["metadata"] |= metadata
    limited = replace(SETTINGS, allowed_servers=("https://langgraph.example.com",), server_url="")
    place.look(after(1), replace(SETTINGS, allowed_servers=("http://*:2024",)))
    assert place.seen
    place.look(after(2), limited)
    assert not place.seen
    assert (False, "NotAllowed") in place.events
