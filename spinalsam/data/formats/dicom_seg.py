"""DICOM segmentations: labels with SNOMED CT codes that refer to the slices they were drawn on."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinalsam.data.formats import program
from spinalsam.data.formats.labels import MAX_LABEL, Label
from spinalsam.data.formats.naming import FileLabel, note_of, region_of, renumbered
from spinalsam.data.formats.regrid import turned
from spinalsam.data.formats.safe_write import Output
from spinalsam.data.formats.terminology import DICOM_CATEGORY, TISSUE, code_of
from spinalsam.data.volume import Volume
from spinalsam.errors import InputError, OutputError, SpinalSamError
from spinalsam.support.anatomy import label_colour
from spinalsam.support.geometry import Geometry

_SERIES_NUMBER = 300
# How near to 1 the cosine between stack and normal must be: at highdicom's own 0.001 a tilt of 2.5 degrees would pass unseen.
_STRAIGHT = 1e-9
STORAGES = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")


def output(path: Path, mask: NDArray, volume: Volume, labels: tuple[Label, ...]) -> Output:
    """How to write and check a segmentation. Raises OutputError when the case is not DICOM or the mask is empty."""
    if volume.source.get("format") != "dicom":
        raise OutputError("A DICOM segmentation refers to DICOM slices, and this case was not opened from DICOM; export as NIfTI.")
    if not labels:
        raise OutputError("The mask is empty; a DICOM segmentation needs at least one segment.")
    segmentation = _build(mask, volume, labels)

    def check(written: Path) -> None:
        try:
            found = turned(read_labels(written), volume.geometry, partial=True)
        except InputError as error:
            raise OutputError(f"The segmentation was not written: it could not be read back ({error}); export as NIfTI.") from None
        if found is None or not np.array_equal(found, mask):
            raise OutputError("The segmentation was not written: reading it back gave other voxels; please report this.")

    return Output(path, lambda file: segmentation.save_as(file), check)


def _build(mask: NDArray, volume: Volume, labels: tuple[Label, ...]) -> Any:
    import highdicom

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            headers = [source_header(file, uid) for file, uid in volume.source["instances"].items()]
            return highdicom.seg.Segmentation(
                source_images=headers,
                segmentation_type=highdicom.seg.SegmentationTypeValues.BINARY,
                segment_descriptions=[_description(number + 1, label) for number, label in enumerate(labels)],
                series_instance_uid=highdicom.UID(),
                series_number=_SERIES_NUMBER,
                sop_instance_uid=highdicom.UID(),
                instance_number=1,
                manufacturer=program.NAME,
                manufacturer_model_name=program.NAME,
                software_versions=program.version(),
                device_serial_number="0",
                content_label="VERTEBRAE",
                content_description="Segmentation of vertebrae",
                # Empty slices say where the others lie when they are shifted against each other.
                omit_empty_frames=volume.geometry.is_orthonormal,
                **_frames(mask, volume, labels),
            )
        except SpinalSamError:
            raise
        except Exception as error:  # highdicom refuses incomplete headers with several types
            reason = (str(error).splitlines() or [type(error).__name__])[0][:160].rstrip(".")
            raise OutputError(f"A DICOM segmentation cannot be made of this series ({reason}); export as NIfTI.") from None


def source_header(file: str, uid: str) -> Any:
    """The header of a slice's file, to be referred to. Raises OutputError when it is no more the file that was opened."""
    import pydicom

    try:
        header = pydicom.dcmread(file, stop_before_pixels=True, force=True)
    except OSError as error:
        reason = error.strerror or error
        raise OutputError(f"'{Path(file).name}', to which the mask would refer, cannot be read ({reason}); export as NIfTI.") from None
    if str(header.get("SOPInstanceUID", "")) != uid:
        raise OutputError(f"'{Path(file).name}' has changed since the image was opened; open it again, or export as NIfTI.")
    if not header.get("SpecificCharacterSet"):
        # Some scanners write it empty, which means the default; highdicom takes only a missing one for that.
        header.pop("SpecificCharacterSet", None)
    return header


def _frames(mask: NDArray, volume: Volume, labels: tuple[Label, ...]) -> dict[str, Any]:
    """Segment numbers per frame (frames, rows, columns), and where they lie where the source alone does not tell."""
    import highdicom

    lookup = np.zeros(int(mask.max()) + 1, np.uint8 if len(labels) < 256 else np.uint16)
    for number, label in enumerate(labels):
        lookup[label.value] = number + 1
    numbers = [int(number) for number in volume.source["frame_numbers"] if number]
    if not volume.source["filled_slices"] and not numbers:
        return {"pixel_array": np.ascontiguousarray(lookup[mask].transpose(2, 1, 0))}
    geometry = volume.geometry
    used = [k for k in range(mask.shape[2]) if mask[:, :, k].any()]
    spacing = geometry.spacing_mm
    return {
        "pixel_array": np.ascontiguousarray(lookup[mask[:, :, used]].transpose(2, 1, 0)),
        "plane_positions": [highdicom.PlanePositionSequence("PATIENT", geometry.to_mm((0, 0, k)).tolist()) for k in used],
        "plane_orientation": highdicom.PlaneOrientationSequence("PATIENT", geometry.direction.T[:2].ravel().tolist()),
        "pixel_measures": highdicom.PixelMeasuresSequence(
            pixel_spacing=(spacing[1], spacing[0]), slice_thickness=spacing[2], spacing_between_slices=spacing[2]
        ),
    }


