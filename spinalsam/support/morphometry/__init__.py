"""What clinicians measure at vertebrae: body heights, endplates and their angles, disc heights, the density of the core.

Everything is computed in patient millimetres from a label map on any grid: oblique, anisotropic or sheared. Research use only; the
definitions, their sources and their limits are in docs/MEASUREMENTS.md.
"""
