"""What racing buys and what a tuning costs, as tables on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

from crmlab.experiments.bench.racing import CUSTOMERS, CUTS, MAX_REPLICATIONS, WEEKS, Estimate, RaceMeasured
from crmlab.experiments.bench.tuning_time import TuningTimed

LIMIT_SECONDS = 120.0


def print_race(found: RaceMeasured, console: Console) -> None:
    """Race and equal allocation side by side, then what is left of the winner's value."""
    title = (
        f"The best of {len(CUTS)} price cuts, {CUSTOMERS:,} customers, {WEEKS} weeks: {found.repetitions} repetitions, "
        f"each on {MAX_REPLICATIONS} replications of its own"
    )
    share, money = "{:.1%}".format, "{:,.1f}".format
    rows = [
        ("runs, of " + f"{len(CUTS) * MAX_REPLICATIONS}", *_cells(found.n_runs, money)),
        ("the truly best is picked: race", *_cells(found.p_best_race, share)),
        ("the truly best is picked: equal shares of as many runs", *_cells(found.p_best_equal, share)),
        ("... gained by racing (paired)", *_cells(found.p_gain, share)),
        ("the truly best is picked: nobody dropped", *_cells(found.p_best_everything, share)),
        ("lost by not picking the best: race", *_cells(found.regret_race, money)),
        ("lost by not picking the best: equal shares", *_cells(found.regret_equal, money)),
        ("the winner's value in the race, above the truth", *_cells(found.search_bias, money)),
        ("the winner's value confirmed on fresh luck, above the truth", *_cells(found.confirm_bias, money)),
    ]
    console.print(_table(title, ("what", "mean", "standard error"), rows))
    console.print(
        f"The best policy is truly {found.lead.value:,.1f} ± {found.lead.standard_error:,.1f} better than the second "
        "(customer equity, mean of all replications ± standard error)."
    )


def print_tuning_time(found: TuningTimed, title: str, console: Console) -> None:
    """The time, the runs, and what became of the winner."""
    met = "[green]met[/green]" if found.seconds <= LIMIT_SECONDS else "[red]missed[/red]"
    rows = [
        ("seconds on the clock", f"{found.seconds:.0f}", f"at most {LIMIT_SECONDS:.0f}: {met}"),
        ("seconds of all processors", f"{found.processor_seconds:.0f}", "other work on the machine makes both longer"),
        ("candidates", f"{found.candidates}", f"ended because {found.stopped}"),
        (
            "replications run",
            f"{found.simulated:,}",
            f"{found.simulated / found.full:.0%} of {found.full:,} without racing",
        ),
        ("winner", f"candidate {found.winner}", ""),
        ("its gain in the search", f"{found.search_gain:,.0f}", "customer equity above today's"),
        ("... on fresh luck", f"{found.fresh_gain:,.0f}", f"95 %: {found.fresh_low:,.0f} to {found.fresh_high:,.0f}"),
        ("optimism", f"{found.optimism:,.0f}", ""),
    ]
    console.print(_table(title, ("what", "", ""), rows))


def _cells(estimate: Estimate, text: object) -> tuple[str, str]:
    assert callable(text)
    return text(estimate.value), f"± {text(estimate.standard_error)}"


def _table(title: str, columns: Sequence[str], rows: Iterable[tuple[str, ...]]) -> Table:
    table = Table(title=title, title_justify="left")
    for name in columns:
        table.add_column(name)
    for row in rows:
        table.add_row(*row)
    return table
