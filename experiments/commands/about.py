"""`crmlab strategies` and `crmlab doctor`: what there is, and whether it works here."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from crmlab.experiments.commands.options import RESULTS, AsJson, Out
from crmlab.experiments.printing import print_json, print_table, say

NEEDED = ("numpy", "scipy", "pandas", "numba", "mesa", "plotly", "pyarrow", "pydantic")


def strategies(
    name: Annotated[str | None, typer.Argument(help="One strategy, with its levers.", show_default=False)] = None,
    as_json: AsJson = False,
) -> None:
    """The strategies there are, their levers and the ranges these may take."""
    from crmlab.experiments.errors import UserError
    from crmlab.experiments.files.play_form import NoSuchStrategy, find_strategy, known_strategies

    try:
        chosen = {name: find_strategy(name)} if name else known_strategies()
    except NoSuchStrategy as error:
        raise UserError(f'"{name}" is {error}' if str(error).startswith("not a") else str(error)) from None
    described: dict[str, Any] = {
        kind: {"description": _first_line(cls), "levers": _levers(cls)} for kind, cls in chosen.items()
    }
    if as_json:
        print_json(described)
        return
    if name is None:
        rows = [(kind, about["description"]) for kind, about in described.items()]
        print_table("Strategies", ["kind", "what it does"], rows, left=2)
        say("Next: crmlab strategies discount_tiers")
        return
    say(described[name]["description"])
    say()
    rows = [(lever, *(str(part) for part in about.values())) for lever, about in described[name]["levers"].items()]
    print_table(f"Levers of {name}", ["lever", "default", "from", "to", "unit"], rows)


def doctor(out: Out = RESULTS, as_json: AsJson = False) -> None:
    """Check that everything needed is here and works."""
    checks = [*_versions(), _cores(), _writable("results folder", out), _writable("compile cache", _cache_folder())]
    if as_json:
        print_json([{"check": what, "found": found, "ok": ok} for what, found, ok in checks])
    else:
        print_table(
            "crmlab doctor", ["check", "found", ""], [(w, f, "ok" if ok else "PROBLEM") for w, f, ok in checks], left=2
        )
        say("All is well.\nNext: crmlab init" if all(ok for *_, ok in checks) else "Mend the lines marked PROBLEM.")
    if not all(ok for *_, ok in checks):
        raise typer.Exit(1)


def _first_line(cls: type) -> str:
    return " ".join((cls.__doc__ or "").split("\n\n")[0].split())


def _levers(cls: type) -> dict[str, dict[str, object]]:
    from crmlab.sim.levers import Lever, levers_of

    levers = {}
    for name, field in levers_of(cls).items():
        assert isinstance(field.range, Lever)
        bounds = {"low": field.range.low, "high": field.range.high, "unit": field.range.unit}
        levers[name] = {"default": field.default} | bounds
    return levers


def _versions() -> Iterator[tuple[str, str, bool]]:
    from importlib.metadata import PackageNotFoundError, version

    yield "Python", platform.python_version(), sys.version_info >= (3, 11)
    for package in NEEDED:
        try:
            yield package, version(package), True
        except PackageNotFoundError:
            yield package, "not installed", False


def _cores() -> tuple[str, str, bool]:
    return "cores", str(os.cpu_count()), True


def _cache_folder() -> Path:
    return Path(os.environ.get("CRMLAB_CACHE") or Path.home() / ".cache" / "crmlab")


def _writable(what: str, folder: Path) -> tuple[str, str, bool]:
    """Whether something can be written there, tried at the nearest folder that exists."""
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        with tempfile.TemporaryFile(dir=place):
            return what, str(folder), True
    except OSError as error:
        return what, f"{folder}: {(error.strerror or str(error)).lower()}", False
