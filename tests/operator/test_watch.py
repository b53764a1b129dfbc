"""A watch that has died quietly: noticed by the probe, and made anew."""

from __future__ import annotations

import re
import socket
import subprocess
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.cluster import wait_for
from tests.operator.conftest import Operator

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_terminating_namespace_operator_starts_and_serves_the_others(cluster, namespace, objects, tmp_path):
    """A finalizer keeps the namespace of a GraphCron, and kopf does not serve such a namespace by a pattern."""
    stuck = f"{namespace}-stuck"
    cluster.kubectl("create", "namespace", stuck)
    finalized = {"name": "stuck", "finalizers": ["example.com/stuck"]}
    spec = {"assistant": "agent", "schedule": "0 0 1 1 *", "timeZone": "UTC"}
    cluster.apply(
        {"apiVersion": "graphcron.dev/v1alpha1", "kind": "GraphCron", "metadata": finalized, "spec": spec},
        namespace=stuck,
    )
    cluster.kubectl("delete", "namespace", stuck, "--wait=false")
    operator = Operator(cluster, f"{namespace}*", tmp_path / "operator.log")
    try:
        remaining = ("get", "namespace", stuck, "--output=jsonpath={.status.conditions[?(@.status=='True')].type}")
        wait_for("condition of the namespace", lambda: "Finalizers" in cluster.kubectl(*remaining).stdout)
        operator.start()
        objects.apply("served")
        objects.wait_ready(name="served")
    finally:
        operator.stop()
        patch = '{"metadata":{"finalizers":null}}'
        cluster.kubectl("patch", "graphcron", "stuck", "--namespace", stuck, "--type=merge", "--patch", patch)


class QuietProxy:
    """Passes bytes on, but, while it is quiet, no answer of a watch; its connections stay open."""

    def __init__(self, port: int) -> None:
        self._upstream = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.talks = threading.Event()
        self.talks.set()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Listen no more."""
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._upstream)) as server:
            watch = threading.Event()
            threading.Thread(target=self._send, args=[client, server, watch], daemon=True).start()
            try:
                while data := server.recv(65536):
                    if watch.is_set():
                        self.talks.wait()
                    client.sendall(data)
            except OSError:
                return

    @staticmethod
    def _send(client: socket.socket, server: socket.socket, watch: threading.Event) -> None:
        try:
            while data := client.recv(65536):
                if b"watch=true" in data:
                    watch.set()
                server.sendall(data)
            server.shutdown(socket.SHUT_RDWR)
        except OSError:
            return


@pytest.fixture
def quiet(cluster) -> Iterator[QuietProxy]:
    """Put a proxy in front of the API server that can fall silent; behind it, `kubectl proxy` ends TLS."""
    command = ["kubectl", "proxy", "--port=0", "--disable-filter"]
    process = subprocess.Popen(command, env=cluster.environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        port = re.search(r":(\d+)$", process.stdout.readline().strip())
        assert port
        proxy = QuietProxy(int(port[1]))
        yield proxy
        proxy.talks.set()
        proxy.close()
    finally:
        process.terminate()
        process.communicate()


def through(quiet: QuietProxy, folder):
    """Write a kubeconfig that leads through the proxy."""
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{quiet.port}"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {"token": "of-no-use"}}],
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(kubeconfig))
    return str(path)


def test_a_dead_watch_fails_the_liveness_probe_until_it_is_made_anew(cluster, namespace, objects, quiet, tmp_path):
    operator = Operator(cluster, namespace, tmp_path / "operator.log")
    settings = {"GRAPHCRON_WATCH_INACTIVITY_SECONDS": "5", "GRAPHCRON_EXPECTATIONS_TIMEOUT_SECONDS": "2"}
    try:
        operator.start(KUBECONFIG=through(quiet, tmp_path), **settings)
        # At its end the operator suspends the CronJob: a write that only the clock asks for.
        end = datetime.now(UTC) + timedelta(seconds=8)
        objects.apply(endTime=end.strftime("%Y-%m-%dT%H:%M:%SZ"))
        objects.wait_ready()
        assert operator.probe("livez") == 200
        quiet.talks.clear()
        wait_for("suspended CronJob", lambda: objects.get("cronjob")["spec"]["suspend"] is True, seconds=40)
        wait_for("failing probe", lambda: operator.probe("livez") == 500, seconds=40)
        objects.apply("unseen")
        quiet.talks.set()
        wait_for("probe that is well again", lambda: operator.probe("livez") == 200, seconds=40)
        objects.wait_ready("unseen")
    finally:
        operator.stop()
        print(operator.log())
