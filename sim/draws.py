"""Luck as a pure function: a draw depends on who, what for and the how-manieth, never on when it is asked for.

Generator: Philox4x32 with 10 rounds (Salmon, Moraes, Dror & Shaw, SC11, 2011), a counter-based generator with
published known answers. Its key holds the seed, the replication and the kind of use; its counter is

    (customer, index, purpose, 0)

so that the k-th order of a customer has the same spend under every policy, and no draw shifts another. Each call
gives four uniforms; `Lane` constants beside the purposes say which one means what.
"""

from __future__ import annotations

import hashlib
import math

import numpy as np

from crmlab.sim.jit import compiled, rule

# What a draw is for. Numbers are part of the seed scheme: append, never renumber.
TRAITS = 0  # lanes: order rate, departure rate or dropout chance, spend level, price sensitivity
REACH = 1  # index = channel // 4, lane = channel % 4: unit exponential before this channel reaches the prospect
AFFINITY = 2  # same layout: how far this person is within reach of the channel
LEAD = 3  # lanes: hazard to live before the first order, before interest is lost
LIFE = 4  # lane 0: hazard to live before departure
ORDER = 5  # index = k, lanes: hazard to live before order k+1, spend of order k, dropout coin after k, identified
NOTICE = 6  # index = week, lane 0: does this customer notice this week's price
POSTERIOR = 7  # lanes: alive, order rate, departure rate or dropout chance, spend level
DEPARTED = 8  # lane 0: when in the unobserved gap an imported customer left
PAST = 9  # index = k: the life before week 0 of a founding customer without imported history; lanes as ORDER
ARRIVAL = 10  # lane 0: when such a customer was acquired
NAMED = 11  # index = hash of a name: holdouts, ramps and bandits of the firm
RESAMPLE = 12  # customer = number in the import, index = block: which imported customer a founding row copies
JOIN = 13  # lane 0: is this somebody who joins a loyalty programme
BURN = 14  # index = k, lane 0: does the member burn points at order k
INVITE = 15  # index = k, lanes after order k: invites a contact, which one, does that one accept, false claim (k = 0)
TIES = 16  # customer = place on the graph, index = contact, lanes: rewired, to whom
PERSONA = 17  # lane 0: which persona, of those that fit the traits
SOCIAL = 18  # lane 0: how readily this person tells friends
WARN = 19  # lanes on leaving: warns a contact, which one
PLACES = 20  # customer = half a place, index = round: who stands where on the graph
COUPON = 21  # index = week in which the coupon ends, lane 0: would its holder use this one
READINESS = 22  # lane 0: how ready this person is to use coupons

ADDED = 1 << 31  # from here on: draws of mechanisms that a world adds, by a hash of their names

BEFORE_WEEK_0 = 1 << 32  # draws are numbered by 32 bits: week -1 is the last number there is

# Kinds of use: seeds of one kind never meet those of another.
MODEL, SEARCH, CONFIRM = 0, 1, 2
SCHEME = "philox4x32-10/v1"

_M0 = np.uint64(0xD2511F53)
_M1 = np.uint64(0xCD9E8D57)
_W0 = np.uint64(0x9E3779B9)
_W1 = np.uint64(0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)
_TO_UNIT = 2.0**-32


@rule
def philox(c0, c1, c2, c3, k0, k1):
    """Philox4x32-10: four 32-bit words (held in uint64) from a counter of four and a key of two words."""
    for _ in range(10):
        p0 = _M0 * c0
        p1 = _M1 * c2
        c0, c1, c2, c3 = (p1 >> _SHIFT) ^ c1 ^ k0, p1 & _LOW, (p0 >> _SHIFT) ^ c3 ^ k1, p0 & _LOW
        k0 = (k0 + _W0) & _LOW
        k1 = (k1 + _W1) & _LOW
    return c0, c1, c2, c3


@rule
def unit(word):
    """A uniform strictly inside (0, 1) from a 32-bit word."""
    return (float(word) + 0.5) * _TO_UNIT


@rule
def uniforms(key0, key1, purpose, customer, index):
    """Four uniforms in (0, 1) for one purpose of one customer."""
    w0, w1, w2, w3 = philox(
        np.uint64(customer), np.uint64(index), np.uint64(purpose), np.uint64(0), np.uint64(key0), np.uint64(key1)
    )
    return unit(w0), unit(w1), unit(w2), unit(w3)


@rule
def exponential(u):
    """Unit exponential by inverse transform: a larger uniform is a shorter wait."""
    return -math.log(u)


def key_of(seed: int, replication: int, use: int = MODEL) -> tuple[np.uint64, np.uint64]:
    """The two key words of a replication: the same world for every arm that is played on it."""
    words = np.random.SeedSequence(seed, spawn_key=(use, replication)).generate_state(2, np.uint32)
    return np.uint64(words[0]), np.uint64(words[1])


def name_index(name: str) -> int:
    """The index under which uniforms of a name are drawn: 32 bits of a hash of its name."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=4).digest(), "little")


def added_purpose(name: str) -> int:
    """The purpose of a draw that a mechanism calls by this name: it meets none of those above."""
    return ADDED | (name_index(name) & (ADDED - 1))


@compiled
def draw_many(key0, key1, purpose, ids, indices):
    """Uniforms in (0, 1), one for each customer in `ids` [n] and number in `indices` [n]. Shape [n]."""
    drawn = np.empty(ids.size)
    for i in range(ids.size):
        drawn[i] = uniforms(key0, key1, purpose, ids[i], indices[i])[0]
    return drawn


@compiled
def draw_named_uniforms(key0, key1, index, rows):
    """Uniforms in (0, 1) of the customers in `rows` [n] for one name. Shape [n]."""
    named = np.empty(rows.size)
    for i in range(rows.size):
        named[i] = uniforms(key0, key1, NAMED, rows[i], index)[0]
    return named
