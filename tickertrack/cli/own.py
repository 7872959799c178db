"""Publishers and dialects, shipped and of one's own: list them, try one on saved pages."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tickertrack.cli.output import chosen, columns_given, complain, format_option, say, show
from tickertrack.cli.params import Group
from tickertrack.config import read_toml
from tickertrack.errors import ConfigError
from tickertrack.suggest import near
from tickertrack.tracker import Tracker

if TYPE_CHECKING:
    from tickertrack.trial import Trial

__all__ = ["dialects", "publishers"]

PROBLEMS = 4
DIALECTS = ("name", "title", "from", "until", "place", "refuses", "file")
PUBLISHERS = ("name", "title", "hosts", "market", "dialects", "read", "file")
# What a table has room for; why a line is as it is, is told below.
_IN_A_TABLE = ("symbol", "price", "change", "percent", "verdict", "raw")

# What only a file of the one kind says.
_SAID = {
    "dialects": {"line", "extends", "number", "words"},
    "publishers": {"hosts", "feeds", "timezone", "dialects"},
}
_SHIPPED = Path(__file__).parent.parent

Row = dict[str, Any]


@click.group(cls=Group)
def dialects() -> None:
    """
    Look at dialects, and try one of yours: how a publisher prints a ticker line.

    \b
    tickertrack dialects list
    tickertrack dialects check dialects/gazette.toml page.html
    """


@click.group(cls=Group)
def publishers() -> None:
    """
    Look at publishers, and try one of yours: whose pages are read, and by which dialects.

    \b
    tickertrack publishers list
    tickertrack publishers check publishers/gazette.toml page.html
    """


@dialects.command("list")
@format_option
@click.pass_obj
def list_dialects(tracker: Tracker, form: str | None) -> None:
    """
    Show each dialect: its days, where its strip stands, what it refuses, and its file.

    \b
    tickertrack dialects list -f csv
    """
    from tickertrack.dialects import SHIPPED, dialect_in  # noqa: PLC0415

    own = tracker.config.folder
    rows = []
    for path in _files(own / "dialects", SHIPPED):
        try:
            dialect = dialect_in(path, own)
        except ConfigError as error:
            complain(str(error))
            continue
        known = sorted({reason for reason, _ in dialect.refusals})
        days = (day and day.isoformat() for day in (dialect.since, dialect.until))
        place = dialect.place if dialect.reads else None
        row = (dialect.name, dialect.title, *days, place, known)
        rows.append(_named(DIALECTS, (*row, _place_of(path, SHIPPED))))
    show(rows, DIALECTS, form)


@publishers.command("list")
@format_option
@click.pass_obj
def list_publishers(tracker: Tracker, form: str | None) -> None:
    """
    Show each publisher: hosts, market, dialects, whether config.toml has it read, and its file.

    \b
    tickertrack publishers list
    """
    from tickertrack.publishers import SHIPPED, publisher_in  # noqa: PLC0415

    own = tracker.config.folder
    rows = []
    for path in _files(own / "publishers", SHIPPED):
        try:
            one = publisher_in(path, own)
        except ConfigError as error:
            complain(str(error))
            continue
        read = "yes" if one.name in tracker.config.collect.publishers else "no"
        printed = [period.dialect.name for period in one.periods]
        row = (one.name, one.title, one.hosts, one.market, printed, read)
        rows.append(_named(PUBLISHERS, (*row, _place_of(path, SHIPPED))))
    show(rows, PUBLISHERS, form)


_file = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
_pages = click.argument("pages", nargs=-1, type=click.Path(path_type=Path))


@dialects.command("check")
@_file
@_pages
@format_option
@click.pass_obj
def check_dialect(tracker: Tracker, file: Path, pages: tuple[Path, ...], form: str | None) -> int:
    """
    Try the dialect of FILE, or of its name, on its own samples and on saved PAGES (- reads
    standard input).

    Stores nothing. Exit code 4 where a sample or a page is not read as it should be; of what is
    nearly a ticker line it says which piece fails.

    \b
    tickertrack dialects check dialects/gazette.toml page.html
    tickertrack dialects check brecorder-2022
    pbpaste | tickertrack dialects check dialects/gazette.toml -
    """
    from tickertrack.dialects import dialect_in  # noqa: PLC0415
    from tickertrack.samples import try_samples  # noqa: PLC0415
    from tickertrack.trial import desk_of, try_pages  # noqa: PLC0415

    file = _checked("dialects", file, tracker)
    dialect, market = dialect_in(file, _folder_of(file, tracker)), tracker.market()
    samples = try_samples(file, dialect, market)
    tried = [*([samples] if samples else []), *try_pages(pages, desk_of(dialect, market))]
    if not tried:
        say(f"{file}: well formed; give it [samples] or a page to be tried on")
    return _report(tried, form)


@publishers.command("check")
@_file
@_pages
@format_option
@click.pass_obj
def check_publisher(tracker: Tracker, file: Path, pages: tuple[Path, ...], form: str | None) -> int:
    """
    Try the publisher of FILE, or of its name, with its dialects, on saved PAGES (- reads standard
    input).

    Stores nothing. Exit code 4 where a page is not read as it should be.

    \b
    tickertrack publishers check publishers/gazette.toml page.html
    """
    from tickertrack.markets import load_market  # noqa: PLC0415
    from tickertrack.pages import Desk  # noqa: PLC0415
    from tickertrack.publishers import publisher_in  # noqa: PLC0415
    from tickertrack.trial import try_pages  # noqa: PLC0415

    file = _checked("publishers", file, tracker)
    folder = _folder_of(file, tracker)
    publisher = publisher_in(file, folder)
    market = load_market(publisher.market, folder)
    for hint in _hints(tracker, publisher.name, publisher.market):
        say(f"{file}: {hint}")
    if not pages:
        say(f"{file}: well formed; give it a page to be tried on")
    return _report(try_pages(pages, Desk((publisher,), market)), form)


def _hints(tracker: Tracker, name: str, market: str) -> Iterator[str]:
    """Say what of config.toml does not go with a publisher."""
    settings = tracker.config
    if name not in settings.collect.publishers:
        yield f"add {name!r} to `publishers` under [collect] of config.toml for `ingest` to read it"
    if market != settings.market.name:
        yield f"is of the market {market!r}, and config.toml's is {settings.market.name!r}"


def _report(tried: Iterable[Trial], form: str | None) -> int:
    """Print what came of trials; give the exit code."""
    from tickertrack.trial import COLUMNS  # noqa: PLC0415

    trials = list(tried)
    rows = [row for trial in trials for row in trial.rows]
    table = chosen(form) in {"table", "markdown"}
    if trials:
        show(rows, _IN_A_TABLE if table and not columns_given() else COLUMNS, form)
        # What is told of the rows is to stand below them, wherever both go.
        sys.stdout.flush()
    if table:
        _explain(rows)
    for trial in trials:
        if trial.told:
            say(trial.told)
    problems = [problem for trial in trials for problem in trial.problems]
    for problem in problems:
        complain(problem)
    return PROBLEMS if problems else 0


def _explain(rows: list[Row]) -> None:
    """Say why lines are as they are, each reason once."""
    alike: dict[str, list[Row]] = {}
    for row in rows:
        if row["why"]:
            alike.setdefault(row["why"], []).append(row)
    for why, (first, *more) in alike.items():
        others = f" (and {len(more)} more)" if more else ""
        say(f"  {first['verdict']}: {first['raw']}{others}")
        say(f"    {why}")


def _checked(kind: str, given: Path, tracker: Tracker) -> Path:
    """Give the file of a kind that is named, or whose name is; raises ConfigError for another."""
    path = given if given.exists() else _by_name(kind, given, tracker)
    if path.suffix != ".toml":
        advice = f"a {_one(kind)} is a .toml file, and pages come after it"
        raise ConfigError(f"is no {_one(kind)}", path=path, advice=advice)
    keys = read_toml(path).keys()
    if not keys:
        raise ConfigError("is empty", path=path, advice=f"`tickertrack {kind} list` names others")
    (other,) = _SAID.keys() - {kind}
    if keys & _SAID[other] and not keys & _SAID[kind]:
        advice = f"`tickertrack {other} check {path}` tries it"
        raise ConfigError(f"is a {_one(other)}", path=path, advice=advice)
    return path


def _by_name(kind: str, given: Path, tracker: Tracker) -> Path:
    known = {path.stem: path for path in _files(tracker.config.folder / kind, _SHIPPED / kind)}
    name = given.name.removesuffix(".toml")
    if str(given) in known:
        return known[name]
    found = near(name, known)
    advice = f"did you mean {found[0]!r}?" if found else f"`tickertrack {kind} list` names those"
    fault = f"no such file, and no {_one(kind)} of that name"
    raise ConfigError(fault, path=given, advice=advice)


def _one(kind: str) -> str:
    return kind.removesuffix("s")


def _folder_of(file: Path, tracker: Tracker) -> Path:
    """Give the folder whose dialects, publishers and markets a file goes with."""
    above = file.absolute().parent
    return above.parent if above.name in {"dialects", "publishers"} else tracker.config.folder


def _files(own: Path, shipped: Path) -> list[Path]:
    """List the files of a kind by name, a user's own instead of the shipped one of its name."""
    found = {path.stem: path for folder in (shipped, own) for path in folder.glob("*.toml")}
    return [found[name] for name in sorted(found)]


def _place_of(path: Path, shipped: Path) -> str:
    return "shipped" if path.parent == shipped else str(path)


def _named(columns: tuple[str, ...], values: tuple[object, ...]) -> Row:
    return dict(zip(columns, values, strict=True))
