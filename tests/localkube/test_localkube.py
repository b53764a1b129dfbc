"""What can go wrong in `hack/cluster` without a cluster: names, keys, locks, addresses, archives."""

import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from localkube import addresses, archive, bases, cgroups, gobuild, goprogress, images, node, paths, processes, shell
from localkube.components import Component
from localkube.locks import locked
from localkube.paths import Cluster
from localkube.shell import ClusterError, run, wait_for

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state of mine"))
    return tmp_path


@pytest.mark.parametrize("name", ["graphcron", "a", "e2e-1", "x" * 40])
def test_a_name_is_taken(name: str) -> None:
    assert Cluster(name).state.name == name


@pytest.mark.parametrize("name", ["", "-a", "a-", "A", "a/b", "..", "a b", "x" * 41])
def test_a_name_that_is_no_folder_or_label_is_refused(name: str) -> None:
    with pytest.raises(ClusterError, match="a cluster's name"):
        Cluster(name)


def test_names_on_the_host_fit_and_differ_between_checkouts(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = Cluster("x" * 40)
    device, cgroup = addresses.device_of(ours), cgroups.root_of(ours)
    assert len(device + "p") <= 15
    monkeypatch.setenv("XDG_STATE_HOME", "/elsewhere")
    assert addresses.device_of(ours) != device
    assert cgroups.root_of(ours) != cgroup


def test_an_address_that_the_host_uses_is_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[list[str]] = []

    def fake(command: list[str]) -> str:
        calls.append(command)
        if command[-1] == "address":
            return json.dumps([{"addr_info": [{"local": "10.213.0.1", "prefixlen": 17}]}])
        return json.dumps([{"dst": "default"}, {"dst": "10.213.128.0/18"}, {"dst": "10.213.192.0/19"}])

    monkeypatch.setattr(addresses, "run", fake)
    link = addresses.reserve(Cluster("graphcron"))
    assert link.node.startswith(tuple(f"10.213.{third}." for third in range(224, 256)))
    assert ["ip", "address", "add", f"{link.host}/30", "dev", link.device] in calls


def test_a_lock_waits_and_its_file_is_gone_afterwards(tmp_path: Path) -> None:
    lock, log = tmp_path / "lock", tmp_path / "log"
    program = (
        "import sys, time, pathlib\n"
        f"sys.path.insert(0, {str(ROOT / 'hack/cluster')!r})\n"
        "from localkube.locks import locked\n"
        f"with locked(pathlib.Path({str(lock)!r}), 'a test'):\n"
        f"    log = pathlib.Path({str(log)!r}).open('a', buffering=1)\n"
        "    log.write('in\\n'); time.sleep(0.05); log.write('out\\n')\n"
    )
    with locked(lock, "a test"):
        waiting = [subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.DEVNULL) for _ in range(4)]
    assert [process.wait(timeout=30) for process in waiting] == [0] * 4
    assert log.read_text().split() == ["in", "out"] * 4
    assert not lock.exists()


def test_every_version_is_read_from_go_mod() -> None:
    assert gobuild.kubernetes_version().startswith("v1.")
    for name, target in gobuild.targets().items():
        assert (paths.GO_MODULES / target.folder / "go.mod").exists(), name
        assert not target.built(), "this cache is empty"


def test_a_build_key_covers_go_mod_and_flags(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "cluster/pause").mkdir(parents=True)
    (tmp_path / "cluster/go.mod").write_text("k8s.io/kubernetes v1.2.3\nhelm.sh/helm/v4 v4.5.6\n")
    (tmp_path / "cluster/pause/main.go").write_text("package main\n")
    monkeypatch.setattr(gobuild, "GO_MODULES", tmp_path)

    def key() -> Path:
        gobuild._key.cache_clear()
        gobuild.version_of.cache_clear()
        return gobuild.Target("pause", "cluster", ("./pause",)).path()

    first = key()
    (tmp_path / "cluster/other").mkdir()
    (tmp_path / "cluster/other/main.go").write_text("package main\n")
    assert key() == first, "another command's files are no part of it"
    keys = {first}
    (tmp_path / "cluster/pause/main.go").write_text("package main // changed\n")
    keys.add(key())
    (tmp_path / "cluster/go.mod").write_text("k8s.io/kubernetes v1.2.4\nhelm.sh/helm/v4 v4.5.6\n")
    keys.add(key())
    monkeypatch.setattr(gobuild, "_flags", lambda folder: ["-race"])
    keys.add(key())
    gobuild.version_of.cache_clear()
    gobuild._key.cache_clear()
    assert len(keys) == 4


