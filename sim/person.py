"""One row of a market as an object: the life of one person told in plain Python, for looking at and as the oracle.

`Person.live` is a second telling of `crowd.live_week`: it calls the same rules of `behavior.py` and asks for the same
draws, but carries the state in an object and walks through the week event by event.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import mesa
import numpy as np

from crmlab.sim.behavior import (
    LEAVES,
    NOTHING,
    adapted_reference,
    guarded,
    list_value,
    log_rate_score,
    next_debt,
    next_event,
    order_hazard,
    order_worth,
    p_accept,
    p_invite,
    p_join,
    paid_value,
    points_for,
    price_pull,
    reach_moment,
    relative_price,
    run_down,
    status_factor,
)
from crmlab.sim.conditions import Offer, Programme
from crmlab.sim.coupons import would_use
from crmlab.sim.crowd import ALIVE, BOUND, COOLED, DEPARTED, LIVED, MOST_POINTS, OVERFLOWN, add_points, person_id
from crmlab.sim.customers import (
    COLD,
    CUSTOMER,
    GONE,
    LEAD,
    LEFT,
    NOT_ENROLLED,
    PROSPECT,
    REFERRED,
    column_names,
    fill_of,
)
from crmlab.sim.draws import BURN, INVITE, JOIN, LIFE, NOTICE, ORDER, WARN, exponential, uniforms
from crmlab.sim.draws import LEAD as LEAD_DRAW
from crmlab.sim.loyalty import NO_PROGRAMME
from crmlab.sim.network import contact, n_contacts, place_of
from crmlab.sim.quantiles import quantile
from crmlab.sim.word_of_mouth import MOST_WARNINGS, Telling, can_be_won, quality_pull, reward_pull, sociability
from crmlab.sim.worth import loyalty_pull, progress_after

if TYPE_CHECKING:
    from crmlab.sim.micro import MicroMarket


@dataclass(frozen=True)
class PlacedOrder:
    """One order as it happened: its number in the customer's life, when in the week, and what it was worth."""

    nth: int
    at: float
    value: int
    paid: int
    earned: int = 0
    burnt: int = 0
    given: int = 0  # of the points earned, those that were a welcome


