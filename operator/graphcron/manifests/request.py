"""GraphCron → the request that its pods carry (:class:`graphcron.contract.Request`)."""

from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from graphcron import contract
from graphcron.api.calendar_for import calendar_for, time_zone_of
from graphcron.api.v1alpha1 import GraphCron, GraphCronSpec, KeyRef, KeySource, rfc3339
from graphcron.contract import Budget, Request
from graphcron.errors import SpecError
from graphcron.input_template import PREVIOUS, TIMES, TemplateError, placeholders_of
from graphcron.schedule import times
from graphcron.schedule.occurrences import offsets
from graphcron.settings import Settings

PERIODS: Final = frozenset({"day", "week", "month"})
"""Periods that depend on the time zone."""

PAST_YEARS: Final = 5
"""Years before the schedule's start for which an input template has the offsets, for the previous scheduled time."""

OFFSET_YEARS: Final = 12
"""For how many years the request has the zone's offsets from UTC: the CronJob is applied again long before."""


def request_for(graphcron: GraphCron, settings: Settings, *, since: datetime) -> Request:
    """Build the request."""
    spec = graphcron.spec
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
        queueLimit=spec.queue_limit,
        startingDeadlineSeconds=spec.starting_deadline_seconds,
        timeoutSeconds=spec.timeout_seconds,
        defaultTimeoutSeconds=settings.default_timeout_seconds,
        notBefore=rfc3339(since),
        notAfter=rfc3339(spec.end_time) if spec.end_time else None,
        startTime=rfc3339(spec.start_time) if spec.start_time else None,
        excludes=tuple((rfc3339(each.start), rfc3339(each.end)) for each in calendar_for(graphcron).excluded),
        threadPer=thread.per if thread else None,
        offsets=_offsets(spec, since.year, max(since, graphcron.metadata.creation_timestamp or since).year),
        lines=tuple(each.normal_form for each in calendar_for(graphcron).crons) if PREVIOUS in _times(spec) else (),
        onInterrupted=spec.on_interrupted,
        retryAttempts=spec.retry.attempts,
        retryOnGraphError=spec.retry.on_graph_error,
        retryResume=spec.retry.resume,
        maxConcurrentRuns=server.max_concurrent_runs if server else None,
        historyThreads=spec.history.threads,
        budget=_budget(spec, settings),
        headers=tuple(header.name for header in (server.headers or ())) if server else (),
        caFile=ca_source(spec, settings) is not None,
    )


def request_text(request: Request) -> str:
    """Return a request as JSON.

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
            remedy="store the input in a ConfigMap or Secret and name it in spec.inputFrom",
        )
    return text


def whole_seconds(moment: datetime) -> datetime:
    """Round a time up to the second, so that what was due in the second of a change counts as earlier."""
    return moment + timedelta(microseconds=-moment.microsecond % 1_000_000)


def ca_source(spec: GraphCronSpec, settings: Settings) -> KeySource | None:
    """Return where the CA certificates are; the operator's default is used with the operator's default server only."""
    if spec.server and spec.server.ca_bundle_ref:
        return spec.server.ca_bundle_ref
    if settings.ca_config_map_name and not (spec.server and spec.server.url):
        return KeySource(config_map_key_ref=KeyRef(name=settings.ca_config_map_name, key=settings.ca_config_map_key))
    return None


def _offsets(spec: GraphCronSpec, first: int, last: int) -> tuple[tuple[int, int], ...]:
    """Return the zone's offsets for the pod, which has no zone database; empty if it needs none.

    Parameters
    ----------
    first, last
        Years of the earliest run and of the present. A GraphRun can represent a time before its GraphCron existed.
    """
    periods = {spec.thread.per if spec.thread else None, spec.budget.window if spec.budget else None}
    years = last - first + OFFSET_YEARS
    if _times(spec):
        return _offsets_of(time_zone_of(spec), first - PAST_YEARS, years + PAST_YEARS)
    return _offsets_of(time_zone_of(spec), first, years) if periods & PERIODS else ()


def _times(spec: GraphCronSpec) -> frozenset[str]:
    """Return the times for which the input needs the schedule or its zone; of a file, which is not known, all."""
    if not spec.input_template:
        return frozenset()
    if spec.input_from is not None:
        return frozenset(TIMES)
    try:
        places = placeholders_of(spec.input)
    except TemplateError as error:  # a GraphRun's input in a GraphCron's template
        raise SpecError(field="spec.input", problem=error.problem.problem, remedy=error.problem.remedy) from None
    return frozenset(each.name for each in places if each.name == PREVIOUS or each.days or each.format is not None)


@lru_cache(maxsize=256)
def _offsets_of(zone_name: str, year: int, years: int) -> tuple[tuple[int, int], ...]:
    return offsets(times.zone_for(zone_name), year, years)


def _budget(spec: GraphCronSpec, settings: Settings) -> Budget | None:
    budget = spec.budget
    if budget is None:
        return None
    limits = {"maxCostPerRun": budget.max_cost_per_run, "maxCost": budget.max_cost}
    for name, limit in limits.items():
        if limit is not None and not settings.prices:
            raise SpecError(
                field=f"spec.budget.{name}",
                problem="limits money, but the operator has no prices",
                remedy="set prices in the operator's chart, or limit tokens: maxTokens, maxTokensPerRun",
            )
    return Budget(
        maxTokensPerRun=budget.max_tokens_per_run,
        maxCostPerRun=budget.max_cost_per_run,
        maxTokens=budget.max_tokens,
        maxCost=budget.max_cost,
        window=budget.window,
        prices={model: [str(price["input"]), str(price["output"])] for model, price in settings.prices.items()} or None,
    )


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
    """Return a list of nodes, or ``*`` for all of them, as the server accepts it."""
    return "*" if nodes == ["*"] else nodes


def _server_url(spec: GraphCronSpec, settings: Settings) -> str:
    url = (spec.server and spec.server.url) or settings.server_url
    if not url:
        raise SpecError(
            field="spec.server.url",
            problem="is not set, and the operator has no default server",
            remedy="set it, such as http://langgraph.default.svc:2024",
        )
    return url
