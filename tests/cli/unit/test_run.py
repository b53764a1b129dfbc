"""How ``run --wait`` ends."""

from __future__ import annotations

import sys

import pytest

from graphcron.cli import app, verbs
from graphcron.cli.clients.kubectl import Kubectl
from graphcron.cli.runs import following
from graphcron.contract import Outcome

CODES = {Outcome.SUCCEEDED: 0, Outcome.INTERRUPTED: 3}


@pytest.mark.parametrize("outcome", Outcome)
def test_exit_code_is_that_of_the_outcome(
    outcome: Outcome, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, {"outcome": outcome.value, "job": "hello-1"}, "--wait") == CODES.get(outcome, 1)
    assert (outcome is Outcome.SUCCEEDED) != (outcome.value in capsys.readouterr().err)


def test_run_without_a_job_has_no_name(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    skipped = {"outcome": "Skipped", "reason": "StartingDeadlineExceeded", "trigger": "now"}
    assert run(monkeypatch, skipped, "-o", "name") == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "Skipped, StartingDeadlineExceeded" in said.err


def run(monkeypatch: pytest.MonkeyPatch, entry: dict[str, str], *options: str) -> int:
    """Run the program until a run has ended with this entry of the status; return the exit code."""
    assert verbs  # each verb has added itself
    monkeypatch.setattr(Kubectl, "annotate", lambda *_: {"metadata": {"name": "hello", "uid": "u"}})
    monkeypatch.setattr(following.Following, "follow", lambda *_: entry)
    monkeypatch.setattr(sys, "argv", ["graphcron", "run", "hello", *options])
    with pytest.raises(SystemExit) as ended:
        app.main()
    return int(ended.value.code or 0)
