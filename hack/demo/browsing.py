"""The dashboard as a process, and a browser that opens it, for the images, the tests and the benchmark."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

from demo import hack
from installing import InstallError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from playwright.sync_api import Browser

FLAGS = (
    "--no-sandbox",  # which does not work for root
    "--disable-gpu",
    # A browser asks its maker for updates and accounts, even with all of these: it finds no name but this machine's.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

START_SECONDS = 60


@dataclass(frozen=True)
class Dashboard:
    """A running dashboard."""

    url: str
    """What it has printed, with the token."""
    pid: int

    @property
    def origin(self) -> str:
        """Return the URL without path and token."""
        return self.url.partition("/?")[0]


@contextmanager
def dashboard(environment: Mapping[str, str], *words: str) -> Iterator[Dashboard]:
    """Start ``graphcron dashboard``; yield when it answers, and end it as Ctrl-C does.

    Raises
    ------
    InstallError
        It has printed no URL.
    """
    command = [sys.executable, "-m", "graphcron.cli", "dashboard", "--no-browser", *words]
    with tempfile.TemporaryDirectory() as folder:
        printed = Path(folder, "printed")
        with printed.open("w") as output:
            process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
        try:
            yield Dashboard(_url(process, printed), process.pid)
        finally:
            process.terminate()
            process.wait(timeout=20)


def _url(process: subprocess.Popen[bytes], printed: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while True:
        text = printed.read_text()
        if found := re.search(r"http://127\.0\.0\.1:\d+/\S*token=[\w-]+", text):
            return found[0]
        if process.poll() is not None or time.monotonic() > deadline:
            raise InstallError(f"the dashboard has not started: {text.strip()}")
        time.sleep(0.05)


@contextmanager
def browser(*flags: str) -> Iterator[Browser]:
    """Start Chromium, or Chrome, with a new and empty profile."""
    path = hack("browser", "--install").strip()
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=[*FLAGS, *flags])
        try:
            yield started
        finally:
            started.close()
