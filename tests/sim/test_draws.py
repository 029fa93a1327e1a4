"""Luck is a pure function: published known answers, uniformity, and one number per question."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from crmlab.sim.draws import (
    CONFIRM,
    MODEL,
    SEARCH,
    draw_named_uniforms,
    exponential,
    key_of,
    name_index,
    philox,
    uniforms,
    unit,
)
from crmlab.sim.jit import compiled

# Random123 distribution, kat_vectors: philox4x32, 10 rounds (counter, key, result).
KNOWN_ANSWERS = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@compiled
def _philox_words(counter, key):
    return np.array(philox(counter[0], counter[1], counter[2], counter[3], key[0], key[1]))


@compiled
def _many_uniforms(key0, key1, purpose, n, index):
    drawn = np.empty((n, 4))
    for i in range(n):
        drawn[i] = np.array(uniforms(key0, key1, purpose, i, index))
    return drawn


@pytest.mark.plain
@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN_ANSWERS)
def test_philox_gives_its_published_known_answers(counter, key, answer) -> None:
    words = _philox_words(np.array(counter, np.uint64), np.array(key, np.uint64))
    assert tuple(int(word) for word in words) == answer


@pytest.mark.plain
def test_the_key_of_a_replication_is_numpys_seed_sequence() -> None:
    words = np.random.SeedSequence(7, spawn_key=(MODEL, 3)).generate_state(2, np.uint32)
    assert key_of(7, 3) == (words[0], words[1])
    keys = {key_of(seed, r, use) for seed in range(20) for r in range(20) for use in (MODEL, SEARCH, CONFIRM)}
    assert len(keys) == 1200


def test_uniforms_are_uniform_and_lanes_purposes_and_indices_are_unrelated() -> None:
    key = key_of(1, 0)
    base = _many_uniforms(*key, 5, 40_000, 0)
    for lane in range(4):
        assert stats.kstest(base[:, lane], "uniform").pvalue > 1e-4
    others = [_many_uniforms(*key, 5, 40_000, 1), _many_uniforms(*key, 6, 40_000, 0),
              _many_uniforms(*key_of(1, 1), 5, 40_000, 0)]  # fmt: skip
    columns = np.concatenate([base, *others], axis=1)
    correlations = np.corrcoef(columns.T)[np.triu_indices(16, 1)]
    assert np.abs(correlations).max() < 4.5 / np.sqrt(40_000)  # 120 pairs: beyond 4.5 se is a fault
    assert stats.kstest((base[1:, 0] - base[:-1, 0]) % 1, "uniform").pvalue > 1e-4  # neighbours in the counter


@pytest.mark.plain
def test_a_uniform_never_reaches_its_ends() -> None:
    assert 0 < unit(np.uint64(0)) < 1e-9
    assert 1 - 1e-9 < unit(np.uint64(2**32 - 1)) < 1
    assert exponential(unit(np.uint64(0))) < 23


def test_a_lot_depends_on_its_name_and_the_customer_and_on_nothing_else() -> None:
    key = key_of(1, 0)
    rows = np.arange(5000)
    a, b = draw_named_uniforms(*key, name_index("holdout"), rows), draw_named_uniforms(*key, name_index("bandit"), rows)
    np.testing.assert_array_equal(a[100:200], draw_named_uniforms(*key, name_index("holdout"), rows[100:200]))
    assert abs(np.corrcoef(a, b)[0, 1]) < 4 / np.sqrt(5000)
    assert stats.kstest(a, "uniform").pvalue > 1e-4
