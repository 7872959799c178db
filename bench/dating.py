"""How often boards are dated right: on a simulated crawl and on real strips (docs/dating.md).

python -m bench.dating ../shared        prints the tables of docs/dating.md
"""

from __future__ import annotations

import csv
import json
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from bench.speed import say
from tests.crawl import simulate
from tickertrack import Tracker, open_tracker
from tickertrack.ingest import Sources, read_sources
from tickertrack.markets.calendar import sessions_between
from tickertrack.models import Page, Sitting
from tickertrack.store import stored

__all__ = ["Outcome", "date_crawl", "date_real", "main", "reliability", "tally"]

SURE = 0.99


@dataclass(frozen=True, slots=True)
class Outcome:
    """One board of one page: where it was placed, where it belongs, and what naive ways say."""

    kind: str
    board: str
    truth: date
    session: date | None
    confidence: float
    by_published: date | None
    by_page_date: date | None

    @property
    def verdict(self) -> str:
        """Say right, wrong or undated."""
        return judged(self.session, self.truth)


def judged(session: date | None, truth: date) -> str:
    """Say right, wrong or undated."""
    if session is None:
        return "undated"
    return "right" if session == truth else "wrong"


def date_crawl(
    reference: Path, *, seed: int, sessions: int = 745, captures: int = 5
) -> list[Outcome]:
    """Date a simulated crawl of real prices by the product's own way in, and judge each board."""
    crawl = simulate(reference, seed=seed, sessions=sessions, captures=captures)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "crawl.jsonl"
        path.write_text("".join(json.dumps(page.record) + "\n" for page in crawl), encoding="utf-8")
        with open_tracker(Path(folder) / "crawl.db") as tracker:
            pages = _ingested(tracker, path)
            truths = [(page.kind, page.stocks, page.index) for page in crawl]
            return list(_outcomes(tracker, pages, truths))


