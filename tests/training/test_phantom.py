"""The phantom: the same numbers every time, an exact reference, and options that do what they say."""

from __future__ import annotations

import functools
import itertools

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from spinalsam.errors import UsageError
from spinalsam.support.anatomy import LABEL_VALUES, label_value
from spinalsam.training.phantom import TISSUES, Phantom, make_phantom

# Coarse and narrow: a column of a few vertebrae, or of one, in about a second.
COARSE = {"spacing_mm": (2.0, 2.0, 2.0), "fov_mm": (120.0, 150.0), "levels": ("L2", "L4"), "table": False}
ONE = {"levels": ("L3", "L3")}
EVERYWHERE = np.ones((3, 3, 3))


@functools.cache
def phantom(seed: int = 0, **changes: object) -> Phantom:
    return make_phantom(seed, **{**COARSE, **changes})


def core_hu(case: Phantom, name: str) -> NDArray[np.int16]:
    """HU in the middle of a vertebral body, away from its shell."""
    grid = np.indices(case.mask.shape).reshape(3, -1).T
    near = np.linalg.norm(case.volume.geometry.to_mm(grid) - case.centres_mm[name], axis=1) < 9.0
    return case.volume.voxels.reshape(-1)[near & (case.mask == label_value(name)).reshape(-1)]


def test_same_seed_gives_the_same_voxels() -> None:
    first, second = phantom(3), make_phantom(3, **COARSE)
    assert np.array_equal(first.volume.voxels, second.volume.voxels)
    assert np.array_equal(first.mask, second.mask)
    assert np.array_equal(first.tissues, second.tissues)


def test_another_seed_gives_another_anatomy() -> None:
    sizes = [(phantom(seed).mask == label_value("L3")).sum() for seed in (0, 3)]
    assert sizes[0] != sizes[1]


def test_volume_is_int16_hu_in_lps_with_the_spacing_asked_for() -> None:
    case = phantom()
    geometry = case.volume.geometry
    assert case.volume.voxels.dtype == np.int16 and case.volume.is_hu
    assert geometry.axis_codes == "LPS"
    assert np.allclose(geometry.spacing_mm, COARSE["spacing_mm"])
    assert case.mask.shape == case.tissues.shape == case.volume.voxels.shape == geometry.shape
    assert case.mask.dtype == case.tissues.dtype == np.uint8


def test_whole_levels_run_from_head_to_foot() -> None:
    case = phantom(levels=("T12", "sacrum"), spacing_mm=(3.0, 3.0, 3.0))
    assert case.whole == ("T12", "L1", "L2", "L3", "L4", "L5", "sacrum")
    heights = [np.argwhere(case.mask == label_value(name))[:, 2].mean() for name in case.whole]
    assert all(upper > lower for upper, lower in itertools.pairwise(heights))


@pytest.mark.parametrize("changes", [{}, {"levels": ("T12", "sacrum"), "spacing_mm": (3.0, 3.0, 3.0)}])
def test_whole_levels_do_not_touch_the_ends_of_the_picture(changes: dict) -> None:
    case = phantom(**changes)
    for name in case.whole:
        assert not (case.mask[..., [0, -1]] == label_value(name)).any()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_each_whole_level_is_one_piece(seed: int) -> None:
    case = phantom(seed)
    for name in case.whole:
        assert ndimage.label(case.mask == label_value(name), EVERYWHERE)[1] == 1


def test_centres_lie_in_their_vertebrae() -> None:
    case = phantom()
    for name, centre_mm in case.centres_mm.items():
        index = tuple(np.rint(case.volume.geometry.to_ijk(centre_mm)).astype(int))
        assert case.mask[index] == LABEL_VALUES[name]
        assert case.tissues[index] == TISSUES["vertebral body"]


def test_canal_is_open_from_top_to_bottom() -> None:
    case = phantom()
    inside = np.isin(case.tissues, [TISSUES[name] for name in ("thecal sac", "spinal cord", "epidural fat")])
    assert not (inside & (case.mask > 0)).any()
    pieces, _ = ndimage.label(inside)
    assert set(np.unique(pieces[..., 0])) & set(np.unique(pieces[..., -1])) - {0}


def test_mask_covers_exactly_the_tissues_that_are_spinal_bone() -> None:
    case = phantom()
    bone = np.isin(case.tissues, [TISSUES[name] for name in ("vertebral body", "posterior elements", "sacrum")])
    assert np.count_nonzero(bone != (case.mask > 0)) <= 0.002 * np.count_nonzero(bone)


def test_mask_lies_on_bone_hu() -> None:
    case = phantom()
    hu = case.volume.voxels
    assert np.median(hu[case.mask > 0]) > 150
    assert (hu[case.mask > 0] < 0).mean() < 0.01
    shell = (case.mask > 0) & ~ndimage.binary_erosion(case.mask > 0)
    inside = ndimage.binary_erosion(case.tissues == TISSUES["vertebral body"], iterations=3)
    assert hu[shell].mean() > hu[inside].mean()


