"""What is hardly meant although no rule forbids it: notes on worlds and experiments, before anything is run."""