def date_real(strips: Path, series: Path | None) -> list[Outcome]:
    """Date the real strips, with or without an imported KSE100 series; truth is the index's."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "real.jsonl"
        records = list(_real_records(strips))
        path.write_text("".join(json.dumps(record) + "\n" for record, _ in records))
        with open_tracker(Path(folder) / "real.db") as tracker:
            if series is not None:
                tracker.import_series("KSE100", _closes(series))
            pages = _ingested(tracker, path)
            truths = [("real", None, truth) for _, truth in records]
            return list(_outcomes(tracker, pages, truths))


def tally(outcomes: Iterable[Outcome]) -> Mapping[str, Counter[str]]:
    """Count outcomes by kind of page, and what dating by published or page date would have got."""
    table: dict[str, Counter[str]] = defaultdict(Counter)
    for one in outcomes:
        for kind in (one.kind, "all"):
            row = table[kind]
            row["boards"] += 1
            row[one.verdict] += 1
            row["by published, " + judged(one.by_published, one.truth)] += 1
            row["by page date, " + judged(one.by_page_date, one.truth)] += 1
    return table


def reliability(outcomes: Iterable[Outcome]) -> Mapping[str, tuple[int, int]]:
    """Count, by band of stated confidence, how many boards were right of how many dated."""
    bands = ("0.50-0.70", "0.70-0.90", "0.90-0.95", "0.95-0.99", "0.99-1.00")
    counts = {band: [0, 0] for band in bands}
    for one in outcomes:
        if one.session is not None:
            band = next(
                b for b in reversed(bands) if one.confidence >= float(b[:4]) or b == bands[0]
            )
            counts[band][0] += one.verdict == "right"
            counts[band][1] += 1
    return {band: (right, of) for band, (right, of) in counts.items() if of}


def main(shared: Path) -> None:
    """Print the tables of docs/dating.md."""
    if not (shared / "reference").is_dir():
        sys.exit(f"{shared}: no reference series there to measure with (docs/dating.md)")
    crawl = date_crawl(shared / "reference", seed=1)
    _print_tally("Simulated crawl, 745 sessions, five captures a day", tally(crawl))
    _print_reliability(reliability(crawl))
    sparse = date_crawl(shared / "reference", seed=3, captures=1)
    _print_tally("Sparse crawl, 745 sessions, one capture a day", tally(sparse))
    _print_reliability(reliability(sparse))
    for name, series in (("with KSE100", shared / "reference/kse100_daily.csv"), ("without", None)):
        real = date_real(shared / "real/strips.jsonl", series)
        _print_tally(f"Real strips, index boards, {name}", tally(real))
        _print_reliability(reliability(real))


def _ingested(tracker: Tracker, path: Path) -> list[Page]:
    found = read_sources(Sources((path,)), tracker.desk())
    pages = [one for one in found if isinstance(one, Page)]
    tracker.store(pages)
    tracker.resolve()
    return pages


def _outcomes(
    tracker: Tracker,
    pages: Sequence[Page],
    truths: Sequence[tuple[str, date | None, date | None]],
) -> Iterator[Outcome]:
    sittings = {(one.page_id, one.board): one for one in stored.sittings(tracker.reader())}
    days = _sessions(tracker, pages)
    for page, (kind, stocks, index) in zip(pages, truths, strict=True):
        for board, truth in (("stocks", stocks), ("index", index)):
            sitting = sittings.get((page.id, board))
            if truth is not None and sitting is not None:
                yield _outcome(page, kind, sitting, truth, days)


def _outcome(page: Page, kind: str, sitting: Sitting, truth: date, days: Sequence[date]) -> Outcome:
    return Outcome(
        kind=kind,
        board=sitting.board,
        truth=truth,
        session=sitting.session,
        confidence=sitting.confidence or 0.0,
        by_published=_rolled_back(_published_on(page), days),
        by_page_date=_rolled_back(page.page_date, days),
    )


def _published_on(page: Page) -> date | None:
    stamp = page.article.published.at if page.article.published else None
    return stamp.date() if isinstance(stamp, datetime) else stamp


def _rolled_back(day: date | None, days: Sequence[date]) -> date | None:
    earlier = [one for one in days if day is not None and one <= day]
    return earlier[-1] if earlier else None


def _sessions(tracker: Tracker, pages: Sequence[Page]) -> list[date]:
    stamps = [page.page_date for page in pages if page.page_date]
    stamps += [page.captured_at.date() for page in pages if page.captured_at]
    # From before the oldest article: what no session bears is not judged, and is the most wrong.
    stamps += [day for page in pages if (day := _published_on(page))]
    low, high = min(stamps) - timedelta(days=30), max(stamps) + timedelta(days=30)
    return [day.session for day in sessions_between(tracker.market(), low, high)]


def _real_records(path: Path) -> Iterator[tuple[dict[str, str], date | None]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        strip = json.loads(line)
        truth = date.fromisoformat(strip["session"]) if strip["session"] else None
        for page in strip["pages"]:
            yield _laid_out(strip, page), truth


def _laid_out(strip: dict[str, list[str]], page: dict[str, str | None]) -> dict[str, str]:
    text = "\n".join(strip["lines"])
    stamp = page["page_date"]
    if stamp and page["date_kind"] == "prefix":
        text = f" date {stamp} {text}"
    if stamp and page["date_kind"] == "masthead":
        shown = date.fromisoformat(stamp).strftime("%b %d, %Y")
        text += f"\nBusiness Recorder Logo\n{shown} PRINT EDITION ► BR MARKETS ►"
    record = {
        "url": str(page["url"]),
        "text": f"{text}\n\nA headline\n\nA sentence of no weight.\n",
    }
    return record | ({"published_at": page["published"]} if page["published"] else {})


def _closes(path: Path) -> list[tuple[date, float]]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        return [(date.fromisoformat(row["date"]), float(row["close"])) for row in rows]


def _print_tally(title: str, table: Mapping[str, Counter[str]]) -> None:
    say(f"\n{title}\n")
    say("| kind of page | boards | right | wrong | undated | by published | by page date |")
    say("|---|---|---|---|---|---|---|")
    for kind in sorted(table, key=lambda name: (name == "all", name)):
        row = table[kind]
        naive = (f"{row[f'by {way}, right']} of {_dated(row, way)}" for way in _NAIVE)
        cells = (kind, row["boards"], row["right"], row["wrong"], row["undated"], *naive)
        say(f"| {' | '.join(map(str, cells))} |")


_NAIVE = ("published", "page date")


def _dated(row: Mapping[str, int], way: str) -> int:
    return row[f"by {way}, right"] + row[f"by {way}, wrong"]


def _print_reliability(table: Mapping[str, tuple[int, int]]) -> None:
    say("\n| confidence | right | of |\n|---|---|---|")
    for band, (right, of) in table.items():
        say(f"| {band} | {right} | {of} |")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "../shared"))
