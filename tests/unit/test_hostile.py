"""Objects that a stranger made: whatever they hold, what reads them returns, and harms nobody else."""

import asyncio
import json
from contextlib import suppress
from datetime import timedelta
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphcron.api import names
from graphcron.api.reasons import ConditionType
from graphcron.api.v1alpha1 import GraphCronStatus, parse, problems, read_status
from graphcron.cache.expectations import Expectations
from graphcron.cache.objects import (
    cached_cronjob,
    cached_job,
    cached_pod,
    read_request_annotation,
    scheduled_time_of,
    without_unread_metadata,
)
from graphcron.cache.ownership import claimed_group, owner_key, owner_uid
from graphcron.cache.store import Key, Store
from graphcron.cache.termination_message import report_of
from graphcron.contract import Outcome
from graphcron.controller.graphcron import Reconciler
from graphcron.errors import ClusterError, SpecError
from graphcron.kube.client import Cluster
from graphcron.metrics import Metrics
from graphcron.planning.preflight_limiter import PreflightLimiter
from graphcron.unstructured.fields import is_answered, time_of
from tests.unit.hostile import AMOUNTS, JSON, NUMBERS, PROFILE, TEXT, TIMES, mapping, report
from tests.unit.world import NOW, SETTINGS, UID

ANNOTATIONS = [each for name, each in vars(names).items() if name.startswith("ANNOTATION_")]
LABELS = [each for name, each in vars(names).items() if name.startswith("LABEL_")]

METADATA = st.fixed_dictionaries(
    {"name": TEXT | st.sampled_from(["hello", "hello-29384756"]), "uid": TEXT, "resourceVersion": st.just("7")},
    optional={
        "namespace": st.just("agents"),
        "generation": st.integers(1, 9),
        "creationTimestamp": TIMES,
        "labels": mapping(**dict.fromkeys(LABELS, TEXT)),
        "annotations": mapping(**dict.fromkeys(ANNOTATIONS, TIMES)),
        "ownerReferences": JSON | st.lists(mapping(uid=TEXT, controller=st.booleans())),
        "managedFields": JSON | st.lists(mapping(time=TIMES, fieldsV1=JSON)),
    },
)
"""What the API server guarantees of metadata, and what it does not."""

CONDITION = mapping(type=st.sampled_from(["Failed", "Complete", "PodScheduled"]), status=st.sampled_from(["True", "False"]),
                    reason=TEXT, message=TEXT, lastTransitionTime=TIMES)  # fmt: skip

STATE = mapping(
    terminated=mapping(message=report().map(json.dumps) | TEXT, finishedAt=TIMES), waiting=mapping(reason=TEXT)
)

STATUS = mapping(
    conditions=st.lists(CONDITION, max_size=3), completionTime=TIMES, lastScheduleTime=TIMES, phase=TEXT,
    containerStatuses=st.lists(mapping(name=TEXT, state=STATE), max_size=2), observedGeneration=st.integers(),
)  # fmt: skip

BODIES = st.fixed_dictionaries({"metadata": METADATA}, optional={"spec": JSON, "status": STATUS | JSON})


def limiter() -> PreflightLimiter[Key]:
    return PreflightLimiter(4, lambda _: None)


@PROFILE
@given(BODIES)
def test_what_is_kept_of_any_object_can_be_read(body: dict[str, Any]):
    for read in (cached_cronjob, cached_job, cached_pod, owner_key, owner_uid, claimed_group, is_answered):
        read(body)
    for annotation in ANNOTATIONS:
        read_request_annotation(body, annotation)
        without_unread_metadata(body, annotation)


@PROFILE
@given(JSON | TIMES)
def test_any_time_parsed_within_range_or_none(value: Any):
    moment = time_of(value)
    assert moment is None or 1969 <= moment.year <= 9000


@PROFILE
@given(TEXT | st.from_regex(r"hello-[0-9]{1,12}", fullmatch=True))
def test_any_name_of_a_job_is_read(name: str):
    scheduled_time_of(name)


@PROFILE
@given(report().map(json.dumps) | JSON.map(json.dumps) | TEXT)
def test_any_termination_message_is_read(text: str):
    found = report_of(text)
    assert found is None or report_of(found.to_json()) == found


# --- GraphCrons: their spec is what the schema takes, or an older one did; their status may be anybody's

RUN = mapping(
    scheduledTime=TIMES, firstScheduledTime=TIMES, startTime=TIMES, outcome=st.sampled_from([*Outcome, "Novel"]),
    durationSeconds=NUMBERS, tokens=NUMBERS, count=NUMBERS, attempts=NUMBERS, cost=AMOUNTS, reason=TEXT, job=TEXT,
    runId=TEXT, threadId=TEXT, message=TEXT, trigger=TEXT, tokensAtLeast=st.booleans(), graphRun=TEXT,
    requestedTime=TIMES,
)  # fmt: skip
CONDITIONS = mapping(type=st.sampled_from(list(ConditionType)), status=st.sampled_from(["True", "False", "Unknown"]),
                     reason=TEXT, message=TEXT, lastTransitionTime=TIMES)  # fmt: skip
