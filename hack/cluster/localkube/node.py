"""The node: process 1 of its own PID, mount and network namespaces.

`up` starts it with `unshare`. It lays out the mounts, starts the components and starts them again when they end.
When it is killed the kernel ends every process, container and mount of the cluster with it. Everything that it
needs is read from the state folder, which is at /run/graphcron in here.
"""

import ctypes
import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from . import addresses, api
from .addresses import Link
from .components import Component, components, environment
from .configs import NODE, PROGRAMS

_BIND, _REC, _SHARED, _RDONLY, _REMOUNT = 4096, 16384, 1 << 20, 1, 32
# Folders that upstream programs insist on writing to: private, empty and in memory in here.
_PRIVATE = ("/run", "/var/lib", "/var/log")
# Longer only helps watches to linger: no component needs more to be in order.
_GRACE = 2.0
_libc = ctypes.CDLL(None, use_errno=True)


def mount(source: str, target: str, kind: str = "", flags: int = 0) -> None:
    """Call mount(2): unlike the program, it takes a folder's descriptor when the folder itself is hidden."""
    if _libc.mount(source.encode(), target.encode(), kind.encode(), flags, b"") != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"mount {target}: {os.strerror(code)}")


def _lay_out(state: Path, programs: Path) -> None:
    sources = {NODE: os.open(state, os.O_PATH), PROGRAMS: os.open(programs, os.O_PATH)}
    os.chdir("/")
    mount("none", "/", flags=_REC | _SHARED)
    for folder in _PRIVATE:
        mount("tmpfs", folder, "tmpfs")
    for target, descriptor in sources.items():
        target.mkdir()
        mount(f"/proc/self/fd/{descriptor}", str(target), flags=_BIND)
        os.close(descriptor)
    mount("none", str(PROGRAMS), flags=_BIND | _REMOUNT | _RDONLY)


def _network(link: Link) -> None:
    while "eth0:" not in Path("/proc/net/dev").read_text():  # `up` hands it over
        time.sleep(0.01)
    commands = (
        ["ip", "link", "set", "lo", "up"],
        ["ip", "address", "add", f"{link.node}/30", "dev", "eth0"],
        ["ip", "link", "set", "eth0", "up"],
        ["ip", "route", "add", "default", "via", link.host],
    )
    for command in commands:
        subprocess.run(command, check=True)
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    rules = f"""table ip graphcron {{
        chain outwards {{
            type nat hook postrouting priority srcnat;
            ip saddr {addresses.PODS} oifname "eth0" masquerade
        }}
    }}"""
    subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)


@dataclass
class _Running:
    component: Component
    process: subprocess.Popen[bytes] | None = None
    not_before: float = 0.0
    killed_at: float = 0.0


@dataclass
class Supervisor:
    """Keeps each component running, unless its marker file exists."""

    components: tuple[Component, ...]
    api_ready: bool = False
    all: list[_Running] = field(default_factory=list)
    told: str = ""

    def serve(self) -> None:
        """Supervise the components until the node ends."""
        self.all = [_Running(component) for component in self.components]
        while True:
            self._reap()
            for running in self.all:
                self._step(running)
            self._tell()
            time.sleep(0.05)

    def _step(self, running: _Running) -> None:
        wanted = not (NODE / "stopped" / running.component.name).exists()
        now = time.monotonic()
        if running.process is None:
            if wanted and now >= running.not_before and (not running.component.needs_api or self._api()):
                running.process, running.killed_at = _start(running.component), 0.0
                running.not_before = now + 1
        elif not wanted and not running.killed_at:
            _signal(running.process, signal.SIGTERM)
            running.killed_at = now
        elif running.killed_at and now > running.killed_at + _GRACE:
            _signal(running.process, signal.SIGKILL)

    def _api(self) -> bool:
        if not self.api_ready:
            server = f"https://127.0.0.1:{addresses.API_PORT}"
            self.api_ready = api.get(server, "/readyz", NODE / "pki") is not None
        return self.api_ready

    def _reap(self) -> None:
        """Collect every dead child: components, and the orphans that process 1 inherits."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for running in self.all:
                if running.process is not None and running.process.pid == pid:
                    running.process.returncode = os.waitstatus_to_exitcode(status)
                    running.process = None

    def _tell(self) -> None:
        pids = {running.component.name: running.process.pid for running in self.all if running.process}
        text = json.dumps(pids)
        if text != self.told:
            temporary = NODE / ".running.json"
            temporary.write_text(text)
            temporary.replace(NODE / "running.json")
            self.told = text


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send a signal to a child that is not reaped yet.

    Popen's own methods reap it when it has just ended: `_reap` would never see it, and it would never start again.
    """
    os.kill(process.pid, number)


def _start(component: Component) -> subprocess.Popen[bytes]:
    with (NODE / "logs" / f"{component.name}.log").open("ab") as log:
        return subprocess.Popen(
            component.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment(), process_group=0
        )


def main(state: str) -> None:
    """Run as process 1."""
    record = json.loads((Path(state) / "cluster.json").read_text())
    link = Link(**record["link"])
    _lay_out(Path(state), Path(record["go"]))
    _network(link)
    inside = {name: PROGRAMS / path for name, path in record["programs"].items()}
    Supervisor(components(link, inside, audit=record["audit"])).serve()
