"""A page that hangs, grows or crashes its parser costs only itself, and is told which it was."""

from __future__ import annotations

import multiprocessing
import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from laying import desk
from support import run
from warcs import (
    HOSTILE,
    MIB,
    address,
    breeding,
    capture,
    children,
    http,
    kept,
    line,
    markup,
    page,
    record,
    response,
    write,
)

import tickertrack as tt
from tickertrack import isolation
from tickertrack.audit import verify_pages
from tickertrack.errors import SourceError, TickertrackError
from tickertrack.isolation import IsolatedReader
from tickertrack.models import Page
from tickertrack.pages import read_page
from tickertrack.sources.warc import read_at

PROCESSES = Path(__file__).with_name("warcs.py")
# A second is ample for an honest page, also on a machine that has much else to do.
SECONDS, MEMORY = 1.0, 128 * MIB
# Seconds of a machine that has much else to do.
PATIENCE = 20.0
# The first takes several seconds and a gigabyte, the second all the memory there is.
HANGS, GROWS = breeding(1_500), breeding(3_000)


def process(*words: object) -> list[str]:
    return [sys.executable, str(PROCESSES), *map(str, words)]


@pytest.fixture
def reader() -> Iterator[IsolatedReader]:
    # Memory enough, so that it is time that a page runs out of.
    with IsolatedReader(desk(), SECONDS, 16 * MEMORY) as reader:
        yield reader


def worker() -> int:
    (number,) = children()
    return number


def refusal(found: Page | SourceError) -> str:
    assert isinstance(found, SourceError)
    return str(found)


def is_gone(number: int) -> bool:
    """Say whether a process has ended; one that nobody has buried has."""
    try:
        status = Path(f"/proc/{number}/stat").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return True
    return status.rpartition(")")[2].split()[0] == "Z"


