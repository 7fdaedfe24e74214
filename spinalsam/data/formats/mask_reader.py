"""Label images from every format that can hold them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spinalsam.data.formats import itk, label_table, naming, nifti, pictures
from spinalsam.data.formats.labels import Label, as_label_image
from spinalsam.data.formats.reading import check_exists, explained, kind_of
from spinalsam.data.volume import Volume
from spinalsam.errors import InputError, ResourceError
from spinalsam.support.geometry import Geometry
from spinalsam.support.label_image import label_values

# More different values than this are grey values: TotalSegmentator's classes are 117.
MOST_LABELS = 150


def read_labels(path: Path, *, by_name: bool = False, table: Path | None = None, geometry: Geometry | None = None) -> Volume:
    """The label image of a file on its own grid, uint8 or uint16; contours, which have none, on the grid of `geometry`.

    Raises InputError when it is no label image.

    by_name: labels that the file names get the value of the region that they name, and others one that is no region's; what they
    are is in ``source["labels"]``. table: an ITK-SNAP file with the names. Otherwise the numbers of the file stand.
    """
    check_exists(path)
    if path.is_dir():
        raise InputError(f"'{path.name}' is a folder; a mask is a file.")
    with explained(path):
        kind = kind_of(path)
        named = by_name and table is None
        found = _read_dicom(path, named, geometry) if kind == "dicom" else _READERS[kind](path, named)
    if found.source.get("colour"):
        raise InputError(f"'{path.name}' is a colour picture, and colours are no labels; save the labels as whole numbers.")
    try:
        voxels = as_label_image(found.voxels)
    except InputError as error:
        raise InputError(f"'{path.name}' is no mask: {error}") from None
    found = Volume(voxels, found.geometry, False, found.source, found.notes, found.name)
    if table is not None:
        return _by_table(found, table)
    return _named(path, found) if by_name and "labels" not in found.source else found


def is_mask(path: Path, geometry: Geometry | None = None) -> bool:
    """Whether a file holds labels rather than an image: by its kind, else by its values, which are few and whole.

    A picture counts only where it has the size of `geometry`. False for what cannot be read.
    """
    if not path.is_file():
        return False
    try:
        kind = kind_of(path)
        if kind == "dicom":
            return _holds_dicom_labels(path)
        found = read_labels(path)
    except (InputError, ResourceError, OSError):
        return False
    if kind == "picture" and (geometry is None or found.geometry.shape != geometry.shape):
        return False
    return len(label_values(found.voxels)) <= MOST_LABELS


def is_slice(path: Path) -> bool:
    """Whether a file is a DICOM image or a picture, of which several make a stack."""
    try:
        kind = kind_of(path)
    except (InputError, OSError):
        return False
    return kind == "picture" or (kind == "dicom" and not _holds_dicom_labels(path))


def _holds_dicom_labels(path: Path) -> bool:
    from spinalsam.data.formats import dicom_seg, rtstruct

    return dicom_seg.sop_class(path) in (rtstruct.STORAGE, *dicom_seg.STORAGES)


def _named(path: Path, mask: Volume) -> Volume:
    """The mask numbered by the names that lie beside it or in its header, where there are any."""
    values = label_values(mask.voxels)
    told = naming.nifti_labels(path) if mask.source.get("format") == "nifti" else {}
    if not told:
        own = naming.own_labels(path)
        # A sidecar that does not know a label of the mask is that of an earlier file.
        return _with(mask, mask.voxels, own) if own and own.keys() >= set(values) else mask
    return _renumbered(mask, {value: told.get(value, naming.FileLabel(value)) for value in values})


def _by_table(mask: Volume, table: Path) -> Volume:
    told = {label.value: naming.FileLabel(label.value, label.name, (), label.colour) for label in label_table.read(table)}
    return _renumbered(mask, {value: told.get(value, naming.FileLabel(value)) for value in label_values(mask.voxels)})


def _renumbered(mask: Volume, there: Mapping[int, naming.FileLabel]) -> Volume:
    meant = naming.renumbered(there)
    voxels = _looked_up(mask.voxels, {number: label.value for number, label in meant.items()})
    return _with(mask, voxels, {label.value: label for label in meant.values()}, *naming.note_of(meant))


def _with(mask: Volume, voxels: NDArray, labels: Mapping[int, Label], *notes: str) -> Volume:
    return Volume(voxels, mask.geometry, False, {**mask.source, "labels": labels}, (*mask.notes, *notes), mask.name)


def _looked_up(voxels: NDArray, values: Mapping[int, int]) -> NDArray:
    """Every voxel's value replaced; values that are not in the mapping stay."""
    highest = int(voxels.max()) if voxels.size else 0
    lookup = np.arange(highest + 1)
    for number, value in values.items():
        if number <= highest:
            lookup[number] = value
    return lookup.astype(np.uint8 if lookup.max() <= 255 else np.uint16)[voxels]


