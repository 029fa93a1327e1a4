"""How long the first market takes to compile, with an empty cache and with a filled one."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

FIRST_WEEKS = """
import time
from crmlab.experiments.bench.engines import ours
begun = time.perf_counter()
ours(1000, seed=1).run(2)
print(time.perf_counter() - begun)
"""


def compile_seconds() -> tuple[float, float]:
    """Seconds from imported modules to the end of the second week of a tiny market: (empty cache, filled cache)."""
    with tempfile.TemporaryDirectory(prefix="crmlab-bench-") as cache:
        environment = {**os.environ, "CRMLAB_CACHE": cache}
        times = [
            float(
                subprocess.run(
                    [sys.executable, "-c", FIRST_WEEKS], env=environment, capture_output=True, text=True, check=True
                ).stdout
            )
            for _ in range(2)
        ]
    return times[0], times[1]
