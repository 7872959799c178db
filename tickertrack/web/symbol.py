"""A symbol: its prices as a chart and as a table, each move beside its news."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from tickertrack.asking import is_significant
from tickertrack.hints import unknown
from tickertrack.spans import span_of
from tickertrack.store import browse, read
from tickertrack.store.connect import told
from tickertrack.store.read import Span
from tickertrack.tracker import Tracker
from tickertrack.web.parts import is_lower, named
from tickertrack.web.showing import Asked, Page, Row, Turn, hinted, missing

__all__ = ["symbol"]

# A year of sessions, or so; what is older is a click away.
_SHOWN = 260


def symbol(tracker: Tracker, asked: Asked) -> Page | Turn:
    """Show the prices of a symbol in a range of sessions; in small letters, turn to it."""
    name = asked.named["symbol"]
    with told(tracker.path):
        reach = browse.reaches(tracker.reader(), [name]).get(name)
        if reach is None:
            return _elsewhere(tracker, asked, name)
        span = _span(tracker, asked, name)
        rows = _rows(tracker, name, span)
    (one,) = named(tracker, [{"symbol": name}])
    shown = [row for row in rows if row["price"] is not None]
    return Page(
        "symbol.html",
        {
            "title": name,
            **one,
            "reach": reach,
            "since": str(span.start or reach[0]),
            "until": str(span.end or reach[1]),
            "last": shown[-1] if shown else None,
            "rows": rows[::-1],
            "chart": _chart(rows),
            "counts": _counts(rows),
        },
    )


def _elsewhere(tracker: Tracker, asked: Asked, name: str) -> Page | Turn:
    """Lead from a symbol without a price to its capitals, what may be meant, or its lines."""
    if is_lower(tracker, name):
        span = {one: asked.choice(one) for one in ("since", "until")}
        return Turn(lambda links: links.to("symbol", name.upper(), **span))
    stranger = unknown(tracker, name.upper())
    if stranger:
        return hinted(stranger)
    page = missing(f"{name}: no price here")
    return replace(page, context={**page.context, "lines": name})


def _span(tracker: Tracker, asked: Asked, name: str) -> Span:
    """Give the range that was asked for, or the last year or so."""
    since, until = asked.choice("since"), asked.choice("until")
    if since or until:
        return span_of(since or None, until or None)
    closes = browse.closes_before(tracker.reader(), name, "9999", _SHOWN)
    return Span(date.fromisoformat(closes[0][0]), None)


def _rows(tracker: Tracker, name: str, span: Span) -> list[Row]:
    """Join prices, coverage and moves by session; of a missing session all but that is None."""
    connection = tracker.reader()
    prices = {row["session"]: row for row in read.rows(connection, read.history([name], span))}
    moves = {row["session"]: row for row in tracker.move_rows([name], span.start, span.end)}
    blank = dict.fromkeys((*read.HISTORY, "abnormal", "p", "news_status", "top_news"))
    return [
        {
            **blank,
            **prices.get(row["session"], {}),
            **_judged(moves.get(row["session"])),
            "session": row["session"],
            "kind": _kind(row),
            "conflict": row["conflict"],
        }
        for row in read.rows(connection, read.coverage([name], span))
    ]


def _judged(move: Row | None) -> Row:
    if move is None:
        return {"significant": False}
    kept = ("abnormal", "p", "news_status", "top_news")
    return {**{key: move[key] for key in kept}, "significant": is_significant(move)}


def _kind(row: Row) -> str:
    """Say in one word how a session's price is known."""
    if row["coverage"] in {"missing", "conflicting"}:
        return str(row["coverage"])
    return str(row["status"])


def _chart(rows: Sequence[Row]) -> Row:
    """Lay rows out for the chart: sessions, and a mark for each significant move."""
    return {
        "sessions": [
            [row["session"], row["price"], row["low"], row["high"], row["kind"]] for row in rows
        ],
        "marks": [
            [row["session"], (row["change_percent"] or 0) > 0, row["news_status"]]
            for row in rows
            if row["significant"]
        ],
    }


def _counts(rows: Sequence[Row]) -> dict[str, int]:
    kinds = ("final", "intraday", "implied", "provisional", "conflicting", "missing")
    counts = {kind: sum(row["kind"] == kind for row in rows) for kind in kinds}
    return {kind: count for kind, count in counts.items() if count}
