"""`python -m tests.baseline [--write]`: compare the simulation with its committed record, or write the record anew."""

from __future__ import annotations

import sys

from tests.baseline import compute, differences, recorded, write

if "--write" in sys.argv[1:]:
    write(compute())
    print("Recorded. Say in the commit which numbers moved, and why.")
    sys.exit(0)
found = list(differences(compute(), recorded()))
print("\n".join(found) or "Equal to the record.")
sys.exit(1 if found else 0)
