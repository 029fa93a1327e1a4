"""A traffic light for a fit: how far a world that was estimated from an order log can be believed, in words.

Green: within 10 % of the repeat orders that really happened in the weeks held back; amber: within 20 %, or nothing was
held back, or too little happened to tell; red: farther off, or a world that grows because nobody is seen to leave. The
thresholds are a convention: the textbook models miss the holdout of the CDNOW log, on which they were published, by 7
and 11 %.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from crmlab.experiments.wording.quantities import signed_percent

Colour = Literal["green", "amber", "red"]
GREEN, AMBER = 0.10, 0.20  # largest miss of the holdout's repeat orders
MIN_ORDERS = 100  # repeat orders in the holdout below which luck alone can miss by a tenth
GROWTH, GROWTH_WEEKS = 0.25, 104  # growth of orders from which a world in which nobody leaves is not believed
MEANING = {
    "green": "Levels (orders, revenue, equity) can be read as forecasts with about this error.",
    "amber": "Read differences between policies, and levels with caution.",
    "red": "Do not plan with these levels. The simulated customers behave otherwise than yours, so test a policy on a "
    "part of your customers before you trust even the sign of its effect.",
}


@dataclass(frozen=True)
class Light:
    """The colour, and a sentence that says why and what it means. `miss` is the share by which the model was off in
    the weeks held back; None where that is unknown."""

    colour: Colour
    sentence: str
    miss: float | None = None

    @property
    def words(self) -> str:
        """Colour and sentence, for one line beside a verdict."""
        return f"Fit {self.colour.upper()}: {self.sentence}"

    def to_json(self) -> dict[str, object]:
        return {"colour": self.colour, "sentence": self.sentence, "miss": self.miss}


def judged(weeks: float, actual: int | None, expected: float | None, made_from_checked_model: bool = True) -> Light:
    """The light of a fit that expected so many repeat orders in the `weeks` held back, where `actual` happened."""
    if not weeks or actual is None:
        why = "no weeks were held back, so nobody knows how well the model predicts (calibrate with --holdout-weeks)."
        return Light("amber", f"{why} {MEANING['amber']}")
    if actual < MIN_ORDERS or expected is None:
        why = f"only {actual} repeat orders fell into the {weeks:g} weeks held back: a good fit and luck look the same."
        return Light("amber", f"{why} {MEANING['amber']}")
    miss = expected / actual - 1
    colour: Colour = "green" if abs(miss) <= GREEN else "amber" if abs(miss) <= AMBER else "red"
    seen = f"in {weeks:g} weeks that it had not seen, the model expected {expected:,.0f} repeat orders and {actual:,}"
    why = f"{seen} happened ({signed_percent(100 * miss)})."
    if not made_from_checked_model:
        why += " All weeks together called for another model, on which the world stands."
        colour = "amber" if colour == "green" else colour
    return Light(colour, f"{why} {MEANING[colour]}", miss)


def where_nobody_leaves(light: Light, orders: float, new_customers: float, orders_each: float) -> Light:
    """The light of a world in which customers come, `new_customers` a week, and stay for ever, each with so many
    `orders_each` week: red where that alone makes today's `orders` a week grow by more than `GROWTH` in two years."""
    later = orders + GROWTH_WEEKS * new_customers * orders_each
    if later <= (1 + GROWTH) * orders:
        return light
    why = (
        f"the log shows nobody leaving while {new_customers:.1f} new customers come a week, so today's orders would "
        f"grow from {orders:,.0f} to {later:,.0f} a week within {GROWTH_WEEKS} weeks. Customers do leave; a season, or "
        "customers older than the log, hides it."
    )
    checked = light.sentence.removesuffix(MEANING[light.colour]).strip()
    return Light("red", f"{why} {checked[:1].upper()}{checked[1:]} {MEANING['red']}", light.miss)


def light_of(calibration: Mapping[str, Any] | None) -> Light | None:
    """The light of the world whose calibration (its JSON) this is; None for a world that was written by hand."""
    if not calibration:
        return None
    stored = calibration.get("light")
    if stored:
        return Light(stored["colour"], stored["sentence"], stored.get("miss"))
    holdout = calibration.get("holdout") or {}  # written before lights were stored
    base = calibration.get("base_model", "")
    return judged(holdout.get("weeks") or 0, holdout.get("actual_repeat_orders"), holdout.get(base))
