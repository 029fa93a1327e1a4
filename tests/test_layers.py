"""Arrows only downwards: the imports of every file are read, and one that runs up fails."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
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


LAYERS = [
    {"agent_ids", "levers", "sources", "actions", "compiling", "textbook", "target", "conditions"},
    {"responses"},
    {"customers", "draws", "quantiles", "world", "strategy", "plays"},
    {"behavior", "coupons", "order_rates", "orders", "view", "network", "worth"},
    {"crowd", "watching"},
    {"imports", "channels", "offers", "ledger", "traits", "personas", "word_of_mouth"},
    {"loyalty", "referral"},
    {"books"},
    {"yesterday"},
    {"founding"},
    {"market"},
    {"person", "membership", "terminal"},
    {"lifetime"},
    {"record"},
    {"micro"},
    {"readings"},
]


def test_inside_the_world_every_import_runs_down_the_published_layers() -> None:
    level = {name: number for number, layer in enumerate(LAYERS) for name in layer}
    rooms = {path.stem for path in files("sim")} - {"__init__", "contract"}
    assert rooms == set(level), "a new file needs its place in LAYERS"
    for path in files("sim"):
        if path.stem in level:
            for node in ast.parse(path.read_text()).body:  # imports under TYPE_CHECKING are for readers, not arrows
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("crmlab.sim."):
                    below = node.module.split(".")[2]
                    assert level[below] <= level[path.stem], f"{path.name} imports {below}"
                    assert below != path.stem


@pytest.mark.parametrize("package", ["sim", "strategies"])
def test_the_contract_is_light(package: str) -> None:
    heavy = ("mesa", "simpy", "numba", "pandas", "optuna", "scipy")
    code = f"import sys, crmlab.{package}; print([m for m in {heavy} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert out.stdout.strip() == "[]"
