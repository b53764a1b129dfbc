"""Reduces objects that are larger than any valid one: of their spec, it keeps flags, numbers and the size.

Of a CronJob and a Job, it also keeps the restricted fields of the pods, since a valid GraphCron may have a CronJob of
that size.

The API server stores objects of up to 1.5 MB, which take up to twenty times as much in Python. 300 of them would take
the operator's memory, and with it the GraphCrons of all others.
"""

from collections.abc import Mapping
from typing import Any, Final

from graphcron.api.restricted import restricted_fields, spec_with_restricted
from graphcron.unstructured.bounded_json import dumps, fast_loads
from graphcron.unstructured.fields import object_at

LARGEST_SPEC: Final = 256 * 1024
"""Bytes of the largest spec that is read. The request within it may have 100 KiB."""

SPEC_BYTES: Final = "specBytes"
"""Member of an object of whose spec a part was left out: the size of the spec. No field of a CRD has this name."""


def bounded(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an object as it is, unless its spec is too large: then of that only what is read is kept."""
    size = len(dumps(body.get("spec")))
    if size <= LARGEST_SPEC:
        return body
    spec = object_at(body, "spec")
    kept: dict[str, Any] = {key: value for key, value in spec.items() if isinstance(value, bool | int)}
    if "jobTemplate" in spec:
        kept["jobTemplate"] = {"spec": spec_with_restricted(restricted_fields(object_at(spec, "jobTemplate", "spec")))}
    elif "template" in spec:
        kept |= spec_with_restricted(restricted_fields(spec))
    return {**body, "spec": kept, SPEC_BYTES: size}


def bounded_text(text: bytes) -> bytes:
    """Return the JSON of an object, or of an event with one, so that its spec is not too large."""
    if len(text) <= LARGEST_SPEC:
        return text
    value = fast_loads(text)
    found = object_at(value, "object")
    return dumps({**value, "object": bounded(found)} if found else bounded(value))
