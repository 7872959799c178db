"""What a notebook shows: what a tracker holds, an explained move; all of it escaped."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import pandas as pd

from tickertrack.harmless import safe_term

__all__ = ["Explanation", "holdings_html"]

# So many characters of a text, and so many articles, are read in a notebook.
_LONGEST, _MOST = 200, 25
_SCHEMES = ("http://", "https://")
_ARTICLES = ("relation", "score", "title", "publisher", "published_at")

Row = Mapping[Any, Any]


class Explanation(pd.DataFrame):
    """The news of a move, as rows; a notebook shows the move above them."""

    # What is cut out of it is a plain frame again, as pandas has it.

    def _repr_html_(self) -> str:
        move = self.attrs.get("move")
        if not move:
            return f"<p>no price of that symbol and session</p>{_articles(self)}"
        status = f"<p>News: {_text(self.attrs.get('news_status'))}, {_read(self.attrs)}.</p>"
        return f"<h4>{_headline(move)}</h4>{_cautions(move)}{status}{_articles(self)}"


def holdings_html(database: str, held: Row) -> str:
    """Show what a database holds, as a small table."""
    rows = (
        f"<tr><th>{_text(name)}</th><td>{_text(value)}</td></tr>" for name, value in held.items()
    )
    return f"<p><b>Tracker</b> {_text(database)}</p><table>{''.join(rows)}</table>"


def _headline(move: Row) -> str:
    price = f"{_text(move['symbol'])}, {_text(move['session'])}: {move['price']:,.2f}"
    if move["change"] is None:
        return f"{price} ({_text(move['status'])})"
    percent = f"{move['change_percent']:+.2f} %"
    expected = "" if move["expected"] is None else f", {move['expected']:+.2f} % expected"
    chance = "" if move["p"] is None else f", p = {move['p']:.2g}"
    return f"{price}, {move['change']:+,.2f} ({percent}{expected}{chance}; {_text(move['status'])})"


def _cautions(move: Row) -> str:
    flags = move.get("flags") or ()
    return f"<p>Take care: {_text('; '.join(flags))}.</p>" if flags else ""


def _read(attrs: Mapping[Any, Any]) -> str:
    articles = attrs.get("coverage", {}).get("articles", 0)
    return f"{articles} article{'' if articles == 1 else 's'} read for that session"


def _articles(table: pd.DataFrame) -> str:
    if table.empty or not {*_ARTICLES, "url"} <= set(table.columns):
        return ""
    head = "".join(f"<th>{name}</th>" for name in _ARTICLES)
    known = table.head(_MOST).astype(object)
    shown = known.where(known.notna(), None).to_dict("records")
    body = "".join(f"<tr>{''.join(_cell(row, name) for name in _ARTICLES)}</tr>" for row in shown)
    more = len(table) - len(shown)
    rest = f"<p>and {more} more</p>" if more else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{rest}"


def _cell(row: Row, name: str) -> str:
    value, url = row[name], row["url"]
    text = "" if value is None else _text(value)
    # An address of another scheme might be a script.
    if name == "title" and isinstance(url, str) and url.lower().startswith(_SCHEMES):
        text = f'<a href="{escape(safe_term(url))}" rel="noreferrer">{text}</a>'
    return f"<td>{text}</td>"


def _text(value: object) -> str:
    text = f"{value:.2f}" if isinstance(value, float) else str(value)
    return escape(safe_term(text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"))
