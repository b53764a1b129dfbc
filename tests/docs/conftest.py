"""What a reader of the pages has: a cluster at hand, and the LangGraph server's address."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cluster import Cluster
    from tests.e2e.api import LangGraph


@pytest.fixture(scope="session")
def langgraph_url(cluster: Cluster, server: LangGraph) -> Iterator[str]:
    """Return the address under which this machine reaches the LangGraph server."""
    parts = urlsplit(server.url)
    service = re.fullmatch(r"([^.]+)\.([^.]+)\.svc(\..*)?", parts.hostname or "")
    if service is None:
        yield server.url
        return
    with forwarded(cluster, service[1], service[2], parts.port or 80) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def reader(cluster: Cluster, namespace: str, langgraph_url: str) -> dict[str, str]:
    """Return the environment of a reader's terminal."""
    return {
        **cluster.environment,
        "NAMESPACE": namespace,
        "LANGGRAPH_URL": langgraph_url,
        "PROXY_PORT": str(_free_port()),
        "NO_PROXY": ",".join(filter(None, (os.environ.get("NO_PROXY"), "127.0.0.1", "localhost"))),
    }


@contextmanager
def forwarded(cluster: Cluster, service: str, namespace: str, port: int) -> Iterator[int]:
    """Forward a free port of this machine to a Service."""
    command = ["kubectl", "port-forward", "--namespace", namespace, f"service/{service}", f":{port}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=cluster.environment) as forward:
        assert forward.stdout is not None
        said = forward.stdout.readline()
        found = re.search(r"127\.0\.0\.1:(\d+)", said)
        try:
            assert found, f"kubectl port-forward says {said!r}"
            yield int(found[1])
        finally:
            forward.terminate()


def _free_port() -> int:
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
