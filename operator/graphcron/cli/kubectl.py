"""Kubernetes, by kubectl: its contexts, its credentials, its words where it refuses."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from graphcron import names
from graphcron.cli.app import CliError

Object = dict[str, Any]
"""An object as the API server has it."""

GRAPHCRONS: Final = f"{names.PLURAL}.{names.GROUP}"
GRAPHSERVERS: Final = f"{names.SERVER_PLURAL}.{names.GROUP}"


@dataclass(frozen=True, kw_only=True)
class Kubectl:
    """A cluster and a namespace in it, as the options of a verb name them."""

    namespace: str | None = None
    """None: the context's."""
    everywhere: bool = False
    """All namespaces, where a verb lists."""
    context: str | None = None
    kubeconfig: str | None = None

    def get(self, kind: str, name: str) -> Object:
        """Return an object.

        Raises
        ------
        CliError
            There is none, or the cluster can't be asked; in kubectl's words.
        """
        return dict(json.loads(self.run("get", kind, name, "--output=json", *self._here)))

    def find(self, kind: str, name: str) -> Object | None:
        """Return an object; None where there is none."""
        text = self.run("get", kind, name, "--output=json", "--ignore-not-found", *self._here)
        return dict(json.loads(text)) if text.strip() else None

    def find_all(self, kind: str, *, selector: str = "") -> list[Object]:
        """List the objects of a kind, of the namespace or of all."""
        where = ["--all-namespaces"] if self.everywhere else self._here
        select = [f"--selector={selector}"] if selector else []
        return list(json.loads(self.run("get", kind, "--output=json", *where, *select))["items"])

    def children(self, kind: str, uid: str) -> list[Object]:
        """List the CronJobs, Jobs or pods of a GraphCron."""
        return self.find_all(kind, selector=f"{names.LABEL_UID}={uid}")

    def patch(self, kind: str, name: str, change: Mapping[str, Any]) -> Object:
        """Change an object by a merge patch; return it as it is then."""
        text = self.run(
            "patch", kind, name, "--type=merge", f"--patch={json.dumps(change)}", "--output=json", *self._here
        )
        return dict(json.loads(text))

    def annotate(self, kind: str, name: str, annotations: Mapping[str, str]) -> Object:
        """Set annotations; return the object as it is then."""
        return self.patch(kind, name, {"metadata": {"annotations": dict(annotations)}})

    def run(self, verb: str, *arguments: str, stdin: str | None = None) -> str:
        """Run a verb of kubectl and return what it printed.

        Raises
        ------
        CliError
            It failed, or there is no kubectl.
        """
        done = subprocess.run(self._command(verb, *arguments), input=stdin, capture_output=True, text=True, check=False)
        if done.returncode:
            lines = [line for line in done.stderr.strip().splitlines() if not line.startswith(("W", "I"))]
            raise CliError((lines[-1] if lines else f"kubectl {verb} failed").removeprefix("error: "))
        return done.stdout

    def stream(self, verb: str, *arguments: str) -> Iterator[str]:
        """Run a verb of kubectl that goes on, such as ``logs --follow``; yields its lines, and ends it at the end."""
        process = subprocess.Popen(self._command(verb, *arguments), stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            yield from (line.rstrip("\n") for line in process.stdout)
        finally:
            process.terminate()
            process.wait()

    @property
    def _here(self) -> tuple[str, ...]:
        return ("--namespace", self.namespace) if self.namespace else ()

    def _command(self, verb: str, *arguments: str) -> tuple[str, ...]:
        program = os.environ.get("KUBECTL") or shutil.which("kubectl")
        if not program:
            raise CliError("kubectl is not on your PATH: install it, or name it in the variable KUBECTL")
        given = {"--context": self.context, "--kubeconfig": self.kubeconfig}
        return (program, verb, *arguments, *(f"{option}={value}" for option, value in given.items() if value))
