"""In a real browser: each way of knowing a price has its mark, and hostile texts do nothing."""

from __future__ import annotations

import base64
import io
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from browsing import Watched, chromium_started, serving
from daemons import ROOT
from datasette.utils import tilde_encode
from PIL import Image
from showcase import make
from traps import DAY, KINDS, SAMPLE, SYMBOL, make_trapped, symbol_of, traps

pytestmark = pytest.mark.browser

CHART = ROOT / "tickertrack" / "web" / "static" / "chart.js"
KINDS_OF_PRICE = ("FINAL", "INTRADAY", "IMPLIED", "PROVISIONAL", "CONFLICTING", "MISSING")
SINCE, MARKED, UNTIL = "2024-04-29", "2024-05-02", "2024-05-08"
# The same prices under six names, in one session of which each is known in its own way.
_CHANGES = (
    "status = 'final'",
    "status = 'intraday'",
    "status = 'implied', quotes = 0, first = NULL, high = NULL, low = NULL",
    "status = 'provisional', method = 'stated'",
    "conflict = 'two lasts'",
)
Pixels = Any

# The chart without its axes, as it was painted: a picture of the screen may be half a pixel off.
PAINTED = """(paper) => {
  const all = [...document.querySelectorAll("#chart canvas")];
  const widest = Math.max(...all.map((one) => one.width * one.height));
  const layers = all.filter((one) => one.width * one.height === widest);
  const whole = document.createElement("canvas");
  [whole.width, whole.height] = [layers[0].width, layers[0].height];
  const context = whole.getContext("2d");
  context.fillStyle = paper;
  context.fillRect(0, 0, whole.width, whole.height);
  for (const layer of layers) context.drawImage(layer, 0, 0);
  return whole.toDataURL("image/png").split(",")[1];
}"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with chromium_started() as browser:
        yield browser


# ---- marks


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    config = make(tmp_path_factory.mktemp("marks") / "courier", 12)
    with closing(sqlite3.connect(config.with_name("tickertrack.db"))) as connection:
        lay_out(connection)
        connection.commit()
    with serving(config) as address:
        yield address


def lay_out(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM prices WHERE session NOT BETWEEN ? AND ?", (SINCE, UNTIL))
    names = [row[1] for row in connection.execute("PRAGMA table_info(prices)")]
    others = ", ".join(names[1:])
    for kind in KINDS_OF_PRICE:
        connection.execute(
            f"INSERT INTO prices SELECT ?, {others} FROM prices WHERE symbol = ?", (kind, SYMBOL)
        )
        connection.execute(
            "UPDATE prices SET status = 'final', conflict = NULL, quotes = 1, first = price,"
            " high = price, low = price WHERE symbol = ?",
            (kind,),
        )
    for kind, change in zip(KINDS_OF_PRICE, _CHANGES, strict=False):
        connection.execute(
            f"UPDATE prices SET {change} WHERE symbol = ? AND session = ?", (kind, MARKED)
        )
    missing = (KINDS_OF_PRICE[-1], MARKED)
    connection.execute("DELETE FROM prices WHERE symbol = ? AND session = ?", missing)


class Drawn(NamedTuple):
    """A symbol's chart as it is seen, and the colours that it may be drawn in."""

    pixels: Pixels
    colours: dict[str, Pixels]

    def has(self, name: str, where: tuple[slice, slice]) -> int:
        """Count the pixels of a colour within a part."""
        away = np.abs(self.pixels[where].astype(int) - self.colours[name]).max(axis=2)
        return int((away < 12).sum())


def drawn(chromium: Any, base: str, symbol: str, script: str = "") -> Drawn:
    context = chromium.new_context(viewport={"width": 1000, "height": 900})
    watched = Watched(context.new_page(), base)
    if script:
        watched.page.route("**/chart.js*", lambda route: route.fulfill(
            body=script, content_type="text/javascript"))  # fmt: skip
    page = watched.open_chart(f"/symbol/{symbol}?since={SINCE}&until={UNTIL}")
    names = ("ink", "range", "paper", "down")
    ask = "(name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim()"
    said = {name: page.evaluate(ask, f"--{name}") for name in names}
    painted = still(lambda: page.evaluate(PAINTED, said["paper"]))
    context.close()
    assert watched.complaints == []
    pixels = np.array(Image.open(io.BytesIO(base64.b64decode(painted))).convert("RGB"))
    colours = {name: np.array(list(bytes.fromhex(said[name].lstrip("#")))) for name in names}
    return Drawn(pixels, colours)


def still(look: Callable[[], str]) -> str:
    """Look again until nothing has changed."""
    seen = look()
    while (again := look()) != seen:
        seen = again
    return seen


def difference(one: Drawn, other: Drawn) -> tuple[slice, slice]:
    """Give the part in which two charts differ."""
    rows, columns = np.nonzero(np.abs(one.pixels.astype(int) - other.pixels).max(axis=2) > 12)
    return (
        slice(int(rows.min()), int(rows.max()) + 1),
        slice(int(columns.min()), int(columns.max()) + 1),
    )


