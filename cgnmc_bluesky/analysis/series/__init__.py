"""Quantities over samples: whether they change with cycles, and what that means for the charge."""
