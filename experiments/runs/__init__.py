"""Run folders: what determines a run, what it left behind, and how it is found again."""
