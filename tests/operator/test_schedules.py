"""Several lines, hashed minutes, campaigns and what is excluded: what becomes of them on a real control plane."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.cluster import wait_for
from tests.objects import Objects, condition

pytestmark = pytest.mark.usefixtures("operator")


def schedules(objects: Objects) -> list[str]:
    return sorted(each["spec"]["schedule"] for each in objects.all("cronjobs").values())


def iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def next_times(graphcron: Any) -> list[datetime]:
    return [datetime.fromisoformat(each) for each in graphcron["status"]["nextScheduleTimes"]]


def test_each_line_has_a_cronjob_removed_with_it(objects):
    objects.apply(schedules=["0 4 * * *", "30 12 * * 1-5", "0 20 * * 6"])
    objects.wait_ready()
    assert schedules(objects) == ["0 20 * * 6", "0 4 * * *", "30 12 * * 1-5"]
    first = objects.get("cronjob")
    assert first["spec"]["schedule"] == "0 4 * * *"

    objects.apply(schedules=["0 4 * * *", "0 20 * * 6"])
    objects.wait(
        "that has two",
        "graphcron",
        "hello",
        lambda found: found["status"].get("schedules") == ["0 4 * * *", "0 20 * * 6"],
    )
    wait_for("two CronJobs", lambda: len(objects.all("cronjobs")) == 2)
    assert schedules(objects) == ["0 20 * * 6", "0 4 * * *"]
    assert objects.get("cronjob")["metadata"]["uid"] == first["metadata"]["uid"]

    objects.apply(schedule="0 4 * * *")
    wait_for("one CronJob", lambda: len(objects.all("cronjobs")) == 1)
    assert objects.get("cronjob")["metadata"]["uid"] == first["metadata"]["uid"]
    objects.kubectl("delete", "graphcron", "hello")
    wait_for("no CronJob", lambda: not objects.all("cronjobs"))


def test_the_next_times_are_those_of_all_lines_together(objects):
    objects.apply(schedules=["0 4 * * *", "0 16 * * *", "0 4,10 * * *"], timeZone="Asia/Kolkata")
    graphcron = objects.wait_ready()
    times = next_times(graphcron)
    assert len(times) == 5
    assert times == sorted(set(times))
    local = {(each + timedelta(hours=5, minutes=30)).strftime("%H:%M") for each in times}
    assert local == {"04:00", "10:00", "16:00"}
    assert graphcron["status"]["nextScheduleTime"] == graphcron["status"]["nextScheduleTimes"][0]


def test_an_h_stays_the_same_for_ever_and_differs_between_names(objects):
    for name in ("hello", "other"):
        objects.apply(name, schedule="H H(2-5) * * *")
        objects.wait_ready(name)
    lines = {name: objects.get("cronjob", name)["spec"]["schedule"] for name in ("hello", "other")}
    assert lines["hello"] != lines["other"]
    assert {name: objects.get("graphcron", name)["status"]["schedule"] for name in lines} == lines
    objects.kubectl("delete", "graphcron", "hello", "--wait=true")
    objects.apply(schedule="H H(2-5) * * *")
    objects.wait_ready()
    assert objects.get("cronjob")["spec"]["schedule"] == lines["hello"]


def test_start_time_in_future_suspended_until_start(objects):
    """A GraphCron before its startTime is suspended, and the operator resumes it in time."""
    begins = datetime.now(UTC) + timedelta(seconds=66)
    objects.apply(schedule="* * * * *", startTime=iso(begins))
    graphcron = objects.wait_ready(reason="NotYetActive")
    assert objects.get("cronjob")["spec"]["suspend"] is True
    assert next_times(graphcron)[0] >= begins.replace(microsecond=0)

    objects.wait("that is awake", "cronjob", "hello", lambda found: not found["spec"]["suspend"], seconds=30)
    objects.wait_ready()
    # So the first run of the campaign is no run from before its schedule.
    since = objects.get("cronjob")["metadata"]["annotations"]["graphcron.dev/schedule-since"]
    assert datetime.fromisoformat(since) < begins


def test_an_excluded_day_rests(objects):
    today = datetime.now(UTC).date()
    objects.apply(
        schedule="* * * * *", excludes=[{"from": str(today - timedelta(days=1)), "to": str(today + timedelta(days=1))}]
    )
    graphcron = objects.wait_ready(reason="Excluded")
    assert objects.get("cronjob")["spec"]["suspend"] is True
    after = datetime.combine(today + timedelta(days=2), datetime.min.time(), UTC)
    assert next_times(graphcron)[0] == after

    objects.apply(schedule="* * * * *")
    objects.wait_ready()
    assert objects.get("cronjob")["spec"]["suspend"] is False


def test_a_graphserver_that_is_named_must_be_there(objects):
    objects.apply(serverRef={"name": "shared"})
    graphcron = objects.wait_ready(status="False", reason="GraphServerNotFound")
    assert "no valid GraphServer named shared" in condition(graphcron, "Ready")["message"]
    server = {
        "apiVersion": "graphcron.dev/v1alpha1",
        "kind": "GraphServer",
        "metadata": {"name": "shared"},
        "spec": {"url": "http://one.example.svc:2024", "maxConcurrentRuns": 3},
    }
    objects.cluster.apply(server, namespace=objects.namespace)
    objects.wait_ready()
    assert '"url":"http://one.example.svc:2024"' in str(objects.get("cronjob")["spec"])

    server["spec"]["url"] = "http://two.example.svc:2024"
    objects.cluster.apply(server, namespace=objects.namespace)
    objects.wait(
        "that has the new URL", "cronjob", "hello", lambda found: "http://two.example.svc:2024" in str(found["spec"])
    )
    objects.kubectl("delete", "graphserver", "shared")
    objects.wait_ready(status="False", reason="GraphServerNotFound")
    assert objects.get("cronjob"), "the CronJob stays as it was"


def test_a_limit_in_money_wants_prices(objects, operator):
    objects.apply(budget={"maxCost": "12.50", "window": "month"})
    graphcron = objects.wait_ready(status="False", reason="InvalidSpec")
    assert "spec.budget.maxCost" in condition(graphcron, "Ready")["message"]
    operator.stop()
    operator.start(GRAPHCRON_PRICES='{"*": {"input": "2.50", "output": "10"}}')
    objects.wait_ready()
    assert '"maxCost":"12.50"' in str(objects.get("cronjob")["spec"])
