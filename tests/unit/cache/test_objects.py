"""Cached values of objects with any content."""

import json
from datetime import timedelta
from typing import Any

import pytest

from graphcron.api import names
from graphcron.api.names import Purpose
from graphcron.cache.objects import (
    cached_cronjob,
    cached_job,
    cached_pod,
    read_request_annotation,
    scheduled_time_of,
    without_unread_metadata,
)
from graphcron.cache.ownership import owner_key, owner_uid
from graphcron.contract import Outcome, Report
from tests.unit.world import UID, at

MINUTE = int(at("12:00").timestamp()) // 60
RUN, RESUME = names.ANNOTATION_RUN_REQUESTED, names.ANNOTATION_RESUME_REQUESTED


def body(*, name: str = "hello", status: Any = None, **metadata: Any) -> dict[str, Any]:
    usual = {"name": name, "namespace": "agents", "uid": "x", "creationTimestamp": "2026-11-22T12:00:01Z"}
    return {"metadata": {**usual, **metadata}, "status": status or {}}


# --- CronJobs


def test_cached_cronjob_has_the_annotations():
    annotations = {
        names.ANNOTATION_APPLIED: "h", names.ANNOTATION_SCHEDULE_KEY: "k",
        names.ANNOTATION_SCHEDULE_SINCE: "2026-11-22T11:00:00Z", names.ANNOTATION_PAUSED_SINCE: "2026-11-22T11:30:00Z",
        names.ANNOTATION_HANDLED_TRIGGER: "now", names.ANNOTATION_HANDLED_RESUME: "please",
    }  # fmt: skip
    seen = cached_cronjob({**body(annotations=annotations, generation=3), "spec": {"suspend": True}})
    assert (seen.schedule_since, seen.paused_since, seen.suspended) == (at("11:00"), at("11:30"), True)
    assert (seen.handled_trigger, seen.handled_resume, seen.generation) == ("now", "please", 3)


@pytest.mark.parametrize(
    "text",
    [
        "soon", "", "2026-13-01T00:00:00Z", "99", "2026-11-22", "2026-11-22T12:00:00", "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00", "10000-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "9000-01-01T00:00:00Z",
    ],
)  # fmt: skip
def test_cached_times_invalid_are_none(text):
    annotations = {names.ANNOTATION_SCHEDULE_SINCE: text, names.ANNOTATION_PAUSED_SINCE: text}
    seen = cached_cronjob(body(annotations=annotations))
    assert (seen.schedule_since, seen.paused_since) == (None, None)
    annotations = {names.ANNOTATION_SCHEDULED_TIMESTAMP: text}
    assert cached_job(body(name="hello-by-hand", annotations=annotations)).scheduled_time == at("12:00:01")


@pytest.mark.parametrize(
    ("owner", "label", "ours"),
    [(UID, "", True), ("", UID, True), ("other", UID, False), ("", "other", False), ("", "", False)],
)
def test_a_cronjob_belongs_to_its_controller_or_without_one_to_its_label(owner, label, ours):
    owners = [{"uid": owner, "controller": True}, {"uid": "a third"}] if owner else None
    seen = cached_cronjob(body(ownerReferences=owners, labels={names.LABEL_UID: label} if label else {}))
    assert seen.belongs_to(UID) is ours


# --- Jobs


def conditions(*kinds: str, status: str = "True") -> dict[str, Any]:
    made = [
        {"type": kind, "status": status, "reason": "R", "lastTransitionTime": "2026-11-22T12:01:00Z"} for kind in kinds
    ]
    return {"conditions": made}


@pytest.mark.parametrize(
    ("status", "succeeded", "failed", "failure"),
    [
        ({}, False, False, ""),
        (conditions("Complete"), True, False, ""),
        (conditions("Failed"), False, True, "R"),
        (conditions("Failed", status="False"), False, False, ""),
        (conditions("FailureTarget"), False, False, ""),
        (conditions("SuccessCriteriaMet"), False, False, ""),
        (conditions("FailureTarget", "Failed"), False, True, "R"),
        (conditions("Suspended"), False, False, ""),
    ],
)
def test_cached_job_finished_by_conditions(status, succeeded, failed, failure):
    seen = cached_job(body(status=status))
    assert (seen.succeeded, seen.failed, seen.failure) == (succeeded, failed, failure)
    assert seen.finished_at == (at("12:01") if succeeded or failed else None)


