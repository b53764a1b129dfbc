"""``diff``: the changes that an apply would make, in GraphCrons and in their CronJobs."""

import difflib
import json
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import typer

from graphcron import contract
from graphcron.api import names
from graphcron.cli import terminal
from graphcron.cli.app import PROGRAM, CliError, app
from graphcron.cli.clients.kubectl import GRAPHCRONS, GRAPHRUNS, GRAPHSERVERS, Kubectl, Object
from graphcron.cli.files.graphrun_job import has_generated_name
from graphcron.cli.files.placeholders import NO_UID, unknown_settings, with_server
from graphcron.cli.options import Files, MoreFiles, in_cluster, named_files
from graphcron.cli.verbs.lint import NONE
from graphcron.errors import GraphCronError, SpecError
from graphcron.unstructured.bounded_json import loads

if TYPE_CHECKING:
    from graphcron.cli.files.manifests import Manifest

DIFFERENCES, FAILED = 1, 2
"""Exit codes, the same as those of ``kubectl diff``."""

PLURALS: Final = {names.KIND: GRAPHCRONS, names.RUN_KIND: GRAPHRUNS, names.SERVER_KIND: GRAPHSERVERS}
LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"

_NOT_WRITTEN: Final = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "uid")
"""Fields of the metadata that the API server sets."""


@app.command()
@in_cluster
def diff(kubectl: Kubectl, files: Files = None, *, more: MoreFiles = None) -> None:
    """Show the changes that an apply would make. Covers GraphCrons, GraphRuns, GraphServers, and CronJobs.

    Sends a dry run to the API server. Values that come from the operator's settings are the same on both sides, or are
    shown in <angle brackets>. Exit code 0: no changes; 1: changes; 2: an error.
    """
    from graphcron.cli.files.manifests import read

    named = named_files(files, more)
    now = datetime.now(UTC)  # noqa: TID251  (since when a changed schedule would be in force)
    try:
        manifests = list(read(*named))
        if not manifests:
            raise CliError(NONE)
        found = [text for text in changes(manifests, kubectl, now=now) if text]
    except GraphCronError as error:
        terminal.line(f"error: {error}", err=True)
        raise typer.Exit(FAILED) from None
    for text in found:
        terminal.block(text)
    if found:
        raise typer.Exit(DIFFERENCES)


@dataclass(frozen=True)
class _Servers:
    """GraphServers in the cluster, some of which are replaced."""

    kubectl: Kubectl
    given: dict[tuple[str, str], Object] = field(default_factory=dict)

    def named_by(self, body: Object) -> list[Object]:
        """Return the GraphServer that a GraphCron names, if there is one."""
        name = ((body.get("spec") or {}).get("serverRef") or {}).get("name")
        if not name:
            return []
        namespace = body["metadata"]["namespace"]
        found = self.given.get((namespace, name)) or replace(self.kubectl, namespace=namespace).find(GRAPHSERVERS, name)
        return [found] if found else []


def changes(manifests: Iterable["Manifest"], kubectl: Kubectl, *, now: datetime) -> Iterator[str]:
    """Yield the changes of each object; an empty text means no change.

    Raises
    ------
    CliError
        A manifest is not valid, or the cluster rejects it.
    """
    before, after = _Servers(kubectl), _Servers(kubectl)
    pairs = [_pair(each, kubectl) for each in manifests]
    for _, merged in pairs:
        if merged["kind"] == names.SERVER_KIND:
            after.given[merged["metadata"]["namespace"], merged["metadata"]["name"]] = merged
    for live, merged in pairs:
        yield difference(live and without_noise(live), without_noise(merged))
        if merged["kind"] == names.KIND:
            uid, there = merged["metadata"]["uid"], replace(kubectl, namespace=merged["metadata"]["namespace"])
            seen = there.children("cronjobs", uid) if live else []
            old = cronjobs_of(live, before.named_by(live), seen, now=now) if live else {}
            new = cronjobs_of(merged, after.named_by(merged), seen, now=now)
            _refuse_foreign(there, set(new) - {each["metadata"]["name"] for each in seen}, uid)
            for name in {**old, **new}:
                yield difference(old.get(name), new.get(name))


