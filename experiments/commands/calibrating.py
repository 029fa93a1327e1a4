"""`crmlab calibrate`: from an order log to a world."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crmlab.experiments.commands.options import AsJson
from crmlab.experiments.commands.printing import print_json, print_table, remark, say
from crmlab.experiments.files.messages import UserError

if TYPE_CHECKING:
    from crmlab.experiments.calibration.calibrate import Calibration

LABELS = {"pareto_nbd": "Pareto/NBD", "bg_nbd": "BG/NBD", "nbd": "NBD", "gamma_gamma": "Gamma-Gamma"}
PARAMETERS = ("r", "alpha", "s", "beta", "a", "b", "p", "q", "gamma")


def calibrate(
    orders: Annotated[Path, typer.Argument(metavar="ORDERS.csv", help="Order log, one row per order.")],
    customer: Annotated[str, typer.Option("--customer", help="Column with the customer's identifier.")],
    date: Annotated[str, typer.Option("--date", help="Column with the date of the order.")],
    amount: Annotated[str | None, typer.Option("--amount", help="Column with its value.")] = None,
    holdout_weeks: Annotated[float, typer.Option("--holdout-weeks", min=0, help="Weeks kept back as a check.")] = 0,
    out: Annotated[Path | None, typer.Option("--out", metavar="WORLD.toml", help="World file to write.")] = None,
    currency: Annotated[str, typer.Option("--currency", help="Currency of the amounts.")] = "USD",
    as_json: AsJson = False,
) -> None:
    """Fit the textbook models to an order log, check them on held-back weeks, and write a world."""
    if out is not None and out.is_dir():
        raise UserError(f"{out} is a directory; --out is the world file to write.")
    found = _calibrated(orders, customer, date, amount, holdout_weeks)
    files = _written(found, out, currency) if out else []
    for warning in found.warnings:
        remark(f"Note: {warning}")
    if as_json:
        print_json(found.to_json() | ({"files": [str(file) for file in files]} if files else {}))
        return
    _print(found.to_json())
    if files:
        say(f"Wrote {files[0]}, with {files[1].name} and {files[2].name} beside it.")
        say(f"Next: crmlab init question.toml --world {files[0]}")
    else:
        say("Next: say --out WORLD.toml to write a world.")


def _calibrated(orders: Path, customer: str, date: str, amount: str | None, holdout_weeks: float) -> Calibration:
    from crmlab.experiments.calibration.calibrate import CalibrationError
    from crmlab.experiments.calibration.calibrate import calibrate as fit
    from crmlab.experiments.calibration.order_log import OrderLogError, read_orders

    remark(f"Reading {orders} ...")
    try:
        log = read_orders(orders, customer, date, amount)
        remark("Fitting ...")
        return fit(log, holdout_weeks)
    except OrderLogError as error:
        raise UserError(str(error)) from None
    except CalibrationError as error:
        raise UserError(f"{orders}: {error}") from None


def _written(found: Calibration, out: Path, currency: str) -> list[Path]:
    from crmlab.experiments.files.world_writer import write_world

    return write_world(out, found, currency)


def _print(found: dict[str, Any]) -> None:
    counts, used = found["counts"], found["calibration"]
    say(f"Read {counts['rows_read']:,} rows: {found['orders']:,} orders of {found['customers']:,} customers.")
    for refused in found["refused"]:
        lines = ", ".join(str(line) for line in refused.get("first_lines", []))
        say(f"  not used: {refused['rows']:,} rows, {refused['reason']}{f' (line {lines})' if lines else ''}")
    for note in found["notes"]:
        say(f"  {note}")
    say(f"Calibrated on {used['first_day']} to {used['last_day']}: {used['customers']:,} customers.")
    say()
    print_table(
        "Fitted models (estimate +- standard error)", ["model", "parameters", "log-likelihood"], _models(found), left=2
    )
    _print_holdout(found["holdout"])
    _print_founding(found)


def _print_founding(found: dict[str, Any]) -> None:
    """What a world is founded on, how many new customers it wins, and how far it can be believed."""
    used, new = found["founding"], found["new_customers"]
    model = used["models"][used["base_model"]]
    values = ", ".join(f"{name} {model[name]:.3f}" for name in PARAMETERS if name in model)
    days = f"{used['first_day']} to {used['last_day']}"
    say(f"A world is founded on all weeks, {days}, with {used['customers']:,} customers:")
    say(f"  {LABELS[used['base_model']]} {values}.")
    if new["weekly"] is None:
        say(f"New customers a week cannot be told from this log: {new['reason']}.")
    else:
        say(f"New customers a week: {new['weekly']:.1f}, as in the last {new['weeks']} weeks of the log.")
    light = found["light"]
    say(f"Fit {light['colour'].upper()}: {light['sentence']}")


def _models(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    rows = []
    for name, model in found["models"].items():
        if not model.get("identified", True):
            rows.append((LABELS[name], model.get("reason", "not identified"), ""))
            continue
        errors = model["standard_errors"]
        values = [f"{p} {model[p]:.3f} +- {errors[p]:.3f}" for p in PARAMETERS if p in model]
        rows.append((LABELS[name], ", ".join(values), f"{model['log_likelihood']:,.2f}"))
    return rows


def _print_holdout(holdout: dict[str, Any]) -> None:
    actual = holdout["actual_repeat_orders"]
    if not holdout["weeks"] or actual is None:
        say("No holdout: nothing was checked against weeks the models had not seen (--holdout-weeks N).")
        return
    rows = [("what happened", f"{actual:,}", "")]
    for name, label in LABELS.items():
        if holdout.get(name) is not None:
            rows.append((label, f"{holdout[name]:,.1f}", f"{holdout[name] / actual - 1:+.1%}" if actual else ""))
    title = f"Repeat orders in the {holdout['weeks']} held-back weeks, predicted customer by customer"
    print_table(title, ["", "repeat orders", "off by"], rows)
