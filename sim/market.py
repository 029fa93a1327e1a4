"""The market: a Mesa model whose step is one week."""

from __future__ import annotations

from collections.abc import Sequence

import mesa
import numpy as np
from numpy.typing import NDArray

from crmlab.sim.agent_ids import let_models_go
from crmlab.sim.books import WeeklyBooks
from crmlab.sim.channels import Channel
from crmlab.sim.conditions import Offer, People, Pressure, Programme, Reaction
from crmlab.sim.coupons import coupon_readiness
from crmlab.sim.crowd import ALIVE, BOUND, LIVED, N_COUNTS, OVERFLOWN, call_prospects, live_week, person_ids
from crmlab.sim.customers import LONG_AGO, NETWORK, PROGRAMME, Customers
from crmlab.sim.draws import MODEL, draw_lots, key_of, lot_index
from crmlab.sim.founding import Founders, found
from crmlab.sim.ledger import CASH, CHANNEL_COSTS, MEDIA, Ledger, Tariff, first_order_incentive
from crmlab.sim.loyalty import LoyaltyBooks, loyal_of, refuse_overflow
from crmlab.sim.network import graph_of
from crmlab.sim.offers import Offers, Settled
from crmlab.sim.orders import YEAR, OrderLog, Orders, forget
from crmlab.sim.plays import Play
from crmlab.sim.quantiles import gamma_quantiles
from crmlab.sim.referral import ReferralBooks
from crmlab.sim.view import FirmView
from crmlab.sim.word_of_mouth import Said, bonds_of, spread_word, telling_of
from crmlab.sim.world import World
from crmlab.sim.yesterday import Inheritance

let_models_go()

FRIEND_CONVERSION = 7.0  # first orders per week of those who have accepted a recommendation: within a day or so


