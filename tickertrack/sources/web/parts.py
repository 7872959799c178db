"""Parts of files: byte ranges by RFC 9110, exactly those that were asked for or none."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tickertrack.sources.web.network import Answer, Headers

__all__ = ["PARTIAL", "Part", "part_headers", "refuse_other"]

PARTIAL = 206
_OK = 200
_RANGE = re.compile(r"bytes ([0-9]{1,19})-([0-9]{1,19})/(?:[0-9]{1,19}|\*)")


@dataclass(frozen=True, slots=True)
class Part:
    """So many bytes of a file, from an offset on."""

    offset: int
    length: int

    @property
    def last(self) -> int:
        """The place of the last byte."""
        return self.offset + self.length - 1


def part_headers(headers: Headers, part: Part) -> Headers:
    """Ask for a part of a file as it lies there: coded, it would be other bytes."""
    kept = tuple(one for one in headers if one[0] != "Accept-Encoding")
    span = ("Range", f"bytes={part.offset}-{part.last}")
    return (*kept, ("Accept-Encoding", "identity"), span)


def refuse_other(answer: Answer, part: Part) -> None:
    """Raise FetchError, before the body is read, for an answer that brings other bytes."""
    if answer.status == _OK:
        # It is about to send the whole file, which may be a gigabyte.
        raise answer.fault("no_range", "gives no parts of files")
    if answer.status != PARTIAL:
        return
    span = _RANGE.fullmatch((answer.first("content-range") or "").strip())
    if span is None or (int(span[1]), int(span[2])) != (part.offset, part.last):
        raise answer.fault("wrong_part", "brings another part of the file than was asked for")
    if (answer.first("content-encoding") or "identity").strip().lower() != "identity":
        raise answer.fault("coding", "is coded, where the file as it lies was asked for")
