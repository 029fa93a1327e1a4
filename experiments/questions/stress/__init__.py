"""Policies judged over many possible worlds: robust scores, and the worlds in which a recommendation flips."""