GO = """#!/bin/sh
echo "$@" >> "$(dirname "$0")/calls"
case "$1 $2" in
  "list "*) printf 'a/b\t%s\tx.go\n' "$(dirname "$0")"; echo "go: downloading example.com/a v1.0.0" >&2 ;;
  "build -n") echo a/b >&2 ;;
  *)
    echo a/b >&2
    while [ "$1" != -o ]; do shift; done
    target=$2; shift 2
    for each in "$@"; do echo program > "$target/$(basename "$(echo "$each" | sed 's|/v[0-9]*$||')")"; done ;;
esac
"""


@pytest.fixture
def go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a `go` on the path that writes a file for each command; return the list of its calls."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "x.go").write_text("package b\n")
    (folder / "go").write_text(GO)
    (folder / "go").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder / "calls"


def test_what_a_cluster_needs_is_one_build_of_one_module(go: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gobuild.build(*gobuild.NODE, *gobuild.TOOLS, "helm-unittest")
    builds = [call for call in go.read_text().splitlines() if call.startswith("build -v")]
    assert len(builds) == 1
    wanted = [gobuild.targets()[name] for name in (*gobuild.NODE, *gobuild.TOOLS, "helm-unittest")]
    assert builds[0].split()[-sum(len(each.commands) for each in wanted) :] == [
        command for each in wanted for command in each.commands
    ]
    for target in wanted:
        assert sorted(path.name for path in target.path().iterdir()) == sorted(target.programs)
    said = capsys.readouterr().err
    assert "helm, helm-unittest: once" in said
    assert "to compile: 1 packages; to link: 17 programs" in said

    go.unlink()
    gobuild.build(*gobuild.NODE, *gobuild.TOOLS, "prometheus", "crane")
    commands = [call.split(" -o ")[1] for call in go.read_text().splitlines() if call.startswith("build -v")]
    assert [len(each.split()) - 1 for each in commands] == [2, 1], "two programs of one module, then the other module"


def test_a_long_command_tells_how_far_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shell, "TELL_EVERY", 0.01)
    fifo, told = tmp_path / "fifo", []
    os.mkfifo(fifo)

    def tell() -> None:
        told.append(1)
        if len(told) == 3:
            fifo.write_text("go on")

    assert run(["sh", "-c", f"cat; cat {fifo}"], stdin="read ", tell=tell) == "read go on"
    assert len(told) >= 3


WORK = goprogress.Work({"a/small": 0, "b/big": 60_000, "c/other": 2_820_000}, programs=2)


@pytest.mark.parametrize(
    ("log", "linked", "line"),
    [
        ("", 0, "compiled 0 of 3 packages"),
        ("a/small\n", 0, "compiled 1 of 3 packages"),
        ("# a/small\nsome warning\nb/big\na/small\n", 0, "compiled 2 of 3 packages; about 47 minutes to go"),
        ("a/small\nb/big\nc/other", 1, "compiled 3 of 3 packages, linked 1 of 2 programs; about 1 minute to go"),
        ("a/small\nb/big\nc/other", 2, "compiled 3 of 3 packages, linked 2 of 2 programs; less than a minute to go"),
    ],
)
def test_a_build_says_how_far_it_is(log: str, linked: int, line: str) -> None:
    assert WORK.describe(log, linked, seconds=100 if not linked else 300) == line


def test_what_is_cached_is_no_work(tmp_path: Path) -> None:
    (tmp_path / "a.go").write_text("12345")
    (tmp_path / "b.go").write_text("123")
    listing = f"go: downloading a v1\nold/one\t{tmp_path}\ta.go\nnew/one\t{tmp_path}\ta.go\tb.go\nunsafe\t/x\t\n"
    plan = "mkdir -p $WORK/b1/\nnew/one\nunsafe\n"
    assert goprogress.work_of(listing, plan, 1) == goprogress.Work({"new/one": 8, "unsafe": 0}, 1)
    assert goprogress.fetched(listing) == 1


def test_programs_are_found_by_name() -> None:
    for name in ("server", "kubelet", "containerd-shim-runc-v2", "ptp", "pause", "coredns", "kubectl", "helm", "kind"):
        assert gobuild.program(name).name == name
    with pytest.raises(ClusterError, match="none of the programs"):
        gobuild.program("docker")


def test_an_image_changes_with_its_files_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "PROJECT", tmp_path)
    monkeypatch.setattr(bases, "_release", lambda: "bookworm")
    (tmp_path / "in/__pycache__").mkdir(parents=True)
    image = images.Image("x", ".", ("in",))
    (tmp_path / "in/a.py").write_text("1")
    key = image.key(docker=False)
    (tmp_path / "in/__pycache__/a.pyc").write_text("1")
    (tmp_path / "out.py").write_text("1")
    assert image.key(docker=False) == key
    assert image.key(docker=True) != key
    (tmp_path / "in/a.py").write_text("2")
    assert image.key(docker=False) != key


