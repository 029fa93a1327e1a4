"""The three engines behind one handle, so that they can be timed and compared alike."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from crmlab.experiments.bench.mesa_plain import MesaMarket
from crmlab.experiments.bench.model import (
    Outcome,
    all_plays,
    base_plays,
    base_world,
    founding_customers,
    served,
    talkative_world,
)
from crmlab.experiments.bench.numpy_plain import NumpyMarket
from crmlab.sim.customers import CUSTOMER
from crmlab.sim.market import Market
from crmlab.sim.mechanism import Week
from crmlab.sim.plays import Play
from crmlab.strategies import StaffedDesk


class TimedMarket(Market):
    """A `Market` that notes the CPU time that its people take to run (the compiled pass), all else apart."""

    seconds_in_pass = 0.0

    def run_clocks(self, week: Week) -> None:
        begun = time.process_time()
        super().run_clocks(week)
        self.seconds_in_pass += time.process_time() - begun

    @property
    def outcome(self) -> Outcome:
        """What the run came to, in rows."""
        _, orders = self.order_log.table(since=0)
        first = int((orders.nth == 0).sum())
        return Outcome(
            orders.n, first, int(orders.paid.sum()) / self.minor, int((self.customers.stage == CUSTOMER).sum())
        )

    @property
    def share_bought(self) -> float:
        """Share of the rows that ever ordered, before week 0 or since."""
        return float((self.customers.orders > 0).mean())

    @property
    def column_bytes(self) -> int:
        """Memory of the columns and of the channels' queues of prospects, order log apart."""
        return round(self.bytes_per_row * self.customers.n)


def ours(rows: int, seed: int, cut: float = 0.0) -> TimedMarket:
    """This project's engine."""
    world = base_world()
    return TimedMarket(world, base_plays(cut), customers=founding_customers(world, rows), seed=seed)


def whole_market(rows: int, seed: int) -> TimedMarket:
    """This project's engine with every mechanism and every strategy on."""
    world = talkative_world()
    return TimedMarket(world, all_plays(), customers=founding_customers(world, rows), seed=seed)


def served_market(rows: int, seed: int) -> TimedMarket:
    """The same with satisfaction, failures and a service desk. A desk has whole customers and clerks: the market is as
    large as its rows, and as many clerks work as the square-root rule asks for."""
    world, plays = served(rows), (*all_plays(), Play("desk", StaffedDesk(clerks=50, staffing_rule="square_root")))
    return TimedMarket(world, plays, customers=world.population.customers, seed=seed)


def plain_numpy(rows: int, seed: int, cut: float = 0.0) -> NumpyMarket:
    """The base model in plain numpy."""
    world = base_world()
    return NumpyMarket(world.at_rows(founding_customers(world, rows))[0], seed, cut)


def plain_mesa(rows: int, seed: int, cut: float = 0.0) -> MesaMarket:
    """The base model in plain Mesa."""
    world = base_world()
    return MesaMarket(world.at_rows(founding_customers(world, rows))[0], seed, cut)


ENGINES: dict[str, Callable[..., Any]] = {"ours": ours, "numpy": plain_numpy, "mesa": plain_mesa}
