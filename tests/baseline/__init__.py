"""A committed record of what the simulation computes: if any of it changes, somebody has to say so.

    python -m tests.baseline          compares, and says what differs
    python -m tests.baseline --write  records the present numbers, on purpose

Four worlds (shop, personas, CDNOW calibrated, a BG/NBD world) times five arms (today, tiers, points, friends,
everything) times two replications. Of every market the tables of raw facts are hashed (orders, columns of the people,
journal), since they are integers and single floats; figures that are sums of doubles are kept as numbers and
compared to twelve digits, since another processor may add in another order.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import math
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crmlab.experiments.cli import exit_code
from crmlab.experiments.files.world_file import WorldFile, load_world
from crmlab.sim.kpis import HEADLINE, read_all
from crmlab.sim.market import Market
from crmlab.sim.plays import Play
from crmlab.sim.world import Base
from crmlab.strategies import ChannelMix, DiscountTiers, PointsAndTiers, ReferralReward

RECORD = Path(__file__).with_name("baseline.json")
ROWS, WEEKS, REPLICATIONS, SEED = 400, 60, 2, 11
DIGITS = 1e-12  # relative: sums in another order

PEOPLE = (
    "order_rate", "departure_rate", "p_dropout", "mean_order", "elasticity", "persona", "reach", "stage", "order_clock",
    "life_clock", "reference", "debt", "identified", "source", "first_order", "last_order", "orders", "orders_52",
    "spend", "spend_52", "coupon_rate", "coupon_ends", "enrolled", "points", "points_pending", "points_recent",
    "progress", "rewarded", "tier", "tier_ends", "tier_effect", "tier_effect_ends", "referrer", "referrals",
    "referral_rewards", "recommended", "referral_flags", "warned",
)  # fmt: skip

ARMS: dict[str, tuple[Play, ...]] = {
    "today": (),
    "tiers": (Play("tiers", DiscountTiers()),),
    "points": (Play("points", PointsAndTiers()),),
    "friends": (Play("friends", ReferralReward()),),
    "everything": (
        Play("tiers", DiscountTiers()),
        Play("points", PointsAndTiers()),
        Play("friends", ReferralReward()),
        Play("mix", ChannelMix(total=1.2)),
    ),
}


@cache
def worlds() -> dict[str, WorldFile]:
    """The four worlds, by name; CDNOW is calibrated anew, as a user would."""
    shop, log = load_world("shop"), Path(__file__).parents[2] / "experiments" / "data" / "cdnow_sample.csv"
    bg_nbd = replace(shop.world, base=Base(model="bg_nbd", r=0.243, alpha=4.414, a=0.793, b=2.426))
    with tempfile.TemporaryDirectory() as folder:
        cdnow = Path(folder) / "cdnow.toml"
        columns = ("--customer", "sample_id", "--date", "date", "--amount", "dollar_value")
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            assert exit_code(["calibrate", str(log), *columns, "--out", str(cdnow)]) == 0
        return {
            "shop": shop,
            "personas": load_world("personas"),
            "cdnow": load_world(cdnow),
            "bg_nbd": replace(shop, world=bg_nbd),
        }


def compute() -> dict[str, dict[str, Any]]:
    """Facts and figures of every market, by "world/arm/replication"."""
    return {
        f"{name}/{arm}/{replication}": facts_of(run(world, plays, replication))
        for name, world in worlds().items()
        for arm, plays in ARMS.items()
        for replication in range(REPLICATIONS)
    }


def run(world: WorldFile, plays: tuple[Play, ...], replication: int) -> Market:
    """One market, small, under today's policy and some plays on top of it."""
    market = Market(world.world, (*world.today, *plays), customers=ROWS, seed=SEED, replication=replication)
    return market.run(WEEKS)


def facts_of(market: Market) -> dict[str, Any]:
    """Hashes of the raw tables and the headline figures of a market."""
    orders = market.order_log.table(since=0)[1]
    people = [market.column(name) for name in PEOPLE]
    journal = market.ledger.table()
    journal = journal.sort_values(list(journal.columns))  # mechanisms may book in another order
    return {
        "orders": _hash(*orders),
        "people": _hash(*people),
        "journal": _hash(*(journal[name].to_numpy() for name in journal)),
        "figures": {name: value if math.isfinite(value) else None for name, value in _figures(market).items()},
    }


def differences(now: dict[str, Any], then: dict[str, Any]) -> Iterator[str]:
    """What differs between two records, one line each, hashes first."""
    for market in sorted(now.keys() | then.keys()):
        if market not in now or market not in then:
            yield f"{market}: {'no longer' if market in then else 'newly'} recorded"
            continue
        for table in ("orders", "people", "journal"):
            if now[market][table] != then[market][table]:
                yield f"{market}: {table} differ"
        for name in sorted(now[market]["figures"].keys() | then[market]["figures"].keys()):
            one, other = (record[market]["figures"].get(name) for record in (now, then))
            if (one is None) != (other is None) or (one is not None and not math.isclose(one, other, rel_tol=DIGITS)):
                yield f"{market}: {name} was {other}, is {one}"


def recorded() -> dict[str, Any]:
    """The committed record."""
    return json.loads(RECORD.read_text(encoding="utf-8"))


def write(record: dict[str, Any]) -> None:
    """Commit to the present numbers."""
    RECORD.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _figures(market: Market) -> dict[str, float]:
    figures = read_all(market)
    return {name: figures[name] for name in HEADLINE}


def _hash(*columns: NDArray[Any]) -> str:
    """First 16 hex digits over the contents of some columns; texts by their letters."""
    digest = hashlib.sha256()
    for column in columns:
        plain = column if column.dtype != object else np.array([str(value) for value in column], "U")
        digest.update(str(plain.dtype).encode() + np.ascontiguousarray(plain).tobytes())
    return digest.hexdigest()[:16]
