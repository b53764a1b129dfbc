"""Delete from a base image what neither the operator nor the runner opens, and compile what stays of Python's library.

The Dockerfile runs this with the Python of the base, which needs no shell:

    python3 -I -S hack/images/slim.py

Neither Debian's packages nor Docker's images of Python contain byte code. A pod that can't write any would compile the
library at each start.
"""

import compileall
import os
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from py_compile import PycInvalidationMode

ROOTS = ("bin", "boot", "etc", "lib", "sbin", "usr", "var")
"""The directories that are searched: a build mounts others, such as /proc."""

UNUSED = Path(__file__).with_name("unused.txt").read_text(encoding="utf-8").split()
"""Patterns of paths; `*` also matches `/`."""

LIBRARY = "usr/lib/python3.[0-9]*"


def slim(root: Path) -> None:
    """Delete and compile below a root directory."""
    for path in list(_files(root)):
        if any(fnmatch(str(path.relative_to(root)), pattern) for pattern in UNUSED):
            path.unlink()
    for library in root.glob(LIBRARY):
        _compile(library)


def _files(root: Path) -> Iterator[Path]:
    for name in ROOTS:
        if (root / name).is_symlink():  # such as /lib, which is /usr/lib on newer systems
            continue
        for folder, folders, files in os.walk(root / name):
            yield from (Path(folder, each) for each in files)
            yield from (path for path in (Path(folder, each) for each in folders) if path.is_symlink())


def _compile(library: Path) -> None:
    """Replace the sources of a library by their byte code without docstrings."""
    compiled = compileall.compile_dir(
        library, quiet=1, force=True, legacy=True, optimize=2, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH
    )
    if not compiled:
        raise SystemExit(f"not everything in {library} compiles")
    for cached in library.rglob("__pycache__/*.pyc"):
        cached.unlink()
    for source in library.rglob("*.py"):
        source.unlink()


if __name__ == "__main__":
    slim(Path(sys.argv[1] if len(sys.argv) > 1 else "/"))
