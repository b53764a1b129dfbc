"""The command line: what help lists, what is refused, what is coloured."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from graphcron.cli import verbs
from tests.cli.offline.program import NOWHERE, run
from tests.cluster import ROOT

ESCAPE = "\x1b["


def test_every_verb_has_its_file_and_its_place_in_the_help() -> None:
    files = {each.stem for each in (ROOT / "operator/graphcron/cli/verbs").glob("*.py")}
    assert sorted(verbs.ORDER) == sorted(files - {"__init__"})


def test_bare_program_prints_help_without_truncation() -> None:
    bare, asked = run(), run("--help")
    assert (bare.returncode, bare.stdout) == (0, asked.stdout)
    commands = bare.stdout.partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in commands[:3]] == ["list", "describe", "history"]
    summaries = [line.split(maxsplit=1)[1] for line in commands]
    assert not [each for each in summaries if not re.fullmatch(r".{1,44}[^.]\.", each)], "shells cut at 45 characters"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("lst", "no such command 'lst'. Did you mean 'list'?"),
        ("list --srt next", "no such option: --srt (Possible options: --sort); see graphcron list -h"),
        ("describe", "missing argument 'NAME'; see graphcron describe -h"),
        ("list -o xml", "invalid value for '--output' / '-o': 'xml' is not one of "),
        ("export -o table", "invalid value for '--output' / '-o': 'table' is not one of 'json', 'yaml', 'name'; see"),
        ("doctor -o name", "invalid value for --output: checks have no names; choose table, json or yaml; see"),
        ("top --since yesterday", "invalid value for --since: 'yesterday' is not a length of time; write 90s, "),
        ("run hello --logs -o json", "invalid value for --logs: can't be combined with -o; "),
        ("cancel a b --run c", "invalid value for --run: a Job belongs to one GraphCron; give one name; "),
        ("export hello -A", "invalid value for NAME: names belong to one namespace; "),
    ],
)
def test_a_wrong_command_line_is_one_line_that_says_what_to_do(words: str, said: str) -> None:
    done = run(*words.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {said}")
    assert len(done.stderr.splitlines()) == 1


def test_create_prints_json_and_name() -> None:
    words = ("create", "hello", "-a", "agent", "-s", "@daily", "-o")
    assert '"schedule": "@daily"' in run(*words, "json").stdout
    assert run(*words, "name").stdout == "graphcron.graphcron.dev/hello\n"


def on_a_terminal(**environment: str) -> str:
    """Return what the doctor prints on a terminal, where there is no cluster."""
    main, side = os.openpty()
    plain = {name: value for name, value in NOWHERE.items() if name not in {"NO_COLOR", "FORCE_COLOR"}}
    command = [sys.executable, "-m", "graphcron.cli", "doctor"]
    done = subprocess.run(command, stdout=side, check=False, env={**plain, "TERM": "xterm-256color", **environment})
    os.close(side)
    assert done.returncode == 1
    with os.fdopen(main, "rb") as terminal:
        return terminal.read1().decode()


def test_colours_only_on_terminal_without_no_color() -> None:
    coloured = on_a_terminal()
    assert ESCAPE in coloured
    assert "✗ Kubernetes: /nonexistent can't be run (No such file or directory)" in re.sub(r"\x1b\[\d*m", "", coloured)
    assert ESCAPE not in on_a_terminal(NO_COLOR="1")
    assert ESCAPE not in run("doctor").stdout
