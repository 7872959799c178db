"""Price lines for books that are kept as text: ledger (and hledger), and beancount."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

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


class _Book(NamedTuple):
    """A program, its price line, and what it calls a symbol: None where it cannot name it."""

    program: str
    line: str
    named: Callable[[str], str | None]


def to_ledger(answer: pa.RecordBatchReader, path: Path) -> Counter[str]:
    """
    Write `P 2024-05-14 ANL 33.30 PKR`, and count the rows of symbols that ledger cannot name.

    Raises QueryError where it can name none.
    """
    return _write(answer, path, _LEDGER)


def to_beancount(answer: pa.RecordBatchReader, path: Path) -> Counter[str]:
    """
    Write `2024-05-14 price ANL 33.30 PKR`, and count the rows of symbols that it cannot name.

    A symbol that begins with a digit gets an `X` before it, as beancount's commodities begin with
    a letter. Raises QueryError where it can name none.
    """
    return _write(answer, path, _BEANCOUNT)


def _write(answer: pa.RecordBatchReader, path: Path, book: _Book) -> Counter[str]:
    code, written, left = _currency_of(answer.schema), 0, Counter[str]()
    currency = book.named(code)
    if currency is None:
        raise _refused(code, book)
    with path.open("w", encoding="utf-8", newline="") as file:
        for symbol, session, price in _prices(answer):
            name = book.named(symbol)
            if name is None:
                left[symbol] += 1
                continue
            figures = {"symbol": name, "price": _figure(price), "currency": currency}
            written += file.write(book.line.format(session=session, **figures))
    if left and not written:
        raise _refused(next(iter(left)), book)
    return left


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


def _in_ledger(symbol: str) -> str | None:
    if _BARE.fullmatch(symbol):
        return symbol
    # Its reports go to a terminal.
    is_safe = _QUOTED.fullmatch(symbol) and safe_term(symbol) == symbol
    return f'"{symbol}"' if is_safe else None


def _in_beancount(symbol: str) -> str | None:
    name = f"X{symbol}" if symbol[:1].isdigit() else symbol
    return name if _CURRENCY.fullmatch(name) else None


def _refused(symbol: str, book: _Book) -> QueryError:
    fault = f"{symbol[:_LONGEST]!r} can be no commodity of {book.program}"
    return QueryError(fault, advice="write .csv")


_LEDGER = _Book("ledger", "P {session} {symbol} {price} {currency}\n", _in_ledger)
_BEANCOUNT = _Book("beancount", "{session} price {symbol} {price} {currency}\n", _in_beancount)
