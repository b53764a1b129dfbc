"""MkDocs hooks that build a site from pages that are written for the repository.

A page is read on GitHub and on the site, so it contains the links that GitHub follows. These hooks convert them to
links within the site, or to the repository if the site does not contain the target.
"""

from __future__ import annotations

import posixpath
import re
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mkdocs.structure.files import File, Files

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.pages import Page

BROUGHT_IN: Final = {
    "index.md": "README.md",
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
    "security-policy.md": "SECURITY.md",
    "chart-values.md": "charts/graphcron/README.md",
}
"""Pages of the site outside ``docs/``, and their files in the repository."""

BRANCH: Final = "main"

_CODE = r"^(?P<fence> *```+).*?^(?P=fence)$|`[^`\n]+`"
_MARKDOWN_TARGET = r"(?<=\]\()[^)\s]+|(?<=\]: )\S+$"
_HTML_TARGET = r'(?<=\bsrc=")[^"]+|(?<=\bhref=")[^"]+|(?<=\bsrcset=")[^"]+'
_TARGET = re.compile(
    rf"(?P<code>{_CODE})|(?P<markdown>{_MARKDOWN_TARGET})|(?P<html>{_HTML_TARGET})", re.MULTILINE | re.DOTALL
)
_FOLD = r"<details(?: open)?>\n<summary>([^\n]*)</summary>\n(.*?)\n</details>\n"
_FOLDS = re.compile(rf"(?:{_FOLD}){{2,}}", re.DOTALL)
_ALERT = re.compile(r"^> \[!(NOTE|TIP|IMPORTANT|WARNING|CAUTION)\]\n((?:>.*(?:\n|\Z))+)", re.MULTILINE)


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages outside ``docs/``."""
    for page, source in BROUGHT_IN.items():
        files.append(File.generated(config, page, abs_src_path=str(_root(config) / source)))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Rewrite the links of a page for the site, and turn its folds into tabs and its alerts into admonitions."""

    def linked(match: re.Match[str]) -> str:
        return match[0] if match["code"] else _linked(match[0], bool(match["html"]), page.file, config, files)

    return _with_admonitions(_unfolded(_TARGET.sub(linked, markdown)))


def _linked(target: str, html: bool, page: File, config: MkDocsConfig, files: Files) -> str:
    """Return the target of a link on the site; unchanged if there is none, so that MkDocs warns."""
    path, mark, anchor = target.partition("#")
    if not path or "://" in path or path.startswith("mailto:"):
        return target
    source = BROUGHT_IN.get(page.src_uri, f"docs/{page.src_uri}")
    goal = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
    file = _on_site(goal, files)
    if file is not None:
        # MkDocs finds the place of what Markdown links to; HTML is left as it is.
        near = posixpath.relpath(file.src_uri, posixpath.dirname(page.src_uri))
        return (file.url_relative_to(page) if html else near) + mark + anchor
    there = _root(config) / goal
    if goal.startswith("..") or not there.exists():
        return target
    kind = "tree" if there.is_dir() else "blob"
    return f"{(config.repo_url or '').rstrip('/')}/{kind}/{BRANCH}/{goal}{mark}{anchor}"


def _on_site(goal: str, files: Files) -> File | None:
    """Return the page or picture that a file of the repository is on the site."""
    pages = {source: page for page, source in BROUGHT_IN.items()}
    return files.get_file_from_path(pages.get(goal) or (goal.removeprefix("docs/") if goal.startswith("docs/") else ""))


def _unfolded(markdown: str) -> str:
    """Return the page with consecutive folds as tabs; a single fold remains a fold."""

    def tab(match: re.Match[str]) -> str:
        text = textwrap.indent(match[2].strip("\n"), "    ")
        return f'=== "{match[1]}"\n\n{text}\n\n'

    tabbed = _FOLDS.sub(lambda folds: re.sub(_FOLD, tab, folds[0], flags=re.DOTALL), markdown)
    # Without the attribute Python-Markdown takes what is in a fold for HTML.
    return re.sub(r"^<details", '<details markdown="1"', tabbed, flags=re.MULTILINE)


def _with_admonitions(markdown: str) -> str:
    """Return the page with GitHub's alerts (``> [!WARNING]``) as admonitions."""

    def admonition(match: re.Match[str]) -> str:
        text = textwrap.indent(re.sub(r"^> ?", "", match[2], flags=re.MULTILINE), "    ")
        return f"!!! {match[1].lower()}\n\n{text}"

    return _ALERT.sub(admonition, markdown)


def _root(config: MkDocsConfig) -> Path:
    return Path(config.config_file_path).parent
