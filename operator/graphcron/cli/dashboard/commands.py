"""Actions of the page, each as the command of kubectl that it is, and whether the user may.

The page sends words, never options: values stand behind an equals sign, names match a pattern, and an input is JSON, so
that ``@FILE`` reads no file.
"""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from graphcron.api import names
from graphcron.cli.app import PROGRAM, CliError
from graphcron.cli.clients.kubectl import Kubectl, Object
from graphcron.cli.dashboard.details import NAME
from graphcron.cli.doctor.checks import Right
from graphcron.unstructured.bounded_json import loads
from graphcron.unstructured.fields import object_at, text_at

_RUN: Final = re.compile(rf"(graphrun/)?{NAME.pattern}", re.ASCII)
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9:.]{4,15}(Z|[+-][0-9]{2}:[0-9]{2})?)?", re.ASCII)
_MOST_PARALLEL: Final = 20
_LONGEST_INPUT: Final = 120 * 1024
"""In bytes. Linux runs no program with an argument of 128 KiB or more."""


class Command(NamedTuple):
    """A command that the page shows and runs."""

    words: tuple[str, ...]
    """After the name of the program."""
    text: str
    """For people: with ``kubectl`` before it, quoted for a shell."""

    @property
    def argv(self) -> tuple[str, ...]:
        """The same command for this installation of the program."""
        return (sys.executable, "-m", "graphcron.cli", *self.words)


def command_for(body: Mapping[str, Any], kubectl: Kubectl) -> Command:
    """Return the command for an action.

    Raises
    ------
    CliError
        The action is not valid.
    """
    build = _BUILD.get(text_at(body, "verb"))
    if build is None:
        raise CliError(f"verb: is not one of {', '.join(_BUILD)}")
    there = kubectl.at(_matching(body, "namespace", NAME))
    words = (text_at(body, "verb"), *build(body))
    return Command(tuple(there.words(*words)), there.hint("kubectl", PROGRAM, *words))


def preview_of(command: Command) -> Command | None:
    """Return the dry run that shows what a command would do; None: it has none."""
    if command.words[0] != "backfill":
        return None
    return command._replace(words=(*command.words, "--dry-run", "--output=name"))


def _run(body: Mapping[str, Any]) -> tuple[str, ...]:
    given = body.get("input")
    if given in (None, ""):
        return (_matching(body, "name", NAME),)
    try:
        text = json.dumps(loads(given), ensure_ascii=False, allow_nan=False)
        size = len(text.encode())
    except (TypeError, ValueError) as error:
        raise CliError(f"input: is not JSON ({error})") from error
    if size > _LONGEST_INPUT:
        raise CliError(
            "input: is too long for a command line; write it to a file, and run with --input=@FILE in a terminal"
        )
    return (_matching(body, "name", NAME), f"--input={text}")


def _of_name(body: Mapping[str, Any]) -> tuple[str, ...]:
    return (_matching(body, "name", NAME),)


def _cancel(body: Mapping[str, Any]) -> tuple[str, ...]:
    run = f"--run={_matching(body, 'run', _RUN)}" if body.get("run") else ""
    return (_matching(body, "name", _RUN), *((run,) if run else ()))


def _backfill(body: Mapping[str, Any]) -> tuple[str, ...]:
    parallel = body.get("parallel") or 1
    if not isinstance(parallel, int) or not 1 <= parallel <= _MOST_PARALLEL:
        raise CliError(f"parallel: is not a number from 1 to {_MOST_PARALLEL}")
    return (
        _matching(body, "name", NAME),
        f"--from={_matching(body, 'from', _TIME)}",
        f"--to={_matching(body, 'to', _TIME)}",
        *(("--missing",) if body.get("missing") is True else ()),
        *((f"--parallel={parallel}",) if parallel > 1 else ()),
        "--yes",
    )


_BUILD: Final = {"run": _run, "suspend": _of_name, "resume": _of_name, "cancel": _cancel, "backfill": _backfill}


def _matching(body: Mapping[str, Any], member: str, pattern: re.Pattern[str]) -> str:
    found = text_at(body, member)
    if not pattern.fullmatch(found):
        raise CliError(f"{member}: {found[:80]!r} is not valid")
    return found


_PATCH: Final = Right(verb="patch", group=names.GROUP, resource=names.PLURAL)
_CREATE_RUN: Final = Right(verb="create", group=names.GROUP, resource=names.RUN_PLURAL)
_DELETE_RUN: Final = Right(verb="delete", group=names.GROUP, resource=names.RUN_PLURAL)
_DELETE_JOB: Final = Right(verb="delete", group="batch", resource="jobs")

RIGHTS: Final[dict[str, tuple[Right, ...]]] = {
    "run": (_PATCH,),
    "runWithInput": (_CREATE_RUN,),
    "suspend": (_PATCH,),
    "resume": (_PATCH,),
    "cancel": (_DELETE_JOB, _DELETE_RUN),
    "backfill": (_CREATE_RUN,),
}
"""Permissions of which an action needs one."""


def rights_in(namespace: str, kubectl: Kubectl) -> Object:
    """Return which actions the user may take in a namespace, as the API server sees it."""
    where = _matching({"namespace": namespace}, "namespace", NAME)
    wanted = tuple(dict.fromkeys(each for rights in RIGHTS.values() for each in rights))
    answers = dict(zip(wanted, _reviews(wanted, where, kubectl.at(None)), strict=True))
    return {action: _right(rights, answers, where) for action, rights in RIGHTS.items()}


def _reviews(rights: Sequence[Right], namespace: str, kubectl: Kubectl) -> list[bool]:
    reviews = [Right(**{**vars(each), "namespace": namespace}).review for each in rights]
    asked = json.dumps({"apiVersion": "v1", "kind": "List", "items": reviews})
    text = kubectl.run("create", "--filename=-", "--output=json", stdin=asked)
    decoder, found = json.JSONDecoder(), []
    while text := text.strip():  # kubectl prints one object after the other
        answer, end = decoder.raw_decode(text)
        found.append(object_at(answer, "status").get("allowed") is True)
        text = text[end:]
    return found


def _right(rights: Sequence[Right], answers: Mapping[Right, bool], namespace: str) -> Object:
    allowed = any(answers[each] for each in rights)
    missing = " or ".join(each.words for each in rights)
    return {"allowed": allowed, "reason": "" if allowed else f"you may not {missing} in the namespace {namespace}"}
