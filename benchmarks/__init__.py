"""What the package promises in figures, measured side by side with what others use.

`python -m benchmarks` (or `make bench`) runs all of it and prints one table.
"""
