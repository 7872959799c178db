"""A simulated crawl of Business Recorder's pages, with the session each board shows known.

Prices are real (daily low, high and close), everything between them is drawn: when pages are
captured, what each stock's last trade was by then, which dates a page gives. Same seed, same
crawl.

    python tests/crawl.py OUT.jsonl --seed 1    # and OUT.truth.json, aligned with the lines
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

if TYPE_CHECKING:
    from datetime import date

__all__ = ["SimulatedPage", "simulate"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Row = dict[str, Any]

FIRST_SESSION = pd.Timestamp("2020-03-02")
# The site's index lines lost arrow, comma and second decimal at the turn of this month.
NEW_FORM = pd.Timestamp("2021-12-01")
ZONE = "Asia/Karachi"

RESET, OPEN = pd.Timedelta("08:45:00"), pd.Timedelta("09:32:00")
CLOSE, FRIDAY_CLOSE = pd.Timedelta("15:30:00"), pd.Timedelta("16:30:00")
FRIDAY = 4
# Sessions before the first that is crawled: its night shows the one before, measured from another.
WARM_UP = 2

DATINGS = {"undated": 1 / 2, "captured": 1 / 6, "page date": 1 / 6, "published only": 1 / 6}
STALE, OLDEST = 0.1, 900
CLOSED_DAYS = 1 / 3

# A session's trades per stock, and how far (in log) the site's last one lies off the close.
TRADES, OFF_CLOSE = 32, 0.006
INDEX_STEPS, INDEX_NOISE = 64, 0.004
DAY_SECONDS = 86_400

# Stocks that Business Recorder's strip really carried, then others that trade on every session.
PRINTED = (
    *("AVN", "BAFL", "BOP", "CHCC", "DGKC", "EFERT", "EPCL", "FCCL", "FFBL", "HUBC", "KAPCO"),
    *("KEL", "LOTCHEM", "MLCF", "NBP", "OGDC", "PAEL", "PIBTL", "PIOC", "PPL", "PSO", "PTC"),
    *("SEARL", "SNGP", "TRG", "UNITY"),
    *("ATRL", "FABL", "HBL", "UBL", "AKBL", "ENGRO", "FATIMA", "GATM", "ISL", "LUCK", "MCB"),
    *("MEBL", "NML", "NRL"),
)
# Level around which an index moves, and its share of KSE100's moves.
INDICES = {"BR100": (4_700.0, 1.05), "BR30": (22_500.0, 1.2), "KSE30": (17_600.0, 1.05)}

SECTIONS = ("Markets", "Pakistan", "World", "Business & Finance", "Opinion", "Technology")
WHO = (
    *("The committee", "A small museum", "The harbour office", "One retired teacher"),
    *("The weather bureau", "A village choir", "The library's night staff", "An old clockmaker"),
    *("A team of gardeners", "The bridge inspector", "The ferry crew", "A visiting botanist"),
)
DID = (
    *("has repaired", "looked again at", "quietly praised", "put off", "wrote a letter about"),
    *("mapped", "measured", "spoke kindly of", "forgot about", "promised to repaint", "counted"),
)
WHAT = (
    *("the northern footpath", "a row of lemon trees", "the tall stone gate", "several kites"),
    *("its oldest set of keys", "the summer timetable", "a box of faded maps", "the river wall"),
    *("the school's blue door", "a borrowed telescope", "the reading room", "the empty fountain"),
)
WHY = (
    *("after a dry week", "as neighbours had hoped", "without saying why", "on a tall ladder"),
    *("in front of a patient crowd", "for the second time", "before the rain came"),
    *("to everyone's mild surprise", "while the kettle boiled", "because nobody else would"),
    *("with help from a cousin", "and then went home"),
)


@dataclass(frozen=True, slots=True)
class SimulatedPage:
    """One captured page and the sessions its boards truly show."""

    record: dict[str, str]
    stocks: date | None
    index: date | None
    kind: str


def simulate(
    reference: Path, *, seed: int, sessions: int = 745, captures: int = 5, stocks: int = 30
) -> list[SimulatedPage]:
    """Simulate a crawl over `sessions` trading days, `captures` pages for each, earliest first."""
    rng = np.random.default_rng(seed)
    bars = pd.read_parquet(reference / "psx_daily_2020_2023.parquet")
    days = _days(bars, sessions)
    plan = _plan(days, captures, rng)
    strips = zip(
        _stock_lines(bars, days, plan, stocks, rng),
        _index_lines(reference / "kse100_daily.csv", days, plan, rng),
        strict=True,
    )
    return [
        _page(row, [*quotes, *indices], seed)
        for row, (quotes, indices) in zip(plan.to_dict("records"), strips, strict=True)
    ]


# --- when: captures, what moment each shows, which dates it gives -------------------------------


def _days(bars: pd.DataFrame, sessions: int) -> pd.DatetimeIndex:
    """List the trading days to crawl, with the two before them."""
    days = pd.DatetimeIndex(np.sort(bars["date"].unique())).as_unit("s")
    first = int(days.searchsorted(FIRST_SESSION))
    return days[first - WARM_UP : first + sessions]


def _plan(days: pd.DatetimeIndex, captures: int, rng: np.random.Generator) -> pd.DataFrame:
    """Draw one row per page: all that is known of it but its prices; times are local."""
    captured = _captured(days, captures, rng)
    count = len(captured)
    plan = pd.DataFrame({"captured": captured, "article": np.arange(count)})
    plan["dating"] = rng.choice(list(DATINGS), size=count, p=list(DATINGS.values()))
    plan["stale"] = np.where(rng.random(count) < STALE, rng.choice(["cached", "old"], count), "")
    _show(plan, days, rng)
    _place(plan, days)
    _publish(plan, rng)
    _furnish(plan, rng)
    return plan


def _captured(days: pd.DatetimeIndex, captures: int, rng: np.random.Generator) -> pd.DatetimeIndex:
    """Draw the capture times: any hour, and a third of those before closed days on one of these."""
    crawled = days[WARM_UP:]
    gaps = np.append(np.diff(crawled.to_numpy()).astype("timedelta64[D]").astype(np.int64), 1)
    gaps = np.repeat(gaps, captures)
    moved = (gaps > 1) & (rng.random(gaps.size) < CLOSED_DAYS)
    later = np.where(moved, rng.integers(1, np.maximum(gaps, 2)), 0)
    seconds = later * DAY_SECONDS + rng.integers(0, DAY_SECONDS, gaps.size)
    return (crawled.repeat(captures) + pd.to_timedelta(seconds, unit="s")).sort_values()


def _show(plan: pd.DataFrame, days: pd.DatetimeIndex, rng: np.random.Generator) -> None:
    """Give each page the moment that its strip shows: the capture, or earlier for a cached copy."""
    room = (plan["captured"] - (days[WARM_UP] + OPEN)) / pd.Timedelta(days=1)
    # The crawl's first days have no earlier strip to show: there a stale page is an old article.
    plan.loc[(plan["stale"] == "cached") & (room < 1), "stale"] = "old"
    age = rng.uniform(1, room.clip(1, OLDEST))
    back = pd.to_timedelta((age * DAY_SECONDS).astype(np.int64), unit="s")
    plan["shown"] = plan["captured"].where(plan["stale"] != "cached", plan["captured"] - back)


def _place(plan: pd.DataFrame, days: pd.DatetimeIndex) -> None:
    """Place each moment shown: last session opened, part of it gone, reset before the next or not.

    A flat board before the open is of the session before, so both boards are of `session`.
    """
    shown = plan["shown"].to_numpy()
    place = (days + OPEN).searchsorted(shown, side="right") - 1
    plan["place"] = place
    plan["session"] = days[place]
    since = plan["shown"] - plan["session"] - OPEN
    whole = np.where(days[place].day_of_week == FRIDAY, FRIDAY_CLOSE - OPEN, CLOSE - OPEN)
    plan["elapsed"] = (since / pd.Series(whole)).astype(float).clip(0, 1)
    resets = (days + RESET).searchsorted(shown, side="right") - 1
    plan["reset"] = resets > place


def _publish(plan: pd.DataFrame, rng: np.random.Generator) -> None:
    """Give each page's article its time of publication, whether or not the page will print it."""
    count = len(plan)
    lag = np.where(rng.random(count) < 1 / 2, 0, rng.integers(0, 4, count))
    lag = np.where(plan["stale"] == "old", rng.integers(1, OLDEST + 1, count), lag)
    # Counted from the moment shown: a copy cached then cannot hold an article of later.
    day = plan["shown"].dt.normalize() - pd.to_timedelta(lag, unit="D")
    latest = np.minimum((plan["shown"] - day).dt.total_seconds(), DAY_SECONDS - 1)
    part = pd.to_timedelta((rng.random(count) * latest).astype(np.int64), unit="s")
    plan["published"] = (day + part).astype("datetime64[s]")
    _recapture(plan, rng)


