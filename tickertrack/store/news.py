"""Rows for the questions about moves and their news."""

from __future__ import annotations

import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, NamedTuple

from tickertrack.store.read import Row, Span

__all__ = [
    "LINKS",
    "NEWS",
    "NewsQuestion",
    "articles_by_session",
    "articles_read",
    "best_links",
    "coverage_of",
    "links",
    "moves",
    "news",
    "news_of_session",
    "returns",
    "sessions",
    "verdicts",
]

NEWS = (
    *("url", "title", "published_at", "published_precision", "session", "publisher"),
    *("about", "mentions", "sector", "market_wide", "byline", "tags"),
)
LINKS = (
    *("symbol", "session", "relation", "score", "title", "url", "publisher", "published_at"),
    "evidence",
)

# An article that has no URL of its own is named by the file of its first page.
_URL = (
    "coalesce(articles.url, (SELECT 'file://' || min(file) FROM pages"
    " WHERE article_id = articles.id AND file <> '-'))"
)
# Patterns, compiled by the first search: most questions search for nothing.
_PHRASE = r'"([^"]*)"|(\S+)'
_NO_TEXT = '[\x00-\x1f"]|[\ud800-\udfff]'
_ANY_LETTER = r"[^\W_]"


class NewsQuestion(NamedTuple):
    """Which articles: by the local day they say they appeared on, by symbol, by words."""

    span: Span
    zone: tzinfo
    symbol: str | None = None
    search: str | None = None


def news(connection: sqlite3.Connection, question: NewsQuestion) -> list[Row]:
    """Read articles with their session and what they are about, by time of publication."""
    where, values = _where(question)
    rows = connection.execute(
        f"SELECT {_URL} AS url, title, published_at, published_precision, session, publisher,"
        f" {_names('symbol')} AS about,"
        " (SELECT json_group_array(symbol) FROM (SELECT DISTINCT symbol FROM mentions"
        "   WHERE article_id = articles.id ORDER BY symbol)) AS mentions,"
        f" {_names('sector')} AS sector, {_names('market')} AS market_wide, byline, tags"
        " FROM articles LEFT JOIN alignments ON article_id = articles.id"
        f" WHERE {where} ORDER BY published_at, url, articles.id",
        values,
    )
    return [_news_row(dict(row)) for row in rows]


def _where(question: NewsQuestion) -> tuple[str, list[str]]:
    found = list(_conditions(question))
    where = " AND ".join(condition for condition, _ in found)
    return where or "1", [value for _, values in found for value in values]


def _conditions(question: NewsQuestion) -> Iterator[tuple[str, list[str]]]:
    span = question.span
    if span.start or span.end:
        yield _on_days(span, question.zone)
    if question.symbol:
        about = "SELECT article_id FROM subjects WHERE kind = 'symbol' AND name = ?"
        named = "SELECT article_id FROM mentions WHERE symbol = ?"
        yield f"articles.id IN ({about} UNION {named})", [question.symbol] * 2
    if question.search is not None:
        found = "articles.id IN (SELECT rowid FROM articles_fts WHERE articles_fts MATCH ?)"
        words = _phrases(question.search)
        # What holds no word is found nowhere.
        yield (found, [words]) if words else ("0", [])


def _on_days(span: Span, zone: tzinfo) -> tuple[str, list[str]]:
    where, days = span.where("published_at")
    since = _utc(span.start, zone) if span.start else "0000"
    until = _utc(span.end + timedelta(days=1), zone) if span.end else "9999"
    timed = "published_at >= ? AND published_at < ?"
    condition = f"CASE published_precision WHEN 'day' THEN {where} ELSE {timed} END"
    return condition, [*days, since, until]


def _utc(day: date, zone: tzinfo) -> str:
    return datetime.combine(day, time(), zone).astimezone(UTC).isoformat(timespec="seconds")


def _phrases(search: str) -> str:
    """Make of whatever is typed a full-text query: all its words, and what is quoted as it is."""
    found = (one or two for one, two in re.findall(_PHRASE, search))
    plain = (re.sub(_NO_TEXT, " ", phrase) for phrase in found)
    return " ".join(f'"{phrase}"' for phrase in plain if re.search(_ANY_LETTER, phrase))


def _names(kind: str) -> str:
    return (
        "(SELECT json_group_array(name) FROM (SELECT name FROM subjects"
        f" WHERE article_id = articles.id AND kind = '{kind}' ORDER BY score DESC, name))"
    )


def _loaded(text: str) -> Any:
    # Imported where it is used: every command begins with this room, few need its JSON.
    import json  # noqa: PLC0415

    return json.loads(text)


def _news_row(row: Row) -> Row:
    lists = {name: _loaded(row[name] or "[]") for name in ("about", "mentions", "tags")}
    sectors, market = _loaded(row["sector"]), _loaded(row["market_wide"])
    return {**row, **lists, "sector": next(iter(sectors), None), "market_wide": bool(market)}


# ---- moves


def moves(connection: sqlite3.Connection, symbols: Sequence[str], span: Span) -> list[Row]:
    """Read prices as moves; the status is `conflicting` where witnesses cannot all be right."""
    where, values = _chosen("session", symbols, span)
    rows = connection.execute(
        "SELECT symbol, session, price, reference_price, change, change_percent,"
        " CASE WHEN conflict IS NULL THEN status ELSE 'conflicting' END AS status, conflict"
        f" FROM prices WHERE {where} ORDER BY session, symbol",
        values,
    )
    return [dict(row) for row in rows]


