"""What linking reads and writes: articles that wait, sessions that wait, and their conclusions."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

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
from tickertrack.store.stored import published_of

__all__ = [
    "ReadArticle",
    "Waiting",
    "actions",
    "count_waiting",
    "forget_article",
    "forget_links",
    "is_waiting",
    "linked_by",
    "mark_changed",
    "priced",
    "search_waiting",
    "session_before",
    "store_actions",
    "store_links",
    "store_readings",
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


def is_waiting(connection: sqlite3.Connection, table: str) -> bool:
    """Say whether anything waits in `unlinked_articles` or another table of that kind."""
    return connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone() is not None


def count_waiting(connection: sqlite3.Connection) -> tuple[int, int]:
    """Count the articles and the sessions that wait."""
    tables = ("unlinked_articles", "unlinked_sessions")
    articles, sessions = (
        connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables
    )
    return articles, sessions


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
            published_of(row["published_at"], row["published_precision"]),
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


def search_waiting(connection: sqlite3.Connection, count: int) -> int:
    """Let full-text search find the next articles that wait for it; count them."""
    next_ones = "SELECT article_id FROM unsearched_articles ORDER BY article_id LIMIT ?"
    searched = connection.execute(
        "INSERT INTO articles_fts (rowid, title, text)"
        f" SELECT id, title, text FROM articles WHERE id IN ({next_ones})",
        (count,),
    ).rowcount
    sql = f"DELETE FROM unsearched_articles WHERE article_id IN ({next_ones})"
    connection.execute(sql, (count,))
    return searched


def store_readings(connection: sqlite3.Connection, articles: Sequence[ReadArticle]) -> None:
    """Replace what is known of articles; their sessions, old and new, wait to be linked."""
    ids = [(article.id,) for article in articles]
    sessions = _sessions_of(connection, ids)
    for table in ("alignments", "subjects", "mentions", "unlinked_articles"):
        connection.executemany(f"DELETE FROM {table} WHERE article_id = ?", ids)
    aligned = ((one.id, one.alignment) for one in articles if one.alignment)
    connection.executemany(
        "INSERT INTO alignments VALUES (?, ?, ?)",
        ((own_id, found.session.isoformat(), found.basis) for own_id, found in aligned),
    )
    connection.executemany(
        "INSERT INTO subjects VALUES (?, ?, ?, ?, ?)",
        (row for article in articles for row in _subject_rows(article.id, article.reading)),
    )
    connection.executemany(
        "INSERT OR IGNORE INTO mentions VALUES (?, ?, ?, ?, ?, ?, ?)",
        ((one.id, *_mention_row(mention)) for one in articles for mention in one.reading.mentions),
    )
    # A story also counts less in the next session that has news: it may be told there again.
    connection.executemany(
        "INSERT OR IGNORE INTO unlinked_sessions SELECT ?1 UNION SELECT * FROM"
        " (SELECT session FROM alignments WHERE session > ?1 ORDER BY session LIMIT 1)",
        sorted(sessions | _sessions_of(connection, ids)),
    )


def forget_article(connection: sqlite3.Connection, article_id: int) -> None:
    """Take out an article that no page holds; its session waits to be linked without it."""
    nothing = Reading(about=(), mentions=(), sectors=(), market_wide=None)
    store_readings(connection, [ReadArticle(article_id, None, nothing)])
    connection.execute("DELETE FROM articles WHERE id = ?", (article_id,))


def _sessions_of(connection: sqlite3.Connection, ids: Sequence[tuple[int]]) -> set[tuple[str]]:
    sql = "SELECT session FROM alignments WHERE article_id = ?"
    return {tuple(row) for one in ids for row in connection.execute(sql, one)}


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
    """Read the articles of a session that have a subject or name anybody, as linking sees them."""
    found = _Found(connection, session.isoformat())
    subjects = found.rows("subjects", "kind, name, score, evidence", "kind, name")
    mentions = found.rows(
        "mentions", "symbol, field, start, end, text, kind", "field, start, symbol"
    )
    return [
        _story(row, session, subjects.get(row["id"], ()), mentions.get(row["id"], ()))
        for row in connection.execute(
            "SELECT id, basis, title, substr(text, 1, ?) AS lead, published_at,"
            " published_precision FROM alignments JOIN articles ON id = article_id"
            " WHERE session = ? ORDER BY id",
            (_LEAD, session.isoformat()),
        )
        if row["id"] in subjects or row["id"] in mentions
    ]


@dataclass(frozen=True, slots=True)
class _Found:
    """What was found in the articles of a session."""

    connection: sqlite3.Connection
    session: str

    def rows(self, table: str, columns: str, order: str) -> dict[int, list[sqlite3.Row]]:
        """Read a table's rows by article."""
        found: dict[int, list[sqlite3.Row]] = defaultdict(list)
        for row in self.connection.execute(
            f"SELECT article_id, {columns} FROM alignments JOIN {table} USING (article_id)"
            f" WHERE session = ? ORDER BY article_id, {order}",
            (self.session,),
        ):
            found[row["article_id"]].append(row)
        return found


