"""Small inputs that once fooled this program, one folder each in `cases/`: the files, the `command`, and what is right.

A folder's `command` is run, in a copy of the folder, as a user would type it (parts joined by `&&` end at the first
that fails). What must then be true is written here, in a function that names its folders with `@case`; a folder that
no function names fails. Add a folder and a function; further members of the same kind have tests of their own.
"""

from __future__ import annotations

import contextlib
import io
import json
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crmlab.experiments.cli import exit_code
from crmlab.experiments.files.world_file import load_world
from tests.places import CASES, ROOT

ELSEWHERE = {
    "attack",
    "points-identity",
}  # of another shape: test_attack.py, test_points_identity.py


@dataclass
class Outcome:
    """How a command ended: its exit code, what it printed, and the folder with what it left behind."""

    code: int
    out: str
    err: str
    folder: Path

    @property
    def json(self) -> dict[str, Any]:
        """The answer to `--json`."""
        return json.loads(self.out)


EXPECTED: dict[str, Callable[[Outcome], None]] = {}


def case(*folders: str) -> Callable[[Callable[[Outcome], None]], Callable[[Outcome], None]]:
    """What must be true of these folders."""

    def note(expectation: Callable[[Outcome], None]) -> Callable[[Outcome], None]:
        EXPECTED.update(dict.fromkeys(folders, expectation))
        return expectation

    return note


SLOW = {
    "02-large-currency-units-no-world",  # calibrates twice
    "03-small-currency-units-flip-the-verdict",  # compares twice
    "05-subscribers-who-leave-in-a-world-where-nobody-leaves",
}
FOLDERS = sorted(folder.name for folder in CASES.iterdir() if folder.is_dir() and folder.name not in ELSEWHERE)


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] if n in SLOW else []) for n in FOLDERS])
def test_the_case(
    name: str,
    tmp_path: Path,
    capfd: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert name in EXPECTED, f"say in {Path(__file__).name} what must be true of cases/{name}"
    folder = tmp_path / name
    shutil.copytree(CASES / name, folder)
    monkeypatch.chdir(folder)
    EXPECTED[name](outcome_of(folder, capfd))


def outcome_of(folder: Path, capfd: pytest.CaptureFixture) -> Outcome:
    """Run the folder's command in the present folder."""
    code, out, err = 0, "", ""
    for part in (folder / "command").read_text(encoding="utf-8").split("&&"):
        program, *arguments = shlex.split(part, comments=True)
        if program == "crmlab":
            code = exit_code(arguments)
        else:
            here = {"PYTHONPATH": str(ROOT), "PATH": ""}
            code = subprocess.run([sys.executable, *arguments], cwd=folder, env=here).returncode
        out, err = capfd.readouterr()
        if code:
            break
    return Outcome(code, out, err, folder)


def valid_world(outcome: Outcome) -> dict[str, Any]:
    """The world that the command wrote, found in order."""
    assert outcome.code == 0, outcome.err
    load_world("world.toml")
    return tomllib.loads((outcome.folder / "world.toml").read_text(encoding="utf-8"))


def calibrated(log: Path, *arguments: str) -> dict[str, Any]:
    """What `calibrate` answers about another log."""
    columns = ("--customer", "customer", "--date", "date", "--amount", "amount")
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown):
        assert exit_code(["calibrate", str(log), *columns, "--json", *arguments]) == 0
    return json.loads(shown.getvalue())


@case("01-regular-customers-no-world")
def regular_buyers_get_the_world_that_was_fitted(outcome: Outcome) -> None:
    world, fit = valid_world(outcome), outcome.json["models"][outcome.json["base_model"]]
    assert fit["r"] > 20
    assert world["base"]["r"] == pytest.approx(fit["r"])


@case("02-large-currency-units-no-world")
def the_currency_plays_no_part_in_a_fit(outcome: Outcome) -> None:
    world = valid_world(outcome)
    dollars = CASES / "03-small-currency-units-flip-the-verdict" / "same-shop-in-dollars.csv"
    in_dollars = calibrated(dollars, "--out", "dollars.toml")
    other = tomllib.loads((outcome.folder / "dollars.toml").read_text(encoding="utf-8"))
    factor = outcome.json["calibration"]["mean_order_value"] / in_dollars["calibration"]["mean_order_value"]
    for name in ("r", "alpha", "s", "beta"):
        assert world["base"][name] == pytest.approx(other["base"][name], rel=1e-6)
    spend = {"p": 1, "q": 1, "gamma": factor}
    for name, unit in spend.items():
        assert world["base"]["spend"][name] == pytest.approx(other["base"]["spend"][name] * unit, rel=1e-3)
    assert world["economics"]["fulfilment_cost"] == pytest.approx(
        other["economics"]["fulfilment_cost"] * factor, rel=0.01
    )


@case("03-small-currency-units-flip-the-verdict")
def small_units_give_the_verdict_of_large_ones(outcome: Outcome) -> None:
    assert outcome.code == 0, outcome.err
    cut = outcome.json["arms"]["cut"]["customer_equity"]
    calibrated(Path("same-shop-in-dollars.csv"), "--out", "world.toml")
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown):
        assert exit_code(["compare", "question.toml", "--workers", "1", "--json", "--out", "again"]) == 0
    arms = json.loads(shown.getvalue())["arms"]
    in_dollars = arms["cut"]["customer_equity"]
    today, today_in_dollars = (a["today"]["customer_equity"]["value"] for a in (outcome.json["arms"], arms))
    for name in ("difference", "low", "high"):
        assert cut[name] / today == pytest.approx(in_dollars[name] / today_in_dollars, abs=0.002)


