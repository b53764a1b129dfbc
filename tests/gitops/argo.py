"""What the real `argocd` makes of an object, by the Lua that the examples ship."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from tests.cluster import ROOT
from tests.gitops.kstatus import program

if TYPE_CHECKING:
    from pathlib import Path

ARGOCD = ROOT / "examples/gitops/argocd"
PATCH = ARGOCD / "argocd-cm.yaml"


class Health(NamedTuple):
    """Health of an object."""

    status: str
    message: str


class Argo:
    """The program, in a folder of its own."""

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
