"""The local provider: upstream Kubernetes in separate Linux namespaces, as root, without Docker."""

import json
import shutil
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from . import addresses, api, archive, cgroups, components, configs, gobuild, host, pki, processes
from .addresses import Link
from .paths import HERE, Cluster, cache_dir
from .shell import ClusterError, say, wait_for, write

BUILT_IN_AUDIT_POLICY = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{"level": "Metadata"}]}
_PROGRAMS = (
    "server", "kube-apiserver", "containerd", "ctr", "kubelet", "kube-controller-manager", "kube-scheduler",
    "kube-proxy", "coredns",
)  # fmt: skip


def up(cluster: Cluster, *, audit_policy: str | None) -> None:
    """Start the cluster, or find it running."""
    host.require_local()
    gobuild.build(*gobuild.NODE, *gobuild.TOOLS)
    if _reuse(cluster):
        return
    down(cluster)
    try:
        _start(cluster, audit_policy)
    except BaseException as error:
        if isinstance(error, ClusterError):
            _keep_logs(cluster)
        down(cluster)
        raise


def _reuse(cluster: Cluster) -> bool:
    if processes.init_of(cluster) is None or not cluster.record.exists():
        return False
    shutil.rmtree(cluster.stops, ignore_errors=True)
    try:
        _wait_ready(cluster, _link(cluster), seconds=10)
    except ClusterError as error:
        say(f"the running cluster {cluster.name} is not well ({error}): starting it anew")
        return False
    say(f"the cluster {cluster.name} is running already")
    return True


def _start(cluster: Cluster, audit_policy: str | None) -> None:
    say(f"starting Kubernetes {gobuild.kubernetes_version()} as {cluster.name}")
    for folder in (cluster.state, cluster.logs):
        folder.mkdir(parents=True)
    link = addresses.reserve(cluster)
    _write_files(cluster, link, audit_policy)
    _write_record(cluster, link, audit=audit_policy is not None)
    cgroups.create(cgroups.root_of(cluster))
    _launch(cluster, link)
    _wait_ready(cluster, link, seconds=300, talk=True)


def _write_files(cluster: Cluster, link: Link, audit_policy: str | None) -> None:
    state = cluster.state
    pki.make(state / "pki", link)
    for client in pki.CLIENTS:
        inside = pki.kubeconfig(state / "pki", client, server=f"https://127.0.0.1:{addresses.API_PORT}", name="local")
        write(state / "pki" / f"{client}.kubeconfig", inside, mode=0o600)
    cni_programs = configs.PROGRAMS / gobuild.targets()["cni"].path().name
    runtime = configs.containerd(
        snapshotter=host.snapshotter(state), runc=shutil.which("runc") or "runc", cni_programs=cni_programs
    )
    files = {
        "resolv.conf": f"nameserver {link.node}\n",
        "config/kubelet.json": configs.kubelet(link, cgroup_root=cgroups.root_of(cluster)),
        "config/kube-proxy.json": configs.kube_proxy(),
        "config/cni/10-pods.conflist": configs.cni(),
        "config/Corefile": configs.coredns(link),
        "config/containerd.toml": runtime,
        "config/audit-policy.yaml": audit_policy or json.dumps(BUILT_IN_AUDIT_POLICY),
    }
    for name, text in files.items():
        write(state / name, text)


def _write_record(cluster: Cluster, link: Link, *, audit: bool) -> None:
    programs = {name: str(gobuild.program(name).relative_to(cache_dir("go"))) for name in _PROGRAMS}
    known = {"provider": "local", "link": asdict(link), "audit": audit}
    write(cluster.record, json.dumps({**known, "go": str(cache_dir("go")), "programs": programs}, indent=2))


def _launch(cluster: Cluster, link: Link) -> None:
    namespaces = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    node = [sys.executable, str(HERE), processes.VERB, str(cluster.state)]
    with (cluster.logs / "node.log").open("ab") as log:
        subprocess.Popen(
            [*namespaces, *node], cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    wait_for("the node's first process", lambda: processes.init_of(cluster) is not None, seconds=60, interval=0.01)
    addresses.attach(link, _init(cluster))


def _wait_ready(cluster: Cluster, link: Link, *, seconds: float, talk: bool = False) -> None:
    def ask(path: str) -> Any:
        if processes.init_of(cluster) is None:
            raise ClusterError(f"the node ended:\n{(cluster.logs / 'node.log').read_text()[-2000:]}")
        return api.get(link.server, path, cluster.state / "pki")

    def node_ready() -> bool:
        node = ask(f"/api/v1/nodes/{pki.NODE_NAME}")
        conditions = node["status"].get("conditions", []) if node else []
        return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)

    steps = {
        "the API server": lambda: ask("/readyz") is not None,
        "the image store": lambda: _import_pause(cluster),
        "the node": node_ready,
        "the default ServiceAccount": lambda: ask("/api/v1/namespaces/default/serviceaccounts/default") is not None,
        "DNS": lambda: api.plain(f"http://{link.node}:{addresses.DNS_READY_PORT}/ready"),
    }
    deadline = time.monotonic() + seconds
    for number, (what, ready) in enumerate(steps.items(), start=1):
        wait_for(what, ready, seconds=deadline - time.monotonic())
        if talk:
            say(f"{what} is ready ({number} of {len(steps)})")
    admin = pki.kubeconfig(cluster.state / "pki", "admin", server=link.server, name=f"graphcron-{cluster.name}")
    write(cluster.kubeconfig, admin, mode=0o600)


