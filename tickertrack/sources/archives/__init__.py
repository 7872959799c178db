"""Archives on the net: what they hold of a publisher, and the few copies that are worth asking."""

from tickertrack.sources.archives.copies import address_of, fetch_copy
from tickertrack.sources.archives.index import Answer, Question, ask, questions, share_told
from tickertrack.sources.archives.listed import Listed, Span
from tickertrack.sources.archives.picks import Stretch, picked, stretches
from tickertrack.sources.archives.places import KNOWN, Place, place_of

__all__ = [
    "KNOWN",
    "Answer",
    "Listed",
    "Place",
    "Question",
    "Span",
    "Stretch",
    "address_of",
    "ask",
    "fetch_copy",
    "picked",
    "place_of",
    "questions",
    "share_told",
    "stretches",
]
