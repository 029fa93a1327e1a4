"""Where things lie: the repository, what ships in it, and the small inputs on which the product once fell short."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
LIBRARY = ROOT / "experiments" / "library"
SAMPLE = ROOT / "experiments" / "data" / "cdnow_sample.csv"
CASES = ROOT / "tests" / "cases"
