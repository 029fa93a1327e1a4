"""Where tasks are run: the same results in one process, in several and on a Dask cluster, whatever dies meanwhile."""

from __future__ import annotations

import functools
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from crmlab.experiments.errors import UserError
from crmlab.experiments.execution.chunks import TRIP_SECONDS, Done, Waiting
from crmlab.experiments.execution.cluster import ClusterError, Dask
from crmlab.experiments.execution.environment import difference, environment_and_sources
from crmlab.experiments.execution.executor import Executor, Failed, run_all, workers_for
from crmlab.experiments.experiment import Arm, Design, Experiment
from crmlab.experiments.questions.compare.compare import compare
from crmlab.sim import Play
from crmlab.strategies import DiscountTiers
from tests.conftest import shop, today
from tests.places import ROOT

pytest.importorskip("distributed")


def square(task: int) -> int:
    if task < 0:
        raise ValueError("no roots here")
    return task * task


def kill_the_worker(folder: Path, times: int, task: int) -> int:
    """Task 3 ends its process, as many times as asked; the number of attempts is kept in a file."""
    attempts = folder / "attempts"
    if task == 3 and (attempts.stat().st_size if attempts.exists() else 0) < times:
        with attempts.open("a") as file:
            file.write(".")
        os.kill(os.getpid(), signal.SIGKILL)
    return task


def unsendable(task: int) -> object:
    return (lambda: task) if task == 1 else task


@pytest.fixture(scope="module")
def cluster() -> Iterator[Dask]:
    with Dask("dask", workers=2) as started:
        yield started


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    arms = (Arm("today", today()), Arm("tiers", today(Play("tiers", DiscountTiers()))))
    return Experiment("places", shop(), arms, Design(weeks=30, customers=150, replications=3, seed=5))


def assert_same_tables(one: dict[str, pd.DataFrame], other: dict[str, pd.DataFrame]) -> None:
    assert set(one) == set(other)
    for name, table in one.items():
        pd.testing.assert_frame_equal(table, other[name], check_exact=True)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_results_come_in_the_order_of_the_tasks_and_progress_counts_them(workers: int) -> None:
    seen: list[tuple[int, int]] = []
    tasks = [9, 1, 4, 7, 7]
    assert run_all(square, tasks, workers, lambda done, n: seen.append((done, n))) == [81, 1, 16, 49, 49]
    assert seen == [(n, 5) for n in range(1, 6)]
    assert run_all(square, [], workers) == []
    assert workers_for(8, 3) == 3


@pytest.mark.parametrize("workers", [1, 2])
def test_a_task_that_raises_is_told_in_its_place_and_the_others_complete(workers: int) -> None:
    one, failure, two = run_all(square, [1, -1, 2], workers)
    assert (one, two) == (1, 4)
    assert isinstance(failure, Failed)
    assert failure.error == "ValueError: no roots here"
    assert re.fullmatch(r"test_executor\.py:\d+ in square", failure.trace)


def test_a_killed_worker_costs_a_second_attempt_and_nothing_else(tmp_path: Path) -> None:
    work = functools.partial(kill_the_worker, tmp_path, 1)
    assert run_all(work, range(8), 2) == list(range(8))
    assert (tmp_path / "attempts").read_text() == "."


def test_a_task_that_kills_three_workers_is_given_up_and_the_others_complete(tmp_path: Path) -> None:
    results = run_all(functools.partial(kill_the_worker, tmp_path, 99), range(8), 2)
    assert [r for r in results if not isinstance(r, Failed)] == [0, 1, 2, 4, 5, 6, 7]
    assert isinstance(results[3], Failed)
    assert "signal SIGKILL" in results[3].error
    assert (tmp_path / "attempts").read_text() == "..."


def test_a_result_that_cannot_be_sent_is_a_failure_too() -> None:
    results = run_all(unsendable, range(3), 2)
    assert [isinstance(r, Failed) for r in results] == [False, True, False]


def test_short_tasks_travel_together_and_long_ones_alone() -> None:
    short = Waiting([(str(n), n) for n in range(1000)])
    first = short.chunk(2, TRIP_SECONDS)
    assert len(first.tasks) == 1  # nobody knows yet how long they are
    short.settle(first, Done([None], seconds=TRIP_SECONDS / 50))
    assert len(short.chunk(2, trip_seconds=0.0).tasks) == 1  # nobody travels
    sizes = []
    while short:
        sizes.append(len(short.chunk(2, TRIP_SECONDS).tasks))
    assert sizes[0] == 50
    assert sizes[-1] == 1  # the last ones are spread over all workers
    long = Waiting([(str(n), n) for n in range(1000)])
    long.settle(long.chunk(2, TRIP_SECONDS), Done([None], seconds=1.0))
    assert len(long.chunk(2, TRIP_SECONDS).tasks) == 1


