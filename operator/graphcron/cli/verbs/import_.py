"""``import``: convert the crons of a LangGraph server to GraphCrons."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from graphcron.cli import terminal
from graphcron.cli.app import CliError, app
from graphcron.cli.clients.langgraph import API_KEY_ENV, LangGraph, is_header, key_in

if TYPE_CHECKING:
    from graphcron.cli.migration.cron_import import ImportedCron

STDOUT: Final = "-"


@app.command("import")
def import_crons(
    *,
    url: Annotated[str, typer.Option("--url", help="Base URL of the LangGraph server.")],
    api_key_env: Annotated[str, typer.Option(help="Environment variable that holds your API key.")] = API_KEY_ENV,
    header: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="Additional header to send.")] = None,
    namespace: Annotated[str | None, typer.Option("--namespace", "-n", help="Namespace of the GraphCrons.")] = None,
    secret: Annotated[str | None, typer.Option(help="Secret that holds the runs' API key as api-key.")] = None,
    output: Annotated[
        str, typer.Option("--output-dir", metavar="DIR", help="Folder for the files. Default: standard output.")
    ] = STDOUT,
    disable_originals: Annotated[
        bool, typer.Option("--disable-originals", help="Disable the converted crons, so that no run starts twice.")
    ] = False,
    delete_originals: Annotated[
        bool, typer.Option("--delete-originals", help="Delete converted crons that the server cannot disable.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
) -> None:
    """Convert the crons of a server to GraphCrons. Changes the server only with --disable-originals."""
    from graphcron.cli.migration.cron_import import import_cron, server_of

    if delete_originals and not disable_originals:
        raise typer.BadParameter("give --disable-originals, too", param_hint="--delete-originals")
    headers = dict(map(_header, header or ()))
    server = LangGraph(url, key_in(api_key_env), headers)
    place, notes = server_of(url, secret, headers)
    crons = server.crons()
    assistants = {each: server.assistant(each) for cron in crons if (each := cron.get("assistant_id"))}
    found = [
        import_cron(cron, assistants.get(cron.get("assistant_id") or ""), server=place, namespace=namespace)
        for cron in crons
    ]
    _write(found, url, output)
    _tell(found, notes, url)
    if disable_originals:
        _retire(server, found, delete=delete_originals, yes=yes)


def _header(pair: str) -> tuple[str, str]:
    name, equals, value = pair.partition("=")
    if not name or not equals or not is_header(pair):
        raise typer.BadParameter("write it as NAME=VALUE", param_hint="--header")
    return name, value


def _write(found: Sequence["ImportedCron"], url: str, output: str) -> None:
    from graphcron.cli.migration.cron_import import text_of

    if output == STDOUT:
        terminal.block("---\n".join(text_of(each, url) for each in found))
        return
    folder = Path(output)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for each in found:
            file = folder / f"{each.name}.yaml"
            if file.exists():
                _say(f"{file} exists and is kept as it is")
            else:
                file.write_text(text_of(each, url), encoding="utf-8")
    except OSError as error:
        raise CliError(f"{error.filename or output}: {error.strerror}; choose another --output-dir") from error


def _tell(found: Sequence["ImportedCron"], notes: Sequence[str], url: str) -> None:
    for note in notes if found else ():
        _say(note)
    for each in found:
        for note in each.notes:
            _say(f"{each.name}: {note}")
        for problem in each.refused:
            _say(f"{each.name}: written commented out, since GraphCron refuses it: {problem}")
    refused = sum(bool(each.refused) for each in found)
    _say(f"{_crons(found)} of {url}: {len(found) - refused} as GraphCrons, {refused} commented out")


def _retire(server: LangGraph, found: Sequence["ImportedCron"], *, delete: bool, yes: bool) -> None:
    """Disable the crons whose GraphCron is complete; the others stay enabled."""
    for each in found:
        if each.enabled and each.refused:
            _say(f"cron {each.cron_id} stays enabled, since {each.name} is commented out")
        elif each.enabled and each.credentials:
            _say(f"cron {each.cron_id} stays enabled, since {each.name} lacks {', '.join(each.credentials)}")
    wanted = [each for each in found if each.enabled and not each.refused and not each.credentials]
    if not wanted:
        _say("there is no cron to disable")
        return
    if not yes:
        terminal.confirm(f"Disable {_crons(wanted)} on the server?")
    stuck = [each for each in wanted if not _retired(server, each, delete=delete)]
    if stuck:
        raise CliError(f"{_crons(stuck)} can't be disabled by the server: --delete-originals deletes such crons")


def _retired(server: LangGraph, each: "ImportedCron", *, delete: bool) -> bool:
    if server.disable(each.cron_id):
        _say(f"cron {each.cron_id} is disabled; {each.name} takes its place")
    elif delete:
        server.delete(each.cron_id)
        _say(f"cron {each.cron_id} is deleted; {each.name} takes its place")
    else:
        _say(f"cron {each.cron_id} can't be disabled")
        return False
    return True


def _crons(found: Sequence["ImportedCron"]) -> str:
    return "1 cron" if len(found) == 1 else f"{len(found)} crons"


def _say(line: str) -> None:
    terminal.line(line, err=True)
