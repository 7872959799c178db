"""Rows to data frames and files: the only room that imports pandas."""

from tickertrack.frames.files import EXPORTS, write_file
from tickertrack.frames.notebooks import Explanation, holdings_html
from tickertrack.frames.notes import Note, coverage_of, noted, spanned
from tickertrack.frames.pictures import PICTURES, Picture, write_picture
from tickertrack.frames.styles import Style, styled
from tickertrack.frames.typed import frame, stream

__all__ = [
    "EXPORTS",
    "PICTURES",
    "Explanation",
    "Note",
    "Picture",
    "Style",
    "coverage_of",
    "frame",
    "holdings_html",
    "noted",
    "spanned",
    "stream",
    "styled",
    "write_file",
    "write_picture",
]
