"""Word of mouth: recommendations, warnings, and rewards for friends won."""
