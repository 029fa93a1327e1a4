"""Asking every active play what it wants done this week, and whom its actions may reach.

Actions on identified customers reach those whom the play addresses and does not hold out. A play with a target, a
holdout or a ramp must return no other actions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from crmlab.sim.actions import Action, ActionError, check_action
from crmlab.sim.mechanism import Asked
from crmlab.sim.plays import Play
from crmlab.sim.view import FirmView

TREATED, HELD_OUT = 1, 2


def ask(
    plays: Iterable[Play], view: FirmView, rows: NDArray[np.int32], n: int, kinds: Sequence[type[Action]]
) -> tuple[list[Asked], dict[str, NDArray[np.int8]]]:
    """What the plays want, and by play with a holdout who of the `n` rows is treated and held out.

    `rows` are the rows of the view's customers; `kinds` the actions that somebody in this market carries out.
    """
    asked: list[Asked] = []
    groups: dict[str, NDArray[np.int8]] = {}
    for play in plays:
        if not play.active(view.week):
            continue
        reached, group = _reached(play, view, rows, n)
        if group is not None:
            groups[play.name] = group
        for action in play.strategy.decide(view):
            if not isinstance(action, tuple(kinds)):
                raise ActionError(f"{play.name}: {_nobody_carries_out(action)}")
            check_action(play.name, action)
            if play.selective and action.audience == "everybody":
                what = type(action).__name__
                raise ActionError(f"{play.name}: {what} is for everybody, so the play has no target, holdout or ramp")
            asked.append(Asked(play, action, reached))
    return asked, groups


def _nobody_carries_out(action: object) -> str:
    if not isinstance(action, Action):
        return f"decide returned {action!r}, which is no action of the contract"
    room = type(action).__module__.split(".")[-2:-1]
    return f"{type(action).__name__} is carried out by nobody in this world: it lacks the mechanism {' '.join(room)}"


def _reached(
    play: Play, view: FirmView, rows: NDArray[np.int32], n: int
) -> tuple[NDArray[np.bool_] | None, NDArray[np.int8] | None]:
    """Who may be treated by a play (None: everybody), and both groups by row when there is a holdout."""
    addressed, held_out = play.addressed(view), play.held_out(view)
    if held_out is None:
        return addressed, None
    treated = ~held_out if addressed is None else addressed & ~held_out
    alone = held_out if addressed is None else addressed & held_out
    group = np.zeros(n, np.int8)
    group[rows] = np.int8(TREATED) * treated + np.int8(HELD_OUT) * alone
    return treated, group


def rates_of(asked: Asked, rate: object, n: int) -> NDArray[np.float32]:
    """Rates per customer of the view, zero for those whom the play does not reach. Shape [n]."""
    rates = np.asarray(rate, np.float32)
    if rates.ndim and rates.shape != (n,):
        raise ActionError(
            f"{asked.play.name}: rates must be one number or one per identified customer ({n}), not {rates.shape}"
        )
    rates = np.broadcast_to(rates, (n,))
    return rates if asked.reached is None else np.where(asked.reached, rates, np.float32(0))


def mask_of(asked: Asked, what: str, mask: object, n: int) -> NDArray[np.bool_]:
    """Who is meant by a mask over the customers of the view, as far as the play reaches them. Shape [n]."""
    array = np.asarray(mask)
    if array.shape != (n,) or array.dtype != np.bool_:
        raise ActionError(f"{asked.play.name}: {what} must be one True or False per identified customer ({n})")
    return array if asked.reached is None else array & asked.reached


def source_number(asked: Asked, name: str, names: Sequence[str]) -> int:
    """The number of a channel that an action names."""
    if name not in names:
        raise ActionError(f'{asked.play.name}: no channel "{name}" in this world; it has {", ".join(names)}')
    return names.index(name)
