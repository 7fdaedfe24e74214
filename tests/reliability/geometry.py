"""Round trips counted: every orientation, plane and format, transfer syntaxes, and grids that others refuse."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import nibabel
import numpy as np
import pydicom

from spinalsam.data.formats import read_label_volume, read_mask, read_volume, write_mask
from spinalsam.data.volume import Volume
from spinalsam.support.geometry import Geometry
from spinalsam.support.planes import PLANES, SlicePlane
from tests.data.make import ct, dicom_series, labels, nifti, oblique, volume
from tests.data.test_dicom import LOSSY, stored
from tests.data.test_masks import header_bits, independent
from tests.support.grids import ORIENTATIONS, rotation

FILE_FORMATS = (".nii.gz", ".nii", ".nrrd", ".seg.nrrd", ".mha")


def orientations() -> tuple[int, int]:
    """(round trips that came back exactly, tried): 48 orientations x 3 planes x 5 formats, read by nibabel and SimpleITK."""
    good = tried = 0
    mask = labels((5, 6, 7))
    with tempfile.TemporaryDirectory() as place:
        for ending in FILE_FORMATS:
            for number, orientation in enumerate(ORIENTATIONS):
                case = volume(oblique(orientation, degrees=0.0 if number % 2 else 23.0))
                path = Path(place) / f"m{ending}"
                write_mask(path, mask, case)
                found, affine = independent(path)
                there = Geometry(found.shape, affine)
                same = np.array_equal(found, mask) and there.same_grid(case.geometry, tolerance_mm=1e-4)
                for plane in PLANES:
                    drawn, wanted = SlicePlane(there, plane), SlicePlane(case.geometry, plane)
                    good += same and np.array_equal(drawn.cut(found, 2), wanted.cut(mask, 2))
                    tried += 1
    return good, tried


def dicom_segmentations() -> tuple[int, int]:
    """The same for DICOM series in the 24 orientations that a series can have, straight and oblique, read slice by slice by pydicom."""
    good = tried = 0
    mask = labels((9, 8, 6), highest=3)
    with tempfile.TemporaryDirectory() as place, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        right_handed = [one for one in ORIENTATIONS if np.linalg.det(one) > 0]
        for number, orientation in enumerate(right_handed):
            turn = rotation(np.array([1.0, 2.0, 0.5]), 0.0 if number % 2 else 23.0) @ orientation
            folder = Path(place) / str(number)
            case = read_volume(dicom_series(folder, stored(), step=turn[:, 2] * 2.5, orientation=(*turn[:, 0], *turn[:, 1])))
            path = Path(place) / f"{number}.dcm"
            write_mask(path, mask, case)
            same = np.array_equal(read_mask(path, case.geometry), mask) and _frames_lie_right(path, case, mask)
            good, tried = good + same * len(PLANES), tried + len(PLANES)
    return good, tried


def _frames_lie_right(path: Path, case: Volume, mask: np.ndarray) -> bool:
    segmentation = pydicom.dcmread(path)
    values = [int(value) for value in np.unique(mask) if value]
    for groups, picture in zip(segmentation.PerFrameFunctionalGroupsSequence, segmentation.pixel_array, strict=True):
        source = groups.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        k = case.source["sop_instance_uids"].index(source)
        value = values[groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber - 1]
        place = np.array(groups.PlanePositionSequence[0].ImagePositionPatient, float)
        if not np.array_equal(picture.T != 0, mask[:, :, k] == value) or not np.allclose(place, case.geometry.to_mm((0, 0, k))):
            return False
    return True


def sheared(shared: Path) -> tuple[int, int]:
    """VerSe 004, whose matrix is not orthonormal, and 48 sheared affines, left- and right-handed, in every format."""
    good = tried = 0
    rng = np.random.default_rng(0)
    mask = labels((5, 6, 7))
    with tempfile.TemporaryDirectory() as place:
        for number, orientation in enumerate(ORIENTATIONS):
            affine = oblique(orientation, degrees=11)
            affine[:3, :3] += rng.uniform(-0.15, 0.15, (3, 3))
            source = nifti(Path(place) / "ct.nii", ct(), affine, qform_code=0)
            case = read_volume(source)
            path = Path(place) / f"m{FILE_FORMATS[number % len(FILE_FORMATS)]}"
            write_mask(path, mask, case)
            back = read_label_volume(path)
            good += np.array_equal(back.voxels, mask) and back.geometry.same_grid(case.geometry, tolerance_mm=1e-4)
            tried += 1
        real = shared / "verse_masks" / "sub-verse004_seg-vert_msk.nii.gz"
        if real.exists():
            write_mask(Path(place) / "v.nii.gz", read_mask(real), read_volume(real))
            before, after = nibabel.load(real), nibabel.load(Path(place) / "v.nii.gz")
            same = header_bits(before.header) == header_bits(after.header)
            good += same and np.array_equal(np.asanyarray(before.dataobj), np.asanyarray(after.dataobj))
            tried += 1
    return good, tried


def transfer_syntaxes(shared: Path) -> tuple[int, int]:
    """One slice in 16 encodings: the lossless ones read identically, the lossy ones within what they lose."""
    files = sorted((shared / "cornerstone").glob("*.dcm"))
    if not files:
        return 0, 0
    reference = read_volume(shared / "cornerstone" / "CTImage.dcm")
    good = 0
    for path in files:
        case = read_volume(path)
        off = np.abs(case.voxels.astype(float) - reference.voxels)
        most, mean = next((limits for name, limits in LOSSY.items() if name in path.name), (0, 0))
        good += case.geometry == reference.geometry and off.max() <= most and off.mean() <= mean
    return good, len(files)
