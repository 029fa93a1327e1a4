"""Where all plays meet: their actions become one offer per customer and one budget per channel.

The rules, in one place:

1. Standing price cuts do not add up. Of the public one, the one for the customer's channel and the personal ones, the
   largest holds.
2. A single-use price cut (coupon, first-order offer) replaces the standing one on one order, the earlier of a week,
   when it is larger.
3. A customer holds one coupon. A new one replaces it when it is worth more, or as much for longer; else it is refused.
4. A channel's budget is set by the last play in the list that names it. Channels nobody names get nothing.
5. Actions on identified customers reach those whom the play addresses and does not hold out. A play with a target, a
   holdout or a ramp must return no other actions.
6. Programme rules and referral terms hold for everybody: the last play in the list that returns one sets it. A tier's
   price cut is a standing one (rule 1), a friend's offer is a first-order offer to those who come by a recommendation
   (rule 2).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.actions import (
    Action,
    ActionError,
    ChannelBudget,
    Coupon,
    Discount,
    FirstOrderOffer,
    PointsRule,
    PublicDiscount,
    ReferralTerms,
    Tag,
    TierRule,
    check_action,
)
from crmlab.sim.conditions import Offer
from crmlab.sim.customers import LONG_AGO, Customers
from crmlab.sim.plays import Play
from crmlab.sim.view import FirmView
from crmlab.sim.world import REFERRAL, Channel


@dataclass
class Settled:
    """This week's outcome: the offer, spend by source [sources] in row currency, and who was treated or held out."""

    offer: Offer
    spend: NDArray[np.float64]
    groups: dict[str, NDArray[np.int8]] = field(default_factory=dict)
    coupons_refused: int = 0
    points: PointsRule | None = None
    tiers: TierRule | None = None
    referral: ReferralTerms | None = None


TREATED, HELD_OUT = 1, 2


