"""What an administrator limits in the pods of a Job, read from the spec of a Job or of a CronJob's Jobs. Pure.

Any user may have written the spec, so what is kept of it is bounded: more than a GraphCron may have is unreadable.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from graphcron import contract
from graphcron.api import names
from graphcron.unstructured.bounded_json import fast_loads
from graphcron.unstructured.fields import object_at, objects_at, text_at

MAX_ENTRIES: Final = 64
"""The most variables, labels or annotations that are kept; a GraphCron may have 64 variables and 32 of the others."""

LONGEST_VALUE: Final = 256
"""The longest value of an annotation in characters; of a longer one the beginning is kept, with a mark."""

_CUT: Final = "…"
_LONGEST_URL: Final = 2048
_LONGEST_IMAGE: Final = 1024
_LONGEST_NAME: Final = 253
_URL: Final = re.compile(r"https?://[^\s?#]+", re.ASCII)

_KUBERNETES_LABELS: Final = frozenset({"controller-uid", "job-name"})
"""Set by the Job controller on the Job's pods, as are those with its prefix."""

Pairs = tuple[tuple[str, str], ...]
"""Labels or annotations, sorted."""


@dataclass(frozen=True, slots=True)
class RestrictedFields:
    """The fields of a pod template that an administrator limits; unreadable ones are empty, which no list allows."""

    server: str = ""
    """URL of the server that the pods ask."""
    image: str = ""
    """Repository of the runner's image, without tag and digest."""
    env: tuple[str, ...] = ()
    """Names of the variables that are not the operator's own."""
    annotations: Pairs = ()
    """Annotations that neither the operator nor Kubernetes sets."""
    labels: Pairs = ()
    """Labels that neither the operator nor Kubernetes sets."""
    service_account: str = ""

    @property
    def is_unconfined(self) -> bool:
        """Whether an annotation changes the security profile of the pods."""
        return bool(_profiles(self.annotations))


UNREADABLE: Final = RestrictedFields()
"""The fields of a spec that can't be read."""


def restricted_fields(job: Mapping[str, Any]) -> RestrictedFields:
    """Return the restricted fields of the pods in a Job's spec."""
    pod, metadata = object_at(job, "template", "spec"), object_at(job, "template", "metadata")
    annotations = _foreign(object_at(metadata, "annotations"))
    container = next((each for each in objects_at(pod, "containers") if each.get("name") == names.CONTAINER), {})
    variables = {text_at(each, "name"): each for each in objects_at(container, "env")}
    request = text_at(variables.get(contract.ENV_REQUEST, {}), "value")
    found = RestrictedFields(
        server=_url_in(request.replace("$$", "$")),
        image=repository_of(text_at(container, "image")),
        env=tuple(name for name in variables if not name.startswith(names.ENV_PREFIX)),
        annotations=tuple((key, _short(value)) for key, value in annotations),
        labels=_foreign(object_at(metadata, "labels")),
        service_account=text_at(pod, "serviceAccountName"),
    )
    return _shared(found if _is_bounded(found) else RestrictedFields(annotations=_profiles(found.annotations)[:1]))


def spec_with_restricted(restricted: RestrictedFields) -> dict[str, Any]:
    """Return the spec of a Job whose pods have these fields and no others."""
    request = json.dumps({"url": restricted.server}).replace("$", "$$")
    container = {
        "name": names.CONTAINER,
        "image": restricted.image,
        "env": [{"name": contract.ENV_REQUEST, "value": request}, *({"name": name} for name in restricted.env)],
    }
    metadata = {"labels": dict(restricted.labels), "annotations": dict(restricted.annotations)}
    pod = {"serviceAccountName": restricted.service_account, "containers": [container]}
    return {"template": {"metadata": metadata, "spec": pod}}


def repository_of(image: str) -> str:
    """Return the name of an image without its tag and digest."""
    name = image.partition("@")[0]
    path, slash, last = name.rpartition("/")
    return path + slash + last.partition(":")[0]


def _url_in(request: str) -> str:
    try:
        found = fast_loads(request)
    except ValueError:
        return ""
    url = text_at(object_at(found), "url")
    return url if len(url) <= _LONGEST_URL and _URL.fullmatch(url) else ""


def _foreign(pairs: Mapping[str, Any]) -> Pairs:
    """Return labels or annotations without those that the operator or Kubernetes sets."""
    ours = names.MANAGED_LABELS | _KUBERNETES_LABELS
    found = (each for each in pairs.items() if each[0] not in ours and not each[0].startswith(names.RESERVED_PREFIXES))
    return tuple(sorted((key, value) for key, value in found if isinstance(value, str)))


def _profiles(annotations: Iterable[tuple[str, str]]) -> Pairs:
    """Return the annotations that change the security profile of pods."""
    return tuple(each for each in annotations if each[0].startswith(names.PROFILE_PREFIXES))


def _short(value: str) -> str:
    return value if len(value) <= LONGEST_VALUE else value[:LONGEST_VALUE] + _CUT


def _is_bounded(found: RestrictedFields) -> bool:
    """Return whether a GraphCron may have this many; the API server limits the keys of labels and annotations."""
    few = all(len(each) <= MAX_ENTRIES for each in (found.env, found.annotations, found.labels))
    short = all(len(each) <= _LONGEST_NAME for each in (found.service_account, *found.env))
    return few and short and len(found.image) <= _LONGEST_IMAGE


@lru_cache(maxsize=256)
def _shared(restricted: RestrictedFields) -> RestrictedFields:
    """Return one value for equal ones, since most CronJobs have the same."""
    return restricted
