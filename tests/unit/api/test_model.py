"""The model: what it reads, what it refuses, and in which words."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import yaml

from graphcron.api import v1alpha1
from graphcron.api.v1alpha1 import Condition, GraphCron, GraphCronStatus, GraphServerStatus, RecentRun
from graphcron.api.v1alpha1.schedule import Schedule
from graphcron.api.v1alpha1.validation import Rules
from graphcron.errors import SpecError
from graphcron.schedule import cron, hashed, times
from tests.api.specs import GOOD, GOOD_SERVER, manifest_of, problems, table

BAD = table("bad_specs.yaml")
NICE = table("good_specs.yaml")


def with_spec(**fields: Any) -> dict[str, Any]:
    return manifest_of({"with": {"spec": fields}})


@pytest.mark.parametrize("row", BAD, ids=lambda row: row["name"])
def test_bad_spec_is_refused_offline_in_good_words(row: dict[str, Any]) -> None:
    found = [str(problem) for problem in problems(manifest_of(row)) if problem.field == row["field"]]
    assert any(all(words in each for words in row.get("offline", row["says"])) for each in found), found


@pytest.mark.parametrize("row", BAD, ids=lambda row: row["name"])
def test_each_message_says_what_would_be_right(row: dict[str, Any]) -> None:
    for problem in problems(manifest_of(row)):
        assert problem.problem
        assert problem.remedy
        assert "\n" not in str(problem)


@pytest.mark.parametrize("row", NICE, ids=lambda row: row["name"])
def test_good_spec_is_taken(row: dict[str, Any]) -> None:
    assert problems(manifest_of(row)) == []


def test_the_tables_are_large_enough_and_name_each_case_once() -> None:
    names = [row["name"] for row in BAD + NICE]
    assert len(names) == len(set(names))
    assert len(BAD) >= 240


def test_defaults_are_the_models() -> None:
    spec = v1alpha1.parse(GOOD).spec
    assert (spec.concurrency_policy, spec.starting_deadline_seconds, spec.suspend) == ("Forbid", 120, False)
    assert (spec.history.successful, spec.history.failed, spec.history.runs) == (3, 3, 10)
    assert (spec.on_run_completed, spec.input_template, spec.timeout_seconds) == ("delete", False, None)
    assert (spec.thread, spec.time_zone, spec.server, spec.runner) == (None, None, None, None)
    assert (spec.catch_up, spec.on_interrupted, spec.preflight, spec.history.threads) == ("none", "skip", True, None)
    assert (spec.retry.attempts, spec.retry.on_graph_error, spec.retry.resume) == (0, False, True)
    assert (spec.budget, spec.failure_policy, spec.server_ref, spec.excludes) == (None, None, None, None)
    assert (spec.schedules, spec.start_time, spec.end_time) == (None, None, None)


def test_the_lines_are_one_schedule_or_several() -> None:
    assert v1alpha1.parse(GOOD).spec.lines == ("30 8 * * 1-5",)
    body = manifest_of({"without": "spec.schedule", "with": {"spec": {"schedules": ["H 4 * * *", "@daily"]}}})
    assert v1alpha1.parse(body).spec.lines == ("H 4 * * *", "@daily")


def test_what_is_excluded_is_a_pair_of_texts() -> None:
    day, stretch = {"date": "2026-12-25"}, {"from": "2026-12-24T18:00", "to": "2026-12-27T08:00"}
    excludes = v1alpha1.parse(with_spec(excludes=[day, stretch])).spec.excludes
    assert excludes is not None
    assert [each.span for each in excludes] == [("2026-12-25", "2026-12-25"), ("2026-12-24T18:00", "2026-12-27T08:00")]


def test_days_parsed_from_text_and_yaml_date() -> None:
    text = "[{date: 2026-12-25}, {from: 2026-12-24, to: 2026-12-26}, {from: 2026-12-24 18:00:00, to: 2026-12-27T08:00}]"
    excludes = v1alpha1.parse(with_spec(excludes=yaml.safe_load(text))).spec.excludes
    assert excludes is not None
    assert [each.span for each in excludes] == [
        ("2026-12-25", "2026-12-25"),
        ("2026-12-24", "2026-12-26"),
        ("2026-12-24T18:00", "2026-12-27T08:00"),
    ]


@pytest.mark.parametrize("kind", ["schedule", "schedules"])
def test_whether_an_h_ever_comes_round_is_judged_by_its_value(kind: str) -> None:
    """It hangs on namespace and name: 31 H is a day in seven months of twelve."""
    told = set()
    for number in range(40):
        body = with_spec() if kind == "schedule" else manifest_of({"without": "spec.schedule"})
        body["spec"][kind] = "0 9 31 H *" if kind == "schedule" else ["0 9 31 H *"]
        assert v1alpha1.problems(body) == []
        body["metadata"] = {"namespace": "agents", "name": f"report-{number}"}
        line = hashed.render("0 9 31 H *", seed=hashed.seed_for("agents", f"report-{number}"))
        never = times.never_fires(cron.parse(line))
        assert [each.field for each in v1alpha1.problems(body)] == ["spec"] * never
        told.add(never)
    assert told == {True, False}


def test_a_graph_server_is_read_like_a_graph_cron() -> None:
    server = v1alpha1.parse_server({**GOOD_SERVER, "status": {"server": "langgraph-api 0.16.7", "later": 1}})
    assert server.spec.url == "http://langgraph.agents.svc:8000"
    assert (server.spec.max_concurrent_runs, server.spec.budget, server.spec.headers) == (None, None, None)
    assert server.status == GraphServerStatus(server="langgraph-api 0.16.7")
    assert v1alpha1.parse_server({**GOOD_SERVER, "status": {"conditions": 1}}).status is None
    with pytest.raises(SpecError, match=r"^kind: is \"GraphCron\"; write GraphServer$"):
        v1alpha1.parse_server({**GOOD_SERVER, "kind": "GraphCron"})
    with pytest.raises(SpecError, match=r"^kind: is \"GraphServer\"; write GraphCron$"):
        v1alpha1.parse({**GOOD, "kind": "GraphServer"})


def test_parse_raises_the_first_problem() -> None:
    with pytest.raises(SpecError, match=r"spec\.schedule: minute") as caught:
        v1alpha1.parse(with_spec(schedule="61 * * * *", suspend="no"))
    assert caught.value.field == "spec.schedule"


def test_all_problems_are_found_at_once() -> None:
    body = with_spec(
        schedule="61 * * * *",
        timeZone="Mars/Phobos",
        metadata={"run_id": 1, "thread_id": 2},
        server={"url": "http://me@x?y"},
    )
    fields = [problem.field for problem in v1alpha1.problems(body)]
    assert fields == [
        "spec.metadata.run_id",
        "spec.metadata.thread_id",
        "spec.server.url",
        "spec.server.url",
        "spec.schedule",
        "spec.timeZone",
    ]


def test_snake_case_is_for_python_only() -> None:
    assert [problem.field for problem in v1alpha1.problems(with_spec(time_zone="Etc/UTC"))] == ["spec.time_zone"]
    assert GraphCronStatus(time_zone="Etc/UTC").time_zone == "Etc/UTC"


def test_none_is_as_good_as_left_out_in_python_only() -> None:
    assert v1alpha1.Server(url=None).url is None
    assert [str(each) for each in v1alpha1.problems(with_spec(server={"url": None}))] == [
        "spec.server.url: is null; leave it out, or give it a value"
    ]


def test_an_input_of_null_is_told_from_none_at_all() -> None:
    assert "input" in v1alpha1.parse(with_spec(input=None)).spec.model_fields_set
    assert "input" not in v1alpha1.parse(GOOD).spec.model_fields_set
    assert v1alpha1.problems(with_spec(input=None, inputFrom={"secretKeyRef": {"name": "a", "key": "b"}}))


def test_the_body_that_the_api_server_sends_is_read_whole() -> None:
    body = manifest_of(
        {
            "with": {
                "metadata": {
                    "namespace": "agents",
                    "uid": "b8a1",
                    "generation": 3,
                    "creationTimestamp": "2026-11-22T14:00:00Z",
                    "resourceVersion": "12",
                    "managedFields": [{"manager": "kubectl"}],
                    "labels": {"team": "research"},
                },
                "status": {"observedGeneration": 2, "later": "field of a newer operator"},
            }
        }
    )
    graphcron = v1alpha1.parse(body)
    assert graphcron.metadata.creation_timestamp == datetime(2026, 11, 22, 14, tzinfo=UTC)
    assert (graphcron.metadata.generation, graphcron.metadata.labels) == (3, {"team": "research"})
    assert graphcron.status == GraphCronStatus(observed_generation=2)


def test_a_status_that_cannot_be_read_is_taken_for_none() -> None:
    assert v1alpha1.parse({**GOOD, "status": {"conditions": "none"}}).status is None


def test_time_parsed_from_text_and_yaml_date() -> None:
    wanted = datetime(2026, 12, 31, 22, 59, 59, tzinfo=UTC)
    for text in ('"2026-12-31T23:59:59+01:00"', "2026-12-31T22:59:59Z", "2026-12-31 23:59:59+01:00"):
        assert v1alpha1.parse(with_spec(endTime=yaml.safe_load(text))).spec.end_time == wanted
    assert v1alpha1.problems(with_spec(endTime=yaml.safe_load("2026-12-31")))
    assert v1alpha1.problems(with_spec(endTime=1_800_000_000))
    assert v1alpha1.problems(with_spec(endTime="2026-13-31T23:59:59Z"))


def test_the_status_is_dumped_as_kubernetes_stores_it() -> None:
    at = datetime(2026, 11, 22, 9, 30, 0, 999_999, tzinfo=timezone(timedelta(hours=1)))
    status = GraphCronStatus(
        observed_generation=1,
        next_schedule_time=at,
        conditions=[Condition(type="Ready", status="True", reason="Reconciled", last_transition_time=at)],
        recent_runs=[RecentRun(scheduled_time=at, outcome="Succeeded", duration_seconds=1.5, tokens=0)],
        active=[],
    )
    dumped = v1alpha1.dump_status(status)
    assert dumped == {
        "observedGeneration": 1,
        "conditions": [
            {
                "type": "Ready",
                "status": "True",
                "reason": "Reconciled",
                "message": "",
                "lastTransitionTime": "2026-11-22T08:30:00Z",
            }
        ],
        "nextScheduleTime": "2026-11-22T08:30:00Z",
        "active": [],
        "recentRuns": [
            {"scheduledTime": "2026-11-22T08:30:00Z", "outcome": "Succeeded", "durationSeconds": 1.5, "tokens": 0}
        ],
    }
    again = v1alpha1.parse({**GOOD, "status": json.loads(json.dumps(dumped))}).status
    assert again is not None
    assert v1alpha1.dump_status(again) == dumped


def test_the_model_does_not_change() -> None:
    graphcron = v1alpha1.parse(GOOD)
    with pytest.raises(ValueError, match="frozen"):
        graphcron.spec.suspend = True  # type: ignore[misc]


def rules_of(alias: Any) -> Rules:
    return next(each for each in alias.__metadata__ if isinstance(each, Rules))


def test_cel_rule_never_rejects_valid_schedule() -> None:
    rules, dice = rules_of(Schedule), random.Random(7)
    taken = 0
    for _ in range(9_000):
        text = " ".join(_random_field(dice, at) for at in range(5))
        try:
            cron.parse(hashed.render(text, seed="agents/report"))
        except SpecError:
            continue
        taken += 1
        assert [rule.message for rule in rules if not rule.holds(text)] == [], text
    assert taken > 500


def _random_field(dice: random.Random, at: int) -> str:
    low, high = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))[at]
    words = {3: ["JAN", "dec", "Mar"], 4: ["SUN", "fri", "Sat"]}.get(at, [])

    def value() -> str:
        return dice.choice([str(dice.randint(low, high)), f"0{low}", f"+{high}", str(high + 1), *words])

    def item() -> str:
        span = dice.choice(["*", "?", value(), f"{value()}-{value()}", "", "H", f"H({value()}-{value()})"])
        return span + dice.choice(["", "", "", f"/{dice.randint(0, 70)}"])

    return ",".join(item() for _ in range(dice.choice([1, 1, 2, 3]))) or "*"


def test_the_schema_has_a_docstring_for_each_field() -> None:
    for part in (GraphCron, v1alpha1.GraphCronSpec, GraphCronStatus, *v1alpha1.Part.__subclasses__()):
        for name, field in part.model_fields.items():
            assert field.description, f"{part.__name__}.{name}"
