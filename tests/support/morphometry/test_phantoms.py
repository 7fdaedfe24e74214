"""Heights, discs, angles and cores against phantoms whose shapes are known exactly, on any grid.

Tolerances: 1.3 mm for heights and discs, 1.6 degrees for endplates, 2 degrees for angles on voxels of 1 to 1.25 mm; spurs at the rims and
the unevenness of the bones are part of that.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise, product

import numpy as np
import pytest
from scipy import ndimage

from spinalsam.support.anatomy import label_value
from spinalsam.support.geometry import Geometry
from spinalsam.support.morphometry.body import Unmeasurable
from spinalsam.support.morphometry.spine import SpineMeasurer, VertebraFigures
from spinalsam.training.phantom import Phantom, make_phantom
from tests.support.morphometry import truth

SMALL = {"fov_mm": (112, 140), "table": False, "spacing_mm": (1.0, 1.0, 1.25)}
LEVELS = ("T12", "L1", "L2", "L3", "L4", "L5")


def measurer(labels: np.ndarray, geometry: Geometry, voxels: np.ndarray | None) -> SpineMeasurer:
    boxes = {n + 1: box for n, box in enumerate(ndimage.find_objects(labels)) if box is not None}
    return SpineMeasurer(labels, boxes, geometry, voxels)


@pytest.fixture(scope="module")
def made() -> Callable[..., tuple[Phantom, SpineMeasurer]]:
    """A phantom and its measurer; each is made once."""
    kept: dict[str, tuple[Phantom, SpineMeasurer]] = {}

    def make(name: str) -> tuple[Phantom, SpineMeasurer]:
        if name not in kept:
            seed, options = {
                "plain": (0, {}),
                "scoliosis": (1, {"scoliosis_deg": 30, "fov_mm": (170, 150), "levels": ("T12", "L5")}),
                "osteoporosis": (2, {"osteoporosis": 0.8, "levels": ("L1", "L4")}),
                "fractures": (3, {"fractures": (("L1", 0.45), ("L3", 0.33)), "disc_loss": (("L4", 0.5),), "levels": ("T12", "L5")}),
            }[name]
            phantom = make_phantom(seed, **{**SMALL, **options})
            kept[name] = phantom, measurer(phantom.mask, phantom.volume.geometry, phantom.volume.voxels)
        return kept[name]

    return make


def figures(spine: SpineMeasurer, name: str) -> VertebraFigures:
    return spine.figures([label_value(name)])[0]


def three(found: object) -> list[float]:
    return [getattr(found, f"{place}_mm") for place in ("anterior", "middle", "posterior")]


@pytest.mark.parametrize("name", LEVELS)
def test_heights_and_endplates_are_those_of_the_phantom(made, name: str) -> None:
    phantom, spine = made("plain")
    assert three(figures(spine, name).heights) == pytest.approx(truth.heights(phantom, name), abs=1.3)
    body = spine.body(label_value(name))
    for plate, wanted in zip((body.superior, body.inferior), truth.normals(truth.vertebra(phantom, name)), strict=True):
        assert np.degrees(np.arccos(np.clip(plate.normal @ wanted, -1, 1))) < 1.6
    middle = truth.vertebra(phantom, name).frame.to_local(body.frame.centre_mm)
    assert np.linalg.norm(middle) < 2.5


@pytest.mark.parametrize(("above", "below"), list(pairwise(LEVELS)))
def test_discs_are_those_of_the_phantom(made, above: str, below: str) -> None:
    phantom, spine = made("plain")
    assert three(figures(spine, above).disc) == pytest.approx(truth.disc(phantom, above, below), abs=1.3)


def test_a_worn_disc_is_low(made) -> None:
    phantom, spine = made("fractures")
    found = three(figures(spine, "L4").disc)
    assert found == pytest.approx(truth.disc(phantom, "L4", "L5"), abs=1.3)
    assert np.mean(found) < 0.7 * np.mean(three(figures(spine, "L3").disc))


def test_the_cobb_angle_of_a_scoliosis(made) -> None:
    phantom, spine = made("scoliosis")
    upper, lower = (truth.normals(truth.vertebra(phantom, name)) for name in ("T12", "L4"))
    wanted = truth.cobb(upper[0], lower[1], 0)
    assert wanted == pytest.approx(-30, abs=0.5)  # to the left
    found = spine.cobb(label_value("T12"), "superior", label_value("L4"), "inferior", "coronal")
    assert found.angle_deg == pytest.approx(-wanted, abs=2)
    assert found.bend == "convex to the left"
    above, below, largest = spine.largest_coronal(spine.order)
    assert (above, below) == (label_value("T12"), label_value("L4"))
    assert largest.angle_deg == pytest.approx(found.angle_deg)
    sagittal = spine.cobb(label_value("T12"), "superior", label_value("L4"), "inferior", "sagittal")
    assert sagittal.angle_deg == pytest.approx(truth.cobb(upper[0], lower[1], 1), abs=2)
    assert sagittal.bend == "lordosis"


def test_lordosis_down_to_the_sacrum(made) -> None:
    phantom, spine = made("plain")
    wanted = truth.cobb(truth.normals(truth.vertebra(phantom, "L1"))[0], truth.sacral_normal(phantom), 1)
    found = spine.cobb(label_value("L1"), "superior", label_value("sacrum"), "superior", "sagittal")
    assert found.angle_deg == pytest.approx(wanted, abs=2.5)
    assert spine.cobb(label_value("T12"), "superior", label_value("L4"), "inferior", "coronal").angle_deg < 1.5


def test_wedge_fractures_are_graded(made) -> None:
    phantom, spine = made("fractures")
    for name, grade in (("L1", 2), ("L3", 1), ("L2", 0), ("L4", 0)):
        found = figures(spine, name)
        wanted = truth.heights(phantom, name)
        assert three(found.heights) == pytest.approx(wanted, abs=1.3)
        assert found.heights.wedge == pytest.approx(wanted[0] / wanted[2], abs=0.08)
        assert found.genant.grade == grade, (name, found.genant)
    assert figures(spine, "L1").genant.shape == "wedge"


def test_hollow_endplates_are_biconcave(made) -> None:
    phantom, spine = made("osteoporosis")
    found = figures(spine, "L2")
    wanted = truth.heights(phantom, "L2")
    assert found.heights.biconcavity == pytest.approx(wanted[1] / wanted[2], abs=0.06)
    assert found.heights.biconcavity < 0.87
    assert figures(made("plain")[1], "L2").heights.biconcavity > found.heights.biconcavity + 0.08


@pytest.mark.parametrize(("name", "level"), [("plain", ("L1", "L2", "L3", "L4")), ("osteoporosis", ("L1", "L2", "L3", "L4"))])
def test_the_core_is_as_dense_as_it_was_made(made, name: str, level: tuple[str, ...]) -> None:
    """The phantom's spongy bone is 170 HU less 100 for whole osteoporosis, with lumps of 13 HU."""
    phantom, spine = made(name)
    wanted = 170 - 100 * phantom.options.osteoporosis
    cores = [figures(spine, one).core for one in level]
    assert np.mean([core.mean_hu for core in cores]) == pytest.approx(wanted, abs=10)
    assert all(core.mean_hu == pytest.approx(wanted, abs=25) for core in cores)
    assert {core.band for core in cores} <= ({None} if name == "plain" else {110.0})
    for core in cores:
        # Neither cortex nor endplate nor the canal: all of it lies well inside the body.
        assert core.mean_hu + 3 * core.sd_hu < 400