def _import_pause(cluster: Cluster) -> bool:
    image = cache_dir("images") / f"{gobuild.targets()['pause'].path().name}.tar"
    if not image.exists():
        partial = image.with_suffix(".partial")
        archive.single_program(partial, image=configs.PAUSE_IMAGE, program=gobuild.program("pause"))
        partial.replace(image)
    try:
        load(cluster, image)
    except ClusterError:  # containerd does not listen yet
        return False
    return True


def load(cluster: Cluster, image: Path) -> None:
    """Import an image archive into the node's containerd, once."""
    marker = cluster.state / "loaded" / image.name
    seal = f"{image} {image.stat().st_mtime_ns}"
    if marker.exists() and marker.read_text() == seal:
        return
    record = json.loads(cluster.record.read_text())
    ctr = str(configs.PROGRAMS / record["programs"]["ctr"])
    client = [ctr, "--address", str(configs.CONTAINERD_SOCKET), "--namespace", "k8s.io"]
    with image.open("rb") as source:  # by a descriptor: the node can't see every path of the host
        command = inside(cluster, [*client, "images", "import", "-"])
        done = subprocess.run(command, stdin=source, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ClusterError(f"containerd did not take the image: {done.stderr.strip()}")
    write(marker, seal)


def inside(cluster: Cluster, command: list[str]) -> list[str]:
    """Return the command line that runs a command in the node."""
    return ["nsenter", "--target", str(_init(cluster)), "--mount", "--net", "--pid", "--", *command]


def _init(cluster: Cluster) -> int:
    pid = processes.init_of(cluster)
    if pid is None:
        raise ClusterError(f"no local cluster {cluster.name} runs: `python hack/cluster up --name {cluster.name}`")
    return pid


def _link(cluster: Cluster) -> Link:
    return Link(**json.loads(cluster.record.read_text())["link"])


def down(cluster: Cluster) -> None:
    """Remove the cluster and all of its files. Missing parts are not an error."""
    if sys.platform == "linux":
        processes.kill(cluster)
        if shutil.which("ip"):
            addresses.detach(addresses.device_of(cluster))
        cgroups.remove(cgroups.root_of(cluster))
    if cluster.state.exists():
        shutil.rmtree(cluster.state)


def _keep_logs(cluster: Cluster) -> None:
    if cluster.logs.exists():
        kept = cache_dir("logs") / f"failed-{cluster.name}"
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(cluster.logs, kept)
        say(f"the logs of the failed start: {kept}")


def audit_log(cluster: Cluster) -> str:
    """Return the audit log of the API server."""
    return "".join(file.read_text(errors="replace") for file in sorted(cluster.logs.glob("audit*.log")))


def control(cluster: Cluster, verb: str, name: str) -> None:
    """Stop, start or restart a component, and wait until its state has changed."""
    if name not in components.NAMES:
        raise ClusterError(f"no component {name}: one of {', '.join(components.NAMES)}")
    _init(cluster)
    marker = cluster.stops / name
    if verb in {"stop", "restart"}:
        write(marker, "")
        wait_for(f"the end of {name}", lambda: name not in _running(cluster), seconds=60, interval=0.02)
        say(f"{name} is stopped")
    if verb in {"start", "restart"}:
        marker.unlink(missing_ok=True)
        wait_for(f"the start of {name}", lambda: name in _running(cluster), seconds=60, interval=0.02)
        if not any(cluster.stops.glob("*")):
            _wait_ready(cluster, _link(cluster), seconds=180)
        say(f"{name} is started")


_COMPACT = """
import json, urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
def ask(verb, **body):
    request = urllib.request.Request("http://127.0.0.1:2379/v3/kv/" + verb, json.dumps(body).encode())
    with opener.open(request, timeout=20) as answer:
        return json.load(answer)
revision = ask("range", key="AA==")["header"]["revision"]
ask("compaction", revision=revision, physical=True)
print(revision)
"""


def compact(cluster: Cluster) -> None:
    """Compact etcd up to now, and restart the API server, because its watch cache also has the older versions."""
    in_its_network = ["nsenter", "--target", str(_init(cluster)), "--net", "--", sys.executable, "-c", _COMPACT]
    done = subprocess.run(in_its_network, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ClusterError(f"etcd was not compacted: {done.stderr.strip()}")
    say(f"etcd is compacted at revision {done.stdout.strip()}")
    control(cluster, "restart", "kube-apiserver")


def _running(cluster: Cluster) -> dict[str, int]:
    running: dict[str, int] = json.loads(cluster.pids.read_text())
    return running
