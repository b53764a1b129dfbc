"""The API server takes every golden CronJob as it is."""

from pathlib import Path

import pytest

GOLDEN = sorted((Path(__file__).parents[1] / "golden/cronjob").glob("*.yaml"))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_cronjob_is_taken(cluster, namespace, path):
    text = path.read_text().replace("namespace: agents", f"namespace: {namespace}")
    done = cluster.kubectl("apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-", stdin=text)
    assert done.stdout.strip() == f"cronjob.batch/{path.stem} serverside-applied (server dry run)"
    # No warning: neither about the *restricted* Pod Security Standard nor about anything else.
    assert not done.stderr
