"""Markup is read as a reader sees it, and an article's text out of the article's own element."""

from __future__ import annotations

import random
from collections.abc import Iterator
from html import unescape

import pytest
import trafilatura
from laying import HEADLINE, SENTENCES, read
from resiliparse.parse.html import HTMLTree

from tickertrack.pages import extract
from tickertrack.pages.lines import boxed_lines, plain_lines
from tickertrack.pages.story import story_of
from tickertrack.pages.visible import TAG, visible, without_code
from tickertrack.strips import fold

LINE = "ANL 33.30 Increased By ▲ 0.20 (0.6%)"
OTHER = "BOP 5.44 No Change ▼ 0.00 (0%)"
PARAGRAPHS = "".join(f"<p>{sentence}</p>" for sentence in SENTENCES)


def written(html: str) -> str:
    return str(HTMLTree.parse(f"<!doctype html>{html}").document.html)


def shown(html: str) -> str:
    return visible(without_code(written(html))[0])


def lines(html: str) -> list[str]:
    return plain_lines(shown(html))


# --- what a reader sees ---------------------------------------------------------------------------

SEEN = [
    ("a<!-- b > <p> -->c", ["ac"]),
    ("a<script>b</p> '<!--' </script>c<script>d</script>e", ["ace"]),
    ("a<style>p > b {}</style>c", ["ac"]),
    ("<div>a<div hidden>b<div>c</div>d</div>e</div>f", ["ae", "f"]),
    ("<div>a<div hidden><script>'<div>'</script></div>b</div>c", ["ab", "c"]),
    ("<svg><svg>a</svg><text>b</text></svg>c", ["c"]),
    ("<svg><script>&lt;/script&gt;</script>a</svg>b", ["b"]),
    ("<p>a<b style='x:y; DISPLAY:/**/none'>b</b>c<p>d", ["ac", "d"]),
    ("<p title='<b hidden>'>a</p><p title=\" style='display:none'\">b</p>", ["a", "b"]),
    ('&lt;b hidden=""&gt;a &lt;p&gt; &amp;lt; &nbsp;b', ['<b hidden="">a <p> &lt; b']),
    ("<a href=x<b>a</a><p>b", ["a", "b"]),
    ("<a href='x'<b>a</a><p>b", ["a", "b"]),
    ("<p a\"b=c d'e f>a</p>b", ["a", "b"]),
    ("<xmp><b>a</b></xmp>", ["<b>a</b>"]),
    ("a<noscript><p>b</p></noscript><textarea>c</textarea><iframe>d</iframe>e", ["ae"]),
    ("<ul><li>a<li>b<br>c</ul>d<hr>e", ["a", "b", "c", "d", "e"]),
    ("a\nb <i>c</i><b>d</b>\n<p>e\u200bf", ["a b cd", "ef"]),
    ("<template><p>a</p></template><select><option>b</select>c", ["c"]),
]


@pytest.mark.parametrize(("html", "expected"), SEEN)
def test_what_a_reader_sees_is_text_and_nothing_else(html: str, expected: list[str]) -> None:
    assert lines(html) == expected
    assert boxed_lines(shown(html), lambda _: False) == expected


WORDS = ("a", "&amp;", "&lt;p&gt;", "&nbsp;", "<b", '"', "'", "\n", " ", LINE, "<!--", "-->", "</")
NAMES = "div p b a span table tr td ul li h1 article header nav select svg title br img".split()
ATTRIBUTES = ("", " hidden", " class='x > y'", " <b", ' a"b=c', ' title="<p hidden>"', " =x", "/")


def fuzzed(seed: int, count: int) -> Iterator[str]:
    rng = random.Random(seed)  # noqa: S311  (the same inputs again, not a secret)
    for _ in range(count):
        tags = (f"<{rng.choice(NAMES)}{rng.choice(ATTRIBUTES)}>" for _ in range(20))
        ends = (f"</{rng.choice(NAMES)}>" for _ in range(20))
        pieces = (rng.choice(WORDS) for _ in range(20))
        yield "".join(piece for three in zip(tags, pieces, ends, strict=True) for piece in three)


def test_the_tags_of_what_a_parser_writes_are_told_by_their_pattern() -> None:
    # Told wrong, a tag would leave its bracket, or take a text with it: the library's own text of
    # the tree is the same.
    for html in fuzzed(1, 400):
        left = TAG.sub("", without_code(written(html))[0])
        assert "<" not in left, html
        whole = HTMLTree.parse(f"<!doctype html>{html}").document.query_selector("html").text
        assert fold(unescape(left)) == fold(whole), html


