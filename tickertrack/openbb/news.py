"""CompanyNews: articles that are about a symbol or mention it, the newest first."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from openbb_core.provider.abstract.fetcher import Fetcher
from openbb_core.provider.standard_models.company_news import (
    CompanyNewsData,
    CompanyNewsQueryParams,
)
from openbb_core.provider.utils.errors import EmptyDataError
from pydantic import Field

from tickertrack.hints import Hint, unknown
from tickertrack.openbb.asked import SEVERAL, asked, symbols_of

if TYPE_CHECKING:
    from tickertrack.tracker import Tracker

__all__ = ["CompanyNewsFetcher"]

Row = dict[str, Any]


class TickertrackCompanyNewsQueryParams(CompanyNewsQueryParams):
    """Query of tickertrack for articles by day of publication; both dates are included."""

    __json_schema_extra__ = SEVERAL


class TickertrackCompanyNewsData(CompanyNewsData):
    """
    An article, with the symbols that it is about or mentions.

    `date` is in the exchange's zone; of an article that names only its day, that day's midnight.
    """

    date: dt.datetime | None = Field(default=None, description="When it says that it appeared.")  # type: ignore[assignment]
    title: str | None = Field(default=None, description="Title of the article.")  # type: ignore[assignment]
    url: str | None = Field(default=None, description="URL to the article, or its file.")  # type: ignore[assignment]
    precision: str | None = Field(
        default=None, description="How exactly it says when it appeared: second, minute or day."
    )
    session: dt.date | None = Field(default=None, description="The session that it is news of.")
    publisher: str | None = Field(default=None, description="Whose article it is.")
    about: str | None = Field(default=None, description="Symbols that it is about.")
    sector: str | None = Field(default=None, description="The sector that it is about.")


class CompanyNewsFetcher(
    Fetcher[TickertrackCompanyNewsQueryParams, list[TickertrackCompanyNewsData]]
):
    """Fetches articles."""

    require_credentials = False

    @staticmethod
    def transform_query(params: Row) -> TickertrackCompanyNewsQueryParams:
        """Check what was asked for."""
        return TickertrackCompanyNewsQueryParams(**params)

    @staticmethod
    def extract_data(
        query: TickertrackCompanyNewsQueryParams, credentials: dict[str, str] | None, **_: Any
    ) -> list[Row]:
        """Read articles of any of the symbols. Raises EmptyDataError where there is none."""
        names = symbols_of(query.symbol or "")
        found: dict[Any, Row] = {}
        with asked(credentials) as tracker:
            zone = tracker.market().zone
            for name in names or (None,):
                for row in tracker.news_rows(query.start_date, query.end_date, symbol=name):
                    found[row["url"], row["title"], row["published_at"]] = row
            if not found:
                raise EmptyDataError("; ".join(_why_not(tracker, names)))
        rows = [{**row, "date": _moment(row, zone)} for row in found.values()]
        # The undated last: nobody knows how new they are.
        rows.sort(key=lambda row: (row["date"] is not None, row["published_at"]), reverse=True)
        return rows[: query.limit]

    @staticmethod
    def transform_data(
        query: TickertrackCompanyNewsQueryParams,  # noqa: ARG004  (OpenBB's own call)
        data: list[Row],
        **_: Any,
    ) -> list[TickertrackCompanyNewsData]:
        """Name the columns as OpenBB does."""
        return [TickertrackCompanyNewsData(**_article(row)) for row in data]


def _why_not(tracker: Tracker, names: list[str]) -> Iterator[str]:
    for name in names:
        why = Hint(name, "no article in this range names it")
        yield str(unknown(tracker, name) or why)
    if not names:
        yield "no article in this range"


def _moment(row: Row, zone: dt.tzinfo) -> dt.datetime | None:
    if row["published_at"] is None:
        return None
    stamp = dt.datetime.fromisoformat(row["published_at"])
    return stamp.astimezone(zone) if stamp.tzinfo else stamp.replace(tzinfo=zone)


def _article(row: Row) -> Row:
    return {
        "date": row["date"],
        "title": row["title"],
        "author": row["byline"],
        "url": row["url"],
        "symbols": ",".join(sorted({*row["about"], *row["mentions"]})) or None,
        "precision": row["published_precision"],
        "session": row["session"],
        "publisher": row["publisher"],
        "about": ",".join(row["about"]) or None,
        "sector": row["sector"],
    }
