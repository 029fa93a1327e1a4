# %% [markdown]
# # 01 One customer's life and one week
#
# **Goal.** You can say what makes a simulated customer order in a given week, and what the firm sees of it.
#
# **What you will decide.** Does a 10 % discount bring orders, or does it pay for orders that would have come anyway?
#
# **Before this:** [00 Start here](00_start_here.ipynb). **Time:** 30 minutes.

# %%
import os
import platform
from dataclasses import replace
from importlib.metadata import version

import numpy as np
import pandas as pd
from IPython.display import display

from crmlab.experiments.charts import Look
from crmlab.experiments.experiment import Arm, Design, Experiment
from crmlab.experiments.files.world_file import load_world
from crmlab.experiments.replication.replication import run_replication
from crmlab.experiments.twins.chart import twin_chart
from crmlab.experiments.twins.twins import simulate_twins
from crmlab.sim import Play
from crmlab.sim.agent_market import AgentMarket
from crmlab.sim.behavior import price_log_effect
from crmlab.sim.customers import CUSTOMER, GONE
from crmlab.sim.market import Market
from crmlab.sim.outcome import MarketOutcome
from crmlab.strategies import PriceCut

FAST = os.environ.get("CRMLAB_FAST") == "1"  # smaller markets, for testing these notebooks
CUSTOMERS = 300 if FAST else 2000
SEED = 1  # names the luck: the same seed gives the same numbers, here and on your neighbour's machine

print("Python", platform.python_version(), "| crmlab", version("crmlab"), "| plotly", version("plotly"))

# %% [markdown]
# ## 1. People in a box
#
# A world file describes a market: how often people order, how they leave, what an order is worth, which channels win
# new ones. `shop` ships with crmlab and is made up. We found a market of it: customers with a past, and 33 times as
# many prospects.

# %%
shop = load_world("shop")
world, today = shop.world, shop.today  # the market, and today's policy: media budgets, no discount
market = Market(world, today, customers=CUSTOMERS, seed=SEED)
people = market.customers
alive = np.flatnonzero(people.stage == CUSTOMER)
hidden = ["order_rate", "departure_rate", "order_clock", "life_clock"]
founding = pd.DataFrame({name: getattr(people, name)[alive].astype(float) for name in hidden}, index=alive)
founding.index.name = "customer"
# claims: "33 times as many prospects": people.n == CUSTOMERS + 33 * CUSTOMERS
print(f"{people.n:,} people, of whom {len(alive):,} are customers in week 0")
display(founding.head())

# %% [markdown]
# Nobody in a firm has ever seen such a table. This is what the firm knows of the same people: records of behaviour, and
# nothing else. Asking its view for more is an error, so no strategy can cheat.

# %%
view = market.look()
seen = {"orders": view.orders, "weeks_since_order": view.weeks_since_order, "spend": view.spend}
display(pd.DataFrame(seen).head())
try:
    print(view.order_rate)
except AttributeError as error:
    print("AttributeError:", error)

# %% [markdown]
# Note what else is missing: whether somebody is still a customer. The firm sees orders and silence. People who left are
# in its records like everybody else.
#
# ## 2. Luck is a clock
#
# Each customer carries an **order clock**: the amount of *hazard* still to be run before the next order. In a week
# the customer lives through hazard `order_rate` (orders per week), and the clock runs down by that much. When it
# reaches 0, an order is placed, at that very moment within the week, and a new clock is drawn.
#
# The luck is in how far the clock is wound, and it belongs to the person. A policy only changes how fast it runs down.
#
# **Predict.** A clock stands at 0.30 and the customer orders 0.06 times a week. In how many weeks is the next order?
# Write your number down before you go on.
#
# ### Exercise 1 (core): when is the next order?
#
# <details><summary>Hint</summary>Distance and speed. How long does it take to live through 0.30 at 0.06 a
# week?</details>


# %% tags=["exercise"]
def weeks_until(clock, rate):
    """Weeks until a clock that runs down by `rate` a week reaches 0."""
    ### BEGIN SOLUTION
    return clock / rate
    ### END SOLUTION


print("Your answer to the prediction:", weeks_until(0.30, 0.06))

