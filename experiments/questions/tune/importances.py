"""Which lever decides whether a candidate is among the best."""

from __future__ import annotations

import math

import numpy as np
import optuna
import pandas as pd
from optuna.distributions import BaseDistribution

from crmlab.experiments.questions.tune.optuna_space import space_of
from crmlab.experiments.questions.tune.question import Tune

MIN_TOP = 5  # candidates that importances are read from, at least


def importance_table(search: Tune, trials: pd.DataFrame) -> pd.DataFrame:
    """How much each lever decides whether a candidate is among the best on an objective: shares, per objective.

    PED-ANOVA (Watanabe et al. 2023) over the candidates that have a value. Undefined where fewer than ten have one. Of
    a lever that means something in some candidates only, nothing is told.
    """
    space = space_of(search.levers)
    told = {path: dist for path, dist in space.items() if trials[f"lever.{path}"].notna().all()}
    rows = []
    for kpi in search.objectives:
        known = trials[np.isfinite(trials[f"gain.{kpi}"])]
        shares = dict.fromkeys(space, math.nan)
        if told and len(known) >= 2 * MIN_TOP and known[f"gain.{kpi}"].nunique() > 1:
            shares |= _importances(told, known, -search.direction(kpi) * known[f"gain.{kpi}"])
        rows += [{"kpi": kpi, "lever": path, "importance": shares[path]} for path in space]
    return pd.DataFrame(rows)


def _importances(space: dict[str, BaseDistribution], known: pd.DataFrame, losses: pd.Series) -> dict[str, float]:
    study = optuna.create_study(direction="minimize", sampler=optuna.samplers.RandomSampler(seed=0))
    study.add_trials(
        [
            optuna.trial.create_trial(
                params={path: row[f"lever.{path}"] for path in space}, distributions=space, value=float(loss)
            )
            for row, loss in zip(known.to_dict("records"), losses, strict=True)
        ]
    )
    top = max(0.1, MIN_TOP / len(known))
    evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=top)
    return optuna.importance.get_param_importances(study, evaluator=evaluator, params=list(space))
