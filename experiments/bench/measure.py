"""Time and memory of one engine at one size, each case in a fresh process so that its peak memory is its own.

Times are CPU time of the one thread that works: on an idle machine the same as the clock on the wall, and on a busy
one without the waiting for a core. A shared cache and a shared core still make everything slower.
"""

from __future__ import annotations

import multiprocessing
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Case:
    """What to measure: an engine, so many rows (prospects included), weeks, and independent repetitions."""

    engine: str
    rows: int
    weeks: int
    runs: int = 3
    plays: str = "base"


@dataclass(frozen=True)
class Measured:
    """What a case took. CPU times in nanoseconds per row and week, over the runs; set-up apart."""

    case: Case
    set_up_seconds: float
    median_ns: float
    min_ns: float
    pass_median_ns: float | None  # the compiled pass alone, ours only
    pass_min_ns: float | None
    column_bytes: float | None  # per row, order log apart
    peak_bytes: float | None  # growth of the resident peak per row, everything included
    share_bought: float

    @property
    def week_us(self) -> float:
        """Microseconds per week of the whole market, median."""
        return self.median_ns * self.case.rows / 1000


def measure(case: Case) -> Measured:
    """Measure a case in a process of its own."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(measure_here, case).result()


def measure_here(case: Case) -> Measured:
    """Measure a case in this process; peak memory is only right in a fresh one."""
    from crmlab.experiments.bench.engines import TimedMarket

    _built(case, rows=1_000).run(2)  # imports, compiled code and tables are not part of it
    before = _peak_bytes()
    set_up, simulated, passed, peak = [], [], [], None
    for _ in range(case.runs):
        begun = time.process_time()
        market = _built(case, case.rows)
        built = time.process_time()
        market.run(case.weeks)
        set_up.append(built - begun)
        simulated.append(time.process_time() - built)
        if isinstance(market, TimedMarket):
            passed.append(market.seconds_in_pass)
        if peak is None:
            peak = _peak_bytes()
        columns = getattr(market, "column_bytes", None)
        share_bought = market.share_bought
        del market
    per_row_week = 1e9 / (case.rows * case.weeks)
    return Measured(
        case,
        statistics.median(set_up),
        statistics.median(simulated) * per_row_week,
        min(simulated) * per_row_week,
        statistics.median(passed) * per_row_week if passed else None,
        min(passed) * per_row_week if passed else None,
        columns / case.rows if columns is not None else None,
        (peak - before) / case.rows if peak is not None and before is not None else None,
        share_bought,
    )


def _built(case: Case, rows: int) -> Any:
    from crmlab.experiments.bench.engines import ENGINES, served_market, whole_market

    if case.plays == "all strategies":
        return whole_market(rows, seed=1)
    if case.plays == "with service":
        return served_market(rows, seed=1)
    return ENGINES[case.engine](rows, seed=1)


def _peak_bytes() -> int | None:
    """Largest resident size of this process so far; None where the system does not tell."""
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return int(lines["VmHWM"].split()[0]) * 1024