GRAPHCRON_STATUS = mapping(
    observedGeneration=NUMBERS, conditions=st.lists(CONDITIONS, max_size=3), recentRuns=st.lists(RUN, max_size=8),
    active=st.lists(mapping(job=TEXT, scheduledTime=TIMES), max_size=2), missedRuns=NUMBERS,
    consecutiveFailures=NUMBERS, nextScheduleTimes=st.lists(TIMES, max_size=2), lastHandledTrigger=TEXT,
    budget=mapping(windowStart=TIMES, windowEnd=TIMES, tokens=NUMBERS, cost=AMOUNTS), checkedUntil=TIMES,
    preflight=mapping(key=TEXT, attempts=NUMBERS, time=TIMES), lastSuccessfulTime=TIMES, lastScheduleTime=TIMES,
    cronJobs=st.lists(mapping(name=TEXT, generation=NUMBERS), max_size=2),
)  # fmt: skip
SPEC = mapping(
    assistant=st.just("agent"), schedule=st.sampled_from(["* * * * *", "0 0 29 2 *", "H H * * *"]), input=JSON,
    budget=mapping(maxTokens=NUMBERS, window=st.sampled_from(["day", "36h"]), maxCost=AMOUNTS), startTime=TIMES,
    endTime=TIMES, config=JSON, context=JSON, metadata=JSON, history=mapping(runs=NUMBERS), serverRef=mapping(name=TEXT),
    excludes=st.lists(mapping(date=st.sampled_from(["0001-01-01", "9999-12-31", "2026-02-30"]),
                              **{"from": TIMES, "to": TIMES, "reason": TEXT}), max_size=2),
    timeZone=st.sampled_from(["Etc/UTC", "Pacific/Kiritimati", "Nowhere/Land"]),
)  # fmt: skip
VALID = {"assistant": "agent", "schedule": "*/5 * * * *", "budget": {"window": "day", "maxTokens": 5}}
GRAPHCRONS = st.builds(
    lambda metadata, spec, status: {
        "apiVersion": names.API_VERSION, "kind": names.KIND, "spec": spec, "status": status,
        "metadata": {**metadata, "name": "hello", "namespace": "agents", "uid": UID, "generation": 3},
    },
    METADATA, st.just(VALID) | SPEC, GRAPHCRON_STATUS | JSON,
)  # fmt: skip


class FakeCluster:
    """What the watches have shown of one GraphCron, and an API server that takes any write."""

    def __init__(self, body: Any, children: list[Any]) -> None:
        self._body, self._children = body, children
        self.statuses: list[Any] = []

    def body(self, key: Key) -> Any:
        return self._body if key.kind == names.KIND else None

    def cronjobs(self, key: Key) -> list[Any]:
        return [cached_cronjob(each) for each in self._children]

    def graph_runs(self, key: Key, uid: str) -> list[Any]:
        return []

    def jobs(self, key: Key, uid: str) -> list[Any]:
        return [cached_job(each) for each in self._children]

    def pods(self, key: Key, uid: str) -> list[Any]:
        return [cached_pod(each) for each in self._children]

    def orphans(self, key: Key) -> list[Any]:
        return []

    async def get_cronjob(self, namespace: str, name: str) -> None:
        return None

    async def create_cronjob(self, manifest: Any) -> Any:
        return await self.apply_cronjob(manifest, uid="c")

    async def apply_cronjob(self, manifest: Any, *, uid: str, upgrade: bool = False) -> Any:
        return {**manifest, "metadata": {**manifest["metadata"], "uid": "c", "generation": 1}}

    async def update_status(self, owner: Any, status: Any) -> bool:
        self.statuses.append(json.loads(json.dumps(status)))
        return True

    async def _nothing(self, *_: Any, **__: Any) -> None:
        return None

    async def exists(self, owner: Any) -> bool:
        return True

    async def list_events(self, namespace: str, uid: str) -> list[Any]:
        return [{"reason": "FailedCreate", "message": None, "lastTimestamp": 5}, {"reason": {}, "message": []}]

    create_job = delete_job = terminate_pod = delete_cronjob = suspend_cronjob = create_event = _nothing


