"""Who reads a command: the very program that it names, which is made to do nothing.

``--help`` wins over what comes before it, but not over an option that is wrong. Only what no program can say is looked
up here.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer
from typer._click.exceptions import ClickException, NoArgsIsHelpError

import graphcron.cli.verbs  # noqa: F401  (each verb adds itself)
from graphcron.api import names
from graphcron.cli.app import app
from tests.cluster import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.docs.shell import Command, Shell

SHELLS_OWN: Final = {
    "cat",
    "cd",
    "echo",
    "export",
    "grep",
    "jq",
    "kill",
    "mkdir",
    "openssl",
    "printf",
    "read",
    "sed",
    "date",
}
"""Programs of every terminal, which are no concern of ours."""

READERS_FILES: Final = {"crons/", "daily-report.yaml", "install.yaml", "values.yaml", "ca.crt", "company-ca.pem"}
"""What readers bring along where a page has not made it."""

FILE_OPTIONS: Final = {
    "graphcron": {"-f", "--filename"},
    "helm": {"-f", "--values"},
    "kubectl": {"-f", "--filename", "-k", "--kustomize", "--patch-file"},
}
FOLDERS: Final = tuple(f"{each.name}/" for each in ROOT.iterdir() if each.is_dir() and each.name[0] != ".")

NOWHERE: Final = {**os.environ, "KUBECONFIG": "/nonexistent"}


def problem_of(command: Command, shell: Shell, tools: Path) -> str | None:
    """Say what is wrong with a command; None: nothing is."""
    program, *arguments = command.words
    if program == "kubectl" and arguments[:1] == ["graphcron"]:
        program, arguments = "graphcron", arguments[1:]
    if program in SHELLS_OWN:
        return None
    check = CHECKS.get(program) or CHECKS.get(program.rpartition("/")[0])
    if check is None:
        return f"nobody checks {program}"
    return _missing([program, *arguments], shell) or check(program, arguments, shell, tools)


def _missing(words: Sequence[str], shell: Shell) -> str | None:
    """Look for files that are neither in the repository nor made by the page."""
    options = FILE_OPTIONS.get(words[0], set())
    named = {after for option, after in itertools.pairwise(words) if option in options}
    named |= {word.partition("=")[2] for word in words if word.partition("=")[0] in options}
    named |= {word for word in words if word.startswith(FOLDERS)}
    if words[0] == "helm" and words[1] in {"install", "upgrade", "template"}:
        named |= set([word for word in words[2:] if not word.startswith("-")][1:2])  # behind the release's name
    known = READERS_FILES | shell.files | {"-", ""}
    gone = [each for each in sorted(named) if each not in known and "://" not in each and not (ROOT / each).exists()]
    return f"there is no {gone[0]}" if gone else None


def _graphcron(_program: str, arguments: list[str], _shell: Shell, _tools: Path) -> str | None:
    command: Any = typer.main.get_command(app)
    if not arguments:
        return "Missing argument: a verb"
    if arguments[0] in {"--install-completion", "--show-completion"}:  # to parse the first is to write to ~/.bashrc
        return None
    if "[OPTIONS]" in arguments:  # how to write it, from the reference
        return None if arguments[0] in command.commands else f"No such command '{arguments[0]}'"
    try:
        context = command.make_context("graphcron", list(arguments))
        name, verb, rest = command.resolve_command(context, list(arguments))
        verb.make_context(name, rest, parent=context)
    except NoArgsIsHelpError:
        return "Missing argument"
    except ClickException as error:
        return error.format_message()
    return None


def _cobra(program: str, arguments: list[str], _shell: Shell, tools: Path) -> str | None:
    """Have kubectl or helm read it; both print the help of the command that they have understood."""
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    done = _run(str(tools / program), *own, "--help")
    if done.returncode:
        return done.stderr.strip()
    usage = done.stdout.partition("Usage:\n")[2].partition("\n")[0].split()
    more = [word for word in own if not word.startswith("-") and word not in usage]
    if "Available Commands:" in done.stdout and more and not FILE_OPTIONS[program] & set(own):
        return f"no such command: {program} {' '.join(own)}"
    return _chart(own, tools) if program == "helm" and "charts/graphcron" in own else None


def _chart(arguments: list[str], tools: Path) -> str | None:
    """Have the chart's own schema look at the values that are set."""
    pairs = itertools.pairwise(arguments)
    values = [word for pair in pairs if pair[0].startswith("--set") for word in pair]
    done = _run(str(tools / "helm"), "template", "graphcron", str(ROOT / "charts/graphcron"), *values)
    return done.stderr.strip() if done.returncode else None


