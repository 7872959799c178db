"""Live pages into archive and database: feeds, new articles, and the strip as it moves."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tickertrack.errors import FetchError, SourceError
from tickertrack.isolation import IsolatedReader
from tickertrack.kept import unstored
from tickertrack.models import Outcome, Page, Response, RunStatus
from tickertrack.publishers import Publisher, canonical_url
from tickertrack.shift import Shift, StoppedError
from tickertrack.sources.warc import Archive, captures_after, read_at
from tickertrack.sources.web import (
    OF_HOST,
    Feed,
    Fetcher,
    Validators,
    manners_of,
    read_feed,
)
from tickertrack.store.fetches import Fetch, FetchBook, StoredHosts
from tickertrack.store.stored import refused_places

if TYPE_CHECKING:
    from tickertrack.pages import Capture
    from tickertrack.tracker import Tracker

__all__ = ["collect"]

log = logging.getLogger("tickertrack.collect")

_OK = 200
# Pages are asked for in portions, so that what the feeds bring meanwhile comes first.
_PORTION = 50
# A page that fails for a while is asked again later and later, and given up in the end.
_AGAIN = timedelta(minutes=5)
_LONGEST = timedelta(hours=6)
_TRIES = 6
# A live reader wants news: what its feed says is older belongs to the archives.
_NEWS = timedelta(days=7)
# A validator that is wrong would hide what is new for ever (faults F-10).
_WHOLE = timedelta(days=1)
_NONE = Validators()
_OF_HOST = OF_HOST | {"host_resting"}
_MOST_SITEMAPS = 20
_MOST_FAULTS = 20


@dataclass(slots=True)
class _Round:
    """One round of collecting: what it works with, and what it has done so far."""

    shift: Shift
    tracker: Tracker
    fetcher: Fetcher
    archive: Archive
    reader: IsolatedReader
    book: FetchBook
    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def now(self) -> datetime:
        """Tell the shift's time."""
        return self.shift.now()

    def fault(self, error: SourceError) -> None:
        """Note a fault, once."""
        if str(error) not in self.faults:
            self.faults.append(str(error))


def collect(shift: Shift) -> Outcome:
    """
    Poll each publisher's feeds, fetch what is new, keep it, store it, and date it.

    A publisher without news has its newest article asked for again: its strip may have moved.
    """
    with _round(shift) as this:
        try:
            _store_kept(this)
            for publisher in this.tracker.desk().publishers:
                _poll(this, publisher)
                _fetch_waiting(this, publisher)
        except StoppedError:
            log.info("the time is up; what is left waits for the next round")
        if this.counts["pages"]:
            this.tracker.resolve()
        # Cut short by its own time, a round has done its part; by a stop it may have done nothing.
        ended: RunStatus | None = "partial" if shift.stopped else None
        return Outcome(dict(this.counts), _told(this.faults), ended)


@contextmanager
def _round(shift: Shift) -> Iterator[_Round]:
    tracker = shift.tracker
    hosts = StoredHosts(tracker.writer(), tracker.path)
    with (
        Fetcher(manners_of(tracker.config.collect), hosts, shift.now, shift.wait) as fetcher,
        Archive(tracker.config.archive_path, shift.now) as archive,
        IsolatedReader(tracker.desk()) as reader,
    ):
        book = FetchBook(tracker.writer(), tracker.path)
        yield _Round(shift, tracker, fetcher, archive, reader, book)


# ---- what was kept, and not stored when the last round was cut short


def _store_kept(this: _Round) -> None:
    refused = refused_places(this.tracker.writer())
    for path, until in unstored(this.tracker, this.archive):
        for capture in captures_after(path, until):
            if isinstance(capture, SourceError):
                this.fault(capture)
            elif (capture.locator.file, capture.locator.offset) not in refused:
                _store_again(this, capture)


def _store_again(this: _Round, capture: Capture) -> None:
    page = this.reader.read(capture)
    if isinstance(page, SourceError):
        this.fault(page)
        this.tracker.refuse([page])
        return
    _store_page(this, page, _known(this, page))


def _known(this: _Round, page: Page) -> Fetch | None:
    return this.book.page(page.article.url) if page.article.url else None


# ---- feeds


def _poll(this: _Round, publisher: Publisher) -> None:
    feeds = list(publisher.feeds)
    asked: set[str] = set()
    while feeds and len(asked) < len(publisher.feeds) + _MOST_SITEMAPS:
        url = feeds.pop(0)
        if url in asked:
            continue
        asked.add(url)
        feed = _feed(this, publisher, url)
        if feed is not None:
            feeds.extend(feed.sitemaps)
            found = _news(feed, publisher, this.now())
            this.counts["found"] += this.book.find_pages(publisher.name, found, this.now())


