"""`Any` switches the type checker off. It may stand at borders (files, pickles, untyped libraries, compiled code),
and there is still too much of it: nowhere may there be more than there was."""

from __future__ import annotations

import re
from collections import Counter

from tests.places import ROOT

WORD = re.compile(r"\bAny\b")
LINES = {  # lines that say it, imports apart: lower a number when you have taken some away
    "experiments": 13, "experiments/bench": 9, "experiments/calibration": 5, "experiments/charts": 9,
    "experiments/commands": 21, "experiments/execution": 60, "experiments/files": 88, "experiments/lab": 17,
    "experiments/levers": 20, "experiments/own_code": 21, "experiments/parameters": 8, "experiments/questions": 135,
    "experiments/replication": 5, "experiments/reporting": 12, "experiments/runs": 61, "experiments/sections": 5,
    "experiments/spec": 24, "experiments/statistics": 8, "experiments/twins": 2, "experiments/wording": 1, "sim": 54,
}  # fmt: skip


def lines_with_any() -> Counter[str]:
    """How many lines say `Any`, by package; `experiments` by the packages in it."""
    found: Counter[str] = Counter()
    for package in ("experiments", "sim", "strategies"):
        for path in (ROOT / package).rglob("*.py"):
            inside = path.relative_to(ROOT).parts[:-1]
            name = "/".join(inside[:2]) if package == "experiments" else package
            lines = path.read_text(encoding="utf-8").splitlines()
            found[name] += sum(bool(WORD.search(line)) for line in lines if not line.startswith(("from ", "import ")))
    return +found


def test_any_only_grows_less() -> None:
    assert dict(lines_with_any()) == LINES
