"""Objects that are larger than any that is accepted: of their spec, flags, numbers and the size are kept.

Of a CronJob and a Job also what their pods carry that an administrator limits, since a GraphCron that is accepted may
make one as large as that.

The API server stores objects of up to 1.5 MB, which take up to twenty times as much in Python. 300 of them would take
the operator's memory, and with it the GraphCrons of all others.
"""

from collections.abc import Mapping
from typing import Any, Final

from graphcron.api.restricted import carried_by, spec_with
from graphcron.unstructured.bounded_json import dumps, fast_loads
from graphcron.unstructured.fields import object_at

LARGEST_SPEC: Final = 256 * 1024
"""Bytes of the largest spec that is read. The request within it may have 100 KiB."""

SPEC_BYTES: Final = "specBytes"
"""Member of an object of whose spec a part was left out: the size of the spec. No field of ours has this name."""


def bounded(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an object as it is, unless its spec is too large: then of that only what is read is kept."""
    size = len(dumps(body.get("spec")))
    if size <= LARGEST_SPEC:
        return body
    spec = object_at(body, "spec")
    kept: dict[str, Any] = {key: value for key, value in spec.items() if isinstance(value, bool | int)}
    if "jobTemplate" in spec:
        kept["jobTemplate"] = {"spec": spec_with(carried_by(object_at(spec, "jobTemplate", "spec")))}
    elif "template" in spec:
        kept |= spec_with(carried_by(spec))
    return {**body, "spec": kept, SPEC_BYTES: size}


def bounded_text(text: bytes) -> bytes:
    """Return the JSON of an object, or of an event with one, so that its spec is not too large."""
    if len(text) <= LARGEST_SPEC:
        return text
    value = fast_loads(text)
    found = object_at(value, "object")
    return dumps({**value, "object": bounded(found)} if found else bounded(value))
