"""The ways in which shops write a day and an amount.

Nothing is guessed silently. Where a text has two meanings (3/4/2024, 1.234) the whole column decides; where even that
does not decide, it is refused with the option that settles it. Everything works on the distinct texts of a column, so
that a million rows take seconds.
"""

from __future__ import annotations

import datetime
import re
import unicodedata
from typing import Literal

import numpy as np
import pandas as pd

from crmlab.experiments.calibration.month_names import in_english, month_of
from crmlab.experiments.calibration.tables import FormatError

DateOrder = Literal["day-first", "month-first", "year-first"]
DATE_ORDERS: tuple[DateOrder, ...] = ("day-first", "month-first", "year-first")
Decimal = Literal["point", "comma"]

_ABSURD_AMOUNT = 1e12  # sums of refunds stay exact below it
_YEAR_FIRST = r"(?=\d{8}$|\d{4}[-/.])(?P<year>\d{4})(?P<mark>[-/.]?)(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})"
_THREE_NUMBERS = r"(?P<first>\d{1,2})(?P<mark>[-/.])(?P<second>\d{1,2})(?P=mark)(?P<third>\d{4}|\d{2})"
_ORDINAL = r"(?:st|nd|rd|th|er|re|ère|[oa])?"  # 1st, 1er, and 1º, of which NFKC makes 1o
_OF = r"(?:(?:de|del|of) )?"
_DAY_MONTH_NAME = (
    rf"(?P<day>\d{{1,2}}){_ORDINAL}\.?[-/. ]*{_OF}(?P<month>[^\W\d_]{{3,}})[-/., ]+{_OF}"
    r"(?P<year>\d{4}|\d{2})(?: ?[гр]\.?)?"
)
_MONTH_NAME_DAY = rf"(?P<month>[^\W\d_]{{3,}})\.?[-/ ]+(?P<day>\d{{1,2}}){_ORDINAL},?[-/ ]+(?P<year>\d{{4}}|\d{{2}})"
_EAST_ASIAN = r"(?P<year>\d{4})\s*[年년]\s*(?P<month>\d{1,2})\s*[月월]\s*(?P<day>\d{1,2})\s*[日일]"
_WEEKDAY = r"^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,?\s+"
# A word in front of a whole date (lun. 5 mars 2024, Di, 05.03.24) is the weekday; a month's name (mar 5, 2024) is none.
_ANY_WEEKDAY = r"^[^\W\d_]{2,}(?:-[^\W\d_]+)?\.?,?\s+(?=\d{1,2}\D*[^\W\d_]{3,}\D*\d|\d{1,4}[-/.]\d)"
_CLOCK_TIME = r",?[T ]+(?:(?:at|um|kl\.?|à|às|a las|alle|om|o|в) )?\d{1,2}[:h]\d{2}.*$"
_EAST_ASIAN_TIME = r"(?<=[日일])\s*(?:\d|上|下|午|오).*$"
_LONG_YEARS = 25  # orders of more years than that are a misread column
_SERIAL_EPOCH = pd.Timestamp("1899-12-30")  # day 0 of a spreadsheet
_SERIALS, _UNIX, _UNIX_MS = (25_000, 80_000), (3e8, 4.2e9), (3e11, 4.2e12)
_PARTS: dict[DateOrder, dict[str, str]] = {
    "day-first": {"first": "day", "second": "month", "third": "year"},
    "month-first": {"first": "month", "second": "day", "third": "year"},
    "year-first": {"first": "year", "second": "month", "third": "day"},
}
_CURRENCIES = (
    r"(?:[A-Z]{0,3}[$€£¥₽₹₩₫₪₺₴₦₱฿₡₲₵₸₼₾₿¢]|[A-Z]{3}|R\$|kr\.?|zł|Kč|Ft|lei|лв\.?|руб\.?|р\.|грн\.?|TL|Rp\.?|Rs\.?|RM"
    r"|Fr\.?|S/\.?|元|円|圓|원|đ)"
)
_SPACES = re.compile(r"[\s\u00a0\u202f\u2009'’٬]")


# --- digits of all scripts ------------------------------------------------------------------------------------------


def plain_digits(texts: pd.Series) -> tuple[pd.Series, int]:
    """Full-width, Arabic and other digits and marks as ASCII; and how many texts had some."""
    odd = texts.notna() & ~texts.str.isascii().fillna(True).astype(bool)
    if not odd.any():
        return texts, 0
    plain = texts.copy()
    plain[odd] = texts[odd].map(_plain)
    return plain, int((plain[odd] != texts[odd]).sum())


