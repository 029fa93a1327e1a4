"""What a reader of the file would ask back: numbers that are allowed, but hardly meant.

Nothing here is an error. A yearly budget typed as a weekly one, a margin that loses money with every order, prospects
that run dry before the run ends: the run is played all the same, and the note says what it would show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from crmlab.experiments.experiment import Arm, Experiment
from crmlab.experiments.files.currencies import currency_note
from crmlab.experiments.wording.quantities import quantity
from crmlab.sim.market import Market
from crmlab.sim.mechanisms.acquisition.actions import ChannelBudget
from crmlab.sim.mechanisms.acquisition.channels import hill_leads, opening_clock
from crmlab.sim.mechanisms.loyalty.actions import PointsRule, TierRule
from crmlab.sim.mechanisms.price.actions import (
    NO_CAP,
    Conditions,
    Coupon,
    Discount,
    FirstOrderOffer,
    PublicDiscount,
)
from crmlab.sim.orders import YEAR
from crmlab.sim.plays import Play
from crmlab.sim.view import FirmView
from crmlab.sim.world import World

ROWS = 2_000  # founding rows on which day one is looked at
RICH_BUDGET = 0.3  # share of sales above which a budget is asked about
LOW_MARGIN, HIGH_MARGIN = 0.10, 0.85
DEAR_FULFILMENT = 0.4  # share of a mean order
RUN_DRY = 0.25  # fall of first orders within the run, for want of prospects, above which it is said
OFF_THE_LOG = 1.5  # factor between today's new customers and those of the log
MOSTLY_FIRST = 0.7  # share of first orders among all, above which it is asked about
TIER_NAMES = ("silver", "gold")
MAX_RATES = 4  # different price cuts that are listed one by one


def notes(experiment: Experiment) -> list[str]:
    """Sentences on what is hardly meant in an experiment: its world, today's policy and its arms."""
    market = day_one(experiment)
    found = _scale_notes(experiment)
    found += world_notes(experiment.world, experiment.design.weeks, experiment.calibration, market)
    said: set[float] = set()
    for arm in experiment.arms:
        budget = weekly_budget(arm.plays, market)
        if budget not in said:  # most arms spend what the baseline spends
            found += _budget_notes(arm, budget, market)
            said.add(budget)
    return found


def _scale_notes(experiment: Experiment) -> list[str]:
    """What mechanisms of the world that do not shrink with the market say of it (`at_scale` of their numbers)."""
    size, rows = experiment.world.population.customers, experiment.design.customers
    scale = experiment.world.at_rows(rows)[1]
    said = [each.at_scale(scale) for each in experiment.world.mechanisms.values() if hasattr(each, "at_scale")]
    stands = f"one simulated customer stands for {scale:.3g} real ones"
    return [f"{stands}, and {what}; design.customers = {size} avoids it." for what in said if scale != 1]


def day_one(experiment: Experiment) -> Market:
    """The market at week 0 with few rows, its customers having lived under today's policy."""
    return opening_market(experiment.world, experiment.today, experiment.design.seed)


def opening_market(world: World, today: Sequence[Play], seed: int = 1) -> Market:
    """As `day_one`, of a world alone."""
    world = replace(world, today=tuple(today))
    return Market(world, today, customers=min(ROWS, max(world.population.customers, 1)), seed=seed)


def world_notes(world: World, weeks: int, calibration: object, market: Market) -> list[str]:
    """Sentences on what is hardly meant in a world."""
    found = [currency_note(world.economics.currency), *_margin_notes(world), prospects_note(world, weeks)]
    return [note for note in [*found, _first_order_note(world, calibration, market)] if note]


def weekly_sales(market: Market) -> tuple[float, float]:
    """Orders and currency paid a week over the year before week 0, of the real market."""
    past = [market.order_log.week(week) for week in range(-YEAR, 0)]
    orders = sum(batch.n for batch in past if batch is not None)
    paid = sum(float(batch.paid.sum()) for batch in past if batch is not None) / market.minor
    return orders * market.scale / YEAR, paid * market.scale / YEAR


