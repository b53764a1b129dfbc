"""Check whether a run could start, without starting one. All requests only read.

It reports only what is certain: a server can hide things from a key that may still use them.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

from graphcron.contract import Outcome, Report
from graphcron.runner.admission.checks import at_breakpoint
from graphcron.runner.client import answers
from graphcron.runner.client.errors import CertificateError, RequestRejected, RunEnded, RunResult
from graphcron.runner.client.langgraph_api import Json
from graphcron.runner.client.objects import member
from graphcron.runner.context import RunContext
from graphcron.runner.occurrence import outcome
from graphcron.runner.occurrence.input import load_input
from graphcron.runner.preflight import json_schema

PATIENCE_SECONDS: Final = 30.0
"""How long to retry if the server does not answer."""

ASSISTANTS: Final = 100
"""Maximum number of assistants to search for a name."""

NO_INPUT: Final = (
    "there is no input, and without one every graph fails on a fresh thread with EmptyInputError; "
    "set input, if only to {}"
)

_WHERE: Final = "GET /assistants/ASSISTANT_ID/schemas tells what the graph takes"

T = TypeVar("T")

KNOWN_LIMITATIONS: Final = {
    "aegra": "this server lets a second run start on a busy thread, so multitaskStrategy: reject has no effect; of an "
    "error it tells no class; and it must be 0.11 or later",
}
"""Known limitations of servers, by their own name in lower case."""


def check_all(ctx: RunContext) -> Report:
    """Make all checks in order; the first that fails determines the report."""
    ctx.client.start_deadline = ctx.clock.now() + PATIENCE_SECONDS
    preflight = Preflight(ctx)
    try:
        result = preflight.result()
    except RunEnded as ended:
        result = ended.result
    except CertificateError as error:
        result = RunResult(Outcome.REJECTED, "CertificateNotTrusted", str(error))
    except RequestRejected as error:
        result = outcome.of_refusal(error, ctx.settings.credentials)
    awaited = True if preflight.awaited else None
    return Report(result.outcome, result.message, result.reason, server=preflight.server, awaited=awaited)


class Preflight:
    """The checks, and what they have found so far."""

    def __init__(self, ctx: RunContext) -> None:
        self.ctx = ctx
        self.server = ""
        """Product and version."""
        self.awaited = False
        """The thread waits for human input."""
        self.has_thread = False
        """The thread of the next run exists, and may have a checkpoint."""
        self.notes: list[str] = []
        """Hints that do not prevent a run."""

    def result(self) -> RunResult:
        """Make all checks.

        Raises
        ------
        RunEnded, RequestRejected, CertificateError
        """
        request = self.ctx.settings.request
        self._server()
        said = f"{self.server or 'a LangGraph server'} answers"
        if request.assistant:
            assistant = self._assistant(request.assistant)
            said += f", and has the assistant {request.assistant}" if assistant else ""
            self._thread()
            self._values(self._schemas(assistant) if assistant else {})
        return RunResult(Outcome.SUCCEEDED, "", "; ".join([said, *self.notes]))

    def _optional(self, call: Callable[[], T], note: str) -> T | None:
        """Make a request that no run needs; without an answer, add a note."""
        try:
            return self.ctx.client.retry(call)
        except RunEnded as ended:
            if ended.result.outcome is not Outcome.SERVER_UNREACHABLE:
                raise
            self.notes.append(note)
            return None

    def _server(self) -> None:
        ctx = self.ctx
        if not ctx.client.retry(ctx.api.is_langgraph):
            raise _rejected("NotALangGraphServer", "the server at this URL is not a LangGraph server")
        info = self._optional(ctx.api.info, "GET /info, which tells its version, was not answered")
        self.server = answers.product_of(info or {})
        lacks = KNOWN_LIMITATIONS.get(self.server.partition(" ")[0].lower())
        if lacks:
            self.notes.append(lacks)

    def _assistant(self, name: str) -> str:
        """Return the id of the assistant; empty if the key can't see it, which does not mean that it is missing."""
        unseen = f"whether it has the assistant {name} can't be seen"
        try:
            found = self._optional(lambda: self._find(name), f"{unseen}: a question for it was not answered")
        except RequestRejected as error:  # a run needs only the right to threads
            self.ctx.log("assistants-not-seen", status=error.status)
            found = ""
        if found == "":
            self.notes.append(f"{unseen} with this key")
        return found or ""

    def _find(self, name: str) -> str:
        api, ask = self.ctx.api, self.ctx.client.retry
        if answers.is_uuid(name):
            if ask(lambda: api.assistant(name)):
                return name
        else:
            found = ask(lambda: _of_graph(api.search_assistants, name))
            if found:
                assistant = _system_first(found)[0].get("assistant_id")
                return str(assistant) if answers.is_uuid(assistant) else ""
        every = ask(lambda: api.search_assistants({"limit": ASSISTANTS}))
        if not _shows_all(every) or (len(every) == ASSISTANTS and not answers.is_uuid(name)):
            return ""
        raise _no_assistant(name)

    def _thread(self) -> None:
        ctx, request = self.ctx, self.ctx.settings.request
        if not ctx.settings.shares_thread:
            return
        thread = ctx.client.thread(ctx.settings.thread_id)
        if thread is None:
            if request.thread and not request.createThread:
                raise _rejected(
                    "ThreadNotFound", f"there is no thread {ctx.settings.thread_id}; set thread.create to make it"
                )
            self.notes.append("the thread will be made by the first run")
            return
        self.has_thread = True
        self.awaited = outcome.waits_for_human(thread) or at_breakpoint(ctx, thread)
        if self.awaited:
            skipped = (
                "runs are skipped until it is answered" if request.onInterrupted == "skip" else "a run discards it"
            )
            self.notes.append(f"the thread waits for human input, and {skipped}")

    def _schemas(self, assistant: str) -> Json | None:
        note = "the input was not checked: the question for the graph's schemas was not answered"
        return self._optional(lambda: self.ctx.api.schemas(assistant), note)

    def _values(self, schemas: Json | None) -> None:
        """Check that there is an input, and compare input, context and config with the graph's schemas."""
        value = load_input(self.ctx.settings)
        if value is None and not self.has_thread:
            raise _rejected("InputMismatch", NO_INPUT)
        if schemas is None:
            return
        run = self.ctx.settings.request.run or {}
        config = run.get("config")
        given = (
            ("input", value, schemas.get("input_schema")),
            ("context", run.get("context"), schemas.get("context_schema")),
            ("config", config.get("configurable") if isinstance(config, dict) else None, schemas.get("config_schema")),
        )
        for name, value, schema in given:
            wrong = json_schema.mismatch(value, schema)
            if wrong and not (
                name == "config" and json_schema.unknown_keys(value, schema)
            ):  # not only the graph reads it
                reason = "InputMismatch" if name == "input" else "ContextMismatch"
                raise _rejected(reason, f"the {name} {wrong}; {_WHERE}")
            self.notes += _notes(name, value, schema)


