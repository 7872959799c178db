"""What tests in a real browser share: the browser, pages that are watched, and what serves them."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from daemons import own_process

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "chromium"
# Nothing but this machine has a name or an address that leads anywhere.
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--lang=en-GB", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
]


@contextmanager
def chromium_started() -> Iterator[Any]:
    """Start the browser."""
    # Imported here: the other tests of the default run have no use for it.
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def serving(config: Path) -> Iterator[str]:
    words = [sys.executable, "-m", "tickertrack", "--config", str(config), "serve", "--port", "0"]
    with own_process(words) as process:
        assert process.stderr is not None
        yield process.stderr.readline().split()[0].rstrip("/")


@dataclass
class Watched:
    """A page of the browser, with all that it asked for and complained of."""

    page: Any
    base: str
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin to watch."""
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", self._stopped)

    def _heard(self, message: Any) -> None:
        if message.type == "error":
            self.complaints.append(message.text)

    def _stopped(self, dialog: Any) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def open(self, path: str) -> Any:
        """Go to a page of ours."""
        self.page.goto(self.base + path)
        return self.page

    def open_chart(self, path: str) -> Any:
        """Go to a symbol's page and wait until its chart is drawn."""
        page = self.open(path)
        page.wait_for_selector("#chart[data-drawn]")
        return page

    def strangers(self) -> list[str]:
        """List what it asked of anybody else."""
        ours = {"127.0.0.1", None}
        return [url for url in self.asked if urlsplit(url).hostname not in ours]