def test_an_image_is_known_by_each_of_its_names() -> None:
    for name in ("runner", "graphcron/runner:dev", "docker.io/graphcron/runner:dev"):
        assert images._image(name).tag == "graphcron/runner:dev"
    with pytest.raises(ClusterError, match="no image nosuch"):
        images._image("nosuch")


def test_the_pause_image_is_one_layer_with_one_program(tmp_path: Path) -> None:
    program = tmp_path / "pause"
    program.write_bytes(b"\x7fELF")
    archive.single_program(tmp_path / "image.tar", image="docker.io/x/pause:1", program=program)
    with tarfile.open(tmp_path / "image.tar") as image:
        manifest = json.load(image.extractfile("manifest.json"))  # type: ignore[arg-type]
        assert manifest[0]["RepoTags"] == ["docker.io/x/pause:1"]
        with tarfile.open(fileobj=image.extractfile("layer.tar")) as layer:
            assert [(entry.name, entry.mode) for entry in layer] == [("pause", 0o755)]


def test_a_base_of_unpacked_packages_gets_certificates_and_accounts(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "base.tar", "w") as tar:
        for name in ("./usr/bin/python3.11", "./usr/share/ca-certificates/mozilla/one.crt", "./etc/passwd"):
            entry = tarfile.TarInfo(name)
            entry.size = 2
            tar.addfile(entry, io.BytesIO(b"x\n"))
    bases._complete(tmp_path / "base.tar")
    with tarfile.open(tmp_path / "base.tar") as tar:
        bundle, accounts = (tar.extractfile(f"./etc/{name}") for name in ("ssl/certs/ca-certificates.crt", "passwd"))
        assert bundle is not None
        assert bundle.read() == b"x\n"
        assert accounts is not None
        assert b"nonroot:x:65532:" in accounts.read()
        assert "./usr/bin/python3.11" in tar.getnames()


def test_a_failing_command_says_its_last_words() -> None:
    with pytest.raises(ClusterError, match=r"ended with 3:\n  sorry"):
        run(["sh", "-c", "echo sorry >&2; exit 3"])
    with pytest.raises(ClusterError, match="no-such-program is not installed"):
        run(["no-such-program"])


@pytest.mark.needs("linux")
def test_a_node_is_found_by_its_command_line_alone() -> None:
    cluster = Cluster("found")
    assert processes.init_of(cluster) is None
    sleeper = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)", processes.VERB, str(cluster.state)]
    )
    try:
        # The kernel shows the new command line a moment after the program has begun.
        wait_for("the node", lambda: processes._owned(cluster) == [sleeper.pid], seconds=10)
        assert processes._owned(Cluster("foun")) == []
    finally:
        sleeper.kill()
        sleeper.wait()


@pytest.mark.needs("control-plane")
def test_the_first_process_of_a_node_is_not_known_while_it_is_unshare() -> None:
    """It has no command line for a moment as it becomes the node, so a start that had seen it before failed."""
    cluster = Cluster("unshared")
    unshare = ["unshare", "--pid", "--fork", "--kill-child"]
    sleep = [sys.executable, "-c", "import time; time.sleep(60)", processes.VERB, str(cluster.state)]
    node = subprocess.Popen([*unshare, *unshare, *sleep])  # the second one stays the first process
    try:
        wait_for("the node", lambda: len(processes._owned(cluster)) == 3, seconds=10)
        (sleeper,) = [pid for pid in processes._owned(cluster) if "python" in Path(f"/proc/{pid}/exe").readlink().name]
        assert processes.init_of(cluster) == sleeper
    finally:
        node.kill()
        node.wait()


@pytest.mark.parametrize("verb", ["kubeconfig", "info", "load runner", "restart etcd"])
def test_a_verb_on_no_cluster_says_how_to_start_one(verb: str) -> None:
    command = [sys.executable, str(ROOT / "hack/cluster"), *verb.split(), "--name", "nosuch"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: no ")
    assert "up --name nosuch" in done.stderr


@pytest.mark.needs("linux")
def test_a_component_that_ends_just_before_its_signal_starts_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node, "NODE", tmp_path)
    (tmp_path / "logs").mkdir()
    component = Component("etcd", (sys.executable, "-c", ""), needs_api=False)
    running = node._Running(component)
    supervisor = node.Supervisor((component,), all=[running])
    supervisor._step(running)
    assert running.process is not None
    os.waitid(os.P_PID, running.process.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and is not reaped
    (tmp_path / "stopped").mkdir()
    (tmp_path / "stopped" / "etcd").touch()
    supervisor._step(running)
    supervisor._reap()
    assert running.process is None
