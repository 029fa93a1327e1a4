"""The formats in which shops export tables: delimiters, encodings, ways to write a day and an amount.

Nothing is guessed silently. Where a text has two readings (3/4/2024, 1,234) the whole column decides; where even that
does not decide, days are read day-first and say so, and amounts are refused. Everything works on whole columns, so a
million rows take about a second.
"""

from __future__ import annotations

import calendar
import csv
import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

HEAD_BYTES = 1 << 16
_DELIMITERS = ",;\t|"
_NOT_TEXT = {b"PK\x03\x04": "an Excel workbook or zip archive", b"%PDF": "a PDF", b"PAR1": "a Parquet file"}
_ABSURD_AMOUNT = 1e12  # sums of refunds stay exact below it
_YEAR_FIRST = r"(?=\d{8}$|\d{4}[-/.])(?P<year>\d{4})(?P<mark>[-/.]?)(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})"
_YEAR_LAST = r"(?P<first>\d{1,2})(?P<mark>[-/.])(?P<second>\d{1,2})(?P=mark)(?P<year>\d{4}|\d{2})"
_MONTH_NAMED = r"(?P<day>\d{1,2})[-/. ](?P<month>[A-Za-z]{3})[A-Za-z]*[-/., ]+(?P<year>\d{4}|\d{2})"
_CLOCK_TIME = r",?[T ]+\d{1,2}:\d{2}.*$"
_MONTHS = {name.lower(): number for number, name in enumerate(calendar.month_abbr) if name}


class FormatError(ValueError):
    """The text cannot be read without guessing; the message is one sentence for the user."""


@dataclass(frozen=True)
class TableFormat:
    """How a delimited text file is written; `header_line` counts from 1."""

    encoding: str
    delimiter: str
    columns: list[str]
    header_line: int
    gzipped: bool


def detect_format(path: Path, wanted: list[str]) -> TableFormat:
    """Look at the first 64 kB only; the delimiter is the one that finds most of the wanted columns in the header."""
    with path.open("rb") as file:
        compressed = file.read(2) == b"\x1f\x8b"
    try:
        with gzip.open(path) if compressed else path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise FormatError("is a damaged gzip file") from None
    if not head.strip():
        raise FormatError("is empty")
    encoding = _encoding_of(head)
    lines = head.decode(encoding, errors="replace").splitlines()
    header_line, header = next((number, line) for number, line in enumerate(lines, start=1) if line.strip())
    readings = {mark: [name.strip() for name in next(csv.reader([header], delimiter=mark))] for mark in _DELIMITERS}
    delimiter = max(readings, key=lambda mark: (len({*wanted} & {*readings[mark]}), len(readings[mark])))
    return TableFormat(encoding, delimiter, readings[delimiter], header_line, compressed)


def overlong_lines(path: Path, table: TableFormat) -> list[int]:
    """Lines whose last surplus field is not blank: pandas would drop it, and 12,50 unquoted would become 12."""
    width = len(table.columns)
    lines = []
    with gzip.open(path) if table.gzipped else path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if line.count(table.delimiter.encode()) >= width:
                text = line[:HEAD_BYTES].decode(table.encoding, errors="replace")
                fields = next(csv.reader(text.splitlines()[:1], delimiter=table.delimiter))
                if any(field.strip() for field in fields[width:]):
                    lines.append(number)
    return lines


def _encoding_of(head: bytes) -> str:
    kind = next((name for magic, name in _NOT_TEXT.items() if head.startswith(magic)), None)
    if kind:
        raise FormatError(f"is {kind}, not a text table: save it as CSV (UTF-8)")
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise FormatError("is UTF-16 text: save it as CSV (UTF-8)")
    if any(byte < 9 or 14 <= byte < 32 for byte in set(head)):
        raise FormatError("is not a text table (it holds binary data): save the orders as CSV (UTF-8)")
    try:
        head[: head.rfind(b"\n") + 1 or None].decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8-sig"


