"""The page of the dashboard: its pure functions, its bundle, and what its policy and its export rely on."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.left_out import PAGE

STATIC = PAGE.parent / "static"


def node(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["node", *arguments]
    return subprocess.run(command, cwd=PAGE, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.needs("page-modules")
def test_the_pure_functions() -> None:
    done = node("test.mjs")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.needs("page-modules")
def test_the_bundle_is_what_the_source_gives() -> None:
    done = node("build.mjs", "--check")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_page_has_no_inline_code_and_loads_nothing_from_elsewhere() -> None:
    page = (STATIC / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<style|\sstyle=|\son\w+=", page)
    assert re.findall(r"<script[^>]*>[^<]*", page) == ['<script type="module" src="dashboard.js">']
    links = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert [each for each in links if not each.startswith("data:")] == ["dashboard.css", "dashboard.js"]
    style = (STATIC / "dashboard.css").read_text(encoding="utf-8")
    assert not re.search(r"url\((?!data:)|@import", style)


def test_the_bundle_is_small_and_evaluates_no_text() -> None:
    script = (STATIC / "dashboard.js").read_text(encoding="utf-8")
    assert len(script.encode()) < 700_000
    assert not re.search(r"\beval\(|new Function\(|dangerouslySetInnerHTML:\{", script)
    assert "</script" not in script.lower()
