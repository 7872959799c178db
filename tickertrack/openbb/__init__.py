"""
A provider for OpenBB, which finds it by its entry point: the only room that imports openbb_core.

    obb.equity.price.historical("ANL", provider="tickertrack").to_df()
"""

from openbb_core.provider.abstract.provider import Provider

from tickertrack.openbb.history import EquityHistoricalFetcher, IndexHistoricalFetcher
from tickertrack.openbb.news import CompanyNewsFetcher
from tickertrack.openbb.quote import EquityQuoteFetcher

__all__ = ["provider"]

provider = Provider(
    name="tickertrack",
    repr_name="tickertrack",
    description="Prices and news out of the ticker strips and articles of your own news pages.",
    credentials=["database"],
    instructions="tickertrack_database is the path of your database; without it, the command line's"
    " own settings hold: TICKERTRACK_DB, config.toml, ./tickertrack.db.",
    fetcher_dict={
        "CompanyNews": CompanyNewsFetcher,
        "EquityHistorical": EquityHistoricalFetcher,
        "EquityQuote": EquityQuoteFetcher,
        "IndexHistorical": IndexHistoricalFetcher,
    },
)
