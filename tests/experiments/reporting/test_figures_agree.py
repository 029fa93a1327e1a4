"""One quantity, one number: every figure of a report that names the same quantity is the same, in the page and in the
tables behind it."""

from __future__ import annotations

import html
import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crmlab.experiments.cli import exit_code
from crmlab.experiments.experiment import Experiment
from crmlab.experiments.questions.compare.compare import effects_table, kpi_table
from crmlab.experiments.replication.replication import run_replication
from crmlab.experiments.spec.experiment_file import load_experiment
from crmlab.experiments.statistics.ratios import dividing
from crmlab.experiments.wording.quantities import quantity
from crmlab.sim.kpis import KPIS
from tests.places import LIBRARY, ROOT

LOOKS_AT_REPORTS = True
SMALL = ["design.customers=500", "design.replications=3", "design.weeks=80", "design.unknowns=false"]
FILE = """
name = "agree"
world = "shop"
[design]
weeks = 80
customers = 400
replications = 2
unknowns = false
[arms.points]
[[arms.points.strategies]]
kind = "points_and_tiers"
welcome_share = 0.3
[arms.friends]
[[arms.friends.strategies]]
kind = "referral_reward"
[[arms.friends.strategies]]
kind = "price_cut"
"""
LONG = {"satisfaction.toml", "service.toml", "staffing_tune.toml"}  # as many rows as customers
SHIPPED = [
    pytest.param(path.name, marks=[pytest.mark.slow] if path.name in LONG else [])
    for path in sorted(LIBRARY.glob("*.toml"))
    if "sweep_unknowns" not in path.name
]


def shipped(name: str) -> Experiment:
    """A shipped example, small; those of a calibrated world in the shop."""
    world = ROOT / "experiments" / "worlds" / "shop.toml"
    return load_experiment(LIBRARY / name, SMALL, world if name.startswith("cdnow") else None)


@pytest.mark.parametrize("name", SHIPPED)
def test_ltv_divided_by_the_cac_beside_it_is_the_ratio_in_every_arm_of_every_shipped_example(name: str) -> None:
    experiment = shipped(name)
    runs = [run for replication in range(2) for run in run_replication(experiment, replication)]
    effects = effects_table(experiment, kpi_table(experiment, runs))
    values = effects.pivot(index="arm", columns="kpi", values="value")
    assert len(values) == len(experiment.arms) > 1
    bought = values[values["cac_cohort"] > 0]  # whoever spends nothing on it has no such ratio
    assert len(bought)
    assert np.isfinite(bought["ltv_cac"]).all()
    np.testing.assert_allclose(bought["ltv_52"] / bought["cac_cohort"], bought["ltv_cac"], rtol=1e-12)


