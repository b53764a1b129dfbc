"""The way to the server: faults that pass, faults that don't, TLS and proxies."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from graphcron import contract
from graphcron.contract import Outcome
from tests.runner.conftest import Faults
from tests.runner.harness import ROOT, Api, Cron, Pod, asked, free_port, serve, wait_for


def answer(status: int, times: int | None = 1, path: str = "", **headers: str) -> dict[str, object]:
    return {"path": path, "fault": "answer", "status": status, "times": times, "headers": headers}


def test_500s_and_429s_pass(api: Api, cron: Cron, faults: Faults) -> None:
    faults.rules(answer(500, 2), answer(429, path="/runs$", **{"Retry-After": "2"}), answer(503, path="/runs$"))
    began = time.monotonic()
    report = cron.pod().wait()
    assert report.outcome is Outcome.SUCCEEDED
    assert time.monotonic() - began > 2
    assert len(api.all_runs(cron.uid)) == 1


def test_a_retry_after_beyond_the_deadline(cron: Cron, faults: Faults, api: Api) -> None:
    faults.rules(answer(429, None, path="/runs$", **{"Retry-After": "3600"}))
    report = cron.pod().wait(20)
    assert (report.outcome, report.reason) == (Outcome.SERVER_UNREACHABLE, "")
    assert "429" in report.message
    record = api.record(cron.uid)
    assert (record["state"], "outcome" in record) == ("active", False)  # another pod may have a run


def test_the_server_comes_up_late(cron: Cron, tmp_path: Path, server: str) -> None:
    port = free_port()
    cron.url = f"http://127.0.0.1:{port}"
    pod = cron.pod()
    wait_for("failed tries", lambda: pod.log.count("server-unavailable") > 1)
    proxy = [sys.executable, str(ROOT / "tests/faults/proxy.py"), "--upstream", server.removeprefix("http://")]
    with subprocess.Popen([*proxy, "--listen", f"127.0.0.1:{port}"], stdout=subprocess.DEVNULL) as process:
        try:
            assert pod.wait().outcome is Outcome.SUCCEEDED
        finally:
            process.kill()


def test_the_server_stays_away(cron: Cron) -> None:
    cron.url = f"http://127.0.0.1:{free_port()}"
    report = cron.pod(env=asked("now"), startingDeadlineSeconds=2).wait()
    assert (report.outcome, report.reason) == (Outcome.SERVER_UNREACHABLE, "")
    assert "refused" in report.message


def test_a_name_that_does_not_resolve_may_resolve_later(cron: Cron) -> None:
    cron.url = "http://langgraph.invalid:2024"
    pod = cron.pod()
    wait_for("failed try", lambda: "can't be resolved" in pod.log)
    assert pod.process.poll() is None


@pytest.fixture(scope="module")
def keyed_server(tmp_path_factory: pytest.TempPathFactory) -> object:
    with serve(tmp_path_factory.mktemp("keyed"), API_KEY="right-key") as url:
        yield url


def test_the_api_key(cron: Cron, keyed_server: str) -> None:
    cron.url = keyed_server
    for env in ({}, {contract.ENV_API_KEY: "wrong-key"}):
        pod = cron.pod(env=env)
        report = pod.wait()
        assert (report.outcome, report.reason) == (Outcome.REJECTED, "Unauthorized")
        assert "wrong-key" not in pod.log + report.to_json()
    assert cron.pod(env={contract.ENV_API_KEY: "right-key\n"}).wait().outcome is Outcome.SUCCEEDED


def test_a_key_that_no_header_can_carry(cron: Cron) -> None:
    pod = cron.pod(env={contract.ENV_API_KEY: "two\nlines"})
    report = pod.wait()
    assert (report.outcome, report.reason) == (Outcome.REJECTED, "InvalidHeader")
    assert "two" not in pod.log


@pytest.mark.parametrize(
    ("request_", "reason", "says"),
    [
        ({"assistant": "no-such-graph"}, "HTTP422", "(422): it has no such assistant"),
        ({"run": {"config": "private words"}}, "HTTP422", "(422): `config` has a value that it refuses"),
        ({"run": {"webhook": "http://localhost/private"}}, "HTTP422", "it refuses the webhook's URL"),
        (
            {"assistant": "3f2b1a52-0000-4000-8000-000000000000"},
            "HTTP404",
            "it has no such thread, or no such assistant",
        ),
    ],
)
def test_the_server_refuses(api: Api, cron: Cron, request_: dict[str, object], reason: str, says: str) -> None:
    pod = cron.pod(**request_)
    report = pod.wait()
    assert (report.outcome, report.reason) == (Outcome.REJECTED, reason)
    assert says in report.message
    assert "private" not in pod.log + report.to_json()
    assert api.record(cron.uid)["outcome"] == "Rejected"


def test_a_server_that_does_not_take_all_that_we_say(api: Api, cron: Cron, faults: Faults) -> None:
    says = "Value error, select projection is not supported"
    body = json.dumps({"detail": [{"type": "value_error", "msg": says}]})
    faults.rules({"method": "POST", "path": "/threads/search$", "fault": "answer", "status": 422, "body": body})
    report = cron.pod(run={"metadata": {"team": "blue"}}).wait()
    assert report.outcome is Outcome.SUCCEEDED
    (run,) = api.all_runs(cron.uid)
    assert run["metadata"]["team"] == "blue"
    assert [request["fault"] for request in faults.requests("POST") if request["fault"]] == ["answer"]


def test_a_redirect_is_not_followed(cron: Cron, faults: Faults) -> None:
    faults.rules(answer(308, None, Location="http://127.0.0.1:1/"))
    report = cron.pod().wait()
    assert (report.outcome, report.reason) == (Outcome.REJECTED, "Redirected")


@pytest.mark.parametrize("url", ["ftp://x", "http://", "http://user:pw@host"])
def test_a_url_that_is_none(cron: Cron, url: str) -> None:
    cron.url = url
    report = cron.pod().wait()
    assert (report.outcome, report.reason) == (Outcome.REJECTED, "InvalidServer")


def test_a_path_before_the_api(api: Api, cron: Cron, faults: Faults) -> None:
    cron.url = f"{faults.url}/prefix/"
    assert cron.pod().wait().reason == "HTTP404"
    assert {request["path"].split("/")[1] for request in faults.requests()} == {"prefix"}


@pytest.fixture
def certificates(tmp_path: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 and its key."""
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=sample", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert],
        check=True, capture_output=True,
    )  # fmt: skip
    return cert, key