def _plain(text: str) -> str:
    normal = unicodedata.normalize("NFKC", text).replace("\u2212", "-").replace("٫", ".")
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in normal)


# --- days -----------------------------------------------------------------------------------------------------------


def parse_days(
    texts: pd.Series, order: DateOrder | None = None, date_format: str | None = None, today: datetime.date | None = None
) -> tuple[pd.Series, list[str]]:
    """Read the calendar day out of each text as written (clock times and zones ignored).

    Returns datetime64[s] at midnight (NaT where unreadable) and notes on what was decided. `order` settles 3/4/2024,
    `date_format` (as of strptime) everything; None lets the column decide. No order lies after `today`: that settles
    years of two digits. Raises FormatError where a column has two meanings.
    """
    today = today or datetime.date.today()
    codes, distinct = pd.factorize(texts)
    written = pd.Series(np.asarray(distinct, dtype=object), dtype="str")
    written, odd = plain_digits(written)
    notes = [f"digits of other scripts were read as digits ({odd} different dates)"] if odd else []
    written = written.str.strip()
    if date_format:
        if "%b" in date_format or "%B" in date_format:
            written = written.map(lambda text: in_english(text, whole="%B" in date_format), na_action="ignore")
        days = pd.to_datetime(written, format=date_format, errors="coerce", utc="%z" in date_format)
        days = days.dt.tz_localize(None) if days.dt.tz is not None else days
        days = days.dt.normalize().astype("datetime64[s]")
        notes.append(f"dates were read as {date_format}, as asked")
    else:
        days = _read(written, order, today, notes)
    values = np.append(days.to_numpy(), np.datetime64("NaT"))[codes]  # code -1 is a missing text
    return pd.Series(values, index=texts.index), notes


def _read(written: pd.Series, order: DateOrder | None, today: datetime.date, notes: list[str]) -> pd.Series:
    counted = _counted_days(written, notes)
    if counted is not None:
        return counted
    written = written.str.replace(_CLOCK_TIME, "", regex=True).str.replace(_EAST_ASIAN_TIME, "", regex=True)
    written = written.str.replace(_WEEKDAY, "", regex=True).str.strip()
    written = written.str.replace(_ANY_WEEKDAY, "", regex=True)
    days = _from_parts(written.str.extract(f"^{_YEAR_FIRST}$"), today)
    for pattern in (_EAST_ASIAN, _DAY_MONTH_NAME, _MONTH_NAME_DAY):
        rest = days.isna()
        if rest.any():
            named = written[rest].str.extract(f"^{pattern}$")
            if pattern is not _EAST_ASIAN:
                named["month"] = named["month"].map(month_of, na_action="ignore")
            days[rest] = _from_parts(named, today)
    rest = days.isna()
    if rest.any():
        numbers = written[rest].str.extract(f"^{_THREE_NUMBERS}$").dropna()
        if len(numbers):
            days[numbers.index] = _in_order(numbers, written, order, today, notes)
    return days


def _counted_days(written: pd.Series, notes: list[str]) -> pd.Series | None:
    """Days counted by a machine: spreadsheet serials, Unix seconds or milliseconds; None for other columns."""
    numbers = pd.to_numeric(written.where(written.str.fullmatch(r"\d+(?:\.\d+)?").fillna(False)), errors="coerce")
    for (low, high), unit, what in (
        (_SERIALS, "D", "day numbers of a spreadsheet (1 is 1 January 1900)"),
        (_UNIX, "s", "Unix seconds (UTC)"),
        (_UNIX_MS, "ms", "Unix milliseconds (UTC)"),
    ):
        inside = numbers.between(low, high)
        if inside.mean() > 0.9:
            start = _SERIAL_EPOCH if unit == "D" else pd.Timestamp(0)
            notes.append(f"dates such as {written[inside].iloc[0]} were read as {what}")
            days = start + pd.to_timedelta(np.floor(numbers.where(inside)), unit=unit)  # type: ignore[call-overload]
            return pd.Series(days).dt.normalize().astype("datetime64[s]")
    return None


