"""EquityQuote: the last price of each symbol."""

from __future__ import annotations

from datetime import date
from typing import Any

from openbb_core.provider.abstract.fetcher import Fetcher
from openbb_core.provider.standard_models.equity_quote import (
    EquityQuoteData,
    EquityQuoteQueryParams,
)
from pydantic import Field

from tickertrack.markets import Market, symbols_of as listed_of
from tickertrack.openbb.asked import SEVERAL, asked, known, share, symbols_of

__all__ = ["EquityQuoteFetcher"]

Row = dict[str, Any]


class TickertrackEquityQuoteQueryParams(EquityQuoteQueryParams):
    """Query of tickertrack for last prices."""

    __json_schema_extra__ = SEVERAL


class TickertrackEquityQuoteData(EquityQuoteData):
    """
    The last price that news pages show or imply.

    `close` is known where the price is final; `prev_close` is the reference price, which is not
    always the official one.
    """

    session: date = Field(description="The trading day that the price belongs to.")
    status: str = Field(description="final, intraday, implied or provisional.")
    quotes: int = Field(description="How many pages witness the price's session.")
    method: str = Field(description="How its session was found: matched, captured or stated.")


class EquityQuoteFetcher(
    Fetcher[TickertrackEquityQuoteQueryParams, list[TickertrackEquityQuoteData]]
):
    """Fetches last prices."""

    require_credentials = False

    @staticmethod
    def transform_query(params: Row) -> TickertrackEquityQuoteQueryParams:
        """Check what was asked for."""
        return TickertrackEquityQuoteQueryParams(**params)

    @staticmethod
    def extract_data(
        query: TickertrackEquityQuoteQueryParams, credentials: dict[str, str] | None, **_: Any
    ) -> list[Row]:
        """Read last prices. Raises EmptyDataError, with a near symbol, where there is none."""
        names = symbols_of(query.symbol)
        with asked(credentials) as tracker:
            market = tracker.market()
            rows = known(tracker, names, tracker.latest_rows(names))
        return [_described(row, market) for row in rows]

    @staticmethod
    def transform_data(
        query: TickertrackEquityQuoteQueryParams,  # noqa: ARG004  (OpenBB's own call)
        data: list[Row],
        **_: Any,
    ) -> list[TickertrackEquityQuoteData]:
        """Name the columns as OpenBB does."""
        return [TickertrackEquityQuoteData(**_quote(row)) for row in data]


def _described(row: Row, market: Market) -> Row:
    listed = listed_of(market).get(row["symbol"])
    kind = "index" if market.board_of(row["symbol"]) == "index" else "stock"
    return {**row, "name": listed and listed.name, "exchange": market.calendar, "kind": kind}


def _quote(row: Row) -> Row:
    return {
        "symbol": row["symbol"],
        "asset_type": row["kind"],
        "name": row["name"],
        "exchange": row["exchange"],
        "last_price": row["price"],
        "last_timestamp": row["last_seen"],
        "open": row["first"],
        "high": row["high"],
        "low": row["low"],
        "close": row["price"] if row["status"] == "final" else None,
        "prev_close": row["reference_price"],
        "change": row["change"],
        "change_percent": share(row["change_percent"]),
        "session": row["session"],
        "status": row["status"],
        "quotes": row["quotes"],
        "method": row["method"],
    }
