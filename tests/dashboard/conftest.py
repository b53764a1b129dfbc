"""A browser, and the dashboards that it opens."""

from __future__ import annotations

import subprocess
import sys
import uuid
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from playwright.sync_api import expect

import browsing
from tests.conftest import ALONE
from tests.dashboard import graphcrons
from tests.e2e.conftest import crons  # noqa: F401  (fixtures)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from browsing import Dashboard
    from tests.client import Api
    from tests.cluster import Cluster

SECONDS = 60
"""Maximum time to wait for a change in a page."""

VIEWPORT = {"width": 1440, "height": 900}


class Visit(Protocol):
    """Open a URL in a new profile."""

    def __call__(self, url: str, **options: Any) -> Page: ...


class Place:
    """A namespace that the operator leaves alone, and dashboards that show it."""

    def __init__(self, cluster: Cluster, api: Api, namespace: str, started: ExitStack) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self._api = api
        self._started = started

    def fill(self, number: int) -> None:
        """Create a number of GraphCrons."""
        now = datetime.now(UTC)
        self.create(*(graphcrons.graphcron(each, now=now) for each in range(number)))

    def create(self, *objects: graphcrons.Object) -> None:
        """Create GraphCrons, each with its status."""
        graphcrons.create(self._api, self.namespace, list(objects))

    def get(self, number: int = 0) -> Any:
        """Return a GraphCron."""
        return self.cluster.get("graphcron", graphcrons.name_of(number), "--namespace", self.namespace)

    def export(self, file: Path) -> None:
        """Export a page with the current data."""
        words = ("dashboard", "--namespace", self.namespace, "--export", str(file))
        command = [sys.executable, "-m", "graphcron.cli", *words]
        subprocess.run(command, check=True, env=self.cluster.environment, timeout=60)

    def start(self, *words: str, kubeconfig: str = "") -> Dashboard:
        """Start a dashboard; it ends with the test."""
        environment = self.cluster.environment | ({"KUBECONFIG": kubeconfig} if kubeconfig else {})
        started = browsing.dashboard(environment, *(words or ("--namespace", self.namespace)))
        return self._started.enter_context(started)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Return a browser. No test of another module can start before it is closed, because its event loop counts as running."""
    expect.set_options(timeout=SECONDS * 1000)
    with browsing.browser() as started:
        yield started


@pytest.fixture
def visit(chromium: Browser, place: Place) -> Iterator[Visit]:
    """Return a function that opens pages; they must not send requests to other hosts or log errors to the console.

    They are closed before the dashboards of the place end.
    """
    wrong: list[str] = []

    def visit(url: str, **options: Any) -> Page:
        context = stack.enter_context(chromium.new_context(**{"viewport": VIEWPORT, **options}))
        context.set_default_timeout(SECONDS * 1000)
        page = context.new_page()
        own = url.partition("/?")[0]
        context.on("request", lambda asked: None if asked.url.startswith((own, "data:")) else wrong.append(asked.url))
        page.on("console", lambda said: wrong.append(said.text) if said.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(url)
        return page

    with ExitStack() as stack:
        yield visit
    assert wrong == []


@pytest.fixture
def place(cluster: Cluster, api: Api) -> Iterator[Place]:
    """Make a namespace, and delete it afterwards."""
    name = f"{ALONE}dashboard-{uuid.uuid4().hex[:8]}"
    cluster.kubectl("create", "namespace", name)
    with ExitStack() as started:
        yield Place(cluster, api, name, started)
    cluster.kubectl("delete", "namespace", name, "--wait=false")
