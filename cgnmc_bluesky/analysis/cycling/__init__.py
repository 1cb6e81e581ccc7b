"""Galvanostatic cycling: charge, half cycles, dQ/dV, and the state of a cell at a time."""
