"""Write docs/api.md: all fields of GraphCron and GraphServer, as the CRDs and the model declare them.

python hack/docs/api_page.py [--check]
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from graphcron.api import names
from graphcron.api.crd import GRAPHCRON, KINDS, Kind
from reference.markdown import anchor, code, either, item, main, plain, prose, table, titled, with_default, wrapped
from reference.model import check_defaults, documented
from reference.refusals import Refusal, refused, same_as
from reference.schema import Field, fields, is_below, schema_of, type_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


HEAD = f"""\
# API reference

<!-- Made by hack/docs/api_page.py: change api/v1alpha1 or api/names.py of the operator, then run `make generate`. -->

The resources of `{names.API_VERSION}`: [GraphCron](#graphcron) and [GraphServer](#graphserver).

- The anchor of each field is its path. `spec.retry.attempts` is at `#spec.retry.attempts`, and the `spec.url` of a
  GraphServer is at `#graphserver.spec.url`. `kubectl explain gcron.spec.retry` prints the same descriptions.
- The operator applies defaults and never writes them to the object. The schema contains no defaults, so an object in
  the cluster remains identical to its file in Git.
- "Refused" lists the error messages. The API server rejects an object with such a message, after the path of the field.
  If only the operator can detect an error, the list marks it, and `Ready` is False with reason `InvalidSpec`.
  [`graphcron lint`](cli.md#validate-files) detects both kinds of errors in files.
"""

MORE: Final = {
    "spec.thread": "runs.md#threads",
    "spec.schedule": "schedules.md#schedule-syntax",
    "spec.schedules": "schedules.md#multiple-schedules",
    "spec.timeZone": "schedules.md#time-zones-and-daylight-saving-time",
    "spec.interruptBefore": "human-in-the-loop.md",
    "spec.interruptAfter": "human-in-the-loop.md",
    "spec.startTime": "schedules.md#start-and-end-time",
    "spec.endTime": "schedules.md#start-and-end-time",
    "spec.excludes": "schedules.md#exclusions",
    "spec.concurrencyPolicy": "runs.md#concurrency",
    "spec.startingDeadlineSeconds": "schedules.md#missed-runs",
    "spec.catchUp": "schedules.md#missed-runs",
    "spec.onInterrupted": "runs.md#interrupted-runs",
    "spec.retry": "runs.md#retry",
    "spec.failurePolicy": "runs.md#pause-after-failures",
    "spec.budget": "budgets.md",
    "spec.history": "runs.md#retention",
    "spec.server": "servers.md#select-a-server",
    "spec.serverRef": "servers.md#graphserver",
    "spec.preflight": "servers.md#preflight",
    "status.conditions": "troubleshooting.md",
    "status.missedRuns": "schedules.md#missed-runs",
    "status.budget": "budgets.md#where-usage-is-stored",
    "status.preflight": "servers.md#preflight",
    "status.recentRuns": "promises.md#told-apart",
    "graphserver.spec": "servers.md#graphserver",
    "graphserver.spec.caBundleRef": "private-ca.md",
    "graphserver.spec.maxConcurrentRuns": "runs.md#limit-concurrent-runs-on-a-server",
    "graphserver.spec.budget": "budgets.md",
    names.ANNOTATION_RUN_REQUESTED: "schedules.md#run-now",
    names.ANNOTATION_RESUME_REQUESTED: "runs.md#pause-after-failures",
    names.ANNOTATION_HEALTH_INCLUDES_RUNS: "gitops.md#health",
}
"""Where a field's or an annotation's ways are told at length."""

_BY_USERS: Final = f"Set by users on a {names.KIND}: "
"""How the text of an annotation begins that users set."""

_FOR_SELECTORS: Final = (names.LABEL_NAME, names.LABEL_UID, names.LABEL_PURPOSE)


def page() -> str:
    """Return the text of the page."""
    return "\n".join([HEAD, *(line for kind in KINDS for line in _kind(kind)), *_annotations(), *_labels()])


def anchor_of(kind: Kind, path: str) -> str:
    """Return the anchor of a field: its path, without the marks of lists."""
    prefix = "" if kind is GRAPHCRON else f"{kind.model.__name__.lower()}."
    return prefix + path.replace("[]", "")


def _kind(kind: Kind) -> Iterator[str]:
    check_defaults(kind)
    schema, name = schema_of(kind), kind.model.__name__
    yield f"## {name}"
    yield ""
    yield wrapped(f"{schema['description']} In `kubectl`: `{kind.plural}`, or `{kind.short}`. It lives in a namespace.")
    yield ""
    yield table(("Field", "Type", "What it says"), _top(kind))
    yield ""
    yield from _refusals(kind, "", [each for each in refused(kind) if each.path in {"metadata.name", "spec"}])
    yield from _spec(kind)
    yield from _status(kind)
    yield from _columns(kind)


def _top(kind: Kind) -> Iterator[tuple[str, str, str]]:
    """Yield the rows of the fields that every resource of Kubernetes has."""
    name = kind.model.__name__
    said = {
        "apiVersion": f"`{names.API_VERSION}`",
        "kind": f"`{name}`",
        "metadata": "Standard metadata: `name`, `namespace`, `labels`, `annotations`",
        "metadata.name": f"Name of the {name}, at most {names.MAX_NAME_LENGTH} characters",
    }
    for each in fields(schema_of(kind)):
        place = anchor_of(kind, each.path)
        if each.path in said:
            yield (
                f"{anchor(place)}[{code(each.path)}](#{place})",
                f"{type_of(each.schema)}; **required**",
                said[each.path],
            )
        elif "." not in each.path:
            required = "; **required**" if each.required else ""
            yield f"[{code(each.path)}](#{place})", type_of(each.schema) + required, prose(each.description)


def _spec(kind: Kind) -> Iterator[str]:
    found, name = list(fields(schema_of(kind))), kind.model.__name__
    own = [each for each in found if each.path.count(".") == 1 and each.path.startswith("spec.")]
    yield from (anchor(anchor_of(kind, "spec")), "", f"### Spec of a {name}")
    yield from ("", wrapped(prose(_description(kind, "spec"))), "")
    yield wrapped(", ".join(f"[`{_last(each)}`](#{anchor_of(kind, each.path)})" for each in own) + ".")
    yield ""
    for each in own:
        yield from _section(kind, each, [other for other in found if is_below(other.path, each.path)])


def _section(kind: Kind, field: Field, nested: Sequence[Field]) -> Iterator[str]:
    """Yield all about a field and those below it."""
    yield from _heading(kind, field)
    text, default = with_default(field.description)
    facts = ["Required" if field.required else "", _sentence(type_of(field.schema)), default and f"Default: {default}"]
    yield wrapped(f"*{'. '.join(filter(None, facts))}.*")
    yield ""
    yield from (wrapped(prose(text)), "")
    if nested:
        yield from (_fields(kind, field.path, nested), "")
    ours = [each for each in refused(kind) if each.path == field.path or is_below(each.path, field.path)]
    yield from _refusals(kind, field.path, ours)
    yield from _more(anchor_of(kind, field.path))


def _status(kind: Kind) -> Iterator[str]:
    found = [each for each in fields(schema_of(kind)) if each.path.startswith("status.")]
    parts = {each.path for each in found if "properties" in each.schema or "properties" in each.schema.get("items", {})}
    yield from (anchor(anchor_of(kind, "status")), "", f"### Status of a {kind.model.__name__}")
    yield from ("", wrapped(f"{prose(_description(kind, 'status'))} Fields without a value are absent."), "")
    yield _fields(kind, "status", [each for each in found if each.path.count(".") == 1 and each.path not in parts])
    yield ""
    for each in found:
        if each.path in parts:
            below = [other for other in found if is_below(other.path, each.path)]
            yield from _heading(kind, each)
            yield from (f"*{_sentence(type_of(each.schema))}.*", "", wrapped(prose(each.description)), "")
            yield from (_fields(kind, each.path, below), "")
            yield from _more(anchor_of(kind, each.path))


def _heading(kind: Kind, field: Field) -> Iterator[str]:
    prefix = "" if kind is GRAPHCRON else f"{kind.model.__name__} "
    yield from (anchor(anchor_of(kind, field.path)), "", f"#### {prefix}{code(field.path)}", "")


def _fields(kind: Kind, above: str, found: Iterable[Field]) -> str:
    """Return a table of fields, their names without what stands above the table."""
    rows = []
    for each in found:
        place = anchor_of(kind, each.path)
        text, default = with_default(each.description)
        shown = code(each.path.removeprefix(above).removeprefix("[]").removeprefix("."))
        needed = "; **required**" if each.required and not above.startswith("status") else ""
        rows.append((f"{anchor(place)}[{shown}](#{place})", type_of(each.schema) + needed, prose(text), prose(default)))
    return table(("Field", "Type", "What it says", "Default"), rows)


def _refusals(kind: Kind, above: str, found: Sequence[Refusal]) -> Iterator[str]:
    """Yield what is refused; what is refused alike of several fields, once."""
    if not found:
        return
    yield "Refused:"
    yield ""
    alike: dict[str, list[Refusal]] = {}
    for each in found:
        by = " (by the operator)" if each.operator else ""
        alike.setdefault(_alike(kind, each) or plain(each.message) + by, []).append(each)
    for message, blamed in alike.items():
        where = ", ".join(code(path) for path in dict.fromkeys(each.path for each in blamed) if path != above)
        yield item(f"{where}: {message}" if where else message)
    yield ""


def _alike(kind: Kind, refusal: Refusal) -> str:
    """Return what stands for many messages where another field has them all."""
    other = same_as(kind, refusal)
    return f"the same as of [{code(other)}](#{anchor_of(kind, other)})" if other else ""


def _more(place: str) -> Iterator[str]:
    if place in MORE:
        yield from (f"More: {titled(MORE[place])}", "")


def _columns(kind: Kind) -> Iterator[str]:
    yield from (f"### Columns of a {kind.model.__name__}", "")
    yield from (f"Columns of `kubectl get {kind.short}` in addition to the name.", "")
    rows = ((title, code(path), "with `-o wide`" if wide else "") for title, _, path, wide in kind.columns)
    yield from (table(("Column", "What it shows", "When"), rows), "")


def _annotations() -> Iterator[str]:
    yield from ("## Annotations", "", f"You may set these on a {names.KIND}.", "")
    own = ((key, text) for key, text in documented("ANNOTATION_").items() if text.startswith(_BY_USERS))
    rows = ((anchor(key) + code(key), _sentence(text.removeprefix(_BY_USERS)), titled(MORE[key])) for key, text in own)
    yield from (table(("Annotation", "What it does", "More"), rows), "")


def _labels() -> Iterator[str]:
    yield from ("## Labels", "", "The operator sets these labels on the objects that it creates.", "")
    texts, purposes = documented("LABEL_"), either([each.value for each in names.Purpose])
    said = {key: texts[key].replace(", as in :class:`Purpose`", f": {purposes}") for key in _FOR_SELECTORS}
    yield from (table(("Label", "What it says"), ((anchor(key) + code(key), text) for key, text in said.items())), "")


def _description(kind: Kind, path: str) -> str:
    return next(each.description for each in fields(schema_of(kind)) if each.path == path)


def _last(field: Field) -> str:
    return field.path.rpartition(".")[2]


def _sentence(text: str) -> str:
    """Begin with a capital."""
    return text[:1].upper() + text[1:]


if __name__ == "__main__":
    raise SystemExit(main("api_page.py", "docs/api.md", page(), sys.argv[1:]))
