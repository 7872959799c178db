"""What a browser and a feed reader are given: pages, feeds and site maps, put together as text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from email.utils import format_datetime
from html import escape

from tickertrack.site.telling import Told

__all__ = ["article_page", "atom", "front_page", "rss", "sitemap"]

NAME = "The Harbour Courier"
# Where the newspaper would stand if it were one: an article's own address, on any port.
HOME = "https://www.harbour-courier.example"
_ATOM = "http://www.w3.org/2005/Atom"
_SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"
_SECTIONS = "Harbour Markets Council Sport".split()


def article_page(told: Told, strip: Sequence[str]) -> str:
    """Lay an article in Business Recorder's markup, below the strip."""
    text = "".join(f"\n        <p>{escape(part)}</p>" for part in told.paragraphs)
    tags = "".join(f'<a href="/trends/{escape(tag)}">{escape(tag)}</a> ' for tag in told.tags)
    stamp = told.published.isoformat()
    return f"""{_head(told.title, told.path)}
    <meta property="og:title" content="{escape(told.title)}">
    <meta property="article:published_time" content="{stamp}">
    <meta name="keywords" content="{escape(", ".join(told.tags))}">
    <script type="application/ld+json">{_json_ld(told)}</script>
  </head>
  <body>{_header(strip)}
    <article class="story" id="story-{told.id}">
      <h2 class="story__title">{_link(told)}</h2>
      <div class="story__info">
        <span class="story__byline">{escape(told.byline)}</span>
        <time class="story__time" datetime="{stamp}">{_printed(told.published)}</time>
      </div>
      <div class="story__content">{text}
      </div>
      <div class="story__tags">{tags}</div>
    </article>{_FOOTER}"""


def front_page(pieces: Iterable[Told], strip: Sequence[str]) -> str:
    """Lay the front page: the strip, and what is new."""
    news = "".join(f'\n        <li class="story">{_link(told)}</li>' for told in pieces)
    return f"""{_head("Front page", "/")}
  </head>
  <body>{_header(strip)}
    <main>
      <h1>{NAME}</h1>
      <ul>{news}
      </ul>
    </main>{_FOOTER}"""


def rss(pieces: Iterable[Told], site: str) -> str:
    """Write an RSS 2.0 feed."""
    items = "".join(
        f"<item><title>{escape(told.title)}</title><link>{site}{told.path}</link>"
        f'<guid isPermaLink="false">{HOME}/news/{told.id}</guid>'
        f"<pubDate>{format_datetime(told.published)}</pubDate>"
        f"<description>{escape(told.paragraphs[0])}</description></item>\n"
        for told in pieces
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0"><channel><title>{NAME}</title>'
        f"<link>{site}/</link><description>What is new at the harbour</description>\n"
        f"{items}</channel></rss>\n"
    )


def atom(pieces: Sequence[Told], site: str) -> str:
    """Write an Atom feed."""
    entries = "".join(
        f'<entry><title>{escape(told.title)}</title><link href="{site}{told.path}"/>'
        f"<id>{HOME}/news/{told.id}</id>"
        f"<published>{told.published.isoformat()}</published>"
        f"<updated>{told.published.isoformat()}</updated>"
        f"<author><name>{escape(told.byline)}</name></author>"
        f"<summary>{escape(told.paragraphs[0])}</summary></entry>\n"
        for told in pieces
    )
    updated = pieces[0].published.isoformat()
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="{_ATOM}">'
        f"<title>{NAME}: markets</title><id>{HOME}/markets</id>"
        f'<link href="{site}/"/><updated>{updated}</updated>\n'
        f"{entries}</feed>\n"
    )


def sitemap(pieces: Iterable[Told], site: str, folder: str) -> str:
    """Write a site map of the articles as they stand below a folder: `/news` or `/print`."""
    rows = "".join(
        f"<url><loc>{site}{told.path.replace('/news', folder, 1)}</loc>"
        f"<lastmod>{told.published.isoformat()}</lastmod></url>\n"
        for told in pieces
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="{_SITEMAP}">\n{rows}</urlset>\n'


def _head(title: str, path: str) -> str:
    return f"""<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>{escape(title)} - {NAME}</title>
    <link rel="canonical" href="{HOME}{path}">"""


def _header(strip: Sequence[str]) -> str:
    lines = "".join(map(_ticker, strip))
    sections = " ".join(f'<a href="/{name.lower()}">{name}</a>' for name in _SECTIONS)
    return f"""
    <header class="header">
      <ul class="ticker">{lines}
      </ul>
      <nav><a href="/">Home</a> {sections}</nav>
    </header>"""


def _ticker(line: str) -> str:
    symbol, price, move = line.split(" ", 2)
    return f"""
        <li><a href="/quotes/{symbol.lower()}"><b>{symbol}</b> <span>{price}</span>
          <span>{move}</span></a></li>"""


def _link(told: Told) -> str:
    return f'<a class="story__link" href="{told.path}">{escape(told.title)}</a>'


_FOOTER = f"""
    <footer><p>{NAME} is an invented newspaper: its stories and its prices are made up.</p></footer>
  </body>
</html>
"""


def _json_ld(told: Told) -> str:
    facts = {
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "headline": told.title,
        "author": {"@type": "Person", "name": told.byline},
        "datePublished": told.published.isoformat(),
        "keywords": list(told.tags),
    }
    # No text may end the script that it stands in.
    return json.dumps(facts).replace("</", "<\\/")


def _printed(moment: datetime) -> str:
    return f"{moment:%B} {moment.day}, {moment.year} {moment:%I:%M%p}".replace("AM", "am").replace(
        "PM", "pm"
    )
