"""
A dialect tried on samples: lines that it must read, and lines that it must not.

They stand under [samples] of its own file, or with all that is to come of them in the file of its
name in samples/ beside it, where loading the dialect does not read them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tickertrack.config import read_toml, refuse_unknown
from tickertrack.dialects import Dialect
from tickertrack.dialects.misses import nearest_miss
from tickertrack.errors import ConfigError
from tickertrack.markets import Market, load_market
from tickertrack.models import Strip
from tickertrack.strips import fold, read_strip
from tickertrack.trial import Trial, quote_row

__all__ = ["Sample", "market_of", "samples_beside", "try_samples"]

_READ = {"symbol", "price", "change", "percent", "direction", "verdict", "board"}
_ROWS = {"match": {"raw", *_READ}, "refuse": {"raw", "reason", "quarantine"}}


@dataclass(frozen=True, slots=True)
class Sample:
    """A line, where it stands, whether it is to be read, and as what; or under which reason not."""

    raw: str
    place: str
    is_read: bool
    wanted: Mapping[str, str]


def try_samples(path: Path, dialect: Dialect, market: Market) -> Trial | None:
    """
    Read the samples of a dialect's file, and of the one beside it; None where there is none.

    The former are of `market`, the latter of the one that they name. Raises ConfigError for a file
    of samples that says something else.
    """
    market_beside = market_of(path, market)
    tried = [(sample, market) for sample in _samples_within(path)]
    tried += [(sample, market_beside) for sample in samples_beside(path)]
    rows, problems = [], []
    for sample, its_market in tried:
        strip, _ = read_strip([fold(sample.raw)], (), [dialect], its_market)
        rows += [quote_row(path.name, quote) for quote in strip.quotes]
        fault = _fault_of(sample, strip, dialect)
        if fault:
            problems.append(f"{sample.place}: {sample.raw!r} {fault}")
    told = f"{path.name}: {len(tried) - len(problems)} of {len(tried)} samples as they should be"
    return Trial(rows, told, tuple(problems)) if tried else None


def samples_beside(path: Path) -> Iterator[Sample]:
    """Yield the samples of the file of a dialect's name in samples/ beside it."""
    file, table = _beside(path)
    refuse_unknown(table, {"market", "indices", *_ROWS}, path=file)
    for kind, keys in _ROWS.items():
        for row in _rows(table, kind, file):
            refuse_unknown(row, keys, path=file, prefix=f"{kind}.")
            wanted = {key: row[key] for key in row.keys() - {"raw", "reason"}}
            yield Sample(row["raw"], f"{file}: {kind}", kind == "match", wanted)


def market_of(path: Path, market: Market) -> Market:
    """Give the market that the samples beside a dialect's file name, or one of their indices."""
    file, table = _beside(path)
    if "market" in table:
        return load_market(table["market"], path.parent.parent)
    indices = table.get("indices", [])
    if not isinstance(indices, list) or not all(isinstance(one, str) for one in indices):
        raise ConfigError("must be a list of texts", path=file, key="indices")
    return replace(market, limits=(), indices=frozenset(map(str.upper, indices)))


def _beside(path: Path) -> tuple[Path, dict[str, Any]]:
    file = path.parent / "samples" / path.name
    return file, read_toml(file) if file.is_file() else {}


def _rows(table: Mapping[str, Any], kind: str, file: Path) -> list[dict[str, str]]:
    rows = table.get(kind, [])
    # An empty list says that there is none; else each is a [[match]] or a [[refuse]].
    if isinstance(rows, list) and all(isinstance(row, dict) and _is_row(row) for row in rows):
        return rows
    raise ConfigError("each needs a text `raw`, and all else are texts", path=file, key=kind)


def _is_row(row: Mapping[str, Any]) -> bool:
    return "raw" in row and all(isinstance(value, str) for value in row.values())


def _samples_within(path: Path) -> Iterator[Sample]:
    samples = read_toml(path).get("samples", {})
    for kind in ("read", "refuse"):
        for line in dict.fromkeys(samples.get(kind, ())):
            yield Sample(line, f"{path}: samples.{kind}", kind == "read", {})


def _fault_of(sample: Sample, strip: Strip, dialect: Dialect) -> str:
    """Say what is wrong with what came of a sample; nothing where all is as it should be."""
    if not sample.is_read:
        reasons = [one.reason for one in strip.quarantined]
        wanted = sample.wanted.get("quarantine")
        if wanted and reasons != [wanted]:
            return f"is refused as {', '.join(reasons) or 'no ticker line'}, not {wanted}"
        return "is read" if strip.quotes else ""
    if not strip.quotes:
        miss = nearest_miss(dialect.without_prefix(fold(sample.raw))[0], dialect)
        return f"is not read: {miss.told}" if miss else "is not read"
    quote = strip.quotes[0]
    others = (
        f"{key} {getattr(quote, key)}, not {value}"
        for key, value in sample.wanted.items()
        if str(getattr(quote, key)) != value
    )
    told = "; ".join(others)
    return f"is read with {told}" if told else ""
