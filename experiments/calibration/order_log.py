"""An order log: who ordered on which day for how much, read from what a shop exports.

What counts as an order is settled here once, as in the published studies: orders of a customer on one day are one,
refunds cancel the orders they belong to, and every row that is not used is counted with its reason. Customers get
running numbers; their original identifiers do not travel on.
"""

from __future__ import annotations

import difflib
import zlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from crmlab.experiments.calibration.export_format import (
    FormatError,
    TableFormat,
    detect_format,
    overlong_lines,
    parse_amounts,
    parse_days,
)

_TOLERATED_SHARE = 0.05  # more unreadable days or amounts than this mean a wrong column or format
_PARTS_PER_UNIT = 10_000  # refunds are netted in whole 1/10 000 of the currency: exact sums
_LISTED_COLUMNS = 12

Refused = list[dict[str, Any]]


class OrderLogError(ValueError):
    """The file cannot be used as an order log; the message is one sentence for the user."""


@dataclass(frozen=True)
class OrderLog:
    """The orders that count, and what became of every row that was read.

    frame    one row per customer and day, sorted by both: `customer` (running number from 0), `day` (datetime64[s] at
             midnight) and, where the shop exported amounts, `amount` (the shop's currency, never negative)
    refused  rows not used: {"reason", "rows", "first_lines"} with up to three line numbers of the file
    counts   rows_read, rows_used, same_day_merged, refunds_netted, refunds_unmatched, orders_cancelled,
             zero_amount_orders, orders, customers
    notes    what was assumed about the format, in words
    """

    frame: pd.DataFrame
    refused: Refused = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def has_amounts(self) -> bool:
        return "amount" in self.frame

    @property
    def first_day(self) -> np.datetime64:
        return self.frame["day"].to_numpy().min().astype("datetime64[D]")

    @property
    def last_day(self) -> np.datetime64:
        return self.frame["day"].to_numpy().max().astype("datetime64[D]")


def read_orders(
    path: str | Path, customer: str, date: str, amount: str | None = None, *, day_first: bool | None = None
) -> OrderLog:
    """Read an order log from a delimited text file (also gzipped) with a header.

    `customer`, `date`, `amount` name the columns. Without `amount` every row is an order and refunds cannot be told.
    `day_first` settles dates such as 3/4/2024; None lets the column decide. Raises OrderLogError.
    """
    path = Path(path)
    try:
        rows, refused = _read_rows(path, {"customer": customer, "day": date, "amount": amount})
        rows, notes = _understand(rows, refused, day_first)
        return _settle(rows, refused, notes)
    except FormatError as error:
        raise OrderLogError(f"{path} {error}.") from None
    except IsADirectoryError:
        raise OrderLogError(f"{path} is a folder, not a file with orders.") from None
    except FileNotFoundError:
        raise OrderLogError(f"{path} does not exist.") from None
    except OSError as error:
        raise OrderLogError(f"{path} cannot be read: {(error.strerror or str(error)).lower()}.") from None


def _read_rows(path: Path, wanted: dict[str, str | None]) -> tuple[pd.DataFrame, Refused]:
    """Texts of the wanted columns, indexed by the line of the file; blank lines left out."""
    names = {role: name for role, name in wanted.items() if name is not None}
    table = detect_format(path, list(names.values()))
    positions = {_position(table.columns, name): role for role, name in names.items()}
    if len(positions) < len(names):
        raise FormatError(f"cannot give one column two meanings: {', '.join(names.values())} must all differ")
    try:
        texts = _read_texts(path, table, list(positions))
    except UnicodeDecodeError:  # the first bytes were plain ASCII, later ones are not
        texts = _read_texts(path, replace(table, encoding="cp1252"), list(positions))
    texts.index += table.header_line + 1
    texts = texts.rename(columns=positions).dropna(how="all")
    if texts.empty:
        raise FormatError("holds no orders below its header")
    refused: Refused = []
    overlong = texts.index.isin(overlong_lines(path, table))
    if overlong.mean() > _TOLERATED_SHARE:
        share = f"{overlong.sum()} of {len(texts)} rows with more fields than its header"
        raise FormatError(
            f"has {share} (line {texts.index[overlong][0]}): quote fields that contain '{table.delimiter}'"
        )
    return _keep(texts, ~overlong, "more fields than the header", refused), refused


def _position(columns: list[str], name: str) -> int:
    matches = [position for position, column in enumerate(columns) if column == name]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise FormatError(f"has {len(matches)} columns named '{name}': rename all but one")
    lowered = {column.lower(): column for column in columns}
    close = difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=0.5)
    listed = ", ".join(column[:40] for column in columns[:_LISTED_COLUMNS]) + (
        " ..." if len(columns) > _LISTED_COLUMNS else ""
    )
    hint = f"did you mean '{lowered[close[0]][:40]}'? " if close else ""
    raise FormatError(f"has no column '{name}': {hint}its columns are {listed}")


def _read_texts(path: Path, table: TableFormat, positions: list[int]) -> pd.DataFrame:
    """The chosen columns as text."""
    try:
        return pd.read_csv(
            path,
            sep=table.delimiter,
            encoding=table.encoding,
            encoding_errors="replace" if table.encoding == "cp1252" else "strict",
            compression="gzip" if table.gzipped else None,
            header=None,
            names=list(range(len(table.columns))),
            usecols=positions,
            index_col=False,
            skiprows=table.header_line,
            skip_blank_lines=False,
            skipinitialspace=True,
            dtype=str,
        )
    except pd.errors.EmptyDataError:
        raise FormatError("holds no orders below its header") from None
    except (pd.errors.ParserError, EOFError, zlib.error) as error:
        what = "a quotation mark is never closed" if "inside string" in str(error) else str(error).strip()
        raise FormatError(f"is damaged: {what}") from None


