"""What goes into the database: facts batch by batch, conclusions as a whole."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

from tickertrack.errors import SourceError
from tickertrack.models import (
    Action,
    Article,
    IngestReport,
    Page,
    Price,
    Published,
    Quote,
    Sitting,
    Strip,
    TradingDay,
    content_id,
)
from tickertrack.store.connect import drawn, transaction
from tickertrack.store.fetches import Fetch, write_fetch
from tickertrack.store.linked import mark_changed, priced, store_actions
from tickertrack.store.readings import Read, forget_read, read_of

__all__ = [
    "Conclusions",
    "added",
    "forget_after",
    "remove_series",
    "store_conclusions",
    "store_pages",
    "store_refusals",
    "store_series",
]

SCALE = 10_000


@dataclass(frozen=True, slots=True)
class Conclusions:
    """All that follows from the facts, to be stored as a whole."""

    sittings: Sequence[Sitting]
    prices: Sequence[Price]
    sessions: Sequence[TradingDay]
    actions: Sequence[Action] = ()


def store_pages(
    connection: sqlite3.Connection,
    path: Path,
    pages: Sequence[Page],
    fetches: Sequence[Fetch] = (),
) -> IngestReport:
    """
    Store a batch of pages, each with all that it holds, in one transaction; count the new.

    What became of their addresses goes with them: a page is fetched and stored, or neither.
    """
    with transaction(connection, path):
        report = IngestReport()
        for page in pages:
            report = added(report, _store_page(connection, page))
        for fetch in fetches:
            write_fetch(connection, fetch)
    return report


def store_refusals(
    connection: sqlite3.Connection, path: Path, errors: Iterable[SourceError]
) -> int:
    """Keep what a source could not read, by file and record or by address; count the new."""
    refused = [((str(error.path), error.line), error.reason, error.what) for error in errors]
    if not refused:
        return 0
    with transaction(connection, path):
        return sum(_refuse(connection, None, *one) for one in refused)


def store_series(
    connection: sqlite3.Connection, path: Path, symbol: str, closes: Iterable[tuple[date, float]]
) -> int:
    """
    Store a daily series of closes as evidence for dating; a day given again is replaced.

    What was known already keeps its time: a question as of then must find it.
    """
    now = _time(datetime.now(UTC))
    rows = [(symbol, day.isoformat(), close, now) for day, close in closes]
    with transaction(connection, path):
        connection.executemany(
            "INSERT INTO reference_closes VALUES (?, ?, ?, ?) ON CONFLICT (symbol, session)"
            " DO UPDATE SET close = excluded.close, stored_at = excluded.stored_at"
            " WHERE close <> excluded.close",
            rows,
        )
    return len(rows)


def remove_series(connection: sqlite3.Connection, path: Path, symbol: str) -> int:
    """Forget an imported series; give the count of its closes."""
    with transaction(connection, path):
        sql = "DELETE FROM reference_closes WHERE symbol = ?"
        return connection.execute(sql, (symbol,)).rowcount


def store_conclusions(
    connection: sqlite3.Connection, path: Path, market: str, draw: Callable[[], Conclusions]
) -> None:
    """Replace all conclusions of pages, in one transaction, by those that `draw` gives."""
    with drawn(connection, path, draw) as conclusions:
        before = priced(connection, market)
        connection.execute("DELETE FROM sittings")
        connection.execute("DELETE FROM prices")
        connection.execute("DELETE FROM sessions WHERE market = ?", (market,))
        connection.executemany(
            "INSERT INTO sittings VALUES (?, ?, ?, ?, ?, ?)",
            map(_sitting_row, conclusions.sittings),
        )
        connection.executemany(
            f"INSERT INTO prices VALUES ({_marks(15)})", map(_price_row, conclusions.prices)
        )
        connection.executemany(
            "INSERT INTO sessions VALUES (?, ?, ?, ?, ?)",
            (_session_row(market, session) for session in conclusions.sessions),
        )
        store_actions(connection, conclusions.actions)
        mark_changed(connection, before, priced(connection, market))


def forget_after(connection: sqlite3.Connection, path: Path, moment: datetime) -> None:
    """Take out the facts that were stored after a moment; for copies in memory only."""
    later = (_time(moment),)
    with transaction(connection, path):
        connection.execute("DELETE FROM pages WHERE stored_at > ?", later)
        connection.execute("DELETE FROM reference_closes WHERE stored_at > ?", later)


def article_id(article: Article) -> int:
    """Give an article's id: its canonical URL, or its words where it has none."""
    if article.url:
        return content_id("article", article.url)
    return content_id("article", None, article.text or article.title)


