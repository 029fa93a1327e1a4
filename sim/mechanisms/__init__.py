"""The rooms of the market: each mechanism with its numbers, columns, actions, accounts, rules and agent telling.

A room imports the contract (`sim/mechanism.py`) and what lies below it, never another room. `shipped.py` lists those
that every market has, in the order in which they act.
"""
