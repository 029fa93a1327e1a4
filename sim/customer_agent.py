"""One row of a market as an object: a person's week told in plain Python, for looking at and as the oracle.

`CustomerAgent.simulate_week` is a second telling of `kernel.simulate_week`: it calls the same rules of `behavior.py`
and asks for the same draws, but carries the state in an object and walks through the week event by event. Mechanisms
have a second telling of their own (`Mechanism.affect_agents`, `mark_agents`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mesa
import numpy as np
from numpy.typing import NDArray

from crmlab.sim.behavior import (
    LEAVES,
    NOTHING,
    adapted_reference,
    guarded,
    list_value,
    next_debt,
    next_event,
    order_hazard,
    price_log_effect,
    relative_price,
    run_down,
)
from crmlab.sim.customers import COLD, CUSTOMER, GONE, LEAD, PROSPECT, Customers
from crmlab.sim.draws import LEAD as LEAD_DRAW
from crmlab.sim.draws import LIFE, NOTICE, ORDER, exponential, uniforms
from crmlab.sim.kernel import ALIVE, BOUND, COOLED, DEPARTED, SIMULATED, person_id
from crmlab.sim.kernel_types import BehaviorParams, Effect, Offer
from crmlab.sim.price_terms import NOT_SPENT, expected_cut, own_lines, price_of
from crmlab.sim.quantiles import quantile

Key = tuple[np.uint64, np.uint64]


@dataclass(frozen=True)
class PlacedOrder:
    """One order as it happened: its number in the customer's life, when in the week, what it was worth and paid, and
    which price cut for a single order it used up (`price_terms.price_of`)."""

    nth: int
    at: float
    value: int
    paid: int
    spent: int


@dataclass(frozen=True)
class Entry:
    """Somebody becomes a lead: when in the week, and through which source."""

    at: float
    source: int


class CustomerAgent(mesa.Agent):
    """One person; the columns of the population as attributes, in the types of the columns."""

    def __init__(self, model: mesa.Model, customers: Customers, row: int, n_founding: int, key: Key) -> None:
        super().__init__(model)
        self.stage: int
        self.reference: np.float32
        self.debt: np.float32
        self.row = row
        self.who = int(person_id(row, n_founding))
        self.key = key
        for name in Customers.names():
            setattr(self, name, customers.get(name)[row])

    def __getattr__(self, name: str) -> Any:  # only for what is missing: the columns are set above, one value each
        raise AttributeError(f"{type(self).__name__} has no {name}")

    @property
    def left(self) -> bool:
        """Whether this customer has left for good."""
        return bool(self.stage == GONE)

    def draw(self, purpose: int, index: int) -> tuple[float, float, float, float]:
        """Four uniforms of this person for one purpose."""
        drawn: tuple[float, float, float, float] = uniforms(*self.key, purpose, self.who, index)
        return drawn

    def simulate_week(
        self,
        week: int,
        season: float,
        params: BehaviorParams,
        offer: Offer,
        effect: Effect,
        entry: Entry | None,
        counts: NDArray[np.int64],
    ) -> list[PlacedOrder]:
        """Simulate one week and return the orders of it. `entry` says when somebody becomes a lead this week."""
        if entry is None and (self.stage in (PROSPECT, GONE, COLD)):
            return []
        was, now = self.stage, 0.0
        if entry is not None:
            now = entry.at
            self.become_lead(entry.source)
        counts[ALIVE] += was == CUSTOMER
        telling = _Telling(self, week, season, params, offer, effect)
        orders, seen, debt = telling.go_through_week(now)
        counts[BOUND] += telling.bound
        counts[SIMULATED] += 1
        counts[DEPARTED] += self.stage == GONE
        counts[COOLED] += self.stage == COLD
        self.store_records(orders, was, week)
        if self.stage == CUSTOMER:
            self.debt = np.float32(debt)
            self.notice_price(seen, bool(orders), week, params)
        return orders

    def become_lead(self, source: int) -> None:
        u_order, u_cool, _, _ = self.draw(LEAD_DRAW, 0)
        self.stage = LEAD
        self.source = np.int8(source)
        self.order_clock = exponential(u_order)
        self.life_clock = exponential(u_cool)

    def become_customer(self, u_identified: float, params: BehaviorParams) -> None:
        self.stage = CUSTOMER
        self.identified = np.bool_(u_identified < params.p_identified[self.source])
        self.life_clock = exponential(self.draw(LIFE, 0)[0])

    def store_records(self, orders: list[PlacedOrder], was: int, week: int) -> None:
        if not orders:
            return
        paid = sum(order.paid for order in orders)
        if was != CUSTOMER:
            self.first_order = np.float32(week + orders[0].at)
        self.last_order = np.float32(week + orders[-1].at)
        self.orders += np.int32(len(orders))
        self.orders_52 += np.int32(len(orders))
        self.spend += np.int64(paid)
        self.spend_52 += np.int64(paid)

    def notice_price(self, rate: float, ordered: bool, week: int, params: BehaviorParams) -> None:
        """An order shows the price; without one, it is noticed by chance. Expectations move towards it."""
        reference = float(self.reference)
        price = relative_price(rate, params.today_rate)
        if price == reference:
            return
        if ordered or self.draw(NOTICE, week)[0] < params.p_exposure:
            self.reference = np.float32(adapted_reference(reference, price, params.carry_over))


class _Telling:
    """The events of one person's week."""

    def __init__(
        self, person: CustomerAgent, week: int, season: float, params: BehaviorParams, offer: Offer, effect: Effect
    ) -> None:
        self.person, self.week, self.season, self.params = person, week, season, params
        self.offer, self.effect = offer, effect
        self.bound = False
        self.may_spend = True
        self.lines = own_lines(offer.own, 0, person.row)

    def hazards(self, rate: float, debt: float, other: float) -> tuple[float, float, float, float]:
        """(order hazard, departure hazard, repayment, extra hazard) at a price cut of `rate`; `other` is what the
        mechanisms add to the log order rate."""
        person, params = self.person, self.params
        gain = params.first_gain if person.stage == LEAD else params.gain
        log_effect = price_log_effect(
            relative_price(rate, params.today_rate), float(person.reference), float(person.elasticity), gain,
            params.loss_aversion, params.latitude,
        )  # fmt: skip
        if person.stage == LEAD:
            base, departure = params.conversion[person.source], params.cooling[person.source]
        else:
            base = float(person.order_rate) * self.season
            departure = float(person.departure_rate) * self.effect.departure
        hazard, repay, extra = order_hazard(base, log_effect, other, debt, params.repay_share)
        self.log_effect = log_effect + other
        return hazard, departure, repay, extra

    def go_through_week(self, now: float) -> tuple[list[PlacedOrder], float, float]:
        """Events of the rest of the week. Returns the orders, the best price cut seen, and the debt at its end."""
        person, params, other = self.person, self.params, self.effect.log_rate
        seen, debt = self.expected_cut(), float(person.debt)
        hazard, departure, repay, extra = self.hazards(seen, debt, other)
        self.bound = self.log_effect != guarded(self.log_effect)
        orders: list[PlacedOrder] = []
        since, index = now, int(person.orders)
        while True:
            what, present = next_event(person.order_clock, hazard, person.life_clock, departure, 1.0 - now)
            person.order_clock = run_down(person.order_clock, hazard, present)
            person.life_clock = run_down(person.life_clock, departure, present)
            now += present
            if what == NOTHING:
                break
            if what == LEAVES:
                person.stage = COLD if person.stage == LEAD else GONE
                break
            u_gap, u_spend, u_drop, u_identified = person.draw(ORDER, index)
            orders.append(self.place_order(index, now, u_spend))
            spent = orders[-1].spent != NOT_SPENT
            self.may_spend = self.may_spend and not spent and person.stage != LEAD
            person.order_clock = exponential(u_gap)
            index += 1
            if person.stage == LEAD:
                person.become_customer(u_identified, params)
                since, other = now, 0.0
                hazard, departure, repay, extra = self.hazards(self.expected_cut(), debt, other)
                continue
            if u_drop < float(person.p_dropout) * self.effect.departure:
                person.stage = GONE
            if spent:
                debt, since = next_debt(debt, repay, extra, params.pull_forward, now - since), now
                hazard, _, repay, extra = self.hazards(self.expected_cut(), debt, other)
            if person.stage == GONE:
                break
        return orders, seen, next_debt(debt, repay, extra, params.pull_forward, now - since)

    @property
    def cuts(self) -> tuple[Any, ...]:
        """What this person can have now, as the rules of prices ask for it."""
        door, new = int(self.person.source) + 1, self.person.stage == LEAD
        standing = max(float(self.offer.public[door]), self.effect.standing)
        single = float(self.offer.first[door]) if new else self.effect.single
        return standing, single, new, self.may_spend, self.offer.shared, door, self.offer.own, *self.lines

    @property
    def mean_order(self) -> float:
        return float(self.person.mean_order) * self.effect.order_value

    def expected_cut(self) -> float:
        cut: float = expected_cut(self.mean_order, self.params.baskets, *self.cuts)
        return cut

    def place_order(self, index: int, at: float, u_spend: float) -> PlacedOrder:
        params = self.params
        size = quantile(params.spend_quantiles, u_spend)
        value = list_value(self.mean_order, size, params.spend_shape, params.today_rate, params.minor)
        paid, spent = price_of(value, *self.cuts)
        return PlacedOrder(index, float(np.float32(at)), int(value), int(paid), int(spent))
