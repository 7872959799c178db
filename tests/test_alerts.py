"""Alerts: at every crossing, to real addresses, and once."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tickertrack import open_tracker
from tickertrack.alerts import alert, crossed, rule_of
from tickertrack.errors import ConfigError, TickertrackError
from tickertrack.models import Outcome
from tickertrack.shift import Shift


class Inbox(ThreadingHTTPServer):
    """Who is told: a real server that keeps what it is sent."""

    def __init__(self) -> None:
        """Open on any port."""
        super().__init__(("127.0.0.1", 0), Letter)
        self.letters: list[str] = []
        self.status = 200

    @property
    def url(self) -> str:
        """Give the address as apprise has it."""
        return f"json://127.0.0.1:{self.server_address[1]}/"


class Letter(BaseHTTPRequestHandler):
    """One message, as it comes in."""

    server: Inbox

    def do_POST(self) -> None:
        """Keep it, or fail as the server is told to."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.status == 200:
            self.server.letters.append(json.loads(body)["message"])
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with Inbox() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def line(price: float, change: float) -> str:
    percent = f"{100 * change / (price - change):.2f}".rstrip("0").rstrip(".")
    word = "Increased" if change > 0 else "Decreased"
    arrow = "▲" if change > 0 else "▼"
    return f"ANL {price:.2f} {word} By {arrow} {change:.2f} ({percent}%)"


def shows(folder: Path, moment: str, price: float, change: float) -> None:
    """Store what the site shows at a moment."""
    page = folder / f"{moment}.txt"
    page.write_text(f"{line(price, change)}\n\nNews of {moment}\n\nWords.\n")
    with open_tracker(config=folder / "config.toml") as tracker:
        tracker.ingest(page, captured_at=datetime.fromisoformat(f"{moment}+05:00"))


def rung(folder: Path) -> Outcome:
    with open_tracker(config=folder / "config.toml") as tracker:
        return alert(Shift(tracker))


def settings(folder: Path, inbox: Inbox, *rules: str) -> None:
    text = f"[alerts]\nurls = [{inbox.url!r}]\nrules = {list(rules)!r}\n"
    (folder / "config.toml").write_text(text)


def test_a_line_that_is_crossed_is_told_once_and_again_when_it_is_crossed_again(
    tmp_path: Path, inbox: Inbox
):
    settings(tmp_path, inbox, "anl above 34")
    counts = []
    for moment, price in (
        ("10:00", 33.5),
        ("11:00", 34.2),
        ("12:00", 34.4),
        ("13:00", 33.9),
        ("14:00", 34),
    ):
        shows(tmp_path, f"2024-05-06T{moment}", price, round(price - 33.1, 2))
        counts.append(rung(tmp_path).counts["alerts"])
    assert counts == [0, 1, 0, 0, 1]
    assert inbox.letters == [
        "ANL 34.2 (+3.32 %) on 2024-05-06: anl above 34",
        "ANL 34 (+2.72 %) on 2024-05-06: anl above 34",
    ]


def test_what_holds_at_the_first_look_is_told(tmp_path: Path, inbox: Inbox):
    settings(tmp_path, inbox, "ANL below 40", "* percent 2")
    shows(tmp_path, "2024-05-06T15:00", 32, -1.1)
    assert rung(tmp_path).counts == {"alerts": 2}


def test_a_large_move_is_told_in_each_session(tmp_path: Path, inbox: Inbox):
    settings(tmp_path, inbox, "* percent 3")
    for day, price, change in (("06", 34.2, 1.1), ("07", 35.4, 1.2), ("08", 35.5, 0.1)):
        shows(tmp_path, f"2024-05-{day}T15:00", price, change)
        rung(tmp_path)
    assert inbox.letters == [
        "ANL 34.2 (+3.32 %) on 2024-05-06: * percent 3",
        "ANL 35.4 (+3.51 %) on 2024-05-07: * percent 3",
    ]


def test_what_cannot_be_sent_is_sent_later(tmp_path: Path, inbox: Inbox):
    settings(tmp_path, inbox, "ANL above 30")
    shows(tmp_path, "2024-05-06T15:00", 33.3, 0.2)
    inbox.status = 500
    with pytest.raises(TickertrackError, match="could not be sent") as failed:
        rung(tmp_path)
    assert "127.0.0.1" not in str(failed.value)
    inbox.status = 200
    assert rung(tmp_path).counts == {"alerts": 1}
    assert len(inbox.letters) == 1


def test_the_daemons_own_trouble_is_told(tmp_path: Path, inbox: Inbox):
    settings(tmp_path, inbox, "trouble")
    shows(tmp_path, "2024-05-06T15:00", 33.3, 0.2)
    assert rung(tmp_path).counts == {"alerts": 0}
    with open_tracker(config=tmp_path / "config.toml") as tracker:
        tracker.writer().execute("INSERT INTO jobs (job, refused) VALUES ('odd', 'is broken')")
    assert rung(tmp_path).counts == {"alerts": 1}
    assert inbox.letters == ["job odd: refused: is broken"]


@pytest.mark.parametrize(("form", "said"), [("text", "<b>"), ("html", "&lt;b&gt;")])
def test_who_reads_markup_is_sent_text(tmp_path: Path, inbox: Inbox, form: str, said: str):
    settings(tmp_path, inbox, "trouble")
    config = tmp_path / "config.toml"
    config.write_text(config.read_text().replace(inbox.url, f"{inbox.url}?format={form}"))
    shows(tmp_path, "2024-05-06T15:00", 33.3, 0.2)
    with open_tracker(config=config) as tracker:
        tracker.writer().execute("INSERT INTO jobs (job, refused) VALUES ('<b>', '\x1b[2J')")
    rung(tmp_path)
    assert len(inbox.letters) == 1
    assert f"job {said}: refused: \u241b[2J" in inbox.letters[0].replace("&nbsp;", " ")


@pytest.mark.parametrize(
    "text", ["", "ANL", "ANL over 3", "ANL above", "ANL above -3", "ANL above 1e3"]
)
def test_what_is_no_rule_is_refused_with_one_that_is(text: str):
    with pytest.raises(ConfigError) as refused:
        rule_of(text)
    assert "ANL above 40" in str(refused.value)


def test_a_rule_holds_at_its_bound_and_for_falls_as_for_rises():
    rows = [{"symbol": "ANL", "session": "2024-05-06", "price": 40.0, "change_percent": -5.0}]
    texts = ["ANL above 40", "ANL below 40", "* percent 5", "BOP above 1", "ANL above 40.01"]
    holding = crossed([rule_of(text) for text in texts], rows, [])
    assert [one.rule for one in holding] == texts[:3]
