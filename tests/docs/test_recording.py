"""The pictures of terminals say what is so, and ask nobody for anything; `make recording` makes them anew."""

from __future__ import annotations

import re
import socket
import struct
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
import typer.main
import yaml

from graphcron.api import names
from graphcron.api.crd import GRAPHCRON
from graphcron.cli import verbs
from graphcron.cli.app import app
from graphcron.cli.printing import columns
from graphcron.contract import Outcome
from terminal import LINES, Step, picture
from tests.cluster import ROOT
from tests.docs.page import PAGES, blocks

if TYPE_CHECKING:
    from pathlib import Path

PICTURES = sorted((ROOT / "docs/images").glob("*.svg"))
DEMO, CLI = ROOT / "docs/images/demo.svg", ROOT / "docs/images/cli.svg"
README = ROOT / "README.md"

SVG = "{http://www.w3.org/2000/svg}"
COLUMN = 12.0
"""Width of a letter."""

LINE = 24.4
BAR = 50
"""Height of a line, and of what is around all of them."""

VERBS = {"apply", "delete", "get"}
"""Verbs of kubectl itself."""

KINDS = {names.SHORT_NAME, "cronjobs", "jobs", "pods"}

FOREIGN = r"//(?!www\.w3\.org/2000/svg)|@import|@font-face|url\(|href|<script|<image|<foreignObject"
"""What makes a browser ask somebody, or lets the picture do more than show."""

MACHINE = r"/(root|home|tmp|Users)\b|\b(localhost|\d+\.\d+\.\d+\.\d+)\b|:\d{4,5}\b"
"""Paths, addresses and ports."""

pictures = pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.name)


def lines_of(svg: str) -> list[str]:
    """Read a picture as a person does: its lines, from top to bottom."""
    lines: dict[float, str] = {}
    for group in ET.fromstring(svg).iter(f"{SVG}g"):
        for piece in group.findall(f"{SVG}text"):
            at, text = float(piece.attrib["y"]), "".join(piece.itertext()).replace("\xa0", " ")
            assert len(text) * COLUMN == float(piece.attrib["textLength"]), text
            lines[at] = lines.get(at, "").ljust(round(float(piece.attrib["x"]) / COLUMN)) + text
    return [lines[at].rstrip() for at in sorted(lines)]


def steps_of(svg: str) -> dict[str, list[str]]:
    """Return the commands, and what the last of each of them has printed; the blank lines are left out."""
    steps: dict[str, list[str]] = {}
    printed: list[str] = []
    for line in lines_of(svg):
        if line.startswith("$ "):
            printed = steps[line[2:]] = []
        else:
            printed.append(line)
    return steps


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def titles(columns: Any) -> list[str]:
    return [column.title.upper() for column in columns if not column.wide]


def cells(line: str) -> list[str]:
    return re.split(r" {2,}", line)


@pytest.mark.parametrize("page", [README, ROOT / "docs/dashboard.md"], ids=lambda page: page.name)
def test_the_dashboard_is_shown_in_the_theme_of_the_reader(page: Path) -> None:
    (shown,) = re.findall(r"<picture>.*?</picture>", read(page), re.DOTALL)
    assert re.search(r'media="\(prefers-color-scheme: dark\)" srcset="[\w/]*images/dashboard-dark.png"', shown)
    assert re.search(r'<img alt="[^"]{20,}" src="[\w/]*images/dashboard-light.png"', shown)
    for theme in ("dark", "light"):
        size = (ROOT / f"docs/images/dashboard-{theme}.png").read_bytes()[16:24]
        assert struct.unpack(">II", size) == (2560, 1440)


def test_there_are_pictures() -> None:
    assert {DEMO, CLI} <= set(PICTURES)


@pictures
def test_a_picture_asks_nobody_for_anything(path: Path) -> None:
    assert re.findall(FOREIGN, read(path)) == []


@pictures
def test_a_picture_tells_nothing_of_the_machine(path: Path) -> None:
    text = "\n".join(lines_of(read(path)))
    assert re.search(MACHINE, text) is None
    assert socket.gethostname() not in text


@pictures
def test_a_picture_is_told_to_those_who_do_not_see_it(path: Path) -> None:
    root = ET.fromstring(read(path))
    assert root.attrib["role"] == "img"
    for element, words in zip(("title", "desc"), root.attrib["aria-labelledby"].split(), strict=True):
        found = root.find(f"{SVG}{element}")
        assert found is not None
        assert (found.attrib["id"], bool(found.text)) == (words, True)