@pytest.mark.parametrize(
    ("name", "annotation", "moment"),
    [
        (f"hello-{MINUTE}", None, "12:00"),
        (f"hello-{MINUTE}", "2026-11-22T11:00:00Z", "11:00"),
        (f"hello-{MINUTE}", "soon", "12:00"),
        ("hello-by-hand", None, "12:00:01"),
        ("hello-0123456789", "2026-11-22T11:00:00+00:00", "11:00"),
        ("hello-0123456789", None, "12:00:01"),
    ],
)
def test_cached_job_scheduled_time(name, annotation, moment):
    annotations = {names.ANNOTATION_SCHEDULED_TIMESTAMP: annotation} if annotation else {}
    assert cached_job(body(name=name, annotations=annotations)).scheduled_time == at(moment)


@pytest.mark.parametrize("name", ["hello", "hello-", "hello-²", "hello-١٢٣", "hello-123456789", "hello-1e5", ""])
def test_scheduled_time_of_other_names_is_none(name):
    assert scheduled_time_of(name) is None


@pytest.mark.parametrize(
    ("label", "purpose"),
    [(None, None), *((each.value, each) for each in Purpose), ("novelty", Purpose.PREFLIGHT), ("", Purpose.PREFLIGHT)],
)
def test_cached_job_and_pod_purpose(label, purpose):
    labels = {} if label is None else {names.LABEL_PURPOSE: label}
    assert cached_job(body(labels=labels)).purpose == cached_pod(body(labels=labels)).purpose == purpose


def test_cached_job_trigger():
    assert cached_job(body(annotations={names.ANNOTATION_TRIGGER: "now 🕰"})).trigger == "now 🕰"
    assert cached_job(body()).trigger == ""


def test_owner_key_is_read_from_the_label():
    assert owner_key(body(labels={names.LABEL_NAME: "hello"})) == ("agents", "hello")
    assert owner_key(body()) == ("agents", "")


# --- Pods


def ended(message: Any) -> dict[str, Any]:
    text = message if isinstance(message, str) else json.dumps(message)
    state = {"terminated": {"message": text, "finishedAt": "2026-11-22T12:01:00Z"}}
    return {"phase": "Succeeded", "containerStatuses": [{"name": names.CONTAINER, "state": state}]}


def test_cached_pod_report():
    report = Report(Outcome.SUCCEEDED, "fine", durationSeconds=3, windowEnd="2026-11-23T00:00:00Z", windowCost="0.5")
    seen = cached_pod(body(status=ended(report.to_json())))
    assert (seen.report, seen.terminal, seen.finished_at) == (report, True, at("12:01"))


@pytest.mark.parametrize(
    "message",
    [
        "", "Killed", "[]", "null", "5", "[" * 4096, {"outcome": "Novel"}, {"outcome": ["Succeeded"]}, {"message": "fine"},
        {"outcome": "Succeeded", "message": "x" * 5000},
    ],
    ids=lambda message: str(message)[:40],
)  # fmt: skip
def test_a_message_without_an_outcome_is_not_a_report(message):
    assert cached_pod(body(status=ended(message))).report is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"tokens": "many"}, {"tokens": -1}, {"tokens": 2**53}, {"tokens": 1.5}, {"tokens": True}, {"attempts": True},
        {"durationSeconds": 10**18}, {"durationSeconds": float("nan")}, {"durationSeconds": float("inf")},
        {"durationSeconds": 1e300}, {"durationSeconds": -1}, {"durationSeconds": "NaN"}, {"durationSeconds": 10**4000},
        {"cost": "NaN"}, {"cost": "1e999999999"}, {"cost": "-1"}, {"cost": "1" * 16}, {"cost": 1}, {"cost": "١"},
        {"windowCost": "much"}, {"windowCost": "Infinity"}, {"windowTokens": None}, {"tokensAtLeast": "yes"},
        {"startTime": "soon"}, {"startTime": "0001-01-01T00:00:00+14:00"}, {"windowStart": 5},
        {"windowEnd": "9999-12-31T23:59:59-14:00"}, {"windowEnd": "10000-01-01T00:00:00Z"}, {"scheduledTime": {}},
        {"runId": 5}, {"runId": "; rm -rf /"}, {"runId": "run-1"}, {"threadId": "x" * 129}, {"threadId": ["t"]}, {"reason": "two words"},
        {"reason": "\x1b[2J"}, {"reason": "a\u202eb"}, {"message": None}, {"server": []}, {"awaited": 1},
    ],
    ids=lambda wrong: str(wrong)[:60],
)  # fmt: skip
def test_report_invalid_fields_ignored(wrong):
    """The image is the user's choice, and what can't be read must not stop us."""
    message = {"outcome": "GraphError", "reason": "ValueError", "attempts": 2}
    expected = {key: value for key, value in message.items() if key not in wrong}
    report = cached_pod(body(status=ended({**message, **wrong}))).report
    assert report == Report(**{**expected, "outcome": Outcome.GRAPH_ERROR})