def _read_nifti(path: Path, by_name: bool) -> Volume:
    return nifti.read_volume(path)


def _read_itk(path: Path, by_name: bool) -> Volume:
    raw, geometry, fields = itk.read_raw(path)
    source: dict[str, object] = {"format": "itk", "path": str(path), "fields": fields}
    segments = naming.segment_labels(fields)
    if segments:
        # Slicer may crop a segmentation to what is in it.
        source["partial"] = True
    notes: tuple[str, ...] = ()
    if by_name and segments:
        raw, labels, notes = _by_segment(raw, segments)
        source["labels"] = labels
    if raw.ndim == 4:
        raw, overlap = _flattened(path, raw)
        notes = (*notes, *overlap)
    return Volume(raw, geometry, False, source, notes, path.name.split(".")[0])


def _by_segment(raw: NDArray, segments: Mapping[tuple[int, int], naming.FileLabel]) -> tuple[NDArray, dict[int, Label], tuple[str, ...]]:
    """(voxels, labels by value, notes) with the values of every layer replaced by those of the regions that its segments name."""
    layers = raw if raw.ndim == 4 else raw[..., None]
    there = {(layer, value) for layer in range(layers.shape[3]) for value in label_values(as_label_image(layers[..., layer]))}
    meant = naming.renumbered({key: segments.get(key, naming.FileLabel(key[1])) for key in sorted(there)})
    out = np.zeros(layers.shape, np.uint16, order="F")
    for layer in range(layers.shape[3]):
        values = {value: label.value for (where, value), label in meant.items() if where == layer}
        out[..., layer] = _looked_up(as_label_image(layers[..., layer]), values)
    told = naming.note_of({value: label for (_, value), label in meant.items()})
    return out if raw.ndim == 4 else out[..., 0], {label.value: label for label in meant.values()}, told


def _flattened(path: Path, layers: NDArray) -> tuple[NDArray, tuple[str, ...]]:
    """(the layers of a Slicer segmentation as one label map, later layers on top, what was covered).

    Raises InputError when two layers use a value for different segments.
    """
    out = np.zeros(layers.shape[:3], layers.dtype, order="F")
    seen: set[int] = set()
    covered = 0
    for layer in range(layers.shape[3]):
        piece = layers[..., layer]
        values = {int(value) for value in np.unique(piece) if value}
        if values & seen:
            raise InputError(f"The segments of '{path.name}' overlap in layers with equal values; save it as one label map in Slicer.")
        seen |= values
        covered += int(np.count_nonzero((piece != 0) & (out != 0)))
        np.copyto(out, piece, where=piece != 0)
    said = f"Segments of the file overlap; {covered} voxels got the label of the later one."
    return out, (said,) if covered else ()


def _read_picture(path: Path, by_name: bool) -> Volume:
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


def _read_dicom(path: Path, by_name: bool, geometry: Geometry | None) -> Volume:
    from spinalsam.data.formats import dicom_seg, rtstruct

    if dicom_seg.sop_class(path) == rtstruct.STORAGE:
        return rtstruct.read_labels(path, geometry, by_name=by_name)
    return dicom_seg.read_labels(path, by_name=by_name)


_READERS = {"nifti": _read_nifti, "itk": _read_itk, "picture": _read_picture}
