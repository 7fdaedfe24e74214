"""Label images from every format that can hold them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from spinalsam.data.formats import itk, nifti, pictures
from spinalsam.data.formats.labels import as_label_image
from spinalsam.data.formats.reading import check_exists, explained, kind_of
from spinalsam.data.volume import Volume
from spinalsam.errors import InputError
from spinalsam.support.geometry import Geometry


def read_labels(path: Path) -> Volume:
    """The label image of a file on its own grid, uint8 or uint16. Raises InputError when it is none."""
    check_exists(path)
    if path.is_dir():
        raise InputError(f"'{path.name}' is a folder; a mask is a file.")
    readers = {"nifti": nifti.read_volume, "itk": _read_itk, "picture": _read_picture, "dicom": _read_dicom}
    with explained(path):
        found = readers[kind_of(path)](path)
    try:
        voxels = as_label_image(found.voxels)
    except InputError as error:
        raise InputError(f"'{path.name}' is no mask: {error}") from None
    return Volume(voxels, found.geometry, False, found.source, found.notes, found.name)


def _read_itk(path: Path) -> Volume:
    raw, geometry, fields = itk.read_raw(path)
    if raw.ndim == 4:
        raw = _flattened(path, raw, fields)
    return Volume(raw, geometry, False, {"format": "itk", "path": str(path), "fields": fields}, (), path.name.split(".")[0])


def _flattened(path: Path, layers: np.ndarray, fields: dict[str, str]) -> np.ndarray:
    """The layers of a Slicer segmentation as one label map, later layers on top. Raises InputError when values would collide."""
    out = np.zeros(layers.shape[:3], layers.dtype, order="F")
    seen: set[int] = set()
    for layer in range(layers.shape[3]):
        piece = layers[..., layer]
        values = {int(value) for value in np.unique(piece) if value}
        if values & seen:
            raise InputError(f"The segments of '{path.name}' overlap in layers with equal values; save it as one label map in Slicer.")
        seen |= values
        np.copyto(out, piece, where=piece != 0)
    return out


def _read_picture(path: Path) -> Volume:
    from PIL import Image

    with Image.open(path) as picture:
        if picture.format == "JPEG":
            raise InputError(f"'{path.name}' is a JPEG, which blurs labels; save the mask as PNG.")
        indexed = picture.mode == "P" and getattr(picture, "n_frames", 1) == 1
        if indexed:
            pictures.check_size(path, picture, 1)
            page = np.array(picture)
    if not indexed:
        return pictures.read_volume(path)
    # The palette only colours the labels; their values are the indices.
    voxels = np.asfortranarray(page.T[:, :, None])
    geometry = Geometry(voxels.shape, np.eye(4), has_spacing=False)
    return Volume(voxels, geometry, False, {"format": "picture", "path": str(path)}, (), path.stem)


def _read_dicom(path: Path) -> Volume:
    from spinalsam.data.formats import dicom_seg

    return dicom_seg.read_labels(path)