def parse_days(texts: pd.Series, day_first: bool | None = None) -> tuple[pd.Series, list[str]]:
    """Read the calendar day out of each text as written (clock times and zones ignored).

    Returns datetime64[s] at midnight (NaT where unreadable) and notes on what was assumed. `day_first` settles
    3/4/2024; None lets the column decide.
    """
    codes, distinct = pd.factorize(texts.str.replace(_CLOCK_TIME, "", regex=True).str.strip())
    written = pd.Series(np.asarray(distinct, dtype=object), dtype="str")
    days = _from_parts(written.str.extract(f"^{_YEAR_FIRST}$"))
    notes: list[str] = []
    rest = days.isna()
    if rest.any():
        named = written[rest].str.extract(f"^{_MONTH_NAMED}$")
        named["month"] = named["month"].str.lower().map(_MONTHS)
        days[rest] = _from_parts(named)
        rest = days.isna()
        year_last = written[rest].str.extract(f"^{_YEAR_LAST}$").dropna()
        if len(year_last):
            day_first, note = _decide_order(year_last, written, day_first)
            order = {"first": "day", "second": "month"} if day_first else {"first": "month", "second": "day"}
            days[year_last.index] = _from_parts(year_last.rename(columns=order))
            notes.append(note)
    values = np.append(days.to_numpy(), np.datetime64("NaT"))[codes]  # code -1 is a missing text
    return pd.Series(values, index=texts.index), notes


def _from_parts(parts: pd.DataFrame) -> pd.Series:
    numbers = parts[["year", "month", "day"]].apply(pd.to_numeric)
    numbers["year"] += np.where(numbers["year"] < 100, 2000, 0)
    numbers = numbers.where(numbers["year"].between(1970, 2100))
    return pd.to_datetime(numbers, errors="coerce").astype("datetime64[s]")


def _decide_order(parts: pd.DataFrame, written: pd.Series, day_first: bool | None) -> tuple[bool, str]:
    if day_first is not None:
        return day_first, f"dates were read {'day' if day_first else 'month'} first, as asked"
    first, second = parts["first"].astype(int), parts["second"].astype(int)
    says_day = parts.index[(first > 12) & (second <= 12)]
    says_month = parts.index[(second > 12) & (first <= 12)]
    if len(says_day) and len(says_month):
        day_text, month_text = written[says_day[0]], written[says_month[0]]
        raise FormatError(f"mixes day-first and month-first dates ({day_text} and {month_text}): write them YYYY-MM-DD")
    if len(says_day):
        return True, f"dates were read day first, because of {written[says_day[0]]}"
    if len(says_month):
        return False, f"dates were read month first, because of {written[says_month[0]]}"
    return True, f"dates such as {written[parts.index[0]]} could be day or month first: day first was assumed"


def parse_amounts(texts: pd.Series) -> tuple[pd.Series, list[str]]:
    """Read money as written: currency signs and thousands marks dropped, a decimal comma understood where certain.

    Returns float64 (NaN where unreadable or beyond a trillion) and notes on what was assumed.
    """
    amounts = pd.to_numeric(texts, errors="coerce").astype(np.float64)
    notes: list[str] = []
    if (amounts.isna() & texts.notna()).any():
        bare = texts.str.replace(r"[\s\x{a0}'’£$€¥]|[A-Z]{3}", "", regex=True)
        bare = bare.str.replace("\u2212", "-", regex=False)
        bare = bare.str.replace(r"^\((.*)\)$", r"-\1", regex=True)  # accountants write refunds as (12.50)
        if bare.str.contains(",", regex=False).any():
            decimal, dropped = (",", ".") if _decimal_is_comma(bare) else (".", ",")
            notes.append(f"amounts were read with a decimal {'comma' if decimal == ',' else 'point'}")
            bare = bare.str.replace(dropped, "", regex=False).str.replace(decimal, ".", regex=False)
        amounts = pd.to_numeric(bare, errors="coerce").astype(np.float64)
    return amounts.where(amounts.abs() < _ABSURD_AMOUNT), notes


def _decimal_is_comma(bare: pd.Series) -> bool:
    """Decide from the whole column; a mark that is always followed by three digits proves nothing."""
    comma = bare[bare.str.contains(r",(?:\d|\d\d|\d{4,})$|\.\d{3},\d+$", regex=True, na=False)]
    point = bare[bare.str.contains(r"\.(?:\d|\d\d|\d{4,})$|,\d{3}\.\d+$|,\d{3},\d{3}", regex=True, na=False)]
    if len(comma) and len(point):
        raise FormatError(f"mixes decimal commas and points ({comma.iloc[0]} and {point.iloc[0]}): use points")
    if not len(comma) and not len(point):
        example = bare[bare.str.contains(",", regex=False, na=False)].iloc[0]
        raise FormatError(f"has amounts such as {example} that could be thousands or decimals: use decimal points")
    return len(comma) > 0