def _story(
    row: sqlite3.Row,
    session: date,
    subjects: Iterable[sqlite3.Row],
    mentions: Iterable[sqlite3.Row],
) -> Story:
    published = published_of(row["published_at"], row["published_precision"])
    about: dict[str, list[tuple[str, float, dict[str, object]]]] = defaultdict(list)
    for _, kind, name, score, evidence in subjects:
        about[kind].append((name, score, json.loads(evidence)))
    return Story(
        article_id=row["id"],
        alignment=Alignment(session, row["basis"]),
        published=published or Published(session, "day"),
        title=row["title"] or "",
        lead=row["lead"],
        about=tuple(Scored(*one) for one in about["symbol"]),
        mentions=tuple(Mention(*mention[1:]) for mention in mentions),
        sectors=tuple(Topic(*one) for one in about["sector"]),
        market_wide=next((Topic(*one) for one in about["market"]), None),
    )


def store_links(connection: sqlite3.Connection, session: date, links: Iterable[Link]) -> int:
    """Replace the links of a session; it waits no more. Give the count."""
    day = session.isoformat()
    # Links of one article share their evidence: news of the market is every symbol's.
    texts: dict[int, str] = {}
    rows = []
    for link in links:
        evidence = texts.get(id(link.evidence)) or _json(link.evidence)
        texts[id(link.evidence)] = evidence
        rows.append((day, link.symbol, link.article_id, link.relation, link.score, evidence))
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


def priced(
    connection: sqlite3.Connection, market: str, sessions: Collection[date] | None = None
) -> Priced:
    """Read what links rest on, of all sessions or some, to compare it before and after."""
    some = "" if sessions is None else "WHERE session IN (SELECT value FROM json_each(?))"
    rows = connection.execute(
        "SELECT session, group_concat(symbol, ' ') FROM"
        f" (SELECT session, symbol FROM prices {some} ORDER BY session, symbol) GROUP BY session",
        () if sessions is None else (json.dumps(list(sessions), default=str),),
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


def store_actions(connection: sqlite3.Connection, actions: Iterable[Action]) -> None:
    """Store proposed actions."""
    connection.executemany(
        "INSERT INTO actions VALUES (?, ?, ?, ?, ?, ?)", map(action_row, actions)
    )


def action_row(action: Action) -> tuple[object, ...]:
    """Lay out a proposed action."""
    day = action.session.isoformat()
    terms = (action.kind, action.factor, action.amount)
    return (action.symbol, day, *terms, _json(action.evidence))


def actions(connection: sqlite3.Connection) -> list[Action]:
    """Read the actions that chain breaks propose."""
    return [
        Action(
            row["symbol"],
            date.fromisoformat(row["session"]),
            row["kind"],
            row["factor"],
            row["amount"],
            "proposed",
            json.loads(row["evidence"]),
        )
        for row in connection.execute("SELECT * FROM actions ORDER BY symbol, session")
    ]


def _json(evidence: Mapping[str, object]) -> str:
    return json.dumps(evidence, ensure_ascii=False, sort_keys=True)
