"""The table of questions: a line for each kind. A new question is a folder beside these and a line here."""

from __future__ import annotations

from crmlab.experiments.experiment import Compare, Experiment
from crmlab.experiments.questions.compare.compare import compare
from crmlab.experiments.questions.compare.posing import smaller_comparison
from crmlab.experiments.questions.compare.sections import comparison_sections
from crmlab.experiments.questions.explain.explain import explain
from crmlab.experiments.questions.explain.posing import posed_explanation
from crmlab.experiments.questions.explain.question import Explain
from crmlab.experiments.questions.explain.sections import explain_sections
from crmlab.experiments.questions.kind import FileTable, Kind
from crmlab.experiments.questions.stress.posing import posed_stress
from crmlab.experiments.questions.stress.question import Stress
from crmlab.experiments.questions.stress.sections import stress_sections
from crmlab.experiments.questions.stress.stress import stress
from crmlab.experiments.questions.sweep.form import SweepForm, sweep_of
from crmlab.experiments.questions.sweep.posing import posed_sweep, smaller_sweep
from crmlab.experiments.questions.sweep.question import Sweep
from crmlab.experiments.questions.sweep.sections import sweep_sections
from crmlab.experiments.questions.sweep.sweep import sweep
from crmlab.experiments.questions.tune.form import TuneForm, search_of
from crmlab.experiments.questions.tune.posing import posed_tuning, smaller_tuning
from crmlab.experiments.questions.tune.question import Tune
from crmlab.experiments.questions.tune.sections import tuning_sections
from crmlab.experiments.questions.tune.tune import tune
from crmlab.experiments.run_files import RunFiles

OPTUNA, SALIB = ("optuna", "cmaes"), ("SALib",)
TUNE = FileTable(TuneForm, search_of, "what to search", "search better levers", "docs/tuning.md")
SWEEP = FileTable(SweepForm, sweep_of, "what to move", "see what the effect hangs on", "docs/sweeps.md")

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("compare", Compare, compare, "Playing", "comparison", comparison_sections, smaller=smaller_comparison),
        Kind("tune", Tune, tune, "Tuning", "tuning", tuning_sections, posed_tuning, smaller_tuning, TUNE, OPTUNA),
        Kind("sweep", Sweep, sweep, "Sweeping", "sweep", sweep_sections, posed_sweep, smaller_sweep, SWEEP, SALIB),
        Kind("stress", Stress, stress, "Stressing", "stress", stress_sections, posed_stress),
        Kind("explain", Explain, explain, "Explaining", "explain", explain_sections, posed_explanation),
    )
}


def kind_asked(experiment: Experiment) -> Kind:
    """The line of the question that an experiment asks. Raises `LookupError` for a record that has none."""
    record = type(experiment.question)
    found = next((kind for kind in KINDS.values() if kind.record is record), None)
    if found is None:
        raise LookupError(f"{record.__name__} has no line in the table of questions")
    return found


def kind_answered(run: RunFiles) -> Kind:
    """The line of the question that a run has answered."""
    return KINDS[run.spec["question"]["kind"]]
