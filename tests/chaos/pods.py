"""Faults of pods: killed, deleted, evicted; and Jobs that are there twice."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from graphcron.api import names
from graphcron.runner.occurrence.record_thread import (
    ACTIVE,
    KIND,
    KIND_SHARED,
    OCCURRENCE,
    POD,
    RUN_ID,
    STATE,
    THREAD_ID,
)
from tests.chaos.faults import Faults, pick
from tests.e2e.crons import runner_state
from tests.occurrence import start_occurrence

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.chaos.faults import Plan
    from tests.chaos.watcher import Watcher
    from tests.e2e.crons import Crons
    from tests.e2e.killer import Killer

MOST = 3
"""No Job is hit more often: at the seventh pod it gives up, and its run is nobody's until the next occurrence."""


class PodFaults(Faults):
    """Hits pods of Jobs that are under way."""

    def __init__(
        self,
        crons: Crons,
        watcher: Watcher,
        killer: Killer,
        *,
        spared: frozenset[str],
        plan: Plan,
    ) -> None:
        super().__init__("pods", plan)
        self._crons, self._watcher, self._killer = crons, watcher, killer
        self._spared = spared
        self._hits: Counter[str] = Counter()
        self._doubled: set[str] = set()

    def kinds(self) -> dict[str, Callable[[], bool]]:
        """Return the faults."""
        return {
            "runner killed": self._kill,
            "runner killed at its start": lambda: self._kill(young=True),
            "pod deleted": lambda: self._delete_pod(None),
            "pod deleted by force": lambda: self._delete_pod(0),
            "pod evicted": self._evict,
            "Job doubled": self._double,
            "thread swept": self._sweep,
        }

    def _kill(self, *, young: bool = False) -> bool:
        pod = self._victim(young=young)
        if pod is None:
            return False
        self._killer.kill(pod["metadata"]["uid"], pod["spec"]["nodeName"])
        self.note(f"killed {pod['metadata']['name']}")
        return True

    def _delete_pod(self, grace: int | None) -> bool:
        pod = self._victim()
        if pod is None:
            return False
        body = {} if grace is None else {"gracePeriodSeconds": grace}
        self._crons.api.send("DELETE", self._crons.path("pods", pod["metadata"]["name"]), body)
        self.note(f"deleted {pod['metadata']['name']} (grace {grace})")
        return True

    def _evict(self) -> bool:
        pod = self._victim()
        if pod is None:
            return False
        name = pod["metadata"]["name"]
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
        self._crons.api.send("POST", f"{self._crons.path('pods', name)}/eviction", body)
        self.note(f"evicted {name}")
        return True

    def _double(self) -> bool:
        """Make a second Job of an occurrence, as a CronJob controller does that has lost its memory."""
        jobs = [job for job in self._watcher.present("jobs") if self._may_be_doubled(job)]
        job = pick(self.random, jobs)
        if job is None:
            return False
        name, _, minute = job["metadata"]["name"].rpartition("-")
        self._doubled.add(job["metadata"]["name"])
        owner = job["metadata"]["ownerReferences"][0]["name"]
        start_occurrence(self._crons.cluster, self._crons.namespace, owner, minute=int(minute), job=f"{name}-dup")
        self.note(f"doubled {job['metadata']['name']}")
        return True

    def _sweep(self) -> bool:
        """Delete the record of an occurrence whose run goes on, as a server does that sweeps threads; kill its pod."""
        query = {"metadata": {KIND: KIND_SHARED, STATE: ACTIVE}, "limit": 100}
        found = [each for each in self._crons.server.post("/threads/search", query) if _has_run(each)]
        if not found:
            return False
        record = self.random.choice(sorted(found, key=lambda each: each["thread_id"]))
        status, _ = self._crons.server.ask("DELETE", f"/threads/{record['thread_id']}")
        uid = record["metadata"].get(POD)
        for pod in self._watcher.present("pods"):
            if pod["metadata"]["uid"] == uid and self._may_be_hit(pod):
                self._hits[_job_of(pod)] += 1
                self._killer.kill(uid, pod["spec"]["nodeName"])
        self.note(f"swept {record['thread_id']} of {record['metadata'].get(OCCURRENCE)}: {status}")
        return status in {200, 204}

    def _may_be_doubled(self, job: Any) -> bool:
        labels, name = job["metadata"].get("labels", {}), job["metadata"]["name"]
        scheduled = names.LABEL_PURPOSE not in labels and not is_spared(labels.get(names.LABEL_NAME, ""), self._spared)
        return scheduled and not _is_over(job) and "-dup-" not in name and name not in self._doubled

    def _victim(self, *, young: bool = False) -> Any:
        """Return a pod whose runner runs; young: the one that has started last."""
        pods = [pod for pod in self._watcher.present("pods") if self._may_be_hit(pod)]
        if young:
            pods = sorted(pods, key=lambda pod: str(pod["status"].get("startTime")))[-1:]
        pod = pick(self.random, pods)
        if pod is not None:
            self._hits[_job_of(pod)] += 1
        return pod

    def _may_be_hit(self, pod: Any) -> bool:
        labels = pod["metadata"].get("labels", {})
        ours = names.LABEL_NAME in labels and not is_spared(labels[names.LABEL_NAME], self._spared)
        runs = "running" in runner_state(pod) and not pod["metadata"].get("deletionTimestamp")
        return ours and runs and self._hits[_job_of(pod)] < MOST


def is_spared(name: str, spared: frozenset[str]) -> bool:
    """Tell whether a GraphCron, or the GraphCron of a GraphRun, which has its name and a suffix, is left alone."""
    return name in spared or name.rpartition("-")[0] in spared


def _has_run(record: Any) -> bool:
    """Return whether a record names a run, which is on another thread."""
    run, thread = (record["metadata"].get(each) for each in (RUN_ID, THREAD_ID))
    return bool(run and thread and thread != record["thread_id"])


def _job_of(pod: Any) -> str:
    return str(pod["metadata"]["labels"].get(names.LABEL_JOB_NAME))


def _is_over(job: Any) -> bool:
    return any(each["type"] in ("Complete", "Failed") for each in job.get("status", {}).get("conditions", []))
