"""The way to the server is not there yet when the pod starts: a sidecar, an outbound proxy, or the cluster's DNS."""

import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from graphcron.contract import Outcome
from graphcron.runner.occurrence.retrying_client import EARLY_DELAY, EARLY_SECONDS, LONGEST_DELAY, delays
from tests.runner.conftest import Faults
from tests.runner.harness import Api, Cron, Pod, free_port, wait_for

MakeFaults = Callable[..., Faults]
SECONDS = 4.0
"""How long the way is blocked."""

UPSTREAM = "upstream connect error or disconnect/reset before headers. reset reason: connection failure"
NOT_READY: dict[str, dict[str, Any]] = {
    "answers 503": {"fault": "answer", "status": 503, "body": UPSTREAM},
    "resets": {"fault": "hang", "seconds": 0},
}


def tries(pod: Pod) -> list[float]:
    """Return the pauses after the tries that have failed."""
    return [event["retry_in"] for event in pod.events() if event["event"] == "server-unavailable"]


def check(api: Api, cron: Cron, pod: Pod) -> None:
    """See that the run was made once, and that no pause was long."""
    report = pod.wait()
    assert report.outcome is Outcome.SUCCEEDED
    assert [run["run_id"] for run in api.all_runs(cron.uid)] == [report.runId]
    pauses = tries(pod)
    assert pauses
    assert max(pauses) <= EARLY_DELAY


def test_pauses_are_short_until_a_late_proxy_is_surely_there() -> None:
    for seed in range(50):
        waited, pauses = 0.0, delays(Random(seed))
        while waited < EARLY_SECONDS:
            pause = next(pauses)
            assert pause <= EARLY_DELAY
            waited += pause
        later = [next(pauses) for _ in range(6)]
        assert max(later) > LONGEST_DELAY / 2 > EARLY_DELAY
        assert max(later) <= LONGEST_DELAY


def test_sidecar_refuses_connections_at_first_run_is_made_once(api: Api, cron: Cron, make_faults: MakeFaults) -> None:
    port = free_port()
    cron.url = f"http://127.0.0.1:{port}"
    began = time.monotonic()
    pod = cron.pod()
    wait_for("failed tries", lambda: time.monotonic() - began > SECONDS and tries(pod))
    make_faults("--listen", f"127.0.0.1:{port}")
    check(api, cron, pod)


@pytest.mark.parametrize("fault", list(NOT_READY))
def test_sidecar_is_not_ready_at_first_run_is_made_once(api: Api, cron: Cron, faults: Faults, fault: str) -> None:
    faults.rules({**NOT_READY[fault], "times": None})
    began = time.monotonic()
    pod = cron.pod()
    wait_for("failed tries", lambda: time.monotonic() - began > SECONDS and tries(pod))
    faults.rules()
    check(api, cron, pod)


@pytest.mark.parametrize("thread", ["fresh", "shared"])
def test_sidecar_is_gone_again_before_the_run_is_asked_for(api: Api, cron: Cron, faults: Faults, thread: str) -> None:
    where = {"thread": api.get("POST", "/threads", {})["thread_id"]} if thread == "shared" else {}
    faults.rules({"method": "POST", "path": "/runs$", **NOT_READY["answers 503"], "times": 2})
    report = cron.pod(**where).wait()
    assert report.outcome is Outcome.SUCCEEDED
    assert len(api.runs(report.threadId)) == 1


def test_outbound_proxy_swallows_the_first_request_run_is_made_once(
    api: Api, cron: Cron, make_faults: MakeFaults
) -> None:
    proxy = make_faults()
    proxy.rules({"fault": "hang", "seconds": 600})
    pod = cron.pod(env={"http_proxy": proxy.url})
    check(api, cron, pod)
    assert proxy.requests("POST", "/threads")[0]["fault"] == "hang"


NO_DNS_YET = """
import socket, sys
asked, getaddrinfo = [], socket.getaddrinfo
def answer(host, *rest, **more):
    if host == "langgraph.agents.svc":
        asked.append(host)
        if len(asked) < 4:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        host = "127.0.0.1"
    return getaddrinfo(host, *rest, **more)
socket.getaddrinfo = answer
from graphcron.runner.main import main
sys.exit(main())
"""


def test_name_resolves_late_run_is_made_once(api: Api, cron: Cron, app: Path, tmp_path: Path, server: str) -> None:
    folder = tmp_path / "app-without-dns"
    folder.mkdir()
    (folder / "graphcron").symlink_to(app / "graphcron")
    (folder / "__main__.py").write_text(NO_DNS_YET)
    late = Cron(folder, tmp_path, server.replace("127.0.0.1", "langgraph.agents.svc"))
    try:
        pod = late.pod()
        check(api, late, pod)
        assert pod.log.count("can't be resolved") == 3
    finally:
        late.kill()
