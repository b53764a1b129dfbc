"""The site that `make docs` builds: all pages are there, links lead somewhere, and nothing is fetched from elsewhere."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import pytest
from markdown_it import MarkdownIt

from tests.cluster import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = "https://repository.example/graphcron"
BROUGHT_IN = {
    "": "README.md",
    "contributing/": "CONTRIBUTING.md",
    "changelog/": "CHANGELOG.md",
    "security-policy/": "SECURITY.md",
    "chart-values/": "charts/graphcron/README.md",
}
SOURCES = {f"{page.stem}/": f"docs/{page.name}" for page in sorted((ROOT / "docs").glob("*.md"))} | BROUGHT_IN
"""Address of each page on the site, and the file that it is made of."""

NEVER_ASKED = {
    "api.github.com": "stars of the repository: our partials/source.html has none of what the script looks for",
    "unpkg.com": "Mermaid, where a page has a diagram of that kind; and browsers without ResizeObserver, before 2020",
}
"""Hosts that stand in the theme's script, and why no page has it ask them."""

SHOWN = {
    "h1",
    "h2",
    "h3",
    "h4",
    "ul",
    "ol",
    "li",
    "tr",
    "th",
    "td",
    "blockquote",
    "strong",
    "em",
    "img",
    "pre",
    "code",
    "p",
    "hr",
}
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


@dataclass
class Page(HTMLParser):
    """What a built page has in it."""

    address: str
    anchors: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    nav: set[str] = field(default_factory=set)
    loads: list[str] = field(default_factory=list)
    """What a browser fetches when it opens the page."""
    shown: Counter[str] = field(default_factory=Counter)
    """How many of each kind of thing its text has."""
    code: list[str] = field(default_factory=list)
    """The text of its code blocks."""
    open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors.add(given.get("id", ""))
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
            if "md-nav__link" in given.get("class", ""):
                self.nav.add(urljoin(f"/{self.address}", given["href"]))
        if tag == "link" and set(given["rel"].split()) & {"stylesheet", "icon", "preload", "preconnect", "manifest"}:
            self.loads.append(given["href"])
        self.loads += [given[name] for name in ("src", "data", "poster") if name in given]
        self.loads += [one.split()[0] for one in given.get("srcset", "").split(",") if one.strip()]
        classes = given.get("class", "").split()
        # An admonition is what GitHub shows as an alert: a quotation whose title is no paragraph.
        kind = "blockquote" if "admonition" in classes else tag
        if self.is_text and kind in SHOWN and "admonition-title" not in classes:
            self.shown[kind] += 1
            self.code += [""] if tag == "pre" else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while tag in self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self.is_text and "pre" in self.open:
            self.code[-1] += data

    @property
    def is_text(self) -> bool:
        return "article" in self.open


@dataclass(frozen=True)
class Site:
    """The built site."""

    folder: Path
    said: str
    """What MkDocs said."""
    pages: dict[str, Page]

    def has(self, address: str) -> bool:
        """Return whether a web server would find that."""
        path = self.folder / unquote(urlsplit(address).path).lstrip("/")
        return path.is_file() or (path / "index.html").is_file()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Build the site."""
    folder = tmp_path_factory.mktemp("site")
    done = build(ROOT, folder)
    assert done.returncode == 0, done.stderr
    pages = {}
    for file in sorted(folder.rglob("*.html")):
        address = str(file.relative_to(folder)).removesuffix("index.html")
        pages[address] = Page(address)
        pages[address].feed(file.read_text(encoding="utf-8"))
    return Site(folder, done.stdout + done.stderr, pages)


def build(root: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Build the site of a checkout, as `make docs` does.

    Never with ``--quiet``: what MkDocs does not print it does not count, and ``--strict`` lets it pass.
    """
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "DOCS_REPOSITORY": REPOSITORY}
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)


def test_it_builds_without_a_warning(site: Site) -> None:
    assert [
        line for line in site.said.splitlines() if not re.match(r"INFO +-  (Clean|Building|Documentation)", line)
    ] == []


def test_every_page_is_there_and_in_the_navigation(site: Site) -> None:
    assert site.pages.keys() == SOURCES.keys() | {"404.html"}
    for page in site.pages.values():
        assert page.nav >= {f"/{address}" for address in SOURCES}, page.address


def test_links_lead_somewhere(site: Site) -> None:
    followed = 0
    for page, address, anchor in internal(site):
        assert site.has(address), f"{page.address} links to {address}"
        goal = site.pages.get(address.lstrip("/"))
        assert not anchor or (goal and unquote(anchor) in goal.anchors), f"{page.address} links to {address}#{anchor}"
        followed += bool(anchor)
    assert followed > 100


def test_links_into_the_repository_lead_somewhere(site: Site) -> None:
    begin = f"{REPOSITORY}/"
    there = {link for page in site.pages.values() for link in page.links if link.startswith(begin)}
    assert len(there) > 10
    for link in there:
        kind, branch, path = urldefrag(link.removeprefix(begin)).url.split("/", 2)
        assert branch == "main"
        assert (ROOT / path).is_dir() if kind == "tree" else (ROOT / path).is_file(), link
        assert path not in SOURCES.values(), f"{path} is a page of the site"