def _notes(name: str, value: Any, schema: Any) -> Iterator[str]:
    """Yield hints about a value that can match its schema."""
    if name == "input" and value and not json_schema.has_constraints(schema):
        yield "the input was not checked: the graph publishes no input schema"
    if name == "config":
        return
    if unknown := json_schema.unknown_keys(value, schema):
        yield f"the graph leaves out {_keys(unknown)} of the {name}, unknown to it; {_WHERE}"
    if lacks := json_schema.missing_keys(value, schema):
        yield f"the {name} lacks {_keys(lacks)} that the graph's schema requires; {_WHERE}"


def _of_graph(search: Callable[[Json], list[Json]], name: str) -> list[Json]:
    """Return the assistants of a graph; none if the server shows none."""
    try:
        found = search({"graph_id": name, "limit": 10})
    except RequestRejected as error:
        if error.status == 404 and error.detail == answers.NO_ASSISTANT:
            raise _no_assistant(name) from None
        raise
    return [each for each in found if each.get("graph_id") == name]


def _system_first(assistants: list[Json]) -> list[Json]:
    return sorted(assistants, key=lambda each: not _is_system(each))


def _is_system(assistant: Json) -> bool:
    return member(assistant, "metadata").get("created_by") == "system"


def _shows_all(assistants: list[Json]) -> bool:
    """Return whether the key sees the assistants that the server creates itself, and so all of them."""
    return any(_is_system(each) for each in assistants)


def _no_assistant(name: str) -> RunEnded:
    message = f"the server has no assistant {name}; POST /assistants/search lists those that it has"
    return _rejected("AssistantNotFound", message)


def _keys(count: int) -> str:
    return "1 key" if count == 1 else f"{count} keys"


def _rejected(reason: str, message: str) -> RunEnded:
    return RunEnded(Outcome.REJECTED, reason, message)
