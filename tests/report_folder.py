"""A small run folder with plausible numbers, written without the simulation: what the report is tested on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from crmlab.experiments.statistics.effects import range_holds, share_of_worlds

ARMS = ("today", "tiers", "mix", "tiers_and_mix", "price_cut", "do_nothing")
LIFT = {"today": 0.0, "tiers": 0.021, "mix": 0.034, "tiers_and_mix": 0.052, "price_cut": -0.11, "do_nothing": -0.004}
KPIS: tuple[tuple[str, str, str, int, float, float], ...] = (  # id, label, unit, direction, baseline, lift per arm lift
    ("customer_equity", "Customer equity", "currency", 1, 412_300.0, 1.0),
    ("contribution", "Contribution", "currency", 1, 298_400.0, 0.8),
    ("cac", "CAC, incentives included", "currency per first order", -1, 16.42, -0.6),
    ("repurchase_52", "Repurchase rate within 52 weeks", "share of first-time customers", 1, 0.4261, 0.9),
    ("ltv_52", "LTV over 52 weeks", "currency per acquired customer", 1, 31.75, 0.7),
    ("orders", "Orders", "orders", 1, 38_214.0, 1.4),
    ("first_orders", "First orders", "customers", 1, 10_402.0, 0.3),
    ("revenue", "Revenue", "currency", 1, 1_345_000.0, 1.1),
    ("discounts", "Discounts given", "currency", 0, 21_400.0, 30.0),
    ("payback_weeks", "Payback", "weeks", -1, 11.0, -0.4),
    ("coupon_use", "Coupons redeemed", "coupons", 0, 0.0, 0.0),
)
CHANNELS = ("paid_search", "paid_social", "content", "marketplace", "organic")
PERSONAS = {"passer_by": 0.6, "bulk_buyer": 0.3, "social_sharer": 0.1}
ACCOUNTS = {
    "sales": 1_400_000.0,
    "discounts": -18_000.0,
    "first-order discounts": -3_400.0,
    "goods": -741_000.0,
    "fulfilment": -115_000.0,
    "payment": -33_600.0,
    "commissions": -19_500.0,
    "media": -152_000.0,
    "channel fees": -19_100.0,
}


def build_run_folder(folder: Path, arms: tuple[str, ...] = ARMS, calibrated: bool = True) -> Path:
    """Write the tables and JSON files of a finished comparison of `arms` (the first is the baseline)."""
    folder.mkdir(parents=True, exist_ok=True)
    draws = np.random.default_rng(20_240)
    tables = {
        "runs": runs(arms, draws),
        "effects": effects(arms, draws),
        "weekly": weekly(arms, draws),
        "channels": channels(arms),
        "funnel": funnel(arms),
        "cohorts": cohorts(arms, draws),
        "ltv": ltv(arms),
        "profit": profit(arms),
        "personas": personas(arms),
        "breakeven": breakeven(arms),
        "assumptions": assumptions(),
    }
    for name, table in tables.items():
        table.to_parquet(folder / f"{name}.parquet")
    jsons: dict[str, Any] = {
        "comparison": {"baseline": arms[0], "replications": 16, "arms": {}},
        "manifest": manifest(),
        "spec": spec(arms, calibrated),
        "glossary": glossary(),
    }
    if calibrated:
        jsons["calibration"] = calibration()
    for name, content in jsons.items():
        (folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def runs(arms: tuple[str, ...], draws: np.random.Generator) -> pd.DataFrame:
    rows = []
    for arm in arms:
        for replication in range(4):
            kpis = {kpi: base * draws.normal(1, 0.01) for kpi, _, _, _, base, _ in KPIS}
            rows.append({"arm": arm, "world": "fixed", "replication": replication, **kpis})
    return pd.DataFrame(rows)


def effects(arms: tuple[str, ...], draws: np.random.Generator) -> pd.DataFrame:
    rows = []
    for kpi, label, unit, direction, base, weight in KPIS:
        for arm in arms[1:]:
            difference = base * weight * LIFT.get(arm, 0.01)
            luck, unknowns = base * 0.006 * draws.uniform(0.7, 1.3), base * 0.02 * draws.uniform(0.7, 1.5)
            p_better = float(np.clip(0.5 + direction * difference / (3 * unknowns + 1e-9), 0, 1))
            ahead, same = round(16 * p_better), not base
            p_low, p_high = share_of_worlds(ahead, 0, 16, 0.95)
            holds, at_least = range_holds(16, 0.95)
            if same:  # in none of the replications was there any difference
                luck = unknowns = np.nan
            rows.append(
                {
                    "arm": arm,
                    "kpi": kpi,
                    "label": label,
                    "unit": unit,
                    "direction": direction,
                    "value": base + difference,
                    "baseline_value": base,
                    "difference": difference,
                    "low": difference - luck,
                    "high": difference + luck,
                    "low_unknowns": difference - unknowns,
                    "high_unknowns": difference + unknowns,
                    "range_holds": holds,
                    "range_holds_at_least": at_least,
                    "worlds": 16.0,
                    "worlds_better": 0.0 if same else float(ahead),
                    "worlds_tied": 16.0 * same,
                    "p_better": p_better,
                    "p_low": p_low,
                    "p_high": p_high,
                    "luck_share": 0.1,
                    "luck_share_low": 0.05,
                    "luck_share_high": 0.2,
                    "luck_left": 0.02,
                    "no_difference_in": 32.0 * same,
                    "p_holm": 0.0004 if abs(difference) > luck else 0.31,
                    "variance_reduction": float(draws.uniform(20, 180)),
                    "replications_needed": 12,
                }
            )
    return pd.DataFrame(rows)


def weekly(arms: tuple[str, ...], draws: np.random.Generator, weeks: int = 104) -> pd.DataFrame:
    levels = {"orders": 367, "first_orders": 100, "repeat_orders": 267, "revenue": 12_900, "discounts": 205}
    levels |= {"media": 1_460, "contribution": 2_870, "leads": 480, "active_customers": 5_200}
    week = np.arange(weeks)
    frames = []
    for series, level in levels.items():
        common = level * (1 + 0.04 * np.sin(week / 8) + draws.normal(0, 0.01, weeks))
        for arm in arms:
            mean = common * (1 + LIFT.get(arm, 0.01) * np.minimum(1, week / 30))
            band = 0.03 * level
            columns = {
                "arm": arm,
                "week": week,
                "series": series,
                "mean": mean,
                "low": mean - band,
                "high": mean + band,
            }
            frames.append(pd.DataFrame(columns))
    return pd.concat(frames, ignore_index=True)


def channels(arms: tuple[str, ...]) -> pd.DataFrame:
    rows = []
    for arm in arms:
        for number, channel in enumerate(CHANNELS):
            first = (3100 - 420 * number) * (1 + LIFT.get(arm, 0.01) * (number - 1))
            spend = 0.0 if channel == "organic" else first * (15 + 4 * number)
            rows.append(
                {
                    "arm": arm,
                    "channel": channel,
                    "spend": spend,
                    "leads": first * 4.8,
                    "first_orders": first,
                    "second_orders": 0.44 * first,
                    "cac": spend / first if spend else np.nan,
                    "cac_marginal": 1.9 * spend / first if spend else np.nan,
                    "incentives": 0.3 * first,
                    "revenue": 88 * first,
                }
            )
    return pd.DataFrame(rows)


def funnel(arms: tuple[str, ...]) -> pd.DataFrame:
    names = ("leads", "first order", "second order", "third order or more")
    people = channels(arms)
    steps = []
    for row in people.itertuples():
        counts = (row.leads, row.first_orders, row.second_orders, 0.6 * row.second_orders)
        for step, (name, count) in enumerate(zip(names, counts, strict=True)):
            steps.append({"arm": row.arm, "channel": row.channel, "step": step, "name": name, "people": count})
    return pd.DataFrame(steps)


def cohorts(arms: tuple[str, ...], draws: np.random.Generator, periods: int = 26) -> pd.DataFrame:
    rows = []
    for cohort in range(periods):
        for age in range(periods - cohort):
            share = 0.17 / (1 + 0.5 * age) * draws.uniform(0.93, 1.07)
            for arm in arms:
                lifted = share * (1 + LIFT.get(arm, 0.01))
                rows.append({"arm": arm, "cohort": cohort, "customers": 400.0, "age": age, "share": lifted})
    return pd.DataFrame(rows)


def ltv(arms: tuple[str, ...], weeks: int = 104) -> pd.DataFrame:
    age = np.arange(weeks + 1)
    frames = []
    for arm in arms:
        curve = 8.4 + 24 * (1 + 3 * LIFT.get(arm, 0.01)) * (1 - (12 / (12 + age)) ** 0.6)
        cac = 16.42 * (1 - LIFT.get(arm, 0.01))
        paid = age[curve >= cac]
        columns = {"arm": arm, "age_weeks": age, "contribution": curve, "ltv": 0.96 * curve, "customers": 10_402.0}
        frames.append(pd.DataFrame(columns | {"cac": cac, "payback": float(paid[0]) if paid.size else np.nan}))
    return pd.concat(frames, ignore_index=True)


def personas(arms: tuple[str, ...]) -> pd.DataFrame:
    """What each persona does: all alike but for their number and who gains by a policy."""
    rows = []
    for arm in arms:
        for number, (name, share) in enumerate(PERSONAS.items()):
            gain = 298_400.0 * share * LIFT.get(arm, 0.01) * (number - 0.5)
            rows.append({"arm": arm, "persona": name, "people": 50_000 * share, "acquired": 10_402 * share,
                         "buyers": 12_000 * share, "orders": 38_214 * share, "revenue": 1_345_000 * share,
                         "contribution": 298_400 * share + gain, "discounts": 21_400 * share,
                         "discounts_per_buyer": 1.78, "gain": gain, "gain_low": gain - 900.0,
                         "gain_high": gain + 900.0})  # fmt: skip
    return pd.DataFrame(rows)


def profit(arms: tuple[str, ...]) -> pd.DataFrame:
    rows = []
    for arm in arms:
        lift = LIFT.get(arm, 0.01)
        weights = {"discounts": 40.0, "media": -2.0}
        amounts = {name: amount * (1 + weights.get(name, 1.2) * lift) for name, amount in ACCOUNTS.items()}
        amounts["contribution"] = sum(amounts.values())
        rows += [{"arm": arm, "account": account, "amount": amount} for account, amount in amounts.items()]
    return pd.DataFrame(rows)


def breakeven(arms: tuple[str, ...]) -> pd.DataFrame:
    rows = [
        {
            "arm": arm,
            "kpi": "customer_equity",
            "assumption": "price.elasticity",
            "sentence": f"{arm} pays as long as the elasticity of demand is at least {1.1 + 0.1 * number:.1f}.",
            "at_default": 412_300 * LIFT.get(arm, 0.01),
            "at_zero": -12_500.0,
            "break_even": 1.1 + 0.1 * number if number % 3 else np.nan,
        }
        for number, arm in enumerate(arms[1:])
    ]
    return pd.DataFrame(rows)


def assumptions() -> pd.DataFrame:
    columns = ["name", "value", "low", "high", "unit", "source", "evidence", "kind", "group"]
    rows = [
        ("price.elasticity", 1.8, 1.0, 2.6, "log orders per log price", "from Tellis 1988", "A", "assumed", "price"),
        (
            "price.pull_forward",
            0.15,
            0.04,
            0.25,
            "share of the bump",
            "van Heerde et al. 2000",
            "R",
            "published",
            "price",
        ),
        ("base.r", 0.553, 0.45, 0.68, "shape of the order rate", "fit to the order log", "C", "real", "base"),
        ("base.alpha", 10.578, 8.9, 12.6, "weeks", "fit to the order log", "C", "real", "base"),
        ("economics.gross_margin", 0.45, 0.05, 0.95, "share of list price", "scenario", "A", "assumed", "economics"),
        (
            "channels.paid_search.leads_max",
            620.0,
            0.0,
            1e7,
            "leads a week",
            "channel preset",
            "A",
            "assumed",
            "channels",
        ),
    ]
    return pd.DataFrame(rows, columns=columns)


def spec(arms: tuple[str, ...], calibrated: bool) -> dict[str, Any]:
    play = {
        "kind": "discount_tiers",
        "name": "tiers",
        "levers": {"silver_spend": 75.0, "silver_rate": 0.05},
        "holdout": 0.1,
    }
    return {
        "name": "cdnow-discounts",
        "purpose": "What would discount tiers or another channel mix do to CAC, repurchase and lifetime value?",
        "question": {"kind": "compare"},
        "design": {
            "weeks": 104,
            "customers": 20_000,
            "replications": 16,
            "seed": 1,
            "confidence": 0.95,
            "primary": "customer_equity",
        },
        "arms": [{"name": arm, "description": f"The policy {arm}.", "plays": [play]} for arm in arms],
        "currency": "USD",
        "scale": 1.0,
        "fitted": ["base", "spend", "history"] if calibrated else [],
    }


def glossary() -> list[dict[str, Any]]:
    fields = {"formula": "stated sum over stated sum", "window": "the run", "eligible": "all", "censoring": "none"}
    return [
        {"id": kpi, "label": label, "unit": unit, "direction": direction, "reference": "mechanisms", **fields}
        for kpi, label, unit, direction, *_ in KPIS
    ]


def manifest() -> dict[str, Any]:
    return {
        "schema_version": 1,
        "run_id": "0123456789abcdef",
        "seed": {"root_entropy": "1", "scheme": "philox-v1"},
        "code": {"package": "0.1.0", "git_commit": "e39f988", "dirty": False},
        "env": {"python": "3.11.9", "numpy": "2.4.0"},
        "run": {"started": "2030-01-01T10:00:00Z", "ended": "2030-01-01T10:01:12Z", "workers": 2, "failures": []},
        "data": [{"name": "history.csv", "sha256": "9f" * 32, "rows": 6_696}],
        "results": [{"file": "effects.parquet", "sha256": "ab" * 32}],
    }


def calibration() -> dict[str, Any]:
    weeks = np.arange(1, 79)
    actual = 4339 * (weeks / 78) ** 0.82
    repeats = [
        {
            "week": int(week),
            "actual_cumulative": round(float(real)),
            "pareto_nbd": float(real) * 0.99,
            "bg_nbd": float(real) * (1.0 - 0.0005 * week),
            "phase": "calibration" if week <= 39 else "holdout",
        }
        for week, real in zip(weeks, actual, strict=True)
    ]
    holdout = {"weeks": 39, "actual_repeat_orders": 1882, "pareto_nbd": 1750.3, "bg_nbd": 1675.8}
    return {"customers": 2357, "orders": 6696, "models": {}, "holdout": holdout, "weekly_repeats": repeats}


if __name__ == "__main__":
    import sys

    from crmlab.experiments.reporting.report import write_report

    print(write_report(build_run_folder(Path(sys.argv[1]), ARMS[: int(sys.argv[2])] if len(sys.argv) > 2 else ARMS)))
