"""Make `argocd-cm.yaml`, a patch for Argo CD's ConfigMap, of the Lua files under `resource-customizations/`.

    python argocd_cm.py [--check]

The folders are laid out as Argo CD's own: `GROUP/KIND/health.lua` and `GROUP/KIND/actions/`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
SOURCES = HERE / "resource-customizations"
PATCH = HERE / "argocd-cm.yaml"

HEAD = """\
# Made by argocd_cm.py of what is under resource-customizations/. Merge it into Argo CD's own ConfigMap:
#
#   kubectl patch configmap argocd-cm --namespace argocd --type merge --patch-file argocd-cm.yaml
"""


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as they are read."""


_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None),
)


def customizations() -> dict[str, str]:
    """Return the members of the ConfigMap's data, by name."""
    data = {}
    for kind in sorted(SOURCES.glob("*/*")):
        suffix = f"{kind.parent.name}_{kind.name}"
        data[f"resource.customizations.health.{suffix}"] = (kind / "health.lua").read_text(encoding="utf-8")
        if (kind / "actions").is_dir():
            data[f"resource.customizations.actions.{suffix}"] = _dump(_actions(kind / "actions"))
    return data


def patch() -> str:
    """Return the text of the patch."""
    metadata = {"name": "argocd-cm", "namespace": "argocd"}
    return HEAD + _dump({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": customizations()})


def _actions(folder: Path) -> dict[str, object]:
    definitions = [
        {"name": each.parent.name, "action.lua": each.read_text(encoding="utf-8")}
        for each in sorted(folder.glob("*/action.lua"))
    ]
    return {"discovery.lua": (folder / "discovery.lua").read_text(encoding="utf-8"), "definitions": definitions}


def _dump(value: object) -> str:
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, width=120)


def main(arguments: list[str]) -> int:
    """Write the patch, or only tell whether it is stale."""
    if "--check" not in arguments:
        PATCH.write_text(patch(), encoding="utf-8")
        return 0
    if PATCH.read_text(encoding="utf-8") == patch():
        return 0
    print(f"{PATCH.name} is stale: run `make generate`", file=sys.stderr)
    return 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
