"""How fast web text in JSON lines and Parquet is gone through (docs/performance.md).

python -m bench.rows        prints its rows
"""

from __future__ import annotations

import gzip
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bench.archives import by_turns
from bench.speed import row
from bench.webtext import Corpus, text_pages
from tickertrack import open_tracker
from tickertrack.ingest import Sources, reading_of

__all__ = ["main"]

# A page of a hundred shows a strip; the others are of other hosts.
_EVERY = 100
_PAGES = Corpus(pages=40_000, strips=400, strip_every=_EVERY)
_COLUMNS = ["url", "text"]


def main() -> None:
    """Print a row for each kind of file, by turns with its yardstick: medians of five runs."""
    with tempfile.TemporaryDirectory() as name:
        lines, table = Path(name) / "a.jsonl.gz", Path(name) / "a.parquet"
        size = _write(lines, table)
        ours, theirs = by_turns(lambda: _read(lines), lambda: _unpack(lines))
        row("JSON lines by gzip, 1 page of 100 a publisher's", f"{size / ours / 1e6:.0f} MB/s",
            "`gzip`, line by line", ours / theirs)  # fmt: skip
        ours, theirs = by_turns(lambda: _read(lines), lambda: _parse(lines))
        row("the same", f"{size / ours / 1e6:.0f} MB/s", "... and `json.loads`", ours / theirs)
        ours, theirs = by_turns(lambda: _read(table), lambda: _iterate(table))
        row("Parquet by zstd, the same pages", f"{size / ours / 1e6:.0f} MB/s",
            "`pyarrow`, two columns read", ours / theirs)  # fmt: skip


def _records() -> Iterator[dict[str, str]]:
    for number, (address, captured_at, text) in enumerate(text_pages(_PAGES)):
        shows = number % _EVERY == 0
        url = address if shows else address.replace("www.brecorder.com", "elsewhere.example")
        yield {"url": url, "date": captured_at.isoformat(), "text": text}


def _write(lines: Path, table: Path) -> int:
    """Write the pages as JSON lines and as Parquet; give the size of their texts."""
    records = list(_records())
    with gzip.open(lines, "wt", encoding="utf-8", compresslevel=6) as file:
        file.writelines(json.dumps(one, ensure_ascii=False) + "\n" for one in records)
    pq.write_table(pa.Table.from_pylist(records), table, compression="zstd", row_group_size=10_000)
    return sum(len(one["text"].encode()) for one in records)


def _read(path: Path) -> int:
    with open_tracker("unused.db") as tracker:
        reading = reading_of(Sources((path,)), tracker.desk())
        return sum(len(batch.facts.pages) for batch in reading.batches())


def _unpack(path: Path) -> int:
    with gzip.open(path) as file:
        return sum(map(len, file))


def _parse(path: Path) -> int:
    with gzip.open(path) as file:
        return sum(len(json.loads(line)) for line in file)


def _iterate(path: Path) -> int:
    return sum(batch.num_rows for batch in pq.ParquetFile(path).iter_batches(columns=_COLUMNS))


if __name__ == "__main__":
    main()
