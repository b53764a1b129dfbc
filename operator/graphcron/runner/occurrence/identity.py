"""The identity of an occurrence, and the thread ids that derive from it and from the GraphCron."""

import time
from typing import Final

try:
    from _sha1 import sha1  # type: ignore[import-not-found]  # without OpenSSL, whose loading costs 3 ms and 3 MiB
except ImportError:
    from hashlib import sha1

from graphcron.runner.client.times import rfc3339

NAMESPACE: Final = bytes.fromhex("9928fc9de6fc52f0aa4148b160ef8d0b")
"""UUID namespace of all ids here: UUIDv5 of ``graphcron.dev`` in the DNS namespace. It must never change."""

DAY: Final = 86400
"""Seconds of a day, by a clock that shows local time."""

Offsets = tuple[tuple[int, int], ...]


def uuid5(name: str) -> str:
    """Return the UUIDv5 of a name; the ``uuid`` module is slow to import."""
    digest = bytearray(sha1(NAMESPACE + name.encode(), usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def scheduled_time(job: str) -> int:
    """Return the scheduled time in seconds since the epoch, from the name of a CronJob's Job.

    Raises
    ------
    ValueError
        The name does not end in a number, so no CronJob has created this Job.
    """
    last = job.rpartition("-")[2]
    if not (last.isascii() and last.isdigit()):
        raise ValueError("its name does not end in the scheduled minute")
    return int(last) * 60


def occurrence(uid: str, scheduled: int, trigger: str = "", graph_run_uid: str = "") -> str:
    """Return the occurrence's name: the GraphCron's UID, and what identifies the occurrence among its occurrences.

    That is the UID of the GraphRun, the value of the run request, or the scheduled time.
    """
    if graph_run_uid:
        return f"{uid}/run/{graph_run_uid}"
    return f"{uid}/trigger/{trigger}" if trigger else f"{uid}/{rfc3339(scheduled)}"


def lock_id(name: str, number: int) -> str:
    """Return the id of a lock: the thread that gives the right to start ``name``."""
    return uuid5(f"{name}/lock/{number}" if number else name)


def resume_name(of: str, run_id: str) -> str:
    """Return the name of the locks for the run that follows a stopped or failed run."""
    return f"{of}/resume/{run_id}"


def period_thread(uid: str, per: str, offsets: Offsets, at: int) -> str:
    """Return the id of the thread of the period of a time (seconds since the epoch)."""
    return uuid5(f"{uid}/thread/{per}/{first_day(per, offsets, at)}")


def first_day(per: str, offsets: Offsets, at: int) -> str:
    """Return the first local day of the day, week (from Monday) or month of a time."""
    day = (at + offset_at(offsets, at)) // DAY
    if per == "week":
        day -= (day + 3) % 7  # the epoch was a Thursday
    elif per == "month":
        day -= time.gmtime(day * DAY).tm_mday - 1
    return time.strftime("%Y-%m-%d", time.gmtime(day * DAY))


def offset_at(offsets: Offsets, at: float) -> int:
    """Return the zone's UTC offset at that time in seconds; 0 without offsets."""
    past = [offset for since, offset in offsets if since <= at]
    return past[-1] if past else offsets[0][1] if offsets else 0


def instant_of(local: int, offsets: Offsets) -> int:
    """Return the time at which the zone's clock shows ``local``, seconds since the epoch as if in UTC.

    The first one if the clock shows it twice. If the clock skips it, the time as far after the change.
    """
    near = {offset_at(offsets, local - DAY), offset_at(offsets, local + DAY)}
    found = [local - offset for offset in near if offset_at(offsets, local - offset) == offset]
    return min(found) if found else local - offset_at(offsets, local - DAY)
