"""A server that wants a key, and one whose certificate must be known."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from graphcron.contract import EXIT_CODES, Outcome
from tests.client import Api
from tests.e2e.api import LangGraph
from tests.e2e.crons import QUESTION, Crons

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cluster import Cluster
    from tests.e2e.faulty import Faulty

KEY = "lg-key-7c1f5a90-do-not-show"


@pytest.fixture
def keyed(cluster: Cluster, api: Api, namespace: str) -> LangGraph:
    """Install a server that asks for a key."""
    import installing

    installing.install_server(cluster, namespace, api_key=KEY)
    return LangGraph(api, namespace, key=KEY)


def check_rejected(crons: Crons, job: str, name: str, reason: str) -> Any:
    """Look for a refusal that only a person can do something about; return what is told of it."""
    told = crons.told(job, name)
    assert (told["outcome"], told["reason"]) == ("Rejected", reason)
    assert crons.job_end(job) == "PodFailurePolicy"
    assert crons.exit_codes(job) == [EXIT_CODES[Outcome.REJECTED]]
    assert "runId" not in told
    return told


def test_api_key_is_used_and_never_shown(crons: Crons, keyed: LangGraph):
    assert LangGraph(crons.api, crons.namespace).ask("POST", "/threads/search", {})[0] == 401
    wrong = "lg-key-of-yesterday"
    crons.make_secret("right", key=f"{KEY}\n")  # as a Secret made from a file ends
    crons.make_secret("wrong", key=wrong)
    server = {"url": keyed.url}
    references: dict[str, Any] = {
        "keyless": {},
        "mistaken": {"apiKeySecretRef": {"name": "wrong", "key": "key"}},
        "right": {"apiKeySecretRef": {"name": "right", "key": "key"}},
    }
    uids = {name: crons.make(name, input=QUESTION, server={**server, **more}) for name, more in references.items()}
    jobs = {name: crons.start(name) for name in references}

    for name in ("keyless", "mistaken"):
        told = check_rejected(crons, jobs[name], name, "Unauthorized")
        assert "401" in told["message"]
        assert not keyed.threads(uids[name])
    told = crons.told(jobs["right"], "right")
    (run,) = keyed.runs_of(uids["right"])
    assert (told["outcome"], told["runId"], run["status"]) == ("Succeeded", run["run_id"], "success")

    for name, job in jobs.items():
        said = crons.everything_said(job, name) + str(crons.get("cronjobs", name))
        assert KEY not in said
        assert wrong not in said
    assert KEY not in str(run)


def certificate(folder: Path, host: str) -> dict[str, str]:
    """Make a certificate that signs itself, with its key."""
    folder.mkdir()
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", f"/CN={host[:60]}", "-addext", f"subjectAltName=DNS:{host}"]
    command += ["-keyout", str(folder / "tls.key"), "-out", str(folder / "tls.crt")]
    subprocess.run(command, check=True, capture_output=True)
    return {name: (folder / name).read_text() for name in ("tls.crt", "tls.key")}


def test_a_wrong_key_is_found_before_the_first_run(crons: Crons, keyed: LangGraph):
    crons.make_secret("preflight", right=KEY, wrong="no such key")
    for name in ("right", "wrong"):
        server = {"url": keyed.url, "apiKeySecretRef": {"name": "preflight", "key": name}}
        crons.apply(name, preflight=True, input={}, server=server)
    assert crons.wait_target("wrong")["reason"] == "Unauthorized"
    assert crons.wait_target("right")["status"] == "True"


def test_only_the_right_certificate_authority_opens_a_server_behind_tls(crons: Crons, faulty: Faulty, tmp_path: Path):
    host = f"faulty.{crons.namespace}.svc"
    right, wrong = certificate(tmp_path / "right", host), certificate(tmp_path / "wrong", host)
    faulty.start(tls=right)
    crons.make_config_map("right-ca", {"bundle.pem": right["tls.crt"]})
    crons.make_secret("right-ca", ca=wrong["tls.crt"] + right["tls.crt"])
    crons.make_config_map("wrong-ca", {"bundle.pem": wrong["tls.crt"]})
    references: dict[str, Any] = {
        "without": {},
        "wrong": {"caBundleRef": {"configMapKeyRef": {"name": "wrong-ca", "key": "bundle.pem"}}},
        "right": {"caBundleRef": {"configMapKeyRef": {"name": "right-ca", "key": "bundle.pem"}}},
        "right-too": {"caBundleRef": {"secretKeyRef": {"name": "right-ca", "key": "ca"}}},
    }
    uids = {
        name: crons.make(name, input=QUESTION, server={"url": faulty.url, **more}) for name, more in references.items()
    }
    jobs = {name: crons.start(name) for name in references}
    for name in ("without", "wrong"):
        check_rejected(crons, jobs[name], name, "CertificateNotTrusted")
        assert not crons.server.threads(uids[name])
    for name in ("right", "right-too"):
        told = crons.told(jobs[name], name)
        (run,) = crons.server.runs_of(uids[name])
        assert (told["outcome"], told["runId"]) == ("Succeeded", run["run_id"])
