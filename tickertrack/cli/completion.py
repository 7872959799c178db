"""What makes a shell complete commands, options and symbols: completion."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from tickertrack.cli.params import Choice

__all__ = ["completion"]


@click.command()
@click.argument("shell", type=Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """
    Print what makes SHELL complete commands, options, symbols, jobs, publishers and files.

    In .zshrc it is to stand below `compinit`.

    \b
    tickertrack completion bash >> ~/.bashrc
    tickertrack completion zsh >> ~/.zshrc
    tickertrack completion fish > ~/.config/fish/completions/tickertrack.fish
    """
    made = get_completion_class(shell)
    if made is not None:
        script = made(ctx.find_root().command, {}, "tickertrack", "_TICKERTRACK_COMPLETE")
        # Not `source`, which asks the bash at hand for its version: this may be for another.
        click.echo(script.source_template % script.source_vars())
