"""OpenBB asks us: its own executor and models here, `obb` and its command line in the slow tier."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from datetime import date, datetime
from importlib.metadata import EntryPoint
from pathlib import Path
from site import getsitepackages
from typing import Any, NamedTuple

import pandas as pd
import pytest
from environments import PIP, built, packages_of, python_of
from newsroom import article, strip_page
from openbb_core.app.model.abstract.error import OpenBBError
from openbb_core.app.model.abstract.warning import OpenBBWarning
from openbb_core.app.model.obbject import OBBject
from openbb_core.provider.query_executor import QueryExecutor
from openbb_core.provider.registry import Registry
from openbb_core.provider.registry_map import RegistryMap
from openbb_core.provider.utils.errors import EmptyDataError
from pydantic import SecretStr
from support import write_pages
from test_docs import as_printed, commands_of

import tickertrack as tt
from tickertrack.store.read import HISTORY

ROOT = Path(__file__).parents[1]
WED, THU, FRI = (date(2021, 4, day) for day in (7, 8, 9))

Ask = Callable[..., list[Any]]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("openbb")
    pages = [
        strip_page(WED, {"ANL": (33.3, 33.1), "KSE100": (44_700, 44_500)}),
        strip_page(THU, {"ANL": (33.9, 33.3), "BOP": (9.1, 9.0), "KSE100": (44_800, 44_700)}),
        article(1, "Azgard Nine Limited doubles denim exports", "2021-04-07T11:00"),
        article(2, "Retailers order early", "2021-04-08T10:00", "Azgard Nine Limited sells."),
        article(3, "The Bank of Punjab opens a branch", "2021-04-08"),
        article(4, "Azgard Nine Limited paints its gate", "2021-04-09T23:30"),
    ]
    with tt.open(folder / "tickertrack.db") as tracker:
        tracker.ingest(write_pages(folder / "pages.jsonl", pages))
    return folder / "tickertrack.db"


@pytest.fixture(scope="module")
def registry() -> Registry:
    """Load the provider as OpenBB does: by what pyproject.toml says."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    ((name, value),) = project["entry-points"]["openbb_provider_extension"].items()
    registry = Registry()
    registry.include_provider(EntryPoint(name, value, "openbb_provider_extension").load())
    return registry


@pytest.fixture
def ask(database: Path, registry: Registry) -> Ask:
    """Ask OpenBB's executor for a model's rows."""

    def ask_for(model: str, **params: Any) -> list[Any]:
        credentials = {"tickertrack_database": SecretStr(str(database))}
        executor = QueryExecutor(registry)
        return list(asyncio.run(executor.execute("tickertrack", model, params, credentials)))

    return ask_for


EXAMPLES = [
    ("EquityHistorical", {"symbol": "ANL"}),
    ("EquityQuote", {"symbol": "ANL"}),
    ("IndexHistorical", {"symbol": "KSE100"}),
    ("CompanyNews", {"symbol": "ANL", "limit": 2}),
]


@pytest.mark.parametrize(("model", "params"), EXAMPLES)
def test_every_fetcher_passes_openbbs_own_test(
    model: str, params: dict[str, Any], database: Path, registry: Registry
):
    fetcher = registry.providers["tickertrack"].fetcher_dict[model]
    fetcher.test(params, {"tickertrack_database": str(database)})


def test_every_fetcher_has_its_example(registry: Registry):
    assert {model for model, _ in EXAMPLES} == set(registry.providers["tickertrack"].fetcher_dict)


def test_history_has_openbbs_columns_and_the_unknown_is_none(ask: Ask):
    first, second = ask("EquityHistorical", symbol="anl")
    assert (first.date, first.close, first.volume, first.vwap) == (WED, 33.3, None, None)
    assert (first.open, first.high, first.low) == (33.3, 33.3, 33.3)
    assert (second.reference_price, second.change, second.change_percent) == (33.3, 0.6, 0.018)


def test_a_session_that_no_page_shows_has_a_close_and_nothing_else(registry: Registry):
    fetcher = registry.providers["tickertrack"].fetcher_dict["EquityHistorical"]
    row = dict.fromkeys(HISTORY) | {"symbol": "BOP", "session": "2021-04-07", "price": 9.0}
    row |= {"status": "implied", "quotes": 0, "method": "matched"}
    (implied,) = fetcher.transform_data(None, [row])
    assert (implied.date, implied.close, implied.status) == (WED, 9.0, "implied")
    assert (implied.open, implied.high, implied.low, implied.volume) == (None,) * 4


@pytest.mark.parametrize(
    ("span", "sessions"),
    [
        ({}, [WED, THU]),
        ({"start_date": THU}, [THU]),
        ({"end_date": WED}, [WED]),
        ({"start_date": WED, "end_date": THU}, [WED, THU]),
    ],
)
def test_both_dates_are_included(ask: Ask, span: dict[str, date], sessions: list[date]):
    assert [row.date for row in ask("EquityHistorical", symbol="ANL", **span)] == sessions
    assert [row.date for row in ask("IndexHistorical", symbol="KSE100", **span)] == sessions