class Person(mesa.Agent):
    """One row of a market as an object. Attributes are those of `Customers`, with the same meaning and precision."""

    def __init__(self, model: MicroMarket, row: int) -> None:
        super().__init__(model)
        self.reference: np.float32
        self.debt: np.float32
        self.enrolled: np.int16
        self.points: np.int32
        self.points_pending: np.int32
        self.points_recent: np.int32
        self.progress: np.int32
        self.bond: np.uint8
        self.row = row
        self.who = person_id(row, model.n_founding)
        for name in column_names():
            column = getattr(model.customers, name)
            setattr(self, name, column[row] if column.size else fill_of(name))

    def __getattr__(self, name: str) -> Any:  # only for what is missing: the columns are set above, one value each
        raise AttributeError(f"{type(self).__name__} has no {name}")

    def draw(self, purpose: int, index: int) -> tuple[float, float, float, float]:
        """Four uniforms of this person for one purpose."""
        key0, key1 = self.model.key
        return uniforms(key0, key1, purpose, self.who, index)

    def live(self, offer: Offer, programme: Programme) -> list[PlacedOrder]:
        """Live one week under an offer and a loyalty programme, and return the orders of it."""
        if self.stage in (GONE, COLD):
            return []
        was, now = self.stage, 0.0
        if self.stage == PROSPECT:
            channel, now = self.hear_of_us()
            if channel is None:
                return []
            self.become_lead(channel)
        elif self.stage == REFERRED:
            self.become_lead(self.model.reaction.bonds.source)
        elif self.stage == CUSTOMER:
            self.model.counts[ALIVE] += 1
        orders, seen, debt = self.go_through_week(offer, programme, now)
        if self.stage == GONE and self.model.reaction.bonds.on:
            self.bond = np.uint8(self.bond | LEFT)
        self.model.counts[DEPARTED] += self.stage == GONE
        self.model.counts[COOLED] += self.stage == COLD
        self.store_records(orders, was, programme)
        if self.stage == CUSTOMER:
            self.debt = np.float32(debt)
            self.notice_price(seen, bool(orders))
        return orders

    def hear_of_us(self) -> tuple[int | None, float]:
        """The channel whose clock passes this prospect's threshold first this week, and when."""
        reached = [
            (reach_moment(float(self.reach[c.number]), c.clock_before, c.clock), c.number)
            for c in self.model.channels
            if float(self.reach[c.number]) < c.clock
        ]
        if not reached:
            return None, 1.0
        when, channel = min(reached)
        return channel, when

    def become_lead(self, channel: int) -> None:
        u_order, u_cool, _, _ = self.draw(LEAD_DRAW, 0)
        self.stage = LEAD
        self.source = np.int8(channel)
        self.order_clock = exponential(u_order)
        self.life_clock = exponential(u_cool)
        self.model.leads[channel] += 1

    def standing_rate(self, offer: Offer, programme: Programme) -> float:
        """The price cut that holds for every order of this week: the best of public, personal and the tier's."""
        rates = [offer.public[int(self.source) + 1]]
        if self.stage == CUSTOMER and offer.own.size:
            rates.append(float(offer.own[self.row]))
        if self.is_member(programme):
            rates.append(programme.rates[self.level(programme)])
        return max(rates)

    def is_member(self, programme: Programme) -> bool:
        """Whether a loyalty programme moves this customer."""
        return bool(programme.on and self.stage == CUSTOMER and self.enrolled != NOT_ENROLLED)

    def level(self, programme: Programme) -> int:
        """The tier, as far as this week's programme knows it."""
        return min(int(self.tier), programme.rates.size - 1)

    def loyalty(self, programme: Programme) -> float:
        """What the programme adds to this customer's log order rate."""
        if not self.is_member(programme):
            return 0.0
        return loyalty_pull(
            self.model.week,
            float(self.order_rate),
            float(self.mean_order),
            float(self.elasticity),
            int(self.enrolled),
            int(self.points),
            int(self.progress),
            int(self.rewarded),
            self.level(programme),
            int(self.tier_ends),
            int(self.mood),
            int(self.mood_ends),
            int(self.spend_52),
            int(self.orders_52),
            self.model.reaction.loyal,
            programme,
        )

    def single_rate(self, offer: Offer) -> float:
        """The price cut for one order: first-order offer of a lead, coupon of a customer who would use it."""
        if self.stage == LEAD:
            return offer.first[int(self.source) + 1]
        ends, readiness = int(self.coupon_ends), self.model.reaction.coupon_readiness
        key0, key1 = self.model.key
        if ends > self.model.week and would_use(key0, key1, self.who, ends, readiness):
            return float(self.coupon_rate)
        return 0.0

    def hazards(self, rate: float, programme: Programme, debt: float) -> tuple[float, float, float, float]:
        """(order hazard, departure hazard, repayment, extra hazard) this week when offered `rate`."""
        reaction = self.model.reaction
        other = -reaction.bonds.warning * float(self.warned) if self.stage == LEAD else self.loyalty(programme)
        price = relative_price(rate, reaction.today_rate)
        gain = reaction.first_gain if self.stage == LEAD else reaction.gain
        pull = price_pull(
            price, float(self.reference), float(self.elasticity), gain, reaction.loss_aversion, reaction.latitude
        )
        self.bound = pull + other != guarded(pull + other)
        if self.stage == LEAD:
            base, departure = reaction.conversion[self.source], reaction.cooling[self.source]
        else:
            base = float(self.order_rate) * self.model.season
            departure = float(self.departure_rate) * self.stays(programme)
        hazard, repay, extra = order_hazard(base, pull, other, debt, reaction.repay_share)
        return hazard, departure, repay, extra

    def stays(self, programme: Programme) -> float:
        """What status and friends make of this customer's inclination to leave: a factor on it."""
        reaction, factor = self.model.reaction, 1.0
        if self.is_member(programme):
            top = float(programme.rates.size - 1)
            factor = status_factor(reaction.loyal.status, float(self.level(programme)), top)
        return factor * reaction.bonds.departure[self.bond]

    def go_through_week(self, offer: Offer, programme: Programme, now: float) -> tuple[list[PlacedOrder], float, float]:
        """Events of the rest of the week. Returns the orders, the best rate seen, and the debt at its end."""
        standing, single = self.standing_rate(offer, programme), self.single_rate(offer)
        stays = 1.0 if self.stage == LEAD else self.stays(programme)
        seen = max(standing, single)
        debt, pull_forward = float(self.debt), self.model.reaction.pull_forward
        hazard, departure, repay, extra = self.hazards(seen, programme, debt)
        self.model.counts[BOUND] += self.bound
        self.model.counts[LIVED] += 1
        orders: list[PlacedOrder] = []
        since, index = now, int(self.orders)
        self.burnable = int(self.points) - int(self.points_pending)
        while True:
            what, lived = next_event(self.order_clock, hazard, self.life_clock, departure, 1.0 - now)
            self.order_clock = run_down(self.order_clock, hazard, lived)
            self.life_clock = run_down(self.life_clock, departure, lived)
            now += lived
            if what == NOTHING:
                break
            if what == LEAVES:
                self.stage = COLD if self.stage == LEAD else GONE
                break
            u_gap, _, u_drop, u_identified = self.draw(ORDER, index)
            orders.append(self.place_order(index, now, max(standing, single)))
            spent = single > standing
            if spent:
                self.coupon_ends = np.int16(0)
                single = 0.0
            self.order_clock = exponential(u_gap)
            index += 1
            if self.stage == LEAD:
                standing = offer.public[int(self.source) + 1]
                self.become_customer(u_identified)
                hazard, departure, repay, extra = self.hazards(standing, NO_PROGRAMME, debt)
                since, stays = now, self.stays(NO_PROGRAMME)
            else:
                if u_drop < float(self.p_dropout) * stays:
                    self.stage = GONE
                if spent:
                    debt, since = next_debt(debt, repay, extra, pull_forward, now - since), now
                    if self.stage != GONE:
                        hazard, _, repay, extra = self.hazards(standing, programme, debt)
            orders[-1] = self.use_programme(orders[-1], programme)
            if self.stage == GONE:
                break
        return orders, seen, next_debt(debt, repay, extra, pull_forward, now - since)

    def place_order(self, index: int, at: float, rate: float) -> PlacedOrder:
        reaction = self.model.reaction
        size = quantile(reaction.spend_quantiles, self.draw(ORDER, index)[1])
        value = list_value(self.worth(), size, reaction.spend_shape, reaction.today_rate, reaction.minor)
        return PlacedOrder(index, float(np.float32(at)), int(value), int(paid_value(value, rate)))

    def worth(self) -> float:
        """The mean order of this customer this week."""
        bonds = self.model.reaction.bonds
        weeks = self.model.week - float(self.first_order) if self.orders else 0.0
        return order_worth(
            float(self.mean_order), self.bond, weeks, bonds.referred_value, bonds.referred_value_weeks,
            bonds.referrer_value,
        )  # fmt: skip

    def tell_a_friend(self, nth: int, telling: Telling) -> tuple[bool, Person | None]:
        """After an order: whether this person invites a contact, and the contact if that one accepts."""
        u_invite, u_whom, u_accept, _ = self.draw(INVITE, nth)
        friend, strong = self.contact(u_whom)
        pull = reward_pull(telling, strong, int(self.referral_rewards)) if self.identified else 0.0
        key0, key1 = self.model.key
        if u_invite >= p_invite(telling.p_invite, sociability(telling, self.persona, key0, key1, self.who), pull):
            return False, None
        if not can_be_won(friend.stage):
            return True, None
        base = telling.accept_strong if strong else telling.accept_weak
        offer = telling.offer_pull + quality_pull(telling, float(friend.order_rate))
        accepts = u_accept < p_accept(base, offer, float(friend.warned), telling.warning)
        return True, friend if accepts else None

    def warn_a_contact(self, telling: Telling) -> bool:
        """After leaving: whether this person warns a contact."""
        u_warns, u_whom, _, _ = self.draw(WARN, 0)
        if u_warns < telling.p_warn:
            contact, _ = self.contact(u_whom)
            contact.warned = np.uint8(min(int(contact.warned) + 1, MOST_WARNINGS))
        return u_warns < telling.p_warn

    def contact(self, u: float) -> tuple[Person, bool]:
        """The contact that a uniform picks, and whether it is a strong tie."""
        graph, key = self.model.graph, self.model.key
        place = place_of(self.row, graph, *key)
        row, strong = contact(place, int(u * n_contacts(place, graph)), graph, *key)
        return self.model.people[row], strong

    def use_programme(self, order: PlacedOrder, programme: Programme) -> PlacedOrder:
        """Join at this order, burn points on it, earn points by it."""
        if not (programme.on and self.identified):
            return order
        loyal = self.model.reaction.loyal
        welcome = 0
        if self.enrolled == NOT_ENROLLED and programme.earning:
            score = log_rate_score(float(self.order_rate), loyal.log_rate_mean, loyal.log_rate_sd)
            if self.draw(JOIN, 0)[0] < p_join(loyal.join_log_odds, loyal.join_selection, score):
                self.enrolled = np.int16(self.model.week)
                welcome = programme.welcome_points
                self.tier_ends = np.int16(self.model.week + programme.hold_weeks)
        if self.enrolled == NOT_ENROLLED:
            return order
        earned = burnt = 0
        if self.burnable >= programme.reward_points and self.draw(BURN, order.nth)[0] < loyal.p_redeem:
            burnt = self.burnable - self.burnable % programme.reward_points
        if programme.earning:
            multiplier = programme.multipliers[self.level(programme)]
            own = int(min(points_for(float(order.paid), programme.per_unit, multiplier, self.model.minor), MOST_POINTS))
            earned = min(own + welcome, MOST_POINTS)
        self.burnable += (0 if programme.pending else earned) - burnt
        return replace(order, earned=earned, burnt=burnt, given=welcome)

    def become_customer(self, u_identified: float) -> None:
        self.stage = CUSTOMER
        self.identified = np.bool_(u_identified < self.model.reaction.p_identified[self.source])
        self.life_clock = exponential(self.draw(LIFE, 0)[0])

    def store_records(self, orders: list[PlacedOrder], was: int, programme: Programme) -> None:
        if not orders:
            return
        week, paid = self.model.week, sum(order.paid for order in orders)
        if was != CUSTOMER:
            self.first_order = np.float32(week + orders[0].at)
        self.last_order = np.float32(week + orders[-1].at)
        self.orders += np.int32(len(orders))
        self.orders_52 += np.int32(len(orders))
        self.spend += np.int64(paid)
        self.spend_52 += np.int64(paid)
        if self.enrolled != NOT_ENROLLED:
            for order in orders:
                self.turn_points(order, programme)

    def turn_points(self, order: PlacedOrder, programme: Programme) -> None:
        """Points of an order into the record; those that it earned itself, and not the welcome, onto the card."""
        earned, burnt = order.earned, order.burnt
        held, recent, too_many = add_points(int(self.points), int(self.points_recent), earned, burnt)
        self.points, self.points_recent = np.int32(held), np.int32(recent)
        self.model.counts[OVERFLOWN] += too_many
        progress = progress_after(int(self.progress), programme.reward_points, burnt, earned - order.given)
        self.progress = np.int32(min(progress, MOST_POINTS))
        if programme.pending:
            self.points_pending = np.int32(min(int(self.points_pending) + earned, MOST_POINTS))
        if burnt:
            self.rewarded = np.int16(self.model.week)

    def notice_price(self, rate: float, ordered: bool) -> None:
        """An order shows the price; without one, it is noticed by chance. Expectations move towards it."""
        reaction, reference = self.model.reaction, float(self.reference)
        price = relative_price(rate, reaction.today_rate)
        if price == reference:
            return
        if ordered or self.draw(NOTICE, self.model.week)[0] < reaction.p_exposure:
            self.reference = np.float32(adapted_reference(reference, price, reaction.carry_over))
