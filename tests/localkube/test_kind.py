"""The provider kind, with programs that stand in for Docker and kind."""

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from localkube import gobuild, kind
from localkube.shell import ClusterError

from tests.localkube.machine import HACK, Machine
from tests.localkube.programs import install

ROOT = Path(__file__).resolve().parents[2]


def test_up_with_docker_kind_kubectl_and_helm_alone(machine: Machine) -> None:
    done = machine.up()
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == str(machine.folder / "state/graphcron/clusters/dev/kubeconfig")
    tools = Path(machine.hack("tools").stdout.strip())
    assert {path.name: path.resolve() for path in tools.iterdir()} == {
        name: machine.bin / name for name in ("kubectl", "helm")
    }


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        (["kind"], "kind is not installed: install it (https://kind.sigs.k8s.io"),
        (["helm"], "helm is not installed: install it (https://helm.sh/"),
        (["kubectl", "helm"], "kubectl and helm are not installed: install them (https://kubernetes.io/"),
    ],
)
def test_a_missing_program_is_named_before_anything_is_made(machine: Machine, missing: list[str], said: str) -> None:
    machine.remove(*missing)
    done = machine.up()
    assert done.returncode == 1
    assert said in done.stderr
    assert "install Go" in done.stderr
    assert machine.world["containers"] == {}


@pytest.mark.parametrize("image", ["operator", "graphcron/operator:dev", "graphcron/operator:previous"])
def test_an_image_is_loaded_by_its_full_name(machine: Machine, image: str) -> None:
    machine.world["images"] = ["graphcron/operator:dev", "graphcron/operator:previous"]
    machine.up()
    done = machine.hack("load", image, "--name", "dev")
    assert done.returncode == 0, done.stderr
    tag = image if ":" in image else "graphcron/operator:dev"
    assert machine.world.calls("kind")[-1] == f"load docker-image {tag} --name dev"


def test_an_archive_is_loaded_as_one(machine: Machine) -> None:
    machine.up()
    (machine.folder / "image.tar").touch()
    done = machine.hack("load", str(machine.folder / "image.tar"), "--name", "dev")
    assert done.returncode == 0, done.stderr
    assert machine.world.calls("kind")[-1] == f"load image-archive {machine.folder / 'image.tar'} --name dev"


def test_an_image_that_is_not_built_is_refused_in_kinds_words(machine: Machine) -> None:
    machine.up()
    done = machine.hack("load", "runner", "--name", "dev")
    assert done.returncode == 1
    assert 'ERROR: image: "graphcron/runner:dev" not present locally' in done.stderr


def test_images_are_built_with_buildkit_and_certificates(machine: Machine) -> None:
    (machine.folder / "certs").mkdir()
    (machine.folder / "certs/ca-certificates.crt").touch()
    done = machine.hack("images", "--cert-dir", str(machine.folder / "certs"))
    assert done.returncode == 0, done.stderr
    assert machine.world["images"] == [f"graphcron/{name}:dev" for name in ("operator", "runner", "langgraph-server")]
    builds = [call for call in machine.world.calls("docker") if call.startswith("build ")]
    assert len(builds) == 3
    assert all("--secret id=certs,src=" in call for call in builds)


def test_every_dockerfile_uses_the_certificates_that_it_is_given() -> None:
    for file in (ROOT / "Dockerfile", ROOT / "examples/langgraph-server/Dockerfile"):
        steps = re.split(r"^(?=[A-Z]+ )", file.read_text(), flags=re.MULTILINE)
        fetching = [step for step in steps if "pip install" in step]
        assert fetching, file
        for step in fetching:
            assert "--mount=type=secret,id=certs" in step, file
            assert "PIP_CERT=/run/secrets/certs" in step, file


@pytest.mark.parametrize("verb", ["up", "images"])
def test_docker_without_buildx_is_told_what_to_install(machine: Machine, verb: str) -> None:
    machine.world["buildx"] = False
    done = machine.hack(verb)
    assert done.returncode == 1
    assert "plugin buildx is missing" in done.stderr
    assert "docker-buildx in Debian" in done.stderr
    assert machine.world["containers"] == {}


def test_an_old_docker_builds_with_the_buildkit_that_it_has(machine: Machine) -> None:
    machine.world["buildx"], machine.world["docker"] = False, "Docker version 20.10.24+dfsg1, build 297e128"
    done = machine.hack("images", "runner")
    assert done.returncode == 0, done.stderr


DENIED = "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock"


