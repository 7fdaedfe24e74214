"""Bodies whose height, volume and angles are known by formula: elliptical cylinders at given tilts, on grids of any kind.

Heights are to be within 0.5 mm, or half a slice where slices are thicker than 1 mm, as a mask says no more; Cobb angles within 1 degree; an
ellipsoid's volume within 1 %.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.transform import Rotation

from spinalsam.support.anatomy import label_value
from spinalsam.support.geometry import Geometry
from spinalsam.support.morphometry.spine import SpineMeasurer

HALF_LEFT, HALF_BACK, HEIGHT, APART = 22.0, 16.0, 27.0, 37.0  # mm
# None lies along the slices: there a mask is as high as so many whole slices, which is no fault of the reading.
LEVELS = {"L1": (11.0, 6.0), "L2": (3.0, 4.0), "L3": (-8.0, -5.0)}  # roll (coronal) and pitch (sagittal) in degrees

GRIDS = {
    "isotropic": ((1.0, 1.0, 1.0), np.eye(3)),
    "anisotropic": ((0.7, 0.9, 1.5), np.eye(3)),
    "flipped": ((1.0, 1.0, 1.25), np.diag([-1.0, 1.0, -1.0])),
    "other order of axes": ((1.25, 0.8, 1.0), np.array([[0.0, 1, 0], [0, 0, -1], [1, 0, 0]])),
    "oblique": ((0.9, 0.9, 1.25), Rotation.from_euler("xyz", [14, -11, 9], degrees=True).as_matrix()),
}


def grid(name: str) -> Geometry:
    spacing, direction = GRIDS[name]
    size_mm = np.array([120.0, 120.0, 170.0])
    # As many voxels along each index axis as the field needs there, whatever direction that has.
    shape = np.ceil(np.abs(direction.T) @ size_mm / spacing).astype(int) + 1
    affine = np.eye(4)
    affine[:3, :3] = direction * spacing
    affine[:3, 3] = -affine[:3, :3] @ ((shape - 1) / 2)
    return Geometry((int(shape[0]), int(shape[1]), int(shape[2])), affine)


def turned(name: str) -> np.ndarray:
    """Rotation of a level: roll about the axis to the back, pitch about the axis to the left."""
    roll, pitch = LEVELS[name]
    return Rotation.from_euler("yx", [roll, pitch], degrees=True).as_matrix()


def column(geometry: Geometry) -> np.ndarray:
    points = geometry.to_mm(np.moveaxis(np.indices(geometry.shape), 0, -1).reshape(-1, 3))
    labels = np.zeros(len(points), np.uint8)
    for number, name in enumerate(LEVELS):
        local = (points - [0, 0, APART * (1 - number)]) @ turned(name)
        inside = (local[:, 0] / HALF_LEFT) ** 2 + (local[:, 1] / HALF_BACK) ** 2 <= 1
        labels[inside & (np.abs(local[:, 2]) <= HEIGHT / 2)] = label_value(name)
    return np.asfortranarray(labels.reshape(geometry.shape))


@pytest.fixture(scope="module", params=list(GRIDS))
def made(request: pytest.FixtureRequest) -> tuple[SpineMeasurer, Geometry]:
    geometry = grid(request.param)
    labels = column(geometry)
    boxes = {n + 1: box for n, box in enumerate(ndimage.find_objects(labels)) if box is not None}
    return SpineMeasurer(labels, boxes, geometry, None), geometry


def test_heights_of_tilted_cylinders(made: tuple[SpineMeasurer, Geometry]) -> None:
    spine, geometry = made
    exact = max(0.5, float(geometry.spacing_mm.max()) / 2)
    for name in LEVELS:
        heights = spine.figures([label_value(name)])[0].heights
        assert heights is not None
        for place in ("anterior", "middle", "posterior"):
            assert getattr(heights, f"{place}_mm") == pytest.approx(HEIGHT, abs=exact), (name, place)


def test_angles_between_tilted_cylinders(made: tuple[SpineMeasurer, Geometry]) -> None:
    spine, _ = made
    for plane, axis in (("coronal", 0), ("sagittal", 1)):
        normals = [turned(name)[:, 2] for name in ("L1", "L3")]
        slopes = [np.degrees(np.arctan2(normal[axis], normal[2])) for normal in normals]
        found = spine.cobb(label_value("L1"), "superior", label_value("L3"), "inferior", plane)
        assert found.angle_deg == pytest.approx(abs(slopes[0] - slopes[1]), abs=1.0), plane
    assert abs(slopes[0] - slopes[1]) > 8, "there is an angle to be found"


@pytest.mark.parametrize("name", list(GRIDS))
def test_volume_of_an_ellipsoid(name: str) -> None:
    geometry = grid(name)
    points = geometry.to_mm(np.moveaxis(np.indices(geometry.shape), 0, -1).reshape(-1, 3))
    inside = (((points - [3.3, -2.1, 5.7]) / [24, 17, 14]) ** 2).sum(axis=1) <= 1
    assert inside.sum() * geometry.voxel_mm3 == pytest.approx(4 / 3 * np.pi * 24 * 17 * 14, rel=0.01)
