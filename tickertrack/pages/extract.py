"""An article's text out of its markup; of one that is captured again, what was found before."""

from __future__ import annotations

import hashlib
import logging
from collections import OrderedDict
from configparser import ConfigParser
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache

from tickertrack.pages.bounds import TAGS_TO_EXTRACT
from tickertrack.pages.story import Story

__all__ = ["main_text"]

# So many letters of text are remembered: of some thousand articles.
_REMEMBERED = 16 * 1024 * 1024
_ENTRY = 200
# Of a whole page the extractor takes less for no article; what is known to be one may be short.
_LEAST = 250


def main_text(story: Story, page: str) -> str:
    """
    Give the text of an article: of the markup in which it stands, or of the whole page.

    The same markup has the same text, whoever finds it and in whatever order.
    """
    least = 1 if story.alone else _LEAST
    text = _memory.text_of(story.html, least)
    return text if len(text) >= least else _extracted(page, _LEAST)


@dataclass(slots=True)
class _Memory:
    """What was found of the markup that was seen last."""

    texts: OrderedDict[bytes, str] = field(default_factory=OrderedDict)
    size: int = 0

    def text_of(self, html: str, least: int) -> str:
        """Extract a text, unless that was done already."""
        key = hashlib.sha256(html.encode("utf-8", "surrogatepass")).digest()
        if key in self.texts:
            self.texts.move_to_end(key)
            return self.texts[key]
        text = self.texts[key] = _extracted(html, least)
        self.size += _ENTRY + len(text)
        while self.size > _REMEMBERED:
            self.size -= _ENTRY + len(self.texts.popitem(last=False)[1])
        return text


_memory = _Memory()


def _extracted(html: str, least: int) -> str:
    if html.count("<") > TAGS_TO_EXTRACT:
        return ""
    from trafilatura import bare_extraction  # noqa: PLC0415  (280 ms)

    # It warns of every page without an article, which is no fault of the page's.
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    config = _config(least)
    try:
        found = bare_extraction(
            html, fast=True, include_comments=False, include_tables=False, config=config
        )
    except (ValueError, RecursionError, TypeError, AttributeError):
        # The library stumbles over some markup; the page's own lines are then the text.
        return ""
    text = getattr(found, "text", None)
    return text if isinstance(text, str) else ""


@cache
def _config(least: int) -> ConfigParser:
    from trafilatura.settings import DEFAULT_CONFIG  # noqa: PLC0415  (likewise)

    config = deepcopy(DEFAULT_CONFIG)
    config["DEFAULT"]["MIN_EXTRACTED_SIZE"] = str(least)
    return config