def _recapture(plan: pd.DataFrame, rng: np.random.Generator) -> None:
    """Let half of the old articles be ones that an earlier page of the crawl shows."""
    old = np.flatnonzero(plan["stale"] == "old")
    for row in old[rng.random(old.size) < 1 / 2]:
        age = plan.loc[row, "captured"].normalize() - plan["published"].dt.normalize()
        fits = (age.dt.days >= 1) & (age.dt.days <= OLDEST) & (plan.index < row)
        if fits.any():
            again = rng.choice(np.flatnonzero(fits))
            plan.loc[row, ["article", "published"]] = plan.loc[again, ["article", "published"]]


def _furnish(plan: pd.DataFrame, rng: np.random.Generator) -> None:
    """Draw what stands around the strip, and how the page prints its dates."""
    count = len(plan)
    paged = plan["dating"] == "page date"
    plan["masthead"] = paged & (rng.random(count) < 1 / 2)
    plan["prefix"] = paged & ~plan["masthead"]
    plan["stamped"] = plan["dating"] == "captured"
    # A captured page may print the article's date too; of an old article it must, to be one.
    bylined = plan["stamped"] & ((plan["stale"] == "old") | (rng.random(count) < 1 / 2))
    plan["dated"] = paged | bylined | (plan["dating"] == "published only")
    plan["clocked"] = rng.random(count) < 1 / 3
    plan["covid"] = (plan["shown"].dt.year == 2021) & (rng.random(count) < 1 / 2)
    plan["logo"] = plan["masthead"] | (rng.random(count) < 1 / 2)
    plan["section"] = rng.choice(["", *SECTIONS], count)
    plan["titled"] = rng.random(count) < 4 / 5