def pair(name: str, phantom: Phantom) -> tuple[np.ndarray, Geometry, np.ndarray]:
    """The phantom on another grid: (labels, geometry, voxels)."""
    labels, voxels, geometry = phantom.mask, phantom.volume.voxels, phantom.volume.geometry
    affine = geometry.affine.copy()
    if name == "flipped and turned over":
        order, flips = (2, 0, 1), (0, 2)
        swap = np.zeros((4, 4))
        swap[3, 3] = 1
        for axis, source in enumerate(order):
            swap[source, axis] = 1
        labels, voxels, affine = labels.transpose(order), voxels.transpose(order), affine @ swap
        for axis in flips:
            affine[:3, 3] += affine[:3, axis] * (labels.shape[axis] - 1)
            affine[:3, axis] *= -1
        labels, voxels = np.flip(labels, flips), np.flip(voxels, flips)
        return np.ascontiguousarray(labels), Geometry(labels.shape, affine), np.ascontiguousarray(voxels)
    matrix = {
        "coarse and anisotropic": np.diag([1.4, 0.8, 2.0]),
        "oblique": _turn(18, 0) @ _turn(-14, 1) @ _turn(12, 2) @ np.diag([1.0, 1.0, 1.25]),
        "sheared": np.array([[1.0, 0, 0], [0, 1.0, 0.35], [0, 0, 1.25]]),
    }[name]
    corners = geometry.to_mm(list(product(*[(0, n) for n in labels.shape])))
    local = corners @ np.linalg.inv(matrix).T
    low, high = np.floor(local.min(axis=0)), np.ceil(local.max(axis=0))
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = matrix, matrix @ low
    shape = tuple(int(n) + 1 for n in high - low)
    to_old = np.linalg.inv(geometry.affine) @ affine
    resampled = [
        ndimage.affine_transform(array, to_old[:3, :3], to_old[:3, 3], shape, order=order, cval=fill)
        for array, order, fill in ((labels, 0, 0), (voxels, 1, -1000))
    ]
    return resampled[0], Geometry(shape, affine), resampled[1]


def _turn(degrees: float, axis: int) -> np.ndarray:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turn = np.eye(3)
    others = [n for n in range(3) if n != axis]
    turn[np.ix_(others, others)] = [[c, -s], [s, c]]
    return turn


