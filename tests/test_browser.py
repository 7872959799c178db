"""The pages in a real browser: clicked through, looked at, and watched (`make test-browser`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from browsing import Watched, chromium_started, serving
from daemons import ROOT
from serving import make_hostile
from showcase import make

pytestmark = pytest.mark.browser

SCRATCH = ROOT / ".browser"
AXE = SCRATCH / "node_modules" / "axe-core" / "axe.min.js"
SHOTS = SCRATCH / "shots"
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
DAY, SYMBOL = "2024-04-24", "TRG"


Open = Callable[..., Watched]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with chromium_started() as browser:
        yield browser


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(make(tmp_path_factory.mktemp("show") / "courier")) as address:
        yield address


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(make_hostile(tmp_path_factory.mktemp("hostile") / "courier")) as address:
        yield address


@pytest.fixture
def opened(chromium: Any, address: str) -> Iterator[Open]:
    """Open pages in contexts of their own; at the end none has complained or asked elsewhere."""
    pages: list[Watched] = []

    def open_one(base: str = address, **how: Any) -> Watched:
        context = chromium.new_context(**{"viewport": WIDE, "locale": "en-GB", **how})
        pages.append(Watched(context.new_page(), base))
        return pages[-1]

    yield open_one
    for watched in pages:
        watched.page.context.close()
        assert watched.complaints == []
        assert watched.strangers() == []
        assert watched.asked


def kinds(opened: Open) -> list[str]:
    """List a page of each kind."""
    page = opened().open(f"/move/{SYMBOL}/{DAY}")
    quote = page.locator(".lines a").first.get_attribute("href")
    return [
        *("/", f"/day/{DAY}", f"/symbol/{SYMBOL}", f"/move/{SYMBOL}/{DAY}", str(quote)),
        *("/coverage?month=2024-03", "/symbols", "/symbols?q=nobody"),
    ]


def test_clicks_lead_through_every_page(opened: Open):
    watched = opened()
    page = watched.open("/")
    go(page, ".movers a.symbol >> nth=0")
    page.wait_for_selector("#chart[data-drawn]")
    page.fill("#find", "trg")
    go(page, ".find button")
    page.wait_for_selector("#chart[data-drawn]")
    assert page.title().startswith("TRG")
    page.click(".marks a >> nth=0")
    page.wait_for_selector(".links mark")
    go(page, "#news-of-move h2 a")
    assert "/move/TRG/" in page.url
    go(page, ".lines a >> nth=0")
    assert "/quote/" in page.url
    assert page.locator(".strip .here").count() == 1
    go(page, ".strip a >> nth=0")
    assert page.locator(".strip li >> nth=0").get_attribute("aria-current") == "true"
    go(page, "nav >> text=Day")
    before = page.locator("tbody tr").count()
    page.select_option("#sector", "CEMENT")
    go(page, "text=Show >> nth=0")
    assert 0 < page.locator("tbody tr").count() < before
    go(page, "a[rel=prev]")
    assert page.url.endswith("/day/2024-05-07")
    go(page, "nav >> text=Coverage")
    go(page, ".calendar caption >> text=February")
    assert page.locator("#month").inner_text() == "February 2024, by symbol"
    go(page, ".calendar td a >> nth=0")
    assert "/day/" in page.url
    go(page, "nav >> text=Symbols")
    assert page.locator("tbody tr").count() == 31
    go(page, "nav >> text=Data")
    go(page, "a >> text=prices >> nth=0")
    assert page.locator("text=0.6 means 0.6 %").count() > 0


def go(page: Any, selector: str) -> None:
    """Click on what leads to another page, and wait for that."""
    with page.expect_navigation():
        page.click(selector)


# Counts the pixels of a colour in the chart, and finds the middle of their left-most cluster.
PIXELS = """(name) => {
  const colour = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const wanted = colour.match(/[0-9a-f]{2}/gi).map((part) => parseInt(part, 16));
  const found = [];
  for (const canvas of document.querySelectorAll("#chart canvas")) {
    const { data, width } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const box = canvas.getBoundingClientRect();
    for (let at = 0; at < data.length; at += 4) {
      const isOther = wanted.some((part, n) => Math.abs(part - data[at + n]) > 2);
      if (data[at + 3] < 250 || isOther) continue;
      const pixel = at / 4;
      found.push([box.x + (pixel % width) / devicePixelRatio,
                  box.y + Math.floor(pixel / width) / devicePixelRatio]);
    }
  }
  const left = Math.min(...found.map(([x]) => x));
  const cluster = found.filter(([x]) => x < left + 12);
  const middle = [0, 1].map((n) => cluster.reduce((sum, one) => sum + one[n], 0) / cluster.length);
  return { count: found.length, middle };
}"""


def test_the_chart_is_drawn_within_a_second(opened: Open):
    page = opened().open_chart(f"/symbol/{SYMBOL}")
    assert page.evaluate(PIXELS, "--ink")["count"] > 1_000
    assert page.evaluate(PIXELS, "--up")["count"] > 20
    assert page.evaluate(PIXELS, "--range")["count"] > 200
    assert page.evaluate(PIXELS, "--faint")["count"] > 5
    assert int(page.get_attribute("#chart", "data-drawn")) < 1_000


def test_without_its_script_there_is_no_chart_to_count_pixels_of(opened: Open):
    watched = opened()
    watched.page.route("**/chart.js*", lambda route: route.fulfill(body=""))
    page = watched.open(f"/symbol/{SYMBOL}")
    assert page.evaluate(PIXELS, "--ink")["count"] == 0
    assert page.locator("tbody tr").count() > 70


def test_a_click_on_a_mark_shows_its_ranked_news_with_the_words_marked(opened: Open):
    page = opened().open_chart(f"/symbol/{SYMBOL}")
    page.mouse.click(*page.evaluate(PIXELS, "--up")["middle"])
    page.wait_for_selector("#news-of-move .back")
    shown = page.locator("#news-of-move h2").inner_text()
    page.click("#news-of-move .back")
    listed = page.locator(".marks a").all_inner_texts()
    assert any(one.split()[0] in shown.split() for one in listed)
    assert len(listed) > 3
    page.click(f".marks a[data-session='{DAY}']")
    page.wait_for_selector(".links")
    assert page.locator(".link-title mark").first.inner_text() == "TRG Pakistan"


def test_it_works_by_keyboard_alone(opened: Open):
    page = opened().open_chart(f"/symbol/{SYMBOL}")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "chart":
            break
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector("#news-of-move .back")
    first = page.locator("#news-of-move h2").inner_text()
    page.keyboard.press("ArrowLeft")
    page.wait_for_function(
        "(before) => document.querySelector('#news-of-move h2').innerText !== before", arg=first
    )


def test_nothing_is_wider_than_a_phone(opened: Open):
    watched = opened(viewport=PHONE, is_mobile=True, has_touch=True)
    for path in kinds(opened):
        page = watched.open(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path
    # Long tables are moved within themselves.
    page = watched.open(f"/day/{DAY}")
    inner = "(one) => one.scrollWidth > one.clientWidth"
    assert page.locator(".main .scroll").evaluate(inner)


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"color_scheme": "dark"},
        {"viewport": PHONE},
        {"viewport": PHONE, "color_scheme": "dark"},
    ],
    ids=["light", "dark", "phone", "dark phone"],
)
def test_axe_finds_no_serious_fault(opened: Open, how: dict[str, Any]):
    watched = opened(**how)
    for path in kinds(opened):
        page = watched.open(path)
        if "/symbol/TRG" in path:
            page.wait_for_selector("#chart[data-drawn]")
            page.click(f".marks a[data-session='{DAY}']")
            page.wait_for_selector(".links")
        assert serious(page) == [], path


def serious(page: Any) -> list[str]:
    """List the serious and critical faults that axe-core finds."""
    # Not through the page: its policy lets no script in.
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run().then((done) => done.violations)")
    return [
        f"{one['id']}: {node['target']} {node['failureSummary']}"
        for one in found
        if one["impact"] in {"serious", "critical"}
        for node in one["nodes"]
    ]


def test_axe_finds_a_fault_where_there_is_one(opened: Open):
    page = opened().open("/symbols")
    page.evaluate("document.querySelector('#find').labels[0].remove()")
    page.evaluate("document.querySelector('#find').removeAttribute('placeholder')")
    assert any(one.startswith("label:") for one in serious(page))


def test_hostile_titles_are_shown_and_do_nothing(opened: Open, hostile: str):
    watched = opened(hostile)
    page = watched.open("/symbols")
    symbol = page.locator("a.symbol", has_text="<IMG").get_attribute("href")
    for path in ("/", "/day/2024-05-07", str(symbol), "/symbol/TRG", "/move/TRG/2024-05-07"):
        page = watched.open(path)
        if "/symbol/" in path:
            page.wait_for_selector("#chart[data-drawn]")
        assert page.locator("img, iframe, a[href^=javascript], a[href^=data]").count() == 0
    assert "<script>alert(1)</script>" in page.inner_text("main")
    go(page, ".lines a >> nth=0")
    assert "<script>alert(1)</script>" in page.inner_text("h1")


def test_what_the_policy_forbids_would_be_noticed(chromium: Any, address: str):
    watched = Watched(chromium.new_page(), address)
    page = watched.open("/symbols")
    page.evaluate("new Image().src = 'http://192.0.2.1/pixel.png'")
    page.evaluate("document.body.append(Object.assign(document.createElement('script'),"
                  " { textContent: 'window.ran = true' }))")  # fmt: skip
    page.wait_for_timeout(100)
    assert sum("Content Security Policy" in one for one in watched.complaints) == 2
    assert page.evaluate("window.ran") is None
    page.close()


def test_it_can_be_read_without_scripts(opened: Open):
    page = opened(java_script_enabled=False).open(f"/symbol/{SYMBOL}")
    assert "The chart needs JavaScript" in page.inner_text("main")
    go(page, ".marks a >> nth=0")
    assert page.locator(".links li").count() >= 1


def test_screenshots(opened: Open):
    SHOTS.mkdir(parents=True, exist_ok=True)
    home, day, symbol, move, quote, coverage, *_ = kinds(opened)
    plans = {
        "home": (home, WIDE, "light"),
        "symbol": (symbol, WIDE, "light"),
        "symbol-dark": (symbol, WIDE, "dark"),
        "symbol-phone": (symbol, PHONE, "light"),
        "day": (day, WIDE, "light"),
        "move": (move, WIDE, "light"),
        "quote": (quote, WIDE, "light"),
        "coverage": (coverage, WIDE, "light"),
    }
    for name, (path, size, scheme) in plans.items():
        page = opened(viewport=size, color_scheme=scheme).open(path)
        if name.startswith("symbol"):
            page.wait_for_selector("#chart[data-drawn]")
            page.click(f".marks a[data-session='{DAY}']")
            page.wait_for_selector(".links")
            page.evaluate("scrollTo(0, 0)")
            page.evaluate("document.activeElement.blur()")
            # Off the chart, or its crosshair stands in the picture.
            page.mouse.move(0, 0)
            page.wait_for_timeout(100)
        shot = page.screenshot(path=str(SHOTS / f"{name}.png"))
        # A page that is blank packs to next to nothing.
        assert 20_000 < len(shot) < 200_000, name
