"""What pages must not do: run what is in the data, answer foreign names, take SQL unasked."""

from __future__ import annotations

import base64
import hashlib
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from itertools import pairwise
from pathlib import Path

import pytest
from daemons import own_process
from hypothesis import given, settings, strategies as st
from serving import SYMBOL, Parsed, Site, make_hostile, served
from support import command, run

from tickertrack import web
from tickertrack.harmless import safe_term
from tickertrack.web import mistakes, render
from tickertrack.web.marking import pieces_of

DAY = "2024-05-07"
OURS = ("/", f"/day/{DAY}", "/symbol/TRG", f"/move/TRG/{DAY}", "/coverage", "/symbols", "/day/x")
THEIRS = ("/tickertrack", "/tickertrack/articles", "/tickertrack/prices.json", "/no/such/page",
          "/tickertrack/prices.csv?_size=2", "/-/versions", "/-/static/app.css",
          "/tickertrack/last_prices")  # fmt: skip


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_hostile(tmp_path_factory.mktemp("hostile") / "courier")


def paths_of(site: Site) -> list[str]:
    """List a page of each kind, those of the hostile symbol too."""
    symbol = next(link for link in Parsed(site.text("/symbols")).links() if "IMG" in link)
    move = f"/move/{symbol.split('/')[2]}/{DAY}"
    quote = next(one for one in Parsed(site.text(move)).links() if one.startswith("/quote/"))
    return [*OURS[:-1], "/symbol/KEL", symbol, move, f"{move}?part=1", quote, "/symbols?q=<b>"]


def test_nothing_hostile_runs_or_is_a_link_on_any_page(site: Site):
    said = ""
    for path in paths_of(site):
        page = Parsed(site.text(path))
        assert page.hazards() == [], path
        said += page.text
    # It is shown, as what it is, and its marks for turning the text are not.
    assert "<script>alert(1)</script>" in said
    assert SYMBOL in said
    assert not {"\u202e", "\x1b"} & set(said)


def test_without_escaping_the_same_pages_are_dangerous(site: Site, monkeypatch: pytest.MonkeyPatch):
    bare = render._environment().overlay(autoescape=False)  # noqa: SLF001
    monkeypatch.setattr(render, "_environment", lambda: bare)
    hazards = Parsed(site.text(f"/day/{DAY}")).hazards()
    assert any("alert" in one for one in hazards)
    assert "img onerror" in hazards


@pytest.mark.parametrize(
    ("address", "is_link"),
    [
        ("https://www.example/news/1", True),
        ("http://example/?a=<b>", True),
        ("javascript:alert(1)", False),
        ("JaVaScRiPt://x/%0aalert(1)", False),
        (" javascript:alert(1)", False),
        ("java\nscript:alert(1)", False),
        ("data:text/html,<script>", False),
        ("vbscript:x", False),
        ("file:///etc/passwd", False),
        ("//example/x", False),
        ("http:///nowhere", False),
        ("http://[x", False),
        ("https://example/" + "x" * 10_000, False),
        ("", False),
        (None, False),
    ],
)
def test_only_addresses_of_the_web_become_links(address: str | None, is_link: bool):  # noqa: FBT001
    assert (render.safe_url(address) is not None) == is_link


def test_a_link_leads_where_it_led_though_its_marks_turn_nothing():
    assert render.safe_url("https://a.example/\u202egnp") == "https://a.example/%E2%80%AEgnp"


def test_a_title_of_ten_million_letters_is_cut(site: Site):
    assert len(render.words("x" * 10_000_000)) < 400
    assert site.text("/")


@settings(max_examples=60)
@given(
    st.text(max_size=60), st.lists(st.tuples(st.integers(-5, 70), st.integers(-5, 70)), max_size=6)
)
def test_marking_neither_loses_nor_adds_a_letter(text: str, spans: list[tuple[int, int]]):
    pieces = pieces_of(text, spans)
    assert "".join(part for _, part in pieces) == "".join(
        safe_term(part) for part in raw_pieces(text, spans)
    )


def raw_pieces(text: str, spans: list[tuple[int, int]]) -> list[str]:
    cuts = {0, len(text)}
    at = 0
    for start, end in sorted(spans):
        if at <= start < end <= len(text):
            cuts |= {start, end}
            at = end
    edges = sorted(cuts)
    return [text[low:high] for low, high in pairwise(edges)]


# ---- headers


@pytest.mark.parametrize("path", [*OURS, *THEIRS])
def test_every_answer_carries_a_policy(site: Site, path: str):
    headers = site.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    script = re.search(r"script-src ([^;]*)", policy)
    assert script is not None
    assert "unsafe" not in script[1]
    assert "http" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert ("'unsafe-inline'" in policy) == (path in THEIRS)


@pytest.mark.parametrize(
    "path", ["/tickertrack", "/tickertrack/prices", "/tickertrack/last_prices"]
)
def test_the_scripts_in_datasettes_own_pages_may_run_and_no_other(site: Site, path: str):
    answer = site.get(path)
    scripts = Parsed(answer.text).inline
    assert scripts
    for script in scripts:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/nowhere", "/tickertrack/-/x", "/tickertrack/prices/1,2,3"])
def test_an_address_that_is_mistyped_prints_no_traceback(
    site: Site, path: str, capfd: pytest.CaptureFixture[str]
):
    assert site.get(path).status_code in {400, 404}
    assert "Traceback" not in "".join(capfd.readouterr())


MISTAKES = (
    "_sort=nope", "_sort_desc=nope", "_sort=session&_sort_desc=symbol", "_sort=%00", "_timelimit=x",
    "_through=x", "_through={}", "symbol__in=[", "_col=nope", "_size=x",
)  # fmt: skip