def test_of_several_symbols_those_that_are_known_are_answered(ask: Ask):
    with pytest.warns(OpenBBWarning, match=r"ANLL: no such symbol; did you mean ANL\?"):
        rows = ask("EquityHistorical", symbol="ANL,BOP,ANLL")
    assert {row.symbol for row in rows} == {"ANL", "BOP"}


# openbb-core 2.0 on pandas 3.1: theirs to mend.
@pytest.mark.filterwarnings("ignore:The inplace keyword")
@pytest.mark.parametrize("symbols", ["ANL", "BOP,ANL", "KSE100"])
def test_the_openbb_style_is_openbbs_frame(ask: Ask, database: Path, symbols: str):
    theirs = OBBject(results=ask("EquityHistorical", symbol=symbols)).to_df()
    with tt.open(database) as tracker:
        ours = tracker.history(symbols.split(","), style="openbb")
    pd.testing.assert_frame_equal(ours, theirs)
    assert "volume" not in theirs


def test_a_quote_is_the_last_price_with_what_is_known_of_it(ask: Ask):
    (quote,) = ask("EquityQuote", symbol="ANL")
    assert (quote.symbol, quote.asset_type, quote.name) == ("ANL", "stock", "Azgard Nine Limited")
    assert (quote.session, quote.last_price, quote.prev_close) == (THU, 33.9, 33.3)
    assert (quote.volume, quote.bid, quote.ask, quote.year_high) == (None,) * 4
    assert quote.close == (33.9 if quote.status == "final" else None)
    assert quote.last_timestamp is not None
    assert quote.last_timestamp.utcoffset() is not None


def test_news_is_the_newest_first_and_no_more_than_asked_for(ask: Ask):
    gate, order, denim = ask("CompanyNews", symbol="ANL")
    assert [gate.title[-5:], order.title[-5:], denim.title[-5:]] == [" gate", "early", "ports"]
    assert (denim.about, order.about, order.symbols) == ("ANL", None, "ANL")
    (newest,) = ask("CompanyNews", symbol="ANL", limit=1)
    assert newest.url == gate.url
    assert gate.body is None


def test_news_of_a_range_is_of_the_exchanges_days(ask: Ask):
    # Half past eleven in the evening in Karachi, which is the 9th there as in UTC's evening.
    (gate,) = ask("CompanyNews", symbol="ANL", start_date=FRI, end_date=FRI)
    assert gate.date.date() == FRI
    (bank,) = ask("CompanyNews", symbol="BOP")
    assert (bank.precision, bank.date.replace(tzinfo=None)) == ("day", datetime(2021, 4, 8))  # noqa: DTZ001
    everyone = ask("CompanyNews", start_date=WED, end_date=THU)
    assert len(everyone) == 3


@pytest.mark.parametrize(
    ("model", "params", "error", "told"),
    [
        ("EquityHistorical", {"symbol": "ANLL"}, EmptyDataError, "did you mean ANL?"),
        ("EquityQuote", {"symbol": "BOPP"}, EmptyDataError, "did you mean BOP?"),
        ("CompanyNews", {"symbol": "ANLL"}, EmptyDataError, "did you mean ANL?"),
        ("CompanyNews", {"symbol": "KSE100"}, EmptyDataError, "no article in this range"),
        ("IndexHistorical", {"symbol": "KSE10"}, EmptyDataError, "did you mean KSE100"),
        ("IndexHistorical", {"symbol": "ANL"}, EmptyDataError, "ANL is no index"),
        ("EquityHistorical", {"symbol": "ANL", "start_date": FRI}, EmptyDataError, "no price"),
        (
            "EquityHistorical",
            {"symbol": "ANL", "start_date": FRI, "end_date": WED},
            OpenBBError,
            "both are included",
        ),
    ],
)
def test_what_cannot_be_answered_says_why(
    ask: Ask, model: str, params: dict[str, Any], error: type[Exception], told: str
):
    with pytest.raises(error, match=re.escape(told)):
        ask(model, **params)


def test_without_a_credential_the_command_lines_settings_hold(
    registry: Registry, database: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    fetcher = registry.providers["tickertrack"].fetcher_dict["EquityHistorical"]
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OpenBBError, match=r"tickertrack\.db"):
        asyncio.run(fetcher.fetch_data({"symbol": "ANL"}, {}))
    monkeypatch.setenv("TICKERTRACK_DATABASE_PATH", str(database))
    assert len(asyncio.run(fetcher.fetch_data({"symbol": "ANL"}, {}))) == 2
    monkeypatch.setenv("TICKERTRACK_DB", "elsewhere.db")
    with pytest.raises(OpenBBError, match=r"elsewhere\.db"):
        asyncio.run(fetcher.fetch_data({"symbol": "ANL"}, {}))


