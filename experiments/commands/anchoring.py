"""`crmlab anchors`: what a world does, beside what was measured in the field."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from crmlab.experiments.commands.options import AsJson
from crmlab.experiments.printing import print_json, print_table, say


def anchors(
    world: Annotated[str, typer.Argument(metavar="WORLD", help="World file, or the name of a shipped world.")] = "shop",
    as_json: AsJson = False,
) -> None:
    """What a world does beside what was measured: prices, coupons, worth of new customers, word of mouth."""
    from crmlab.experiments.checks.anchors import anchors as measured
    from crmlab.experiments.files.world_file import load_world

    found = measured(load_world(world).world)
    if as_json:
        print_json([dataclasses.asdict(anchor) | {"fits": anchor.fits} for anchor in found])
        return
    rows = [(a.name, f"{a.here:.3g}", f"{a.low:g} to {a.high:g}", "" if a.fits else "outside", a.source) for a in found]
    print_table(f"What the world {world} does", ["figure", "here", "measured", "", "source"], rows)
    say("Sources: docs/bibliography.md; what the numbers behind them are: crmlab schema world.")
