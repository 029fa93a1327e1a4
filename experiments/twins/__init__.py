"""One customer under two policies, side by side."""
