"""Map a cron of a LangGraph server to a GraphCron, and list the fields that do not map. Pure."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from graphcron.api import names
from graphcron.api.v1alpha1 import problems, rfc3339
from graphcron.cli import terminal
from graphcron.cli.clients.kubectl import Object
from graphcron.cli.files.manifests import written
from graphcron.cli.migration.cron_lines import same_lines
from graphcron.errors import SpecError
from graphcron.schedule import cron as grammar
from graphcron.schedule import times

Json = Mapping[str, Any]

SECRET_KEY: Final = "api-key"
"""Key in the Secret that ``--secret`` names, as in all examples."""

ID_CHARACTERS: Final = 8
"""Number of characters of a cron's id in the name: its end, since its beginning is a time."""

_BOTH: Final = {"assistant_id", "schedule", "timezone", "end_time", "enabled", "on_run_completed", "metadata"}
_OWN: Final = _BOTH | {"cron_id", "thread_id", "payload", "created_at", "updated_at", "next_run_date", "now"}
"""Fields of a cron that are read here, or that describe its state."""

_PASSED: Final = {"input", "config", "context", "webhook", "interrupt_before", "interrupt_after", "durability"}
_PAYLOAD: Final = _BOTH | _PASSED | {"multitask_strategy", "__encryption_context__"}
"""Fields of its payload that are read here, or that only the server uses."""

_NO_LISTENER: Final = "a scheduled run has no listener"
_WHY: Final = {
    "user_id": "runs now belong to the owner of the API key",
    "stream_mode": _NO_LISTENER,
    "stream_subgraphs": _NO_LISTENER,
    "stream_resumable": _NO_LISTENER,
    "checkpoint_during": "write spec.durability, which has taken its place",
}

_DROPPED: Final = {
    "metadata": ("run_id", "thread_id", "assistant_id", "cron_id"),
    "config": ("recursionLimit", "runName", "maxConcurrency"),
    "config.configurable": ("thread_id",),
}
"""Values that the server drops, ignores or replaces, and that a GraphCron therefore rejects."""

_OTHER_RUNS: Final = {
    "command": "a run that begins with a command",
    "checkpoint": "a run that begins at a checkpoint",
    "checkpoint_id": "a run that begins at a checkpoint",
}
"""Fields of the payload that change the run if they are missing."""

_CREDENTIAL: Final = re.compile(
    r".*(api|access|secret|private|auth)[-_]?(key|token).*|.*(secret|passwo?r?d|passphrase|credential|bearer).*"
    r"|(.*[-_])?(token|authorization|jwt|dsn)|.*[a-z]Token",
    re.IGNORECASE,
)
_WHERE_KEYS_GO: Final = "give it to the LangGraph server, for example in its environment"

_SERVERS_OWN: Final = re.compile(r"cron_id|langgraph_auth_.*")
"""Keys that the server writes into ``configurable``."""


@dataclass(frozen=True, kw_only=True)
class ImportedCron:
    """The result of importing a cron."""

    cron_id: str
    enabled: bool
    body: Object
    """The GraphCron."""
    notes: tuple[str, ...]
    """Fields without a counterpart."""
    refused: tuple[str, ...]
    """Why GraphCron rejects it; empty: it does not."""
    credentials: tuple[str, ...] = ()
    """Fields that were left out because every reader of the file could use them."""

    @property
    def name(self) -> str:
        """Name of the GraphCron."""
        return str(self.body["metadata"]["name"])


def import_cron(cron: Json, assistant: Json | None, *, server: Json, namespace: str | None) -> ImportedCron:
    """Map a cron, as ``POST /runs/crons/search`` gives it.

    Parameters
    ----------
    assistant
        Its assistant, as the server has it; None: there is none of that id.
    server
        What ``spec.server`` is to be; empty: left out.
    """
    notes: list[str] = []
    credentials = tuple(_credentials(cron.get("payload") or {}))
    spec = _spec(cron, assistant, notes) | ({"server": dict(server)} if server else {})
    place = {"namespace": namespace} if namespace else {}
    body: Object = {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "metadata": {"name": _name(cron, assistant), **place},
        "spec": spec,
    }
    refused = (*map(str, problems(body)), *_other_runs(cron.get("payload") or {}))
    if not refused:
        notes.extend(_read_otherwise(cron, spec))
    notes.extend(_left_out(cron))
    notes.extend(f"{field}: left out, since it looks like a credential; {_WHERE_KEYS_GO}" for field in credentials)
    return ImportedCron(
        cron_id=str(cron["cron_id"]),
        enabled=cron.get("enabled", True) is not False,
        body=body,
        notes=tuple(notes),
        refused=refused,
        credentials=credentials,
    )