def weekly_first_orders(world: World) -> float:
    """First orders a week that today's channels win, in a market nobody has left yet."""
    return sum(hill_leads(channel, channel.budget) * channel.p_convert for channel in world.channels)


def prospects_left(world: World, weeks: int) -> float:
    """Share of the prospects whom no channel has reached after so many weeks of today's budgets."""
    prospects = world.population.prospects
    if not prospects:
        return 0.0 if world.channels else 1.0
    clock = sum(
        opening_clock(channel, prospects, world.acquisition.lead_weeks)
        + weeks * hill_leads(channel, channel.budget) / prospects
        for channel in world.channels
    )
    return float(np.exp(-clock))


def prospects_note(world: World, weeks: int) -> str:
    """Whether new customers dry up within the run because there are too few prospects."""
    if not world.channels or not weekly_first_orders(world):
        return ""
    if not world.population.prospects:
        return "there are no prospects (population.prospects is 0), so channels cost money and win nobody."
    left, at_start = prospects_left(world, weeks), prospects_left(world, 0)
    fall = 1 - left / at_start
    if fall <= RUN_DRY:
        return ""
    leads = sum(hill_leads(channel, channel.budget) for channel in world.channels)
    enough = leads * weeks / 0.2
    return (
        f"prospects run dry: within {weeks} weeks today's channels reach {1 - left:.0%} of the "
        f"{world.population.prospects:,} prospects, and new customers a week fall by some {fall:.0%} for want of "
        f"people. If your market is larger, say so: with population.prospects = {_round_up(enough):.0f} four in five "
        f"would be left."
    )


def _round_up(value: float) -> float:
    step = 10 ** max(0, int(np.log10(max(value, 1))) - 1)
    return float(np.ceil(value / step) * step)


def _margin_notes(world: World) -> list[str]:
    money, mean = world.economics, world.mean_order
    paid = mean  # estimated from what people paid
    goods = (1 - money.gross_margin) * mean / (1 - world.today_rate)
    left = paid * (1 - money.payment_cost) - goods - money.fulfilment_cost
    shown = quantity(mean, "currency", money.currency)
    if left <= 0:
        lost = quantity(-left, "currency", money.currency)
        return [f"a mean order of {shown} loses {lost} before media: look at gross_margin and fulfilment_cost."]
    found = []
    if not LOW_MARGIN <= money.gross_margin <= HIGH_MARGIN:
        found.append(f"a gross margin of {money.gross_margin:.0%} is unusual: it is the share of the list price.")
    if money.fulfilment_cost > DEAR_FULFILMENT * mean:
        share = money.fulfilment_cost / mean
        found.append(f"fulfilment costs {share:.0%} of a mean order of {shown}: fulfilment_cost is per order.")
    return found


def _first_order_note(world: World, calibration: object, market: Market) -> str:
    won, (orders, _) = weekly_first_orders(world), weekly_sales(market)
    log = calibration.get("new_customers", {}) if isinstance(calibration, dict) else {}
    in_log = log.get("weekly")
    if in_log and won and not 1 / OFF_THE_LOG < won / in_log < OFF_THE_LOG:
        return f"today's channels win {won:,.1f} new customers a week; in the order log there were {in_log:,.1f}."
    if orders and won / (won + orders) > MOSTLY_FIRST:
        share = won / (won + orders)
        return (
            f"today's channels win {won:,.0f} new customers a week beside {orders:,.0f} orders of the existing base: "
            f"{share:.0%} of all orders would be first ones."
        )
    return ""


def _budget_notes(arm: Arm, budget: float, market: Market) -> list[str]:
    """Whether the media of an arm are a large part of what is sold."""
    _, sales = weekly_sales(market)
    if not sales or budget <= RICH_BUDGET * sales:
        return []
    given, sold = (quantity(x, "currency", market.world.economics.currency) for x in (budget, sales))
    asked = " Is this a yearly figure? Budgets are per week." if budget > sales else ""
    return [
        f"arm {arm.name}: its media budget of {given} a week is {budget / sales:.0%} of your sales of {sold}.{asked}"
    ]


