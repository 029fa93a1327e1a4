"""Where the money goes: the waterfall from the baseline's contribution to that of an arm."""

from __future__ import annotations

import pandas as pd

from crmlab.experiments.charts.chart import Chart
from crmlab.experiments.charts.look import FAINT, GAIN, GRID, LOSS, Look, new_figure
from crmlab.experiments.wording.quantities import change, money_axis, quantity, relative

TOTAL = "contribution"


def profit_waterfall(profit: pd.DataFrame, look: Look, arm: str) -> Chart:
    """What each account adds to or takes from the contribution when the baseline is replaced by an arm.

    Amounts are signed (income +, cost -), so a bar to the right is always money won. What the accounts leave
    unexplained, if anything, stands as a bar of its own.
    """
    amounts = profit.pivot_table(index="account", columns="arm", values="amount", sort=False).fillna(0.0)
    base, mine = amounts[look.baseline], amounts[arm]
    shifts = (mine - base).drop(TOTAL)
    rest = float(mine[TOTAL] - base[TOTAL] - shifts.sum())
    if abs(rest) > 1e-6 * max(1.0, abs(base).max()):
        shifts["other"] = rest
    shifts = shifts[shifts != 0]
    names = [look.baseline, *shifts.index, arm]
    values = [float(base[TOTAL]), *shifts, float(mine[TOTAL])]
    texts = [quantity(values[0], "currency", look.currency)]
    texts += [change(value, "currency", look.currency) for value in shifts]
    texts += [quantity(values[-1], "currency", look.currency)]
    figure = new_figure(34 * len(names) + 60, showlegend=False)
    figure.add_waterfall(
        x=[*values[:-1], 0],
        y=[name.replace(" ", "<br>", 1) if len(name) > 12 else name for name in names],
        orientation="h",
        measure=["absolute", *["relative"] * len(shifts), "total"],
        text=texts,
        textposition="outside",
        cliponaxis=False,
        increasing={"marker": {"color": GAIN}},
        decreasing={"marker": {"color": LOSS}},
        totals={"marker": {"color": FAINT}},
        connector={"line": {"color": GRID, "width": 1}},
        hoverinfo="skip",
    )
    low, high, cut = _window([values[0], *shifts])
    figure.update_xaxes(range=[low, high], nticks=5, **money_axis(look.currency))
    figure.update_yaxes(autorange="reversed", showgrid=False)
    note = "To the right: money won; to the left: money lost; mean over the replications of the stated world."
    note += " The axis does not begin at 0." if cut else ""
    title = f"From {look.baseline} to {arm}"
    return Chart(title, figure, _table(base, mine, shifts, look, arm), _words(base, mine, shifts, look, arm), note)


def _window(steps: list[float]) -> tuple[float, float, bool]:
    """The stretch of the axis to show: from 0, unless the changes would then be too small to be seen."""
    levels = pd.Series(steps).cumsum()
    span = max(float(levels.max() - levels.min()), 1e-9)
    low, high = min(0.0, float(levels.min())), max(0.0, float(levels.max()))
    cut = high - low > 5 * span
    if cut:
        low, high = float(levels.min()), float(levels.max())
    room = 0.6 * (high - low)  # for a number beside its bar, on a phone: a loss has it to the left, all others right
    least = float(levels[pd.Series(steps) < 0].min()) if min(steps) < 0 else low
    return min(low - 0.05 * (high - low) if cut else low, least - room), high + room, cut


def _table(base: pd.Series, mine: pd.Series, shifts: pd.Series, look: Look, arm: str) -> pd.DataFrame:
    money = look.currency
    rows = [
        {
            "Account": account,
            look.baseline: quantity(base.get(account), "currency", money),
            arm: quantity(mine.get(account), "currency", money),
            "Change": change(shifts.get(account, mine.get(account, 0.0) - base.get(account, 0.0)), "currency", money),
        }
        for account in dict.fromkeys([*base.index.drop(TOTAL), *shifts.index, TOTAL])
    ]
    return pd.DataFrame(rows)


def _words(base: pd.Series, mine: pd.Series, shifts: pd.Series, look: Look, arm: str) -> str:
    total = float(mine[TOTAL] - base[TOTAL])
    moved = change(total, "currency", look.currency)
    sentence = f"{arm} changes the contribution by {moved} ({relative(total, float(base[TOTAL]))})"
    if shifts.empty:
        return f"{sentence}; no account moves."
    largest = str(shifts.abs().idxmax())
    return f"{sentence}; the largest single change is {largest} ({change(shifts[largest], 'currency', look.currency)})."
