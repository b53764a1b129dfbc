"""Addresses of the host, the nodes and the pods.

A cluster's own networks are private to its network namespace, so all clusters use the same ones. Only the link
between the host and the node is visible outside: a /30 that nothing on the host uses yet.
"""

import hashlib
import ipaddress
import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .locks import locked
from .paths import Cluster, cache_dir
from .shell import ClusterError, run

PODS = "10.88.0.0/22"
SERVICES = "10.96.0.0/16"
SERVICE_API = "10.96.0.1"
API_PORT = 6443
DNS_READY_PORT = 8181

_POOL = ipaddress.IPv4Network("10.213.0.0/16")


@dataclass(frozen=True)
class Link:
    """The veth pair between the host and the node."""

    device: str
    host: str
    node: str

    @property
    def server(self) -> str:
        """The API server's URL."""
        return f"https://{self.node}:{API_PORT}"


def device_of(cluster: Cluster) -> str:
    """Return the name of the link's end on the host: one for each state directory."""
    return "gc-" + hashlib.sha256(str(cluster.state).encode()).hexdigest()[:10]


def reserve(cluster: Cluster) -> Link:
    """Create the cluster's link with the first free /30, from an offset that depends on the cluster's name."""
    device = device_of(cluster)
    subnets = list(_POOL.subnets(new_prefix=30))
    start = int(device.removeprefix("gc-"), 16) % len(subnets)
    with locked(cache_dir() / ".addresses.lock", "it chooses an address"):
        detach(device)
        taken = _taken()
        free = (net for net in subnets[start:] + subnets[:start] if not any(net.overlaps(other) for other in taken))
        subnet: ipaddress.IPv4Network | None = next(free, None)
        if subnet is None:
            raise ClusterError(f"no address is left in {_POOL}")
        host, node = map(str, subnet.hosts())
        run(["ip", "link", "add", device, "type", "veth", "peer", "name", f"{device}p"])
        run(["ip", "address", "add", f"{host}/30", "dev", device])
        run(["ip", "link", "set", device, "up"])
    return Link(device, host, node)


def _taken() -> list[ipaddress.IPv4Network]:
    links = json.loads(run(["ip", "-json", "-4", "address"]) or "[]")
    own = [f"{info['local']}/{info['prefixlen']}" for link in links for info in link.get("addr_info", [])]
    routes = json.loads(run(["ip", "-json", "-4", "route", "show", "table", "all"]) or "[]")
    other = [str(route["dst"]) for route in routes if str(route["dst"])[:1].isdigit()]
    return [ipaddress.IPv4Network(text, strict=False) for text in own + other if not text.startswith("0.")]


def attach(link: Link, pid: int) -> None:
    """Hand the link's other end to the network namespace of `pid`; both ends go when that namespace goes."""
    run(["ip", "link", "set", "dev", f"{link.device}p", "name", "eth0", "netns", str(pid)])


def detach(device: str) -> None:
    """Remove the link if it is still there."""
    if Path("/sys/class/net", device).exists():
        with suppress(ClusterError):  # gone in between, with its namespace
            run(["ip", "link", "delete", device])