@case("04-equal-departure-rates-called-identified")
def departure_rates_that_do_not_differ_are_held_at_a_limit(outcome: Outcome) -> None:
    fit = outcome.json["models"]["pareto_nbd"]
    assert outcome.code == 0
    assert "s" in fit["held"]
    assert fit["s"] == 100
    assert fit["log_likelihood_lost"] < 1
    assert any("s is held at 100" in warning for warning in outcome.json["warnings"])


@case("05-subscribers-who-leave-in-a-world-where-nobody-leaves")
def visible_drop_out_is_kept(outcome: Outcome) -> None:
    base = outcome.json["base_model"]
    fit = outcome.json["models"][base]
    assert base in ("bg_nbd", "pareto_nbd")
    assert fit["log_likelihood"] >= -962.2
    assert outcome.json["holdout"]["actual_repeat_orders"] == 95
    assert outcome.json["holdout"][base] < 135


@case("06-two-digit-years-across-2000")
def ninety_nine_is_no_year_of_the_future(outcome: Outcome) -> None:
    used = outcome.json["calibration"]
    assert outcome.code == 0
    assert (used["first_day"][:7], used["log_ends"][:7]) == ("1999-06", "2000-06")
    assert any("1999" in note for note in outcome.json["notes"])


@case("07-american-first-of-the-month")
def the_first_of_the_month_is_asked_about_or_read_month_first(outcome: Outcome) -> None:
    if outcome.code:
        assert "--date-order" in outcome.err
        again = calibrated(Path("orders.csv"), "--date-order", "month-first")["calibration"]
    else:
        again = outcome.json["calibration"]
        assert any("--date-order" in note for note in outcome.json["notes"])
    assert (again["first_day"], again["log_ends"]) == ("2022-01-01", "2023-12-01")


@case("08-one-mistyped-year")
def one_day_years_after_all_others_is_named(outcome: Outcome) -> None:
    assert outcome.code == 0, outcome.err
    lines = (outcome.folder / "orders.csv").read_text().splitlines()
    line = next(number for number, text in enumerate(lines, start=1) if "2032" in text)
    said = [note for note in outcome.json["warnings"] + outcome.json["notes"] if f"line {line}" in note]
    assert said
    assert "--end" in said[0]
    assert outcome.json["calibration"]["log_ends"] < "2024-02-01"


@case("09-dots-between-thousands")
def dots_before_three_digits_are_not_decimals_by_default(outcome: Outcome) -> None:
    if outcome.code:
        assert "thousands or decimals" in outcome.err
        again = calibrated(Path("orders.csv"), "--decimal", "comma")
        assert again["calibration"]["mean_order_value"] == pytest.approx(97_000, rel=0.2)
    else:
        assert outcome.json["calibration"]["mean_order_value"] == pytest.approx(97_000, rel=0.2)


@case("10-trailing-minus-refunds")
def a_minus_behind_the_amount_is_a_refund(outcome: Outcome) -> None:
    assert outcome.json["counts"]["refunds_netted"] == 11
    assert outcome.json["refused"] == []


@case("11-line-breaks-in-quoted-notes")
def a_record_may_have_several_lines(outcome: Outcome) -> None:
    assert outcome.code == 0, outcome.err
    assert outcome.json["refused"] == []
    assert outcome.json["counts"]["rows_used"] == 275


@case("12-identifiers-in-scientific-notation")
def rounded_identifiers_are_refused(outcome: Outcome) -> None:
    assert outcome.code == 2
    assert "6.01209E+12" in outcome.err
    assert "line 2" in outcome.err
    assert len(outcome.err.strip().splitlines()) <= 2  # the reading line, and one sentence


@case("13-full-width-digits-crash")
def one_odd_cell_never_fails_a_log(outcome: Outcome) -> None:
    assert outcome.code == 0, outcome.err
    assert outcome.json["counts"]["rows_used"] == outcome.json["counts"]["rows_read"]


@case("14-excel-sep-line")
def a_hint_for_excel_is_no_header(outcome: Outcome) -> None:
    assert outcome.code == 0, outcome.err
    assert outcome.json["refused"] == []


@case("15-bg-nbd-expectation-nan")
def expectations_are_numbers_wherever_a_world_may_be(outcome: Outcome) -> None:
    orders, survival = outcome.out.rsplit("]", 1)
    assert np.fromstring(orders.strip("["), sep=",") == pytest.approx([20.781, 112.4985, 141.4764], rel=1e-5)
    assert 0 < float(survival) < 1


@case("16-customers-all-alike-no-model")
def customers_all_alike_get_a_world_of_equal_rates(outcome: Outcome) -> None:
    world = valid_world(outcome)
    assert world["base"]["r"] == 100
    assert any("r is held at 100" in warning for warning in outcome.json["warnings"])


@case("17-gamma-gamma-runaway-called-identified")
def a_spend_that_runs_off_is_not_called_identified(outcome: Outcome) -> None:
    assert outcome.code == 0, outcome.err
    assert outcome.json["models"]["gamma_gamma"]["identified"] is False
    columns = ["--customer", "customer", "--date", "date", "--amount", "amount"]
    assert exit_code(["calibrate", "orders.csv", *columns, "--out", "world.toml"]) == 0
    spend = valid_world(outcome)["base"]["spend"]
    mean = outcome.json["calibration"]["mean_order_value"]
    assert spend["p"] * spend["gamma"] / (spend["q"] - 1) == pytest.approx(mean, rel=1e-6)
