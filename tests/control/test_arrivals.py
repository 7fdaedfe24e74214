"""Files that arrive together: the image, its masks, and what there is no place for."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image

from spinalsam.control.arrivals import Arrivals, sort_arrivals
from spinalsam.control.jobs import Job
from spinalsam.control.workspace import Workspace
from spinalsam.errors import Cancelled
from tests.control.conftest import SHAPE
from tests.data.make import ct, dicom_series, labels

AFFINE = np.diag([-1.0, -1.0, 2.5, 1.0])


def nifti(path: Path, voxels: np.ndarray) -> Path:
    nibabel.save(nibabel.Nifti1Image(voxels, AFFINE), path)
    return path


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return nifti(tmp_path / "ct.nii.gz", ct(SHAPE))


@pytest.fixture
def mask(tmp_path: Path) -> Path:
    return nifti(tmp_path / "drawn.nii.gz", labels(SHAPE).astype(np.float32))


def test_a_mask_that_comes_to_an_open_case_is_laid_over_it(ws: Workspace, mask: Path) -> None:
    assert sort_arrivals(ws, [mask], Job()) == Arrivals(None, (mask,))
    ws.run("load_mask", path=str(mask))
    assert ws.has_mask


def test_an_image_replaces_the_case_whatever_its_grid(ws: Workspace, image: Path) -> None:
    assert sort_arrivals(ws, [image], Job()) == Arrivals(image)


def test_an_image_and_its_masks_belong_together(empty: Workspace, ws: Workspace, image: Path, mask: Path) -> None:
    for workspace in (empty, ws):
        assert sort_arrivals(workspace, [mask, image], Job()) == Arrivals(image, (mask,))


def test_a_mask_alone_is_opened_like_any_image(empty: Workspace, mask: Path) -> None:
    assert sort_arrivals(empty, [mask], Job()) == Arrivals(mask)


def test_a_second_image_is_left(empty: Workspace, image: Path, tmp_path: Path) -> None:
    other = nifti(tmp_path / "other.nii.gz", ct(SHAPE, 1))
    assert sort_arrivals(empty, [image, other], Job()) == Arrivals(image, (), (other,))


def test_slices_of_a_folder_stand_for_the_folder(empty: Workspace, ws: Workspace, tmp_path: Path) -> None:
    folder = dicom_series(tmp_path / "series", np.zeros((6, 5, 4), np.uint16))
    files = sorted(folder.iterdir())[:3]
    assert sort_arrivals(empty, files, Job()) == sort_arrivals(ws, files, Job()) == Arrivals(folder)
    assert sort_arrivals(ws, [folder], Job()) == Arrivals(folder)


def test_a_journal_comes_before_everything(ws: Workspace, image: Path, tmp_path: Path) -> None:
    journal = tmp_path / "session.jsonl"
    assert sort_arrivals(ws, [image, journal], Job()) == Arrivals(journal, (), (image,))


def test_a_picture_of_another_size_is_no_mask_of_the_case(ws: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    Image.new("L", (30, 20), 3).save(path)
    assert sort_arrivals(ws, [path], Job()) == Arrivals(path)


def test_what_cannot_be_read_is_left_to_opening_to_refuse(ws: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("nothing")
    assert sort_arrivals(ws, [path], Job()) == Arrivals(path)
    assert sort_arrivals(ws, [tmp_path / "gone.nii.gz"], Job()) == Arrivals(tmp_path / "gone.nii.gz")


def test_looking_can_be_stopped(ws: Workspace, image: Path) -> None:
    job = Job()
    job.cancel()
    with pytest.raises(Cancelled):
        sort_arrivals(ws, [image], job)
