"""The files that `init` writes: config.toml and jobs/, which a wheel carries within the package."""

from __future__ import annotations

from pathlib import Path

__all__ = ["shipped"]

_PACKAGE = Path(__file__).parent


def shipped(name: str) -> Path:
    """Give a shipped file or folder; of a checkout, that is the one at its top."""
    packed = _PACKAGE / "shipped"
    return (packed if packed.is_dir() else _PACKAGE.parent) / name
