"""What a contact does to a lead, and to a key account.

The chance to qualify a lead falls with the hours W to the first contact as the odds (1 + W / W0)^-g; who has been
qualified is `uplift` likelier to order, in odds. A lead whom nobody calls stays what it was, and so does one who is
called too late: calling late is no worse than not calling. So the odds of an order are multiplied by

    F(W) = 1 + uplift (1 + W / W0)^-g

Of leads with conversion hazard h and cooling hazard c the share h / (h + c) orders, with odds h / c. Odds times F are
therefore the hazard times F, and the share is F h / (F h + c). Both clocks are exponential, so this holds from any
moment in which the contact begins to act, for those who are still undecided then.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Depth = TypeVar("Depth", float, Floats)


def odds_factor(waited: Floats, uplift: float, response_slope: float, prompt_hours: float) -> Floats:
    """F of leads who `waited` so many hours for their first contact. Shape [m]."""
    factor: Floats = 1 + uplift * np.exp(-response_slope * np.log1p(waited / prompt_hours))
    return factor


def departure_factor(depth: Depth, key_departure: float) -> Depth:
    """By what the departure of a key account is multiplied who was met twice in the last 52 weeks; `depth` is how long
    the last contact was, over one with its full effect, and 1 at most."""
    return 1 - (1 - key_departure) * depth
