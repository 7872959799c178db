"""What linking reads and writes: articles that wait, sessions that wait, and their conclusions."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from tickertrack.models import (
    Action,
    Alignment,
    Link,
    Mention,
    Published,
    Reading,
    Scored,
    Story,
    Topic,
)

__all__ = [
    "ReadArticle",
    "Waiting",
    "forget_links",
    "linked_by",
    "mark_changed",
    "priced",
    "session_before",
    "store_actions",
    "store_links",
    "store_reading",
    "stories",
    "symbols_on",
    "waiting_articles",
    "waiting_sessions",
    "witnessed",
]

_LEAD = 600
# No closure of the market is longer: articles of so many days before a session may belong to it.
_LONGEST_CLOSURE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Waiting:
    """An article that is new, or has changed since it was read for names."""

    id: int
    title: str
    text: str
    tags: tuple[str, ...]
    published: Published | None


@dataclass(frozen=True, slots=True)
class ReadArticle:
    """What an article was found to be: its session, where one is known, and its reading."""

    id: int
    alignment: Alignment | None
    reading: Reading


# ---- what waits


def waiting_articles(connection: sqlite3.Connection, count: int) -> list[Waiting]:
    """Read the next articles that wait to be read for names."""
    rows = connection.execute(
        "SELECT id, title, text, tags, published_at, published_precision FROM unlinked_articles"
        " JOIN articles ON id = article_id ORDER BY article_id LIMIT ?",
        (count,),
    )
    return [
        Waiting(
            row["id"],
            row["title"] or "",
            row["text"],
            tuple(json.loads(row["tags"] or "[]")),
            _published(row["published_at"], row["published_precision"]),
        )
        for row in rows
    ]


def waiting_sessions(connection: sqlite3.Connection, count: int) -> list[date]:
    """Read the next sessions that wait to be linked, latest first."""
    sql = "SELECT session FROM unlinked_sessions ORDER BY session DESC LIMIT ?"
    return [date.fromisoformat(row[0]) for row in connection.execute(sql, (count,))]


def linked_by(connection: sqlite3.Connection) -> str | None:
    """Read the digest of the rules by which links were drawn."""
    row = connection.execute("SELECT rules FROM linked_by").fetchone()
    return row[0] if row else None


def forget_links(connection: sqlite3.Connection, rules: str) -> None:
    """Forget every reading and link, so that all are drawn again by other rules."""
    for table in ("alignments", "subjects", "mentions", "links", "linked_by"):
        connection.execute(f"DELETE FROM {table}")
    connection.execute("INSERT OR IGNORE INTO unlinked_articles SELECT id FROM articles")
    connection.execute("INSERT INTO linked_by VALUES (?)", (rules,))


# ---- articles


def store_reading(connection: sqlite3.Connection, article: ReadArticle) -> None:
    """Replace what is known of an article; its sessions, old and new, wait to be linked."""
    before = _session_of(connection, article.id)
    for table in ("alignments", "subjects", "mentions"):
        connection.execute(f"DELETE FROM {table} WHERE article_id = ?", (article.id,))
    if article.alignment:
        row = (article.id, article.alignment.session.isoformat(), article.alignment.basis)
        connection.execute("INSERT INTO alignments VALUES (?, ?, ?)", row)
    connection.executemany(
        "INSERT INTO subjects VALUES (?, ?, ?, ?, ?)", _subject_rows(article.id, article.reading)
    )
    connection.executemany(
        "INSERT OR IGNORE INTO mentions VALUES (?, ?, ?, ?, ?, ?, ?)",
        ((article.id, *_mention_row(mention)) for mention in article.reading.mentions),
    )
    connection.execute("DELETE FROM unlinked_articles WHERE article_id = ?", (article.id,))
    for session in {before, _session_of(connection, article.id)} - {None}:
        # A story also counts less in the next session that has news: it may be told there again.
        connection.execute(
            "INSERT OR IGNORE INTO unlinked_sessions SELECT ?1 UNION"
            " SELECT * FROM (SELECT session FROM alignments WHERE session > ?1"
            " ORDER BY session LIMIT 1)",
            (session,),
        )


def _session_of(connection: sqlite3.Connection, article_id: int) -> str | None:
    sql = "SELECT session FROM alignments WHERE article_id = ?"
    row = connection.execute(sql, (article_id,)).fetchone()
    return row[0] if row else None


def _subject_rows(article_id: int, reading: Reading) -> Iterator[tuple[object, ...]]:
    for one in reading.about:
        yield article_id, "symbol", one.symbol, one.score, _json(one.evidence)
    for sector in reading.sectors:
        yield article_id, "sector", sector.name, sector.score, _json(sector.evidence)
    if reading.market_wide:
        topic = reading.market_wide
        yield article_id, "market", topic.name, topic.score, _json(topic.evidence)


def _mention_row(mention: Mention) -> tuple[object, ...]:
    place = (mention.symbol, mention.field, mention.start, mention.end)
    return (*place, mention.text, mention.kind)


# ---- sessions


def symbols_on(connection: sqlite3.Connection, session: date) -> list[str]:
    """List the symbols that have a price in a session."""
    sql = "SELECT symbol FROM prices WHERE session = ? ORDER BY symbol"
    return [row[0] for row in connection.execute(sql, (session.isoformat(),))]


def session_before(connection: sqlite3.Connection, session: date) -> date | None:
    """Find the last session before one that any article is aligned to."""
    sql = "SELECT max(session) FROM alignments WHERE session < ?"
    found = connection.execute(sql, (session.isoformat(),)).fetchone()[0]
    return date.fromisoformat(found) if found else None


def stories(connection: sqlite3.Connection, session: date) -> list[Story]:
    """Read the articles of a session as linking sees them."""
    rows = connection.execute(
        "SELECT id, basis, title, substr(text, 1, ?) AS lead, published_at, published_precision"
        " FROM alignments JOIN articles ON id = article_id WHERE session = ? ORDER BY id",
        (_LEAD, session.isoformat()),
    ).fetchall()
    return [_story(connection, row, session) for row in rows]


def _story(connection: sqlite3.Connection, row: sqlite3.Row, session: date) -> Story:
    subjects = connection.execute(
        "SELECT kind, name, score, evidence FROM subjects WHERE article_id = ? ORDER BY kind, name",
        (row["id"],),
    ).fetchall()
    found: dict[str, list[Any]] = {"symbol": [], "sector": [], "market": []}
    for kind, name, score, evidence in subjects:
        make = Scored if kind == "symbol" else Topic
        found[kind].append(make(name, score, json.loads(evidence)))
    published = _published(row["published_at"], row["published_precision"])
    return Story(
        article_id=row["id"],
        alignment=Alignment(session, row["basis"]),
        published=published or Published(session, "day"),
        title=row["title"] or "",
        lead=row["lead"],
        about=tuple(found["symbol"]),
        mentions=tuple(_mentions(connection, row["id"])),
        sectors=tuple(found["sector"]),
        market_wide=next(iter(found["market"]), None),
    )


def _mentions(connection: sqlite3.Connection, article_id: int) -> Iterator[Mention]:
    rows = connection.execute(
        "SELECT symbol, field, start, end, text, kind FROM mentions WHERE article_id = ?"
        " ORDER BY field, start, symbol",
        (article_id,),
    )
    return (Mention(*row) for row in rows)


def store_links(connection: sqlite3.Connection, session: date, links: Iterable[Link]) -> int:
    """Replace the links of a session; it waits no more. Give the count."""
    day = session.isoformat()
    rows = [
        (link.symbol, day, link.article_id, link.relation, link.score, _json(link.evidence))
        for link in links
    ]
    connection.execute("DELETE FROM links WHERE session = ?", (day,))
    connection.executemany("INSERT INTO links VALUES (?, ?, ?, ?, ?, ?)", rows)
    connection.execute("DELETE FROM unlinked_sessions WHERE session = ?", (day,))
    return len(rows)


# ---- prices and calendar, as resolve leaves them


@dataclass(frozen=True, slots=True)
class Priced:
    """Who has a price in which session, and the sessions that only strips witness."""

    symbols: Mapping[str, str]
    witnessed: frozenset[date]


def priced(connection: sqlite3.Connection, market: str) -> Priced:
    """Read what links rest on, to compare it before and after prices are drawn anew."""
    rows = connection.execute(
        "SELECT session, group_concat(symbol, ' ') FROM"
        " (SELECT session, symbol FROM prices ORDER BY session, symbol) GROUP BY session"
    )
    return Priced({row[0]: row[1] for row in rows}, frozenset(witnessed(connection, market)))


def witnessed(connection: sqlite3.Connection, market: str) -> list[date]:
    """List the sessions that strips witness on days that the calendar calls closed."""
    sql = "SELECT session FROM sessions WHERE market = ? AND source = 'witnessed' ORDER BY 1"
    return [date.fromisoformat(row[0]) for row in connection.execute(sql, (market,))]


def mark_changed(connection: sqlite3.Connection, before: Priced, after: Priced) -> None:
    """Let what new prices change wait to be linked again."""
    sessions = {**before.symbols, **after.symbols}
    changed = (day for day in sessions if before.symbols.get(day) != after.symbols.get(day))
    sql = "INSERT OR IGNORE INTO unlinked_sessions VALUES (?)"
    connection.executemany(sql, ((day,) for day in changed))
    for day in before.witnessed ^ after.witnessed:
        # Where the trading days change, so may the first one after an article.
        since = (day - _LONGEST_CLOSURE).isoformat()
        until = (day + timedelta(days=1)).isoformat() + "T99"
        connection.execute(
            "INSERT OR IGNORE INTO unlinked_articles SELECT id FROM articles"
            " WHERE published_at BETWEEN ? AND ?",
            (since, until),
        )


def store_actions(connection: sqlite3.Connection, actions: Sequence[Action]) -> None:
    """Replace the proposed actions."""
    connection.execute("DELETE FROM actions")
    rows = (asdict(action) | {"evidence": _json(action.evidence)} for action in actions)
    connection.executemany(
        "INSERT INTO actions VALUES (:symbol, :session, :kind, :factor, :amount, :evidence)",
        ({**row, "session": row["session"].isoformat()} for row in rows),
    )


def _published(text: str | None, precision: Any) -> Published | None:
    if text is None:
        return None
    stamp = date.fromisoformat(text) if precision == "day" else datetime.fromisoformat(text)
    return Published(stamp, precision)


def _json(evidence: Mapping[str, object]) -> str:
    return json.dumps(evidence, ensure_ascii=False, sort_keys=True)
