"""All tests run, and those that a machine or a cluster can't run are left out, and counted."""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests import left_out
from tests.localkube.machine import Machine

ROOT = Path(__file__).resolve().parents[2]
TESTS = """
import pytest
pytestmark = pytest.mark.timeout(60)
def test_plain(): pass
@pytest.mark.needs("go")
def test_go(): pass
@pytest.mark.needs("browser")
def test_page(): pass
@pytest.mark.needs("control-plane")
@pytest.mark.parametrize("part", ["etcd", "kubelet"])
def test_parts(part): pass
@pytest.mark.needs("audit-log")
def test_rights(): pass
"""


def run_pytest(machine: Machine, *words: str, cluster: str = "dev", tests: str = TESTS) -> str:
    """Run tests on a machine; return what pytest prints."""
    file = machine.folder / "test_some.py"
    file.write_text(tests)
    plugins = ["-p", "tests.left_out", "-c", os.devnull, "--rootdir", str(machine.folder), "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *plugins, *words, str(file)]
    environment = {**machine.environment, left_out.ENV_CLUSTER: cluster, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["one process", "workers"])
def test_what_kind_and_this_machine_lack_is_left_out_and_counted(machine: Machine, workers: list[str]) -> None:
    machine.up()
    counts = machine.folder / "counts"
    machine.environment[left_out.ENV_FILE] = str(counts)
    said = run_pytest(machine, *workers)
    assert "2 passed" in said, said
    assert f"tests left out: 2, for lack of {left_out.NEEDS['control-plane']}" in said
    assert f"tests left out: 1, for lack of {left_out.NEEDS['go']}" in said
    assert json.loads(counts.read_text()) == {
        left_out.NEEDS["browser"]: 1,
        left_out.NEEDS["control-plane"]: 2,
        left_out.NEEDS["go"]: 1,
    }


@pytest.mark.parametrize(
    ("provider", "missing"),
    [("local", set()), ("kind", {"control-plane"}), ("current", {"control-plane", "audit-log"}), ("", set())],
)
def test_what_the_cluster_lacks_depends_on_its_provider(
    provider: str, missing: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(left_out, "provider_of", lambda _: provider)
    assert left_out.missing_here(set(left_out.PROVIDERS)) == missing


def test_an_installed_browser_is_found(machine: Machine) -> None:
    assert "neither Chromium nor Chrome is installed" in machine.hack("browser").stderr
    chrome = machine.bin / "google-chrome"
    chrome.write_text("#!/bin/sh\n")
    chrome.chmod(0o755)
    assert machine.hack("browser", "--install").stdout.strip() == str(chrome)


def test_a_need_that_is_none_is_an_error(machine: Machine) -> None:
    said = run_pytest(machine, tests="import pytest\n@pytest.mark.needs('gold')\ndef test_it(): pass\n")
    assert "needs {'gold'}: it is one of browser, go, node" in said


@pytest.fixture
def hack_test(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Load the program behind `make test`."""
    monkeypatch.syspath_prepend(str(ROOT / "hack/test"))
    spec = importlib.util.spec_from_file_location("hack_test", ROOT / "hack/test/__main__.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_last_line_counts_all_rounds(hack_test: Any) -> None:
    rounds = '{"Go": 3}\n{"Go": 1, "Linux": 2}\n'
    assert hack_test.left_out(rounds) == ["tests left out: 4, for lack of Go", "tests left out: 2, for lack of Linux"]
    assert hack_test.left_out("") == []


@pytest.mark.parametrize("provider", ["auto", "current"])
def test_all_tests_run_and_those_that_break_a_cluster_on_another(
    hack_test: Any, provider: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def own_cluster(_: str) -> Iterator[dict[str, str]]:
        yield {"GRAPHCRON_TEST_CLUSTER": "second"}

    (tmp_path / "tests").mkdir()
    program = "import os, sys; print(os.environ['GRAPHCRON_TEST_CLUSTER'], *sys.argv[1:], file=open('rounds', 'a'))"
    monkeypatch.setattr(hack_test, "own_cluster", own_cluster)
    monkeypatch.setattr(hack_test, "ROOT", tmp_path)
    monkeypatch.setattr(hack_test, "_command", lambda arguments: [sys.executable, "-c", program, *arguments])
    environment = {"CLUSTER": provider, "GRAPHCRON_TEST_CLUSTER": "first"}
    codes = hack_test._all([], environment, tmp_path)
    rounds = (tmp_path / "rounds").read_text().splitlines()
    assert codes == [0] * len(rounds)
    (ignored,) = [
        {each.removeprefix("--ignore=") for each in line.split() if "ignore" in each}
        for line in rounds
        if "ignore" in line
    ]
    alone = [(line.split()[0], each) for line in rounds for each in line.split() if each.startswith("tests/")]
    assert sorted(each for _, each in alone) == sorted(ignored)
    assert all((ROOT / each).exists() for each in ignored)
    second = {each for cluster, each in alone if cluster == "second"}
    assert second == (set() if provider == "current" else {"tests/chaos", "tests/outages", "tests/upgrade"})


def test_a_round_that_fails_beside_others_is_printed_and_counted(
    hack_test: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    codes: list[int] = []
    with hack_test._beside([sys.executable, "-c", "print('why'); raise SystemExit(3)"], {}, tmp_path / "out", codes):
        codes.append(0)
    assert codes == [0, 3]
    assert "why" in capsys.readouterr().out
