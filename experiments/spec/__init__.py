"""Experiments as files and as Python objects: read, checked by the same rules, and written to start from."""
