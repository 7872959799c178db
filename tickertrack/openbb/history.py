"""EquityHistorical and IndexHistorical: the price series, a row for each session."""

from __future__ import annotations

from typing import Any

from openbb_core.provider.abstract.data import Data
from openbb_core.provider.abstract.fetcher import Fetcher
from openbb_core.provider.standard_models.equity_historical import (
    EquityHistoricalData,
    EquityHistoricalQueryParams,
)
from openbb_core.provider.standard_models.index_historical import (
    IndexHistoricalData,
    IndexHistoricalQueryParams,
)
from openbb_core.provider.utils.errors import EmptyDataError
from pydantic import Field

from tickertrack.openbb.asked import SEVERAL, asked, known, share, symbols_of
from tickertrack.suggest import near

__all__ = ["EquityHistoricalFetcher", "IndexHistoricalFetcher"]

_OPEN = "The first price that was seen: the opening one only if a page shows it."
_HIGH = "The highest price that was seen; of a session that no page shows, unknown."
_LOW = "The lowest price that was seen; of a session that no page shows, unknown."
_REFERENCE = "The price that the change is measured from: close less change."
_CHANGE = "Change from the reference price."
_PERCENT = "Change from the reference price, as a normalized percentage."
_STATUS = "final, intraday, implied (no page shows the session) or provisional."
_QUOTES = "How many pages witness the price's session."
_METHOD = "How its session was found: matched, captured or stated."

Row = dict[str, Any]


class Seen(Data):
    """What a session's row says beside the price. Strips print no volume: that is unknown."""

    open: float | None = Field(default=None, description=_OPEN)
    high: float | None = Field(default=None, description=_HIGH)
    low: float | None = Field(default=None, description=_LOW)
    reference_price: float | None = Field(default=None, description=_REFERENCE)
    change: float | None = Field(default=None, description=_CHANGE)
    change_percent: float | None = Field(
        default=None,
        description=_PERCENT,
        json_schema_extra={"x-unit_measurement": "percent", "x-frontend_multiply": 100},
    )
    status: str = Field(description=_STATUS)
    quotes: int = Field(description=_QUOTES)
    method: str = Field(description=_METHOD)


class TickertrackEquityHistoricalQueryParams(EquityHistoricalQueryParams):
    """Query of tickertrack for the price series of stocks; both dates are included."""

    __json_schema_extra__ = SEVERAL

    as_of: str | None = Field(
        default=None, description="Answer with only what was stored by this time, ISO 8601."
    )
    follow_renames: bool = Field(default=False, description="Add what the symbol traded as before.")
    adjusted: bool = Field(
        default=False, description="Adjust for the corporate actions that actions.csv confirms."
    )


class TickertrackEquityHistoricalData(Seen, EquityHistoricalData):  # type: ignore[misc]  # optional
    """A session of a stock, as news pages show it."""

    symbol: str = Field(description="The symbol, as strips print it.")


class TickertrackIndexHistoricalQueryParams(IndexHistoricalQueryParams):
    """Query of tickertrack for the series of indices; both dates are included."""

    __json_schema_extra__ = SEVERAL


class TickertrackIndexHistoricalData(Seen, IndexHistoricalData):
    """A session of an index, as news pages show it."""


class EquityHistoricalFetcher(
    Fetcher[TickertrackEquityHistoricalQueryParams, list[TickertrackEquityHistoricalData]]
):
    """Fetches the price series of stocks."""

    require_credentials = False

    @staticmethod
    def transform_query(params: Row) -> TickertrackEquityHistoricalQueryParams:
        """Check what was asked for."""
        return TickertrackEquityHistoricalQueryParams(**params)

    @staticmethod
    def extract_data(
        query: TickertrackEquityHistoricalQueryParams,
        credentials: dict[str, str] | None,
        **_: Any,
    ) -> list[Row]:
        """Read rows of `prices`. Raises EmptyDataError, with a near symbol, where there is none."""
        names = symbols_of(query.symbol)
        with asked(credentials) as tracker:
            rows = tracker.history_rows(
                names,
                query.start_date,
                query.end_date,
                as_of=query.as_of,
                follow_renames=query.follow_renames,
                adjusted=query.adjusted,
            )
            return known(tracker, names, rows)

    @staticmethod
    def transform_data(
        query: TickertrackEquityHistoricalQueryParams,  # noqa: ARG004  (OpenBB's own call)
        data: list[Row],
        **_: Any,
    ) -> list[TickertrackEquityHistoricalData]:
        """Name the columns as OpenBB does."""
        return [TickertrackEquityHistoricalData(**_candle(row)) for row in data]


class IndexHistoricalFetcher(
    Fetcher[TickertrackIndexHistoricalQueryParams, list[TickertrackIndexHistoricalData]]
):
    """Fetches the series of indices."""

    require_credentials = False

    @staticmethod
    def transform_query(params: Row) -> TickertrackIndexHistoricalQueryParams:
        """Check what was asked for."""
        return TickertrackIndexHistoricalQueryParams(**params)

    @staticmethod
    def extract_data(
        query: TickertrackIndexHistoricalQueryParams,
        credentials: dict[str, str] | None,
        **_: Any,
    ) -> list[Row]:
        """Read rows of `prices`. Raises EmptyDataError for what is no index of the market."""
        names = symbols_of(query.symbol)
        with asked(credentials) as tracker:
            _refuse_stocks(names, tracker.market().indices)
            rows = tracker.history_rows(names, query.start_date, query.end_date)
            return known(tracker, names, rows)

    @staticmethod
    def transform_data(
        query: TickertrackIndexHistoricalQueryParams,  # noqa: ARG004  (OpenBB's own call)
        data: list[Row],
        **_: Any,
    ) -> list[TickertrackIndexHistoricalData]:
        """Name the columns as OpenBB does."""
        return [TickertrackIndexHistoricalData(**_candle(row)) for row in data]


def _refuse_stocks(names: list[str], indices: frozenset[str]) -> None:
    for name in names:
        if name not in indices:
            found = " or ".join(near(name, indices) or sorted(indices))
            raise EmptyDataError(f"{name} is no index of this market; did you mean {found}?")


def _candle(row: Row) -> Row:
    return {
        "symbol": row["symbol"],
        "date": row["session"],
        "open": row["first"],
        "high": row["high"],
        "low": row["low"],
        "close": row["price"],
        "reference_price": row["reference_price"],
        "change": row["change"],
        "change_percent": share(row["change_percent"]),
        "status": row["status"],
        "quotes": row["quotes"],
        "method": row["method"],
    }
