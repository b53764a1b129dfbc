"""Base images without a registry, built from the packages of this machine's own Debian or Ubuntu."""

import hashlib
import io
import re
import tarfile
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from tempfile import TemporaryDirectory

from .buildah import Buildah
from .shell import ClusterError, run, say, write

_BUNDLE = "etc/ssl/certs/ca-certificates.crt"
_ACCOUNTS = {
    "etc/passwd": "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/tmp:/sbin/nologin\n",
    "etc/group": "root:x:0:\nnonroot:x:65532:\n",
}


@dataclass(frozen=True)
class Base:
    """A base image of some packages, which are installed or, in images without a shell, only unpacked."""

    name: str
    variant: str
    packages: tuple[str, ...]

    @property
    def image(self) -> str:
        """Return the image's name, which changes with its recipe and this machine's release."""
        recipe = repr((self.variant, self.packages, _release()))
        return f"localhost/graphcron/{self.name}:{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"


PYTHON = Base("python-base", "minbase", ("python3", "python3-venv", "ca-certificates"))
SMALL = Base(
    "small-python-base",
    "extract",
    (
        "base-files",
        "ca-certificates",
        "libc-bin",
        "libpython3-stdlib",
        "libssl3",
        "libstdc++6",
        "openssl",
        "python3-minimal",
    ),
)


def ensure(base: Base, buildah: Buildah) -> str:
    """Build the base image if it does not exist; return its name."""
    if buildah.has(base.image):
        return base.image
    say(f"making {base.name} from this machine's own package sources")
    with TemporaryDirectory(prefix="graphcron-base-") as folder:
        context = Path(folder)
        write(context / "sources.list", _sources())
        kind = [f"--variant={base.variant}", f"--include={','.join(base.packages)}"]
        files = [context / "base.tar", context / "sources.list"]
        run(["mmdebstrap", "--quiet", "--mode=root", *kind, _release(), *files])
        if base.variant == "extract":
            _complete(context / "base.tar")
        write(context / "Dockerfile", "FROM scratch\nADD base.tar /\n")
        buildah.build(context, tag=base.image, flags=["--file", str(context / "Dockerfile")])
    return base.image


def _complete(archive: Path) -> None:
    """Add the files that an installation would have written to an archive of unpacked packages."""
    completed = archive.with_suffix(".completed")
    written = dict(_ACCOUNTS)
    with tarfile.open(archive) as source, tarfile.open(completed, "w") as target:
        bundle = []
        for entry in source:
            name = entry.name.removeprefix("./")
            content = source.extractfile(entry) if entry.isfile() else None
            if content is not None and fnmatch(name, "usr/share/ca-certificates/mozilla/*.crt"):
                bundle.append(content.read().decode())
            elif name not in written:
                target.addfile(entry, content)
        written[_BUNDLE] = "".join(bundle)
        for name, text in written.items():
            entry = tarfile.TarInfo(f"./{name}")
            entry.size = len(text.encode())
            target.addfile(entry, io.BytesIO(text.encode()))
    completed.replace(archive)


def _release() -> str:
    found = re.search(r"^VERSION_CODENAME=(\S+)", Path("/etc/os-release").read_text(), re.MULTILINE)
    if not found:
        raise ClusterError("images without Docker are built on Debian or Ubuntu only")
    return found[1]


def _sources() -> str:
    """Return the distribution's own apt sources, without the third parties that this machine may have."""
    origin = "Ubuntu" if "ID=ubuntu" in Path("/etc/os-release").read_text() else "Debian"
    line = "deb $(SITE) $(RELEASE) $(COMPONENT)"
    command = ["apt-get", "indextargets", "--format", line, "Created-By: Packages", f"Origin: {origin}"]
    if not run(command).strip():
        run(["apt-get", "update"])
    return "\n".join(sorted(set(run(command).splitlines()))) + "\n"
