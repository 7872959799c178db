"""What the pages for people show beside the plain questions: sessions, quotes, sources, words."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence

from tickertrack.store.read import Row, Span

__all__ = [
    "ArticleWords",
    "about_of_session",
    "closes_before",
    "coverage_cells",
    "freshness",
    "last_prices",
    "latest_session",
    "neighbours",
    "other_pages",
    "priced_symbols",
    "prices_by_session",
    "quote_on_page",
    "quotes_of_session",
    "reach",
    "reaches",
    "session_row",
    "sessions_in",
    "sittings_on_page",
    "sources",
    "strip_lines",
    "words_of",
]

ArticleWords = dict[int, Row]

# Enough to tell the text that surrounds a name.
_LEAD = 1_200


# ---- sessions


def latest_session(connection: sqlite3.Connection) -> str | None:
    """Give the last session that has a price."""
    found: str | None = connection.execute("SELECT max(session) FROM prices").fetchone()[0]
    return found


def reach(connection: sqlite3.Connection) -> tuple[str, str] | None:
    """Give the first and the last session that have a price."""
    # Two questions: of both at once SQLite would read the whole index.
    first = connection.execute("SELECT min(session) FROM prices").fetchone()[0]
    return (first, latest_session(connection) or first) if first else None


def neighbours(connection: sqlite3.Connection, session: str) -> tuple[str | None, str | None]:
    """Give the sessions before and after a day that have a price."""
    before = "SELECT max(session) FROM prices WHERE session < ?"
    after = "SELECT min(session) FROM prices WHERE session > ?"
    found = [connection.execute(sql, (session,)).fetchone()[0] for sql in (before, after)]
    return found[0], found[1]


def session_row(connection: sqlite3.Connection, market: str, session: str) -> Row | None:
    """Read a session's hours and what witnesses it."""
    row = connection.execute(
        "SELECT session, open_at, close_at, source FROM sessions WHERE market = ? AND session = ?",
        (market, session),
    ).fetchone()
    return dict(row) if row else None


def sessions_in(connection: sqlite3.Connection, market: str, span: Span) -> set[str]:
    """List the sessions of a market in a range."""
    where, values = span.where("session")
    sql = f"SELECT session FROM sessions WHERE market = ? AND {where}"
    return {row[0] for row in connection.execute(sql, (market, *values))}


def prices_by_session(connection: sqlite3.Connection, span: Span) -> dict[str, int]:
    """Count the prices of each session."""
    where, values = span.where("session")
    sql = f"SELECT session, count(*) FROM prices WHERE {where} GROUP BY session"
    return {row[0]: row[1] for row in connection.execute(sql, values)}


# ---- symbols

# From one symbol to the next by the key, as `read.known_symbols` does.
_KNOWN = (
    "WITH RECURSIVE known (symbol) AS (SELECT min(symbol) FROM prices UNION ALL"
    " SELECT (SELECT min(symbol) FROM prices WHERE symbol > known.symbol) FROM known"
    " WHERE symbol IS NOT NULL)"
)


def priced_symbols(connection: sqlite3.Connection) -> list[str]:
    """List the symbols that have a price."""
    sql = f"{_KNOWN} SELECT symbol FROM known WHERE symbol IS NOT NULL ORDER BY symbol"
    return [row[0] for row in connection.execute(sql)]


def coverage_cells(
    connection: sqlite3.Connection, symbols: Sequence[str], span: Span
) -> dict[str, dict[str, str]]:
    """
    Give by symbol and session how each price is known: captured, implied or conflicting.

    As `read.coverage` tells it; of some symbols in a short range this is the quicker way.
    """
    where, values = span.where("prices.session")
    rows = connection.execute(
        "SELECT symbol, session, CASE WHEN conflict IS NOT NULL THEN 'conflicting'"
        " WHEN quotes = 0 THEN 'implied' ELSE 'captured' END"
        f" FROM json_each(?) JOIN prices ON symbol = value WHERE {where}",
        (json.dumps(list(symbols)), *values),
    )
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for symbol, session, how in rows:
        found[symbol][session] = how
    return found