# %% tags=["check"]
WEEKS = 52
market.run(WEEKS)
record = MarketOutcome(market)
placed = pd.DataFrame({"row": record.orders.row, "moment": record.moment})
first_order = placed.groupby("row")["moment"].min()  # in weeks from week 0

predicted = founding.apply(lambda one: weeks_until(one["order_clock"], one["order_rate"]), axis=1)
left_before = founding["life_clock"] / founding["departure_rate"] < predicted
expected = predicted[(predicted < WEEKS) & ~left_before]
assert np.isclose(weeks_until(0.30, 0.06), 5.0), "0.30 at 0.06 a week takes 5 weeks: divide the clock by the rate."
gap = (first_order.reindex(expected.index) - expected).abs().max()
assert gap < 0.01, f"The simulation placed a first order {gap:.2f} weeks away from your answer."
print(f"Right: all {len(expected)} customers placed their next order at the moment you computed.")

# %% [markdown] tags=["teacher"]
# > **For teachers.** Goal: an exponential waiting time split into luck (the clock) and rate (the person and the
# > policy). Typical wrong answers: `rate / clock`; rounding to whole weeks. Ask: two customers have the same rate,
# > yet one orders next week and one next year. What differs, and could the firm know it?

# %% [markdown]
# ## 3. Or they leave first
#
# A second clock, the **life clock**, runs down by `departure_rate` a week. Whichever reaches 0 first decides.
#
# ### Exercise 2 (core): order or departure?
#
# <details><summary>Hint</summary>You have a function for the time of each. Compare the two times.</details>


# %% tags=["exercise"]
def what_comes_first(order_clock, order_rate, life_clock, departure_rate):
    """ "orders" or "leaves": the next event in a customer's life."""
    ### BEGIN SOLUTION
    orders_in = order_clock / order_rate
    leaves_in = life_clock / departure_rate
    return "orders" if orders_in < leaves_in else "leaves"
    ### END SOLUTION


nexts = [what_comes_first(c.order_clock, c.order_rate, c.life_clock, c.departure_rate) for c in founding.itertuples()]
print(pd.Series(nexts).value_counts().to_string())

# %% tags=["check"]
answers = pd.Series(
    [what_comes_first(c.order_clock, c.order_rate, c.life_clock, c.departure_rate) for c in founding.itertuples()],
    index=founding.index,
)
assert set(answers) <= {"orders", "leaves"}, 'Return one of the two words "orders" and "leaves".'
gone = pd.Series(market.customers.stage[founding.index] == GONE, index=founding.index)
silent = ~founding.index.isin(first_order.index)
wrong = answers[gone & silent] == "orders"
assert not wrong.any(), f"{wrong.sum()} customers left without another order, and you let them order first."
wrong = answers[~silent] == "leaves"
assert not wrong.any(), f"{wrong.sum()} customers did order again, and you let them leave first."
print(f"Right: {(answers == 'leaves').sum()} of {len(answers)} customers will leave without another order.")

# %% [markdown] tags=["teacher"]
# > **For teachers.** Goal: competing risks; this is the Pareto/NBD model, told one life at a time. Typical wrong
# > answer: comparing clocks instead of times. Ask: the firm sends a "we miss you" coupon after 26 weeks of silence.
# > What share of its readers has left? What would the firm need in order to know?

# %% [markdown]
# ## 4. What a price does
#
# The rules of behaviour are small functions in `sim/behavior.py`. This one says how a price moves the order rate. Let
# `P` be the price as a share of today's price, and `R` the price the customer thinks normal:
#
# $$\text{log effect} = \text{gain} \cdot \ln\frac{R}{P} - \text{elasticity} \cdot \ln P, \qquad
# \text{order rate} \to \text{order rate} \cdot e^{\text{log effect}}$$
#
# (Where the price lies above `R`, its first part weighs more: losses hurt. Here we only look at discounts.)
#
# **Predict.** Elasticity 1.8, gain 0.8, 10 % off. By how many per cent does the order rate rise in the first week?
#
# ### Exercise 3 (core): the factor on the order rate
#
# <details><summary>Hint</summary>`np.log` and `np.exp`. At P = 1 and R = 1 the factor must be 1.</details>


