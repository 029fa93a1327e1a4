"""Who knows whom: a graph of acquaintances that is computed from draws and stored nowhere.

Everybody stands at a place of the graph by a keyed permutation (a Feistel network), and the contacts of a place are
draws keyed by the place. Two families:

- small world (Watts & Strogatz 1998): places on a ring, each in touch with its nearest `contacts`; a share `rewired`
  of them is replaced by anybody. The near ones are strong ties.
- scale-free (degrees as in Barabasi & Albert 1999, exponent 3): place t has about contacts/2 sqrt(n / t) contacts,
  each of them somebody met with a chance in proportion to his own. The first contacts/2 are strong ties.

A rewired contact or one met by popularity need not know me in turn: a graph that is not stored has no way back.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from crmlab.sim.draws import PLACES, TIES, philox, uniforms
from crmlab.sim.jit import compiled, rule
from crmlab.sim.mechanisms.referral.params import WordOfMouth

ROUNDS = 4
MAX_CONTACTS = 1000


class Graph(NamedTuple):
    """A graph over n people in compiled reach."""

    n: int
    half_bits: int  # the permutation works on 2^(2 half_bits) >= n places
    scale_free: bool
    contacts: int
    rewired: float


def graph_of(world: WordOfMouth, n: int) -> Graph:
    """The graph of a market of n people."""
    half_bits = max(1, math.ceil(math.log2(max(n, 2)) / 2))
    return Graph(n, half_bits, world.graph == "scale_free", int(world.contacts), float(world.rewired))


@rule
def mixed(half, number, bits, key0, key1):
    """The round function of the permutation: `bits` random bits from half a place."""
    word = philox(
        np.uint64(half), np.uint64(number), np.uint64(PLACES), np.uint64(0), np.uint64(key0), np.uint64(key1)
    )[0]
    return np.int64(word) & ((np.int64(1) << np.int64(bits)) - np.int64(1))


@compiled
def place_of(row, graph, key0, key1):
    """Where a person stands on the graph: 0 to n - 1."""
    bits = np.int64(graph.half_bits)
    place = np.int64(row)
    while True:  # walk the cycle until the place exists
        left, right = place >> bits, place & ((np.int64(1) << bits) - np.int64(1))
        for number in range(ROUNDS):
            left, right = right, left ^ mixed(right, number, bits, key0, key1)
        place = (left << bits) | right
        if place < graph.n:
            return place


@compiled
def row_at(place, graph, key0, key1):
    """Who stands there: the inverse of `place_of`."""
    bits = np.int64(graph.half_bits)
    row = np.int64(place)
    while True:
        left, right = row >> bits, row & ((np.int64(1) << bits) - np.int64(1))
        for number in range(ROUNDS - 1, -1, -1):
            left, right = right ^ mixed(left, number, bits, key0, key1), left
        row = (left << bits) | right
        if row < graph.n:
            return row


@rule
def n_contacts(place, graph):
    """How many people somebody knows."""
    if not graph.scale_free:
        return np.int64(graph.contacts)
    most = min(graph.n - 1, MAX_CONTACTS)
    return np.int64(min(most, math.floor(graph.contacts / 2 * math.sqrt(graph.n / (place + 1.0)))))


@compiled
def contact(place, number, graph, key0, key1):
    """One of the people whom somebody at `place` knows, `number` from 0, and whether it is a strong tie."""
    u_rewired, u_whom, _, _ = uniforms(key0, key1, TIES, place, number)
    if graph.scale_free:
        other = np.int64(math.floor(graph.n * u_whom * u_whom))
        strong = 2 * number < graph.contacts
    elif u_rewired < graph.rewired:
        other = np.int64(math.floor(graph.n * u_whom))
        strong = False
    else:
        steps = np.int64(number // 2 + 1)
        other = (place + steps) % graph.n if number % 2 == 0 else (place - steps) % graph.n
        strong = True
    if other == place:  # nobody is his own contact
        other = (place + 1) % graph.n
    return row_at(other, graph, key0, key1), strong
