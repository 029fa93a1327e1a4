"""Arrows only downwards: the imports of every file are read, and one that runs up fails."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from crmlab.sim.mechanisms.shipped import OPTIONAL
from tests.places import ROOT

CONTRACT = {"crmlab.sim"}  # strategies may import the package itself, which re-exports the contract, and nothing deeper


def imports_of(path: Path) -> set[str]:
    """Every module a file imports, wherever the import stands."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} uses a relative import"
            found.add(node.module or "")
    return found


def files(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("path", files("sim"), ids=lambda path: path.name)
def test_the_world_knows_no_strategy_and_no_experiment(path: Path) -> None:
    above = ("crmlab.strategies", "crmlab.experiments", "crmlab.lab", "tests")
    assert not {name for name in imports_of(path) if name.startswith(above)}


@pytest.mark.parametrize("path", files("strategies"), ids=lambda path: path.name)
def test_a_strategy_knows_the_contract_and_no_other_strategy(path: Path) -> None:
    for name in imports_of(path):
        assert not name.startswith(("crmlab.experiments", "crmlab.lab", "tests"))
        if name.startswith("crmlab.sim"):
            assert name in CONTRACT, f"{path.name} imports {name}: only the contract in `sim` is open to strategies"
        if name.startswith("crmlab.strategies"):
            assert path.name == "__init__.py"


@pytest.mark.parametrize("package", ["sim", "strategies", "experiments"])
def test_no_file_is_loaded_under_a_second_name(package: str) -> None:
    for path in files(package):
        own = {name for name in imports_of(path) if name.split(".")[0] in ("sim", "strategies", "experiments")}
        assert not own, f"{path.name} imports {own} without the package's name"
    wrong = subprocess.run([sys.executable, "-c", f"import {package}"], capture_output=True, text=True, cwd=ROOT)
    assert f"The package is called crmlab.{package}" in wrong.stderr


# The rooms of experiments from the bottom to the top: a room imports from those below it. A folder of `questions` is a
# room of its own. Every import counts, wherever it stands: those inside functions and under TYPE_CHECKING too.
LAYERS = [
    {"experiment", "json_data", "own_code", "parameters", "rows", "wording"},
    {"errors", "levers", "own_kpis", "printing", "statistics"},
    {"charts", "disk"},
    {"calibration", "execution", "run_files", "sections"},
    {"files"},
    {"checks", "questions.kind"},
    {"replication"},
    {"assumptions", "twins"},
    {"questions.compare"},
    {"questions.explain", "questions.stress", "questions.sweep", "questions.tune"},
    {"questions.table"},
    {"runs"},
    {"service", "spec"},
    {"reporting"},
    {"commands", "lab"},
    {"bench", "cli"},
]


def every_module() -> dict[str, Path]:
    """Every module of the package by its dotted name without `crmlab.`."""
    found = {}
    for package in ("sim", "strategies", "experiments"):
        for path in files(package):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def arrows() -> dict[str, set[str]]:
    """Which modules each module imports, anywhere in its text."""
    known = every_module()
    graph: dict[str, set[str]] = {}
    for name, path in known.items():
        named: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("crmlab."):
                home = str(node.module).removeprefix("crmlab.")
                inside = {f"{home}.{alias.name}" for alias in node.names} & known.keys()
                named |= inside or ({home} & known.keys())
        graph[name] = named - {name}
    return graph


def circles(graph: dict[str, set[str]]) -> list[set[str]]:
    """Sets of modules of which each reaches every other one."""
    reach: dict[str, set[str]] = {}
    for start in graph:
        seen: set[str] = set()
        waiting = [start]
        while waiting:
            for target in graph[waiting.pop()] - seen:
                seen.add(target)
                waiting.append(target)
        reach[start] = seen
    found: list[set[str]] = []
    for name, seen in reach.items():
        round_trip = {other for other in seen if name in reach[other]}
        if name in seen and round_trip not in found:
            found.append(round_trip)
    return found


def room_of(module: str) -> str | None:
    """The room of a module of experiments; None for the packages that only hold others."""
    parts = module.split(".")[1:]
    if not parts or parts == ["questions"]:
        return None
    return ".".join(parts[:2]) if parts[0] == "questions" else parts[0]


def test_no_module_imports_another_in_a_circle() -> None:
    assert circles(arrows()) == []


def test_inside_the_experiments_every_import_runs_down_the_published_rooms() -> None:
    level = {room: number for number, rooms in enumerate(LAYERS) for room in rooms}
    graph = {name: to for name, to in arrows().items() if name.startswith("experiments.")}
    assert {room_of(name) for name in graph} - {None} == set(level), "a new room needs its place in LAYERS"
    for name, targets in graph.items():
        for target in targets:
            here, below = room_of(name), room_of(target) if target.startswith("experiments.") else None
            if here and below and here != below:
                assert level[below] < level[here], f"{name} imports {target}"


def test_a_circle_and_an_arrow_under_type_checking_would_be_found() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [{"a", "b", "c"}]
    assert "experiments.calibration.calibrate" in arrows()["experiments.files.world_writer"], "an annotation counts"


@pytest.mark.parametrize("package", ["sim", "strategies"])
def test_the_contract_is_light(package: str) -> None:
    heavy = ("mesa", "simpy", "numba", "pandas", "optuna", "scipy")
    code = f"import sys, crmlab.{package}; print([m for m in {heavy} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert out.stdout.strip() == "[]"


MECHANISMS = ("price", "acquisition", "loyalty", "referral", "campaigns")
KNOW_NONE = (
    "sim.kernel",
    "sim.kernel_types",
    "sim.behavior",
    "sim.mechanism",
    "sim.play_actions",
    "sim.customer_agent",
)


def test_a_mechanism_imports_no_other_one_and_the_kernel_imports_none() -> None:
    for name, below in arrows().items():
        mechanisms = {module.split(".")[2] for module in below if module.startswith("sim.mechanisms.")}
        if name in KNOW_NONE:
            assert not mechanisms, f"{name} knows a mechanism by name"
        if name.startswith("sim.mechanisms.") and name != "sim.mechanisms.shipped":
            assert mechanisms <= {name.split(".")[2]}, f"{name} imports another mechanism"


def test_every_shipped_mechanism_is_in_the_list_of_those_that_every_market_has() -> None:
    shipped = {m.split(".")[2] for m in arrows()["sim.mechanisms.shipped"] if m.startswith("sim.mechanisms.")}
    folders = {path.parent.name for path in (ROOT / "sim" / "mechanisms").glob("*/__init__.py")}
    assert shipped == folders - set(OPTIONAL) >= set(MECHANISMS)


def test_tests_lie_in_folders_that_mirror_the_packages() -> None:
    """Whoever changes a room finds its tests at the same place under `tests/`, where those of the whole house lie."""
    for test in (ROOT / "tests").rglob("test_*.py"):
        room = test.relative_to(ROOT / "tests").parent
        assert (ROOT / room).is_dir(), f"{test.name} lies in tests/{room}, and there is no {room}/"
