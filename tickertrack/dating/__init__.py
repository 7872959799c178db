"""
Places each board on a session by evidence, or leaves it undated (docs/dating.md).

Boards that share their reference prices form nodes; nodes are chained where the last prices of
one are the references of the next; the pages' own dates and imported series pull on the nodes.
What each board then believes of every day is exact on the forest of the surest joints.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from tickertrack.dating.axis import Axis, Vector, build_axis, normal
from tickertrack.dating.belief import beliefs, shaken
from tickertrack.dating.edges import Edge, adjacency, find_edges, message, spanning_forest
from tickertrack.dating.evidence import (
    AxisSeries,
    Series,
    date_evidence,
    on_axis,
    own_evidence,
    series_evidence,
)
from tickertrack.dating.nodes import Node, gather, threshold
from tickertrack.dating.slight import Knowledge, slight_evidence
from tickertrack.dialects.grammar import YEARS
from tickertrack.models import Board, Method, Sighting, Sitting, TradingDay

__all__ = ["date_boards", "span"]

# Below these a board stays undated. Its own dates may place it provisionally; another board's
# numbers may not guess.
_ACCEPT: Mapping[Method, float] = {"matched": 0.9, "captured": 0.5, "stated": 0.5}
# Evidence other than the page's own dates that is worth the name.
_SUPPORT = 0.5
_SURE, _LIKELY = 0.99, 0.95
# Nothing is certain.
_SUREST = 0.999999
_BEFORE, _AFTER = timedelta(days=400), timedelta(days=20)
_Key = tuple[int, Board]
_SHOWN_ALTERNATIVES, _SHOWN_CHANCE = 3, 0.001


@dataclass(frozen=True, slots=True)
class _Placed:
    """
    What is believed of a board, and what spoke for it.

    `supported`: numbers of other boards or of an imported series speak for the likeliest day;
    `votes`: the pages whose own dates do.
    """

    belief: Vector
    supported: bool
    votes: frozenset[int]
    evidence: Mapping[str, object]

    @property
    def best(self) -> int:
        """Give the likeliest day's place."""
        return int(self.belief.argmax())


def span(
    sightings: Sequence[Sighting], series: Mapping[str, Series], zone: ZoneInfo
) -> tuple[date, date] | None:
    """Give the first and last day that boards may be of; None where nothing bears a date."""
    moments = {one.captured_at for one in sightings if one.captured_at}
    days = [moment.astimezone(zone).date() for moment in moments if moment.year in YEARS]
    days += [one.page_date for one in sightings if one.page_date]
    days += [day for closes in series.values() for day in closes]
    # What is stored costs no other board its date, even a day near the end of all calendars.
    days = [day for day in days if day.year in YEARS]
    return (min(days) - _BEFORE, max(days) + _AFTER) if days else None


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
    ordered = sorted(sightings, key=lambda one: (one.page_id, one.board))
    bounds = span(ordered, series, zone)
    if bounds is None:
        return [_undated(one, {}) for one in ordered]
    axis = build_axis(*bounds, zone, sessions, list(series.values()))
    laid = {symbol: on_axis(axis, closes) for symbol, closes in series.items() if closes}
    placed = _place_nodes(axis, ordered, laid)
    placed |= _place_slight(axis, ordered, laid, placed)
    return [_sitting(axis, one, placed[one.page_id, one.board]) for one in ordered]


def _place_nodes(
    axis: Axis, sightings: Sequence[Sighting], laid: Mapping[str, AxisSeries]
) -> dict[_Key, _Placed]:
    nodes = gather(sightings, threshold(len({(one.strip_id, one.board) for one in sightings})))
    if not nodes:
        return {}
    by_series = [
        series_evidence(axis, node.board, node.members[0], laid) * beside
        for node, beside in zip(nodes, _beside_nodes(axis, nodes, sightings, laid), strict=True)
    ]
    by_dates = [date_evidence(axis, speakers) for speakers in _speakers(nodes)]
    evidence = [dates * closes for dates, closes in zip(by_dates, by_series, strict=True)]
    edges = find_edges(axis, nodes)
    forest = spanning_forest(axis, evidence, edges)
    believed = shaken(axis, beliefs(axis, evidence, forest), edges, forest)
    supported = _supported(axis, believed, by_series, edges)
    joined = adjacency(edges)
    placed: dict[_Key, _Placed] = {}
    for place, node in enumerate(nodes):
        votes = _votes(axis, node.members, believed[place])
        told = _told(node, joined.get(place, ()))
        found = _Placed(believed[place], supported[place], votes, told)
        placed.update({(member.page_id, node.board): found for member in node.members})
    return placed


def _beside_nodes(
    axis: Axis,
    nodes: Sequence[Node],
    sightings: Sequence[Sighting],
    laid: Mapping[str, AxisSeries],
) -> Iterator[Vector]:
    """Give what a series says of each node by way of a page's other board that has no node."""
    in_nodes = {(member.page_id, node.board) for node in nodes for member in node.members}
    slight = {
        (one.page_id, one.board): one
        for one in sightings
        if (one.page_id, one.board) not in in_nodes and one.references.keys() & laid.keys()
    }
    for node in nodes:
        keys = ((member.page_id, _other(node.board)) for member in node.members)
        partner = next((slight[key] for key in keys if key in slight), None)
        if partner is None:
            yield np.ones(len(axis))
            continue
        told = series_evidence(axis, partner.board, partner, laid) * axis.open_probability
        yield message(axis, Edge(0, 1, "page", 1.0), told, forward=True)


