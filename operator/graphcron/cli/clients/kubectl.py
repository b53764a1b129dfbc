"""Call Kubernetes through kubectl, with its contexts and credentials."""

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any, Final

from graphcron.api import names
from graphcron.cli.app import PROGRAM, CliError
from graphcron.cli.clients.kubectl_errors import ForbiddenError, NotFoundError, NotInstalledError, kubectl_error
from graphcron.unstructured.bounded_json import loads

Object = dict[str, Any]
"""An object as the API server has it."""

GRAPHCRONS: Final = f"{names.PLURAL}.{names.GROUP}"
GRAPHRUNS: Final = f"{names.RUN_PLURAL}.{names.GROUP}"
GRAPHSERVERS: Final = f"{names.SERVER_PLURAL}.{names.GROUP}"

_KINDS: Final = {GRAPHCRONS: names.KIND, GRAPHRUNS: names.RUN_KIND}
"""The kinds that users name, by what kubectl takes."""

_AS_TEXT: Final[dict[str, Any]] = {"encoding": "utf-8", "errors": "backslashreplace"}
"""Encoding of kubectl's output: a pod may log any bytes."""


@dataclass(frozen=True, kw_only=True)
class Kubectl:
    """A cluster and a namespace, from the options of a verb."""

    namespace: str | None = None
    """None: the context's."""
    everywhere: bool = False
    """All namespaces, where a verb lists."""
    context: str | None = None
    kubeconfig: str | None = None
    seconds: float | None = None
    """Timeout of a request; None: kubectl's own."""

    def at(self, namespace: str | None) -> "Kubectl":
        """Return the same cluster with another namespace; None: the context's, or no namespace."""
        return replace(self, namespace=namespace, everywhere=False)

    def hint(self, *words: str) -> str:
        """Return a command for the user to type, with the options of this cluster and this namespace.

        Options that were not given are left out, because they come from the same context again.
        """
        return shlex.join(self.words(*words))

    def words(self, *words: str) -> list[str]:
        """Return the words of such a command."""
        given = {"-n": self.namespace, "--context": self.context, "--kubeconfig": self.kubeconfig}
        return [*words, *(each for option, value in given.items() if value for each in (option, value))]

    def get(self, kind: str, name: str) -> Object:
        """Return an object.

        Raises
        ------
        CliError
            Here and in all other methods: the object does not exist, or the cluster does not answer.
        """
        return self._one("get", kind, name)

    def find(self, kind: str, name: str) -> Object | None:
        """Return an object; None if it does not exist."""
        text = self.run("get", kind, name, "--output=json", "--ignore-not-found", *self._where)
        return dict(loads(text)) if text.strip() else None

    def find_all(self, kind: str, *, selector: str = "", fields: str = "") -> list[Object]:
        """List the objects of a kind, in the namespace or in all."""
        select = [f"--selector={selector}"] if selector else []
        select += [f"--field-selector={fields}"] if fields else []
        return list(loads(self.run("get", kind, "--output=json", *self._where, *select))["items"])

    def graphcrons(self, selector: str = "") -> list[Object]:
        """List the GraphCrons, or those with some labels; a namespace that does not exist is an error."""
        found = self.find_all(GRAPHCRONS, selector=selector)
        if not found:
            self.check_namespace()
        return found

    def graphruns(self, selector: str = "") -> list[Object]:
        """List the GraphRuns; none if the user may not see them, or the cluster does not have the kind."""
        try:
            return self.find_all(GRAPHRUNS, selector=selector)
        except (ForbiddenError, NotInstalledError):
            return []

    def names(self, kind: str) -> list[str]:
        """List the names of the objects of a kind."""
        return [each.rpartition("/")[2] for each in self.run("get", kind, "--output=name", *self._where).split()]

    def children(self, kind: str, uid: str) -> list[Object]:
        """List the CronJobs, Jobs or pods of a GraphCron."""
        return self.find_all(kind, selector=f"{names.LABEL_UID}={uid}")

    def create(self, body: Object) -> Object:
        """Create an object, and return it as the API server has stored it.

        Raises
        ------
        AlreadyExistsError
            An object of the same kind and name exists.
        """
        text = self.run("create", "--filename=-", "--output=json", *self._where, stdin=json.dumps(body))
        return dict(loads(text))

    def patch(self, kind: str, name: str, change: Mapping[str, Any]) -> Object:
        """Apply a merge patch, and return the changed object."""
        return self._one("patch", kind, name, "--type=merge", f"--patch={json.dumps(change)}")

    def annotate(self, kind: str, name: str, annotations: Mapping[str, str]) -> Object:
        """Set annotations, and return the changed object."""
        return self.patch(kind, name, {"metadata": {"annotations": dict(annotations)}})

    def watch(self, kind: str, *, selector: str = "") -> Iterator[str]:
        """List the objects of a kind, then each change: kubectl's events, one per line."""
        select = [f"--selector={selector}"] if selector else []
        return self.stream("get", kind, "--watch", "--output-watch-events", "--output=json", *self._where, *select)

    def run(self, verb: str, *arguments: str, stdin: str | None = None) -> str:
        """Run a verb of kubectl and return what it printed."""
        command = self.command(verb, *arguments)
        try:
            done: subprocess.CompletedProcess[str] = subprocess.run(
                command, input=stdin, capture_output=True, check=False, timeout=self.seconds, **_AS_TEXT
            )
        except subprocess.TimeoutExpired as error:
            raise CliError(
                f"the cluster does not answer within {self.seconds} s; choose another cluster with --context"
            ) from error
        except OSError as error:
            raise unusable(command[0], error) from error
        if done.returncode:
            raise self.error(verb, done.stderr)
        return done.stdout

    def stream(self, verb: str, *arguments: str) -> Iterator[str]:
        """Run a verb of kubectl that streams, such as ``logs --follow``, and yield its lines."""
        command = self.command(verb, *arguments)
        try:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **_AS_TEXT)
        except OSError as error:
            raise unusable(command[0], error) from error
        assert process.stdout is not None
        assert process.stderr is not None
        with process:
            try:
                yield from (line.rstrip("\n") for line in process.stdout)
                if process.wait():
                    raise self.error(verb, process.stderr.read())
            finally:
                process.terminate()

    def error(self, verb: str, text: str) -> CliError:
        """Return the error for what kubectl printed on the standard error."""
        contexts = replace(self, namespace=None, context=None).hint("kubectl", "config", "get-contexts")
        return kubectl_error(
            text, verb=verb, contexts=contexts, missing=None if self.kubeconfig else _missing_kubeconfig()
        )

    def _one(self, verb: str, kind: str, name: str, *arguments: str) -> Object:
        try:
            text = self.run(verb, kind, name, "--output=json", *arguments, *self._where)
        except NotFoundError as error:
            raise (self._not_there(kind, name) if kind in _KINDS else error) from None
        return dict(loads(text))

    def _not_there(self, kind: str, name: str) -> CliError:
        """Return the error for a missing GraphCron or GraphRun, with the most similar name."""
        self.check_namespace()
        where = f"in the namespace {self.namespace}" if self.namespace else "in this namespace"
        missing = f"there is no {_KINDS[kind]} {name} {where}"
        with suppress(CliError):
            if near := get_close_matches(name, self.names(kind), n=1):
                return CliError(f"{missing}; did you mean {near[0]}?")
        with suppress(CliError):
            for each in replace(self, everywhere=True).find_all(kind):
                if each["metadata"]["name"] == name:
                    return CliError(f"{missing}; there is one with -n {each['metadata']['namespace']}")
        words = (PROGRAM, "list") if kind == GRAPHCRONS else ("kubectl", "get", names.RUN_PLURAL)
        return CliError(f"{missing}; {self.hint(*words)} shows those that there are, with -A of all namespaces")

    def check_namespace(self) -> None:
        """Raise an error if the namespace does not exist."""
        if self.everywhere or not self.namespace:
            return
        try:
            there = self.names("namespaces")
        except CliError:  # without permission to read namespaces, the verb only reports that there is nothing in it
            return
        if self.namespace not in there:
            near = get_close_matches(self.namespace, there, n=1)
            all_of_them = self.at(None).hint("kubectl", "get", "namespaces")
            remedy = f"did you mean {near[0]}?" if near else f"{all_of_them} lists those that there are"
            raise CliError(f"there is no namespace {self.namespace}; {remedy}")

    @property
    def _where(self) -> tuple[str, ...]:
        if self.everywhere:
            return ("--all-namespaces",)
        return ("--namespace", self.namespace) if self.namespace else ()

    def command(self, verb: str, *arguments: str) -> tuple[str, ...]:
        """Return the command line of kubectl."""
        program = os.environ.get("KUBECTL") or shutil.which("kubectl")
        if not program:
            raise CliError(f"kubectl is not on your PATH: {_REMEDY}")
        given = {"--context": self.context, "--kubeconfig": self.kubeconfig}
        return (program, verb, *arguments, *(f"{option}={value}" for option, value in given.items() if value))


HERE: Final = Kubectl()
"""The context's cluster, and its namespace there."""

_REMEDY: Final = "install it, or name it in the variable KUBECTL"


def _missing_kubeconfig() -> str | None:
    """Return the value of KUBECONFIG if none of its files exists, which kubectl does not report."""
    listed = os.environ.get("KUBECONFIG")
    return None if not listed or any(map(os.path.exists, listed.split(os.pathsep))) else listed


def unusable(program: str, error: OSError) -> CliError:
    """Return the error for a kubectl that can't be run."""
    return CliError(f"{program} can't be run ({error.strerror}): {_REMEDY}")
