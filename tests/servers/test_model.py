"""The model of the server that pods are simulated with, compared with real servers by one list of calls."""

import time
from collections.abc import Iterator
from fnmatch import fnmatch
from typing import Any, Final

from graphcron.runner.client.http_transport import Transport
from tests.servers.beds import Bed
from tests.simulation.calls import CALLS, STARTS, THREADS, Json, Play
from tests.simulation.test_server import play_model

PLAYED: Final = {"aegra": (*THREADS, *STARTS)}
"""Calls to a server that is too different for all of them."""

DIFFERENT: Final = {
    "aegra": {
        "search by id": "It does not know ``ids``, so it returns any thread.",
        "search by unknown id": "It does not know ``ids``, so it returns any thread.",
        "run on unknown thread": "It makes the thread.",
        "runs of unknown thread": "It returns an empty list.",
        "*: run.metadata": "A run has the metadata of its request only, not the thread's.",
        "start again: reject": "It does not know ``multitask_strategy: reject``.",
        "resume from nothing": "It does not accept a run with neither an input nor a checkpoint.",
    },
}
"""Where a server differs from the model: the call and what of its answer, and a sentence."""


def sample(value: Json | None, before: str) -> tuple[str, Any]:
    """Return the sample graph for an input of the model's graph; a run that resumes has the one before's."""
    if value is None:
        return before or "steps", None
    seconds = value.get("seconds", 0)
    if value.get("tokens"):
        return "spender", {"calls": value["steps"], "seconds": seconds}
    if value.get("failures"):
        return "flaky", {"fail": value["failures"], "seconds": seconds}
    if value.get("interrupts"):
        return "approval", {}
    return "steps", {"steps": value["steps"], "seconds": seconds}


def differences(name: str, model: Any, real: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield what differs in an answer: where, the model's and the server's."""
    if isinstance(model, dict) and isinstance(real, dict):
        kind = "run." if "run" in model else ""
        for key in sorted(model.keys() | real.keys()):
            yield from differences(f"{name}: {kind}{key}", model.get(key), real.get(key))
    elif isinstance(model, list) and isinstance(real, list) and len(model) == len(real):
        for each, other in zip(model, real, strict=True):
            yield from differences(name, each, other)
    elif model != real:
        yield name, model, real


def test_the_model_answers_as_the_server_does(bed: Bed) -> None:
    transport = Transport(bed.api.url, {"Content-Type": "application/json"}, {}, None)
    real = Play(transport, time.sleep, sample).all(PLAYED.get(bed.name, CALLS))
    transport.close()
    model = play_model(0)
    found = [each for name, answer in real.items() for each in differences(name, model[name], answer)]
    expected = DIFFERENT.get(bed.name, {})
    new = [each for each in found if not any(fnmatch(each[0], f"{pattern}*") for pattern in expected)]
    gone = [pattern for pattern in expected if not any(fnmatch(name, f"{pattern}*") for name, _, _ in found)]
    assert (new, gone) == ([], [])