def buried() -> float:
    """Give the seconds of CPU of all processes that we began and that have ended."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def await_that(done: Callable[[], bool], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while not done() and time.monotonic() < until:
        time.sleep(0.01)
    return done()


# --- the same pages ------------------------------------------------------------------------------


def test_a_page_is_read_as_it_is_without_isolation(reader: IsolatedReader) -> None:
    for number in range(20):
        one = capture(markup(number), offset=number)
        assert reader.read(one) == read_page(one, desk())
    assert len(children()) == 1


def test_a_process_is_begun_with_the_first_page_of_markup_and_ended(reader: IsolatedReader) -> None:
    plain = capture("A title\n\nText.", html=False)
    assert reader.read(plain) == read_page(plain, desk())
    assert children() == []
    reader.read(capture(markup(1)))
    number = worker()
    reader.close()
    assert is_gone(number)
    # A closed reader begins another.
    assert isinstance(reader.read(capture(markup(1))), Page)


def test_a_reader_carries_no_open_file_over(reader: IsolatedReader, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "t.db")) as connection:
        connection.execute("CREATE TABLE t (a)")
        reader.read(capture(markup(1)))
        opened = Path(f"/proc/{worker()}/fd").iterdir()
        assert {one.name for one in opened} == {"0", "1", "2"}


def test_a_market_of_ones_own_is_read_with(tmp_path: Path) -> None:
    # Markets are themselves, not equal to others; the process has its own copy of one.
    config = tmp_path / "config.toml"
    config.write_text("", encoding="utf-8")
    with tt.open(tmp_path / "t.db", config=config) as tracker:
        with IsolatedReader(tracker.desk("brecorder")) as reader:
            found = reader.read(capture(markup(1)))
        assert isinstance(found, Page)
        assert [quote.board for quote in found.strip.quotes] == ["stocks"]


# --- hostile pages --------------------------------------------------------------------------------


def test_a_page_that_hangs_is_refused_in_time_and_the_next_one_read(reader: IsolatedReader) -> None:
    reader.read(capture(markup(1)))
    before = buried()
    found = refusal(reader.read(capture(HANGS, offset=77)))
    assert found == "made.warc.gz:77: takes more than 1 s to read"
    # By what it has worked, as the machine may have much else to do: half a second to begin.
    assert buried() - before < SECONDS + 1
    begun = time.monotonic()
    assert isinstance(reader.read(capture(markup(2))), Page)
    # Reached: 0.3 s.
    assert time.monotonic() - begun < PATIENCE


def test_without_isolation_that_page_hangs() -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run(process("read_bare", "breeding", 1_500), timeout=2 * SECONDS, check=False)


def test_a_page_that_grows_is_refused_and_the_next_one_read() -> None:
    with IsolatedReader(desk(), 10 * SECONDS, MEMORY) as reader:
        found = refusal(reader.read(capture(GROWS, offset=77)))
        assert found == "made.warc.gz:77: takes more than 128 MiB of memory to read"
        assert isinstance(reader.read(capture(markup(2))), Page)


def test_without_isolation_that_page_grows() -> None:
    with subprocess.Popen(process("read_bare", "breeding", 3_000)) as growing:
        try:
            assert await_that(lambda: resident(growing.pid) > 4 * MEMORY, 20)
        finally:
            growing.kill()


def resident(number: int) -> int:
    words = Path(f"/proc/{number}/statm").read_text(encoding="ascii").split()
    return int(words[1]) * os.sysconf("SC_PAGESIZE") if words else 0


@pytest.mark.parametrize("signum", [signal.SIGSEGV, signal.SIGKILL])
def test_a_page_that_crashes_its_reader_is_refused(reader: IsolatedReader, signum: int) -> None:
    reader.read(capture(markup(1)))
    # No page is known that crashes the parser; so it is struck from outside.
    struck = threading.Timer(0.2, os.kill, (worker(), signum))
    struck.start()
    assert refusal(reader.read(capture(HANGS))) == (
        f"made.warc.gz:1: crashes its reader (signal {int(signum)})"
    )
    struck.join()
    assert isinstance(reader.read(capture(markup(2))), Page)


def test_hostile_pages_harm_nobody() -> None:
    refused = {}
    with IsolatedReader(desk(), SECONDS, MEMORY) as reader:
        for name, document in HOSTILE.items():
            begun = time.monotonic()
            found = reader.read(capture(document))
            assert time.monotonic() - begun < PATIENCE, name
            if isinstance(found, SourceError):
                refused[name] = found.what
            # Its neighbour is read, by the same process or by the next.
            assert isinstance(reader.read(capture(markup(1))), Page), name
    assert "breeding elements" in refused
    assert all(what.startswith("takes more than") for what in refused.values()), refused


SAMPLES = Path(tt.__file__).parent / "sample" / "pages"


@pytest.mark.slow
def test_1_000_mutated_pages_harm_nobody() -> None:
    rng = random.Random(1)  # noqa: S311
    samples = [path.read_text(encoding="utf-8") for path in sorted(SAMPLES.glob("*.html"))]
    slowest = 0.0
    with IsolatedReader(desk()) as reader:
        for _ in range(1_000):
            begun = time.monotonic()
            found = reader.read(capture(mutated(rng.choice(samples), rng)))
            slowest = max(slowest, time.monotonic() - begun)
            assert isinstance(found, Page) or "takes more than" in found.what
    assert slowest < isolation.SECONDS + PATIENCE


def mutated(text: str, rng: random.Random) -> str:
    """Cut, double, move and multiply pieces of a page."""
    for _ in range(rng.randrange(1, 20)):
        start, end = sorted(rng.randrange(len(text)) for _ in "ab")
        end = min(end, start + 400)
        piece, at = text[start:end], rng.randrange(len(text))
        again = rng.choice([0, 1, 2, 50])
        text = text[:start] + text[end:] if again == 0 else text[:at] + piece * again + text[at:]
    return text


def test_a_process_that_has_grown_is_replaced_though_its_page_was_read() -> None:
    with IsolatedReader(desk(), 10 * SECONDS, MEMORY) as reader:
        reader.read(capture(markup(1)))
        first = worker()
        large = markup(1).replace("</article>", f"<p>{'word ' * 600_000}</p></article>")
        assert isinstance(reader.read(capture(large)), Page)
        assert is_gone(first)
        assert isinstance(reader.read(capture(markup(2))), Page)


def test_where_no_process_can_be_begun_no_page_is_blamed(monkeypatch: pytest.MonkeyPatch) -> None:
    for broken, says in (("/nonexistent", "no process can be begun"), ("/bin/false", "ends with")):
        monkeypatch.setattr(sys, "executable", broken)
        with (
            IsolatedReader(desk()) as reader,
            pytest.raises(TickertrackError, match=says) as raised,
        ):
            reader.read(capture(markup(1)))
        assert not isinstance(raised.value, SourceError)
    assert children() == []


def test_an_interrupted_page_leaves_no_answer_to_the_next(reader: IsolatedReader) -> None:
    reader.read(capture(markup(1)))

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    def read_for(seconds: float) -> None:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        reader.read(capture(HANGS))

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            read_for(0.2)
    finally:
        signal.signal(signal.SIGALRM, before)
    found = reader.read(capture(markup(2), offset=2))
    assert isinstance(found, Page)
    assert found.locator.offset == 2


# --- processes ------------------------------------------------------------------------------------


def busy(number: int) -> float:
    """Give the seconds of CPU that a process has used."""
    words = Path(f"/proc/{number}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def reading(text: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Start a process that reads a document; give it, and the number of the one that reads."""
    pipe = subprocess.PIPE
    words = process("read_and_wait", SECONDS, text)
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True) as running:
        assert running.stdout
        yield running, int(running.stdout.readline())


