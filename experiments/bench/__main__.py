"""Entry point. One thread for everything, set before numpy loads: engines are compared core against core."""

import os

for library in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
    os.environ[f"{library}_NUM_THREADS"] = "1"

from crmlab.experiments.bench.command import app  # noqa: E402

if __name__ == "__main__":
    app(prog_name="python -m crmlab.experiments.bench")