def weekly_budget(plays: Sequence[Play], market: Market) -> float:
    """What the channels are given in week 0, in currency units of the real market."""
    view, spend = market.look(), {}
    for play in plays:
        for action in play.strategy.decide(view) if play.active(0) else ():
            if isinstance(action, ChannelBudget):
                spend[action.channel] = action.spend
    return float(sum(spend.values()))


def touched(experiment: Experiment) -> list[str]:
    """Whom the arms touch on day one, one sentence per play with something to say."""
    market = day_one(experiment)
    view, currency = market.look(), market.world.economics.currency
    said = []
    for arm in experiment.arms:
        for play in arm.plays:
            words = _play_touches(play, view, currency) if view.n else []
            if words and (arm is experiment.baseline or play not in experiment.baseline.plays):
                said.append(f"{arm.name}, {play.name}: {'; '.join(words)}")
    return said


def _play_touches(play: Play, view: FirmView, currency: str) -> list[str]:
    if not play.active(0):
        return [f"begins in week {play.start}"]
    who, held_out = play.addressed(view), play.held_out(view)
    reached = np.ones(view.n, np.bool_) if who is None else who
    words = [] if who is None else [f"addresses {reached.mean():.0%} of customers"]
    if held_out is not None:
        reached = reached & ~held_out
    for action in play.strategy.decide(view):
        words += _touches(action, view, reached, currency)
    return words


def _touches(action: object, view: FirmView, reached: np.ndarray, currency: str) -> list[str]:
    match action:
        case TierRule():
            return _tiers(action, view, currency)
        case PointsRule() if action.per_unit > 0:
            spend = action.reward_points / action.per_unit
            share = float((view.spend_52 >= spend).mean())
            worth = quantity(action.reward_value, "currency", currency)
            return [f"a reward of {worth} takes {quantity(spend, 'currency', currency)} of spend, "
                    f"which {share:.0%} of customers spent in the last 52 weeks"]  # fmt: skip
        case Discount():
            cuts = _cuts(np.where(reached, np.broadcast_to(action.rate, reached.shape), 0.0))
            return [cut + _if(action, currency) for cut in cuts]
        case Coupon():
            return [f"a coupon for {float((action.to & reached).mean()):.0%} of customers{_if(action, currency)}"]
        case PublicDiscount() if action.rate > 0:
            return [f"{action.rate:.0%} off for everybody{_through(action.channel)}{_if(action, currency)}"]
        case FirstOrderOffer() if action.rate > 0:
            return [f"{action.rate:.0%} off the first order{_through(action.channel)}{_if(action, currency)}"]
    return []


def _through(channel: str | None) -> str:
    return f" through {channel}" if channel else ""


def _if(cut: Conditions, currency: str) -> str:
    """The conditions of a price cut, in words."""
    reached = f" on baskets from {quantity(cut.min_spend, 'currency', currency)} on" if cut.min_spend > 0 else ""
    return reached + (f", {quantity(cut.max_off, 'currency', currency)} at most" if cut.max_off < NO_CAP else "")


def _tiers(rule: TierRule, view: FirmView, currency: str) -> list[str]:
    record = view.orders_52 if rule.basis == "orders" else view.spend_52
    levels = np.searchsorted(np.array(rule.thresholds), record, side="right")
    names = TIER_NAMES if len(rule.thresholds) <= len(TIER_NAMES) else [f"tier {n + 1}" for n in range(99)]
    said = []
    for number, threshold in enumerate(rule.thresholds):
        value = f"{threshold:g} orders" if rule.basis == "orders" else quantity(threshold, "currency", currency)
        said.append(f"{names[number]} (from {value} in 52 weeks): {(levels == number + 1).mean():.0%} of customers")
    return [", ".join(said)] if said else []


def _cuts(rates: np.ndarray) -> list[str]:
    cut = rates > 0
    if not cut.any():
        return ["a price cut for nobody"]
    values = np.unique(np.round(rates[cut], 4))
    if values.size > MAX_RATES:
        return [f"price cuts for {cut.mean():.0%} of customers, {rates[cut].mean():.1%} on average"]
    shares = {float(rate): float(np.isclose(rates, rate, atol=1e-4).mean()) for rate in values}
    return [", ".join(f"{100 * rate:.3g}% off for {share:.0%} of customers" for rate, share in shares.items())]
