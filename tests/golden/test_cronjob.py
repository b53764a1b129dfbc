"""GraphCron → CronJobs and Jobs, as pairs of files."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from graphcron.api import names
from graphcron.api.graphrun_ref import effective_graphcron
from graphcron.api.names import Purpose
from graphcron.api.server_ref import resolved
from graphcron.api.v1alpha1 import GraphCron, GraphServer, parse, parse_run, parse_server
from graphcron.cache.objects import RequestAnnotation
from graphcron.manifests.job import graph_run_job_for
from graphcron.planning.preflight import PreflightIntervals, plan_preflight, probe_of
from graphcron.settings import Settings
from tests.unit.world import World

HERE = Path(__file__).parent
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SETTINGS = Settings(
    server_url="http://langgraph.agents.svc:2024",
    runner_image="example.com/runner:1",
    prices={"*": {"input": "2.50", "output": "10"}, "gpt-5-mini": {"input": "0.25", "output": "2"}},
)
DEFAULTS = {
    "labels": {"team": "platform", "tier": "batch"},
    "annotations": {"example.com/owner": "platform"},
    "nodeSelector": {"pool": "agents"},
    "tolerations": [{"key": "agents", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
    "serviceAccountName": "runner",
    "priorityClassName": "low",
}
"""What the administrator sets for the input ``runner-defaults``."""
INPUTS = sorted((HERE / "input").glob("*.yaml"))
UIDS = {names.KIND: "7a3f0f5e-0000-4000-8000-000000000001", names.SERVER_KIND: "7a3f0f5e-0000-4000-8000-000000000002"}


def objects_of(path: Path) -> tuple[GraphCron, GraphServer | None]:
    """Read an input file, as if the API server had taken it."""
    bodies = {}
    for body in yaml.safe_load_all(path.read_text()):
        created = {"creationTimestamp": "2026-11-22T12:00:00Z", "generation": 1}
        metadata = {"namespace": "agents", "uid": UIDS[body["kind"]], **created}
        bodies[body["kind"]] = {**body, "metadata": {**metadata, **body["metadata"]}}
    server = parse_server(bodies[names.SERVER_KIND]) if names.SERVER_KIND in bodies else None
    return resolved(parse(bodies[names.KIND]), server), server


def world_of(name: str) -> World:
    """Return the GraphCron of an input file, looked at once."""
    settings = replace(SETTINGS, runner_defaults=DEFAULTS) if name == "runner-defaults" else SETTINGS
    world = World(objects_of(HERE / f"input/{name}.yaml")[0], settings)
    world.look(NOW)
    return world


def trigger() -> Any:
    """Make the Job of a run that somebody asks for."""
    world = world_of("retry")
    world.trigger = RequestAnnotation("2026-11-22T12:00:05Z", NOW + timedelta(seconds=5))
    world.look(NOW + timedelta(seconds=6))
    return world.made_for(Purpose.TRIGGER)


def catch_up() -> Any:
    """Make the Job of a run that nobody started in time."""
    world = world_of("several-schedules")
    world.look(NOW + timedelta(days=2))
    return world.made_for(Purpose.CATCH_UP)


def preflight() -> Any:
    """Make the Job that looks before the first run."""
    return world_of("full").made_for(Purpose.PREFLIGHT)


def probe() -> Any:
    """Make the Job that looks at a GraphServer."""
    server = objects_of(HERE / "input/graph-server.yaml")[1]
    assert server is not None
    day = timedelta(days=1)
    found = plan_preflight(
        names.SERVER_KIND,
        probe_of(server),
        SETTINGS,
        previous=None,
        objects=([], []),
        intervals=PreflightIntervals(day, day),
        succeeded=None,
        now=NOW,
    )
    return [found.manifest]


def graph_run(name: str) -> Any:
    """Make the Job of a GraphRun, with the GraphCron of the input `full` or with its own settings."""
    body = yaml.safe_load((HERE / f"input/graph-run/{name}.yaml").read_text())
    metadata = {"namespace": "agents", "uid": "7a3f0f5e-0000-4000-8000-000000000003"}
    body = {**body, "metadata": {**metadata, "creationTimestamp": "2026-11-22T12:00:00Z", **body["metadata"]}}
    run = parse_run(body)
    full = yaml.safe_load((HERE / "input/full.yaml").read_text())
    full["metadata"] |= {"namespace": "agents", "uid": UIDS[names.KIND]}
    graphcron = effective_graphcron(run, body, full if run.spec.graph_cron_ref else None)
    scheduled = run.spec.scheduled_time or NOW
    return [graph_run_job_for(graphcron, SETTINGS, run.metadata, scheduled=scheduled, created=NOW)]


def cronjobs(name: str) -> Any:
    """Make the CronJobs of an input file."""
    return world_of(name).look(NOW).cronjobs


JOBS = {
    "trigger": trigger,
    "catch-up": catch_up,
    "preflight": preflight,
    "probe": probe,
    "graph-run-of-a-graphcron": partial(graph_run, "of-a-graphcron"),
    "graph-run": partial(graph_run, "minimal"),
}
CASES = {
    **{f"cronjob/{path.name}": partial(cronjobs, path.stem) for path in INPUTS},
    **{f"job/{name}.yaml": make for name, make in JOBS.items()},
}


@pytest.mark.parametrize("file", CASES)
def test_what_is_made_is_as_written_down(file, request):
    expected = HERE / file
    text = yaml.safe_dump_all(CASES[file](), sort_keys=False, allow_unicode=True, width=120)
    if request.config.getoption("--update-golden"):
        expected.write_text(text)
    assert text == expected.read_text()


def test_every_expected_file_is_made_of_something():
    expected = {str(path.relative_to(HERE)) for folder in ("cronjob", "job") for path in (HERE / folder).glob("*.yaml")}
    assert set(CASES) == expected