# %% tags=["exercise"]
def order_factor(price, reference, elasticity, gain):
    """By what factor the order rate changes at a price not above the reference price."""
    ### BEGIN SOLUTION
    return np.exp(gain * np.log(reference / price) - elasticity * np.log(price))
    ### END SOLUTION


print(f"10 % off: the order rate is multiplied by {order_factor(0.9, 1.0, 1.8, 0.8):.3f}")
# claims: "Elasticity 1.8, gain 0.8": (world.price.elasticity, world.price.gain) == (1.8, 0.8)

# %% tags=["check"]
assert np.isclose(order_factor(1.0, 1.0, 1.8, 0.8), 1.0), "At today's price nothing may change: the factor must be 1."
assert order_factor(0.9, 1.0, 1.8, 0.8) > 1, "A lower price must raise the order rate: look at your signs."
assert order_factor(0.9, 0.95, 1.8, 0.8) < order_factor(0.9, 1.0, 1.8, 0.8), (
    "Who already thinks a lower price normal is surprised less: the factor must grow with the reference price."
)
for price, reference in [(0.9, 1.0), (0.8, 0.9), (0.95, 0.97)]:
    wanted = np.exp(price_log_effect(price, reference, 1.8, 0.8, 1.5, 0.2))
    mine = order_factor(price, reference, 1.8, 0.8)
    assert np.isclose(mine, wanted), (
        f"At P = {price}, R = {reference} the simulation uses {wanted:.4f}, not {mine:.4f}."
    )
print("Right: your function is the one in sim/behavior.py.")

# %% [markdown] tags=["teacher"]
# > **For teachers.** Goal: read one rule of behaviour and see that it is a plain function. Typical wrong answers:
# > `np.log10`; the sign of the elasticity term; adding 1 to the log effect instead of taking its exponential. Ask:
# > after a year of 10 % off, R has come down to 0.9. What is the factor now? And on the day the discount ends?

# %% [markdown]
# ## 5. A whole week
#
# A week of the market has seven steps:

# %%
print(Market.step.__doc__)
# claims: "has seven steps": sum(line.strip()[:1].isdigit() for line in Market.step.__doc__.splitlines()) == 7

# %% [markdown]
# `Market` lives all people in one compiled pass over columns. `AgentMarket` tells the same story with one Mesa agent
# per person, a thousand times slower and easier to read (`sim/customer_agent.py`). They agree to the last bit:

# %%
few = {"customers": 4 if FAST else 10, "seed": SEED}
agents, columns = AgentMarket(world, today, **few).run(8), Market(world, today, **few).run(8)
print("the same orders: ", agents.customers.orders.tolist() == columns.customers.orders.tolist())
print("the same clocks: ", agents.customers.order_clock.tobytes() == columns.customers.order_clock.tobytes())
person = agents.people[0]
print(f"agent 0: {person.orders} orders, the last in week {person.last_order:.1f}, clock {person.order_clock:.3f}")

# %% [markdown]
# ## 6. Twin lives
#
# Now the question. We live the market twice, under today's policy and with 10 % off for everybody, and watch one
# person. Same person, same clocks, same baskets: whatever differs was done by the discount. No real firm can ever
# draw this.

# %%
cut = Arm("price_cut", (*today, Play("price_cut", PriceCut(rate=0.10))), "10 % off for everybody, always.")
question = Experiment(
    "one_life", world, (Arm("today", today), cut), Design(weeks=104, customers=CUSTOMERS, replications=2, seed=SEED)
)


def show_twins(twins):
    chart = twin_chart(twins, Look("today", ("today", twins.arm.arm)))
    chart.figure.show()
    print(chart.sentence)


show_twins(simulate_twins(question, like="typical"))

# %% [markdown]
# And somebody who does bring in more under the discount:

# %%
show_twins(simulate_twins(question, like="won"))

# %% [markdown]
# The lines join the same order in both lives. Look how they lean: orders come earlier, and at the end there may be one
# that would not have come at all.
#
# ## 7. Decide
#
# **Predict.** Of 100 orders bought at 10 % off, how many would have come anyway?
#
# ### Exercise 4 (core): orders that would have come anyway
#
# With the orders of both runs you can tell. (The discount hardly ever takes an order away here.)
#
# <details><summary>Hint</summary>The orders under today's policy are those that would have come anyway. What share is
# that of all orders bought at a discount?</details>


