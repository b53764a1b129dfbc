"""A proxy between the runner and a server that makes faults on request. Standard library only.

``python3 proxy.py --upstream HOST:PORT [--listen HOST:PORT] [--control HOST:PORT] [--cert FILE --key FILE]``

It prints one JSON line with its ports. Asked as a forward proxy (absolute URL or CONNECT), it forwards.

Control, on a port of its own:

* ``PUT /rules`` with a list of rules replaces them; each request takes the first rule that matches.
* ``GET /requests`` lists what came: ``{"method", "path", "fault", "headers", "body"}``; ``DELETE /requests`` forgets it.

A rule: ``{"method": "POST", "path": "regular expression", "fault": ..., "skip": 0, "times": 1}``; ``times: null`` is
for ever. Faults: ``drop`` (the upstream gets the request, nobody gets its answer; ``seconds``: silence before the
connection closes), ``answer`` (``status``, ``headers``, ``body``; the upstream gets nothing), ``late-answer`` (the same,
but the upstream gets the request), ``hang`` (``seconds``; the upstream gets nothing), ``cut`` (after ``bytes`` of the
body, or after ``seconds``), ``delay`` (``seconds``, then as usual).
"""

import argparse
import http.client
import json
import re
import select
import socket
import ssl
import sys
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

HOP_BY_HOP = {
    "connection",
    "transfer-encoding",
    "keep-alive",
    "proxy-connection",
    "proxy-authorization",
    "content-length",
}


class Rules:
    """Rules and what has happened, shared by all connections."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[dict[str, Any]] = []
        self.requests: list[dict[str, Any]] = []

    def replace(self, rules: list[dict[str, Any]]) -> None:
        """Set the rules."""
        with self._lock:
            self._rules = [{"skip": 0, "times": 1, **rule} for rule in rules]

    def take(self, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> dict[str, Any]:
        """Note a request, with the beginning of its body, and return the rule for it, or an empty one."""
        with self._lock:
            rule = next((rule for rule in self._rules if self._applies(rule, method, path)), {})
            note = {"method": method, "path": path, "fault": rule.get("fault"), "headers": headers}
            self.requests.append({**note, "body": body[:4096].decode("utf-8", "replace")})
            return rule

    @staticmethod
    def _applies(rule: dict[str, Any], method: str, path: str) -> bool:
        if rule.get("method", method) != method or not re.search(rule.get("path", ""), path) or rule["times"] == 0:
            return False
        if rule["skip"]:
            rule["skip"] -= 1
            return False
        if rule["times"] is not None:
            rule["times"] -= 1
        return True


class Handler(BaseHTTPRequestHandler):
    """One connection of a client."""

    protocol_version = "HTTP/1.1"
    rules: Rules
    upstream: tuple[str, int]

    def log_message(self, *_: Any) -> None: ...

    def handle_any(self) -> None:
        """Answer one request, with the fault that is its due."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        rule = self.rules.take(self.command, path, dict(self.headers.items()), body)
        target = (parts.hostname, parts.port or 80) if parts.hostname else self.upstream
        fault = rule.get("fault")
        if fault in ("hang", "delay"):
            time.sleep(rule.get("seconds", 3600))
        if fault == "hang":
            self.close_connection = True
        elif fault == "answer":
            self.answer(rule)
        else:
            self.forward(target, path, body, rule)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = handle_any  # noqa: N815

    def do_CONNECT(self) -> None:
        """Tunnel bytes to whatever was asked for."""
        self.rules.take("CONNECT", self.path, dict(self.headers.items()))
        host, _, port = self.path.rpartition(":")
        with socket.create_connection((host, int(port))) as other:
            self.send_response(200)
            self.end_headers()
            pair = {self.connection: other, other: self.connection}
            while True:
                for source in select.select(list(pair), [], [])[0]:
                    data = source.recv(65536)
                    if not data:
                        self.close_connection = True
                        return
                    pair[source].sendall(data)

    def answer(self, rule: dict[str, Any]) -> None:
        """Answer by ourselves."""
        data = rule.get("body", "").encode()
        self.send_response(rule.get("status", 500))
        for name, value in rule.get("headers", {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def forward(self, target: tuple[str, int], path: str, body: bytes, rule: dict[str, Any]) -> None:
        """Ask the upstream and pass its answer on, as far as the rule lets us."""
        connection = http.client.HTTPConnection(*target, timeout=300)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
        try:
            connection.request(self.command, path, body or None, headers)
            response = connection.getresponse()
            if rule.get("fault") in ("drop", "late-answer"):
                response.read()
            if rule.get("fault") == "late-answer":
                self.answer(rule)
            elif rule.get("fault") == "drop":
                time.sleep(rule.get("seconds", 0))
                self.close_connection = True
            else:
                self.relay(response, rule)
        except (OSError, http.client.HTTPException):
            self.close_connection = True
        finally:
            connection.close()

    def relay(self, response: http.client.HTTPResponse, rule: dict[str, Any]) -> None:
        """Pass the answer on as it comes."""
        cut = rule if rule.get("fault") == "cut" else {}
        if "seconds" in cut:
            timer = threading.Timer(cut["seconds"], self.sever)
            timer.daemon = True
            timer.start()
        self.send_response(response.status)
        for name, value in response.getheaders():
            if name.lower() not in HOP_BY_HOP | {"date", "server"}:
                self.send_header(name, value)
        bodiless = response.status == 204
        if not bodiless:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        left = cut.get("bytes", sys.maxsize)
        while not bodiless and (data := response.read1(min(65536, max(left, 1)))):
            if left <= 0:
                return self.sever()
            left -= len(data)
            self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
            self.wfile.flush()
        if not bodiless:
            self.wfile.write(b"0\r\n\r\n")
        return None

    def sever(self) -> None:
        """Cut the connection to the client."""
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


class Control(BaseHTTPRequestHandler):
    """The control port."""

    rules: Rules

    log_message = Handler.log_message

    def do_PUT(self) -> None:
        """Replace the rules."""
        self.rules.replace(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.reply([])

    def do_GET(self) -> None:
        """Tell what came."""
        self.reply(self.rules.requests)

    def do_DELETE(self) -> None:
        """Forget what came."""
        self.rules.requests.clear()
        self.reply([])

    def reply(self, value: list[Any]) -> None:
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


class Server(ThreadingHTTPServer):
    """Threads that end with the process; clients that hang up are no news."""

    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent."""


def address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--upstream", type=address, required=True)
    parser.add_argument("--listen", type=address, default=("127.0.0.1", 0))
    parser.add_argument("--control", type=address, default=("127.0.0.1", 0))
    parser.add_argument("--cert")
    parser.add_argument("--key")
    options = parser.parse_args()
    Handler.rules = Control.rules = Rules()
    Handler.upstream = options.upstream
    front, control = Server(options.listen, Handler), Server(options.control, Control)
    if options.cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.cert, options.key)
        front.socket = context.wrap_socket(front.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=control.serve_forever, daemon=True).start()
    print(json.dumps({"port": front.server_port, "control": control.server_port}), flush=True)
    front.serve_forever()


if __name__ == "__main__":
    main()
