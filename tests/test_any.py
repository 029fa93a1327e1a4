"""`Any` switches the type checker off. It stands at true borders only: `any_ceilings.toml` says for each file how many
of its lines may say it, and why; no other file may. A ceiling that is higher than the truth is lowered."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

from tests.places import ROOT

CEILINGS = Path(__file__).with_name("any_ceilings.toml")
PACKAGES = ("crmlab", "experiments", "sim", "strategies")


def lines_with_any(text: str) -> list[int]:
    """The lines of a module that use `Any`: the import apart, and not counting words of a text or a comment."""
    tree = ast.parse(text)
    names = {node.lineno for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == "Any"}
    return sorted(
        names | {node.lineno for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == "Any"}
    )


def ceilings(text: str) -> dict[str, int]:
    """The lines allowed by file, of tables that are called by their reason."""
    found: dict[str, int] = {}
    for reason, files in tomllib.loads(text).items():
        for place, lines in files.items():
            assert place not in found, f"{CEILINGS.name}: {place} stands under two reasons, one of them {reason!r}"
            found[place] = lines
    return found


def complaint(place: str, lines: list[int], allowed: int) -> str:
    """What is wrong with a file in which these lines say `Any`; empty where nothing is."""
    if len(lines) > allowed:
        where = ", ".join(map(str, lines))
        return (
            f"{place} says Any in {len(lines)} lines ({where}) where {allowed} may: say what it is (an own type, "
            f"`object`, `Json`, a Protocol). At a true border, raise {CEILINGS.name} under a reason."
        )
    if len(lines) < allowed:
        return f"{place} says Any in {len(lines)} lines: lower its {allowed} in {CEILINGS.name}, so that it stays so."
    return ""


def test_any_stands_at_true_borders_only() -> None:
    allowed = ceilings(CEILINGS.read_text(encoding="utf-8"))
    paths = [
        path
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if not path.is_relative_to(ROOT / "crmlab")
    ]
    paths += (ROOT / "crmlab").glob("*.py")  # its packages are links to the others
    said = {path.relative_to(ROOT).as_posix(): lines_with_any(path.read_text(encoding="utf-8")) for path in paths}
    found = [complaint(place, said.get(place, []), allowed.get(place, 0)) for place in sorted(said | allowed)]
    assert not any(found), "\n".join(filter(None, found))


def test_a_line_is_found_however_any_is_written() -> None:
    assert lines_with_any("from typing import Any\nx: dict[str, Any] = {}\n") == [2]
    assert lines_with_any("import typing\nx: typing.Any = {}\n") == [2]
    assert lines_with_any('"""Any of these."""\nx = 1  # Any\n') == []


def test_one_line_more_is_refused_and_one_less_lowers_the_ceiling() -> None:
    assert "where 1 may" in complaint("sim/a.py", [3, 9], 1)
    assert "lower its 3" in complaint("sim/a.py", [3, 9], 3)
    assert complaint("sim/a.py", [3, 9], 2) == ""
