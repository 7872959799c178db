"""Pages to HTML: everything that is shown is escaped, and made harmless before."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from functools import cache, lru_cache
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

from datasette.utils import tilde_encode
from jinja2 import Environment, PackageLoader, StrictUndefined

from tickertrack.harmless import safe_term
from tickertrack.web.showing import Page

__all__ = ["Links", "render"]

STATIC = Path(__file__).parent / "static"
# What no headline needs more of: a title of ten million letters is one too.
_LONGEST = 300
_NOTHING = "–"
_MINUS = "\u2212"
_SPARK = (96.0, 24.0)


@dataclass(frozen=True, slots=True)
class Links:
    """The addresses of our pages, below where Datasette stands; names in them are encoded."""

    base: str
    database: str

    def home(self) -> str:
        """Give the first page's."""
        return f"{self.base}/"

    def to(self, *parts: object, **query: object) -> str:
        """Give that of a page by the parts of its path."""
        path = "/".join(_encoded(str(part)) for part in parts)
        asked = {name: value for name, value in query.items() if value not in {None, ""}}
        return f"{self.base}/{path}" + (f"?{urlencode(asked)}" if asked else "")

    def table(self, name: str, ending: str = "", **query: object) -> str:
        """Give that of one of Datasette's pages of our database, or of its CSV or JSON."""
        return f"{self.data()}/{name}{ending}" + (f"?{urlencode(query)}" if query else "")

    def data(self) -> str:
        """Give that of Datasette's page of our database."""
        return self.to(self.database)

    def static(self, name: str) -> str:
        """Give that of a file of ours, which changes with what it holds."""
        return f"{self.base}/-/tickertrack/{name}?{_version(name)}"


@lru_cache(maxsize=4096)
def _encoded(part: str) -> str:
    return str(tilde_encode(part))


@cache
def _version(name: str) -> str:
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]


def render(page: Page, links: Links, zone: tzinfo) -> str:
    """Fill a page's template."""
    template = _environment().get_template(f"tickertrack/{page.template}")
    times = {"clock": _clock(zone, "%H:%M"), "moment": _clock(zone, "%-d %b %Y, %H:%M")}
    return template.render({**times, "to": links, "zone": str(zone), **page.context})


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("tickertrack.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=number,
        signed=signed,
        way=way,
        day=_day,
        words=words,
        url=safe_url,
        spark=spark,
        count=count,
        said=said,
        plain=plain,
    )
    return environment


def number(value: float | None, places: int = 2) -> str:
    """Print a number with commas; what is not known is a dash."""
    return _NOTHING if value is None else f"{value:,.{places}f}".replace("-", _MINUS)


def signed(value: float | None, places: int = 2) -> str:
    """Print a number with its sign."""
    if value is None:
        return _NOTHING
    return f"{value:+,.{places}f}".replace("-", _MINUS) if value else f"{0:.{places}f}"


def count(value: int, one: str, many: str = "") -> str:
    """Print how many there are of something."""
    return f"{value:,} {one if value == 1 else many or one + 's'}"


def way(value: float | None) -> str:
    """Name the way of a change: up, down or flat."""
    return "flat" if not value else "up" if value > 0 else "down"


def words(text: str | None, most: int = _LONGEST) -> str:
    """Make a text of others' harmless, and as long as a line may be."""
    if not text:
        return "untitled"
    return safe_term(text) if len(text) <= most else f"{safe_term(text[:most])}…"


def safe_url(address: str | None) -> str | None:
    """Give an address that may be a link: of the web, and nothing else."""
    try:
        parts = urlsplit(address or "")
    except ValueError:
        return None
    is_long = len(address or "") > 2_000  # noqa: PLR2004  (no browser's address is longer)
    if parts.scheme not in {"http", "https"} or not parts.netloc or is_long:
        return None
    # As a browser would send them, so that none of its marks turns what is read of it.
    return "".join(letter if letter.isprintable() else quote(letter) for letter in address or "")


def said(name: str | None) -> str:
    """Turn one of our words into plain ones: `no_news_found` to `no news found`."""
    return (name or _NOTHING).replace("_", " ")


def plain(value: object) -> str:
    """Print a piece of evidence: lists with commas, of objects names and values."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {plain(one)}" for key, one in value.items()) or _NOTHING
    if isinstance(value, list):
        return ", ".join(map(plain, value)) or _NOTHING
    return _NOTHING if value is None else str(value)


def spark(values: Sequence[float]) -> str:
    """Lay values out as the points of a line in a picture of 96 by 24."""
    width, height = _SPARK
    low, high = min(values), max(values)
    step = width / max(len(values) - 1, 1)
    scale = (height - 2) / (high - low or 1)
    points = ((n * step, height - 1 - (value - low) * scale) for n, value in enumerate(values))
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _day(text: str | None, form: str = "%-d %b %Y") -> str:
    try:
        return f"{date.fromisoformat((text or '')[:10]):{form}}"
    except ValueError:
        return words(text, 40) if text else _NOTHING


def _clock(zone: tzinfo, form: str) -> Callable[[str | None], str]:
    def clock(stamp: str | None) -> str:
        """Print a time in the market's zone; of a bare day the day."""
        try:
            moment = datetime.fromisoformat(stamp or "")
        except ValueError:
            return _NOTHING
        if stamp and len(stamp) == len("2024-05-08"):
            return f"{moment:%-d %b %Y}"
        return (
            f"{(moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(zone):{form}}"
        )

    return clock
