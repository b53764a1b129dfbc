"""The programs of a node and their command lines, in the order in which they start."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from . import addresses, pki
from .addresses import Link
from .configs import CONTAINERD_SOCKET, NODE

PKI = NODE / "pki"
CONFIG = NODE / "config"


@dataclass(frozen=True)
class Component:
    """One supervised program of the node."""

    name: str
    command: tuple[str, ...]
    # Started only when the API server answers: else it spends its first seconds backing off.
    needs_api: bool = True


def components(link: Link, programs: Mapping[str, Path], *, audit: bool) -> tuple[Component, ...]:
    """Return every component of the node; `programs` contains the paths of the programs inside the node."""

    def at(name: str) -> str:
        return str(programs[name])

    containerd = (at("containerd"), "--config", f"{CONFIG}/containerd.toml")
    proxy = (at("kube-proxy"), f"--config={CONFIG}/kube-proxy.json", "--v=1")
    return (
        Component("etcd", _etcd(at("server")), needs_api=False),
        Component("kube-apiserver", _apiserver(at("kube-apiserver"), link, audit=audit), needs_api=False),
        Component("containerd", containerd, needs_api=False),
        Component("kubelet", _kubelet(at("kubelet"), link)),
        Component("kube-controller-manager", _controller_manager(at("kube-controller-manager"))),
        Component("kube-scheduler", _scheduler(at("kube-scheduler"))),
        Component("kube-proxy", proxy),
        Component("coredns", (at("coredns"), "-conf", f"{CONFIG}/Corefile")),
    )


NAMES = (
    "etcd", "kube-apiserver", "containerd", "kubelet", "kube-controller-manager", "kube-scheduler", "kube-proxy",
    "coredns",
)  # fmt: skip


def _etcd(program: str) -> tuple[str, ...]:
    clients = "http://127.0.0.1:2379"
    return (
        program,
        f"--data-dir={NODE}/etcd",
        f"--listen-client-urls={clients}",
        f"--advertise-client-urls={clients}",
        "--listen-peer-urls=http://127.0.0.1:2380",
        "--unsafe-no-fsync",
        "--log-level=warn",
        "--quota-backend-bytes=8589934592",
    )


def _apiserver(program: str, link: Link, *, audit: bool) -> tuple[str, ...]:
    record = (f"--audit-policy-file={CONFIG}/audit-policy.yaml", f"--audit-log-path={NODE}/logs/audit.log")
    return (
        program,
        "--etcd-servers=http://127.0.0.1:2379",
        f"--advertise-address={link.node}",
        f"--secure-port={addresses.API_PORT}",
        f"--service-cluster-ip-range={addresses.SERVICES}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        f"--client-ca-file={PKI}/ca.crt",
        f"--tls-cert-file={PKI}/kube-apiserver.crt",
        f"--tls-private-key-file={PKI}/kube-apiserver.key",
        f"--kubelet-client-certificate={PKI}/kube-apiserver-kubelet.crt",
        f"--kubelet-client-key={PKI}/kube-apiserver-kubelet.key",
        "--kubelet-preferred-address-types=InternalIP",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={PKI}/service-accounts.key",
        f"--service-account-signing-key-file={PKI}/service-accounts.key",
        f"--requestheader-client-ca-file={PKI}/front-proxy-ca.crt",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        "--allow-privileged=true",
        *(record if audit else ()),
    )


def _controller_manager(program: str) -> tuple[str, ...]:
    config = f"{PKI}/kube-controller-manager.kubeconfig"
    return (
        program,
        f"--kubeconfig={config}",
        f"--authentication-kubeconfig={config}",
        f"--authorization-kubeconfig={config}",
        "--use-service-account-credentials=true",
        # Its own limit of 20 requests a second makes a start 4 s longer.
        "--kube-api-qps=200",
        "--kube-api-burst=400",
        f"--root-ca-file={PKI}/ca.crt",
        f"--service-account-private-key-file={PKI}/service-accounts.key",
        f"--cluster-signing-cert-file={PKI}/ca.crt",
        f"--cluster-signing-key-file={PKI}/ca.key",
    )


def _scheduler(program: str) -> tuple[str, ...]:
    config = f"{PKI}/kube-scheduler.kubeconfig"
    return (
        program,
        f"--kubeconfig={config}",
        f"--authentication-kubeconfig={config}",
        f"--authorization-kubeconfig={config}",
    )


def _kubelet(program: str, link: Link) -> tuple[str, ...]:
    return (
        program,
        f"--config={CONFIG}/kubelet.json",
        f"--kubeconfig={PKI}/kubelet.kubeconfig",
        f"--root-dir={NODE}/kubelet",
        f"--cert-dir={NODE}/kubelet-pki",
        f"--hostname-override={pki.NODE_NAME}",
        f"--node-ip={link.node}",
    )


def environment() -> dict[str, str]:
    """Return the environment of every component, without the caller's variables, such as proxies."""
    return {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/root",
        "CONTAINERD_ADDRESS": str(CONTAINERD_SOCKET),
    }
