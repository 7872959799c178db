"""Members of gzip that are unpacked many at once: the same records as one by one, whatever lies."""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st
from warcs import page

from tickertrack.errors import SourceError
from tickertrack.sources.warc import members
from tickertrack.sources.warc.records import Stretch, records_in

BEGINNING = b"\x1f\x8b\x08"
Told = list[tuple[int, int, bytes] | str]


def member(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def as_it_lies(words: bytes) -> bytes:
    """Make a member of a page that holds some words, which stand in the file as they are."""
    return gzip.compress(page(7, X_Words=words.decode("latin-1")), 0, mtime=0)


SOUND = [member(page(number)) for number in range(6)]
# What a file may hold between two sound members.
LIES: dict[str, bytes] = {
    "nothing": b"",
    "a beginning within a member": as_it_lies(BEGINNING),
    "many beginnings within a member": as_it_lies(BEGINNING * 99),
    "a beginning, and the size of nothing before it": as_it_lies(bytes(8) + BEGINNING),
    "a member within a member": gzip.compress(page(7) + SOUND[0], 0),
    "an empty member": member(b""),
    "zeros": bytes(7),
    "other bytes": b"other bytes",
    "a size that is none": SOUND[0][:-4] + b"\xff\xff\xff\xff",
    "a size that is too small": SOUND[0][:-4] + b"\x01\0\0\0",
    "a size of nothing": SOUND[0][:-4] + bytes(4),
    "a sum that is none": SOUND[0][:-8] + b"abcd" + SOUND[0][-4:],
    "half a member": SOUND[0][:90],
    "two records in a member": member(page(7) + page(8)),
    "bytes that end as the member before": b"other bytes" + SOUND[2][-8:],
    "a member of the same size, whose beginning is lost": member(page(9))[1:],
    "a copy of the member before, whose beginning is lost": SOUND[2][1:],
    "no record": member(b"no record"),
    "two halves of a record": member(page(7)[:99]) + member(page(7)[99:]),
}


def told(content: bytes, stop: int | None = None) -> Told:
    """Tell what is found in a file, and at last where it ends."""
    with tempfile.NamedTemporaryFile(suffix=".warc.gz") as file:
        file.write(content)
        file.flush()
        stretch = Stretch(stop=stop)
        found: Told = [
            str(one).partition(":")[2]
            if isinstance(one, SourceError)
            else (one.offset, one.length, one.block)
            for one in records_in(Path(file.name), stretch)
        ]
    return [*found, f"reached {stretch.reached}"]


@contextmanager
def one_by_one() -> Iterator[None]:
    """Unpack each member by itself, as those of zstd are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(members._GzipMembers, "run", members.Members.run)  # noqa: SLF001  (the control)
        yield


@pytest.mark.parametrize("lie", LIES)
def test_whatever_lies_between_members_they_are_the_same_as_one_by_one(lie: str):
    content = b"".join(SOUND[:3]) + LIES[lie] + b"".join(SOUND[3:])
    stops = [None, 1, len(SOUND[0]), len(SOUND[0]) + 1, len(content) - len(SOUND[-1])]
    together = [told(content, stop) for stop in stops]
    with one_by_one():
        assert together == [told(content, stop) for stop in stops]


EDITS = st.lists(
    st.tuples(
        st.floats(0, 1),
        st.sampled_from(
            [b"", b"\0", b"\xff", BEGINNING, bytes(8) + BEGINNING, SOUND[0], b"x" * 70]
        ),
        st.integers(0, 80),
    ),
    max_size=4,
)


@settings(max_examples=150, deadline=None)
@given(EDITS)
def test_however_a_file_is_damaged_its_members_are_the_same_as_one_by_one(
    edits: list[tuple[float, bytes, int]],
):
    content = b"".join(SOUND)
    for where, put, cut in edits:
        at = int(where * len(content))
        content = content[:at] + put + content[at + cut :]
    together = told(content)
    with one_by_one():
        assert together == told(content)


def test_many_members_are_unpacked_at_once(monkeypatch: pytest.MonkeyPatch):
    asked: list[int] = []
    monkeypatch.setattr(members.Members, "unpack", lambda _, at: asked.append(at))
    assert len(told(b"".join(SOUND[:5]) + SOUND[5][:20], sum(map(len, SOUND[:5])))) == 5 + 1
    assert asked == []


def test_without_the_look_at_its_size_a_beginning_in_a_member_would_cut_it(
    monkeypatch: pytest.MonkeyPatch,
):
    def trusting(packed: bytes, begins: list[int]) -> Iterator[bytes]:
        return (packed[begin:end] for begin, end in pairwise(begins))

    monkeypatch.setattr(members, "_unpacked", trusting)
    content = SOUND[0] + LIES["a beginning within a member"] + SOUND[1]
    trusted = told(content)
    with one_by_one():
        assert trusted != told(content)
