"""Files at addresses that fsspec knows, `s3://…`, `https://…` and others, read piece by piece."""

from __future__ import annotations

import re
import shutil
import sys
import time
from collections.abc import Callable
from glob import has_magic
from io import SEEK_CUR, SEEK_END, SEEK_SET, BufferedReader, RawIOBase
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any, TypeVar, cast

from tickertrack.closing import Closing
from tickertrack.errors import OutOfReachError, SourceError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

__all__ = [
    "File",
    "Remote",
    "file_of",
    "info_of",
    "is_pattern",
    "list_remote",
    "opened",
    "size_in_pieces",
    "size_of",
]

_ADDRESS, _CHAIN = "://", "::"
_WEB, _QUERY = ("http://", "https://"), re.compile("[?#]")
# Bytes of a request: few where somebody jumps about, more and more where they read on.
_FIRST, _GROWTH, _MOST = 64 * 1024, 4, 4 * 1024 * 1024
# What fails is asked for again after so many seconds, each time a 64th of it: where an answer
# always ends at one place, what lies before that is read.
_PAUSES, _SHRINKING = (0.2, 1.5), 64
# How long a connection may take, and how long an answer may stand still.
_CONNECT, _STILL = 15.0, 30.0

_EXTRAS = {"http": "http", "https": "http", "s3": "s3", "s3a": "s3"}
_GONE, _FORBIDDEN = 404, {401, 403}
# Codes of a server that may answer otherwise when it is asked again; and faults that stay.
_PASSING = {408, 425, 429, *range(500, 600)}
_FINAL = (FileNotFoundError, PermissionError, ImportError, ValueError, SourceError)

Answer = TypeVar("Answer")


class Remote(str):
    """The address of a file, with what of a path its readers ask for."""

    __slots__ = ()

    @property
    def name(self) -> str:
        """Give the last part of the path, whose ending tells the kind."""
        link = next(one for one in self.split(_CHAIN) if _ADDRESS in one)
        # What follows a question mark is a query on the web.
        path = _QUERY.split(link)[0] if link.startswith(_WEB) else link
        return path.rpartition("/")[2]

    def absolute(self) -> Remote:
        """Give the address, which is whole wherever one stands."""
        return self


File = Path | Remote


def file_of(text: str | Path) -> File:
    """Tell an address, which has `://` in it, from a path."""
    return Remote(text) if isinstance(text, str) and _ADDRESS in text else Path(text)


def opened(file: File) -> BufferedReader:
    """Open a file to be read anywhere; that raises SourceError for an address, else OSError."""
    return file.open("rb") if isinstance(file, Path) else BufferedReader(_Reader(file), _FIRST)


def size_of(file: File) -> int:
    """Give a file's size, by one question; 0 where that is unknown."""
    try:
        size = file.stat().st_size if isinstance(file, Path) else _info(file)["size"]
    except Exception:  # noqa: BLE001  (any protocol's own: who reads the file will say so)
        return 0
    return int(size or 0)


def size_in_pieces(file: File) -> int:
    """Give a file's size; 0 also where no part of it can be had by itself."""
    if isinstance(file, Path):
        return size_of(file)
    try:
        system, path = _system_of(file)
        with system.open(path, "rb", cache_type="none") as probe:
            size: int = probe.seek(0, SEEK_END)
            probe.seek(max(size - 1, 0))
            probe.read(1)
    except Exception:  # noqa: BLE001  (likewise)
        return 0
    return size


def info_of(remote: Remote) -> dict[str, Any]:
    """Give what is said of a file without reading it: size, time, version; raises SourceError."""
    return _asked(remote, lambda _: _info(remote))


def _info(remote: Remote) -> dict[str, Any]:
    system, path = _system_of(remote)
    info: dict[str, Any] = system.info(path)
    return info


def is_pattern(remote: Remote) -> bool:
    """Say whether an address is a pattern: with `*`, `[`, and but on the web `?`."""
    return has_magic(remote.partition("?")[0] if remote.startswith(_WEB) else remote)


