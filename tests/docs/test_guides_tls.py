"""The guide for private certificates and proxies: its resources on a real cluster, its errors at real TLS."""

from __future__ import annotations

import ssl
import subprocess
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from graphcron.runner.client.errors import CertificateError, NotSent, Unanswered
from graphcron.runner.client.http_transport import Transport
from tests.cluster import ROOT, wait_for
from tests.docs.page import blocks, resource, table
from tests.e2e.conftest import crons, faulty  # noqa: F401
from tests.e2e.crons import NEVER, QUESTION
from tests.objects import condition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.e2e.crons import Crons
    from tests.e2e.faulty import Faulty

PAGE = ROOT / "docs/private-ca.md"
YAML = [block for block in blocks(PAGE) if block.language == "yaml"]
SHELL = [block.text for block in blocks(PAGE) if block.language == "bash"]
SERVER = "https://langgraph.example.com"


class Authority:
    """A certificate authority that signs what the tests need."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self.file = folder / f"{name}.pem"
        self._make(name, "-days", "2", "-x509")

    def sign(self, name: str, alternative: str, *, days: int = 2, more: str = "") -> Path:
        """Return a certificate of this authority."""
        extensions = self._folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={alternative}\n{more}\n")
        request = self._make(name)
        signed = ["-in", request, "-CA", self.file, "-CAkey", self.key(self._name), "-CAcreateserial"]
        options = ["-days", str(days), "-extfile", extensions, "-out", self._folder / f"{name}.pem"]
        self._openssl("x509", "-req", *signed, *options)
        return self._folder / f"{name}.pem"

    def key(self, name: str) -> Path:
        """Return the private key to a certificate."""
        return self._folder / f"{name}.key"

    def _make(self, name: str, *options: str) -> Path:
        out = self._folder / (f"{name}.pem" if options else f"{name}.csr")
        new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={name[:60]}"]
        self._openssl("req", *new, *options, "-keyout", self.key(name), "-out", out)
        return out

    @staticmethod
    def _openssl(*arguments: object) -> None:
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "ca")


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def do_CONNECT(self) -> None:
        self.send_error(407)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def listening(certificate: Path | None) -> Iterator[int]:
    """Serve, with a certificate or without, and yield the port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answer)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # clients that hang up are what is tried here
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, certificate.with_suffix(".key"))
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def tried(certificate: Path | None, bundle: Path | None, proxy: int | None = None) -> Exception | int:
    """Ask a server with a certificate as the runner does; return the status, or what was wrong."""
    with listening(certificate) as port:
        environ = {"HTTPS_PROXY": f"http://127.0.0.1:{port}"} if proxy else {}
        try:
            transport = Transport(f"https://127.0.0.1:{port}", {}, environ, str(bundle) if bundle else None)
            return transport.request("GET", "/ok").status
        except (Unanswered, CertificateError, ValueError) as error:
            return error


def test_the_messages_are_the_runner_s(authority: Authority, tmp_path: Path) -> None:
    good = authority.sign("good", "IP:127.0.0.1")
    between = authority.sign("between", "DNS:x", more="basicConstraints=critical,CA:TRUE")
    other = Authority(tmp_path, "other")
    assert tried(good, authority.file) == 200
    no_issuer = "unable to get local issuer certificate"
    wrong = {
        (no_issuer, "no bundle"): tried(good, None),
        (no_issuer, "another authority"): tried(good, other.file),
        (no_issuer, "a chain that is not whole"): tried(under(tmp_path, between), authority.file),
        ("self-signed certificate", ""): tried(other.file, authority.file),
        ("certificate is not valid for …", ""): tried(authority.sign("far", "DNS:far.example.com"), authority.file),
        ("certificate has expired", ""): tried(authority.sign("old", "IP:127.0.0.1", days=-1), authority.file),
        ("the CA bundle can't be read or holds no PEM certificate", "a key"): tried(good, authority.key("good")),
        ("the CA bundle can't be read or holds no PEM certificate", "none"): tried(good, tmp_path / "none"),
        ("wrong version number", ""): tried(None, authority.file),
        ("the proxy refused to connect to the server", ""): tried(None, authority.file, proxy=1),
    }
    reasons = {CertificateError: "CertificateNotTrusted", ValueError: "InvalidServer", NotSent: "ServerUnreachable"}
    for (words, what), error in wrong.items():
        assert words.removesuffix(" …").removesuffix("…") in str(error), what
    said = {(reasons[type(error)], words) for (words, _), error in wrong.items()}
    rows = {(row["Reason"], row["The message ends in"]) for row in table(PAGE, "Reason")}
    assert rows == said | {("PodCannotStart, in Ready", "")}


