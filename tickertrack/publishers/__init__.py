"""Who publishes: NAME.toml with hosts, feeds, zone, market, and which dialect in which period."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from zoneinfo import ZoneInfo

from tickertrack.config import named_as_its_file, read_toml, refuse_unknown
from tickertrack.dialects import Dialect, find_toml, load_dialect
from tickertrack.errors import ConfigError

__all__ = [
    "SHIPPED",
    "Period",
    "Publisher",
    "canonical_url",
    "host_of",
    "load_publisher",
    "publisher_in",
    "publisher_names",
    "publisher_of",
]

SHIPPED = Path(__file__).parent
_KEYS = {"name", "title", "hosts", "feeds", "timezone", "market", "article", "canonical"}
_TRACKING = re.compile(r"utm_\w+|fbclid|gclid|amp")
# Of most addresses host and path stand where they seem to; any other is taken apart with care.
_PLAIN = re.compile(r"https?://([a-z0-9.-]+)(/[^?#\s\x00]*)?(?:[?#][^\s\x00]*)?")
_AMP = re.compile(r"(?:^|(?<=/))amp(?:/|$)|/amp$")


@dataclass(frozen=True, slots=True)
class Period:
    """A dialect and the days on which the publisher is known to have used it."""

    dialect: Dialect
    since: date | None
    until: date | None

    def covers(self, day: date) -> bool:
        """Say whether the day lies in the period."""
        return (self.since is None or self.since <= day) and (
            self.until is None or day <= self.until
        )


@dataclass(frozen=True, slots=True)
class Publisher:
    """A site whose pages carry strips."""

    name: str
    title: str
    hosts: tuple[str, ...]
    feeds: tuple[str, ...]
    zone: ZoneInfo
    market: str
    article: re.Pattern[str] | None
    canonical: str | None
    periods: tuple[Period, ...]


@lru_cache(maxsize=256)
def load_publisher(name: str, folder: Path = Path()) -> Publisher:
    """
    Load a publisher by name from `folder`/publishers or the shipped ones, with its dialects.

    Raises ConfigError with file and key.
    """
    return publisher_in(find_toml(name, (folder / "publishers", SHIPPED), kind="publisher"), folder)


def publisher_in(path: Path, folder: Path) -> Publisher:
    """
    Take the publisher of a file, with its dialects, which are of `folder` or shipped.

    Raises ConfigError with file and key.
    """
    table, name = read_toml(path), path.stem
    refuse_unknown(table, _KEYS | {"dialects"}, path=path)
    _check_types(table, path)
    named_as_its_file(table, path)
    pattern = _pattern(table.get("article"), path)
    return Publisher(
        name=name,
        title=table.get("title", name),
        hosts=_texts(table, "hosts", path),
        feeds=_texts(table, "feeds", path),
        zone=_zone(table, path),
        market=table.get("market", "psx"),
        article=pattern,
        canonical=_template(table.get("canonical"), pattern, path),
        periods=_periods(table.get("dialects", []), path, folder),
    )


def publisher_names(folder: Path = Path()) -> list[str]:
    """Name the publishers of `folder`/publishers and the shipped ones."""
    paths = (path for one in (folder / "publishers", SHIPPED) for path in one.glob("*.toml"))
    return sorted({path.stem for path in paths})


def publisher_of(url: str | None, publishers: Iterable[Publisher]) -> Publisher | None:
    """Find whose host a URL names; None for nobody's, or no URL."""
    host = (host_of(url) or "").removesuffix(".")
    return next((one for one in publishers if host in one.hosts), None)


def canonical_url(url: str, publisher: Publisher | None) -> str:
    """
    Give the one address of an article that amp, feed and bare-id addresses share.

    By the publisher's `article` pattern where it names an id; else without scheme's s, `www.`,
    amp, tracking parameters, fragment and final slash.
    """
    if publisher and publisher.article and publisher.canonical:
        found = publisher.article.search(_path_of(url))
        if found and all((pieces := found.groupdict()).values()):
            return publisher.canonical.format(**pieces)
    parts = urlsplit(url.strip())
    host = (host_of(url) or "").removeprefix("www.").removeprefix("amp.")
    path = _AMP.sub("", parts.path).rstrip("/")
    kept = [pair for pair in parse_qsl(parts.query) if not _TRACKING.fullmatch(pair[0])]
    return f"https://{host}{path}" + (f"?{urlencode(kept)}" if kept else "")


@lru_cache(maxsize=1024)
def host_of(url: str | None) -> str | None:
    """Give the host that an address names; None for what is no address."""
    plain = _PLAIN.fullmatch(url or "")
    if plain:
        return plain[1]
    try:
        return urlsplit(url.strip()).hostname if url else None
    except ValueError:
        return None


def _path_of(url: str) -> str:
    plain = _PLAIN.fullmatch(url)
    return plain[2] or "" if plain else urlsplit(url.strip()).path


def _periods(rows: Any, path: Path, folder: Path) -> tuple[Period, ...]:
    if not isinstance(rows, list) or not rows:
        raise ConfigError("needs at least one [[dialects]] row", path=path, key="dialects")
    for row in rows:
        refuse_unknown(row, {"name", "from", "until"}, path=path, prefix="dialects.")
        if not isinstance(row.get("name"), str):
            raise ConfigError("must be a text", path=path, key="dialects.name")
        for key in ("from", "until"):
            if not isinstance(row.get(key, date.min), date):
                raise ConfigError("must be a date, as 2021-04-07", path=path, key=f"dialects.{key}")
    return tuple(
        Period(load_dialect(row["name"], folder), row.get("from"), row.get("until")) for row in rows
    )


def _check_types(table: Mapping[str, Any], path: Path) -> None:
    for key in ("title", "timezone", "market", "article", "canonical"):
        if not isinstance(table.get(key, ""), str):
            raise ConfigError("must be a text", path=path, key=key)


def _template(text: str | None, pattern: re.Pattern[str] | None, path: Path) -> str | None:
    """Try the address that an article's pieces are to be put into."""
    if text is None:
        return None
    names = dict.fromkeys(pattern.groupindex, "1") if pattern else {}
    try:
        text.format(**names)
    except (KeyError, IndexError, ValueError) as error:
        known = ", ".join(f"{{{name}}}" for name in names) or "none, as article names no group"
        raise ConfigError(
            f"cannot be filled ({error})", path=path, key="canonical", advice=f"known: {known}"
        ) from error
    return text


def _texts(table: Mapping[str, Any], key: str, path: Path) -> tuple[str, ...]:
    value = table.get(key, [])
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise ConfigError("must be a list of texts", path=path, key=key)


def _zone(table: Mapping[str, Any], path: Path) -> ZoneInfo:
    name = table.get("timezone", "UTC")
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, TypeError, KeyError) as error:
        raise ConfigError(f"no time zone {name!r}", path=path, key="timezone") from error


def _pattern(text: str | None, path: Path) -> re.Pattern[str] | None:
    try:
        return re.compile(text) if text else None
    except re.error as error:
        message = f"is no regular expression: {error}"
        raise ConfigError(message, path=path, key="article") from error