def test_an_interrupt_stops_long_tasks_at_once() -> None:
    def interrupt(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_all(time.sleep, [0.01, 60, 60], 2, interrupt)
    assert time.monotonic() - started < 10


def test_no_worker_outlives_a_killed_driver() -> None:
    script = (
        "import os, time\nfrom crmlab.experiments.execution.executor import run_all\n"
        "def work(task):\n    print(os.getpid(), flush=True)\n    time.sleep(60)\n"
        "run_all(work, [1, 2], 2)"
    )
    driver = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert driver.stdout is not None
    workers = [int(driver.stdout.readline()) for _ in range(2)]
    driver.kill()
    driver.wait()
    deadline = time.monotonic() + 20
    while any(_alive(worker) for worker in workers):
        assert time.monotonic() < deadline, "a worker is still there"
        time.sleep(0.1)


def _alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.slow
def test_a_place_that_is_none_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text('{"no": "address"}')
    for where, sentence in (("slurm", "no place to run"), (str(tmp_path / "s.json"), "no scheduler file")):
        with pytest.raises(UserError, match=sentence):
            Dask(where)
    with pytest.raises(UserError, match="--workers is about"):
        Dask("tcp://127.0.0.1:1", workers=2)
    with pytest.raises(ClusterError, match="No Dask scheduler answers"), Dask("tcp://127.0.0.1:1"):
        pass


def test_a_worker_with_other_versions_is_named_with_what_differs() -> None:
    ours = environment_and_sources()
    assert {"Python", "machine", "numpy", "numba", "crmlab"} <= set(ours)
    assert difference(ours, ours) == ""
    theirs = {**ours, "numpy": "1.0"}
    assert difference(ours, theirs) == f"numpy 1.0 instead of {ours['numpy']}"


@pytest.mark.slow
def test_an_experiment_has_the_same_tables_in_one_process_in_several_and_on_dask(
    experiment: Experiment, cluster: Dask
) -> None:
    serial = compare(experiment, workers=1)
    places: tuple[int | Executor, ...] = (2, 3, cluster)
    for place in places:
        assert_same_tables(dict(serial.tables), dict(compare(experiment, workers=place).tables))


@pytest.mark.slow
def test_on_dask_too_a_task_that_raises_or_kills_its_workers_harms_no_other(tmp_path: Path, cluster: Dask) -> None:
    one, failure, two = run_all(square, [1, -1, 2], cluster)
    assert (one, two) == (1, 4)
    assert isinstance(failure, Failed)
    results = run_all(functools.partial(kill_the_worker, tmp_path, 99), range(8), cluster)
    assert [isinstance(r, Failed) for r in results] == [n == 3 for n in range(8)]


@pytest.mark.slow
def test_on_dask_a_task_that_only_waited_beside_a_killer_is_not_given_up(tmp_path: Path) -> None:
    with Dask("dask", workers=1) as one:  # so that others wait wherever the killer dies
        results = run_all(functools.partial(kill_the_worker, tmp_path, 99), range(8), one)
    assert [isinstance(r, Failed) for r in results] == [n == 3 for n in range(8)]


@pytest.fixture
def daemons(tmp_path: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """A scheduler and two workers as processes of their own; the scheduler's file is `scheduler.json`."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str) -> None:
        command = [sys.executable, "-m", *arguments, "--scheduler-file", str(tmp_path / "scheduler.json")]
        silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        started.append(subprocess.Popen(command, cwd=ROOT, **silent))

    start("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
    for _ in range(2):
        start("distributed.cli.dask_worker", "--nthreads", "1", "--no-nanny", "--no-dashboard")
    yield started
    for process in started:
        process.kill()
        process.wait()


def slowly(task: int) -> int:
    time.sleep(0.3)
    return task


@pytest.mark.slow
def test_with_a_scheduler_and_two_workers_one_of_which_is_killed_the_tables_are_whole_and_equal(
    tmp_path: Path, experiment: Experiment, daemons: list[subprocess.Popen[bytes]]
) -> None:
    scheduler_file = tmp_path / "scheduler.json"
    deadline = time.monotonic() + 60
    while not scheduler_file.exists():
        assert time.monotonic() < deadline
        time.sleep(0.1)

    def kill_one(done: int, _total: int) -> None:
        if done == 5:
            daemons[1].kill()

    with Dask(str(scheduler_file)) as cluster:
        found = compare(experiment, cluster, kill_one)
        daemons[1].wait(10)
        assert_same_tables(dict(compare(experiment, workers=1).tables), dict(found.tables))

        def kill_the_scheduler(_done: int, _total: int) -> None:
            daemons[0].kill()

        with pytest.raises(ClusterError, match="is gone"):
            run_all(slowly, range(50), cluster, kill_the_scheduler)
