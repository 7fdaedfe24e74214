"""Label maps to and from files.

A mask is written on exactly the grid of its volume, under a temporary name, re-read by an independent reader, compared and only then
renamed; its JSON sidecar ``OUT.json`` goes with it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from spinalsam.data.formats import program
from spinalsam.data.formats.labels import Label, as_label_image, resolve, used
from spinalsam.data.formats.regrid import fit
from spinalsam.data.formats.safe_write import Output, write_all
from spinalsam.data.volume import Volume
from spinalsam.errors import InputError, OutputError, UsageError
from spinalsam.support.geometry import Geometry

# Endings of every export format, the usual one first.
FORMATS: dict[str, tuple[str, ...]] = {
    "nifti": (".nii.gz", ".nii"),
    "nrrd": (".seg.nrrd", ".nrrd"),
    "rtstruct": (".rtstruct.dcm",),
    "dicom_seg": (".dcm",),
    "stl": (".stl",),
    "obj": (".obj",),
    "ply": (".ply",),
    "metaimage": (".mha",),
    "png": (".png",),
}
_DEFAULT_ENDING = {"nrrd": ".nrrd"}


def format_of(path: Path) -> str | None:
    """The export format that the path's ending tells, or None."""
    lower = path.name.lower()
    for name, endings in FORMATS.items():
        if any(lower.endswith(ending) and len(lower) > len(ending) for ending in endings):
            return name
    return None


def mask_path(path: Path, format: str | None = None) -> Path:
    """The path with its format's ending; it is added where the path has none of a mask.

    Raises UsageError for an unknown format, for a path that tells no format, and where path and format contradict each other.
    """
    told = format_of(path)
    if format is None:
        if told is None:
            known = ", ".join(ending for endings in FORMATS.values() for ending in endings)
            raise UsageError(f"The ending of '{path.name}' is not that of a mask; use one of {known}.")
        return path
    if format not in FORMATS:
        raise UsageError(f"There is no mask format '{format}'; use one of {', '.join(FORMATS)}.")
    if told is None:
        return path.with_name(path.name + _DEFAULT_ENDING.get(format, FORMATS[format][0]))
    if told != format:
        raise UsageError(f"'{path.name}' ends like {told}, but {format} is asked for; change one of them.")
    return path


def write_mask(
    path: Path,
    mask: NDArray,
    volume: Volume,
    *,
    labels: Any = None,
    label_names: Mapping[int, str] | None = None,
    sidecar: Mapping[str, Any] | None = None,
    format: str | None = None,
) -> None:
    """Write a label map on exactly the volume's grid, with its sidecar.

    mask: whole numbers [i, j, k], shape of the volume. labels: mapping of value to name, or the workspace's labels (value, name,
    colour); values it lacks get their anatomical name. sidecar: JSON that goes into ``OUT.json`` beside the labels' names.
    Raises InputError when the mask does not fit the volume, OutputError when the file cannot be written and ResourceError when the
    disk is full; no partial file is left then.
    """
    path = mask_path(Path(path), format)
    if mask.shape != volume.geometry.shape:
        raise InputError(f"The mask has the size {mask.shape}, but its volume has {volume.geometry.shape}.")
    _refuse_input(path, volume)
    image = as_label_image(mask)
    known = used(image, resolve(labels, label_names))
    document = sidecar_json(path, known, sidecar)
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    write_all(
        [
            _output(path, image, volume, known),
            Output(path.with_name(path.name + ".json"), lambda file: _write(file, text.encode("utf-8"))),
        ]
    )


def _write(file: BinaryIO, content: bytes) -> None:
    file.write(content)


def _refuse_input(path: Path, volume: Volume) -> None:
    """Never write over the picture itself."""
    sources = {volume.source.get("path"), *volume.source.get("files", ()), *volume.source.get("instances", ())}
    for source in sources:
        if source and path.exists() and Path(source).exists() and path.samefile(source):
            raise OutputError(f"'{path}' is the image itself; choose another name for the mask.")