def returns(
    connection: sqlite3.Connection, symbols: Sequence[str], span: Span
) -> dict[str, dict[str, float]]:
    """Read simple returns against the reference price, by symbol and session; no conflicting."""
    where, values = _chosen("session", symbols, span)
    found: dict[str, dict[str, float]] = defaultdict(dict)
    cursor = connection.cursor()
    # Of plain tuples: a day's moves are judged by a hundred thousand of these.
    cursor.row_factory = None
    for symbol, session, value in cursor.execute(
        "SELECT symbol, session, price / reference_price - 1 FROM prices"
        f" WHERE reference_price IS NOT NULL AND conflict IS NULL AND {where}",
        values,
    ):
        found[symbol][session] = value
    return found


def sessions(connection: sqlite3.Connection, market: str) -> list[str]:
    """List the sessions of a market, earliest first."""
    sql = "SELECT session FROM sessions WHERE market = ? ORDER BY session"
    return [row[0] for row in connection.execute(sql, (market,))]


def verdicts(connection: sqlite3.Connection, symbol: str, session: date) -> dict[str, int]:
    """Count the verdicts of a symbol's lines on the pages of a session."""
    rows = connection.execute(
        "SELECT verdict, count(*) FROM quotes JOIN pages ON pages.strip_id = quotes.strip_id"
        " JOIN sittings ON sittings.page_id = pages.id AND sittings.board = quotes.board"
        " WHERE symbol = ? AND session = ? GROUP BY verdict ORDER BY verdict",
        (symbol, session.isoformat()),
    )
    return {row[0]: row[1] for row in rows}


# ---- links


def best_links(
    connection: sqlite3.Connection, symbols: Sequence[str], span: Span
) -> dict[tuple[str, str], Row]:
    """Read the first link of each move: its relation and what its article is called."""
    table, values = _links_of(symbols, span)
    rows = connection.execute(
        f"SELECT symbol, session, relation, coalesce(title, {_URL}) AS news FROM"
        " (SELECT *, row_number() OVER (PARTITION BY symbol, session"
        f"   ORDER BY score DESC, article_id) AS place FROM {table})"
        " JOIN articles ON articles.id = article_id WHERE place = 1",
        values,
    )
    return {(row["symbol"], row["session"]): dict(row) for row in rows}


def articles_by_session(connection: sqlite3.Connection, span: Span) -> dict[str, int]:
    """Count the articles of each session."""
    where, values = span.where("session")
    sql = f"SELECT session, count(*) FROM alignments WHERE {where} GROUP BY session"
    return {row[0]: row[1] for row in connection.execute(sql, values)}


def links(connection: sqlite3.Connection, symbols: Sequence[str], span: Span) -> list[Row]:
    """Read links with their articles, the best of each move first."""
    table, values = _links_of(symbols, span)
    rows = connection.execute(
        f"SELECT symbol, session, relation, score, title, {_URL} AS url, publisher, published_at,"
        f" evidence, article_id FROM {table} JOIN articles ON articles.id = article_id"
        " ORDER BY session, symbol, score DESC, article_id",
        values,
    )
    return [{**dict(row), "evidence": _loaded(row["evidence"])} for row in rows]


def _links_of(symbols: Sequence[str], span: Span) -> tuple[str, list[str]]:
    if not symbols:
        where, values = span.where("session")
        return f"(SELECT * FROM links WHERE {where})", values
    # Links lie by session and prices by symbol: from one to the other each is found at once.
    where, values = _chosen("prices.session", symbols, span, "prices.symbol")
    found = (
        "SELECT links.* FROM prices CROSS JOIN links ON links.session = prices.session"
        f" AND links.symbol = prices.symbol WHERE {where}"
    )
    return f"({found})", values


def news_of_session(connection: sqlite3.Connection, session: str) -> list[Row]:
    """Read the articles of a session, whatever they are about, by time of publication."""
    rows = connection.execute(
        f"SELECT {_URL} AS url, title, published_at, publisher, article_id"
        " FROM alignments JOIN articles ON articles.id = article_id"
        " WHERE session = ? ORDER BY published_at, url, articles.id",
        (session,),
    )
    return [dict(row) for row in rows]


def coverage_of(connection: sqlite3.Connection, session: date) -> Row:
    """Count the articles of a session, by publisher."""
    found = "alignments JOIN articles ON articles.id = article_id WHERE session = ?"
    return _counted(connection, found, [session.isoformat()])


def articles_read(connection: sqlite3.Connection, question: NewsQuestion) -> Row:
    """Count the articles that a question asks for, by publisher."""
    where, values = _where(question)
    return _counted(connection, f"articles WHERE {where}", values)


def _counted(connection: sqlite3.Connection, found: str, values: Sequence[str]) -> Row:
    rows = connection.execute(
        f"SELECT coalesce(publisher, 'unknown'), count(*) FROM {found}"
        " GROUP BY 1 ORDER BY 2 DESC, 1",
        values,
    )
    publishers = {row[0]: row[1] for row in rows}
    return {"articles": sum(publishers.values()), "publishers": publishers}


def _chosen(
    column: str, symbols: Sequence[str], span: Span, name: str = "symbol"
) -> tuple[str, list[str]]:
    where, values = span.where(column)
    if not symbols:
        return where, values
    return f"{name} IN ({', '.join('?' * len(symbols))}) AND {where}", [*symbols, *values]