def under(folder: Path, authority_file: Path) -> Path:
    """Return a certificate of an authority that stands between, without that authority's own."""
    between = Authority.__new__(Authority)
    between._folder, between._name, between.file = folder, authority_file.stem, authority_file
    return between.sign("under", "IP:127.0.0.1")


def test_openssl_tells_that_it_is_right(authority: Authority, tmp_path: Path) -> None:
    authority.file.rename(tmp_path / "ca.crt")
    authority.file = tmp_path / "ca.crt"
    (command,) = (text for text in SHELL if text.startswith("openssl"))
    with listening(authority.sign("good", "IP:127.0.0.1")) as port:
        there = command.replace("langgraph.example.com:443", f"127.0.0.1:{port}")
        done = subprocess.run(there, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=30)
    assert "Verification: OK" in PAGE.read_text(encoding="utf-8")
    assert "Verification: OK" in done.stderr + done.stdout


def test_the_bundle_makes_what_the_graphserver_names() -> None:
    (text,) = (each.partition("<<'EOF'\n")[2].partition("EOF\n")[0] for each in SHELL if "<<'EOF'" in each)
    bundle, server = yaml.safe_load(text), resource(YAML[0])
    assert server is not None
    key = bundle["spec"]["target"]["configMap"]["key"]
    assert server["spec"]["caBundleRef"] == {"configMapKeyRef": {"name": bundle["metadata"]["name"], "key": key}}


def shown(holds: Callable[[dict[str, Any]], Any], url: str) -> dict[str, Any]:
    """Return the resource of the page of which something holds, for the server that is there."""
    bodies = (resource(block) for block in YAML)
    body = next(body for body in bodies if body and holds(body))
    server = body["spec"] if body["kind"] == "GraphServer" else body["spec"].setdefault("server", {})
    server["url"] = url
    if body["kind"] == "GraphCron":
        body["spec"] |= {"schedule": NEVER, "input": QUESTION, "preflight": False}
    return body


def test_the_authority_opens_the_server(crons: Crons, faulty: Faulty, authority: Authority, tmp_path: Path) -> None:  # noqa: F811
    certificate = authority.sign("tls", f"DNS:faulty.{crons.namespace}.svc")
    faulty.start(tls={"tls.crt": certificate.read_text(), "tls.key": authority.key("tls").read_text()})
    server = shown(lambda body: body["kind"] == "GraphServer", faulty.url)
    crons.cluster.apply(server, namespace=crons.namespace)
    authority.file.rename(tmp_path / "ca.crt")
    typed(SHELL[0], crons, tmp_path)

    def ready() -> Any:
        found = crons.get("graphservers", server["metadata"]["name"])
        return found if condition(found, "Ready").get("status") == "True" else None

    wait_for("GraphServer that is ready", ready, seconds=180)

    crons.make_secret("company-ca", **{"ca.crt": (tmp_path / "ca.crt").read_text()})
    by_secret = shown(lambda body: "secretKeyRef" in body["spec"].get("server", {}).get("caBundleRef", {}), faulty.url)
    assert ends(crons, by_secret)["outcome"] == "Succeeded"
    del by_secret["spec"]["server"]["caBundleRef"]
    by_secret["metadata"]["name"] = "without"
    without = ends(crons, by_secret)
    assert (without["outcome"], without["reason"]) == ("Rejected", "CertificateNotTrusted")
    assert without["message"].endswith("unable to get local issuer certificate")


def test_a_proxy_s_address_comes_from_a_secret(crons: Crons, faulty: Faulty, tmp_path: Path) -> None:  # noqa: F811
    faulty.start()
    command = SHELL[-1].replace("proxy.example.com:3128", faulty.url.removeprefix("http://"))
    assert command != SHELL[-1]
    typed(f"PASSWORD=pa%40ss\n{command}", crons, tmp_path)
    body = shown(lambda body: "valueFrom" in str(body["spec"].get("runner")), crons.server.url)
    body["spec"]["runner"]["env"][0]["name"] = "HTTP_PROXY"  # the server here speaks http
    assert ends(crons, body)["outcome"] == "Succeeded"
    assert {request["headers"].get("Proxy-Authorization") for request in faulty.requests()} == {"Basic bWU6cGFAc3M="}


def typed(text: str, crons: Crons, folder: Path) -> None:  # noqa: F811
    """Run a snippet as a person does who has pasted it."""
    environment = {**crons.cluster.environment, "NAMESPACE": crons.namespace}
    command = ["bash", "-euo", "pipefail", "-c", text]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


def ends(crons: Crons, body: dict[str, Any]) -> Any:  # noqa: F811
    """Apply a GraphCron, start it, and return how its run ended."""
    name = body["metadata"]["name"]
    crons.cluster.apply(body, namespace=crons.namespace)
    crons.wait_ready(name)
    return crons.told(crons.start(name), name)
