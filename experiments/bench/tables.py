"""The benchmark as tables on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from rich.console import Console
from rich.table import Table

from crmlab.experiments.bench.agreement import MAX_Z
from crmlab.experiments.bench.coverage import Coverage
from crmlab.experiments.bench.desk import LIMITS, DeskTimes
from crmlab.experiments.bench.levers import LeverSweep
from crmlab.experiments.bench.measure import Measured
from crmlab.experiments.bench.programme import Effect
from crmlab.experiments.bench.rewards import Gain
from crmlab.experiments.bench.suite import Results
from crmlab.experiments.bench.variance import Reduction


def print_effects(effects: Sequence[Effect], title: str, console: Console) -> None:
    """The causal effect of a loyalty programme: the whole first, then each part alone."""
    rows = [(e.part, f"{e.orders:+.2%}", f"{e.se:.2%}", f"{e.heavy:+.2%}", f"{e.others:+.2%}") for e in effects]
    console.print(_table(title, ("reaction", "orders", "standard error", "heavy buyers", "others"), rows))


def print_levers(sweeps: Sequence[LeverSweep], title: str, console: Console) -> None:
    """A lever a row: what it does to orders and to equity from the low end of its range to the high, and where best."""
    rows = [
        (
            s.strategy, s.lever, f"{s.values[0]:g} to {s.values[-1]:g}",
            " ".join(f"{change:+.1%}" for change in s.orders), f"{s.orders_se:.1%}", s.orders_best,
            " ".join(f"{change:+.1%}" for change in s.equity), f"{s.equity_se:.1%}", s.equity_best,
        )
        for s in sweeps
    ]  # fmt: skip
    columns = (
        "strategy", "lever", "range", "orders, low to high", "se", "orders are most", "equity, low to high", "se",
        "equity is most",
    )  # fmt: skip
    console.print(_table(title, columns, rows))


def print_results(results: Results, console: Console) -> None:
    """Agreement first: a comparison of times means nothing without it."""
    runs = results.suite.agreement_runs
    for title, columns, rows in (
        (
            f"Do the engines run the same model? Means over {runs} runs each; |z| must stay within {MAX_Z}",
            ("engine", "price cut", "quantity", "ours", "theirs", "z", ""),
            _agreement(results),
        ),
        (
            "CPU nanoseconds per row and week (prospects are rows), set-up apart",
            ("engine", "strategies", "rows", "weeks", "median", "least", "pass alone", "set-up s", "columns B/row",
             "peak B/row", "ever bought"),
            _speed(results),
        ),
        ("How many times the time of this engine", ("engine", "rows", "times"), _ratios(results)),
        ("Growth of this engine with the rows", ("rows", "weeks", "ns per row-week", "CPU seconds"), _growth(results)),
        ("Targets", ("what", "median", "best", "at most", "unit", ""), _targets(results)),
    ):  # fmt: skip
        console.print(_table(title, columns, rows))
    console.print(f"First compilation {results.compile_empty_seconds:.1f} s with an empty cache, "
                  f"{results.compile_cached_seconds:.1f} s with a filled one.")  # fmt: skip
    machine = results.machine
    console.print(f"{machine['cpu']}, {machine['cores']} cores, one thread used; load {machine['load_before']:.1f} "
                  f"at the start, {results.load_after:.1f} at the end; Python {machine['python']}, numpy "
                  f"{machine['numpy']}, numba {machine['numba']}, Mesa {machine['mesa']}.")  # fmt: skip


def print_reductions(reductions: Sequence[Reduction], title: str, console: Console) -> None:
    """The variance-reduction factors beside their targets."""
    rows = [
        (r.policy, f"{r.effect:+.1%}", f"± {r.half_width:.2%}", f"{r.factor:.1f}", f"± {r.standard_error:.1f}",
         "-" if r.target is None else f"{r.target:.0f}", "" if r.met is None else _verdict(r.met))
        for r in reductions
    ]  # fmt: skip
    names = ("against today", "orders", "95 % half-width", "variance reduction", "standard error", "at least", "")
    console.print(_table(title, names, rows))


def print_gains(gains: Sequence[Gain], title: str, console: Console) -> None:
    """A reward a row, with what it does to orders and customer equity."""
    rows = [
        (g.reward, f"{g.orders:+.2%}", f"{g.orders_se:.2%}", f"{g.equity:+,.0f}", f"{g.equity_se:,.0f}") for g in gains
    ]
    console.print(_table(title, ("reward", "orders", "standard error", "customer equity", "standard error"), rows))


def print_spread(values: Sequence[float], title: str, console: Console) -> None:
    """Least, quartiles and most of what was found in sampled worlds."""
    names = ("least", "lower quartile", "median", "upper quartile", "most")
    console.print(_table(title, names, [tuple(f"{v:+.1%}" for v in np.quantile(values, [0, 0.25, 0.5, 0.75, 1]))]))


def print_coverages(coverages: Sequence[Coverage], title: str, console: Console) -> None:
    """How often intervals covered and tests rang, beside how often they should."""
    rows = [
        (c.what, c.kpi.replace("_", " "), f"{c.share:.1%}", f"± {c.standard_error:.1%}", f"{c.expected:.0%}",
         f"{c.runs:,}", _verdict(c.met))
        for c in coverages
    ]  # fmt: skip
    names = ("what", "KPI", "share of experiments", "standard error", "should be", "experiments", "")
    console.print(_table(title, names, rows))


def print_desks(found: DeskTimes, console: Console) -> None:
    """Both desks side by side, then whether they told the same."""
    n_tickets = found.times[0].tickets
    title = (
        f"{n_tickets:,} tickets with classes, nights, impatience and overload: {found.answered:,} answered, "
        f"{found.abandoned:,} abandoned, {found.waiting:,} waiting"
    )
    rows = [(t.desk, f"{t.median:.3g}", f"{t.best:.3g}", f"{LIMITS[t.desk]:g}", _verdict(t.met)) for t in found.times]
    names = ("desk", "microseconds per ticket, median", "best", "at most", "")
    console.print(_table(title, names, rows))
    if found.differences:
        console.print(f"[red]The desks DIFFER[/red]: {'; '.join(found.differences)}.")
    else:
        console.print("Every arrival, first reply, end, clerk and abandonment is the same on both, to the last bit.")


def _agreement(results: Results) -> Iterable[tuple[str, ...]]:
    for check in results.agreement:
        yield (check.engine, f"{check.cut:.0%}", check.quantity.replace("_", " "), f"{check.ours:,.1f}",
               f"{check.theirs:,.1f}", f"{check.z:+.1f}", "agree" if check.holds else "[red]DIFFER[/red]")  # fmt: skip


def _speed(results: Results) -> Iterable[tuple[str, ...]]:
    order = ("ours", "numpy", "mesa")
    speed = sorted(results.speed, key=lambda m: (order.index(m.case.engine), m.case.rows))
    for m in (*speed, results.small_whole, results.whole, results.service):
        yield (m.case.engine, m.case.plays, f"{m.case.rows:,}", str(m.case.weeks), f"{m.median_ns:,.1f}",
               f"{m.min_ns:,.1f}", _number(m.pass_median_ns), f"{m.set_up_seconds:.2f}", _number(m.column_bytes),
               _number(m.peak_bytes), f"{m.share_bought:.0%}")  # fmt: skip


def _ratios(results: Results) -> Iterable[tuple[str, ...]]:
    for m in sorted(results.speed, key=lambda m: (m.case.engine, m.case.rows)):
        own = results.speed_of("ours", m.case.rows)
        if m.case.engine != "ours" and own is not None:
            yield m.case.engine, f"{m.case.rows:,}", f"{m.median_ns / own.median_ns:,.1f}"


def _growth(results: Results) -> Iterable[tuple[str, ...]]:
    for m in results.growth:
        yield f"{m.case.rows:,}", str(m.case.weeks), f"{m.median_ns:,.1f}", f"{_seconds(m):,.2f}"
    yield "exponent", "", f"{results.time_exponent:.3f}", ""


def _targets(results: Results) -> Iterable[tuple[str, ...]]:
    for t in results.targets:
        digits = 2 if t.unit == "exponent" else 0 if t.most > 100 else 1
        yield (t.what, f"{t.measured:,.{digits}f}", f"{t.best:,.{digits}f}", f"{t.most:g}", t.unit, _verdict(t.met))


def _seconds(measured: Measured) -> float:
    return measured.median_ns * measured.case.rows * measured.case.weeks / 1e9


def _verdict(met: bool) -> str:
    return "[green]met[/green]" if met else "[red]missed[/red]"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.1f}"


def _table(title: str, columns: Sequence[str], rows: Iterable[tuple[str, ...]]) -> Table:
    table = Table(title=title, title_justify="left")
    for name in columns:
        table.add_column(name)
    for row in rows:
        table.add_row(*row)
    return table
