"""Yahoo's chart service in its form, on 127.0.0.1: a proxy that answers under every host's name."""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import pytest
from support import serving

ZONE = "Asia/Karachi"
OPEN_AT = timedelta(hours=9, minutes=30)
# A client asks for a cookie first, then for a crumb, then for charts.
COOKIE = "A3=own; Domain=.yahoo.com; Path=/; Expires=Fri, 01 Jan 2100 00:00:00 GMT"
NAMES = "subjectAltName=DNS:*.yahoo.com,DNS:*.finance.yahoo.com"
CERTIFICATE = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -batch -days 30"

Charts = Mapping[str, pd.DataFrame]


class Answering(BaseHTTPRequestHandler):
    """Answers what a tunnel is asked for, whichever host it was to lead to."""

    protocol_version = "HTTP/1.1"
    server: Yahoo

    def do_CONNECT(self) -> None:
        """Say that the tunnel stands, and be its other end."""
        self.server.hosts.append(self.path.partition(":")[0])
        self.send_response(200)
        self.end_headers()
        self.connection = self.server.tls.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", 0)
        self.close_connection = False

    def do_GET(self) -> None:
        """Give a chart, or a crumb."""
        body = answer(self.server.charts, self.path)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Set-Cookie", COOKIE)
        self.end_headers()
        self.wfile.write(body)

    def finish(self) -> None:
        """Close both files, and the tunnel."""
        super().finish()
        self.connection.close()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Yahoo(ThreadingHTTPServer):
    """Charts by ticker, a frame each in yfinance's columns; and the hosts that were asked."""

    def __init__(self, tls: ssl.SSLContext, charts: Charts) -> None:
        """Listen on a free port."""
        super().__init__(("127.0.0.1", 0), Answering)
        self.tls, self.charts = tls, charts
        self.hosts: list[str] = []

    @property
    def proxy(self) -> str:
        """Give the address by which all hosts are asked."""
        return f"http://127.0.0.1:{self.server_port}"


def answer(charts: Charts, target: str) -> bytes:
    """Answer what is asked of a path."""
    parts = urlsplit(target)
    asked = {name: first for name, (first, *_) in parse_qs(parts.query).items()}
    table = charts.get(parts.path.rpartition("/chart/")[2])
    if table is None:
        return b"crumb"
    begin, end = int(asked.get("period1", 0)), int(asked.get("period2", 2**40))
    return json.dumps(chart(table, range(begin, end))).encode()


def chart(table: pd.DataFrame, period: range) -> dict[str, Any]:
    """Write down the candles that open in a period, as /v8/finance/chart does."""
    opened = [round((day + OPEN_AT).timestamp()) for day in table.index]
    told = table[[one in period for one in opened]]
    # JSON has no NaN: what is unknown is null.
    known = told.astype(object).where(told.notna(), None)
    indicators = {
        "quote": [{name.lower(): known[name].tolist() for name in known}],
        "adjclose": [{"adjclose": known["Close"].tolist()}],
    }
    meta = {
        "currency": "PKR",
        "exchangeTimezoneName": ZONE,
        "instrumentType": "EQUITY",
        "validRanges": ["1d", "5d", "1mo", "max"],
        "regularMarketTime": opened[-1],
    }
    times = [one for one in opened if one in period]
    result = {"meta": meta, "timestamp": times, "indicators": indicators}
    return {"chart": {"result": [result], "error": None}}


def certificate(folder: Path) -> Path:
    """Make a certificate for Yahoo's names that vouches for itself; its key lies in it too."""
    openssl = shutil.which("openssl") or pytest.skip("needs openssl to make a certificate with")
    made = folder / "yahoo.pem"
    own = ["-keyout", made, "-out", folder / "own.pem", "-subj", "/CN=own", "-addext", NAMES]
    subprocess.run([openssl, *CERTIFICATE.split(), *own], check=True, capture_output=True)
    made.write_text(made.read_text() + (folder / "own.pem").read_text())
    return made


@contextmanager
def yahoo(trusted: Path, charts: Charts) -> Iterator[Yahoo]:
    """Run a proxy that is itself every host that is asked for."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(trusted)
    server = Yahoo(tls, charts)
    with serving(server):
        yield server
