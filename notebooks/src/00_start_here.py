# %% [markdown]
# # Start here
#
# crmlab is a sandbox of simulated customers: you try a policy on them and on today's policy beside it, with the same
# people and the same luck, before you try it on anybody real. These notebooks teach how to do that without fooling
# yourself. Take them in order; each needs only the one before.
#
# | notebook | what you will decide | minutes |
# |---|---|---|
# | [01 One customer's life and one week](01_one_life.ipynb) | does a 10 % discount bring orders? | 30 |
# | [02 A first policy, compared fairly](02_compare_fairly.ipynb) | do discount tiers pay, and how sure are you? | 35 |
# | [03 Tune without fooling yourself](03_tune.ipynb) | which of many candidates do you believe? | 40 |
#
# **How they work.** Predict, run, compare, change one thing. Cells that begin with a task hold a
# `raise NotImplementedError`: put your code in its place. The cell below checks it and says in words what is wrong.
# Hints are folded. Solutions, with notes for teachers, are in the folder `solutions`.
#
# You need some Python: functions, and a few lines of pandas. No network is needed.

# %%
import platform
from importlib.metadata import version

print("Python", platform.python_version())
for package in ("crmlab", "numpy", "pandas", "plotly", "mesa", "numba"):
    print(package, version(package))

# %% [markdown]
# If this cell printed versions and no error, all is well. The first run of a simulation compiles it (some seconds to a
# minute); after that, a market of thousands lives a year in a fraction of a second.
