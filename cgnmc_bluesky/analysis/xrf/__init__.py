"""X-ray fluorescence maps: from spectra to atoms, from atoms to a particle's core and shell."""
