"""Which cases make up the benchmark, and what they are held against."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

import numpy as np

from crmlab.experiments.bench.agreement import Agreement, agreements
from crmlab.experiments.bench.compile_time import compile_seconds
from crmlab.experiments.bench.measure import Case, Measured, measure

PASS_NS, WHOLE_NS, ROW_BYTES, ALL_ROW_BYTES, WEEK_US = 20.0, 80.0, 140.0, 180.0, 200.0
SERVICE_RATIO = 1.5  # of the whole market's time without it
MAX_EXPONENT = 1.05


@dataclass(frozen=True)
class Target:
    """A promised number beside the measured one."""

    what: str
    measured: float
    best: float
    most: float
    unit: str

    @property
    def met(self) -> bool:
        """Whether the median is within the target."""
        return self.measured <= self.most


@dataclass(frozen=True)
class Suite:
    """The sizes of a benchmark: `largest` rows for speed, `growth` rows for how time grows."""

    sizes: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    mesa_sizes: tuple[int, ...] = (1_000, 10_000)
    growth: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    weeks: int = 52
    whole_weeks: int = 104  # of the market with every strategy
    growth_weeks: int = 8
    runs: int = 3
    agreement_rows: int = 2_000
    agreement_runs: int = 24

    @property
    def largest(self) -> int:
        return self.sizes[-1]


FULL = Suite(growth=(10_000, 100_000, 1_000_000, 10_000_000))
QUICK = Suite(
    sizes=(10_000, 100_000),
    mesa_sizes=(1_000,),
    growth=(10_000, 100_000),
    weeks=26,
    whole_weeks=26,
    agreement_rows=1_000,
    agreement_runs=12,
)


@dataclass(frozen=True)
class Results:
    """Everything that a benchmark found."""

    suite: Suite
    machine: dict[str, Any]
    compile_empty_seconds: float
    compile_cached_seconds: float
    agreement: list[Agreement]
    speed: list[Measured]
    whole: Measured
    service: Measured  # the whole market with satisfaction, failures and a service desk
    small_base: Measured
    small_whole: Measured
    growth: list[Measured]
    load_after: float

    @property
    def agree(self) -> bool:
        """Whether all engines run the same model."""
        return all(check.holds for check in self.agreement)

    def speed_of(self, engine: str, rows: int) -> Measured | None:
        """The measured case of an engine at a size."""
        found = [m for m in self.speed if (m.case.engine, m.case.rows) == (engine, rows)]
        return found[0] if found else None

    @property
    def time_exponent(self) -> float:
        """Slope of log time of a run against log rows: 1 is linear."""
        rows = [m.case.rows for m in self.growth]
        seconds = [m.median_ns * m.case.rows for m in self.growth]
        return float(np.polyfit(np.log(rows), np.log(seconds), 1)[0])

    @property
    def targets(self) -> list[Target]:
        """The promises of the engine, at the largest size measured."""
        rows = self.suite.largest
        base = next(m for m in self.speed if (m.case.engine, m.case.rows) == ("ours", rows))
        pass_median, pass_min = base.pass_median_ns or np.nan, base.pass_min_ns or np.nan
        small, columns = self.small_base, base.column_bytes or np.nan
        all_columns = self.whole.column_bytes or np.nan
        min_us = small.min_ns * small.case.rows / 1000
        return [
            Target(f"compiled pass, base, {rows:,} rows", pass_median, pass_min, PASS_NS, "ns / row-week"),
            Target(f"whole market, all strategies, {rows:,} rows, {self.suite.whole_weeks} weeks",
                   self.whole.median_ns, self.whole.min_ns, WHOLE_NS, "ns / row-week"),
            Target(f"the same with service on, {rows:,} rows", self.service.median_ns / self.whole.median_ns,
                   self.service.min_ns / self.whole.min_ns, SERVICE_RATIO, "times as long"),
            Target("columns and queues, base", columns, columns, ROW_BYTES, "bytes / row"),
            Target("columns and queues, all strategies", all_columns, all_columns, ALL_ROW_BYTES, "bytes / row"),
            Target(f"a week at {small.case.rows:,} rows, base", small.week_us, min_us, WEEK_US, "microseconds"),
            Target("growth of time with rows", self.time_exponent, self.time_exponent, MAX_EXPONENT, "exponent"),
        ]  # fmt: skip

    def to_json(self) -> dict[str, object]:
        """All numbers, and those derived from them."""
        targets = [{**asdict(target), "met": target.met} for target in self.targets]
        return {**asdict(self), "agree": self.agree, "time_exponent": self.time_exponent, "targets": targets}


def run_suite(suite: Suite, on_step: Callable[[str], None] = lambda text: None) -> Results:
    """Run all cases, one after the other. `on_step` is told what comes next."""
    machine = _machine()
    on_step("compiling from an empty cache")
    empty, cached = compile_seconds()
    on_step("do the engines agree?")
    agreement = [
        check
        for cut in (0.0, 0.20)
        for check in agreements(suite.agreement_rows, suite.weeks, suite.agreement_runs, cut)
    ]

    def timed(engine: str, rows: int, weeks: int, plays: str = "base", runs: int = suite.runs) -> Measured:
        on_step(f"{engine}, {rows:,} rows, {weeks} weeks, {plays}")
        return measure(Case(engine, rows, weeks, runs, plays))

    speed = [timed(engine, rows, suite.weeks) for engine in ("ours", "numpy") for rows in suite.sizes]
    speed += [timed("mesa", rows, suite.weeks) for rows in suite.mesa_sizes]
    speed += [timed("ours", rows, suite.weeks) for rows in suite.mesa_sizes if rows not in suite.sizes]
    speed += [timed("numpy", rows, suite.weeks) for rows in suite.mesa_sizes if rows not in suite.sizes]
    return Results(
        suite,
        machine,
        empty,
        cached,
        agreement,
        speed,
        timed("ours", suite.largest, suite.whole_weeks, "all strategies"),
        timed("ours", suite.largest, suite.whole_weeks, "with service"),
        timed("ours", 1_000, 104, runs=9),
        timed("ours", 1_000, 104, "all strategies", runs=9),
        [timed("ours", rows, suite.growth_weeks, runs=1 if rows > 1_000_000 else suite.runs) for rows in suite.growth],
        os.getloadavg()[0],
    )


def _machine() -> dict[str, object]:
    """What the numbers were measured on, and how busy it was at the start (load: processes wanting a core)."""
    packages = {name: version(name) for name in ("numpy", "numba", "mesa")}
    cpu = platform.processor() or platform.machine()
    return {"cpu": cpu, "cores": os.cpu_count(), "load_before": os.getloadavg()[0],
            "python": platform.python_version(), **packages}  # fmt: skip