def _from_parts(parts: pd.DataFrame, today: datetime.date) -> pd.Series:
    numbers = parts[["year", "month", "day"]].apply(pd.to_numeric, errors="coerce")
    short = numbers["year"] < 100
    numbers["year"] += np.where(short, np.where(numbers["year"] + 2000 > today.year, 1900, 2000), 0)
    numbers = numbers.where(numbers["year"].between(1900, 2200))
    return pd.to_datetime(numbers, errors="coerce").astype("datetime64[s]")


def _in_order(
    parts: pd.DataFrame, written: pd.Series, order: DateOrder | None, today: datetime.date, notes: list[str]
) -> pd.Series:
    """Which of three numbers is the day, the month, the year: as asked, or as all dates of the column allow."""
    short = (parts["third"].str.len() == 2).any()
    interpretations = {
        name: _from_parts(parts.rename(columns=_PARTS[name]), today)
        for name in DATE_ORDERS
        if short or name != "year-first"
    }
    if order:
        if order not in interpretations:
            raise FormatError(f"has dates such as {written[parts.index[0]]}: the year is not first in them")
        chosen = order
        notes.append(f"dates were read {order.replace('-', ' ')}, as asked")
    else:
        chosen = _only_possible(parts, interpretations, written, today, notes)
    days = interpretations[chosen]
    years = days.dt.year[parts["third" if chosen != "year-first" else "first"].str.len() == 2].dropna().astype(int)
    if len(years) and years.min() < 2000:
        notes.append(f"years of two digits were read as {years.min()} to {years.max()}: no order lies in the future")
    return days


def _only_possible(
    parts: pd.DataFrame,
    interpretations: dict[DateOrder, pd.Series],
    written: pd.Series,
    today: datetime.date,
    notes: list[str],
) -> DateOrder:
    unreadable = {name: days.isna() for name, days in interpretations.items()}
    anywhere = pd.concat(unreadable.values(), axis=1).all(axis=1)  # in every order
    wrong = {name: missing & ~anywhere for name, missing in unreadable.items()}
    possible = [name for name in interpretations if not wrong[name].any()]
    if not possible:
        day, month = wrong["month-first"], wrong["day-first"]
        if day.any() and month.any():
            examples = f"{written[day.index[day][0]]} and {written[month.index[month][0]]}"
            raise FormatError(f"mixes day-first and month-first dates ({examples}): write them YYYY-MM-DD")
    tomorrow = pd.Timestamp(today) + pd.Timedelta(days=1)
    spans = {name: (interpretations[name].max() - interpretations[name].min()).days / 365 for name in possible}
    timely = [name for name in possible if not (interpretations[name] > tomorrow).any()]
    short = [name for name in possible if spans[name] < _LONG_YEARS]
    if timely and len(timely) < len(possible):
        possible, reason = timely, "because no order lies in the future"
    elif short and len(short) < len(possible):
        longest = max(spans.values())
        possible, reason = short, f"because otherwise the orders would span {longest:.0f} years"
    else:
        others = [name for name in ("day-first", "month-first", "year-first") if name not in possible]
        proof = next((wrong[name] for name in others if name in wrong and wrong[name].any()), None)
        reason = f"because of {written[parts.index[0] if proof is None else proof.index[proof][0]]}"
    if len(possible) == 1:
        notes.append(f"dates were read {possible[0].replace('-', ' ')}, {reason}")
        return possible[0]
    example = written[parts.index[0]]
    kinds = " or ".join(name.replace("-", " ") for name in possible or interpretations)
    options = " or ".join(f"--date-order {name}" for name in possible or interpretations)
    raise FormatError(f"has dates such as {example} that could be {kinds}, and no date decides it: say {options}")


# --- amounts --------------------------------------------------------------------------------------------------------


