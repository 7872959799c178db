"""The past out of archives on the net: of what their indexes list, a few captures a session."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

from tickertrack.errors import FetchError, SourceError
from tickertrack.isolation import IsolatedReader
from tickertrack.kept import unstored
from tickertrack.lock import Lock
from tickertrack.models import Locator, Outcome, Page
from tickertrack.pages import Desk
from tickertrack.publishers import load_publisher
from tickertrack.shift import Shift, StoppedError
from tickertrack.sources.archives import (
    Listed,
    Place,
    Question,
    Stretch,
    address_of,
    ask,
    fetch_copy,
    picked,
    place_of,
    questions,
    share_told,
    stretches,
)
from tickertrack.sources.warc import Archive, copies_after, read_at
from tickertrack.sources.web import OF_HOST, Fetcher, manners_of
from tickertrack.spans import day_of
from tickertrack.store.captures import CaptureBook
from tickertrack.store.fetches import StoredHosts
from tickertrack.store.write import store_pages

if TYPE_CHECKING:
    from tickertrack.publishers import Publisher
    from tickertrack.tracker import Tracker

__all__ = ["PLAN", "Order", "Plan", "Report", "backfill", "backfill_by_settings", "plan"]

log = logging.getLogger("tickertrack.backfill")

# An index looks long for what it is asked.
_DEADLINE = 120.0
# What an archive says of a record and means of all; it ends the round. What else is for good is of
# that record alone.
_OF_ALL = frozenset("no_range status_401 status_403 status_407".split())
# A record that fails for a while is asked for in later rounds, and given up in the end.
_AGAIN, _TRIES = timedelta(minutes=10), 4
# An archive that has none of so many records in a row is not well, and is left until another call.
_MOST_REFUSED = 25
# How many pages are stored before conclusions are drawn from them.
_RESOLVED = 1000
_MOST_FAULTS = 20
# No archive is older.
_FIRST_DAY = date(1996, 1, 1)

# What is gone through, how far, and how far it goes.
Progress = Callable[[str, float, int], None]


@dataclass(frozen=True, slots=True)
class Order:
    """What of the past is wanted: of which archive and publisher, of which days, how much."""

    source: str
    publisher: str
    start: date | None = None
    end: date | None = None
    per_session: int | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What an order comes to: captures that the index lists, and those that are to be fetched."""

    source: str
    publisher: str
    start: date
    end: date
    listed: int
    done: int
    captures: int
    sessions: int
    bytes: int
    unanswered: int


PLAN = tuple(one.name for one in fields(Plan))


@dataclass(slots=True)
class Report:
    """What a round did, and what kept it from going on: a fault, or nothing."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    halted: FetchError | None = None

    def fault(self, error: SourceError) -> None:
        """Note a fault, if there are not many yet."""
        if len(self.faults) < _MOST_FAULTS:
            self.faults.append(str(error))


@dataclass(slots=True)
class _Round:
    """One round of fetching the past: what it works with, and what it has done so far."""

    shift: Shift
    tracker: Tracker
    order: Order
    place: Place
    publisher: Publisher
    fetcher: Fetcher
    archive: Archive
    reader: IsolatedReader
    book: CaptureBook
    progress: Progress
    report: Report = field(default_factory=Report)
    refused_in_a_row: int = 0

    @property
    def days(self) -> tuple[date, date]:
        """The days that are asked for, in the publisher's zone."""
        today = self.shift.now().astimezone(self.publisher.zone).date()
        first = max(self.order.start or _FIRST_DAY, _FIRST_DAY)
        return first, min(self.order.end or today, today)

    def check(self) -> None:
        """Raise StoppedError when it is time to come to an end."""
        if self.shift.is_over():
            raise StoppedError


def backfill_by_settings(shift: Shift) -> Outcome:
    """Do a round as `[backfill]` of config.toml says, for each publisher: the scheduled job."""
    config = shift.tracker.config
    counts: Counter[str] = Counter()
    faults: list[str] = []
    settings = config.backfill
    start = day_of(settings.start)
    for publisher in config.collect.publishers:
        if shift.is_over():
            break
        order = Order(settings.source, publisher, start, None, settings.per_session, settings.limit)
        report = backfill(shift, order)
        counts += report.counts
        faults += [*report.faults, *([str(report.halted)] if report.halted else [])]
    return Outcome(dict(counts), tuple(faults), "partial" if shift.stopped else None)


