"""The runner's main function: from the environment to an exit code."""

import os
from collections.abc import Mapping
from random import Random

from graphcron import contract
from graphcron.contract import EXIT_CODES, RETRIABLE, Outcome, Report
from graphcron.runner.admission.checks import within_schedule
from graphcron.runner.client.errors import CertificateError, RequestRejected, RunEnded, RunResult
from graphcron.runner.client.http_transport import Transport
from graphcron.runner.client.langgraph_api import LangGraphClient
from graphcron.runner.client.times import rfc3339
from graphcron.runner.context import RunContext
from graphcron.runner.occurrence.input import load_input
from graphcron.runner.occurrence.outcome import of_refusal
from graphcron.runner.occurrence.runtime import Clock, Log, Runtime
from graphcron.runner.occurrence.settings import Settings, read_settings
from graphcron.runner.occurrence.shutdown import ShutdownSignal, Stopped
from graphcron.runner.run import cleanup, finish
from graphcron.runner.run.follow import follow
from graphcron.runner.run.start import start


def main(shutdown: ShutdownSignal | None = None, environ: Mapping[str, str] = os.environ) -> int:
    """Work on the occurrence that the environment names, and return the exit code."""
    if shutdown is None:
        shutdown = ShutdownSignal()
        shutdown.install()
    try:
        return work(environ, Runtime(shutdown, Clock(), Log(), Random(), connect=connect, write_report=write_report))
    finally:
        shutdown.ignore()


def work(environ: Mapping[str, str], runtime: Runtime) -> int:
    """Work on the occurrence in this environment, and return the exit code."""
    root = environ.get(contract.ENV_ROOT, "").rstrip("/")
    if environ.get(contract.ENV_PREFLIGHT) == "1":
        report = _preflight(environ, runtime)
        code = _report(runtime, root, report)
        # A finding is in the report. The Job fails only if the preflight could not be made.
        return code if report.outcome in RETRIABLE else 0
    scheduled = ""
    try:
        settings = read_settings(environ)
        scheduled = rfc3339(settings.scheduled)
        runtime.log.bind(occurrence=settings.occurrence, pod=settings.pod)
        within_schedule(settings)
        ctx = RunContext(settings, runtime)
    except RunEnded as ended:
        outcome, reason, message = ended.result
        return _report(runtime, root, Report(outcome, message, reason, scheduled))
    except Exception as error:  # any error must reach the operator
        return _report(runtime, root, _internal_error(error)._replace(scheduledTime=scheduled))
    try:
        result = run(ctx)
        runtime.shutdown.disarm()
        code = _report(runtime, root, finish.report(ctx, result))
    except Exception as error:
        thread_id = ctx.settings.thread_id if ctx.state.run else ""
        report = _internal_error(error)._replace(scheduledTime=scheduled, runId=ctx.state.run_id, threadId=thread_id)
        return _report(runtime, root, report)
    _clean_up(ctx, result)
    return code


def _preflight(environ: Mapping[str, str], runtime: Runtime) -> Report:
    """Check whether a run could start, as if one were due now."""
    from graphcron.runner.preflight import preflight

    try:
        settings = read_settings({**environ, contract.ENV_SCHEDULED_TIME: rfc3339(runtime.clock.now())})
        runtime.log.bind(preflight=settings.name, pod=settings.pod)
        ctx = RunContext(settings, runtime)
        return preflight.check_all(ctx)
    except RunEnded as ended:
        return Report(ended.result.outcome, ended.result.message, ended.result.reason)
    except Stopped:
        return Report(Outcome.STOPPED, "the pod was told to stop")
    except Exception as error:
        return _internal_error(error)


def _clean_up(ctx: RunContext, result: RunResult) -> None:
    """Write the outcome onto the record, and delete old threads. The report is already written."""
    try:
        finish.close_record(ctx, result)
        if not ctx.shutdown.requested:
            finish.attempt(ctx, lambda: cleanup.collect_garbage(ctx))
    except Exception as error:
        ctx.log("cleanup-failed", level="error", error=_internal_error(error).message)


def run(ctx: RunContext) -> RunResult:
    """Start and follow the run, and return its result."""
    try:
        return _start_and_follow(ctx)
    except Stopped:
        return finish.stopped(ctx)


def _start_and_follow(ctx: RunContext) -> RunResult:
    try:
        value = load_input(ctx.settings)
        ctx.log("started", assistant=ctx.settings.request.assistant)
        start(ctx, value)
        return follow(ctx, value)
    except RunEnded as ended:
        return ended.result
    except CertificateError as error:
        return RunResult(Outcome.REJECTED, "CertificateNotTrusted", str(error))
    except RequestRejected as error:
        return of_refusal(error, ctx.settings.credentials)


def connect(settings: Settings) -> LangGraphClient:
    """Return the client of the server in the settings.

    Raises
    ------
    RunEnded
        Rejected/InvalidServer.
    """
    ca_file = f"{settings.root}{contract.CA_DIR}/{contract.CA_FILE}" if settings.request.caFile else None
    try:
        return LangGraphClient(Transport(settings.request.url, settings.headers, settings.environ, ca_file))
    except ValueError as error:
        raise RunEnded(Outcome.REJECTED, "InvalidServer", str(error)) from None


def write_report(root: str, text: str) -> None:
    """Write the report where the kubelet reads it."""
    with open(root + contract.TERMINATION_LOG, "w", encoding="utf-8") as file:
        file.write(text)


def _report(runtime: Runtime, root: str, report: Report) -> int:
    try:
        runtime.write_report(root, report.to_json())
    except OSError as error:
        runtime.log("report-not-written", level="error", error=error.strerror)
    runtime.log(
        "ended", outcome=report.outcome.value, reason=report.reason, message=report.message, tokens=report.tokens
    )
    return EXIT_CODES[report.outcome]


def _internal_error(error: Exception) -> Report:
    """Return the report of an unexpected error: its class and place, not its text, which can contain anything."""
    place = error.__traceback__
    while place and place.tb_next:
        place = place.tb_next
    where = f"{os.path.basename(place.tb_frame.f_code.co_filename)}:{place.tb_lineno}" if place else "?"
    return Report(Outcome.INTERNAL_ERROR, f"{type(error).__name__} at {where}", type(error).__name__)
