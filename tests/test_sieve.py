"""Web text by the gigabyte: what cannot matter is passed over unread, and nothing else is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, strategies as st
from support import command, run

import tickertrack as tt
from tickertrack.audit import verify_pages
from tickertrack.errors import SourceError
from tickertrack.pages import Capture
from tickertrack.sources import rows
from tickertrack.sources.files import captures_in
from tickertrack.sources.given import Given
from tickertrack.sources.sieve import Sieve

HOSTS, MARKERS = frozenset({"www.brecorder.com"}), frozenset({"Increased By", "No Change"})
WEB = Given(hosts=HOSTS, markers=MARKERS)
STRIP = "ANL 33.30 Increased By ▲ 0.20 (0.6%)\n\nA choir sings.\n"
OURS, THEIRS = "https://www.brecorder.com/news/4000000", "https://elsewhere.example/choir/"

# Address, text, and whether it is wanted.
RECORDS: dict[str, tuple[str | None, str, bool]] = {
    "a publisher's page with a strip": (OURS, STRIP, True),
    "a publisher's page without one": (OURS, "A choir sings.", True),
    "its host in capitals": ("HTTPS://WWW.BRECORDER.COM/news/1", "A choir sings.", True),
    "another's page with a ticker line": (THEIRS, STRIP, True),
    "... with a hard blank in it": (THEIRS, "ANL 33.30 No\u00a0Change 0.00 (0%)", True),
    "... in markup": (THEIRS, "<b>No</b>\n<i>Change</i>", True),
    "another's page without one": (THEIRS, "A choir sings of \u201cclimate\u201d.", False),
    "... with a word of one": (THEIRS, "Climate Change is sung of.", False),
    "... that names the publisher": (THEIRS, "As www.brecorder.com says.", False),
    "... whose host ends as the publisher's": (
        "https://not-www.brecorder.com.example/a",
        "A choir sings.",
        False,
    ),
    "no address": (None, "A choir sings.", True),
    "an empty one": ("", "A choir sings.", True),
    "an address without a host": ("/news/1", "A choir sings.", True),
}


def record(name: str) -> dict[str, Any]:
    url, text, _ = RECORDS[name]
    return {"url": url, "text": text, "title": name}


def lines(path: Path, made: list[dict[str, Any]], **how: Any) -> Path:
    path.write_text("".join(f"{json.dumps(one, **how)}\n" for one in made), encoding="utf-8")
    return path


def parquet(path: Path, made: list[dict[str, Any]]) -> Path:
    pq.write_table(pa.Table.from_pylist(made), path, row_group_size=5)
    return path


def titles(path: Path, web: Given = WEB) -> list[str | None]:
    return [one.title for one in captures_in(path, web) if isinstance(one, Capture)]


@pytest.fixture
def web_text(tmp_path: Path) -> dict[str, Path]:
    made = list(map(record, RECORDS))
    wide = [one | {"text": one["text"].encode()} for one in made]
    return {
        "JSON in letters": lines(tmp_path / "a.jsonl", made, ensure_ascii=False),
        "JSON in numbers": lines(tmp_path / "b.jsonl", made),
        "Parquet": parquet(tmp_path / "a.parquet", made),
        "Parquet of bytes": parquet(tmp_path / "b.parquet", wide),
    }


@pytest.mark.parametrize(
    "form", ["JSON in letters", "JSON in numbers", "Parquet", "Parquet of bytes"]
)
def test_another_hosts_pages_without_a_ticker_line_are_passed_over(
    web_text: dict[str, Path], form: str
):
    assert titles(web_text[form]) == [name for name, (*_, wanted) in RECORDS.items() if wanted]
    # The control: where nothing is looked for, nothing is passed over.
    assert titles(web_text[form], Given()) == list(RECORDS)


def test_what_is_passed_over_is_not_parsed(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    path.write_text(f'{{"url": "{THEIRS}", "text": "no end\n{json.dumps(record("no address"))}\n')
    assert titles(path) == ["no address"]
    (error,) = (one for one in captures_in(path, Given()) if isinstance(one, SourceError))
    assert "is not JSON" in str(error)


def test_what_follows_what_is_passed_over_lies_where_it_is_said_to(
    web_text: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(rows, "_ROWS", 3)
    with tt.open(tmp_path / "t.db") as tracker:
        tracker.ingest(list(web_text.values()))
        checked, differences = verify_pages(tracker)
    assert (checked > 5, differences) == (True, [])


def test_a_publisher_that_is_named_is_believed(web_text: dict[str, Path], tmp_path: Path):
    with tt.open(tmp_path / "t.db") as tracker:
        report = tracker.ingest(web_text["Parquet"], publisher="brecorder")
    # Two of them are one page: the same words without an address.
    assert report.pages == len(RECORDS) - 1


def test_columns_of_other_types_are_looked_at_row_by_row(tmp_path: Path):
    made = [one | {"url": 7} for one in map(record, RECORDS)]
    assert titles(parquet(tmp_path / "a.parquet", made)) == list(RECORDS)
    chosen = pa.Table.from_pylist(list(map(record, RECORDS)))
    packed = chosen.set_column(1, "text", chosen["text"].dictionary_encode())
    pq.write_table(packed, tmp_path / "b.parquet")
    assert titles(tmp_path / "b.parquet") == [name for name, (*_, good) in RECORDS.items() if good]


def test_whoever_finds_nothing_is_told_why(tmp_path: Path):
    path = lines(tmp_path / "a.jsonl", [record("another's page without one")])
    done = run(command("--db", tmp_path / "t.db", "ingest", path))
    assert done.returncode == 0
    assert "no page of brecorder, or of its lines; --publisher says whose" in done.stderr


WORDS = st.sampled_from(
    ["Increased By", "No\tChange", "Änderung", "Change", "\u2028", '"url": "', " "]
)
TEXTS = st.lists(st.one_of(WORDS, st.text(max_size=5)), max_size=6).map("".join)
URLS = st.one_of(st.none(), st.sampled_from([OURS, THEIRS, OURS.upper(), "x", "http:///"]), TEXTS)


@given(URLS, TEXTS, st.booleans())
def test_every_wanted_record_is_looked_at(url: str | None, text: str, numbers: bool):  # noqa: FBT001
    sieve = Sieve(HOSTS, MARKERS | {"Keine Änderung"})
    made = {"text": text, "url": url}
    wanted = sieve.wants(url, text)
    written = json.dumps(made, ensure_ascii=numbers)
    assert sieve.may_want(written.encode("utf-8", "surrogatepass")) >= wanted
    assert sieve.may_want(written.replace("/", "\\/").encode("utf-8", "surrogatepass")) >= wanted
    batch = pa.RecordBatch.from_pylist(
        [made], schema=pa.schema({"text": "string", "url": "string"})
    )
    assert (sieve.sift(batch, ["text"]) == [0]) >= wanted
