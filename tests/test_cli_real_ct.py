"""`spinalsam segment` on every kind of real file: a mask on exactly the input grid, read by two other libraries."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from spinalsam.cli import main

Shared = Callable[..., Path]


@dataclass(frozen=True)
class Real:
    """A file of the development data, a box through a vertebra, and how other libraries read its grid."""

    path: tuple[str, ...]
    box: str
    plane: str = "axial"


REAL = {
    "DICOM series (GE)": Real(("dcmqi", "ct-3slice"), "218,337,1,295,431,1"),
    "NIfTI (RAS, 3 mm)": Real(("totalsegmentator", "example_ct.nii.gz"), "46,27,85,72,48,85"),
    "DICOM series (CORT)": Real(("matrad", "real_CT"), "98,102,80,120,132,80"),
    "NRRD (cervical)": Real(("ts2d", "sample_s0521.nrrd"), "26,77,78,26,87,86", "sagittal"),
}


@pytest.fixture
def segment(shared_data: Shared, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Callable[[Real, str], Path]:
    """Run the command on a real file; returns where the mask is."""

    def call(real: Real, ending: str) -> Path:
        out = tmp_path / f"mask{ending}"
        code = main(["segment", str(shared_data(*real.path)), "-o", str(out), "--plane", real.plane, "--box", real.box, "--json"])
        printed, told = capfd.readouterr()
        assert code == 0, told
        assert sum(label["voxels"] for label in json.loads(printed)["labels"].values()) > 30
        return out

    return call


def itk_image(path: Path) -> sitk.Image:
    """A file, or the one series of a folder, as SimpleITK reads it."""
    if path.is_file():
        return sitk.ReadImage(str(path))
    return sitk.ReadImage(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(path)))


@pytest.mark.parametrize("name", REAL)
def test_the_mask_lies_on_the_input_grid_for_simpleitk(segment: Callable[[Real, str], Path], shared_data: Shared, name: str) -> None:
    real = REAL[name]
    image = itk_image(shared_data(*real.path))
    for ending in (".nii.gz", ".nrrd"):
        mask = sitk.ReadImage(str(segment(real, ending)))
        assert mask.GetSize() == image.GetSize()
        assert np.allclose(mask.GetSpacing(), image.GetSpacing(), rtol=0, atol=1e-5)
        assert np.allclose(mask.GetOrigin(), image.GetOrigin(), rtol=0, atol=1e-3)
        assert np.allclose(mask.GetDirection(), image.GetDirection(), rtol=0, atol=1e-5)


def test_the_mask_keeps_a_nifti_header_bit_by_bit(segment: Callable[[Real, str], Path], shared_data: Shared) -> None:
    real = REAL["NIfTI (RAS, 3 mm)"]
    image, mask = nibabel.load(shared_data(*real.path)), nibabel.load(segment(real, ".nii.gz"))
    assert mask.shape == image.shape
    assert np.array_equal(mask.affine, image.affine)
    for name in ("qform_code", "sform_code", "quatern_b", "quatern_c", "quatern_d", "srow_x", "srow_y", "srow_z", "pixdim"):
        assert np.array_equal(mask.header[name], image.header[name]), name


@pytest.mark.parametrize("name", REAL)
def test_the_mask_stays_in_the_prompted_slice_and_near_the_box(segment: Callable[[Real, str], Path], name: str) -> None:
    real = REAL[name]
    i0, j0, k0, i1, j1, k1 = (int(word) for word in real.box.split(","))
    mask = np.asarray(nibabel.load(segment(real, ".nii.gz")).dataobj) != 0
    inside = np.zeros_like(mask)
    inside[min(i0, i1) : max(i0, i1) + 1, min(j0, j1) : max(j0, j1) + 1, min(k0, k1) : max(k0, k1) + 1] = True
    # A little beyond the box is right where the box was drawn tight; elsewhere is not.
    assert (mask & inside).sum() > 0.8 * mask.sum()
    flat = {0: i0 == i1, 1: j0 == j1, 2: k0 == k1}
    across = next(axis for axis, same in flat.items() if same and axis == (2 if real.plane == "axial" else 0))
    others = tuple(axis for axis in range(3) if axis != across)
    assert np.count_nonzero(mask.any(axis=others)) == 1


def test_one_slice_in_every_transfer_syntax(shared_data: Shared, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Lossless syntaxes of the same slice give the same mask."""
    masks = {}
    for path in sorted(shared_data("cornerstone").glob("*.dcm")):
        out = tmp_path / f"{path.stem}.nii.gz"
        code = main(["segment", str(path), "-o", str(out), "--box", "200,268,0,325,350,0"])
        assert code == 0, (path.name, capfd.readouterr().err)
        masks[path.name] = np.asarray(nibabel.load(out).dataobj)
    lossy = ("JPEG2000TransferSyntax", "JPEGLSLossy", "JPEGProcess10_12", "JPEGProcess1T", "JPEGProcess2_4", "JPEGProcess6_8")
    assert len(masks) == 16
    assert all(mask.any() for mask in masks.values())
    lossless = [mask for name, mask in masks.items() if not any(word in name for word in lossy)]
    assert len(lossless) == 10
    assert all(np.array_equal(lossless[0], mask) for mask in lossless)


