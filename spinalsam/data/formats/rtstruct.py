"""DICOM RT structure sets: labels as closed contours in patient mm on the slices that they were drawn on.

Written with pydicom alone: no library for it is kept up without OpenCV. How holes and edges are kept is told in `contours`.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinalsam.data.formats import contours, program
from spinalsam.data.formats.dicom_seg import source_header
from spinalsam.data.formats.labels import MAX_LABEL, Label
from spinalsam.data.formats.naming import FileLabel, note_of, region_of, renumbered
from spinalsam.data.formats.safe_write import Output
from spinalsam.data.formats.terminology import Code, code_of
from spinalsam.data.volume import Volume
from spinalsam.errors import InputError, OutputError, SpinalSamError
from spinalsam.support.anatomy import label_colour
from spinalsam.support.geometry import Geometry

STORAGE = "1.2.840.10008.5.1.4.1.1.481.3"
_SERIES_NUMBER = 301
_CLOSED = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")
# How far from the middle of a slice, as a share of the slice distance, a contour may lie.
_OFF_SLICE = 0.25
_MOST_POINTS = 5_000_000


def output(path: Path, mask: NDArray, volume: Volume, labels: tuple[Label, ...]) -> Output:
    """How to write and check a structure set. Raises OutputError when the case is not DICOM or the mask is empty."""
    if volume.source.get("format") != "dicom":
        raise OutputError("An RT structure set refers to DICOM slices, and this case was not opened from DICOM; export as NIfTI.")
    if not labels:
        raise OutputError("The mask is empty; an RT structure set needs at least one structure.")
    if not volume.geometry.has_spacing:
        raise OutputError("The size of a pixel in mm is not known, so contours cannot be placed in the patient; export as NIfTI.")
    structures = _build(mask, volume, labels)

    def check(written: Path) -> None:
        try:
            found = read_labels(written, volume.geometry).voxels
        except InputError as error:
            raise OutputError(f"The structure set was not written: it could not be read back ({error}); export as NIfTI.") from None
        if not np.array_equal(found, mask):
            raise OutputError("The structure set was not written: reading it back gave other voxels; please report this.")

    return Output(path, lambda file: structures.save_as(file, enforce_file_format=True), check)


def _build(mask: NDArray, volume: Volume, labels: tuple[Label, ...]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            headers = {file: source_header(file, uid) for file, uid in volume.source["instances"].items()}
            first = next(iter(headers.values()))
            dataset = _dataset(first)
            dataset.ReferencedFrameOfReferenceSequence = [_references(headers.values(), first)]
            dataset.StructureSetROISequence = [_roi(label, first) for label in labels]
            dataset.ROIContourSequence = [_contours(mask == label.value, label, volume, headers) for label in labels]
            dataset.RTROIObservationsSequence = [_observation(number, label) for number, label in enumerate(labels, 1)]
            return dataset
        except SpinalSamError:
            raise
        except Exception as error:  # pydicom refuses values of the source's header with several types
            reason = (str(error).splitlines() or [type(error).__name__])[0][:160].rstrip(".")
            raise OutputError(f"An RT structure set cannot be made of this series ({reason}); export as NIfTI.") from None


def _dataset(source: Any) -> Any:
    """The structure set without its structures: whose it is, of which study, and who made it."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = UID(STORAGE), generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID, dataset.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    for name in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "AccessionNumber"):
        setattr(dataset, name, source.get(name) or "")
    for name in ("StudyID", "StudyDescription", "ReferringPhysicianName"):
        setattr(dataset, name, source.get(name) or "")
    dataset.StudyInstanceUID = source.StudyInstanceUID
    dataset.SeriesInstanceUID, dataset.SeriesNumber, dataset.InstanceNumber = generate_uid(), _SERIES_NUMBER, 1
    dataset.Modality, dataset.Manufacturer, dataset.ManufacturerModelName = "RTSTRUCT", program.NAME, program.NAME
    dataset.SoftwareVersions, dataset.OperatorsName = program.version(), ""
    dataset.FrameOfReferenceUID = _frame_of_reference(source)
    dataset.PositionReferenceIndicator = ""
    now = datetime.now()
    dataset.StructureSetLabel, dataset.StructureSetName = "VERTEBRAE", "Segmentation of vertebrae"
    dataset.StructureSetDate, dataset.StructureSetTime = now.strftime("%Y%m%d"), now.strftime("%H%M%S")
    dataset.ApprovalStatus = "UNAPPROVED"
    return dataset


def _frame_of_reference(source: Any) -> str:
    return str(source.get("FrameOfReferenceUID") or source.SeriesInstanceUID)


