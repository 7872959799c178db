"""How publishers print a ticker line: NAME.toml of named pieces, compiled once."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from tickertrack.config import read_toml
from tickertrack.dialects.compiling import compile_dialect
from tickertrack.dialects.grammar import Dialect, Reading
from tickertrack.errors import ConfigError
from tickertrack.suggest import meant

__all__ = [
    "SHIPPED",
    "Dialect",
    "Reading",
    "dialect_in",
    "dialect_names",
    "find_toml",
    "load_dialect",
]

SHIPPED = Path(__file__).parent


def find_toml(name: str, folders: tuple[Path, ...], *, kind: str) -> Path:
    """Find NAME.toml, the user's own file before the shipped one; raises ConfigError."""
    for folder in folders:
        path = folder / f"{name}.toml"
        if path.is_file():
            return path
    known = sorted({path.stem for folder in folders for path in folder.glob("*.toml")})
    raise ConfigError(f"no {kind} named {name!r}", advice=meant(name, known))


def dialect_names(folder: Path | None = None) -> list[str]:
    """Name the dialects that are shipped, or those of a user's folder."""
    return sorted(path.stem for path in (folder or SHIPPED).glob("*.toml"))


@lru_cache(maxsize=256)
def load_dialect(name: str, folder: Path = Path()) -> Dialect:
    """
    Load a dialect by name from `folder`/dialects or the shipped ones, and compile it.

    Raises ConfigError with file and key.
    """
    return dialect_in(find_toml(name, (folder / "dialects", SHIPPED), kind="dialect"), folder)


def dialect_in(path: Path, folder: Path) -> Dialect:
    """
    Compile the dialect of a file; what it extends is of `folder` or shipped.

    Raises ConfigError with file and key.
    """
    return compile_dialect(_resolved(path, folder, ()), path=path)


def _resolved(path: Path, folder: Path, seen: tuple[str, ...]) -> dict[str, Any]:
    table = read_toml(path)
    base = table.pop("extends", None)
    if base is None:
        return table
    if base in seen:
        raise ConfigError(f"extends itself by way of {base!r}", path=path, key="extends")
    below = find_toml(base, (folder / "dialects", SHIPPED), kind="dialect")
    # Tables are replaced whole, key by key: what a file says stands as it says it.
    inherited = _resolved(below, folder, (*seen, base))
    kept = inherited.keys() - {"from", "until", "samples"}
    return {**{key: inherited[key] for key in inherited if key in kept}, **table}
