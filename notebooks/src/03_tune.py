# %% [markdown]
# # 03 Tune without fooling yourself
#
# **Goal.** You can search for a good policy and report what it will really bring.
#
# **What you will decide.** Which of many candidates do you believe in, and what do you promise for it?
#
# **Before this:** [02 A first policy, compared fairly](02_compare_fairly.ipynb). **Time:** 40 minutes.

# %%
import os
import platform
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import display

import crmlab.experiments
from crmlab.experiments.experiment import Arm
from crmlab.experiments.questions.tune.tune import tune
from crmlab.experiments.replication.replication import run_replication
from crmlab.experiments.spec.experiment_file import load_experiment, load_tuning
from crmlab.sim import Discount, Play
from crmlab.sim.draws import CONFIRM, SEARCH
from crmlab.strategies import ChannelMix, DiscountTiers

FAST = os.environ.get("CRMLAB_FAST") == "1"  # smaller markets, for testing these notebooks
CUSTOMERS, CANDIDATES, FRESH = (200, 12, 3) if FAST else (1000, 30, 12)
LIBRARY = Path(crmlab.experiments.__file__).parent / "library"

print("Python", platform.python_version(), "| crmlab", version("crmlab"), "| plotly", version("plotly"))

# %% [markdown]
# ## 1. Thirty campaigns, all the same
#
# Here are many campaigns. Each gives 10 % off to a fifth of the customers, drawn by lot. Only the lot differs: campaign
# 7 draws other people than campaign 8. **All have the same true effect, by construction.**


# %%
@dataclass(frozen=True)
class TenPercentByLot:
    """10 % off for a fifth of the customers, drawn under a name of its own."""

    draw: str = "campaign 0"

    def decide(self, view):
        return [Discount(np.where(view.uniform(self.draw) < 0.2, 0.10, 0.0))]


settings = [f"design.customers={CUSTOMERS}", "design.weeks=52", "design.seed=1"]
shipped = load_experiment(LIBRARY / "discounts.toml", settings)
today = shipped.baseline
campaigns = {f"campaign {k}": TenPercentByLot(f"campaign {k}") for k in range(CANDIDATES)}


def gains(candidates, kpi, replications, use):
    """What candidates change against today: one row per replication, one column per candidate.

    `use` names a family of luck. The luck that a search sees (SEARCH) never occurs in a confirmation (CONFIRM).
    """
    arms = [Arm(name, (*today.plays, Play("candidate", strategy))) for name, strategy in candidates.items()]
    question = replace(shipped, arms=(today, *arms))
    rows = []
    for replication in range(replications):
        runs = run_replication(question, replication, use=use)
        rows.append({run.arm: run.kpis[kpi] - runs[0].kpis[kpi] for run in runs[1:]})
    return pd.DataFrame(rows).rename_axis("replication")


searched = gains(campaigns, "contribution", 1, SEARCH).loc[0]
# claims: "Some campaigns look clearly better than others": searched.max() - searched.mean() > 1.5 * searched.std()
display(searched.sort_values().round().to_frame("gain in contribution, one replication"))

# %% [markdown]
# A tempting table. Some campaigns look clearly better than others, and it was even a fair comparison: each was run by
# the same people with the same luck.
#
# ### Exercise 1 (core): the winner
#
# <details><summary>Hint</summary>`Series.idxmax`.</details>


# %% tags=["exercise"]
def winner_of(gain_by_candidate):
    """Name of the candidate with the largest gain. `gain_by_candidate` is a Series."""
    ### BEGIN SOLUTION
    return gain_by_candidate.idxmax()
    ### END SOLUTION


best = winner_of(searched)
print(f"The winner is {best}: {searched[best]:+,.0f}, against {searched.mean():+,.0f} on average.")

# %% tags=["check"]
assert winner_of(pd.Series({"a": -3.0, "b": -1.0, "c": -2.0})) == "b", "Larger is better: of -3, -1, -2 it is -1."
assert winner_of(searched) in campaigns, "Return the name of a candidate, not its number or its gain."
print("Right. Now, what would you promise your boss for this campaign?")

# %% [markdown] tags=["teacher"]
# > **For teachers.** Goal: let everybody fall for it. Have the class write down what they would promise. Typical wrong
# > answer: largest absolute value.

# %% [markdown]
# **Predict.** We now live the winner again, with luck that the search has not seen. Will its gain be higher, lower, or
# about the same?
#
# ### Exercise 2 (core): optimism
#
# *Optimism* is what the search promised less what fresh luck delivers on average.
#
# <details><summary>Hint</summary>The mean of the winner's column of `fresh`, taken from its gain in
# `searched`.</details>


# %% tags=["exercise"]
def optimism(searched, fresh, name):
    """Gain of a candidate in the search minus its mean gain on fresh luck.

    `searched` is a Series by candidate, `fresh` a table with a row per replication and a column per candidate.
    """
    ### BEGIN SOLUTION
    return searched[name] - fresh[name].mean()
    ### END SOLUTION


