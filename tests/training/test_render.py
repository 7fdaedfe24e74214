"""Rendered slices: what is asked for is in the picture, and the same seed gives the same slice."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from spinalsam.training.render import ContextMap, ShapeVolume, build_shape_volume, load_library, render_slice, save_library
from spinalsam.training.sources import gather_sacra


def write_nifti(path: Path, labels: np.ndarray, *, spacing_mm: tuple[float, float, float]) -> None:
    nib.save(nib.Nifti1Image(labels, np.diag([*spacing_mm, 1.0])), path)


@pytest.fixture(scope="session")
def library() -> list[ShapeVolume]:
    """Two touching blocks with a hole through each, as stand-ins for vertebrae."""
    labels = np.zeros((60, 60, 70), np.uint8)
    for number, start in enumerate((8, 38), start=20):
        labels[10:50, 12:48, start : start + 26] = number
        labels[24:36, 24:32, start : start + 26] = 0
    return [build_shape_volume("blocks", labels, (1.0, 1.0, 1.0), grid_mm=1.0)]


def test_shapes_keep_their_volume_on_the_new_grid(library: list[ShapeVolume]) -> None:
    labels = np.zeros((40, 40, 30), np.uint8)
    labels[8:30, 10:28, 5:25] = 3
    volume = build_shape_volume("box", labels, (0.5, 0.5, 1.0), grid_mm=0.8)
    assert (volume.shapes[0].occupancy > 127).sum() * 0.8**3 == pytest.approx((labels > 0).sum() * 0.25, rel=0.08)


def test_the_same_seed_gives_the_same_slice(library: list[ShapeVolume]) -> None:
    first, second = (render_slice(np.random.default_rng(5), library, side=64) for _ in range(2))
    np.testing.assert_array_equal(first.pixels, second.pixels)
    np.testing.assert_array_equal(first.target, second.target)


def test_slices_hold_what_is_asked_for(library: list[ShapeVolume]) -> None:
    rng = np.random.default_rng(1)
    shares = []
    for _ in range(30):
        slice_ = render_slice(rng, library, side=64)
        assert np.isfinite(slice_.pixels).all() and slice_.pixels.std() > 0
        assert slice_.target.sum() >= 20
        assert not (slice_.target & ~slice_.whole).any()
        assert (slice_.whole & ~slice_.bone).sum() <= 0.1 * slice_.whole.sum()
        shares.append(np.ptp(np.nonzero(slice_.target)[1]) / 64)
    assert min(shares) < 0.4 < max(shares)


def test_bone_is_brighter_than_its_surroundings_on_the_whole(library: list[ShapeVolume]) -> None:
    rng = np.random.default_rng(2)
    brighter = 0
    for _ in range(40):
        slice_ = render_slice(rng, library, side=64)
        brighter += slice_.pixels[slice_.bone].mean() > slice_.pixels[~slice_.bone].mean()
    assert brighter >= 28


def test_a_library_survives_its_file(library: list[ShapeVolume], tmp_path) -> None:
    save_library(library, tmp_path / "shapes.npz")
    (back,) = load_library(tmp_path / "shapes.npz")
    assert (back.name, back.spacing_mm, len(back.shapes)) == ("blocks", 1.0, 2)
    np.testing.assert_array_equal(back.bone, library[0].bone)
    np.testing.assert_array_equal(back.shapes[1].occupancy, library[0].shapes[1].occupancy)


def test_bones_beside_are_drawn_and_belong_to_nothing(library: list[ShapeVolume], tmp_path) -> None:
    """A hip lies where only soft tissue would be; it brightens the picture there and is in none of the masks."""
    labels = np.zeros((60, 60, 40), np.uint8)
    labels[22:38, 22:38, 5:35] = 26
    hips = np.zeros(labels.shape, bool)
    hips[:20, 10:50, 5:35] = hips[40:, 10:50, 5:35] = True
    alone = build_shape_volume("sacrum", labels, (1.0, 1.0, 1.0), grid_mm=1.0)
    among = build_shape_volume("sacrum", labels, (1.0, 1.0, 1.0), grid_mm=1.0, beside=hips)
    save_library([alone, among], tmp_path / "sacra.npz")
    alone, among = load_library(tmp_path / "sacra.npz")
    assert alone.beside is None and among.beside is not None
    assert (among.beside > 127).sum() == pytest.approx(hips.sum(), rel=0.1)
    brighter = 0
    for seed in range(20):
        bare, full = (render_slice(np.random.default_rng(seed), [volume], side=64) for volume in (alone, among))
        np.testing.assert_array_equal(bare.target, full.target)
        np.testing.assert_array_equal(bare.bone, full.bone)
        brighter += full.pixels[~full.bone].mean() > bare.pixels[~bare.bone].mean() + 1e-3
    assert brighter >= 10


def test_an_organ_map_gives_its_sacrum(tmp_path) -> None:
    """TotalSegmentator's sacrum and S1 become one sacrum; its lumbar vertebrae lie beside and are no shapes; hips are beside too."""
    organs = np.zeros((40, 40, 40), np.uint8)
    organs[15:25, 15:25, 5:15], organs[15:25, 15:25, 15:20], organs[15:25, 15:25, 22:30] = 25, 26, 27
    organs[2:12, 10:30, 5:25] = 77
    write_nifti(tmp_path / "organs.nii.gz", organs, spacing_mm=(2.0, 2.0, 2.0))
    for _ in range(2):  # read, then from the cache
        (volume,) = gather_sacra([tmp_path / "organs.nii.gz"], tmp_path / "cache", report=lambda line: None)
        assert [shape.label for shape in volume.shapes] == [26]
        mm3 = (volume.shapes[0].occupancy > 127).sum() * volume.spacing_mm**3
        assert mm3 == pytest.approx(1500 * 8, rel=0.15)
        assert volume.bone.astype(bool).sum() * volume.spacing_mm**3 > 2300 * 8
        assert volume.beside is not None and (volume.beside > 127).any()


def test_an_organ_map_without_a_sacrum_gives_none(tmp_path) -> None:
    write_nifti(tmp_path / "organs.nii.gz", np.full((9, 9, 9), 5, np.uint8), spacing_mm=(3.0, 3.0, 3.0))
    assert gather_sacra([tmp_path / "organs.nii.gz"], tmp_path / "cache", report=lambda line: None) == []


def test_organs_around_the_bone_leave_the_bone_as_it_is(library: list[ShapeVolume]) -> None:
    organs = np.zeros((50, 50, 50), np.uint8)
    organs[10:40, 10:40, 10:40] = 4
    context = ContextMap(3.0, organs, bones=(4,))
    plain = render_slice(np.random.default_rng(9), library, side=64)
    among = [render_slice(np.random.default_rng(n), library, side=64, contexts=[context]) for n in range(12)]
    assert plain.target.any() and all(np.isfinite(slice_.pixels).all() and slice_.target.any() for slice_ in among)
