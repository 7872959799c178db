"""How unusual a move was: expected and abnormal returns, with the error of the forecast."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray

__all__ = ["LEAST", "WINDOW", "Abnormal", "Returns", "abnormal_returns", "student_p"]

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

# Sessions before a move that its expectation may be estimated from, and the fewest that will do.
WINDOW, LEAST = 120, 20
# A sum of squares that is less than this part of another one is a rounding, and no variance.
_ROUNDING = 1e-20
_CONVERGED = 4e-16


@dataclass(frozen=True, slots=True)
class Abnormal:
    """
    What a move was expected to be and how far off it was; returns as fractions.

    `t` and `p` (two-sided) are None where the expectation is not estimated; `n` counts the past
    sessions that could be used. The model is `market`, `adjusted` (the index's own return) or
    `none`.
    """

    expected: float | None
    abnormal: float | None
    t: float | None
    p: float | None
    n: int

    @property
    def model(self) -> str:
        """Name how the expectation was made."""
        if self.expected is None:
            return "none"
        return "adjusted" if self.n < LEAST else "market"


@dataclass(frozen=True, slots=True)
class Returns:
    """Simple returns of consecutive sessions, price / reference price - 1; the unknown is NaN."""

    stock: Floats
    index: Floats


def abnormal_returns(
    returns: Returns, asked: Whole, since: Whole, window: int = WINDOW
) -> list[Abnormal]:
    """
    Judge the returns of the asked sessions, each by the `window` sessions before it.

    `asked` are places in the series, and `since` names for each of them the first place that no
    chain break parts from it. The market model (ordinary least squares on the index) and its test
    are those of Campbell, Lo and MacKinlay, The Econometrics of Financial Markets (1997), chapter
    4: n - 2 degrees of freedom, and the error of the forecast, s^2 (1 + 1/n + (x - mean)^2 / Sxx),
    not that of the residuals alone. With fewer than LEAST sessions the index's own return is what
    was expected, and nothing is tested.
    """
    past = _Past.of(returns, asked, since, window)
    own, index = returns.stock[asked], returns.index[asked]
    with np.errstate(divide="ignore", invalid="ignore"):
        beta = past.sxy / past.sxx
        expected = past.mean_y + beta * (index - past.mean_x)
        left = ((past.y - beta[:, None] * past.x) ** 2).sum(axis=1)
        spread = 1 + 1 / past.n + (index - past.mean_x) ** 2 / past.sxx
        error = np.sqrt(left / (past.n - 2) * spread)
        t = np.where(left > _ROUNDING * past.syy, (own - expected) / error, np.nan)
    expected = np.where(past.n >= LEAST, expected, index)
    columns = (own, expected, t, past.n)
    return [_judged(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


@dataclass(frozen=True, slots=True)
class _Past:
    """The windows, a row of deviations from its means for each asked session, and their sums."""

    n: Whole
    x: Floats
    y: Floats
    mean_x: Floats
    mean_y: Floats
    sxx: Floats
    sxy: Floats
    syy: Floats

    @classmethod
    def of(cls, returns: Returns, asked: Whole, since: Whole, window: int) -> _Past:
        """Lay the windows that end just before each asked session."""
        places = asked[:, None] - window + np.arange(window)
        within = (places >= since[:, None]) & (places >= 0)
        places = np.maximum(places, 0)
        known = np.isfinite(returns.stock) & np.isfinite(returns.index)
        used = within & known[places]
        n = used.sum(axis=1)
        x, mean_x = _centred(returns.index[places], used, n)
        y, mean_y = _centred(returns.stock[places], used, n)
        sxx, sxy, syy = ((one * two).sum(axis=1) for one, two in ((x, x), (x, y), (y, y)))
        # An index that never moved explains nothing.
        sxx = np.where(sxx > _ROUNDING * n * mean_x**2, sxx, np.nan)
        return cls(n, x, y, mean_x, mean_y, sxx, sxy, syy)


def _centred(values: Floats, used: NDArray[np.bool_], n: Whole) -> tuple[Floats, Floats]:
    with np.errstate(invalid="ignore"):
        mean: Floats = np.where(used, values, 0.0).sum(axis=1) / n
    return np.where(used, values - mean[:, None], 0.0), mean


def _judged(own: float, expected: float, t: float, n: int) -> Abnormal:
    if math.isnan(own) or math.isnan(expected):
        return Abnormal(None, None, None, None, n)
    if n < LEAST or not math.isfinite(t):
        return Abnormal(expected, own - expected, None, None, n)
    return Abnormal(expected, own - expected, t, student_p(t, n - 2), n)


def student_p(t: float, df: int) -> float:
    """
    Give the two-sided p-value of Student's t: the regularised incomplete beta function.

    I_x(df/2, 1/2) at x = df / (df + t^2), by its continued fraction (DLMF 8.17.22). Our own lines,
    tested to 1e-12: scipy is 140 MB to install and half a second to import.
    """
    a, b = df / 2, 0.5
    x, rest = df / (df + t * t), t * t / (df + t * t)
    if not x or not rest:
        return 0.0 if not x else 1.0
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    front = math.exp(front + a * math.log(x) + b * math.log(rest))
    # The fraction converges fast on one side only; the other is its complement.
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(a, b, x) / a
    return 1.0 - front * _fraction(b, a, rest) / b


def _fraction(a: float, b: float, x: float) -> float:
    """Evaluate the continued fraction of I_x(a, b) by Lentz's method."""
    c, d = 1.0, 1.0 / (1.0 - (a + b) * x / (a + 1))
    value = d
    for m in count(1):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        step = 1.0
        for term in (even, odd):
            d, c = 1.0 / (1.0 + term * d), 1.0 + term / c
            step = d * c
            value *= step
        if abs(step - 1.0) < _CONVERGED:
            break
    return value
