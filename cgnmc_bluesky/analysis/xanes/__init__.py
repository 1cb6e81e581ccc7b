"""X-ray absorption near the edge: alignment, edge positions, fractions of standards."""
