"""Small files of every kind, made with the libraries themselves rather than with the code under test."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinalsam.data.volume import Volume
from spinalsam.support.geometry import Geometry
from tests.support.grids import rotation

RAS_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def ct(shape: tuple[int, int, int] = (5, 6, 7), seed: int = 0) -> NDArray[np.int16]:
    """Whole numbers in the range of a CT, no two slices alike."""
    return np.random.default_rng(seed).integers(-1000, 1500, shape).astype(np.int16)


def labels(shape: tuple[int, int, int], seed: int = 0, highest: int = 28) -> NDArray:
    """A label image with its values scattered, so that any flip or shift shows."""
    rng = np.random.default_rng(seed)
    values = rng.integers(1, highest + 1, shape) * (rng.random(shape) < 0.3)
    return values.astype(np.uint8 if highest <= 255 else np.uint16)


def oblique(orientation: NDArray, spacing: tuple[float, float, float] = (0.7, 0.9, 2.5), degrees: float = 0.0) -> NDArray[np.float64]:
    """An LPS affine of an axis orientation, turned about a skew axis."""
    affine = np.eye(4)
    affine[:3, :3] = rotation(np.array([1.0, 2.0, 0.5]), degrees) @ orientation * np.array(spacing)
    affine[:3, 3] = (-31.5, 12.25, 108.125)
    return affine


def volume(affine_lps: NDArray, shape: tuple[int, int, int] = (5, 6, 7), **extra: Any) -> Volume:
    return Volume(ct(shape), Geometry(shape, affine_lps), **extra)


def nifti(
    path: Path,
    voxels: NDArray,
    affine_lps: NDArray | None = None,
    *,
    sform_code: int = 1,
    qform_code: int = 1,
    slope: float | None = None,
    intercept: float = 0.0,
    endian: str = "<",
    version: int = 1,
    edit: Any = None,
) -> Path:
    """A NIfTI file written with nibabel's header and our own bytes, so that every field can be set freely."""
    import nibabel

    kind = nibabel.Nifti1Header if version == 1 else nibabel.Nifti2Header
    header = kind(endianness=endian)
    header.set_data_shape(voxels.shape)
    header.set_data_dtype(voxels.dtype)
    ras = RAS_LPS @ (np.eye(4) if affine_lps is None else affine_lps)
    header.set_qform(ras, code=qform_code)
    header.set_sform(ras, code=sform_code)
    header["qform_code"], header["sform_code"] = qform_code, sform_code
    header.set_xyzt_units("mm")
    header["scl_slope"], header["scl_inter"] = (np.nan, np.nan) if slope is None else (slope, intercept)
    pair = path.name.endswith((".hdr", ".hdr.gz"))
    header["vox_offset"] = 0 if pair else len(header.binaryblock) + 4
    header["magic"] = (b"ni" if pair else b"n+") + str(version).encode()
    if edit is not None:
        edit(header)
    data = voxels.astype(voxels.dtype.newbyteorder(endian)).tobytes(order="F")
    parts = {path: header.binaryblock + b"\0\0\0\0" + data}
    if pair:
        image = path.with_name(path.name.replace(".hdr", ".img"))
        parts = {path: header.binaryblock + b"\0\0\0\0", image: data}
    for target, content in parts.items():
        target.write_bytes(gzip.compress(content, 1) if target.name.endswith(".gz") else content)
    return path


def sitk_image(voxels: NDArray, affine_lps: NDArray) -> Any:
    import SimpleITK

    image = SimpleITK.GetImageFromArray(np.ascontiguousarray(voxels.T))
    spacing = np.linalg.norm(affine_lps[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(affine_lps[:3, 3].tolist())
    image.SetDirection((affine_lps[:3, :3] / spacing).ravel().tolist())
    return image


def sitk_file(path: Path, voxels: NDArray, affine_lps: NDArray, *, compress: bool = True) -> Path:
    import SimpleITK

    SimpleITK.WriteImage(sitk_image(voxels, affine_lps), str(path), compress)
    return path


def dicom_slice(
    path: Path,
    pixels: NDArray,
    *,
    position: Iterable[float] | None = (0, 0, 0),
    orientation: Iterable[float] | None = (1, 0, 0, 0, 1, 0),
    spacing: tuple[float, float] | None = (0.8, 0.7),
    thickness: float | None = 2.0,
    slope: float | None = 1,
    intercept: float | None = -1024,
    series: str = "1.2.3.1",
    instance: int = 1,
    uid: str | None = None,
    syntax: str = "1.2.840.10008.1.2.1",
    **attributes: Any,
) -> Path:
    """One CT slice of stored values (rows, columns), uint16 or int16."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import CTImageStorage

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = uid or f"{series}.{instance}"
    meta.TransferSyntaxUID = syntax
    dataset = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    dataset.SeriesInstanceUID, dataset.StudyInstanceUID = series, "1.2.3"
    dataset.FrameOfReferenceUID = "1.2.3.4"
    dataset.PatientName, dataset.PatientID = "DOE^JANE", "4711"
    dataset.PatientBirthDate, dataset.PatientSex = "19500101", "F"
    dataset.StudyDate, dataset.StudyTime, dataset.StudyID = "20200101", "120000", "1"
    dataset.AccessionNumber, dataset.ReferringPhysicianName = "", ""
    dataset.Modality, dataset.SeriesNumber, dataset.InstanceNumber = "CT", 3, instance
    dataset.SeriesDescription = "bone 1.0"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, int(pixels.dtype.kind == "i")
    for name, value in (
        ("ImagePositionPatient", None if position is None else [float(n) for n in position]),
        ("ImageOrientationPatient", None if orientation is None else [float(n) for n in orientation]),
        ("PixelSpacing", None if spacing is None else list(spacing)),
        ("SliceThickness", thickness),
        ("RescaleSlope", slope),
        ("RescaleIntercept", intercept),
    ):
        if value is not None:
            setattr(dataset, name, value)
    dataset.PixelData = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    for name, value in attributes.items():
        setattr(dataset, name, value)
    dataset.save_as(path, enforce_file_format=True)
    return path


def dicom_series(
    folder: Path, stored: NDArray, *, step: Iterable[float] = (0, 0, 2.0), order: Iterable[int] | None = None, **extra: Any
) -> Path:
    """A series of stored values indexed [i, j, k] whose slices lie at multiples of step; file names in another order."""
    folder.mkdir(exist_ok=True)
    # Names that run otherwise than the slices; 7 shares no factor with either number.
    names = 101 if stored.shape[2] <= 101 else 10007
    for k in range(stored.shape[2]) if order is None else order:
        name = folder / f"IM{(k * 7) % names:03d}.dcm"
        dicom_slice(name, stored[:, :, k].T, position=np.array(list(step)) * k, instance=k + 1, **extra)
    return folder
