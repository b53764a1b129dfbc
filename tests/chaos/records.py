"""What happened, as plain values: all that the judge looks at."""

from __future__ import annotations

from dataclasses import dataclass, field

MINUTE = 60
"""Seconds. Scheduled times are told in minutes since the epoch, all other times in seconds since the epoch."""

LIVE = frozenset({"pending", "running"})
"""Statuses of a run that is not over."""


@dataclass(frozen=True, kw_only=True)
class Cron:
    """A GraphCron."""

    uid: str
    name: str
    due: tuple[int, ...] = ()
    """Minutes at which its schedule was due while it surely was in force: each must have an outcome."""
    near: tuple[int, ...] = ()
    """Further minutes, next to when it was made or ended: they may have runs, and need none."""
    triggers: tuple[str, ...] = ()
    """Requests for a run now that were written."""
    graph_runs: tuple[str, ...] = ()
    """UIDs of the GraphRuns that name it."""
    dropped: tuple[str, ...] = ()
    """UIDs of those that were deleted while they had a run: they need no outcome."""
    retries: int = 0
    """Further runs that its ``retry`` allows."""
    deleted: float | None = None
    """When it was deleted, while it had a run."""
    loses: bool = False
    """Its threads may be tidied away before somebody reads them."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A Job, as it was when it was seen last."""

    name: str
    cron: str
    """UID of its GraphCron."""
    occurrence: str
    end: str = ""
    """``Complete``, or the reason of its failure; empty: not over."""
    gone: float | None = None
    """When it was deleted."""
    stops: int = 0
    """Its pods that were told to stop: deleted, or evicted."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """An entry of ``status.recentRuns``."""

    cron: str
    occurrence: str
    outcome: str
    reason: str = ""
    run: str = ""
    first: int | None = None
    """Where the entry stands for several: the minute of the first,"""
    last: int | None = None
    """and of the last of them."""
    count: int = 1


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run on the server, as it was when it was seen last."""

    id: str
    thread: str
    cron: str
    occurrence: str
    status: str
    created: float
    changed: float
    """When its status changed last: of a run that is over, its end."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """A note of the graph ``steps`` in the server's store."""

    thread: str
    number: int
    finished: bool
    """Else it tells of the start."""
    at: float


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """What a thread's state held at some time: steps that the server knows as done."""

    thread: str
    at: float
    done: frozenset[int]


@dataclass(frozen=True, kw_only=True)
class Records:
    """Everything."""

    crons: list[Cron] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    checkpoints: list[Checkpoint] = field(default_factory=list)
    """Only of threads on which a step has finished more than once."""
    restarts: list[tuple[float, float]] = field(default_factory=list)
    """When the server went down and was back."""


def repeated(steps: list[Step]) -> dict[tuple[str, int], list[Step]]:
    """Return the ends of the steps that have finished more than once, by thread and number, the oldest first."""
    ends: dict[tuple[str, int], list[Step]] = {}
    for step in sorted(steps, key=lambda step: step.at):
        if step.finished:
            ends.setdefault((step.thread, step.number), []).append(step)
    return {key: found for key, found in ends.items() if len(found) > 1}
