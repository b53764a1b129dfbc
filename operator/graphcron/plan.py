"""What the watches show → what is to be done and to be told of one GraphCron. Pure; the reconciler carries it out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from graphcron import names
from graphcron.asks import Ask, catch_up_for, handled_trigger, trigger_for
from graphcron.campaign import END_OF_TIME
from graphcron.desired import Memory, cronjob_names, cronjobs_for, in_force, job_for, rest_of
from graphcron.model import GraphCron, GraphCronSpec, GraphCronStatus, RecentRun
from graphcron.names import Purpose
from graphcron.observed import CronJobSeen, JobSeen, PodSeen, Wish
from graphcron.pause import Pause, consecutive_failures, pause_for
from graphcron.pod import Manifest
from graphcron.preflight import Look, Rhythm, look
from graphcron.reasons import ConditionType
from graphcron.request import whole_seconds
from graphcron.runs import Told, tell, vanished
from graphcron.settings import Settings
from graphcron.timing import calendar_for, lines_of
from graphcron.unstarted import Watched, patience, unstarted

NO_LIMIT: Final = 1
"""Entries of ``recentRuns`` that are kept at least where the spec that would say how many can't be read."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """All that the watches show of one GraphCron."""

    cronjobs: Mapping[str, CronJobSeen]
    """By name."""
    jobs: Sequence[JobSeen]
    pods: Sequence[PodSeen]
    previous: GraphCronStatus
    """The status as it stands."""
    trigger: Wish | None = None
    """The request for a run now that stands on the object."""
    resume: Wish | None = None
    """The request to end a pause."""

    @property
    def runs(self) -> tuple[list[JobSeen], list[PodSeen]]:
        """The Jobs and pods that are about runs."""
        return (
            [job for job in self.jobs if job.purpose is not Purpose.PREFLIGHT],
            [pod for pod in self.pods if pod.purpose is not Purpose.PREFLIGHT],
        )

    @property
    def looks(self) -> tuple[list[JobSeen], list[PodSeen]]:
        """Those that are preflights."""
        return (
            [job for job in self.jobs if job.purpose is Purpose.PREFLIGHT],
            [pod for pod in self.pods if pod.purpose is Purpose.PREFLIGHT],
        )


class Plan(NamedTuple):
    """What is to be done, and what is known."""

    cronjobs: list[Manifest]
    surplus: list[CronJobSeen]
    """CronJobs of lines that the schedule no longer has."""
    jobs: list[Manifest]
    """Jobs to be made once, before the CronJobs are told that they were."""
    told: Told
    pause: Pause
    look: Look | None
    """The preflight; None: it is turned off."""
    handled_trigger: str
    checked_until: datetime | None


def told_without_plan(seen: Seen, spec: GraphCronSpec | None) -> Told:
    """Tell of the runs where nothing can be planned, because the spec is wrong."""
    return _told(seen, spec)


def _told(seen: Seen, spec: GraphCronSpec | None, unstarted: Sequence[RecentRun] = ()) -> Told:
    previous = seen.previous.recent_runs or []
    jobs, pods = seen.runs
    limit = spec.history.runs if spec else max(len(previous), NO_LIMIT)
    gone = vanished(seen.previous.active or [], jobs, pods, previous)
    return tell(previous, jobs, pods, limit=limit, unstarted=[*unstarted, *gone])


def known_without_plan(seen: Seen, told: Told) -> dict[str, object]:
    """Return what the status says of failures and requests all the same.

    A request that stands on a GraphCron from the start counts as handled: it must not start a run once the spec is put
    right, which makes it look younger.
    """
    known: dict[str, object] = {
        "consecutive_failures": consecutive_failures(seen.previous.consecutive_failures or 0, told.new) or None
    }
    if seen.trigger and seen.previous.observed_generation is None and not seen.cronjobs:
        known["last_handled_trigger"] = seen.trigger.value
    return known