def _make(_program: str, arguments: list[str], _shell: Shell, _tools: Path) -> str | None:
    given = [word.partition("=")[0] for word in arguments if "=" in word]
    done = _run("make", "--dry-run", *(f"{word}=given-by-the-page" if word in given else word for word in arguments))
    if done.returncode:
        return done.stderr.strip()
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in (word for word in arguments if "=" not in word):
        rule = re.search(rf"^{target}:.*\n(\t.*\n)*", makefile, re.MULTILINE)
        unknown = [name for name in given if not rule or not re.search(rf"\b{name}=|\({name}\)", rule[0])]
        if unknown:
            return f"make {target} knows no {unknown[0]}"
    return None


def _python(_program: str, arguments: list[str], _shell: Shell, _tools: Path) -> str | None:
    file, *rest = arguments
    if not (ROOT / file).exists():
        return f"there is no {file}"
    if file != "hack/cluster":
        return None
    # argparse answers --help before it has read the rest: so its parser is asked.
    ask = (
        "import sys; sys.path.insert(0, sys.argv[1]); from localkube import cli; cli._parser().parse_args(sys.argv[2:])"
    )
    done = _run(sys.executable, "-c", ask, str(ROOT / file), *rest)
    return done.stderr.strip() if done.returncode else None


def _of_the_environment(program: str, _arguments: list[str], _shell: Shell, _tools: Path) -> str | None:
    there = (Path(sys.executable).parent / Path(program).name).exists()
    return None if there else f"there is no {program}"


def _docker(_program: str, arguments: list[str], _shell: Shell, _tools: Path) -> str | None:
    if arguments[0] not in {"build", "push"}:
        return f"no command {arguments[0]}"
    stages = re.findall(r"^FROM .* AS (\S+)", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    asked = [after for option, after in itertools.pairwise(arguments) if option == "--target"]
    return next((f"the Dockerfile has no stage {each}" for each in asked if each not in stages), None)


def _kind(_program: str, arguments: list[str], _shell: Shell, _tools: Path) -> str | None:
    verbs = {("create", "cluster"), ("delete", "cluster"), ("load", "docker-image")}
    options = {word.partition("=")[0] for word in arguments if word.startswith("-")} - {"--name", "--image", "--wait"}
    return None if tuple(arguments[:2]) in verbs and not options else f"nobody knows kind {' '.join(arguments)}"


def _curl(_program: str, arguments: list[str], _shell: Shell, _tools: Path) -> str | None:
    done = _run("curl", *arguments, "--help", "all")
    if done.returncode:
        return done.stderr.strip()
    given = dict(itertools.pairwise(arguments))
    method = given.get("--request", "POST" if "--data" in given else "GET")
    (url,) = (word for word in arguments if re.match(r"\$\{LANGGRAPH_URL\}|https?://", word))
    path = re.sub(r"^https?://[^/]+|\$\{LANGGRAPH_URL\}|http://localhost:2024", "", url).partition("?")[0]
    if path.startswith("/apis/"):
        ours = rf"/apis/{re.escape(names.API_VERSION)}/namespaces/[^/]+/{names.PLURAL}(/[^/]+)?"
        return None if re.fullmatch(ours, path) else f"{path} is no path of ours"
    path = re.sub(r"\$(\{\w+\})", r"\1", path)
    known = any(_fits(path, each) and method.lower() in verbs for each, verbs in LANGGRAPH.items())
    return None if known else f"LangGraph's API has no {method} {path}"


LANGGRAPH: Final[dict[str, Any]] = json.loads(
    Path(str(distribution("langgraph-api").locate_file("openapi.json"))).read_text(encoding="utf-8")
)["paths"]


def _fits(path: str, template: str) -> bool:
    """Tell whether a path is one of LangGraph's: a variable stands only where the API has one."""
    parts, wanted = path.split("/"), template.split("/")
    same = (want.startswith("{") or part == want for part, want in zip(parts, wanted, strict=False))
    return len(parts) == len(wanted) and all(same)


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=ROOT,
        env=NOWHERE,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


CHECKS: Final[dict[str, Callable[[str, list[str], Shell, Path], str | None]]] = {
    "graphcron": _graphcron,
    "kubectl": _cobra,
    "helm": _cobra,
    "make": _make,
    "python": _python,
    ".venv/bin": _of_the_environment,
    "docker": _docker,
    "curl": _curl,
    "kind": _kind,
}
"""Who reads the commands of a program, or of a folder of programs."""
