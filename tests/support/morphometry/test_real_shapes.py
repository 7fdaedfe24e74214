"""Masks of real patients: nobody has measured them by hand, so what is asked for is what anatomy allows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from spinalsam.data.formats import read_label_volume, read_volume
from spinalsam.support.anatomy import label_value
from spinalsam.support.morphometry.spine import SpineMeasurer


def measurer(labels: np.ndarray, geometry, voxels) -> SpineMeasurer:  # type: ignore[no-untyped-def]
    boxes = {n + 1: box for n, box in enumerate(ndimage.find_objects(labels)) if box is not None}
    return SpineMeasurer(labels, boxes, geometry, voxels)


def plausible(spine: SpineMeasurer, names: tuple[str, ...]) -> None:
    """Lumbar bodies of 22 to 34 mm, discs of 3 to 16 mm, wherever they are read."""
    for one in spine.figures([label_value(name) for name in names]):
        heights = one.heights
        assert heights is not None, one.why
        assert all(22 <= mm <= 34 for mm in (heights.anterior_mm, heights.middle_mm, heights.posterior_mm)), heights
        if one.disc is not None:
            assert all(3 <= mm <= 16 for mm in (one.disc.anterior_mm, one.disc.middle_mm, one.disc.posterior_mm)), one.disc


@pytest.mark.parametrize(
    ("name", "whole", "broken", "shape"),
    [("verse010", ("L2", "L3", "L4", "L5"), "L1", "crush"), ("verse004", ("L2", "L3", "L4", "L5"), "L1", "crush")],
)
def test_lumbar_spines_with_a_broken_vertebra(
    shared_data: Callable[..., Path], name: str, whole: tuple[str, ...], broken: str, shape: str
) -> None:
    volume = read_volume(shared_data("verse_masks", f"sub-{name}_seg-vert_msk.nii.gz"))
    spine = measurer(np.asarray(volume.voxels).astype(np.uint8), volume.geometry, None)
    plausible(spine, whole)
    found = spine.figures([label_value(broken)])[0].genant
    assert found is not None and found.grade >= 2 and found.shape == shape
    lordosis = spine.cobb(label_value("L1"), "superior", label_value("L5"), "inferior", "sagittal")
    assert lordosis.bend == "lordosis" and 20 <= lordosis.angle_deg <= 70


def test_a_ct_of_thick_slices(shared_data: Callable[..., Path]) -> None:
    volume = read_volume(shared_data("totalsegmentator", "example_ct.nii.gz"))
    path = shared_data("totalsegmentator", "example_seg_fast_force_split.nii.gz")
    spine = measurer(np.asarray(read_label_volume(path, volume.geometry, by_name=True).voxels), volume.geometry, volume.voxels)
    plausible(spine, ("L2", "L3", "L4", "L5"))
    figures = {one.value: one for one in spine.figures([label_value(name) for name in ("T11", "T12", "L1", "L2", "L3")])}
    assert "edge of the scan" in figures[label_value("T11")].why["heights"]
    assert "upper endplate" in figures[label_value("T12")].why["heights"]
    assert "uneven" in figures[label_value("L1")].why["core"]  # a bone island
    for name in ("L2", "L3"):
        core = figures[label_value(name)].core
        assert core is not None and 80 <= core.mean_hu <= 140 and core.sd_hu < 60
    sacral = spine.cobb(label_value("L1"), "superior", label_value("sacrum"), "superior", "sagittal")
    assert sacral.bend == "lordosis" and 30 <= sacral.angle_deg <= 75
