"""The API server takes every golden CronJob and Job as it is."""

from pathlib import Path

import pytest
import yaml

GOLDEN = sorted((Path(__file__).parents[1] / "golden").glob("*job/*.yaml"))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_it_is_taken(cluster, shared, path):
    text = path.read_text().replace("namespace: agents", f"namespace: {shared}")
    done = cluster.kubectl("apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-", stdin=text)
    names = [f"{each['kind'].lower()}.batch/{each['metadata']['name']}" for each in yaml.safe_load_all(text)]
    assert done.stdout.strip().splitlines() == [f"{name} serverside-applied (server dry run)" for name in names]
    # No warning: neither about the *restricted* Pod Security Standard nor about anything else.
    assert not done.stderr
