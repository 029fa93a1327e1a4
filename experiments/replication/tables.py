"""The tables behind the charts: from one run, and averaged over replications.

Counts and money are those of the real market.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crmlab.experiments.replication.persona_table import persona_table
from crmlab.sim.ledger import Kind
from crmlab.sim.lifetime import Cohort
from crmlab.sim.market import Market
from crmlab.sim.mechanisms.acquisition.accounts import MEDIA
from crmlab.sim.mechanisms.acquisition.channels import hill_elasticity
from crmlab.sim.orders import YEAR
from crmlab.sim.outcome import MarketOutcome

COHORT_WEEKS = 4


def run_tables(market: Market) -> dict[str, pd.DataFrame]:
    """All tables of one run."""
    outcome = MarketOutcome(market)
    return {
        "weekly": _weekly(outcome),
        "channels": _channels(outcome),
        "funnel": _funnel(outcome),
        "cohorts": _cohorts(outcome),
        "ltv": _ltv(outcome),
        "profit": _profit(outcome),
        **({"campaigns": _campaigns(market)} if market.books.campaigns else {}),
        **({"personas": persona_table(outcome)} if market.world.personas else {}),
        **{name: table for mechanism in market.mechanisms.values() for name, table in mechanism.tables().items()},
    }


def _weekly(outcome: MarketOutcome) -> pd.DataFrame:
    market = outcome.market
    series = {name: market.books[name] for name in market.books}
    earned = np.bincount(outcome.moment.astype(int).clip(0, outcome.weeks - 1), outcome.contribution, outcome.weeks)
    series["contribution"] = (earned - outcome.costs.of_no_order) * market.scale
    weeks = np.arange(outcome.weeks)
    return pd.concat(
        [pd.DataFrame({"week": weeks, "series": name, "value": values}) for name, values in series.items()],
        ignore_index=True,
    )


def _channels(outcome: MarketOutcome) -> pd.DataFrame:
    """Per source of customers: spend, leads, first orders, CAC on average, and at the margin (media / Hill elasticity).

    Incentives are what first orders cost less than the standing price, their welcome points and, for friends, the
    rewards to those who sent them: all channels together have the CAC of the run.
    """
    market, rows = outcome.market, []
    given = outcome.incentive + outcome.upkeep.welcome / market.minor
    for number, source in enumerate(market.sources):
        came = outcome.source == number
        first = came & (outcome.orders.nth == 0)
        n_first = int(first.sum())
        media, reach, rewards = (
            market.ledger.by_week(accounts, outcome.weeks, number).sum() / market.minor
            for accounts in (MEDIA, market.ledger.of_kind(Kind.REACH), market.ledger.of_kind(Kind.INCENTIVE))
        )
        incentives = rewards + given[first].sum()
        elasticity = hill_elasticity(source, media / outcome.weeks)
        rows.append(
            {
                "channel": source.name,
                "spend": reach * market.scale,
                "leads": market.books.by_channel("leads")[:, number].sum(),
                "first_orders": n_first * market.scale,
                "second_orders": int((came & (outcome.orders.nth == 1)).sum()) * market.scale,
                "incentives": incentives * market.scale,
                "revenue": outcome.orders.paid[came].sum() / market.minor * market.scale,
                "cac": (reach + incentives) / n_first if n_first else np.nan,
                "cac_marginal": _marginal(media, incentives, n_first, elasticity),
            }
        )
    return pd.DataFrame(rows)


def _marginal(media: float, incentives: float, n_first: int, elasticity: float) -> float:
    """What one more customer costs: the media at the margin, and the incentive that every customer gets."""
    if not n_first or elasticity <= 0 or media <= 0:
        return np.nan
    return media / n_first / elasticity + incentives / n_first


def _funnel(outcome: MarketOutcome) -> pd.DataFrame:
    market, rows = outcome.market, []
    for number, source in enumerate(market.sources):
        of_channel = outcome.source == number
        people = [market.books.by_channel("leads")[:, number].sum()]
        people += [int((of_channel & (outcome.orders.nth == k)).sum()) * market.scale for k in (0, 1, 2)]
        for step, name in enumerate(("leads", "first order", "second order", "third order or more")):
            rows.append({"channel": source.name, "step": step, "name": name, "people": people[step]})
    return pd.DataFrame(rows)


def _campaigns(market: Market) -> pd.DataFrame:
    """What the firm sees of each play that holds customers out: people (mean of its weeks), orders and payments of the
    treated and of the held-out, per person of the group, and the standard errors of these within one run.

    Sums are in real customers; each row stands for `scale` of them, and only rows are independent of one another. Weeks
    count as independent too, which is too good where customers differ much, since they are the same people.
    """
    rows = []
    for play in market.books.campaigns:
        results = market.books.campaign(play)
        for group in ("treated", "held_out"):
            customers = results[f"{group}_customers"]
            people = float(customers.mean())
            row: dict[str, str | float] = {"play": play, "group": group, "weeks": customers.size, "customers": people}
            for what in ("orders", "paid"):
                total = results[f"{group}_{what}"]
                row[what] = in_all = float(total.sum())
                if people:
                    row[f"{what}_each"] = in_all / people
                    variance = squares_about_mean(customers, total, results[f"{group}_{what}_squared"]).sum()
                    row[f"{what}_each_se"] = math.sqrt(variance * market.scale) / people
            rows.append(row)
    return pd.DataFrame(rows)


def squares_about_mean(
    n: NDArray[np.float64], total: NDArray[np.float64], squared: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Sum of squared distances from the mean, of `n` values with this sum and sum of squares; 0 for none. Shape as
    `n`."""
    return np.maximum(squared - total * total / np.maximum(n, 1.0), 0.0)


