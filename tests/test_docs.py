"""The documents say what is so: commands are run as printed, and tables are the database's."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from bench import schema
from tests.support import made_pages, write_pages
from tickertrack import errors, open_tracker
from tickertrack.dialects import compiling

ROOT = Path(__file__).parents[1]


def test_the_schema_document_is_the_schema():
    printed = (ROOT / "docs/schema.md").read_text(encoding="utf-8")
    assert schema.drawn(printed) == printed, "the schema has changed: `make schema`"


def test_a_schema_document_that_is_stale_is_drawn_anew():
    printed = (ROOT / "docs/schema.md").read_text(encoding="utf-8")
    stale = printed.replace("  verdict TEXT", "  judgement TEXT").replace("CREATE INDEX jo", "-- ")
    assert stale != printed
    assert schema.drawn(stale) == printed
    with pytest.raises(SystemExit, match="not shown: actions, alerts"):
        schema.drawn("")


def test_the_documents_link_to_what_is_there():
    for document in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text("utf-8")):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)


def commands_of(document: Path) -> list[tuple[str, str]]:
    """List a document's commands with the output printed below each."""
    found: list[tuple[str, str]] = []
    for block in CONSOLE.findall(document.read_text(encoding="utf-8")):
        for line in block.splitlines():
            command = found[-1][0] if found else ""
            if line.startswith("$ "):
                found.append((line[2:], ""))
            elif "<<'END'" in command and not command.endswith("\nEND"):
                found[-1] = (f"{command}\n{line}", "")
            else:
                found[-1] = (found[-1][0], f"{found[-1][1]}{line}\n")
    return found


def run_all(
    commands: list[tuple[str, str]], folder: Path, environ: Mapping[str, str]
) -> list[tuple[str, str, str]]:
    """Run commands in one shell after another, each where the last one left off."""
    outcomes = []
    for command, printed in commands:
        script = f"set -e\n{command}\npwd > {folder}/.where"
        where = Path((folder / ".where").read_text().strip())
        done = subprocess.run(
            ["/bin/bash", "-c", script],
            cwd=where,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        outcomes.append((command, printed, done.stdout.decode()))
    return outcomes


def as_printed(printed: str, real: str) -> bool:
    """Say whether output is as printed; a line of dots stands for any lines."""
    pattern = "".join(
        r"(?:.*\n)*" if line == "..." else re.escape(line.rstrip()) + r"[ ]*\n"
        for line in printed.rstrip().splitlines()
    )
    return re.fullmatch(pattern, real.rstrip() + "\n" if real.strip() else "") is not None


def all_as_printed(
    commands: list[tuple[str, str]], folder: Path, programs: Path = Path(sys.executable).parent
) -> str:
    """Run commands, see that each prints what is printed, and give all that they said."""
    (folder / ".where").write_text(str(folder))
    environ = {**os.environ, "COLUMNS": "120", "PATH": f"{programs}:{os.environ['PATH']}"}
    outcomes = run_all(commands, folder, environ)
    for command, printed, real in outcomes:
        assert as_printed(printed, real), f"{command}\n--- printed\n{printed}\n--- real\n{real}"
    return "".join(real for _, _, real in outcomes)


def test_the_tutorial_runs_as_printed(tmp_path: Path):
    commands = commands_of(ROOT / "docs/tutorial.md")
    assert len(commands) > 10
    all_as_printed(commands, tmp_path)


def test_exit_codes_are_as_printed(tmp_path: Path):
    told = all_as_printed(commands_of(ROOT / "docs/exit-codes.md"), tmp_path)
    assert {f"exit code {code}" for code in (0, 1, 2, 4)} <= set(told.splitlines())


def test_the_codes_are_those_of_the_errors():
    table = (ROOT / "docs/exit-codes.md").read_text(encoding="utf-8")
    documented = set(map(int, re.findall(r"^\| (\d+) \|", table, re.MULTILINE)))
    named = (getattr(errors, name) for name in errors.__all__)
    raised = {one.exit_code for one in named if issubclass(one, errors.TickertrackError)}
    assert raised < documented == {0, *raised, 4, 130, 141}


def test_the_readme_runs_as_printed(tmp_path: Path):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    setup = [("tickertrack demo --keep courier > tour.txt\ncd courier", "")]
    code, printed = re.findall(r"```python\n(.*?)```.*?```\n(.*?)```", text, re.DOTALL)[0]
    commands = [*setup, *commands_of(ROOT / "README.md"), (f"python <<'END'\n{code}END", printed)]
    assert len(commands) == 7
    all_as_printed(commands, tmp_path)


def test_a_publisher_is_added_as_printed(tmp_path: Path):
    commands = commands_of(ROOT / "docs/publishers.md")
    assert len(commands) > 15
    all_as_printed(commands, tmp_path)


def test_every_key_of_a_dialect_is_documented():
    printed = (ROOT / "docs/publishers.md").read_text(encoding="utf-8")
    keys = [f"{name}.{key}" for name, known in compiling.TABLES.items() for key in known or ("",)]
    for key in (*compiling.KEYS, *keys):
        assert f"`{key}" in printed


def test_the_python_page_runs(tmp_path: Path):
    with open_tracker(tmp_path / "tickertrack.db") as tracker:
        tracker.ingest(write_pages(tmp_path / "pages.jsonl", made_pages(120)))
    page = (ROOT / "docs/python.md").read_text()
    code = "".join(re.findall(r"```python\n(.*?)```", page, re.DOTALL))
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "captured" in done.stdout