def list_remote(remote: Remote) -> list[Remote]:
    """List the files of a pattern or a folder, by name; raises SourceError where there is none."""
    try:
        system, path = _system_of(remote)
        if is_pattern(remote):
            # On the web a folder is a page: those that it links to are not gone through.
            web = remote.startswith(_WEB)
            found = system.glob(path, maxdepth=1 if web else None, detail=True)
        else:
            found = {} if remote.startswith(_WEB) else system.find(path, detail=True)
    except Exception as error:
        raise _told(remote, error) from error
    files = [name for name, info in sorted(found.items()) if info.get("type") == "file"]
    if not files:
        raise OutOfReachError("no such file or folder", path=remote)
    return [Remote(system.unstrip_protocol(name)) for name in files]


class _Reader(RawIOBase):
    """A file at an address, to be read anywhere, in pieces that grow where one reads on."""

    def __init__(self, remote: Remote) -> None:
        """Ask for its size; raises SourceError."""
        super().__init__()
        self.name = remote.name
        self._pieces = _Pieces(remote)
        self._at, self._base, self._block, self._window = 0, 0, memoryview(b""), _FIRST
        # The block before: who reads on by small steps goes back a little, also across its end.
        self._former: tuple[int, memoryview] = (0, memoryview(b""))
        self._fault: SourceError | None = None
        self._broken, self._ended = sys.maxsize, False

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that it can be read from anywhere."""
        return True

    def seek(self, offset: int, whence: int = SEEK_SET) -> int:
        """Go to a place, and give it."""
        self._at = offset + {SEEK_SET: 0, SEEK_CUR: self._at, SEEK_END: self._pieces.size}[whence]
        return self._at

    def readinto(self, buffer: WriteableBuffer) -> int:
        """
        Read on, as much as is there or fits.

        Where the connection breaks the file ends, lest what is read together with that is lost; who
        reads on from there is told. Raises SourceError.
        """
        room = memoryview(buffer)
        want = min(len(room), self._pieces.size - self._at)
        if want <= 0:
            return 0
        base, block = self._former
        if not base <= self._at < base + len(block):
            if not self._base <= self._at < self._base + len(self._block) and not self._fetch():
                return 0
            base, block = self._base, self._block
        piece = block[self._at - base :][:want]
        room[: len(piece)] = piece
        self._at += len(piece)
        self._ended = False
        return len(piece)

    def close(self) -> None:
        """Close what is open."""
        if not self.closed:
            self._pieces.close()
        super().close()

    def _fetch(self) -> bool:
        """Have the next piece, or say that for now there is none."""
        reads_on = 0 < self._at == self._base + len(self._block)
        if self._fault and self._at >= self._broken:
            return self._end(self._fault, reads_on=reads_on)
        # After a piece that came short, what follows is asked for in pieces as short.
        last = min(self._window, len(self._block))
        self._window = min(last * _GROWTH, _MOST) if reads_on else _FIRST
        try:
            content = self._pieces.read(self._at, min(self._window, self._broken - self._at))
        except SourceError as error:
            self._fault, self._broken = error, self._at
            return self._end(error, reads_on=reads_on)
        self._former = (self._base, self._block)
        self._block, self._base = memoryview(content), self._at
        return True

    def _end(self, fault: SourceError, *, reads_on: bool) -> bool:
        if self._ended or not reads_on:
            raise fault
        self._ended = True
        return False


class _Pieces(Closing):
    """Asks for pieces of a file, and again where that may help; of some it must fetch a copy."""

    def __init__(self, remote: Remote) -> None:
        """Ask for its size; raises SourceError."""
        self._remote = remote
        self._cut: SourceError | None = None
        self.size = 0
        self._file = _asked(remote, lambda _: self._opened())
        try:
            self.size = self._file.seek(0, SEEK_END)
        except ValueError:
            # It does not say how long it is.
            self._copy()

    def close(self) -> None:
        """Close what is open."""
        self._file.close()

    def read(self, at: int, size: int) -> bytes:
        """Give what lies from a place on, some bytes of it, at most so many; raises SourceError."""
        size = min(size, self.size - at)
        return _asked(
            self._remote, lambda tries: self._piece(at, max(size // _SHRINKING**tries, 1))
        )

    def _piece(self, at: int, size: int) -> bytes:
        try:
            self._file.seek(at)
            content = self._file.read(size)
        except ValueError:
            # So fsspec says that a server gives no pieces.
            self._copy()
            self._file.seek(at)
            content = self._file.read(size)
        if not content:
            raise self._cut or EOFError("ends before the end that it stated")
        return content

    def _opened(self, **how: Any) -> IO[bytes]:
        system, path = _system_of(self._remote)
        return cast("IO[bytes]", system.open(path, "rb", cache_type="none", **how))

    def _copy(self) -> None:
        """Have all of it on the disk, or what came before its connection broke."""
        self._file.close()
        self._file = TemporaryFile()  # noqa: SIM115  (closed with this)
        try:
            with self._opened(block_size=0) as stream:
                shutil.copyfileobj(stream, self._file)
        except Exception as error:  # noqa: BLE001  (told when one reads up to there)
            self._cut = _told(self._remote, error)
        self.size = max(self.size, self._file.tell() + 1) if self._cut else self._file.tell()


def _system_of(remote: Remote) -> tuple[Any, str]:
    # Imported where it is used, and its protocols where those are: most files are on the disk.
    from fsspec.core import url_to_fs  # noqa: PLC0415

    system, path = url_to_fs(remote, **_web_options(remote))
    return system, path


def _web_options(remote: Remote) -> dict[str, Any]:
    """Have what a server sends as it is, and wait for it as long as we want."""
    webs = [one for one in _WEB if one in remote]
    if not webs:
        return {}
    from aiohttp import ClientTimeout  # noqa: PLC0415  (not there without the extra)

    client = {
        "timeout": ClientTimeout(sock_connect=_CONNECT, sock_read=_STILL),
        "headers": {"Accept-Encoding": "identity"},
        "auto_decompress": False,
    }
    return {one.removesuffix(_ADDRESS): {"client_kwargs": client} for one in webs}


def _asked(remote: Remote, ask: Callable[[int], Answer], tries: int = 0) -> Answer:
    """Ask, and again where that may help; it is told how often before. Raises SourceError."""
    try:
        return ask(tries)
    except Exception as error:
        if tries == len(_PAUSES) or not _may_pass(error):
            raise _told(remote, error) from error
    time.sleep(_PAUSES[tries])
    return _asked(remote, ask, tries + 1)


def _may_pass(error: Exception) -> bool:
    cause = _cause(error)
    status = getattr(cause, "status", None)
    return status in _PASSING if status else not isinstance(cause, _FINAL)


def _cause(error: Exception) -> BaseException:
    # Whatever fails as it opens a file, fsspec calls that not there.
    return error.__cause__ or error if isinstance(error, FileNotFoundError) else error


def _told(remote: Remote, error: Exception) -> SourceError:
    """Say of any protocol's fault what it was, and what to do."""
    if isinstance(error, SourceError):
        return error
    cause = _cause(error)
    status = getattr(cause, "status", None)
    if isinstance(error, ImportError):
        protocol = remote.partition(_ADDRESS)[0].rpartition(_CHAIN)[2]
        package = f"tickertrack[{_EXTRAS[protocol]}]" if protocol in _EXTRAS else error.name
        what, advice = "cannot be read (a package is missing)", f"pip install '{package}'"
    elif isinstance(cause, FileNotFoundError) or status == _GONE:
        what, advice = "no such file", ""
    elif isinstance(cause, PermissionError) or status in _FORBIDDEN:
        what, advice = "may not be read", "give credentials as its protocol asks for them"
    else:
        words = " ".join(str(cause).split())[:200] or type(cause).__name__
        what = f"cannot be read ({words})"
        advice = "try again: what was read is kept, and not stored twice" * _may_pass(error)
    return OutOfReachError(what, path=remote, advice=advice)
