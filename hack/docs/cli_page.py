"""Write docs/cli-reference.md: the verbs of ``kubectl graphcron`` as the program declares them.

python hack/docs/cli_page.py [--check]

``typer utils docs`` cuts what a verb does after 45 characters in its list, gives options no anchors, and takes
``<angle brackets>`` for HTML.
"""

from __future__ import annotations

import re
import sys
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, get_args, get_origin

import typer
from typer.core import TyperArgument, TyperGroup, TyperOption

import graphcron.cli.verbs  # noqa: F401  (each adds itself)
from graphcron.cli.app import app
from reference.markdown import anchor, code, either, main, plain, table, with_default, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typer.core import TyperCommand

HEAD = """\
# Command line reference

<!-- Made by hack/docs/cli_page.py: change the verbs in operator/graphcron/cli, then run `make generate`. -->

All verbs of `kubectl graphcron`, with their options. `graphcron VERB` is the same program.
[kubectl graphcron](cli.md) shows them at work.

`graphcron help VERB`, `-h` or `--help` print the same text. Each option has an anchor: `run --wait` is at `#run--wait`.
"""

EXITS = """\
## Exit codes

| Exit code | Meaning |
|---|---|
| 0 | done |
| 1 | it can't be done, the run of `run --wait` did not succeed, or a check of `doctor` failed |
| 2 | the command line is wrong |

An error is one line on standard error that also names the remedy. The sections of `lint`, `diff` and `run` list their
exit codes.

## Environment

| Variable | What it says | Default |
|---|---|---|
| `KUBECTL` | path of `kubectl`, which the program calls | the one on `PATH` |
| `KUBECONFIG` | kubeconfig, as for `kubectl` | `~/.kube/config` |
| `LANGGRAPH_API_KEY` | your API key for the LangGraph server; `--api-key-env` names another variable | no key |
| `LANGGRAPH_URL` | base URL of the server that [may get the key](cli.md#read-logs-and-answers) beside `--url` | none |
| `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY` | proxy between you and the LangGraph server | none |
| `GRAPHCRON_…` | settings of the operator, for [`render`](#graphcron-render) | the operator's own |
"""

BEFORE = "Options before the verb"
COMPLETION = "Shell completion"


def page() -> str:
    """Return the text of the page."""
    verbs = commands()
    listed = ((f"[`{name}`](#graphcron-{name})", plain(_summary(verb))) for name, verb in verbs)
    parts = [HEAD, table(("Verb", "What it does"), listed) + "\n", EXITS]
    parts += ["\n".join(_verb(name, verb)) for name, verb in verbs]
    parts += ["\n".join(_program_options())]
    return "\n".join(parts)


def program() -> TyperGroup:
    """Return the program as Typer makes it."""
    made = typer.main.get_command(app)
    assert isinstance(made, TyperGroup)
    return made


def commands() -> list[tuple[str, TyperCommand]]:
    """Return the verbs by their names, in order; those that hide are left out."""
    found: Any = program().commands
    return sorted((name, verb) for name, verb in found.items() if not verb.hidden)


def options_of(verb: Any) -> list[TyperOption]:
    """Return the options of a verb, or of the program."""
    return [each for each in verb.params if isinstance(each, TyperOption) and not each.hidden]


def _verb(name: str, verb: TyperCommand) -> Iterator[str]:
    arguments = [each for each in verb.params if isinstance(each, TyperArgument) and not each.hidden]
    yield f"## graphcron {name}"
    for paragraph in _paragraphs(verb):
        yield ""
        yield wrapped(plain(paragraph))
    yield ""
    yield "```console"
    yield " ".join(["$ graphcron", name, *map(_usage, arguments), *(["[OPTIONS]"] if options_of(verb) else [])])
    yield "```"
    yield ""
    if arguments:
        yield table(("Argument", "What it is", "Default"), map(_argument, arguments))
        yield ""
    if options_of(verb):
        rows = (_option(name, each) for each in options_of(verb))
        yield table(("Option", "Value", "What it does", "Default"), rows)
        yield ""


def _program_options() -> Iterator[str]:
    options = options_of(program())
    completion = [each for each in options if each.opts[0].endswith("-completion")]
    before = [each for each in options if each not in completion]
    yield f"## {BEFORE}"
    yield ""
    yield "The options of the cluster may also stand before the verb. Those after the verb take precedence."
    yield ""
    rows = ((", ".join(map(code, each.opts)), plain(each.help or "")) for each in before)
    yield table(("Option", "What it does"), rows)
    yield ""
    yield f"## {COMPLETION}"
    yield ""
    yield "The program completes the names of GraphCrons and namespaces from the cluster."
    yield ""
    rows = ((code(each.opts[0]), plain(each.help or "")) for each in completion)
    yield table(("Option", "What it does"), rows)
    yield ""


def _paragraphs(verb: Any) -> list[str]:
    """Return what the verb's docstring says, without lines."""
    return [" ".join(each.split()) for each in verb.help.split("\n\n")]


def _summary(verb: Any) -> str:
    """Return the first sentence, without its dot."""
    return re.split(r"\.(?: |$)", _paragraphs(verb)[0])[0]


def _word(argument: TyperArgument) -> str:
    """Return what an argument is called, without the marks that say how often it comes."""
    return re.sub(r"[\[\]…]|\.\.\.", "", argument.metavar or str(argument.name).upper())


def _usage(argument: TyperArgument) -> str:
    word = _word(argument) + ("..." if argument.nargs == -1 else "")
    return word if argument.required else f"[{word}]"


def _argument(argument: TyperArgument) -> tuple[str, str, str]:
    text, default = with_default(argument.help or "")
    return code(_usage(argument)), plain(text), plain(default)


def _option(verb: str, option: TyperOption) -> tuple[str, str, str, str]:
    """Return a row: the option under its anchor, what it takes, what it does, and what holds without it."""
    long = next(each for each in option.opts if each.startswith("--"))
    names = sorted((*option.opts, *option.secondary_opts), key=len, reverse=True)
    text, told = with_default(option.help or "")
    default = plain(told) or _value(option.default)
    link = f"[{', '.join(map(code, names))}](#{verb}{long})"
    return (
        f"{anchor(f'{verb}{long}')}{link}",
        _takes(option),
        plain(text),
        "**required**" if option.required else default,
    )


def _takes(option: TyperOption) -> str:
    """Return what an option takes: words to choose from, or what it is called."""
    kind: Any = option.type_descriptor.annotation
    inner = get_args(kind)[0] if get_origin(kind) is list else kind
    if option.is_flag:
        return ""
    choices = [each.value for each in inner] if isinstance(inner, type) and issubclass(inner, Enum) else []
    taken = code(option.metavar) if option.metavar else either(choices) if choices else _KINDS[inner]
    return f"{taken}, may be repeated" if option.multiple and "repeated" not in str(option.help) else taken


_KINDS: Final = {str: "text", int: "number", float: "number"}


def _value(default: Any) -> str:
    """Return a default of the program's as it would be typed."""
    if default is None or default is False or default in ("", [], ()):
        return ""
    return code(str(default.value if isinstance(default, Enum) else default))


if __name__ == "__main__":
    raise SystemExit(main("cli_page.py", "docs/cli-reference.md", page(), sys.argv[1:]))
