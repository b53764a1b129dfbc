"""Pin the base images: write the current digest of each base's tag into the Dockerfiles.

    python hack/release/bases.py            write the digests
    python hack/release/bases.py --check    fail where a base has none

A base is a line such as `ARG BASE=python:3.13-slim-trixie`, with `@sha256:…` behind it once it is pinned. The digest
is that of the list of all platforms, and crane asks for it.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILES = ("Dockerfile", "examples/langgraph-server/Dockerfile")
BASE = re.compile(r"^(ARG \w*BASE=)([^\s@]+)(?:@(sha256:[0-9a-f]{64}))?$", re.MULTILINE)
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class BasesError(Exception):
    """A base that cannot be pinned; the text names it."""


def crane() -> str:
    """Return the path of crane, built if missing."""
    command = [sys.executable, str(ROOT / "hack/cluster"), "tool", "crane"]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def digest_of(image: str, program: str) -> str:
    """Ask the registry for the digest of a tag."""
    done = subprocess.run([program, "digest", image], check=False, capture_output=True, text=True, timeout=120)
    digest = done.stdout.strip()
    if done.returncode or not DIGEST.fullmatch(digest):
        raise BasesError(f"no digest of {image}: {done.stderr.strip() or digest}")
    return digest


def unpinned(text: str) -> list[str]:
    """Return the bases of a Dockerfile that have no digest."""
    return [found[2] for found in BASE.finditer(text) if not found[3]]


def pinned(text: str, digests: dict[str, str]) -> str:
    """Return a Dockerfile whose bases have these digests."""
    return BASE.sub(lambda found: f"{found[1]}{found[2]}@{digests[found[2]]}", text)


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Pin or check; return the exit code."""
    parser = argparse.ArgumentParser(description="Pin the base images by digest.")
    parser.add_argument("--check", action="store_true", help="fail where a base has no digest")
    check = parser.parse_args(arguments).check
    texts = {root / name: (root / name).read_text() for name in DOCKERFILES}
    if check:
        missing = [f"{path.relative_to(root)}: {base}" for path, text in texts.items() for base in unpinned(text)]
        print(*[f"{each} has no digest: make bases" for each in missing], sep="\n", file=sys.stderr, end="")
        return 1 if missing else 0
    program = crane()
    images = sorted({found[2] for text in texts.values() for found in BASE.finditer(text)})
    try:
        # All of them before anything is written.
        digests = {image: digest_of(image, program) for image in images}
    except BasesError as error:
        print(error, file=sys.stderr)
        return 1
    for path, text in texts.items():
        path.write_text(pinned(text, digests))
    print(*[f"{image}@{digest}" for image, digest in digests.items()], sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
