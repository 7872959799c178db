"""Pages of markup to measure with: a made-up newspaper's, of 80 to 150 KB each."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import datetime, timedelta

from bench.webtext import Corpus, sentence, text_pages

__all__ = ["html_pages"]

_SECTIONS = "Markets Business Energy Council Harbour World Sport Opinion Print Weather".split()
_CARDS, _LINKS, _TEASER = 24, 160, 18
_LEAST, _MOST = 80_000, 150_000


def html_pages(corpus: Corpus) -> Iterator[tuple[str, datetime, str]]:
    """
    Yield address, capture time and markup of each page of a corpus whose pages all show a strip.

    Around strip and article stand what a newspaper's pages have: menus, places for advertisements,
    boxes of other news, which are not the same in two captures, styles and scripts.
    """
    for number, (address, captured_at, text) in enumerate(text_pages(corpus)):
        chance = random.Random(f"{corpus.seed} {number}")  # noqa: S311  (the same pages again)
        strip, _, article = text.partition("\n\n")
        title, byline, *rest = article.split("\n")
        yield address, captured_at, "".join((
            _head(address, title, captured_at),
            _header(strip),
            '<main class="page"><div class="row"><div class="col-8">',
            _story(title, byline, [line for line in rest if line]),
            _cards(chance),
            f'</div><div class="col-4">{_sidebar(chance)}</div></div></main>',
            _footer(random.Random(title), chance),  # noqa: S311
        ))  # fmt: skip


def _head(address: str, title: str, captured_at: datetime) -> str:
    facts = {
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "headline": title,
        "author": {"@type": "Person", "name": "Recorder Report"},
        "datePublished": (captured_at - timedelta(hours=1)).isoformat(),
        "keywords": title.split()[:3],
    }
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>\n'
        f'<link rel="canonical" href="{address}"><meta property="og:title" content="{title}">\n'
        f'<meta name="viewport" content="width=100%">\n'
        f'<script type="application/ld+json">{json.dumps(facts)}</script>\n'
        f"<style>{_filled('.part-{0}{{margin:0 auto;padding:{0}px}}', 12_000)}</style></head>\n"
    )


def _header(strip: str) -> str:
    lines = "\n".join(
        f'<li class="ticker__item"><a href="/quotes/{line.split()[0].lower()}"><b>{symbol}</b> '
        f"<span>{rest}</span></a></li>"
        for line in strip.split("\n")
        for symbol, _, rest in (line.partition(" "),)
    )
    menu = "\n".join(
        f'<li class="menu__item"><a class="link" href="/{name.lower()}/{number}">{name}</a></li>'
        for number in range(8)
        for name in _SECTIONS
    )
    return (
        f'<body class="single"><header class="header"><ul class="ticker">{lines}</ul>'
        f'<nav class="menu"><ul>{menu}</ul></nav></header>\n'
    )


def _story(title: str, byline: str, paragraphs: list[str]) -> str:
    text = "\n".join(
        f'<p>{line}</p>\n<div class="ad" id="ad-{number}"><script>show({number});</script></div>'
        for number, line in enumerate(paragraphs)
    )
    return (
        f'<article class="story" id="story"><h2 class="story__title">{title}</h2>\n'
        f'<div class="story__info"><span class="story__byline">{byline}</span></div>\n'
        f'<div class="story__content">{text}</div></article>\n'
    )


def _cards(chance: random.Random) -> str:
    return "\n".join(
        f'<article class="box story" data-id="{chance.randrange(10**8)}"><figure class="media">'
        f'<a href="/news/{chance.randrange(10**8)}"><img class="lazy" width="300" height="180" '
        f'src="/pictures/{chance.randrange(10**8)}.jpg" srcset="/pictures/300.jpg 300w, '
        '/pictures/600.jpg 600w, /pictures/900.jpg 900w" alt=""></a></figure>'
        f'<h3 class="story__title"><a href="#">{sentence(chance, 9)}</a></h3>'
        f'<div class="story__excerpt">{sentence(chance, _TEASER)}</div>'
        f'<span class="timestamp">{chance.randrange(1, 59)} minutes ago</span></article>'
        for _ in range(_CARDS)
    )


def _sidebar(chance: random.Random) -> str:
    rows = "\n".join(
        f'<li class="list__item"><a class="list__link" href="/news/{chance.randrange(10**8)}">'
        f'{sentence(chance, 8)}</a> <span class="badge">{chance.randrange(99)}</span></li>'
        for _ in range(_LINKS)
    )
    return f'<aside class="sidebar"><h4>Most read</h4><ol class="list">{rows}</ol></aside>'


def _footer(own: random.Random, chance: random.Random) -> str:
    scripts = _filled(
        "window.queue.push(function(){{return load('/parts/{0}.js')}});",
        own.randrange(_LEAST, _MOST) - 66_000,
    )
    return (
        f'<footer class="footer"><p>All rights reserved</p></footer><script>var stamp='
        f"{chance.randrange(10**12)};{scripts}</script></body></html>\n"
    )


def _filled(form: str, size: int) -> str:
    """Repeat a piece of a style or a script to about a size."""
    return "\n".join(form.format(number) for number in range(size // len(form)))
