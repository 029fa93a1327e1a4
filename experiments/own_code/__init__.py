"""Code of the user's own, neither crmlab nor installed: what a class reaches, whether it may run, how it is kept."""
