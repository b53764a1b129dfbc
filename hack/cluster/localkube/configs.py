"""Configuration files of the node's components, as JSON for those that read YAML."""

import json
from pathlib import Path

from . import addresses, pki
from .addresses import Link

# Inside the node, whatever these folders are called outside.
NODE = Path("/run/graphcron")
PROGRAMS = Path("/run/graphcron-go")
CONTAINERD_SOCKET = Path("/run/containerd/containerd.sock")
_DISK_SIGNALS = ("nodefs.available", "nodefs.inodesFree", "imagefs.available", "imagefs.inodesFree")
PAUSE_IMAGE = "docker.io/graphcron/pause:local"


def kubelet(link: Link, *, cgroup_root: str) -> str:
    """Return the kubelet's configuration."""
    return _json(
        "kubelet.config.k8s.io/v1beta1",
        "KubeletConfiguration",
        authentication={
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": f"{NODE}/pki/ca.crt"},
        },
        authorization={"mode": "Webhook"},
        cgroupDriver="cgroupfs",
        cgroupRoot=f"/{cgroup_root}",
        failCgroupV1=False,
        enforceNodeAllocatable=[],
        clusterDNS=[link.node],
        clusterDomain="cluster.local",
        resolvConf=f"{NODE}/resolv.conf",
        containerRuntimeEndpoint=f"unix://{CONTAINERD_SOCKET}",
        failSwapOn=False,
        makeIPTablesUtilChains=False,
        podLogsDir=f"{NODE}/pod-logs",
        volumePluginDir=f"{NODE}/volume-plugins",
        maxPods=500,
        nodeStatusUpdateFrequency="4s",
        # The disk and memory are the developer's own: no image is collected and no pod evicted for them.
        imageGCHighThresholdPercent=100,
        evictionHard={"memory.available": "50Mi", **dict.fromkeys(_DISK_SIGNALS, "0%")},
    )


def kube_proxy() -> str:
    """Return kube-proxy's configuration."""
    return _json(
        "kubeproxy.config.k8s.io/v1alpha1",
        "KubeProxyConfiguration",
        mode="nftables",
        clusterCIDR=addresses.PODS,
        hostnameOverride=pki.NODE_NAME,
        clientConnection={"kubeconfig": f"{NODE}/pki/kube-proxy.kubeconfig"},
        conntrack={"maxPerCore": 0, "min": 0},
    )


def cni() -> str:
    """Return the pods' network: each pod on its own routed link, so that Services work between pods too."""
    ipam = {"type": "host-local", "subnet": addresses.PODS, "dataDir": f"{NODE}/cni-addresses"}
    plugin = {"type": "ptp", "ipMasq": False, "mtu": 1400, "ipam": {**ipam, "routes": [{"dst": "0.0.0.0/0"}]}}
    return json.dumps({"cniVersion": "1.0.0", "name": "pods", "plugins": [plugin]}, indent=2)


def coredns(link: Link) -> str:
    """Return CoreDNS's Corefile. It forwards nothing, because the node cannot reach other networks."""
    return f"""cluster.local:53 in-addr.arpa:53 ip6.arpa:53 {{
    bind {link.node}
    ready {link.node}:{addresses.DNS_READY_PORT}
    errors
    cache 5
    kubernetes cluster.local in-addr.arpa ip6.arpa {{
        kubeconfig {NODE}/pki/coredns.kubeconfig
        pods insecure
        ttl 5
    }}
}}
"""


def containerd(*, snapshotter: str, runc: str, cni_programs: Path) -> str:
    """Return containerd's configuration."""
    return f"""version = 3
root = "{NODE}/containerd"
state = "/run/containerd"

[grpc]
address = "{CONTAINERD_SOCKET}"

[plugins.'io.containerd.cri.v1.images']
snapshotter = "{snapshotter}"

[plugins.'io.containerd.cri.v1.images'.pinned_images]
sandbox = "{PAUSE_IMAGE}"

[plugins.'io.containerd.cri.v1.runtime']
# Machines without CAP_SYS_RESOURCE (a container, a sandbox) can't lower an OOM score.
restrict_oom_score_adj = true

[plugins.'io.containerd.cri.v1.runtime'.containerd]
default_runtime_name = "runc"

[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
BinaryName = "{runc}"

[plugins.'io.containerd.cri.v1.runtime'.cni]
bin_dirs = ["{cni_programs}"]
conf_dir = "{NODE}/config/cni"

[plugins.'io.containerd.internal.v1.opt']
path = "{NODE}/containerd-opt"
"""


def _json(version: str, kind: str, **fields: object) -> str:
    return json.dumps({"apiVersion": version, "kind": kind, **fields}, indent=2) + "\n"
