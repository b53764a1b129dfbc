"""The model of the server returns the same responses to the list of calls for every seed."""

from random import Random
from typing import Any

from tests.simulation.calls import Play
from tests.simulation.kernel import START, Kernel, Process
from tests.simulation.server import LangGraph
from tests.simulation.wire import Faults, Wire


class Caller:
    """A caller that is not a pod and receives no signals."""

    name = "caller"
    process: Process

    def signal(self, name: str) -> None:
        raise AssertionError(name)


def play_model(seed: int) -> dict[str, Any]:
    """Play the calls in virtual time, over the wire that pods use; return what came back."""
    kernel = Kernel(Random(seed))
    caller = Caller()
    server = LangGraph(kernel, lambda _: None)
    wire = Wire(kernel, server, caller, faults=Faults(), random=kernel.random, reachable=lambda: True)

    def pause(seconds: float) -> None:
        caller.process.park(seconds)

    play = Play(wire, pause, lambda value, _: ("model", value))
    found: list[dict[str, Any]] = []
    ends: list[BaseException | None] = []
    caller.process = Process(kernel, lambda: found.append(play.all()), ends.append)
    kernel.run(START + 3600)
    assert ends, "the calls wait for something"
    if ends[0]:
        raise ends[0]
    return found[0]


def test_what_the_model_answers_does_not_depend_on_the_seed() -> None:
    assert all(play_model(seed) == play_model(0) for seed in range(1, 4))
