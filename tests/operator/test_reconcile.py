"""The operator against a real control plane: what users see of a GraphCron and its CronJob."""

import json
from datetime import UTC, datetime

import pytest

from tests.cluster import wait_for
from tests.objects import condition

pytestmark = pytest.mark.usefixtures("operator")


def test_a_graphcron_becomes_a_cronjob_and_says_so(objects):
    objects.apply(schedule="30 8 * * MON-FRI", timeZone="Europe/Berlin")
    objects.kubectl("wait", "--for=condition=Ready", "graphcron/hello", "--timeout=120s")
    cronjob = objects.get("cronjob")
    assert (cronjob["spec"]["schedule"], cronjob["spec"]["timeZone"]) == ("30 8 * * MON-FRI", "Europe/Berlin")
    graphcron = objects.get("graphcron")
    owner = cronjob["metadata"]["ownerReferences"]
    assert [(each["uid"], each["controller"]) for each in owner] == [(graphcron["metadata"]["uid"], True)]
    status = graphcron["status"]
    assert (status["observedGeneration"], status["timeZone"]) == (1, "Europe/Berlin")
    assert datetime.fromisoformat(status["nextScheduleTime"]) > datetime.now(UTC)
    row = objects.kubectl("get", "gcron", "--no-headers")
    assert "30 8 * * MON-FRI   Europe/Berlin   True" in row


def test_a_graphcron_without_a_zone_runs_in_utc(objects):
    objects.apply()
    objects.wait_ready()
    assert objects.get("cronjob")["spec"]["timeZone"] == "Etc/UTC"


def test_nothing_is_written_on_the_users_object_but_status(objects):
    objects.apply()
    written = objects.wait_ready()
    assert "finalizers" not in written["metadata"]
    assert "annotations" not in written["metadata"]
    assert "labels" not in written["metadata"]
    assert written["spec"] == {"assistant": "agent", "schedule": "0 4 * * *", "preflight": False}
    full = json.loads(objects.kubectl("get", "gcron", "hello", "-o", "json", "--show-managed-fields"))
    managers = {(each["manager"], each.get("subresource")) for each in full["metadata"]["managedFields"]}
    assert managers == {("kubectl", None), ("graphcron", "status")}


