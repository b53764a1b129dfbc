"""The exported page: one file, in which no text of the cluster becomes markup."""

from __future__ import annotations

import base64
import hashlib
import html.parser
import json
from typing import TYPE_CHECKING, Any

import pytest

from graphcron.cli.app import CliError
from graphcron.cli.clients.kubectl import Kubectl
from graphcron.cli.dashboard.export import one_file
from graphcron.cli.dashboard.serving import export_to
from tests.cli.unit.dashboard.world import HTML, FakeApi, graphcron, graphrun

if TYPE_CHECKING:
    from pathlib import Path


class Page(html.parser.HTMLParser):
    """The elements of a page, and the texts of its scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.texts.append("")
        self.inside = True

    def handle_endtag(self, tag: str) -> None:
        self.inside = False

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.texts[-1] += data

    def of(self, tag: str) -> list[tuple[dict[str, str | None], str]]:
        return [(given, text) for (name, given), text in zip(self.elements, self.texts, strict=True) if name == tag]


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Page:
    api = FakeApi(
        graphcron(labels={HTML: HTML}, status={"recentRuns": [], "timeZone": HTML}), graphrun("a", None)
    ).install(monkeypatch)
    api.answers["config"] = f"{HTML}\n"
    file = tmp_path / "page.html"
    export_to(Kubectl(everywhere=True), str(file))
    return Page(file.read_text(encoding="utf-8"))


def test_the_file_has_the_state_and_no_actions(page: Page):
    (data,) = [text for given, text in page.of("script") if given.get("type") == "application/json"]
    found: Any = json.loads(data)
    assert set(found) == {"state", "due", "load"}
    assert found["state"]["readOnly"] is True
    assert found["state"]["cluster"] == HTML
    assert found["state"]["graphCrons"][0]["labels"] == {HTML: HTML}
    assert found["due"]["crons"]["uid-0"]["count"] == 31 * 24
    assert found["load"]["minutes"] == 1440


def test_text_of_the_cluster_is_no_markup(page: Page):
    assert "img" not in [name for name, _ in page.elements]
    scripts = page.of("script")
    assert [given.get("id") for given, _ in scripts] == ["state", None]


def test_the_policy_allows_the_script_and_the_style_and_nothing_else(page: Page):
    (policy,) = [
        given["content"] for given, _ in page.of("meta") if given.get("http-equiv") == "Content-Security-Policy"
    ]
    for tag in ("script", "style"):
        _, text = page.of(tag)[-1]
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in str(policy)
    assert "default-src 'none'" in str(policy)
    assert "unsafe" not in str(policy)
    links = [each for _, given in page.elements for each in (given.get("src"), given.get("href")) if each]
    assert [each for each in links if not each.startswith("data:")] == []


def test_a_script_that_would_end_its_element_is_refused(tmp_path: Path):
    (tmp_path / "index.html").write_text('<script type="module" src="/a.js"></script>')
    (tmp_path / "a.js").write_text("'</SCRIPT>'")
    with pytest.raises(CliError):
        one_file(tmp_path, "{}")


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    FakeApi(graphcron()).install(monkeypatch).answers["config"] = "here"
    with pytest.raises(CliError, match=r"/lost/page.html can't be written: No such file"):
        export_to(Kubectl(everywhere=True), str(tmp_path / "lost/page.html"))