@pytest.mark.parametrize("provider", ["kind", "auto"])
def test_a_daemon_that_does_not_answer_is_quoted(machine: Machine, provider: str) -> None:
    machine.world["daemon"] = DENIED
    done = machine.up(CLUSTER=provider)
    assert done.returncode == 1
    assert f"Docker does not answer (`docker info`: {DENIED}; add your user to the group docker" in done.stderr


def test_podman_is_named_as_not_supported(machine: Machine) -> None:
    machine.world["docker"] = "podman version 5.4.2"
    done = machine.up(CLUSTER="kind")
    assert done.returncode == 1
    assert "`docker` is podman's, which is not supported" in done.stderr


@pytest.mark.parametrize("names", [["docker"], ["docker", "kind"]])
def test_without_docker_it_is_said_first(machine: Machine, names: list[str]) -> None:
    machine.remove(*names)
    done = machine.up()
    assert done.returncode == 1
    assert "\nerror: Docker is not installed; " in done.stderr


def test_a_cluster_without_docker_names_the_reason(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from localkube import cli, docker, local, programs

    for name, value in machine.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("CLUSTER", raising=False)
    monkeypatch.setattr(docker, "trouble", lambda: "Docker does not answer")
    monkeypatch.setattr(local, "up", lambda *_, **__: None)
    monkeypatch.setattr(programs, "path_of", lambda name, **_: name)
    assert cli.main(["up", "--name", "dev"]) == 0
    assert "Docker does not answer: Kubernetes runs without it" in capsys.readouterr().err


def test_a_failed_start_quotes_the_cause_and_keeps_the_log(machine: Machine) -> None:
    machine.world["create"] = "fails"
    done = machine.up()
    assert done.returncode == 1
    assert "ERROR: failed to create cluster: could not find a log line" in done.stderr
    assert "main.go" not in done.stderr
    log = machine.folder / "cache/graphcron/logs/kind-dev.log"
    assert f"all of it: {log}" in done.stderr
    assert "main.go:199" in log.read_text()
    down = machine.hack("down", "--name", "dev")
    assert down.returncode == 0, down.stderr


@pytest.fixture
def interrupted(machine: Machine) -> Machine:
    """Interrupt `up` as a terminal does, when kind has made its container."""
    machine.world["create"] = "hangs"
    # A shell without job control starts what runs in its background with SIGINT ignored, which every child inherits.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    command = [*HACK, "up", "--name", "dev"]
    process = subprocess.Popen(command, env=machine.environment, stderr=subprocess.PIPE, start_new_session=True)
    deadline = time.monotonic() + 60
    while not machine.world["containers"]:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert machine.world["containers"]
    machine.world["create"] = ""
    return machine


def test_down_takes_away_what_an_interrupted_start_has_left(interrupted: Machine) -> None:
    done = interrupted.hack("down", "--name", "dev")
    assert done.returncode == 0, done.stderr
    assert interrupted.world["containers"] == {}
    assert not (interrupted.folder / "state/graphcron/clusters/dev").exists()


def test_up_begins_again_after_an_interrupted_start(interrupted: Machine) -> None:
    (left,) = interrupted.world["containers"]
    done = interrupted.up()
    assert done.returncode == 0, done.stderr
    (now,) = interrupted.world["containers"]
    assert now != left
    assert interrupted.record() == {"provider": "kind", "nodes": [now]}


def strange(machine: Machine) -> None:
    machine.world["containers"] = {"strange": {"cluster": "dev", "state": "running"}}


@pytest.mark.parametrize("known", [False, True], ids=["no record", "another's record"])
def test_a_strange_cluster_is_neither_adopted_nor_deleted(machine: Machine, known: bool) -> None:
    if known:
        machine.up()
    strange(machine)
    done = machine.up()
    assert done.returncode == 1
    assert "a kind cluster dev that was not made here" in done.stderr
    down = machine.hack("down", "--name", "dev")
    assert down.returncode == 0, down.stderr
    assert list(machine.world["containers"]) == ["strange"]
    assert not (machine.folder / "state/graphcron/clusters/dev").exists()


def test_no_kubeconfig_of_the_person_is_touched(machine: Machine) -> None:
    machine.up()
    machine.hack("down", "--name", "dev")
    assert machine.world["containers"] == {}
    assert list(machine.home.iterdir()) == []
    assert [call for call in machine.world.calls("kind") if call.startswith("delete")] == []


def test_a_stopped_cluster_is_told_and_up_starts_it(machine: Machine) -> None:
    machine.up()
    machine.world["containers"] = {
        key: {**each, "state": "exited"} for key, each in machine.world["containers"].items()
    }
    told = machine.hack("load", "runner", "--name", "dev")
    assert told.returncode == 1
    assert "the kind cluster dev is stopped: `python hack/cluster up --name dev` starts it" in told.stderr
    done = machine.up()
    assert done.returncode == 0, done.stderr
    assert [each["state"] for each in machine.world["containers"].values()] == ["running"]


def test_containers_that_are_gone_are_told(machine: Machine) -> None:
    machine.up()
    machine.world["containers"] = {}
    done = machine.hack("info", "--name", "dev")
    assert done.returncode == 1
    assert "no containers of the kind cluster dev are left: `python hack/cluster up --name dev`" in done.stderr
    assert machine.up().returncode == 0


def test_the_audit_log_is_asked_for_and_read(machine: Machine) -> None:
    policy = ROOT / "tests/rights/audit-policy.yaml"
    done = machine.hack("up", "--name", "dev", "--audit-log", str(policy))
    assert done.returncode == 0, done.stderr
    state = machine.folder / "state/graphcron/clusters/dev"
    (node,) = json.loads((state / "kind.json").read_text())["nodes"]
    (mount,) = node["extraMounts"]
    assert Path(mount["hostPath"]).read_text() == policy.read_text()
    patches = {patch["apiVersion"]: patch["apiServer"] for patch in map(json.loads, node["kubeadmConfigPatches"])}
    arguments = patches["kubeadm.k8s.io/v1beta3"]["extraArgs"]
    assert arguments["audit-policy-file"] == mount["containerPath"]
    listed = patches["kubeadm.k8s.io/v1beta4"]["extraArgs"]
    assert {each["name"]: each["value"] for each in listed} == arguments
    folders = {each["hostPath"] for each in patches["kubeadm.k8s.io/v1beta4"]["extraVolumes"]}
    assert folders == {str(Path(path).parent) for path in arguments.values()}
    assert machine.hack("audit-log", "--name", "dev").stdout.strip() == '{"kind": "Event"}'


def test_an_older_kind_serves_with_a_warning(machine: Machine) -> None:
    machine.world["kind"] = "kind v0.27.0 go1.23.6 linux/amd64"
    done = machine.up()
    assert done.returncode == 0, done.stderr
    assert "kind is older than 0.33: update it first if something fails" in done.stderr


@pytest.mark.parametrize(("version", "built"), [("kind v0.33.0 go1.26", False), ("kind v0.30.0 go1.24", True)])
def test_an_older_kind_is_built_where_go_is(
    version: str, built: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from localkube import host, programs

    install(tmp_path, "kind")["kind"] = version
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(host, "go_trouble", lambda: "")
    asked: list[str] = []
    monkeypatch.setattr(gobuild, "build", asked.append)
    programs.path_of.cache_clear()
    found = programs.path_of("kind")
    programs.path_of.cache_clear()
    assert found == (str(gobuild.program("kind")) if built else str(tmp_path / "kind"))
    assert asked == (["kind"] if built else [])


def test_the_node_image_is_that_of_the_variable(machine: Machine) -> None:
    done = machine.up(KIND_NODE_IMAGE="registry.example.com/node:v1.36.3")
    assert done.returncode == 0, done.stderr
    (create,) = [call for call in machine.world.calls("kind") if call.startswith("create")]
    assert "--image registry.example.com/node:v1.36.3 " in create


@pytest.mark.parametrize(("minor", "image"), kind.NODE_IMAGES.items())
def test_a_minor_has_one_image_pinned_by_digest(minor: str, image: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES", minor)
    assert kind.node_image() == image
    assert re.fullmatch(rf"kindest/node:v{re.escape(minor)}\.\d+@sha256:[0-9a-f]{{64}}", image)


@pytest.mark.parametrize("unset", [None, ""])
def test_by_default_it_is_the_minor_of_the_local_provider(unset: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KUBERNETES", "KIND_NODE_IMAGE"):
        monkeypatch.delenv(name, raising=False)
        if unset is not None:
            monkeypatch.setenv(name, unset)
    minor = ".".join(gobuild.kubernetes_version().split(".")[:2])
    assert kind.node_image().startswith(f"kindest/node:{minor}.")


@pytest.mark.parametrize("wrong", ["1.30", "v1.34", "1.34.11", "latest"])
def test_another_version_is_refused_with_those_that_there_are(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES", wrong)
    with pytest.raises(ClusterError, match=rf"KUBERNETES={wrong} is none of 1\.33, 1\.34"):
        kind.node_image()