@pictures
def test_a_picture_moves_only_where_motion_is_welcome(path: Path) -> None:
    still, _, moving = read(path).partition("@media (prefers-reduced-motion: no-preference) {")
    assert "animation" not in still
    assert "opacity" not in still
    assert "animation" in moving
    shown = {group.attrib["id"] for group in ET.fromstring(read(path)).iter(f"{SVG}g") if "id" in group.attrib}
    assert set(re.findall(r"#(step-\d+) \{", moving)) == shown - {"step-0"}


@pictures
def test_no_line_is_cut_off(path: Path) -> None:
    _, _, width, height = map(float, ET.fromstring(read(path)).attrib["viewBox"].split())
    assert height <= LINES * LINE + BAR
    assert max(map(len, lines_of(read(path)))) * COLUMN <= width


@pictures
def test_a_page_shows_the_picture_and_says_what_it_shows(path: Path) -> None:
    shown = [alt for page in PAGES for alt in re.findall(rf"!\[([^]]*)\]\([\w/]*images/{path.name}\)", read(page))]
    assert shown
    assert all(shown)


@pictures
def test_its_commands_exist(path: Path) -> None:
    assert verbs  # each verb has added itself
    program: Any = typer.main.get_command(app)
    files = {
        f"{yaml.safe_load(block.text)['metadata']['name']}.yaml" for block in blocks(README) if block.language == "yaml"
    }
    for command in steps_of(read(path)):
        kubectl, verb, *words = command.split()
        assert kubectl == "kubectl"
        if verb == "graphcron":
            verb, *words = words
            options = {option for each in program.commands[verb].params for option in each.opts}
            assert {word for word in words if word.startswith("-")} <= options, command
            continue
        assert verb in VERBS, command
        assert [word for at, word in pairwise(words) if at == "-f" and word not in files] == [], command
        assert words[0] == "-f" or set(words[0].split(",")) <= KINDS, command


def test_kubectl_shows_the_columns_of_the_crd() -> None:
    header, row = steps_of(read(DEMO))[f"kubectl get {names.SHORT_NAME}"]
    assert cells(header) == ["NAME", *(name.upper() for name, _, _, priority in GRAPHCRON.columns if not priority)]
    assert Outcome.SUCCEEDED in cells(row)


def test_the_program_shows_its_columns() -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    described = steps_of(read(DEMO))["kubectl graphcron describe daily-report"]
    assert cells(described[described.index("Recent runs") + 1]) == titles(columns.run_columns("UTC"))
    assert cells(described[described.index("Conditions") + 1]) == titles(columns.CONDITION_COLUMNS)
    steps = steps_of(read(CLI))
    assert cells(steps["kubectl graphcron list"][0]) == titles(columns.graphcron_columns(now=now, everywhere=False))
    assert cells(steps["kubectl graphcron top"][0]) == titles(columns.usage_columns(everywhere=False))
    (history,) = (printed for command, printed in steps.items() if " history " in command)
    assert cells(history[0]) == titles(columns.run_columns("UTC"))


def test_the_demo_ends_well() -> None:
    steps = steps_of(read(DEMO))
    described = steps["kubectl graphcron describe daily-report"]
    assert Outcome.SUCCEEDED in cells(described[-1])
    assert list(steps)[-2:] == ["kubectl delete gcron daily-report", "kubectl get cronjobs,jobs,pods"]
    assert steps["kubectl get cronjobs,jobs,pods"] == ["No resources found in demo namespace."]


def test_the_team_is_in_many_states() -> None:
    listed = "\n".join(steps_of(read(CLI))["kubectl graphcron list"])
    for word in ("Paused", "Suspended", "GraphError", "Interrupted", "Skipped", "Succeeded"):
        assert word in listed


def test_the_readme_opens_with_the_demo() -> None:
    title, paragraph, shown, yaml_block, *_ = read(README).split("\n\n")
    assert title.startswith("# ")
    assert not paragraph.startswith(("!", "#", "```"))
    assert shown.endswith("](docs/images/demo.svg)")
    assert yaml_block.startswith("```yaml\n")


def test_a_picture_is_what_was_printed() -> None:
    steps = [Step("one --two", "A   B\n\x1b[32mgood\x1b[0m <b>\n\n& last\n"), Step("three", "x" * 120)]
    svg = picture(steps, title="T", description="D")
    assert lines_of(svg) == ["$ one --two", "A   B", "good <b>", "& last", "$ three", "x" * 120]
    good = next(each for each in ET.fromstring(svg).iter(f"{SVG}text") if each.text == "good")
    plain = next(each for each in ET.fromstring(svg).iter(f"{SVG}text") if each.text == "three")
    assert good.attrib["class"] != plain.attrib["class"]
    with pytest.raises(ValueError, match=f"{LINES + 1} lines"):
        picture([Step("long", "\n".join(map(str, range(LINES))))], title="T", description="D")
