"""What we fetch, kept as it came: a WARC file a day, a gzip member a record, synced when asked."""

from __future__ import annotations

import errno
import fcntl
import io
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from fastwarc.stream_io import GzipWriter
from fastwarc.warc import WarcRecord, WarcRecordType

from tickertrack.closing import Closing
from tickertrack.errors import BusyError, DiskFullError, ReadOnlyError, StoreError
from tickertrack.models import Locator, Response
from tickertrack.sources.warc.captures import MARK, SOFTWARE
from tickertrack.sources.warc.records import Record, Stretch, ends_whole, records_in

__all__ = ["Archive", "mend"]

_NAME = "{name}-{day}.warc.gz"
_ANY_DAY = "[0-9]" * 4 + "-[0-9][0-9]" * 2
_FORMAT = "WARC File Format 1.1"
_TORN = ".torn"
_BREAKS = re.compile(r"[\x00\r\n]+")
# Of what the body went through on its way, the headers tell under other names, as Common Crawl
# has it: the body that is kept is the decoded one.
_WAY = {"content-encoding", "transfer-encoding", "content-length"}
_RENAMED = "X-Crawler-"
_FULL = {errno.ENOSPC, errno.EDQUOT}
_SHUT = {errno.EROFS, errno.EACCES, errno.EPERM}


@dataclass(slots=True)
class _Day:
    """A day's file, open for appending, and how long it is."""

    day: date
    path: Path
    file: int
    size: int


class Archive(Closing):
    """
    A folder of fetched responses; one process at a time writes a day's file.

    Use it in a `with` block. Raises DiskFullError, ReadOnlyError, BusyError or StoreError.
    """

    def __init__(
        self, folder: Path, now: Callable[[], datetime], name: str = "tickertrack"
    ) -> None:
        """Open nothing yet: a round that fetches nothing leaves no file; `name` begins theirs."""
        self.folder = folder
        self._now = now
        self._name = name
        self._open: _Day | None = None

    def files(self) -> list[Path]:
        """List the days' files, the oldest first."""
        return sorted(self.folder.glob(_NAME.format(name=self._name, day=_ANY_DAY)))

    def keep(self, response: Response) -> Locator:
        """
        Append a response to the file of its UTC day, and say where it lies; not yet synced.

        Its time is kept to the second, its body decoded; of the coding only headers tell.
        """
        member = _member(_response(response, {MARK: "http"}))
        return self._keep(response.received_at.astimezone(UTC).date(), member)

    def keep_past(self, copy: Response | bytes) -> Locator:
        """
        Append what another archive gave to today's file, and say where it lies; not yet synced.

        A copy that was replayed, with the time of its capture; or the gzip member of a record.
        """
        member = copy if isinstance(copy, bytes) else _member(_response(copy, {}))
        return self._keep(self._now().astimezone(UTC).date(), member)

    def sync(self) -> None:
        """Bring to the disk what was kept before."""
        if self._open is not None:
            with _told(self._open.path):
                os.fsync(self._open.file)

    def close(self) -> None:
        """Sync and close the file; a closed archive opens it again when it is needed."""
        if self._open is None:
            return
        try:
            self.sync()
        finally:
            os.close(self._open.file)
            self._open = None

    def _keep(self, on: date, member: bytes) -> Locator:
        day = self._opened(on)
        with _told(day.path):
            _append(day, member)
        return Locator(str(day.path.absolute()), day.size - len(member), len(member))

    def _opened(self, day: date) -> _Day:
        if self._open is not None and self._open.day == day:
            return self._open
        self.close()
        path = self.folder / _NAME.format(name=self._name, day=day)
        with _told(path):
            self.folder.mkdir(parents=True, exist_ok=True)
            file = _locked(path, os.O_CREAT | os.O_APPEND)
            try:
                _mend(path, file, 0)
                opened = _Day(day, path, file, os.fstat(file).st_size)
                if opened.size == 0:
                    _append(opened, _member(_info(path.name, self._now())))
                    _sync_folder(self.folder)
            except BaseException:
                os.close(file)
                raise
        self._open = opened
        return opened


