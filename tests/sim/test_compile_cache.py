"""An edited rule takes effect at the next run, although compiled code is cached on disk."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from crmlab.sim.jit import source_hash
from tests.places import ROOT

PROGRAM = """
from crmlab.sim.market import Market
from crmlab.sim.world import Population, World
world = World(population=Population(customers=200, prospects=0))
print(int(Market(world, ()).run(8).order_log.table()[1].value.sum()))
"""


def run_in(folder: Path) -> int:
    environment = {**os.environ, "CRMLAB_CACHE": str(folder / "cache"), "PYTHONPATH": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.slow
def test_an_edited_behaviour_rule_takes_effect_in_spite_of_the_cache(tmp_path: Path) -> None:
    for folder in ("crmlab", "sim"):
        shutil.copytree(ROOT / folder, tmp_path / folder, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    before = run_in(tmp_path)
    assert run_in(tmp_path) == before
    assert len(list((tmp_path / "cache").iterdir())) == 1

    rule = tmp_path / "sim" / "behavior.py"
    text = rule.read_text()
    line = "return math.floor(mean_order * gamma_quantile / shape / (1.0 - today_rate) * minor + 0.5)"
    assert line in text
    rule.write_text(text.replace(line, line.replace("mean_order *", "2.0 * mean_order *")))
    assert run_in(tmp_path) == pytest.approx(2 * before, rel=1e-4)
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_the_cache_is_named_by_every_source_file(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1")
    one = source_hash(tmp_path)
    (tmp_path / "b.py").write_text("")
    two = source_hash(tmp_path)
    (tmp_path / "a.py").write_text("x = 2")
    assert len({one, two, source_hash(tmp_path)}) == 3
