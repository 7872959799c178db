"""
A sample news site: a small newspaper on 127.0.0.1 whose strip moves with its own clock.

    with SampleSite(folder, start=datetime(2024, 5, 6, 4, tzinfo=UTC)) as site:
        site.write_tracker(folder)
        site.clock.move_to(...)
        site.misbehave("/feeds/latest", Fault.TOO_MANY, retry_after="30")
        site.log                    # each request, as it was seen
        site.shown("BOP")           # and what it was shown

`tickertrack demo --serve` runs it for people; the tests, as the server that they fetch from.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import cycle
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from tickertrack.markets import load_market
from tickertrack.site.answers import plain_answer, right_answer
from tickertrack.site.clock import SiteClock
from tickertrack.site.faults import POISON, Fault, Misdeed, misdeed
from tickertrack.site.newsroom import Newsroom
from tickertrack.site.paper import Paper
from tickertrack.site.server import HOST, Server
from tickertrack.site.strip import Showing, printed_price, strip_at
from tickertrack.site.telling import Crowd
from tickertrack.site.walk import Walk
from tickertrack.site.wire import Answer, Request

__all__ = ["POISON", "Fault", "Request", "SampleSite", "Showing", "SiteClock"]

FEEDS = ("/feeds/latest", "/feeds/markets")
# The newspaper is so much older than the moment at which it is first looked at.
_PAST = timedelta(days=60)
_LOG = 200_000


class SampleSite:
    """The newspaper with its clock, its log and its moods; serves between start() and stop()."""

    def __init__(self, folder: Path, start: datetime, *, port: int = 0) -> None:
        """Set the clock, a file in `folder`, to `start`; `port` 0 is any that is free."""
        self.clock = SiteClock(folder / "clock")
        self.clock.move_to(start)
        market = load_market("psx")
        first = start.astimezone(market.zone).date() - _PAST
        newsroom = Newsroom(market, first)
        self._paper = Paper(newsroom, Walk(market, first, newsroom.pushes))
        self._port = port
        self._server: Server | None = None
        self._log: deque[Request] = deque(maxlen=_LOG)
        self._misdeeds: dict[str, Misdeed] = {}
        self._changing = threading.Lock()

    def __enter__(self) -> Self:
        """Serve."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()

    # ---- serving

    @property
    def url(self) -> str:
        """Where it stands, without a final slash; a site that is started again stands there too."""
        return self._paper.url

    def start(self) -> None:
        """Serve in threads of its own; raises OSError where the port is taken."""
        self._server = Server(self._port, self.clock, self._answering)
        self._port = self._server.server_port
        self._paper.url = f"http://{HOST}:{self._port}"
        self._server.start()

    def stop(self) -> None:
        """Go out of reach: end every connection and thread, whatever they are at."""
        if self._server:
            self._server.stop()
            self._server = None

    def wait(self) -> None:
        """Serve until somebody stops it, or interrupts the wait."""
        if self._server:
            self._server.wait()

    def write_tracker(self, folder: Path, feeds: Iterable[str] = FEEDS) -> None:
        """Write the settings of a tracker that reads this site; `feeds` are paths on it."""
        (folder / "publishers").mkdir(parents=True, exist_ok=True)
        listed = "\n".join(f'  "{self.url}{path}",' for path in feeds)
        files = {"config.toml": _CONFIG, "publishers/courier.toml": _PUBLISHER}
        for name, text in files.items():
            filled = text.format(host=HOST, port=self._port, feeds=listed)
            (folder / name).write_text(filled, encoding="utf-8")

    # ---- moods

    def misbehave(
        self, prefix: str, fault: Fault, *, times: int | None = None, **details: Any
    ) -> None:
        """
        Spoil the answers to all paths that begin so, or only the next few; the longest prefix wins.

        `details` are those of the fault's function in faults.py; raises TypeError for others.
        """
        deed = misdeed(fault, details, times)
        with self._changing:
            self._misdeeds[prefix] = deed

    def behave(self, prefix: str = "") -> None:
        """Answer rightly again where the path begins so."""
        with self._changing:
            for one in [one for one in self._misdeeds if one.startswith(prefix)]:
                del self._misdeeds[one]

    def list_crowd(self, count: int, poison: Iterable[Fault] = POISON) -> dict[str, Fault]:
        """
        List many articles at /feeds/crowd, and poison a hundredth of them, each kind in its turn.

        Gives the faults by path.
        """
        paper = self._paper
        paper.crowd = Crowd(count, self.clock.now().astimezone(paper.newsroom.market.zone))
        poisoned = [told.path for told in paper.crowd][50::100]
        faults = dict(zip(poisoned, cycle(poison), strict=False))
        for path, fault in faults.items():
            self.misbehave(path, fault)
        return faults

    # ---- what it knows

    @property
    def log(self) -> tuple[Request, ...]:
        """Every request so far, in the order of arrival; those in the works are there too."""
        with self._changing:
            return tuple(self._log)

    def strip(self, moment: datetime | None = None) -> Showing:
        """Give the strip as it stands on every page, now or at another moment."""
        return strip_at(self._paper.walk.at(moment or self.clock.now()))

    def shown(self, symbol: str) -> dict[date, Decimal]:
        """Give the last price of a symbol that any page showed, by the session it is of."""
        seen = sorted((one for one in self.log if one.strip), key=lambda one: one.moment)
        return {one.strip.session: one.strip.prices[symbol] for one in seen if one.strip}

    def truth(self, symbol: str) -> dict[date, Decimal]:
        """Give a symbol's last price of each session that is over, as the strip prints it."""
        over = self._paper.walk.courses(self.clock.now())
        return {course.session: printed_price(symbol, course.steps[-1][symbol]) for course in over}

    def _answering(self, request: Request) -> tuple[Answer, Misdeed | None]:
        with self._changing:
            self._log.append(request)
        content = self._paper.at(urlsplit(request.path).path, request.moment)
        deed = self._misdeed_for(request.path)
        return (plain_answer(content), deed) if deed else (right_answer(request, content), None)

    def _misdeed_for(self, path: str) -> Misdeed | None:
        with self._changing:
            fitting = [prefix for prefix in self._misdeeds if path.startswith(prefix)]
            if not fitting:
                return None
            prefix = max(fitting, key=len)
            deed = self._misdeeds[prefix]
            if deed.left is not None:
                deed.left -= 1
                if deed.left <= 0:
                    del self._misdeeds[prefix]
            return deed


_CONFIG = """\
# Settings of a tracker that reads the sample news site.

[database]
path = "tickertrack.db"

[collect]
publishers = ["courier"]
contact = "desk@harbour-courier.example"
# The site is ours and near, so little politeness will do.
per_host_delay = 0.05
allow_private = ["{host}:{port}"]
"""

_PUBLISHER = """\
# The sample news site, which stands for a newspaper.

name = "courier"
title = "The Harbour Courier, an invented newspaper"
hosts = ["{host}", "www.harbour-courier.example"]
feeds = [
{feeds}
]
timezone = "Asia/Karachi"
market = "psx"
article = '^/(?:news|print)/(?P<id>[0-9]{{5,}})(?:/|$)'
# Its articles have one address, on whatever port the site stands.
canonical = "https://www.harbour-courier.example/news/{{id}}"

# It prints its strip as Business Recorder does.
[[dialects]]
name = "brecorder-2022"
from = 2021-11-01
"""
