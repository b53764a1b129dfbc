"""Prepare a release: its version, its release notes, and the files that name the registry.

    python hack/release check [--tag v0.2.0]
    python hack/release notes 0.2.0
    python hack/release bump 0.2.0
    python hack/release stage --registry registry.example.com/team

Standard library only: it runs before anything is installed.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[2]
CHANGELOG = "CHANGELOG.md"
CHART = "charts/graphcron"
MANIFEST = "charts/static/install.yaml"
UNRELEASED = "Unreleased"

_TAG = r'/(?:operator|runner):(\d[^"\s]*)'

PLACES = {
    "the version in pyproject.toml": ("pyproject.toml", r'^version = "([^"\n]+)"$'),
    "the version of the package": ("operator/graphcron/__init__.py", r'^__version__ = "([^"\n]+)"$'),
    "the version in Chart.yaml": (f"{CHART}/Chart.yaml", r'^version: "?([^"\s]+)"?$'),
    "the appVersion in Chart.yaml": (f"{CHART}/Chart.yaml", r'^appVersion: "?([^"\s]+)"?$'),
    "the tag of the images in docs/install.md": ("docs/install.md", _TAG),
    "the tag of the images in docs/getting-started.md": ("docs/getting-started.md", _TAG),
}
"""Places of the version: a file, and the text around the version; a file can contain a tag several times."""

_VERSION = re.compile(r"\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?")
_HEADING = re.compile(r"## \[?(?P<name>[^\]\s]+)\]?(?: - (?P<date>\d{4}-\d{2}-\d{2}))?")
_IMAGE = re.compile(r"(?<![\w./-])graphcron/(?=(?:operator|runner)[:@])")
_REGISTRY = re.compile(r'^(\s+registry:) ""', re.MULTILINE)
_REPOSITORY = re.compile(r"^\s+repository: ", re.MULTILINE)


class ReleaseError(Exception):
    """An error that the user can fix; printed without a traceback."""


def sections(changelog: str) -> dict[str, str]:
    """Return the sections of the changelog by version, newest first.

    Raises
    ------
    ReleaseError
        A heading does not have the format of Keep a Changelog, or is not unique.
    """
    found: dict[str, list[str]] = {}
    name = ""
    for line in changelog.splitlines():
        if line.startswith("## "):
            name = _name_of(line)
            if name in found:
                raise ReleaseError(f"{CHANGELOG}: {name} comes twice")
            found[name] = []
        elif name:
            found[name].append(line)
    return {each: "\n".join(lines).strip() for each, lines in found.items()}


def _name_of(heading: str) -> str:
    found = _HEADING.fullmatch(heading.rstrip())
    if found and found["name"] == UNRELEASED and not found["date"]:
        return UNRELEASED
    if not found or not found["date"] or not _VERSION.fullmatch(found["name"]):
        raise ReleaseError(
            f"{CHANGELOG}: not a heading such as `## 0.2.0 - 2027-01-31` or `## {UNRELEASED}`: {heading}"
        )
    return found["name"]


def notes(changelog: str, version: str) -> str:
    """Return the changelog's section on a version."""
    known = sections(changelog)
    if not known.get(version):
        raise ReleaseError(f"{CHANGELOG} says nothing about {version}; it knows {', '.join(known) or 'no version'}")
    return known[version] + "\n"


def versions(files: Mapping[str, str]) -> dict[str, str]:
    """Return the version in each place; `files` are texts by path."""
    found = {place: re.findall(line, files[path], re.MULTILINE) for place, (path, line) in PLACES.items()}
    for place, each in found.items():
        if len(set(each)) != 1 or (len(each) > 1 and PLACES[place][1] != _TAG):
            raise ReleaseError(f"{place} stands there {len(each)} times: {', '.join(each) or 'not at all'}")
    return {place: each[0] for place, each in found.items()}


def problems(files: Mapping[str, str], tag: str | None = None) -> list[str]:
    """Return one line for each inconsistency.

    Parameters
    ----------
    tag
        The tag to release; None: a commit without a tag, whose version may not have a section yet.
    """
    said = versions(files)
    known = sections(files[CHANGELOG])
    newest = next((name for name in known if name != UNRELEASED), None)
    if newest:
        said[f"the newest version in {CHANGELOG}"] = newest
    elif tag is None and UNRELEASED not in known:
        return [f"{CHANGELOG} has neither a version nor `## {UNRELEASED}`"]
    elif tag is not None:
        return [f"{CHANGELOG} has no version yet: python hack/release bump {tag.removeprefix('v')}"]
    wanted = tag.removeprefix("v") if tag else next(iter(said.values()))
    wrong = [f"{place} is {version}, not {wanted}" for place, version in said.items() if version != wanted]
    if tag and not tag.startswith("v"):
        wrong.append(f"the tag {tag} does not begin with v")
    return wrong


