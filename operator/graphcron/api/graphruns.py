"""Fields of the body of a GraphRun, even if the rest of it is invalid."""

from collections.abc import Mapping
from typing import Any

from graphcron.api.reasons import ConditionType
from graphcron.unstructured.fields import object_at, objects_at, text_at


def is_over(body: Mapping[str, Any]) -> bool:
    """Return whether a GraphRun has ended; it never starts again."""
    conditions = objects_at(object_at(body, "status"), "conditions")
    ends = (ConditionType.COMPLETE, ConditionType.FAILED)
    return any(each.get("type") in ends and each.get("status") == "True" for each in conditions)


def graphcron_name_of(body: Mapping[str, Any]) -> str:
    """Return the name in ``graphCronRef``; empty: there is none."""
    return text_at(object_at(body, "spec", "graphCronRef"), "name")
