"""Numeric kernels of mask editing: boolean arrays, spacings and matrices in, boolean arrays out; no labels, no state."""
