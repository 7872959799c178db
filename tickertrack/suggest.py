"""What was meant: near names for what was mistyped."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

__all__ = ["likely_day", "meant", "near"]

# What differs by a letter is not hidden among what differs by two; but a symbol has three letters
# or four: one that is wrong is much of it.
_NEAR, _FAR = (0.75, 0.65), (0.5,)
_MOST = 3
# As days are written, where it is not as ours; of 05-06-2024 the day is first, as in most places.
_FORMS = (
    *("%Y-%m-%d", "%Y-%d-%m", "%d-%m-%Y", "%m-%d-%Y", "%d-%b-%Y", "%d-%B-%Y"),
    *("%b-%d-%Y", "%B-%d-%Y", "%Y-%b-%d", "%Y-%B-%d"),
)
_AGO = {"today": 0, "now": 0, "yesterday": 1}


def near(name: str, *groups: Iterable[str]) -> list[str]:
    """
    List up to three names that are most like one, whatever its case, the best first.

    Of several groups an earlier one goes first, but what is near in any before what is far.
    """
    # Imported here: for who has mistyped.
    import difflib  # noqa: PLC0415

    folded = [{one.casefold(): one for one in group} for group in groups]
    tries = [(one, group) for ones in (_NEAR, _FAR) for group in folded for one in ones]
    for cutoff, names in tries:
        found = difflib.get_close_matches(name.casefold(), names, n=_MOST, cutoff=cutoff)
        if found:
            return [names[one] for one in found]
    return []


def meant(name: str, known: Iterable[str]) -> str:
    """Ask whether the nearest name was meant, or list all where none is near."""
    names = list(known)
    found = near(name, names)
    if found:
        return f"did you mean {found[0]!r}?"
    return f"known: {', '.join(sorted(names)) or 'none'}"


def likely_day(text: str, today: date) -> date | None:
    """Give the day that was likely meant by a text that is no YYYY-MM-DD; None for any other."""
    # Imported here, as above.
    import re  # noqa: PLC0415
    import time  # noqa: PLC0415

    plain = re.sub(r"[\s./,_-]+", "-", text.strip()).lower()
    if plain in _AGO:
        return today - timedelta(days=_AGO[plain])
    for form in _FORMS:
        try:
            return date(*time.strptime(plain, form)[:3])
        except ValueError:
            continue
    return None
