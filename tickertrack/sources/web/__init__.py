"""Live pages: fetched politely, from the publisher's own hosts, whole or not at all."""

from tickertrack.sources.web.faults import OF_HOST
from tickertrack.sources.web.feeds import Entry, Feed, read_feed
from tickertrack.sources.web.fetch import Fetcher
from tickertrack.sources.web.manners import HostBook, Manners, Validators, user_agent
from tickertrack.sources.web.network import Network

__all__ = [
    "OF_HOST",
    "Entry",
    "Feed",
    "Fetcher",
    "HostBook",
    "Manners",
    "Network",
    "Validators",
    "read_feed",
    "user_agent",
]
