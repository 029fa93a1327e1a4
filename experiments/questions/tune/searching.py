"""The search itself, batch by batch: propose, race, judge, tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from crmlab.experiments.execution.executor import Executor
from crmlab.experiments.execution.task_store import TaskStore
from crmlab.experiments.experiment import Arm
from crmlab.experiments.levers.space import Values, as_written, meant, with_levers
from crmlab.experiments.questions.tune.candidates import Judged, entrant, front_of, judge, objectives_of, refused
from crmlab.experiments.questions.tune.markets import Markets, run_arms
from crmlab.experiments.questions.tune.proposals import Proposals
from crmlab.experiments.questions.tune.question import Tune
from crmlab.experiments.questions.tune.racing import FAILED, GOES_ON, Entrant, judged, race_rows, rounds
from crmlab.experiments.questions.tune.stopping import MIN_IMPROVEMENT, Patience

ALL_TRIED = "all candidates were tried"


@dataclass
class Found:
    """What a search has found so far. `simulated` counts replications of candidates, `race` logs the rounds."""

    judged: list[Judged] = field(default_factory=list)
    race: list[dict[str, object]] = field(default_factory=list)
    failures: list[dict[str, str]] = field(default_factory=list)
    simulated: int = 0
    stopped: str = ALL_TRIED


class Searching:
    """A search under way. `base` are the baseline's KPI values, one row for each replication of the
    search (the index); `workers` says where runs are run,
    a `store` knows those that need not be run again."""

    def __init__(
        self,
        search: Tune,
        arm: Arm,
        markets: Markets,
        base: pd.DataFrame,
        workers: int | Executor = 0,
        store: TaskStore | None = None,
        show: Callable[[int], None] = lambda n: None,
    ) -> None:
        self.search, self.arm, self.markets, self.base = search, arm, markets, base
        self.workers, self.store, self.show = workers, store, show
        self.found = Found()
        self._replications = [int(r) for r in base.index]
        self._front: list[Judged] = []
        self._kpi_values: dict[str, pd.DataFrame] = {}  # by settings: equal candidates are run once
        self._errors: dict[str, str] = {}

    def run(self) -> Found:
        """Search until everything is tried, patience is lost or the budget is spent."""
        search, found = self.search, self.found
        written = as_written(self.arm, search.levers)
        first = [*([written] if written else []), *search.first]
        proposals = Proposals(search, self.markets.experiment.design.seed, first)
        patience = Patience(search.patience)
        for batch, start in enumerate(range(0, search.candidates, search.batch)):
            if search.simulations is not None and found.simulated >= search.simulations:
                found.stopped = f"the budget of {search.simulations} replications was spent"
                break
            proposed = proposals.ask(batch, min(search.batch, search.candidates - start))
            fresh = self._batch(batch, dict(enumerate(proposed, start)))
            proposals.tell(fresh)
            found.judged += fresh
            self._front = front_of(search, [*self._front, *fresh])
            tried = objectives_of(search, [c for c in fresh if c.defined])
            if patience.lost(objectives_of(search, self._front), tried):
                found.stopped = (
                    f"the last {search.patience} batches improved the front by less than {MIN_IMPROVEMENT:.0%}"
                )
                break
        return found

    def _batch(self, batch: int, proposed: Mapping[int, Values]) -> list[Judged]:
        """One race: all candidates start, and those that nobody surely beats finish."""
        arms, ended = self._arms(batch, proposed)
        running, looked_at = list(arms), rounds(self.search.replications, self.search.racing)
        for round_, n in enumerate(looked_at):
            part = len(proposed) * round_ / len(looked_at), len(proposed) / len(looked_at)
            self._run_missing(batch, round_, [arms[number] for number in running], n, min(proposed) + part[0], part[1])
            whole = [number for number in running if arms[number].name not in self._errors]
            verdicts = judged([self._entrant(arms[number].name, number, n) for number in whole], self._rivals(n),
                              last=n == looked_at[-1])  # fmt: skip
            self.found.race += race_rows(self.search, batch, round_, verdicts)
            for number in set(running) - set(whole):
                reason = self._errors[arms[number].name]
                ended[number] = refused(self.search, number, batch, proposed[number], reason, FAILED)
            for verdict in verdicts:
                if verdict.word != GOES_ON:
                    simulated, base = self._kpi_values[arms[verdict.number].name].iloc[:n], self.base.iloc[:n]
                    ended[verdict.number] = judge(
                        self.search, verdict.number, batch, proposed[verdict.number], simulated, base, verdict.word
                    )
            running = [verdict.number for verdict in verdicts if verdict.word == GOES_ON]
        return [ended[number] for number in proposed]

    def _arms(self, batch: int, proposed: Mapping[int, Values]) -> tuple[dict[int, Arm], dict[int, Judged]]:
        """The arms of candidates by number, named by their settings, and those candidates that cannot be arms."""
        arms, no_arms = {}, {}
        for number, values in proposed.items():
            try:
                arms[number] = with_levers(self.arm, self.search.levers, values, self._name(values))
            except (ValueError, TypeError) as error:
                no_arms[number] = refused(self.search, number, batch, values, str(error))
        return arms, no_arms

    def _name(self, values: Values) -> str:
        return ", ".join(f"{path} {value!r}" for path, value in meant(self.search.levers, values).items())

    def _run_missing(self, batch: int, round_: int, arms: Sequence[Arm], n: int, shown: float, share: float) -> None:
        """Run what is missing of the first `n` replications of these arms."""
        groups: dict[int, dict[str, Arm]] = {}
        for arm in arms:
            known = len(self._kpi_values.get(arm.name, ()))
            if known < n and arm.name not in self._errors:
                groups.setdefault(known, {})[arm.name] = arm
        for known, group in groups.items():
            kpi_values, failures = run_arms(
                self.markets, list(group.values()), self._replications[known:n], self.workers,
                lambda done, tasks: self.show(int(shown + share * done / tasks)), self.store,
                f"search {batch}.{round_}.{known}",
            )  # fmt: skip
            self.found.failures += [failure for of_arm in failures.values() for failure in of_arm]
            self.found.simulated += len(group) * (n - known)
            for name, rows in kpi_values.items():
                self._kpi_values[name] = pd.concat([self._kpi_values[name], rows]) if known else rows
            for name, of_arm in failures.items():
                self._errors.setdefault(name, of_arm[0]["error"])

    def _entrant(self, name: str, number: int, n: int) -> Entrant:
        return entrant(self.search, number, self._kpi_values[name].iloc[:n], self.base.iloc[:n])

    def _rivals(self, n: int) -> list[Entrant]:
        return [self._entrant(self._name(c.values), c.number, n) for c in self._front]
