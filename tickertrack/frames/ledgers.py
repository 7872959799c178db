"""Price lines for books that are kept as text: ledger (and hledger), and beancount."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tickertrack.errors import QueryError
from tickertrack.harmless import safe_term

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["to_beancount", "to_ledger"]

# What ledger takes bare; all else stands in quotes, which themselves can be no part of a name.
_BARE = re.compile(r"[A-Za-z]+")
_QUOTED = re.compile(r'[^"\n\r\x00-\x1f\x7f;]+')
# Beancount 3's own rule of a currency's name (beancount/core/amount.py, CURRENCY_RE).
_CURRENCY = re.compile(r"[A-Z](?:[A-Z0-9'._\-]{0,22}[A-Z0-9])?")
_NEEDED = {"symbol", "session", "price"}
# What lines seen and moves have beside these: of them no book is to be made.
_OF_OTHERS = {"verdict", "abnormal"}
_LONGEST = 60

Namer = Callable[[str], str]


def to_ledger(answer: pa.RecordBatchReader, path: Path) -> None:
    """Write `P 2024-05-14 ANL 33.30 PKR`. Raises QueryError for a name that ledger cannot have."""
    _write(answer, path, "P {session} {symbol} {price} {currency}\n", _in_ledger)


def to_beancount(answer: pa.RecordBatchReader, path: Path) -> None:
    """
    Write `2024-05-14 price ANL 33.30 PKR`.

    A symbol that begins with a digit gets an `X` before it, as beancount's commodities begin with
    a letter. Raises QueryError for a name that it cannot have.
    """
    _write(answer, path, "{session} price {symbol} {price} {currency}\n", _in_beancount)


def _write(answer: pa.RecordBatchReader, path: Path, line: str, name: Namer) -> None:
    currency = name(_currency_of(answer.schema))
    with path.open("w", encoding="utf-8", newline="") as file:
        for symbol, session, price in _prices(answer):
            file.write(
                line.format(
                    session=session, symbol=name(symbol), price=_figure(price), currency=currency
                )
            )


def _prices(answer: pa.RecordBatchReader) -> Iterator[tuple[str, str, float]]:
    names = set(answer.schema.names)
    if not names >= _NEEDED or names & _OF_OTHERS:
        raise QueryError(
            "price lines are made of prices alone", advice="export prices, or a tidy history"
        )
    for batch in answer:
        days = (day.strftime("%Y-%m-%d") for day in batch["session"].to_pylist())
        yield from zip(batch["symbol"].to_pylist(), days, batch["price"].to_pylist(), strict=True)


def _currency_of(schema: pa.Schema) -> str:
    note = json.loads((schema.metadata or {}).get(b"tickertrack", b"{}"))
    if not note.get("currency"):
        raise QueryError("the prices' currency is not known", advice="market.toml: currency")
    return str(note["currency"])


def _figure(price: float) -> str:
    """Write a price with two decimals, or as many as it has."""
    text = f"{price:.4f}".rstrip("0")
    whole, _, digits = text.partition(".")
    return f"{whole}.{digits:<02}"


def _in_ledger(symbol: str) -> str:
    if _BARE.fullmatch(symbol):
        return symbol
    # Its reports go to a terminal.
    if _QUOTED.fullmatch(symbol) and safe_term(symbol) == symbol:
        return f'"{symbol}"'
    raise _refused(symbol, "ledger")


def _in_beancount(symbol: str) -> str:
    name = f"X{symbol}" if symbol[:1].isdigit() else symbol
    if _CURRENCY.fullmatch(name):
        return name
    raise _refused(symbol, "beancount")


def _refused(symbol: str, program: str) -> QueryError:
    return QueryError(
        f"{symbol[:_LONGEST]!r} can be no commodity of {program}",
        advice="leave it out, or write .csv",
    )
