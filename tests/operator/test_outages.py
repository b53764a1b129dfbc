"""The operator killed, stopped and cut off: nothing is lost, nothing is written twice."""

import json

from tests.cluster import wait_for


def test_a_restart_writes_nothing(objects, operator):
    for number in range(5):
        objects.apply(f"quiet-{number}")
    objects.kubectl("wait", "--for=condition=Ready", "graphcron", "--all", "--timeout=120s")

    def versions():
        kinds = ("graphcrons", "cronjobs")
        items = [each for kind in kinds for each in objects.cluster.items("--namespace", objects.namespace, kind)]
        return {each["metadata"]["uid"]: each["metadata"]["resourceVersion"] for each in items}

    before = versions()
    operator.kill()
    operator.start()
    objects.apply("new")
    objects.wait_ready("new")
    after = versions()
    assert {uid: after[uid] for uid in before} == before


def test_what_changed_while_it_was_down_is_made_good(objects, operator):
    for name in ("edited", "deleted", "changed"):
        objects.apply(name)
    objects.kubectl("wait", "--for=condition=Ready", "graphcron", "--all", "--timeout=120s")
    operator.kill()
    objects.kubectl("patch", "cronjob", "edited", "--type=merge", "-p", json.dumps({"spec": {"suspend": True}}))
    objects.kubectl("delete", "cronjob", "deleted")
    objects.apply("changed", schedule="1 1 1 1 *")
    objects.apply("made")
    operator.start()
    objects.wait("that runs again", "cronjob", "edited", lambda each: not each["spec"]["suspend"])
    objects.wait("that is back", "cronjob", "deleted", lambda each: True)
    objects.wait("that follows", "cronjob", "changed", lambda each: each["spec"]["schedule"] == "1 1 1 1 *")
    objects.wait_ready("made")


def test_a_graphcron_deleted_while_it_was_down_is_gone_at_once(objects, operator):
    objects.apply()
    objects.wait_ready()
    operator.kill()
    objects.kubectl("delete", "graphcron", "hello", "--timeout=120s")
    wait_for("end of the CronJob", lambda: objects.get("cronjob") is None, seconds=30)


def test_it_stops_when_told_and_answers_its_probes_until_then(operator):
    assert operator.probe("livez") == 200
    assert operator.probe("readyz") == 200
    assert operator.stop() == 0


def test_wrong_settings_are_named_at_once(operator, cluster, tmp_path):
    import os
    import subprocess
    import sys

    environment = {**os.environ, "GRAPHCRON_WORKERS": "many"}
    command = [sys.executable, "-m", "graphcron.main"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("GRAPHCRON_WORKERS: cannot read 'many'")