def server_of(url: str, secret: str | None, headers: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Return ``spec.server`` for all GraphCrons of an import, and notes about it."""
    server: dict[str, Any] = {}
    notes = []
    host = urlsplit(url).hostname or ""
    if host in {"localhost", "::1"} or host.startswith("127."):
        notes.append(f"spec.server.url: left out, since no pod reaches {host}; the operator's default server is used")
    else:
        server["url"] = url
    if secret:
        server["apiKeySecretRef"] = {"name": secret, "key": SECRET_KEY}
    notes.extend(
        f"spec.server.headers: {name} was sent to read the crons and is not written; add it if runs need it, too"
        for name in headers
    )
    return server, notes


def text_of(found: ImportedCron, url: str) -> str:
    """Return the YAML of a GraphCron, with the fields that do not map in comments; commented out if it is invalid."""
    said = [f"From cron {found.cron_id} of {url}", *found.notes, *(f"Refused: {each}" for each in found.refused)]
    head = "".join(f"# {terminal.in_line(' '.join(line.split()))}\n" for line in said)
    body = written(found.body, width=2**31)
    return head + ("".join(f"# {line}\n" for line in body.splitlines()) if found.refused else body)


def _name(cron: Json, assistant: Json | None) -> str:
    called = str((assistant or {}).get("name") or (assistant or {}).get("graph_id") or "")
    plain = unicodedata.normalize("NFKD", called).encode("ascii", "ignore").decode()
    word = re.sub(r"[^a-z0-9]+", "-", plain.lower())[: names.MAX_NAME_LENGTH - ID_CHARACTERS - 1].strip("-")
    return f"{word or 'cron'}-{str(cron['cron_id'])[-ID_CHARACTERS:].lower()}"


def _spec(cron: Json, assistant: Json | None, notes: list[str]) -> dict[str, Any]:
    payload = dict(cron.get("payload") or {})
    thread = cron.get("thread_id")
    spec = {
        "assistant": _assistant(cron, assistant, notes),
        "thread": {"id": thread} if thread else None,
        **_schedule(cron.get("schedule"), notes),
        "timeZone": cron.get("timezone") or payload.get("timezone") or "Etc/UTC",
        "endTime": _end(cron.get("end_time"), notes),
        "suspend": True if cron.get("enabled") is False else None,
        "input": payload.get("input"),
        "config": _config(payload.get("config") or {}, notes),
        "context": _without_credentials(payload.get("context")) or None,
        "metadata": _kept("metadata", {**(cron.get("metadata") or {}), **(payload.get("metadata") or {})}, notes),
        "webhook": payload.get("webhook"),
        "interruptBefore": _nodes(payload.get("interrupt_before")),
        "interruptAfter": _nodes(payload.get("interrupt_after")),
        "durability": payload.get("durability"),
    }
    strategy, keep = payload.get("multitask_strategy"), cron.get("on_run_completed")
    if thread:
        spec["multitaskStrategy"] = strategy
    else:
        spec["onRunCompleted"] = "keep" if keep == "keep" else None
        if strategy:
            notes.append("multitask_strategy: left out; each run has its own thread, so runs do not conflict")
    return {field: value for field, value in spec.items() if value is not None}


def _schedule(line: Any, notes: list[str]) -> dict[str, Any]:
    """Return the line, or equivalent lines that Kubernetes accepts."""
    lines = same_lines(line) if isinstance(line, str) else [line]
    if lines != [line]:
        field = "spec.schedule" if len(lines) == 1 else "spec.schedules"
        written_as = ", ".join(f'"{each}"' for each in lines)
        notes.append(f'{field}: "{line}" is written as {written_as}, which comes at the same times')
    return {"schedule": lines[0]} if len(lines) == 1 else {"schedules": lines}


def _other_runs(payload: Json) -> Iterator[str]:
    """Yield the reasons why a GraphCron would start another run than the cron."""
    for field, what in _OTHER_RUNS.items():
        if payload.get(field):
            yield f"{field}: is for {what}, which a GraphCron can't ask for"


def _credentials(payload: Json) -> Iterator[str]:
    """Yield the fields whose values look like credentials."""
    config = payload.get("config")
    places = {
        "config.configurable": config.get("configurable") if isinstance(config, dict) else None,
        "context": payload.get("context"),
    }
    for place, values in places.items():
        if isinstance(values, dict):
            yield from (f"{place}.{key}" for key, value in values.items() if _is_credential(key, value))


def _is_credential(key: str, value: Any) -> bool:
    return isinstance(value, str) and bool(value) and not _servers(key) and _CREDENTIAL.fullmatch(key) is not None


def _without_credentials(values: Any) -> Any:
    if not isinstance(values, dict):
        return values
    return {key: value for key, value in values.items() if not _is_credential(key, value)}


def _assistant(cron: Json, assistant: Json | None, notes: list[str]) -> Any:
    """Return the graph's name if the server created the assistant from it; otherwise the assistant's ID."""
    if assistant and (assistant.get("metadata") or {}).get("created_by") == "system":
        return assistant.get("graph_id") or cron.get("assistant_id")
    if assistant:
        notes.append(f'spec.assistant: is the assistant "{assistant.get("name")}" of graph {assistant.get("graph_id")}')
    else:
        notes.append("spec.assistant: the server has no assistant with this id")
    return cron.get("assistant_id")


def _end(text: Any, notes: list[str]) -> Any:
    """Return the end as RFC 3339; unchanged if it cannot be parsed, so that it is rejected."""
    try:
        end = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return text
    if end.tzinfo is None:
        notes.append("spec.endTime: had no zone, and is taken for UTC")
        end = end.replace(tzinfo=UTC)
    return rfc3339(end)


def _config(config: Json, notes: list[str]) -> dict[str, Any] | None:
    given = _without_credentials(config.get("configurable")) or {}
    configurable = {key: value for key, value in given.items() if not _servers(key)}
    rest = {key: value for key, value in config.items() if key != "configurable"}
    inner = _kept("config.configurable", configurable, notes)
    return _kept("config", rest | ({"configurable": inner} if inner else {}), notes)


def _servers(key: str) -> bool:
    return _SERVERS_OWN.fullmatch(key) is not None


def _kept(field: str, values: Json, notes: list[str]) -> dict[str, Any] | None:
    """Return the values without those that the server drops; None if nothing is left."""
    dropped = [key for key in values if key in _DROPPED[field]]
    notes.extend(f"{field}.{key}: left out; the server drops or replaces it" for key in dropped)
    return {key: value for key, value in values.items() if key not in dropped} or None


def _nodes(nodes: Any) -> Any:
    return [nodes] if isinstance(nodes, str) else nodes or None


def _left_out(cron: Json) -> Iterator[str]:
    """Yield the fields with a value that a GraphCron does not have."""
    others = {
        **{field: value for field, value in cron.items() if field not in _OWN},
        **{field: value for field, value in (cron.get("payload") or {}).items() if field not in _PAYLOAD},
    }
    for field, value in others.items():
        if field in _OTHER_RUNS and value:
            continue
        if value is not None and (field, value) != ("user_id", ""):
            yield f"{field}: left out; {_WHY.get(field, 'a GraphCron has no such field')}"


def _read_otherwise(cron: Json, spec: Mapping[str, Any]) -> Iterator[str]:
    """Yield a note if the server's next time is not due here: the two interpret some schedules differently."""
    try:
        at = datetime.fromisoformat(str(cron.get("next_run_date")))
        zone, lines = times.zone_for(spec["timeZone"]), spec.get("schedules") or [spec["schedule"]]
        due = any(times.is_due(grammar.parse(line), zone, at) for line in lines)
    except (ValueError, TypeError, SpecError):  # the server returns no time
        return
    if not due:
        yield f"spec.schedule: the server's next run is at {rfc3339(at)}, and a GraphCron has none then; look at it"
