"""How fast pages of markup are read out of an archive, and where the time goes.

python -m bench.markup        prints the tables of docs/performance.md
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from fastwarc.warc import ArchiveIterator, WarcRecordType
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree
from trafilatura import bare_extraction

from bench.archives import by_turns, read
from bench.speed import row, say
from bench.webpages import html_pages
from bench.webtext import Corpus, write_archive
from tickertrack import open_tracker
from tickertrack.ingest import Sources, reading_of
from tickertrack.isolation import IsolatedReader
from tickertrack.pages import Capture, Desk, read_page
from tickertrack.pages.bounds import excess_of
from tickertrack.pages.extract import main_text
from tickertrack.pages.story import story_of
from tickertrack.pages.visible import visible, without_code
from tickertrack.sources.files import captures_in

__all__ = ["main"]

# Each article four times, each time with another strip; each strip on ten pages.
_CORPUS = Corpus(pages=1_200, strips=120, articles=300)


def main() -> None:
    """Print a row, by turns with its yardstick: medians of five runs; then what a page takes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "pages.warc.gz"
        write_archive(path, html_pages(_CORPUS), "response")
        ours, theirs = by_turns(lambda: read(folder, [path]), lambda: _by_hand(path))
        row("read markup, each article four times", f"{_CORPUS.pages / ours:,.0f} pages/s",
            "`resiliparse` of each page, `trafilatura` of each article", ours / theirs)  # fmt: skip
        say("\n| of a page of markup | ms |\n|---|---|")
        _rows_of_stages(folder, path)


def _rows_of_stages(folder: Path, path: Path) -> None:
    """Print what each stage takes of one core's time, by itself."""
    with open_tracker(folder / "unused.db") as tracker:
        desk = tracker.desk()
        captures = _stage("unpack, find a marker, decode", lambda: _captures(path, desk))
        texts = [capture.text for capture in captures]
        _stage("look for too many tags and attributes", lambda: list(map(excess_of, texts)))
        trees = _stage("`resiliparse` parses it", lambda: list(map(HTMLTree.parse, texts)))
        seen = _stage("write it out, leave out what is not seen", lambda: list(map(_seen, trees)))
        stories = _stage("cut out the article", lambda: list(map(story_of, seen)))
        told = list(zip(stories, texts, strict=True))
        _stage("its text, of one page in four", lambda: [main_text(*one) for one in told])
        _stage("all this but unpacking, and strip, dates, title",
               lambda: [read_page(one, desk) for one in captures])  # fmt: skip
        with IsolatedReader(desk) as reader:
            reader.read(captures[0])
            _stage("beside the process that reads it: hand it over",
                   lambda: [reader.read(one) for one in captures])  # fmt: skip
    begun = time.perf_counter()
    with IsolatedReader(desk) as reader:
        reader.read(captures[0])
        say(f"| begin that process, once | {1000 * (time.perf_counter() - begun):.0f} |")


T = TypeVar("T")


def _stage(what: str, work: Callable[[], list[T]]) -> list[T]:
    begun = time.process_time()
    done = work()
    say(f"| {what} | {1000 * (time.process_time() - begun) / len(done):.2f} |")
    return done


def _captures(path: Path, desk: Desk) -> list[Capture]:
    given = reading_of(Sources((path,)), desk).order.given
    return [one for one in captures_in(path, given) if isinstance(one, Capture)]


def _seen(tree: HTMLTree) -> str:
    return visible(without_code(tree.document.html)[0])


def _by_hand(path: Path) -> int:
    known: set[str] = set()
    size = 0
    with path.open("rb") as file:
        for record in ArchiveIterator(file, record_types=WarcRecordType.response, parse_http=True):
            text = record.reader.read().decode()
            size += len(extract_plain_text(HTMLTree.parse(text), main_content=False))
            url = record.headers["WARC-Target-URI"]
            if url not in known:
                known.add(url)
                size += len(_article(text))
    return size


def _article(text: str) -> str:
    found = bare_extraction(text, fast=True, include_comments=False, include_tables=False)
    return found.text if found else ""


if __name__ == "__main__":
    main()
