"""From the environment to an exit code."""

import os
from collections.abc import Callable, Mapping
from random import Random

from graphcron import contract
from graphcron.contract import EXIT_CODES, RETRIABLE, Outcome, Report
from graphcron.runner.admission.checks import within_schedule
from graphcron.runner.client.errors import Ended, Ending, Refused, Untrusted
from graphcron.runner.client.http_transport import Transport
from graphcron.runner.client.langgraph_api import Server
from graphcron.runner.client.times import rfc3339
from graphcron.runner.occurrence import outcome
from graphcron.runner.occurrence.context import Clock, Tick
from graphcron.runner.occurrence.input_template import load_input
from graphcron.runner.occurrence.log import Log
from graphcron.runner.occurrence.settings import Settings, read_settings
from graphcron.runner.occurrence.shutdown import Stop, Stopped
from graphcron.runner.run import cleanup, finish
from graphcron.runner.run.follow import follow
from graphcron.runner.run.start import start


def main(stop: Stop | None = None, environ: Mapping[str, str] = os.environ) -> int:
    """Work on the occurrence that the environment tells, and return the exit code."""
    if stop is None:
        stop = Stop()
        stop.install()
    try:
        return work(stop, environ, Dependencies(Clock(), Log(), Random(), server_of, write_report))
    finally:
        stop.ignore()


class Dependencies:
    """What a pod has of the world around it; a simulation hands in its own.

    Parameters
    ----------
    server
        Returns the client of the server that the settings name; raises Ended where they name none.
    write_report
        Leaves a text where the kubelet looks for it, under that root; raises OSError.
    """

    def __init__(
        self,
        clock: Clock,
        log: Log,
        random: Random,
        server: Callable[[Settings], Server],
        write_report: Callable[[str, str], None],
    ) -> None:
        self.clock, self.log, self.random = clock, log, random
        self.server, self.write_report = server, write_report


def work(stop: Stop, environ: Mapping[str, str], given: Dependencies) -> int:
    """Work on the occurrence with what is given, and return the exit code."""
    root = environ.get(contract.ENV_ROOT, "").rstrip("/")
    log = given.log
    if environ.get(contract.ENV_PREFLIGHT) == "1":
        report = _preflight(stop, environ, given)
        code = _tell(given, root, report)
        # A finding is in the report. The Job fails only if the preflight could not be made.
        return code if report.outcome in RETRIABLE else 0
    scheduled = ""
    try:
        settings = read_settings(environ)
        scheduled = rfc3339(settings.scheduled)
        log.bind(occurrence=settings.occurrence, pod=settings.pod)
        within_schedule(settings)
        tick = Tick(settings, given.server(settings), stop, log, given.clock, random=given.random)
        if settings.request.budget is not None:
            from graphcron.runner.budget.budget import spending_of

            tick.spending = spending_of(tick)
    except Ended as ended:
        return _tell(given, root, Report(ended.ending.outcome, ended.ending.message, ended.ending.reason, scheduled))
    except Exception as error:  # whatever it is, the operator must learn of it
        return _tell(given, root, _bug(error)._replace(scheduledTime=scheduled))
    try:
        ending = run(tick)
        stop.disarm()
        code = _tell(given, root, finish.report(tick, ending))
    except Exception as error:
        thread_id = tick.thread_id if tick.run else ""
        return _tell(given, root, _bug(error)._replace(scheduledTime=scheduled, runId=tick.run_id, threadId=thread_id))
    _afterwards(tick, ending)
    return code


def _preflight(stop: Stop, environ: Mapping[str, str], given: Dependencies) -> Report:
    """Look whether a run could be made, as if one were due now, and make none."""
    from graphcron.runner.preflight import preflight

    try:
        settings = read_settings({**environ, contract.ENV_SCHEDULED_TIME: rfc3339(given.clock.now())})
        given.log.bind(preflight=settings.name, pod=settings.pod)
        tick = Tick(settings, given.server(settings), stop, given.log, given.clock, random=given.random)
        return preflight.look(tick)
    except Ended as ended:
        return Report(ended.ending.outcome, ended.ending.message, ended.ending.reason)
    except Stopped:
        return Report(Outcome.STOPPED, "the pod was told to stop")
    except Exception as error:
        return _bug(error)


def _afterwards(tick: Tick, ending: Ending) -> None:
    """Write the outcome onto the record, and tidy up. The report is out: nothing here changes it."""
    try:
        finish.close_record(tick, ending)
        if not tick.stop.requested:
            finish.attempt(tick, lambda: cleanup.tidy(tick))
    except Exception as error:
        tick.log("left-undone", level="error", error=_bug(error).message)


def run(tick: Tick) -> Ending:
    """Do the whole of it, up to the ending."""
    try:
        return _guarded(tick)
    except Stopped:
        return finish.stopped(tick)


def _guarded(tick: Tick) -> Ending:
    try:
        value = load_input(tick.settings)
        tick.log("started", assistant=tick.settings.request.assistant)
        start(tick, value)
        return follow(tick, value)
    except Ended as ended:
        return ended.ending
    except Untrusted as error:
        return Ending(Outcome.REJECTED, "CertificateNotTrusted", str(error))
    except Refused as error:
        return outcome.of_refusal(error, tick.settings.credentials)


def server_of(settings: Settings) -> Server:
    """Return the client of the server that the settings name.

    Raises
    ------
    Ended
        Rejected/InvalidServer.
    """
    ca_file = f"{settings.root}{contract.CA_DIR}/{contract.CA_FILE}" if settings.request.caFile else None
    try:
        return Server(Transport(settings.request.url, settings.headers, settings.environ, ca_file))
    except ValueError as error:
        raise Ended(Outcome.REJECTED, "InvalidServer", str(error)) from None


def write_report(root: str, text: str) -> None:
    """Leave the report where the kubelet looks for it."""
    with open(root + contract.TERMINATION_LOG, "w", encoding="utf-8") as file:
        file.write(text)


def _tell(given: Dependencies, root: str, report: Report) -> int:
    try:
        given.write_report(root, report.to_json())
    except OSError as error:
        given.log("report-not-written", level="error", error=error.strerror)
    given.log("ended", outcome=report.outcome.value, reason=report.reason, message=report.message, tokens=report.tokens)
    return EXIT_CODES[report.outcome]


def _bug(error: Exception) -> Report:
    """An error that nobody foresaw: its class and place, not its text, which may hold anything."""
    place = error.__traceback__
    while place and place.tb_next:
        place = place.tb_next
    where = f"{os.path.basename(place.tb_frame.f_code.co_filename)}:{place.tb_lineno}" if place else "?"
    return Report(Outcome.INTERNAL_ERROR, f"{type(error).__name__} at {where}", type(error).__name__)