def pod_with_ca(cron: Cron, tmp_path: Path, content: str | None, **env: str) -> Pod:
    file = tmp_path / "root-with-ca" / contract.CA_DIR.lstrip("/") / contract.CA_FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    if content is not None:
        file.write_text(content)
    return cron.pod(pod_uid="with-ca", caFile=True, env=env)


def test_tls(
    cron: Cron, tmp_path: Path, make_faults: Callable[..., Faults], certificates: tuple[Path, Path], api: Api
) -> None:
    cert, key = certificates
    front = make_faults("--cert", str(cert), "--key", str(key))
    cron.url = f"https://127.0.0.1:{front.port}"
    untrusted = cron.pod().wait(
        60, is_promise=True
    )  # at once: not tried again until the start deadline, which is 120 s away
    assert (untrusted.outcome, untrusted.reason) == (Outcome.REJECTED, "CertificateNotTrusted")
    assert api.threads(cron.uid) == []
    for content in (None, "no certificate"):
        assert pod_with_ca(cron, tmp_path, content).wait().reason == "InvalidServer"
    assert pod_with_ca(cron, tmp_path, cert.read_text()).wait().outcome is Outcome.SUCCEEDED

    # The same through a CONNECT proxy that wants a name and a password.
    proxy = make_faults()
    cron.next_occurrence()
    tunnel = {"HTTPS_PROXY": f"http://me:pa%40ss@127.0.0.1:{proxy.port}"}
    assert pod_with_ca(cron, tmp_path, cert.read_text(), **tunnel).wait().outcome is Outcome.SUCCEEDED
    tunnels = proxy.requests("CONNECT")
    assert tunnels
    assert {request["headers"]["Proxy-Authorization"] for request in tunnels} == {"Basic bWU6cGFAc3M="}


def test_tls_is_cut_with_sigterm_too(
    api: Api, cron: Cron, tmp_path: Path, make_faults: Callable[..., Faults], certificates: tuple[Path, Path]
) -> None:
    cert, key = certificates
    front = make_faults("--cert", str(cert), "--key", str(key))
    cron.url = f"https://127.0.0.1:{front.port}"
    pod = cron_slow(cron, tmp_path, cert)
    api.started_run(cron.uid)
    wait_for("join", lambda: front.requests("GET", "/join"))
    pod.process.terminate()
    assert pod.wait(20, is_promise=True).outcome is Outcome.STOPPED  # sooner than a join that is silent is given up


def cron_slow(cron: Cron, tmp_path: Path, cert: Path) -> Pod:
    file = tmp_path / "root-slow" / contract.CA_DIR.lstrip("/") / contract.CA_FILE
    file.parent.mkdir(parents=True)
    file.write_text(cert.read_text())
    return cron.pod(pod_uid="slow", caFile=True, assistant="steps", input={"steps": 50, "seconds": 1})


def test_http_through_a_proxy(api: Api, cron: Cron, make_faults: Callable[..., Faults], server: str) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        proxy = make_faults(upstream=f"127.0.0.1:{nobody.getsockname()[1]}")
    url = f"http://127.0.0.1:{proxy.port}"
    assert cron.pod(env={"http_proxy": url}).wait().outcome is Outcome.SUCCEEDED
    used = len(proxy.requests())
    assert used > 4
    cron.next_occurrence()
    assert cron.pod(env={"HTTP_PROXY": url, "NO_PROXY": "10.0.0.0/8, 127.0.0.0/8"}).wait().outcome is Outcome.SUCCEEDED
    assert len(proxy.requests()) == used


@pytest.mark.needs("linux")
def test_a_long_answer_is_not_held_in_memory(api: Api, cron: Cron) -> None:
    """A join ends with all values of the thread: they are thrown away as they come."""
    text = "x" * 8_000_000
    thread = api.get("POST", "/threads", {})["thread_id"]
    body = {"assistant_id": "agent", "input": {"messages": [{"role": "user", "content": text}]}}
    api.get("POST", f"/threads/{thread}/runs/wait", body)
    pod = cron.pod(thread=thread)
    peak = pod.peak_memory()
    assert pod.wait().outcome is Outcome.SUCCEEDED
    assert 0 < peak < 26_000