def _references(headers: Any, first: Any) -> Any:
    """The frame of reference with the study, the series and every image that the contours may refer to."""
    series = _item(SeriesInstanceUID=first.SeriesInstanceUID, ContourImageSequence=[_image(header) for header in headers])
    study = _item(
        ReferencedSOPClassUID="1.2.840.10008.3.1.2.3.1",
        ReferencedSOPInstanceUID=first.StudyInstanceUID,
        RTReferencedSeriesSequence=[series],
    )
    return _item(FrameOfReferenceUID=_frame_of_reference(first), RTReferencedStudySequence=[study])


def _item(**values: Any) -> Any:
    from pydicom.dataset import Dataset

    item = Dataset()
    for name, value in values.items():
        setattr(item, name, value)
    return item


def _image(header: Any, frame: int | None = None) -> Any:
    image = _item(ReferencedSOPClassUID=header.SOPClassUID, ReferencedSOPInstanceUID=header.SOPInstanceUID)
    if frame is not None:
        image.ReferencedFrameNumber = frame
    return image


def _roi(label: Label, first: Any) -> Any:
    return _item(
        ROINumber=label.value,
        ReferencedFrameOfReferenceUID=_frame_of_reference(first),
        ROIName=label.name[:64],
        ROIDescription=f"label {label.value}",
        ROIGenerationAlgorithm="SEMIAUTOMATIC",
        ROIGenerationDescription=f"{program.NAME} {program.version()}",
    )


def _contours(mask: NDArray[np.bool_], label: Label, volume: Volume, headers: Mapping[str, Any]) -> Any:
    """A label's contours, slice by slice; those on slices that were interpolated refer to no image."""
    source = volume.source
    found: list[Any] = []
    for k in np.flatnonzero(mask.any(axis=(0, 1))):
        for ring in contours.outlines(mask[:, :, k]):
            points_mm = volume.geometry.to_mm(np.column_stack([ring, np.full(len(ring), float(k))]))
            contour = _item(ContourGeometricType="CLOSED_PLANAR", NumberOfContourPoints=len(ring), ContourNumber=len(found) + 1)
            contour.ContourData = [_decimal(mm) for mm in points_mm.ravel().tolist()]
            if source["files"][k] is not None:
                contour.ContourImageSequence = [_image(headers[source["files"][k]], source["frame_numbers"][k])]
            found.append(contour)
    return _item(ROIDisplayColor=list(label.colour), ReferencedROINumber=label.value, ContourSequence=found)


def _decimal(value: float) -> Any:
    from pydicom.valuerep import DSfloat

    return DSfloat(value, auto_format=True)


def _observation(number: int, label: Label) -> Any:
    observation = _item(ObservationNumber=number, ReferencedROINumber=label.value, RTROIInterpretedType="ORGAN", ROIInterpreter="")
    code = code_of(label.value)
    if code is not None:
        observation.RTROIIdentificationCodeSequence = [_code(code)]
    return observation


def _code(code: Code) -> Any:
    return _item(CodeValue=code.value, CodingSchemeDesignator="SCT", CodeMeaning=code.meaning)


# Reading


@dataclass(frozen=True)
class _Structure:
    """A structure of a file. mask: [i, j, k] on the image's grid."""

    label: FileLabel
    own_value: int | None
    mask: NDArray[np.bool_]