def plan_for(graphcron: GraphCron, settings: Settings, seen: Seen, *, now: datetime) -> Plan:
    """Decide what is to be done.

    Raises
    ------
    SpecError
        The GraphCron asks for what can't be.
    """
    spec, name = graphcron.spec, graphcron.metadata.name
    first = seen.cronjobs.get(name)
    slept_until = _slept_until(graphcron, seen, now)
    stretch = _in_force(graphcron, seen, slept_until)
    missed = _unstarted(graphcron, seen, stretch, now)
    trigger = trigger_for(graphcron, seen.trigger, first, seen.previous, now)
    pause = pause_for(spec, seen.resume, first, seen.previous, _told(seen, spec).new, now=now)
    rests = rest_of(graphcron, paused=pause.since is not None, now=now)
    catch_up = None if rests else catch_up_for(spec, name, missed, seen.jobs, now)
    unmade = [_with_job(run, catch_up) for run in missed] + ([trigger] if isinstance(trigger, RecentRun) else [])
    handled = seen.trigger.value if seen.trigger else handled_trigger(first, seen.previous)
    memory = Memory(pause.since, handled, pause.handled_resume)
    wanted = cronjob_names(graphcron)
    asks = [each for each in (trigger, catch_up) if isinstance(each, Ask)]
    since = first.schedule_since if first and first.schedule_since else whole_seconds(now)
    checking = _look(graphcron, settings, seen, now)
    return Plan(
        cronjobs=cronjobs_for(graphcron, settings, seen.cronjobs, memory, now=now, slept_until=slept_until),
        surplus=[each for each in seen.cronjobs.values() if each.name not in wanted],
        jobs=[job_for(graphcron, settings, ask, since=since) for ask in asks]
        + ([checking.manifest] if checking and checking.manifest else []),
        told=_told(seen, spec, unmade),
        pause=pause,
        look=checking,
        handled_trigger=handled,
        checked_until=_checked_until(graphcron, seen, stretch, now),
    )


def _with_job(missed: RecentRun, ask: Ask | None) -> RecentRun:
    """Say which Job makes up for a missed run, if one does."""
    if ask is None or ask.scheduled != missed.scheduled_time:
        return missed
    return missed.model_copy(update={"job": ask.name})


def _slept_until(graphcron: GraphCron, seen: Seen, now: datetime) -> datetime | None:
    """Return when a rest of the calendar ended from which nobody has woken the CronJobs; None: they don't oversleep.

    They rest for the calendar alone if the spec is the one of the last look, and neither it nor failures suspend them.
    """
    first = seen.cronjobs.get(graphcron.metadata.name)
    changed = seen.previous.observed_generation != graphcron.metadata.generation
    if changed or graphcron.spec.suspend or first is None or not first.suspended or first.paused_since:
        return None
    until = calendar_for(graphcron).rests_until(first.schedule_since or now)
    return until if until and until <= now else None


def _in_force(graphcron: GraphCron, seen: Seen, slept_until: datetime | None) -> tuple[datetime, datetime] | None:
    """Return since when the schedule has been in force as it is, and until when; None: it never was, a line is new."""
    names_and_lines = zip(cronjob_names(graphcron), lines_of(graphcron), strict=True)
    stretches = [in_force(graphcron.spec, line, seen.cronjobs.get(name), slept_until) for name, line in names_and_lines]
    known = [stretch for stretch in stretches if stretch]
    if len(known) < len(stretches):
        return None
    return max(since for since, _ in known), min(until or END_OF_TIME for _, until in known)


def _unstarted(
    graphcron: GraphCron, seen: Seen, stretch: tuple[datetime, datetime] | None, now: datetime
) -> list[RecentRun]:
    """List what nobody started; a schedule has no occurrences before it took effect, nor while it is suspended."""
    if stretch is None:
        return []
    watched = Watched(calendar_for(graphcron), *stretch, seen.runs[0], seen.previous)
    return unstarted(graphcron.spec, watched, now=now)


def _checked_until(
    graphcron: GraphCron, seen: Seen, stretch: tuple[datetime, datetime] | None, now: datetime
) -> datetime | None:
    """Return up to when it is known what became of all occurrences."""
    before = seen.previous.checked_until
    if stretch is None:
        return before
    return max(filter(None, (before, now - patience(graphcron.spec))))


def _look(graphcron: GraphCron, settings: Settings, seen: Seen, now: datetime) -> Look | None:
    if not graphcron.spec.preflight:
        return None
    conditions = seen.previous.conditions or ()
    known = next((each.status for each in conditions if each.type == ConditionType.TARGET_RESOLVED), "Unknown")
    good = None if known == "Unknown" else known == "True"
    rhythm = Rhythm(good=None, bad=timedelta(seconds=settings.preflight_seconds))
    return look(
        names.KIND,
        graphcron,
        settings,
        before=seen.previous.preflight,
        seen=seen.looks,
        rhythm=rhythm,
        good=good,
        now=now,
    )
