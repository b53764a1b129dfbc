"""Ownership of objects by namespace and owner reference.

A user who can create Pods in one namespace can label them with the UID of a GraphCron in another namespace. So a label
is only an index; the owner references decide.
"""

from collections.abc import Mapping
from typing import Any

from graphcron.api import names
from graphcron.unstructured.fields import object_at, objects_at, text_at


def owner_key(body: Mapping[str, Any]) -> tuple[str, str]:
    """Return the namespace and name of the GraphCron in an object's label."""
    metadata = body["metadata"]
    return metadata.get("namespace", ""), text_at(object_at(metadata, "labels"), names.LABEL_NAME)


def controller_uid(body: Mapping[str, Any]) -> str:
    """Return the UID of an object's controller; empty: it has none."""
    owners = objects_at(body["metadata"], "ownerReferences")
    return next((text_at(owner, "uid") for owner in owners if owner.get("controller")), "")


def owner_uid(body: Mapping[str, Any]) -> str:
    """Return the UID of an object's owner: its controller, or the GraphCron, GraphServer or CronJob of a Job.

    Jobs that the operator creates have no controller, nor have Jobs that Argo CD creates from a CronJob.
    """
    owners = objects_at(body["metadata"], "ownerReferences")
    ours = (text_at(owner, "uid") for owner in owners if _may_make_jobs(owner))
    return controller_uid(body) or next(ours, "")


def _may_make_jobs(owner: Mapping[str, Any]) -> bool:
    api_version = text_at(owner, "apiVersion")
    is_cronjob = api_version.startswith("batch/") and owner.get("kind") == "CronJob"
    return is_cronjob or api_version == names.API_VERSION


def claimed_group(body: Mapping[str, Any]) -> str:
    """Return the group of the GraphCron or GraphServer in the label of a Job or Pod."""
    metadata = body["metadata"]
    return group_of(metadata.get("namespace", ""), text_at(object_at(metadata, "labels"), names.LABEL_UID))


def group_of(namespace: str, uid: str) -> str:
    """Return the group of the objects in a namespace that are labelled with this UID."""
    return f"{namespace}/{uid}"


def head_of(group: str) -> str:
    """Return the UID of the object that heads a group."""
    return group.partition("/")[2]
