"""Which samplers are offered for which search, and what to say of the others. Imports nothing heavy."""

from __future__ import annotations

import importlib.util

from crmlab.experiments.questions.tune.question import OwnSampler, Sampler

NEEDS = {"cmaes": ("cmaes", 'pip install "crmlab[search]"'), "gp": ("torch", "pip install torch")}


def sampler_problem(sampler: Sampler | OwnSampler, objectives: int, numbers: int, words: int) -> str:
    """Why a sampler cannot do a search, in a sentence; empty if it can. `numbers` and `words` count its levers."""
    if isinstance(sampler, OwnSampler):
        return ""
    package, install = NEEDS.get(sampler, ("", ""))
    if package and importlib.util.find_spec(package) is None:
        return f"needs the package {package}, which is not installed: {install}."
    if sampler == "cmaes" and objectives > 1:
        return "can tune for one objective only; for several use nsga2, nsga3 or tpe."
    if sampler == "cmaes" and (words or numbers < 2):
        return "moves two or more numbers and nothing else; for choices and switches, or one lever, use tpe."
    return ""


def batch_problem(sampler: Sampler | OwnSampler, batch: int) -> str:
    """Why a batch is too small for a sampler, in a sentence; empty if it is not."""
    least = {"nsga2": 2, "nsga3": 2, "cmaes": 4}.get(str(sampler), 1)
    if batch >= least:
        return ""
    return f"must be at least {least} with {sampler}: a batch is a generation, and a generation has parents."
