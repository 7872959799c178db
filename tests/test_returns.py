"""Expected and abnormal returns: statsmodels' own figures, and a test that keeps its level."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st
from numpy.typing import NDArray
from scipy import special

from tickertrack.returns import LEAST, WINDOW, Abnormal, Returns, abnormal_returns, student_p

Floats = NDArray[np.float64]
NO_BREAK = 0


def made(seed: int, sessions: int) -> tuple[Floats, Floats]:
    """Draw a stock's and an index's returns; the stock follows the index, with noise."""
    rng = np.random.default_rng(seed)
    index = rng.normal(0.0004, 0.01, sessions)
    return 0.0005 + 1.2 * index + rng.standard_normal(sessions) * 0.02, index


def judged(stock: Floats, index: Floats, since: int = NO_BREAK, window: int = WINDOW) -> Abnormal:
    """Judge the last of the sessions."""
    last = np.array([len(stock) - 1])
    (found,) = abnormal_returns(Returns(stock, index), last, np.array([since]), window)
    return found


def by_statsmodels(stock: Floats, index: Floats) -> tuple[float, float, float]:
    """Predict the last return from the ones before: expected, standard error, p-value."""
    import statsmodels.api as sm  # noqa: PLC0415  (a second, in every worker)

    fit = sm.OLS(stock[:-1], sm.add_constant(index[:-1])).fit()
    predicted = fit.get_prediction(np.array([[1.0, index[-1]]]))
    expected, error = float(predicted.predicted_mean[0]), float(predicted.se_obs[0])
    t = (stock[-1] - expected) / error
    return expected, error, float(2 * special.stdtr(fit.df_resid, -abs(t)))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("past", [20, 21, 60, 120, 250])
def test_expectation_and_error_are_those_of_statsmodels(past: int, seed: int):
    stock, index = made(seed, past + 1)
    found = judged(stock, index, window=past)
    expected, error, p = by_statsmodels(stock, index)
    assert found.n == past
    assert found.expected == pytest.approx(expected, abs=1e-12)
    assert found.abnormal == pytest.approx(stock[-1] - expected, abs=1e-12)
    assert found.t == pytest.approx((stock[-1] - expected) / error, rel=1e-9)
    assert found.p == pytest.approx(p, abs=1e-9)


def test_sessions_of_which_one_return_is_unknown_are_left_out():
    stock, index = made(1, 80)
    stock[[3, 40]], index[[17, 60]] = np.nan, np.nan
    known = np.isfinite(stock) & np.isfinite(index)
    assert judged(stock, index).n == 75
    assert judged(stock, index) == nearly(judged(stock[known], index[known]))


def nearly(other: Abnormal) -> Abnormal:
    """Take the same sums in another order as the same."""
    fields = (other.expected, other.abnormal, other.t, other.p)
    return Abnormal(*(pytest.approx(value, rel=1e-9) for value in fields), other.n)


def test_the_window_is_of_sessions_and_ends_before_the_move():
    stock, index = made(2, 400)
    short = judged(stock[-WINDOW - 1 :], index[-WINDOW - 1 :])
    assert short.n == WINDOW
    assert judged(stock, index) == nearly(short)


def test_a_window_never_reaches_over_a_chain_break():
    stock, index = made(3, 100)
    after = judged(stock, index, since=60)
    assert after == nearly(judged(stock[60:], index[60:]))
    # What lies before the break may be anything.
    stock[:60] = 5.0
    assert judged(stock, index, since=60) == after
    assert judged(stock, index) != after


@pytest.mark.parametrize("past", [0, 1, LEAST - 1])
def test_a_short_history_is_measured_by_the_index_alone_without_a_test(past: int):
    stock, index = made(4, past + 1)
    found = judged(stock, index)
    assert (found.expected, found.abnormal) == (index[-1], stock[-1] - index[-1])
    assert (found.t, found.p, found.n, found.model) == (None, None, past, "adjusted")


def test_without_an_index_nothing_is_expected():
    stock, index = made(5, 60)
    assert judged(stock, np.full(60, np.nan)) == Abnormal(None, None, None, None, 0)
    index[-1] = np.nan
    assert judged(stock, index) == Abnormal(None, None, None, None, 59)
    assert judged(stock, index).model == "none"
    none = np.arange(0)
    assert abnormal_returns(Returns(stock, index), none, none) == []


@pytest.mark.parametrize(
    ("stock", "index"),
    [
        (np.zeros(60), made(6, 60)[1]),
        (made(6, 60)[1], made(6, 60)[1]),
        (made(6, 60)[0], np.full(60, 0.001)),
    ],
    ids=["a stock that never trades", "the index itself", "an index that stands still"],
)
def test_where_nothing_varies_nothing_is_tested(stock: Floats, index: Floats):
    found = judged(stock, index)
    assert (found.t, found.p) == (None, None)


def rejected(past: int, draws: int, seed: int) -> float:
    """Give the share of simulated null moves that the nominal 5 % test rejects."""
    stock, index = made(seed, past + draws)
    asked = np.arange(past, past + draws)
    found = abnormal_returns(Returns(stock, index), asked, np.zeros_like(asked), past)
    return sum(one.p is not None and one.p <= 0.05 for one in found) / draws


@pytest.mark.parametrize(("past", "chunks"), [(20, 12), (60, 12), (250, 24)])
def test_the_nominal_five_percent_test_rejects_five_percent_of_null_moves(past: int, chunks: int):
    draws = 60_000 // chunks
    shares = [rejected(past, draws, seed) for seed in range(chunks)]
    assert 0.045 <= sum(shares) / chunks <= 0.055


def test_without_the_error_of_the_forecast_it_would_reject_more():
    # The control: the residuals' deviation alone, and the normal distribution for Student's t.
    count, past = 4_000, 20
    wrong = 0
    for seed in range(count):
        stock, index = made(seed, past + 1)
        fit = np.polynomial.Polynomial.fit(index[:-1], stock[:-1], 1)
        error = float(np.std(stock[:-1] - fit(index[:-1])))
        wrong += abs(stock[-1] - float(fit(index[-1]))) > 1.96 * error
    assert wrong / count > 0.055


@pytest.mark.parametrize("df", [1, 2, 3, 18, 58, 118, 248, 1_000])
def test_p_values_are_those_of_scipy(df: int):
    for t in np.linspace(0.001, 40, 4_001):
        assert abs(student_p(float(t), df) - 2 * special.stdtr(df, -t)) < 1e-12


@given(t=st.floats(0, 1e300))
def test_p_values_have_their_closed_forms(t: float):
    assert math.isclose(student_p(t, 1), 1 - 2 / math.pi * math.atan(t), abs_tol=1e-12)
    assert math.isclose(student_p(t, 2), 1 - t / math.hypot(math.sqrt(2), t), abs_tol=1e-12)
    assert student_p(-t, 7) == student_p(t, 7)
