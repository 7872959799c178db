"""Which session an article's news could first be traded in: hours by era, weekends, holidays."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from tickertrack.alignment import align
from tickertrack.markets import load_market
from tickertrack.markets.calendar import sessions_between
from tickertrack.models import Precision, Published

PSX = load_market("psx")
DAYS = [day.session for day in sessions_between(PSX, date(2020, 1, 1), date(2026, 4, 30))]


def published(stamp: str) -> Published:
    """Read `2021-06-07 15:29` as a time in Karachi, `2021-06-07` as a day."""
    if len(stamp) == len("2021-06-07"):
        return Published(date.fromisoformat(stamp), "day")
    precision: Precision = "second" if stamp.count(":") > 1 else "minute"
    return Published(datetime.fromisoformat(stamp).replace(tzinfo=PSX.zone), precision)


@pytest.mark.parametrize(
    ("stamp", "session", "basis"),
    [
        # A Monday: trading from 09:32 to 15:30.
        ("2021-06-07 00:00", "2021-06-07", "before_open"),
        ("2021-06-07 09:31", "2021-06-07", "before_open"),
        ("2021-06-07 09:32", "2021-06-07", "in_session"),
        ("2021-06-07 15:29", "2021-06-07", "in_session"),
        ("2021-06-07 15:30", "2021-06-07", "in_session"),
        ("2021-06-07 15:30:01", "2021-06-08", "after_close"),
        ("2021-06-07 15:31", "2021-06-08", "after_close"),
        # Post-close trading until 16:15 is at the close: no news moves it.
        ("2021-06-07 16:10", "2021-06-08", "after_close"),
        ("2021-06-07 23:59", "2021-06-08", "after_close"),
        ("2021-06-07", "2021-06-07", "day"),
        # Fridays close at 16:30, and the weekend follows.
        ("2021-06-11 15:31", "2021-06-11", "in_session"),
        ("2021-06-11 13:00", "2021-06-11", "in_session"),
        ("2021-06-11 16:31", "2021-06-14", "after_close"),
        ("2021-06-12 11:00", "2021-06-14", "closed_day"),
        ("2021-06-13 23:59", "2021-06-14", "closed_day"),
        ("2021-06-12", "2021-06-14", "day"),
        # Eid-ul-Fitr 2021: closed from Friday 7 to Sunday 16 May; the days before are short.
        ("2021-05-06 12:30", "2021-05-06", "in_session"),
        ("2021-05-06 12:31", "2021-05-17", "after_close"),
        ("2021-05-07 11:00", "2021-05-17", "closed_day"),
        ("2021-05-10 12:00", "2021-05-17", "closed_day"),
        ("2021-05-13", "2021-05-17", "day"),
        ("2021-05-16 20:00", "2021-05-17", "closed_day"),
        # Ramadan 2022: until 14:00, from 18 April until 13:30, on Fridays until 13:00 and 12:30.
        ("2022-04-05 13:59", "2022-04-05", "in_session"),
        ("2022-04-05 14:01", "2022-04-06", "after_close"),
        ("2022-04-08 13:01", "2022-04-11", "after_close"),
        ("2022-04-19 13:29", "2022-04-19", "in_session"),
        ("2022-04-19 13:31", "2022-04-20", "after_close"),
        ("2022-04-22 12:31", "2022-04-25", "after_close"),
        # Days on which the calendar is wrong, and ours is corrected.
        ("2025-06-06 12:00", "2025-06-10", "closed_day"),
        ("2025-09-05 12:00", "2025-09-05", "in_session"),
    ],
)
def test_news_belongs_to_the_first_session_that_could_trade_it(
    stamp: str, session: str, basis: str
):
    found = align(published(stamp), DAYS, PSX)
    assert found is not None
    assert (found.session.isoformat(), found.basis) == (session, basis)


def test_a_time_of_another_zone_is_the_same_moment():
    utc = Published(datetime(2021, 6, 7, 10, 31, tzinfo=UTC), "minute")
    assert align(utc, DAYS, PSX) == align(published("2021-06-07 15:31"), DAYS, PSX)


def test_a_special_session_on_a_saturday_is_a_session():
    saturday = date(2021, 6, 12)
    found = align(published("2021-06-12 11:00"), sorted([*DAYS, saturday]), PSX)
    assert found is not None
    assert (found.session, found.basis) == (saturday, "in_session")


@pytest.mark.parametrize("stamp", ["2026-04-30 15:31", "2026-05-01", "2026-05-01 10:00"])
def test_where_the_sessions_end_nothing_is_guessed(stamp: str):
    assert align(published(stamp), DAYS, PSX) is None


FIRST, LAST = datetime.fromisoformat("2020-01-02"), datetime.fromisoformat("2026-04-20")
moments = st.datetimes(FIRST, LAST, timezones=st.just(PSX.zone))


@given(moment=moments, later=st.timedeltas(timedelta(), timedelta(days=5)))
def test_later_news_never_belongs_to_an_earlier_session(moment: datetime, later: timedelta):
    sooner = align(Published(moment, "second"), DAYS, PSX)
    after = align(Published(moment + later, "second"), DAYS, PSX)
    assert sooner is not None
    assert after is not None
    assert sooner.session <= after.session
    assert moment <= PSX.local(sooner.session, PSX.hours_on(sooner.session).close)