best = searched.idxmax()
fresh = gains({best: campaigns[best]}, "contribution", FRESH, CONFIRM)
print(f"promised {searched[best]:+,.0f}, delivered {fresh[best].mean():+,.0f} on average of {FRESH} replications")
print(f"optimism {optimism(searched, fresh, best):+,.0f}")
# claims: "the winner was good, or lucky": optimism(searched, fresh, best) > 0

# %% tags=["check"]
toy_fresh = pd.DataFrame({"a": [1.0, 3.0], "b": [9.0, 9.0]})
assert np.isclose(optimism(pd.Series({"a": 5.0, "b": 0.0}), toy_fresh, "a"), 3.0), (
    "Promised 5, delivered 1 and 3, so 2 on average: the optimism is 3."
)
print("Right. This is the winner's curse: the winner was good, or lucky, and you picked it for both.")

# %% [markdown] tags=["teacher"]
# > **For teachers.** Goal: selection makes an unbiased estimate biased. Typical wrong answers: comparing with the fresh
# > *maximum*; running fresh luck for all and picking again. Ask: is the campaign bad? (No: it is like all others. The
# > *promise* was bad.) With one search luck may spare you: have everybody use another seed and collect the optimisms.

# %% [markdown]
# ## 2. More candidates, more optimism
#
# How much better than the average does the best of k look, when all are the same? Draw k of our gains at random, note
# the largest, repeat.
#
# **Predict.** Draw the curve for k = 1, 2, 5, 10, 20 before you compute it.
#
# ### Exercise 3 (core): the best of k
#
# <details><summary>Hint</summary>`rng.choice(values, size=(2000, k))` draws 2000 handfuls of k. Take the maximum of
# each handful, then the mean of those.</details>


# %% tags=["exercise"]
def best_of(values, k, rng):
    """Expected largest of k values drawn at random from `values`, from 2000 draws."""
    ### BEGIN SOLUTION
    return rng.choice(values, size=(2000, k)).max(axis=1).mean()
    ### END SOLUTION


rng = np.random.default_rng(1)  # an explicit seed: your neighbour gets the same curve
for k in (1, 2, 5, 10, 20):
    looks = best_of(searched.to_numpy(), k, rng) - searched.mean()
    print(f"best of {k:2}: looks {looks:+8,.0f} better than it is")

# %% tags=["check"]
draw = np.random.default_rng(2)
flat = np.linspace(0.0, 1.0, 1001)
assert isinstance(float(best_of(flat, 3, draw)), float), "Return one number."
assert abs(best_of(flat, 1, draw) - 0.5) < 0.05, "The best of one is just one: on average the mean of all values."
assert abs(best_of(flat, 9, draw) - 0.9) < 0.03, (
    "The largest of 9 numbers between 0 and 1 is 0.9 on average. Maximum within each handful, then the mean?"
)
print("Right. Nobody cheated, and still every further candidate makes the best one look better.")

# %% [markdown] tags=["teacher"]
# > **For teachers.** Goal: the curse grows with the number of candidates (roughly with the square root of its
# > logarithm) and with the noise of one evaluation; it shrinks with replications. Ask: your agency shows the best of
# > 40 creatives. What do you ask them?

# %% [markdown]
# ## 3. A real search, and an honest ending
#
# Now candidates that do differ: discount tiers with other thresholds and rates, drawn at random within their ranges.
# Three rules keep us honest:
#
# 1. **Search luck and confirmation luck never meet** (`SEARCH`, `CONFIRM`).
# 2. **Several winners are confirmed**, with more replications, and the fresh numbers are the ones reported.
# 3. **Today is a candidate.** If it wins, it wins.

