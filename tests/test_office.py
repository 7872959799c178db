"""Our files in a real spreadsheet: LibreOffice opens them, and reckons nothing of a text."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from html import unescape
from pathlib import Path

import pytest
from serving import served
from traps import make_trapped, traps

from tickertrack import Tracker, open_tracker

pytestmark = pytest.mark.slow

WHAT = ("prices", "quotes", "moves", "links", "news", "coverage")
# As its import dialogue offers them: a comma, whatever may separate, a semicolon, a tab. Formulas
# are reckoned, quotes taken off and UTF-8 read.
SEPARATORS = {"comma": "44", "any": "44/59/9", "semicolon": "59", "tab": "9"}
IMPORT = "Text - txt - csv (StarCalc):{},34,76,1,,0,false,true,false,false,false,-1,true"


@pytest.fixture(scope="module")
def tracker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tracker]:
    config = make_trapped(tmp_path_factory.mktemp("traps") / "courier", traps())
    with open_tracker(config=config) as tracker:
        yield tracker


def opened(paths: Sequence[Path], *how: str) -> dict[str, str]:
    """Open files in LibreOffice; give each as the sheet that it became, as XML."""
    office = shutil.which("soffice")
    if not office:
        pytest.skip("no LibreOffice here: apt-get install libreoffice-calc")
    folder = paths[0].parent
    own = [f"-env:UserInstallation={(folder / 'profile').as_uri()}", "--headless"]
    to = ["--convert-to", "fods", "--outdir", str(folder / "sheets")]
    subprocess.run([office, *own, *how, *to, *map(str, paths)], check=True, capture_output=True,
                   timeout=300)  # fmt: skip
    return {path.stem: (folder / "sheets" / f"{path.stem}.fods").read_text() for path in paths}


def as_separated(paths: Sequence[Path], by: str) -> dict[str, str]:
    return opened(paths, f"--infilter={IMPORT.format(SEPARATORS[by])}")


def reckoned(sheet: str) -> list[str]:
    """List what a sheet has of formulas, and of links that a click would follow."""
    found = re.findall(r'table:formula="[^"]*"|xlink:href="[^"]*"', sheet)
    # Of a workbook's truths it makes these itself.
    return [one for one in found if not re.search(r"of:=(?:TRUE|FALSE)\(\)", one)]


def test_a_workbook_opens_and_holds_no_formula(tracker: Tracker, tmp_path: Path):
    paths = [tmp_path / f"{what}.xlsx" for what in WHAT]
    counts = {path.stem: tracker.export(path.stem, path) for path in paths}
    for what, sheet in opened(paths).items():
        assert reckoned(sheet) == []
        assert len(re.findall("<table:table-row", sheet)) > counts[what] > 100
    text = unescape((tmp_path / "sheets" / "news.fods").read_text())
    assert {"'=1+1", "<script>alert(1)</script>"} <= set(re.findall("<text:p>(.*?)</text:p>", text))


def test_a_workbook_of_formulas_is_reckoned(tracker: Tracker, tmp_path: Path):
    path = tmp_path / "news.xlsx"
    # As pandas writes texts.
    tracker.news()[["title"]].map(clean, "ignore").to_excel(path, engine="xlsxwriter")
    assert 'table:formula="of:=1+1"' in opened([path])["news"]


def clean(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable())


@pytest.mark.parametrize("by", SEPARATORS)
def test_csv_opens_without_a_formula_whatever_separates(tracker: Tracker, tmp_path: Path, by: str):
    paths = [tmp_path / f"{what}.csv" for what in WHAT]
    for path in paths:
        tracker.export(path.stem, path)
    for what, sheet in as_separated(paths, by).items():
        assert reckoned(sheet) == [], what


@pytest.mark.parametrize("by", SEPARATORS)
def test_datasettes_csv_opens_without_a_formula(tracker: Tracker, tmp_path: Path, by: str):
    paths = [tmp_path / f"{table}.csv" for table in ("articles", "pages", "quotes", "prices")]
    with served(tracker.config.folder / "config.toml") as site:
        for path in paths:
            answer = site.get(f"/tickertrack/{path.name}?_stream=on&_dl=on")
            path.write_bytes(answer.content)
    for table, sheet in as_separated(paths, by).items():
        assert reckoned(sheet) == [], table


@pytest.mark.parametrize("by", SEPARATORS)
def test_csv_as_it_is_stored_is_reckoned(tracker: Tracker, tmp_path: Path, by: str):
    path = tmp_path / "news.csv"
    tracker.news()[["title", "byline"]].to_csv(path, index=False)
    assert reckoned(as_separated([path], by)["news"])
