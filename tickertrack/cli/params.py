"""What commands and their parameters share: names that suggest, values that a shell completes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tickertrack.errors import TickertrackError
from tickertrack.suggest import near

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

__all__ = [
    "Choice",
    "Group",
    "complete_files",
    "complete_jobs",
    "complete_publishers",
    "complete_symbols",
]


# What a shell sees no sign of its own in.
_PLAIN = r"\w[\w.\-]*"


class Choice(click.Choice[str]):
    """One of a few names; for what is none of them, the one that was meant."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        """Say what is known, and what is near."""
        message = super().get_invalid_choice_message(value, ctx)
        return f"{message}{_asked(str(value), self.choices)}"


class Group(click.Group):
    """Commands by name; for what is none of them, the one that was meant."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or name the one that was meant."""
        names = self.list_commands(ctx)
        if args and args[0] not in names and not args[0].startswith("-"):
            ctx.fail(f"No such command {args[0]!r}.{_asked(args[0], names)}")
        return super().resolve_command(ctx, args)


def _asked(name: str, known: Iterable[str]) -> str:
    found = near(name, known)
    return f" Did you mean {found[0]!r}?" if found else ""


# ---- what a shell completes: nothing, where the settings or the database do not say


def complete_files(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    """Leave it to the shell: what is read may be a file or a folder, or a pattern of them."""
    # Imported here, as below: for who asks for it.
    from click.shell_completion import CompletionItem  # noqa: PLC0415

    return [CompletionItem(begun, type="file")]


def complete_symbols(ctx: click.Context, _: click.Parameter, begun: str) -> list[str]:
    """List the symbols of the database that begin so, and that a shell takes as they are."""
    from tickertrack.tracker import Tracker  # noqa: PLC0415

    try:
        with Tracker(_settings(ctx)) as tracker:
            known = [name for name in tracker.symbols() if re.fullmatch(_PLAIN, name)]
    except TickertrackError:
        return []
    return [name for name in known if name.startswith(begun.upper())]


def complete_jobs(ctx: click.Context, _: click.Parameter, begun: str) -> list[str]:
    """List the jobs of the folder that begin so, without running their files."""
    return _files(ctx, "jobs", "[!_]*.py", begun)


def complete_publishers(ctx: click.Context, _: click.Parameter, begun: str) -> list[str]:
    """List the publishers, shipped or the user's own, that begin so."""
    from tickertrack.publishers import SHIPPED  # noqa: PLC0415

    shipped = {path.stem for path in SHIPPED.glob(f"{begun}*.toml")}
    return sorted({*shipped, *_files(ctx, "publishers", "*.toml", begun)})


def _files(ctx: click.Context, kind: str, pattern: str, begun: str) -> list[str]:
    try:
        settings = _settings(ctx)
    except TickertrackError:
        return []
    folder = settings.jobs_path if kind == "jobs" else settings.folder / kind
    return sorted(path.stem for path in folder.glob(pattern) if path.stem.startswith(begun))


def _settings(ctx: click.Context) -> Any:
    from tickertrack.config import load_config  # noqa: PLC0415

    given = ctx.find_root().params
    settings = load_config(given.get("config"))
    return settings.with_database(Path(given["db"])) if given.get("db") else settings
