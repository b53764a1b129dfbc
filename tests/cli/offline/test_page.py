"""What ``docs/cli.md`` shows of verbs that need no cluster is what they do."""

from __future__ import annotations

import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.cli.offline.program import NOWHERE, run
from tests.cluster import ROOT
from tests.docs.page import blocks

if TYPE_CHECKING:
    from pathlib import Path

PAGE = ROOT / "docs/cli.md"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the file that the page makes first."""
    (tmp_path / "crons").mkdir()
    done = shell(shown("graphcron create"), tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    (tmp_path / "crons/daily-report.yaml").write_text((tmp_path / "daily-report.yaml").read_text())
    return tmp_path


def shown(beginning: str) -> str:
    [text] = [each.text for each in blocks(PAGE) if each.text.startswith(beginning)]
    return text


def shell(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    program = f'graphcron() {{ {shlex.quote(sys.executable)} -m graphcron.cli "$@"; }}\n'
    command = ["bash", "-c", program + script]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=NOWHERE)


def test_the_file_that_is_made_is_right(folder: Path) -> None:
    done = shell(shown("graphcron lint --output github"), folder)
    assert (done.returncode, done.stdout) == (0, "")


def test_next_and_render_work_on_it(folder: Path) -> None:
    *offline, cluster = shown("graphcron next").splitlines()
    for command in offline:
        done = shell(command, folder)
        assert done.returncode == 0, done.stderr
        assert "At 08:30, Monday through Friday" in done.stdout
    assert shell(cluster, folder).returncode == 1
    done = shell(shown("graphcron render"), folder)
    assert done.returncode == 0, done.stderr
    assert "kind: CronJob" in done.stdout


def test_lint_says_what_is_shown(folder: Path) -> None:
    file = folder / "crons/daily-report.yaml"
    file.write_text(file.read_text().replace("30 8 * * 1-5", "'0 9 31 2 *'"))
    command, *said = shown("$ graphcron lint").splitlines()
    done = shell(command.removeprefix("$ "), folder)
    assert (done.returncode, done.stdout.splitlines()) == (1, said)


def test_every_verb_that_is_told_of_exists() -> None:
    told = {
        words[1]
        for each in blocks(PAGE)
        for words in map(str.split, each.text.splitlines())
        if "graphcron" in words[:1]
    }
    assert told >= {"create", "next", "lint", "render", "diff"}
    for verb in told:
        assert run(verb, "--help").returncode == 0
