"""The release before this one: which it is, its files, its images, and how it installs itself."""

from __future__ import annotations

import importlib.util
import io
import json
import subprocess
import sys
import tarfile
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.cluster import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from tests.cluster import Cluster

TAG = "previous"
"""Tag of its images, so that they stand beside today's."""

IMAGES = ("operator", "runner")
_ARCHIVE_OF = "import sys; from localkube import images; print(images.archive_of(sys.argv[1]))"


def git(*arguments: str, check: bool = True) -> bytes:
    """Run git in the checkout."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=False)
    if check and done.returncode:
        raise AssertionError(f"git {arguments[0]}: {done.stderr.decode().strip()}")
    return done.stdout


def last_release() -> str:
    """Return the newest tag ``v*`` that HEAD descends from; before the first release HEAD itself."""
    tag = git("describe", "--tags", "--abbrev=0", "--match", "v*", check=False).decode().strip()
    return tag or "HEAD"


@contextmanager
def files_of(revision: str) -> Iterator[Path]:
    """Unpack a revision into a temporary folder: unlike a worktree, nothing of it can stay behind in the checkout."""
    with tempfile.TemporaryDirectory(prefix="graphcron-previous-") as folder:
        with tarfile.open(fileobj=io.BytesIO(git("archive", revision))) as archive:
            archive.extractall(folder, filter="data")
        yield Path(folder)


class Previous:
    """A release, unpacked.

    Parameters
    ----------
    folder
        Its files.
    cluster
        Where it is to be installed.
    """

    def __init__(self, folder: Path, cluster: Cluster) -> None:
        self.installing = _module(folder / "hack/demo/installing.py")
        """Its own way to install itself, with its own chart and values."""
        self._folder = folder
        self._cluster = cluster

    def load_images(self) -> None:
        """Build its images, and load them beside today's."""
        self._hack("images", *IMAGES)
        if self._cluster.provider == "kind":
            for name in IMAGES:
                subprocess.run(["docker", "tag", f"graphcron/{name}:dev", f"graphcron/{name}:{TAG}"], check=True)
                self._cluster.hack("load", f"graphcron/{name}:{TAG}")
            self._cluster.hack("images", *IMAGES)  # building the old ones has taken the tag away
            return
        for name in IMAGES:
            command = [sys.executable, "-c", _ARCHIVE_OF, name]
            said = subprocess.run(
                command, cwd=self._folder / "hack/cluster", check=True, stdout=subprocess.PIPE, text=True
            )
            archive = self._folder / f"{name}-{TAG}.tar"
            retag(Path(said.stdout.strip()), archive, f"docker.io/graphcron/{name}:{TAG}")
            self._cluster.hack("load", str(archive))

    def install(self, more: dict[str, Any]) -> None:
        """Install its operator and its CRDs, with its images."""
        values = self.installing.default_values()
        for image in (values["image"], values["runner"]["image"]):
            image["tag"] = TAG
        self.installing.install_operator(self._cluster, {**values, **more})

    def _hack(self, *arguments: str) -> None:
        subprocess.run([sys.executable, str(self._folder / "hack/cluster"), *arguments], check=True)


def retag(source: Path, target: Path, name: str) -> None:
    """Copy an image's archive, and give the image another name."""
    with tarfile.open(source) as archive, tarfile.open(target, "w") as copy:
        for member in archive:
            if member.name != "manifest.json":
                copy.addfile(member, archive.extractfile(member) if member.isfile() else None)
                continue
            taken = archive.extractfile(member)
            assert taken is not None
            text = json.dumps([{**each, "RepoTags": [name]} for each in json.load(taken)]).encode()
            member.size = len(text)
            copy.addfile(member, io.BytesIO(text))


def _module(path: Path) -> ModuleType:
    """Load a module that has a namesake."""
    spec = importlib.util.spec_from_file_location("previous_installing", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
