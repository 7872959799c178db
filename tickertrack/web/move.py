"""A move: its figures, its ranked news with the words that matched, and the lines that show it."""

from __future__ import annotations

from tickertrack.hints import no_move
from tickertrack.store import browse, news
from tickertrack.store.connect import told
from tickertrack.store.read import Span
from tickertrack.tracker import Tracker
from tickertrack.web.marking import marked_link
from tickertrack.web.parts import is_lower, named
from tickertrack.web.showing import Asked, Page, Row, Turn, hinted

__all__ = ["move"]

_QUOTES, _LINKS = 12, 20


def move(tracker: Tracker, asked: Asked) -> Page | Turn:
    """Explain one move, as a page or, with `part`, as the part of one that the chart loads."""
    name, session = asked.named["symbol"], asked.day()
    if is_lower(tracker, name):
        part = asked.choice("part")
        return Turn(lambda links: links.to("move", name.upper(), session, part=part))
    found = tracker.explanation(name, session)
    if found["move"] is None:
        return hinted(no_move(tracker, name.upper(), session), session.isoformat())
    with told(tracker.path):
        links = _links(tracker, name, Span(session, session))
        quotes = browse.quotes_of_session(tracker.reader(), name, str(session), _QUOTES)
    (shown,) = named(tracker, [found["move"]])
    return Page(
        "move_part.html" if asked.choice("part") else "move.html",
        {
            "title": f"{name}, {session:%-d %B %Y}",
            "move": shown,
            "session": session.isoformat(),
            "index": tracker.config.market.index,
            "links": links[:_LINKS],
            "more_links": max(len(links) - _LINKS, 0),
            "same_day": found["same_day"],
            "coverage": found["coverage"],
            "news_status": found["news_status"],
            "quotes": quotes,
        },
    )


def _links(tracker: Tracker, name: str, span: Span) -> list[Row]:
    connection = tracker.reader()
    links = news.links(connection, [name], span)
    words = browse.words_of(connection, [link["article_id"] for link in links], name)
    return [marked_link(link, words[link["article_id"]]) for link in links]
