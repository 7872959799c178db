"""The pages: what each shows is what the database holds, and says what is not known."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import date
from pathlib import Path
from urllib.parse import quote

import pytest
from serving import Parsed, Site, asked, served
from showcase import make

from tickertrack import Tracker, open_tracker
from tickertrack.store.canned import CANNED
from tickertrack.web.described import tables

SESSIONS = 40
DAY = "2024-04-24"


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("show") / "courier", SESSIONS)


def read(site: Site, path: str) -> Parsed:
    return Parsed(site.text(path))


def test_the_first_page_shows_the_latest_session_its_movers_and_the_jobs(site: Site):
    page = read(site, "/")
    assert "Wednesday, 8 May 2024" in page.text
    moves = {row["symbol"]: row for row in open_rows(site, "2024-05-08")}
    best = max(moves.values(), key=lambda row: row["change_percent"])
    assert page.text.index(f" {best['symbol']} ") > page.text.index(" Up ")
    assert "9 articles of this session, of courier (9)." in page.text
    assert "collect ok: pages 2, articles 1, quotes 31" in page.text
    assert "index out of reach" in page.text
    assert "daemon note does not run" in page.text


def open_rows(site: Site, day: str) -> list[dict[str, float]]:
    rows = site.get(f"/tickertrack/prices.json?session__exact={day}&_shape=array").json()
    return [row for row in rows if row["symbol"] not in {"KSE100", "KSE30", "BR100", "BR30"}]


def test_a_database_without_prices_says_so(tmp_path: Path):
    (tmp_path / "config.toml").write_text("")
    with open_tracker(config=tmp_path / "config.toml") as tracker:
        tracker.writer()
    with served(tmp_path / "config.toml") as site:
        assert "No price yet" in read(site, "/").text
        assert "No session has a price yet" in read(site, "/coverage").text
        assert site.get("/day").status_code == 404
        assert "0 symbols with a price" in read(site, "/symbols").text


def test_a_symbols_chart_tells_final_implied_and_missing_apart(site: Site, tracker: Tracker):
    chart = chart_of(site, "/symbol/TRG")
    rows = {row["session"]: row for row in tracker.history_rows(["TRG"])}
    coverage = {row["session"]: row["coverage"] for row in tracker.coverage_rows(["TRG"])}
    assert [one[0] for one in chart["sessions"]] == list(coverage)
    for session, price, low, high, kind in chart["sessions"]:
        if coverage[session] == "missing":
            assert (price, low, high, kind) == (None, None, None, "missing")
        else:
            row = rows[session]
            assert (price, low, high) == (row["price"], row["low"], row["high"])
            assert kind == row["status"]
    assert {"final", "implied", "missing"} <= {one[4] for one in chart["sessions"]}


def test_a_mark_stands_on_each_significant_move_and_on_no_other(site: Site, tracker: Tracker):
    chart = chart_of(site, "/symbol/TRG")
    moves = tracker.move_rows(["TRG"], significant=True)
    assert [mark[0] for mark in chart["marks"]] == [move["session"] for move in moves]
    assert [mark[1] for mark in chart["marks"]] == [move["change"] > 0 for move in moves]
    assert moves


def chart_of(site: Site, path: str) -> dict[str, list[list[object]]]:
    data = re.search(r'id="chart-data">(.*?)</script>', site.text(path), re.DOTALL)
    assert data is not None
    found: dict[str, list[list[object]]] = json.loads(data[1])
    return found


def test_a_conflict_is_drawn_and_said(config: Path, tmp_path: Path):
    path = changed(
        config, tmp_path, f"UPDATE prices SET conflict = 'two lasts' WHERE session = '{DAY}'"
    )
    with served(path) as site:
        kinds = {one[0]: one[4] for one in chart_of(site, "/symbol/TRG")["sessions"]}
        assert kinds[DAY] == "conflicting"
        assert "two lasts" in read(site, "/symbol/TRG").text


def changed(config: Path, folder: Path, *statements: str) -> Path:
    """Copy a database beside settings of its own, and change it by hand."""
    copy = folder / "tickertrack.db"
    original = config.with_name("tickertrack.db")
    with closing(sqlite3.connect(original)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
        for statement in statements:
            target.execute(statement)
        target.commit()
    settings = folder / "config.toml"
    settings.write_text("")
    return settings


def test_a_range_of_sessions_can_be_asked_for(site: Site):
    chart = chart_of(site, "/symbol/TRG?since=2024-04-22&until=2024-04-24")
    assert [one[0] for one in chart["sessions"]] == ["2024-04-22", "2024-04-23", "2024-04-24"]


def test_a_move_shows_its_ranked_news_with_the_matching_words_marked(site: Site, tracker: Tracker):
    page = site.text(f"/move/TRG/{DAY}")
    links = tracker.explanation("TRG", DAY)["links"]
    titles = re.findall(r'<p class="link-title"><a [^>]*>(.*?)</a>', page)
    plain = [re.sub(r"</?mark>", "", title).replace("&#39;", "'") for title in titles]
    assert plain == [link["title"] for link in links]
    assert "<mark>TRG Pakistan</mark> to answer the ferry line&#39;s telephones" in titles[0]
    assert re.search(r'class="passage">.*<mark>TRG</mark>', page)
    assert "The day's other news" in Parsed(page).text


def test_the_part_that_the_chart_loads_is_the_same_news_without_the_page(site: Site):
    part, whole = site.text(f"/move/TRG/{DAY}?part=1"), site.text(f"/move/TRG/{DAY}")
    assert "<html" not in part
    assert re.findall(r"<mark>.*?</mark>", part) == re.findall(r"<mark>.*?</mark>", whole)


def test_a_day_shows_all_moves_beside_all_news(site: Site, tracker: Tracker):
    page = read(site, f"/day/{DAY}")
    moves = tracker.move_rows((), DAY, DAY)
    assert f"{len(moves)} of {len(moves)} moves" in page.text
    for move in moves:
        assert f" {move['symbol']} " in page.text
    for article in tracker.explanation("TRG", DAY)["same_day"]:
        assert article["title"] in page.text


def test_a_days_moves_are_filtered_by_sector_status_and_news(site: Site, tracker: Tracker):
    moves = tracker.move_rows((), DAY, DAY)
    sector = read(site, f"/day/{DAY}?sector=CEMENT")
    assert "3 of 31 moves" in sector.text
    assert "/symbol/FCCL" in sector.links()
    assert "/symbol/TRG" not in sector.links()[: sector.links().index(f"/day/{DAY}")]
    stocks = [row for row in moves if row["symbol"] not in tracker.market().indices]
    for status, count in Counter(row["news_status"] for row in stocks).items():
        assert f"{count} of 31 moves" in read(site, f"/day/{DAY}?news={status}").text
    assert "No move is left by this choice" in read(site, f"/day/{DAY}?status=provisional").text


def test_no_news_found_is_said_as_such_and_no_source_read_as_another(config: Path, tmp_path: Path):
    path = changed(
        config,
        tmp_path,
        f"DELETE FROM links WHERE session = '{DAY}'",
        "DELETE FROM links WHERE session = '2024-04-23'",
        "DELETE FROM alignments WHERE session = '2024-04-23'",
    )
    with served(path) as site:
        assert "no news found" in read(site, f"/day/{DAY}").text
        assert "were read; none has evidence for this move" in read(site, f"/move/TRG/{DAY}").text
        assert "No source was read for this day" in read(site, "/day/2024-04-23").text
        assert "no source read" in read(site, "/move/TRG/2024-04-23").text


def test_a_day_without_a_session_says_so_and_leads_on(site: Site):
    page = read(site, "/day/2024-04-27")
    assert "no session is known on this day" in page.text
    assert "/day/2024-04-26" in page.links()


def test_a_quote_is_traced_down_to_its_page(site: Site, config: Path):
    with closing(sqlite3.connect(config.with_name("tickertrack.db"))) as connection:
        connection.row_factory = sqlite3.Row
        row = connection.execute(
            "SELECT * FROM quotes JOIN pages USING (strip_id) JOIN sittings ON page_id = pages.id"
            " AND sittings.board = quotes.board WHERE symbol = 'TRG' AND session = ?"
            " AND captured_at LIKE ?",
            (DAY, f"{DAY}%"),
        ).fetchone()
        strip = connection.execute(
            "SELECT raw FROM quotes WHERE strip_id = ? ORDER BY line", (row["strip_id"],)
        ).fetchall()
    page = read(site, f"/quote/{row['page_id']}/{row['line']}")
    for what in (row["raw"], row["url"], row["sha256"], f"{row['offset']:,}", row["method"]):
        assert what in page.text
    assert f"{row['confidence']:.4f}" in page.text
    assert "ok: its numbers agree with each other" in page.text
    places = [page.text.index(line["raw"], page.text.index("Its strip")) for line in strip]
    assert places == sorted(places)


def test_the_lines_of_a_move_lead_to_their_quotes(site: Site):
    page = read(site, f"/move/TRG/{DAY}")
    quotes = [link for link in page.links() if link.startswith("/quote/")]
    assert quotes
    assert "TRG" in read(site, quotes[0]).text


def test_coverage_is_a_calendar_and_a_month_by_symbols(site: Site, tracker: Tracker):
    page = read(site, "/coverage?month=2024-03")
    titles = {attrs["title"] for tag, attrs in page.elements if tag == "a" and "title" in attrs}
    count = len(tracker.move_rows((), DAY, DAY))
    assert f"{DAY}: {count} prices, 9 articles" in titles
    rows = tracker.coverage_rows((), date(2024, 3, 1), date(2024, 3, 31))
    wanted = Counter(row["coverage"] for row in rows)
    cells = Counter((attrs.get("class") or "") for tag, attrs in page.elements if tag == "td")
    assert cells["cell captured"] == wanted["captured"]
    assert cells["cell implied"] == wanted["implied"]
    assert "courier" in page.text


def test_what_is_typed_leads_to_a_symbol_a_day_or_a_list(site: Site):
    leads = {"trg": "/symbol/TRG", DAY: f"/day/{DAY}", "pakistan pet": "/symbols?q=pakistan+pet"}
    for typed, place in leads.items():
        answer = site.get(f"/find?q={typed.replace(' ', '+')}")
        assert (answer.status_code, answer.headers["location"]) == (302, place)
    assert "PPL" in read(site, "/symbols?q=pakistan+pet").text
    assert site.get("/day").headers["location"] == "/day/2024-05-08"


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/symbol/NOSUCH", 404, "NOSUCH: no such symbol"),
        ("/symbol/TRGG", 404, "TRGG: no such symbol Did you mean TRG"),
        ("/symbol/trgg", 404, "TRGG: no such symbol Did you mean TRG"),
        ("/symbol/ANL", 404, "listed (Azgard Nine Limited), but on no page that is stored"),
        ("/symbols?q=TRGG", 200, "TRGG: no such symbol. Did you mean TRG"),
        ("/symbols?q=ANL", 200, "ANL: listed (Azgard Nine Limited), but on no page"),
        ("/move/TRGG/2024-05-07", 404, "TRGG: no such symbol Did you mean TRG"),
        ("/day/yesterday", 400, "no date"),
        ("/move/TRG/1999-01-01", 404, "TRG: no price on 1999-01-01, a Friday Nearest:"),
        ("/symbol/TRG?since=2024-05-01&until=2024-04-01", 400, "is after the end"),
        ("/quote/1/1", 404, "no such line is stored"),
        ("/quote/9999999999999999999/1", 404, "no page has such a number"),
        ("/coverage?month=may", 400, "no month"),
        ("/coverage?month=2024-05&from=99999999999", 200, "Sources"),
    ],
)
def test_what_is_not_there_is_said_in_words(site: Site, path: str, status: int, said: str):
    answer = site.get(path)
    assert answer.status_code == status
    assert said in Parsed(answer.text).text


def test_what_may_be_meant_is_a_link(site: Site):
    near = {"/symbol/TRGG": "/symbol/TRG", "/symbols?q=trgg": "/symbol/TRG"}
    near |= {
        f"/move/trgg/{DAY}": f"/move/TRG/{DAY}",
        "/move/TRG/2024-05-05": "/move/TRG/2024-05-06",
    }
    for path, meant in near.items():
        assert meant in Parsed(site.get(path).text).links(), path


def test_a_symbol_in_small_letters_leads_to_it(site: Site):
    leads = {
        "/symbol/trg": "/symbol/TRG",
        "/symbol/Trg?since=2024-04-22&self=1": "/symbol/TRG?since=2024-04-22",
        f"/move/trg/{DAY}": f"/move/TRG/{DAY}",
        f"/move/trg/{DAY}?part=1": f"/move/TRG/{DAY}?part=1",
    }
    for path, place in leads.items():
        answer = site.get(path)
        assert (answer.status_code, answer.headers["location"]) == (302, place)


def test_a_symbol_whose_lines_nothing_dates_leads_to_them(config: Path, tmp_path: Path):
    path = changed(config, tmp_path, "DELETE FROM prices WHERE symbol = 'KEL'")
    with served(path) as site:
        page = Parsed(site.get("/symbol/KEL").text)
    assert "KEL: no price here" in page.text
    assert "/tickertrack/known_at?symbol=KEL" in page.links()


def test_every_table_and_column_is_described(config: Path):
    with closing(sqlite3.connect(config.with_name("tickertrack.db"))) as connection:
        names = [
            row[0]
            for row in connection.execute(
                "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')"
                " AND name NOT LIKE 'articles_fts%' AND name NOT LIKE '%sqlite%'"
            )
        ]
        columns = {
            name: {row[1] for row in connection.execute(f"PRAGMA table_info({name})")}
            for name in names
        }
    said = tables()
    assert set(said) == set(names)
    for name, found in said.items():
        assert found["hidden"] or set(found["columns"]) == columns[name], name


def test_datasette_shows_the_descriptions(site: Site):
    assert "0.6 means 0.6 %" in read(site, "/tickertrack/prices").text
    assert "A checked, dated price history" in read(site, "/tickertrack").text


@pytest.mark.parametrize("name", CANNED)
def test_each_named_question_has_an_answer(site: Site, name: str):
    query = f"?session={DAY}&symbol=TRG&_shape=array"
    rows = site.get(f"/tickertrack/{name}.json{query}").json()
    assert rows
    assert {row["symbol"] for row in rows} if name != "known_at" else {"TRG"}


def known_at(site: Site, stored_by: str) -> list[dict[str, str]]:
    query = f"symbol=TRG&stored_by={quote(stored_by)}&_shape=array&_size=max"
    rows: list[dict[str, str]] = site.get(f"/tickertrack/known_at.json?{query}").json()
    return rows


def test_what_was_known_at_a_time_leaves_out_what_was_stored_later(config: Path, tmp_path: Path):
    # Half of the pages were stored at noon of Karachi, the others a second later.
    noon = "UPDATE pages SET stored_at = '2024-05-08T07:00:0' || (id % 2) || '+00:00'"
    with served(changed(config, tmp_path, noon)) as site:
        every = known_at(site, "")
        early = [row for row in every if row["stored_at"].endswith("00+00:00")]
        assert 0 < len(early) < len(every)
        for then in ("2024-05-08T07:00:00+00:00", "2024-05-08T07:00:00.9", "2024-05-08 07:00",
                     "2024-05-08T12:00+05:00", "2024-05-07T20:00-11:00",
                     "20240508T070000Z", "2024-W19-3T07:00"):  # fmt: skip
            assert known_at(site, then) == early, then
        for day, rows in (("2024-05-08", []), ("2024-05-09", every), (" 2024-05-09 ", every)):
            assert known_at(site, day) == rows
        # The control: as a text the time of Karachi is later than all of them.
        assert max(row["stored_at"] for row in every) < "2024-05-08T12:00+05:00"


@pytest.mark.parametrize("ending", ["", ".json", ".csv"])
@pytest.mark.parametrize("then", ["9999", "2024", "now", "2024-13-01", "yesterday", "2460438.5"])
def test_a_time_that_is_none_is_refused_rather_than_compared(site: Site, ending: str, then: str):
    answer = site.get(f"/tickertrack/known_at{ending}?symbol=TRG&stored_by={then}")
    assert answer.status_code == 400
    assert f"stored_by: no time: '{then}'; write it YYYY-MM-DDTHH:MM:SS+00:00" in answer.text


def test_the_downloads_of_a_symbol_hold_its_prices(site: Site, tracker: Tracker):
    page = read(site, "/symbol/TRG")
    links = [link for link in page.links() if "prices." in link]
    assert len(links) == 2
    rows = tracker.history_rows(["TRG"])
    for link in links:
        assert str(rows[-1]["price"]) in site.text(link)


# More sessions than Datasette gives by itself at once.
MANY = """
WITH RECURSIVE days (day) AS (
  SELECT '2015-01-01' UNION ALL SELECT date(day, '+1 day') FROM days LIMIT 1500
)
INSERT INTO prices (symbol, session, price, status, quotes, method)
SELECT 'MANY', day, 1.5, 'final', 1, 'matched' FROM days
"""


def test_the_downloads_of_a_symbol_are_whole(config: Path, tmp_path: Path):
    own = Path(shutil.copytree(config.parent, tmp_path / "own")) / config.name
    with closing(sqlite3.connect(own.with_name("tickertrack.db"))) as connection, connection:
        connection.execute(MANY)
    with served(own) as site:
        of_prices = [link for link in read(site, "/symbol/MANY").links() if "/prices." in link]
        table, records = sorted(of_prices)
        assert site.text(table).count("\nMANY,") == 1500
        told = site.get(records).json()
        assert (len(told["rows"]), told["truncated"]) == (1500, False)
        # The control: Datasette's own most is fewer, and it says so.
        served_few = site.get(records.replace("_size=max", "_size=1000")).json()
        assert (len(served_few["rows"]), served_few["next"] is None) == (1000, False)


def test_a_plain_datasette_has_the_pages_too(config: Path):
    from datasette.app import Datasette  # noqa: PLC0415  (as any program would)

    with asked(Datasette([str(config.with_name("tickertrack.db"))])) as site:
        assert "Wednesday, 8 May 2024" in read(site, "/").text
        assert site.get("/tickertrack.json?sql=select+1").status_code == 403


def test_over_another_programs_database_the_plugin_does_nothing(tmp_path: Path):
    from datasette.app import Datasette  # noqa: PLC0415

    with closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.execute("CREATE TABLE prices (symbol TEXT)")
    with asked(Datasette([str(tmp_path / "other.db")])) as site:
        assert "tickertrack" not in site.text("/")
        assert site.get("/symbols").status_code == 404
        assert site.get("/other.json?sql=select+1", host="anything.example").status_code == 200
