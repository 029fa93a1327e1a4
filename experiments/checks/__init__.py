"""What is hardly meant although no rule forbids it: notes on worlds and experiments, before anything is run, and on
what a finished run shows of them."""
