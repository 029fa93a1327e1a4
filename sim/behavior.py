"""The rules of behaviour: small scalar functions with formula, unit and source, written once.

The compiled pass (`kernel.py`) and the one-agent-per-customer model (`customer_agent.py`) call the same functions, so
all floating-point arithmetic of behaviour lives here. Bit equality of the engines rests on a few habits: arguments and
results are float64, only `math` is used, no power operator, no fast-math; columns round when they store.

A price is written as a share of today's price: 1 is what customers pay today, 0.8 is 20 % less.
"""

from __future__ import annotations

import math

from crmlab.sim.jit import rule

# Guard on the summed effect of all strategies: it must not bind under any shipped policy.
MIN_LOG_EFFECT = math.log(0.2)
MAX_LOG_EFFECT = math.log(5.0)

MAX_REPAID = 0.9  # share of the hazard that a repayment can take away in one week

NOTHING, ORDERS, LEAVES = 0, 1, 2


@rule
def relative_price(rate, today_rate):
    """Price paid at discount `rate`, relative to what is paid under today's standing discount."""
    return 1.0 if rate == today_rate else (1.0 - rate) / (1.0 - today_rate)


@rule
def price_log_effect(price, reference, elasticity, gain, loss_aversion, latitude):
    """Change of the log order rate because of the price.

    -elasticity * ln P + gain * ln(R/P) where the price lies below the reference R. A price above it is a loss, weighed
    `loss_aversion` times as much, as far as it lies above what still seems the regular price: today's, unless somebody
    has got used to paying less than 1 / (1 + latitude) of it. So the end of a promotion is no loss.
    """
    if price == 1.0 and reference == 1.0:
        return 0.0
    surprise = 0.0
    if price < reference:
        surprise = gain * math.log(reference / price)
    else:
        usual = max(reference, min(1.0, reference * (1.0 + latitude)))
        if price > usual:
            surprise = loss_aversion * gain * math.log(usual / price)
    return surprise - elasticity * math.log(price)


@rule
def guarded(log_effect):
    """The summed log effect, kept within a factor of five."""
    return min(max(log_effect, MIN_LOG_EFFECT), MAX_LOG_EFFECT)


@rule
def order_hazard(base, price, other, debt, repay_share):
    """This week's order hazard and what of it goes to repay borrowed orders.

    `price` and `other` are what adds to the log order rate. What the price brings is partly borrowed from the future,
    so each week `repay_share` of the debt is paid back as a lower hazard. Returns (hazard, repayment, extra hazard
    because of the price), all per week.
    """
    log_effect = price + other
    lifted = base if log_effect == 0.0 else base * math.exp(guarded(log_effect))
    plain = base if other == 0.0 else base * math.exp(guarded(other))
    repay = min(debt * repay_share, MAX_REPAID * lifted)
    return lifted - repay, repay, lifted - plain


@rule
def next_debt(debt, repay, extra, pull_forward, present):
    """Debt after the share `present` of a week: less the repayment, plus the borrowed share of the extra hazard."""
    return max(0.0, debt - repay * present) + pull_forward * max(0.0, extra) * present


@rule
def adapted_reference(reference, price, carry_over):
    """The price thought normal after noticing a price once: carry_over * R + (1 - carry_over) * P."""
    return carry_over * reference + (1.0 - carry_over) * price


@rule
def next_event(order_clock, order_hazard, life_clock, departure_hazard, left):
    """What happens first in the `left` share of the week, and how far into it: (NOTHING | ORDERS | LEAVES, when).

    Each clock holds the hazard still to be lived before its event; hazards are constant within the week, so the time
    of an event is exact: clock / hazard.
    """
    what = NOTHING
    when = left
    if order_clock < order_hazard * left:
        what = ORDERS
        when = min(order_clock / order_hazard, left)
    if life_clock < departure_hazard * when:
        what = LEAVES
        when = min(life_clock / departure_hazard, when)
    return what, when


@rule
def run_down(clock, hazard, present):
    """A clock after the share `present` of a week under this hazard."""
    return max(0.0, clock - hazard * present)


@rule
def reach_moment(threshold, before, after):
    """Share of the week at which a channel's clock, moving from `before` to `after`, passes a person's threshold."""
    return (threshold - before) / (after - before)


@rule
def list_value(mean_order, gamma_quantile, shape, today_rate, minor):
    """Minor units of a basket at list price: Gamma with the given shape around the customer's own mean.

    The mean was estimated from what people paid under today's standing discount, hence the division.
    """
    return math.floor(mean_order * gamma_quantile / shape / (1.0 - today_rate) * minor + 0.5)


@rule
def paid_value(value, rate):
    """Minor units paid for a basket after a discount, rounded once per order."""
    return math.floor(value * (1.0 - rate) + 0.5)
