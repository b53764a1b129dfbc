"""What may be passed on of a server's answer: pure functions, and a table of known answers.

An answer may repeat the request: an input, the text that a template filled in, a part of a key. So nothing of it is
passed on to a log, a report or an Event. Its status is, with a sentence of our own where its shape is a known one.
Names and ids are passed on where they have the form of what they stand for.

Words are compared without regular expressions: to compile those would cost each run some milliseconds.
"""

from typing import Any, Final

from graphcron.runner.client.parsing import parse

LOOKED_AT: Final = 2000
"""Maximum number of characters of an answer to compare."""

NO_ASSISTANT: Final = "it has no such assistant"
_NO_THREAD: Final = "it has no such thread"
_BUSY_THREAD: Final = "another run is active on the thread"
_NO_LICENCE: Final = "its licence does not allow this"
_NO_QUOTA: Final = "a quota is used up"
_NO_PATH: Final = "it knows no such path; check the path of its URL"
_WEBHOOK: Final = "it refuses the webhook's URL"
_PROXY: Final = "the answer is a web page, which comes from a proxy and not from the server"
_NO_PLAN: Final = "its plan does not allow this"
_EXPIRED: Final = "the key or token has expired"
_MISSING: Final = "it has found no key or token in the request"
_UNKNOWN: Final = "it does not know the key or token"
_FORBIDDEN: Final = "the key or token has no right to do this"

_KNOWN: Final[tuple[tuple[tuple[int, ...], tuple[str, ...], str], ...]] = (
    ((400, 401, 402, 403, 500, 503), ("licen", "e"), _NO_LICENCE),
    ((402, 403, 429), ("quota",), _NO_QUOTA),
    ((402, 403, 429), ("limit", "exceeded"), _NO_QUOTA),
    ((402, 429), ("insufficient", "credit"), _NO_QUOTA),
    ((401, 402, 403), ("plan", "limit"), _NO_PLAN),
    ((401, 402, 403), ("your", "plan"), _NO_PLAN),
    ((401, 403), ("expired",), _EXPIRED),
    ((403,), ("forbidden",), _FORBIDDEN),
    ((403,), ("not authorized",), _FORBIDDEN),
    ((401, 403), ("permission",), _FORBIDDEN),
    ((401, 403), ("permitted",), _FORBIDDEN),
    ((403,), ("not allowed",), _FORBIDDEN),
    ((403,), ("denied",), _FORBIDDEN),
    ((401, 403), ("missing",), _MISSING),
    ((401, 403), ("required",), _MISSING),
    ((401, 403), ("not authenticated",), _MISSING),
    ((401,), ("bad", "key"), _UNKNOWN),
    ((401, 403), ("invalid",), _UNKNOWN),
    ((401,), ("incorrect",), _UNKNOWN),
    ((404,), ("thread or assistant not found",), "it has no such thread, or no such assistant"),
    ((404,), ("graph ", "not found"), NO_ASSISTANT),
    ((404,), ("assistant", "not found"), NO_ASSISTANT),
    ((422,), ("invalid assistant",), NO_ASSISTANT),
    ((404,), ("thread", "not found"), _NO_THREAD),
    ((404,), ("run", "not found"), "it has no such run"),
    ((404,), ("page not found",), _NO_PATH),
    ((404,), ("default backend",), _PROXY),
    ((409,), ("already running",), _BUSY_THREAD),
    ((409,), ("in-flight",), _BUSY_THREAD),
    ((409,), ("already exists",), "it has one of this id already"),
    ((400, 422), ("configurable and context",), "config.configurable and context exclude each other"),
    ((400, 413), ("body too large",), "the request is too large for it"),
    ((400, 422), ("webhook",), _WEBHOOK),
    ((400, 422), ("invalid thread id",), "the thread's id is not a UUID"),
    ((400, 422), ("invalid json",), "it can't read the request as JSON"),
    ((400, 422), ("either 'input' or 'command'",), "it does not take a run without an input"),
    ((404, 405, 501), ("method not allowed",), _NO_PATH),
)
"""By status: words that follow each other in an answer of LangGraph's server, aegra, FastAPI or a proxy, and what it
says. The first row that fits is taken."""

