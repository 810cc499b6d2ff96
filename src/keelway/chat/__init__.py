"""A conversation about one project: turns, made of runs, made of parts."""