@PROFILE
@given(GRAPHCRONS, st.lists(BODIES, max_size=3))
def test_reconcile_any_graphcron_and_children_reports_state(body: Any, children: list[Any]):
    store = FakeCluster(body, children)
    ended: list[Any] = []
    reconciler = Reconciler(
        cast("Cluster", store), cast("Any", store), SETTINGS, limiter(), lambda *told: ended.append(told)
    )
    for now in (NOW, NOW + timedelta(days=1)):
        with suppress(ClusterError):
            asyncio.run(reconciler.reconcile(Key("agents", "hello"), now=now))
    for status in store.statuses:
        assert "Ready" in [each["type"] for each in status["conditions"]]
        assert read_status(GraphCronStatus, {"status": status}) != GraphCronStatus()


@PROFILE
@given(st.lists(GRAPHCRONS, max_size=3))
def test_any_graphcrons_are_measured_and_a_good_one_beside_them(bodies: list[Any]):
    good = {"metadata": {"namespace": "other", "name": "good"}, "spec": VALID, "status": {"missedRuns": 7}}
    metrics = Metrics("0", queued=lambda: 0, graphcrons=lambda: [*bodies, good])
    assert 'graphcron_missed_runs{name="good",namespace="other"} 7.0' in metrics.text().decode()


@PROFILE
@given(GRAPHCRONS)
def test_any_graphcron_is_kept_and_read_again(body: Any):
    store = Store(Expectations(timedelta(seconds=60)))
    store.update(body, deleted=False)
    assert store.body(Key("agents", "hello"))["spec"] == body["spec"]
    with suppress(SpecError):
        parse(body)
    assert all(str(each) for each in problems(body))


@PROFILE
@given(BODIES)
def test_any_child_is_kept_for_its_owner(body: Any):
    for kind in ("CronJob", "Job", "Pod"):
        store = Store(Expectations(timedelta(seconds=60)))
        for deleted in (False, True):
            list(store.update(body | {"kind": kind}, deleted=deleted))


# --- single cases that were once fatal

ROLLED_BACK = {
    "recentRuns": [
        {"scheduledTime": "2026-11-22T11:55:00Z", "outcome": "Postponed", "job": "hello-29384755"},
        {"scheduledTime": "2026-11-22T11:50:00Z", "outcome": "GraphError", "durationSeconds": 1e300},
        {"scheduledTime": "2026-11-22T11:45:00Z", "outcome": "Succeeded", "durationSeconds": 5.0},
    ],
    "consecutiveFailures": 2,
    "novelty": {"of": "a newer version"},
}


def test_outcome_of_newer_version_kept_as_neutral():
    """An outcome of a newer version is kept, and is neither a success nor a failure."""
    body = {"apiVersion": names.API_VERSION, "kind": names.KIND, "spec": VALID, "status": ROLLED_BACK}
    body["metadata"] = {"name": "hello", "namespace": "agents", "uid": UID, "generation": 1, "resourceVersion": "7"}
    store = FakeCluster(body, [])
    reconciler = Reconciler(cast("Cluster", store), cast("Any", store), SETTINGS, limiter())
    asyncio.run(reconciler.reconcile(Key("agents", "hello"), now=NOW))
    status = store.statuses[-1]
    conditions = {each["type"]: each for each in status["conditions"]}
    assert [each["outcome"] for each in status["recentRuns"]] == ["Postponed", "Succeeded"]
    assert status["consecutiveFailures"] == 2
    last = conditions["LastRunSucceeded"]
    assert (last["status"], last["reason"]) == ("Unknown", "Postponed")
    assert conditions["Ready"]["reason"] == "Reconciled"


def test_a_status_is_read_without_the_entries_that_cannot_be_read():
    status = read_status(GraphCronStatus, {"status": {**ROLLED_BACK, "missedRuns": -1, "lastScheduleTime": "soon"}})
    assert [each.outcome for each in status.recent_runs or ()] == ["Postponed", "Succeeded"]
    assert (status.consecutive_failures, status.missed_runs, status.last_schedule_time) == (2, None, None)


@pytest.mark.parametrize("field", ["input", "config", "context", "metadata"])
@pytest.mark.parametrize(("levels", "is_taken"), [(64, True), (65, False), (99, False), (150, False)])
def test_a_field_may_be_nested_64_levels_deep(field: str, levels: int, is_taken: bool):
    value = json.loads('{"a":' * levels + "1" + "}" * levels)
    body = {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": {"name": "hello"}}
    found = problems({**body, "spec": {**VALID, field: value}})
    assert [str(each) for each in found] == (
        [] if is_taken else [f"spec.{field}: is nested more than 64 levels deep; make it flatter"]
    )


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1969-12-31T23:59:59Z"])
def test_a_campaign_lies_within_the_years_that_can_be_reckoned_with(moment: str):
    body = {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": {"name": "hello"}}
    [problem] = problems({**body, "spec": {**VALID, "endTime": moment}})
    assert problem.field == "spec.endTime"
    assert "is out of range; write one in the years 1970 to 8999" in str(problem)