def backfill(shift: Shift, order: Order, progress: Progress = lambda *_: None) -> Report:
    """
    Ask an archive what it holds, fetch what is picked of it, keep it, store it, and date it.

    Begun again, it goes on where it ended, whatever ended it: no record is asked for twice but one
    whose answer was not yet on the disk. Raises LockedError while another one runs.
    """
    with _round(shift, order, progress) as this:
        try:
            _store_kept(this)
            _ask_index(this)
            _fetch_all(this)
        except FetchError as error:
            this.report.halted = error
        except StoppedError:
            log.info("the time is up; what is left waits for the next round")
        _conclude(this)
        return this.report


def plan(shift: Shift, order: Order, progress: Progress = lambda *_: None) -> Plan:
    """Say what an order comes to, asking the index and fetching no record; raises FetchError."""
    with _round(shift, order, progress) as this:
        _ask_index(this)
        for told in this.report.faults:
            log.warning("%s", told)
        return _plan(this)


@contextmanager
def _round(shift: Shift, order: Order, progress: Progress) -> Iterator[_Round]:
    tracker, place = shift.tracker, place_of(order.source)
    publisher = load_publisher(order.publisher, tracker.config.folder)
    hosts = StoredHosts(tracker.writer(), tracker.path)
    manners = manners_of(tracker.config.collect)
    manners = replace(
        manners,
        per_host_delay=max(manners.per_host_delay, place.delay),
        invited=place.hosts if place.invited else frozenset(),
        deadline=_DEADLINE,
    )
    # Each has files of its own: another's round would pass over what ours left unstored.
    name = f"backfill-{place.slug}-{publisher.name}"
    with (
        Lock(tracker.path.with_name(f"{tracker.path.name}.backfill")),
        Fetcher(manners, hosts, shift.now, shift.wait) as fetcher,
        Archive(tracker.config.archive_path, shift.now, name) as archive,
        IsolatedReader(_desk(tracker, publisher)) as reader,
    ):
        book = CaptureBook(tracker.writer(), tracker.path, place.name, publisher)
        yield _Round(
            shift, tracker, order, place, publisher, fetcher, archive, reader, book, progress
        )


def _desk(tracker: Tracker, publisher: Publisher) -> Desk:
    # Read as the archive's files will be read again: by their hosts, nobody having said whose.
    names = dict.fromkeys([*tracker.config.collect.publishers, publisher.name])
    known = tuple(load_publisher(name, tracker.config.folder) for name in names)
    return Desk(known, tracker.market())


# ---- what was kept, and not stored when the last round was cut short


def _store_kept(this: _Round) -> None:
    for path, until in unstored(this.tracker, this.archive):
        for copy in copies_after(path, until):
            if isinstance(copy, SourceError):
                this.report.fault(copy)
                continue
            listed = this.book.capture(copy.url, copy.captured_at)
            if listed is not None and listed.state == "listed":
                _take(this, listed, copy.locator)


# ---- the index


def _ask_index(this: _Round) -> None:
    now = this.shift.now()
    asked = questions(this.fetcher, this.place, this.publisher, this.days, now)
    for number, question in enumerate(asked):
        left = this.book.open_question(question, now)
        try:
            while left is not None:
                this.progress("index", number + share_told(left), len(asked))
                left = _ask(this, left)
        except FetchError as error:
            if _is_of_all(error):
                raise
            # It costs no other question, and stays open for the next call.
            this.report.fault(error)
            this.report.counts["unanswered"] += 1
    this.progress("index", len(asked), len(asked))


def _ask(this: _Round, question: Question) -> Question | None:
    this.check()
    answer = ask(this.fetcher, this.place, this.publisher, question, this.shift.now())
    this.report.counts["index answers"] += 1
    return this.book.take(question, answer, this.shift.now())


def _is_of_all(error: FetchError) -> bool:
    """Say whether an index that failed so has nothing to say to any question now."""
    told = error.reason in OF_HOST or error.reason.startswith(("status_4", "host_", "robots"))
    return told or error.retry_at is not None


# ---- what is picked


def _stretches(this: _Round) -> list[Stretch]:
    zone, (first, last) = this.publisher.zone, this.days
    found = this.book.span()
    if found is None:
        return []
    # No further than there are captures: without a start, that would be decades.
    begin, end = (moment.astimezone(zone).date() for moment in found)
    first, last = max(first, begin), min(last, end)
    return stretches(this.tracker.market(), zone, first, last) if first <= last else []


