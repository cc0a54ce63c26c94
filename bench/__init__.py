"""Benchmarks: side by side in one run, as ratios. `python -m bench` prints the table of the README."""
