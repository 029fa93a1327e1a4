"""A Dask cluster as executor: one on this machine for the time of the run, or one that is there already."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import signal
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from crmlab.experiments.errors import UserError
from crmlab.experiments.execution.chunks import DEATHS, TRIP_SECONDS, Chunk, Done, Lost, run_chunk
from crmlab.experiments.execution.environment import difference, environment_and_sources
from crmlab.experiments.execution.executor import workers_for
from crmlab.experiments.own_code.sending import pickled_with_code

HERE = "dask"
SCHEMES = ("tcp://", "tls://", "ws://", "wss://", "ucx://")
CONNECT_SECONDS, CLOSE_SECONDS = 5, 10
GONE = (OSError, CancelledError)  # what a client raises whose scheduler is not there any more
RESTART_SECONDS = 600  # that a worker of our own may be away: Dask's 15 end one that dies again at the wrong moment
AHEAD = 2  # chunks per thread that are under way, so that no worker waits for the next one


class ClusterError(UserError):
    """The cluster is not to be had, is gone, or computes with something else. The same command can go on later."""

    exit_code = 1


class Dask:
    """A Dask cluster. Use it as a context: `with Dask("tcp://10.0.0.5:8786") as cluster: compare(..., cluster)`.

    `where` is "dask" (a cluster of `workers` processes on this machine, 0: one per core), the address of a scheduler,
    or its scheduler file. Raises `UserError` for anything else, and `ClusterError` on entering when nobody answers
    there or the workers have other versions than this process.
    """

    trip_seconds = TRIP_SECONDS

    def __init__(self, where: str = HERE, workers: int = 0) -> None:
        self.where, self._workers = where, workers
        self._address = None if where == HERE else _address(where)
        if self._address and workers:
            raise UserError(f"--workers is about processes on this machine; the scheduler at {where} has its own.")
        self._client: Any = None
        self._cluster: Any = None
        self._settings = ExitStack()
        self._chunks: dict[Any, Chunk] = {}
        self._suspects: set[str] = set()  # keys of tasks that were on workers which died, running or only queued there

    def __enter__(self) -> Dask:
        try:
            from distributed import Client
        except ImportError:
            raise UserError('Dask is not installed here; pip install "crmlab[cluster]" brings it.') from None
        logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what matters is said in a sentence of ours
        try:
            if self._address is None:
                self._settings.enter_context(_patience())
                self._cluster = _local_cluster(self._workers)
            self._client = Client(self._address or self._cluster, timeout=f"{CONNECT_SECONDS}s", set_as_default=False)
        except (OSError, TimeoutError):
            self._settings.close()
            raise ClusterError(f"No Dask scheduler answers at {self._address}.") from None
        try:
            if self._cluster is not None:
                self._client.run(_leave_interrupts_to_the_driver)
            _refuse_workers_of_other_versions(self._client, self.where)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._cluster is not None:  # nobody wants what its workers may still be at, so they need not end it
            for keeper in self._cluster.workers.values():
                keeper.auto_restart = False
                with suppress(ProcessLookupError, TypeError):  # it is not there, or just being replaced
                    os.kill(keeper.pid, signal.SIGKILL)
        for thing in (self._client, self._cluster):
            if thing is not None:
                with suppress(*GONE):
                    thing.close(timeout=CLOSE_SECONDS)
        self._client = self._cluster = None
        self._settings.close()

    def __str__(self) -> str:
        return f"{self.where}, {self._threads()} threads"

    @property
    def room(self) -> int:
        if self._suspects:  # each of them alone, so that the next death tells which one it is
            return 1
        return AHEAD * max(1, self._threads())

    def begin(self, work: Callable[[Any], object]) -> None:
        pickled = pickled_with_code(work)
        # A task of its own and no scattered data: when its worker dies, the scheduler can make it again.
        name = f"crmlab-work-{hashlib.sha256(pickled).hexdigest()[:16]}"
        self._work = self._client.submit(bytes, pickled, key=name)  # workers hand bytes on as they are
        self._call = uuid.uuid4().hex[:8]

    def give(self, chunk: Chunk) -> None:
        key = f"crmlab-{self._call}-{chunk.number}"
        ours = environment_and_sources()
        with self._reached():
            self._chunks[self._client.submit(_run_there, ours, self._work, chunk.tasks, key=key)] = chunk

    def take(self, seconds: float) -> list[tuple[Chunk, Done | Lost]]:
        from distributed import wait

        with self._reached(), self._client.as_current():
            try:
                done = wait(list(self._chunks), timeout=seconds, return_when="FIRST_COMPLETED").done
            except TimeoutError:
                return []
            return [(chunk, self._back(future, chunk)) for future in done for chunk in [self._chunks.pop(future)]]

    def end(self) -> None:
        if self._chunks and self._client.status == "running":
            with suppress(*GONE):
                self._client.cancel(list(self._chunks), force=True)
        self._chunks, self._suspects = {}, set()
        self._work = None

    def _back(self, future: Any, chunk: Chunk) -> Done | Lost:
        from distributed import KilledWorker

        keys = {key for key, _ in chunk.tasks}
        was_alone = keys <= self._suspects
        self._suspects -= keys
        try:
            if future.status == "finished":
                return future.result()
            error = future.exception() if future.status == "error" else CancelledError()
        except Exception as raised:  # it had finished, and its worker died before the result was fetched
            error = raised
        if isinstance(error, KilledWorker):
            if not was_alone:  # it may only have waited where another one killed the worker
                self._suspects |= keys
            reason = "WorkerDied: every worker that tried it died (too little memory is the usual reason)."
            return Lost(reason, DEATHS if was_alone else 1)
        if isinstance(error, GONE) and self._client.status == "running":  # so it is not the scheduler that is gone
            return Lost("WorkerDied: the worker died before its result was fetched.")
        raise error

    def _threads(self) -> int:
        with self._reached():
            return sum(self._client.nthreads().values())

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except GONE:
            text = f"The Dask scheduler at {self.where} is gone; when it is back, the same command goes on from here."
            raise ClusterError(text) from None


def _local_cluster(workers: int) -> Any:
    """A cluster of processes on this machine."""
    from distributed import LocalCluster

    return LocalCluster(
        n_workers=workers_for(workers, 10**6),
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address=None,
        memory_limit=0,
        silence_logs=logging.CRITICAL,
    )


def _patience() -> Any:
    """Settings for as long as a cluster of our own is there: how often a task, and how long a worker, may fail."""
    import dask

    return dask.config.set(
        {
            "distributed.scheduler.allowed-failures": DEATHS - 1,
            "distributed.deploy.lost-worker-timeout": f"{RESTART_SECONDS}s",
        }
    )


def _refuse_workers_of_other_versions(client: Any, where: str) -> None:
    try:
        found: Mapping[str, Mapping[str, str]] = client.run(environment_and_sources)
    except ImportError as error:
        raise ClusterError(f"The workers of {where} have no crmlab: {error}.") from None
    for worker, theirs in found.items():
        _refuse_other_versions(worker, environment_and_sources(), theirs)


def _run_there(ours: Mapping[str, str], pickled: bytes, tasks: Iterable[tuple[str, object]]) -> Done:
    """Run a chunk on a worker, which may have joined after the versions of the others were compared."""
    from distributed import get_worker

    _refuse_other_versions(get_worker().address, ours, environment_and_sources())
    return run_chunk(_unpickled(pickled), tasks)


@lru_cache(maxsize=1)
def _unpickled(work: bytes) -> Any:
    """What the chunks of one call share, read once per worker."""
    import cloudpickle

    return cloudpickle.loads(work)


def _leave_interrupts_to_the_driver() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _refuse_other_versions(worker: str, ours: Mapping[str, str], theirs: Mapping[str, str]) -> None:
    if differs := difference(ours, theirs):
        raise ClusterError(f"Worker {worker} would compute with {differs}; {_way_out(ours, theirs)}.")


def _way_out(ours: Mapping[str, str], theirs: Mapping[str, str]) -> str:
    if {**ours, "processor": ""} != {**theirs, "processor": ""}:
        return "install the same versions there"
    return (
        "the last digit of a number would depend on who computes it. Use one kind of processor, or set "
        "NPY_DISABLE_CPU_FEATURES to what not all of them have, here and there"
    )


def _address(where: str) -> str:
    """The address that is meant: itself, or what a scheduler file says."""
    if where.startswith(SCHEMES):
        return where
    path = Path(where)
    if not path.is_file():
        allowed = f'"{HERE}", an address such as tcp://10.0.0.5:8786, or the path of a scheduler file'
        raise UserError(f'--on "{where}" is no place to run; allowed are {allowed}.')
    try:
        return json.loads(path.read_text(encoding="utf-8"))["address"]
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{where} is no scheduler file: it names no address.") from None