def _feed(this: _Round, publisher: Publisher, url: str) -> Feed | None:
    """Give a feed's content; None where it has not changed, or cannot be had."""
    fetch = this.book.feed(url, publisher.name, this.now())
    try:
        response = _get(this, publisher, fetch)
        if response.status != _OK:
            this.counts["feeds unchanged"] += 1
            return None
        feed = read_feed(response.body, url)
    except SourceError as error:
        this.fault(error)
        this.book.put(replace(fetch, failures=fetch.failures + 1, reason=error.what))
        return None
    this.counts["feeds"] += 1
    this.archive.keep(response)
    this.archive.sync()
    this.book.put(_done(fetch, response))
    return feed


def _news(feed: Feed, publisher: Publisher, now: datetime) -> dict[str, str]:
    """Give the addresses of a feed's articles by their article's one address."""
    news: dict[str, str] = {}
    for entry in feed.entries:
        article = publisher.article
        if article and not article.search(urlsplit(entry.url).path):
            continue
        if entry.published and now - entry.published > _NEWS:
            continue
        news.setdefault(canonical_url(entry.url, publisher), entry.url)
    return news


# ---- pages


def _fetch_waiting(this: _Round, publisher: Publisher) -> None:
    before = this.counts["pages"]
    while portion := this.book.waiting(publisher.name, this.now(), _PORTION):
        for fetch in portion:
            if this.shift.is_over():
                raise StoppedError
            if not _fetch_page(this, publisher, fetch):
                # The host wants to be left alone; so it is, and its pages wait.
                return
    newest = this.book.newest_done(publisher.name)
    if newest and this.counts["pages"] == before:
        _fetch_page(this, publisher, newest)


def _fetch_page(this: _Round, publisher: Publisher, fetch: Fetch) -> bool:
    """Fetch, keep, read and store one page; say whether its host may be asked for another."""
    try:
        response = _get(this, publisher, fetch)
        if response.status == _OK:
            _take(this, fetch, response)
        else:
            this.counts["pages unchanged"] += 1
            this.book.put(replace(fetch, state="done", failures=0))
    except FetchError as error:
        return _failed(this, fetch, error)
    return True


def _take(this: _Round, fetch: Fetch, response: Response) -> None:
    locator = this.archive.keep(response)
    # On the disk before the database says so.
    this.archive.sync()
    capture = read_at(locator)
    page = capture if isinstance(capture, SourceError) else this.reader.read(capture)
    if isinstance(page, SourceError):
        _refuse(this, fetch, page)
        return
    _store_page(this, page, _done(fetch, response))


def _store_page(this: _Round, page: Page, fetch: Fetch | None) -> None:
    done = replace(fetch, state="done", reason=None) if fetch else None
    report = this.tracker.store_fetched(page, done)
    this.counts["pages"] += report.pages
    this.counts["quotes"] += report.quotes
    this.counts["articles"] += report.articles
    log.info("stored %s (%d new lines)", page.url, report.quotes)


def _failed(this: _Round, fetch: Fetch, error: FetchError) -> bool:
    """Note that a page cannot be had by now; say whether its host may be asked for another."""
    if not error.temporary:
        _refuse(this, fetch, error)
        return True
    # What is the host's fault is not the page's, or one bad day would cost all that wait.
    failures = fetch.failures + (error.reason not in _OF_HOST)
    if failures >= _TRIES:
        _refuse(this, fetch, error)
        return error.retry_at is None
    this.fault(error)
    wait = this.now() + min(_AGAIN * 2**failures, _LONGEST)
    later = max(wait, error.retry_at) if error.retry_at else wait
    this.book.put(replace(fetch, failures=failures, not_before=later, reason=error.reason))
    return error.retry_at is None


def _refuse(this: _Round, fetch: Fetch, error: SourceError) -> None:
    """Give a page up, with its reason: once in the faults, once in quarantine."""
    this.fault(error)
    this.counts["refused"] += 1
    this.tracker.refuse([error])
    this.book.put(replace(fetch, state="refused", reason=error.reason))


def _get(this: _Round, publisher: Publisher, fetch: Fetch) -> Response:
    known = Validators(fetch.etag, fetch.last_modified) if _is_fresh(fetch, this.now()) else _NONE
    return this.fetcher.get(fetch.address, hosts=frozenset(publisher.hosts), validators=known)


def _is_fresh(fetch: Fetch, now: datetime) -> bool:
    return fetch.fetched_at is not None and now - fetch.fetched_at < _WHOLE


def _done(fetch: Fetch, response: Response) -> Fetch:
    return replace(
        fetch,
        state="done",
        fetched_at=response.received_at,
        etag=response.header("ETag"),
        last_modified=response.header("Last-Modified"),
        failures=0,
        not_before=None,
        reason=None,
    )


def _told(faults: list[str]) -> tuple[str, ...]:
    rest = len(faults) - _MOST_FAULTS
    more = (f"and {rest} more; `tickertrack quarantine` lists what was refused",)
    return (*faults[:_MOST_FAULTS], *(more if rest > 0 else ()))
