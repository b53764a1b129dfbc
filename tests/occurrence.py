"""Starting an occurrence now, as the CronJob controller does at its minute."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from graphcron.api import names

if TYPE_CHECKING:
    from tests.cluster import Cluster


def start_occurrence(
    cluster: Cluster,
    namespace: str,
    name: str,
    *,
    minute: int | None = None,
    job: str | None = None,
    container: dict[str, Any] | None = None,
) -> str:
    """Make the Job of an occurrence from the CronJob's template, and return its name.

    Parameters
    ----------
    minute
        Scheduled minute (unix time / 60). Default: the present one, or the next one where the schedule took effect
        within the present one, since what was due before is skipped.
    job
        First part of the Job's name, for a second Job of the same occurrence. Default: the CronJob's name.
    container
        Members of the runner's container that replace the template's.
    """
    cronjob = cluster.get("cronjob", name, "--namespace", namespace)
    since = datetime.fromisoformat(cronjob["metadata"]["annotations"][names.ANNOTATION_SCHEDULE_SINCE]).timestamp()
    if minute is None:
        minute = max(int(time.time() // 60), math.ceil(since / 60))
    template = cronjob["spec"]["jobTemplate"]
    template["spec"]["template"]["spec"]["containers"][0] |= container or {}
    manifest = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": f"{job or name}-{minute}",
            "namespace": namespace,
            "labels": template["metadata"].get("labels", {}),
            "annotations": {
                **template["metadata"].get("annotations", {}),
                names.ANNOTATION_SCHEDULED_TIMESTAMP: datetime.fromtimestamp(minute * 60, UTC).isoformat(),
            },
            "ownerReferences": [
                {
                    "apiVersion": "batch/v1",
                    "kind": "CronJob",
                    "name": name,
                    "uid": cronjob["metadata"]["uid"],
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "spec": template["spec"],
    }
    cluster.apply(manifest, namespace=namespace)
    return str(manifest["metadata"]["name"])
