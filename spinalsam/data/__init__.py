"""Data service: volumes, file formats, slice cache."""
