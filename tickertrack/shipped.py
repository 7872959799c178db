"""The files that `init` writes: settings and jobs, which a wheel carries, and a unit file."""

from __future__ import annotations

import getpass
import re
import sys
from pathlib import Path

from tickertrack.errors import ConfigError

__all__ = ["shipped", "unit_file"]

_PACKAGE = Path(__file__).parent
# What systemd would take for something else in one of a unit's lines.
_ODD = re.compile(r"[\s\"'%\\\\$]")


def shipped(name: str) -> Path:
    """Give a shipped file or folder; of a checkout, that is the one at its top."""
    packed = _PACKAGE / "shipped"
    return (packed if packed.is_dir() else _PACKAGE.parent) / name


def unit_file(folder: Path) -> str:
    """
    Give a unit file for systemd that runs the daemon of a folder as the user who asks for it.

    Raises ConfigError for a folder whose name systemd would misread.
    """
    command = Path(sys.executable).with_name("tickertrack")
    words = {"folder": folder.absolute(), "command": command, "user": getpass.getuser()}
    for word in map(str, words.values()):
        if _ODD.search(word):
            advice = "choose a folder without blanks, quotes, % and $"
            raise ConfigError(f"a unit file cannot name {word!r}", advice=advice)
    text = (_PACKAGE / "daemon" / "tickertrack.service").read_text(encoding="utf-8")
    return text.format(**words)
