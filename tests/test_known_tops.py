"""A page whose top has been read before is read as if it had not been."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings, strategies as st
from laying import BOX, HEADLINE, WHOLE_LINES, market, real_strips

from tickertrack import strips
from tickertrack.dialects import Dialect, load_dialect
from tickertrack.models import Strip
from tickertrack.strips import HeaderBlock, fold, fold_lines, read_strip, read_text

OLD, NEW = load_dialect("brecorder-2020"), load_dialect("brecorder-2022")
ARTICLE = load_dialect("foxbusiness")
GOOD = [line for strip in real_strips()[:6] for line in strip.lines[:6]]
# A line that only the newer form reads, one of another day, one of an article, and some that no
# form does.
OTHER = (
    *("KSE100 46,301 Increased By 203.55 (0.44%)", "date 2022-04-26 ANL 1.00 No Change 0.00 (0%)"),
    *("date 2021-06-22", "date 2022-04-26", "ANL 3\ufffd.30 Incr ▲ 0.20 (0.6%)", "ANL 1 ▲"),
    *("ANL 33.30 Increased  By ▲ 0.20 (0.6%)", "ANL 33.30 Increased\u00a0By ▲ 0.20 (0.6%)"),
    *("", "", "", " ", "Jun 22, 2021 PRINT EDITION", "Pakistan", HEADLINE, "\u200b", *BOX[:3]),
    *WHOLE_LINES[:2],
    *("GL | GLOW LAMPS | 180.44 | -1.72 | -0.94% |", "Last | Change"),
)
rows = st.lists(st.sampled_from((*GOOD[:8], *OTHER)), max_size=8)
tops = st.lists(st.sampled_from(GOOD), min_size=1, max_size=6)
orders = st.sampled_from(
    ((OLD, NEW), (NEW, OLD), (OLD,), (NEW,), (ARTICLE, OLD), (NEW, ARTICLE), (ARTICLE,))
)


def _told(strip: Strip, block: HeaderBlock) -> tuple[object, ...]:
    found = [(number, text, reading is None) for number, text, reading in block.lines]
    return strip, strip.digest, found, block.end, block.page_date, block.furniture


def _assert_same(text: str, dialects: Sequence[Dialect]) -> None:
    plain = [fold(line) for line in text.splitlines()]
    lines, strip, block = read_text(text, dialects, market())
    assert lines == plain
    assert _told(strip, block) == _told(*read_strip(plain, (), dialects, market()))


@settings(max_examples=250, deadline=None, database=None)
@given(rows.map(lambda found: found[:2]), tops, st.lists(rows, min_size=2, max_size=4), orders)
def test_whatever_stands_below_a_top_is_read_as_without_it(
    above: list[str], top: list[str], below: list[list[str]], dialects: tuple[Dialect, ...]
) -> None:
    for tail in below:
        _assert_same("\n".join((*above, *top, *tail)), dialects)


# All that splits words or lines, and what cannot be seen.
WHITE = "".join(one for one in map(chr, range(0x3001)) if one.isspace()) + "\u200b\ufeff"


@settings(max_examples=500, deadline=None, database=None)
@given(st.text("aé  " + WHITE, max_size=12))
def test_the_lines_of_a_text_are_folded_as_each_would_be(text: str) -> None:
    assert fold_lines(text) == [fold(line) for line in text.splitlines()]


def test_what_is_printable_is_seen_and_but_for_the_blank_no_white_space() -> None:
    # So that a line of nothing else is folded when its ends are.
    unseen = [one for one in map(chr, range(0x110000)) if one.isprintable() and fold(one) != one]
    assert unseen == [" "]


@settings(max_examples=100, deadline=None, database=None)
@given(st.lists(st.lists(st.sampled_from(GOOD[2:9]), max_size=4), min_size=3, max_size=6))
def test_strips_that_begin_alike_are_not_taken_for_each_other(rests: list[list[str]]) -> None:
    for rest in rests:
        _assert_same("\n".join((*GOOD[:2], *rest, "", HEADLINE)), (OLD, NEW))


def test_a_known_top_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    read_text("\n".join((*GOOD[:4], "", HEADLINE)), (OLD, NEW), market())
    monkeypatch.setattr(strips, "_best", None)
    lines, strip, block = read_text("\n".join((*GOOD[:4], "", BOX[0])), (OLD, NEW), market())
    assert [one.raw for one in strip.quotes] == lines[: block.end] == GOOD[:4]


def test_a_top_that_does_not_look_below_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    # The control: to give what is known of a top, whatever stands below, tells another story.
    text = "\n".join((*GOOD[:4], "", "ANL 1 ▲", HEADLINE))
    _assert_same(text, (OLD, NEW))
    blind = lambda self, *_: self.search.block() if self.search else None  # noqa: E731
    monkeypatch.setattr(strips._Top, "block_in", blind)  # noqa: SLF001
    with pytest.raises(AssertionError):
        _assert_same(text, (OLD, NEW))
