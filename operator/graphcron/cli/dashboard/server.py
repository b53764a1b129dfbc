"""The answers of the HTTP server."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from importlib.resources import files
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from graphcron.cli.app import CliError
from graphcron.cli.clients.kubectl import Object
from graphcron.cli.dashboard.commands import command_for, preview_of
from graphcron.cli.dashboard.details import log_of, object_details
from graphcron.cli.dashboard.due_times import due
from graphcron.cli.dashboard.live import Dashboard
from graphcron.cli.dashboard.store import as_json
from graphcron.unstructured.bounded_json import loads
from graphcron.unstructured.fields import EARLIEST_YEAR, LATEST_YEAR

STATIC: Final = str(files("graphcron.cli.dashboard") / "static")

MOST_BODY: Final = 2 * 1024 * 1024
MOST_DAYS: Final = 366


def app_for(dashboard: Dashboard) -> Starlette:
    """Return the application, without its guard."""
    answers = _Answers(dashboard)
    routes = [
        Route("/api/state", answers.state),
        Route("/api/events", answers.events),
        Route("/api/due", answers.due),
        Route("/api/load", answers.load),
        Route("/api/object", answers.details),
        Route("/api/log", answers.log),
        Route("/api/rights", answers.rights),
        Route("/api/command", answers.command, methods=["POST"]),
        Route("/api/execute", answers.execute, methods=["POST"]),
        Mount("/", StaticFiles(directory=STATIC, html=True)),
    ]
    return Starlette(routes=routes, lifespan=dashboard.following, exception_handlers={CliError: _failure})


class _Answers:
    """The answer to each request."""

    def __init__(self, dashboard: Dashboard) -> None:
        self._dashboard = dashboard
        self._kubectl = dashboard.kubectl

    async def state(self, _: Request) -> Response:
        return _json(await self._dashboard.state())

    async def events(self, request: Request) -> Response:
        since = request.headers.get("last-event-id") or request.query_params.get("since", "")
        return StreamingResponse(self._dashboard.events(since), media_type="text/event-stream")

    async def due(self, request: Request) -> Response:
        begin, end = (_time(request, each) for each in ("from", "to"))
        if not 0 <= (end - begin).days <= MOST_DAYS:
            raise CliError(f"to: is not within {MOST_DAYS} days after from")
        plans = self._dashboard.store.plans()
        return _json(await asyncio.to_thread(lambda: as_json(due(plans, begin, end))))

    async def load(self, _: Request) -> Response:
        return JSONResponse(await self._dashboard.load())

    async def details(self, request: Request) -> Response:
        given = {each: request.query_params.get(each, "") for each in ("kind", "namespace", "name")}
        return JSONResponse(await asyncio.to_thread(lambda: object_details(self._kubectl, **given)))

    async def log(self, request: Request) -> Response:
        given = {each: request.query_params.get(each, "") for each in ("namespace", "job")}
        return PlainTextResponse(await asyncio.to_thread(lambda: log_of(self._kubectl, **given)))

    async def rights(self, request: Request) -> Response:
        return JSONResponse(await self._dashboard.rights(request.query_params.get("namespace", "")))

    async def command(self, request: Request) -> Response:
        found = command_for(await _body(request), self._kubectl)
        return JSONResponse({"command": found.text, "argv": found.words})

    async def execute(self, request: Request) -> Response:
        body = await _body(request)
        found = command_for(body, self._kubectl)
        if body.get("command") != found.text:
            raise CliError("command: is not the command that was shown")
        wanted = preview_of(found) if body.get("dryRun") is True else found
        if wanted is None:
            raise CliError(f"dryRun: {found.words[0]} has no dry run")
        return JSONResponse(await self._dashboard.processes.run(wanted))


async def _failure(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 400)


def _json(text: str) -> Response:
    return Response(text, media_type="application/json")


def _time(request: Request, name: str) -> datetime:
    text = request.query_params.get(name, "")
    with suppress(ValueError):
        found = datetime.fromisoformat(text)
        if found.tzinfo and EARLIEST_YEAR < found.year < LATEST_YEAR - 1:
            return found.astimezone(UTC)
    raise CliError(f"{name}: {text[:80]!r} is not a time such as 2027-01-31T08:00:00Z")


async def _body(request: Request) -> Object:
    text = b""
    async for part in request.stream():
        text += part
        if len(text) > MOST_BODY:
            raise CliError("the request is too large")
    try:
        found = loads(text.decode())
    except ValueError as error:
        raise CliError("the request is not JSON") from error
    if not isinstance(found, dict):
        raise CliError("the request is not a JSON object")
    return found