def _understand(rows: pd.DataFrame, refused: Refused, day_first: bool | None) -> tuple[pd.DataFrame, list[str]]:
    """Texts become customer numbers, days and amounts; rows that lack one are refused and counted."""
    rows = rows.assign(customer=rows["customer"].str.strip())
    rows = _keep(rows, rows["customer"].notna() & (rows["customer"] != ""), "no customer", refused)
    rows = _keep(rows, rows["day"].notna(), "no date", refused)
    days, notes = parse_days(rows["day"], day_first)
    _check_readable(rows["day"], days, "dates", "write days as YYYY-MM-DD")
    rows = _keep(rows.assign(day=days), days.notna(), "unreadable date", refused)
    if "amount" in rows:
        rows = _keep(rows, rows["amount"].notna(), "no amount", refused)
        amounts, more_notes = parse_amounts(rows["amount"])
        _check_readable(rows["amount"], amounts, "amounts", "write them as 1234.50")
        rows = _keep(rows.assign(amount=amounts), amounts.notna(), "unreadable amount", refused)
        notes += more_notes
    return rows.assign(customer=pd.factorize(rows["customer"])[0].astype(np.int32)), notes


def _check_readable(texts: pd.Series, values: pd.Series, what: str, remedy: str) -> None:
    unreadable = texts[values.isna()]
    if len(unreadable) > _TOLERATED_SHARE * len(texts):
        example, line = "".join(filter(str.isprintable, unreadable.iloc[0]))[:40], unreadable.index[0]
        share = f"{len(unreadable)} of {len(texts)}"
        raise FormatError(f"has {share} {what} that cannot be read, for example '{example}' on line {line}: {remedy}")


def _keep(rows: pd.DataFrame, good: pd.Series | np.ndarray, reason: str, refused: Refused) -> pd.DataFrame:
    if not good.any():
        raise FormatError(f"holds no usable row: the last {len(rows)} were refused for '{reason}'")
    if not good.all():
        refused.append(_refusal(reason, rows.index[~good].to_numpy()))
    return rows[good]


def _refusal(reason: str, lines: np.ndarray) -> dict[str, Any]:
    return {"reason": reason, "rows": len(lines), "first_lines": [int(line) for line in lines[:3]]}


def _settle(rows: pd.DataFrame, refused: Refused, notes: list[str]) -> OrderLog:
    """Rows become orders: one per customer and day, refunds netted."""
    counts = {"rows_read": len(rows) + sum(refusal["rows"] for refusal in refused), "rows_used": len(rows)}
    if "amount" not in rows:
        orders = rows.drop_duplicates().sort_values(["customer", "day"])
        counts["same_day_merged"] = len(rows) - len(orders)
        notes.append("without amounts every row counts as an order: refunds cannot be told from orders")
    else:
        is_refund = rows["amount"] < 0
        if is_refund.all():
            raise FormatError("holds negative amounts only: orders must be positive, refunds negative")
        orders = rows[~is_refund].groupby(["customer", "day"])["amount"].sum().reset_index()
        counts["same_day_merged"] = int((~is_refund).sum()) - len(orders)
        orders, unmatched, cancelled = net_refunds(orders, rows[is_refund])
        if len(unmatched):
            refused.append(_refusal("refund without an earlier order of the customer", unmatched))
        counts["rows_used"] -= len(unmatched)
        counts["refunds_netted"] = int(is_refund.sum()) - len(unmatched)
        counts["refunds_unmatched"] = len(unmatched)
        counts["orders_cancelled"] = cancelled
        counts["zero_amount_orders"] = int((orders["amount"] == 0).sum())
    orders = orders.assign(customer=np.unique(orders["customer"], return_inverse=True)[1].astype(np.int32))
    counts |= {"orders": len(orders), "customers": int(orders["customer"].nunique())}
    if counts["customers"] < 2:
        found = "one customer only" if counts["customers"] else "no order that was not refunded"
        raise FormatError(f"holds {found}: a customer base is needed")
    return OrderLog(orders.reset_index(drop=True), refused, counts, notes)


def net_refunds(orders: pd.DataFrame, refunds: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray, int]:
    """Refunds eat the customer's orders from the same day backwards, latest first; eaten orders vanish.

    `orders` one row per customer and day, sorted; `refunds` negative amounts. Returns the remaining orders, the
    index of the refunds for which nothing was left to refund, and how many orders vanished. A customer's money is a
    stack: an order lies on what was there before it and keeps what later refunds never reach.
    """
    touched = orders[orders["customer"].isin(refunds["customer"])].assign(refund=-1)
    events = pd.concat([touched, refunds.assign(refund=np.arange(len(refunds)))])
    events = events.sort_values(["customer", "day", "refund"], kind="stable")
    parts = np.rint(events["amount"] * _PARTS_PER_UNIT).astype(np.int64)
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
    amounts[eaten.index[eaten]] = remaining[eaten.to_numpy()] / _PARTS_PER_UNIT
    vanished = (amounts <= 0) & (orders["amount"] > 0)
    return orders.assign(amount=amounts)[~vanished], np.sort(unmatched), int(vanished.sum())