def bumped(files: Mapping[str, str], version: str, date: str) -> dict[str, str]:
    """Return the files with the version in all places, and the unreleased changes under its heading."""
    if not _VERSION.fullmatch(version):
        raise ReleaseError(f"{version} is no version such as 0.2.0")
    known = sections(files[CHANGELOG])
    if version in known:
        raise ReleaseError(f"{CHANGELOG} has {version} already")
    if not known.get(UNRELEASED):
        raise ReleaseError(f"{CHANGELOG} has nothing under `## {UNRELEASED}`")
    changed = dict(files)
    for place, old in versions(files).items():
        path, line = PLACES[place]
        changed[path] = _bump_line(changed[path], line, old, version)
    heading = re.compile(rf"^## \[?{UNRELEASED}\]?$", re.MULTILINE)
    changed[CHANGELOG] = heading.sub(rf"\g<0>\n\n## {version} - {date}", changed[CHANGELOG])
    return changed


def _bump_line(text: str, line: str, old: str, version: str) -> str:
    return re.sub(line, lambda found: str(found[0]).replace(old, version), text, flags=re.MULTILINE)


def values_with(registry: str, values: str) -> str:
    """Return the chart's values with the registry that holds the images."""
    changed, count = _REGISTRY.subn(rf'\g<1> "{registry}"', values)
    if not count or count != len(_REPOSITORY.findall(values)):
        raise ReleaseError(f'values.yaml: {count} times `registry: ""`, which is not once for each repository')
    return changed


def manifest_with(registry: str, manifest: str) -> str:
    """Return a manifest whose images come from the registry."""
    changed, count = _IMAGE.subn(f"{registry}/graphcron/", manifest)
    if not count:
        raise ReleaseError(f"{MANIFEST} has no image of GraphCron's")
    return changed


def stage(registry: str, target: Path) -> None:
    """Write the chart and the manifest of a release, with the registry, into a folder."""
    shutil.rmtree(target / "chart", ignore_errors=True)
    chart = Path(shutil.copytree(ROOT / CHART, target / "chart/graphcron"))
    values = chart / "values.yaml"
    values.write_text(values_with(registry, values.read_text()))
    (target / "install.yaml").write_text(manifest_with(registry, (ROOT / MANIFEST).read_text()))


def _read() -> dict[str, str]:
    paths = {CHANGELOG, *(path for path, _ in PLACES.values())}
    return {path: (ROOT / path).read_text() for path in sorted(paths)}


def _check(arguments: argparse.Namespace) -> None:
    wrong = problems(_read(), arguments.tag)
    if wrong:
        raise ReleaseError("\n".join(wrong))


def _bump(arguments: argparse.Namespace) -> None:
    for path, text in bumped(_read(), arguments.version, f"{datetime.now(UTC):%Y-%m-%d}").items():
        (ROOT / path).write_text(text)
    print(f"Now: make generate, commit, and git tag v{arguments.version}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python hack/release", description=(__doc__ or "").split("\n")[0])
    verbs = parser.add_subparsers(required=True)
    check = verbs.add_parser("check", help="fail where versions do not agree")
    check.add_argument("--tag", help="the tag that is released, such as v0.2.0")
    check.set_defaults(run=_check)
    said = verbs.add_parser("notes", help="print what the changelog says of a version")
    said.add_argument("version", type=lambda text: text.removeprefix("v"))
    said.set_defaults(run=lambda given: print(notes(_read()[CHANGELOG], given.version), end=""))
    bump = verbs.add_parser("bump", help="set the version everywhere")
    bump.add_argument("version")
    bump.set_defaults(run=_bump)
    staged = verbs.add_parser("stage", help="write the chart and install.yaml, with the registry, into dist")
    staged.add_argument("--registry", required=True, help="such as registry.example.com/team")
    staged.set_defaults(run=lambda given: stage(given.registry, ROOT / "dist"))
    return parser


def main(words: list[str]) -> int:
    """Run a verb; return the exit status."""
    arguments = _parser().parse_args(words)
    try:
        arguments.run(arguments)
    except ReleaseError as error:
        print(error, file=sys.stderr)
        return 1
    return 0
