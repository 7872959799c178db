"""The command line: the only room that prints. Commands are imported when they are called."""

from __future__ import annotations

import _thread
import gc
import importlib
import io
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from tickertrack.cli.output import complain
from tickertrack.cli.params import Group
from tickertrack.errors import CorruptError, TickertrackError

__all__ = ["cli", "main"]

# Name → where it is, and what the list of commands says of it: the list imports none of them.
COMMANDS = {
    "init": ("feed", "Write config.toml and jobs/ into a folder."),
    "ingest": ("feed", "Read pages: files, folders, or - for standard input."),
    "scan": ("scan", "Read files into Parquet parts, on this machine or many."),
    "resolve": ("feed", "Date all boards and rebuild prices."),
    "link": ("feed", "Read new articles for names and link moves to them."),
    "reference": ("feed", "Import a daily series as evidence for dating."),
    "backfill": ("past", "Fetch a publisher's past out of an archive on the net."),
    "run": ("daemon", "Run the scheduled jobs: the daemon, or --once what is due."),
    "jobs": ("daemon", "The daemon's jobs: list, run, pause, resume, history."),
    "history": ("ask", "The price series of symbols."),
    "quotes": ("ask", "Every observed line of symbols, with its page."),
    "coverage": ("ask", "Sessions by symbols: captured, implied, missing, conflicting."),
    "quarantine": ("ask", "What was refused, and why."),
    "moves": ("moves", "Price moves: how unusual they were, and their news."),
    "explain": ("moves", "One move: figures, ranked news with evidence, the day's other news."),
    "news": ("moves", "Articles by day, symbol or words."),
    "actions": ("moves", "Chain breaks and the corporate actions they suggest."),
    "export": ("ask", "Write prices, quotes, moves, links, news or coverage to a file."),
    "verify": ("health", "Read stored quotes again from their pages."),
    "doctor": ("health", "Is the database well, and does the calendar hold?"),
    "serve": ("serve", "Pages to look at, in a browser, with tables, API and search."),
    "completion": ("completion", "What makes a shell complete commands and symbols."),
    "publishers": ("own", "Whose pages are read: list them, try a file of yours on a page."),
    "dialects": ("own", "How lines are printed: list forms, try a file of yours on a page."),
    "demo": ("demo", "Everything at once, offline: a daemon on a sample site, then old pages."),
}
# Where the commands are that only ask.
QUESTIONS = {"ask", "moves"}
FAILED, USAGE, INTERRUPTED = 1, 2, 130
# A reader that has seen enough (`| head`) closes the pipe: no fault of ours.
BROKEN_PIPE = 141


_STREAMS = (
    ("stdin", os.O_WRONLY, "r"),
    ("stdout", os.O_RDONLY, "w"),
    ("stderr", os.O_WRONLY, "w"),
)


class LazyGroup(Group):
    """A group whose commands are imported when they are called, so that start-up stays short."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """List the commands in the order of their use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command by its name."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"tickertrack.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Call the command; what only a damaged database can make it do is told as that."""
        try:
            return super().invoke(ctx)
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            # Imported here: for who has just failed.
            from tickertrack.audit import is_damaged  # noqa: PLC0415

            if ctx.obj is None or not is_damaged(ctx.obj):
                raise
            advice = "`tickertrack doctor` says where; restore a backup, or ingest the pages again"
            raise CorruptError("is damaged", path=ctx.obj.path, advice=advice) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Show the list without importing what it lists."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, short) for name, (_, short) in COMMANDS.items()])


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 96}
)
@click.option("--config", type=click.Path(path_type=Path), help="Settings; default ./config.toml.")
@click.option("--db", type=click.Path(path_type=Path), help="The database, before config.toml's.")
@click.option("-v", "--verbose", count=True, help="Say more on stderr; -vv everything.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors on stderr.")
@click.version_option(package_name="tickertrack")
@click.pass_context
def cli(
    ctx: click.Context, config: Path | None, db: Path | None, verbose: int, quiet: bool
) -> None:
    """
    Ticker strips of news pages to a checked, dated price history.

    \b
    tickertrack ingest pages/            read pages, date their strips
    tickertrack history ANL -s 2021-04-01
    """
    # Imported here: `--help` needs no settings.
    from tickertrack.config import Config, load_config  # noqa: PLC0415
    from tickertrack.tracker import Tracker  # noqa: PLC0415

    if COMMANDS[ctx.invoked_subcommand or ""][0] not in QUESTIONS:
        # Imported here: a question has nothing to log.
        from tickertrack.logs import Logging, level_of, speak  # noqa: PLC0415

        level = ctx.meta["tickertrack.level"] = level_of(verbose, quiet=quiet)
        speak(Logging(level))
    # What makes settings, or brings its own, is not held up by those that stand about.
    own = ctx.invoked_subcommand in {"init", "completion", "demo"}
    settings = Config() if own else load_config(config)
    tracker = Tracker(settings.with_database(db) if db else settings)
    ctx.obj = tracker
    ctx.call_on_close(tracker.close)
    ctx.meta["tickertrack.quiet"] = quiet


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; every error is one line on stderr and a code."""
    if arguments is None:
        # A process of its own: what is imported stays to its end, and need not be looked through
        # for garbage, which takes a tenth of a short command's time.
        gc.freeze()
        sys.unraisablehook = _heed
    _stand_in()
    _speak_utf8()
    if "run" in (sys.argv[1:] if arguments is None else arguments):
        # A daemon that is stopped while it is still being imported has done nothing yet.
        import signal  # noqa: PLC0415

        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    try:
        result = cli.main(
            args=arguments,
            prog_name="tickertrack",
            standalone_mode=False,
            auto_envvar_prefix="TICKERTRACK",
        )
        sys.stdout.flush()
    except TickertrackError as error:
        complain(str(error))
        sys.exit(error.exit_code)
    except click.exceptions.Abort:
        complain("interrupted; what was stored is safe, call again for the rest")
        sys.exit(INTERRUPTED)
    except click.ClickException as error:
        with suppress(OSError):
            error.show()
        sys.exit(error.exit_code)
    except UnicodeEncodeError as error:
        # Bytes that are no letters come through the shell, as far as what is asked by them.
        complain(f"{error.object!r}: no text, in UTF-8")
        sys.exit(USAGE)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        _write_no_more()
        sys.exit(BROKEN_PIPE)
    except OSError as error:
        # Files' and databases' own errors have been told above: a full disk, a closed stream.
        _write_no_more()
        complain(f"{error.filename or 'standard input or output'}: {error.strerror}")
        sys.exit(FAILED)
    sys.exit(_code(result))


def _heed(fault: sys.UnraisableHookArgs) -> None:
    """Raise a Ctrl-C again that came where none can be raised, as when a module lock is let go."""
    if issubclass(fault.exc_type, KeyboardInterrupt):
        # From elsewhere, and so a little later: here it would come to nothing again.
        _thread.start_new_thread(_thread.interrupt_main, ())
    else:
        sys.__unraisablehook__(fault)


def _stand_in() -> None:
    """Take the place of streams that the caller closed, or the next file opened would."""
    # Opened the wrong way round, so that writing to them, or reading, fails as it should; what
    # cannot be told on stderr is no failure.
    for name, way, mode in _STREAMS:
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, way), mode, encoding="utf-8"))


def _write_no_more() -> None:
    # What is still to be written would be tried again at the end, and fail again.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _speak_utf8() -> None:
    # Data is UTF-8 wherever it goes; a terminal that cannot show an arrow shows a mark.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="replace")


def _code(result: Any) -> int:
    return result if isinstance(result, int) else 0
