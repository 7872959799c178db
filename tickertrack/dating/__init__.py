"""
Places each board on a session by evidence, or leaves it undated (docs/dating.md).

Boards that share their reference prices form nodes; nodes are chained where the last prices of
one are the references of the next; the pages' own dates and imported series pull on the nodes.
What each board then believes of every day is exact on the forest of the surest joints.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from tickertrack.dating.axis import build_axis
from tickertrack.dating.belief import tell
from tickertrack.dating.edges import join
from tickertrack.dating.evidence import Series, on_axis
from tickertrack.dating.forest import choose_forest, weigh
from tickertrack.dating.gathering import gather
from tickertrack.dating.graph import Graph
from tickertrack.dating.nodes import threshold
from tickertrack.dating.past import Blank, Redraw, Seat
from tickertrack.dating.placing import Judged, Setting, hear_evidence, judge, placed
from tickertrack.dating.sightings import Sightings
from tickertrack.dating.sitting import Told, undated
from tickertrack.dating.slight import Slight, place_slight
from tickertrack.dialects.grammar import YEARS
from tickertrack.models import Member, Sighting, Sitting, TradingDay

__all__ = [
    "Drawing",
    "Graph",
    "Redraw",
    "Setting",
    "Sightings",
    "Slight",
    "Span",
    "date_boards",
    "days_of",
    "draw",
    "reach_of",
    "setting_of",
    "sittings_of",
    "span",
    "threshold",
    "update",
]

_BEFORE, _AFTER = timedelta(days=400), timedelta(days=20)
# The axis begins and ends at every 64th day: its length is part of every belief, so where it
# grows, all are drawn anew.
_GRID = 64

Span = tuple[date, date]


@dataclass(frozen=True, slots=True)
class Drawing:
    """All sittings, and what they rest on: the nodes, and the boards that are in none."""

    sittings: Sequence[Sitting]
    graph: Graph
    slight: Slight


def days_of(members: Iterable[Member], series: Mapping[str, Series], zone: ZoneInfo) -> Span | None:
    """Give the first and the last day that pages and series name; None where none bears a date."""
    days = {day for closes in series.values() for day in closes}
    for one in members:
        if one.captured_at and one.captured_at.year in YEARS:
            days.add(one.captured_at.astimezone(zone).date())
        if one.page_date:
            days.add(one.page_date)
    # What is stored costs no other board its date, even a day near the end of all calendars.
    days = {day for day in days if day.year in YEARS}
    return (min(days), max(days)) if days else None


def reach_of(days: Span) -> Span:
    """Give the first and the last day that boards may be of, where pages name these days."""
    first, last = (days[0] - _BEFORE).toordinal(), (days[1] + _AFTER).toordinal()
    return date.fromordinal(first - first % _GRID), date.fromordinal(last + -last % _GRID)


def span(
    sightings: Iterable[Sighting], series: Mapping[str, Series], zone: ZoneInfo
) -> Span | None:
    """Give the first and last day that boards may be of; None where nothing bears a date."""
    days = days_of((one.member for one in sightings), series, zone)
    return reach_of(days) if days else None


def setting_of(
    reach: Span,
    sessions: Sequence[TradingDay],
    series: Mapping[str, Series],
    zone: ZoneInfo,
    boards: int,
) -> Setting:
    """Lay out the days, the imported series on them, and the bits that so many boards need."""
    axis = build_axis(*reach, zone, sessions, list(series.values()))
    laid = {symbol: on_axis(axis, closes) for symbol, closes in series.items() if closes}
    return Setting(axis, laid, threshold(boards))


def date_boards(
    sightings: Sequence[Sighting],
    sessions: Sequence[TradingDay],
    series: Mapping[str, Series],
    zone: ZoneInfo,
) -> list[Sitting]:
    """
    Date every sighting: one sitting each, in the same order whatever the order of arrival.

    `sessions` must cover `span`; `series` holds imported closes in 1/10,000, by symbol and day.
    """
    reach = span(sightings, series, zone)
    if reach is None:
        found = [undated(one.page_id, one.board, {}) for one in sightings]
    else:
        shown = Sightings.of(sightings)
        boards = sum(1 for _ in shown.seats())
        found = list(draw(shown, setting_of(reach, sessions, series, zone, boards)).sittings)
    return sorted(found, key=lambda one: (one.page_id, one.board))


def draw(sightings: Sightings, setting: Setting) -> Drawing:
    """Date every sighting from scratch."""
    graph = Graph(Blank(sightings))
    judged = update(graph, setting, sightings.seats())
    slight = Slight(setting, graph, judged)
    place_slight(slight, sightings)
    return Drawing([*sittings_of(graph, setting, judged), *slight.sittings()], graph, slight)


def update(graph: Graph, setting: Setting, boards: Iterable[Seat]) -> Judged:
    """
    Let new boards join the graph; give all nodes of which anything else is to be said now.

    Raises Redraw where they change more than they touch.
    """
    axis = setting.axis
    gathered = gather(graph, boards, setting.need)
    changed = hear_evidence(graph, setting, gathered.grown)
    changed |= gathered.grown | join(graph, axis, gathered)
    weigh(graph, axis, changed)
    changed |= choose_forest(graph)
    heard = tell(graph, axis, changed)
    return judge(graph, setting, heard)


def sittings_of(graph: Graph, setting: Setting, judged: Judged) -> Iterator[Sitting]:
    """Place every board of nodes."""
    for node in sorted(judged.nodes):
        one = placed(graph, setting, node, judged.beliefs.of(node))
        shown, board = Told(setting.axis, one), graph.face(node).board
        for member in graph.members_in(node):
            yield shown.sitting(member, board)
