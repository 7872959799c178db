"""The archives on the net that are known by name, and what an address says of any other."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import SplitResult, urljoin, urlsplit
from zlib import crc32

from tickertrack.errors import QueryError

__all__ = ["KNOWN", "Form", "Place", "place_of"]

Form = Literal["crawls", "wayback", "pywb"]

_COLLINFO = "collinfo.json"
_WAYBACK = "/cdx/search/cdx"
# Their index bears 24 requests a minute, and shuts out who asks for more, at last for good:
# https://wayback.readthedocs.io/en/stable/release-history.html
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
        """The name as it may stand in a file's name, as no other archive's does."""
        if self.name in KNOWN:
            return self.name
        told = _SLUG.sub("-", self.name.lower()).strip("-.")[:80]
        return f"{told}-{crc32(self.name.encode()):08x}"


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
    search/cdx` is a Wayback Machine; any other is the `cdx` of a pywb's collection. Whatever stands
    on a host of an archive known by name is that one. Raises QueryError.
    """
    if source in KNOWN:
        return KNOWN[source]
    parts = _parts(source)
    known = next((one for one in KNOWN.values() if parts.hostname in one.hosts), None)
    if known is not None:
        # Asked as any other it would be asked too often, or for what is not there.
        return known
    address = f"{parts.scheme}://{parts.netloc}{parts.path}"
    if parts.path.endswith(f"/{_COLLINFO}"):
        return Place(address, "crawls", address, files=urljoin(address, "."))
    if parts.path.endswith(_WAYBACK):
        replay = f"{address.removesuffix(_WAYBACK)}/web/"
        return Place(address, "wayback", address, replay=replay, delay=_WAYBACK_DELAY)
    return Place(address, "pywb", address, replay=urljoin(address, "."))


def _parts(source: str) -> SplitResult:
    """Take an index's address apart; what it is asked, and a last slash, are no part of it."""
    try:
        parts = urlsplit(source.partition("?")[0].rstrip("/"))
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        known = ", ".join(KNOWN)
        raise QueryError(f"no archive {source[:80]!r}", advice=f"{known}, or an index's address")
    if "@" in parts.netloc:
        raise QueryError("an archive's address names a user", advice="leave it out: it is stored")
    return parts
