"""A soft X-ray beamline: L edges of a sample that is one thing at its surface, another below."""