_OF_STATUS: Final = {
    405: _NO_PATH,
    413: "the request is too large for it",
    431: "the request's headers are too large for it",
    500: "it failed, and its log says why",
    502: "a proxy got no answer from it",
    503: "it is not ready",
    504: "a proxy got no answer from it in time",
}
"""The meaning of a status without a known answer."""

# fmt: off
_FIELDS: Final = frozenset({
    "assistant_id", "checkpoint_id", "config", "context", "durability", "graph_id", "ids", "if_exists", "input",
    "interrupt_after", "interrupt_before", "limit", "metadata", "multitask_strategy", "offset", "select", "sort_by",
    "sort_order", "stream_mode", "stream_resumable", "stream_subgraphs", "thread_id", "ttl", "webhook",
})
# fmt: on
"""The members of our own requests: of all that they hold, only these have names that are ours."""

_WRONG: Final = (
    ("missing", "is missing"),
    ("extra_forbidden", "is unknown to it"),
    ("literal_error", "has none of the values that it takes"),
    ("enum", "has none of the values that it takes"),
    ("_type", "has the wrong type"),
    ("_parsing", "has the wrong type"),
)
"""Endings of pydantic's types of errors, and what they say of a field."""

_RUN_STATUSES: Final = ("pending", "running", "success", "error", "timeout", "interrupted", "gone")

_CLASS_ENDS: Final = (
    "Error",
    "Exception",
    "Interrupt",
    "Timeout",
    "Warning",
    "Exit",
    "Iteration",
    "Exceeded",
    "NotFound",
)
"""Endings of the names of exception classes; other words that look like identifiers, such as keys, lack them."""

_CLASS_CHARACTERS: Final = 64

_PRODUCTS: Final = {"": "langgraph-api", "langgraph-api": "langgraph-api", "langgraph": "langgraph", "aegra": "Aegra"}
"""By the name that a server gives itself, in small letters."""

_VERSION: Final = r"v?[0-9]{1,4}(\.[0-9]{1,4}){0,3}([-.+]?(a|b|rc|alpha|beta|dev|post)\.?[0-9]{0,4})?"

# fmt: off
_REASONS: Final = frozenset({
    "AssistantNotFound", "Breakpoint", "BudgetExceeded", "CertificateNotTrusted", "ContextMismatch",
    "DefaultTimeout", "Excluded", "InputMismatch", "InvalidHeader", "InvalidInput", "InvalidServer",
    "LostContact", "NoLongerActive", "NotALangGraphServer", "NotCancelled", "NotScheduled", "NotYetActive",
    "PredecessorActive", "QueueFull", "RecordNotFound", "Redirected", "Replaced", "ResumeNotSupported",
    "RunBudgetExceeded", "RunNotFound", "ScheduleIsYounger", "ServerAtCapacity", "ServerTimeout",
    "StartingDeadlineExceeded", "ThreadAwaitsHuman", "ThreadBusy", "ThreadMovedOn", "ThreadNotFound",
    "Unauthorized", "UnknownStatus", "WrongPod",
})
# fmt: on
"""The runner's own reasons, as it writes them onto records."""


def sentence_of(status: int, body: bytes) -> str:
    """Return the meaning of an answer, in words that follow "the server"; empty if its form is unknown."""
    text, fields = _read(body)
    if text.startswith("<"):
        return _OF_STATUS.get(status, _PROXY) if status >= 500 else _PROXY
    said = next((said for statuses, words, said in _KNOWN if status in statuses and _follow(text, words)), "")
    if not said and text.strip(' ."') == "not found" and status == 404:
        said = _NO_PATH
    if not said and status in (400, 422):
        said = "; ".join(fields)
    return said or _OF_STATUS.get(status, "")


