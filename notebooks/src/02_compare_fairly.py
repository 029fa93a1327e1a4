# %% [markdown]
# # 02 A first policy, compared fairly
#
# **Goal.** You can compare two policies so that the answer is about the policies, and say how sure it is.
#
# **What you will decide.** Do discount tiers (5 % off from 75 spent within a year, 10 % from 225) pay?
#
# **Before this:** [01 One customer's life and one week](01_one_life.ipynb). **Time:** 35 minutes.

# %%
import os
import platform
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import display
from scipy import stats

import crmlab.experiments
from crmlab.experiments.charts import Look, lift_forest, profit_waterfall
from crmlab.experiments.experiment import Arm
from crmlab.experiments.questions.compare.compare import compare
from crmlab.experiments.replication.replication import run_replication
from crmlab.experiments.spec.experiment_file import load_experiment
from crmlab.experiments.statistics import effects
from crmlab.sim import Play
from crmlab.strategies import DiscountTiers

FAST = os.environ.get("CRMLAB_FAST") == "1"  # smaller markets, for testing these notebooks
CUSTOMERS, REPLICATIONS, WEEKS = (300, 3, 54) if FAST else (2000, 16, 104)
LIBRARY = Path(crmlab.experiments.__file__).parent / "library"

print("Python", platform.python_version(), "| crmlab", version("crmlab"), "| plotly", version("plotly"))

# %% [markdown]
# ## 1. The question, as a file
#
# An experiment is a page of text: a world, a baseline, arms, and the design of the comparison. This one ships with
# crmlab; we keep two of its arms.

# %%
settings = {"customers": CUSTOMERS, "replications": REPLICATIONS, "weeks": WEEKS, "seed": 1}
shipped = load_experiment(LIBRARY / "discounts.toml", [f"design.{key}={value}" for key, value in settings.items()])
arms = {arm.name: arm for arm in shipped.arms}
question = replace(shipped, name="tiers", arms=(arms["today"], arms["tiers"]))
print(question.purpose)
for arm in question.arms:
    print(f"  {arm.name}: {arm.description} ({', '.join(play.name for play in arm.plays)})")
plan = arms["tiers"].plays[-1].strategy
gold_spend, gold_rate = plan.gold_factor * plan.silver_spend, plan.silver_rate + plan.gold_extra
print(f"silver: {plan.silver_rate:.0%} from {plan.silver_spend:g}, gold: {gold_rate:.0%} from {gold_spend:g}")
# claims: "5 % off from 75 spent within a year": (plan.silver_rate, plan.silver_spend) == (5 / 100, 75)
# claims: "10 % from 225": (round(100 * gold_rate, 6), gold_spend) == (10, 225)

# %% [markdown]
# **Predict**, and write it down: will tiers raise the number of orders? The contribution (what is left after goods,
# shipping, payment and media)? By how many per cent?
#
# ## 2. Many worlds with other luck
#
# A *replication* is one draw of people and luck, named by its number. Replication 3 is the same under every policy,
# today and next year. We live all of them under both arms.


# %%
def simulate(experiment, kpi):
    """One row per replication, one column per arm."""
    rows = [
        {run.arm: run.kpis[kpi] for run in run_replication(experiment, replication)}
        for replication in range(experiment.design.replications)
    ]
    return pd.DataFrame(rows).rename_axis("replication")


orders = simulate(question, "orders")
display(orders.head())
# claims: "Within a row, the two policies are close": orders.diff(axis=1).std().max() < orders.std().min() / 3
# claims: "Orders rise": (orders["tiers"] > orders["today"]).all()

# %% [markdown]
# Look down a column, then across a row. The same policy differs a lot between replications: other people, other luck.
# Within a row, the two policies are close.
#
# ### Exercise 1 (core): fair and unfair differences
#
# - **Fair**: each replication of `tiers` is compared with the *same* replication of `today`.
# - **Unfair**: each replication of `tiers` is compared with the *next* replication of `today` (the last one with the
#   first): other people, other luck. That is what a test on two different groups or in two different years does.
#
# **Predict.** Will the two kinds of difference have the same mean? The same spread?
#
# <details><summary>Hint</summary>`np.roll(values, -1)` moves every value one place up, and the first to the
# end.</details>


# %% tags=["exercise"]
def fair_differences(simulated):
    """tiers minus today, replication by replication. Array of shape [replications]."""
    ### BEGIN SOLUTION
    return (simulated["tiers"] - simulated["today"]).to_numpy()
    ### END SOLUTION


def unfair_differences(simulated):
    """tiers minus today of the next replication. Array of shape [replications]."""
    ### BEGIN SOLUTION
    return simulated["tiers"].to_numpy() - np.roll(simulated["today"].to_numpy(), -1)
    ### END SOLUTION


for kind, differences in (("fair", fair_differences(orders)), ("unfair", unfair_differences(orders))):
    print(f"{kind:>7}: mean {np.mean(differences):8.1f}, standard deviation {np.std(differences, ddof=1):8.1f}")

