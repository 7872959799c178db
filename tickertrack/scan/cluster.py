"""A scan by Dask's workers: of a scheduler that is named, or of one begun here."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib import metadata
from typing import TYPE_CHECKING, Any

from tickertrack.errors import ClusterError, ConfigError, TickertrackError
from tickertrack.isolation import IsolatedReader
from tickertrack.reading import Part
from tickertrack.scan.tasks import Outcome, Work, do, lost
from tickertrack.sources.files import SCAN

if TYPE_CHECKING:
    from distributed import Client, Future

__all__ = ["done_by_dask"]

# A task is of so many bytes at least, or so many inputs: small files share it, and its reader.
_BYTES, _INPUTS = 32 * 1024 * 1024, 64
# ... but each core is to have a few, that all end at one time.
_EACH = 4
# Waited for, in seconds: a scheduler's answer, the first worker.
_CONNECT, _JOIN = 10, 60
# A task that fails is tried again; one whose worker dies is by Dask itself, three times more.
_RETRIES = 2


def done_by_dask(
    work: Work, parts: Sequence[Part], scheduler: str | None, workers: int
) -> Generator[Outcome, None, None]:
    """
    Yield what comes of inputs, read by Dask's workers.

    Raises ConfigError without Dask, ClusterError for machines that do not answer or are not ours,
    StoreError where parts cannot be written.
    """
    with _client(scheduler, workers) as client:
        # A task of its own: where its result is lost with a worker, Dask has it again.
        told = client.submit(_received, work, metadata.version("tickertrack"), pure=False)
        fault = told.exception()
        if fault is not None and not isinstance(fault, TickertrackError):
            raise ClusterError(
                f"its machines cannot read ({_words(fault)})",
                address=_address(client),
                advice="install this tickertrack there",
            )
        yield from _Rounds(client, work, told).outcomes(parts)


class _Rounds:
    """Tasks of some inputs each; those of a task that fails are tried each by itself."""

    def __init__(self, client: Client, work: Work, told: Future[Any]) -> None:
        self._client, self._work, self._told = client, work, told
        self._parts: dict[Any, Sequence[Part]] = {}

    def outcomes(self, parts: Sequence[Part]) -> Iterator[Outcome]:
        """Yield what comes of the inputs, in whatever order."""
        from distributed import as_completed  # noqa: PLC0415  (an extra)

        cores = sum(self._client.ncores().values())
        begun = [self._task(some) for some in _shared_out(parts, cores)]
        tasks = as_completed(begun, loop=self._client.loop)
        for task in tasks:
            some = self._parts.pop(task)
            fault = task.exception()
            if task.cancelled():
                advice = "call again for the rest"
                raise ClusterError("is gone", address=_address(self._client), advice=advice)
            if fault is None:
                yield from task.result()
            elif isinstance(fault, TickertrackError):
                raise fault
            elif len(some) > 1:
                tasks.update(self._task([part]) for part in some)
            else:
                yield lost(some[0], self._work, _death(fault))

    def _task(self, some: Sequence[Part]) -> Future[Any]:
        task = self._client.submit(_done, some, self._told, retries=_RETRIES, pure=False)
        self._parts[task] = some
        return task


def _shared_out(parts: Sequence[Part], cores: int) -> Iterator[Sequence[Part]]:
    """Share inputs out to tasks: few to a task where they are large, or where they are few."""
    most = max(min(_INPUTS, len(parts) // (_EACH * max(cores, 1))), 1)
    some: list[Part] = []
    for part in parts:
        some.append(part)
        if len(some) >= most or sum(one.size for one in some) >= _BYTES:
            yield some
            some = []
    if some:
        yield some


@contextmanager
def _client(scheduler: str | None, workers: int) -> Iterator[Client]:
    try:
        from distributed import Client, LocalCluster  # noqa: PLC0415  (an extra)
    except ModuleNotFoundError as error:
        advice = "install tickertrack[dask]"
        raise ConfigError("needs Dask", key="--engine dask", advice=advice) from error
    _silence()
    with ExitStack() as stack:
        address: Any = scheduler or stack.enter_context(_begun(LocalCluster, workers))
        try:
            client = stack.enter_context(Client(address, timeout=_CONNECT, set_as_default=False))
            client.wait_for_workers(1, timeout=_JOIN)
        except (OSError, TimeoutError, ValueError) as error:
            where = scheduler or "Dask"
            advice = "is a scheduler there, and has a worker joined it?"
            raise ClusterError(
                f"does not answer ({_words(error)})", address=where, advice=advice
            ) from error
        yield client


def _silence() -> None:
    # What Dask would say is told by us, where it is of any concern.
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] == "distributed":
            logging.getLogger(name).setLevel(logging.CRITICAL)


def _begun(kind: Any, workers: int) -> Any:
    # One thread each: reading is Python's work, of which a process does one thing at a time.
    return kind(
        n_workers=workers,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        silence_logs=logging.CRITICAL,
    )


def _address(client: Client) -> str:
    return str(getattr(client.scheduler, "address", "Dask"))


def _death(fault: BaseException) -> str:
    from distributed import KilledWorker  # noqa: PLC0415  (an extra)

    return "each worker died" if isinstance(fault, KilledWorker) else _words(fault)


def _words(fault: BaseException) -> str:
    return " ".join(f"{type(fault).__name__}: {fault}".split())[:200]


# ---- on the workers


def _received(work: Work, version: str) -> Work:
    """Take the work, if it is meant for who we are."""
    own = metadata.version("tickertrack")
    if own != version:
        raise ConfigError(f"a worker has tickertrack {own}, not {version}", key="--scheduler")
    return work


def _done(parts: Sequence[Part], work: Work) -> list[Outcome]:
    if work.folder.read(SCAN) is None:
        advice = "name a folder that all machines share"
        raise ConfigError("is not there on a worker", path=work.folder.place, advice=advice)
    with IsolatedReader(work.order.desk) as reader:
        return [do(part, work, reader) for part in parts]
