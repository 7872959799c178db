"""The yfinance style is what yfinance itself makes of the same prices, asked whole."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import yfinance as yf
from curl_cffi import CurlOpt
from curl_cffi.requests import Session
from support import made_pages, write_pages
from yahoo import Yahoo, certificate, yahoo
from yfinance.data import SingletonMeta

import tickertrack as tt

# yfinance 1.7 on pandas 3.1: theirs to mend.
pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword")

SYMBOLS = ("BOP", "ANL")
TRADED = 12_500


class Both(NamedTuple):
    """A tracker, and yfinance on the same prices."""

    tracker: tt.Tracker
    site: Yahoo
    session: Session[Any]

    def ours(self, symbols: str | list[str] = "ANL", **span: str) -> pd.DataFrame:
        """Ask the tracker."""
        return self.tracker.history(symbols, style="yfinance", **span)

    def theirs(self, symbol: str = "ANL", **more: Any) -> pd.DataFrame:
        """Ask yfinance of all days there are, if not of others."""
        asked = {"start": "2021-01-01", "end": "2022-12-31"} | more
        return yf.Ticker(f"{symbol}.KA", session=self.session).history(**asked)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    folder = tmp_path_factory.mktemp("yfinance")
    with pytest.MonkeyPatch.context() as patch, tt.open(folder / "x.db") as tracker:
        tracker.ingest(write_pages(folder / "pages.jsonl", made_pages(120)))
        charts = {f"{symbol}.KA": as_listed(tracker, symbol) for symbol in SYMBOLS}
        trusted = certificate(folder)
        # Whatever went past the proxy would end here too.
        here = {CurlOpt.RESOLVE: ["*:443:127.0.0.1"]}
        yf.set_tz_cache_location(str(folder))
        patch.setattr(SingletonMeta, "_instances", {})
        with yahoo(trusted, charts) as site, Session(verify=str(trusted), curl_options=here) as one:
            patch.setitem(yf.config.network.data, "proxy", site.proxy)
            yield Both(tracker, site, one)


def as_listed(tracker: tt.Tracker, symbol: str) -> pd.DataFrame:
    """Give a symbol's prices with a volume, which an exchange knows and a strip does not."""
    candles = tracker.history(symbol, style="yfinance")
    return candles.assign(Volume=[None, *[TRADED] * (len(candles) - 1)])


def test_a_symbols_frame_is_that_of_ticker_history(both: Both):
    ours, theirs = both.ours(), both.theirs()
    assert len(ours) > 20
    assert ours["Open"].isna().any(), "a session that no page shows is to be among them"
    # All but the volume are the same: index, its name, zone and unit; columns, types, figures.
    known = ["Open", "High", "Low", "Close"]
    pd.testing.assert_frame_equal(ours[known], theirs[known], check_freq=False)
    assert list(theirs) == [*ours, "Dividends", "Stock Splits"]


def test_without_its_actions_the_columns_are_ours(both: Both):
    theirs = both.theirs(actions=False)
    pd.testing.assert_index_equal(both.ours().columns, theirs.columns)


def test_a_volume_that_nobody_knows_is_0_there_and_nan_here(both: Both):
    ours, theirs = both.ours()["Volume"], both.theirs()["Volume"]
    assert (theirs.dtype, theirs.iloc[0], theirs.iloc[1]) == (np.int64, 0, TRADED)
    assert ours.dtype == np.float64
    assert ours.isna().all()
    # Without a figure no sum, no mean: not 0.
    assert np.isnan(ours.mean())
    assert np.isnan(ours.sum(min_count=1))


def test_our_end_is_the_day_before_theirs(both: Both):
    first, *_, last = (str(day.date()) for day in both.ours().index[3:9])
    after = str(pd.Timestamp(last).date() + timedelta(days=1))
    ours = both.ours(start=first, end=last)
    pd.testing.assert_index_equal(ours.index, both.theirs(start=first, end=after).index)
    assert len(ours) - len(both.theirs(start=first, end=last)) == 1


def test_several_symbols_are_those_of_download(both: Both):
    ours = both.ours(list(SYMBOLS))
    tickers = [f"{symbol}.KA" for symbol in SYMBOLS]
    span = {"start": "2021-01-01", "end": "2022-12-31"}
    how = {"threads": False, "progress": False, "ignore_tz": False}
    downloaded = yf.download(tickers, **span, **how, session=both.session)
    theirs = downloaded.rename(columns=lambda name: name.removesuffix(".KA"), level="Ticker")
    pd.testing.assert_index_equal(ours.columns, theirs.columns)
    known = ["Close", "High", "Low", "Open"]
    pd.testing.assert_frame_equal(ours[known], theirs[known], check_freq=False)


def test_no_other_host_was_asked(both: Both):
    both.theirs("BOP", start="2021-03-02")
    assert {*both.site.hosts} == {
        "fc.yahoo.com",
        "query1.finance.yahoo.com",
        "query2.finance.yahoo.com",
    }
