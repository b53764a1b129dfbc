"""Which Kubernetes kind starts."""

import json
import re
from pathlib import Path

import pytest
from localkube import foreign, gobuild
from localkube.paths import Cluster
from localkube.shell import ClusterError

KIND = """#!/bin/sh
echo "$*" >> "$(dirname "$0")/calls"
"""


def program(path: Path) -> Path:
    path.write_text(KIND)
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(("minor", "image"), foreign.NODE_IMAGES.items())
def test_a_minor_has_one_image_pinned_by_digest(minor: str, image: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES", minor)
    assert foreign.node_image() == image
    assert re.fullmatch(rf"kindest/node:v{re.escape(minor)}\.\d+@sha256:[0-9a-f]{{64}}", image)


@pytest.mark.parametrize("unset", [None, ""])
def test_by_default_it_is_the_minor_of_the_local_provider(unset: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES", raising=False)
    if unset is not None:
        monkeypatch.setenv("KUBERNETES", unset)
    minor = ".".join(gobuild.kubernetes_version().split(".")[:2])
    assert foreign.node_image().startswith(f"kindest/node:{minor}.")


@pytest.mark.parametrize("wrong", ["1.30", "v1.34", "1.34.11", "latest"])
def test_another_version_is_refused_with_those_that_there_are(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES", wrong)
    with pytest.raises(ClusterError, match=rf"KUBERNETES={wrong} is none of 1\.33, 1\.34"):
        foreign.node_image()


def test_kind_is_given_that_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES", "1.34")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    kind = program(tmp_path / "kind")
    monkeypatch.setattr(foreign, "kind_program", lambda: str(kind))
    foreign.kind_up(Cluster("found"))
    calls = (tmp_path / "calls").read_text().splitlines()
    assert f"--image {foreign.NODE_IMAGES['1.34']}" in next(call for call in calls if call.startswith("create cluster"))
    assert json.loads(Cluster("found").record.read_text()) == {"provider": "kind"}


def test_an_installed_kind_serves_only_where_ours_cannot_be_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[str] = []
    monkeypatch.setattr(gobuild, "build", built.append)
    monkeypatch.setattr(foreign.host, "require_go", lambda: None)
    kind = program(tmp_path / "kind")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert foreign.kind_program() == str(kind)
    assert not built
    program(tmp_path / "go")
    assert foreign.kind_program() == str(gobuild.program("kind"))
    assert built == ["kind"]
