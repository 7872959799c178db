"""A dialect or a publisher tried on saved pages: what is read, what is refused, what is near."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tickertrack.dialects import Dialect
from tickertrack.dialects.misses import Miss, nearest_miss
from tickertrack.errors import SourceError
from tickertrack.ingest import captures_for
from tickertrack.isolation import IsolatedReader
from tickertrack.models import Page, Quarantined, Quote
from tickertrack.pages import Capture, Desk
from tickertrack.pages.bounds import excess_of
from tickertrack.pages.telling import telling_of
from tickertrack.publishers import Period, Publisher
from tickertrack.strips import fold_lines

if TYPE_CHECKING:
    from tickertrack.markets import Market

__all__ = ["COLUMNS", "Trial", "desk_of", "quote_row", "try_pages"]

COLUMNS = (
    *("file", "verdict", "symbol", "price", "change", "percent", "direction", "board"),
    *("raw", "why"),
)
# Of a page that is read otherwise than it should be, a few lines show why.
_MOST, _SHOWN = 5, 60
# A miss is worth telling of when so much of a line was read.
_READ_OF = 0.3
_SOUND = {"ok", "unchecked", "out_of_range"}
_WHY = {
    "unchecked": "prints no change or no percent: stands in `quotes`, never in `prices`",
    "out_of_range": "moves farther than the market allows on a day",
    "sign_conflict": "word, arrow and signs disagree; `sign` says which of them is to be believed",
    "impossible_reference": "price less change is not above zero",
    "conflicting_lines": "another line of the page says otherwise of this symbol",
    "outside_header": "stands outside of the header",
    "foreign_host": "the page's address is of none of the publisher's `hosts`",
    "replacement_character": "holds bytes that were no text",
}

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of a page or of samples: a row for each line, what to know, what is wrong."""

    rows: list[Row]
    told: str
    problems: tuple[str, ...]


def desk_of(dialect: Dialect, market: Market) -> Desk:
    """Make a desk at which every page is of a publisher who prints this dialect alone."""
    periods = (Period(dialect, None, None),)
    nobody = Publisher("", "", (), (), market.zone, "", None, None, periods)
    return Desk((nobody,), market, nobody)


def try_pages(paths: tuple[Path, ...], desk: Desk) -> Iterator[Trial]:
    """Read pages by a desk's publishers, through all that `ingest` reads them through."""
    with IsolatedReader(desk) as reader:
        for capture in captures_for(paths):
            page = capture if isinstance(capture, SourceError) else reader.read(capture)
            if isinstance(capture, SourceError) or isinstance(page, SourceError):
                yield Trial([], "", (str(page),))
            else:
                yield _trial(capture, page, desk)


def _trial(capture: Capture, page: Page, desk: Desk) -> Trial:
    dialects = desk.dialects_of(desk.publisher_of(page.url), page.captured_at)
    strip, name = page.strip, Path(capture.locator.file).name
    rows = [quote_row(name, quote) for quote in strip.quotes]
    rows += [_refused_row(name, one, dialects) for one in strip.quarantined]
    if not strip.quotes:
        lines = _lines(capture, dialects)
        missed = _misses(lines, {row["raw"] for row in rows}, dialects)
        rows += [_row(name, "near", miss.line, why=miss.told) for miss in missed]
        _tell_barrier(rows, next(_barriers(lines, dialects), None))
    return Trial(rows, _told(name, page), tuple(_problems(name, page)))


def _told(name: str, page: Page) -> str:
    strip, article = page.strip, page.article
    published = article.published
    facts = {
        "title": article.title,
        "published": f"{published.at} ({published.precision})" if published else None,
        "page date": page.page_date,
        "address": article.url,
        "publisher": page.publisher,
        "dialect": strip.dialect or None,
    }
    if page.publisher == "":
        # Nobody's page: it is the dialect that is tried.
        del facts["publisher"]
    known = [f"{what} {fact}" for what, fact in facts.items() if fact]
    lacking = ", ".join(what for what, fact in facts.items() if not fact)
    counts = f"{len(strip.quotes)} lines read, {len(strip.quarantined)} refused"
    repeated = f", {strip.repeats} repeated" if strip.repeats else ""
    lacks = [f"no {lacking}"] if lacking else []
    return "; ".join((f"{name}: {counts}{repeated}", *known, *lacks))


