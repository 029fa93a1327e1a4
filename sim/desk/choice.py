"""Which desk runs: a matter of time and taste, never of numbers."""

from __future__ import annotations

from crmlab.sim.desk.compiled_desk import CompiledDesk
from crmlab.sim.desk.desk import Desk
from crmlab.sim.desk.simpy_desk import SimPyDesk

DESKS: dict[str, type[Desk]] = {cls.name: cls for cls in (SimPyDesk, CompiledDesk)}
ENGINES = ("auto", *DESKS)
SIMPY_ROWS = 50_000  # up to so many rows of a market "auto" is SimPy


def new_desk(engine: str = "auto", rows: int = 0) -> Desk:
    """An empty desk at the start of week 0. `engine`: "simpy", "compiled", or "auto", which goes by the rows of the
    market that it serves. ValueError for another word."""
    if engine not in ENGINES:
        raise ValueError(f'"{engine}" is no desk; known: {", ".join(ENGINES)}')
    if engine == "auto":
        engine = SimPyDesk.name if rows <= SIMPY_ROWS else CompiledDesk.name
    return DESKS[engine]()
