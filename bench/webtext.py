"""Archives to measure with: pages that never were, of strips whose arithmetic holds."""

from __future__ import annotations

import gzip
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from pathlib import Path

__all__ = ["Corpus", "members", "sentence", "text_pages", "write_archive", "write_sparse"]

LINES = 34
_OTHERS = 10_000
_FIRST = datetime(2022, 1, 3, 5, tzinfo=UTC)
_WORDS = (
    "market shares volume cement power textile sector profit quarter board notice export rupee"
    " bank rate policy demand supply crop cotton sugar fertiliser refinery output import duty"
    " analyst trade week session index points gain loss investor fund report company dividend"
).split()


@dataclass(frozen=True, slots=True)
class Corpus:
    """
    How many pages, and of them how many show a strip (`strip_every`) and how many strips differ.

    `articles`: how many different articles the pages show; each page its own where it is 0. They
    are counted from `first`.
    """

    pages: int
    strips: int
    strip_every: int = 1
    articles: int = 0
    seed: int = 1
    first: int = 0


def text_pages(corpus: Corpus) -> Iterator[tuple[str, datetime, str]]:
    """Yield address, capture time and text of each page: 4.9 KB with a strip, as much without."""
    chance = random.Random(corpus.seed)  # noqa: S311  (the same pages again, not a secret)
    strips = [_strip(chance) for _ in range(corpus.strips)]
    for number in range(corpus.pages):
        shows = number % corpus.strip_every == 0
        head = strips[number // corpus.strip_every % corpus.strips] + "\n\n" if shows else ""
        article = corpus.first + (number % corpus.articles if corpus.articles else number)
        text = head + _article(article, 4_900 - len(head.encode()))
        yield _address(article), _FIRST + timedelta(minutes=20 * number), text


def write_archive(path: Path, pages: Iterator[tuple[str, datetime, str]], kind: str) -> int:
    """Write pages as records of a gzip member each, `conversion` or `response`; give the size."""
    size = 0
    with path.open("wb") as file:
        for address, captured_at, text in pages:
            record = _record(address, captured_at, text.encode(), kind)
            size += len(record)
            file.write(gzip.compress(record, 6, mtime=0))
    return size


def write_sparse(path: Path, corpus: Corpus) -> None:
    """
    Write texts of which those without a strip come again and again.

    There are ten thousand different ones; what passes them over has no memory of them.
    """
    others = cycle(list(members(text_pages(Corpus(_OTHERS, 1, strip_every=_OTHERS)), "conversion")))
    shown = Corpus(corpus.pages // corpus.strip_every, corpus.strips)
    with path.open("wb") as file:
        for one in members(text_pages(shown), "conversion"):
            file.writelines((one, *islice(others, corpus.strip_every - 1)))


def members(pages: Iterator[tuple[str, datetime, str]], kind: str) -> Iterator[bytes]:
    """Pack each page as a gzip member of an archive."""
    for address, captured_at, text in pages:
        yield gzip.compress(_record(address, captured_at, text.encode(), kind), 6, mtime=0)


def _record(address: str, captured_at: datetime, content: bytes, kind: str) -> bytes:
    form = "text/plain"
    if kind == "response":
        form = "application/http; msgtype=response"
        head = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n"
        content = f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content
    return (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {address}\r\n"
        f"WARC-Date: {captured_at:%Y-%m-%dT%H:%M:%SZ}\r\n"
        f"WARC-Record-ID: <urn:uuid:00000000-0000-4000-8000-{len(content):012}>\r\n"
        f"Content-Type: {form}\r\nContent-Length: {len(content)}\r\n\r\n"
    ).encode() + content + b"\r\n\r\n"  # fmt: skip


def _address(article: int) -> str:
    return f"https://www.brecorder.com/news/{40_000_000 + article}/a-made-up-story"


def _strip(chance: random.Random) -> str:
    lines = []
    for number in range(LINES):
        reference = chance.randrange(500, 50_000)
        change = chance.randrange(-reference // 20, reference // 20)
        symbol = f"{'ABCDEFGHIJKLMNOPQRSTUVWXYZ'[number % 26]}{'KLM'[number // 26]}L"
        lines.append(_line(symbol, reference, change))
    return "\n".join(lines)


def _line(symbol: str, reference: int, change: int) -> str:
    price = (reference + change) / 100
    if change == 0:
        return f"{symbol} {price:.2f} No Change ▼ 0.00 (0%)"
    word, arrow = ("Increased By", "▲") if change > 0 else ("Decreased By", "▼")
    percent = f"{100 * change / reference:.2f}".rstrip("0").rstrip(".")
    return f"{symbol} {price:.2f} {word} {arrow} {change / 100:.2f} ({percent}%)"


def _article(number: int, size: int) -> str:
    chance = random.Random(number)  # noqa: S311
    title = sentence(chance, 8)
    day = _FIRST + timedelta(hours=number % 20_000)
    parts, length = [title, f"Recorder Report {day:%d %b %Y}", ""], 120
    while length < size:
        parts.append(f"{sentence(chance, 40)}.")
        length += len(parts[-1]) + 1
    return "\n".join(parts)


def sentence(chance: random.Random, words: int) -> str:
    """Make a sentence of so many words, without its stop."""
    return " ".join(chance.choices(_WORDS, k=words)).capitalize()
