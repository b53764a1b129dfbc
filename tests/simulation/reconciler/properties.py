"""Properties of every scenario, checked while it runs and at its end."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from graphcron.api import names
from graphcron.api.reasons import Reason
from graphcron.api.v1alpha1 import parse
from graphcron.cache.store import Key
from graphcron.contract import ENV_REQUEST, Outcome
from graphcron.errors import SpecError
from graphcron.manifests.cronjob import cronjob_names
from tests.simulation.properties import Violation
from tests.simulation.reconciler.api import CRONJOBS, GRAPHCRONS, JOBS, PODS, Body, Change, is_ours
from tests.simulation.reconciler.controllers import is_over
from tests.simulation.reconciler.run_properties import RunJudge, is_of_graph_run

if TYPE_CHECKING:
    from tests.simulation.reconciler.world import World

TOLD_SECONDS: Final = 60.0
"""Maximum delay between the end of a run and its report."""


class Judge:
    """Checks the properties of the operator."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.violations: list[Violation] = []
        self.checked = Counter[str]()
        self._graphcrons: set[str] = set()
        """UIDs of all that there ever were."""
        self._cronjobs: dict[str, str] = {}
        """By UID of a CronJob, that of the GraphCron that controls or controlled it."""
        self._jobs: dict[str, str] = {}
        """The same of Jobs."""
        self._gone: dict[str, float] = {}
        """The times at which reconciled GraphCrons were deleted, by UID."""
        self._had_quota = any(each.kind == "quota-pods" for each in world.plan.actions)
        self._requested = Counter[tuple[str, str]]()
        self._told: dict[str, set[str]] = {}
        """The Jobs that the status of a GraphCron has reported so far, by the UID of the GraphCron."""
        self._over: dict[str, float] = {}
        self._dropped: set[str] = set()
        """UIDs of the GraphCrons of which a user has deleted a Job."""
        self._changed_by: dict[str, str] = {}
        """By UID of a CronJob, who has changed its spec last."""
        self._started: dict[tuple[str, str, str], float] = {}
        """By replica and GraphCron, the reconciliation that has made a Job."""
        self._runs = RunJudge(world, self.check, self._began)

    def check(self, holds: bool, name: str, what: str) -> None:
        """Count a check of a property, and record a violation."""
        self.checked[name] += 1
        if not holds:
            self._world.kernel.note("judge", f"!!! {name}: {what}")
            self.violations.append(Violation(name, what))

    # --- at each change -----------------------------------------------------------------------------------------------

    def changed(self, change: Change) -> None:
        """Check and store a change."""
        self._runs.changed(change)
        if change.by.startswith("op-"):
            self._check_owned(change)
            self._check_order(change)
            if change.before is None:
                self._check_created(change)
            if change.resource == GRAPHCRONS:
                self._check_told(change)
        self._remember(change)

    def _remember(self, change: Change) -> None:
        uid = change.body["metadata"]["uid"]
        if change.resource == GRAPHCRONS:
            self._graphcrons.add(uid)
            if change.after is None and change.body.get("status", {}).get("observedGeneration"):
                self._gone[uid] = self._world.kernel.now
        elif change.resource == CRONJOBS:
            if _respecified(change):
                self._changed_by[uid] = change.by
            self._keep(self._cronjobs, uid, _controller(change.body) or _uid_label(change.body))
        elif change.resource == JOBS:
            owner = next(iter(_owners(change.body)), "")
            self._keep(self._jobs, uid, self._cronjobs.get(owner, owner))
            if change.after is None and change.by == "kubectl":
                self._dropped.add(self._jobs.get(uid, ""))
            if is_over(change.body):
                self._over.setdefault(uid, self._world.kernel.now)

    def _keep(self, known: dict[str, str], uid: str, owner: str) -> None:
        if owner in self._graphcrons or self._runs.knows(owner):
            known.setdefault(uid, owner)

    def _check_owned(self, change: Change) -> None:
        """Check that the operator changes and deletes only its own objects."""
        before, after = change.before, change.after
        if before is None:
            return
        uid, what = before["metadata"]["uid"], f"{change.by} writes to {change.resource} {before['metadata']['name']}"
        if change.resource == GRAPHCRONS:
            only_status = after is not None and {**before, "status": 0, "metadata": 0} == {
                **after,
                "status": 0,
                "metadata": 0,
            }
            self.check(only_status, "of a GraphCron only the status is written", what)
        elif change.resource == CRONJOBS:
            owner = _controller(before)
            claims = not owner and _uid_label(before)
            suspends = bool(claims) and after is not None and after["spec"]["suspend"] is True
            self.check(
                owner in self._graphcrons or claims in self._graphcrons or suspends,
                "only what is ours is changed",
                what,
            )
        elif change.resource in (JOBS, PODS):
            owner = next(iter(_owners(before)), "")
            self.check(uid in self._jobs or owner in self._jobs, "only what is ours is changed", what)

    def _check_created(self, change: Change) -> None:
        body, metadata = change.body, change.body["metadata"]
        if change.resource not in (CRONJOBS, JOBS):
            return
        owner = next(iter(_owners(body)), "")
        began = self._began(change, body)
        gone = self._gone.get(owner, began) if self._was_reconciled(change.by, body, owner) else began
        name = f"{change.resource} {metadata['name']}"
        self.check(
            gone >= began, "nothing is made for a GraphCron that was gone", f"{change.by} makes {name} for {owner}"
        )
        trigger = metadata.get("annotations", {}).get(names.ANNOTATION_TRIGGER)
        if change.resource == JOBS and trigger:
            self._requested[owner, trigger] += 1
            # One that was deleted by hand before any answer or watch had shown it is made again.
            is_once = self._requested[owner, trigger] == 1 or owner in self._dropped
            self.check(is_once, "one Job for a request", f"{name} for {trigger}")

    def _check_order(self, change: Change) -> None:
        """What corrects comes before what starts."""
        if change.after is None or change.resource not in (CRONJOBS, JOBS) or is_of_graph_run(change.body):
            return
        began = self._began(change, change.body)
        here = (change.by, change.body["metadata"]["namespace"], _name_label(change.body))
        if change.resource == JOBS:
            self._started[here] = began
        elif _respecified(change):
            # What somebody else has changed, or a late request, no watch may have shown yet.
            is_late = self._world.plan.rate and "late" in self._world.plan.kinds
            is_own = self._changed_by.get(change.body["metadata"]["uid"], change.by)[:4] == change.by[:4]
            late = self._started.get(here) == began and is_own and not is_late
            self.check(
                not late,
                "corrected before anything is started",
                f"{change.by} writes {change.body['metadata']['name']} after a Job",
            )

    def _began(self, change: Change, body: Body) -> float:
        """Return when the reconciliation began that makes a change."""
        replica = next(each for each in self._world.replicas if each.name == change.by)
        return replica.began.get((body["metadata"]["namespace"], _name_label(body)), 0.0)

    def _was_reconciled(self, name: str, child: Body, owner: str) -> bool:
        """Return whether a replica's view knows that a GraphCron was reconciled before."""
        replica = next(each for each in self._world.replicas if each.name == name)
        view = replica.manager.store.body(Key(child["metadata"]["namespace"], _name_label(child)))
        return bool(view and view["metadata"]["uid"] == owner and view.get("status", {}).get("observedGeneration"))

    def _check_told(self, change: Change) -> None:
        """Check that a run is reported once, and remains reported."""
        before, after = (
            {run["job"] for run in (each or {}).get("status", {}).get("recentRuns", ()) if "job" in run}
            for each in (change.before, change.after)
        )
        known = self._told.setdefault(change.body["metadata"]["uid"], set())
        again = (after - before) & known
        self.check(not again, "each run is told once", f"{change.by} tells of {sorted(again)} again")
        known |= after

    # --- when all has come right --------------------------------------------------------------------------------------

    def settled(self) -> None:
        """Check everything after a time without faults."""
        self._runs.settled()
        api = self._world.api
        for body in api.all(GRAPHCRONS):
            self._check_graphcron(body)
        there = {each["metadata"]["uid"] for each in api.all(GRAPHCRONS)}
        for body in api.all(CRONJOBS):
            metadata, owner = body["metadata"], _controller(body)
            if owner:
                self.check(owner in there, "nothing stays of what is gone", f"CronJob {metadata['name']} of {owner}")
            elif is_ours(body) and _uid_label(body) not in there:
                self.check(
                    body["spec"]["suspend"] is True, "orphans are suspended", f"CronJob {metadata['name']} is not"
                )

    def _check_graphcron(self, body: Body) -> None:
        metadata = body["metadata"]
        place, status = f"{metadata['namespace']}/{metadata['name']}", body.get("status", {})
        self.check(status.get("observedGeneration") == metadata["generation"], "each generation is observed", place)
        ready = next((each for each in status.get("conditions", ()) if each["type"] == "Ready"), {})
        said = f"{place}: Ready={ready.get('status')} {ready.get('reason')}: {ready.get('message')}"
        try:
            graphcron = parse(body)
        except SpecError:
            self.check(ready.get("status") == "False", "a wrong spec is told", said)
            return
        wanted = cronjob_names(graphcron)
        found = {
            each["metadata"]["name"]: each
            for each in self._world.api.all(CRONJOBS)
            if each["metadata"]["namespace"] == metadata["namespace"]
        }
        taken = [name for name in wanted if name in found and not self._is_of(found[name], metadata["uid"])]
        if taken:
            self.check(ready.get("status") == "False", "a name that is taken is told", said)
            return
        # A run that got no pod is told until the next one.
        is_told = ready.get("reason") == Reason.POD_CANNOT_START and self._had_quota
        self.check(ready.get("status") == "True" or is_told, "a valid GraphCron is ready", said)
        own = {name: each for name, each in found.items() if _controller(each) == metadata["uid"]}
        self.check(own.keys() == set(wanted), "it has its CronJobs", f"{place} has {sorted(own)}, not {wanted}")
        for name, line in zip(wanted, graphcron.spec.lines, strict=True):
            if name in own:
                difference = _difference(own[name], body["spec"], line)
                self.check(not difference, "its CronJobs are as it wants them", f"{place}: {name} has {difference}")
        self._check_request(body, place)
        self._check_runs(body, place)

    def _is_of(self, cronjob: Body, uid: str) -> bool:
        return (_controller(cronjob) or _uid_label(cronjob)) == uid

    def _check_request(self, body: Body, place: str) -> None:
        uid = body["metadata"]["uid"]
        value = self._world.requests.get(uid)
        if value:
            jobs = self._requested[uid, value]
            skips = [
                each
                for each in body["status"].get("recentRuns", ())
                if each.get("trigger") == value and each["outcome"] == "Skipped" and "job" not in each
            ]
            late = self._world.plan.rate and "late" in self._world.plan.kinds
            self.check(
                jobs + len(skips) == 1 or bool((late or uid in self._dropped) and jobs),
                "a request is heard once",
                f"{place}: {value} has {jobs} Jobs, told {skips}",
            )

    def _check_runs(self, body: Body, place: str) -> None:
        """Check that each finished run is reported with its outcome."""
        uid, told = body["metadata"]["uid"], body["status"].get("recentRuns", ())
        occurrences: dict[tuple[str, str], list[Body]] = {}
        for job in self._world.api.all(JOBS):
            if self._jobs.get(job["metadata"]["uid"]) == uid and _is_run(job) and not is_of_graph_run(job):
                annotations = job["metadata"]["annotations"]
                known = annotations[names.ANNOTATION_SCHEDULED_TIMESTAMP], annotations.get(names.ANNOTATION_TRIGGER, "")
                occurrences.setdefault(known, []).append(job)
        for (scheduled, trigger), jobs in occurrences.items():
            over = [self._over.get(job["metadata"]["uid"], self._world.kernel.now) for job in jobs]
            if self._world.kernel.now - max(over) < TOLD_SECONDS:
                continue
            # Jobs of two lines that are due in the same minute work on one run.
            was = {self._world.controllers.outcomes[job["metadata"]["uid"]] for job in jobs}
            was -= {Outcome.UNKNOWN} if len(was) > 1 else set()
            about = [
                each
                for each in told
                if "graphRun" not in each and (each["scheduledTime"], each.get("trigger", "")) == (scheduled, trigger)
            ]
            entries = [each["outcome"] for each in about]
            right = len(entries) == 1 and entries[0] in was
            self.check(right, "each run is told as it was", f"{place}: that of {scheduled} was {was}, told {entries}")

        for run in told:
            if run.get("reason") == Reason.NOT_STARTED and "job" not in run:
                ends = {run.get("firstScheduledTime"), run["scheduledTime"]}
                there = [scheduled for scheduled, trigger in occurrences if not trigger and scheduled in ends]
                self.check(not there, "nothing is told as missed that was there", f"{place}: {run} beside {there}")

    def rested(self, version: int) -> None:
        """Check the writes of an idle operator."""
        writes = [each for each in self._world.api.log if each.version > version and each.by.startswith("op-")]
        said = ", ".join(f"{each.by} {each.resource} {each.body['metadata']['name']}" for each in writes[:5])
        most = 0 if self._world.plan.installations == 1 else len(self._world.api.all(GRAPHCRONS))
        self.check(len(writes) <= most, "nothing is written at rest", f"{len(writes)} writes: {said}")


