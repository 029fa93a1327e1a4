"""The questions: experiment files, comparisons, tuning, stress, calibration, reports, command line."""

if __name__ != "crmlab.experiments":
    raise ImportError("The package is called crmlab.experiments: write `from crmlab.experiments import ...`.")
