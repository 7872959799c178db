"""Settings: defaults, then the file, then the environment; what is unknown is refused by path."""

from __future__ import annotations

from pathlib import Path

import pytest

from tickertrack.config import Config, load_config
from tickertrack.errors import ConfigError

ROOT = Path(__file__).parents[1]


def written(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_no_file_means_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    config = load_config(None, {})
    assert config.market.name == "psx"
    assert config.collect.publishers == ("brecorder",)


def test_paths_are_relative_to_the_file(tmp_path: Path):
    config = load_config(written(tmp_path, '[database]\npath = "prices.db"\n'), {})
    assert config.database_path == tmp_path / "prices.db"


def test_the_environment_overrides_the_file(tmp_path: Path):
    path = written(tmp_path, "[collect]\nper_host_delay = 7\n")
    environ = {
        "TICKERTRACK_COLLECT_PER_HOST_DELAY": "9",
        "TICKERTRACK_COLLECT_PUBLISHERS": "one, two",
    }
    config = load_config(path, environ)
    assert config.collect.per_host_delay == 9.0
    assert config.collect.publishers == ("one", "two")


@pytest.mark.parametrize(
    ("text", "key", "advice"),
    [
        ("[colect]\n", "colect", "collect"),
        ('[collect]\npublisher = ["brecorder"]\n', "collect.publisher", "publishers"),
        ("[collect]\nper_host_delay = -1\n", "collect.per_host_delay", "below zero"),
        ("[collect]\npublishers = 3\n", "collect.publishers", "list of texts"),
        ("[database]\npath = 3\n", "database.path", "text"),
        ('[database]\npath = "a\\u0000b"\n', "database.path", "NUL"),
        ('[collect]\npublishers = ["a\\u0000b"]\n', "collect.publishers", "NUL"),
        ("database = 3\n", "database", "table"),
        ("[collect]\nper_host_delay = inf\n", "collect.per_host_delay", "finite"),
        ("[collect]\nper_host_delay = nan\n", "collect.per_host_delay", "finite"),
        ('[collect]\nallow_private = ["nohost"]\n', "collect.allow_private", "host:port"),
        ("[database\n", "", "is not TOML"),
    ],
)
def test_a_wrong_setting_is_named_by_its_path(tmp_path: Path, text: str, key: str, advice: str):
    path = written(tmp_path, text)
    with pytest.raises(ConfigError) as refused:
        load_config(path, {})
    assert str(path) in str(refused.value)
    assert key in str(refused.value)
    assert advice in str(refused.value)


def test_the_shipped_settings_are_the_defaults():
    shipped = load_config(ROOT / "config.toml", {})
    assert shipped._replace(folder=Path()) == Config()