def _difference(cronjob: Body, spec: Body, line: str) -> str:
    """Return the difference between a CronJob and the spec of its GraphCron."""
    found, wanted = (
        cronjob["spec"],
        {
            "schedule": line,
            "timeZone": "Etc/UTC",
            "suspend": spec.get("suspend", False),
            "concurrencyPolicy": "Forbid" if spec["concurrencyPolicy"] == "Forbid" else "Allow",
            "startingDeadlineSeconds": 120,
        },
    )
    wrong = [f"{key}={found.get(key)}" for key, value in wanted.items() if found.get(key) != value]
    container: Any = found["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]
    request = next(json.loads(each["value"]) for each in container["env"] if each["name"] == ENV_REQUEST)
    metadata = cronjob["metadata"]
    if request["assistant"] != spec["assistant"]:
        wrong.append(f"assistant={request['assistant']}")
    if metadata.get("labels", {}).get(names.LABEL_MANAGED_BY) != names.MANAGED_BY:
        wrong.append("no label")
    timeout = {"a": 3600, "b": 7200}.get(metadata["annotations"].get(names.ANNOTATION_INSTALLATION, ""), 604_800)
    if request.get("defaultTimeoutSeconds", 604_800) != timeout:
        wrong.append(f"the settings of another installation: {request['defaultTimeoutSeconds']}")
    return ", ".join(wrong)


def _respecified(change: Change) -> bool:
    return bool(change.after) and (change.before is None or change.before["spec"] != change.after["spec"])


def _is_run(job: Body) -> bool:
    is_odd = job["metadata"]["name"].startswith("odd-")
    return is_ours(job) and not is_odd and _label(job, names.LABEL_PURPOSE) != names.Purpose.PREFLIGHT


def _owners(body: Body) -> list[str]:
    return [each["uid"] for each in body["metadata"].get("ownerReferences", ())]


def _controller(body: Body) -> str:
    return next((each["uid"] for each in body["metadata"].get("ownerReferences", ()) if each.get("controller")), "")


def _label(body: Body, key: str) -> str:
    return str(body["metadata"].get("labels", {}).get(key, ""))


def _uid_label(body: Body) -> str:
    return _label(body, names.LABEL_UID)


def _name_label(body: Body) -> str:
    return _label(body, names.LABEL_NAME)
