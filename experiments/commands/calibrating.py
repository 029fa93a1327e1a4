"""`crmlab calibrate`: from an order log to a world."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crmlab.experiments.commands.options import AsJson
from crmlab.experiments.errors import UserError
from crmlab.experiments.printing import print_json, print_table, remark, say
from crmlab.experiments.wording.names import did_you_mean

if TYPE_CHECKING:
    from crmlab.experiments.calibration.calibrate import Calibration
    from crmlab.experiments.calibration.order_log import ReadOptions
    from crmlab.experiments.calibration.tables import TableOptions

LABELS = {"pareto_nbd": "Pareto/NBD", "bg_nbd": "BG/NBD", "nbd": "NBD", "gamma_gamma": "Gamma-Gamma"}
PARAMETERS = ("r", "alpha", "s", "beta", "a", "b", "p", "q", "gamma")


Orders = Annotated[Path, typer.Argument(metavar="ORDERS", help="Order log: CSV, .csv.gz, .xlsx or .parquet.")]
Customer = Annotated[str, typer.Option("--customer", help="Column with the customer's identifier.")]
Date = Annotated[str, typer.Option("--date", help="Column with the date of the order.")]
Amount = Annotated[str | None, typer.Option("--amount", help="Column with its value.")]
Order = Annotated[
    str | None, typer.Option("--order", help="Column with the order's number, where an order has several lines.")
]
Quantity = Annotated[
    str | None, typer.Option("--quantity", help="Column with the pieces, where --amount is the price of one.")
]
Where = Annotated[
    list[str] | None,
    typer.Option("--where", metavar="COLUMN=VALUE", help="Rows to use: COLUMN=A,B or COLUMN!=A; may be repeated."),
]
HoldoutWeeks = Annotated[float, typer.Option("--holdout-weeks", min=0, help="Weeks kept back as a check.")]
End = Annotated[str | None, typer.Option("--end", metavar="YYYY-MM-DD", help="Last day of the observation.")]
DateOrder = Annotated[
    str | None, typer.Option("--date-order", help="How 3/4/2024 is read: day-first, month-first or year-first.")
]
DateFormat = Annotated[str | None, typer.Option("--date-format", help="How dates are written, as in %d.%m.%y %H:%M.")]
Decimal = Annotated[str | None, typer.Option("--decimal", help="What separates decimals in 1.234: point or comma.")]
Header = Annotated[bool, typer.Option("--header/--no-header", help="Without a header columns are called 1, 2, 3 ...")]
Encoding = Annotated[str | None, typer.Option("--encoding", help="As in cp1252, gb18030, utf-16.")]
Delimiter = Annotated[str | None, typer.Option("--delimiter", help="What separates fields.")]
Sheet = Annotated[str | None, typer.Option("--sheet", help="Sheet of an Excel workbook.")]
World = Annotated[Path | None, typer.Option("--out", metavar="WORLD.toml", help="World file to write.")]
Customers = Annotated[
    Path | None,
    typer.Option("--customers", metavar="TABLE.csv", help="Table of customers to write: P(alive), orders, value."),
]
OwnIds = Annotated[
    bool, typer.Option("--own-ids", help="Name customers in that table as the shop does, not by running numbers.")
]
Currency = Annotated[str, typer.Option("--currency", help="Currency of the amounts.")]


def calibrate(
    orders: Orders,
    customer: Customer,
    date: Date,
    amount: Amount = None,
    order: Order = None,
    quantity: Quantity = None,
    where: Where = None,
    holdout_weeks: HoldoutWeeks = 0,
    end: End = None,
    date_order: DateOrder = None,
    date_format: DateFormat = None,
    decimal: Decimal = None,
    header: Header = True,
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    sheet: Sheet = None,
    out: World = None,
    customers: Customers = None,
    own_ids: OwnIds = False,
    currency: Currency = "USD",
    as_json: AsJson = False,
) -> None:
    """Fit the textbook models to an order log, check them on held-back weeks, and write a world."""
    if out is not None and out.is_dir():
        raise UserError(f"{out} is a directory; --out is the world file to write.")
    if own_ids and customers is None:
        raise UserError("--own-ids names the customers of --customers TABLE.csv, which is missing.")
    options = _read_options(order, quantity, where, date_order, date_format, decimal, end)
    table = _table_options(encoding, delimiter, header, sheet)
    found = _calibrated(orders, customer, date, amount, holdout_weeks, options, table)
    files = _written(found, out, currency) if out else []
    if customers:
        files.append(_customer_table(found, customers, own_ids))
    for warning in found.warnings:
        remark(f"Note: {warning}")
    if as_json:
        print_json(found.to_json() | ({"files": [str(file) for file in files]} if files else {}))
        return
    _print(found.to_json())
    if customers:
        named = "by the shop's own identifiers" if own_ids else "by running numbers (--own-ids for the shop's)"
        say(f"Wrote {files[-1]}: one row per customer, {named}.")
    if out:
        say(f"Wrote {files[0]}, with {files[1].name} and {files[2].name} beside it.")
    say(
        f"Next: crmlab init question.toml --world {files[0]}" if out else "Next: say --out WORLD.toml to write a world."
    )


def _read_options(
    order: str | None,
    quantity: str | None,
    where: Sequence[str] | None,
    date_order: str | None,
    date_format: str | None,
    decimal: str | None,
    end: str | None,
) -> ReadOptions:
    """How the rows of the log are to be understood. Raises `UserError`."""
    from crmlab.experiments.calibration.export_format import DATE_ORDERS
    from crmlab.experiments.calibration.order_log import ReadOptions

    _one_of("--date-order", date_order, DATE_ORDERS)
    _one_of("--decimal", decimal, ("point", "comma"))
    return ReadOptions(
        order=order,
        quantity=quantity,
        where=tuple(_condition(text) for text in where or ()),
        date_order=date_order,  # type: ignore[arg-type]
        date_format=date_format,
        decimal=decimal,  # type: ignore[arg-type]
        end=_day(end),
    )


def _table_options(encoding: str | None, delimiter: str | None, header: bool, sheet: str | None) -> TableOptions:
    """How the file of the log is to be read. Raises `UserError`."""
    from crmlab.experiments.calibration.tables import TableOptions

    if delimiter is not None:
        delimiter = {"tab": "\t", "\\t": "\t"}.get(delimiter, delimiter)
        if len(delimiter) != 1:
            raise UserError(f"--delimiter {delimiter!r} must be one character, or tab.")
    return TableOptions(encoding=encoding, delimiter=delimiter, header=header, sheet=sheet)


def _one_of(option: str, value: str | None, allowed: Sequence[str]) -> None:
    if value is not None and value not in allowed:
        raise UserError(f"{option} {value}: must be {' or '.join(allowed)}.{did_you_mean(value, allowed)}")


def _condition(text: str) -> tuple[str, bool, tuple[str, ...]]:
    """`status=paid,shipped` or `status!=cancelled`."""
    column, mark, values = text.partition("=")
    if not mark or not column.strip("! "):
        raise UserError(f"--where {text}: write COLUMN=VALUE, COLUMN=A,B or COLUMN!=VALUE.")
    return column.rstrip("!").strip(), not column.endswith("!"), tuple(values.split(","))


def _day(text: str | None) -> datetime.date | None:
    try:
        return None if text is None else datetime.date.fromisoformat(text)
    except ValueError:
        raise UserError(f"--end {text}: must be a day, written YYYY-MM-DD.") from None


def _calibrated(
    orders: Path,
    customer: str,
    date: str,
    amount: str | None,
    holdout_weeks: float,
    options: ReadOptions,
    table: TableOptions,
) -> Calibration:
    from crmlab.experiments.calibration.calibrate import CalibrationError
    from crmlab.experiments.calibration.calibrate import calibrate as fit
    from crmlab.experiments.calibration.order_log import OrderLogError, read_orders

    remark(f"Reading {orders} ...")
    try:
        log = read_orders(orders, customer, date, amount, options=options, table=table)
        remark("Fitting ...")
        return fit(log, holdout_weeks)
    except OrderLogError as error:
        raise UserError(str(error)) from None
    except CalibrationError as error:
        raise UserError(f"{orders}: {error}") from None


def _customer_table(found: Calibration, path: Path, own_ids: bool) -> Path:
    from crmlab.experiments.calibration.customer_table import write_customers

    return write_customers(path, found, own_ids)


def _written(found: Calibration, out: Path, currency: str) -> list[Path]:
    from crmlab.experiments.files.world_writer import write_world

    return write_world(out, found, currency)


def _print(found: dict[str, Any]) -> None:
    counts, used = found["counts"], found["calibration"]
    say(f"Read {counts['rows_read']:,} rows: {found['orders']:,} orders of {found['customers']:,} customers.")
    for refused in found["refused"]:
        lines = ", ".join(str(line) for line in refused.get("first_lines", []))
        money = f", {refused['share_of_money']:.1%} of the money" if refused.get("share_of_money") else ""
        rows = f"{refused['rows']:,} row{'' if refused['rows'] == 1 else 's'}"
        say(f"  not used: {rows}{money}, {refused['reason']}{f' (line {lines})' if lines else ''}")
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
        held = model.get("held", ())
        values = [
            f"{p} {model[p]:.4g} (held)" if p in held else f"{p} {_number(model[p])} +- {_number(errors[p])}"
            for p in PARAMETERS
            if p in model
        ]
        rows.append((LABELS[name], ", ".join(values), f"{model['log_likelihood']:,.2f}"))
    return rows


def _number(value: float) -> str:
    return f"{value:.3f}" if 0.01 <= value < 10_000 or value == 0 else f"{value:.4g}"


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