def middle(part: tuple[slice, slice]) -> tuple[slice, slice]:
    rows, columns = ((one.start + one.stop) // 2 for one in part)
    return slice(rows - 1, rows + 2), slice(columns - 1, columns + 2)


def wider(part: tuple[slice, slice], by: int) -> tuple[slice, slice]:
    rows, columns = (slice(one.start - by, one.stop + by) for one in part)
    return rows, columns


def height(part: tuple[slice, slice]) -> int:
    return part[0].stop - part[0].start


@pytest.fixture(scope="module")
def charts(chromium: Any, marked: str) -> dict[str, Drawn]:
    return {kind: drawn(chromium, marked, kind) for kind in KINDS_OF_PRICE}


def test_each_way_of_knowing_a_price_has_its_own_mark(charts: dict[str, Drawn]):
    final = charts["FINAL"]
    parts = {kind: difference(final, charts[kind]) for kind in KINDS_OF_PRICE[1:]}
    for kind in ("INTRADAY", "IMPLIED", "PROVISIONAL", "CONFLICTING"):
        # Nothing but the mark of one session is another one.
        assert max(one.stop - one.start for one in parts[kind]) < 20, kind
    there = middle(parts["IMPLIED"])
    assert final.has("ink", there) == 9
    assert charts["INTRADAY"].has("range", there) == 9
    assert charts["IMPLIED"].has("paper", there) == 9
    assert charts["PROVISIONAL"].has("paper", there) == 9
    # A diamond is higher than a ring.
    assert height(parts["PROVISIONAL"]) > height(parts["IMPLIED"]) + 1
    around = parts["PROVISIONAL"]
    assert charts["CONFLICTING"].has("down", around) > 5
    assert sum(charts[kind].has("down", around) for kind in KINDS_OF_PRICE[:4]) == 0


def test_a_missing_session_is_a_gap_with_a_line_at_the_foot(charts: dict[str, Drawn]):
    final, missing = charts["FINAL"], charts["MISSING"]
    there = middle(difference(final, charts["IMPLIED"]))
    foot = (slice(there[0].stop + 30, final.pixels.shape[0]), wider(there, 3)[1])
    assert missing.has("paper", foot) < final.has("paper", foot) - 5
    # The line of prices is dashed there.
    around = wider(there, 30)
    assert missing.has("ink", around) < 0.6 * final.has("ink", around)


def test_no_two_are_drawn_alike(charts: dict[str, Drawn]):
    assert len({chart.pixels.tobytes() for chart in charts.values()}) == len(KINDS_OF_PRICE)


def test_where_all_are_drawn_as_final_that_is_seen(chromium: Any, marked: str):
    script = CHART.read_text(encoding="utf-8")
    careless = script.replace("...bar.originalData,", "...bar.originalData, kind: 'final',")
    assert careless != script
    pictures = [drawn(chromium, marked, kind, careless).pixels for kind in KINDS_OF_PRICE[:5]]
    assert len({one.tobytes() for one in pictures}) == 1


# ---- hostile texts


@pytest.fixture(scope="module")
def trapped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(make_trapped(tmp_path_factory.mktemp("traps") / "courier", traps())) as address:
        yield address


def looked_at(chromium: Any, base: str, paths: Sequence[str]) -> Watched:
    """Look at pages, one after the other; give all that was asked for and complained of."""
    context = chromium.new_context()
    watched = Watched(context.new_page(), base)
    for path in paths:
        page = watched.open_chart(path) if path.startswith("/symbol/") else watched.open(path)
        assert page.locator("img, iframe, a[href^=javascript], a[href^=data]").count() == 0, path
    context.close()
    return watched


def test_four_hundred_hostile_texts_do_nothing_on_any_page(chromium: Any, trapped: str):
    names = [tilde_encode(symbol_of(kind)) for kind in KINDS]
    paths = ["/", f"/day/{DAY}", "/symbols", f"/move/{SYMBOL}/{DAY}", "/coverage"]
    paths += [f"/move/{name}/{DAY}" for name in names]
    paths += [f"/symbol/{tilde_encode(symbol_of(kind))}" for kind in SAMPLE]
    tables = ("articles", "pages", "quotes", "prices", "moves_news", "links")
    paths += [f"/tickertrack/{table}?_size=200" for table in tables]
    paths += ["/tickertrack/articles?_facet=title&_facet=byline", "/tickertrack/last_prices"]
    watched = looked_at(chromium, trapped, paths)
    assert watched.complaints == []
    assert watched.strangers() == []
    assert len(watched.asked) > len(paths)


def test_a_script_in_a_title_would_be_heard(chromium: Any, tmp_path: Path):
    page = tmp_path / "page.html"
    page.write_text("".join(f"<p>{kind.encode('utf-8', 'replace').decode()}</p>" for kind in KINDS))
    context = chromium.new_context()
    watched = Watched(context.new_page(), page.as_uri())
    watched.open("")
    context.close()
    assert "dialog: 1" in watched.complaints
