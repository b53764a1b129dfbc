"""docs/architecture.md names what is there: modules, their members, and the folders of tests."""

from __future__ import annotations

import importlib
import re

import pytest

from tests.cluster import ROOT
from tests.docs.page import table

PAGE = ROOT / "docs/architecture.md"
PACKAGE = ROOT / "operator/graphcron"
MODULES = {path.stem for path in PACKAGE.glob("*.py")} | {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
FIELDS = {"status.contender", "status.recentRuns"}
"""Of a GraphCron; they look like members of a module."""
NAMES = sorted(
    {
        name
        for name in re.findall(r"(?<![\w./])[a-z_]+(?:\.(?!md\b)\w+)+", PAGE.read_text(encoding="utf-8"))
        if name.split(".")[0] in MODULES
    }
    - FIELDS
)


def test_names_are_found() -> None:
    assert {"status.ready.CHECKS", "runner.run.at_most_once", "controller.workqueue"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_there(name: str) -> None:
    first, *rest = name.split(".")
    found = importlib.import_module(f"graphcron.{first}")
    for part in rest:
        if not hasattr(found, part):
            importlib.import_module(f"{found.__name__}.{part}")
        found = getattr(found, part)


def test_every_folder_of_tests_is_told() -> None:
    told = [name for row in table(PAGE, "Folder in `tests/`") for name in row["Folder in tests/"].split(", ")]
    helped = {"faults"}  # no tests of its own
    there = {path.parent.name for path in (ROOT / "tests").glob("*/*.py")} | {"cli"}
    assert sorted(told) == sorted(there - helped)
