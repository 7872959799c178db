"""The archives on the net that are known by name, and what an address says of any other."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urljoin, urlsplit

from tickertrack.errors import QueryError

__all__ = ["KNOWN", "Form", "Place", "place_of"]

Form = Literal["crawls", "wayback", "pywb"]

_COLLINFO = "collinfo.json"
_WAYBACK = "/cdx/search/cdx"
# Their servers bear 60 a minute, and shut out who asks for more.
_WAYBACK_DELAY = 60 / 24
_SLUG = re.compile(r"[^a-z0-9.]+")


@dataclass(frozen=True, slots=True)
class Place:
    """
    An archive on the net: where its index is asked, and where its records are fetched.

    `form` is how its index is spoken to; records are byte ranges of files below `files`, or replays
    below `replay`. `delay` are the least seconds between two requests; `invited` says that its
    documents tell programs to ask what its robots.txt closes to crawlers (docs/archives.md).
    """

    name: str
    form: Form
    index: str
    files: str | None = None
    replay: str | None = None
    delay: float = 0.0
    invited: bool = False

    @property
    def hosts(self) -> frozenset[str]:
        """The hosts that may be asked, bare and in small letters."""
        addresses = (self.index, self.files, self.replay)
        return frozenset(urlsplit(one).hostname or "" for one in addresses if one)

    @property
    def slug(self) -> str:
        """The name as it may stand in a file's name."""
        return _SLUG.sub("-", self.name.lower()).strip("-.")[:80]


KNOWN = {
    "cc": Place(
        name="cc",
        form="crawls",
        index=f"https://index.commoncrawl.org/{_COLLINFO}",
        files="https://data.commoncrawl.org/",
        invited=True,
    ),
    "wayback": Place(
        name="wayback",
        form="wayback",
        index=f"https://web.archive.org{_WAYBACK}",
        replay="https://web.archive.org/web/",
        delay=_WAYBACK_DELAY,
    ),
}


def place_of(source: str) -> Place:
    """
    Give an archive by its name, or by its index's address, whose end says what it is.

    `.../collinfo.json` lists crawls and stands above their files, as Common Crawl's; `.../cdx/
    search/cdx` is a Wayback Machine; any other is the `cdx` of a pywb's collection. Raises
    QueryError.
    """
    if source in KNOWN:
        return KNOWN[source]
    try:
        parts = urlsplit(source)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        known = ", ".join(KNOWN)
        raise QueryError(f"no archive {source[:80]!r}", advice=f"{known}, or an index's address")
    if parts.path.endswith(f"/{_COLLINFO}"):
        return Place(source, "crawls", source, files=urljoin(source, "."))
    if parts.path.endswith(_WAYBACK):
        replay = urljoin(source, source_root(parts.path))
        return Place(source, "wayback", source, replay=replay, delay=_WAYBACK_DELAY)
    return Place(source, "pywb", source, replay=urljoin(source, "."))


def source_root(path: str) -> str:
    """Give where a Wayback Machine replays, beside its index."""
    return f"{path.removesuffix(_WAYBACK)}/web/"
