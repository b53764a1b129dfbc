"""Translate kubectl's error output into one line with the cause and the remedy."""

import re
from typing import Final

from graphcron.api import names
from graphcron.cli.app import CliError

_OTHER: Final = "choose another cluster with --context or --kubeconfig"

_KNOWN: Final = {
    r"server localhost:8080 was refused": (
        "no cluster is chosen: name a kubeconfig in the variable KUBECONFIG, or with --kubeconfig"
    ),
    r"connection to the server (\S+) was refused": "the cluster at {0} does not answer; start it, or " + _OTHER,
    r"Unable to connect to the server: (.*)": "the cluster can't be reached: {0}; " + _OTHER,
    r'(?:context was not found for specified context: |context "|cannot locate context )([^"]+)': (
        "the kubeconfig has no context {0}; {contexts} lists those that it has"
    ),
    r"^stat (.+): no such file": "there is no kubeconfig {0}; correct --kubeconfig",
    r"logged in to the server": "you are not logged in to the cluster; log in again, or " + _OTHER,
}
"""Patterns in a line, and the message that replaces it."""

_NOT_INSTALLED: Final = re.compile(
    rf'have a resource type "(?:{names.PLURAL}|{names.SERVER_PLURAL}|(?P<plural>{names.RUN_PLURAL}))'
    rf'|no matches for kind "(?P<kind>{names.RUN_KIND})"'
)
"""What kubectl prints without the CRD of a kind."""

_UNCONFIGURED: Final = re.compile(r'server localhost:8080 was refused|context (?:was not found|"[^"]+" does not exist)')
"""What kubectl prints without a kubeconfig."""

_FORBIDDEN: Final = re.compile(
    r'User "(?P<user>[^"]+)" cannot (?P<verb>\w+) resource "(?P<what>[^"]+)" in API group "[^"]*"'
    r'(?: in the namespace "(?P<namespace>[^"]+)"| at the cluster scope)'
)
_READING: Final = frozenset({"get", "list", "watch"})
_LISTED: Final = frozenset({names.PLURAL, names.RUN_PLURAL, names.SERVER_PLURAL})
"""Plurals for which a narrower scope can help."""

_RUN_ROLE: Final = "graphcron-run"
"""The chart's ClusterRole for users who may run GraphCrons and not change them."""

_LOG: Final = re.compile(r"[IWEF][0-9]{4} |Warning: ")
"""Log lines, and warnings of the API server."""

_SERVER: Final = re.compile(r'Error from server(?: \((?P<reason>[A-Za-z]+)\))?: (?:error when creating "STDIN": )?')


class NotFoundError(CliError):
    """An object does not exist."""


class AlreadyExistsError(CliError):
    """An object of this name exists already."""


class ForbiddenError(CliError):
    """The user lacks a permission."""


class NotInstalledError(CliError):
    """The cluster does not have the CRD of a kind."""


_KINDS: Final[dict[str, type[CliError]]] = {"NotFound": NotFoundError, "AlreadyExists": AlreadyExistsError}
"""Reasons of the API server for which a verb has a remedy."""


def kubectl_error(text: str, *, verb: str, contexts: str, missing: str | None = None) -> CliError:
    """Return the error for kubectl's output.

    Parameters
    ----------
    contexts
        The command that lists the contexts.
    missing
        The value of KUBECONFIG if no file of it exists, which kubectl does not report.
    """
    lines = [line for line in text.strip().splitlines() if not _LOG.match(line)]
    line = (_cause(lines) or f"kubectl {verb} failed, and said nothing").removeprefix("error: ")
    if missing and _UNCONFIGURED.search(line):
        return CliError(f"there is no kubeconfig {missing}; correct the variable KUBECONFIG")
    for pattern, told in _KNOWN.items():
        if found := re.search(pattern, line):
            return CliError(told.format(*found.groups(), contexts=contexts))
    if found := _NOT_INSTALLED.search(" ".join(lines)):
        return NotInstalledError(_not_installed(is_run=bool(found["plural"] or found["kind"])))
    if found := _FORBIDDEN.search(line):
        return ForbiddenError(_forbidden(**found.groupdict()))
    from_server = _SERVER.match(line)
    kind = _KINDS.get(from_server["reason"], CliError) if from_server else CliError
    return kind(_SERVER.sub("", line))


def _cause(lines: list[str]) -> str:
    """Return the line with the cause; if the API server lists several causes, all of them in one line."""
    listed = [line.removeprefix("* ") for line in lines if line.startswith("* ")]
    causes = [each for each in listed if not each.startswith("<nil>: ")]  # the API server has stopped after the others
    heading = next((line for line in lines if line.rstrip().endswith("is invalid:")), "")
    if heading and causes:
        return f"{heading.rstrip()} {'; '.join(causes)}"
    return lines[-1] if lines else ""


def _not_installed(*, is_run: bool) -> str:
    if is_run:
        return f"the cluster has no kind {names.RUN_KIND}; install the chart of this program's release, or {_OTHER}"
    return f"GraphCron is not installed in the cluster; install it with its chart, or {_OTHER}"


def _forbidden(user: str, verb: str, what: str, namespace: str | None) -> str:
    if namespace:
        role = "view" if verb in _READING else _RUN_ROLE if what == names.RUN_PLURAL else "edit"
        return f"{user} may not {verb} {what} in the namespace {namespace}; ask for the ClusterRole {role} there"
    narrower = "leave out -A, or " if what in _LISTED else ""
    return f"{user} may not {verb} {what} in the whole cluster; {narrower}ask for the right to"
