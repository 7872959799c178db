"""What the tests of reading share: a desk, pages laid around the real lines, and their numbers."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from tickertrack.markets import Market, load_market
from tickertrack.models import Locator, Page
from tickertrack.pages import Capture, Desk, read_page
from tickertrack.publishers import load_publisher

SHARED = Path(__file__).resolve().parents[2] / "shared"
REAL = Path(__file__).parent / "data" / "real_strips.jsonl"

HEADLINE = "A village choir has mapped the northern footpath"
SENTENCES = (
    "The choir took two evenings for it, and a third one to find its way home.",
    "Nobody had asked for a map, the conductor said, but now that there is one it is kept dry.",
)
# Prices in prose, as an article may quote them: no line of these is a ticker line.
PROSE = (
    "ANL closed at Rs 31.15, having decreased by Rs 0.20 (-0.64%), the conductor remembered.",
    "The KSE100 Index Increased By 203.55 points (0.44%) to 46,301 while they sang.",
)
# Whole ticker lines that stand in the text: each is refused, none is read.
WHOLE_LINES = (
    "ANL 99.90 Increased By ▲ 9.00 (9.9%)",
    "KSE100 99,999 Increased By ▲ 900 (0.91%)",
    "POWER 5.44 No Change ▼ 0.00 (0%)",
)
COMMENTS = ("Comments", "One reader", "KEL 7.77 Increased By ▲ 0.70 (9.9%)", "So true.")
BOX = (
    *("Coronavirus", "HIGH Source: covid.gov.pk", "Pakistan Deaths", "22,108", "3824hr"),
    *("Pakistan Cases", "951,865", "1,09724hr", "2.38% positivity", "Sindh", "333,798", "Punjab"),
    *("345,474", "Balochistan", "26,754", "Islamabad", "82,439", "KPK", "137,370"),
)
_FACTS = re.compile(
    r"(\S+) ([0-9.,]+) (Increased By|Decreased By|No Change)(?: [▲▼])? (\S+) \((\S+)%\)"
)

Fact = tuple[str, Decimal, Decimal, Decimal]


@dataclass(frozen=True, slots=True)
class RealStrip:
    """One real strip: its lines as printed, and what is known of its pages and its session."""

    strip: str
    session: str | None
    form: str
    pages: tuple[dict[str, str | None], ...]
    lines: tuple[str, ...]


@cache
def real_strips() -> tuple[RealStrip, ...]:
    rows = map(json.loads, REAL.read_text(encoding="utf-8").splitlines())
    return tuple(
        RealStrip(**row | {"pages": tuple(row["pages"]), "lines": tuple(row["lines"])})
        for row in rows
    )


def facts(line: str) -> Fact:
    # Taken apart by other means than a dialect's.
    found = _FACTS.fullmatch(line)
    assert found, line
    symbol, *_ = found.groups()
    price, change, percent = (Decimal(found[place].replace(",", "")) for place in (2, 4, 5))
    return symbol, price, change, percent


@cache
def market() -> Market:
    return load_market("psx")


@cache
def desk() -> Desk:
    return Desk((load_publisher("brecorder"),), market())


def read(text: str, *, html: bool = False, **said: Any) -> Page:
    return read_page(Capture(text=text, locator=Locator("-", 0, 0), html=html, **said), desk())


def masthead(day: date) -> tuple[str, str]:
    printed = f"{day:%b} {day.day:02}, {day.year}"
    return (
        "Business Recorder Logo",
        f"{printed} PRINT EDITION ► BR MARKETS ► Dollar to PKR ►",
    )
