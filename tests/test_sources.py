"""Every kind of source is read; what cannot be read is one clear line and costs nothing else."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from laying import HEADLINE, SENTENCES

import tickertrack as tt
from tickertrack.audit import verify_pages
from tickertrack.errors import SourceError
from tickertrack.models import IngestReport
from tickertrack.pages import Capture
from tickertrack.sources.files import Given, captures_in, captures_of, list_files

ROOT = Path(__file__).resolve().parents[1]
GIVEN = datetime(2022, 2, 2, 2, tzinfo=UTC)


def text(number: int) -> str:
    line = f"ANL {33 + number}.30 Increased By ▲ 0.20 ({20 / (33.10 + number):.2f}%)"
    return f"{line}\n{HEADLINE} {number}\n\n{SENTENCES[0]}\n"


def markup(number: int) -> str:
    line, title, *_ = text(number).splitlines()
    return (
        f"<!doctype html><html><body><header><ul><li>{line}</li></ul></header>"
        f"<article><h1>{title}</h1><p>{SENTENCES[0]}</p></article></body></html>"
    )


def records(*numbers: int, **more: Any) -> list[dict[str, Any]]:
    url = "https://www.brecorder.com/news/4000000"
    return [{"url": f"{url}{number}", "text": text(number), **more} for number in numbers]


def jsonl(rows: Iterable[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def parquet(path: Path, rows: list[dict[str, Any]]) -> Path:
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def ingest(folder: Path, *paths: Path, **options: Any) -> tuple[IngestReport, list[str]]:
    refused: list[SourceError] = []
    with tt.open(folder / "t.db") as tracker:
        report = tracker.ingest(paths, refused=refused.append, **options)
        differences = verify_pages(tracker)[1]
    assert differences == []
    return report, list(map(str, refused))


def captures(path: Path, given: Given | None = None) -> list[Capture]:
    found = list(captures_in(path, given or Given()))
    assert not [str(one) for one in found if isinstance(one, SourceError)]
    return [one for one in found if isinstance(one, Capture)]


# --- kinds ----------------------------------------------------------------------------------------

KINDS: dict[str, Callable[[Path], object]] = {
    "a.txt": lambda path: path.write_text(text(1), encoding="utf-8"),
    "a.TXT": lambda path: path.write_text(text(1), encoding="utf-8-sig"),
    "wide.txt": lambda path: path.write_text(text(1), encoding="utf-16"),
    "a.txt.gz": lambda path: path.write_bytes(gzip.compress(text(1).encode())),
    "a.html": lambda path: path.write_text(markup(1), encoding="utf-8"),
    "a.htm": lambda path: path.write_text(markup(1).removeprefix("<!doctype html>"), "utf-8"),
    "a.html.gz": lambda path: path.write_bytes(gzip.compress(markup(1).encode())),
    "bare.html.gz": lambda path: path.write_bytes(gzip.compress(b"<p>x</p>" + markup(1).encode())),
    "a.jsonl": lambda path: path.write_bytes(jsonl(records(1))),
    "a.ndjson": lambda path: path.write_bytes(b"\n\n" + jsonl(records(1)) + b"\n"),
    "bom.jsonl": lambda path: path.write_bytes(b"\xef\xbb\xbf" + jsonl(records(1))),
    "a.jsonl.gz": lambda path: path.write_bytes(gzip.compress(jsonl(records(1)))),
    "a.jsonl.zst": lambda path: path.write_bytes(zstandard.compress(jsonl(records(1)))),
    "a.parquet": lambda path: parquet(path, records(1)),
}


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_of_file_is_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    KINDS[name](path)
    report, refused = ingest(tmp_path, path)
    assert (report.pages, report.quotes, report.quarantined, refused) == (1, 1, 0, [])


def test_a_folder_is_read_to_its_depth_and_each_file_once(tmp_path: Path) -> None:
    folder = tmp_path / "pages"
    (folder / "deep" / "deeper").mkdir(parents=True)
    (folder / "deep" / "deeper" / "a.txt").write_text(text(1), encoding="utf-8")
    (folder / "b.jsonl").write_bytes(jsonl(records(2, 3)))
    (folder / "notes.md").write_text("not a page", encoding="utf-8")
    report, refused = ingest(tmp_path, folder, folder, folder / "b.jsonl")
    assert (report.pages, report.quotes, refused) == (3, 3, [])


def test_a_pattern_names_the_files_that_match_it(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.jsonl").write_bytes(jsonl(records(number)))
    (tmp_path / "other.jsonl").write_bytes(jsonl(records(9)))
    report, refused = ingest(tmp_path, tmp_path / "[0-9].jsonl", tmp_path / "1.*")
    assert (report.pages, refused) == (3, [])
    report, refused = ingest(tmp_path, tmp_path / "nobody*.jsonl")
    assert "no such file or folder" in str(refused[0])


def test_a_record_lies_where_its_locator_says(tmp_path: Path) -> None:
    content = b"\n" + jsonl(records(1, 2)) + b"\r\n" + jsonl(records(3))
    path = tmp_path / "a.jsonl"
    path.write_bytes(content)
    packed = tmp_path / "a.jsonl.gz"
    packed.write_bytes(gzip.compress(content))
    for one in (*captures(path), *captures(packed)):
        at, length = one.locator.offset, one.locator.length
        assert json.loads(content[at : at + length])["text"] == one.text
        assert one.locator.file in {str(path), str(packed)}
    rows = captures(parquet(tmp_path / "a.parquet", records(1, 2, 3)))
    assert [(one.locator.offset, one.locator.length) for one in rows] == [(0, 1), (1, 1), (2, 1)]


# --- what a record says of its capture ------------------------------------------------------------

NOON = datetime(2021, 4, 7, 12, tzinfo=UTC)
MIDNIGHT = datetime(2021, 4, 7, tzinfo=UTC)
KARACHI = timezone(timedelta(hours=5))
SAID = [
    ({"captured_at": "2021-04-07T12:00:00Z"}, NOON, None),
    ({"captured_at": "2021-04-07T17:00:00+05:00"}, NOON, None),
    ({"captured_at": "2021-04-07T12:00:00.987654"}, NOON, None),
    ({"timestamp": "2021-04-07 12:00:00+00:00"}, NOON, None),
    ({"date": "2021-04-07T12:00:00Z"}, NOON, None),
    ({"crawl_date": "20210407120000"}, NOON, None),
    ({"warc_date": "2021-04-07T12:00:00Z"}, NOON, None),
    # A bare day is a day of the crawl: no time, and so no session.
    ({"date": "2021-04-07"}, None, date(2021, 4, 7)),
    ({"timestamp": "2021-04-07"}, None, date(2021, 4, 7)),
    ({"captured_at": "2021-04-07"}, None, date(2021, 4, 7)),
    ({"captured_at": "20210407"}, None, date(2021, 4, 7)),
    ({"captured_at": 20210407}, None, date(2021, 4, 7)),
    ({"captured_at": "2021W143"}, None, date(2021, 4, 7)),
    # What knows only times writes a day so.
    ({"captured_at": "2021-04-07 00:00:00"}, None, date(2021, 4, 7)),
    ({"crawl_date": "20210407000000"}, None, date(2021, 4, 7)),
    ({"captured_at": "2021-04-07T00:00:01"}, MIDNIGHT.replace(second=1), None),
    ({"captured_at": "2021-04-07T00:00:00Z"}, MIDNIGHT, None),
    ({"captured_at": "2021-04-07T05:00+05:00"}, MIDNIGHT, None),
    ({"captured_at": None, "date": "", "timestamp": "2021-04-07T12:00:00Z"}, NOON, None),
    ({"captured_at": "2021-04-07T12:00:00Z", "date": "2021-04-09"}, NOON, None),
    ({"published_at": "2021-04-07T12:00:00Z"}, None, None),
    ({}, None, None),
]
TYPED = [
    ({"captured_at": NOON}, NOON, None),
    ({"timestamp": NOON.astimezone(KARACHI)}, NOON, None),
    ({"date": NOON.replace(tzinfo=None)}, NOON, None),
    ({"date": date(2021, 4, 7)}, None, date(2021, 4, 7)),
    ({"timestamp": MIDNIGHT.replace(tzinfo=None)}, None, date(2021, 4, 7)),
    ({"timestamp": MIDNIGHT}, MIDNIGHT, None),
    ({"date": None, "timestamp": NOON}, NOON, None),
]


def _told(one: Capture) -> tuple[datetime | None, date | None]:
    return one.captured_at, one.captured_on


@pytest.mark.parametrize(("said", "at", "day"), SAID)
def test_a_records_times_are_capture_times(
    tmp_path: Path, said: dict[str, Any], at: datetime | None, day: date | None
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(jsonl(records(1, **said)))
    (one,) = captures(path)
    assert _told(one) == (at, day)
    assert one.capture_basis == ("stated" if at else "unknown")
    (one,) = captures(path, Given(GIVEN))
    assert _told(one) == (at or GIVEN, day)
    assert one.capture_basis == ("stated" if at else "given")
    if {value for value in said.values() if value}:
        (one,) = captures(parquet(tmp_path / "a.parquet", records(1, **said)))
        assert _told(one) == (at, day)


@pytest.mark.parametrize(("said", "at", "day"), TYPED)
def test_a_column_of_times_gives_capture_times(
    tmp_path: Path, said: dict[str, Any], at: datetime | None, day: date | None
) -> None:
    (one,) = captures(parquet(tmp_path / "a.parquet", records(1, **said)))
    assert _told(one) == (at, day)


def test_a_bare_day_of_capture_is_a_page_date(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(jsonl(records(1, date="2021-04-07")))
    with tt.open(tmp_path / "t.db") as tracker:
        tracker.ingest(path)
        (row,) = tracker.quote_rows(["ANL"])
    assert (row["page_date"], row["captured_at"]) == ("2021-04-07", None)


def test_a_published_column_is_the_articles_time(tmp_path: Path) -> None:
    moment = datetime(2021, 4, 7, 12, 30, 15, tzinfo=UTC)
    rows = records(1, published_at=moment), records(1, published_at=moment.isoformat())
    path = tmp_path / "a.jsonl"
    path.write_bytes(jsonl(rows[1]))
    for one in (*captures(parquet(tmp_path / "a.parquet", rows[0])), *captures(path)):
        assert one.published == "2021-04-07T12:30:15+00:00"


@pytest.mark.parametrize(
    "value",
    ["yesterday", "2021-13-01", "2021-02-30", "20211301000000", [1], True, "٢٠٢١٠٤٠٧",
     "0001-01-01", "0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00", "99991231235959",
     "2199-01-01", "2199-01-01T12:00:00Z"],
)  # fmt: skip
def test_a_capture_time_that_is_none_is_refused_by_line(tmp_path: Path, value: object) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(jsonl([*records(1), *records(2, captured_at=value), *records(3)]))
    report, refused = ingest(tmp_path, path)
    assert report.pages == 2
    (line,) = refused
    assert line.startswith(f"{path}:2: has a capture time that is none")


@pytest.mark.parametrize(
    "value", ["1617775200", 1617775200, 1617775200.5, 1617775200000, "2021040712000"]
)
def test_a_count_of_seconds_is_refused_as_one(tmp_path: Path, value: object) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(jsonl(records(1, timestamp=value)))
    (line,) = ingest(tmp_path, path)[1]
    assert "not as a count of seconds" in line


@pytest.mark.parametrize("column", ["text", "content", "raw_content", "html"])
@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.binary()], ids=str)
def test_text_may_stand_in_several_columns_and_types(
    tmp_path: Path, column: str, kind: pa.DataType
) -> None:
    page = markup(1) if column == "html" else text(1)
    value = page.encode() if kind == pa.binary() else page
    table = pa.table({"id": [7, 8], column: pa.array([value, value], kind), "other": ["x", None]})
    pq.write_table(table, tmp_path / "a.parquet")
    found = captures(tmp_path / "a.parquet")
    assert [(one.text, one.html) for one in found] == [(page, column == "html")] * 2


def test_html_goes_before_text(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(jsonl(records(1, html=markup(2))))
    assert [(one.text, one.html) for one in captures(path)] == [(markup(2), True)]


def test_half_a_surrogate_pair_is_no_text_and_costs_no_page(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    good = json.dumps(records(1)[0])
    bad = json.dumps({"url": "https://www.brecorder.com/news/40000002", "title": "a \udc00 b",
                      "text": text(2) + " \ud800"})  # fmt: skip
    path.write_text(f"{good}\n{bad}\n", encoding="utf-8")
    report, refused = ingest(tmp_path, path)
    assert (report.pages, report.quotes, refused) == (2, 2, [])


# --- bad input: one line each, nothing lost -------------------------------------------------------

PACKED = gzip.compress(jsonl(records(*range(1, 10))))
BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty.txt": (lambda path: path.write_bytes(b""), "is empty"),
    "blank.txt": (lambda path: path.write_bytes(b" \n\t\r\n"), "is empty"),
    "empty.jsonl": (lambda path: path.write_bytes(b""), "is empty"),
    "blank.jsonl": (lambda path: path.write_bytes(b"\n\n\n"), "is empty"),
    "empty.parquet": (lambda path: path.write_bytes(b""), "is no readable Parquet"),
    "rowless.parquet": (
        lambda path: pq.write_table(pa.table({"text": pa.array([], pa.string())}), path),
        "is empty",
    ),
    "binary.txt": (lambda path: path.write_bytes(bytes(range(256)) * 9), "is binary"),
    "binary.html": (lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), "is binary"),
    "text.parquet": (lambda path: path.write_text("not Parquet"), "is no readable Parquet"),
    "cut.parquet": (
        lambda path: path.write_bytes(parquet(path, records(1, 2)).read_bytes()[:-99]),
        "is no readable Parquet",
    ),
    "numbers.parquet": (
        lambda path: pq.write_table(pa.table({"x": list(range(5))}), path),
        "has no column text or html",
    ),
    "times.parquet": (
        lambda path: pq.write_table(
            pa.table({"text": ["x"], "date": pa.array([2**62], pa.timestamp("us"))}), path
        ),
        "is no readable Parquet",
    ),
    "text.txt.gz": (lambda path: path.write_text("not gzip"), "cannot be read (Not a gzipped file"),
    "empty.txt.gz": (lambda path: path.write_bytes(gzip.compress(b"")), "is empty"),
    "cut.txt.gz": (
        lambda path: path.write_bytes(gzip.compress(text(1).encode())[:-9]),
        "is damaged",
    ),
    "broken.txt.gz": (
        lambda path: path.write_bytes(gzip.compress(text(1).encode())[:-8] + b"\0" * 8),
        "cannot be read (CRC check failed",
    ),
    "garbled.jsonl.gz": (
        lambda path: path.write_bytes(PACKED[:30] + b"\xff" * 20 + PACKED[50:]),
        "is damaged",
    ),
    "garbled.jsonl.zst": (
        lambda path: path.write_bytes(zstandard.compress(jsonl(records(1)))[:-9] + b"\xff" * 9),
        "is damaged",
    ),
    "broken.jsonl": (lambda path: path.write_bytes(b'{"text": "x"\n'), "is not JSON"),
    "list.jsonl": (lambda path: path.write_bytes(b"[1, 2]\n"), "is not a JSON object"),
    "deep.jsonl": (lambda path: path.write_bytes(b"[" * 99_999 + b"\n"), "is not JSON"),
    "huge.jsonl": (lambda path: path.write_bytes(b'{"a": ' + b"1" * 9_999 + b"}\n"), "is not JSON"),
    "textless.jsonl": (lambda path: path.write_bytes(b'{"url": "x"}\n'), "neither text nor html"),
    "untexted.jsonl": (lambda path: path.write_bytes(b'{"text": 5}\n'), "neither text nor html"),
    "a.jpg": (lambda path: path.write_bytes(b"x"), "unknown kind of file"),
    "none": (lambda path: path.write_bytes(b"x"), "unknown kind of file"),
    "missing.txt": (lambda _: None, "no such file or folder"),
    "bare folder": (lambda path: path.mkdir(), "holds no page"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_clear_line_and_costs_nothing_else(tmp_path: Path, name: str) -> None:
    make, says = BAD[name]
    bad = tmp_path / name
    make(bad)
    before, after = tmp_path / "0.txt", tmp_path / "z.jsonl"
    before.write_text(text(1), encoding="utf-8")
    after.write_bytes(jsonl(records(2)))
    report, refused = ingest(tmp_path, before, bad, after)
    assert (report.pages, report.quotes) == (2, 2)
    (line,) = refused
    assert line.startswith(str(bad))
    assert says in line
    assert "\n" not in line
    assert len(line) < len(str(bad)) + 300


def test_a_name_that_no_file_can_have_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read \\(File name too long\\)"):
        list_files(tmp_path / ("x" * 300))


def test_what_stands_before_the_damage_is_stored(tmp_path: Path) -> None:
    many = records(*range(1, 10)) * 99
    rows = [row | {"title": f"{number} {os.urandom(99).hex()}"} for number, row in enumerate(many)]
    whole = gzip.compress(jsonl(rows))
    path = tmp_path / "cut.jsonl.gz"
    path.write_bytes(whole[: len(whole) // 2])
    report, refused = ingest(tmp_path, path)
    assert 9 <= report.pages + report.duplicates < len(rows)
    assert report.quotes == 9
    assert len(refused) == 1
    assert "is damaged" in refused[0]


def test_bad_lines_among_good_ones_are_named_by_their_numbers(tmp_path: Path) -> None:
    one, two, three = (jsonl([row]) for row in records(1, 2, 3))
    path = tmp_path / "a.jsonl"
    path.write_bytes(one + b"{oops\n" + two + b"\xff\xfe\n" + b"null\n" + three)
    report, refused = ingest(tmp_path, path)
    assert report.pages == 3
    places = [line.removeprefix(str(path)).split(": ")[0] for line in refused]
    assert places == [":2", ":4", ":5"]


def test_without_a_listener_the_first_error_is_raised_when_all_is_stored(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"oops\n" + jsonl(records(1)) + b"{\n")
    with tt.open(tmp_path / "t.db") as tracker:
        with pytest.raises(SourceError, match=":1: is not JSON"):
            tracker.ingest(path)
        assert len(tracker.quote_rows(["ANL"])) == 1
        assert [row["line"] for row in tracker.quarantine_rows()] == [1, 3]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(text(1), encoding="utf-8")
    path.chmod(0)
    _, refused = ingest(tmp_path, path)
    assert refused == [f"{path}: cannot be read (Permission denied)"]


# --- the command line -----------------------------------------------------------------------------


def command(
    folder: Path, *arguments: object, stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "tickertrack", "--db", "t.db", *map(str, arguments)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"},
        input=stdin,
        capture_output=True,
        timeout=120,
        check=False,
    )


def test_a_folder_with_bad_files_among_good_ones_ends_with_exit_1(tmp_path: Path) -> None:
    folder = tmp_path / "pages"
    folder.mkdir()
    for name, make in KINDS.items():
        make(folder / name)
    made = [name for name in BAD if "." in name and name not in {"a.jpg", "missing.txt"}]
    for name in made:
        BAD[name][0](folder / name)
    done = command(tmp_path, "ingest", folder, "nowhere", "--report")
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert report["pages"] > 0
    assert (report["quotes"], report["quarantined"]) == (1, 0)
    lines = done.stderr.decode().splitlines()
    assert len(lines) == len(made) + 1
    for name in made:
        (line,) = (line for line in lines if f"/{name}:" in line)
        assert BAD[name][1] in line
    assert any("nowhere: no such file or folder" in line for line in lines)
    # The good ones can be asked for, and the bad ones are kept in quarantine.
    assert command(tmp_path, "history", "ANL", "-f", "json").returncode == 0
    kept = json.loads(command(tmp_path, "quarantine", "-f", "json").stdout)
    assert len(kept) == len(made)


STDIN = {
    "a page": (text(1).encode(), 0, 1),
    "a page of markup": (markup(1).encode(), 0, 1),
    "JSON lines": (jsonl(records(1, 2)), 0, 2),
    "JSON lines with a mark": (b"\xef\xbb\xbf" + jsonl(records(1, 2)), 0, 2),
    "a bad line among good ones": (jsonl(records(1)) + b"{\n" + jsonl(records(2)), 1, 2),
    "nothing": (b"", 1, 0),
    "something binary": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 1, 0),
}


@pytest.mark.parametrize("what", STDIN)
def test_standard_input_is_a_page_or_json_lines(what: str) -> None:
    content, errors, pages = STDIN[what]
    found = list(captures_of(content, Given()))
    assert sum(isinstance(one, SourceError) for one in found) == errors
    assert sum(isinstance(one, Capture) for one in found) == pages


def test_standard_input_is_read_by_the_command(tmp_path: Path) -> None:
    content, code, quotes = STDIN["a bad line among good ones"]
    done = command(tmp_path, "ingest", "-", "--report", stdin=content)
    assert done.returncode == code
    assert json.loads(done.stdout)["quotes"] == quotes
    assert [line.split(": ")[1] for line in done.stderr.decode().splitlines()] == ["-:2"]


def test_a_capture_time_may_be_given(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(text(1), encoding="utf-8")
    said = ("--captured-at", "2021-04-07T17:30:00+05:00")
    assert command(tmp_path, "ingest", "a.txt", *said).returncode == 0
    (row,) = json.loads(command(tmp_path, "quotes", "ANL", "-f", "json").stdout)
    assert row["captured_at"] == "2021-04-07T12:30:00+00:00"
    assert (row["session"], row["method"]) == ("2021-04-07", "captured")


@pytest.mark.parametrize("workers", [1, 2])
def test_any_number_of_workers_stores_and_says_the_same(tmp_path: Path, workers: int) -> None:
    for number in range(4):
        (tmp_path / f"{number}.txt").write_text(text(number), encoding="utf-8")
    (tmp_path / "empty.txt").touch()
    done = command(tmp_path, "ingest", *tmp_path.glob("*.txt"), "--workers", workers, "--report")
    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1
    assert b"empty.txt: is empty" in done.stderr
    assert json.loads(done.stdout)["quotes"] == 4
