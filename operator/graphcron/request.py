"""GraphCron → the request that its pods carry (:class:`graphcron.contract.Request`)."""

from datetime import datetime, timedelta
from typing import Any

from graphcron import contract
from graphcron.contract import Request
from graphcron.errors import SpecError
from graphcron.model import GraphCronSpec, KeyRef, KeySource, rfc3339
from graphcron.settings import Settings


def request_for(spec: GraphCronSpec, settings: Settings, *, since: datetime) -> Request:
    """Build what the pod is asked to do."""
    server = spec.server
    thread = spec.thread
    return Request(
        url=_server_url(spec, settings),
        assistant=spec.assistant,
        thread=thread.id if thread else None,
        createThread=bool(thread and thread.create),
        input=spec.input,
        inputFile=spec.input_from is not None,
        inputTemplate=spec.input_template,
        run=_run_members(spec) or None,
        onRunCompleted=spec.on_run_completed,
        concurrencyPolicy=spec.concurrency_policy,
        startingDeadlineSeconds=spec.starting_deadline_seconds,
        timeoutSeconds=spec.timeout_seconds,
        notBefore=rfc3339(since),
        notAfter=rfc3339(spec.end_time) if spec.end_time else None,
        headers=tuple(header.name for header in (server.headers or ())) if server else (),
        caFile=ca_source(spec, settings) is not None,
    )


def request_text(request: Request) -> str:
    """Write a request as JSON.

    Raises
    ------
    SpecError
        It is too large for a pod's environment.
    """
    text = request.to_json()
    size = len(text.encode())
    if size > contract.REQUEST_BYTES:
        raise SpecError(
            field="spec.input",
            problem=f"the request is {size:,} bytes, and {contract.REQUEST_BYTES:,} fit into a pod's environment",
            remedy="put the input into a ConfigMap or Secret and name it in spec.inputFrom",
        )
    return text


def whole_seconds(moment: datetime) -> datetime:
    """Round a time up to the second: what was due before the change within its second must not count as after."""
    return moment + timedelta(microseconds=-moment.microsecond % 1_000_000)


def ca_source(spec: GraphCronSpec, settings: Settings) -> KeySource | None:
    """Return where the CA certificates are; the operator's default goes with the operator's default server."""
    if spec.server and spec.server.ca_bundle_ref:
        return spec.server.ca_bundle_ref
    if settings.ca_config_map_name and not (spec.server and spec.server.url):
        return KeySource(config_map_key_ref=KeyRef(name=settings.ca_config_map_name, key=settings.ca_config_map_key))
    return None


def _run_members(spec: GraphCronSpec) -> dict[str, Any]:
    members = {
        "config": spec.config,
        "context": spec.context,
        "metadata": spec.metadata,
        "webhook": spec.webhook,
        "interrupt_before": _nodes(spec.interrupt_before),
        "interrupt_after": _nodes(spec.interrupt_after),
        "multitask_strategy": spec.multitask_strategy,
        "durability": spec.durability,
    }
    return {key: value for key, value in members.items() if value is not None}


def _nodes(nodes: list[str] | None) -> list[str] | str | None:
    """The server takes a list of nodes, or the bare word ``*`` for all of them."""
    return "*" if nodes == ["*"] else nodes


def _server_url(spec: GraphCronSpec, settings: Settings) -> str:
    url = (spec.server and spec.server.url) or settings.server_url
    if not url:
        raise SpecError(
            field="spec.server.url",
            problem="no LangGraph server is named, and the operator has no default",
            remedy="set it, such as http://langgraph.default.svc:2024",
        )
    return url
