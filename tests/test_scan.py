"""Files read into Parquet parts, and parts merged: what a direct ingest gives, whatever happens."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest
from daemons import PATIENCE, until
from scans import contents, scanned, slow
from shelf import bucket, shelf
from support import command, digests, faults, made_pages, run, write_pages

import tickertrack as tt
from bench.webtext import Corpus, text_pages, write_archive
from tickertrack.cli import main
from tickertrack.errors import ConfigError, QueryError, SourceError
from tickertrack.ingest import Sources
from tickertrack.parts import writing
from tickertrack.parts.tables import TABLES, schema_of
from tickertrack.scan import Listening, Machines, Target, local, scan
from tickertrack.sources.remote import Remote
from tickertrack.store import merged
from tickertrack.workers import Worker, begin

ROOT = Path(__file__).parents[1]
INPUTS = 8


def inputs(folder: Path) -> Path:
    """Lay out files of several kinds: pages, some of them twice, a damaged line, a damaged file."""
    folder.mkdir()
    pages = made_pages(60)
    for number in range(INPUTS - 2):
        write_pages(folder / f"{number}.jsonl", pages[number::6] + pages[:number])
    with (folder / "0.jsonl").open("a") as file:
        file.write('{"text": \n')
    whole = gzip.compress(b"".join(json.dumps(page).encode() + b"\n" for page in pages))
    (folder / "torn.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    corpus = Corpus(pages=9, strips=3, strip_every=2)
    write_archive(folder / "crawl.warc.wet.gz", text_pages(corpus), "conversion")
    return folder


def ingested(database: Path, *paths: Path | str) -> tt.IngestReport:
    with tt.open(database) as tracker:
        return tracker.ingest(paths, refused=lambda _: None)


def note(folder: Path, name: str) -> Path:
    (found,) = (folder / "parts").glob(f"{name}-*.json")
    return found


def test_a_scan_and_its_merge_are_a_direct_ingest(tmp_path: Path):
    told: list[SourceError] = []
    place = inputs(tmp_path / "in")
    report = scanned(place, tmp_path / "parts", told)
    merged = ingested(tmp_path / "merged.db", tmp_path / "parts")
    direct = ingested(tmp_path / "direct.db", place)
    assert digests(tmp_path / "merged.db") == digests(tmp_path / "direct.db")
    assert faults(tmp_path / "merged.db") == []
    assert report.inputs == report.read == INPUTS
    assert report.errors == len(told) == 2
    found = report.quotes + report.duplicates + report.quarantined
    assert found == direct.quotes + direct.duplicates + direct.quarantined
    assert (merged.pages, merged.quotes) == (direct.pages, direct.quotes)
    again = ingested(tmp_path / "merged.db", tmp_path / "parts")
    assert (again.pages, again.strips, again.quarantined, again.articles) == (0, 0, 0, 0)
    assert digests(tmp_path / "merged.db") == digests(tmp_path / "direct.db")
    with tt.open(tmp_path / "merged.db") as tracker:
        # Locators lead to the inputs.
        assert len(tracker.quarantine_rows()) > 2
    verified = run(command("--db", tmp_path / "merged.db", "verify"))
    assert verified.returncode == 0, verified.stdout + verified.stderr
    # The control: a part less is seen.
    note(tmp_path / "parts", "1.jsonl").unlink()
    ingested(tmp_path / "fewer.db", tmp_path / "parts")
    assert digests(tmp_path / "fewer.db")["pages"] != digests(tmp_path / "direct.db")["pages"]


@pytest.mark.parametrize("table", TABLES)
def test_what_the_database_may_lack_a_part_may_lack(tmp_path: Path, table: str):
    # A line that prints no percent, say, has none in either.
    with tt.open(tmp_path / "x.db") as tracker:
        tracker.writer()
        columns = tracker.reader().execute(f"PRAGMA table_info({table})").fetchall()
    lacking = {name for _, name, _, is_needed, _, key in columns if not (is_needed or key)}
    assert lacking or table == "strips"
    assert all(
        schema_of(table).field(name).nullable for name in lacking & set(schema_of(table).names)
    )


def test_several_processes_write_the_same_bytes_and_so_do_small_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    place = inputs(tmp_path / "in")
    scanned(place, tmp_path / "one")
    monkeypatch.setattr(local, "_SMALL", 0)
    scanned(place, tmp_path / "two", workers=2)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    monkeypatch.setattr(writing, "GROUP", 4)
    scanned(place, tmp_path / "small")
    (pages,) = (tmp_path / "small/pages").glob("1.jsonl-*")
    assert pq.ParquetFile(pages).num_row_groups > 2
    for name in ("one", "small"):
        ingested(tmp_path / f"{name}.db", tmp_path / name)
    assert digests(tmp_path / "small.db") == digests(tmp_path / "one.db")


def test_what_is_there_is_not_read_again_unless_it_changed(tmp_path: Path):
    told: list[SourceError] = []
    place, parts = inputs(tmp_path / "in"), tmp_path / "parts"
    first = scanned(place, parts)
    before = contents(parts)
    second = scanned(place, parts, told)
    assert (second.read, second.inputs, len(told)) == (0, INPUTS, 2)
    assert (second.pages, second.quotes, second.errors) == (first.pages, first.quotes, 2)
    assert contents(parts) == before
    write_pages(place / "3.jsonl", made_pages(5, seed=2))
    assert scanned(place, parts).read == 1
    now = contents(parts)
    changed = {name for name in before if now.get(name) != before[name]}
    assert changed == {name for name in before if "/3.jsonl" in name}
    assert scanned(place, parts, again=True).read == INPUTS


def test_an_input_that_lost_its_pages_leaves_none_of_them(tmp_path: Path):
    place = inputs(tmp_path / "in")
    scanned(place, tmp_path / "parts")
    (place / "2.jsonl").write_text("\n")
    scanned(place, tmp_path / "parts")
    left = [name for name in contents(tmp_path / "parts") if "/2.jsonl" in name]
    assert [name.partition("/")[0] for name in sorted(left)] == ["parts", "quarantine"]
    ingested(tmp_path / "merged.db", tmp_path / "parts")
    ingested(tmp_path / "direct.db", place)
    assert digests(tmp_path / "merged.db") == digests(tmp_path / "direct.db")


@pytest.mark.parametrize("left", range(len(TABLES) + 1))
def test_half_a_part_does_not_count_and_is_written_again(tmp_path: Path, left: int):
    place, parts = tmp_path / "in", tmp_path / "parts"
    place.mkdir()
    write_pages(place / "x.jsonl", made_pages(30))
    scanned(place, parts)
    whole = contents(parts)
    # Killed after so many tables, in the middle of the next file.
    note(parts, "x.jsonl").unlink()
    for table in TABLES[left:]:
        (file,) = (parts / table).iterdir()
        file.with_name(f".{file.name}.0.tmp").write_bytes(file.read_bytes()[:99])
        file.unlink()
    assert ingested(tmp_path / "half.db", parts).pages == 0
    assert scanned(place, parts).read == 1
    assert contents(parts) == whole


def test_of_what_was_out_of_reach_the_part_is_not_whole(tmp_path: Path):
    place, parts = tmp_path / "in", tmp_path / "parts"
    place.mkdir()
    (place / "x.jsonl").symlink_to("/proc/self/mem")
    told: list[SourceError] = []
    scanned(place, parts, told)
    assert "Input/output error" in str(told[0])
    assert scanned(place, parts).read == 1
    # The control: what is damaged is read once.
    (place / "x.jsonl").unlink()
    (place / "x.txt.gz").write_bytes(b"no gzip")
    assert [scanned(place, parts).read, scanned(place, parts).read] == [1, 0]


def test_another_order_reads_again(tmp_path: Path):
    place, parts = inputs(tmp_path / "in"), tmp_path / "parts"
    scanned(place, parts)
    with tt.open(tmp_path / "none.db") as tracker:
        quiet = Listening(lambda _: None, lambda _: None)
        named = tracker.desk("brecorder")
        order = (Target(str(parts)), Machines(), quiet)
        assert scan(Sources((place,)), named, *order).read == INPUTS
        assert scan(Sources((place,)), named, *order).read == 0


def test_parts_go_wherever_fsspec_reaches(tmp_path: Path):
    place = inputs(tmp_path / "in")
    scanned(place, "memory://far/parts")
    scanned(place, f"file://{tmp_path}/file")
    ingested(tmp_path / "far.db", "memory://far/parts")
    ingested(tmp_path / "file.db", f"file://{tmp_path}/file")
    assert digests(tmp_path / "far.db") == digests(tmp_path / "file.db")
    assert scanned(place, "memory://far/parts").read == 0


def test_inputs_are_read_at_addresses(tmp_path: Path):
    place, parts = inputs(tmp_path / "in"), tmp_path / "parts"
    told: list[SourceError] = []
    with shelf(place) as net:
        addresses = [Remote(net.url(path.name)) for path in sorted(place.iterdir())]
        assert scanned(addresses, parts).read == INPUTS
        assert scanned(addresses, parts).read == 0
        ingested(tmp_path / "direct.db", *addresses)
        write_pages(place / "3.jsonl", made_pages(5, seed=2))
        assert scanned(addresses, parts).read == 1
        write_pages(place / "3.jsonl", made_pages(60)[3::6] + made_pages(60)[:3])
        assert scanned(addresses, parts).read == 1
        before = contents(parts)
        # What was read stays where its input is out of reach.
        net.spoilt[""] = lambda answer: answer.head(403, 0)
        report = scanned(addresses, parts, told)
    assert (report.read, report.errors - 2) == (0, INPUTS)
    assert len({error.path for error in told}) == INPUTS
    assert contents(parts) == before
    ingested(tmp_path / "merged.db", parts)
    assert digests(tmp_path / "merged.db") == digests(tmp_path / "direct.db")


@pytest.mark.slow
def test_parts_go_into_buckets(tmp_path: Path):
    place, parts = inputs(tmp_path / "in"), tmp_path / "parts"
    scanned(place, parts)
    (tmp_path / "empty").mkdir()
    with bucket(tmp_path / "empty", "facts") as far:
        assert scanned(place, f"{far}/parts").read == INPUTS
        assert scanned(place, f"{far}/parts").read == 0
        import fsspec  # noqa: PLC0415

        files = fsspec.filesystem("s3")
        stored = {path: files.cat_file(path) for path in files.find("facts/parts")}
        ingested(tmp_path / "far.db", f"{far}/parts")
    assert {path.removeprefix("facts/parts/"): stored[path] for path in stored} == contents(parts)
    ingested(tmp_path / "near.db", parts)
    assert digests(tmp_path / "far.db") == digests(tmp_path / "near.db")


# ---- parts that are not as they were written


def newer(path: Path) -> None:
    table = pq.read_table(path)
    metadata = table.schema.metadata | {b"tickertrack.schema": b"2"}
    pq.write_table(table.replace_schema_metadata(metadata), path)


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 8] ^= 1
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def strange(path: Path) -> None:
    table = pq.read_table(path)
    pq.write_table(table.rename_columns([f"{name}_" for name in table.column_names]), path)


def fewer(path: Path) -> None:
    pq.write_table(pq.read_table(path)[1:], path)


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (newer, "was written by a newer tickertrack (schema 2; this one knows 1)"),
        (flipped, "is no readable part"),
        (cut, "is no readable part"),
        (strange, "has other columns"),
        (fewer, "is not what its note is of"),
        (Path.unlink, "is no readable part"),
    ],
)
def test_a_damaged_part_is_named_and_costs_only_itself(tmp_path: Path, spoil: Any, fault: str):
    place, parts = tmp_path / "in", tmp_path / "parts"
    place.mkdir()
    pages = made_pages(20)
    write_pages(place / "a.jsonl", pages[:10])
    write_pages(place / "b.jsonl", pages[10:])
    scanned(place, parts)
    (spoilt,) = (parts / "quotes").glob("a.jsonl-*")
    spoil(spoilt)
    told: list[SourceError] = []
    with tt.open(tmp_path / "x.db") as tracker:
        tracker.ingest(parts, refused=told.append)
    assert [str(error).partition(fault)[0] for error in told] == [f"{spoilt}: "]
    ingested(tmp_path / "b.db", place / "b.jsonl")
    assert digests(tmp_path / "x.db")["quotes"] == digests(tmp_path / "b.db")["quotes"]


def test_notes_that_are_none_cost_their_parts(tmp_path: Path):
    place, parts = inputs(tmp_path / "in"), tmp_path / "parts"
    scanned(place, parts)
    spoilt = [note(parts, f"{number}.jsonl") for number in range(5)]
    words = ("", "[]", "{}", '{"head": 1}', '{"head": {"schema": "x"}}')
    for path, word in zip(spoilt, words, strict=True):
        path.write_text(word)
    told: list[SourceError] = []
    with tt.open(tmp_path / "x.db") as tracker:
        assert tracker.ingest(parts, refused=told.append).pages > 0
    assert [str(error.path) for error in told] == list(map(str, spoilt))
    assert scanned(place, parts).read == len(spoilt)


def test_a_newer_scan_is_not_written_to(tmp_path: Path):
    place, parts = inputs(tmp_path / "in"), tmp_path / "parts"
    scanned(place, parts)
    (parts / "tickertrack-scan.json").write_text('{"schema": 2}')
    with pytest.raises(ConfigError, match="newer tickertrack"):
        scanned(place, parts)


def test_a_second_merge_reads_the_notes_and_what_is_new(tmp_path: Path):
    place, parts = inputs(tmp_path / "in"), tmp_path / "parts"
    scanned(place, parts)
    ingested(tmp_path / "x.db", parts)
    before = digests(tmp_path / "x.db")
    for file in parts.rglob("*.parquet"):
        file.unlink()
    write_pages(place / "more.jsonl", made_pages(90)[60:])
    scanned([place / "more.jsonl"], parts)
    ingested(tmp_path / "x.db", parts)
    ingested(tmp_path / "direct.db", place)
    assert digests(tmp_path / "x.db") == digests(tmp_path / "direct.db") != before
    # The control: a database that has none of them misses what they held.
    with (
        tt.open(tmp_path / "y.db") as tracker,
        pytest.raises(SourceError, match="no readable part"),
    ):
        tracker.ingest(parts)


def test_a_part_that_was_read_otherwise_is_merged_again(tmp_path: Path):
    place, parts = tmp_path / "in", tmp_path / "parts"
    place.mkdir()
    for count in (3, 5):
        write_pages(place / "a.jsonl", made_pages(count))
        scanned(place, parts)
        ingested(tmp_path / "x.db", parts)
    with tt.open(tmp_path / "x.db") as tracker:
        assert tracker.ingest(place).pages == 0


def test_a_merge_that_ends_as_it_notes_a_part_is_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    scanned(inputs(tmp_path / "in"), tmp_path / "parts")
    with monkeypatch.context() as dying:
        dying.setattr(merged, "_write", lambda *_, **__: sys.exit(1))
        with pytest.raises(SystemExit):
            ingested(tmp_path / "x.db", tmp_path / "parts")
    ingested(tmp_path / "x.db", tmp_path / "parts")
    ingested(tmp_path / "direct.db", tmp_path / "in")
    assert digests(tmp_path / "x.db") == digests(tmp_path / "direct.db")


# ---- folders and what stands in them


def test_a_scan_beside_its_pages_is_not_taken_for_pages(tmp_path: Path):
    place = inputs(tmp_path / "in")
    for _ in range(2):
        assert scanned(place, place / "parts").inputs == INPUTS
    ingested(tmp_path / "whole.db", place)
    shutil.rmtree(place / "parts")
    ingested(tmp_path / "alone.db", place)
    assert digests(tmp_path / "whole.db") == digests(tmp_path / "alone.db")


def test_a_part_is_no_page(tmp_path: Path):
    scanned(inputs(tmp_path / "in"), tmp_path / "parts")
    part = next((tmp_path / "parts/articles").iterdir())
    with tt.open(tmp_path / "x.db") as tracker, pytest.raises(SourceError, match="part of a scan"):
        tracker.ingest(part)


def test_a_folder_of_other_things_is_left_alone(tmp_path: Path):
    place = inputs(tmp_path / "in")
    with pytest.raises(QueryError, match="holds other things"):
        scanned(place, tmp_path)


def test_what_is_said_of_pages_is_said_to_the_scan(tmp_path: Path):
    scanned(inputs(tmp_path / "in"), tmp_path / "parts")
    with tt.open(tmp_path / "x.db") as tracker, pytest.raises(QueryError, match="say it to"):
        tracker.ingest(tmp_path / "parts", publisher="brecorder")


# ---- the command


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "x.txt").write_text("Words.\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_command_tells_of_damage_and_of_what_the_parts_hold(tmp_path: Path):
    place = inputs(tmp_path / "in")
    words = command("scan", place, "-o", tmp_path / "parts", "--report")
    done = run(words)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 2
    report = json.loads(done.stdout)
    assert report == {**report, "inputs": INPUTS, "read": INPUTS, "errors": 2}
    good = run(command("scan", place / "4.jsonl", "-o", tmp_path / "good"))
    assert (good.returncode, good.stderr.split(":")[0]) == (0, "1 input, 1 read now")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["-", "-o", "p"], 2, "standard input"),
        (["none", "-o", "p"], 1, "no such file"),
        (["x.txt", "-o", "strange://p"], 2, "cannot be reached"),
        (["x.txt", "-o", "/proc/p"], 1, "cannot be written"),
        (["x.txt", "-o", "p", "--scheduler", "here"], 2, "no address"),
        (["x.txt", "-o", "p", "--scheduler", "tcp://h:1", "--engine", "local"], 2, "engine dask"),
    ],
)
def test_what_cannot_be_meant_or_done_is_one_line(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, said: str
):
    assert here.is_dir()
    with pytest.raises(SystemExit) as ended:
        main(["-q", "scan", *arguments])
    told = capsys.readouterr().err
    assert (ended.value.code, len(told.splitlines())) == (code, 1)
    assert said in told


def test_without_dask_the_extra_is_named(here: Path, monkeypatch: pytest.MonkeyPatch):
    # As it is where the extra is not installed.
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ConfigError, match=r"install tickertrack\[dask\]") as told:
        scanned(here / "x.txt", here / "parts", engine="dask")
    assert told.value.exit_code == 2


def test_a_scan_that_was_interrupted_is_finished_by_the_next(tmp_path: Path):
    place, parts = slow(tmp_path / "in", 12), tmp_path / "parts"
    words = command("scan", place, "-o", parts, "--workers", 1)
    # Where we were held up for so long that it came to its end, once more.
    while (said := interrupted(words, parts)) is None:
        shutil.rmtree(parts)
    assert "tickertrack: interrupted" in said
    done = json.loads(run([*words, "--report"]).stdout)
    assert 0 < done["read"] < done["inputs"] == 12
    scanned(place, tmp_path / "whole")
    assert contents(parts) == contents(tmp_path / "whole")


def interrupted(words: list[str], parts: Path) -> str | None:
    """Interrupt a scan when some parts are there; give what it said, nothing if it was done."""
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    until(lambda: list(parts.glob("parts/*.json")))
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode in {0, 130}, said
    return said if process.returncode else None


@pytest.mark.parametrize(
    ("deaths", "missing"), [(1, 0), pytest.param(99, 2, id="the control: all die")]
)
def test_an_input_whose_reader_dies_is_read_by_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deaths: int, missing: int
):
    place = slow(tmp_path / "in", 2)
    scanned(place, tmp_path / "whole")
    begun: list[Worker] = []

    def watched(*words: Any) -> Worker:
        begun.append(begin(*words))
        if len(begun) <= deaths:
            begun[-1].process.kill()
        return begun[-1]

    monkeypatch.setattr(local, "_SMALL", 0)
    monkeypatch.setattr(local, "begin", watched)
    told: list[SourceError] = []
    report = scanned(place, tmp_path / "parts", told, workers=2)
    assert (report.inputs, report.read) == (2, 2 - missing)
    assert [error.what for error in told] == ["crashes its reader (signal 9)"] * missing
    assert (contents(tmp_path / "parts") == contents(tmp_path / "whole")) == (missing == 0)


def test_scans_side_by_side_share_a_folder(tmp_path: Path):
    place, parts = inputs(tmp_path / "in"), tmp_path / "parts"
    scanned(place, tmp_path / "alone")
    # All of them read all, and write the same.
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: scanned(place, parts, again=True), range(4)))
    assert contents(parts) == contents(tmp_path / "alone")
    assert not list(parts.rglob("*.tmp"))


# ---- the parts as they are


def test_the_printed_queries_give_a_history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    text = (ROOT / "docs/scale.md").read_text(encoding="utf-8")
    sql, dataset = re.findall(r"```sql\n(.*?)```", text, re.DOTALL)
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    place = inputs(tmp_path / "in")
    scanned(place, tmp_path / "parts")
    monkeypatch.chdir(tmp_path)
    by_duckdb = duckdb.sql(sql).fetchall()
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102  (what the document prints)
    by_pandas = [tuple(row) for row in names["history"].itertuples(index=False)]
    with tt.open(tmp_path / "x.db") as tracker:
        tracker.ingest(place, refused=lambda _: None)
        rows = tracker.quote_rows(["ANL"])
    expected = sorted((row["captured_at"] or "", row["price"]) for row in rows)
    for found in (by_duckdb, by_pandas):
        # Of pandas' own kind of nothing.
        plain = [["" if pd.isna(one) else one for one in row] for row in found]
        assert sorted((row[1], row[4]) for row in plain) == expected != []
    duckdb.sql(dataset)
    stored = duckdb.sql(
        "SELECT captured_at, price FROM 'dataset/**/*.parquet' WHERE symbol = 'ANL'"
    )
    assert sorted((at or "", price) for at, price in stored.fetchall()) == expected