def _store_page(connection: sqlite3.Connection, page: Page) -> IngestReport:
    """Store a page, or what it reads now where that is not what it read when it was stored."""
    strip, now = page.strip, _read(page)
    before = {one: read_of(connection, one) for one in (page.id, page.undated_id)}
    # The copy is no younger for being read by a better dialect.
    stale = [one for one, read in before.items() if read not in {None, now}]
    stored_at = min([_time(datetime.now(UTC)), *(forget_read(connection, one) for one in stale)])
    # A known page may come with a title that it did not have before.
    articles = _store_article(connection, page.article)
    strip_id, strips = _store_strip(connection, strip)
    quotes = len(strip.quotes) if strips else 0
    if before[page.id] == now:
        return IngestReport(0, strips, quotes, strip.found - quotes, 0, articles)
    row = (*_page_row(page.id, page, strip_id), stored_at)
    connection.execute(f"INSERT INTO pages VALUES ({_marks(15)})", row)
    for item in strip.quarantined:
        _refuse(connection, page.id, (page.locator.file, item.line), item.reason, item.raw)
    refused = len(strip.quarantined)
    known = strip.found - quotes - refused
    return IngestReport(0 if stale else 1, strips, quotes, known, refused, articles)


def _read(page: Page) -> Read:
    refused = ((one.line, one.reason, _storable(one.raw)) for one in page.strip.quarantined)
    day = page.page_date.isoformat() if page.page_date else None
    return Read(_strip_id(page.strip), day, article_id(page.article), frozenset(refused))


def _strip_id(strip: Strip) -> int | None:
    return content_id("strip", strip.digest) if strip.quotes else None


def _store_article(connection: sqlite3.Connection, article: Article) -> int:
    """Keep of an article's copies the longest, whatever the order of arrival; count the new."""
    row = _article_row(article)
    before = connection.execute("SELECT * FROM articles WHERE id = ?", (row[0],)).fetchone()
    if before is None:
        connection.execute(f"INSERT INTO articles VALUES ({_marks(10)})", row)
        return 1
    merged = _merged(tuple(before), row)
    if merged != tuple(before):
        connection.execute(
            "UPDATE articles SET (url, title, byline, published_at, published_precision, publisher,"
            " text, tags, sha256) = (?, ?, ?, ?, ?, ?, ?, ?, ?) WHERE id = ?",
            (*merged[1:], row[0]),
        )
    return 0


def _merged(before: tuple[object, ...], row: tuple[object, ...]) -> tuple[object, ...]:
    longer = max(before, row, key=_substance)
    dated = max(before, row, key=_datedness)
    return (*longer[:4], *dated[4:6], *longer[6:])


def _substance(row: tuple[object, ...]) -> tuple[object, ...]:
    title, byline, publisher, text, tags, digest = row[2], row[3], *row[6:]
    whole = (len(str(text)), title is not None, byline is not None, len(str(tags)))
    return (*whole, str(digest), str(publisher))


_PRECISIONS = {None: 0, "day": 1, "minute": 2, "second": 3}


def _datedness(row: tuple[object, ...]) -> tuple[object, ...]:
    # The finer date, and of equals the earlier: an article appears once, and is touched later.
    stamp = str(row[4])
    return (_PRECISIONS[row[5]], [-ord(letter) for letter in stamp])  # type: ignore[index]


def _store_strip(connection: sqlite3.Connection, strip: Strip) -> tuple[int | None, int]:
    """Store a strip, unless it is known and its lines read as they did; count the new."""
    own_id = _strip_id(strip)
    if own_id is None:
        return None, 0
    row = (own_id, strip.digest, strip.dialect, len(strip.quotes))
    connection.execute("INSERT OR IGNORE INTO strips VALUES (?, ?, ?, ?)", row)
    rows = [(own_id, *_quote_row(quote)) for quote in strip.quotes]
    stored = connection.execute("SELECT * FROM quotes WHERE strip_id = ? ORDER BY line", (own_id,))
    if list(map(tuple, stored)) == rows:
        return own_id, 0
    connection.execute("DELETE FROM quotes WHERE strip_id = ?", (own_id,))
    connection.executemany(f"INSERT INTO quotes VALUES ({_marks(11)})", rows)
    return own_id, 1


