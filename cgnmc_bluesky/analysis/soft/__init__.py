"""Soft X-ray L edges: yields of the surface and of the bulk, what differs, and what drifts."""
