"""Build the project's images, with Docker if its daemon answers, otherwise with buildah on local bases."""

import hashlib
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from . import bases, docker
from .buildah import Buildah
from .locks import locked
from .paths import PROJECT, cache_dir
from .shell import ClusterError, run, say, succeeds, write

_KEPT = 3  # archives of older builds of one image
_CERTIFICATES = "ca-certificates.crt"


@dataclass(frozen=True)
class Image:
    """An image and its source files."""

    name: str
    context: str
    inputs: tuple[str, ...]
    arguments: tuple[tuple[str, bases.Base], ...] = (("BASE", bases.PYTHON),)
    """The arguments of the Dockerfile that name a base."""
    target: str | None = None

    @property
    def tag(self) -> str:
        """Return the name by which manifests refer to it."""
        return f"graphcron/{self.name}:dev"

    def key(self, *, docker: bool) -> str:
        """Return a hash of all sources of the image."""
        digest = hashlib.sha256(b"docker" if docker else repr([base.image for _, base in self.arguments]).encode())
        for path in self._files():
            digest.update(f"{path.relative_to(PROJECT)}\0".encode() + path.read_bytes() + b"\0")
        return digest.hexdigest()[:16]

    def _files(self) -> list[Path]:
        found: set[Path] = set()
        for name in self.inputs:
            path = PROJECT / name
            if not path.exists():
                raise ClusterError(f"{self.tag} needs {name}, which is not there")
            found |= {path} if path.is_file() else {file for file in path.rglob("*") if file.is_file()}
        return sorted(path for path in found if "__pycache__" not in path.parts and path.suffix != ".pyc")


_PACKAGE = "operator/graphcron"
_RUNNER = ("__init__.py", "contract.py", "input_template.py", "runner")
_DOCKERFILE = ("Dockerfile", ".dockerignore", "hack/images")
_BASES = (("BASE", bases.SMALL), ("BUILD_BASE", bases.PYTHON))
_IMAGES = (
    Image("operator", ".", (*_DOCKERFILE, "requirements/operator.lock", _PACKAGE), _BASES, target="operator"),
    Image("runner", ".", (*_DOCKERFILE, *(f"{_PACKAGE}/{part}" for part in _RUNNER)), _BASES[:1], target="runner"),
    Image("langgraph-server", "examples/langgraph-server", ("examples/langgraph-server",)),
)
NAMES = tuple(image.name for image in _IMAGES)


def _image(name: str) -> Image:
    short = name.removeprefix("docker.io/").removeprefix("graphcron/").removesuffix(":dev")
    for image in _IMAGES:
        if image.name == short:
            return image
    raise ClusterError(f"no image {name}: one of {', '.join(image.tag for image in _IMAGES)}")


def tag_of(name: str) -> str:
    """Return the full name of one of our images; a name with a tag is already full."""
    return name if ":" in name else _image(name).tag


def build(names: Iterable[str], cert_dir: Path | None) -> None:
    """Build the named images whose files have changed."""
    wanted = [_image(name) for name in names]
    certificates = (cert_dir or Path("/etc/ssl/certs")).resolve()
    if cert_dir and not (certificates / _CERTIFICATES).exists():
        raise ClusterError(f"{cert_dir} has no {_CERTIFICATES}")
    with_docker = docker.answers()
    if with_docker:
        docker.require_build()
    missing = [image for image in wanted if not _exists(image, with_docker=with_docker)]
    for number, image in enumerate(missing, start=1):
        with locked(cache_dir("images") / ".lock", "it builds images"):
            if _exists(image, with_docker=with_docker):
                continue
            say(f"building {image.tag} ({number} of {len(missing)})")
            started = time.monotonic()
            if with_docker:
                _with_docker(image, certificates)
            else:
                write(_last(image), str(_with_buildah(image, certificates)))
            say(f"built {image.tag} in {time.monotonic() - started:.0f} s")


def _archive(image: Image) -> Path:
    return cache_dir("images") / f"{image.name}-{image.key(docker=False)}.tar"


def archive_of(name: str) -> Path:
    """Return the archive of an image as its files are now, or of a path that is an archive."""
    if Path(name).is_file():
        return Path(name)
    image = _image(name)
    if docker.answers():
        return _save_from_docker(image)
    last = _last(image)
    archive = _archive(image)
    if not archive.exists() and last.exists():
        archive = Path(last.read_text())
        say(f"{image.tag} is loaded as it was last built; its files have changed since")
    if not archive.exists():
        raise ClusterError(f"{image.tag} is not built: `python hack/cluster images {image.name}`")
    return archive


def _last(image: Image) -> Path:
    """Return the file that names the archive last built from this checkout."""
    checkout = hashlib.sha256(str(PROJECT).encode()).hexdigest()[:12]
    return cache_dir("images") / f"{image.name}.last-{checkout}"


def _exists(image: Image, *, with_docker: bool) -> bool:
    if with_docker:
        label = ["docker", "image", "inspect", "--format", '{{index .Config.Labels "graphcron.key"}}', image.tag]
        return succeeds(["docker", "image", "inspect", image.tag]) and run(label).strip() == image.key(docker=True)
    return _archive(image).exists()


def _with_docker(image: Image, certificates: Path) -> None:
    target = ["--target", image.target] if image.target else []
    bundle = certificates / _CERTIFICATES
    secret = ["--secret", f"id=certs,src={bundle}"] if bundle.exists() else []
    label = ["--label", f"graphcron.key={image.key(docker=True)}"]
    log = write(cache_dir("logs") / f"image-{image.name}.log", "")
    command = ["docker", "build", *target, *secret, *label, "--tag", image.tag, str(PROJECT / image.context)]
    run(command, log=log, env={**os.environ, **docker.BUILDKIT})


def _save_from_docker(image: Image) -> Path:
    partial = cache_dir("images") / f"{image.name}-docker.partial"
    run(["docker", "tag", image.tag, f"docker.io/{image.tag}"])
    run(["docker", "save", "--output", partial, f"docker.io/{image.tag}"])
    return partial.replace(partial.with_suffix(".tar"))


def _with_buildah(image: Image, certificates: Path) -> Path:
    buildah = Buildah.open()
    flags = [f"--build-arg={argument}={bases.ensure(base, buildah)}" for argument, base in image.arguments]
    flags += ["--target", image.target] if image.target else []
    if (certificates / _CERTIFICATES).exists():
        flags += ["--secret", f"id=certs,src={certificates / _CERTIFICATES}"]
        flags += ["--volume", f"{certificates}:/etc/ssl/certs:ro"]
    log = write(cache_dir("logs") / f"image-{image.name}.log", "")
    archive = _archive(image)
    for _ in range(3):
        buildah.build(PROJECT / image.context, tag=f"localhost/{image.tag}", flags=flags, log=log)
        before, archive = archive, _archive(image)
        if archive == before:  # else its files changed meanwhile, and which of them went in is unknown
            break
    partial = archive.with_suffix(".partial")
    buildah.save(f"localhost/{image.tag}", partial, name=f"docker.io/{image.tag}")
    partial.replace(archive)
    _drop_old(image)
    return archive


def _drop_old(image: Image) -> None:
    archives = sorted(cache_dir("images").glob(f"{image.name}-*.tar"), key=lambda path: path.stat().st_mtime)
    for old in archives[:-_KEPT]:
        old.unlink()
