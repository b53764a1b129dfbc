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
    assert verbs  # each verb has added itself
    monkeypatch.setattr(Kubectl, "annotate", lambda *_: {"metadata": {"name": "hello", "uid": "u"}})
    monkeypatch.setattr(following.Following, "follow", lambda *_: {"outcome": outcome.value, "job": "hello-1"})
    monkeypatch.setattr(sys, "argv", ["graphcron", "run", "hello", "--wait"])
    with pytest.raises(SystemExit) as ended:
        app.main()
    assert (ended.value.code or 0) == CODES.get(outcome, 1)
    assert (outcome is Outcome.SUCCEEDED) != (outcome.value in capsys.readouterr().err)