def mend(path: Path, good_until: int) -> int:
    """
    Take a torn end off an archive's file, to NAME.torn, and give the length that is sound.

    Whole records beyond `good_until` stay; what lies before it is not looked at. Raises as
    Archive does; a file that another process writes is not torn but busy.
    """
    with _told(path):
        file = _locked(path, 0)
        try:
            return _mend(path, file, good_until)
        finally:
            os.close(file)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn the system's errors into ours."""
    try:
        yield
    except OSError as error:
        what = f"cannot be written ({error.strerror})"
        if error.errno in _FULL:
            raise DiskFullError(what, path=path, advice="make room on the disk") from error
        if error.errno in _SHUT:
            advice = "check the folder and who may write there"
            raise ReadOnlyError(what, path=path, advice=advice) from error
        raise StoreError(what, path=path) from error


def _locked(path: Path, flags: int) -> int:
    """Open a file of the archive as the only one who writes it."""
    file = os.open(path, os.O_RDWR | os.O_CLOEXEC | flags, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(file)
        advice = "another tickertrack is writing; try again"
        raise BusyError("is locked", path=path, advice=advice) from error
    return file


def _append(day: _Day, member: bytes) -> None:
    left = memoryview(member)
    try:
        # Half a record, left by a write that failed, would hide all that follow.
        _cut(day)
        while left:
            left = left[os.write(day.file, left) :]
    except BaseException:
        with suppress(OSError):
            _cut(day)
        raise
    day.size += len(member)


def _cut(day: _Day) -> None:
    if os.fstat(day.file).st_size > day.size:
        os.ftruncate(day.file, day.size)


def _mend(path: Path, file: int, good_until: int) -> int:
    size = os.fstat(file).st_size
    if size <= good_until or _ends_whole(path):
        return size
    sound = good_until
    for record in records_in(path, Stretch(good_until)):
        if isinstance(record, Record):
            sound = record.offset + record.length
    if sound < size:
        _set_aside(path, sound)
        os.ftruncate(file, sound)
        os.fsync(file)
    return sound


def _ends_whole(path: Path) -> bool:
    with path.open("rb") as reading:
        return ends_whole(reading)


def _set_aside(path: Path, sound: int) -> None:
    with path.open("rb") as reading, path.with_name(path.name + _TORN).open("ab") as torn:
        reading.seek(sound)
        shutil.copyfileobj(reading, torn)
        torn.flush()
        os.fsync(torn.fileno())


def _sync_folder(folder: Path) -> None:
    # A new file's name is the folder's to keep, and a new folder's its parent's.
    for one in (folder, folder.parent):
        opened = os.open(one, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


# ---- records


def _member(record: WarcRecord) -> bytes:
    packed = io.BytesIO()
    with closing(GzipWriter(packed)) as writer:
        record.write(writer, checksum_data=True)
    return packed.getvalue()


def _info(name: str, now: datetime) -> WarcRecord:
    from importlib import metadata  # noqa: PLC0415  (a tenth of what a reader imports)

    record = _begun(WarcRecordType.warcinfo, now)
    record.headers["WARC-Filename"] = name
    record.headers["Content-Type"] = "application/warc-fields"
    software = f"{SOFTWARE.decode()}{metadata.version('tickertrack')}"
    record.set_bytes_content(f"{software}\r\nformat: {_FORMAT}\r\n".encode())
    return record


def _response(response: Response, more: dict[str, str]) -> WarcRecord:
    record = _begun(WarcRecordType.response, response.received_at)
    record.headers["WARC-Target-URI"] = response.url
    for name, value in more.items():
        record.headers[name] = value
    record.is_http = True
    message = _message(response)
    record.set_bytes_content(message)
    # The digest of the payload is that of what follows the headers.
    record.parse_http(max_header_len=len(message))
    return record


def _begun(kind: WarcRecordType, stamp: datetime) -> WarcRecord:
    record = WarcRecord()
    record.init_headers(kind)
    record.record_date = stamp.astimezone(UTC).replace(microsecond=0)
    return record


def _message(response: Response) -> bytes:
    """Put a response together again, as if its server had sent it uncoded."""
    lines = [f"HTTP/1.1 {response.status} {response.reason}".rstrip()]
    for name, value in response.headers:
        kept = f"{_RENAMED}{name}" if name.lower() in _WAY else name
        lines.append(f"{kept}: {value}")
    lines.append(f"Content-Length: {len(response.body)}")
    # A line break within a line would begin another header.
    head = "\r\n".join(_BREAKS.sub(" ", line) for line in lines)
    return head.encode("utf-8", "replace") + b"\r\n\r\n" + response.body
