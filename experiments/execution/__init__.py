"""Where replications are run: in this process, in several local ones, on a cluster; and what is kept meanwhile."""
