"""`python -m crmlab.experiments.bench`: speed, memory and agreement; `... variance`: what coupling buys."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from functools import partial
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, TaskID

from crmlab.experiments.printing import WIDTH_WITHOUT_TERMINAL

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, help=__doc__)
Json = Annotated[bool, typer.Option("--json", help="Print the numbers as JSON instead of tables.")]


@app.callback(invoke_without_command=True)
def speed(
    context: typer.Context,
    quick: Annotated[bool, typer.Option("--quick", help="Small sizes: a minute instead of some.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Growth up to 10 million rows; takes some 3 GB.")] = False,
    as_json: Json = False,
) -> None:
    """Time this engine, plain numpy and plain Mesa on one model; exit code 1 if they do not agree on it."""
    if context.invoked_subcommand is not None:
        return
    if quick and full:
        raise typer.BadParameter("--quick and --full exclude each other; give one of them")
    from crmlab.experiments.bench.suite import FULL, QUICK, Suite, run_suite
    from crmlab.experiments.bench.tables import print_results

    suite = QUICK if quick else FULL if full else Suite()
    results = run_suite(suite, lambda text: print(f"... {text}", file=sys.stderr))
    if as_json:
        print(json.dumps(results.to_json(), indent=2))
    else:
        print_results(results, _paper())
    if not results.agree:
        print("The engines do not run the same model: see the z-scores.", file=sys.stderr)
        raise typer.Exit(1)


@app.command()
def variance(
    replications: Annotated[int, typer.Option(min=8, help="Paired replications of the customers alone.")] = 192,
    market_replications: Annotated[int, typer.Option(min=8, help="... of the market with acquisition.")] = 48,
    customers: Annotated[int, typer.Option(min=100, help="Founding customers.")] = 20_000,
    weeks: Annotated[int, typer.Option(min=1, max=520)] = 52,
    workers: Annotated[int, typer.Option(min=0, help="Processes; 0 is one per core.")] = 0,
    as_json: Json = False,
) -> None:
    """Variance-reduction factors of the price reference policies on orders."""
    from crmlab.experiments.bench.tables import print_reductions
    from crmlab.experiments.bench.variance import ALONE, MARKET, SERVICE, reductions

    populations = {
        "customers alone": (ALONE, replications),
        "with acquisition": (MARKET, market_replications),
        "with a service desk": (SERVICE, market_replications),
    }
    found = {}
    with Progress(console=Console(stderr=True), transient=True) as progress:
        for name, (reference, pairs) in populations.items():
            task = progress.add_task(name, total=pairs)
            found[name] = reductions(
                customers, weeks, pairs, reference=reference, workers=workers,
                on_done=partial(_advance, progress, task),
            )  # fmt: skip
    if as_json:
        listed = {name: [{**asdict(r), "met": r.met} for r in found[name]] for name in found}
        print(json.dumps(listed, indent=2))
        return
    for name, (_, pairs) in populations.items():
        title = f"Orders over {weeks} weeks, {customers:,} founding customers, {name}: {pairs} pairs"
        print_reductions(found[name], title, _paper())


@app.command()
def coverage(
    runs: Annotated[int, typer.Option(min=10, help="Small experiments, each with 16 replications of its own.")] = 1500,
    customers: Annotated[int, typer.Option(min=10, help="Customers in each replication.")] = 200,
    weeks: Annotated[int, typer.Option(min=1, max=520)] = 6,
    seed: Annotated[int, typer.Option(min=0)] = 1,
    workers: Annotated[int, typer.Option(min=0, help="Processes; 0 is one per core.")] = 0,
    as_json: Json = False,
) -> None:
    """How often the two intervals of a comparison cover what they promise to cover, and how often p cries wolf."""
    from crmlab.experiments.bench.coverage import coverages
    from crmlab.experiments.bench.tables import print_coverages

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("experiments", total=runs)
        found = coverages(runs, customers, weeks, seed, workers, partial(_advance, progress, task))
    if as_json:
        print(json.dumps([{**asdict(c), "standard_error": c.standard_error} for c in found], indent=2))
        return
    title = f"{runs:,} experiments of 16 replications: {customers:,} customers, {weeks} weeks, a tenth off"
    print_coverages(found, title, _paper())


@app.command()
def racing(
    repetitions: Annotated[int, typer.Option(min=10, help="Races, each on 16 replications of its own.")] = 100,
    workers: Annotated[int, typer.Option(min=0, help="Processes; 0 is one per core.")] = 0,
    as_json: Json = False,
) -> None:
    """How much oftener a race picks the truly best of twenty policies than equal shares of as many runs."""
    from crmlab.experiments.bench.racing import measured, run_pool
    from crmlab.experiments.bench.search_tables import print_race

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("replications", total=None)
        pool = run_pool(repetitions, workers, lambda done, total: progress.update(task, completed=done, total=total))
    found = measured(pool)
    if as_json:
        print(json.dumps(asdict(found), indent=2))
        return
    print_race(found, _paper())


@app.command()
def tuning(
    candidates: Annotated[int, typer.Option(min=10)] = 200,
    replications: Annotated[int, typer.Option(min=2, help="Of a candidate, at most.")] = 16,
    rows: Annotated[int, typer.Option(min=1_000, help="People, prospects included.")] = 20_000,
    weeks: Annotated[int, typer.Option(min=1, max=520)] = 52,
    race: Annotated[bool, typer.Option("--racing/--no-racing", help="Drop who is surely beaten.")] = True,
    workers: Annotated[int, typer.Option(min=0, help="Processes; 0 is one per core.")] = 0,
    as_json: Json = False,
) -> None:
    """How long a tuning takes in which every strategy is on; exit code 1 if it is more than two minutes."""
    from crmlab.experiments.bench.search_tables import LIMIT_SECONDS, print_tuning_time
    from crmlab.experiments.bench.tuning_time import experiment_of, timed

    experiment = experiment_of(candidates, replications, rows, weeks, race)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("tuning", total=None)
        found = timed(experiment, workers, lambda done, total: progress.update(task, completed=done, total=total))
    if as_json:
        print(json.dumps({**asdict(found), "optimism": found.optimism}, indent=2))
    else:
        title = f"{candidates} candidates, at most {replications} replications of {rows:,} people and {weeks} weeks"
        print_tuning_time(found, title, _paper())
    if found.seconds > LIMIT_SECONDS:
        raise typer.Exit(1)


@app.command()
def desk(
    per_hour: Annotated[float, typer.Option(min=0.1, help="Tickets per hour.")] = 150.0,
    clerks: Annotated[int, typer.Option(min=1, help="On duty at first; a quarter in the second half.")] = 80,
    weeks: Annotated[int, typer.Option(min=2, max=520)] = 4,
    runs: Annotated[int, typer.Option(min=1)] = 3,
    as_json: Json = False,
) -> None:
    """The service desk in SimPy and compiled on the same tickets; exit code 1 if they differ or take too long."""
    from crmlab.experiments.bench.desk import desk_times
    from crmlab.experiments.bench.tables import print_desks

    found = desk_times(per_hour, clerks, weeks, runs)
    if as_json:
        print(json.dumps({**asdict(found), "met": found.met}, indent=2))
    else:
        print_desks(found, _paper())
    if not found.met:
        raise typer.Exit(1)


@app.command()
def programme(
    world: Annotated[str, typer.Argument(help="A shipped world or the path of a world file.")] = "shop",
    replications: Annotated[int, typer.Option(min=2)] = 8,
    customers: Annotated[int, typer.Option(min=100, help="Founding customers.")] = 5_000,
    weeks: Annotated[int, typer.Option(min=2, max=520)] = 104,
    worlds: Annotated[int, typer.Option(min=0, help="Sampled worlds for the range of the whole; 0: none.")] = 32,
    as_json: Json = False,
) -> None:
    """What the default loyalty programme does to its members' orders: in whole, by part, and over sampled worlds."""
    from crmlab.experiments.bench.programme import over_worlds, programme_effect
    from crmlab.experiments.bench.tables import print_effects, print_spread
    from crmlab.experiments.spec.builder import new_experiment
    from crmlab.lab import load_world
    from crmlab.strategies import PointsAndTiers

    file = load_world(world)
    found = programme_effect(file.world, replications=replications, customers=customers, weeks=weeks)
    spread = over_worlds(new_experiment(file, programme=PointsAndTiers()), worlds=worlds, weeks=weeks)
    if as_json:
        print(json.dumps({"effects": [asdict(effect) for effect in found], "sampled_worlds": spread}, indent=2))
        return
    print_effects(found, f"Members' orders after joining, {weeks} weeks, {replications} pairs of runs", _paper())
    if spread:
        print_spread(spread, f"The whole effect in {worlds} sampled worlds", _paper())