def parse_amounts(texts: pd.Series, decimal: Decimal | None = None, typed: bool = False) -> tuple[pd.Series, list[str]]:
    """Read money as written: currency marks and thousands marks dropped, signs before or behind, (12.50) a refund.

    Returns float64 (NaN where unreadable or beyond a trillion) and notes on what was decided. `decimal` settles 1.234,
    `typed` says that the amounts were numbers in the file. Raises FormatError where a column has two meanings.
    """
    codes, distinct = pd.factorize(texts)
    written = pd.Series(np.asarray(distinct, dtype=object), dtype="str")
    amounts = pd.to_numeric(written, errors="coerce").astype(np.float64)
    notes: list[str] = []
    plain_point = amounts.notna().all() and (
        typed or decimal == "point" or not written.str.contains(r"^[-+]?\d{1,3}\.\d{3}$", regex=True).any()
    )
    if len(written) and not plain_point:
        bare, currencies = _bare(written, notes)
        if len(currencies) > 1:
            raise FormatError(
                f"has amounts in several currencies ({' and '.join(sorted(currencies))}): "
                "keep one with --where COLUMN=VALUE, or convert them"
            )
        amounts = _numbers(bare, "point" if typed else decimal, notes)
    amounts = amounts.where(amounts.abs() < _ABSURD_AMOUNT)
    values = np.append(amounts.to_numpy(), np.nan)[codes]
    return pd.Series(values, index=texts.index), notes


def _bare(written: pd.Series, notes: list[str]) -> tuple[pd.Series, set[str]]:
    """Sign in front, digits and marks, nothing else; and the currencies that stood there."""
    plain, odd = plain_digits(written.str.replace(_SPACES, "", regex=True))
    if odd:
        notes.append(f"digits of other scripts were read as digits ({odd} different amounts)")
    plain = plain.str.replace(_SPACES, "", regex=True)
    parts = plain.str.extract(
        rf"^(?P<open>\()?(?P<before>[-+])?(?P<currency>{_CURRENCIES})?(?P<inside>[-+])?(?P<number>\d[\d.,]*|[.,]\d+)"
        rf"(?P<behind>[-+])?(?P<unit>{_CURRENCIES})?(?P<end>[-+])?(?P<close>\))?$"
    )
    signs = parts[["before", "inside", "behind", "end"]]
    bracketed = parts["open"].notna() & parts["close"].notna()
    understood = parts["number"].notna() & (parts["open"].notna() == parts["close"].notna())
    understood &= signs.notna().sum(axis=1) + bracketed <= 1
    negative = (signs == "-").any(axis=1) | bracketed
    bare = (negative.map({True: "-", False: ""}) + parts["number"]).where(understood)
    marks = pd.concat([parts["currency"], parts["unit"]]).dropna().str.rstrip(".").str.lower()
    names = (
        set(marks) - {"$"} if any(mark.endswith("$") or mark == "usd" for mark in set(marks) - {"$"}) else set(marks)
    )
    scientific = plain.where(plain.str.fullmatch(r"[-+]?\d+(?:\.\d+)?[eE][-+]?\d+").fillna(False))
    return bare.fillna(scientific), names


def _numbers(bare: pd.Series, decimal: Decimal | None, notes: list[str]) -> pd.Series:
    texts = bare.fillna("")
    if decimal is None:
        comma, point = _says_decimal(texts, ","), _says_decimal(texts, ".")
        if comma.any() and point.any():
            examples = f"{texts[comma].iloc[0]} and {texts[point].iloc[0]}"
            raise FormatError(f"mixes decimal commas and points ({examples}): use points")
        unclear = texts[texts.str.contains(r"^-?\d{1,3}[.,]\d{3}$", regex=True)]
        if len(unclear) and not comma.any() and not point.any():
            raise FormatError(
                f"has amounts such as {unclear.iloc[0]} that could be thousands or decimals, and no amount decides it: "
                "say --decimal point or --decimal comma"
            )
        decimal = "comma" if comma.any() else "point"
    kept, dropped = (",", ".") if decimal == "comma" else (".", ",")
    if texts.str.contains(",", regex=False).any() or decimal == "comma":
        notes.append(f"amounts were read with a decimal {decimal}")
    exponent = texts.str.contains("e", case=False, regex=False)
    plain = texts.str.replace(dropped, "", regex=False).str.replace(kept, ".", regex=False).where(~exponent, texts)
    return pd.to_numeric(plain, errors="coerce").astype(np.float64)


def _says_decimal(texts: pd.Series, mark: str) -> pd.Series:
    """Which texts show that `mark` separates decimals: it stands once and not before three digits as thousands do, or
    the other mark stands before it, or twice."""
    m, other = re.escape(mark), re.escape("." if mark == "," else ",")
    alone = rf"^-?\d*{m}(?:\d|\d\d|\d{{4,}})$|^-?(?:0+|\d{{4,}})?{m}\d{{3}}$"
    return texts.str.contains(rf"{alone}|{other}\d{{3}}{m}\d+$|{other}\d{{3}}{other}", regex=True)
