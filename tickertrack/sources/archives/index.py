"""What an archive's index is asked, form by form, and how far each answer brings us."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import unquote_plus, urlencode

from tickertrack.errors import FetchError
from tickertrack.publishers import Publisher, host_of
from tickertrack.sources.archives.listed import (
    FIELDS,
    Fields,
    Listed,
    fields_of_json,
    fields_of_text,
    listed_in,
    stamp_of,
    time_of,
)
from tickertrack.sources.archives.places import Form, Place
from tickertrack.sources.web import Fetcher
from tickertrack.sources.web.faults import fault

__all__ = ["Answer", "Question", "ask", "questions", "share_told"]

# Lines of one answer: about a megabyte, of the five that an answer may have.
_LINES = 5000
_MOST_PAGES = 20_000
_MOST_CRAWLS = 1000
_KEY = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,800}[\x21-\x7e])?")
_WINDOW = re.compile(r"[0-9]{14}-[0-9]{14}")
_PAGE = re.compile(r"([0-9]{1,5})/([0-9]{1,5})")
_MISSING, _TOO_LARGE = "status_404", "too_large"
_SECOND = timedelta(seconds=1)
# No archive is older.
_FIRST_YEAR = 1996


# A line of an answer to its fields; None for what is no line of one.
Reader = Callable[[str], Fields | None]


@dataclass(frozen=True, slots=True)
class Question:
    """
    The captures of a domain in a stretch of time, both ends included, as one index has them.

    `cursor` is where the next answer begins, in the index's own way; empty at the beginning.
    """

    index: str
    domain: str
    since: datetime
    until: datetime
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """Captures that an index lists, and where the next answer begins: None where this is all."""

    listed: tuple[Listed, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class _Asking:
    """Who asks, on whose behalf, when."""

    fetcher: Fetcher
    place: Place
    publisher: Publisher
    now: datetime

    def lines(self, question: Question, **parameters: object) -> list[bytes]:
        """Ask an index, and give its answer's lines; raises FetchError."""
        words = {"url": question.domain, "matchType": "domain", **parameters}
        address = f"{question.index}?{urlencode(words, doseq=True)}"
        return self.fetcher.get(address, hosts=self.place.hosts).body.splitlines()

    def listed(self, question: Question, lines: list[bytes], read: Reader) -> tuple[Listed, ...]:
        """Read an answer's lines; what cannot be fetched is not listed. Raises FetchError."""
        told = [line for line in lines if line.strip()]
        if told and not any("timestamp" in (_fields(line, read) or ()) for line in told):
            # An apology, which servers send with status 200 too, is no empty answer:
            # https://github.com/internetarchive/wayback/issues/168
            raise fault("not_an_index", "answers with no line of an index", question.index)
        found = listed_in(told, read, self.publisher, self.now)
        return tuple(one for one in found if one.span or not self.place.files)


def questions(
    fetcher: Fetcher, place: Place, publisher: Publisher, days: tuple[date, date], now: datetime
) -> list[Question]:
    """List what is to be asked for days, both included; raises FetchError."""
    first = datetime.combine(days[0], time(), UTC) - timedelta(days=1)
    last = datetime.combine(days[1], time(), UTC) + timedelta(days=2)
    if place.form == "crawls":
        indexes = _crawls(fetcher, place, now)
    else:
        indexes = [(place.index, *one) for one in _periods(now)]
    return [
        Question(index, domain, since, until)
        for index, since, until in indexes
        if since <= last and until >= first
        for domain in _domains(publisher)
    ]


def ask(
    fetcher: Fetcher, place: Place, publisher: Publisher, question: Question, now: datetime
) -> Answer:
    """Ask an index for the next piece of an answer; raises FetchError."""
    return _FORMS[place.form](_Asking(fetcher, place, publisher, now), question)


def share_told(question: Question) -> float:
    """Say how much of a question is answered, from 0 to 1, as far as its cursor tells."""
    if at := _PAGE.fullmatch(question.cursor):
        return int(at[1]) / max(int(at[2]), 1)
    if _WINDOW.fullmatch(question.cursor):
        since, _ = _window(question)
        return (since - question.since) / max(question.until - question.since, _SECOND)
    return 0.0


def _domains(publisher: Publisher) -> list[str]:
    """List the domains that hold all of a publisher's hosts."""
    bare = {host.removeprefix("www.") for host in publisher.hosts}
    return sorted(host for host in bare if not any(host.endswith(f".{other}") for other in bare))


def _periods(now: datetime) -> Iterator[tuple[datetime, datetime]]:
    # Years that are over are asked once; of the running one only its running month again.
    for year in range(_FIRST_YEAR, now.year):
        yield datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC) - _SECOND
    for month in range(1, now.month + 1):
        begin = datetime(now.year, month, 1, tzinfo=UTC)
        yield begin, (begin + timedelta(days=31)).replace(day=1) - _SECOND


def _fields(line: bytes, read: Reader) -> Fields | None:
    return read(line.decode("utf-8", "replace"))


# ---- Common Crawl: an index for each crawl, in pages


def _crawls(fetcher: Fetcher, place: Place, now: datetime) -> list[tuple[str, datetime, datetime]]:
    body = fetcher.get(place.index, hosts=place.hosts).body
    try:
        rows = json.loads(body)
    except (ValueError, RecursionError):
        rows = None
    if not isinstance(rows, list):
        raise fault("not_an_index", "is no list of crawls", place.index)
    told = [row for row in rows[:_MOST_CRAWLS] if isinstance(row, dict)]
    found = {one for row in told if (one := _crawl(row, place, now))}
    if told and not found:
        raise fault("not_an_index", "lists no crawl that may be asked", place.index)
    return sorted(found, key=lambda one: (one[1], one[0]))


