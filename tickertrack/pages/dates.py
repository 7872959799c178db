"""Dates as pages print them and as sources state them: `07 Apr 2021 07:41pm`, ISO 8601."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from tickertrack.dialects.grammar import YEARS
from tickertrack.models import Precision, Published

__all__ = ["BYLINE", "captured_of", "iso_published", "printed_date", "published_from"]

_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_MONTH = r"(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]{0,6}\.?"
_DAY_FIRST = rf"(?P<d1>[0-9]{{1,2}})(?:st|nd|rd|th)?[ -](?P<m1>{_MONTH}),?[ -](?P<y1>[0-9]{{4}})"
_MONTH_FIRST = rf"(?P<m2>{_MONTH}) (?P<d2>[0-9]{{1,2}}),? (?P<y2>[0-9]{{4}})"
_ISO_DAY = r"(?P<y3>[0-9]{4})-(?P<m3>[0-9]{2})-(?P<d3>[0-9]{2})"
_CLOCK = r"(?:,? (?:at )?(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2}) ?(?P<half>[ap]\.?m\.?)?)?"
_DATE = rf"(?:{_DAY_FIRST}|{_MONTH_FIRST}|{_ISO_DAY}){_CLOCK}"
_PRINTED = re.compile(_DATE, re.IGNORECASE)

# `Recorder Report 22 Jun 2021`, `BR Web Desk Published November 13, 2023 Updated ...`: a line
# that is a name, a date and no more.
BYLINE = re.compile(
    rf"(?P<name>(?:[^\W\d_]|[ .,&'’/()-]){{0,80}}?) ?(?:Published:? |Posted:? |[|•-] )?{_DATE}"
    r"(?: ?(?:\||Updated|Last updated|PKT|PST).{0,60})?",
    re.IGNORECASE,
)
_NOON = 12
# Crawls run day and time together; another number of so many digits is a count of seconds.
_STAMP = re.compile(r"^([0-9]{8})([0-9]{6})$")
_COUNT = re.compile(r"[0-9]{9,}")
_CLOCKS_DIFFER = timedelta(days=1)


def printed_date(text: str) -> date | None:
    """Read the first date that stands in a text; None where there is none, or no such day."""
    found = _PRINTED.search(text)
    return _day(found) if found else None


def published_from(found: re.Match[str], zone: ZoneInfo) -> Published | None:
    """Read a printed date match (of BYLINE) as a time of the publisher's zone, or as a day."""
    day = _day(found)
    if day is None:
        return None
    clock = _clock(found)
    if clock is None:
        return Published(day, "day")
    return Published(datetime.combine(day, clock, zone).astimezone(UTC), "minute")


def iso_published(text: str, zone: ZoneInfo) -> Published | None:
    """Read an ISO 8601 date or time; without an offset it is of the publisher's zone."""
    text = text.strip()
    try:
        stamp = datetime.fromisoformat(text)
    except ValueError:
        found = _PRINTED.search(text)
        return published_from(found, zone) if found else None
    if stamp.year not in YEARS:
        return None
    if "T" not in text and ":" not in text:
        return Published(stamp.date(), "day")
    aware = stamp if stamp.tzinfo else stamp.replace(tzinfo=zone)
    precision: Precision = "second" if text.count(":") - _offset_colons(text) > 1 else "minute"
    return Published(aware.astimezone(UTC).replace(microsecond=0), precision)


def captured_of(value: object) -> datetime | date:
    """
    Give a capture time in whole seconds of UTC, which it is without an offset, or its bare day.

    A bare day is no time: which of its two sessions the page shows, it does not say. Midnight
    without an offset is how a day is written by what knows only times. Raises ValueError for what
    is neither, and for times at which no page was captured.
    """
    stamp = _stamped(value)
    if stamp.year not in YEARS:
        raise ValueError(f"no page was captured in the year {stamp.year}")
    aware = stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)
    if aware > datetime.now(UTC) + _CLOCKS_DIFFER:
        raise ValueError(f"{value} is still to come")
    if stamp.tzinfo is None and stamp.time() == time():
        return stamp.date()
    return aware.astimezone(UTC).replace(microsecond=0)


def _stamped(value: object) -> datetime:
    if isinstance(value, datetime):
        return value
    text = _STAMP.sub(r"\1T\2", str(value).strip())
    try:
        return datetime.fromisoformat("" if _COUNT.fullmatch(text) else text)
    except ValueError as error:
        advice = "write it YYYY-MM-DDTHH:MM:SS+00:00, not as a count of seconds"
        raise ValueError(f"{text[:40]!r} is no time; {advice}") from error


def _offset_colons(text: str) -> int:
    return len(re.findall(r"[+-][0-9]{2}:[0-9]{2}$", text))


def _day(found: re.Match[str]) -> date | None:
    form = "1" if found["y1"] else "2" if found["y2"] else "3"
    year, month, day = found[f"y{form}"], found[f"m{form}"], found[f"d{form}"]
    # To a pattern that ignores case, a long s is an s; so it must be here.
    number = int(month) if month.isdigit() else _MONTHS.index(month[:3].casefold()) + 1
    try:
        return date(int(year), number, int(day)) if int(year) in YEARS else None
    except ValueError:
        return None


def _clock(found: re.Match[str]) -> time | None:
    if found["hour"] is None:
        return None
    hour, minute = int(found["hour"]), int(found["minute"])
    half = (found["half"] or "").lower()
    if half:
        hour = hour % _NOON + (_NOON if half.startswith("p") else 0)
    try:
        return time(hour, minute)
    except ValueError:
        return None
