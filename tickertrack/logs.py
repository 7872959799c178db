"""Log lines on stderr: one event, one line, for a reader or for a machine; always harmless."""

from __future__ import annotations

import json
import logging
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from tickertrack.harmless import safe_term

__all__ = ["Logging", "level_of", "speak"]

# A line of a log is read by people and by programs with buffers of their own (faults A-13).
_LONGEST = 2000

Form = Literal["plain", "text", "json"]


@dataclass(frozen=True, slots=True)
class Logging:
    """How much is said, and in which form: `plain` as a command, `text` or `json` as a daemon."""

    level: int = logging.WARNING
    form: Form = "plain"


class _Harmless(logging.Formatter):
    """One line, with nothing in it that a terminal would obey."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the message alone."""
        return safe_term(_message(record))


class _Text(_Harmless):
    """With time and level, as a daemon's reader expects."""

    def format(self, record: logging.LogRecord) -> str:
        """Give time, level and message."""
        return f"{_time(record)} {record.levelname.lower():7} {super().format(record)}"


class _Json(logging.Formatter):
    """One JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """Give time, level, logger and message; JSON escapes what is not plain."""
        line = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": _message(record),
        }
        return json.dumps(line, ensure_ascii=True)


_FORMS: dict[Form, type[logging.Formatter]] = {
    "plain": _Harmless,
    "text": _Text,
    "json": _Json,
}


def speak(settings: Logging) -> None:
    """Log to stderr in the form that is asked for, whatever was set before."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_FORMS[settings.form]())
    logging.basicConfig(level=max(settings.level, logging.WARNING), handlers=[handler], force=True)
    logging.getLogger("tickertrack").setLevel(settings.level)
    # What it would say of jobs is a row of `runs`, and a line of ours.
    logging.getLogger("apscheduler").setLevel(logging.CRITICAL)


def level_of(verbose: int, *, quiet: bool) -> int:
    """Give the level of logging that -v and -q ask for."""
    levels = {0: logging.WARNING, 1: logging.INFO}
    return logging.ERROR if quiet else levels.get(verbose, logging.DEBUG)


def _message(record: logging.LogRecord) -> str:
    text = record.getMessage()
    if record.exc_info and record.exc_info[1]:
        text += f" ({type(record.exc_info[1]).__name__}: {record.exc_info[1]})"
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
