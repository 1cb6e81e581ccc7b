"""Stacks of images over energy: where each lies, and what each pixel is a sum of."""