def read_labels(path: Path, geometry: Geometry | None, *, by_name: bool = False) -> Volume:
    """The structures as one label image on an image's grid: contours have none of their own.

    A voxel belongs to a structure when its centre lies in an odd number of the structure's contours on its slice. Where structures
    overlap, the smaller one counts. Labels are numbered like those of a DICOM segmentation. Raises InputError when there is no grid, when
    contours lie between the image's slices or outside of it, or when the file is damaged.
    """
    import pydicom

    if geometry is None or not geometry.has_spacing:
        raise InputError(f"'{path.name}' holds contours, which need the image on which they were drawn; open that first.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found, left_out = _structures(pydicom.dcmread(path), geometry)
        except (MemoryError, SpinalSamError):
            raise
        except Exception as error:  # pydicom parses values late and raises several types
            reason = (str(error).splitlines() or [type(error).__name__])[0][:160].rstrip(".")
            raise InputError(f"The structure set '{path.name}' cannot be read ({reason}).") from None
    if not found:
        raise InputError(f"The structure set '{path.name}' holds no closed contours.")
    labels = _labels(found, by_name=by_name)
    voxels, covered = _painted(found, labels, geometry)
    notes = [f"{left_out} contours of the file are no closed ones and were left out."] if left_out else []
    if covered:
        notes.append(f"Structures of the file overlap; {covered} voxels got the label of the smaller one.")
    if by_name:
        notes += note_of({number: label for number, label in labels.items() if found[number].own_value is None})
    source = {"format": "rtstruct", "path": str(path), "labels": {label.value: label for label in labels.values()}}
    return Volume(voxels, geometry, False, source, tuple(notes), "DICOM RT structure set")


def _structures(dataset: Any, geometry: Geometry) -> tuple[dict[int, _Structure], int]:
    """(the structures by their number, how many contours are no closed ones)."""
    own = str(dataset.get("Manufacturer", "")) == program.NAME
    codes = {
        int(item.ReferencedROINumber): tuple(
            str(code.CodeValue) for code in item.get("RTROIIdentificationCodeSequence") or [] if code.get("CodingSchemeDesignator") == "SCT"
        )
        for item in dataset.get("RTROIObservationsSequence") or []
    }
    drawn = {int(item.ReferencedROINumber): item for item in dataset.get("ROIContourSequence") or []}
    found: dict[int, _Structure] = {}
    left_out = points = 0
    for roi in dataset.get("StructureSetROISequence") or []:
        number = int(roi.ROINumber)
        item = drawn.get(number, {})
        every = list(item.get("ContourSequence") or [])
        closed = [contour for contour in every if str(contour.get("ContourGeometricType")) in _CLOSED]
        left_out += len(every) - len(closed)
        points += sum(len(contour.ContourData) // 3 for contour in closed)
        if points > _MOST_POINTS:
            raise InputError(f"It holds more than {_MOST_POINTS} points, which no segmentation of a spine has.")
        if not closed:
            continue
        name = str(roi.get("ROIName") or "")
        label = FileLabel(number, name, codes.get(number, ()), _colour(item.get("ROIDisplayColor")))
        word, _, value = str(roi.get("ROIDescription") or "").partition(" ")
        mine = own and word == "label" and value.isdigit() and 0 < int(value) <= MAX_LABEL
        found[number] = _Structure(label, int(value) if mine else None, _mask(name, closed, geometry))
    return found, left_out


def _colour(value: Any) -> tuple[int, int, int] | None:
    if value is None or len(value) != 3:
        return None
    red, green, blue = (min(max(int(part), 0), 255) for part in value)
    return red, green, blue


def _mask(name: str, closed: Sequence[Any], geometry: Geometry) -> NDArray[np.bool_]:
    """The voxels of a structure. Raises InputError for contours that do not lie on the image's slices."""
    on_slice: dict[int, list[contours.Ring]] = {}
    for contour in closed:
        points_mm = np.array([float(mm) for mm in contour.ContourData]).reshape(-1, 3)
        if not np.all(np.isfinite(points_mm)):
            raise InputError(f"A contour of '{name}' has points that are no places.")
        # Rounded, so that it does not hang on a last digit on which side of an edge through its centre a voxel lies.
        ijk = np.round(geometry.to_ijk(points_mm), 4)
        k = round(float(ijk[:, 2].mean()))
        if np.abs(ijk[:, 2] - k).max() > _OFF_SLICE:
            raise InputError(f"The contours of '{name}' do not lie on the slices of the image; choose the series on which they were drawn.")
        if not 0 <= k < geometry.shape[2]:
            raise InputError(f"The contours of '{name}' lie outside the image; choose the series on which they were drawn.")
        on_slice.setdefault(k, []).append(ijk[:, :2])
    mask = np.zeros(geometry.shape, bool, order="F")
    for k, rings in on_slice.items():
        mask[:, :, k] = contours.filled(rings, geometry.shape[:2])
    return mask


def _labels(found: Mapping[int, _Structure], *, by_name: bool) -> dict[int, Label]:
    """What every structure means here, by its number."""
    own = {
        number: Label(one.own_value, one.label.name, one.label.colour or label_colour(one.own_value))
        for number, one in found.items()
        if one.own_value is not None
    }
    foreign = {number: one.label for number, one in found.items() if number not in own}
    if by_name:
        return {**own, **renumbered(foreign)}
    values = {number: region_of(label.name, label.codes) or number for number, label in foreign.items()}
    return {**own, **{number: Label(value, foreign[number].name, label_colour(value)) for number, value in values.items()}}


def _painted(found: Mapping[int, _Structure], labels: Mapping[int, Label], geometry: Geometry) -> tuple[NDArray, int]:
    """(the label image, how many voxels lie in several structures). Raises InputError for a number that is no label."""
    highest = max(label.value for label in labels.values())
    if highest > MAX_LABEL or min(label.value for label in labels.values()) < 1:
        raise InputError(f"The structure set numbers a structure {highest}; labels are 1 to {MAX_LABEL}.")
    voxels = np.zeros(geometry.shape, np.uint8 if highest <= 255 else np.uint16, order="F")
    covered = np.zeros(geometry.shape, bool, order="F")
    for number in sorted(found, key=lambda number: -int(np.count_nonzero(found[number].mask))):
        mask, value = found[number].mask, labels[number].value
        covered |= mask & (voxels != 0) & (voxels != value)
        voxels[mask] = value
    return voxels, int(np.count_nonzero(covered))
