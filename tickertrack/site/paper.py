"""The newspaper at an address and a moment: which page, feed or map stands there, if any."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time
from itertools import islice

from tickertrack.site.markup import article_page, atom, front_page, rss, sitemap
from tickertrack.site.newsroom import MARKETS, Kind, Newsroom
from tickertrack.site.strip import Showing, strip_at
from tickertrack.site.telling import Crowd, Told, tell
from tickertrack.site.walk import Walk

__all__ = ["Content", "Paper"]

_HTML, _XML, _PLAIN = "text/html", "application/xml", "text/plain"
_RSS, _ATOM = "application/rss+xml", "application/atom+xml"
_LATEST, _MAPPED = 12, 60
_ARTICLE = re.compile(r"/(?:news|print)/(?P<number>[0-9]{5,9})(?:/[a-z0-9-]*)?")


@dataclass(frozen=True, slots=True)
class Content:
    """What stands at an address: bytes, since when, and the strip on it."""

    body: bytes
    media: str
    modified: datetime
    strip: Showing | None = None


@dataclass(slots=True, eq=False)
class Paper:
    """All that the site shows; `url` is where it stands, without a final slash."""

    newsroom: Newsroom
    walk: Walk
    url: str = ""
    crowd: Crowd | None = None

    def at(self, path: str, now: datetime) -> Content | None:
        """Give what stands at a path; None where nothing does, or not yet."""
        if found := _ARTICLE.fullmatch(path):
            return self._article(int(found["number"]), now)
        places: dict[str, Callable[[datetime], Content | None]] = {
            "/": self._front,
            "/robots.txt": self._robots,
            "/feeds/latest": self._latest,
            "/feeds/markets": self._markets,
            "/feeds/crowd": self._crowded,
            "/sitemap.xml": lambda now: self._map("/news", now),
            "/sitemap-print.xml": lambda now: self._map("/print", now),
        }
        return places[path](now) if path in places else None

    def _article(self, number: int, now: datetime) -> Content | None:
        told = self._told(number, now)
        if told is None:
            return None
        strip = strip_at(self.walk.at(now))
        page = article_page(told, strip.lines)
        return Content(page.encode(), _HTML, max(told.published, strip.since), strip)

    def _told(self, number: int, now: datetime) -> Told | None:
        if self.crowd and (one := self.crowd.find(number)):
            return one
        piece = self.newsroom.piece(number, now)
        return tell(piece, self.walk) if piece else None

    def _front(self, now: datetime) -> Content:
        news, strip = self._newest(now, _LATEST), strip_at(self.walk.at(now))
        page = front_page(news, strip.lines)
        return Content(page.encode(), _HTML, max(news[0].published, strip.since), strip)

    def _robots(self, _: datetime) -> Content:
        lines = ("User-agent: *", "Disallow: /print/", "", f"Sitemap: {self.url}/sitemap.xml", "")
        begun = self.newsroom.market.local(self.newsroom.first, time())
        return Content("\n".join(lines).encode(), _PLAIN, begun)

    def _latest(self, now: datetime) -> Content:
        news = self._newest(now, _LATEST)
        return Content(rss(news, self.url).encode(), _RSS, news[0].published)

    def _markets(self, now: datetime) -> Content:
        news = self._newest(now, _LATEST, MARKETS)
        return Content(atom(news, self.url).encode(), _ATOM, news[0].published)

    def _crowded(self, _: datetime) -> Content | None:
        crowd = self.crowd
        return Content(rss(crowd, self.url).encode(), _RSS, crowd.at) if crowd else None

    def _map(self, folder: str, now: datetime) -> Content:
        news = self._newest(now, _MAPPED)
        return Content(sitemap(news, self.url, folder).encode(), _XML, news[0].published)

    def _newest(
        self, now: datetime, count: int, kinds: frozenset[Kind] | None = None
    ) -> list[Told]:
        pieces = islice(self.newsroom.newest(now, kinds), count)
        return [tell(piece, self.walk) for piece in pieces]
