"""What an arm changes against the baseline, one change at a time: plays that join, that are set otherwise, or that go.

In the words of cooperative games each change is a player, and a coalition is the baseline with some of the changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from crmlab.experiments.experiment import Arm
from crmlab.sim.plays import Play

EXPLAIN = 14  # kind of use in the seed scheme, beside those of sim.draws and replication.sampled_worlds
EXACT_PLAYERS = 5  # up to here every order of joining is counted: 2^5 policies a replication
SAMPLED_ORDERS = 8  # beyond, so many orders are drawn in each replication

Coalition = tuple[int, ...]  # numbers of players, ascending


@dataclass(frozen=True)
class Player:
    """One change: the plays that it takes away from the baseline, and those that it brings in."""

    name: str
    takes: tuple[Play, ...] = ()
    brings: tuple[Play, ...] = ()


def players_of(baseline: Arm, arm: Arm) -> tuple[Player, ...]:
    """The changes that make the arm out of the baseline.

    A play that the arm adds is a player; so is one that both have under the same name but set differently. All plays
    of the baseline that the arm does without are one player together ("without today"). None where nothing changes.
    """
    gone = [play for play in baseline.plays if play not in arm.plays]
    new = [play for play in arm.plays if play not in baseline.plays]
    reset = {play.name: play for play in gone if play.name in {other.name for other in new}}
    dropped = tuple(play for play in gone if play.name not in reset)
    players = [
        Player(f"{play.name} (changed)", (reset[play.name],), (play,))
        if play.name in reset
        else Player(play.name, (), (play,))
        for play in new
    ]
    if dropped:
        whole = len(dropped) == len(baseline.plays)
        what = baseline.name if whole else " and ".join(play.name for play in dropped)
        players.insert(0, Player(f"without {what}", dropped))
    return tuple(players)


def plays_with(baseline: Arm, arm: Arm, players: Sequence[Player], coalition: Coalition) -> tuple[Play, ...]:
    """The plays of the baseline after some of the changes; nobody gives the baseline, everybody the arm.

    In between, what is left of the baseline comes first and what the arm brings after it, each in its own order:
    later plays overrule earlier ones in a tie.
    """
    if len(coalition) == len(players):
        return arm.plays
    taken = [play for number in coalition for play in players[number].takes]
    brought = [play for number in coalition for play in players[number].brings]
    kept = (play for play in baseline.plays if play not in taken)
    return (*kept, *(play for play in arm.plays if play in brought))


def orders_of(n_players: int, seed: int, replication: int) -> list[tuple[int, ...]]:
    """Orders in which the players can join: all of them when they are few, otherwise some that are drawn by key, each
    with its reverse. Every replication draws its own, so that the interval over replications counts this luck too."""
    if n_players <= EXACT_PLAYERS:
        return list(permutations(range(n_players)))
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(EXPLAIN, replication)))
    drawn = [tuple(rng.permutation(n_players).tolist()) for _ in range(SAMPLED_ORDERS // 2)]
    return [*drawn, *(order[::-1] for order in drawn)]


def coalitions_of(n_players: int, orders: Iterable[Sequence[int]]) -> list[Coalition]:
    """All coalitions that have to be run: nobody, everybody, each alone, all but each, and those that arise while
    the players join in the given orders. The small ones first."""
    everybody = tuple(range(n_players))
    found = {(), everybody}
    for number in everybody:
        found |= {(number,), tuple(other for other in everybody if other != number)}
    for order in orders:
        found |= {tuple(sorted(order[:size])) for size in range(n_players + 1)}
    return sorted(found, key=lambda coalition: (len(coalition), coalition))
