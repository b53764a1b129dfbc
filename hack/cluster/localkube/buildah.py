"""Buildah with a separate store in the cache. An interrupted build leaves no mounts or processes."""

from dataclasses import dataclass
from pathlib import Path

from . import host
from .paths import cache_dir
from .shell import run


@dataclass(frozen=True)
class Buildah:
    """The store of images, and the operations on it."""

    root: Path
    driver: str

    @classmethod
    def open(cls) -> "Buildah":
        """Return the store under the user's cache."""
        host.require(host.IMAGES)
        root = cache_dir("buildah")
        return cls(root, "overlay" if host.snapshotter(root) == "overlayfs" else "vfs")

    def _run(self, *words: str | Path, log: Path | None = None) -> str:
        cage = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        store: list[str | Path] = [
            "--root",
            self.root / self.driver,
            "--runroot",
            self.root / "run",
            "--storage-driver",
            self.driver,
        ]
        return run([*cage, "buildah", *store, *words], log=log)

    def has(self, image: str) -> bool:
        """Return whether the store has an image of that name."""
        return image in self._run("images", "--format", "{{.Name}}:{{.Tag}}").split()

    def build(self, context: Path, *, tag: str, flags: list[str], log: Path | None = None) -> None:
        """Build an image from a folder with a Dockerfile."""
        command = ["bud", "--isolation", "chroot", "--layers", "--pull-never", "--tag", tag, *flags]
        self._run(*command, context, log=log)

    def save(self, image: str, target: Path, *, name: str) -> None:
        """Write an image to an archive that containerd imports under `name`."""
        target.unlink(missing_ok=True)
        self._run("push", "--quiet", image, f"docker-archive:{target}:{name}")
