"""Pinning the base images, against a stand-in for their registry."""

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import bases
from tests.cluster import ROOT

INDEX = json.dumps(
    {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []}
).encode()
DIGEST = f"sha256:{hashlib.sha256(INDEX).hexdigest()}"


class Registry(BaseHTTPRequestHandler):
    def answer(self) -> None:
        found = self.path in {"/v2/", "/v2/python/manifests/3.13", "/v2/distroless/python3/manifests/latest"}
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "application/vnd.oci.image.index.v1+json")
        self.send_header("Content-Length", str(len(INDEX)))
        self.send_header("Docker-Content-Digest", DIGEST)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(INDEX)

    do_GET = do_HEAD = answer  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def registry() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def written(folder: Path, *lines: str) -> list[Path]:
    paths = [folder / name for name in bases.DOCKERFILES]
    for path, line in zip(paths, lines, strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# A comment\n{line}\nFROM ${{BASE}}\n")
    return paths


@pytest.mark.needs("go")
def test_bases_are_pinned_and_renewed(registry: str, tmp_path: Path) -> None:
    two = f"ARG BASE={registry}/python:3.13\nARG RUNNER_BASE={registry}/distroless/python3"
    first, second = written(tmp_path, two, f"ARG BASE={registry}/python:3.13@sha256:{'0' * 64}")
    assert bases.main(["--check"], tmp_path) == 1
    for _ in range(2):
        assert bases.main([], tmp_path) == 0
        assert first.read_text() == (
            f"# A comment\nARG BASE={registry}/python:3.13@{DIGEST}\n"
            f"ARG RUNNER_BASE={registry}/distroless/python3@{DIGEST}\nFROM ${{BASE}}\n"
        )
        assert second.read_text() == f"# A comment\nARG BASE={registry}/python:3.13@{DIGEST}\nFROM ${{BASE}}\n"
    assert bases.main(["--check"], tmp_path) == 0


@pytest.mark.needs("go")
def test_what_the_registry_does_not_have_changes_nothing(
    registry: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = written(tmp_path, f"ARG BASE={registry}/python:3.13", f"ARG BASE={registry}/python:3.99")
    before = [path.read_text() for path in paths]
    assert bases.main([], tmp_path) == 1
    assert f"no digest of {registry}/python:3.99" in capsys.readouterr().err
    assert [path.read_text() for path in paths] == before


def test_every_base_of_the_dockerfiles_is_known() -> None:
    for name in bases.DOCKERFILES:
        text = (ROOT / name).read_text()
        known = {found[0].split("=")[0].removeprefix("ARG ") for found in bases.BASE.finditer(text)}
        froms = [line.split()[1] for line in text.splitlines() if line.startswith("FROM ")]
        stages = {line.split()[3] for line in text.splitlines() if line.startswith("FROM ") and " AS " in line}
        assert {each.strip("${}") for each in froms if each != "scratch" and each not in stages} == known
