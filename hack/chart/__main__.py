"""Generate the schema and the README of the chart, and the manifests for installations without Helm.

python hack/chart [--check]
"""

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path

import static
import values

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "charts/graphcron"
STATIC = ROOT / "charts/static"


def main(arguments: list[str]) -> int:
    """Write the files, or ``--check`` them; return the exit code."""
    parser = argparse.ArgumentParser(prog="python hack/chart", description="Write what is made from the chart.")
    parser.add_argument("--check", action="store_true", help="write nothing, and fail where a file is stale")
    check = parser.parse_args(arguments).check
    made = wanted()
    stale = [file for file, text in made.items() if not file.exists() or file.read_text(encoding="utf-8") != text]
    stale += [file for file in STATIC.rglob("*") if file.is_file() and file not in made]
    for file in stale:
        if check:
            print(f"{file.relative_to(ROOT)} is stale: run `make generate`", file=sys.stderr)
        elif file in made:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(made[file], encoding="utf-8")
        else:
            file.unlink()
    return 1 if check and stale else 0


def wanted() -> dict[Path, str]:
    """Return the expected text of each file."""
    schema = json.dumps(values.schema(), indent=2) + "\n"
    helm = Path(_hack_cluster("tools")) / "helm"
    made = {CHART / "values.schema.json": schema}
    if shutil.which("go"):
        made[CHART / "README.md"] = _readme()
    else:
        print("charts/graphcron/README.md is not made: that takes helm-docs, which is built with Go", file=sys.stderr)
    return made | {STATIC / name: text for name, text in static.files(str(helm), CHART).items()}


def _readme() -> str:
    command = [_hack_cluster("tool", "helm-docs"), "--chart-search-root", str(CHART), "--sort-values-order", "file"]
    quiet = ["--dry-run", "--log-level", "warning"]
    done = subprocess.run([*command, *quiet], check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    return done.stdout.strip("\n") + "\n"


def _hack_cluster(*words: str) -> str:
    command = [sys.executable, str(ROOT / "hack/cluster"), *words]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
