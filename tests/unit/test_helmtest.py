"""The trial of ``helm test``: its stand-in for a LangGraph server, and its steps on a cluster that is none."""

import os
import subprocess
import sys
import uuid

import pytest

from graphcron import contract
from graphcron.api import names
from graphcron.api.v1alpha1 import GraphCron
from graphcron.contract import Outcome, Report, Request
from graphcron.errors import ClusterError, SpecError
from graphcron.helmtest import steps
from graphcron.helmtest.cluster import Pod
from graphcron.helmtest.fake_server import ASSISTANT, StandIn, serve
from graphcron.helmtest.settings import Settings, from_environment, is_served

SETTINGS = Settings("agents", "graphcron-test", "system/graphcron", 60, url="http://graphcron-test.system.svc:8080")


# --- the stand-in, asked by the runner itself


def pod(tmp_path, port, **environ) -> Report:
    (tmp_path / "dev").mkdir(exist_ok=True)
    request = Request(url=f"http://127.0.0.1:{port}", assistant=ASSISTANT, input={"messages": []})
    environ = {
        contract.ENV_REQUEST: request.to_json(),
        contract.ENV_NAMESPACE: "agents",
        contract.ENV_NAME: "graphcron-test",
        contract.ENV_UID: "7a3f0f5e-0000-4000-8000-000000000001",
        contract.ENV_POD_UID: str(uuid.uuid4()),
        contract.ENV_ROOT: str(tmp_path),
        **environ,
    }
    command = [sys.executable, "-m", "graphcron.runner"]
    done = subprocess.run(command, env={**os.environ, **environ}, capture_output=True, text=True, check=False)
    assert "cleanup-failed" not in done.stdout
    assert "Traceback" not in done.stderr
    report = Report.from_json((tmp_path / "dev/termination-log").read_text())
    assert done.returncode == contract.EXIT_CODES[report.outcome]
    return report


def test_a_runner_finds_the_stand_in_fit_for_a_run(tmp_path):
    with serve(0) as port:
        report = pod(tmp_path, port, **{contract.ENV_PREFLIGHT: "1"})
    assert report.outcome is Outcome.SUCCEEDED, report
    assert report.message == f"langgraph-api 1 answers, and has the assistant {ASSISTANT}"


def test_a_runner_runs_once_on_the_stand_in(tmp_path):
    now = "2099-01-01T00:00:00Z"
    asked = {contract.ENV_JOB: "graphcron-test-1", contract.ENV_TRIGGER: "helm-test"}
    times = {contract.ENV_SCHEDULED_TIME: now, contract.ENV_REQUESTED_TIME: now}
    with serve(0) as port:
        first, second = (pod(tmp_path, port, **asked, **times) for _ in range(2))
    assert first.outcome is Outcome.SUCCEEDED, first
    assert first.runId
    assert second.runId == first.runId


def test_a_run_on_the_stand_in_can_be_cancelled():
    server = StandIn()
    server.answer("POST", "/threads", {"thread_id": "t", "metadata": {}})
    _, run = server.answer("POST", "/threads/t/runs", {})
    assert server.answer("POST", f"/threads/t/runs/{run['run_id']}/cancel", {})[0] == 200
    server.answer("GET", f"/threads/t/runs/{run['run_id']}/join", {})
    assert server.answer("GET", f"/threads/t/runs/{run['run_id']}", {})[1]["status"] == "interrupted"
    assert server.answer("GET", "/threads/none/runs/none", {})[0] == 404
    assert server.answer("PATCH", "/threads/none", {"metadata": {}})[0] == 404


# --- the steps


READY = {"type": "Ready", "status": "True", "reason": "Reconciled", "message": "Fine."}
RESOLVED = {"type": "TargetResolved", "status": "True", "reason": "Resolved", "message": "it answers."}
CHECKING = {"type": "TargetResolved", "status": "Unknown", "reason": "Checking", "message": "under way."}
RUN = {"trigger": "helm-test", "outcome": "Succeeded", "message": "all of it", "runId": "r", "threadId": "t"}


