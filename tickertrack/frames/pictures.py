"""Price series as pictures: .png and .svg, by matplotlib, an extra."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tickertrack.course import SYMBOLS, Course, Kind, Point
from tickertrack.errors import QueryError
from tickertrack.frames.files import drafted, unknown_ending
from tickertrack.harmless import safe_term

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["PICTURES", "Picture", "write_picture"]

PICTURES = (".png", ".svg")

Days = npt.NDArray[np.datetime64]

# In inches; a picture has a panel for each symbol.
_WIDTH, _PANEL, _RESOLUTION = 10.0, 4.0, 120
_FOOT = 0.03
# Marks as matplotlib names them, and colours that the colour-blind can tell apart (Okabe and Ito).
# The same prices give the same file.
_STYLE: Any = {"svg.hashsalt": "tickertrack", "date.converter": "concise"}
_LINE, _RANGE = "#0072B2", "#56B4E9"
_MARKS: dict[Kind, tuple[str, str]] = {
    "implied": ("o", "#E69F00"),
    "provisional": ("D", "#CC79A7"),
    "missing": ("x", "#D55E00"),
}


class Picture:
    """Price series drawn below each other: a notebook shows it, `save` writes it."""

    def __init__(self, drawn: Sequence[Course]) -> None:
        """Keep the courses; raises QueryError where they cannot be drawn."""
        _check(drawn)
        self.courses = drawn

    def __repr__(self) -> str:
        """Say what is drawn."""
        return f"Picture({'; '.join(safe_term(course.title()) for course in self.courses)})"

    def _repr_png_(self) -> bytes:
        with _drawing(self.courses) as figure:
            figure.savefig(image := BytesIO(), format="png")
        return image.getvalue()

    def save(self, path: str | Path) -> int:
        """Write a .png or .svg, whole or not at all; count the prices in it."""
        return write_picture(self.courses, Path(path))


def write_picture(drawn: Sequence[Course], path: Path) -> int:
    """
    Draw courses below each other into a .png or .svg, whole or not at all; count their prices.

    A line of the prices, bars from the lowest to the highest quote of a session, and marks where
    a price is implied or provisional, or missing. Raises QueryError where matplotlib is not
    installed, for another ending, and for no course or too many.
    """
    ending = path.suffix.lower()
    if ending not in PICTURES:
        raise unknown_ending(path, PICTURES)
    with _drawing(drawn) as figure, drafted(path) as draft:
        metadata = {"Date": None} if ending == ".svg" else {}
        figure.savefig(draft, format=ending.removeprefix("."), metadata=metadata)
    return sum(len(course.prices()) for course in drawn)


def _check(drawn: Sequence[Course]) -> None:
    if not drawn:
        raise QueryError("no price to draw", advice="`tickertrack coverage` shows what there is")
    if len(drawn) > SYMBOLS:
        raise QueryError(f"{len(drawn)} symbols in one picture", advice=f"at most {SYMBOLS}")
    if find_spec("matplotlib") is None:
        raise QueryError("pictures need matplotlib", advice="pip install 'tickertrack[plot]'")


@contextmanager
def _drawing(drawn: Sequence[Course]) -> Iterator[Figure]:
    _check(drawn)
    import matplotlib as mpl  # noqa: PLC0415  (an extra)

    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        # A symbol in letters that its font lacks is drawn as boxes.
        warnings.filterwarnings("ignore", "Glyph .* missing")
        yield _figure(drawn)


def _figure(drawn: Sequence[Course]) -> Figure:
    # Not by pyplot, which would keep it, and ask for a screen.
    from matplotlib.figure import Figure  # noqa: PLC0415  (an extra)

    size = (_WIDTH, _PANEL * len(drawn))
    figure = Figure(figsize=size, dpi=_RESOLUTION, layout="constrained")
    panels = figure.subplots(len(drawn), squeeze=False)
    for course, panel in zip(drawn, panels[:, 0], strict=True):
        _panel(panel, course)
    return figure


def _panel(panel: Axes, course: Course) -> None:
    # What is missing is a gap in the line.
    prices = [float("nan") if point.price is None else point.price for point in course.points]
    days = _days(course.points)
    panel.plot(days, prices, color=_LINE, linewidth=1.2, marker=".", markersize=3, label="price")
    _ranges(panel, course.points)
    for kind in _MARKS:
        _marks(panel, course.points, kind)
    # A symbol is no formula, whatever dollars it has.
    panel.set_title(safe_term(course.title()), loc="left", parse_math=False)
    panel.set_ylabel(course.unit or "")
    panel.grid(alpha=0.3)
    panel.legend(loc="best", fontsize="small")


def _ranges(panel: Axes, points: Sequence[Point]) -> None:
    ranged = [point for point in points if point.low is not None and point.high is not None]
    if ranged:
        lows: Any = [point.low for point in ranged]
        highs: Any = [point.high for point in ranged]
        style: dict[str, Any] = {"color": _RANGE, "linewidth": 3, "alpha": 0.6}
        panel.vlines(_days(ranged), lows, highs, label="observed range", **style)


def _marks(panel: Axes, points: Sequence[Point], kind: Kind) -> None:
    found = [point for point in points if point.kind == kind]
    if not found:
        return
    shape, colour = _MARKS[kind]
    style: dict[str, Any] = {"marker": shape, "color": colour, "fillstyle": "none"}
    style |= {"linestyle": "none", "label": f"{kind} ({len(found)})"}
    if kind == "missing":
        # Without a price they stand at the foot of the panel.
        style["transform"] = panel.get_xaxis_transform()
    panel.plot(_days(found), [point.price or _FOOT for point in found], **style)


def _days(points: Sequence[Point]) -> Days:
    return np.array([point.session for point in points], dtype="datetime64[D]")
