"""Whose object is whose: by namespace and owner reference. Pure.

Anybody who may create pods somewhere can give one any label, with the UID of a GraphCron in another namespace. So a
label tells at most where to look; what counts is whom the owner references name.
"""

from collections.abc import Mapping
from typing import Any

from graphcron.api import names
from graphcron.unstructured.fields import object_at, objects_at, text_at


def owner_key(body: Mapping[str, Any]) -> tuple[str, str]:
    """Return namespace and name of the GraphCron that an object of ours says it belongs to."""
    metadata = body["metadata"]
    return metadata.get("namespace", ""), text_at(object_at(metadata, "labels"), names.LABEL_NAME)


def controller_uid(body: Mapping[str, Any]) -> str:
    """Return the UID of the owner that controls an object; empty where none does."""
    owners = objects_at(body["metadata"], "ownerReferences")
    return next((text_at(owner, "uid") for owner in owners if owner.get("controller")), "")


def owner_uid(body: Mapping[str, Any]) -> str:
    """Return the UID of an object's owner: its controller, or the GraphCron, GraphServer or CronJob that made a Job.

    The Jobs that no schedule makes have no controller, nor have those that Argo CD makes of a CronJob.
    """
    owners = objects_at(body["metadata"], "ownerReferences")
    ours = (text_at(owner, "uid") for owner in owners if _may_make_jobs(owner))
    return controller_uid(body) or next(ours, "")


def _may_make_jobs(owner: Mapping[str, Any]) -> bool:
    api_version = text_at(owner, "apiVersion")
    is_cronjob = api_version.startswith("batch/") and owner.get("kind") == "CronJob"
    return is_cronjob or api_version == names.API_VERSION


def claimed_group(body: Mapping[str, Any]) -> str:
    """Return the group of the GraphCron or GraphServer that a Job or pod says it belongs to."""
    metadata = body["metadata"]
    return group_of(metadata.get("namespace", ""), text_at(object_at(metadata, "labels"), names.LABEL_UID))


def group_of(namespace: str, uid: str) -> str:
    """Return the group of all that says it belongs to an object: only what is in the namespace of that one."""
    return f"{namespace}/{uid}"


def head_of(group: str) -> str:
    """Return the UID of the object that a group belongs to."""
    return group.partition("/")[2]