class World:
    """A cluster that is none: the conditions of each look, of which the last stay, and a run when it is asked for."""

    def __init__(self, *looks, run=None, leaves=()):
        self.looks = list(looks)
        self.run = run
        self.leaves = leaves
        self.made = self.taken = None
        self.asked = {}
        self.how = "runs"

    def create(self, graphcron):
        self.made = self.taken = {**graphcron, "metadata": {**graphcron["metadata"], "uid": "u"}}
        return self.made

    def read(self, name):
        if self.made is None:
            return None
        assert self.made["metadata"]["name"] == name
        conditions = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        runs = [self.run] if self.asked and self.run else []
        return {**self.made, "status": {"conditions": conditions, "recentRuns": runs} if conditions else {}}

    def annotate(self, name, annotations):
        assert self.made["metadata"]["name"] == name
        self.asked = annotations

    def delete(self, name):
        self.made = None

    def pods(self, uid):
        return [Pod("p", self.how)] if self.made else []

    def children(self, uid):
        return ["CronJob c", "Job j"] if self.made else list(self.leaves)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(steps, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(steps, "GONE_SECONDS", -1)


def tried(world, capsys, **settings) -> tuple[bool, str]:
    return steps.Trial(world, SETTINGS._replace(**settings)).run(), capsys.readouterr().out


def test_all_goes_well(capsys):
    world = World([], [READY, CHECKING], [READY, RESOLVED], run=RUN)
    works, said = tried(world, capsys)
    assert works, said
    assert world.asked == {names.ANNOTATION_RUN_REQUESTED: "helm-test"}
    told = [line.split("] ", 1)[1].split(" agents/")[0] for line in said.splitlines()]
    assert told == [
        "The API server took the GraphCron",
        "The pod p runs",
        "The operator made the CronJob c",
        "A preflight told: it answers.",
        "A run is asked for",
        "The server accepted the run r on the thread t",
        "The run ended as Succeeded: all of it",
        "The GraphCron is deleted, and all that it had",
        "GraphCron works",
    ]


STALLED = {"type": "Stalled", "status": "True", "reason": "InvalidSpec", "message": "spec.x: is wrong"}
REFUSED = {**STALLED, "type": "Ready", "status": "False"}
NO_IMAGE = {**REFUSED, "reason": "PodCannotStart", "message": "Pod p cannot start (ErrImagePull): none."}
UNREACHABLE = {**RESOLVED, "status": "False", "reason": "ServerUnreachable", "message": "gave up: nobody there."}
FAILED = {**RUN, "outcome": "GraphError", "message": "the graph raised ValueError"}


@pytest.mark.parametrize(
    ("conditions", "seconds", "words"),
    [
        ([], -1, ["the operator has not made the CronJob", "No operator has looked at the GraphCron"]),
        ([REFUSED, STALLED], 60, ["refuses the GraphCron (InvalidSpec): spec.x: is wrong"]),
        ([NO_IMAGE, STALLED], -1, ["Ready is False (PodCannotStart): Pod p cannot start (ErrImagePull)"]),
        ([READY, UNREACHABLE], 60, ["can't be used (ServerUnreachable): gave up: nobody there."]),
        ([READY, CHECKING], -1, ["the preflight has not ended"]),
        ([READY, RESOLVED], 60, ["accepted the run r", "the run ended as GraphError: the graph raised ValueError"]),
    ],
)
def test_a_failure_is_told_and_all_is_taken_away(capsys, conditions, seconds, words):
    world = World(conditions, run=FAILED)
    works, said = tried(world, capsys, seconds=seconds)
    assert not works
    assert [each for each in ["FAILED: ", *words] if each not in said] == [], said
    assert "kubectl --namespace system logs deployment/graphcron" in said
    assert "The GraphCron is deleted" in said
    assert world.made is None


def test_a_run_that_does_not_end_is_told(capsys):
    works, said = tried(World([READY, RESOLVED]), capsys, seconds=-1)
    assert not works
    assert "FAILED: after -1 s the run has not ended" in said


def test_an_image_that_cannot_be_pulled_may_come_yet(capsys):
    assert tried(World([NO_IMAGE, STALLED], [READY, RESOLVED], run=RUN), capsys)[0]


def test_a_pod_that_waits_is_told_with_its_reason(capsys):
    world = World([READY, RESOLVED])
    world.how = "waits (CreateContainerConfigError): secret not found"
    _, said = tried(world, capsys, seconds=-1)
    assert said.count("The pod p waits (CreateContainerConfigError): secret not found") == 2


def test_what_is_left_behind_fails_the_trial(capsys):
    world = World([READY, RESOLVED], run=RUN, leaves=["Pod q"])
    works, said = tried(world, capsys)
    assert not works
    assert "there still is Pod q" in said


def test_a_namespace_that_the_operator_does_not_serve_is_told_at_once(capsys):
    world = World([])
    works, said = tried(world, capsys, watched=("!agents", "team-*"))
    assert not works
    assert "does not watch the namespace agents (watchNamespaces: !agents, team-*)" in said
    assert world.made is None


def test_what_the_api_server_refuses_is_told(capsys, monkeypatch):
    def refuse(_):
        raise ClusterError("cannot create the GraphCron: not allowed", status=403)

    world = World([])
    monkeypatch.setattr(world, "create", refuse)
    works, said = tried(world, capsys)
    assert not works
    assert "FAILED: cannot create the GraphCron: not allowed" in said


@pytest.mark.parametrize("told", [{}, {"url": "", "assistant": "agent", "name": "g" * 63, "seconds": 1}])
def test_the_graphcron_is_one_that_the_model_takes(capsys, told):
    world = World([READY, RESOLVED], run=RUN)
    assert tried(world, capsys, input={"messages": []}, **told)[0]
    read = GraphCron.model_validate(world.taken, by_alias=True, by_name=False)
    assert len(read.metadata.name) <= names.MAX_NAME_LENGTH
    assert (read.spec.assistant, read.spec.server and read.spec.server.url) == (
        ("agent", None) if told else (ASSISTANT, SETTINGS.url)
    )


# --- what it is told


@pytest.mark.parametrize(
    ("watched", "served"),
    [
        ((), True),
        (("agents",), True),
        (("a*", "b"), True),
        (("b",), False),
        (("!agents",), False),
        (("!b-*",), True),
        (("a*", "!agents"), False),
    ],
)
def test_a_namespace_is_served_as_the_operator_does(watched, served):
    assert is_served("agents", watched) is served


ENVIRONMENT = {
    "GRAPHCRON_TRIAL_NAMESPACE": "agents",
    "GRAPHCRON_TRIAL_NAME": "graphcron-test",
    "GRAPHCRON_TRIAL_OPERATOR": "system/graphcron",
    "GRAPHCRON_TRIAL_SECONDS": "60",
    "GRAPHCRON_TRIAL_URL": "http://graphcron-test.system.svc:8080",
    "GRAPHCRON_NAMESPACES": "a*,!b",
}


def test_the_settings_are_read_from_the_environment():
    expected = SETTINGS._replace(input={}, watched=("a*", "!b"))
    assert from_environment(ENVIRONMENT) == expected
    assert expected.port == 8080
    other = {**ENVIRONMENT, "GRAPHCRON_TRIAL_ASSISTANT": "agent", "GRAPHCRON_TRIAL_INPUT": '{"a": 1}'}
    assert from_environment(other)[5:7] == ("agent", {"a": 1})


@pytest.mark.parametrize("missing", sorted(set(ENVIRONMENT) - {"GRAPHCRON_NAMESPACES"}))
def test_a_setting_that_is_missing_is_named(missing):
    with pytest.raises(SpecError, match=missing):
        from_environment({**ENVIRONMENT, missing: ""})