def test_openbb_shows_our_own_columns_and_parameters_as_ours(registry: Registry):
    known = RegistryMap(registry).standard_extra["EquityHistorical"]["tickertrack"]
    assert set(known["QueryParams"]["fields"]) == {"as_of", "follow_renames", "adjusted"}
    assert {"symbol", "reference_price", "status", "quotes"} <= set(known["Data"]["fields"])


# ---- `obb` itself, and its command line


PLATFORM = ("openbb-cli>=2,<3", "openbb-equity>=2,<3", "openbb-index>=2,<3", "openbb-news>=2,<3")
# Its script names the place where the environment was made.
COMMAND_LINE = "import sys; from openbb_cli.cli import main; sys.exit(main())"
FRAME = """
import pandas as pd
import tickertrack as tt
from openbb import obb
theirs = obb.equity.price.historical("ANL", provider="tickertrack").to_df()
with tt.open({database!r}) as tracker:
    pd.testing.assert_frame_equal(tracker.history("ANL", style="openbb"), theirs)
print("frame", theirs.to_json())
"""


class Platform(NamedTuple):
    """An OpenBB of its own: its Python, and what that is to be run with."""

    python: Path
    environ: dict[str, str]

    def run(self, code: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a program in it."""
        line, where = [str(self.python), "-c", code, *words], self.environ["HOME"]
        return subprocess.run(
            line, cwd=where, env=self.environ, capture_output=True, text=True, check=False
        )


@pytest.fixture(scope="module")
def platform(database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Put our wheel beside OpenBB's routers; what OpenBB builds of them, it builds in a copy."""
    python = python_of(".venv-openbb", PLATFORM)
    folder = tmp_path_factory.mktemp("platform")
    site = folder / "site"
    subprocess.run([*PIP, "install", "--no-deps", "--target", site, built(folder)], check=True)
    original = packages_of(python.parents[1]) / "openbb"
    shutil.copytree(original, site / "openbb")
    before = sorted(original.rglob("*"))
    # What tickertrack depends on is lent from here.
    path = f"{site}{os.pathsep}{getsitepackages()[0]}"
    own = {"HOME": str(folder), "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    yield Platform(python, {**os.environ, **own, "TICKERTRACK_DATABASE": str(database)})
    assert sorted(original.rglob("*")) == before


@pytest.mark.slow
def test_obb_gives_a_data_frame_which_is_that_of_the_style(platform: Platform):
    built_first = platform.run("import openbb")
    assert "tickertrack@" in built_first.stdout
    told = platform.run(FRAME.format(database=platform.environ["TICKERTRACK_DATABASE"]))
    assert told.returncode == 0, told.stderr
    (line,) = [line for line in told.stdout.splitlines() if line.startswith("frame ")]
    frame = json.loads(line.removeprefix("frame "))
    assert list(frame["close"].values()) == [33.3, 33.9]
    assert "volume" not in frame


@pytest.mark.slow
def test_openbbs_command_line_answers_and_suggests(platform: Platform):
    words = ["equity.price.historical", "--provider", "tickertrack", "--symbol"]
    answer = json.loads(platform.run(COMMAND_LINE, *words, "ANL").stdout.splitlines()[-1])
    assert [row["close"] for row in answer["result"]["results"]] == [33.3, 33.9]
    refused = platform.run(COMMAND_LINE, *words, "ANLL")
    assert "did you mean ANL?" in refused.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("call", "symbol"),
    [("equity.price.quote", "ANL"), ("index.price.historical", "KSE100"), ("news.company", "ANL")],
)
def test_openbbs_command_line_gives_the_other_models(platform: Platform, call: str, symbol: str):
    done = platform.run(COMMAND_LINE, call, "--provider", "tickertrack", "--symbol", symbol)
    assert json.loads(done.stdout.splitlines()[-1])["ok"], done.stdout


@pytest.mark.slow
def test_the_document_runs_as_printed(platform: Platform):
    home = Path(platform.environ["HOME"])
    demo = [sys.executable, "-m", "tickertrack", "demo", "--keep", str(home / "courier")]
    subprocess.run(demo, check=True, capture_output=True)
    platform.run("import openbb")
    document = ROOT / "docs/openbb.md"
    blocks = re.findall(r"```python\n(.*?)```.*?```\n(.*?)```", document.read_text(), re.DOTALL)
    for code, printed in blocks:
        told = platform.run(code)
        assert as_printed(printed, told.stdout), told
    platform.environ["TICKERTRACK_DATABASE"] = "courier/tickertrack.db"
    commands = commands_of(document)
    assert (len(blocks), len(commands)) == (1, 2)
    for command, printed in commands:
        told = platform.run(COMMAND_LINE, *shlex.split(command)[1:])
        assert as_printed(printed, told.stdout), told