def sidecar_json(path: Path, labels: tuple[Label, ...], extra: Mapping[str, Any] | None) -> dict[str, Any]:
    """The sidecar: the mask's file name, its labels by value, the program, and what the caller adds."""
    return {
        "mask": path.name,
        "labels": {str(label.value): label.name for label in labels},
        "program": {"name": program.NAME, "version": program.version()},
        **(extra or {}),
    }


def _output(path: Path, mask: NDArray, volume: Volume, labels: tuple[Label, ...]) -> Output:
    """How to write and to check the mask in the format of its path."""
    kind = format_of(path)
    if kind == "nifti":
        return _nifti_output(path, mask, volume)
    if kind == "nrrd":
        return _nrrd_output(path, mask, volume, labels)
    if kind == "metaimage":
        return _metaimage_output(path, mask, volume)
    if kind == "png":
        return _png_output(path, mask, volume)
    if kind in ("stl", "obj", "ply"):
        from spinalsam.data.formats import surface_files

        return surface_files.output(path, mask, volume, labels)
    if kind == "rtstruct":
        from spinalsam.data.formats import rtstruct

        return rtstruct.output(path, mask, volume, labels)
    from spinalsam.data.formats import dicom_seg

    return dicom_seg.output(path, mask, volume, labels)


def _nifti_output(path: Path, mask: NDArray, volume: Volume) -> Output:
    from spinalsam.data.formats import nifti_writer

    header = nifti_writer.build_header(mask, volume)
    compressed = path.name.lower().endswith(".gz")
    return Output(
        path,
        lambda file: nifti_writer.write(file, mask, header, compressed=compressed),
        lambda written: nifti_writer.check(written, mask, header, volume.geometry),
    )


def _nrrd_output(path: Path, mask: NDArray, volume: Volume, labels: tuple[Label, ...]) -> Output:
    from spinalsam.data.formats import nrrd_writer

    text = nrrd_writer.header_text(mask, volume, labels, segments=path.name.lower().endswith(".seg.nrrd"))
    return Output(
        path,
        lambda file: nrrd_writer.write(file, mask, text),
        lambda written: nrrd_writer.check(written, mask, volume.geometry),
    )


def _metaimage_output(path: Path, mask: NDArray, volume: Volume) -> Output:
    from spinalsam.data.formats import metaimage_writer, nrrd_writer

    return Output(
        path,
        lambda file: metaimage_writer.write(file, mask, volume),
        lambda written: nrrd_writer.check(written, mask, volume.geometry),
    )


def _png_output(path: Path, mask: NDArray, volume: Volume) -> Output:
    from PIL import Image

    if mask.shape[2] != 1:
        raise OutputError(f"'{path.name}' can hold one slice only and the mask has {mask.shape[2]}; export as NIfTI or NRRD.")
    page = np.ascontiguousarray(mask[:, :, 0].T)

    def check(written: Path) -> None:
        with Image.open(written) as picture:
            if not np.array_equal(np.array(picture), page):
                raise OutputError("The mask was not written: reading it back gave other pixels; check the disk.")

    return Output(path, lambda file: Image.fromarray(page).save(file, format="PNG"), check)


def read_label_volume(
    path: Path, geometry: Geometry | None = None, *, resample: bool = False, by_name: bool = False, label_table: Path | None = None
) -> Volume:
    """A label image: NIfTI, NRRD, MetaImage, a DICOM segmentation or RT structure set, or a PNG/TIFF of label values.

    geometry: the grid on which the labels are wanted. A mask whose axes merely run in another order or direction is turned
    without loss; one on another grid is refused with the reason, or with `resample` brought onto it (nearest voxel).
    by_name: labels that the file names are numbered by what they name, see `mask_reader.read_labels`; so are those that an
    ITK-SNAP `label_table` names.
    Returns a Volume of uint8 or uint16 voxels that is not HU. Raises InputError.
    """
    from spinalsam.data.formats.mask_reader import read_labels

    found = read_labels(Path(path), by_name=by_name, table=label_table, geometry=geometry)
    return found if geometry is None else fit(found, geometry, resample=resample, name=Path(path).name)