@pytest.mark.parametrize(("tissue", "low", "high"), [("disc", 60, 115), ("muscle", 35, 75), ("thecal sac", 5, 50)])
def test_soft_tissue_has_its_hu(tissue: str, low: float, high: float) -> None:
    case = phantom()
    inner = ndimage.binary_erosion(case.tissues == TISSUES[tissue])
    assert low < np.median(case.volume.voxels[inner]) < high


def test_body_and_arch_are_told_apart() -> None:
    case = phantom()
    parts = case.tissues[case.mask == label_value("L3")]
    body = (parts == TISSUES["vertebral body"]).mean()
    assert 0.45 < body < 0.85
    y = np.indices(case.mask.shape)[1]
    vertebra = case.mask == label_value("L3")
    arch = y[vertebra & (case.tissues == TISSUES["posterior elements"])].mean()
    assert arch > y[vertebra & (case.tissues == TISSUES["vertebral body"])].mean()


def test_noise_has_the_level_asked_for_and_leaves_the_mask_alone() -> None:
    quiet, loud = phantom(noise_hu=0.0, **ONE), phantom(noise_hu=30.0, **ONE)
    assert np.array_equal(quiet.mask, loud.mask)
    difference = loud.volume.voxels.astype(float) - quiet.volume.voxels
    middle = tuple(slice(n // 3, 2 * n // 3) for n in difference.shape)
    assert 20 < difference[middle].std() < 42


def test_wider_kernel_blurs_edges() -> None:
    def sharpness(kernel_mm: float) -> float:
        voxels = phantom(noise_hu=0.0, kernel_mm=kernel_mm, **ONE).volume.voxels.astype(float)
        return float(np.abs(np.diff(voxels, axis=0)).mean())

    assert sharpness(6.0) < 0.8 * sharpness(1.0)


def test_osteoporosis_lowers_the_core() -> None:
    assert core_hu(phantom(osteoporosis=1.0, **ONE), "L3").mean() < core_hu(phantom(**ONE), "L3").mean() - 50


def test_scoliosis_bends_the_spine_sideways() -> None:
    bent, straight = (phantom(scoliosis_deg=angle, levels=("T12", "L5"), spacing_mm=(3, 3, 3)) for angle in (40.0, 0.0))

    def sideways(case: Phantom) -> float:
        x = [case.centres_mm[name][0] for name in ("T12", "L2", "L4")]
        return abs(x[1] - (x[0] + x[2]) / 2)

    assert sideways(straight) < 1.0 < 5.0 < sideways(bent)


def test_six_lumbar_vertebrae() -> None:
    case = phantom(lumbar_count=6, levels=("L5", "sacrum"), spacing_mm=(3.0, 3.0, 3.0))
    assert label_value("L6") in case.mask
    assert case.whole == ("L5", "L6", "sacrum")
    assert case.centres_mm["L6"][2] < case.centres_mm["L5"][2]


def test_screws_are_metal_with_streaks_and_belong_to_the_vertebra() -> None:
    with_metal, streakless, without = phantom(screws=("L3",), **ONE), phantom(screws=("L3",), streaks=0.0, **ONE), phantom(**ONE)
    metal = with_metal.tissues == TISSUES["metal"]
    assert np.median(with_metal.volume.voxels[metal]) > 2000
    assert np.array_equal(with_metal.mask, without.mask)
    far = ~ndimage.binary_dilation(metal, iterations=4)
    change = np.abs(with_metal.volume.voxels.astype(int) - streakless.volume.voxels)[far]
    assert change.max() > 60


def test_fracture_lowers_the_front_of_the_body() -> None:
    def volume(share: float) -> int:
        case = phantom(fractures=(("L3", share),), **ONE)
        return int(((case.mask == label_value("L3")) & (case.tissues == TISSUES["vertebral body"])).sum())

    assert volume(0.4) < 0.93 * volume(0.0)


def test_contrast_brightens_the_aorta() -> None:
    def aorta(case: Phantom) -> float:
        return float(np.median(case.volume.voxels[case.tissues == TISSUES["aorta and arteries"]]))

    wide = {"fov_mm": (120.0, 220.0), "calcification": 0.0, **ONE}
    assert aorta(phantom(contrast=True, **wide)) > aorta(phantom(**wide)) + 80


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"colour": 1}, "no option 'colour'"),
        ({"lumbar_count": 4}, "5 or 6"),
        ({"levels": ("L4", "L2")}, "head to foot"),
        ({"levels": ("C1", "L2")}, "no level 'C1'"),
        ({"spacing_mm": (0, 1, 1)}, "spacing"),
    ],
)
def test_impossible_options_are_refused(changes: dict, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        make_phantom(0, **changes)
