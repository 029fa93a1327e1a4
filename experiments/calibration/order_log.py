"""An order log: who ordered on which day for how much, read from what a shop exports.

What counts as an order is settled here once, as in the published studies: orders of a customer on one day are one,
refunds cancel the orders they belong to, and every row that is not used is counted with its reason, its first lines
and its share of the money. Customers get running numbers; their own identifiers travel on in `OrderLog.identifiers`
only, which nothing prints or writes unless asked to.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from crmlab.experiments.calibration.export_format import DateOrder, Decimal, parse_amounts, parse_days
from crmlab.experiments.calibration.tables import (
    FOUND_OUT,
    TOLERATED_SHARE,
    FormatError,
    Table,
    TableOptions,
    read_table,
)

_PARTS_PER_UNIT = 10_000  # refunds are netted in whole parts of a typical amount: exact sums
_SCIENTIFIC = r"^\d(?:[.,]\d+)?[Ee]\+?\d{2}$"  # what a spreadsheet makes of a long number
_OUTLYING_ROWS, _OUTLYING_SHARE, _OUTLYING_DAYS = 3, 0.002, 182  # few orders, long after (or before) all others
_THIN_SHARE, _THIN_WEEKS = 0.1, 3  # orders of the last weeks against the usual, and how many weeks count
_PLACEHOLDER_SHARE = 0.1  # of all orders under one identifier, beside hundreds of others

Refused = list[dict[str, Any]]


class OrderLogError(ValueError):
    """The file cannot be used as an order log; the message is one sentence for the user."""


@dataclass(frozen=True)
class OrderLog:
    """The orders that count, and what became of every row that was read.

    frame        one row per customer and day, sorted by both: `customer` (running number from 0), `day` (datetime64[s]
                 at midnight) and, where the shop exported amounts, `amount` (the shop's currency, never negative)
    refused      rows not used: {"reason", "rows", "first_lines"} with up to three line numbers of the file, and with
                 amounts "share_of_money", their share of all money (signs dropped) that could be read
    counts       rows_read, rows_used, same_day_merged, refunds_netted, refunds_unmatched, orders_cancelled,
                 zero_amount_orders, orders, customers
    notes        what was decided about the format, in words
    warnings     what may be wrong with the log, in words, with the way out
    end          the day on which the observation ends, where the user said so
    identifiers  the shop's own identifier of each customer, by running number
    """

    frame: pd.DataFrame
    refused: Refused = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    end: np.datetime64 | None = None
    identifiers: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=object), repr=False)

    @property
    def has_amounts(self) -> bool:
        return "amount" in self.frame

    @property
    def first_day(self) -> np.datetime64:
        return self.frame["day"].to_numpy().min().astype("datetime64[D]")

    @property
    def last_day(self) -> np.datetime64:
        """The last day on which an order would have been seen: as stated, or that of the last order."""
        return self.frame["day"].to_numpy().max().astype("datetime64[D]") if self.end is None else self.end


@dataclass(frozen=True)
class ReadOptions:
    """What the user says about the contents of a log; None is found out, or refused where it cannot be.

    order        column with the number of the order: its lines are one order, on the day of the first
    quantity     column with the number of pieces: `amount` is then the price of one; negative pieces are returned
    where        conditions on columns, all of which a row must meet: ("status", True, ("paid", "shipped")), False: none
    date_order   settles 3/4/2024; `date_format` (as of strptime) settles everything
    decimal      settles 1.234
    end          the last day of the observation: later orders are left out, silence until then counts
    """

    order: str | None = None
    quantity: str | None = None
    where: tuple[tuple[str, bool, tuple[str, ...]], ...] = ()
    date_order: DateOrder | None = None
    date_format: str | None = None
    decimal: Decimal | None = None
    end: datetime.date | None = None


AS_IT_LOOKS = ReadOptions()


def read_orders(
    path: str | Path,
    customer: str,
    date: str,
    amount: str | None = None,
    *,
    options: ReadOptions = AS_IT_LOOKS,
    table: TableOptions = FOUND_OUT,
) -> OrderLog:
    """Read an order log from delimited text (also gzipped), an Excel workbook or a Parquet file.

    `customer`, `date`, `amount` name the columns (1, 2, 3 ... where there is no header). Without `amount` every row is
    an order and refunds cannot be told. Raises OrderLogError.
    """
    path = Path(path)
    roles = {"customer": customer, "day": date, "amount": amount, "order": options.order, "quantity": options.quantity}
    names = {role: name for role, name in roles.items() if name is not None}
    try:
        if options.quantity is not None and amount is None:
            raise FormatError(f"needs the price of a piece beside the quantity '{options.quantity}': name --amount")
        if len(set(names.values())) < len(names):
            raise FormatError(f"cannot give one column two meanings: {', '.join(names.values())} must all differ")
        filters = [column for column, _, _ in options.where]
        columns = list(dict.fromkeys([*names.values(), *filters]))
        found = read_table(path, columns, table)
        return _settled(found, names, options)
    except FormatError as error:
        raise OrderLogError(f"{path} {error}.") from None
    except IsADirectoryError:
        raise OrderLogError(f"{path} is a folder, not a file with orders.") from None
    except FileNotFoundError:
        raise OrderLogError(f"{path} does not exist.") from None
    except OSError as error:
        raise OrderLogError(f"{path} cannot be read: {(error.strerror or str(error)).lower()}.") from None


class _Rows:
    """The rows that still count, and those that were sorted out on the way."""

    def __init__(self, table: Table) -> None:
        self.table, self.all = table.texts, len(table.texts)
        self.refused: Refused = []
        self.money = pd.Series(dtype=float)  # of every row that was read, without sign

    def keep(self, good: pd.Series | np.ndarray, reason: str) -> None:
        """Sort out the rows that are not good."""
        good = np.asarray(good, dtype=bool)
        if not good.any():
            raise FormatError(f"holds no usable row: the last {len(self.table)} were refused for '{reason}'")
        if not good.all():
            self.refused.append(_refusal(reason, self.table.index[~good].to_numpy()))
            self.table = self.table[good]

    def with_shares(self) -> Refused:
        """What was sorted out, with its share of the money."""
        total = float(self.money.sum())
        if not total > 0:
            return self.refused
        return [
            {key: value for key, value in entry.items() if key != "lines"}
            | {"share_of_money": round(float(self.money.reindex(entry["lines"]).sum()) / total, 6)}
            for entry in self.refused
        ]


def _refusal(reason: str, lines: np.ndarray) -> dict[str, object]:
    return {"reason": reason, "rows": len(lines), "first_lines": [int(line) for line in lines[:3]], "lines": lines}


def _settled(table: Table, names: dict[str, str], options: ReadOptions) -> OrderLog:
    rows, notes, warnings = _Rows(table), list(table.notes), list[str]()
    if table.surplus:
        rows.keep(~rows.table.index.isin(table.surplus), "more fields than the header")
    for column, wanted, values in options.where:
        _filter(rows, column, wanted, values)
    rows.table = rows.table[list(names.values())].set_axis(list(names), axis=1)
    if "order" in names:
        _refuse_rounded(rows, "order", "order numbers")
        _complete(rows)
    if "amount" in names:
        amounts, more = parse_amounts(rows.table["amount"], options.decimal, names["amount"] in table.typed)
        notes += more
        if "quantity" in names:
            pieces, _ = parse_amounts(rows.table["quantity"], options.decimal, names["quantity"] in table.typed)
            _check_readable(rows.table["quantity"].fillna("nothing"), pieces, "quantities", "write them as numbers")
            amounts = amounts * pieces
            rows.table = rows.table.assign(amount=rows.table["amount"].where(pieces.notna())).drop(columns="quantity")
        rows.money = amounts.abs().fillna(0.0)
        rows.table = rows.table.assign(value=amounts)
    _customers(rows)
    rows.keep(rows.table["day"].notna(), "no date")
    days, more = parse_days(rows.table["day"], options.date_order, options.date_format)
    notes = more + notes
    _check_readable(rows.table["day"], days, "dates", "write days as YYYY-MM-DD, or say --date-format")
    rows.table = rows.table.assign(day=days)
    rows.keep(days.notna(), "unreadable date")
    if "amount" in names:
        _amounts(rows)
    _days(rows, options, warnings)
    return _orders(rows, notes, warnings, options)


def _filter(rows: _Rows, column: str, wanted: bool, values: Sequence[str]) -> None:
    texts = rows.table[column].fillna("").str.strip()
    asked = texts.str.lower().isin([value.strip().lower() for value in values])
    good = asked if wanted else ~asked
    said = f"{column}{'=' if wanted else '!='}{','.join(values)}"
    if not good.any():
        there = ", ".join(f"'{value[:30]}'" for value in texts.value_counts().index[:8])
        raise FormatError(f"holds no row with {said}: there is {there}")
    rows.keep(good, f"not asked for (--where {said})")


def _complete(rows: _Rows) -> None:
    """Lines of one order: what only the first one carries (customer, date, total) holds for all."""
    known = rows.table["order"].notna()
    by_order = rows.table[known].groupby("order")
    for column in ("customer", "day"):
        filled = rows.table[column].where(rows.table[column].notna() | ~known, by_order[column].transform("first"))
        rows.table = rows.table.assign(**{column: filled})
    if "amount" in rows.table:
        some = by_order["amount"].transform("count") > 0
        blank = rows.table["amount"].isna() & some.reindex(rows.table.index, fill_value=False)
        rows.table = rows.table.assign(amount=rows.table["amount"].mask(blank, "0"))


def _customers(rows: _Rows) -> None:
    customers = rows.table["customer"].str.strip()
    rows.keep(customers.notna() & (customers != ""), "no customer")
    _refuse_rounded(rows, "customer", "customers")


def _refuse_rounded(rows: _Rows, column: str, what: str) -> None:
    """Long numbers that a spreadsheet has rounded: different ones have become one."""
    texts = rows.table[column]
    rounded = texts.str.fullmatch(_SCIENTIFIC).fillna(False).astype(bool)
    if rounded.sum() > TOLERATED_SHARE * len(texts):
        line = texts.index[rounded][0]
        raise FormatError(
            f"has {int(rounded.sum())} of {len(texts)} {what} such as {texts[line]} (line {line}): a spreadsheet has "
            "rounded their numbers, so that different ones became one; export them again, as text"
        )
    rows.keep(~rounded, f"one of the {what} rounded by a spreadsheet")


def _amounts(rows: _Rows) -> None:
    rows.keep(rows.table["amount"].notna(), "no amount")
    _check_readable(rows.table["amount"], rows.table["value"], "amounts", "write them as 1234.50")
    rows.table = rows.table.assign(amount=rows.table["value"]).drop(columns="value")
    rows.keep(rows.table["amount"].notna(), "unreadable amount")


def _check_readable(texts: pd.Series, values: pd.Series, what: str, remedy: str) -> None:
    unreadable = texts[values.isna()]
    if len(unreadable) > TOLERATED_SHARE * len(texts):
        example, line = "".join(filter(str.isprintable, unreadable.iloc[0]))[:40], unreadable.index[0]
        share = f"{len(unreadable)} of {len(texts)}"
        raise FormatError(f"has {share} {what} that cannot be read, for example '{example}' on line {line}: {remedy}")


def _days(rows: _Rows, options: ReadOptions, warnings: list[str]) -> None:
    """Leave out days that cannot be: after the stated end, in the future, or far from all others."""
    days = rows.table["day"]
    if options.end is not None:
        rows.keep(days <= pd.Timestamp(options.end), f"after {options.end} (--end)")
    else:
        tomorrow = pd.Timestamp(datetime.date.today()) + pd.Timedelta(days=1)
        if (days > tomorrow).any() and (days <= tomorrow).any():
            _set_aside(rows, days <= tomorrow, "a day in the future", warnings)
        _set_aside(rows, _near(rows.table["day"], last=True), "a day long after all others", warnings)
    _set_aside(rows, _near(rows.table["day"], last=False), "a day long before all others", warnings)


def _near(days: pd.Series, last: bool) -> np.ndarray:
    """Which days are not cut off from nearly all others by a gap of half a year and half of what those span."""
    numbers = days.to_numpy().astype("datetime64[D]").astype(np.int64) * (1 if last else -1)
    ordered = np.sort(numbers)
    few = min(max(_OUTLYING_ROWS, int(_OUTLYING_SHARE * len(ordered))), len(ordered) // 10)
    for cut in range(len(ordered) - few, len(ordered)):
        gap, span = ordered[cut] - ordered[cut - 1], ordered[cut - 1] - ordered[0]
        if gap > max(_OUTLYING_DAYS, span / 2):
            return numbers < ordered[cut]
    return np.ones(len(days), dtype=bool)


def _set_aside(rows: _Rows, good: pd.Series | np.ndarray, reason: str, warnings: list[str]) -> None:
    good = np.asarray(good, dtype=bool)
    if good.all():
        return
    lines = rows.table.index[~good]
    day = rows.table["day"].loc[lines[0]].date()
    first, latest = (day.date() for day in rows.table["day"][good].agg(["min", "max"]))
    count = f"{len(lines)} {'row was' if len(lines) == 1 else 'rows were'}"
    warnings.append(
        f"{count} set aside for {reason}: {day} on line {lines[0]}, while all others lie between {first} and {latest}; "
        "correct the date, or say --end DAY where the observation really ends"
    )
    rows.keep(good, reason)


def _orders(rows: _Rows, notes: list[str], warnings: list[str], options: ReadOptions) -> OrderLog:
    """Rows become orders: lines of an order, then those of a day, are one; refunds are netted."""
    codes, identifiers = pd.factorize(rows.table["customer"])
    used = rows.table.assign(customer=codes.astype(np.int32))
    counts = {"rows_read": rows.all, "rows_used": len(used)}
    if "order" in used:
        used = _one_row_an_order(used, rows, counts, notes)
    if "amount" not in used:
        orders = used[["customer", "day"]].drop_duplicates().sort_values(["customer", "day"])
        counts["same_day_merged"] = len(used) - len(orders)
        notes.append("without amounts every row counts as an order: refunds cannot be told from orders")
    else:
        is_refund = used["amount"] < 0
        if is_refund.all():
            raise FormatError("holds negative amounts only: orders must be positive, refunds negative")
        orders = used[~is_refund].groupby(["customer", "day"])["amount"].sum().reset_index()
        counts["same_day_merged"] = int((~is_refund).sum()) - len(orders)
        orders, unmatched, cancelled = net_refunds(orders, used.loc[is_refund, ["customer", "day", "amount"]])
        if len(unmatched):
            rows.refused.append(_refusal("refund without an earlier order of the customer", unmatched))
        counts["rows_used"] -= len(unmatched)
        counts["refunds_netted"] = int(is_refund.sum()) - len(unmatched)
        counts["refunds_unmatched"] = len(unmatched)
        counts["orders_cancelled"] = cancelled
        counts["zero_amount_orders"] = int((orders["amount"] == 0).sum())
    left, numbers = np.unique(orders["customer"], return_inverse=True)
    orders = orders.assign(customer=numbers.astype(np.int32))
    counts |= {"orders": len(orders), "customers": len(left)}
    if len(left) < 2:
        found = "one customer only" if len(left) else "no order that was not refunded"
        raise FormatError(f"holds {found}: a customer base is needed")
    end = np.datetime64(options.end, "D") if options.end else None
    log = OrderLog(
        orders.reset_index(drop=True), rows.with_shares(), counts, notes, warnings, end, np.asarray(identifiers)[left]
    )
    for entry in log.refused:
        entry.pop("lines", None)
    warnings += _doubts(log)
    return log


def _one_row_an_order(used: pd.DataFrame, rows: _Rows, counts: dict[str, int], notes: list[str]) -> pd.DataFrame:
    """Sum the lines of each order on the day of its first; an order of two customers is no order."""
    alone = used["order"].isna()
    keys = used["order"].where(~alone, [f"line {line}" for line in used.index])
    owners = used.groupby(keys)["customer"].transform("nunique")
    if (owners > 1).any():
        line = used.index[owners > 1][0]
        raise FormatError(
            f"has {used['order'][owners > 1].nunique()} order numbers under several customers, for example "
            f"'{used['order'][line]}' on line {line}: is this the column of the order's number?"
        )
    found = used.assign(key=keys, line=used.index).groupby("key", sort=False)
    first = found[["customer", "day", "line"]].first()
    first["day"] = found["day"].min()
    if "amount" in used:
        first["amount"] = found["amount"].sum()
    counts["lines_merged"] = len(used) - len(first)
    notes.append(f"{len(used):,} lines were taken together to {len(first):,} orders by their numbers")
    if alone.any():
        notes.append(f"{int(alone.sum()):,} lines without an order number count as orders of their own")
    return first.set_index("line")


def _doubts(log: OrderLog) -> list[str]:
    """What looks wrong about orders that can be read."""
    found = []
    if log.end is None:
        weeks = (log.last_day - log.frame["day"].to_numpy().astype("datetime64[D]")).astype(np.int64) // 7
        by_week = np.bincount(weeks)
        usual = float(np.median(by_week[by_week > 0])) if len(by_week) > 12 else 0.0
        thin = int(np.argmax(by_week >= _THIN_SHARE * usual)) if usual else 0
        if thin >= _THIN_WEEKS:
            day = log.last_day - np.timedelta64(7 * thin, "D")
            found.append(
                f"the last {thin} weeks hold {int(by_week[:thin].sum())} orders where {usual:.0f} a week are usual: if "
                f"the log really ends earlier, everybody seems to fall silent; say --end {day}"
            )
    sizes = log.frame["customer"].value_counts()
    if len(sizes) > 100 and sizes.iloc[0] > _PLACEHOLDER_SHARE * len(log.frame):
        found.append(
            f"one customer alone has {sizes.iloc[0] / len(log.frame):.0%} of the days with orders: if that is a "
            "placeholder for guests, leave it out with --where COLUMN!=VALUE"
        )
    return found


def net_refunds(orders: pd.DataFrame, refunds: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray, int]:
    """Refunds eat the customer's orders from the same day backwards, latest first; eaten orders vanish.

    `orders` one row per customer and day, sorted; `refunds` negative amounts. Returns the remaining orders, the
    index of the refunds for which nothing was left to refund, and how many orders vanished. A customer's money is a
    stack: an order lies on what was there before it and keeps what later refunds never reach.
    """
    touched = orders[orders["customer"].isin(refunds["customer"])].assign(refund=-1)
    events = pd.concat([touched, refunds.assign(refund=np.arange(len(refunds)))])
    events = events.sort_values(["customer", "day", "refund"], kind="stable")
    unit = _parts_per_unit(orders["amount"])
    parts = np.rint(events["amount"] * unit).astype(np.int64)
    customer = events["customer"]
    total = parts.groupby(customer).cumsum()
    owed = total.groupby(customer).cummin().clip(upper=0)  # refunds that found nothing, so far (negative)
    height = total - owed
    kept = height[::-1].groupby(customer[::-1]).cummin()[::-1] - (height - parts)
    is_order = (events["refund"] < 0).to_numpy()
    remaining = kept.to_numpy()[is_order].clip(0)
    eaten = pd.Series(remaining, index=events.index[is_order]) < parts[is_order]
    newly_owed = owed.groupby(customer).diff().fillna(owed)
    unmatched = events.index[~is_order & (newly_owed == parts).to_numpy()].to_numpy()
    amounts = orders["amount"].copy()
    amounts[eaten.index[eaten]] = remaining[eaten.to_numpy()] / unit
    vanished = (amounts <= 0) & (orders["amount"] > 0)
    return orders.assign(amount=amounts)[~vanished], np.sort(unmatched), int(vanished.sum())


def _parts_per_unit(amounts: pd.Series) -> float:
    """Into how many parts a unit of money is cut, so that sums of refunds cancel exactly: 10 000, or more where
    amounts are so small that this would round them."""
    typical = float(amounts[amounts > 0].median()) if (amounts > 0).any() else 1.0
    return _PARTS_PER_UNIT * 10.0 ** max(0, 1 - int(np.floor(np.log10(typical))))