def _crawl(
    row: dict[str, Any], place: Place, now: datetime
) -> tuple[str, datetime, datetime] | None:
    index = row.get("cdx-api")
    if not isinstance(index, str) or host_of(index) not in place.hosts:
        return None
    # The oldest do not say from when to when they are: they are asked in any case.
    since = _moment(row.get("from")) or datetime(_FIRST_YEAR, 1, 1, tzinfo=UTC)
    return index, since, _moment(row.get("to")) or now


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def _ask_crawl(asking: _Asking, question: Question) -> Answer:
    words = {"output": "json", "pageSize": 1}
    try:
        if not (at := _PAGE.fullmatch(question.cursor)):
            counted = asking.lines(question, **words, showNumPages="true")
            return Answer((), f"0/{count}" if (count := _pages(question, counted)) else None)
        page, pages = int(at[1]), int(at[2])
        lines = asking.lines(question, **words, page=page, filter=("=status:200", "mime:html"))
    except FetchError as error:
        if error.reason != _MISSING:
            raise
        # So it says that it has no captures.
        return Answer((), None)
    following = f"{page + 1}/{pages}" if page + 1 < pages else None
    return Answer(asking.listed(question, lines, fields_of_json), following)


def _pages(question: Question, lines: Iterable[bytes]) -> int:
    found = (_fields(line, fields_of_json) for line in lines)
    count = next((fields.get("pages") for fields in found if fields), None)
    if not isinstance(count, int):
        raise fault("not_an_index", "does not say of how many pages it is", question.index)
    return min(max(count, 0), _MOST_PAGES)


# ---- the Wayback Machine: a key with which the answer is resumed


def _ask_wayback(asking: _Asking, question: Question) -> Answer:
    words = {
        "fl": ",".join(FIELDS),
        "filter": ("statuscode:200", "mimetype:.*html.*"),
        "limit": _LINES,
    }
    if _WINDOW.fullmatch(question.cursor):
        return _ask_in_windows(asking, question, words, fields_of_text)
    resumed = {"resumeKey": _as_sent(question.cursor)} if question.cursor else {}
    words |= {"from": stamp_of(question.since), "to": stamp_of(question.until)}
    in_windows = Answer((), _cursor(question.since, question.until))
    try:
        lines = asking.lines(question, **words, **resumed, showResumeKey="true")
    except FetchError as error:
        if error.reason != _TOO_LARGE:
            raise
        return in_windows
    lines, following = _resumed(lines)
    # A key that cannot be sent again, or was not understood, or none where more may follow: all is
    # asked for again, without any.
    lost = following == "" or (following is None and len(lines) >= _LINES)
    again = question.cursor and (following == question.cursor or _leads_away(lines, question))
    if lost or again:
        return in_windows
    return Answer(asking.listed(question, lines, fields_of_text), following)


def _resumed(lines: list[bytes]) -> tuple[list[bytes], str | None]:
    """Part an answer's lines from its key: None where it has none, empty where it is of no use."""
    if len(lines) < 2 or lines[-2].strip():  # noqa: PLR2004  (a blank line, and the key)
        return lines, None
    key = lines[-1].decode("utf-8", "replace").strip()
    return lines[:-2], key if _KEY.fullmatch(key) else ""


def _as_sent(key: str) -> str:
    """
    Give a key as it is to be sent: it is printed encoded, and what is sent is encoded again.

    A server decodes it once, or twice (https://github.com/internetarchive/wayback/issues/195).
    """
    plain = unquote_plus(key)
    # Where decoding twice would change it, it is left to the second: that is the Archive's own.
    return key if {"%", "+"} & set(plain) else plain


def _leads_away(lines: Sequence[bytes], question: Question) -> bool:
    """Say whether an answer has lines, and none of the domain that was asked for."""
    told = (_fields(line, fields_of_text) for line in lines)
    hosts = {host_of(str(fields["url"])) or "" for fields in told if fields}
    domain = question.domain
    return bool(hosts) and not any(host == domain or host.endswith(f".{domain}") for host in hosts)


# ---- pywb: no way to resume an answer, so that shorter stretches are asked for


def _ask_pywb(asking: _Asking, question: Question) -> Answer:
    return _ask_in_windows(asking, question, {"output": "json", "limit": _LINES}, fields_of_json)


def _ask_in_windows(
    asking: _Asking, question: Question, words: dict[str, Any], read: Reader
) -> Answer:
    since, until = _window(question)
    try:
        lines = asking.lines(question, **{"from": stamp_of(since), "to": stamp_of(until)}, **words)
    except FetchError as error:
        if error.reason != _TOO_LARGE or until <= since:
            raise
        lines = []
        full = True
    else:
        full = len(lines) >= _LINES
    listed = asking.listed(question, lines, read)
    if full and since < until:
        # There may be more of it than was told.
        return Answer(listed, _cursor(since, since + (until - since) // 2))
    rest = _cursor(until + _SECOND, question.until) if until < question.until else None
    return Answer(listed, rest)


def _window(question: Question) -> tuple[datetime, datetime]:
    begin, _, end = question.cursor.partition("-")
    return time_of(begin) or question.since, time_of(end) or question.until


def _cursor(since: datetime, until: datetime) -> str:
    return f"{stamp_of(since)}-{stamp_of(until)}"


_FORMS: dict[Form, Callable[[_Asking, Question], Answer]] = {
    "crawls": _ask_crawl,
    "wayback": _ask_wayback,
    "pywb": _ask_pywb,
}