def _cohorts(outcome: MarketOutcome) -> pd.DataFrame:
    """Share of each 4-week cohort of new customers that orders again in each later 4-week period of its own age.

    Period 0 (the first four weeks after the first order) counts repeat orders only. Periods that not every member of
    a cohort has seen to the end are left out.
    """
    cohort_of = (outcome.acquired_at // COHORT_WEEKS).astype(int)
    n_cohorts = outcome.weeks // COHORT_WEEKS
    sizes = np.bincount(cohort_of, minlength=n_cohorts + 1)
    cohort_of_row = np.full(outcome.market.customers.n, -1)
    cohort_of_row[outcome.acquired] = cohort_of
    repeat = ~np.isnan(outcome.age) & (outcome.orders.nth > 0)
    period = (outcome.age[repeat] // COHORT_WEEKS).astype(int)
    seen = pd.DataFrame({"row": outcome.orders.row[repeat], "age": period}).drop_duplicates()
    seen["cohort"] = cohort_of_row[seen["row"]]
    ordered = seen.groupby(["cohort", "age"]).size()
    rows = [
        (cohort, sizes[cohort] * outcome.market.scale, age, ordered.get((cohort, age), 0) / sizes[cohort])
        for cohort in range(n_cohorts)
        if sizes[cohort]
        for age in range(n_cohorts - cohort - 1)
    ]
    return pd.DataFrame(rows, columns=["cohort", "customers", "age", "share"])


def _ltv(outcome: MarketOutcome) -> pd.DataFrame:
    """What a customer of the cohort of the KPIs LTV, CAC of the LTV cohort and payback has brought by age: cumulative
    contribution before CAC, as earned and discounted (`ltv`), beside what the cohort cost."""
    weeks = min(YEAR, outcome.weeks)
    cohort = Cohort(outcome, weeks)
    return pd.DataFrame(
        {
            "age_weeks": np.arange(weeks + 1),
            "contribution": cohort.curve(discounted=False),
            "ltv": cohort.curve(discounted=True),
            "customers": cohort.n * outcome.market.scale,
            "cac": cohort.cac,
            "payback": cohort.payback,
        }
    )


def _profit(outcome: MarketOutcome) -> pd.DataFrame:
    """Every account of income and cost, income positive; they sum to the contribution."""
    market = outcome.market
    balances = market.ledger.balances()
    accounts = [account for account in market.ledger.accounts.values() if account.kind is not Kind.BALANCE]
    rows = [(str(account), -balances[account] / market.minor * market.scale) for account in accounts]
    rows.append(("contribution", sum(amount for _, amount in rows)))
    return pd.DataFrame(rows, columns=["account", "amount"])


_KEYS = {
    "weekly": ["week", "series"],
    "channels": ["channel"],
    "funnel": ["channel", "step", "name"],
    "cohorts": ["cohort", "age"],
    "ltv": ["age_weeks"],
    "profit": ["account"],
    "personas": ["persona"],
    "campaigns": ["play", "group"],
}


def averaged(name: str, by_arm: Mapping[str, Sequence[pd.DataFrame]]) -> pd.DataFrame:
    """One table over all arms: the mean over replications; weekly series with their 95 % band."""
    stacked = pd.concat([table.assign(arm=arm) for arm, tables in by_arm.items() for table in tables])
    of_mechanism = [column for column in stacked.columns if column not in ("arm", "value")]
    keys = ["arm", *_KEYS.get(name, of_mechanism)]
    if stacked.empty:
        return stacked
    groups = stacked.groupby(keys, sort=False)
    if name == "weekly":
        values = groups["value"]
        return pd.DataFrame(
            {"mean": values.mean(), "low": values.quantile(0.025), "high": values.quantile(0.975)}
        ).reset_index()
    return groups.mean(numeric_only=True).reset_index()