# %% tags=["check"]
toy = pd.DataFrame({"today": [10.0, 20.0, 30.0], "tiers": [11.0, 22.0, 33.0]})
assert np.allclose(fair_differences(toy), [1, 2, 3]), "Fair: tiers minus today in the same row (mind the sign)."
assert np.allclose(unfair_differences(toy), [-9, -8, 23]), (
    "Unfair: tiers minus today of the next row; the last row of tiers meets the first row of today."
)
fair, unfair = fair_differences(orders), unfair_differences(orders)
assert np.isclose(fair.mean(), unfair.mean()), "Both kinds have the same mean: each value is used exactly once."
assert fair.std() < unfair.std(), "Fair differences spread less than unfair ones. Are the rows in order?"
print("Right. Same mean, other spread: fairness costs nothing and buys precision.")

# %% [markdown] tags=["teacher"]
# > **For teachers.** Goal: common random numbers, felt before named. Typical wrong answers: today minus tiers; pandas
# > aligning on the index and undoing the shift (use arrays). Ask: in which real tests is the comparison of the fair
# > kind? (None is. Matched pairs and pre-periods come closest.)

# %% [markdown]
# This is called **common random numbers**. It works because luck in crmlab belongs to the person, not to the run: the
# k-th order of customer 17 has the same basket whatever the policy. The extreme case is a policy that does nothing new:
# every difference is exactly 0, not just nearly.

# %%
placebo = Arm("tiers", (*arms["today"].plays, Play("tiers", DiscountTiers(silver_rate=0.0, gold_extra=0.0))))
same = simulate(replace(question, arms=(arms["today"], placebo)), "orders")
print((same["tiers"] - same["today"]).to_numpy())

# %% [markdown]
# ## 3. How sure?
#
# With few replications the spread itself is a guess, so the interval must be wider than the textbook 1.96 standard
# errors. How much wider, Student's t says:

# %%
for n in (2, 4, 8, 16, 100):
    print(f"{n:3} replications: {stats.t.ppf(0.975, n - 1):5.2f} standard errors to either side")

# %% [markdown]
# ### Exercise 2 (core): an interval
#
# The 95 % interval of a mean of n differences is mean ± t · s / √n, where s is their standard deviation and t the
# 97.5 % point of Student's t with n - 1 degrees of freedom.
#
# <details><summary>Hint</summary>`stats.t.ppf(0.975, n - 1)`; `np.std(..., ddof=1)`.</details>


# %% tags=["exercise"]
def interval(differences):
    """(low, high) of the 95 % interval of the mean difference."""
    ### BEGIN SOLUTION
    n = len(differences)
    half = stats.t.ppf(0.975, n - 1) * np.std(differences, ddof=1) / np.sqrt(n)
    return np.mean(differences) - half, np.mean(differences) + half
    ### END SOLUTION


for kind, differences in (("fair", fair_differences(orders)), ("unfair", unfair_differences(orders))):
    low, high = interval(differences)
    print(f"{kind:>7}: orders {low:+8.0f} to {high:+8.0f}")

# %% tags=["check"]
low, high = interval(np.array([1.0, 2.0, 3.0]))
assert np.isclose((low + high) / 2, 2), "The interval must lie evenly around the mean."
assert not np.isclose(high - 2, 1.96 / np.sqrt(3)), "With few replications 1.96 is too narrow: use Student's t."
assert not np.isclose(high - 2, 4.302653), "Divide by the square root of n: this is the interval of a mean."
assert np.isclose(high, 2 + 4.302653 / np.sqrt(3), atol=1e-4), (
    f"For differences 1, 2, 3 the upper end is 4.484, not {high:.3f}. Is it ddof=1, and n - 1 degrees of freedom?"
)
print("Right. An interval that leaves out 0 decides the sign.")

# %% [markdown] tags=["teacher"]
# > **For teachers.** Goal: the interval of a *mean* difference. Typical wrong answers: 1.96; ddof=0; no square root.
# > Ask: this interval shrinks with more replications. To what? (To the effect in *this world as stated*: nothing here
# > says that the world is ours. That is what the second interval below is for.)

# %% [markdown]
# ### Exercise 3 (core): what fairness is worth
#
# With two independent groups, the variance of the difference would be Var(tiers) + Var(today). The
# **variance-reduction factor** is that, divided by the variance of the fair differences: how many times more
# replications the unfair way needs.
#
# <details><summary>Hint</summary>`run["today"].var()` has ddof=1 already. Use it for all three.</details>


# %% tags=["exercise"]
def variance_reduction(simulated):
    """How many times more replications independent groups would need for the same precision."""
    ### BEGIN SOLUTION
    return (simulated["tiers"].var() + simulated["today"].var()) / (simulated["tiers"] - simulated["today"]).var()
    ### END SOLUTION


