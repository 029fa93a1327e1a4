"""How an answer depends on the levers of a policy and on the unknowns of the world."""