def test_fuzzed_markup_gives_the_same_lines_in_either_way() -> None:
    for html in fuzzed(2, 400):
        seen = shown(html)
        assert boxed_lines(seen, lambda _: False) == plain_lines(seen), html


# --- an article's text ----------------------------------------------------------------------------


def page(strip: str, others: str, article: str = PARAGRAPHS, **around: str) -> str:
    box = (
        f"<article class=box><h3><a href=/x>{others}</a></h3><div>{others} is told</div></article>"
    )
    return (
        f"<!doctype html><html><body><header><ul><li>{strip}</ul></header>{box}"
        f"{around.get('before', '<article>')}<h1>{HEADLINE}</h1>{article}"
        f"{around.get('after', '</article>')}<section><h2>More</h2>{box * 20}</section>"
        f"<footer><p>All rights reserved {others}</p></footer></body></html>"
    )


@pytest.fixture
def extractions(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """List the documents that the real extractor is given."""
    given: list[str] = []
    real = trafilatura.bare_extraction

    def noted(html: str, **options: object) -> object:
        given.append(html)
        return real(html, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(trafilatura, "bare_extraction", noted)
    monkeypatch.setattr(extract, "_memory", extract._Memory())  # noqa: SLF001
    return given


CAPTURES = [page(strip, others) for strip in (LINE, OTHER) for others in ("Reeds", "Salt")]


def texts_of(captures: list[str]) -> set[str]:
    return {read(one, html=True).article.text for one in captures}


def test_an_article_that_is_captured_again_is_extracted_once(extractions: list[str]) -> None:
    for article in (PARAGRAPHS, PARAGRAPHS * 9):
        extractions.clear()
        pages = [
            page(strip, other, article) for strip in (LINE, OTHER) for other in ("Reeds", "Salt")
        ]
        assert len(texts_of(pages)) == 1
        assert len(extractions) == 1
    # The controls: another article, and one whose words have changed.
    extractions.clear()
    changed = PARAGRAPHS.replace("two evenings", "three evenings")
    assert len(texts_of([page(LINE, "Reeds", changed), page(LINE, "Reeds", f"{changed}<p>x")])) == 2
    assert len(extractions) == 2


def test_an_articles_text_is_its_own_paragraphs(extractions: list[str]) -> None:
    assert texts_of(CAPTURES) == {"\n".join(SENTENCES)}
    assert extractions


def test_an_article_has_the_same_text_whatever_was_read_before_it() -> None:
    captures = [
        *CAPTURES,
        page(LINE, "Reeds", f"{PARAGRAPHS}<p>More."),
        page(LINE, "x", "<p>Short."),
    ]
    alone = {}
    for one in captures:
        extract._memory.texts.clear()  # noqa: SLF001
        alone[one] = read(one, html=True).article
    for seed in range(5):
        for one in random.Random(seed).sample(captures * 2, 2 * len(captures)):  # noqa: S311
            assert read(one, html=True).article == alone[one]


def test_a_page_without_an_article_element_gives_its_text_as_a_whole() -> None:
    divided = {"before": "<div class=story>", "after": "</div>", "article": PARAGRAPHS * 4}
    (text,) = texts_of([page(strip, "Reeds", **divided) for strip in (LINE, OTHER)])
    assert set(SENTENCES) <= set(text.split("\n"))
    assert LINE not in text


def test_an_element_is_taken_for_the_article_only_where_most_paragraphs_stand_in_it() -> None:
    box = "<article><p>A teaser.</p></article>"
    alone = story_of(f"<body>{box}<article><h1>x</h1>{PARAGRAPHS}</article>{box}</body>")
    assert alone.alone
    assert alone.html == f"<html><body><article><h1>x</h1>{PARAGRAPHS}</article></body></html>"
    for rest in (f"<div>{PARAGRAPHS}</div>{box}", "<div>No paragraph.</div>"):
        whole = story_of(f"<body>{rest}</body>")
        assert (whole.alone, rest in whole.html) == (False, True)


def test_what_is_remembered_of_articles_has_a_bound(
    extractions: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extract, "_REMEMBERED", 1_500)
    for number in range(8):
        read(page(LINE, "Reeds", f"{PARAGRAPHS}<p>{number}</p>"), html=True)
    memory = extract._memory  # noqa: SLF001
    assert 0 < memory.size <= 1_500
    assert 1 < len(memory.texts) < len(extractions)
    assert memory.size == sum(len(one) + extract._ENTRY for one in memory.texts.values())  # noqa: SLF001
    assert len(extractions) == 8