@pytest.mark.parametrize("ending", ["", ".json", ".csv"])
def test_what_cannot_be_meant_is_the_visitors_mistake_and_prints_no_traceback(
    site: Site, ending: str, capfd: pytest.CaptureFixture[str]
):
    for query in MISTAKES:
        assert site.get(f"/tickertrack/prices{ending}?{query}").status_code == 400, query
    assert site.get(f"/tickertrack/moves_news{ending}?_next=x").status_code == 400
    assert site.get(f"/tickertrack/prices/TRG{ending.replace('.csv', '')}").status_code == 400
    assert "Traceback" not in "".join(capfd.readouterr())


def test_without_the_hook_datasette_calls_it_a_fault_of_its_own(
    config: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(mistakes, "is_in_ours", lambda _datasette, _path: False)
    with served(config) as site:
        assert site.get("/tickertrack/prices?_sort=nope").status_code == 500


def test_a_fault_of_the_program_stays_one_and_is_told(
    site: Site, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    def broken(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr("datasette.database.Database.execute", broken)
    assert site.get("/tickertrack/prices").status_code == 500
    assert "Traceback" in capfd.readouterr().err


@pytest.mark.parametrize("name", ["threads", "allow-debug", "messages", "patterns", "databases"])
def test_what_datasette_shows_of_the_server_itself_is_closed(site: Site, name: str):
    for path in (f"/-/{name}", f"/-/{name}.json"):
        answer = site.get(path)
        assert answer.status_code in {403, 404}
        assert "tickertrack.db" not in answer.text
    assert site.get(f"/-/{name}").status_code == 403


def test_files_of_ours_are_served_by_name_and_nothing_else_is(site: Site):
    answer = site.get("/-/tickertrack/chart.js")
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "immutable" in answer.headers["cache-control"]
    assert "Apache License" in site.text("/-/tickertrack/lightweight-charts-license.txt")
    for name in ("..%2Fguard.py", "../guard.py", "nothing.js", "guard.py", "%2e%2e", "."):
        assert b"guarded" not in site.get(f"/-/tickertrack/{name}").content, name
    assert site.get("/-/tickertrack/nothing.js").status_code == 404


# ---- hosts


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:8001", "LOCALHOST", "[::1]:80", "::1"])
def test_names_of_this_machine_are_answered(site: Site, host: str):
    if host != "::1":
        assert site.get("/symbols", host=host).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "evil.example:8001", "", "[::2]", "192.0.2.1"],
)
def test_foreign_names_are_refused_on_every_page(site: Site, host: str):
    for path in ("/", "/tickertrack.json", "/-/tickertrack/chart.js"):
        answer = site.get(path, host=host)
        assert answer.status_code == 421
        assert "--allow-host" in answer.text
        assert "content-security-policy" in answer.headers


def test_a_foreign_name_is_answered_where_nobody_guards(
    config: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(web, "guarded", lambda app, _hosts: app)
    with served(config) as site:
        assert site.get("/symbols", host="evil.example").status_code == 200


def test_a_name_that_was_allowed_is_answered(config: Path):
    with served(config, hosts=("Desk.Example", "0.0.0.0")) as site:  # noqa: S104
        assert site.get("/symbols", host="desk.example:8001").status_code == 200
        assert site.get("/symbols", host="0.0.0.0").status_code == 421  # noqa: S104


# ---- SQL


@pytest.mark.parametrize(
    "path", ["/tickertrack.json?sql=select+1", "/tickertrack?sql=select+1",
             "/tickertrack/prices.json?_where=1"]
)  # fmt: skip
def test_sql_of_the_visitors_own_is_refused_until_it_is_asked_for(
    site: Site, config: Path, path: str
):
    assert site.get(path).status_code == 403
    with served(config, sql=True) as other:
        assert other.get(path).status_code == 200
        # ... and then it only reads.
        assert other.get("/tickertrack.json?sql=delete+from+prices").status_code == 400


# ---- the command


def test_the_command_serves_until_it_is_interrupted(config: Path):
    words = [sys.executable, "-m", "tickertrack", "--config", str(config), "serve", "--port", "0"]
    with own_process(words) as process:
        assert process.stderr is not None
        address = process.stderr.readline().split()[0]
        with urllib.request.urlopen(f"{address}symbols", timeout=60) as answer:  # noqa: S310
            assert answer.status == 200
        asking = urllib.request.Request(f"{address}symbols", headers={"Host": "evil.example"})  # noqa: S310
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(asking, timeout=60)  # noqa: S310
        assert refused.value.code == 421
        refused.value.close()
        again = subprocess.run([*words[:-1], address.split(":")[2].strip("/")], capture_output=True,
                               text=True, check=False)  # fmt: skip
        assert again.returncode == 1
        assert "cannot be listened on" in again.stderr
        process.send_signal(signal.SIGINT)
        assert process.wait(60) in {0, 130}


def test_without_the_extra_the_command_names_it(config: Path):
    script = (
        "import sys; sys.modules['datasette'] = None\n"
        "from tickertrack.cli import main\n"
        f"main(['--config', {str(config)!r}, 'serve'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "pip install 'tickertrack[web]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_database_the_command_says_so(tmp_path: Path):
    words = [sys.executable, "-m", "tickertrack", "--db", str(tmp_path / "none.db"), "serve"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no such database" in done.stderr


def test_a_host_of_any_name_must_be_told_its_names(config: Path):
    told = command("--config", config, "serve", "--port", "0", "--host", "0.0.0.0")  # noqa: S104
    answer = run(told)
    assert answer.returncode == 2
    assert "add --allow-host NAME" in answer.stderr