class Offers:
    """Settles the actions of a week and keeps the grants."""

    def __init__(self, customers: Customers, sources: Sequence[Channel], scale: float) -> None:
        self.customers = customers
        self.numbers = {source.name: number for number, source in enumerate(sources)}
        self.organic = {source.name for source in sources if source.half_budget == 0}
        self.scale = scale
        self.tags: dict[str, NDArray[np.int16]] = {}
        self._own = np.zeros(0, np.float32)

    def settle(self, view: FirmView, rows: NDArray[np.int32], plays: Iterable[Play]) -> Settled:
        """Ask every active play and settle what they want. `rows` [n] are the rows of the view's customers."""
        n_sources = len(self.numbers) + 1
        public, first = np.zeros(n_sources), np.zeros(n_sources)
        settled = Settled(Offer(public, first, np.zeros(0, np.float32)), np.zeros(len(self.numbers)))
        for play in plays:
            if not play.active(view.week):
                continue
            reached = self._reached(play, view, rows, settled)
            for action in play.strategy.decide(view):
                self._apply(play, action, view, rows, reached, settled)
        if settled.referral is not None:
            friends = self.numbers[REFERRAL] + 1
            settled.offer.first[friends] = max(settled.offer.first[friends], settled.referral.friend_rate)
        return settled

    def _reached(
        self, play: Play, view: FirmView, rows: NDArray[np.int32], settled: Settled
    ) -> NDArray[np.bool_] | None:
        """Who may be treated by a play, and a note of both groups when there is a holdout. None means everybody."""
        addressed, held_out = play.addressed(view), play.held_out(view)
        if held_out is None:
            return addressed
        everybody = np.ones(view.n, np.bool_) if addressed is None else addressed
        group = np.zeros(self.customers.n, np.int8)
        group[rows[everybody & ~held_out]] = TREATED
        group[rows[everybody & held_out]] = HELD_OUT
        settled.groups[play.name] = group
        return everybody & ~held_out

    def _apply(
        self,
        play: Play,
        action: Action,
        view: FirmView,
        rows: NDArray[np.int32],
        reached: NDArray[np.bool_] | None,
        settled: Settled,
    ) -> None:
        check_action(play.name, action)
        if play.selective and getattr(action, "audience", None) == "everybody":
            what = type(action).__name__
            raise ActionError(f"{play.name}: {what} is for everybody, so the play has no target, holdout or ramp")
        match action:
            case ChannelBudget():
                settled.spend[self._channel(play, action.channel, paid=True)] = action.spend / self.scale
            case PublicDiscount():
                self._raise(settled.offer.public, play, action.channel, float(action.rate))
            case FirstOrderOffer():
                self._raise(settled.offer.first, play, action.channel, float(action.rate))
            case Discount():
                rates = _rates(play, action.rate, view.n, reached)
                if settled.offer.own.size == 0:
                    settled.offer = settled.offer._replace(own=self._blank())
                own = settled.offer.own
                own[rows] = np.maximum(own[rows], rates)
            case Coupon():
                to = _mask(play, "Coupon.to", action.to, view.n)
                settled.coupons_refused += self._grant(
                    play, action, view, rows, to if reached is None else to & reached
                )
            case Tag():
                on = _mask(play, "Tag.on", action.on, view.n)
                marks = self.tags.setdefault(action.name, np.full(self.customers.n, LONG_AGO, np.int16))
                marks[rows[on if reached is None else on & reached]] = view.week + action.weeks
            case PointsRule() | TierRule():
                if isinstance(action, PointsRule):
                    settled.points = action
                else:
                    settled.tiers = action
            case ReferralTerms():
                self._check_terms(play, action)
                settled.referral = action
            case _:
                raise ActionError(f"{play.name}: decide returned {action!r}, which is no action of the contract")

    def _check_terms(self, play: Play, terms: ReferralTerms) -> None:
        if REFERRAL not in self.numbers:
            raise ActionError(f"{play.name}: nobody recommends anything in this world (word_of_mouth.p_invite is 0)")

    def _blank(self) -> NDArray[np.float32]:
        if self._own.size == 0:
            self._own = np.zeros(self.customers.n, np.float32)
        self._own.fill(0)
        return self._own

    def _grant(self, play: Play, coupon: Coupon, view: FirmView, rows: NDArray[np.int32], to: NDArray[np.bool_]) -> int:
        """Write coupons to those without a better one. Returns how many were refused."""
        who = rows[to]
        rate = _rates(play, coupon.rate, view.n, None)[to]
        ends = view.week + coupon.weeks
        held = np.where(self.customers.coupon_ends[who] > view.week, self.customers.coupon_rate[who], 0)
        better = (rate > held) | ((rate == held) & (ends > self.customers.coupon_ends[who]))
        self.customers.coupon_rate[who[better]] = rate[better]
        self.customers.coupon_ends[who[better]] = ends
        return int(np.count_nonzero(~better))

    def _channel(self, play: Play, name: str, paid: bool) -> int:
        if name not in self.numbers:
            raise ActionError(f'{play.name}: no channel "{name}" in this world; it has {", ".join(self.numbers)}')
        if paid and name in self.organic:
            raise ActionError(f'{play.name}: channel "{name}" is organic and takes no budget')
        return self.numbers[name]

    def _raise(self, rates: NDArray[np.float64], play: Play, channel: str | None, rate: float) -> None:
        where = slice(None) if channel is None else self._channel(play, channel, paid=False) + 1
        rates[where] = np.maximum(rates[where], rate)


def _rates(play: Play, rate: object, n: int, reached: NDArray[np.bool_] | None) -> NDArray[np.float32]:
    """Rates per customer of the view, zero for those not reached. Shape [n]."""
    rates = np.asarray(rate, np.float32)
    if rates.ndim and rates.shape != (n,):
        raise ActionError(
            f"{play.name}: rates must be one number or one per identified customer ({n}), not {rates.shape}"
        )
    rates = np.broadcast_to(rates, (n,))
    return rates if reached is None else np.where(reached, rates, np.float32(0))


def _mask(play: Play, what: str, mask: object, n: int) -> NDArray[np.bool_]:
    array = np.asarray(mask)
    if array.shape != (n,) or array.dtype != np.bool_:
        raise ActionError(f"{play.name}: {what} must be one True or False per identified customer ({n})")
    return array
