"""The default world does what was measured in the field, and what is open about it is drawn in sampled worlds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crmlab.experiments.checks.anchors import _first_orders, anchors
from crmlab.experiments.files.world_file import load_world
from crmlab.experiments.replication.sampled_worlds import sampled_world
from crmlab.experiments.spec.builder import new_experiment
from crmlab.strategies import PriceCut

SHOP = load_world("shop").world


def test_the_shipped_shop_lies_within_every_measured_range() -> None:
    found = anchors(SHOP)
    assert len(found) == 9
    assert not [anchor for anchor in found if not anchor.fits]
    dip = next(anchor for anchor in found if "shortfall" in anchor.name)
    assert dip.here == pytest.approx(0.15, abs=0.04)


@pytest.mark.slow
def test_whom_a_first_order_discount_brings_may_be_worth_as_little_as_was_found_or_more() -> None:
    """Mechanisms say x0.74 at 30 % off (0.55 to 1.16). With elasticity tied to rate and departure as far as sampled
    worlds go, those whom only the offer brings reach it on both sides; all who come under it, most of whom would have
    come anyway, do not fall so far."""
    ends = {
        (rate, departure): [anchor.here for anchor in _first_orders(
            replace(SHOP, price=replace(SHOP.price, with_order_rate=rate, with_departure=departure))
        )]
        for rate, departure in ((-0.6, 0.5), (0.3, -0.3))
    }  # fmt: skip
    low, high = ends.values()
    assert low[1] < 0.74 < 1.0 < high[1]
    assert 0.74 < low[0] < 0.95 < 1.0 < high[0]


def test_sampled_worlds_draw_how_price_sensitivity_hangs_together_with_rate_and_departure() -> None:
    experiment = new_experiment("shop", arms={"cut": PriceCut()})
    drawn = [sampled_world(experiment, r).price for r in range(40)]
    for name, low, high in (("with_order_rate", -0.6, 0.3), ("with_departure", -0.3, 0.5)):
        values = [getattr(price, name) for price in drawn]
        assert low <= min(values) < 0 < max(values) <= high
        assert max(values) - min(values) > 0.4
    assert all(sampled_world(experiment, r).correlations for r in range(3))


def test_a_world_that_states_correlations_states_all_of_them() -> None:
    world = replace(SHOP, price=replace(SHOP.price, with_order_rate=-0.5), correlation={"departure/elasticity": 0.2})
    assert world.correlations == {"departure/elasticity": 0.2}
    assert not SHOP.correlations
