"""Memory: a market that nobody holds is gone at once, and hundreds of runs take no more room than a few."""

from __future__ import annotations

import gc
import resource
import subprocess
import sys
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import mesa
import pytest

from crmlab.experiments.experiment import Arm, Design, Experiment
from crmlab.experiments.questions.compare import compare as comparing
from crmlab.experiments.replication import replication as replicating
from crmlab.experiments.replication.tables import run_tables
from crmlab.experiments.spec.builder import new_experiment
from crmlab.lab import load_world
from crmlab.sim import Play
from crmlab.sim.kpis import read_all
from crmlab.sim.market import Market
from crmlab.sim.mechanisms.acquisition.acquisition import Acquisition
from crmlab.sim.world import Population
from crmlab.strategies import DiscountTiers
from tests.conftest import shop, today
from tests.places import ROOT

SMALL = {"weeks": 6, "customers": 100, "replications": 2}
MEGABYTE = 1024 * 1024


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Without the collector of cycles only what nobody refers to is freed. Compiling leaves cycles of its own, so what
    the tests need is compiled before."""
    for name in ("shop", "personas"):
        world = load_world(name)
        plays = (*world.today, Play("tiers", DiscountTiers(silver_spend=20.0)))
        read_all(Market(world.world, plays, customers=100).run(3))
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("name", ["shop", "personas"])
def test_a_market_dies_with_the_last_who_holds_it(name: str, no_collector: None) -> None:
    world = load_world(name)
    market = Market(world.world, world.today, customers=100).run(3)
    read_all(market), run_tables(market)
    gone = weakref.ref(market)
    del market
    assert gone() is None, "something in the market, or in Mesa, still refers to it"


def test_agents_of_all_kinds_are_numbered_from_one_in_every_market() -> None:
    for _ in range(2):
        market = Market(shop(), today(), customers=100)
        watcher = mesa.Agent(market)
        assert [agent.unique_id for agent in market.agents] == list(range(1, len(Acquisition.of(market).channels) + 2))
        assert watcher.unique_id == len(Acquisition.of(market).channels) + 1
        assert all(channel.model is market for channel in Acquisition.of(market).channels)


def test_no_market_survives_its_replication(monkeypatch: pytest.MonkeyPatch, no_collector: None) -> None:
    alive: weakref.WeakSet[Market] = weakref.WeakSet()

    class Watched(Market):
        def __init__(self, *given, **named) -> None:
            super().__init__(*given, **named)
            alive.add(self)

    for module in (replicating, comparing):
        monkeypatch.setattr(module, "Market", Watched)
    experiment = new_experiment("shop", tiers=DiscountTiers(silver_spend=20.0), **SMALL)
    made = 0
    for replication in range(3):
        made += len(replicating.run_replication(experiment, replication))
        assert not alive, f"{len(alive)} of {made} markets are still there"
    comparing.compare(experiment, workers=1)
    assert not alive


@pytest.mark.slow
def test_the_memory_of_one_process_is_flat_over_five_hundred_replications() -> None:
    world = replace(shop(), population=Population(customers=50, prospects=250))
    arms = (Arm("today", today()), Arm("tiers", today(Play("tiers", DiscountTiers(silver_spend=20.0)))))
    experiment = Experiment("many", world, arms, Design(weeks=4, customers=50, unknowns=False))
    simulated = replicating.run_replication  # with its tables, as a comparison runs them
    for replication in range(60):
        simulated(experiment, replication)
    before = resident_bytes()
    for replication in range(60, 560):
        simulated(experiment, replication)
    grown = (resident_bytes() - before) / MEGABYTE
    assert grown < 20, f"{grown:.0f} MB more after 500 replications"


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.mark.slow
def test_the_shipped_comparison_of_discounts_stays_below_a_gigabyte_and_a_half(tmp_path: Path) -> None:
    code = (
        "import resource, sys\n"
        "from crmlab.experiments.cli import main\n"
        "asked = 'compare experiments/library/discounts.toml --workers 1 --out'.split()\n"
        "sys.argv = ['crmlab', *asked, sys.argv[1]]\n"
        "try:\n    main()\nfinally:\n    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True, cwd=ROOT
    )
    peak = int(said.stdout.split()[-1]) / 1024  # in megabytes
    assert peak < 1500, f"{peak:.0f} MB"