def test_a_ratio_over_replications_has_the_spread_of_a_ratio_of_means() -> None:
    """Linear shares against a bootstrap of the ratio of the means: mean exactly, standard error within 5 %."""
    rng = np.random.default_rng(1)
    cac = rng.gamma(40, 0.5, 400)
    raw = pd.DataFrame({"ltv_52": 2 * cac + rng.normal(0, 3, 400), "cac_cohort": cac})
    raw["ltv_cac"] = raw["ltv_52"] / raw["cac_cohort"]
    told = dividing(raw)["ltv_cac"]
    assert told.mean() == pytest.approx(raw["ltv_52"].mean() / raw["cac_cohort"].mean(), rel=1e-12)
    drawn = (raw.sample(400, replace=True, random_state=k).mean() for k in range(2000))
    resampled = [means["ltv_52"] / means["cac_cohort"] for means in drawn]
    assert told.std() / 20 == pytest.approx(np.std(resampled), rel=0.05)
    assert dividing(raw.assign(cac_cohort=np.nan)).equals(raw.assign(cac_cohort=np.nan))  # undefined stays so


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of a comparison with points and a price cut."""
    folder = tmp_path_factory.mktemp("agree")
    file = folder / "agree.toml"
    file.write_text(FILE)
    command = ["compare", str(file), "--workers", "1", "--out", str(folder)]
    assert exit_code(command) == 0
    return next(path.parent for path in folder.rglob("report.html"))


def tables_of(page: str) -> dict[str, list[dict[str, str]]]:
    """Every table of a page by its caption or first heading: rows as dictionaries."""
    found: dict[str, list[dict[str, str]]] = {}
    for section, body in re.findall(r'<(?:section|footer) id="(\w+)"(.*?)</(?:section|footer)>', page, re.S):
        for number, table in enumerate(re.findall(r"<table>(.*?)</table>", body, re.S)):
            rows = re.findall(r"<tr.*?>(.*?)</tr>", table, re.S)
            cells = [[_text(cell) for cell in re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row, re.S)] for row in rows]
            found[f"{section} {number}"] = [dict(zip(cells[0], row, strict=False)) for row in cells[1:]]
    return found


def _text(cell: str) -> str:
    return html.unescape(re.sub(r"<.*?>", "", cell)).strip()


def test_all_figures_of_one_report_that_name_the_same_quantity_are_equal(run: Path) -> None:
    page = (run / "report.html").read_text(encoding="utf-8")
    effects = pd.read_parquet(run / "effects.parquet")
    arms = list(dict.fromkeys(effects["arm"]))
    value = effects.set_index(["arm", "kpi"])["value"]
    shown = {
        (arm, kpi): quantity(value[arm, kpi], KPIS[kpi].unit) for arm in arms for kpi in KPIS if (arm, kpi) in value
    }
    tables = tables_of(page)

    lift = [row for name, rows in tables.items() if name.startswith("lift") for row in rows]
    assert lift

    curve = {row["Arm"]: row for row in tables["ltv 0"]}
    waterfall = {name: rows for name, rows in tables.items() if name.startswith("profit")}
    for arm in arms:
        assert curve[arm]["LTV at 52 weeks"] == shown[arm, "ltv_52"]
        assert curve[arm]["CAC of the cohort"] == shown[arm, "cac_cohort"]
        assert curve[arm]["LTV / CAC at 52 weeks"] == shown[arm, "ltv_cac"]
        if math.isfinite(value[arm, "payback_weeks"]):
            assert curve[arm]["Payback"] == f"after {shown[arm, 'payback_weeks']} weeks"
    for rows in waterfall.values():
        (total,) = (row for row in rows if row["Account"] == "contribution")
        for arm in set(total) & set(arms):
            assert total[arm] == shown[arm, "contribution"]

    strip = re.findall(r'<div class="card">\s*<h3><span>(.*?)</span><span>(.*?)</span>', page, re.S)
    base = arms[0]
    labels = {about.label: kpi for kpi, about in KPIS.items()}
    assert {"ltv_52", "cac_cohort", "ltv_cac", "first_orders"} <= {labels[html.unescape(label)] for label, _ in strip}
    for label, text in strip:
        assert html.unescape(text) == shown[base, labels[html.unescape(label)]], label


def test_the_tables_behind_the_report_agree_to_the_last_digit(run: Path) -> None:
    effects = pd.read_parquet(run / "effects.parquet").set_index(["arm", "kpi"])["value"]
    ltv, profit, channels = (pd.read_parquet(run / f"{name}.parquet") for name in ("ltv", "profit", "channels"))
    for arm in ltv["arm"].unique():
        last = ltv[(ltv["arm"] == arm) & (ltv["age_weeks"] == 52)].iloc[0]
        assert last["ltv"] == pytest.approx(effects[arm, "ltv_52"], rel=1e-12)
        assert last["cac"] == pytest.approx(effects[arm, "cac_cohort"], rel=1e-12)
        mine = profit[profit["arm"] == arm].set_index("account")["amount"]
        assert mine["contribution"] == pytest.approx(effects[arm, "contribution"], rel=1e-12)
        assert channels[channels["arm"] == arm]["first_orders"].sum() == pytest.approx(effects[arm, "first_orders"])
        assert effects[arm, "customer_equity"] == pytest.approx(
            effects[arm, "equity_run"] + effects[arm, "terminal_value"], rel=1e-12
        )
