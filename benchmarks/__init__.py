"""Benchmarks: the kernels timed against the best other tools, in one run, as ratios."""