@pytest.mark.parametrize("text", ["", "breeding"])
def test_the_reading_process_dies_with_the_one_it_reads_for(text: str) -> None:
    with reading(text) as (running, number):
        begun = busy(number)
        assert not text or await_that(lambda: busy(number) > begun + 0.1, PATIENCE)
        running.kill()
        running.wait()
        # Idle it ends at once; in a page, when that has had its time.
        assert await_that(lambda: is_gone(number), PATIENCE)


def test_the_signals_of_a_terminal_and_a_service_end_no_reading(reader: IsolatedReader) -> None:
    reader.read(capture(markup(1)))
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(worker(), signum)
    assert isinstance(reader.read(capture(markup(2))), Page)


def test_a_child_that_may_have_no_children_reads_all_the_same() -> None:
    context = multiprocessing.get_context("spawn")
    receiving, sending = context.Pipe(duplex=False)
    child = context.Process(target=_send_page, args=(sending,), daemon=True)
    child.start()
    assert receiving.poll(30)
    assert receiving.recv() == read_page(capture(markup(1)), desk())
    child.join(PATIENCE)
    assert child.exitcode == 0


def _send_page(sending: Connection) -> None:
    with IsolatedReader(desk()) as reader:
        sending.send(reader.read(capture(markup(1))))


def test_a_script_without_a_guard_ingests(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(markup(1), encoding="utf-8")
    script = tmp_path / "script.py"
    script.write_text(
        "import tickertrack as tt\n"
        "with tt.open('t.db') as tracker:\n"
        "    print(tracker.ingest('a.html').quotes)\n",
        encoding="utf-8",
    )
    done = run([sys.executable, str(script)], cwd=tmp_path)
    assert (done.stdout, done.returncode) == ("1\n", 0), done.stderr


@pytest.mark.slow
def test_a_time_in_which_both_were_stopped_is_no_pages_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for slices, blamed in ((isolation._SLICES, False), (1, True)):  # noqa: SLF001
        # The control: waited for in one piece, the page is blamed for the stop.
        monkeypatch.setattr(isolation, "_SLICES", slices)
        with IsolatedReader(desk(), 3.0) as reader:
            reader.read(capture(markup(1)))
            os.kill(worker(), signal.SIGSTOP)
            here = os.getpid()
            later = f"sleep 0.2; kill -CONT {worker()}"
            stop = f"sleep 0.2; kill -STOP {here}; sleep 4; kill -CONT {here}; {later}"
            with subprocess.Popen(["/bin/sh", "-c", stop]):
                found = reader.read(capture(markup(2)))
        assert isinstance(found, SourceError) == blamed


# --- in an ingest ---------------------------------------------------------------------------------


def test_a_hostile_record_of_an_archive_costs_only_itself(tmp_path: Path) -> None:
    hostile = record(http(line(1) + breeding(6_000)), WARC_Target_URI=address(9))
    path = write(tmp_path / "a.warc.gz", page(1), hostile, page(2))
    refused: list[SourceError] = []
    more = write(tmp_path / "b.warc", page(3))
    with tt.open(tmp_path / "t.db") as tracker:
        report = tracker.ingest([path, more], refused=refused.append, workers=2)
        (row,) = tracker.quarantine_rows()
        assert verify_pages(tracker) == (3, [])
    assert (report.pages, report.quotes) == (3, 3)
    assert row["reason"] == "unreadable_page"
    at = write(tmp_path / "c.warc.gz", page(1)).stat().st_size
    (error,) = refused
    # Of memory, but where others leave it little of the processor: of time.
    assert str(error).startswith(f"{path}:{at}: takes more than ")


def test_a_hostile_page_that_was_fetched_is_kept_and_refused(tmp_path: Path) -> None:
    (place,) = kept(tmp_path, response(1, GROWS))
    found = read_at(place)
    assert not isinstance(found, SourceError)
    with IsolatedReader(desk(), 10 * SECONDS, MEMORY) as reader:
        error = reader.read(found)
    assert refusal(error).startswith(f"{place.file}:{place.offset}: takes more than 128 MiB")
