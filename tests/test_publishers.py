"""A publisher's file: what it may say, and how it is refused where it says something impossible."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings, strategies as st

from tickertrack.errors import ConfigError
from tickertrack.publishers import canonical_url, host_of, load_publisher

GOOD = """
name = "gazette"
hosts = ["gazette.example"]
article = '^/news/(?P<id>[0-9]+)'
canonical = "https://gazette.example/news/{id}"

[[dialects]]
name = "brecorder-2022"
"""


def load(folder: Path, text: str) -> None:
    (folder / "publishers").mkdir()
    (folder / "publishers/gazette.toml").write_text(text, encoding="utf-8")
    load_publisher("gazette", folder)


def test_a_good_file_is_loaded(tmp_path: Path):
    load(tmp_path, GOOD)


@pytest.mark.parametrize(
    ("good", "bad", "key"),
    [
        ('name = "gazette"', 'name = "herald"', "name"),
        ('["gazette.example"]', '"gazette.example"', "hosts"),
        ("'^/news/(?P<id>[0-9]+)'", "5", "article"),
        ("'^/news/(?P<id>[0-9]+)'", "'^/news/('", "article"),
        ("/news/{id}", "/news/{nope}", "canonical"),
        ("/news/{id}", "/news/{0}", "canonical"),
        ("/news/{id}", "/news/{", "canonical"),
        ('name = "brecorder-2022"', "from = 2022-01-01", "dialects.name"),
        ('name = "brecorder-2022"', 'name = "brecorder-2022"\nfrom = "x"', "dialects.from"),
        ('name = "brecorder-2022"', 'name = "brecorder-1922"', "brecorder-2022"),
        ("hosts =", "host =", "host"),
        ('hosts = ["gazette.example"]', 'timezone = "Asia/Nowhere"', "timezone"),
    ],
)
def test_a_bad_file_is_refused_by_its_key(tmp_path: Path, good: str, bad: str, key: str):
    assert good in GOOD
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, GOOD.replace(good, bad, 1))
    assert key in str(refused.value)


BRECORDER = load_publisher("brecorder")
hosts = st.one_of(st.sampled_from(("www.brecorder.com", "a.b", "u@h", "h:80")), st.text("aB.-@:[é"))
tails = st.text("/ab1?#;&=é[\\ \t\r\n\x00\x01\x1f\x85\u2028", max_size=12)


@settings(max_examples=1_000, deadline=None, database=None)
@given(st.sampled_from(("https://", "http://", "HTTP://", "//", " https://", "")), hosts, tails)
def test_a_plain_address_is_taken_apart_as_any_other(scheme: str, host: str, tail: str) -> None:
    url = f"{scheme}{host}{tail}"
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        assert host_of(url) is None
        return
    assert host_of(url) == parts.hostname
    # By the path alone an article is known.
    by_hand = BRECORDER.article.search(parts.path) if BRECORDER.article else None
    assert (canonical_url(url, BRECORDER) != canonical_url(url, None)) <= (by_hand is not None)


@pytest.mark.parametrize("tail", ["", "/", "?x=1", "#y", "\t", "/amp", "/a-story?x#y"])
def test_an_article_is_known_by_its_path(tail: str) -> None:
    url = f"https://www.brecorder.com/news/40000001{tail}"
    assert canonical_url(url, BRECORDER) == "https://www.brecorder.com/news/40000001"
