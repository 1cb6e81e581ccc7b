"""Physics on arrays: numpy and scipy only; no documents, no files, no plots, no clock."""