def test_applying_the_same_again_changes_nothing(objects):
    objects.apply()
    before = objects.wait_ready()
    cronjob = objects.get("cronjob")
    objects.apply()
    objects.apply("other")
    objects.wait_ready("other")
    assert objects.get("graphcron")["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
    assert objects.get("cronjob")["metadata"]["resourceVersion"] == cronjob["metadata"]["resourceVersion"]


def test_a_changed_spec_reaches_the_cronjob(objects):
    objects.apply()
    objects.wait_ready()
    objects.apply(schedule="0 5 * * *", suspend=True)
    objects.wait_ready(reason="Suspended")
    spec = objects.get("cronjob")["spec"]
    assert (spec["schedule"], spec["suspend"]) == ("0 5 * * *", True)
    assert "nextScheduleTime" not in objects.get("graphcron")["status"]


def test_the_first_apply_removes_what_is_left_out(objects):
    """The CronJob is created by a POST, whose fields an apply does not remove without an upgrade."""
    objects.apply(runner={"nodeSelector": {"disk": "ssd", "zone": "a"}})
    objects.wait_ready()

    def selector(cronjob):
        return cronjob["spec"]["jobTemplate"]["spec"]["template"]["spec"].get("nodeSelector")

    assert selector(objects.get("cronjob")) == {"disk": "ssd", "zone": "a"}
    objects.apply(runner={"nodeSelector": {"zone": "a"}})
    objects.wait("without the label", "cronjob", "hello", lambda cronjob: selector(cronjob) == {"zone": "a"})
    objects.apply()
    objects.wait("without a selector", "cronjob", "hello", lambda cronjob: selector(cronjob) is None)
    objects.wait_ready()
    full = json.loads(objects.kubectl("get", "cronjob", "hello", "-o", "json", "--show-managed-fields"))
    assert [(each["manager"], each["operation"]) for each in full["metadata"]["managedFields"]] == [
        ("graphcron", "Apply")
    ]


@pytest.mark.parametrize(
    "patch",
    [
        {"spec": {"suspend": True}},
        {"spec": {"schedule": "* * * * *"}},
        {"spec": {"startingDeadlineSeconds": None}},
        {"metadata": {"ownerReferences": None}},
        {"metadata": {"labels": {"app.kubernetes.io/managed-by": "somebody"}}},
        {"metadata": {"labels": {"graphcron.dev/uid": None}}},
    ],
    ids=json.dumps,
)
def test_a_cronjob_edited_behind_our_back_is_put_right(objects, patch):
    objects.apply()
    objects.wait_ready()
    before = objects.get("cronjob")
    objects.kubectl("patch", "cronjob", "hello", "--type=merge", "-p", json.dumps(patch))

    def ours(cronjob):
        metadata, right = cronjob["metadata"], before["metadata"]
        same = all(metadata.get(each) == right[each] for each in ("labels", "ownerReferences", "uid"))
        return same and cronjob["spec"] == before["spec"]

    objects.wait("that is as it was", "cronjob", "hello", ours)


def test_a_cronjob_deleted_behind_our_back_comes_back(objects):
    objects.apply()
    objects.wait_ready()
    uid = objects.get("cronjob")["metadata"]["uid"]
    objects.kubectl("delete", "cronjob", "hello")
    objects.wait("that is a new one", "cronjob", "hello", lambda cronjob: cronjob["metadata"]["uid"] != uid)
    objects.wait_ready()


FOREIGN = {
    "apiVersion": "batch/v1",
    "kind": "CronJob",
    "metadata": {"name": "hello"},
    "spec": {
        "schedule": "0 4 * * *",
        "jobTemplate": {
            "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "x:1"}]}}}
        },
    },
}


def test_a_cronjob_that_is_not_ours_is_never_touched(objects):
    objects.cluster.apply(FOREIGN, namespace=objects.namespace)
    foreign = objects.get("cronjob")
    objects.apply()
    graphcron = objects.wait_ready(status="False", reason="CronJobNotOurs")
    assert "kubectl delete cronjob hello" in condition(graphcron, "Ready")["message"]
    assert condition(graphcron, "Stalled")["status"] == "True"
    assert objects.get("cronjob")["metadata"]["resourceVersion"] == foreign["metadata"]["resourceVersion"]
    objects.kubectl("delete", "cronjob", "hello")
    objects.wait(
        "that is ours", "cronjob", "hello", lambda cronjob: "ownerReferences" in cronjob["metadata"], seconds=90
    )
    objects.wait_ready()


def test_what_only_the_operator_can_see_is_told_and_mended(objects):
    objects.apply()
    objects.wait_ready()
    objects.apply(timeZone="Europe/Berln")
    graphcron = objects.wait_ready(status="False", reason="InvalidSpec")
    message = condition(graphcron, "Ready")["message"]
    assert message.startswith('spec.timeZone: there is no time zone "Europe/Berln"; did you mean Europe/Berlin?')
    assert objects.get("cronjob")["spec"]["timeZone"] == "Etc/UTC"
    objects.apply(timeZone="Europe/Berlin")
    objects.wait_ready()
    assert objects.get("cronjob")["spec"]["timeZone"] == "Europe/Berlin"


def test_a_schedule_that_never_comes_is_refused_in_words(objects):
    objects.apply(schedule="0 0 31 2 *")
    graphcron = objects.wait_ready(status="False", reason="InvalidSpec")
    assert "never matches" in condition(graphcron, "Ready")["message"]
    assert objects.get("cronjob") is None


def test_what_the_api_server_refuses_of_the_pod_is_told(objects):
    objects.apply(runner={"tolerations": [{"key": "a", "operator": "Nonsense"}]})
    graphcron = objects.wait_ready(status="False", reason="InvalidSpec")
    assert "Nonsense" in condition(graphcron, "Ready")["message"]


def test_deleting_a_graphcron_deletes_its_cronjob(objects):
    objects.apply()
    objects.wait_ready()
    objects.kubectl("delete", "graphcron", "hello", "--timeout=120s")
    wait_for("end of the CronJob", lambda: objects.get("cronjob") is None, seconds=30)


def test_recreated_graphcron_gets_new_cronjob(objects):
    objects.apply()
    old = objects.wait_ready()
    objects.kubectl("delete", "graphcron", "hello")
    objects.apply()
    new = objects.get("graphcron")["metadata"]["uid"]
    assert new != old["metadata"]["uid"]

    def ours(cronjob):
        return [each["uid"] for each in cronjob["metadata"]["ownerReferences"]] == [new]

    objects.wait("that belongs to the new GraphCron", "cronjob", "hello", ours, seconds=60)
    objects.wait_ready()


def test_many_at_once_are_all_reconciled(objects):
    names = [f"many-{number}" for number in range(40)]
    for name in names:
        objects.apply(name)
    wait_for("40 CronJobs", lambda: len(objects.cluster.items("--namespace", objects.namespace, "cronjobs")) == 40)
    objects.kubectl("wait", "--for=condition=Ready", "graphcron", "--all", "--timeout=60s")


def test_events_tell_it_in_plain_words_and_once(objects):
    objects.apply(timeZone="Mars/Phobos")
    objects.wait_ready(status="False", reason="InvalidSpec")

    def events():
        found = objects.cluster.items("--namespace", objects.namespace, "events")
        return [event for event in found if event["involvedObject"]["kind"] == "GraphCron"]

    told = wait_for("an Event", events)
    assert [(event["type"], event["reason"], event["count"]) for event in told] == [("Warning", "InvalidSpec", 1)]
    assert "Mars/Phobos" in told[0]["message"]


def test_new_graphcrons_only_errors_reported_once(objects):
    """Only invalid new GraphCrons get an Event, one each; no CronJob is changed after its creation."""
    good, wrong = ([f"{kind}-{number}" for number in range(10)] for kind in ("good", "wrong"))
    for name in good:
        objects.apply(name)
    for name in wrong:
        objects.apply(name, timeZone="Mars/Phobos")
    for name in good:
        objects.wait_ready(name)
    for name in wrong:
        objects.wait_ready(name, status="False", reason="InvalidSpec")
    objects.apply("last", timeZone="Mars/Phobos")
    told = lambda: objects.cluster.items("--namespace", objects.namespace, "events")  # noqa: E731
    about = lambda: sorted(each["involvedObject"]["name"] for each in told())  # noqa: E731
    wait_for("the last Event", lambda: "last" in about())
    assert about() == ["last", *wrong]
    # Nor was any CronJob changed after it was made.
    for body in objects.cluster.items("--namespace", objects.namespace, "cronjobs"):
        assert body["metadata"]["generation"] == 1
