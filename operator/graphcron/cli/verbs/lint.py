"""``lint``: find errors and warnings in files, without a cluster."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

import typer

from graphcron.api import names
from graphcron.cli import terminal
from graphcron.cli.app import app
from graphcron.cli.files.lint_warnings import MAX_RUNS_PER_DAY, advice
from graphcron.cli.options import Files, MoreFiles, named_files
from graphcron.cli.printing.output import as_json
from graphcron.errors import SpecError

if TYPE_CHECKING:
    from graphcron.cli.files.manifests import Manifest

UNREADABLE: Final = 2
"""Exit code if a file cannot be read, the same as for an invalid command line."""

NONE: Final = "there is no GraphCron, GraphRun or GraphServer in these files"


class Report(StrEnum):
    """Output format of problems."""

    TEXT = "text"
    GITHUB = "github"
    JSON = "json"


class Severity(StrEnum):
    """Severity of a finding."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A problem and its place."""

    file: str
    line: int
    column: int
    field: str
    problem: str
    remedy: str
    severity: Severity = Severity.ERROR

    @property
    def sentence(self) -> str:
        """The problem in one line."""
        return "; ".join(filter(None, (f"{self.field}: {self.problem}" if self.field else self.problem, self.remedy)))


@app.command()
def lint(
    files: Files = None,
    *,
    more: MoreFiles = None,
    report: Annotated[
        Report, typer.Option("--output", "-o", help="Output format: for people, for GitHub, or for programs.")
    ] = Report.TEXT,
    allow_none: Annotated[bool, typer.Option("--allow-none", help="Accept files without a GraphCron.")] = False,
    max_runs_per_day: Annotated[
        int, typer.Option("--max-runs-per-day", min=1, help="Warn about schedules with more runs on a day.")
    ] = MAX_RUNS_PER_DAY,
) -> None:
    """Find errors in files. Does not access the cluster.

    Exit code 0: no errors; 1: an error, or no GraphCron, GraphRun or GraphServer; 2: a file can't be read.
    """
    from graphcron.cli.files.manifests import paths

    manifests, unreadable = read_all(paths(*named_files(files, more)))
    now = datetime.now(UTC)  # noqa: TID251  (since when the schedules would be in force)
    found = unreadable + list(findings(manifests, now=now, max_runs_per_day=max_runs_per_day))
    if report is Report.JSON:
        terminal.block(as_json([asdict(each) for each in found]))
    else:
        for each in found:
            terminal.line(as_github(each) if report is Report.GITHUB else as_text(each))
    if not manifests and not unreadable:
        terminal.line(NONE, err=True)
        if not allow_none:
            raise typer.Exit(1)
    errors = [each for each in found if each.severity is Severity.ERROR]
    if errors:
        raise typer.Exit(UNREADABLE if unreadable else 1)
    if manifests:
        result = f"no errors, warnings: {len(found)}" if found else "no problems"
        terminal.line(f"{result} ({len(manifests)} checked)", err=True)


def read_all(files: Iterable[str]) -> tuple[list["Manifest"], list[Finding]]:
    """Read files; return their objects, and a finding for each file that can't be read."""
    from graphcron.cli.files.manifests import Unreadable, of_file

    manifests: list[Manifest] = []
    unreadable = []
    for file in files:
        try:
            manifests += of_file(file)
        except Unreadable as error:
            error_there = SpecError(field="", problem=error.problem, remedy=error.remedy)
            unreadable.append(_finding(file, (error.line, error.column), error_there))
    return manifests, unreadable


def findings(
    manifests: Sequence["Manifest"], *, now: datetime, max_runs_per_day: int = MAX_RUNS_PER_DAY
) -> Iterator[Finding]:
    """Yield the problems of each object, in the order of the files."""
    from graphcron.cli.files.graphrun_job import has_generated_name, place_of

    servers = {(each.namespace, each.name): each for each in manifests if each.kind == names.SERVER_KIND}
    graphcrons = [each for each in manifests if each.kind == names.KIND]
    first: dict[tuple[str, str, str], Manifest] = {}
    for manifest in manifests:
        found = [_at(manifest, error) for error in _problems(manifest, graphcrons, servers.values(), now=now)]
        found += _of_text(manifest)
        warnings = advice(manifest.body, now=now, max_runs_per_day=max_runs_per_day)
        found += [_at(manifest, each, Severity.WARNING) for each in (*warnings, *_similar(manifest, graphcrons))]
        identity = (manifest.kind, place_of(manifest), manifest.name)
        if identity in first:
            found.append(_at(manifest, _same_name(first[identity])))
        if not has_generated_name(manifest.body):
            first.setdefault(identity, manifest)
        yield from sorted(found, key=lambda each: (each.line, each.column))


