"""From paired KPI values to effects with intervals, scores over worlds, and the verdict that follows from them."""
