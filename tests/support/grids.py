"""Strategies for grids: all 48 axis orientations, oblique, sheared, left-handed, anisotropic."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from spinalsam.support.geometry import Geometry

# Every signed permutation of the axes: 24 right-handed, 24 left-handed.
ORIENTATIONS: list[NDArray[np.float64]] = [
    np.eye(3)[:, list(order)] * np.array(signs, float)
    for order in itertools.permutations(range(3))
    for signs in itertools.product((1, -1), repeat=3)
]

spacings = st.floats(0.1, 8.0, allow_nan=False)
shapes = st.tuples(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40))


def rotation(axis: NDArray[np.float64], degrees: float) -> NDArray[np.float64]:
    """Rodrigues' formula, written out here so that tests do not lean on the code under test."""
    x, y, z = axis / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = np.radians(degrees)
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


@st.composite
def geometries(draw: st.DrawFn, *, oblique_degrees: float = 40.0, shear: float = 0.15) -> Geometry:
    """Any grid whose axes still have a nearest anatomical direction."""
    orientation = draw(st.sampled_from(ORIENTATIONS))
    turn = np.eye(3)
    if oblique_degrees:
        axis = np.array(draw(st.tuples(*[st.floats(-1, 1)] * 3)))
        if np.linalg.norm(axis) > 0.1:
            turn = rotation(axis, draw(st.floats(-oblique_degrees, oblique_degrees)))
    skew = np.eye(3)
    if shear:
        skew[0, 1], skew[0, 2], skew[1, 2] = (draw(st.floats(-shear, shear)) for _ in range(3))
    affine = np.eye(4)
    affine[:3, :3] = turn @ skew @ orientation * np.array([draw(spacings) for _ in range(3)])
    affine[:3, 3] = [draw(st.floats(-500, 500)) for _ in range(3)]
    return Geometry(draw(shapes), affine)