def _of_text(manifest: "Manifest") -> Iterator[Finding]:
    """Yield the problems of the text that the parsed object no longer shows."""
    for field, line, column, first in manifest.repeated:
        twice = SpecError(field=field, problem=f"is a duplicate of line {first}", remedy="remove one of them")
        yield _finding(manifest.file, (line, column), twice)
    for field, line, column, stored in manifest.rounded:
        problem = f"is stored as {stored}, because the number has more than 64 bits"
        other = SpecError(field=field, problem=problem, remedy="write it in quotes, as a string")
        yield _finding(manifest.file, (line, column), other, Severity.WARNING)
    for field, line, column, stored in manifest.renamed:
        problem = f'is stored with the key "{stored}", because kubectl reads this key as a boolean'
        other = SpecError(field=field, problem=problem, remedy="write the key in quotes")
        yield _finding(manifest.file, (line, column), other, Severity.WARNING)


def _same_name(first: "Manifest") -> SpecError:
    line, _ = first.place("metadata.name")
    problem = f"another {first.kind} has the same name, in {first.file}:{line}, and one would replace the other"
    return SpecError(field="metadata.name", problem=problem, remedy="rename one of the two")


def _similar(manifest: "Manifest", graphcrons: Sequence["Manifest"]) -> Iterator[SpecError]:
    """Yield a warning about a reference to a GraphCron that may be in the cluster, but looks like one of the files."""
    from graphcron.api.graphruns import graphcron_name_of
    from graphcron.cli.files.graphrun_job import place_of, referenced

    name = graphcron_name_of(manifest.body) if manifest.kind == names.RUN_KIND else ""
    if not name or referenced(manifest, graphcrons):
        return
    others = [each.name for each in graphcrons if place_of(each) == place_of(manifest)]
    if near := get_close_matches(name, others, n=1):
        problem = f"these files have no GraphCron {name}"
        yield SpecError(field="spec.graphCronRef.name", problem=problem, remedy=f"did you mean {near[0]}?")


def _problems(
    manifest: "Manifest", graphcrons: Sequence["Manifest"], servers: Iterable["Manifest"], *, now: datetime
) -> list[SpecError]:
    from graphcron.api import v1alpha1
    from graphcron.cli.files.manifests import KINDS
    from graphcron.cli.verbs.render import cronjobs_of

    if manifest.kind not in KINDS:
        [near] = get_close_matches(manifest.kind, KINDS, n=1, cutoff=0)
        problem = f"{names.GROUP} has no kind {manifest.kind}"
        return [SpecError(field="kind", problem=problem, remedy=f"did you mean {near}?")]
    if manifest.kind == names.SERVER_KIND:
        return v1alpha1.server_problems(manifest.body)
    if manifest.kind == names.RUN_KIND:
        return _of_graphrun(manifest, graphcrons, servers, now=now)
    found = v1alpha1.problems(manifest.body)
    if not found:
        try:
            cronjobs_of(manifest, servers, now=now)
        except SpecError as error:
            found = [error]
    return found


def _of_graphrun(
    manifest: "Manifest", graphcrons: Sequence["Manifest"], servers: Iterable["Manifest"], *, now: datetime
) -> list[SpecError]:
    """Return the problems of a GraphRun, together with its GraphCron if the files contain a valid one."""
    from graphcron.api import v1alpha1
    from graphcron.api.graphruns import graphcron_name_of
    from graphcron.cli.files.graphrun_job import job_of, referenced, with_name

    graphcron = referenced(manifest, graphcrons)
    found = v1alpha1.run_problems(with_name(manifest.body))
    is_whole = not v1alpha1.problems(graphcron.body) if graphcron else not graphcron_name_of(manifest.body)
    if not found and is_whole:
        try:
            job_of(manifest, graphcron, servers, now=now)
        except SpecError as error:
            found = [error]
    return found


def _at(manifest: "Manifest", error: SpecError, severity: Severity = Severity.ERROR) -> Finding:
    return _finding(manifest.file, manifest.place(error.field), error, severity)


def _finding(file: str, place: tuple[int, int], error: SpecError, severity: Severity = Severity.ERROR) -> Finding:
    line, column = place
    return Finding(
        file=file,
        line=line,
        column=column,
        field=error.field,
        problem=error.problem,
        remedy=error.remedy,
        severity=severity,
    )


def as_text(finding: Finding) -> str:
    """Write a finding as compilers do."""
    warning = "warning: " if finding.severity is Severity.WARNING else ""
    return f"{finding.file}:{finding.line}:{finding.column}: {warning}{finding.sentence}"


def as_github(finding: Finding) -> str:
    """Write a finding as an annotation of a GitHub workflow."""
    properties = {"file": finding.file, "line": str(finding.line), "col": str(finding.column)}
    where = ",".join(f"{key}={_escaped(value, ':,')}" for key, value in properties.items())
    return f"::{finding.severity} {where}::{_escaped(finding.sentence)}"


def _escaped(text: str, more: str = "") -> str:
    text = text.replace("%", "%25")
    for each in f"\r\n{more}":
        text = text.replace(each, f"%{ord(each):02X}")
    return text
