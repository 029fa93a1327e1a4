"""Every number of a world by its path: its range, its value, and the world in which it is another one."""
