"""Looking whether a run could be made, and making none: nothing is sent here but questions.

What it finds is certain, or it is not said: a server may hide things from a key that may use them.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from graphcron.contract import Outcome, Report
from graphcron.runner import fit, verdict
from graphcron.runner.checks import at_breakpoint
from graphcron.runner.failures import Ended, Ending, Refused, Untrusted
from graphcron.runner.server import Json
from graphcron.runner.template import load_input
from graphcron.runner.tick import Tick

PATIENCE_SECONDS: Final = 30.0
"""How long a server that does not answer is asked again."""

ASSISTANTS: Final = 100
"""At most so many assistants are looked through for a name."""

LACKS: Final = {
    "aegra": "this server lets a second run start on a busy thread, so multitaskStrategy: reject has no effect; of an "
    "error it tells no class; and it must be 0.11 or later",
}
"""What servers are known to lack, by the name they give themselves, in small letters."""


def look(tick: Tick) -> Report:
    """Make all checks in order; the first that fails decides."""
    tick.until = tick.clock.now() + PATIENCE_SECONDS
    seen = Seen(tick)
    try:
        ending = seen.ending()
    except Ended as ended:
        ending = ended.ending
    except Untrusted as error:
        ending = Ending(Outcome.REJECTED, "CertificateNotTrusted", str(error))
    except Refused as error:
        ending = verdict.of_refusal(error, verdict.texts_of([tick.settings.request.input, tick.settings.secrets]))
        ending = ending._replace(message=ending.message.replace("refused the run", "refused a question"))
    awaited = True if seen.awaited else None
    return Report(ending.outcome, ending.message, ending.reason, server=seen.server, awaited=awaited)


class Seen:
    """What has been found so far."""

    def __init__(self, tick: Tick) -> None:
        self.tick = tick
        self.server = ""
        """Product and version."""
        self.awaited = False
        """The thread waits for a person."""
        self.notes: list[str] = []
        """What is worth saying though it forbids nothing."""

    def ending(self) -> Ending:
        """Make all checks.

        Raises
        ------
        Ended, Refused, Untrusted
        """
        request = self.tick.settings.request
        self._server()
        said = f"{self.server or 'a LangGraph server'} answers"
        if request.assistant:
            assistant = self._assistant(request.assistant)
            said += f", and has the assistant {request.assistant}" if assistant else ""
            self._thread()
            schemas = self.tick.ask(lambda: self.tick.server.schemas(assistant)) if assistant else {}
            self._values(schemas)
        return Ending(Outcome.SUCCEEDED, "", "; ".join([said, *self.notes]))

    def _server(self) -> None:
        tick = self.tick
        info = tick.ask(tick.server.info)
        self.server = product_of(info or {})
        if not tick.ask(tick.server.is_langgraph):
            raise _rejected("NotALangGraphServer", "something answers at this URL, but it is no LangGraph server")
        lacks = LACKS.get(self.server.partition(" ")[0].lower())
        if lacks:
            self.notes.append(lacks)

    def _assistant(self, name: str) -> str:
        """Return the id of the assistant; nothing: it can't be seen, which need not mean that it is missing."""
        try:
            found = self._find(name)
        except Refused as error:  # the key may ask for threads, and that is what a run needs
            self.tick.log("assistants-not-seen", status=error.status)
            found = ""
        if not found:
            self.notes.append(f"whether it has the assistant {name} can't be seen with this key")
        return found

    def _find(self, name: str) -> str:
        server, ask = self.tick.server, self.tick.ask
        if _is_uuid(name):
            if ask(lambda: server.assistant(name)):
                return name
        else:
            found = ask(lambda: _of_graph(server.search_assistants, name))
            if found:
                return str(_system_first(found)[0].get("assistant_id", ""))
        every = ask(lambda: server.search_assistants({"limit": ASSISTANTS}))
        if not _shows_all(every) or (len(every) == ASSISTANTS and not _is_uuid(name)):
            return ""
        graphs = ", ".join(sorted({str(each.get("graph_id")) for each in every}))
        raise _rejected("AssistantNotFound", f"the server has no assistant {name}; its graphs are {graphs}")

    def _thread(self) -> None:
        tick, request = self.tick, self.tick.settings.request
        if tick.settings.thread is None:
            return
        thread = tick.ask(lambda: tick.server.thread(tick.thread_id))
        if thread is None:
            if request.thread and not request.createThread:
                raise _rejected("ThreadNotFound", f"there is no thread {tick.thread_id}; set thread.create to make it")
            self.notes.append("the thread will be made by the first run")
            return
        self.awaited = verdict.waits_for_human(thread) or at_breakpoint(tick, thread)
        if self.awaited:
            skipped = (
                "runs are skipped until it is answered" if request.onInterrupted == "skip" else "a run discards it"
            )
            self.notes.append(f"the thread waits for a person, and {skipped}")

    def _values(self, schemas: Json) -> None:
        """Compare input, context and config with what the graph publishes of them."""
        request = self.tick.settings.request
        run = request.run or {}
        config = run.get("config")
        given = (
            ("input", load_input(self.tick.settings), schemas.get("input_schema")),
            ("context", run.get("context"), schemas.get("context_schema")),
            ("config", config.get("configurable") if isinstance(config, dict) else None, schemas.get("config_schema")),
        )
        for name, value, schema in given:
            if name == "input" and value and not fit.says_something(schema):
                self.notes.append("the input was not checked: the graph publishes no input schema")
            wrong = fit.misfit(value, schema)
            unknown = fit.ignored(value, schema)
            if wrong and not (name == "config" and unknown):  # configurable is for others than the graph, too
                reason = "InputMismatch" if name == "input" else "ContextMismatch"
                raise _rejected(reason, f"the {name} {wrong}")
            if unknown and name != "config":
                said = ", ".join(f"`{key[:60]}`" for key in unknown[:5])
                self.notes.append(f"of the {name} the graph leaves out {said}, which it does not know")


def product_of(info: Mapping[str, Any]) -> str:
    """Return product and version of a server from what it tells of itself; nothing: it tells no version."""
    version = info.get("version")
    if not isinstance(version, str) or not version:
        return ""
    name = info.get("name")
    return f"{name if isinstance(name, str) and name else 'langgraph-api'} {version}"[:100]


def _of_graph(search: Callable[[Json], list[Json]], name: str) -> list[Json]:
    """Return the assistants of a graph; none where the server knows no such graph, or shows none."""
    try:
        found = search({"graph_id": name, "limit": 10})
    except Refused as error:
        if error.status == 404 and error.detail.startswith("Graph "):
            raise _rejected("AssistantNotFound", f"the server has no assistant {name}: {error.detail[:300]}") from None
        raise
    return [each for each in found if each.get("graph_id") == name]


def _system_first(assistants: list[Json]) -> list[Json]:
    return sorted(assistants, key=lambda each: not _is_system(each))


def _is_system(assistant: Json) -> bool:
    return (assistant.get("metadata") or {}).get("created_by") == "system"


def _shows_all(assistants: list[Json]) -> bool:
    """Tell whether the key sees the assistants that the server makes itself: then it sees all."""
    return any(_is_system(each) for each in assistants)


def _is_uuid(text: str) -> bool:
    from re import fullmatch

    return fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text) is not None


def _rejected(reason: str, message: str) -> Ended:
    return Ended(Outcome.REJECTED, reason, message)
