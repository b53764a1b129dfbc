"""Prometheus is waited for until it is ready, not until it listens."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest

from tests.monitoring.conftest import Prometheus

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(("status", "ready"), [(503, False), (200, True)])
def test_prometheus_is_ready_when_it_answers_so(tmp_path: Path, status: int, ready: bool) -> None:
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        prometheus = Prometheus(tmp_path)
        prometheus._url = f"http://127.0.0.1:{server.server_port}"
        assert prometheus._is_ready() is ready
        thread.join()
    assert asked == ["/-/ready"]