@app.command()
def rewards(
    world: Annotated[str, typer.Argument(help="A shipped world or the path of a world file.")] = "shop",
    replications: Annotated[int, typer.Option(min=2)] = 8,
    customers: Annotated[int, typer.Option(min=50, help="Founding customers.")] = 5_000,
    weeks: Annotated[int, typer.Option(min=2, max=520)] = 104,
    as_json: Json = False,
) -> None:
    """What rewards from a worthy to a worthless one do to orders and customer equity."""
    from crmlab.experiments.bench.rewards import gains
    from crmlab.experiments.bench.tables import print_gains
    from crmlab.lab import load_world

    found = gains(load_world(world), replications=replications, customers=customers, weeks=weeks)
    if as_json:
        print(json.dumps([asdict(gain) for gain in found], indent=2))
        return
    title = f"Differences to today (equity {found[0].today:,.0f}), {weeks} weeks, {replications} pairs of runs"
    print_gains(found, title, _paper())


@app.command()
def levers(
    strategies: Annotated[
        list[str] | None, typer.Argument(help="Shipped strategies; default: all of the world.")
    ] = None,
    world: Annotated[str, typer.Option(help="A shipped world or the path of a world file.")] = "shop",
    replications: Annotated[int, typer.Option(min=2)] = 6,
    customers: Annotated[int, typer.Option(min=50, help="Founding customers.")] = 400,
    weeks: Annotated[int, typer.Option(min=2, max=520)] = 78,
    as_json: Json = False,
) -> None:
    """What each lever of each strategy does over its range; exit code 1 if one brings most orders by giving least."""
    from crmlab.experiments.bench.levers import swept
    from crmlab.experiments.bench.tables import print_levers
    from crmlab.experiments.wording.names import not_known
    from crmlab.lab import load_world
    from crmlab.sim.strategy import needs_of
    from crmlab.strategies import STRATEGIES

    for kind in strategies or ():
        if kind not in STRATEGIES:
            raise typer.BadParameter(f'"{kind}" is {not_known(kind, "shipped strategy", STRATEGIES)}')
    file = load_world(world)
    found = []
    carried_out = [kind for kind, cls in STRATEGIES.items() if needs_of(cls) in ("", *file.world.mechanisms)]
    for kind in strategies or carried_out:
        for sweep in swept(file, kind, replications=replications, customers=customers, weeks=weeks):
            print(f"... {kind}.{sweep.lever}", file=sys.stderr)
            found.append(sweep)
    if as_json:
        print(json.dumps([{**asdict(sweep), "fault": sweep.is_fault} for sweep in found], indent=2))
    else:
        title = f"Differences to today, {weeks} weeks, {replications} replications of {customers:,} customers"
        print_levers(found, title, _paper())
    if any(sweep.is_fault for sweep in found):
        raise typer.Exit(1)


def _advance(progress: Progress, task: TaskID, done: int, total: int) -> None:
    progress.update(task, completed=done, total=total)


def _paper() -> Console:
    """Where the tables go; wide enough for them when nobody's terminal says how wide it is."""
    return Console(width=None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL)