# --- stocks: a path of trades within each session's low and high --------------------------------


def _stock_lines(
    bars: pd.DataFrame,
    days: pd.DatetimeIndex,
    plan: pd.DataFrame,
    stocks: int,
    rng: np.random.Generator,
) -> list[list[str]]:
    """Print every page's stocks board, by symbol."""
    symbols = _symbols(bars, days, stocks)
    low, high, close = (_table(bars, name, days, symbols) for name in ("low", "high", "close"))
    # In paisa; a few real rows have a close outside their low-high: the site trades within it.
    low, high = np.ceil(low * 100 - 1e-6), np.floor(high * 100 + 1e-6)
    off = np.exp(rng.normal(0, OFF_CLOSE, close.shape))
    lasts = pd.DataFrame(np.clip(np.rint(close * 100 * off), low, high)).ffill().bfill()
    last = lasts.to_numpy()
    start = lasts.shift(fill_value=0).to_numpy()
    times, trades = _times(close.shape, rng), _trades(start, last, low, high, rng)
    price, base = _last_trades(plan, times, trades, start.astype(np.int64), last.astype(np.int64))
    return [
        [_stock_line(*quote) for quote in zip(symbols, *board, strict=True)]
        for board in zip(price.tolist(), base.tolist(), strict=True)
    ]


