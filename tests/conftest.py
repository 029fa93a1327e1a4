"""Shared worlds: small markets with everything switched on, and the textbook worlds at null strength."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from crmlab.experiments.runs.store import StoredRun
from crmlab.sim.market import Market
from crmlab.sim.mechanisms.acquisition.params import Channel
from crmlab.sim.mechanisms.price.params import PriceResponse
from crmlab.sim.plays import Play
from crmlab.sim.world import Base, Population, World
from crmlab.strategies import Today

os.environ["CRMLAB_CONFIG"] = tempfile.mkdtemp(prefix="crmlab-tests-")  # nobody's own consents are read or written
DATA = Path(__file__).parents[2] / "shared" / "data"

CDNOW_PARETO = Base()
CDNOW_BG = Base(model="bg_nbd", r=0.243, alpha=4.414, a=0.793, b=2.426)
INSENSITIVE = replace(PriceResponse(), elasticity=0.0, elasticity_cv=0.0, gain=0.0, pull_forward=0.0)


@pytest.fixture(scope="module", autouse=True)
def undrawn_reports(request: pytest.FixtureRequest) -> Iterator[None]:
    """Commands draw a report after every answer, for more than a second: only modules that look at it have it drawn."""
    with pytest.MonkeyPatch.context() as patch:
        if not getattr(request.module, "LOOKS_AT_REPORTS", False):
            for module in ("answering", "repeating"):
                patch.setattr(f"crmlab.experiments.commands.{module}.report_of", undrawn)
        yield


def undrawn(run: StoredRun) -> Path:
    """A report without a word in it."""
    path = run.path / "report.html"
    path.write_text("<!doctype html><title>not drawn</title>", encoding="utf-8")
    return path


def data_file(name: str) -> Path:
    """A real data set beside the project; the test is skipped where it is absent."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"the data set {name} is not beside this project")
    return path


def columns_of(market: Market) -> dict[str, np.ndarray]:
    """All columns of a market's people, whoever owns them."""
    return {name: market.column(name) for owner in market.owners for name in owner.names()}


def cohort(base: Base | None = None, **changes) -> World:
    """Customers who have all just placed their first order, and nobody else: what the textbook models describe."""
    world = World(
        name="closed forms",
        base=base or Base(),
        population=Population(customers=1000, prospects=0, history_weeks=0.0),
        price=INSENSITIVE,
    )
    return replace(world, **changes)


def shop(**changes) -> World:
    """A small shop with five kinds of channel, a base with history, and every mechanism on."""
    channels = (
        Channel("paid_search", leads_max=60, half_budget=900, budget=900, half_life_weeks=1, p_convert=0.25),
        Channel("paid_social", leads_max=80, half_budget=1200, budget=1000, half_life_weeks=2, value_ratio=0.8),
        Channel("content", leads_max=40, half_budget=600, budget=500, half_life_weeks=6, hill_slope=1.5),
        Channel("marketplace", leads_max=30, half_budget=300, budget=200, p_identified=0.1, commission=0.12),
        Channel("organic", leads_max=25, p_convert=0.3),
    )
    world = World(name="shop", population=Population(customers=600, prospects=3000), channels=channels)
    return replace(world, **changes)


def today(*more: Play) -> tuple[Play, ...]:
    """Today's policy, and further plays on top of it."""
    return (Play("today", Today()), *more)


@pytest.fixture(autouse=True)
def own_configuration(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test trusts stays in the test: nothing is read from, or written to, the user's own configuration."""
    monkeypatch.setenv("CRMLAB_CONFIG", str(tmp_path_factory.mktemp("configuration")))
