"""The part of the LangGraph server's HTTP API that the runner uses."""

import json
from binascii import a2b_base64
from collections.abc import Callable
from typing import Any, Final, TypeVar

from graphcron.runner.client import answers, objects
from graphcron.runner.client.errors import RequestRejected, ResponseLost, ServerBusy
from graphcron.runner.client.http_transport import BODY_BYTES, Answer, Transport
from graphcron.runner.client.objects import list_in, member, object_in, run_in, thread_in
from graphcron.runner.client.parsing import parse

THREAD_FIELDS: Final = ["thread_id", "created_at", "updated_at", "metadata", "status", "interrupts"]
RUN_FIELDS: Final = ["run_id", "thread_id", "status", "metadata", "created_at", "updated_at"]
"""The requested fields: never ``values`` or ``kwargs``, which hold prompts and answers and can be large."""

STATE_BYTES: Final = 2 * 1024 * 1024
"""Largest thread state that is read to count tokens."""

LONGEST_RETRY: Final = 86400.0
"""Limit of ``Retry-After``."""

Json = dict[str, Any]
T = TypeVar("T")


class LangGraphClient:
    """Client of one LangGraph server, which sends each request once.

    Every method raises Unanswered (NotSent, ResponseLost, ServerBusy) or CertificateError if no useful answer comes,
    and RequestRejected if the server refuses the request.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._selects = True
        self._takes_ttl = True

    def create_thread(
        self, thread_id: str, metadata: Json, *, if_exists: str = "raise", ttl: int | None = None
    ) -> bool:
        """Create a thread; return whether it did not exist.

        Parameters
        ----------
        ttl
            Minutes for which the server must not sweep the thread; None for its default. A server that does not
            know the field ignores or rejects it.
        """
        body: Json = {"thread_id": thread_id, "if_exists": if_exists, "metadata": metadata}
        if ttl and self._takes_ttl:
            body["ttl"] = {"ttl": ttl, "strategy": "delete"}
        try:
            self._json("POST", "/threads", body)
        except RequestRejected as error:
            if error.status == 409:
                return False
            if error.status not in (400, 422) or "ttl" not in body:
                raise
            self._takes_ttl = False
            return self.create_thread(thread_id, metadata, if_exists=if_exists)
        return True

    def thread(self, thread_id: str) -> Json | None:
        """Return a thread without its values, or None if it does not exist."""
        query = {"ids": [thread_id], "select": THREAD_FIELDS, "limit": 1}
        for found in self._search(query):
            if isinstance(found, dict) and found.get("thread_id") == thread_id:
                return thread_in(found)
        # A server that does not know ``ids`` returns other threads.
        return self._found(lambda: thread_in({**self._thread(thread_id), "thread_id": thread_id}))

    def thread_at_rest(self, thread_id: str) -> Json | None:
        """Return a thread with its interrupts, which some servers list in the state only."""
        thread = self.thread(thread_id)
        if thread is None or "interrupts" in thread or thread.keys() <= set(THREAD_FIELDS):
            return thread
        state = self._found(lambda: self.state(thread_id, limit=BODY_BYTES)) or {}
        stopped = thread.get("status") == "idle" and state.get("next")
        return {**thread, "interrupts": state.get("interrupts") or {}, **({"status": "interrupted"} if stopped else {})}

    def thread_error(self, thread_id: str) -> Json:
        """Return class and text of the error that a thread's last run raised."""
        thread = self._found(lambda: self._thread(thread_id)) or {}
        return error_of(thread.get("error"))

    def _thread(self, thread_id: str) -> Json:
        return object_in(self._json("GET", path_of("threads", thread_id)))

    def search_threads(self, metadata: Json, *, limit: int, offset: int = 0, sort_order: str = "desc") -> list[Json]:
        """Return the threads whose metadata contain the given metadata."""
        query = {
            "metadata": metadata,
            "select": THREAD_FIELDS,
            "limit": limit,
            "offset": offset,
            "sort_by": "created_at",
            "sort_order": sort_order,
        }
        return list(map(thread_in, self._search(query)))

    def _search(self, query: Json) -> list[Any]:
        """Search threads; without the selection of fields if the server does not know that."""
        if self._selects:
            try:
                return list_in(self._json("POST", "/threads/search", query))
            except RequestRejected as error:
                if error.status != 422:
                    raise
        whole = {key: value for key, value in query.items() if key != "select"}
        found = list_in(self._json("POST", "/threads/search", whole))
        self._selects = False
        return found

    def patch_thread(self, thread_id: str, metadata: Json) -> None:
        """Merge metadata into a thread's own."""
        self._json("PATCH", path_of("threads", thread_id), {"metadata": metadata})

    def delete_thread(self, thread_id: str) -> None:
        """Delete a thread with its runs and checkpoints."""
        self._json("DELETE", path_of("threads", thread_id))

    def create_run(self, thread_id: str, body: Json) -> Json:
        """Start a run in the background; without input it resumes from the last checkpoint."""
        path = path_of("threads", thread_id, "runs")
        try:
            return run_in(self._json("POST", path, body), thread_id)
        except RequestRejected as error:
            if error.status != 422 or body.get("input") is not None or "checkpoint_id" in body:
                raise
            checkpoint = objects.checkpoint_of(self.state(thread_id, limit=BODY_BYTES))
            if not checkpoint:
                raise
        # One server resumes only from a checkpoint that the request names.
        return run_in(self._json("POST", path, {**body, "checkpoint_id": checkpoint}), thread_id)

    def run(self, thread_id: str, run_id: str) -> Json | None:
        """Return a run, or None if it does not exist."""
        path = path_of("threads", thread_id, "runs", run_id)
        return self._found(lambda: run_in(self._json("GET", path), thread_id))

    def runs(self, thread_id: str, *, limit: int, offset: int = 0) -> list[Json]:
        """Return a thread's runs, newest first; none if the thread does not exist."""
        select = "&".join(f"select={field}" for field in RUN_FIELDS)
        path = path_of("threads", thread_id, "runs") + f"?limit={limit}&offset={offset}&{select}"
        return self._found(lambda: [run_in(run, thread_id) for run in list_in(self._json("GET", path))]) or []

    def join(self, thread_id: str, run_id: str, wait: Callable[[], float]) -> None:
        """Wait until the run ends or the connection is closed; the status of the run distinguishes the two."""
        self._transport.drain(path_of("threads", thread_id, "runs", run_id, "join"), wait)

    def stream(
        self, thread_id: str, run_id: str, since: str, wait: Callable[[], float], take: Callable[[bytes], None]
    ) -> None:
        """Read a run's server-sent events after the one of that id (``-1`` for all), until the run is over."""
        path = path_of("threads", thread_id, "runs", run_id, "stream")
        headers = {"Accept": "text/event-stream", "Last-Event-ID": since}
        status = self._transport.drain(path, wait, take, headers)
        self._check(Answer(status, "", b"", whole=True), "GET", path)

    def cancel(self, thread_id: str, run_id: str) -> None:
        """Cancel a run and keep its checkpoints; nothing happens if it is over."""
        # ``wait`` is a boolean on one server and an integer on another; 1 is both.
        path = path_of("threads", thread_id, "runs", run_id, "cancel") + "?wait=1&action=interrupt"
        self._found(lambda: self._json("POST", path))

    def has_checkpoint(self, thread_id: str, metadata: Json) -> bool:
        """Return whether the thread has a checkpoint of a run with these metadata, its ``run_id`` among them."""
        body, path = json.dumps({"limit": 1, "metadata": metadata}).encode(), path_of("threads", thread_id, "history")
        answer = self._transport.request("POST", path, body, limit=64)
        if answer.status in (404, 405, 422) or answer.status >= 500:  # a server without this endpoint
            state = self._found(lambda: self.state(thread_id, limit=BODY_BYTES)) or {}
            return metadata.items() <= member(state, "metadata").items()
        self._check(answer, "POST", path)
        return not answer.body.replace(b" ", b"").startswith(b"[]")

    def state(self, thread_id: str, *, limit: int = STATE_BYTES) -> Json | None:
        """Return a thread's state, or None if it exceeds the limit."""
        path = path_of("threads", thread_id, "state")
        answer = self._transport.request("GET", path, limit=limit)
        self._check(answer, "GET", path)
        return object_in(self._parse(answer)) if answer.whole else None

    def torn_checkpoint(self, thread_id: str) -> str:
        """Return the checkpoint that a resume must name; empty if it need not name one."""
        return objects.torn_checkpoint(self._found(lambda: self.state(thread_id, limit=BODY_BYTES)))

    def info(self) -> Json | None:
        """Return the server's information about itself, or None if the answer is of another form."""
        answer = self._transport.request("GET", "/info", limit=STATE_BYTES)
        if 400 <= answer.status < 500 and answer.status not in (408, 425, 429):
            return None
        self._check(answer, "GET", "/info")
        try:
            found = parse(answer.body)
        except ValueError:
            return None
        return found if isinstance(found, dict) else None

    def is_langgraph(self) -> bool:
        """Return whether the server answers a search for threads."""
        query = json.dumps({"limit": 1, "metadata": {"graphcron/uid": "none"}}).encode()
        answer = self._transport.request("POST", "/threads/search", query, limit=STATE_BYTES)
        if answer.status in (404, 405, 501):
            return False
        self._check(answer, "POST", "/threads/search")
        return answer.body.lstrip()[:1] == b"["

    def search_assistants(self, query: Json) -> list[Json]:
        """Return the assistants that the key can see."""
        found = self._json("POST", "/assistants/search", query)
        return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []

    def assistant(self, assistant_id: str) -> Json | None:
        """Return an assistant, or None if it does not exist or the key can't see it."""
        return self._found(lambda: object_in(self._json("GET", path_of("assistants", assistant_id))))

    def schemas(self, assistant_id: str) -> Json:
        """Return the schemas that the assistant's graph publishes; empty if they are not available."""
        answer = self._transport.request("GET", path_of("assistants", assistant_id, "schemas"), limit=BODY_BYTES)
        try:
            found = parse(answer.body) if answer.status == 200 and answer.whole else {}
        except ValueError:
            found = {}
        return found if isinstance(found, dict) else {}

    def limit_timeouts(self, seconds: float) -> None:
        """Limit all timeouts from here on."""
        self._transport.limit_timeouts(seconds)

    def _json(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body, separators=(",", ":")).encode()
        answer = self._transport.request(method, path, data)
        self._check(answer, method, path)
        return self._parse(answer)

    @staticmethod
    def _found(call: Callable[[], T]) -> T | None:
        try:
            return call()
        except RequestRejected as error:
            if error.status == 404:
                return None
            raise

    @staticmethod
    def _parse(answer: Answer) -> Any:
        if not answer.body:
            return {}
        try:
            return parse(answer.body)
        except ValueError:
            raise ResponseLost("the answer is cut, not JSON, or too large") from None

    @staticmethod
    def _check(answer: Answer, method: str, path: str) -> None:
        if 200 <= answer.status < 300:
            return
        said = answers.sentence_of(answer.status, answer.body)
        if answer.status in (408, 425, 429) or answer.status >= 500:
            raise ServerBusy(answer.status, retry_after(answer.retry_after), said)
        raise RequestRejected(answer.status, said, f"{method} {_without_ids(path)}")


def path_of(*parts: str) -> str:
    """Return the path of alternating words and ids, such as ``threads``, an id, ``runs``.

    Raises
    ------
    ResponseLost
        An id from an answer is not a UUID, and could lead anywhere.
    """
    if not all(map(answers.is_uuid, parts[1::2])):
        raise ResponseLost("the answer names an id that is not a UUID")
    return "/" + "/".join(parts)


def _without_ids(path: str) -> str:
    return "/".join("ID" if answers.is_uuid(part) else part for part in path.partition("?")[0].split("/"))


def retry_after(text: str) -> float:
    """Return the seconds of a ``Retry-After`` header, at most a day; its rare date form counts as 0."""
    digits = text.strip()
    return min(float(digits), LONGEST_RETRY) if digits.isascii() and digits.isdigit() and len(digits) < 10 else 0.0


def error_of(error: Any) -> Json:
    """Return class and text of what a run raised; older releases wrap them in base64."""
    if isinstance(error, str):
        try:
            error = parse(a2b_base64(error))
        except ValueError:
            return {}
    return error if isinstance(error, dict) else {}
