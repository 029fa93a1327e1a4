"""What a table that a file does not have yet would look like, with its own arms and levers in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from crmlab.experiments.experiment import TODAY, Arm
from crmlab.experiments.questions.table import KINDS
from crmlab.sim.levers import levers_of

MAX_LEVERS = 2
WHAT_FOR = {kind.name: kind.table.purpose for kind in KINDS.values() if kind.table}


def such_as(table: str, arms: Sequence[Arm]) -> str:
    """A table to copy, on lines of its own, after a sentence that says it is missing; empty where no arm has levers."""
    lines = suggested(table, arms)
    return "\nFor example:\n\n" + "\n".join(f"    {line}" for line in lines) if lines else ""


def suggested(table: str, arms: Sequence[Arm]) -> list[str]:
    """The lines of a [tune] or [sweep] table for the first arm with a lever that is a number."""
    today = next((arm.plays for arm in arms if arm.name == TODAY), ())
    for arm in arms:
        levers = [
            f'"{play.name}.{name}"'
            for play in arm.plays
            if play not in today
            for name in levers_of(play.strategy)
            if not isinstance(getattr(play.strategy, name), Mapping)
        ]
        if levers:
            few = ", ".join(levers[:MAX_LEVERS])
            return [f"[{table}]", f'arm = "{arm.name}"', f"levers = [{few}]"]
    return []


def commented(arms: Sequence[Arm], file: str) -> str:
    """The tables that a file with these arms may have besides, as comments to take the # away from."""
    text = ""
    for table, what in WHAT_FOR.items():
        if lines := suggested(table, arms):
            text += f"\n# To {what}, take the # away from the lines below, then: crmlab {table} {file}\n"
            text += "".join(f"#{line}\n" for line in lines)
    return text
