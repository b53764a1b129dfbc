"""GraphRuns that a stranger made: whatever they hold, the operator reports on them and harms nobody else."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from graphcron.api import names
from graphcron.api.graphruns import is_over
from graphcron.api.v1alpha1 import GraphRunStatus, read_status, run_problems
from graphcron.cache.graphruns import cached_graph_run, compact, ttl_seconds
from graphcron.cache.store import Key
from graphcron.contract import Outcome
from graphcron.errors import ClusterError
from tests.unit.hostile import AMOUNTS, JSON, NUMBERS, PROFILE, TEXT, TIMES, mapping
from tests.unit.run_world import RunWorld
from tests.unit.test_hostile import BODIES, CONDITIONS, METADATA, SPEC

STATUS = mapping(
    observedGeneration=NUMBERS, conditions=st.lists(CONDITIONS, max_size=3), job=TEXT, graphCronUid=TEXT,
    outcome=st.sampled_from([*Outcome, "Novel"]) | TEXT, reason=TEXT, message=TEXT, runId=TEXT, startTime=TIMES,
    completionTime=TIMES, durationSeconds=NUMBERS, attempts=NUMBERS, tokens=NUMBERS, cost=AMOUNTS,
)  # fmt: skip
RUN_SPEC = mapping(
    assistant=st.just("agent"), graphCronRef=mapping(name=st.just("report")) | JSON, input=JSON, config=JSON,
    scheduledTime=TIMES, startingDeadlineSeconds=NUMBERS, ttlSecondsAfterFinished=NUMBERS, context=JSON,
    serverRef=mapping(name=TEXT), concurrencyPolicy=TEXT,
)  # fmt: skip
GRAPHRUNS = st.builds(
    lambda metadata, spec, status: {
        "apiVersion": names.API_VERSION, "kind": names.RUN_KIND, "spec": spec, "status": status,
        "metadata": {**metadata, "name": "once", "namespace": "agents", "uid": "u", "generation": 3},
    },
    METADATA, RUN_SPEC | SPEC | JSON, STATUS | JSON,
)  # fmt: skip
RUN = Key("agents", "once", names.RUN_KIND)


@PROFILE
@given(GRAPHRUNS)
def test_any_graphrun_is_kept_and_read_again(body: Any):
    cached_graph_run(body)
    kept = compact(body)
    assert is_over(kept) == is_over(body)
    assert ttl_seconds(kept) == ttl_seconds(body)
    assert all(str(each) for each in run_problems(body))


@PROFILE
@given(GRAPHRUNS, st.lists(BODIES, max_size=3))
def test_any_graphrun_with_any_children_is_reported_and_its_graphcron_is_ready(body: Any, children: list[Any]):
    world = RunWorld()
    world.graphcron()
    world.objects[names.RUN_PLURAL, "once"] = body
    world.store.update(body, deleted=False)
    for number, child in enumerate(children):
        owner = {"apiVersion": names.API_VERSION, "kind": names.RUN_KIND, "uid": "u"}
        metadata = {**child["metadata"], "namespace": "agents", "uid": f"child-{number}", "ownerReferences": [owner]}
        labels = {names.LABEL_UID: "u", names.LABEL_NAME: "once", names.LABEL_PURPOSE: "run"}
        job = {**child, "kind": "Job", "metadata": {**metadata, "labels": labels}}
        world.store.update(job, deleted=False)
    for _ in range(2):
        with suppress(ClusterError):
            world.reconcile(RUN)
        with suppress(ClusterError):
            world.reconcile(Key("agents", "report"))
        world.now += timedelta(days=1)
    assert world.conditions("report", names.PLURAL)["Ready"] == "Reconciled"
    found = world.objects.get((names.RUN_PLURAL, "once"))
    if found and found is not body:
        assert read_status(GraphRunStatus, found) != GraphRunStatus()