@pytest.mark.parametrize("name", ["verse004", "verse010", "gl003"])
def test_volumes_that_itk_refuses_come_back_as_they_were(
    shared_data: Shared, tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    """The label volumes of the VerSe cases are opened as if they were images, the one with a skewed matrix too."""
    path = next(shared_data("verse_masks").glob(f"*{name}*.nii.gz"))
    image = nibabel.load(path)
    labels = np.asarray(image.dataobj)
    value = int(np.median(labels[labels > 0]))
    where = np.argwhere(labels == value)
    world = nibabel.io_orientation(image.affine)[:, 0]
    axial = int(np.flatnonzero(world == 2)[0])
    middle = int(np.median(where[:, axial]))
    low, high = (where[where[:, axial] == middle].min(axis=0), where[where[:, axial] == middle].max(axis=0))
    out = tmp_path / "mask.nii.gz"
    box = ",".join(str(int(n)) for n in (*low, *high))
    assert main(["segment", str(path), "-o", str(out), "--box", box]) == 0, capfd.readouterr().err
    mask = nibabel.load(out)
    assert mask.shape == image.shape
    assert np.array_equal(mask.affine, image.affine)
    assert np.asarray(mask.dataobj).any()


def dice(one: np.ndarray, other: np.ndarray) -> float:
    return 2 * np.count_nonzero(one & other) / (np.count_nonzero(one) + np.count_nonzero(other))


def test_one_box_finds_the_vertebra(segment: Callable[[Real, str], Path], shared_data: Shared) -> None:
    """Dice with the hand-drawn reference on the clean DICOM case."""
    mask = np.asarray(nibabel.load(segment(REAL["DICOM series (GE)"], ".nii.gz")).dataobj)[:, :, 1] != 0
    truth = sitk.GetArrayFromImage(sitk.ReadImage(str(shared_data("dcmqi", "spine_seg.nrrd"))))
    assert dice(mask, truth[1].T != 0) >= 0.85


def test_one_box_finds_the_vertebra_in_coarse_voxels(segment: Callable[[Real, str], Path], shared_data: Shared) -> None:
    """Dice with L2 as a large network sees it, at 3 mm."""
    mask = np.asarray(nibabel.load(segment(REAL["NIfTI (RAS, 3 mm)"], ".nii.gz")).dataobj)[:, :, 85] != 0
    truth = np.asarray(nibabel.load(shared_data("totalsegmentator", "totalseg.nii.gz")).dataobj)[:, :, 85] == 30
    assert dice(mask, truth) >= 0.8
