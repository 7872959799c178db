"""What was meant: near names for what was mistyped."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["meant", "near"]

# A symbol has three letters or four: one that is wrong is much of it.
_NEAR_ENOUGH = 0.5
_MOST = 3


def near(name: str, known: Iterable[str], *, cutoff: float = _NEAR_ENOUGH) -> list[str]:
    """List up to three known names that are most like one, whatever its case, the best first."""
    # Imported here: for who has mistyped.
    import difflib  # noqa: PLC0415

    folded = {one.casefold(): one for one in known}
    found = difflib.get_close_matches(name.casefold(), folded, n=_MOST, cutoff=cutoff)
    return [folded[one] for one in found]


def meant(name: str, known: Iterable[str]) -> str:
    """Ask whether the nearest name was meant, or list all where none is near."""
    names = list(known)
    found = near(name, names)
    return (
        f"did you mean {found[0]!r}?" if found else f"known: {', '.join(sorted(names)) or 'none'}"
    )