# %% tags=["exercise"]
def share_anyway(orders_today, orders_cut):
    """Share of the orders under a permanent discount for all that would have come without it."""
    ### BEGIN SOLUTION
    return orders_today / orders_cut
    ### END SOLUTION


kpis = {run.arm: run.kpis for run in run_replication(question, 0)}
anyway = share_anyway(kpis["today"]["orders"], kpis["price_cut"]["orders"])
print(f"{anyway:.0%} of the discounted orders would have come anyway.")
# claims: "most discounted orders would have come anyway": anyway > 0.5
display(pd.DataFrame(kpis).loc[["orders", "first_orders", "discounts", "contribution"]].round())

# %% tags=["check"]
assert np.isclose(share_anyway(80, 100), 0.8), "Of 100 orders at a discount 80 would have come anyway: that is 0.8."
orders = {arm: kpi_value["orders"] for arm, kpi_value in kpis.items()}
mine = share_anyway(orders["today"], orders["price_cut"])
assert 0.5 < mine < 1, f"Your share is {mine:.2f}; it lies between one half and one in this market."
print("Right. The discount was given on every one of those orders too: that is what it costs.")

# %% [markdown] tags=["teacher"]
# > **For teachers.** Goal: incrementality. Typical wrong answers: the share of *extra* orders instead of its
# > complement; dividing by the orders of today. Ask: your loyalty software reports "revenue from discounted orders".
# > Which part of it was caused by the discount? Who in the firm would rather not know?

# %% [markdown]
# ### Exercise 5 (stretch): change one thing
#
# Build the same arm with another rate. Is there a rate at which the contribution rises above today's?
#
# <details><summary>Hint</summary>`Arm(name, plays)`, where the plays are today's and one more, as in section
# 6.</details>


# %% tags=["exercise"]
def cut_of(rate):
    """An arm named "price_cut" with a price cut of this rate on top of today's plays."""
    ### BEGIN SOLUTION
    return Arm("price_cut", (*today, Play("price_cut", PriceCut(rate=rate))))
    ### END SOLUTION


def gains_of(rate):
    """What a price cut of this rate changes: orders and contribution."""
    runs = run_replication(replace(question, arms=(question.baseline, cut_of(rate))), 0)
    return {kpi: runs[1].kpis[kpi] - runs[0].kpis[kpi] for kpi in ("orders", "contribution")}


changes = pd.DataFrame({f"{rate:.0%}": gains_of(rate) for rate in (0.02, 0.05, 0.10, 0.20)})
display(changes.round())
# claims: "none of these rates pays": (changes.loc["contribution"] < 0).all()
# claims: "a margin of 45 %": round(100 * world.economics.gross_margin, 6) == 45
# claims: "elasticity of 1.8": world.price.elasticity == 1.8

# %% tags=["check"]
arm = cut_of(0.05)
assert [play.name for play in arm.plays][:-1] == [play.name for play in today], "Keep today's plays and add one."
assert arm.plays[-1].strategy.rate == 0.05, "The rate of the arm is not the one asked for."
small, large = gains_of(0.05), gains_of(0.20)
assert 0 < small["orders"] < large["orders"], "A deeper cut brings more orders: is the rate passed on to PriceCut?"
print(f"5 % off: {small['contribution']:+,.0f} of contribution. 20 % off: {large['contribution']:+,.0f}.")

# %% [markdown] tags=["teacher"]
# > **For teachers.** Goal: change exactly one thing. In this world none of these rates pays: with a margin of 45 % the
# > elasticity of 1.8 is too weak. Ask: at which margin or elasticity would 10 % off pay, and how would you find out
# > about your own?

# %% [markdown]
# **What you know now.** A week is a race of clocks; a policy changes their speed; firms see orders and silence; most
# discounted orders would have come anyway. One question is open: we looked at *one* run. How sure can we be?
# Next: [02 A first policy, compared fairly](02_compare_fairly.ipynb).
