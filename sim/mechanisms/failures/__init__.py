"""What goes wrong with orders, who says so, who leaves in silence, and what making it good is worth."""
