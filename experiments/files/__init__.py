"""Experiment and world files: reading, checking and writing TOML, and the sentences that say what is wrong."""
