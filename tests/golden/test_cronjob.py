"""GraphCron → CronJob, as pairs of files."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from graphcron.desired import cronjob_for
from graphcron.model import parse
from graphcron.settings import Settings

HERE = Path(__file__).parent
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SETTINGS = Settings(server_url="http://langgraph.agents.svc:2024", runner_image="example.com/runner:1")
INPUTS = sorted((HERE / "input").glob("*.yaml"))


def manifest_of(path: Path) -> dict:
    """Make the CronJob of an input file, as if the API server had taken the file."""
    body = yaml.safe_load(path.read_text())
    metadata = {"namespace": "agents", "uid": "7a3f0f5e-0000-4000-8000-000000000001", "generation": 1}
    return cronjob_for(parse({**body, "metadata": {**metadata, **body["metadata"]}}), SETTINGS, None, now=NOW)


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: path.stem)
def test_cronjob_is_as_written_down(path, request):
    expected = HERE / "cronjob" / path.name
    text = yaml.safe_dump(manifest_of(path), sort_keys=False, allow_unicode=True, width=120)
    if request.config.getoption("--update-golden"):
        expected.write_text(text)
    assert text == expected.read_text()


def test_every_cronjob_has_its_input():
    assert {path.name for path in INPUTS} == {path.name for path in (HERE / "cronjob").glob("*.yaml")}
