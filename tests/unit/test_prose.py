"""The check of the prose: it finds what the style rules out, and reads no code blocks."""

import subprocess
import sys
from pathlib import Path

import pytest

import prose
from tests.cluster import ROOT


def words(text: str, file: str = "docs/page.md") -> list[str]:
    return [found.word for found in prose.findings(file, text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A pod reads it anew.", "anew"),
        ("The condition tells\nof it.", "tells of"),
        ("Each has a key of its own.", "of its own"),
        ("It starts By itself.", "By itself"),
        ("spec.schedual is no field.", "is no field"),
        ("Our operator writes it.", "Our"),
    ],
)
def test_findings_ruled_out_word_found(text: str, found: str) -> None:
    assert words(text) == [found]


@pytest.mark.parametrize(
    "text",
    [
        "There is no field of that name.",
        "The pod is no longer active.",
        "The image is in a registry you own.",
        "`anew`",
        "```console\n$ echo anew\n```",
    ],
)
def test_findings_plain_text_nothing(text: str) -> None:
    assert words(text) == []


def test_findings_comment_over_two_lines_found() -> None:
    (found,) = prose.findings("operator/graphcron/clock.py", "x = 1\n# A key of\n# its own.\n")
    assert (found.line, found.word) == (2, "of its own")


def test_findings_pronoun_in_code_nothing() -> None:
    assert words("# The watch of our CronJobs.", "operator/graphcron/clock.py") == []


def test_command_ruled_out_word_fails(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("Read anew.\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, ROOT / "hack/docs/prose.py", page], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, f"{page}:1: 'anew': again\n")


def test_files_patterns_all_match() -> None:
    assert all(list(ROOT.glob(pattern)) for pattern in (*prose.TEXTS, *prose.CODE))
