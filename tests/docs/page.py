"""Reading the pages: their fenced blocks, links, headings and tables."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.cluster import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]

_FENCE = re.compile(r"^(?P<fence>```+)(?P<language>\w*)[^\n]*\n(?P<text>.*?)^(?P=fence)$", re.MULTILINE | re.DOTALL)
_SUMMARY = re.compile(r"<summary>(.*?)</summary>|</details>")
_HEADING = re.compile(r"^#+ +(.*)$", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: Path
    line: int
    """Where its text begins."""
    language: str
    text: str
    track: str
    """Summary of the fold that it is in: ``Python``, ``cURL``, …; empty outside of folds."""
    section: str
    """The heading that it stands under."""

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"

    @property
    def file_name(self) -> str | None:
        """Return the name of the file that the first line says it is, such as ``# job.yaml``."""
        first = re.match(r"# ([\w.-]+\.ya?ml)\n", self.text)
        return first[1] if first else None


def blocks(page: Path) -> list[Block]:
    """Return all fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            page=page,
            line=text.count("\n", 0, match.start()) + 2,
            language=match["language"],
            text=match["text"],
            track=_last(_SUMMARY, text, match.start()),
            section=_last(_HEADING, _blanked(text), match.start()),
        )
        for match in _FENCE.finditer(text)
    ]


def resource(block: Block) -> dict[str, Any] | None:
    """Return the resource that a YAML block shows; None: it shows values of the chart.

    A block that is a part of a ``spec`` is given what it takes to be a whole GraphCron.
    """
    shown: dict[str, Any] = yaml.safe_load(block.text)
    if "kind" in shown:
        return shown
    if "spec" not in shown:
        return None
    spec = {"assistant": "agent", **shown["spec"]}
    if "schedules" not in spec:
        spec.setdefault("schedule", "0 8 * * *")
    name = f"{block.page.stem}-{block.line}"
    return {"apiVersion": "graphcron.dev/v1alpha1", "kind": "GraphCron", "metadata": {"name": name}, "spec": spec}


def links(page: Path) -> list[str]:
    """Return the targets of all links that do not lead out of the repository."""
    found = _LINK.findall(_blanked(page.read_text(encoding="utf-8")))
    return [target for target in found if "://" not in target and not target.startswith("mailto:")]


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page: those that GitHub makes of headings, and those that it sets itself."""
    text = _blanked(page.read_text(encoding="utf-8"))
    slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in _HEADING.findall(text)}
    return slugs | set(re.findall(r'<a id="([^"]+)"></a>', text))


def table(page: Path, first: str) -> list[dict[str, str]]:
    """Return the rows of the table whose first column has that title; code marks are taken off."""
    lines = page.read_text(encoding="utf-8").splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith(f"| {first} |"))
    titles = _cells(lines[start])
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append(dict(zip(titles, _cells(line), strict=True)))
    return rows


def _cells(line: str) -> list[str]:
    return [cell.strip().replace("`", "") for cell in line.strip().strip("|").split("|")]


def _last(pattern: re.Pattern[str], text: str, before: int) -> str:
    found = [match for match in pattern.finditer(text) if match.start() < before]
    return (found[-1][1] or "") if found else ""


def _blanked(text: str) -> str:
    """Return the text with its fenced blocks made blank, so that positions stay."""
    return _FENCE.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