def _supported(
    axis: Axis, believed: Sequence[Vector], by_series: Sequence[Vector], edges: Sequence[Edge]
) -> list[bool]:
    """Say of each node whether numbers other than its own speak for its likeliest day."""
    best = [int(belief.argmax()) for belief in believed]
    supported = [
        _points_to(axis, closes, place) for closes, place in zip(by_series, best, strict=True)
    ]
    for edge in edges:
        if edge.kind != "page" and _holds(axis, edge, best):
            supported[edge.one] = supported[edge.two] = True
    for edge in edges:
        if edge.kind == "page" and best[edge.one] == best[edge.two]:
            either = supported[edge.one] or supported[edge.two]
            supported[edge.one] = supported[edge.two] = either
    return supported


def _holds(axis: Axis, edge: Edge, best: Sequence[int]) -> bool:
    step = best[edge.two] - best[edge.one]
    if edge.kind == "same":
        return step == 0
    return 0 < step <= len(axis.steps) and bool(axis.steps[step - 1][best[edge.one]] >= _SUPPORT)


def _points_to(axis: Axis, likelihood: Vector, place: int) -> bool:
    return bool(normal(likelihood * axis.open_probability)[place] >= _SUPPORT)


def _votes(axis: Axis, members: Sequence[Sighting], belief: Vector) -> frozenset[int]:
    best = int(belief.argmax())
    owns = ((member.page_id, own_evidence(axis, member)) for member in members)
    return frozenset(page for page, own in owns if own is not None and _points_to(axis, own, best))


def _speakers(nodes: Sequence[Node]) -> list[list[Sighting]]:
    """Let the dates of each page speak once, through the first of its boards that has a node."""
    heard: set[int] = set()
    speakers = []
    for node in sorted(nodes, key=lambda node: node.board, reverse=True):
        fresh = [member for member in node.members if member.page_id not in heard]
        heard.update(member.page_id for member in fresh)
        speakers.append((node, fresh))
    by_node = {id(node): fresh for node, fresh in speakers}
    return [by_node[id(node)] for node in nodes]


def _place_slight(
    axis: Axis,
    sightings: Sequence[Sighting],
    laid: Mapping[str, AxisSeries],
    placed: Mapping[_Key, _Placed],
) -> dict[_Key, _Placed]:
    """Place the boards that carry too little to form nodes, by what is known of each session."""
    slight = [one for one in sightings if (one.page_id, one.board) not in placed]
    found: dict[_Key, _Placed] = {}
    # Once by the nodes; once more with what was found, for slight boards help each other too.
    for sure in (_SURE, _LIKELY):
        known = _known(sightings, {**placed, **found}, sure)
        for one in slight:
            partner = placed.get((one.page_id, _other(one.board)))
            found[one.page_id, one.board] = _slightly(axis, one, laid, partner, known)
    return found


def _slightly(
    axis: Axis,
    sighting: Sighting,
    laid: Mapping[str, AxisSeries],
    partner: _Placed | None,
    known: Knowledge,
) -> _Placed:
    numbers = slight_evidence(axis, sighting, known)
    numbers = numbers * series_evidence(axis, sighting.board, sighting, laid)
    # The page's other board, where it has a place, has heard the page's dates already.
    beside = (
        date_evidence(axis, [sighting])
        if partner is None
        else message(axis, Edge(0, 1, "page", 1.0), partner.belief, forward=True)
    )
    belief = normal(numbers * beside * axis.open_probability)
    best = int(belief.argmax())
    supported = _points_to(axis, numbers, best)
    if partner is not None and partner.best == best:
        supported = supported or partner.supported
    votes = partner.votes if partner is not None else _votes(axis, [sighting], belief)
    return _Placed(belief, supported, votes, {"lines": len(sighting.prices)})


def _known(sightings: Sequence[Sighting], placed: Mapping[_Key, _Placed], sure: float) -> Knowledge:
    beliefs_of = ((one, placed.get((one.page_id, one.board))) for one in sightings)
    return Knowledge(
        (one, found.best)
        for one, found in beliefs_of
        if found is not None and found.belief.max() >= sure
    )


def _sitting(axis: Axis, sighting: Sighting, placed: _Placed) -> Sitting:
    confidence = float(placed.belief[placed.best])
    methods = (one for one in _methods(sighting, placed) if confidence >= _ACCEPT[one])
    method = next(methods, None)
    evidence = {**placed.evidence, "candidates": _candidates(axis, placed.belief)}
    if method is None:
        return _undated(sighting, evidence)
    return Sitting(
        page_id=sighting.page_id,
        board=sighting.board,
        session=axis.day(placed.best),
        method=method,
        confidence=min(round(confidence, 6), _SUREST),
        evidence=evidence,
    )


def _methods(sighting: Sighting, placed: _Placed) -> Iterator[Method]:
    """Yield the methods that a board's evidence allows, the strongest first."""
    if placed.supported or placed.votes - {sighting.page_id}:
        yield "matched"
    if sighting.page_id in placed.votes:
        yield "captured" if sighting.captured_at else "stated"


def _candidates(axis: Axis, belief: Vector) -> dict[str, float]:
    order = np.argsort(-belief, kind="stable")[:_SHOWN_ALTERNATIVES]
    return {
        axis.day(int(place)).isoformat(): round(float(belief[place]), 4)
        for place in order
        if belief[place] >= _SHOWN_CHANCE
    }


def _told(node: Node, edges: Iterable[Edge]) -> dict[str, object]:
    kinds = Counter(edge.kind for edge in edges)
    return {
        "lines": len(node.references),
        "pages": len(node.members),
        "bits": round(node.bits, 1),
        "neighbours": kinds["next"] + kinds["same"],
        "flat": node.flat,
    }


def _undated(sighting: Sighting, evidence: dict[str, object]) -> Sitting:
    return Sitting(sighting.page_id, sighting.board, None, None, None, evidence)


def _other(board: Board) -> Board:
    return "index" if board == "stocks" else "stocks"
