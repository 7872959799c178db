"""The questions about moves and their news: as frames, and as rows."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import date, datetime, tzinfo
from typing import TYPE_CHECKING, Any

from tickertrack.asking.base import Questions, Scope
from tickertrack.errors import QueryError
from tickertrack.hints import warn_of_strangers
from tickertrack.spans import Day, Symbols, day_of, names_of, span_of
from tickertrack.store import news, read
from tickertrack.store.connect import told

if TYPE_CHECKING:
    import pandas as pd

    from tickertrack.moves import Past

__all__ = ["EXPLANATION", "MoveQuestions", "explained", "is_significant"]

EXPLANATION = ("relation", "score", "title", "url", "publisher", "published_at", "evidence")
# A move so unlikely, were it like the moves before it, is called significant.
LEVEL = 0.05


class MoveQuestions(Questions):
    """The part of a Tracker that answers about moves and their news."""

    # ---- as data frames

    def moves(
        self,
        symbols: Symbols = (),
        start: Day = None,
        end: Day = None,
        *,
        min_percent: float = 0.0,
        significant: bool = False,
        as_of: str | date | None = None,
    ) -> pd.DataFrame:
        """
        Give each price's move from its reference price, how unusual it was, and its best news.

        `change_percent`, `expected` and `abnormal` are in percent; `t`, `p` (two-sided) and `n` are
        those of the market model (tickertrack.returns); the unknown is NaN.
        """
        from tickertrack.moves import MOVES  # noqa: PLC0415

        scope = Scope(names_of(symbols), span_of(start, end), as_of)
        return self._table(
            lambda past: past.move_rows(
                scope.names, start, end, min_percent=min_percent, significant=significant
            ),
            MOVES,
            scope,
        )

    def links(
        self,
        symbols: Symbols = (),
        start: Day = None,
        end: Day = None,
        *,
        as_of: str | date | None = None,
    ) -> pd.DataFrame:
        """Give the links of moves to articles, each with its score and evidence (JSON)."""
        scope = Scope(names_of(symbols), span_of(start, end), as_of)
        return self._table(lambda past: past.link_rows(scope.names, start, end), news.LINKS, scope)

    def news(
        self,
        start: Day = None,
        end: Day = None,
        *,
        symbol: str | None = None,
        search: str | None = None,
        as_of: str | date | None = None,
    ) -> pd.DataFrame:
        """Give articles by the market's day on which they say they appeared."""
        from tickertrack.frames import frame, noted, spanned  # noqa: PLC0415

        span, zone = span_of(start, end), self.market().zone
        with self.past(as_of) as past, told(self.path):
            rows = past.news_rows(start, end, symbol=symbol, search=search)
            read_of = news.articles_read(past.reader(), news.NewsQuestion(span, zone))
            warn_of_strangers(self, [symbol.upper()] if symbol and not rows else [], ())
        note = spanned(self.note(span, as_of), [_day_in(zone, row["published_at"]) for row in rows])
        return noted(frame(rows, news.NEWS), note, read_of)

    def explain(
        self, symbol: str, day: str | date, *, as_of: str | date | None = None
    ) -> pd.DataFrame:
        """
        Give the news of one move: the ranked links, then the rest of its day without a relation.

        The move itself, the coverage and the news status stand in the frame's `attrs`.
        """
        from tickertrack.frames import Explanation, frame, noted  # noqa: PLC0415

        with self.past(as_of) as past:
            found = past.explanation(symbol, day)
            warn_of_strangers(self, [] if found["move"] else [symbol.upper()], ())
        table = Explanation(frame(explained(found), EXPLANATION))
        kept = ("move", "coverage", "news_status")
        table.attrs.update({name: found[name] for name in kept})
        return noted(table, self.note(span_of(day, day), as_of), found["coverage"])

    # ---- as rows

    def move_rows(
        self,
        symbols: Sequence[str] = (),
        start: Day = None,
        end: Day = None,
        *,
        min_percent: float = 0.0,
        significant: bool = False,
    ) -> list[read.Row]:
        """Give moves with expected and abnormal returns, t, p, n, and the status of their news."""
        span = span_of(start, end)
        with told(self.path):
            found = news.moves(self.reader(), symbols, span)
            large = [
                move
                for move in found
                if move["change"] is not None and abs(move["change_percent"]) >= min_percent
            ]
            rows = self._with_news(self._judged(large), symbols, span)
        return [row for row in rows if is_significant(row)] if significant else rows

    def with_news(self, moves: Sequence[read.Row], day: str | date) -> list[read.Row]:
        """Add to the moves of one session every article of it, what is linked to each first."""
        span = span_of(day, day)
        with told(self.path):
            everything = news.news_of_session(self.linked(), str(span.start))
            links = news.links(self.linked(), names_of(move["symbol"] for move in moves), span)
        found: dict[str, list[read.Row]] = {}
        for link in links:
            found.setdefault(link["symbol"], []).append(link)
        return [
            {**move, "news": _ranked(found.get(move["symbol"], []), everything)} for move in moves
        ]

    def link_rows(
        self, symbols: Sequence[str] = (), start: Day = None, end: Day = None
    ) -> list[read.Row]:
        """Give links with their articles and evidence."""
        with told(self.path):
            return news.links(self.linked(), symbols, span_of(start, end))

    def news_rows(
        self,
        start: Day = None,
        end: Day = None,
        *,
        symbol: str | None = None,
        search: str | None = None,
    ) -> list[read.Row]:
        """Give articles by day, by the symbol they name, by their words."""
        span, zone = span_of(start, end), self.market().zone
        question = news.NewsQuestion(span, zone, symbol and symbol.upper(), search)
        with told(self.path):
            return news.news(self.linked(), question)

    def explanation(self, symbol: str, day: str | date) -> dict[str, Any]:
        """
        Explain one move: `move`, `links`, `same_day` (the rest), `coverage`, `news_status`.

        Without a price of that symbol and session the answer is empty: `move` is None.
        """
        from tickertrack.moves import news_status  # noqa: PLC0415

        session = day_of(day)
        if session is None:
            raise QueryError("no day is given", advice="write it YYYY-MM-DD")
        name, span = symbol.upper(), read.Span(session, session)
        with told(self.path):
            move = self._flagged(news.moves(self.reader(), [name], span), session)
            if move is None:
                return dict(_NOTHING)
            links = news.links(self.linked(), [name], span)
            coverage = news.coverage_of(self.linked(), session)
            everything = news.news_of_session(self.linked(), session.isoformat())
        rest = _unlinked(links, everything)
        relation = links[0]["relation"] if links else None
        return {
            "move": move,
            "links": [{key: link[key] for key in _LINK} for link in links],
            "same_day": [{key: row[key] for key in _SAME_DAY} for row in rest],
            "coverage": coverage,
            "news_status": news_status(relation, coverage["articles"]),
        }

    def _with_news(
        self, moves: Sequence[read.Row], symbols: Sequence[str], span: read.Span
    ) -> list[read.Row]:
        from tickertrack.moves import MOVES, news_status  # noqa: PLC0415

        best = news.best_links(self.linked(), symbols, span)
        articles = news.articles_by_session(self.linked(), span)
        rows = []
        for move in moves:
            link = best.get((move["symbol"], move["session"]), {"relation": None, "news": None})
            status = news_status(link["relation"], articles.get(move["session"], 0))
            row = {**move, "news_status": status, "top_news": link["news"]}
            rows.append({name: row[name] for name in MOVES})
        return rows

    def _judged(self, moves: Sequence[read.Row]) -> list[read.Row]:
        from tickertrack.moves import judge, judged  # noqa: PLC0415

        if not moves:
            return []
        found = judge(moves, self._past(moves))
        return [judged(move, abnormal) for move, abnormal in zip(moves, found, strict=True)]

    def _flagged(self, moves: Sequence[read.Row], session: date) -> read.Row | None:
        from tickertrack.moves import flags_of, judge, judged  # noqa: PLC0415

        if not moves:
            return None
        (move,) = moves
        (abnormal,) = judge(moves, self._past(moves))
        verdicts = news.verdicts(self.reader(), move["symbol"], session)
        actions = self._decided()
        flags = flags_of(move, actions, verdicts)
        shown = judged(move, abnormal)
        del shown["conflict"]
        return {**shown, "model": abnormal.model, "flags": flags}

    def _past(self, moves: Sequence[read.Row]) -> Past:
        """Read what moves are judged by: the sessions that their windows reach back over."""
        from tickertrack.moves import Past  # noqa: PLC0415
        from tickertrack.returns import WINDOW  # noqa: PLC0415

        days = {move["session"] for move in moves}
        symbols = sorted({move["symbol"] for move in moves})
        index = self.config.market.index
        known = sorted({*news.sessions(self.reader(), self.config.market.name), *days})
        first = max(bisect_left(known, min(days)) - WINDOW, 0)
        reach = known[first : bisect_right(known, max(days))]
        span = read.Span(date.fromisoformat(reach[0]), date.fromisoformat(reach[-1]))
        breaks: dict[str, list[str]] = {}
        for action in self._decided():
            if action.status != "denied":
                breaks.setdefault(action.symbol, []).append(action.session.isoformat())
        returns = news.returns(self.reader(), [*symbols, index], span)
        return Past(reach, returns, breaks, index)


