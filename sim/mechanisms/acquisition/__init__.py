"""Acquisition: channels that turn budgets into attention and prospects into leads."""