# %%
rng = np.random.default_rng(3)
tiers = {
    f"from {spend:.0f}, {rate:.1%} + {extra:.1%}": DiscountTiers(
        silver_spend=spend, gold_factor=3, silver_rate=rate, gold_extra=extra
    )
    for spend, rate, extra in zip(
        np.exp(rng.uniform(np.log(30), np.log(600), CANDIDATES // 2)),
        rng.uniform(0.0, 0.15, CANDIDATES // 2),
        rng.uniform(0.0, 0.10, CANDIDATES // 2),
        strict=True,
    )
}
trial = gains(tiers, "customer_equity", 2, SEARCH).mean()
finalists = trial.nlargest(3).index
confirmed = gains({name: tiers[name] for name in finalists}, "customer_equity", FRESH, CONFIRM)
table = pd.DataFrame({"search": trial[finalists], "fresh": confirmed.mean(), "se": confirmed.sem()})
table["optimism"] = table["search"] - table["fresh"]
table.loc["today"] = 0.0
display(table.round())
# claims: "None of them beats today": (table["fresh"] <= table["se"]).all()
# claims: "of the search itself none was above today": (table["search"] <= 0).all()

# %% [markdown]
# Read the column `fresh`, with its standard error beside it. (The optimism of one finalist may be negative, by luck; on
# average over many searches it is not.) None of them beats today, and even under the luck of the search itself none was
# above today: the best tiers are only those that lose least. The search is telling us something: in this world, with
# these margins, it finds no discount that is better than none. That is a result.
#
# ## 4. What you tune is what you get
#
# **Predict.** We tune the media budget for the lowest cost of a new customer (CAC). What will the search find?

# %%
budgets = {f"{total:g} x today's media": ChannelMix(total=total) for total in (0.05, 0.25, 0.5, 1.0, 1.5, 2.0)}
kpis = ["cac", "first_orders", "customer_equity"]
two_years = replace(shipped, design=replace(shipped.design, weeks=104))  # media pay back late
budget_arms = tuple(Arm(name, (*today.plays, Play("mix", mix))) for name, mix in budgets.items())
simulated = [
    {"budget": run.arm, **{kpi: run.kpis[kpi] for kpi in kpis}}
    for replication in range(2 if FAST else 4)
    for run in run_replication(replace(two_years, arms=budget_arms), replication, use=SEARCH)
]
trials = pd.DataFrame(simulated).groupby("budget", sort=False).mean()
display(trials.round(1))
# claims: "The lowest CAC is had by acquiring hardly anybody": trials["cac"].idxmin() == trials["first_orders"].idxmin()
# claims: "the first customers are always the cheapest": trials["cac"].is_monotonic_increasing

# %% [markdown]
# The lowest CAC is had by acquiring hardly anybody: the first customers are always the cheapest. A ratio is never tuned
# alone. Volume stands beside it, and **customer equity** (what existing and new customers bring, after all costs) is
# among the objectives or the constraints.
#
# ### Exercise 4 (core): the lowest CAC that costs next to nothing
#
# Among the budgets whose customer equity is at least 98 % of the highest one, which has the lowest CAC?
#
# <details><summary>Hint</summary>First a condition on rows, `trials[trials["customer_equity"] >= ...]`, then `idxmin`
# of the CAC.</details>


# %% tags=["exercise"]
def lowest_cac_near_best(trials, share):
    """Name of the row with the lowest `cac` among those with at least `share` of the highest `customer_equity`."""
    ### BEGIN SOLUTION
    good = trials[trials["customer_equity"] >= share * trials["customer_equity"].max()]
    return good["cac"].idxmin()
    ### END SOLUTION


print("the lowest CAC:                  ", trials["cac"].idxmin())
print("... that keeps 98 % of the equity:", lowest_cac_near_best(trials, 0.98))

# %% tags=["check"]
toy = pd.DataFrame({"cac": [1.0, 5.0, 4.0, 9.0], "customer_equity": [10.0, 99.0, 98.0, 100.0]}, index=list("abcd"))
assert lowest_cac_near_best(toy, 0.98) != "a", (
    "Row a is cheap because it gives up customer equity: filter it out first."
)
assert lowest_cac_near_best(toy, 0.98) == "c", (
    "Rows b, c and d keep 98 of 100 (>=); the lowest CAC of them is that of c."
)
assert lowest_cac_near_best(toy, 0.995) == "d", "With a share of 0.995 only row d is left: use the argument `share`."
assert lowest_cac_near_best(trials, 0.98) != trials["cac"].idxmin(), "In this market the cheapest budget is too small."
print("Right. The constraint changed the answer, not the optimiser.")

# %% [markdown] tags=["teacher"]
# > **For teachers.** Goal: an optimiser does what it is told. Typical wrong answers: filtering after taking the
# > minimum; `>`. Ask for other ratios with the same cheat: repurchase rate (acquire only fans), LTV (likewise),
# > conversion rate (reach only those who come anyway).

# %% [markdown]
# ## 5. The same with the tool
#
# `crmlab tune FILE` does all of this: a named search method (Optuna), the same trial table for any number of processes,
# customer equity always among objectives or constraints, and winners run again on fresh luck with their optimism shown.
# What is searched stands in the file, here in `tune_tiers.toml`:

# %%
file = LIBRARY / "tune_tiers.toml"
print(file.read_text(encoding="utf-8").partition("[tune]")[2])

# %% [markdown]
# From Python it is a function. Look at the columns `search`, `fresh` and `optimism` of each KPI before you look at
# anything else. (We search a small market with few replications: much luck, much optimism. Part of it is common to all
# candidates, who met the same two markets, and may have either sign; the rest comes from picking the best.)

# %%
small = {"design.customers": CUSTOMERS, "design.weeks": 54 if FAST else 104, "tune.candidates": 8 if FAST else 24}
small |= {"tune.replications": 2, "tune.confirm": 1 if FAST else 3, "tune.confirm_replications": FRESH}
tuning = tune(load_tuning(file, [f"{key}={value}" for key, value in small.items()]), workers=1)
columns = ["rank", "kpi", "search", "fresh", "fresh_low", "fresh_high", "optimism", "holds"]
display(tuning.tables["winners"][columns].round(3))
# claims: "customer equity always among": "customer_equity" in set(tuning.tables["winners"]["kpi"])

# %% [markdown]
# **Stretch.** Go back to section 1 and give the search four replications instead of one. What happens to the optimism
# of the winner, and why not to its cause?
#
# **What you know now.** The best of many looks better than it is; fresh luck tells by how much; today is a candidate;
# and no ratio is tuned alone. Carry the winner into a pilot before you roll it out: a model result is not evidence
# from customers.
