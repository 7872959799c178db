"""Moves and the news of their day: ranked, evidenced, and silent where there is nothing."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, strategies as st

from tickertrack.links import Session, link_session
from tickertrack.models import Alignment, Field, Link, Mention, Published, Scored, Story, Topic

DAY = date(2021, 4, 7)
CLOSE = datetime(2021, 4, 7, 15, 30, tzinfo=ZoneInfo("Asia/Karachi"))
SESSION = Session(
    DAY,
    CLOSE,
    {
        "LUCK": frozenset({"cement"}),
        "MLCF": frozenset({"cement"}),
        "OGDC": frozenset({"oil and gas"}),
        "KSE100": frozenset(),
    },
)
WORDS = "harbour kites lemon orchard paint ferry clock gravel violin teapot ladder moss".split()


def mention(symbol: str, field: Field = "title") -> Mention:
    return Mention(symbol, field, 0, 4, f"{symbol} Limited", "name")


def story(number: int, **said: object) -> Story:
    """Tell a story of other words than the others', on the morning of the session."""
    words = random.Random(number).choices(WORDS, k=12)  # noqa: S311
    plain = Story(
        article_id=number,
        alignment=Alignment(DAY, "before_open"),
        published=Published(CLOSE.astimezone(UTC) - timedelta(hours=7), "minute"),
        title=" ".join([*words[:6], str(number)]),
        lead=" ".join([*words[6:], str(number)]),
        about=(),
        mentions=(),
        sectors=(),
        market_wide=None,
    )
    return replace(plain, **said)  # type: ignore[arg-type]


def about(symbol: str, number: int, field: Field = "title", score: float = 0.9) -> Story:
    scored = Scored(symbol, score, {"in": field})
    return story(number, about=(scored,), mentions=(mention(symbol, field),))


def mentioning(symbol: str, number: int, field: Field = "body") -> Story:
    return story(number, mentions=(mention(symbol, field),))


def of_sector(name: str, number: int) -> Story:
    return story(number, sectors=(Topic(name, 0.8, {"words": ["mills"]}),))


def of_market(number: int) -> Story:
    return story(number, market_wide=Topic("market", 0.9, {"words": ["policy rate"]}))


def ranked(symbol: str, stories: Sequence[Story], before: Sequence[Story] = ()) -> list[Link]:
    links = [link for link in link_session(SESSION, stories, before) if link.symbol == symbol]
    return sorted(links, key=lambda link: -link.score)


def simulated(seed: int) -> tuple[list[int], list[Story]]:
    """Tell a day's stories: one of each relation to LUCK and 100 others, at any time and place."""
    rng = random.Random(seed)  # noqa: S311
    numbers = rng.sample(range(10_000), 104)
    places: list[Field] = ["title", "lead", "body"]
    said = [
        about("LUCK", numbers[0], rng.choice(places), rng.uniform(0.3, 1)),
        mentioning("LUCK", numbers[1], rng.choice(places)),
        of_sector("cement", numbers[2]),
        of_market(numbers[3]),
        *map(story, numbers[4:]),
    ]
    at = [CLOSE.astimezone(UTC) - timedelta(hours=rng.uniform(0, 60)) for _ in said]
    told = [
        replace(one, published=Published(moment, "minute"))
        for one, moment in zip(said, at, strict=True)
    ]
    return numbers, rng.sample(told, len(told))


def test_a_day_is_ranked_about_mention_sector_market_and_the_rest_is_not_linked():
    for seed in range(200):
        numbers, told = simulated(seed)
        found = ranked("LUCK", told)
        assert [link.article_id for link in found] == numbers[:4]
        assert [link.relation for link in found] == ["about", "mention", "sector", "market"]


def test_a_day_without_any_is_linked_to_nothing():
    assert link_session(SESSION, [story(number) for number in range(100)], ()) == []
    assert ranked("OGDC", [about("LUCK", 1), of_sector("cement", 2)]) == []


def test_who_has_no_price_that_day_has_no_move_to_explain():
    assert link_session(SESSION, [about("PSO", 1)], ()) == []


def test_an_article_is_linked_by_its_closest_relation_alone():
    both = replace(about("LUCK", 1), market_wide=Topic("market", 1.0, {}))
    links = link_session(SESSION, [both], ())
    assert {link.symbol: link.relation for link in links} == {
        "LUCK": "about",
        "MLCF": "market",
        "OGDC": "market",
        "KSE100": "market",
    }


def test_title_comes_before_lead_before_body():
    places: list[Field] = ["body", "title", "tags", "lead"]
    stories = [about("LUCK", number, field) for number, field in enumerate(places)]
    assert [link.article_id for link in ranked("LUCK", stories)] == [1, 3, 0, 2]


def test_what_is_nearer_to_the_close_comes_first():
    def told(number: int, at: datetime) -> Story:
        return replace(about("LUCK", number), published=Published(at.astimezone(UTC), "minute"))

    ago = [timedelta(hours=20), timedelta(hours=2), timedelta(days=3)]
    stories = [told(number, CLOSE - far) for number, far in enumerate(ago)]
    found = ranked("LUCK", stories)
    assert [link.article_id for link in found] == [1, 0, 2]
    assert found[0].evidence["time"] == {
        "basis": "before_open",
        "hours_before_close": 2.0,
        "factor": 0.9715,
    }


def test_of_a_bare_day_noon_is_taken():
    daily = replace(
        about("LUCK", 1),
        alignment=Alignment(DAY, "day"),
        published=Published(DAY, "day"),
    )
    (link,) = ranked("LUCK", [daily])
    assert link.evidence["time"] == {"basis": "day", "hours_before_close": 3.5, "factor": 0.9507}


def test_a_repeat_of_an_earlier_story_counts_less():
    fresh, other = about("LUCK", 1), about("LUCK", 2)
    early = Published(CLOSE.astimezone(UTC) - timedelta(hours=30), "minute")
    yesterdays = replace(fresh, article_id=3, published=early)
    assert [link.score for link in ranked("LUCK", [fresh, other])] == [0.9534] * 2
    found = ranked("LUCK", [fresh, other], [yesterdays])
    assert [link.article_id for link in found] == [2, 1]
    assert found[1].evidence["novelty"] == {
        "repeats": fresh.title,
        "likeness": 1.0,
        "factor": 0.5,
    }
    # On one day the first to tell it is not the one that repeats.
    same = ranked("LUCK", [fresh, replace(yesterdays, alignment=fresh.alignment)])
    assert [link.evidence["novelty"] for link in same if link.article_id == 3] == [{"factor": 1.0}]


def test_every_factor_of_a_score_is_in_its_evidence():
    (link,) = ranked("LUCK", [about("LUCK", 1, "lead", 0.6)])
    assert link.evidence == {
        "relation": "about",
        "strength": 0.6,
        "place": {"field": "lead", "factor": 0.85},
        "time": {"basis": "before_open", "hours_before_close": 7.0, "factor": 0.9039},
        "novelty": {"factor": 1.0},
        "words": ["LUCK Limited"],
        "subject": {"in": "lead"},
    }
    assert link.score == round(0.75 + 0.25 * 0.6 * 0.85 * 0.9039, 4)


@given(st.permutations(range(8)))
def test_the_order_of_articles_changes_nothing(order: list[int]):
    stories = [about("LUCK", 1), about("LUCK", 2), mentioning("MLCF", 3), of_sector("cement", 4)]
    stories += [of_market(5), replace(about("LUCK", 1), article_id=6), story(7), of_market(8)]
    assert link_session(SESSION, [stories[at] for at in order], ()) == link_session(
        SESSION, stories, ()
    )
