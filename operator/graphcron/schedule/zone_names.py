"""Names of time zones that users write and the IANA database lacks, and their replacements."""

import difflib
import re
from collections.abc import Collection
from typing import Final

EXAMPLE: Final = "write an IANA name, for example Etc/UTC or Europe/Berlin"

_ABBREVIATIONS: Final = {
    "ACDT": "Australia/Adelaide",
    "ACST": "Australia/Adelaide",
    "ADT": "America/Halifax",
    "AEDT": "Australia/Sydney",
    "AEST": "Australia/Sydney",
    "AKDT": "America/Anchorage",
    "AKST": "America/Anchorage",
    "ART": "America/Argentina/Buenos_Aires",
    "AST": "America/Halifax or Asia/Riyadh",
    "AWST": "Australia/Perth",
    "BRT": "America/Sao_Paulo",
    "BST": "Europe/London or Asia/Dhaka",
    "CAT": "Africa/Maputo",
    "CDT": "America/Chicago or America/Havana",
    "CEST": "Europe/Berlin",
    "CLST": "America/Santiago",
    "CLT": "America/Santiago",
    "COT": "America/Bogota",
    "CST": "America/Chicago or Asia/Shanghai",
    "CT": "America/Chicago",
    "EAT": "Africa/Nairobi",
    "EDT": "America/New_York",
    "EEST": "Europe/Athens",
    "ET": "America/New_York",
    "GST": "Asia/Dubai",
    "HDT": "America/Adak",
    "HKT": "Asia/Hong_Kong",
    "ICT": "Asia/Bangkok",
    "IDT": "Asia/Jerusalem",
    "IRST": "Asia/Tehran",
    "IST": "Asia/Kolkata, Europe/Dublin or Asia/Jerusalem",
    "JST": "Asia/Tokyo",
    "KST": "Asia/Seoul",
    "MDT": "America/Denver",
    "MESZ": "Europe/Berlin",
    "MEST": "Europe/Berlin",
    "MEZ": "Europe/Berlin",
    "MSK": "Europe/Moscow",
    "MT": "America/Denver",
    "MYT": "Asia/Kuala_Lumpur",
    "NDT": "America/St_Johns",
    "NPT": "Asia/Kathmandu",
    "NST": "America/St_Johns",
    "NZDT": "Pacific/Auckland",
    "NZST": "Pacific/Auckland",
    "NZT": "Pacific/Auckland",
    "PDT": "America/Los_Angeles",
    "PET": "America/Lima",
    "PHT": "Asia/Manila",
    "PKT": "Asia/Karachi",
    "PST": "America/Los_Angeles",
    "PT": "America/Los_Angeles",
    "SAST": "Africa/Johannesburg",
    "SGT": "Asia/Singapore",
    "SST": "Pacific/Pago_Pago",
    "TRT": "Europe/Istanbul",
    "UT": "Etc/UTC",
    "UZT": "Asia/Tashkent",
    "WAT": "Africa/Lagos",
    "WEST": "Europe/Lisbon",
    "WIB": "Asia/Jakarta",
    "WITA": "Asia/Makassar",
    "WIT": "Asia/Jayapura",
    "Z": "Etc/UTC",
}
"""Abbreviations that the database lacks, and places that use them in a part of the year."""

_FIXED: Final = {"EST": "America/New_York", "MST": "America/Denver"}
"""Names of the database without summer time, and the place that users often mean."""

_PARTS_OF_HOURS: Final = {
    "+03:30": "Asia/Tehran",
    "+04:30": "Asia/Kabul",
    "+05:30": "Asia/Kolkata",
    "+05:45": "Asia/Kathmandu",
    "+06:30": "Asia/Yangon",
    "+08:45": "Australia/Eucla",
    "+09:30": "Australia/Darwin",
    "+10:30": "Australia/Lord_Howe",
    "+12:45": "Pacific/Chatham",
    "-02:30": "America/St_Johns",
    "-03:30": "America/St_Johns",
    "-09:30": "Pacific/Marquesas",
}
"""Offsets without an Etc/GMT zone."""

_OFFSET: Final = re.compile(r"(?:Etc/)?(?:UTC|GMT|UT|Z)?\s*([-+\u2212])\s*([0-9]{1,2})(?::?([0-9]{2}))?", re.IGNORECASE)
_ETC: Final = re.compile(r"(?:Etc/)?GMT([-+])([1-9][0-9]?)")
_HOURS: Final = range(-12, 15)
_LIKE: Final = 0.8
_SHORT: Final = 4
"""Maximum length of an abbreviation, which is similar to many others."""


def remedy_for(name: str, known: Collection[str]) -> str:
    """Return the replacement of an unknown name."""
    if offset := _OFFSET.fullmatch(name.strip()):
        return _of_offset(*offset.groups(default=""))
    if place := _ABBREVIATIONS.get(name.strip().upper()):
        return f"did you mean {place}?"
    near = _nearest(name, known)
    return f"did you mean {near}?" if near else EXAMPLE


def no_summer_time(name: str) -> tuple[str, str] | None:
    """Return a note on a name that is only an offset, and a replacement; None: the name is not an offset."""
    if place := _FIXED.get(name):
        return f"{name} knows no summer time", f"write {place} if you mean the time of that place"
    offset = _ETC.fullmatch(name)
    if not offset:
        return None
    sign, hours = offset.groups()
    meant = f"{hours} hours {'behind' if sign == '+' else 'ahead of'} UTC"
    return f"{name} is {meant}, and knows no summer time", "write a place, for example Europe/Berlin"


def _of_offset(sign: str, hours: str, minutes: str) -> str:
    """Return the zone of an offset; Etc/GMT has the opposite sign."""
    ahead = sign == "+"
    if not int(hours) and not int(minutes or "0"):
        return "did you mean Etc/UTC?"
    shown = f"{'+' if ahead else '-'}{int(hours):02}:{minutes or '00'}"
    place = "write a place, for example Europe/Berlin, so that summer time is kept"
    if shown in _PARTS_OF_HOURS:
        return f"did you mean {_PARTS_OF_HOURS[shown]}?"
    if int(minutes or "0") or (int(hours) if ahead else -int(hours)) not in _HOURS:
        return f"{place}; no zone has the offset {shown}"
    return f"{place}; the offset {shown} alone is Etc/GMT{'-' if ahead else '+'}{int(hours)}, with its sign reversed"


def _nearest(name: str, known: Collection[str]) -> str | None:
    """Return the known name that is most similar to another, ignoring case, blanks and the continent."""
    wanted = re.sub(r"[\s_-]+", "_", name.strip().lower())
    by_lower = {each.lower(): each for each in sorted(known)}
    by_place = {each.rpartition("/")[2]: name for each, name in by_lower.items() if "/" in each}
    if found := by_lower.get(wanted) or by_place.get(wanted):
        return found
    place = wanted.rpartition("/")[2]  # with the continent, all its places would be similar
    near = difflib.get_close_matches(place, by_place, n=1, cutoff=_LIKE) if len(place) > _SHORT else []
    return next((by_place[each] for each in near), None)