print(f"orders: {variance_reduction(orders):.0f} times")

# %% tags=["check"]
wanted = effects.variance_reduction(orders["tiers"].to_numpy(), orders["today"].to_numpy())
mine = variance_reduction(orders)
assert not np.isclose(mine, 1 / wanted), "That is the inverse: independent variance goes on top."
assert np.isclose(mine, wanted), (
    f"It is {wanted:.1f} here, not {mine:.1f}: sum of both variances / variance of differences."
)
print(f"Right: {REPLICATIONS} fair replications are worth about {REPLICATIONS * mine:,.0f} unfair ones.")

# %% [markdown] tags=["teacher"]
# > **For teachers.** Goal: put a number on a good design. With few replications the factor itself is rough (a ratio of
# > two estimated variances). Ask: why does it fall when the policy is stronger? (More orders without a counterpart.)

# %% [markdown]
# ## 4. All of it at once
#
# `compare` does the same for every KPI, and asks a second question: what if the numbers of the world that nobody knows
# (how strongly people react to prices, for one) are not as stated? It lives other possible worlds too.

# %%
comparison = compare(question, workers=1)
look = Look("today", ("today", "tiers"), question.world.economics.currency)
forest = lift_forest(comparison.effects, look, question.design.primary)
forest.figure.show()
print(forest.sentence)
print(forest.note)

# %% [markdown]
# The thick lines count luck alone; they shrink with more replications. The thin lines count luck and what we do not
# know of the world; they do not. Where does the money go?

# %%
waterfall = profit_waterfall(comparison.tables["profit"], look, "tiers")
waterfall.figure.show()
print(waterfall.sentence)

# %% [markdown]
# ## 5. Decide, then change one thing
#
# Go back to your prediction. Orders rise; does that mean that the policy pays?
#
# ### Exercise 4 (stretch): half as generous
#
# Would smaller discounts do less harm? Build an arm called `tiers` with half of both rates (2.5 % and 5 %), and compare
# it fairly on contribution.
#
# <details><summary>Hint</summary>`DiscountTiers(silver_rate=..., gold_extra=...)`: `gold_extra` comes on top of the
# silver rate, and is 0.05 now. The placebo above shows how an arm is built.</details>


# %% tags=["exercise"]
def half_as_generous():
    """Today's plays and discount tiers with half the rates."""
    ### BEGIN SOLUTION
    return Arm("tiers", (*arms["today"].plays, Play("tiers", DiscountTiers(silver_rate=0.025, gold_extra=0.025))))
    ### END SOLUTION


gains = {}
for name, arm in (("tiers", arms["tiers"]), ("half as generous", half_as_generous())):
    differences = fair_differences(simulate(replace(question, arms=(arms["today"], arm)), "contribution"))
    gains[name] = differences.mean()
    low, high = interval(differences)
    print(f"{name:>17}: contribution {gains[name]:+9,.0f}  ({low:+,.0f} to {high:+,.0f})")
# claims: "half of both rates (2.5 % and 5 %)": [50 * plan.silver_rate, round(50 * gold_rate, 6)] == [2.5, 5]
# claims: "`gold_extra` comes on top of the silver rate, and is 0.05 now": plan.gold_extra == 0.05
# claims: "money decides, not volume": gains["tiers"] < 0 < fair_differences(orders).mean()
# claims: "Would smaller discounts do less harm?": gains["tiers"] < gains["half as generous"] < 0

# %% tags=["check"]
mine = half_as_generous()
assert mine.name == "tiers", 'Call the arm "tiers", so that fair_differences finds it.'
tiers = mine.plays[-1].strategy
assert np.isclose(tiers.silver_rate, 0.025), f"The silver rate is {tiers.silver_rate}; half of 5 % is 0.025."
assert np.isclose(tiers.gold_extra, 0.025), "gold_extra comes on top of silver: 0.025 + 0.025 makes the 5 % of gold."
assert len(mine.plays) == len(arms["today"].plays) + 1, "Keep today's plays: without them there is no media at all."
shares = gains["half as generous"] / gains["tiers"]
print(f"Right. Half the rate does {shares:.0%} of the harm: and no discount at all would do none.")

# %% [markdown] tags=["teacher"]
# > **For teachers.** Goal: change one thing, compare fairly, decide on money rather than on volume. Typical wrong
# > answers: gold_extra = 0.05 (it is on top); forgetting today's plays, which compares "no media" with today. Ask:
# > who would still be for the tiers after this, and which assumption would they attack? (`breakeven` in
# > `comparison.tables` says how much more elastic customers would have to be.)

# %% [markdown]
# **What you know now.** Same people, same luck; differences first, then the mean; two intervals for two questions; and
# money decides, not volume. The same from the command line: `crmlab compare FILE` writes all this as a report.
#
# With such a cheap laboratory it is tempting to try a hundred variants and to keep the best. That is the next trap:
# [03 Tune without fooling yourself](03_tune.ipynb).