_LINK = ("url", "title", "relation", "score", "evidence", "publisher", "published_at")
_SAME_DAY = ("url", "title", "publisher", "published_at")
_NOTHING: dict[str, Any] = {
    "move": None,
    "links": [],
    "same_day": [],
    "coverage": {"articles": 0, "publishers": {}},
    "news_status": None,
}


def explained(found: dict[str, Any]) -> list[read.Row]:
    """Lay an explanation's news out as rows: the links, then the rest of the day."""
    blank = dict.fromkeys(EXPLANATION)
    return [blank | row for row in (*found["links"], *found["same_day"])]


def _day_in(zone: tzinfo, published: str | None) -> str | None:
    """Give the local day of a time; a bare day is one."""
    if published is None or len(published) == len("2024-05-08"):
        return published
    return str(datetime.fromisoformat(published).astimezone(zone).date())


def _ranked(links: Sequence[read.Row], everything: Sequence[read.Row]) -> list[read.Row]:
    rest = ({**row, "relation": None} for row in _unlinked(links, everything))
    return [{key: row[key] for key in ("url", "title", "relation")} for row in (*links, *rest)]


def _unlinked(links: Sequence[read.Row], everything: Sequence[read.Row]) -> list[read.Row]:
    linked = {link["article_id"] for link in links}
    return [row for row in everything if row["article_id"] not in linked]


def is_significant(row: read.Row) -> bool:
    """Say whether a judged move is unusual."""
    return row["p"] is not None and row["p"] <= LEVEL