def test_report_message_control_characters_replaced():
    """``kubectl describe`` and ``kubectl get events`` print them as they are."""
    message = {"outcome": "GraphError", "message": "caf\xe9 \x1b]0;title\x07\u202e\x9b2J\n\ud83d"}
    report = cached_pod(body(status=ended(message))).report
    assert report == Report(Outcome.GRAPH_ERROR, "caf\xe9  ]0;title   2J  ")


def test_cached_pod_waiting_reason():
    state = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
    seen = cached_pod(
        body(status={"phase": "Pending", "containerStatuses": [{"name": names.CONTAINER, "state": state}]})
    )
    assert (seen.waiting_reason, seen.waiting_message, seen.terminal) == ("ImagePullBackOff", "no such image", False)
    unscheduled = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes"}
    seen = cached_pod(body(status={"phase": "Pending", "conditions": [unscheduled]}))
    assert (seen.waiting_reason, seen.waiting_message) == ("Unschedulable", "0/1 nodes")


# --- What a person asks for


def managed(*entries: tuple[str, str | None]) -> list[dict[str, Any]]:
    return [
        {"manager": f"m{at}", "time": moment, "fieldsV1": {"f:metadata": {"f:annotations": {".": {}, f"f:{name}": {}}}}}
        for at, (name, moment) in enumerate(entries)
    ]


SECOND = "2026-11-22T12:00:10Z"


@pytest.mark.parametrize(
    ("fields", "moment"),
    [
        (None, None),
        ([], None),
        (managed((RESUME, SECOND)), None),
        (managed((RUN, SECOND)), "12:00:10"),
        (managed((RUN, "2026-11-22T11:00:00Z"), (RUN, SECOND), (RESUME, "2026-11-22T13:00:00Z")), "12:00:10"),
        (managed((RUN, None)), None),
        (managed((RUN, "soon")), None),
        ([{"manager": "old", "time": SECOND}, {"time": SECOND, "fieldsV1": {"f:spec": {}}}], None),
    ],
)
def test_request_annotation_time_from_managed_fields(fields, moment):
    asked = body(annotations={RUN: "now"}, managedFields=fields)
    for each in (asked, without_unread_metadata(asked, RUN)):
        wish = read_request_annotation(each, RUN)
        assert wish is not None
        assert (wish.value, wish.time) == ("now", moment and at(moment))


@pytest.mark.parametrize("annotations", [None, {}, {RUN: ""}, {RESUME: "x"}])
def test_request_annotation_missing_is_none(annotations):
    assert read_request_annotation(body(annotations=annotations), RUN) is None


def test_other_managed_fields_are_dropped():
    asked = body(annotations={RUN: "now"}, managedFields=managed((RUN, SECOND), (RESUME, SECOND)))
    kept = without_unread_metadata(asked, RUN)
    assert len(kept["metadata"]["managedFields"]) == 1
    assert without_unread_metadata(body(managedFields=managed((RESUME, SECOND))), RUN)["metadata"].keys() == kept[
        "metadata"
    ].keys() - {"managedFields"}
    assert kept["metadata"]["annotations"] == {RUN: "now"}


def test_cached_pod_created():
    assert cached_pod(body()).created - at("12:00") == timedelta(seconds=1)


def test_cached_annotations_unread_dropped_long_truncated():
    """The cache keeps only annotations that are read, and only the beginning of a long one."""
    long = "x" * 200_000
    annotations = {RUN: long, RESUME: "now", f"{names.GROUP}/else": long, f"{names.GROUP}evil": long}
    kept = without_unread_metadata(body(annotations=annotations), RUN)["metadata"]["annotations"]
    assert kept == {RUN: long[:1024], RESUME: "now"}
    assert read_request_annotation(body(annotations=annotations), RUN).value == kept[RUN]
    cronjob = cached_cronjob(body(annotations={names.ANNOTATION_HANDLED_TRIGGER: long, names.ANNOTATION_APPLIED: long}))
    assert (cronjob.handled_trigger, len(cronjob.applied)) == (kept[RUN], 1024)
    assert len(cached_job(body(annotations={names.ANNOTATION_TRIGGER: long})).trigger) == 1024


@pytest.mark.parametrize(
    ("owner", "expected"),
    [
        ({"apiVersion": "batch/v1", "kind": "CronJob"}, "c"), ({"apiVersion": "batch/v2", "kind": "CronJob"}, "c"),
        ({"apiVersion": names.API_VERSION, "kind": names.KIND}, "c"), ({"apiVersion": "v1", "kind": "CronJob"}, ""),
        ({"apiVersion": "batch/v1", "kind": "Job"}, ""), ({"apiVersion": 1, "kind": []}, ""),
    ],
)  # fmt: skip
def test_owner_uid_takes_a_cronjob_that_is_not_the_controller(owner, expected):
    assert owner_uid(body(ownerReferences=[{"uid": "x"}, {**owner, "uid": "c"}])) == expected