@pytest.mark.parametrize(
    ("grid", "mm", "degrees", "hu"),
    [
        ("flipped and turned over", 0.15, 0.2, 0.5),
        ("coarse and anisotropic", 1.7, 2.0, 9),
        ("oblique", 0.4, 0.5, 4),
        ("sheared", 0.4, 0.5, 4),
    ],
)
def test_the_same_spine_on_another_grid_measures_the_same(made, grid: str, mm: float, degrees: float, hu: float) -> None:
    phantom, spine = made("scoliosis")
    labels, geometry, voxels = pair(grid, phantom)
    other = measurer(labels, geometry, voxels)
    for name in ("L2", "L4"):
        mine, theirs = figures(spine, name), figures(other, name)
        assert three(theirs.heights) == pytest.approx(three(mine.heights), abs=mm)
        assert three(theirs.disc) == pytest.approx(three(mine.disc), abs=mm)
        assert theirs.core.mean_hu == pytest.approx(mine.core.mean_hu, abs=hu)
    angles = [one.cobb(label_value("T12"), "superior", label_value("L4"), "inferior", "coronal").angle_deg for one in (spine, other)]
    assert angles[1] == pytest.approx(angles[0], abs=degrees)


def test_thick_slices_measure_roughly_the_same() -> None:
    """3 mm: heights within 2 mm, angles within 4 degrees, and no grade is given."""
    phantom = make_phantom(0, **{**SMALL, "spacing_mm": (1.0, 1.0, 3.0), "levels": ("L1", "L5")})
    spine = measurer(phantom.mask, phantom.volume.geometry, phantom.volume.voxels)
    for name in ("L2", "L3", "L4"):
        found = figures(spine, name)
        assert three(found.heights) == pytest.approx(truth.heights(phantom, name), abs=2)
        assert found.genant is None
        assert "too coarse" in found.why["genant"]
    with pytest.raises(Unmeasurable):
        spine.cobb(label_value("T8"), "superior", label_value("L4"), "inferior", "coronal")


@pytest.mark.parametrize(
    ("change", "figure", "words"),
    [
        ("one slice", "heights", "too thin"),
        ("cut above", "heights", "edge of the scan"),
        ("cut above", "core", "edge of the scan"),
        ("cut in front", "heights", "edge of the scan"),
        ("metal", "core", "metal or cement"),
        ("not in HU", "core", "not in HU"),
        ("alone", "disc", "no bone is masked below"),
        ("6 mm slices", "heights", "apart along the spine"),
        ("6 mm slices", "core", "thick"),
        ("no voxel size", "heights", "voxel size"),
    ],
)
def test_what_cannot_be_measured_says_why(made, change: str, figure: str, words: str) -> None:
    phantom, _ = made("plain")
    level = label_value("L3")
    labels = np.where(phantom.mask == level, level, 0).astype(np.uint8)
    voxels, geometry = phantom.volume.voxels.copy(), phantom.volume.geometry
    centre = np.rint(geometry.to_ijk(phantom.centres_mm["L3"])).astype(int)
    if change == "one slice":
        labels[: centre[0]], labels[centre[0] + 1 :] = 0, 0
    elif change == "cut above":
        labels, voxels = labels[..., : centre[2] + 4], voxels[..., : centre[2] + 4]
    elif change == "cut in front":
        first = centre[1] - 12
        labels, voxels, affine = labels[:, first:], voxels[:, first:], geometry.affine.copy()
        affine[:3, 3] = geometry.to_mm((0, first, 0))
        geometry = Geometry(labels.shape, affine)
    elif change == "metal":
        voxels[centre[0] - 3 : centre[0] + 3, centre[1] - 8 : centre[1], centre[2] + 3 : centre[2] + 7] = 3000
    elif change == "6 mm slices":
        labels, voxels, affine = labels[..., ::5], voxels[..., ::5], geometry.affine.copy()
        affine[:3, 2] *= 5
        geometry = Geometry(labels.shape, affine)
    geometry = Geometry(labels.shape, geometry.affine, change != "no voxel size")
    spine = measurer(labels, geometry, None if change == "not in HU" else voxels)
    found = spine.figures([level])[0]
    assert getattr(found, figure) is None
    assert words in found.why[figure]


def test_a_body_without_its_arch_is_measured_too(made) -> None:
    """A mask of the body alone shows no canal: the figures stay, and a note says so."""
    from spinalsam.training.phantom import TISSUES

    phantom, spine = made("plain")
    level = label_value("L3")
    only = np.where((phantom.mask == level) & (phantom.tissues == TISSUES["vertebral body"]), level, 0).astype(np.uint8)
    found = measurer(only, phantom.volume.geometry, phantom.volume.voxels).figures([level])[0]
    assert three(found.heights) == pytest.approx(three(figures(spine, "L3").heights), abs=1.5)
    assert "no canal" in found.notes[0]


@pytest.mark.parametrize(("value", "words"), [(1, "C1 has no body"), (2, "dens"), (103, "group"), (77, "no vertebra"), (25, "not masked")])
def test_labels_without_a_body_say_so(value: int, words: str) -> None:
    labels = np.zeros((40, 40, 40), np.uint8)
    labels[10:30, 10:30, 10:30] = 0 if value == 25 else value
    found = measurer(labels, Geometry.from_parts(labels.shape), None).figures([value])[0]
    assert words in found.why["heights"]
    assert found.heights is None