def _problems(name: str, page: Page) -> Iterator[str]:
    quotes = page.strip.quotes
    if not quotes:
        yield f"{name}: no line is read"
    unsound = sum(quote.verdict not in _SOUND for quote in quotes)
    if 2 * unsound > len(quotes):
        yield f"{name}: {unsound} of {len(quotes)} lines contradict themselves: see [number]"
    unread = sum(one.reason == "unreadable" for one in page.strip.quarantined)
    if unread:
        yield f"{name}: {unread} lines of the strip are unreadable"


def _lines(capture: Capture, dialects: list[Dialect]) -> list[str]:
    if not capture.html:
        return fold_lines(capture.text)
    if excess_of(capture.text):
        return []
    # Imported where it is used, as for reading pages.
    from tickertrack.pages.markup import read_markup  # noqa: PLC0415

    telling = telling_of(tuple(dialects))
    markup = read_markup(capture.text, telling)
    return [*markup.above, *markup.header, *markup.between, *telling.lines_of(markup.rest)]


def _barriers(lines: list[str], dialects: list[Dialect]) -> Iterator[str]:
    """Yield the lines below which no strip of a header may stand."""
    for line in filter(None, lines):
        texts = [(one, one.without_prefix(line)[0]) for one in dialects]
        if not any(
            one.read(text) or one.looks_like_line(text) or one.is_furniture(text)
            for one, text in texts
        ):
            yield line


def _tell_barrier(rows: list[Row], barrier: str | None) -> None:
    for row in rows:
        if barrier and row["verdict"] == "outside_header":
            row["why"] = (
                f"stands below {barrier[:_SHOWN]!r}: name such lines as `masthead` or `stop` under"
                ' [strip], or say `place = "article"` where the list is an article\'s'
            )


def _misses(lines: list[str], known: set[str], dialects: list[Dialect]) -> list[Miss]:
    """Choose the lines that come nearest to being read, each once, the nearest first."""
    texts = dict.fromkeys(line for line in lines if line and line not in known)
    found = (_miss(text, dialects) for text in texts)
    near = [miss for miss in found if miss and len(miss.read) >= _READ_OF * len(miss.line)]
    return sorted(near, key=lambda miss: -len(miss.read))[:_MOST]


def _miss(text: str, dialects: list[Dialect]) -> Miss | None:
    misses = (nearest_miss(one.without_prefix(text)[0], one) for one in dialects)
    return max(filter(None, misses), key=lambda miss: len(miss.read), default=None)


def quote_row(name: str, quote: Quote) -> Row:
    """Lay a quote out as a row of what is printed."""
    row = _row(name, quote.verdict, quote.raw, why=_why(quote))
    return row | {
        "symbol": quote.symbol,
        "price": float(quote.price),
        "change": None if quote.change is None else float(quote.change),
        "percent": None if quote.percent is None else float(quote.percent),
        "direction": quote.direction,
        "board": quote.board,
    }


def _why(quote: Quote) -> str:
    if quote.verdict == "percent_mismatch" and quote.reference_price and quote.change is not None:
        exact = 100 * quote.change / quote.reference_price
        return f"by price and change it is {exact.quantize(Decimal('0.0001'))} %"
    return _WHY.get(quote.verdict, "")


def _refused_row(name: str, one: Quarantined, dialects: list[Dialect]) -> Row:
    miss = _miss(one.raw, dialects) if one.reason == "unreadable" else None
    named = any(one.reason == reason for dialect in dialects for reason, _ in dialect.refusals)
    rule = f"[refuse] {one.reason}" if named else _WHY.get(one.reason, "")
    return _row(name, one.reason, one.raw, why=miss.told if miss else rule)


def _row(name: str, verdict: str, raw: str, *, why: str) -> Row:
    return dict.fromkeys(COLUMNS) | {"file": name, "verdict": verdict, "raw": raw, "why": why}
