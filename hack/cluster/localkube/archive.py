"""A one-program image, written without any image tool: `docker load` and `ctr images import` read it."""

import hashlib
import io
import json
import platform
import tarfile
from pathlib import Path


def single_program(target: Path, *, image: str, program: Path) -> None:
    """Write an image whose only file is one static program."""
    layer = _tar({f"{program.name}": (program.read_bytes(), 0o755)})
    config = {
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": {"Entrypoint": [f"/{program.name}"], "User": "65535:65535"},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [image], "Layers": ["layer.tar"]}]
    described = {"config.json": json.dumps(config).encode(), "manifest.json": json.dumps(manifest).encode()}
    files = {"layer.tar": layer, **described}
    target.write_bytes(_tar({name: (content, 0o644) for name, content in files.items()}))


def _tar(files: dict[str, tuple[bytes, int]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, (content, mode) in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
