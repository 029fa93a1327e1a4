"""The market: a Mesa model whose step is one week."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mesa
import numpy as np
from numpy.typing import NDArray

from crmlab.sim.agent_ids import let_models_go
from crmlab.sim.books import WeeklyMetrics
from crmlab.sim.columns import Columns, gather, seen, whole
from crmlab.sim.customers import CUSTOMER, ENTERING, GONE, Customers
from crmlab.sim.draws import MODEL, key_of
from crmlab.sim.encounters import Encounters
from crmlab.sim.kernel import ALIVE, BOUND, DEPARTED, N_COUNTS, SIMULATED, simulate_week
from crmlab.sim.kernel_types import NO_TERMS, BehaviorParams, CustomerColumns, Entries, Happened, Offer
from crmlab.sim.ledger import Ledger, Tariff, first_order_incentive
from crmlab.sim.mechanism import NO_ROWS, PHASES, Setting, Week
from crmlab.sim.mechanisms.shipped import mechanisms_of
from crmlab.sim.mesa_metrics import WeeklyCollector
from crmlab.sim.named_uniforms import NamedUniforms
from crmlab.sim.orders import YEAR, OrderLog, forget
from crmlab.sim.play_actions import ask
from crmlab.sim.plays import Play
from crmlab.sim.population import FoundingPopulation, create_population
from crmlab.sim.price_terms import baskets_of
from crmlab.sim.quantiles import gamma_quantiles
from crmlab.sim.view import FirmView
from crmlab.sim.world import World

let_models_go()

FRIEND_CONVERSION = 7.0  # first orders per week of those who have accepted a recommendation: within a day or so


class MarketState(mesa.Model):
    """What a market holds, and what can be asked of it.

    `world` is the real market; `customers` founding rows stand for its customers, each for `scale` of them, and the
    prospects in proportion. The same seed and replication are the same people with the same luck under any plays.
    Pass `founding` (from `create_population` with the same arguments) to save creating them again.

    A market is freed as soon as nobody holds it: nothing in it refers back to it, neither its channels nor the wrapped
    `step` that Mesa gives each model. (It holds tens of megabytes, too many to wait for the collector of cycles.)
    """

    def __init__(
        self,
        world: World,
        plays: Sequence[Play] = (),
        *,
        customers: int | None = None,
        seed: int = 1,
        replication: int = 0,
        use: int = MODEL,
        founding: FoundingPopulation | None = None,
    ) -> None:
        super().__init__(rng=seed)
        for wrapped in ("step", "_user_step"):  # bound methods, and so references to the market; `step` counts itself
            self.__dict__.pop(wrapped, None)
        self.world, self.scale = world.at_rows(world.population.customers if customers is None else customers)
        self.minor = self.world.minor
        self.plays = tuple(plays)
        self.key = key_of(seed, replication, use)
        self.week = 0
        founding = founding or create_population(self.world, seed, replication, use)
        self.customers: Customers = founding.customers.copy()
        self.n_founding = founding.n_founding
        self.order_log = OrderLog(founding.past)
        self.identified_rows = np.flatnonzero(self.customers.identified).astype(np.int32)
        self.sources = self.world.sources
        self.ledger = Ledger()
        self.posted: list[Offer] = []  # by week: what people of each source could have had, without their own terms
        self.tariff = Tariff.of(self.world.economics, [source.commission for source in self.sources], self.minor)
        setting = Setting(
            self.world, self.customers, self.n_founding, self.key, self.ledger, self.order_log, self.scale,
            queue=founding.queue, opening_clock=founding.opening_clock,
        )  # fmt: skip
        self.setting = setting
        self.mechanisms = {mechanism.name: mechanism for mechanism in mechanisms_of(setting)}
        for name, mechanism in self.mechanisms.items():
            if name in founding.inheritance:
                mechanism.inherit(founding.inheritance[name])
            mechanism.join(self)
        self._phases = {p: [m for m in self.mechanisms.values() if m.phases()[p]] for p in PHASES}
        self._facts = tuple(seen(self.owners))
        self._kinds = tuple(kind for mechanism in self.mechanisms.values() for kind in mechanism.settles)
        series = [name for mechanism in self.mechanisms.values() for name in mechanism.series]
        self.books = WeeklyMetrics(len(self.sources), series)
        self.counts = np.zeros(N_COUNTS, np.int64)  # of the last week
        self.totals = np.zeros(N_COUNTS, np.int64)  # of the run
        self.params = behavior_params(self.world)
        self._people = CustomerColumns(*(self.customers.get(name) for name in CustomerColumns._fields))
        self._won: list[tuple[NDArray[np.int32], int]] = []  # who becomes a lead when the week begins, and by whom
        self._left = NO_ROWS  # who has left as the week begins, other than by the clocks
        self._heard = Encounters()  # what mechanisms told each other last week
        self._season = self.world.calendar.season(YEAR)
        self._channel_names = tuple(source.name for source in self.sources)
        self._planned = {c.name: c.budget for c in world.channels if c.half_budget > 0}
        self._named_uniforms = NamedUniforms(self.key, self.n_founding)
        self._effect_room: dict[str, NDArray[np.float64]] = {}
        self._room = Happened.space(max(256, self.customers.n // 8))
        self.datacollector = WeeklyCollector(self.books)

    @property
    def plan(self) -> dict[str, list[str]]:
        """Which mechanisms take part in which phase of a week, in their order."""
        return {phase: [m.name for m in taking_part if m.on] for phase, taking_part in self._phases.items()}

    def look(self) -> FirmView:
        """What the firm can see now."""
        return FirmView(
            self.gather,
            self.identified_rows,
            self.week,
            self._channel_names,
            self._planned,
            self.world.today_rate,
            self._named_uniforms,
            self.setting.tags,
            self.books,
            self.minor,
            self._facts,
        )

    @property
    def owners(self) -> list[Columns]:
        """All columns of the people by owner: population and kernel, then each mechanism."""
        return [self.customers, *(mechanism.columns for mechanism in self.mechanisms.values())]

    def column(self, name: str) -> NDArray[Any]:
        """A column of the people, whoever owns it. Shape [n]."""
        return whole(self.owners, name, self.customers.n)

    def gather(self, name: str, rows: NDArray[np.integer]) -> NDArray[Any]:
        """A column for some rows, whoever owns it; one of a mechanism that was never used is as for a beginner."""
        return gather(self.owners, name, rows)

    @property
    def bytes_per_row(self) -> float:
        """Memory of the people per row: columns and the order in which channels reach prospects; no order log."""
        ours = sum(own.nbytes for own in self.owners) + self.setting.queue.nbytes
        return ours / max(self.customers.n, 1)

    @property
    def customer_weeks(self) -> int:
        """Weeks begun by customers who had not left: known to the simulation only."""
        return int(self.totals[ALIVE])

    @property
    def weeks_simulated(self) -> int:
        """Weeks begun by customers and leads, those won this week included: known to the simulation only."""
        return int(self.totals[SIMULATED])

    @property
    def guarded_weeks(self) -> int:
        """Customer- and lead-weeks in which the composition guard bound."""
        return int(self.totals[BOUND])


class Market(MarketState):
    """A firm's market, simulated week by week under a list of plays. `MarketState` says what it is made from."""

    def step(self) -> None:
        """Simulate one week. Everybody answers the same offers, computed from the facts at the start of the week.

        1 look and decide   each active play sees the records and returns actions; nothing changes yet
        2 settle            every mechanism carries out the actions of its own kinds
        3 affect            every mechanism says what it does to each person, and who becomes a lead
        4 clocks            who orders when, who leaves when: one compiled pass that knows no mechanism
        5 mark              the orders get their marks: points, invitations
        6 close             orders are booked; every mechanism ends its week
        7 remember          records, trailing year, campaign results, weekly series
        """
        self.steps += 1
        week = self.look_and_decide()
        self.run_phase("settle", week)
        self.run_phase("affect", week)
        self.run_clocks(week)
        self.run_phase("mark", week)
        self.book(week)
        self.run_phase("close", week)
        self.remember(week)
        self.datacollector.collect(self)
        self.week += 1

    def run(self, weeks: int) -> Market:
        """Simulate so many weeks and return the market."""
        for _ in range(weeks):
            self.step()
        return self

    def run_phase(self, phase: str, week: Week) -> None:
        """One phase of the week, through all mechanisms that take part in it."""
        for mechanism in self._phases[phase]:
            getattr(mechanism, phase)(week)

    def look_and_decide(self) -> Week:
        """Ask every active play what it wants done."""
        view, n = self.look(), self.customers.n
        asked, groups = ask(self.plays, view, self.identified_rows, n, self._kinds)
        season = self._season[self.week % YEAR]
        return Week(
            self.week, view, self.identified_rows, asked, n, len(self.sources), season, groups=groups,
            effect_room=self._effect_room, heard=self._heard, left=self._left,
        )  # fmt: skip

    def run_clocks(self, week: Week) -> None:
        """Run everybody's clocks for the week."""
        self.let_in(week)
        entries, effects, row, m, d = in_order(week.entries), week.effects, 0, 0, 0
        self.counts[:] = 0
        while True:
            row, m, d = simulate_week(
                self._people, self.params, week.offer, effects, entries, self.week, week.season, self.n_founding,
                *self.key, self._room, self.counts, row, m, d,
            )  # fmt: skip
            if row == self.customers.n:
                break
            self._room = self._room.grown(m, d)
        self.totals += self.counts
        week.happen(self._room, m, d)

    def let_in(self, week: Week) -> None:
        """Whoever was won last week becomes a lead as this one begins."""
        for rows, source in self._won:
            week.enter(rows, np.zeros(rows.size), np.full(rows.size, source, np.int8))

    def book(self, week: Week) -> None:
        """Enter the week's orders into the log and the ledger; whoever was won becomes a lead next week."""
        self._won = week.won
        for rows, _ in week.won:
            self.customers.stage[rows] = ENTERING
        orders, source = week.orders, self.customers.source[week.orders.row]
        self.order_log.add(self.week, orders)
        self.posted.append(week.offer._replace(own=NO_TERMS))
        self.ledger.book_orders(
            self.week,
            orders,
            self.tariff.costs(orders, source),
            first_order_incentive(orders, source, week.offer),
        )

    def let_go(self, week: Week) -> None:
        """Whoever was told to leave is gone when the next week begins, unless they are already."""
        if self._left.size or week.leaving:
            rows = np.unique(np.concatenate([NO_ROWS, *week.leaving]))
            self._left = rows[self.customers.stage[rows] == CUSTOMER]
            self.customers.stage[self._left] = GONE
            self.totals[DEPARTED] += self._left.size

    def remember(self, week: Week) -> None:
        """Keep what the firm will know next week, and what mechanisms have told each other."""
        self.let_go(week)
        self._heard = week.told
        forgotten, people, orders = self.order_log.week(self.week - YEAR), self.customers, week.orders
        if forgotten is not None:
            forget(forgotten, people.orders_52, people.spend_52)
        newcomers = orders.row[orders.nth == 0]
        self.identified_rows = np.concatenate(
            [self.identified_rows, newcomers[people.identified[newcomers]]], dtype=np.int32
        )
        paid, value = int(orders.paid.sum()), int(orders.value.sum())
        week.series |= {
            "orders": orders.n,
            "first_orders": newcomers.size,
            "repeat_orders": orders.n - newcomers.size,
            "revenue": paid / self.minor,
            "discounts": (value - paid) / self.minor,
            "active_customers": int(np.count_nonzero(people.orders_52)),
        }
        sources = people.source[newcomers]
        week.by_channel["first_orders"] = np.bincount(sources[sources >= 0], minlength=len(self.sources))
        self.books.close_week(week.series, week.by_channel, week.results, self.scale)


