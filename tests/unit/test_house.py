"""The house itself: what no other check would notice."""

import ast
import operator
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "operator/graphcron").rglob("*.py"))
LONGEST_FILE = 350
LONGEST_FUNCTION = 50


def test_operator_is_a_folder_and_the_standard_library_module_is_found():
    assert not (ROOT / "operator/__init__.py").exists()
    assert Path(operator.__file__).is_relative_to(sysconfig.get_path("stdlib"))


def parsed(text: str) -> ast.Module:
    try:
        return ast.parse(text)
    except SystemError:  # CPython before 3.11.8, if another thread parses at the same time (gh-106905)
        return ast.parse(text)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_stay_readable(path):
    text = path.read_text()
    assert len(text.splitlines()) <= LONGEST_FILE
    for node in ast.walk(parsed(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            docstring = ast.get_docstring(node, clean=False) or ""
            lines = (node.end_lineno or 0) - node.lineno + 1 - len(docstring.splitlines())
            assert lines <= LONGEST_FUNCTION, f"{node.name} has {lines} lines"


def test_the_lock_files_name_no_host():
    pip = [*(ROOT / "requirements").rglob("*.lock"), *(ROOT / "examples").rglob("*.lock")]
    npm = [
        *(ROOT / "tests").glob("*/package-lock.json"),
        ROOT / "operator/graphcron/cli/dashboard/page/package-lock.json",
    ]
    assert pip
    assert len(npm) > 1
    assert not [lock for lock in pip if "://" in lock.read_text()]
    assert not [lock for lock in npm if '"resolved"' in lock.read_text()]