def class_of(error: Any) -> str:
    """Return the class of the error that a graph raised, if it has the form of a class name."""
    name = error.get("error") if isinstance(error, dict) else None
    if not isinstance(name, str) or len(name) > _CLASS_CHARACTERS or not (name.isascii() and name.isidentifier()):
        return ""
    return name if name[0].isupper() and name.endswith(_CLASS_ENDS) else ""


def reason_of(text: str) -> str:
    """Return the reason on a record, if it is one that the runner writes: others with the key can write there too."""
    is_status = len(text) == 7 and text.startswith("HTTP") and text[4:].isascii() and text[4:].isdigit()
    return text if text in _REASONS or is_status else class_of({"error": text})


def run_status(run: Any) -> str:
    """Return the status of a run, if it is a known one."""
    status = run.get("status")
    return status if status in _RUN_STATUSES else "unknown"


def is_uuid(text: Any) -> bool:
    """Return whether a value is an id of LangGraph's API."""
    if not isinstance(text, str) or len(text) != 36 or not text.isascii():
        return False
    parts = text.lower().split("-")
    return [len(part) for part in parts] == [8, 4, 4, 4, 12] and not set("".join(parts)) - set("0123456789abcdef")


def product_of(info: Any) -> str:
    """Return product and version of a server, from its own information; empty if they are unknown."""
    from re import fullmatch

    name, version = info.get("name") or "", info.get("version")
    product = _PRODUCTS.get(name.lower(), "") if isinstance(name, str) else ""
    return f"{product} {version}" if product and isinstance(version, str) and fullmatch(_VERSION, version) else ""


def is_product(text: Any) -> bool:
    """Return whether :func:`product_of` can have returned it."""
    name, _, version = text.partition(" ") if isinstance(text, str) else ("", "", "")
    return bool(name) and product_of({"name": name, "version": version}) == text


def _follow(text: str, words: tuple[str, ...]) -> bool:
    at = 0
    for word in words:
        at = text.find(word, at) + 1
        if not at:
            return False
    return True


def _read(body: bytes) -> tuple[str, list[str]]:
    """Return the words of an answer, in small letters, and what it says of our own fields."""
    try:
        said = parse(body)
    except ValueError:
        return body[:LOOKED_AT].decode("ascii", "ignore").strip().lower(), []
    detail = (said.get("detail") or said.get("message") or said.get("error")) if isinstance(said, dict) else said
    if isinstance(detail, list):
        problems = [each for each in detail if isinstance(each, dict)]
        words = " ".join(str(each.get("msg"))[:200] for each in problems[:5])
        return words.lower(), _unique(map(_of_pydantic, problems))
    text = detail[:LOOKED_AT] if isinstance(detail, str) else ""
    return text.lower(), _unique([_of_json_schema(text)])


def _unique(found: Any) -> list[str]:
    return sorted({each for each in found if each})[:5]


def _of_pydantic(problem: dict[str, Any]) -> str:
    """Return what one of pydantic's errors says, down to the request's own member and no further."""
    where, kind = problem.get("loc"), problem.get("type")
    if not isinstance(where, list) or len(where) < 2 or where[0] not in ("body", "query"):
        return ""
    if not isinstance(where[1], str) or where[1] not in _FIELDS:
        return ""
    is_whole = len(where) == 2 and isinstance(kind, str)
    what = next((what for end, what in _WRONG if is_whole and str(kind).endswith(end)), "has a value that it refuses")
    return f"`{where[1]}` {what}"


def _of_json_schema(text: str) -> str:
    """Return what LangGraph's server says of a member that does not fit its JSON Schema."""
    member = text.rpartition('On instance["')[2].partition('"]')[0] if 'On instance["' in text else ""
    return f"`{member}` has a value that it refuses" if member in _FIELDS else ""
