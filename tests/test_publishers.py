"""A publisher's file: what it may say, and how it is refused where it says something impossible."""

from __future__ import annotations

from pathlib import Path

import pytest

from tickertrack.errors import ConfigError
from tickertrack.publishers import load_publisher

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
