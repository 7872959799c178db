"""What the tests of news share: sessions of chained prices on pages, and articles of own words."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from tickertrack.markets import load_market
from tickertrack.markets.calendar import sessions_between

Record = dict[str, str]
Board = Mapping[str, tuple[float, float]]

KARACHI = ZoneInfo("Asia/Karachi")
PSX = load_market("psx")


def sessions(first: date, count: int) -> list[date]:
    """List trading days from one on."""
    days = [day.session for day in sessions_between(PSX, first, date(first.year + 2, 12, 31))]
    return days[:count]


def strip_page(session: date, board: Board, hour: int = 19) -> Record:
    """Show a board in the evening of its session, above an article about nothing."""
    moment = datetime(session.year, session.month, session.day, hour, tzinfo=KARACHI)
    lines = [line(symbol, *figures) for symbol, figures in board.items()]
    return {
        "url": f"https://www.brecorder.com/news/{session:%Y%m%d}{hour:02}/the-lights-are-lit",
        "captured_at": moment.isoformat(),
        "text": "\n".join([*lines, "The lights are lit", "", "They were lit on time."]),
    }


def line(symbol: str, price: float, reference: float) -> str:
    """Print a ticker line."""
    is_index = symbol == "KSE100"
    shown = f"{price:,.0f}" if is_index else f"{price:,.2f}"
    change = round(price - reference, 2)
    if not change:
        return f"{symbol} {shown} No Change ▼ 0.00 (0%)"
    percent = f"{100 * change / reference:.2f}".rstrip("0").rstrip(".")
    word = "Increased By ▲" if change > 0 else "Decreased By ▼"
    return f"{symbol} {shown} {word} {change:.2f} ({percent}%)"


def article(number: int, title: str, published: str, text: str = "More was not said.") -> Record:
    """Tell an article: `published` is a day, or a time in Karachi."""
    stamp = published
    if "T" in published:
        stamp = datetime.fromisoformat(published).replace(tzinfo=KARACHI).isoformat()
    return {
        "url": f"https://www.brecorder.com/news/{40_000_000 + number}/told",
        "title": title,
        "published_at": stamp,
        "text": f"{title}\n\n{text}",
    }


def walk(days: Sequence[date], symbols: Sequence[str], seed: int = 1) -> list[Board]:
    """Let prices walk over sessions, each from the last one; KSE100 is printed to the point."""
    rng = random.Random(seed)  # noqa: S311
    last = {name: 40.0 + 7 * n for n, name in enumerate(symbols)} | {"KSE100": 46_000.0}
    boards = []
    for _ in days:
        common = rng.gauss(0, 0.008)
        board = {}
        for symbol, reference in last.items():
            is_index = symbol == "KSE100"
            moved = reference * (1 + common + (0 if is_index else rng.gauss(0, 0.012)))
            board[symbol] = (round(moved, 0 if is_index else 2), reference)
        last = {symbol: price for symbol, (price, _) in board.items()}
        boards.append(board)
    return boards


def at_new_terms(board: Board, symbol: str, factor: float) -> Board:
    """Show a symbol's price and reference price after a corporate action."""
    price, reference = board[symbol]
    return {**board, symbol: (round(price * factor, 2), round(reference * factor, 2))}
