"""Finding one's way: help with examples, completion in a shell, and what was meant."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import click
import pytest
from daemons import folder_of
from hypothesis import given, strategies as st
from newsroom import strip_page
from support import Run, command_line, write_pages

import tickertrack as tt
from tickertrack.cli import cli, main
from tickertrack.suggest import likely_day, meant, near

WED = date(2021, 4, 7)


def commands(group: click.Group, *above: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Walk all commands, each with the words that call it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*above, name), command
        if isinstance(command, click.Group):
            yield from commands(command, *above, name)


EVERY = dict(commands(cli))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tracker with three symbols, two jobs and a publisher of the user's own."""
    folder = folder_of(tmp_path_factory.mktemp("folder"), collect={}, check={})
    prices = {"ANL": (33.3, 33.1), "ANTM": (12.0, 11.9), "BOP": (9.1, 9.0)}
    with tt.open(folder / "tickertrack.db") as tracker:
        tracker.ingest(write_pages(folder / "pages.jsonl", [strip_page(WED, prices)]))
    (folder / "publishers").mkdir()
    (folder / "publishers" / "gazette.toml").touch()
    return folder


@pytest.fixture
def run(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command line in the folder: exit code, stdout, stderr."""
    monkeypatch.chdir(folder)

    return command_line(capsys)


# ---- help


@pytest.mark.parametrize("words", EVERY, ids=" ".join)
def test_every_command_shows_an_example_of_itself(words: tuple[str, ...]):
    shown = EVERY[words].get_help(click.Context(EVERY[words], info_name=" ".join(words)))
    examples = [line.strip() for line in shown.splitlines() if "tickertrack " in line]
    assert any(line.startswith(f"tickertrack {' '.join(words)}") for line in examples)


@pytest.mark.parametrize("words", EVERY, ids=" ".join)
def test_every_example_is_one_that_the_command_understands(words: tuple[str, ...]):
    for line in (EVERY[words].help or "").splitlines():
        if line.startswith("tickertrack "):
            typed = shlex.split(line.partition("  ")[0], comments=True)[1:]
            typed = typed[: next((at for at, one in enumerate(typed) if one in {">", ">>"}), None)]
            assert parsed(cli, typed)


def parsed(command: click.Command, typed: list[str]) -> bool:
    """Parse a command line without running it; click raises where it does not understand."""
    context = command.make_context("tickertrack", list(typed))
    if isinstance(command, click.Group):
        rest = [*context._protected_args, *context.args]  # noqa: SLF001  (as click's own invoke)
        _, below, arguments = command.resolve_command(context, rest)
        assert below is not None
        return parsed(below, arguments)
    return True


# ---- completion

COMPLETED = [
    ("h", ["history"]),
    ("history AN", ["ANL", "ANTM"]),
    ("history anl b", ["BOP"]),
    ("moves AN", ["ANL", "ANTM"]),
    ("explain B", ["BOP"]),
    ("news --symbol AN", ["ANL", "ANTM"]),
    ("history ANL --fo", ["--follow-renames", "--format"]),
    ("history ANL -f j", ["json", "jsonl"]),
    ("export q", ["quotes"]),
    ("jobs r", ["resume", "run"]),
    ("jobs run co", ["collect"]),
    ("run --job c", ["check", "collect"]),
    ("ingest --publisher g", ["gazette"]),
    ("backfill --publisher b", ["brecorder"]),
    ("--db elsewhere.db history A", []),
]


def answer(folder: Path, instruction: str, typed: str) -> list[str]:
    """Ask as a shell's own function does; give the values."""
    environ = {**os.environ, "_TICKERTRACK_COMPLETE": instruction}
    words = f"tickertrack {typed}".split(" ")
    # Where the cursor stands: fish says the word itself.
    cursor = words[-1] if instruction.startswith("fish") else str(len(words) - 1)
    environ |= {"COMP_WORDS": " ".join(words), "COMP_CWORD": cursor}
    program = "from tickertrack.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, env=environ, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert not done.stderr
    return done.stdout.split()


@pytest.mark.parametrize(("typed", "values"), COMPLETED)
def test_words_are_completed(
    typed: str, values: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):  # fmt: skip
    monkeypatch.chdir(folder)
    words = f"tickertrack {typed}".split(" ")
    monkeypatch.setenv("_TICKERTRACK_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", " ".join(words))
    monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
    with pytest.raises(SystemExit):
        main()
    assert capsys.readouterr().out.split() == [f"plain,{value}" for value in values]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_are_answered_too(shell: str, folder: Path):
    told = "\n".join(answer(folder, f"{shell}_complete", "history AN"))
    assert "ANL" in told
    assert "ANTM" in told
    assert "BOP" not in told


BASH = """
source <(tickertrack completion bash)
complete -p tickertrack
COMP_WORDS=(tickertrack history AN) COMP_CWORD=2
_tickertrack_completion tickertrack
printf '%s\\n' "${COMPREPLY[@]}"
"""
FISH = """
tickertrack completion fish | source
complete -C 'tickertrack history AN'
complete -C 'tickertrack ingest pag'
"""
# A shell in a shell, on a terminal of its own, with somebody who presses Tab.
ZSH = r"""
zmodload zsh/zpty
zpty own zsh -f -i
zpty -w own 'autoload -Uz compinit; compinit -D -u; source <(tickertrack completion zsh)'
for typed answer in 'history BO' BOP 'ingest pag' pages.jsonl; do
    zpty -w -n own $'\x15'"tickertrack $typed"$'\t'
    zpty -r own said "*$answer*"
    print -r -- $said
done
"""


def completed_by(shell: str, script: str, folder: Path, bin_: Path) -> list[str]:
    """Run a real shell's script in a folder; give the lines it says."""
    program = shutil.which(shell) or pytest.skip(f"no {shell} here: apt-get install {shell}")
    command = bin_ / "tickertrack"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m tickertrack "$@"\n')
    command.chmod(0o700)
    environ = {**os.environ, "PATH": f"{bin_}:{os.environ['PATH']}", "HOME": str(bin_)}
    done = subprocess.run(
        [program, "-c", script], cwd=folder, env=environ, capture_output=True, text=True,
        check=True, timeout=90,
    )  # fmt: skip
    return done.stdout.splitlines()


def test_a_real_bash_completes_by_what_completion_prints(folder: Path, tmp_path: Path):
    registered, *values = completed_by("bash", BASH, folder, tmp_path)
    assert registered == "complete -o nosort -F _tickertrack_completion tickertrack"
    assert values == ["ANL", "ANTM"]


def test_a_real_fish_completes_by_what_completion_prints(folder: Path, tmp_path: Path):
    values = [line.strip() for line in completed_by("fish", FISH, folder, tmp_path)]
    assert values == ["ANL", "ANTM", "pages.jsonl"]


def test_a_real_zsh_completes_by_what_completion_prints(folder: Path, tmp_path: Path):
    screen = "".join(completed_by("zsh", ZSH, folder, tmp_path))
    assert "history BOP" in screen
    assert "ingest pages.jsonl" in screen


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_scripts_ask_us_by_our_own_variable(run: Run, shell: str):
    code, out, err = run("completion", shell)
    assert (code, err) == (0, "")
    assert f"_TICKERTRACK_COMPLETE={shell}_complete" in out


def test_completion_is_silent_where_settings_are_wrong(tmp_path: Path):
    (tmp_path / "config.toml").write_text("nonsense = [")
    assert answer(tmp_path, "bash_complete", "history A") == []
    assert answer(tmp_path, "bash_complete", "jobs run c") == []


# ---- what was meant

MISTYPED = [
    (("histroy", "ANL"), 2, "Did you mean 'history'?"),
    (("jobs", "lst"), 2, "Did you mean 'list'?"),
    (("reference", "imprt"), 2, "Did you mean 'import'?"),
    (("history", "ANL", "--strat", "2021-04-01"), 2, "--start"),
    (("history", "ANL", "-f", "jsn"), 2, "Did you mean 'json'?"),
    (("export", "price", "-o", "x.csv"), 2, "Did you mean 'prices'?"),
    (("completion", "bsh"), 2, "Did you mean 'bash'?"),
    (("history", "ANLL"), 0, "ANLL: no such symbol; did you mean ANL?"),
    (("quotes", "ANLL"), 0, "did you mean ANL?"),
    (("coverage", "ANLL"), 0, "did you mean ANL?"),
    (("moves", "ANLL"), 0, "did you mean ANL?"),
    (("explain", "ANLL", "2021-04-07"), 0, "did you mean ANL?"),
    (("news", "--symbol", "ANLL"), 0, "did you mean ANL?"),
    (("history", "ANL", "-c", "session,prize"), 2, "no column 'prize'; did you mean 'price'?"),
    (("history", "ANL", "-c", ""), 2, "no column ''; known: change"),
    (("history", "ANL", "-s", "2024-13-01"), 2, "did you mean 2024-01-13?"),
    (("history", "ANL", "-e", "14-05-2024"), 2, "write it YYYY-MM-DD: did you mean 2024-05-14?"),
    (("explain", "ANL", "14 May 2024"), 2, "did you mean 2024-05-14?"),
    (("moves", "-d", "2021/4/7"), 2, "did you mean 2021-04-07?"),
    (("news", "-d", "some day"), 2, "write it YYYY-MM-DD"),
    (("jobs", "history", "colect"), 0, "did you mean 'collect'?"),
    (("jobs", "history", "collect"), 0, "collect: has not run yet"),
    (("jobs", "pause", "colect"), 2, "did you mean 'collect'?"),
    (("ingest", "--publisher", "brecordr", "pages.jsonl"), 2, "did you mean 'brecorder'?"),
]


@pytest.mark.parametrize(("typed", "code", "told"), MISTYPED, ids=lambda one: str(one)[:40])
def test_what_was_mistyped_gets_a_suggestion(
    run: Run, typed: tuple[str, ...], code: int, told: str
):
    ended, _, err = run(*typed)
    assert (ended, told in err) == (code, True), err
    assert "Traceback" not in err


QUESTIONS: dict[str, Callable[[tt.Tracker, str], object]] = {
    "history": lambda tracker, name: tracker.history(name),
    "quotes": lambda tracker, name: tracker.quotes(name),
    "coverage": lambda tracker, name: tracker.coverage(name),
    "moves": lambda tracker, name: tracker.moves(name),
    "links": lambda tracker, name: tracker.links(name),
    "actions": lambda tracker, name: tracker.actions(name),
    "news": lambda tracker, name: tracker.news(symbol=name),
    "explain": lambda tracker, name: tracker.explain(name, WED),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_python_warns_of_a_mistyped_symbol_in_the_words_of_the_command_line(
    run: Run, folder: Path, name: str
):
    with tt.open(folder / "tickertrack.db") as tracker:
        with pytest.warns(tt.SymbolWarning) as said:
            QUESTIONS[name](tracker, "anll")
        # The control: warnings are errors here, and there is none.
        QUESTIONS[name](tracker, "anl")
    (warning,) = said
    assert f"{warning.message}\n" == run("history", "anll")[2]
    assert warning.filename == __file__


def test_python_does_not_warn_of_what_was_not_yet_stored_at_a_time(folder: Path):
    with tt.open(folder / "tickertrack.db") as tracker:
        assert tracker.history("ANL", as_of="2000-01-01").empty
        assert tracker.history("ANL", start="2000-01-01", end="2000-01-31").empty


def test_yesterday_is_a_day_of_the_calendar(run: Run):
    _, _, err = run("moves", "-d", "Yesterday")
    assert any(f"{date.today() - timedelta(days=ago)}" in err for ago in (1, 2))  # noqa: DTZ011


def test_columns_are_those_that_were_asked_for_in_their_order(run: Run):
    assert run("history", "ANL", "-c", "price, session")[1] == "price,session\n33.3,2021-04-07\n"
    assert json.loads(run("history", "ANL", "-c", "Price", "-f", "json")[1]) == [{"price": 33.3}]


@given(st.dates(date(1990, 1, 1), date(2060, 1, 1)))
def test_a_day_is_known_in_the_forms_that_people_write(day: date):
    today = date(2024, 5, 14)
    for form in ("%Y/%m/%d", "%d %b %Y", "%d %B %Y", "%B %d, %Y", "%Y.%m.%d"):
        assert likely_day(f"{day:{form}}", today) == day
    # Where it may be either, the day stands first.
    assert likely_day(f"{day:%d-%m-%Y}", today) == day
    if day.day > 12:
        assert likely_day(f"{day:%m/%d/%Y}", today) == day


def test_what_is_at_hand_goes_before_what_is_only_listed_but_not_before_what_is_nearer():
    assert near("ANN", ["ANL", "PAEL"], ["ANNT"]) == ["ANL"]
    assert near("ANLL", ["PAEL", "BOP"], ["ANL", "THALL"]) == ["ANL"]
    assert near("anl", ["ANL"]) == ["ANL"]
    assert near("XYZQ", ["ANL", "BOP"]) == []


@given(st.text(max_size=20))
def test_any_text_may_be_asked_about(text: str):
    likely_day(text, date(2024, 5, 14))
    near(text, ["ANL", "BOP"])
    assert meant(text, ["ANL", "BOP"])
    assert meant(text, []) == "known: none"
