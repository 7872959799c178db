"""
Places each board on a session by evidence, or leaves it undated (docs/dating.md).

Boards that share their reference prices form nodes; nodes are chained where the last prices of
one are the references of the next; the pages' own dates and imported series pull on the nodes.
What each board then believes of every day is exact on the forest of the surest joints.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from tickertrack.dating.axis import Axis, Vector, build_axis, normal
from tickertrack.dating.belief import beliefs
from tickertrack.dating.edges import Edge, adjacency, find_edges, spanning_forest
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
from tickertrack.models import Board, Method, Sighting, Sitting, TradingDay

__all__ = ["date_boards", "span"]

# Below these a board stays undated. Its own dates may place it provisionally; another board's
# numbers may not guess.
_ACCEPT: Mapping[Method, float] = {"matched": 0.9, "captured": 0.5, "stated": 0.5}
# Evidence other than the page's own dates that is worth the name.
_SUPPORT = 0.5
_SURE = 0.99
_BEFORE, _AFTER = timedelta(days=400), timedelta(days=20)
_SHOWN_ALTERNATIVES = 3


@dataclass(frozen=True, slots=True)
class _Placed:
    """What is believed of a board, and what spoke for it."""

    belief: Vector
    evidence: dict[str, object]


def span(
    sightings: Sequence[Sighting], series: Mapping[str, Series], zone: ZoneInfo
) -> tuple[date, date] | None:
    """Give the first and last day that boards may be of; None where nothing bears a date."""
    days = [one.captured_at.astimezone(zone).date() for one in sightings if one.captured_at]
    days += [one.page_date for one in sightings if one.page_date]
    days += [day for closes in series.values() for day in closes]
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
) -> dict[tuple[int, Board], _Placed]:
    nodes = gather(sightings, threshold(len({(one.strip_id, one.board) for one in sightings})))
    if not nodes:
        return {}
    speakers = _speakers(nodes)
    evidence = [
        date_evidence(axis, speakers[place])
        * series_evidence(axis, node.board, node.members[0], laid)
        for place, node in enumerate(nodes)
    ]
    forest = spanning_forest(axis, evidence, find_edges(nodes))
    believed = beliefs(axis, evidence, forest)
    joined = adjacency(forest)
    return {
        (member.page_id, node.board): _Placed(believed[place], _told(node, joined.get(place, [])))
        for place, node in enumerate(nodes)
        for member in node.members
    }


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
    placed: Mapping[tuple[int, Board], _Placed],
) -> dict[tuple[int, Board], _Placed]:
    """Place the boards that carry too little to form nodes, by what is known of each session."""
    known = Knowledge(axis)
    slight = []
    for sighting in sightings:
        found = placed.get((sighting.page_id, sighting.board))
        if found is None:
            slight.append(sighting)
        elif found.belief.max() >= _SURE:
            known.add(sighting, int(found.belief.argmax()))
    result = {}
    for sighting in slight:
        likelihood = date_evidence(axis, [sighting])
        likelihood = likelihood * series_evidence(axis, sighting.board, sighting, laid)
        likelihood = likelihood * slight_evidence(axis, sighting, known)
        partner = placed.get((sighting.page_id, _other(sighting.board)))
        if partner is not None:
            likelihood = likelihood * _beside(axis, sighting, partner)
        belief = normal(likelihood * axis.open_probability)
        result[sighting.page_id, sighting.board] = _Placed(belief, {"lines": len(sighting.prices)})
    return result


def _beside(axis: Axis, sighting: Sighting, partner: _Placed) -> Vector:
    # The partner has heard the page's dates already, so what they said is taken out again.
    from tickertrack.dating.edges import message  # noqa: PLC0415

    own = own_evidence(axis, sighting)
    heard = partner.belief if own is None else normal(partner.belief / own)
    return message(axis, Edge(0, 1, "page", 1.0), heard, forward=True)


def _sitting(axis: Axis, sighting: Sighting, placed: _Placed) -> Sitting:
    belief = placed.belief
    best = int(belief.argmax())
    confidence = float(belief[best])
    own = own_evidence(axis, sighting)
    other = belief if own is None else normal(belief / own)
    method = _method(sighting, float(other[best]))
    evidence = {**placed.evidence, "candidates": _candidates(axis, belief)}
    if method is None or confidence < _ACCEPT[method]:
        return _undated(sighting, evidence)
    return Sitting(
        page_id=sighting.page_id,
        board=sighting.board,
        session=axis.day(best),
        method=method,
        confidence=round(confidence, 6),
        evidence=evidence,
    )


def _method(sighting: Sighting, support: float) -> Method | None:
    if support >= _SUPPORT:
        return "matched"
    if sighting.captured_at:
        return "captured"
    return "stated" if sighting.page_date else None


def _candidates(axis: Axis, belief: Vector) -> dict[str, float]:
    order = np.argsort(-belief, kind="stable")[:_SHOWN_ALTERNATIVES]
    return {
        axis.day(int(place)).isoformat(): round(float(belief[place]), 4)
        for place in order
        if belief[place] > 0.0005
    }


def _told(node: Node, edges: Sequence[Edge]) -> dict[str, object]:
    kinds: dict[str, int] = defaultdict(int)
    for edge in edges:
        kinds[edge.kind] += 1
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
