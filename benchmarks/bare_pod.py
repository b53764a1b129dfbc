"""The bare pod: a busybox wget, in an image of the runner's own size.

The image is the runner's with one file more, so that neither peer has fewer or smaller layers to mount.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

from images import hack

IMAGE = "docker.io/graphcron/bench-wget:dev"

_PROGRAM = "busybox"


def busybox() -> Path:
    """Return the program, which must be static: nothing else of it is in the image."""
    return Path(hack("tool", _PROGRAM).strip())


def write_image(target: Path, runner: Path) -> None:
    """Write the archive of the image, from the archive of the runner's."""
    layer = _layer(busybox())
    with tarfile.open(runner) as source, tarfile.open(target, "w") as made:
        manifest = json.loads(_read(source, "manifest.json"))[0]
        config = json.loads(_read(source, manifest["Config"]))
        config["rootfs"]["diff_ids"].append(f"sha256:{hashlib.sha256(layer).hexdigest()}")
        config["config"]["Entrypoint"], config["config"]["Cmd"] = [f"/{_PROGRAM}"], []
        config.pop("history", None)  # it would have to tell of the layer too
        _add(made, "layer.tar", layer)
        _add(made, "config.json", json.dumps(config).encode())
        layers = []
        for number, name in enumerate(manifest["Layers"]):
            layers.append(f"{number}.tar")
            _add(made, layers[-1], _read(source, name))
        described = {"Config": "config.json", "RepoTags": [IMAGE], "Layers": [*layers, "layer.tar"]}
        _add(made, "manifest.json", json.dumps([described]).encode())


def cronjob(url: str) -> dict[str, object]:
    """Return its CronJob, of every minute: the least that a pod needs to say."""
    container = {"name": "wget", "image": IMAGE.removeprefix("docker.io/"), "args": ["wget", "-q", "-O", "-", url]}
    pod = {"restartPolicy": "Never", "automountServiceAccountToken": False, "containers": [container]}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "bare"},
        "spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": {"spec": pod}}}},
    }


def _layer(program: Path) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as layer:
        entry = tarfile.TarInfo(_PROGRAM)
        data = program.read_bytes()
        entry.size, entry.mode = len(data), 0o755
        layer.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def _read(archive: tarfile.TarFile, name: str) -> bytes:
    """Read a file of an archive; ``docker save`` makes links of layers that are there twice."""
    file = archive.extractfile(name)
    assert file is not None, f"{name} is no file"
    return file.read()


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    archive.addfile(entry, io.BytesIO(data))