def _plan(this: _Round) -> Plan:
    """Pick as a round would if nothing was refused."""
    seen = this.book.contents()
    counts: Counter[str] = Counter()
    for stretch in _stretches(this):
        captures = this.book.between(stretch.since, stretch.until)
        counts["listed"] += len(captures)
        counts["done"] += sum(one.state == "done" for one in captures)
        left = None if this.order.limit is None else this.order.limit - counts["captures"]
        picks = list(picked(captures, stretch, this.order.per_session, seen))[:left]
        counts["captures"] += len(picks)
        counts["sessions"] += bool(picks)
        counts["bytes"] += sum(one.length or 0 for one in picks)
    counts["unanswered"] = this.report.counts["unanswered"]
    figures = [counts[name] for name in PLAN[4:]]
    return Plan(this.place.name, this.publisher.name, *this.days, *figures)


# ---- the records


def _fetch_all(this: _Round) -> None:
    total = _plan(this).captures
    seen = this.book.contents()
    for stretch in _stretches(this):
        captures = this.book.between(stretch.since, stretch.until)
        for listed in picked(captures, stretch, this.order.per_session, seen):
            if this.report.counts["fetched"] == this.order.limit:
                return
            this.check()
            if listed.not_before and listed.not_before > this.shift.now():
                this.report.counts["waiting"] += 1
            elif not _fetch(this, listed):
                # Refused, it leaves its place to another capture of the session.
                seen.discard(listed.content)
            this.progress("captures", this.report.counts["fetched"], total)


def _fetch(this: _Round, listed: Listed) -> bool:
    """Fetch, keep, read and store one capture; say whether it is not refused."""
    this.report.counts["fetched"] += 1
    try:
        copy = fetch_copy(this.fetcher, this.place, listed)
    except FetchError as error:
        return _failed(this, listed, error)
    # From here on it is not asked for again, whatever ends us: between the answer's last byte and
    # this line it would be.
    locator = this.archive.keep_past(copy)
    this.archive.sync()
    this.report.counts["bytes"] += locator.length
    this.refused_in_a_row = 0
    return _take(this, listed, locator)


def _take(this: _Round, listed: Listed, locator: Locator) -> bool:
    """Read and store what was kept; say whether it is not refused."""
    capture = read_at(locator)
    page = capture if isinstance(capture, SourceError) else this.reader.read(capture)
    if isinstance(page, SourceError):
        _refuse(this, listed, page)
        return False
    _store(this, listed, page)
    return True


def _store(this: _Round, listed: Listed, page: Page) -> None:
    done = replace(listed, state="done", not_before=None, reason=None)
    note = this.book.note(done)
    report = store_pages(this.tracker.writer(), this.tracker.path, [page], [note])
    counts = this.report.counts
    counts["pages"] += report.pages
    counts["quotes"] += report.quotes
    counts["articles"] += report.articles
    log.info("stored %s of %s (%d new lines)", page.url, listed.captured_at, report.quotes)
    if report.pages and counts["pages"] % _RESOLVED == 0:
        _conclude(this)


def _failed(this: _Round, listed: Listed, error: FetchError) -> bool:
    """Note that a record cannot be had by now; raises the error where none of them can."""
    if error.reason in OF_HOST or error.reason in {"host_resting", "robots"}:
        raise error
    failed = replace(listed, failures=listed.failures + 1)
    of_all = error.reason in _OF_ALL or error.retry_at is not None
    given_up = failed.failures >= _TRIES or not (of_all or error.temporary)
    if given_up:
        _refuse(this, failed, error)
        this.refused_in_a_row += 1
    else:
        _put_off(this, failed, error)
    if of_all or this.refused_in_a_row >= _MOST_REFUSED:
        raise error
    return not given_up


def _put_off(this: _Round, listed: Listed, error: FetchError) -> None:
    """Let a record wait, whose archive may yet give it."""
    this.report.fault(error)
    this.report.counts["waiting"] += 1
    later = this.shift.now() + _AGAIN * 2**listed.failures
    this.book.put(replace(listed, not_before=later, reason=error.reason))


def _refuse(this: _Round, listed: Listed, error: SourceError) -> None:
    """Give a capture up, with its reason: once in the faults, once in quarantine."""
    this.report.fault(error)
    this.report.counts["refused"] += 1
    this.book.put(replace(listed, state="refused", not_before=None, reason=error.reason))
    this.tracker.refuse([error])
    log.info("refused %s: %s", address_of(this.place, listed), error.what)


def _conclude(this: _Round) -> None:
    this.tracker.resolve()
    this.tracker.link()