def _pair(manifest: "Manifest", kubectl: Kubectl) -> tuple[Object | None, Object]:
    """Return an object in the cluster, and the same object after an apply."""
    from graphcron.api.v1alpha1 import parse, parse_run, parse_server

    if manifest.kind not in PLURALS:
        more = shlex.join([PROGRAM, "lint", manifest.file])
        raise CliError(f"{manifest.file}: {names.GROUP} has no kind {manifest.kind}; {more} shows details")
    if has_generated_name(manifest.body):
        raise CliError(f"{manifest.file}: metadata.generateName: is only for kubectl create; set metadata.name")
    with manifest.blamed():
        {names.KIND: parse, names.RUN_KIND: parse_run, names.SERVER_KIND: parse_server}[manifest.kind](manifest.body)
    there = replace(kubectl, namespace=manifest.namespace or kubectl.namespace)
    live = there.find(PLURALS[manifest.kind], manifest.name)
    # Each as it was applied before: only then does what the file no longer has go away.
    by_client = live is None or LAST_APPLIED in (live["metadata"].get("annotations") or {})
    how = [] if by_client else ["--server-side", "--force-conflicts"]
    how += [f"--namespace={there.namespace}"] if there.namespace else []
    text = there.run("apply", "--dry-run=server", "--output=json", "-f", "-", *how, stdin=json.dumps(manifest.body))
    merged = loads(text)
    merged["metadata"]["uid"] = live["metadata"]["uid"] if live else NO_UID
    return live, merged


def _refuse_foreign(kubectl: Kubectl, wanted: Iterable[str], uid: str) -> None:
    """Refuse names of CronJobs that belong to another owner, as the operator does."""
    from graphcron.cache.objects import cached_cronjob

    for name in wanted:
        found = kubectl.find("cronjobs", name)
        if found and not cached_cronjob(found).belongs_to(uid):
            raise CliError(
                f"a CronJob named {name} exists and does not belong to this GraphCron; "
                f"rename the GraphCron, or delete the CronJob: {kubectl.hint('kubectl', 'delete', 'cronjob', name)}"
            )


def cronjobs_of(body: Object, servers: Iterable[Object], seen: Iterable[Object], *, now: datetime) -> dict[str, Object]:
    """Return the CronJobs of a GraphCron by name, in readable form; none if the GraphCron is not valid.

    Parameters
    ----------
    seen
        Its existing CronJobs, which store the time since which its schedules have been in effect.
    """
    from graphcron.api.v1alpha1 import parse
    from graphcron.cache.objects import cached_cronjob
    from graphcron.manifests.cronjob import PersistedState, cronjobs_for

    settings = unknown_settings()
    known = {each["metadata"]["name"]: cached_cronjob(each) for each in seen}
    first = known.get(body["metadata"]["name"])
    persisted = PersistedState(paused_since=first.paused_since if first else None)
    try:
        graphcron = with_server(parse(body), servers, settings)
        made = cronjobs_for(graphcron, settings, known, persisted, now=now)
    except SpecError:
        return {}
    return {each["metadata"]["name"]: _readable(each) for each in made}


def _readable(cronjob: Object) -> Object:
    """Remove the operator's annotations, and write the request as an object instead of one line of JSON."""
    readable: Object = json.loads(json.dumps(cronjob))
    del readable["metadata"]["annotations"]
    for variable in readable["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["env"]:
        if variable["name"] == contract.ENV_REQUEST:
            variable["value"] = json.loads(variable["value"].replace("$$", "$"))
    return readable


def without_noise(body: Object) -> Object:
    """Return the fields of an object that a user writes."""
    metadata = {key: value for key, value in body["metadata"].items() if key not in _NOT_WRITTEN}
    annotations = {key: value for key, value in (metadata.get("annotations") or {}).items() if key != LAST_APPLIED}
    metadata.pop("annotations", None)
    if annotations:
        metadata["annotations"] = annotations
    return {**{key: value for key, value in body.items() if key != "status"}, "metadata": metadata}


def difference(live: Object | None, merged: Object | None) -> str:
    """Return the difference between two states of an object, as ``kubectl diff`` does; None: it does not exist."""
    name = terminal.in_line(_name(live or merged or {}))
    before, after = (_lines(each) for each in (live, merged))
    lines = list(difflib.unified_diff(before, after, f"LIVE/{name}", f"MERGED/{name}"))
    return f"diff -u -N LIVE/{name} MERGED/{name}\n{''.join(lines)}" if lines else ""


def _lines(body: Object | None) -> list[str]:
    from graphcron.cli.files.manifests import written

    return written(body, sort_keys=True).splitlines(keepends=True) if body else []


def _name(body: Mapping[str, Any]) -> str:
    metadata = body["metadata"]
    group = body["apiVersion"].replace("/", ".")
    return f"{group}.{body['kind']}.{metadata.get('namespace', '')}.{metadata['name']}"