def in_order(entries: Sequence[Entries]) -> Entries:
    """All who become leads this week, sorted by row."""
    if not entries:
        return Entries(np.empty(0, np.int32), np.empty(0), np.empty(0, np.int8))
    row, at, source = entries[0] if len(entries) == 1 else map(np.concatenate, zip(*entries, strict=True))
    if row.dtype == np.int32 and (row[1:] >= row[:-1]).all():
        return Entries(row, at, source)
    order = np.argsort(row, kind="stable")
    return Entries(row[order].astype(np.int32), at[order], source[order].astype(np.int8))


def behavior_params(world: World) -> BehaviorParams:
    """The world's constants of buying, leaving and taking a price."""
    price, cooling = world.price, 1 / world.acquisition.lead_weeks
    hazards = [c.conversion_hazard(world.acquisition.lead_weeks) for c in world.channels]
    friends = world.word_of_mouth.on
    return BehaviorParams(
        today_rate=float(world.today_rate),
        gain=float(price.gain),
        first_gain=float(price.first_order_gain),
        loss_aversion=float(price.loss_aversion),
        latitude=float(price.latitude),
        carry_over=float(price.carry_over),
        p_exposure=float(price.p_exposure),
        pull_forward=float(price.pull_forward),
        repay_share=1 / price.repayment_weeks,
        spend_shape=float(world.spend.p),
        spend_quantiles=gamma_quantiles(world.spend.p).log_value,
        cooling=np.array([cooling] * len(world.channels) + [0.0] * friends),
        conversion=np.array(hazards + [FRIEND_CONVERSION] * friends),
        p_identified=np.array([source.p_identified for source in world.sources], np.float64),
        minor=world.minor,
        baskets=baskets_of(world.spend.p, world.today_rate, world.minor),
    )
