"""Messages when a price or the daemon crosses a line: at every crossing, and never in between."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from tickertrack.audit import examine
from tickertrack.errors import ConfigError, TickertrackError
from tickertrack.harmless import safe_term
from tickertrack.health import health
from tickertrack.lock import holder
from tickertrack.models import Outcome
from tickertrack.shift import Shift
from tickertrack.store.alerts import AlertBook, latest_prices

__all__ = ["Alert", "Rule", "alert", "crossed", "rule_of"]

_RULE = re.compile(r"(?P<symbol>\S+) (?P<kind>above|below|percent) (?P<bound>[0-9]+(?:\.[0-9]+)?)")
_TROUBLE = "trouble"
_ANY = "*"

Row = dict[str, Any]
Kind = Literal["above", "below", "percent", "trouble"]


@dataclass(frozen=True, slots=True)
class Rule:
    """
    A line that can be crossed, as the settings have it.

    `ANL above 40` and `ANL below 30` in rupees; `ANL percent 5` is a move of so many percent or
    more in a session, up or down; `*` means any symbol; `trouble` is the daemon's own.
    """

    text: str
    symbol: str
    kind: Kind
    bound: Decimal


@dataclass(frozen=True, slots=True)
class Alert:
    """A rule that holds for a subject; it is the same one as long as it goes on holding."""

    rule: str
    subject: str
    message: str


def rule_of(text: str) -> Rule:
    """Read a rule; raises ConfigError for what is none."""
    words = " ".join(text.split())
    if words == _TROUBLE:
        return Rule(words, "", "trouble", Decimal(0))
    found = _RULE.fullmatch(words)
    if found is None:
        advice = "write 'ANL above 40', 'ANL below 30', '* percent 5' or 'trouble'"
        raise ConfigError(f"is no rule: {text!r}", key="alerts.rules", advice=advice)
    kind: Any = found["kind"]
    return Rule(words, found["symbol"].upper(), kind, Decimal(found["bound"]))


def crossed(rules: Sequence[Rule], prices: Sequence[Row], findings: Sequence[Row]) -> list[Alert]:
    """List what holds now: of rules on prices by the last session, of trouble by doctor."""
    return [alert for rule in rules for alert in _holding(rule, prices, findings)]


def alert(shift: Shift) -> Outcome:
    """Send a message for each rule that holds and did not hold the last time."""
    tracker = shift.tracker
    settings = tracker.config.alerts
    rules = [rule_of(text) for text in settings.rules]
    book = AlertBook(tracker.writer(), tracker.path)
    findings = _findings(shift) if any(rule.kind == "trouble" for rule in rules) else []
    now_holding = crossed(rules, latest_prices(tracker.writer()), findings)
    known = book.holding()
    new = [one for one in now_holding if (one.rule, one.subject) not in known]
    if new:
        _send(settings.urls, [one.message for one in new])
    # Noted only when they are sent: what could not be sent is tried again.
    book.replace({(one.rule, one.subject) for one in now_holding}, shift.now())
    return Outcome({"alerts": len(new)})


def _holding(rule: Rule, prices: Sequence[Row], findings: Sequence[Row]) -> Iterator[Alert]:
    if rule.kind == "trouble":
        for finding in findings:
            if finding["state"] == "problem":
                yield Alert(rule.text, finding["check"], f"{finding['check']}: {finding['detail']}")
        return
    for row in prices:
        if rule.symbol in {_ANY, row["symbol"]} and _holds(rule, row):
            yield Alert(rule.text, _subject(rule, row), _message(rule, row))


def _holds(rule: Rule, row: Row) -> bool:
    if rule.kind == "percent":
        percent = row["change_percent"]
        return percent is not None and abs(Decimal(str(percent))) >= rule.bound
    price = Decimal(str(row["price"]))
    return price >= rule.bound if rule.kind == "above" else price <= rule.bound


def _subject(rule: Rule, row: Row) -> str:
    # A move is a session's: the next one has to make its own.
    return f"{row['symbol']} {row['session']}" if rule.kind == "percent" else row["symbol"]


def _message(rule: Rule, row: Row) -> str:
    percent = row["change_percent"]
    move = f" ({percent:+g} %)" if percent is not None else ""
    return f"{row['symbol']} {row['price']:g}{move} on {row['session']}: {rule.text}"


def _findings(shift: Shift) -> list[Row]:
    tracker = shift.tracker
    return [*examine(tracker), *health(tracker, shift.now(), holder(tracker.path))]


def _send(urls: Sequence[str], messages: Sequence[str]) -> None:
    if not urls:
        raise ConfigError("names nobody to send to", key="alerts.urls")
    try:
        import apprise  # noqa: PLC0415  (an extra)
    except ModuleNotFoundError as error:
        advice = "install tickertrack[alerts]"
        raise ConfigError("alerts need apprise", key="alerts.urls", advice=advice) from error
    sender = apprise.Apprise()
    for url in urls:
        if not sender.add(url):
            raise ConfigError("holds an address that apprise does not know", key="alerts.urls")
    body = "\n".join(map(safe_term, messages))
    # As text: what sends markup, as by mail, has to escape it.
    if not sender.notify(title="tickertrack", body=body, body_format=apprise.NotifyFormat.TEXT):
        # Whom it was meant for is not said: such addresses carry passwords.
        raise TickertrackError("an alert could not be sent; it is tried again")