def _quote_row(quote: Quote) -> tuple[object, ...]:
    return (
        quote.line,
        quote.board,
        quote.symbol,
        float(quote.price),
        float(quote.change),
        float(quote.percent),
        quote.direction,
        float(quote.reference_price),
        quote.verdict,
        quote.raw,
    )


def _refuse(
    connection: sqlite3.Connection,
    owner: int | None,
    place: tuple[str, int | None],
    reason: str,
    raw: str,
) -> int:
    file, line = place
    own_id = content_id(
        "quarantine", str(owner), file if owner is None else "", str(line), reason, raw
    )
    row = (own_id, owner, _storable(file), line, reason, _storable(raw))
    return connection.execute(
        "INSERT OR IGNORE INTO quarantine VALUES (?, ?, ?, ?, ?, ?)", row
    ).rowcount


def _page_row(own_id: int, page: Page, strip_id: int | None) -> tuple[object, ...]:
    return (
        own_id,
        _storable(page.url),
        page.publisher,
        _time(page.captured_at) if page.captured_at else None,
        page.capture_basis,
        page.page_date.isoformat() if page.page_date else None,
        *_published(page.article.published),
        article_id(page.article),
        strip_id,
        page.sha256,
        _storable(page.locator.file),
        page.locator.offset,
        page.locator.length,
    )


def _article_row(article: Article) -> tuple[object, ...]:
    tags = json.dumps(article.tags, ensure_ascii=False)
    words = [part or "" for part in (article.title, article.byline, article.text, tags)]
    digest = hashlib.sha256("\x1f".join(words).encode("utf-8", "surrogatepass")).hexdigest()
    return (
        article_id(article),
        _storable(article.url),
        _storable(article.title),
        _storable(article.byline),
        *_published(article.published),
        article.publisher,
        _storable(article.text) or "",
        _storable(tags),
        digest,
    )


def _published(published: Published | None) -> tuple[str | None, str | None]:
    if published is None:
        return None, None
    if isinstance(published.at, datetime):
        return _time(published.at), published.precision
    return published.at.isoformat(), published.precision


def _sitting_row(sitting: Sitting) -> tuple[object, ...]:
    session = sitting.session.isoformat() if sitting.session else None
    evidence = json.dumps(sitting.evidence, ensure_ascii=False, sort_keys=True)
    return (
        sitting.page_id,
        sitting.board,
        session,
        sitting.method,
        sitting.confidence,
        evidence,
    )


def _price_row(price: Price) -> tuple[object, ...]:
    change = None if price.reference_price is None else price.price - price.reference_price
    percent = None
    if change is not None and price.reference_price:
        percent = round(100 * change / price.reference_price, 2)
    return (
        price.symbol,
        price.session.isoformat(),
        _unscaled(price.price),
        _unscaled(price.reference_price),
        _unscaled(change),
        percent,
        _unscaled(price.first),
        _unscaled(price.high),
        _unscaled(price.low),
        price.status,
        price.quotes,
        price.method,
        _time(price.first_seen) if price.first_seen else None,
        _time(price.last_seen) if price.last_seen else None,
        price.conflict,
    )


def _session_row(market: str, day: TradingDay) -> tuple[object, ...]:
    return market, day.session.isoformat(), _time(day.open_at), _time(day.close_at), day.source


def added(one: IngestReport, other: IngestReport) -> IngestReport:
    """Add up two reports."""
    return replace(
        one,
        pages=one.pages + other.pages,
        strips=one.strips + other.strips,
        quotes=one.quotes + other.quotes,
        duplicates=one.duplicates + other.duplicates,
        quarantined=one.quarantined + other.quarantined,
        articles=one.articles + other.articles,
    )


def _unscaled(value: int | None) -> float | None:
    return None if value is None else value / SCALE


def _time(stamp: datetime) -> str:
    return stamp.astimezone(UTC).isoformat(timespec="seconds")


def _storable(text: str | None) -> str | None:
    # Half of a surrogate pair is no text to SQLite.
    return None if text is None else text.encode("utf-8", "replace").decode("utf-8")


def _marks(count: int) -> str:
    return ", ".join("?" * count)
