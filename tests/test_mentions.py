"""Who is an article about: names found, judged by their context, and told from what looks alike."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from bench.mentions import KINDS, load, read, score, verdicts
from tickertrack.errors import ConfigError
from tickertrack.markets import SHIPPED, Market, load_market, renames_of, symbols_of
from tickertrack.markets.talk import aliases_of, talk_of, themes_of
from tickertrack.mentions import Spotter, read_article, spotter_of
from tickertrack.mentions.names import forms_of, lines_of
from tickertrack.models import Mention, Reading

DATA = Path(__file__).parent / "data"
LABELLED = Path(__file__).parents[1].parent / "shared/links/labelled.jsonl"
OWN = load(DATA / "mentions.jsonl")
PSX = load_market("psx")
SPOTTER = spotter_of(PSX)
DAY = date(2022, 3, 15)


def news(title: str, text: str = "", day: date | None = DAY, spotter: Spotter = SPOTTER) -> Reading:
    return read_article(spotter, title, text, (), day)


def about(reading: Reading) -> list[str]:
    return sorted(one.symbol for one in reading.about)


def named(reading: Reading) -> list[str]:
    return sorted({one.symbol for one in reading.mentions})


# ------------------------------------------------------------------------------- labelled articles


def test_our_own_labelled_articles_are_read_right():
    scores = score(verdicts(OWN, SPOTTER))
    least = {"about": (0.95, 0.92), "mentions": (0.97, 0.97), "sector": (0.9, 0.9)}
    for kind in KINDS:
        precision, recall = least.get(kind, (0.9, 0.9))
        assert scores[kind][0] >= precision, kind
        assert scores[kind][1] >= recall, kind


@pytest.mark.skipif(not LABELLED.is_file(), reason="the labelled articles lie outside of this tree")
def test_articles_labelled_by_others_are_read_right():
    scores = score(verdicts(load(LABELLED), SPOTTER))
    least = {"about": (0.95, 0.92), "mentions": (0.93, 0.90)}
    for kind in KINDS:
        precision, recall = least.get(kind, (0.9, 0.9))
        assert scores[kind][0] >= precision, kind
        assert scores[kind][1] >= recall, kind


@pytest.mark.parametrize("path", [DATA / "mentions.jsonl", LABELLED], ids=["own", "others'"])
def test_articles_that_name_no_company_get_no_symbol(path: Path):
    if not path.is_file():
        pytest.skip("the labelled articles lie outside of this tree")
    empty = [one for one in load(path) if not one.wanted["mentions"]]
    hit = [one.title for one in empty if read(one, SPOTTER).mentions]
    assert len(empty) > 60
    assert len(hit) <= 2, hit


# ------------------------------------------------------------------------------------------- names


def rows_of(path: Path) -> list[tuple[str, str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [(row["name"], row["symbol"], row["day"]) for row in csv.DictReader(file)]


@pytest.mark.parametrize(("name", "symbol", "day"), rows_of(DATA / "names.csv"))
def test_a_company_is_known_by_the_names_that_news_gives_it(name: str, symbol: str, day: str):
    reading = news(f"Auditors visit {name}", f"{name} lost shares.", date.fromisoformat(day))
    assert about(reading) == [symbol]


def test_every_company_that_trades_is_known_by_its_registered_name():
    papers, lines = talk_of(PSX).papers, lines_of(PSX)
    for symbol, row in symbols_of(PSX).items():
        if not row.traded or symbol == "PSX" or any(paper in row.name for paper in papers):
            continue
        line = lines[symbol]
        found = named(news("Notice", f"The board of {row.name} met.", day=None))
        assert set(found) & {one for _, one in line.symbols}, row.name


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ("Ghani Global Glass exports", ["GGGL"]),
        ("Ghani Glass exports", ["GHGL"]),
        ("Treet Battery exports", ["TBL"]),
        ("Fauji Fertilizer Bin Qasim exports", ["FFBL"]),
        ("Fauji Fertilizer exports", ["FFC"]),
        ("Nishat Chunian Power exports", ["NCPL"]),
        ("Nishat Chunian exports", ["NCL"]),
        ("Habib Metropolitan Bank and Bank AL Habib", ["BAHL", "HMB"]),
        ("Lucky Core Industries and Lucky Cement", ["ICI", "LUCK"]),
        ("HBL Microfinance Bank exports", []),
        ("Engro Energy exports", []),
        ("Berger Paints India exports", []),
        ("shares of Packages Mall", []),
    ],
)
def test_the_longest_name_wins_and_a_longer_one_is_somebody_else(text: str, symbols: list[str]):
    day = date(2022, 12, 20)
    assert named(news("Notice to all", text, day)) == symbols


@pytest.mark.parametrize(
    "printed",
    [
        *("D.G. Khan Cement", "DG Khan Cement", "D. G. Khan Cement", "D.G KHAN CEMENT"),
        *("Oil and Gas Development Company", "Oil & Gas Development Company", "OGDCL's"),
        *("Engro Fertilisers", "ENGRO FERTILIZERS", "Nestl\u00e9 Pakistan", "K\u2011Electric"),
        *("Mitchell\u2019s Fruit Farms", "NETSOL Technologies", "Netsol", "K-electric"),
    ],
)
def test_a_name_is_known_however_it_is_printed(printed: str):
    assert len(named(news("Notice to all", f"A plant of {printed} was shut."))) == 1


# ------------------------------------------------------------------------------------ codes, words


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ("A plant was sold (PSX: AGL) at a loss.", ["AGL"]),
        ("Shares of AGL rose.", ["AGL"]),
        ("The AGL of the valley met the elders.", []),
        ("PSO sells fuel to airlines.", ["PSO"]),
        ("The PSO of the governor was there.", []),
        ("UNITY is strength, the shares of the poor.", []),
        ("Unity Foods rose (UNITY). UNITY closed at 20.", ["UNITY"]),
        ("POL prices rose as shares fell.", []),
        ("POL found oil in its block.", ["POL"]),
        ("The POLICE sold shares.", []),
        ("Agritech's unit, AGLX, sold shares.", ["AGL"]),
    ],
)
def test_a_code_counts_by_its_context(text: str, symbols: list[str]):
    assert named(news("Notice to all", text)) == symbols


def test_in_a_report_of_the_day_even_words_are_codes():
    text = "The KSE-100 fell 300 points. UNITY, PACE and POWER led the volumes."
    assert named(news("Stocks fall", text)) == ["PACE", "POWER", "UNITY"]
    assert named(news("Village falls silent", text.replace("KSE-100", "roof"))) == []


def test_a_headline_in_capitals_tells_no_codes():
    text = "The minister spoke of profit."
    assert named(news("POWER TO THE PEOPLE: PSO AND POL WILL OBEY", text)) == []
    assert named(news("OGDCL TO DRILL IN SUKKUR", text)) == ["OGDC"]


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("Silk Bank Limited (SBL) lost. SBL needs cash.", ["Silk Bank Limited", "SBL", "SBL"]),
        ("Amreli Steel (Pvt.) Limited (ASL) is up.", ["Amreli Steel (Pvt.) Limited", "ASL"]),
        ("Meezan Bank Ltd (MBL) is up; MBL pays.", ["Meezan Bank Ltd", "MBL", "MBL"]),
        ("Hascol (UAE) traded; the UAE bought.", ["Hascol"]),
    ],
)
def test_an_abbreviation_belongs_to_the_name_before_it(text: str, places: list[str]):
    reading = news("Notice to all", text)
    assert [one.text for one in reading.mentions] == places
    assert len(named(reading)) == 1


def test_letters_that_stand_for_something_else_name_nobody():
    party = "Pakistan Paper Products shares rose. The Pakistan Peoples Party (PPP) won; PPP rules."
    assert [one.text for one in news("Notice", party).mentions] == ["Pakistan Paper Products"]
    price = "The Fuel Supply Levy (FSL) rose, profit fell, and FCCL of Fauji Cement paid the FSL."
    assert named(news("Notice", price)) == ["FCCL"]


@pytest.mark.parametrize(
    "text",
    [
        "The poet Habib Jalib met Saeed Ghani and Lucky Ali in Attock near Kohat.",
        "The crescent was seen; unity, pace and power are silk to the cloud.",
        "Maple Leafs beat the Devils; Shell plc, Nestle and Toyota sold shares.",
        "HBL PSL: Kings play at the National Bank Stadium.",
        "The Fauji Foundation and the Attock Oil Group gave to the Indus Hospital.",
    ],
)
def test_persons_places_parents_and_sponsors_are_no_companies(text: str):
    assert named(news("Notice to all", text)) == []


def test_a_short_name_repeats_a_company_that_is_named_and_no_person():
    text = "Meezan Bank lent more. Meezan did well, said Ali Meezan of Meezan Street."
    places = [one.text for one in news("Meezan up", text).mentions]
    assert places == ["Meezan", "Meezan Bank", "Meezan"]


def test_the_name_of_a_house_is_the_member_that_is_named_or_its_head():
    assert named(news("Engro plans", "Engro Fertilizers will build.")) == ["EFERT"]
    assert named(news("Engro plans", "It will build.")) == ["ENGRO"]
    both = news("Engro plans", "Engro Corporation and Engro Fertilizers will build.")
    assert [one.symbol for one in both.mentions] == ["ENGRO", "ENGRO", "EFERT"]


def test_the_exchange_is_a_company_only_by_its_own_figures():
    assert about(news("PSX reports net income of Rs200m", "It pays Rs1.")) == ["PSX"]
    assert named(news("PSX asks Treet Battery about its share", "The PSX wrote.", None)) == ["TBL"]
    assert named(news("PSX: HUBC, APL declare payouts", "They pay dividends.")) == ["APL", "HUBC"]
    assert named(news("Glitch halts PSX", "The Pakistan Stock Exchange stood still.")) == []


# -------------------------------------------------------------------------------------------- time


@pytest.mark.parametrize(
    ("name", "day", "symbol"),
    [
        ("Byco", date(2021, 12, 20), "BYCO"),
        ("Byco", date(2021, 12, 21), "CNERGY"),
        ("Cnergyico", date(2022, 1, 5), "CNERGY"),
        ("PIA", date(2024, 5, 24), "PIAA"),
        ("Pakistan International Airlines", date(2024, 5, 27), "PIAHCLA"),
        ("Engro Corporation", date(2025, 1, 3), "ENGRO"),
        ("Engro Corporation", date(2025, 1, 6), "ENGROH"),
        ("Dawood Hercules", date(2024, 6, 3), "DAWH"),
        ("Lucky Core Industries", date(2022, 12, 20), "ICI"),
        ("ICI Pakistan", date(2023, 1, 13), "LCI"),
        ("Shell Pakistan", date(2025, 3, 3), "WAFI"),
        ("Chakwal Spinning Mills", date(2024, 10, 10), "CLOUD"),
        ("Chakwal Spinning Mills", date(2025, 12, 30), "QTECH"),
    ],
)
def test_a_name_means_the_symbol_of_its_day(name: str, day: date, symbol: str):
    assert named(news("Notice to all", f"A plant of {name} was shut.", day)) == [symbol]


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("Pak Suzuki", date(2025, 1, 6)),  # delisted by then
        ("Supernet", date(2021, 6, 1)),  # not listed yet
        ("AKD Securities", date(2021, 6, 1)),  # likewise: BIPL Securities took the name in 2022
        ("Lucky Core Industries", date(2021, 6, 1)),  # nobody was called so
    ],
)
def test_who_was_not_listed_is_not_named(name: str, day: date):
    assert named(news("Notice to all", f"A plant of {name} was shut.", day)) == []


def test_an_undated_article_names_a_company_by_one_symbol():
    text = "Dawood Hercules will be called Engro Holdings, and Wafi Energy buys Shell Pakistan."
    assert named(news("Notice to all", text, None)) == ["DAWH", "SHEL"]


# --------------------------------------------------------------------------------- about and topic


@pytest.mark.parametrize(
    ("title", "text", "symbols"),
    [
        ("Hascol offers a deal", "Habib Bank and NBP will answer.", ["HASCOL"]),
        ("AKD Securities likes Lucky Cement", "It says so.", ["LUCK"]),
        ("AKD Securities moves house", "It says so.", ["AKDSL"]),
        ("Guard shot at NBP branch", "He was hurt.", []),
        ("NBP systems fail", "A branch was shut.", ["NBP"]),
        ("Kings win", "The Bank of Punjab president gave the cup.", []),
        ("Blackout in Karachi", "It was the fault of K-Electric.", ["KEL"]),
        ("Robbery in Karachi", "It took place near the house of K-Electric.", []),
        ("KSE-100 up on Hub Power", "Hub Power added 40 points.", []),
        ("Fauji Foods earns more", "Fauji Foods, of Fauji Fertilizer, is up.", ["FFL"]),
        ("Attock Petroleum profit up", "Pakistan Refinery (PRL) lost Rs1bn.", ["APL", "PRL"]),
        ("Attock Petroleum moves house", "Pakistan Refinery (PRL) lost Rs1bn.", ["APL"]),
        ("Nishat Mills to merge a unit", "Nishat Chunian takes it over.", ["NCL", "NML"]),
        ("Nishat Mills to paint a unit", "Nishat Chunian paints too.", ["NML"]),
    ],
)
def test_an_article_is_about_its_headline_its_deal_its_results(
    title: str, text: str, symbols: list[str]
):
    assert about(news(title, text, date(2022, 9, 1))) == symbols


def test_what_an_article_is_about_has_a_score_and_its_evidence():
    reading = news("Hascol offers a deal", "Hascol owes banks. The banks of Hascol agree.")
    (one,) = reading.about
    assert 0.9 <= one.score <= 1
    assert one.evidence == {"place": "title", "text": "Hascol", "times": 3, "of": 3}


@pytest.mark.parametrize(
    ("title", "text", "sector"),
    [
        ("Cement sales fall", "They fell.", "cement"),
        ("Urea price up", "It rose.", "fertilizer"),
        ("Kohat Cement profit up", "It rose.", None),
        ("Truck of cement overturns", "The driver fled.", None),
        ("India's cement makers raise prices", "They rose.", None),
        ("Cement exports to India resume", "They rose.", "cement"),
    ],
)
def test_news_of_a_sector_is_known_by_its_bodies_or_its_goods_in_trade(
    title: str, text: str, sector: str | None
):
    assert [one.name for one in news(title, text).sectors] == ([sector] if sector else [])


@pytest.mark.parametrize(
    ("title", "text", "words"),
    [
        ("SBP cuts policy rate", "It fell.", ["policy rate"]),
        ("Stocks fall", "The KSE-100 lost 300 points.", ["stocks"]),
        ("Stocks of wheat fall", "The granary lost 300 bags.", None),
        ("Sri Lanka gets IMF tranche", "Colombo and Islamabad cheered.", None),
        ("Hub Power hit by policy rate", "It pays more in Karachi.", None),
    ],
)
def test_news_of_the_whole_market_is_an_index_or_the_countrys_economy(
    title: str, text: str, words: list[str] | None
):
    topic = news(title, text).market_wide
    assert (topic.evidence["title"] if topic else None) == words


# ----------------------------------------------------------------------------------------- places


def test_a_mention_keeps_its_place_in_the_field_as_stored():
    text = "A first sentence, of no weight at all, that is long enough to be the lead by itself.\n"
    text += "Meezan Bank \u2013 up."
    reading = read_article(SPOTTER, "Meezan\u2019s year", text, ("Banks", "Meezan Bank"), DAY)
    assert reading.mentions == (
        Mention("MEBL", "title", 0, 6, "Meezan", "alias"),
        Mention(
            "MEBL", "body", text.index("Meezan"), text.index(" \u2013"), "Meezan Bank", "alias"
        ),
        Mention("MEBL", "tags", 7, 18, "Meezan Bank", "alias"),
    )


WORDS = st.sampled_from(
    [
        *("Habib Bank", "(HBL)", "(PSX: HBL)", "HBL", "PSO", "Meezan", "Engro", "PSX", "UNITY"),
        *(
            "Ghani Global Glass",
            "KSE-100",
            "points",
            "cement sales",
            "profit",
            "said",
            "Ali",
            "the",
        ),
        *(
            "\u2019s",
            "\u0130",
            "\u00df",
            "\n",
            ". ",
            "(",
            ")",
            "\u00e9",
            "\U0001f600",
            "HBL PSL",
            "IMF",
        ),
    ]
)
TEXTS = st.lists(st.one_of(WORDS, st.text(max_size=4)), max_size=30).map(" ".join)


@given(title=st.none() | TEXTS, text=TEXTS, tags=st.lists(TEXTS, max_size=3))
def test_whatever_a_text_says_its_places_are_true(title: str | None, text: str, tags: list[str]):
    reading = read_article(SPOTTER, title, text, tags, DAY)
    fields = {"title": title or "", "lead": text, "body": text, "tags": ", ".join(tags)}
    for one in reading.mentions:
        assert fields[one.field][one.start : one.end] == one.text
        assert one.text.strip()
    ends = [
        (one.field == "tags", one.field != "title", one.start, one.end) for one in reading.mentions
    ]
    assert ends == sorted(ends)
    assert {one.symbol for one in reading.about} <= {one.symbol for one in reading.mentions}
    assert all(0 < one.score <= 1 for one in reading.about)
    assert reading == read_article(SPOTTER, title, text, tags, DAY)


@pytest.mark.parametrize(
    "piece",
    ["Habib Bank Limited (HBL) and ", "PSX ", "LUCK MARI TRG ", "A Meezan Said ", "(A", "Rs "],
)
def test_a_text_made_to_be_slow_is_not(piece: str):
    # Time is not told here: what is quadratic would not end in this suite's minutes.
    read_article(SPOTTER, "Share news", piece * (300_000 // len(piece)), (), DAY)


# ------------------------------------------------------------------------------------- maintaining


@pytest.fixture
def own_market(tmp_path: Path) -> Callable[..., Market]:
    """A copy of the shipped market whose files a test may change."""

    def changed(**files: Callable[[str], str]) -> Market:
        folder = tmp_path / "markets/psx"
        shutil.copytree(SHIPPED / "psx", folder)
        for name, change in files.items():
            path = next(folder.glob(f"{name}.*"))
            path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
        return load_market("psx", tmp_path)

    return changed


def test_an_alias_is_one_line_in_one_file(own_market: Callable[..., Market]):
    text = "The Brown Brewery of Rawalpindi sold more."
    assert named(news("Notice", text)) == []
    market = own_market(aliases=lambda rows: rows + "Brown Brewery,MUREB,,,,as the old call it\n")
    assert named(news("Notice", text, spotter=spotter_of(market))) == ["MUREB"]


def test_a_trap_is_one_line_in_one_file(own_market: Callable[..., Market]):
    text = "Children ran at Hub Power Playland, and Hub Power paid."
    assert len(news("Notice", text).mentions) == 2
    market = own_market(traps=lambda rows: rows + "Hub Power Playland,a park\n")
    assert len(news("Notice", text, spotter=spotter_of(market)).mentions) == 1


@pytest.mark.parametrize(
    ("file", "change", "text"),
    [
        ("traps", lambda _: "phrase,note\n", "HBL PSL: Kings win."),
        ("aliases", lambda rows: rows.replace("UNITY,UNITY,,,support", "UNITY,UNITY,,,"), "UNITY!"),
        ("names", lambda rows: rows.replace('"Microfinance"', '"-"'), "HBL Microfinance won."),
        ("renames", lambda _: "old,new,session,note\n", "Byco moved."),
    ],
)
def test_without_its_guard_each_fault_happens(
    own_market: Callable[..., Market], file: str, change: Callable[[str], str], text: str
):
    guarded = named(news("Notice", text))
    bare = named(news("Notice", text, spotter=spotter_of(own_market(**{file: change}))))
    assert guarded in ([], ["CNERGY"])
    assert bare not in ([], ["CNERGY"])


@pytest.mark.parametrize(
    ("file", "change", "says"),
    [
        ("aliases", lambda rows: rows + "Hubli,HUBC,,,firm,\n", "no trust called 'firm'"),
        ("aliases", lambda rows: rows + "Hubli,HUBC,12/05/2020,,,\n", "Hubli"),
        ("names", lambda rows: "spelings = []\n" + rows, "spelings"),
        (
            "themes",
            lambda rows: "index = 5\n" + rows.replace("\nindex = [", "\nmacro = ["),
            "themes",
        ),
    ],
)
def test_a_mistake_in_a_file_is_told_by_its_place(
    own_market: Callable[..., Market], file: str, change: Callable[[str], str], says: str
):
    with pytest.raises(ConfigError, match=says):
        spotter_of(own_market(**{file: change}))


def test_a_market_without_word_files_still_knows_its_names(tmp_path: Path):
    folder = tmp_path / "markets/tiny"
    folder.mkdir(parents=True)
    shutil.copy(SHIPPED / "psx/market.toml", folder)
    (folder / "symbols.csv").write_text("symbol,name,sector\nABC,Abacus Mills Limited,TEXTILE\n")
    spotter = spotter_of(load_market("tiny", tmp_path))
    assert about(news("Abacus Mills Limited wins", "It did.", spotter=spotter)) == ["ABC"]
    assert news("Nobody wins", "It did.", spotter=spotter).mentions == ()


def test_aliases_and_traps_are_fit_to_be_kept():
    aliases = aliases_of(PSX)
    assert {one.symbol for one in aliases} <= symbols_of(PSX).keys()
    keys = [(one.name, one.symbol, one.since) for one in aliases]
    assert len(keys) == len(set(keys))
    forms = forms_of(PSX)
    for trap in talk_of(PSX).traps:
        words = trap.replace("-", " ").split()
        parts = {
            " ".join(words[i:j]) for i in range(len(words)) for j in range(i + 1, len(words) + 1)
        }
        assert any(forms.get(part) for part in parts - {trap}), f"{trap!r} covers no name"


def test_every_sector_of_a_theme_is_one_of_the_exchange():
    listed = {row.sector for row in symbols_of(PSX).values()}
    for theme in themes_of(PSX).sectors:
        assert theme.sectors <= listed, theme.name
        assert theme.sectors, theme.name


def test_a_line_has_one_symbol_a_day():
    lines = lines_of(PSX)
    for rename in renames_of(PSX):
        assert lines[rename.old] is lines[rename.new]
        assert lines[rename.new].symbol_on(rename.session) != rename.old