class Market(mesa.Model):
    """A firm's market, lived week by week under a list of plays.

    `world` is the real market; `customers` founding rows stand for its customers, each for `scale` of them, and the
    prospects in proportion. The same seed and replication are the same people with the same luck under any plays.
    Pass `founders` (from `found` with the same arguments) to save founding them again.

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
        founders: Founders | None = None,
    ) -> None:
        super().__init__(rng=seed)
        for wrapped in ("step", "_user_step"):  # bound methods, and so references to the market; `step` counts itself
            self.__dict__.pop(wrapped, None)
        self.world, self.scale = world.at_rows(world.population.customers if customers is None else customers)
        self.minor = self.world.minor
        self.plays = tuple(plays)
        self.key = key_of(seed, replication, use)
        self.week = 0
        founders = founders or found(self.world, seed, replication, use)
        self.customers: Customers = founders.customers.copy()
        self.n_founding = founders.n_founding
        self._queue, self._called = founders.queue, np.zeros(len(self.world.channels), np.int64)
        self.order_log = OrderLog(founders.past)
        self.identified_rows = np.flatnonzero(self.customers.identified).astype(np.int32)
        self.channels = [
            Channel(self, spec, number, self.world.population.prospects, float(founders.opening_clock[number]))
            for number, spec in enumerate(self.world.channels)
        ]
        self.sources = self.world.sources
        self.loyalty = LoyaltyBooks(self.world)
        self.referral = ReferralBooks(self.world)
        self.offers = Offers(self.customers, self.sources, self.scale)
        self.ledger = Ledger()
        self.posted: list[NDArray[np.float64]] = []  # by week: the standing price cut that people of each source see
        self._take_over(founders.inheritance)
        self.tariff = Tariff.of(self.world.economics, self.sources, self.minor)
        self.books = WeeklyBooks(len(self.sources))
        self.counts = np.zeros(N_COUNTS, np.int64)  # of the last week
        self.totals = np.zeros(N_COUNTS, np.int64)  # of the run
        if self.world.word_of_mouth.on:
            self.customers.open(NETWORK)
        self.graph = graph_of(self.world.word_of_mouth, self.customers.n)
        self._people = self._columns()
        self.reaction = reaction_of(self.world)  # the world's constants of behaviour
        self._season = self.world.calendar.season(YEAR)
        self._channel_names = tuple(source.name for source in self.sources)
        self._planned = {c.name: c.budget for c in world.channels if c.half_budget > 0}
        self._room = Orders.space(max(256, self.customers.n // 8))
        self.datacollector = mesa.DataCollector(
            model_reporters={name: _reporter(name) for name in WeeklyBooks.SERIES},
        )

    def _take_over(self, inheritance: Inheritance | None) -> None:
        """Go on with what today's policy had left with the customers by week 0."""
        if inheritance is None:
            return
        self.loyalty = inheritance.loyalty.handed_over()
        self.ledger.open(self.loyalty.opening.liability)
        self.loyalty.open(self.customers)
        for name, ends in inheritance.tags.items():
            self.offers.tags[name] = np.full(self.customers.n, LONG_AGO, ends.dtype)
            self.offers.tags[name][: ends.size] = ends

    def step(self) -> None:
        """Live one week. Everybody answers the same offers, computed from the facts at the start of the week.

        1 look and decide   each active play sees the records and returns actions; nothing changes yet
        2 settle            clashes, targets and holdouts -> one offer per customer, one budget per channel
        3 advertise         budgets become adstock, saturate, and move each channel's clock
        4 live              prospects are reached, leads order or lose interest, customers order and leave: one
                            compiled pass, in event-time order within each person's week
        5 recommend         orders are followed by invitations; friends who accept order next week
        6 book              every order and every cost enters the ledger once
        7 close programme   points mature and expire, tiers are reviewed, the liability is booked
        8 remember          records, trailing year, campaign results, weekly series
        """
        self.steps += 1
        view = self.look()
        settled = self.offers.settle(view, self.identified_rows, self.plays)
        self.advertise(settled)
        programme = self.programme(settled)
        orders = self.live(settled.offer, programme)
        refuse_overflow(int(self.counts[OVERFLOWN]), self.week, programme.per_unit)
        self.recommend(settled, orders)
        self.book(settled, orders)
        self.close_programme(programme)
        self.remember(settled, orders)
        self.datacollector.collect(self)
        self.week += 1

    def run(self, weeks: int) -> Market:
        """Live so many weeks and return the market."""
        for _ in range(weeks):
            self.step()
        return self

    def look(self) -> FirmView:
        """What the firm can see now."""
        return FirmView(
            self.customers,
            self.identified_rows,
            self.week,
            self._channel_names,
            self._planned,
            self.world.today_rate,
            self._lots,
            self.offers.tags,
            self.books,
            self.minor,
        )

    def advertise(self, settled: Settled) -> None:
        """Give every channel its budget and let it work."""
        for channel in self.channels:
            channel.spend = float(settled.spend[channel.number])
        if self.channels:
            self.agents_by_type[Channel].do("advertise")

    def programme(self, settled: Settled) -> Programme:
        """The loyalty programme in force this week."""
        programme = self.loyalty.programme(settled.points, settled.tiers)
        if programme.on and not self.customers.enrolled.size:
            self.customers.open(PROGRAMME)
            self._people = self._columns()
        return programme

    def _columns(self) -> People:
        return People(*(getattr(self.customers, name) for name in People._fields))

    def live(self, offer: Offer, programme: Programme) -> Orders:
        """Everybody's week. Returns its orders."""
        pressure = Pressure(
            np.array([channel.clock_before for channel in self.channels]),
            np.array([channel.clock for channel in self.channels]),
        )
        if self.world.word_of_mouth.on:
            self.referral.open_week(self.customers, self.week)
        call_prospects(self._people.stage, self._people.reach, self._queue, self._called, pressure.after)
        self.leads = np.zeros(len(self.sources), np.int64)
        self.counts[:] = 0
        season = self._season[self.week % YEAR]
        row, m = 0, 0
        while True:
            row, m = live_week(
                self._people, self.reaction, offer, programme, pressure, self.week, season, self.n_founding,
                *self.key, self._room, self.leads, self.counts, row, m,
            )  # fmt: skip
            if row == self.customers.n:
                self.totals += self.counts
                return self._room.first(m)
            self._room = self._room.grown(m)

    def recommend(self, settled: Settled, orders: Orders) -> None:
        """Let customers talk, and book what the firm owes for the friends who came."""
        if not self.world.word_of_mouth.on:
            return
        closed = self.referral.close_week(
            self.customers, orders, self.week, settled.referral, self.spread_word(settled, orders)
        )
        self.ledger.book_referrals(self.week, closed.earned, closed.paid, self.referral.source)

    def spread_word(self, settled: Settled, orders: Orders) -> Said:
        """What customers say this week."""
        telling = telling_of(self.world, settled.referral, self.friend_rate(settled))
        said = spread_word(
            orders, self._people, self.customers.referrer, self.customers.referral_rewards, telling, self.graph,
            self.referral.source, self.n_founding, *self.key,
        )  # fmt: skip
        return Said(*said)

    def friend_rate(self, settled: Settled) -> float:
        """The best price cut on the first order of somebody whom a friend sends."""
        friends = self.referral.source + 1
        return float(max(settled.offer.first[friends], settled.offer.public[friends]))

    def book(self, settled: Settled, orders: Orders) -> None:
        """Enter the week's orders, media and channel costs into the ledger."""
        source = self.customers.source[orders.row]
        costs = self.tariff.costs(orders, source)
        self.order_log.add(self.week, orders)
        self.posted.append(settled.offer.public)
        self.ledger.book_orders(
            self.week, orders, costs, first_order_incentive(orders, settled.offer.public[source.astype(np.intp) + 1])
        )
        won = self.customers.source[orders.row[orders.nth == 0]]
        for channel in self.channels:
            spec, media = channel.spec, round(channel.spend * self.minor)
            fees = round(spec.fixed_cost * self.minor)
            if spec.success_fee:
                fees += round(spec.success_fee * self.minor) * int(np.count_nonzero(won == channel.number))
            self.ledger.post(self.week, MEDIA, CASH, media, channel.number)
            self.ledger.post(self.week, CHANNEL_COSTS, CASH, fees, channel.number)

    def close_programme(self, programme: Programme) -> None:
        """End the programme's week and book what it costs."""
        if programme.on:
            closed = self.loyalty.close_week(self.customers, self.order_log, self.week, programme)
            self.ledger.book_programme(self.week, closed)

    def remember(self, settled: Settled, orders: Orders) -> None:
        """Keep what the firm will know next week."""
        forgotten = self.order_log.week(self.week - YEAR)
        if forgotten is not None:
            forget(forgotten, self.customers.orders_52, self.customers.spend_52)
        newcomers = orders.row[orders.nth == 0]
        self.identified_rows = np.concatenate(
            [self.identified_rows, newcomers[self.customers.identified[newcomers]]], dtype=np.int32
        )
        self.books.close_week(self, settled, orders, newcomers)

    def _lots(self, name: str, rows: NDArray[np.int32]) -> NDArray[np.float64]:
        return draw_lots(*self.key, lot_index(name), person_ids(rows, self.n_founding))

    @property
    def bytes_per_row(self) -> float:
        """Memory of the people per row: columns and the order in which channels reach prospects; no order log."""
        return self.customers.bytes_per_row + self._queue.nbytes / max(self.customers.n, 1)

    @property
    def customer_weeks(self) -> int:
        """Weeks begun by customers who had not left: known to the simulation only."""
        return int(self.totals[ALIVE])

    @property
    def lived_weeks(self) -> int:
        """Weeks begun by customers and leads, those won this week included: known to the simulation only."""
        return int(self.totals[LIVED])

    @property
    def guarded_weeks(self) -> int:
        """Customer- and lead-weeks in which the composition guard bound."""
        return int(self.totals[BOUND])


def reaction_of(world: World) -> Reaction:
    """The world's constants in the form that the compiled pass takes."""
    price, cooling = world.price, 1 / world.acquisition.lead_weeks
    hazards = [c.conversion_hazard(world.acquisition.lead_weeks) for c in world.channels]
    friends = world.word_of_mouth.on
    return Reaction(
        float(world.today_rate),
        float(price.gain),
        float(price.loss_aversion),
        float(price.carry_over),
        float(price.p_exposure),
        float(price.pull_forward),
        1 / price.repayment_weeks,
        float(world.spend.p),
        gamma_quantiles(world.spend.p).log_value,
        np.array([cooling] * len(world.channels) + [0.0] * friends),
        np.array(hazards + [FRIEND_CONVERSION] * friends),
        np.array([source.p_identified for source in world.sources], np.float64),
        loyal_of(world),
        bonds_of(world),
        float(price.first_order_gain),
        float(price.latitude),
        coupon_readiness(price),
        world.minor,
    )


def _reporter(name: str):
    return lambda market: market.books.latest(name)