def _symbols(bars: pd.DataFrame, days: pd.DatetimeIndex, stocks: int) -> list[str]:
    """Choose the first stocks of PRINTED that trade on nearly all of the days, by symbol."""
    counts = bars.loc[bars["date"].isin(days), "symbol"].value_counts()
    steady = [symbol for symbol in PRINTED if counts.get(symbol, 0) >= 0.98 * len(days)]
    return sorted(steady[:stocks])


def _table(bars: pd.DataFrame, name: str, days: pd.DatetimeIndex, symbols: list[str]) -> Floats:
    """Lay out one field of the bars, days by symbols; not a number where nothing traded."""
    traded = bars[(bars["volume"] > 0) & (bars["low"] > 0)]
    wide = traded.pivot_table(index="date", columns="symbol", values=name)
    return np.asarray(wide.reindex(index=days, columns=symbols), dtype=np.float64)


def _times(shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    """Draw when each stock trades, as parts of the session; most trade soon after the open."""
    early, late = rng.uniform(0, 0.005, shape), rng.exponential(0.06, shape)
    first = np.where(rng.random(shape) < 3 / 5, early, np.minimum(late, 0.9))[..., None]
    parts = np.sort(rng.random((*shape, TRADES)), axis=-1)
    parts[..., 0] = 0
    return np.asarray(first + (1 - first) * parts)


def _trades(
    start: Floats, last: Floats, low: Floats, high: Floats, rng: np.random.Generator
) -> Integers:
    """Draw each session's prices: a bridge from the last trade before to its own last trade."""
    walk = rng.normal(0, 1, (*last.shape, TRADES)).cumsum(axis=-1) / np.sqrt(TRADES)
    done = np.linspace(1 / TRADES, 1, TRADES)
    width = (high - low)[..., None] / 2
    bridge = (walk - done * walk[..., -1:]) * width
    path = np.rint(start[..., None] + (last - start)[..., None] * done + bridge)
    path = np.clip(path, low[..., None], high[..., None])
    # A stock that does not trade keeps its price.
    return np.where(np.isnan(path), last[..., None], path).astype(np.int64)


def _last_trades(
    plan: pd.DataFrame, times: Floats, trades: Integers, start: Integers, last: Integers
) -> tuple[Integers, Integers]:
    """Find each page's prices and reference prices, pages by symbols."""
    place = plan["place"].to_numpy()
    reset = plan["reset"].to_numpy()[:, None]
    done = (times[place] <= plan["elapsed"].to_numpy()[:, None, None]).sum(axis=-1)
    latest = np.take_along_axis(trades[place], np.maximum(done - 1, 0)[..., None], axis=-1)[..., 0]
    price = np.where(done > 0, latest, start[place])
    return np.where(reset, last[place], price), np.where(reset, last[place], start[place])


# --- indices: KSE100's real closes, and three that move with it ---------------------------------


def _index_lines(
    path: Path, days: pd.DatetimeIndex, plan: pd.DataFrame, rng: np.random.Generator
) -> list[list[str]]:
    """Print every page's index board; before the open it still carries the last session's move."""
    closes = _closes(path, days, rng)
    levels = _levels(closes, rng)
    place, elapsed = plan["place"].to_numpy(), plan["elapsed"].to_numpy()
    step = np.minimum((elapsed * INDEX_STEPS).astype(np.int64), INDEX_STEPS - 1)
    part = (elapsed * INDEX_STEPS - step)[:, None]
    value = levels[place, step] * (1 - part) + levels[place, step + 1] * part
    change = value - closes.to_numpy()[place - 1]
    new = plan["shown"] >= NEW_FORM
    return [
        [_index_line(*quote, new=form) for quote in zip(closes.columns, *board, strict=True)]
        for *board, form in zip(value.tolist(), change.tolist(), new, strict=True)
    ]


def _closes(path: Path, days: pd.DatetimeIndex, rng: np.random.Generator) -> pd.DataFrame:
    """Give the indices' closes: days the KSE100 file lacks lie between their neighbours."""
    known = pd.read_csv(path, parse_dates=["date"], index_col="date")["close"].reindex(days)
    noise = np.where(known.isna(), rng.normal(0, INDEX_NOISE, len(days)), 0)
    kse100 = np.log(known).interpolate(limit_direction="both") + noise
    closes = {"KSE100": kse100}
    for symbol, (level, share) in INDICES.items():
        own = rng.normal(0, INDEX_NOISE / 3, len(days)).cumsum()
        closes[symbol] = np.log(level) + share * (kse100 - kse100.mean()) + own
    return np.exp(pd.DataFrame(closes)[sorted(closes)]).round(2)


def _levels(closes: pd.DataFrame, rng: np.random.Generator) -> Floats:
    """Draw the indices within each session, days by steps by indices, close to close."""
    end = closes.to_numpy()
    start = np.vstack([end[:1], end[:-1]])
    shape = (len(end), INDEX_STEPS)
    steps = rng.normal(0, 1, (*shape, 1)) + rng.normal(0, 0.5, (*shape, end.shape[1]))
    walk = np.pad(steps.cumsum(axis=1) / np.sqrt(INDEX_STEPS), ((0, 0), (1, 0), (0, 0)))
    done = np.linspace(0, 1, INDEX_STEPS + 1)[:, None]
    bridge = (walk - done * walk[:, -1:]) * INDEX_NOISE
    path = start[:, None] + (end - start)[:, None] * done
    return np.asarray(path * (1 + bridge))


# --- print: one line, all in hundredths so that percent is exact --------------------------------


def _stock_line(symbol: str, price: int, base: int) -> str:
    """Print a stock's line; both amounts are in paisa."""
    change = price - base
    moved = f"{_word(change)} {_arrow(change)} {change / 100:.2f}"
    return f"{symbol} {price / 100:,.2f} {moved} {_percent(price, change)}"


def _index_line(symbol: str, value: float, move: float, *, new: bool) -> str:
    """Print an index's line in the form of its time."""
    price = _half_up(value)
    change = _half_up(move * 10) * 10 if new else _half_up(move * 100)
    moved = _trimmed(change) if change else "0.00"
    # No Change is one form of its own: no index line of the new form has been seen with it.
    arrow = "" if new and change else f"{_arrow(change)} "
    return f"{symbol} {price:,} {_word(change)} {arrow}{moved} {_percent(price * 100, change)}"


def _word(change: int) -> str:
    """Say which way a price moved."""
    return "Increased By" if change > 0 else "Decreased By" if change < 0 else "No Change"


def _arrow(change: int) -> str:
    """Draw the arrow; a price that did not move has the falling one."""
    return "▲" if change > 0 else "▼"


def _percent(price: int, change: int) -> str:
    """Print a change in percent of the reference price, rounded half up by its size."""
    base = price - change
    size = (2 * abs(change) * 10_000 + base) // (2 * base)
    return f"({'-' if change < 0 else ''}{_trimmed(size)}%)"


def _trimmed(hundredths: int) -> str:
    """Print hundredths without trailing zeros: 60 is 0.6, 0 is 0."""
    whole, rest = divmod(abs(hundredths), 100)
    digits = f"{whole}.{rest:02d}".rstrip("0").rstrip(".")
    return f"-{digits}" if hundredths < 0 else digits


def _half_up(value: float) -> int:
    """Round to a whole number, halves away from zero."""
    size = int(abs(value) + 0.5)
    return -size if value < 0 else size


# --- the page around the strip ------------------------------------------------------------------


def _page(row: Row, lines: list[str], seed: int) -> SimulatedPage:
    """Put a page together from its row of the plan and its strip."""
    rng = np.random.default_rng([seed, row["article"]])
    headline = f"{_pick(WHO, rng)} {_pick(DID, rng)} {_pick(WHAT, rng)}"
    slug = headline.lower().replace("'", "").replace(" ", "-")
    record = {
        "url": f"https://www.brecorder.com/news/{40_100_000 + row['article']}/{slug}",
        "text": "\n".join([*_header(row, lines), headline, "", *_body(row, rng)]),
    }
    if row["titled"]:
        record["title"] = headline
    session = row["session"].date()
    return SimulatedPage(record | _dates(row), session, session, _kind(row))


def _header(row: Row, lines: list[str]) -> list[str]:
    """Lay out all that stands above the headline."""
    first = f" date {row['captured']:%Y-%m-%d} {lines[0]}" if row["prefix"] else lines[0]
    header = [first, *lines[1:]]
    if row["covid"]:
        header += _covid_box(row["shown"])
    if row["logo"]:
        header.append("Business Recorder Logo")
    if row["masthead"]:
        day = f"{row['captured']:%b %d, %Y}"
        header.append(f"{day} PRINT EDITION ► BR MARKETS ► Dollar to PKR ►")
    return [*header, row["section"]] if row["section"] else header


def _covid_box(day: pd.Timestamp) -> list[str]:
    """Print the counts of the box that stood below the strip; the day's are glued to `24hr`."""
    deaths, cases = 10_000 + 50 * day.day_of_year, 480_000 + 2_200 * day.day_of_year
    sick = 900 + 7 * (day.day_of_year % 90)
    return [
        *["Coronavirus", "LOW Source: covid.gov.pk"],
        *["Pakistan Deaths", f"{deaths:,}", f"{20 + day.day}24hr"],
        *["Pakistan Cases", f"{cases:,}", f"{sick:,}24hr", f"{sick / 500:.2f}% positivity"],
        *["Sindh", f"{cases * 2 // 5:,}", "Punjab", f"{cases // 3:,}"],
    ]


def _body(row: Row, rng: np.random.Generator) -> list[str]:
    """Write the byline and two or three sentences about nothing in particular."""
    byline = f"Recorder Report {row['published']:%d %b %Y}" if row["dated"] else "Recorder Report"
    lines = [byline]
    for _ in range(rng.integers(2, 4)):
        words = (_pick(words, rng) for words in (WHO, DID, WHAT, WHY))
        lines += ["", " ".join(words) + "."]
    return lines


def _dates(row: Row) -> dict[str, str]:
    """Give the dates of a record that the page's own text does not carry."""
    dates = {}
    if row["stamped"]:
        dates["captured_at"] = _utc(row["captured"])
    if row["dated"]:
        published = row["published"]
        dates["published_at"] = _utc(published) if row["clocked"] else f"{published:%Y-%m-%d}"
    return dates


def _utc(local: pd.Timestamp) -> str:
    """Write a local time in UTC."""
    return str(local.tz_localize(ZONE).tz_convert("UTC").isoformat())


def _kind(row: Row) -> str:
    """Name the kind of page, for tables."""
    stale = ", stale" if row["stale"] else ""
    early = ", before the open" if row["reset"] else ""
    return f"{row['dating']}{stale}{early}"


def _pick(words: tuple[str, ...], rng: np.random.Generator) -> str:
    """Draw one of some words."""
    return words[rng.integers(len(words))]


# --- the command --------------------------------------------------------------------------------


def _write(pages: list[SimulatedPage], out: Path) -> None:
    """Write the records, one per line, and the truth beside them."""
    records = (json.dumps(page.record, ensure_ascii=False) + "\n" for page in pages)
    out.write_text("".join(records), encoding="utf-8")
    truth = [
        {"stocks": str(page.stocks), "index": str(page.index), "kind": page.kind} for page in pages
    ]
    out.with_suffix(".truth.json").write_text(json.dumps(truth, indent=0), encoding="utf-8")


def main() -> None:
    """Write a simulated crawl and count its kinds of page on stderr."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("out", type=Path, metavar="OUT.jsonl")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sessions", type=int, default=745)
    shared = Path(__file__).resolve().parents[2] / "shared" / "reference"
    parser.add_argument("--reference", type=Path, default=shared)
    given = parser.parse_args()
    pages = simulate(given.reference, seed=given.seed, sessions=given.sessions)
    _write(pages, given.out)
    for kind, count in Counter(page.kind for page in pages).most_common():
        sys.stderr.write(f"{count:6}  {kind}\n")


if __name__ == "__main__":
    main()
