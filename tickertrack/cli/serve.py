"""Pages to look at: serve."""

from __future__ import annotations

import click

from tickertrack.cli.output import say
from tickertrack.errors import TickertrackError
from tickertrack.tracker import Tracker

__all__ = ["serve"]


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8001, show_default=True,
              help="The port; 0 is any that is free.")  # fmt: skip
@click.option("--open", "show", is_flag=True, help="Open a browser on it.")
@click.option("--sql", is_flag=True, help="Let visitors ask in SQL of their own; it is read only.")
@click.option("--allow-host", multiple=True, help="A name it is reached under, beside this one's.")
@click.pass_obj
def serve(
    tracker: Tracker, host: str, port: int, show: bool, sql: bool, allow_host: tuple[str, ...]
) -> None:
    """
    Serve pages to look at, with Datasette's tables, API, CSV and search, until Ctrl-C.

    \b
    tickertrack serve --open
    tickertrack serve --port 8080 --sql
    """
    try:
        from tickertrack.web import serving  # noqa: PLC0415  (an extra, and half a second)
    except ModuleNotFoundError as error:
        if error.name and error.name.startswith("tickertrack"):
            raise
        advice = "pip install 'tickertrack[web]'"
        raise TickertrackError("the extra `web` is not installed", advice=advice) from error
    if host in serving.ANY_HOST and not allow_host:
        raise click.UsageError(f"--host {host} answers under no name: add --allow-host NAME")
    datasette = serving.datasette_of(tracker.config, hosts=(host, *allow_host), sql=sql)

    def ready(address: str) -> None:
        say(f"{address}    Ctrl-C ends it")
        if show:
            click.launch(address)

    serving.serve(datasette, host, port, ready)
