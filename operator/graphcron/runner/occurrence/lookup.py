"""Find the run of an occurrence on its thread."""

from typing import Final

from graphcron.runner.client.langgraph_api import Json
from graphcron.runner.client.times import seconds_of
from graphcron.runner.occurrence.outcome import LIVE
from graphcron.runner.occurrence.record_thread import (
    KIND,
    KIND_SHARED,
    OCCURRENCE,
    RUN_ID,
    SCHEDULED,
    THREAD_ID,
    UID,
    Record,
)
from graphcron.runner.occurrence.retrying_client import RetryingClient
from graphcron.runner.occurrence.settings import Settings

PAGE: Final = 100
"""Runs in one list request."""

SLACK_SECONDS: Final = 3600
"""How far the server's clock can be behind before the search for a run stops too early."""


def run_of(client: RetryingClient, settings: Settings, record: Record) -> Json | None:
    """Return the run of a record's occurrence, of any GraphCron, or None if it has none.

    Of several runs it is the newest, even if the record does not name that yet.
    """
    shared = record.text(KIND) == KIND_SHARED
    run_id, place = record.text(RUN_ID), record.text(THREAD_ID) or _place(settings, record, shared=shared)
    if not place:
        return None
    run = client.run(place, run_id) if run_id else None
    if run is not None and run.get("status") in LIVE:
        return run
    scheduled = "" if run_id else record.text(SCHEDULED)
    # A run that follows another is on the first page. The scheduled time of a GraphRun may be later than its run.
    since = min(seconds_of(scheduled), record.created[0]) if scheduled else float("inf")
    return newest_run(client, place, record.text(OCCURRENCE), since, shared=shared) or run


def _place(settings: Settings, record: Record, *, shared: bool) -> str:
    """Return the thread of a record that names none: it has no run, or is of an older version."""
    if not shared:
        return record.id
    return settings.thread_id if settings.shares_thread and record.text(UID) == settings.uid else ""


def newest_run(
    client: RetryingClient, thread_id: str, occurrence: str, scheduled: float, *, shared: bool
) -> Json | None:
    """Return the newest run of an occurrence, or None.

    Parameters
    ----------
    thread_id
        Where the run would be.
    occurrence
        Whose run.
    scheduled
        When it was due (seconds since the epoch): no run of it is older.
    shared
        Others use the thread too, so the run's metadata name the occurrence. On the occurrence's own thread each run is
        the occurrence's, even on servers that list runs without their metadata.
    """
    if not shared:
        return next(iter(client.runs(thread_id, limit=1)), None)
    offset = 0
    while True:
        page = client.runs(thread_id, limit=PAGE, offset=offset)
        for run in page:
            if (run.get("metadata") or {}).get(OCCURRENCE) == occurrence:
                return run
        if len(page) < PAGE or seconds_of(page[-1]["created_at"]) < scheduled - SLACK_SECONDS:
            return None
        offset += PAGE
