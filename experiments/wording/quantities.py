"""Numbers as people read them: money, shares, counts and changes, each in the unit that stands on the KPI."""

from __future__ import annotations

import math
import re

SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "CNY": "¥", "INR": "₹", "": ""}
UNDEFINED = "–"
MINUS = "\u2212"
Range = tuple[float, float]
COUNTS = ("orders", "customers", "people", "leads", "coupons", "messages")  # whole things: no decimals from 10 on


def quantity(value: float | None, unit: str = "", currency: str = "USD", sure: Range | None = None) -> str:
    """A value in words: `$1,234`, `42.6%`, `12,350`; a dash when it is undefined.

    It has as many digits as it deserves: two of the half-width of `sure`, the interval in which it lies, where one is
    given; else four.
    """
    if value is None or not math.isfinite(value):
        return UNDEFINED
    size = abs(value)
    digits = _rounded(size, unit, sure) if sure and math.isfinite(sure[0] + sure[1]) else _four_digits(size, unit)
    sign = MINUS if value < 0 and digits.strip("0.,") else ""
    return f"{sign}{_prefix(unit, currency)}{digits}{'%' if is_share(unit) else ''}"


def change(value: float | None, unit: str = "", currency: str = "USD", sure: Range | None = None) -> str:
    """A difference in words, with its sign; shares change by percentage points (`+1.2 pp`)."""
    if value is None or not math.isfinite(value):
        return UNDEFINED
    text = quantity(value, unit, currency, sure)
    text = text.replace("%", " pp") if is_share(unit) else text
    return text if text.startswith(MINUS) else f"+{text}"


def relative(difference: float | None, baseline: float | None) -> str:
    """A difference as a share of the baseline, with its sign: `+3.1%`."""
    if difference is None or not baseline or not math.isfinite(difference) or not math.isfinite(baseline):
        return UNDEFINED
    return signed_percent(100 * difference / abs(baseline))


def signed_percent(percent: float) -> str:
    """`+3.1%`, `−0.4%`; no decimals from 100 % on."""
    if not math.isfinite(percent):
        return UNDEFINED
    digits = f"{abs(percent):,.0f}" if abs(percent) >= 100 else f"{abs(percent):.1f}"
    return f"{MINUS if percent < 0 and digits.strip('0.') else '+'}{digits}%"


def between(low: float | None, high: float | None, unit: str = "", currency: str = "USD") -> str:
    """An interval of a difference: `+$120 to +$340`.

    Both ends have the digits that the interval deserves, except an end that would be rounded to nothing: on which side
    of nothing it lies is what a verdict asks, so it keeps its first digit.
    """
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return UNDEFINED
    return f"{_end(low, (low, high), unit, currency)} to {_end(high, (low, high), unit, currency)}"


def _end(value: float, interval: Range, unit: str, currency: str) -> str:
    text = change(value, unit, currency, interval)
    if value == 0 or re.search("[1-9]", text):
        return text
    first = round(value, -math.floor(math.log10(abs(value))))
    return change(first, unit, currency)


def percent(share: float) -> str:
    """A share in a sentence: `62%`, `1.5%`; all or nothing is said only of all or nothing."""
    if 0.995 < share < 1:
        return "> 99%"
    return f"{100 * share:.0f}%" if share >= 0.1 or share == 0 else f"{100 * share:.1f}%"


def is_share(unit: str) -> bool:
    """Whether a unit is a share of something, to be printed in per cent."""
    return unit.startswith(("share", "probability"))


def is_money(unit: str) -> bool:
    """Whether a unit is an amount of money."""
    return unit.startswith(("currency", "money"))


def money_axis(currency: str) -> dict[str, str]:
    """How a Plotly axis prints amounts of this currency."""
    return {"tickprefix": _prefix("currency", currency), "tickformat": "~s"}


def _prefix(unit: str, currency: str) -> str:
    return SYMBOLS.get(currency, f"{currency} ") if is_money(unit) else ""


def _digits(size: float, unit: str) -> str:
    if is_share(unit):
        return f"{100 * size:.1f}"
    if is_money(unit):
        return _short(size) if size >= 1e7 else f"{size:,.2f}" if size < 100 else f"{size:,.0f}"
    if size >= 1e9:
        return _short(size)
    if size == int(size) or size >= (10 if unit in COUNTS else 1000):
        return f"{size:,.0f}"
    return f"{size:,.1f}" if size >= 10 else f"{size:.2f}"


def _four_digits(size: float, unit: str) -> str:
    """No simulated total is known to its last unit."""
    return _digits(size if size < 10_000 else round(size, 3 - math.floor(math.log10(size))), unit)


def _rounded(size: float, unit: str, sure: Range) -> str:
    """Two digits of the half-width of the interval, and no more decimals than the number would have without it."""
    half = abs(sure[1] - sure[0]) / 2
    plain = _digits(size, unit)
    if not half > 0:
        return plain
    times = 100 if is_share(unit) else 1
    places = 1 - math.floor(math.log10(half * times))  # decimals that two digits of the half-width have
    if places > 0:
        usual = len(plain.partition(".")[2].rstrip("MB"))
        return plain if plain[-1] in "MB" else f"{times * size:,.{min(places, usual)}f}"
    return _digits(round(times * size, places) / times, unit).removesuffix(".00" if times == 1 else ".0")


def _short(size: float) -> str:
    return f"{size / 1e9:,.2f}B" if size >= 1e9 else f"{size / 1e6:,.2f}M"
