"""The pre-commit hook finds what it should in the files that it is given."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import yaml

from tests.cli.offline.program import manifest, run, text
from tests.cluster import ROOT

if TYPE_CHECKING:
    from pathlib import Path

[HOOK] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))


def test_the_hook_lints_the_files_that_it_is_given(tmp_path: Path) -> None:
    program, *arguments = shlex.split(HOOK["entry"])
    assert program == "graphcron"
    other, good, bad = (tmp_path / name for name in ("other.yaml", "good.yaml", "bad.yaml"))
    other.write_text("kind: ConfigMap\n")
    good.write_text(text(manifest()))
    bad.write_text(text(manifest("bad", schedule="0 9 31 2 *")))
    assert run(*arguments, str(other)).returncode == 0
    assert run(*arguments, str(other), str(good)).returncode == 0
    done = run(*arguments, str(good), str(bad))
    assert done.returncode == 1
    assert done.stdout.startswith(f"{bad}:8:13: spec.schedule: ")


def test_the_hook_leaves_out_what_helm_fills_in() -> None:
    assert re.search(HOOK["exclude"], "charts/mine/templates/cron.yaml")
    assert re.search(HOOK["exclude"], "templates/cron.yaml")
    assert not re.search(HOOK["exclude"], "crons/daily.yaml")
