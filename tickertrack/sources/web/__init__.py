"""Live pages: fetched politely, from the publisher's own hosts, whole or not at all."""

from tickertrack.sources.web.faults import OF_ADDRESS, OF_HOST
from tickertrack.sources.web.feeds import Entry, Feed, read_feed
from tickertrack.sources.web.fetch import Fetcher
from tickertrack.sources.web.manners import (
    HostBook,
    Manners,
    Validators,
    http_time,
    manners_of,
    user_agent,
)
from tickertrack.sources.web.network import Network
from tickertrack.sources.web.parts import Part

__all__ = [
    "OF_ADDRESS",
    "OF_HOST",
    "Entry",
    "Feed",
    "Fetcher",
    "HostBook",
    "Manners",
    "Network",
    "Part",
    "Validators",
    "http_time",
    "manners_of",
    "read_feed",
    "user_agent",
]
