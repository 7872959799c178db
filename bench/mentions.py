"""How often articles are read right, and how fast: on labelled articles (docs/mentions.md).

python -m bench.mentions ../shared        prints the tables of docs/mentions.md
"""

from __future__ import annotations

import hashlib
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from bench.speed import say
from tickertrack.markets import load_market, symbols_of
from tickertrack.mentions import Spotter, read_article, spotter_of
from tickertrack.models import Reading

__all__ = ["KINDS", "Labelled", "Verdict", "generate", "load", "main", "read", "score", "verdicts"]

OWN = Path(__file__).parents[1] / "tests/data/mentions.jsonl"
KINDS = ("about", "mentions", "sector", "market")
NAMES, ARTICLES = 600, 200_000
_PARAGRAPHS, _WORDS, _BATCH = 5, 75, 2_000


@dataclass(frozen=True, slots=True)
class Labelled:
    """An article with what a reader found in it; `part` is the set that it belongs to."""

    part: str
    title: str
    text: str
    published: date | None
    wanted: dict[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One finding, right (`tp`), wrong (`fp`) or missed (`fn`), with why it came about."""

    article: Labelled
    kind: str
    outcome: str
    name: str
    why: str


def load(path: Path, part: str | None = None) -> list[Labelled]:
    """Load labelled articles; without a `part`, by their batch or by the half their hash gives."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [_labelled(json.loads(line), part) for line in lines]


def read(article: Labelled, spotter: Spotter) -> Reading:
    """Read a labelled article as the product does."""
    return read_article(spotter, article.title, article.text, (), article.published)


def verdicts(articles: Iterable[Labelled], spotter: Spotter) -> Iterator[Verdict]:
    """Hold what is found against what is labelled, name by name."""
    for article in articles:
        reading = read(article, spotter)
        for kind, found in _found(reading).items():
            wanted = article.wanted[kind]
            for name in sorted(found | wanted):
                outcome = "fn" if name not in found else "tp" if name in wanted else "fp"
                why = "" if outcome == "tp" else _why(kind, name, reading)
                yield Verdict(article, kind, outcome, name, why)


def score(judged: Iterable[Verdict]) -> dict[str, tuple[float, float, Counter[str]]]:
    """Give precision, recall and counts of each kind; of nothing, both are 1."""
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    for one in judged:
        counts[one.kind][one.outcome] += 1
    return {kind: (_ratio(c, "fp"), _ratio(c, "fn"), c) for kind, c in counts.items()}


def generate(seed: int = 1) -> Iterator[tuple[str, str]]:
    """Generate articles without end: words of our own, with some of 600 names in most."""
    chance = random.Random(seed)  # noqa: S311 - text to measure with, no secret
    own = [one.text for one in load(OWN, "own")]
    words = [word for text in own for word in text.split() if word.isalpha() and word.islower()]
    named = [row.name for row in symbols_of(load_market("psx")).values() if row.traded]
    names = chance.sample(named, min(NAMES, len(named)))
    pool = [_paragraph(words, names, chance) for _ in range(5_000)]
    while True:
        title = " ".join(chance.choices(words, k=9)).capitalize()
        yield title, "\n".join(chance.choices(pool, k=_PARAGRAPHS))


def main(shared: Path) -> None:
    """Print how right and how fast articles are read, then what fails and why."""
    spotter = spotter_of(load_market("psx"))
    labelled = shared / "links/labelled.jsonl"
    articles = [*(load(labelled) if labelled.is_file() else ()), *load(OWN)]
    judged = list(verdicts(articles, spotter))
    _print_scores(judged)
    _print_traps(articles, spotter)
    _print_failures([one for one in judged if one.outcome != "tp"])
    _print_speed(spotter)


def _labelled(row: dict[str, object], part: str | None) -> Labelled:
    published = row["published"]
    return Labelled(
        part=part or (f"own, batch {row['batch']}" if "batch" in row else _half(str(row["url"]))),
        title=str(row["headline"]),
        text=str(row["body"]),
        published=date.fromisoformat(str(published)) if published else None,
        wanted={
            "about": frozenset(row["about"]),  # type: ignore[call-overload]
            "mentions": frozenset(row["mentions"]),  # type: ignore[call-overload]
            "sector": frozenset({str(row["sector"])} if row["sector"] else ()),
            "market": frozenset({"market"} if row["market_wide"] else ()),
        },
    )


def _half(url: str) -> str:
    odd = hashlib.sha256(url.encode()).digest()[0] & 1
    return "labelled, half B" if odd else "labelled, half A"


def _found(reading: Reading) -> dict[str, frozenset[str]]:
    return {
        "about": frozenset(one.symbol for one in reading.about),
        "mentions": frozenset(one.symbol for one in reading.mentions),
        "sector": frozenset(one.name for one in reading.sectors),
        "market": frozenset({"market"} if reading.market_wide else ()),
    }


def _why(kind: str, name: str, reading: Reading) -> str:
    places = [one for one in reading.mentions if one.symbol == name]
    if kind in {"about", "mentions"}:
        return ", ".join(f"{one.text!r} ({one.kind}) in {one.field}" for one in places) or "unseen"
    topics = [*reading.sectors, *filter(None, (reading.market_wide,))]
    return "; ".join(f"{one.name}: {one.evidence}" for one in topics) or "no words for it"


def _ratio(counts: Counter[str], error: str) -> float:
    of = counts["tp"] + counts[error]
    return counts["tp"] / of if of else 1.0


def _paragraph(words: Sequence[str], names: Sequence[str], chance: random.Random) -> str:
    picked = chance.choices(words, k=_WORDS)
    for place in range(0, _WORDS, 12):
        picked[place] = picked[place].capitalize()
    for _ in range(chance.choice((0, 0, 1, 1, 2))):
        picked[chance.randrange(_WORDS)] = chance.choice(names)
    return " ".join(picked) + chance.choice((".", ".”", "."))


def _print_scores(judged: Sequence[Verdict]) -> None:
    say("\n| articles | kind | precision | recall | right | wrong | missed |")
    say("|---|---|---|---|---|---|---|")
    parts = sorted({one.article.part for one in judged})
    groups = [(part, {part}) for part in parts]
    groups.insert(2, ("labelled, all", set(parts[:2])))
    for title, members in groups:
        scores = score(one for one in judged if one.article.part in members)
        for kind, (precision, recall, count) in scores.items():
            cells = (f"{precision:.3f}", f"{recall:.3f}", count["tp"], count["fp"], count["fn"])
            say(f"| {title} | {kind} | {' | '.join(map(str, cells))} |")


def _print_traps(articles: Sequence[Labelled], spotter: Spotter) -> None:
    for name in ("labelled", "own"):
        empty = [a for a in articles if a.part.startswith(name) and not a.wanted["mentions"]]
        hit = sum(bool(read(one, spotter).mentions) for one in empty)
        say(f"\n{name}: {hit} of {len(empty)} articles that name no company got a symbol")


def _print_failures(failures: Sequence[Verdict]) -> None:
    say("\nWhat fails (fp: found, but not labelled; fn: labelled, but not found)\n")
    for one in failures:
        say(f"- {one.article.part}, {one.kind} {one.outcome} {one.name}: {one.why}")
        say(f"  {one.article.title}")


def _print_speed(spotter: Spotter) -> None:
    """Time batch by batch, of this process alone: neither generating nor neighbours count."""
    source = generate()
    size = find = whole = places = 0.0
    for _ in range(ARTICLES // _BATCH):
        batch = [next(source) for _ in range(_BATCH)]
        size += sum(len(title.encode()) + len(text.encode()) for title, text in batch) / 1e6
        begun = time.process_time()
        for _title, text in batch:
            spotter.names.spots(text)
        find += time.process_time() - begun
        begun = time.process_time()
        for title, text in batch:
            places += len(read_article(spotter, title, text, (), date(2022, 5, 5)).mentions)
        whole += time.process_time() - begun
    say(f"\n{ARTICLES:,} articles, {size:,.0f} MB, {places / ARTICLES:.1f} mentions each, one core")
    say("\n| what | MB/s | articles/s |\n|---|---|---|")
    for what, seconds in (("find every name", find), ("find, judge, and tell topics", whole)):
        say(f"| {what} | {size / seconds:.0f} | {ARTICLES / seconds:,.0f} |")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "../shared"))
