"""The demo's live part: a daemon on a small newspaper's site, through three sessions."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, time as clock_time, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tickertrack.cli.output import show
from tickertrack.cli.prose import tell
from tickertrack.config import load_config
from tickertrack.errors import TickertrackError
from tickertrack.logs import Logging
from tickertrack.markets import load_market
from tickertrack.shift import utc_now
from tickertrack.shipped import shipped
from tickertrack.site import SampleSite
from tickertrack.store.runs import run_rows
from tickertrack.tracker import Tracker

if TYPE_CHECKING:
    from tickertrack.daemon import Daemon
    from tickertrack.site import Request

__all__ = ["serve_site", "three_sessions"]

_SYMBOL = "BOP"
_DAYS = (date(2024, 5, 6), date(2024, 5, 7), date(2024, 5, 8))
# Before the open, twice in the session, after the close.
_LOOKS = (clock_time(8, 45), clock_time(10, 5), clock_time(14, 20), clock_time(17, 35))
_COLUMNS = (
    *("symbol", "session", "price", "reference_price", "change", "change_percent"),
    *("status", "quotes", "method"),
)
_PATIENCE = 60.0
_TICK, _GLANCE = 0.2, 0.05

Row = dict[str, Any]


def three_sessions(folder: Path) -> None:
    """Run the daemon while three sessions go by on the site; print what it collects."""
    folder.mkdir()
    zone = load_market("psx").zone
    moments = [datetime.combine(day, look, zone) for day in _DAYS for look in _LOOKS]
    with SampleSite(folder, moments[0] - timedelta(minutes=30)) as site:
        tracker = _tracker(site, folder)
        # Else the daemon's first run may be of either time.
        site.clock.move_to(moments[0])
        with tracker, _daemon(tracker, site) as daemon:
            for moment in moments:
                site.clock.move_to(moment)
                _tell(tracker, moment)
                _rest(daemon)
        with tracker:
            _history(tracker)
            _compare(tracker, site)
            _manners(site.log)
            _news(tracker)


def serve_site(folder: Path) -> None:
    """Serve the site by the real clock until it is interrupted."""
    folder.mkdir(parents=True, exist_ok=True)
    with SampleSite(folder, utc_now()) as site:
        site.clock.run()
        _tracker(site, folder)
        click.echo(f"The Harbour Courier, an invented newspaper, stands at {site.url}")
        click.echo("Its strip moves in the market's hours. In another terminal:")
        click.echo(f"  cd {folder.absolute()} && tickertrack run")
        click.echo("Ctrl-C ends it.")
        with suppress(KeyboardInterrupt):
            site.wait()


def _tracker(site: SampleSite, folder: Path) -> Tracker:
    site.write_tracker(folder)
    jobs = folder / "jobs"
    jobs.mkdir(exist_ok=True)
    for name in ("collect.py", "link.py"):
        (jobs / name).write_bytes(shipped(f"jobs/{name}").read_bytes())
        (jobs / name).chmod(0o600)
    return Tracker(load_config(folder / "config.toml", environ={}))


@contextmanager
def _daemon(tracker: Tracker, site: SampleSite) -> Iterator[Daemon]:
    from tickertrack.daemon import Daemon  # noqa: PLC0415  (a third of a second)

    tracker.writer()
    # That its clock was set is what this is about, and no news.
    logging.getLogger("tickertrack").setLevel(logging.ERROR)
    daemon = Daemon(tracker.config, site.clock, Logging(logging.ERROR), tick=_TICK)
    thread = threading.Thread(target=daemon.run)
    thread.start()
    try:
        yield daemon
    finally:
        daemon.stop()
        thread.join()


def _tell(tracker: Tracker, moment: datetime) -> None:
    """Wait until the daemon has collected at a moment; tell what it found."""
    run = _run_at(tracker, moment.astimezone(UTC).isoformat())
    counts = run["counts"]
    told = ", ".join(f"{counts.get(name, 0)} {name}" for name in ("pages", "articles", "quotes"))
    click.echo(f"  {moment:%a %d %b %H:%M}   collect {run['status']}: {told} new")


def _run_at(tracker: Tracker, stamp: str) -> Row:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        for run in run_rows(tracker.reader(), "collect", 1):
            if (run["finished_at"] or "") >= stamp:
                return run
        time.sleep(_GLANCE)
    raise TickertrackError("the demo's daemon does not answer", advice="try it again")


def _rest(daemon: Daemon) -> None:
    """Wait until a run is over for the daemon too, which would skip the next one for it."""
    until = time.monotonic() + _PATIENCE
    while not daemon.is_idle and time.monotonic() < until:
        time.sleep(_GLANCE)


def _history(tracker: Tracker) -> None:
    click.echo()
    rows = tracker.history_rows([_SYMBOL], _DAYS[0], _DAYS[-1])
    show(rows, _COLUMNS, "table")


def _compare(tracker: Tracker, site: SampleSite) -> None:
    """Hold the history against what the site itself knows that it showed."""
    rows = tracker.history_rows([], _DAYS[0], _DAYS[-1])
    shown = {symbol: site.shown(symbol) for symbol in {row["symbol"] for row in rows}}
    alike = sum(
        float(shown[row["symbol"]].get(date.fromisoformat(row["session"]), 0)) == row["price"]
        for row in rows
    )
    click.echo()
    click.echo(f"  {alike} of {len(rows)} prices are those that the site showed last.")


def _news(tracker: Tracker) -> None:
    """Tell of the largest move that an article is about."""
    tracker.link()
    linked = {
        (row["symbol"], row["session"])
        for row in tracker.link_rows((), _DAYS[0], _DAYS[-1])
        if row["relation"] == "about"
    }
    moves = tracker.move_rows((), _DAYS[0], _DAYS[-1])
    told = [row for row in moves if (row["symbol"], row["session"]) in linked]
    largest = max(told, key=lambda row: abs(row["change_percent"] or 0), default=None)
    if largest is None:
        return
    click.echo()
    click.secho(f"$ tickertrack explain {largest['symbol']} {largest['session']}", bold=True)
    found = tracker.explanation(largest["symbol"], largest["session"])
    # The rest of the day would fill the screen.
    found["same_day"] = []
    click.echo(tell(found, tracker.config.market.index, "table").rstrip())


def _manners(log: tuple[Request, ...]) -> None:
    gaps = [after.at - before.at for before, after in pairwise(log)]
    unchanged = sum(request.status == 304 for request in log)  # noqa: PLR2004
    disallowed = sum(request.path.startswith("/print/") for request in log)
    click.echo(
        f"  The site's own log: {len(log)} requests, {unchanged} answered `not modified`,"
        f" {disallowed} to what robots.txt disallows,"
    )
    click.echo(f"  at least {min(gaps):.2f} s between any two (here 0.05 s are asked for).")