def test_nothing_is_fetched_from_elsewhere(site: Site) -> None:
    for page in site.pages.values():
        assert len(page.loads) > 3
        for target in page.loads:
            assert target.startswith("data:") or not urlsplit(target).netloc, f"{page.address} fetches {target}"
            assert target.startswith("data:") or site.has(urljoin(f"/{page.address}", target)), target
    for style in [*site.folder.rglob("*.css"), *site.folder.rglob("*.svg")]:
        text = style.read_text(encoding="utf-8")
        fetched = re.findall(r"url\(\s*[\"']?([^\"')]+)|@import\s+[\"']([^\"']+)", text)
        assert {one or other for one, other in fetched if re.match(r"(https?:)?//", one or other)} == set(), style.name


def test_the_script_has_no_reason_to_ask_elsewhere(site: Site) -> None:
    (script,) = site.folder.glob("assets/javascripts/bundle.*.js")
    asked = set(re.findall(r"[\"'`]https?://([\w.-]+)", script.read_text(encoding="utf-8")))
    assert asked - NEVER_ASKED.keys() == set()
    for address in site.pages:
        text = (site.folder / address / "index.html" if address != "404.html" else site.folder / address).read_text()
        assert 'data-md-component="source"' not in text
        assert 'class="mermaid"' not in text


@pytest.mark.parametrize("address", SOURCES)
def test_a_page_shows_what_github_shows(site: Site, address: str) -> None:
    text = (ROOT / SOURCES[address]).read_text(encoding="utf-8")
    github = Page(address)
    github.feed(f"<article>{MarkdownIt().enable(['table', 'strikethrough']).render(text)}</article>")
    page = site.pages[address]
    assert page.shown == github.shown
    assert [code.strip() for code in page.code] == [code.strip() for code in github.code]


def test_folds_that_follow_each_other_are_tabs(site: Site) -> None:
    html = (site.folder / "cron-jobs/index.html").read_text(encoding="utf-8")
    sets = re.findall(r'<div class="tabbed-labels">(.*?)</div>', html, re.DOTALL)
    assert len(sets) == 5
    assert {tuple(re.findall(r"<label[^>]*>(.*?)</label>", one)) for one in sets} == {
        ("kubectl", "Python", "JavaScript", "cURL")
    }
    assert "<details" not in html


def test_search_knows_every_page(site: Site) -> None:
    index = json.loads((site.folder / "search/search_index.json").read_text(encoding="utf-8"))
    assert {urldefrag(entry["location"]).url for entry in index["docs"]} == SOURCES.keys()


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("README.md", "[lost](docs/lost.md)", "lost.md"),
        ("CONTRIBUTING.md", "[lost](docs/promises.md#lost)", "promises.md#lost"),
        ("docs/runs.md", "[lost](../examples/lost.yaml)", "lost.yaml"),
        ("docs/runs.md", "[lost](#lost)", "#lost"),
        ("docs/lost.md", "# In no nav", "lost.md"),
    ],
)
def test_a_slip_fails_the_build(tmp_path: Path, file: str, text: str, said: str) -> None:
    done = build(checkout(tmp_path, file, text), tmp_path / "site")
    assert done.returncode != 0
    assert said in done.stderr


def test_links_in_html_are_followed_too(tmp_path: Path) -> None:
    text = '<p><a href="promises.md#once">once</a><a href="../LICENSE">licence</a></p>'
    build(checkout(tmp_path, "docs/runs.md", text), tmp_path / "site").check_returncode()
    html = (tmp_path / "site/runs/index.html").read_text(encoding="utf-8")
    assert f'<a href="../promises/#once">once</a><a href="{REPOSITORY}/blob/main/LICENSE">licence</a>' in html


def checkout(folder: Path, file: str, text: str) -> Path:
    """Return a checkout like ours, in which a page says more."""
    root = folder / "checkout"
    root.mkdir()
    copied = {"docs", "README.md", "CONTRIBUTING.md", "mkdocs.yml"}
    for each in ROOT.iterdir():
        if each.name not in copied and not each.name.startswith("."):
            (root / each.name).symlink_to(each)
    shutil.copytree(ROOT / "docs", root / "docs")
    for name in copied - {"docs"}:
        shutil.copy(ROOT / name, root / name)
    with (root / file).open("a", encoding="utf-8") as page:
        page.write(f"\n{text}\n")
    return root


def internal(site: Site) -> Iterator[tuple[Page, str, str]]:
    """Return all links that stay on the site: the page, the address, the anchor."""
    for page in site.pages.values():
        for link in page.links:
            if not urlsplit(link).scheme and not urlsplit(link).netloc:
                address, anchor = urldefrag(urljoin(f"/{page.address}", link))
                yield page, address, anchor
