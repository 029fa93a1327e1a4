"""Who proposes the next candidates: an Optuna study, told of each batch as a whole before it is asked for the next.

The study is never stored. It is built anew from the candidates judged so far, so what is proposed depends on nothing
else, and a search that is taken up again asks and tells what it asked and told before.
"""

from __future__ import annotations

from collections.abc import Sequence

import optuna
from optuna.distributions import BaseDistribution

from crmlab.experiments.levers.space import Values
from crmlab.experiments.questions.tune.candidates import Judged
from crmlab.experiments.questions.tune.optuna_space import space_of
from crmlab.experiments.questions.tune.question import UNDEFINED, Tune
from crmlab.experiments.questions.tune.samplers import KNOW_NO_LIMITS, sampler_of

optuna.logging.set_verbosity(optuna.logging.WARNING)

_DIRECTIONS = {1: optuna.study.StudyDirection.MAXIMIZE, -1: optuna.study.StudyDirection.MINIMIZE}


class Proposals:
    """Asks for batches of candidates and tells what became of them, in order of their numbers."""

    def __init__(self, search: Tune, seed: int, first: Sequence[Values] = ()) -> None:
        """`first` are tried first: the levers as the arm sets them now, and what a past run found."""
        self.search, self.seed = search, seed
        self.space: dict[str, BaseDistribution] = space_of(search.levers)
        self.study = optuna.create_study(directions=directions(search), sampler=sampler_of(search, seed, 0))
        self._asked: list[optuna.Trial] = []
        for values in first:
            self.study.enqueue_trial(dict(values), skip_if_exists=True)

    def ask(self, batch: int, n: int) -> list[dict[str, object]]:
        """The levers of the next `n` candidates, by path."""
        self.study.sampler = sampler_of(self.search, self.seed, batch)
        self._asked = [self.study.ask(self.space) for _ in range(n)]
        for trial in self._asked:
            _ = trial.relative_params  # gives the candidates that were set by hand their place in the first generation
        return [{path: trial.params[path] for path in self.space} for trial in self._asked]

    def tell(self, judged: Sequence[Judged]) -> None:
        """What became of the candidates asked for last. One without a value counts as infeasible, not as bad."""
        if self.search.sampler in KNOW_NO_LIMITS:
            for trial, value in zip(self._asked, ranked(self.search, judged), strict=True):
                self.study.tell(trial, value)
            return
        for trial, candidate in zip(self._asked, judged, strict=True):
            for limit, violation in constraints_of(self.search, candidate).items():
                trial.set_constraint(limit, violation)
            self.study.tell(trial, values_of(self.search, candidate))


def directions(search: Tune) -> list[optuna.study.StudyDirection]:
    """Which way is better, per objective."""
    return [_DIRECTIONS[search.direction(kpi)] for kpi in search.objectives]


def values_of(search: Tune, candidate: Judged) -> list[float]:
    """What a sampler hears of the objectives; zeros for a candidate without a value, which a constraint rules out."""
    return [candidate.gains[kpi] if candidate.defined else 0.0 for kpi in search.objectives]


def constraints_of(search: Tune, candidate: Judged) -> dict[str, float]:
    """What a sampler hears of the limits, the soft ones too: 0 or less is within."""
    limits = zip(map(str, search.limits), candidate.violations, strict=True)
    return {"has a value": 0.0 if candidate.defined else UNDEFINED, **dict(limits)}


def ranked(search: Tune, judged: Sequence[Judged]) -> list[float]:
    """One value each for a sampler that knows no limits: those within in order of their objective, then the others in
    order of how far they are beyond (Deb 2000)."""
    (kpi,), (direction,) = search.objectives, [search.direction(search.objectives[0])]
    broken = [sum(max(v, 0.0) for v in constraints_of(search, c).values()) for c in judged]
    within = [direction * c.gains[kpi] for c, beyond in zip(judged, broken, strict=True) if beyond <= 0]
    worst = min(within, default=0.0)
    return [
        direction * (worst - beyond if beyond > 0 else direction * c.gains[kpi])
        for c, beyond in zip(judged, broken, strict=True)
    ]