def last_prices(connection: sqlite3.Connection) -> list[Row]:
    """Read the last price of each symbol."""
    rows = connection.execute(
        f"{_KNOWN}"
        " SELECT prices.symbol, session, price, change, change_percent, status FROM known"
        " JOIN prices ON prices.symbol = known.symbol AND session ="
        "   (SELECT max(session) FROM prices WHERE symbol = known.symbol)"
        " ORDER BY prices.symbol"
    )
    return [dict(row) for row in rows]


def reaches(connection: sqlite3.Connection, symbols: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Give each symbol's first and last session."""
    rows = connection.execute(
        "SELECT value, (SELECT min(session) FROM prices WHERE symbol = value),"
        " (SELECT max(session) FROM prices WHERE symbol = value) FROM json_each(?)",
        (json.dumps(list(symbols)),),
    )
    return {row[0]: (row[1], row[2]) for row in rows if row[1]}


def closes_before(
    connection: sqlite3.Connection, symbol: str, session: str, count: int
) -> list[tuple[str, float]]:
    """Read the last prices of a symbol up to a session, earliest first."""
    rows = connection.execute(
        "SELECT session, price FROM prices WHERE symbol = ? AND session <= ?"
        " ORDER BY session DESC LIMIT ?",
        (symbol, session, count),
    )
    return [(row[0], row[1]) for row in rows][::-1]


# ---- quotes and their pages


def quotes_of_session(
    connection: sqlite3.Connection, symbol: str, session: str, most: int
) -> list[Row]:
    """Read a symbol's lines on the pages of a session, by capture."""
    rows = connection.execute(
        "SELECT pages.id AS page_id, line, captured_at, capture_basis, page_date, price, verdict,"
        " raw, method, confidence, url, file FROM sittings JOIN pages ON pages.id = page_id"
        " JOIN quotes ON quotes.symbol = ? AND quotes.strip_id = pages.strip_id"
        "   AND quotes.board = sittings.board"
        " WHERE session = ? ORDER BY captured_at IS NULL, captured_at, pages.id, line LIMIT ?",
        (symbol, session, most),
    )
    return [dict(row) for row in rows]


def quote_on_page(connection: sqlite3.Connection, page_id: int, line: int) -> Row | None:
    """Read one line of a page's strip with its page, article and sitting."""
    row = connection.execute(
        "SELECT pages.id AS page_id, pages.strip_id, quotes.line, quotes.board, symbol, price,"
        " change, percent, direction, reference_price, verdict, raw, digest, dialect, lines,"
        " pages.url, pages.publisher, captured_at, capture_basis, page_date, pages.published_at,"
        " pages.published_precision, pages.sha256, file, offset, length, stored_at, title,"
        " session, method, confidence, evidence"
        " FROM pages JOIN quotes ON quotes.strip_id = pages.strip_id AND line = ?"
        " JOIN strips ON strips.id = pages.strip_id JOIN articles ON articles.id = article_id"
        " LEFT JOIN sittings ON sittings.page_id = pages.id AND sittings.board = quotes.board"
        " WHERE pages.id = ?",
        (line, page_id),
    ).fetchone()
    return {**dict(row), "evidence": json.loads(row["evidence"] or "{}")} if row else None


def strip_lines(connection: sqlite3.Connection, strip_id: int) -> list[Row]:
    """Read a strip as it was captured."""
    rows = connection.execute(
        "SELECT line, board, symbol, verdict, raw FROM quotes WHERE strip_id = ? ORDER BY line",
        (strip_id,),
    )
    return [dict(row) for row in rows]


def sittings_on_page(connection: sqlite3.Connection, page_id: int) -> list[Row]:
    """Read where the boards of a page were placed."""
    rows = connection.execute(
        "SELECT board, session, method, confidence FROM sittings WHERE page_id = ? ORDER BY board",
        (page_id,),
    )
    return [dict(row) for row in rows]


def other_pages(
    connection: sqlite3.Connection, strip_id: int, page_id: int, most: int
) -> tuple[int, list[Row]]:
    """Count the other pages that show a strip, and read some of them."""
    count = connection.execute(
        "SELECT count(*) FROM pages WHERE strip_id = ? AND id <> ?", (strip_id, page_id)
    ).fetchone()[0]
    rows = connection.execute(
        "SELECT pages.id AS page_id, captured_at, page_date, pages.url, file, title FROM pages"
        " JOIN articles ON articles.id = article_id WHERE strip_id = ? AND pages.id <> ?"
        " ORDER BY captured_at IS NULL, captured_at, pages.id LIMIT ?",
        (strip_id, page_id, most),
    )
    return count, [dict(row) for row in rows]


# ---- articles


def about_of_session(connection: sqlite3.Connection, session: str) -> dict[int, list[Row]]:
    """Read what each article of a session is about: symbols, a sector, the market."""
    found: dict[int, list[Row]] = defaultdict(list)
    for row in connection.execute(
        "SELECT article_id, kind, name FROM alignments JOIN subjects USING (article_id)"
        " WHERE session = ? ORDER BY article_id, score DESC, name",
        (session,),
    ):
        found[row["article_id"]].append({"kind": row["kind"], "name": row["name"]})
    return found


def words_of(connection: sqlite3.Connection, articles: Iterable[int], symbol: str) -> ArticleWords:
    """Read how articles begin, and where their title and text name a symbol."""
    asked = json.dumps(list(articles))
    found = {
        row["id"]: {"lead": row["lead"], "title": [], "text": []}
        for row in connection.execute(
            "SELECT articles.id, substr(text, 1, ?) AS lead FROM json_each(?) JOIN articles"
            " ON articles.id = value",
            (_LEAD, asked),
        )
    }
    for row in connection.execute(
        "SELECT article_id, field, start, end FROM json_each(?)"
        " JOIN mentions ON article_id = value AND symbol = ? ORDER BY article_id, field, start",
        (asked, symbol),
    ):
        field = "title" if row["field"] == "title" else "text"
        if row["field"] != "tags":
            found[row["article_id"]][field].append((row["start"], row["end"]))
    return found


# ---- sources


def sources(connection: sqlite3.Connection, span: Span) -> list[Row]:
    """Count by publisher the pages whose strip shows a session of a range, and its articles."""
    where, values = span.where("session")
    pages = connection.execute(
        "SELECT coalesce(publisher, 'unknown') AS publisher, count(*) AS pages,"
        " min(captured_at) AS first, max(captured_at) AS last FROM"
        f" (SELECT DISTINCT page_id FROM sittings WHERE {where}) JOIN pages ON pages.id = page_id"
        " GROUP BY 1",
        values,
    )
    found = {row["publisher"]: {**dict(row), "articles": 0} for row in pages}
    for publisher, count in connection.execute(
        "SELECT coalesce(publisher, 'unknown'), count(*) FROM alignments"
        f" JOIN articles ON articles.id = article_id WHERE {where} GROUP BY 1",
        values,
    ):
        blank: Row = {"publisher": publisher, "pages": 0, "first": None, "last": None}
        found.setdefault(publisher, blank)["articles"] = count
    return [found[name] for name in sorted(found)]


def freshness(connection: sqlite3.Connection) -> dict[str, int]:
    """Count what waits or was refused: boards without a session, articles and sessions to link."""
    counts = {
        "undated": "SELECT count(*) FROM sittings WHERE session IS NULL",
        "quarantined": "SELECT count(*) FROM quarantine",
        "articles_waiting": "SELECT count(*) FROM unlinked_articles",
        "sessions_waiting": "SELECT count(*) FROM unlinked_sessions",
    }
    return {name: int(connection.execute(sql).fetchone()[0]) for name, sql in counts.items()}