def _description(number: int, label: Label) -> Any:
    import highdicom
    from pydicom.sr.codedict import codes
    from pydicom.sr.coding import Code

    code = code_of(label.value)
    category, kind = (DICOM_CATEGORY, code) if code else (TISSUE, TISSUE)
    return highdicom.seg.SegmentDescription(
        segment_number=number,
        segment_label=label.name[:64],
        segmented_property_category=Code(category.value, "SCT", category.meaning),
        segmented_property_type=Code(kind.value, "SCT", kind.meaning),
        algorithm_type=highdicom.seg.SegmentAlgorithmTypeValues.SEMIAUTOMATIC,
        algorithm_identification=highdicom.AlgorithmIdentificationSequence(
            name=program.NAME, family=codes.cid7162.ArtificialIntelligence, version=program.version()
        ),
        tracking_uid=highdicom.UID(),
        tracking_id=f"label {label.value}",
        display_color=highdicom.color.CIELabColor.from_rgb(*label.colour),
    )


def sop_class(path: Path) -> str:
    """What kind of thing a DICOM file says that it holds, as UID; empty where it cannot be read or does not say."""
    import pydicom

    try:
        header = pydicom.dcmread(path, stop_before_pixels=True, force=True, specific_tags=["SOPClassUID"])
        return str(header.get("SOPClassUID", ""))  # decoded only now
    except Exception:  # pydicom raises whatever its parser stumbles over
        return ""


def read_labels(path: Path, *, by_name: bool = False) -> Volume:
    """The segments as one label image on the segmentation's own grid, which may cover a part of the series only.

    A segment gets the value of its tracking id (this program's own), of its name or code, else its number; by_name: else a value
    that is no region's. Raises InputError when the file is no segmentation or its segments overlap.
    """
    import highdicom

    if not sop_class(path).startswith(STORAGES):
        raise InputError(f"'{path.name}' is DICOM but no segmentation; choose a mask.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            segmentation = highdicom.seg.segread(str(path))
            numbers, affine = _voxels(segmentation)
            labels = _labels(segmentation, by_name=by_name)
        except MemoryError:
            raise
        except Exception as error:  # highdicom raises several types
            reason = (str(error).splitlines() or [type(error).__name__])[0][:160].rstrip(".")
            raise InputError(f"The segmentation '{path.name}' cannot be read ({reason}).") from None
    lookup = np.zeros(max(labels) + 1, np.uint16)
    for number, label in labels.items():
        lookup[number] = label.value
    voxels = lookup[numbers]
    geometry = Geometry(voxels.shape, affine)
    dtype = np.uint8 if max(label.value for label in labels.values()) <= 255 else np.uint16
    source = {"format": "dicom_seg", "path": str(path), "partial": True, "labels": {label.value: label for label in labels.values()}}
    notes = note_of(labels) if by_name else ()
    return Volume(np.asfortranarray(voxels.astype(dtype)), geometry, False, source, notes, "DICOM segmentation")


def _voxels(segmentation: Any) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """(segment numbers [i, j, k], LPS affine). Raises whatever highdicom raises for segments that overlap or lie irregularly."""
    if segmentation.is_tiled or segmentation.get_volume_geometry(perpendicular_tol=_STRAIGHT) is not None:
        found = segmentation.get_volume(combine_segments=True, relabel=False, perpendicular_tol=_STRAIGHT)
        return np.asarray(found.array).astype(np.intp).transpose(2, 1, 0), np.asarray(found.affine)[:, [2, 1, 0, 3]]
    return _sheared_voxels(segmentation)


def _sheared_voxels(segmentation: Any) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The same for frames that are shifted against each other by a tilted gantry, which highdicom takes for no volume.

    Raises InputError where the frames lie unevenly, ValueError where segments overlap.
    """
    from spinalsam.data.formats.dicom_grid import frames_of, stack_frames

    frames = frames_of(segmentation, Path("segmentation"))
    one_a_place = tuple({frame.position_mm: frame for frame in frames}.values())
    stack = stack_frames(one_a_place)
    numbers = np.zeros(stack.geometry.shape, np.intp, order="F")
    pixels = segmentation.pixel_array.reshape(len(frames), segmentation.Rows, segmentation.Columns)
    for frame, groups, picture in zip(frames, segmentation.PerFrameFunctionalGroupsSequence, pixels, strict=True):
        k = round(float(stack.geometry.to_ijk(np.array(frame.position_mm))[2]))
        where = picture.T != 0
        if np.any(numbers[:, :, k][where]):
            raise ValueError("Segments overlap")
        numbers[:, :, k][where] = int(groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber)
    return numbers, stack.geometry.affine


def _labels(segmentation: Any, *, by_name: bool) -> dict[int, Label]:
    """What every segment number means."""
    own: dict[int, Label] = {}
    foreign: dict[int, FileLabel] = {}
    for number in segmentation.segment_numbers:
        description = segmentation.get_segment_description(number)
        name = str(description.segment_label)
        word, _, value = str(description.tracking_id or "").partition(" ")
        if word == "label" and value.isdigit() and 0 < int(value) <= MAX_LABEL:
            own[int(number)] = Label(int(value), name, label_colour(int(value)))
            continue
        kind = description.segmented_property_type
        codes = (str(kind.value),) if kind.scheme_designator in ("SCT", "SRT") else ()
        foreign[int(number)] = FileLabel(int(number), name, codes)
    if by_name:
        return {**own, **renumbered(foreign)}
    numbered = {number: region_of(label.name, label.codes) or number for number, label in foreign.items()}
    return {**own, **{number: Label(value, foreign[number].name, label_colour(value)) for number, value in numbered.items()}}
