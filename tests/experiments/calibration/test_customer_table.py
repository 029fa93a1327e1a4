"""The customers of a log one by one: expectations add up to the model's, ranges hold them, and names stay at home."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crmlab.experiments.calibration.calibrate import Calibration, calibrate
from crmlab.experiments.calibration.customer_table import customer_table, write_customers
from crmlab.experiments.calibration.order_log import read_orders
from crmlab.experiments.cli import exit_code
from tests.places import SAMPLE

CDNOW = SAMPLE


@pytest.fixture(scope="module")
def cdnow() -> Calibration:
    return calibrate(read_orders(CDNOW, "sample_id", "date", "dollar_value"))


def test_expectations_are_those_of_the_model_and_lie_in_their_ranges(cdnow):
    table = customer_table(cdnow)
    model, seen = cdnow.repeat_models[cdnow.base], cdnow.histories
    expected = model.expected_future(52, seen["x"], seen["tx"], seen["T"])
    by_customer = table.sort_values("customer")
    np.testing.assert_allclose(by_customer["orders_next_52_weeks"], expected)
    np.testing.assert_allclose(by_customer["p_alive"], model.p_alive(seen["x"], seen["tx"], seen["T"]))
    for name in ("p_alive", "orders_next_52_weeks", "value_next_52_weeks"):
        assert (table[f"{name}_low"] <= table[name]).all()
        assert (table[name] <= table[f"{name}_high"]).all()
        assert (table[f"{name}_high"] > table[f"{name}_low"]).mean() > 0.95
    np.testing.assert_allclose(table["value_next_52_weeks"], table["mean_order"] * table["orders_next_52_weeks"])
    assert table["value_next_52_weeks"].is_monotonic_decreasing
    assert table["orders"].sum() == len(cdnow.orders)


def test_ranges_shrink_as_customers_are_many(cdnow):
    """Nine times the customers, a third of the width."""
    big = cdnow.log.frame
    more = pd.concat([big.assign(customer=big["customer"] + k * 10_000) for k in range(9)])
    more = more.sort_values(["customer", "day"], ignore_index=True)
    ninefold = calibrate(type(cdnow.log)(more, counts={"orders": len(more), "customers": more["customer"].nunique()}))
    width = [(t["p_alive_high"] - t["p_alive_low"]).mean() for t in (customer_table(cdnow), customer_table(ninefold))]
    assert width[1] / width[0] == pytest.approx(1 / 3, rel=0.25)


def shop_with_names(folder: Path) -> Path:
    """A log whose customers have names that are nobody's business, one of which a spreadsheet would run."""
    rng = np.random.default_rng(1)
    names = ["=HYPERLINK(x)", "@sum", "-1+2", "+49 30", *(f"anna{i}@example.org" for i in range(96))]
    rows = [
        f"{names[i % 100]},{np.datetime64('2023-01-01') + int(day)},{5 + i % 7}.50"
        for i, day in enumerate(rng.integers(0, 360, 500))
    ]
    path = folder / "orders.csv"
    path.write_text("\n".join(["customer,date,amount", *rows]) + "\n")
    return path


def test_names_leave_the_log_only_when_asked_for_and_never_as_formulas(tmp_path, capsys):
    arguments = ["calibrate", str(shop_with_names(tmp_path)), "--customer", "customer", "--date", "date", "--amount"]
    arguments += ["amount", "--out", str(tmp_path / "w.toml"), "--customers", str(tmp_path / "c.csv")]
    assert exit_code(arguments) == 0
    assert "by running numbers (--own-ids for the shop's)" in capsys.readouterr().out
    for path in tmp_path.glob("[wc].*"):
        assert "example.org" not in path.read_text()
    assert exit_code([*arguments, "--own-ids"]) == 0
    named = pd.read_csv(tmp_path / "c.csv", dtype={"customer": str})["customer"]
    assert named.str.contains("example.org").sum() == 96
    assert set(named[named.str.startswith("'")]) == {"'=HYPERLINK(x)", "'@sum", "'-1+2", "'+49 30"}
    assert exit_code([*arguments[:8], "--own-ids"]) == 2
    assert "--own-ids names the customers of --customers TABLE.csv, which is missing." in capsys.readouterr().err


def test_numbers_are_the_row_numbers_of_the_history_of_the_world(cdnow, tmp_path):
    table = pd.read_csv(write_customers(tmp_path / "c.csv", cdnow)).sort_values("customer", ignore_index=True)
    assert table["customer"].tolist() == list(range(2357))
    assert table["orders"].tolist() == np.bincount(cdnow.orders["customer"]).tolist()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["--date-order", "dayfirst"],
            "--date-order dayfirst: must be day-first or month-first or year-first. Did you",
        ),
        (["--decimal", "dot"], "--decimal dot: must be point or comma."),
        (["--where", "status"], "--where status: write COLUMN=VALUE, COLUMN=A,B or COLUMN!=VALUE."),
        (["--end", "30.6.2023"], "--end 30.6.2023: must be a day, written YYYY-MM-DD."),
        (["--delimiter", ";;"], "--delimiter ';;' must be one character, or tab."),
        (["--encoding", "klingon"], "there is no encoding 'klingon'"),
        (["--sheet", "Orders"], "--sheet names a sheet of an Excel workbook"),
    ],
)
def test_options_that_say_nothing_get_a_sentence(tmp_path, capsys, arguments, sentence):
    path = shop_with_names(tmp_path)
    assert exit_code(["calibrate", str(path), "--customer", "customer", "--date", "date", *arguments]) == 2
    assert sentence in capsys.readouterr().err
