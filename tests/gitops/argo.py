"""What Argo CD makes of an object, by the Lua that the examples ship."""

from __future__ import annotations

import json
import os
import re
import subprocess
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import yaml

from tests.cluster import ROOT
from tests.gitops.kstatus import program

if TYPE_CHECKING:
    from pathlib import Path

ARGOCD = ROOT / "examples/gitops/argocd"
PATCH = ARGOCD / "argocd-cm.yaml"
STATUSES = {"Healthy", "Progressing", "Degraded", "Suspended", "Missing", "Unknown"}

REAL = "GRAPHCRON_REAL_ARGOCD"
"""Set by `make test-argocd`: the tests use the real `argocd`."""


class Health(NamedTuple):
    """Health of an object."""

    status: str
    message: str


class Argo(Protocol):
    """Argo CD with the customizations of the examples."""

    def health(self, body: Any) -> Health:
        """Return the health of an object."""

    def actions(self, body: Any) -> dict[str, bool]:
        """Return the actions on an object, and whether each can be chosen."""

    def act(self, body: Any, action: str) -> Any:
        """Return what an action makes of an object."""


def run_lua(script: str, body: Any) -> Any:
    """Return what a script makes of an object by Argo CD's own interpreter and libraries."""
    asked = json.dumps({"script": script, "object": body})
    done = subprocess.run([program("argo-lua")], input=asked, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class Interpreter:
    """The Lua of the examples, without the rest of Argo CD, which takes ten minutes to build."""

    def __init__(self) -> None:
        self._scripts = yaml.safe_load(PATCH.read_text(encoding="utf-8"))["data"]

    def health(self, body: Any) -> Health:
        """Return the health of an object."""
        made = run_lua(self._scripts[f"resource.customizations.health.{_suffix(body)}"], body)
        assert made["status"] in STATUSES, made
        return Health(made["status"], made.get("message", ""))

    def actions(self, body: Any) -> dict[str, bool]:
        """Return the actions on an object, and whether each can be chosen."""
        made = run_lua(self._actions(body)["discovery.lua"], body)
        return {name: not action.get("disabled", False) for name, action in made.items()}

    def act(self, body: Any, action: str) -> Any:
        """Return what an action makes of an object."""
        scripts = {each["name"]: each["action.lua"] for each in self._actions(body)["definitions"]}
        return run_lua(scripts[action], body)

    def _actions(self, body: Any) -> Any:
        return yaml.safe_load(self._scripts[f"resource.customizations.actions.{_suffix(body)}"])


def _suffix(body: Any) -> str:
    return f"{body['apiVersion'].partition('/')[0]}_{body['kind']}"


class CommandLine:
    """The real `argocd`, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._settings = folder / "argocd-cm.yaml"
        patch = yaml.safe_load(PATCH.read_text(encoding="utf-8"))
        # It looks for its ConfigMap by a label that Argo CD's own bears, and a patch need not.
        patch["metadata"]["labels"] = {"app.kubernetes.io/part-of": "argocd"}
        self._settings.write_text(yaml.safe_dump(patch), encoding="utf-8")

    def health(self, body: Any) -> Health:
        """Return the health of an object."""
        said = self._ask("health", body)
        found = re.fullmatch(r"STATUS: (\w+)\nMESSAGE: (.*)\n", said, re.DOTALL)
        assert found, said
        return Health(*found.groups())

    def actions(self, body: Any) -> dict[str, bool]:
        """Return the actions on an object, and whether each can be chosen."""
        _, *rows = self._ask("list-actions", body).splitlines()
        return {name: disabled == "false" for name, disabled in (row.split() for row in rows)}

    def act(self, body: Any, action: str) -> Any:
        """Return what an action makes of an object."""
        # It shows objects by a program for differences; one that prints the new object shows all of it.
        said = self._ask("run-action", body, action, KUBECTL_EXTERNAL_DIFF="sh -c 'cat \"$2\"' show")
        _, _, text = said.partition("\n\n")
        return yaml.load(text, _Loader)

    def _ask(self, verb: str, body: Any, *arguments: str, **environment: str) -> str:
        path = self._folder / "object.yaml"
        path.write_text(yaml.safe_dump(body), encoding="utf-8")
        command = [program("argocd"), "admin", "settings", "resource-overrides", verb, str(path), *arguments]
        done = subprocess.run(
            [*command, "--argocd-cm-path", str(self._settings)],
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, "HOME": str(self._folder), **environment},
        )
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr or done.stdout}"
        return done.stdout


class _Loader(yaml.SafeLoader):
    """Reads times as text, as they are on the API."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
