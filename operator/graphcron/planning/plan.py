"""What the watches show → what is to be done and to be told of one GraphCron. Pure; the reconciler carries it out."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final, NamedTuple

from graphcron.api import names
from graphcron.api.calendar_for import calendar_for, lines_of
from graphcron.api.names import Purpose
from graphcron.api.reasons import ConditionType
from graphcron.api.v1alpha1 import GraphCron, GraphCronSpec, History, RecentRun
from graphcron.cache.objects import Body, CachedCronJob
from graphcron.errors import GraphCronError
from graphcron.manifests.cronjob import Memory, cronjob_names, cronjobs_for, in_force
from graphcron.manifests.job import Ask, job_for
from graphcron.manifests.pod import Manifest
from graphcron.manifests.request import whole_seconds
from graphcron.manifests.suspension import rest_of
from graphcron.planning.failures import Pause, consecutive_failures, pause_for
from graphcron.planning.missed_runs import Watched, patience, unstarted
from graphcron.planning.observed import Seen
from graphcron.planning.preflight import Look, Rhythm, look
from graphcron.planning.run_history import Told, tell, vanished
from graphcron.planning.stuck_jobs import given_up
from graphcron.planning.triggers import came_later, catch_up_for, handled_trigger, trigger_for
from graphcron.schedule.occurrences import END_OF_TIME
from graphcron.settings import Settings
from graphcron.unstructured.fields import object_at

MOST_RUNS: Final = 100
"""Most entries of ``recentRuns`` that a spec can ask for."""


class Plan(NamedTuple):
    """What is to be done, and what is known."""

    cronjobs: list[Manifest]
    """As they are to be before any Job is made: what stops or corrects comes before what starts."""
    surplus: list[CachedCronJob]
    """CronJobs of lines that the schedule no longer has."""
    jobs: dict[Purpose, Manifest]
    """Jobs to be made once."""
    remembering: Manifest | None
    """The first CronJob with the request whose Job is in :attr:`jobs`; None: there is none."""
    unmade: list[RecentRun]
    """Runs to be told that have no Job, and the one that a Job is to make up for."""
    given_up: list[RecentRun]
    """Runs whose Jobs got no pod in time."""
    told: Told
    pause: Pause
    look: Look | None
    """The preflight; None: it is turned off."""
    handled_trigger: str
    handled_before: str
    """What it is if the Job of the request is refused."""
    checked_until: datetime | None

    def creates(self, seen: Seen) -> bool:
        """Tell whether something is created or adopted for a GraphCron that was reconciled before.

        A watch may have missed its deletion. What is created then has no owner, and may run until Kubernetes collects
        it; a CronJob without an owner may be an orphan, which is to stay as it is. A preflight does not count, since it
        may have to wait for its turn.
        """
        if seen.previous.observed_generation is None:
            return False
        known = {
            *(job.name for job in seen.jobs),
            *(name for name, each in seen.cronjobs.items() if each.controller_uid),
        }
        jobs = [job for purpose, job in self.jobs.items() if purpose is not Purpose.PREFLIGHT]
        return any(each["metadata"]["name"] not in known for each in (*self.cronjobs, *jobs))

    def without(self, refused: Mapping[Purpose, GraphCronError], seen: Seen, spec: GraphCronSpec) -> "Plan":
        """Return what is left where some of the Jobs are not made: those are decided on again."""
        plan = self
        if Purpose.TRIGGER in refused:
            plan = plan._replace(handled_trigger=plan.handled_before)
        if Purpose.CATCH_UP in refused:
            made_up = next(run.scheduled_time for run in plan.unmade if run.job)
            before = min(filter(None, (plan.checked_until, made_up - timedelta(seconds=1))))
            told = _told(seen, spec, [run for run in plan.unmade if not run.job], plan.given_up)
            plan = plan._replace(told=told, checked_until=before)
        if Purpose.PREFLIGHT in refused and plan.look:
            plan = plan._replace(look=plan.look.undone(refused[Purpose.PREFLIGHT]))
        return plan


def runs_kept(body: Body) -> int | None:
    """Return how many entries of ``recentRuns`` a spec asks for that need not be valid; None: it does not say."""
    kept = object_at(body, "spec", "history").get("runs", History().runs)
    return kept if type(kept) is int and 1 <= kept <= MOST_RUNS else None


def told_without_plan(seen: Seen, spec: GraphCronSpec | None) -> Told:
    """Tell of the runs where nothing can be planned, because the spec is wrong."""
    return _told(seen, spec)


def _told(
    seen: Seen,
    spec: GraphCronSpec | None,
    unstarted: Sequence[RecentRun] = (),
    given_up: Sequence[RecentRun] = (),
) -> Told:
    previous = seen.previous.recent_runs or []
    jobs, pods = seen.runs
    limit = spec.history.runs if spec else seen.runs_kept or max(len(previous), 1)
    active = seen.previous.active or []
    gone = vanished(active, jobs, pods, previous)
    return tell(previous, jobs, pods, limit=limit, active=active, unstarted=[*unstarted, *gone], given_up=given_up)


def known_without_plan(seen: Seen, told: Told) -> dict[str, object]:
    """Return what the status says of failures and requests all the same.

    A request that stands on a GraphCron from the start counts as handled: it must not start a run once the spec is put
    right, which makes it look younger.
    """
    known: dict[str, object] = {
        "consecutive_failures": consecutive_failures(seen.previous.consecutive_failures or 0, told.new) or None
    }
    is_first = seen.previous.observed_generation is None and not seen.cronjobs
    if seen.trigger and is_first and not came_later(seen.trigger, seen.created):
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
    refused = given_up(graphcron, seen.runs[0], seen.refusals, now)
    trigger = trigger_for(graphcron, seen.trigger, first, seen.previous, jobs=seen.jobs, now=now)
    pause = pause_for(spec, seen.resume, first, seen.previous, _told(seen, spec, given_up=refused).new, now=now)
    rests = rest_of(graphcron, paused=pause.since is not None, now=now)
    with_pods = [job for job in seen.jobs if job.name not in seen.refusals]
    catch_up = None if rests else catch_up_for(spec, name, missed, with_pods, now)
    unmade = [_with_job(run, catch_up) for run in missed] + ([trigger] if isinstance(trigger, RecentRun) else [])
    handled = handled_trigger(seen.trigger, first, seen.previous)
    # A request is remembered when its Job has been made, or when the status has told why none is. One that nothing is
    # to be done for is remembered at once.
    known = seen.trigger.value if seen.trigger and trigger is None else handled
    rendered = partial(cronjobs_for, graphcron, settings, seen.cronjobs, now=now, slept_until=slept_until)
    memory = Memory(pause.since, known, pause.handled_resume)
    wanted = cronjob_names(graphcron)
    asks = [each for each in (trigger, catch_up) if isinstance(each, Ask)]
    since = first.schedule_since if first and first.schedule_since else whole_seconds(now)
    checking = _look(graphcron, settings, seen, now)
    jobs = {ask.purpose: job_for(graphcron, settings, ask, since=since) for ask in asks}
    if checking and checking.manifest:
        jobs[Purpose.PREFLIGHT] = checking.manifest
    return Plan(
        cronjobs=rendered(memory),
        surplus=[each for each in seen.cronjobs.values() if each.name not in wanted],
        jobs=jobs,
        remembering=rendered(memory._replace(handled_trigger=trigger.trigger))[0] if isinstance(trigger, Ask) else None,
        unmade=unmade,
        given_up=refused,
        told=_told(seen, spec, unmade, refused),
        pause=pause,
        look=checking,
        handled_trigger=seen.trigger.value if seen.trigger else handled,
        handled_before=handled,
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
    watched = Watched(calendar_for(graphcron), *stretch, seen.runs[0], seen.previous, seen.refusals)
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
    rhythm = Rhythm(good=None, longest=timedelta(seconds=settings.preflight_seconds))
    return look(
        names.KIND,
        graphcron,
        settings,
        before=seen.previous.preflight,
        seen=seen.looks,
        rhythm=rhythm,
        good=good,
        is_due=seen.preflight_is_due,
        now=now,
    )
