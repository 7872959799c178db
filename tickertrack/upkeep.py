"""What keeps a tracker well for years: dating again, checks, backups that were proved."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tickertrack.audit import examine, verify_sample
from tickertrack.errors import StoreError
from tickertrack.models import Outcome
from tickertrack.shift import Shift
from tickertrack.store.connect import told
from tickertrack.store.runs import RunBook

__all__ = ["backup", "check", "link", "resolve"]

# So many pages are read again in each check.
_SAMPLE = 50
_HISTORY = timedelta(days=90)
_STAMP = "%Y%m%dT%H%M%SZ"


def resolve(shift: Shift) -> Outcome:
    """Date all boards and rebuild prices: what the calendar or a new file says holds for all."""
    shift.tracker.resolve(afresh=True)
    boards, undated = shift.tracker.dating()
    return Outcome({"boards": boards, "undated": undated})


def link(shift: Shift) -> Outcome:
    """Read new articles for names, and link the moves of every session that changed."""
    return Outcome(asdict(shift.tracker.link()))


def check(shift: Shift) -> Outcome:
    """Examine database and calendar, read a sample of pages again, and forget old job history."""
    tracker = shift.tracker
    findings = examine(tracker)
    problems = [f"{one['check']}: {one['detail']}" for one in findings if one["state"] == "problem"]
    checked, differences = verify_sample(tracker, _SAMPLE)
    differing = [f"{one['file']} at {one['offset']}: {one['difference']}" for one in differences]
    forgotten = RunBook(tracker.writer(), tracker.path).forget(shift.now() - _HISTORY)
    counts = {"checks": len(findings), "pages read again": checked, "runs forgotten": forgotten}
    return Outcome(counts, (*problems, *differing))


def backup(shift: Shift) -> Outcome:
    """
    Copy the live database, prove the copy by a restore, and keep as many as the settings say.

    By SQLite's backup interface: of copies of the file made under load nearly half are damaged
    (faults S-09).
    """
    config = shift.tracker.config
    folder = config.backup_path
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot be made ({error.strerror})", path=folder) from error
    stem = config.database_path.stem
    target = folder / f"{stem}-{shift.now().astimezone(UTC).strftime(_STAMP)}.db"
    part = target.with_suffix(".part")
    part.unlink(missing_ok=True)
    with told(part):
        _copy(config.database_path, part)
        rows = _restored(part)
    # Only what was proved gets the name of a backup.
    part.replace(target)
    dropped = _drop_old(folder, stem, config.backup.keep)
    return Outcome({"rows": rows, "dropped": dropped, "kept": len(_backups(folder, stem))})


def _copy(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(target)) as copy:
        live.backup(copy)
        # One file, whole by itself, wherever it is carried to.
        copy.execute("PRAGMA journal_mode = DELETE")


def _restored(path: Path) -> int:
    """Restore a copy into memory, check it there, and count its rows; raises StoreError."""
    with closing(sqlite3.connect(path)) as copy, closing(sqlite3.connect(":memory:")) as restored:
        copy.backup(restored)
        found = [row[0] for row in restored.execute("PRAGMA integrity_check(5)")]
        if found != ["ok"] or restored.execute("PRAGMA foreign_key_check").fetchone():
            raise StoreError(f"the backup cannot be restored: {'; '.join(found)}", path=path)
        counted = "SELECT (SELECT count(*) FROM pages) + (SELECT count(*) FROM quotes)"
        return int(restored.execute(counted).fetchone()[0])


def _drop_old(folder: Path, stem: str, keep: int) -> int:
    old = _backups(folder, stem)[:-keep]
    for path in old:
        path.unlink()
    return len(old)


def _backups(folder: Path, stem: str) -> list[Path]:
    return sorted(path for path in folder.glob(f"{stem}-*.db") if _is_stamped(path, stem))


def _is_stamped(path: Path, stem: str) -> bool:
    try:
        return bool(datetime.strptime(path.stem.removeprefix(f"{stem}-"), _STAMP))  # noqa: DTZ007
    except ValueError:
        return False
