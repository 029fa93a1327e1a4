"""An experiment file to start from, in the money and with the channels of its world.

The shipped example is written for a shop with a mean order of 35. In another world its thresholds, rewards and budgets
would touch everybody or nobody, so they are written as multiples of that world's mean order and order flow.
"""

from __future__ import annotations

import math
import re

from crmlab.sim.mechanisms.acquisition.channels import hill_leads
from crmlab.sim.world import World

SILVER, REWARD = 2.13, 0.142  # mean orders: spend of 52 weeks for the silver tier, worth of a reward
EXAMPLE_SILVER, EXAMPLE_GOLD = 75, 225  # in the shipped example
EXAMPLE_CHANNELS = ("paid_social", "content")  # less of the one, more of the other

POINTS_RATE, MORE_MEDIA = 0.04, 1.2
MORE_ARMS = """
# One arm of each further kind, in this world's money: a mean order is {mean}; today's media budgets are
# {budget} a week and win some {won} new customers. Delete the arms that are not of interest.
[arms.points]
description = "A programme: points worth 4 %, which silver and gold members earn faster."
[[arms.points.strategies]]
kind = "points_and_tiers"
earn_rate = 0.04
reward_value = {reward}      # {reward_orders} mean orders, or {reward_spend} of spend
silver_spend = {silver}      # {silver_orders} mean orders
gold_factor = 3

[arms.ladder]
description = "A discount that grows with the orders of 52 weeks."
[[arms.ladder.strategies]]
kind = "discount_ladder"
basis = "orders"
thresholds = [2, 4, 8]
rates = [0.03, 0.05, 0.10]

[arms.regulars]
description = "5 % off for those who order regularly; one in ten is left alone."
[[arms.regulars.strategies]]
kind = "targeted_discount"
rate = 0.05
target = {{ orders_52 = [3, 999], weeks_since_order = [0, 26] }}
holdout = 0.1

[arms.coupon]
description = "10 % off one order of the next four weeks, for everybody, once a quarter; one in ten is left alone."
[[arms.coupon.strategies]]
kind = "coupon"
rate = 0.10
valid_weeks = 4
every_weeks = 13
holdout = 0.1

[arms.win_back]
description = "15 % off one order after half a year of silence; one in ten is left alone."
[[arms.win_back.strategies]]
kind = "win_back_coupon"
rate = 0.15
silent_weeks = 26
holdout = 0.1
"""
WELCOME_ARM = """
[arms.welcome]
description = "10 % off the first order."
[[arms.welcome.strategies]]
kind = "first_order_offer"
rate = 0.10
"""
MEDIA_ARM = """
[arms.media]
description = "A fifth more media: {more_media} a week."
[[arms.media.strategies]]
kind = "channel_mix"
total = 1.2
"""
FRIENDS_ARM = """
[arms.friends]
description = "A tenth of a friend's first order for who sent him, a fifth off for the friend."
[[arms.friends.strategies]]
kind = "referral_reward"
reward_share = 0.10
friend_rate = 0.20
"""


def experiment_text(example: str, world: World) -> str:
    """The example as an experiment in this world; `example` is the text of the shipped file."""
    silver, reward = money_of(world)
    gold = 3 * silver
    text = example.replace(f"from {EXAMPLE_SILVER} spent within a year", f"from {silver:g} spent within a year")
    text = text.replace(f"10 % from {EXAMPLE_GOLD}", f"10 % from {gold:g}")
    about = f"# {silver / world.mean_order:.1f} mean orders of {world.mean_order:.2f}"
    text = re.sub(rf"silver_spend = {EXAMPLE_SILVER}\b( *#.*)?", f"silver_spend = {silver:g}     {about}", text)
    if rows := world.population.customers:
        text = re.sub(
            r"customers = \d+ .*", f"customers = {rows:<16}# rows at the start: as many as the world has", text, count=1
        )
    return _with_channels(text, world) + _more(world, silver, reward)


def money_of(world: World) -> tuple[float, float]:
    """Spend of 52 weeks that makes silver, and the worth of a reward: round numbers."""
    silver = round_number(SILVER * world.mean_order)
    reward = round_number(REWARD * world.mean_order)
    return silver, reward


def round_number(value: float) -> float:
    """The nearest round number: one that a shop would announce, such as 75, 300 or 900."""
    power = 10.0 ** math.floor(math.log10(value))
    steps = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 7.5, 8, 9, 10)
    return float(f"{min(steps, key=lambda step: abs(math.log(step * power / value))) * power:.6g}")


def _with_channels(text: str, world: World) -> str:
    """The example's media arms with this world's paid channels; without two of them there is nothing to shift."""
    paid = [channel.name for channel in world.channels if channel.budget > 0]
    if set(EXAMPLE_CHANNELS) <= set(paid):
        return text
    if len(paid) < 2:
        return re.sub(
            r"\[arms\.(mix|tiers_and_mix)\]\n.*?(?=\n\[arms\.(?!mix|tiers_and_mix)\w+\]\n)", "", text, flags=re.S
        )
    largest = sorted(paid, key=lambda name: -next(c.budget for c in world.channels if c.name == name))
    less, more = largest[0], largest[1]
    text = text.replace("{ paid_social = 0.5, content = 2.0 }", f"{{ {less} = 0.5, {more} = 2.0 }}")
    return text.replace("less paid social, more content", f"less {less}, more {more}".replace("_", " "))


def _more(world: World, silver: float, reward: float) -> str:
    """An arm of every further kind, in this world's money, as far as the world has what it acts on."""
    budget = math.fsum(channel.budget for channel in world.channels)
    won = math.fsum(hill_leads(channel, channel.budget) * channel.p_convert for channel in world.channels)
    words = {
        "mean": f"{world.mean_order:.2f}",
        "budget": f"{budget:,.2f}",
        "won": f"{won:,.0f}",
        "reward": f"{reward:g}",
        "reward_orders": f"{reward / world.mean_order:.2f}",
        "reward_spend": f"{reward / POINTS_RATE:g}",
        "silver": f"{silver:g}",
        "silver_orders": f"{silver / world.mean_order:.1f}",
        "more_media": f"{MORE_MEDIA * budget:,.2f}",
    }
    parts = [
        MORE_ARMS,
        WELCOME_ARM if world.channels else "",
        MEDIA_ARM if budget > 0 else "",
        FRIENDS_ARM if world.word_of_mouth.on else "",
    ]
    return "".join(parts).format_map(words)
