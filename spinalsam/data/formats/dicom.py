"""DICOM files and folders: which series are there, and one of them as a volume.

Headers first (`scan`), grouped into series that can be opened (`group`), then the voxels of one (`read_series`). Where slices lie
is worked out in `dicom_grid`, pixels are decoded in `dicom_pixels`.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spinalsam.data.formats.dicom_grid import Frame, Stack, frames_of, stack_frames
from spinalsam.data.formats.dicom_pixels import is_deflate_bomb, plain_pixels_at, read_pixels
from spinalsam.data.formats.dicom_resample import onto_grid
from spinalsam.data.formats.series import SeriesInfo
from spinalsam.data.volume import Volume
from spinalsam.device.giving_way import give_way
from spinalsam.errors import Cancelled, InputError, SeveralCasesError

Progress = Callable[[float, str], None]

_HEADER_TAGS = (
    "TransferSyntaxUID SOPClassUID SOPInstanceUID SeriesInstanceUID StudyInstanceUID FrameOfReferenceUID Modality "
    "SeriesNumber SeriesDescription SpecificCharacterSet AcquisitionNumber InstanceNumber ImageType ImagePositionPatient "
    "ImageOrientationPatient PixelSpacing ImagerPixelSpacing SliceThickness SpacingBetweenSlices GantryDetectorTilt Rows Columns "
    "NumberOfFrames SamplesPerPixel PhotometricInterpretation BitsAllocated BitsStored HighBit PixelRepresentation RescaleSlope "
    "RescaleIntercept RescaleType PixelPaddingValue TemporalPositionIdentifier PerFrameFunctionalGroupsSequence "
    "SharedFunctionalGroupsSequence ConcatenationUID ModalityLUTSequence"
).split()
_LOCALIZERS = {"LOCALIZER", "SCOUT", "TOPOGRAM"}
# Which share of reading a series it takes to look at the headers first.
SCANNING = 0.3
_NOT_PICTURES = "1.2.840.10008.5.1.4.1.1.66.4"  # segmentations have pixels, but are masks
_LIST_LIMIT = 8


@dataclass(frozen=True)
class Scan:
    """What a folder holds: frames of pictures, and how many files were something else."""

    frames: tuple[Frame, ...]
    not_dicom: int = 0
    damaged: int = 0
    without_picture: int = 0
    localizers: int = 0
    not_there: int = 0

    def notes(self) -> list[str]:
        """Sentences for the user on what was left out."""
        said = []
        for count, what in (
            (self.not_dicom, "not DICOM"),
            (self.damaged, "damaged"),
            (self.without_picture, "DICOM without a picture"),
            (self.localizers, "a localiser image"),
        ):
            if count:
                said.append(f"{count} {'file was' if count == 1 else 'files were'} left out ({what}).")
        if self.not_there:
            named = "1 file that the DICOMDIR names is" if self.not_there == 1 else f"{self.not_there} files that the DICOMDIR names are"
            said.append(f"{named} not there: the disc was not copied whole.")
        return said


@dataclass(frozen=True)
class Series:
    """Frames that make one volume, with the uid that names them in a picker."""

    uid: str
    frames: tuple[Frame, ...]


def is_dicom(path: Path) -> bool:
    """Whether the file begins like DICOM: by its magic word, or by a plausible first element where the preamble is missing."""
    try:
        with open(path, "rb") as file:
            start = file.read(132)
    except OSError:
        return False
    if start[128:132] == b"DICM":
        return True
    # Without a preamble the file begins with a group 0002 or 0008 element, in either byte order.
    return len(start) > 16 and start[:2] in (b"\x02\0", b"\x08\0", b"\0\x02", b"\0\x08") and start[3:4] in (b"\0", b"\1")


def study_of(folder: Path) -> str:
    """The UID of the study that the first DICOM file of a folder is of; empty where it tells none."""
    for path in sorted(path for path in folder.iterdir() if path.is_file() and is_dicom(path)):
        header = read_header(path)
        if header is not None:
            return str(header[0].get("StudyInstanceUID") or "")
    return ""


def find_files(folder: Path) -> list[Path]:
    """Every file below the folder, hidden ones left out, in a stable order."""
    return sorted(
        path for path in folder.rglob("*") if not any(part.startswith(".") for part in path.relative_to(folder).parts) and path.is_file()
    )


def directory_files(path: Path) -> tuple[list[Path], int]:
    """(the files that a DICOMDIR names, how many more it names that are not there).

    Raises InputError when it cannot be read or none of its files is there.
    """
    import pydicom

    try:
        records = getattr(pydicom.dcmread(path), "DirectoryRecordSequence", None) or []
        named = [record.ReferencedFileID for record in records if "ReferencedFileID" in record]
    except OSError:
        raise
    except Exception:  # pydicom raises whatever its parser stumbles over
        raise InputError(f"The DICOMDIR '{path.name}' is damaged; open the folder in which the disc's pictures lie instead.") from None
    found = []
    for value in named:
        parts = [value] if isinstance(value, str) else [str(part) for part in value or ()]
        if any(part in ("", ".", "..") or "/" in part or "\\" in part for part in parts):
            continue  # a disc names what lies on it and nothing else
        # Discs copied to other systems often change the case of names.
        options = (path.parent.joinpath(*parts), path.parent.joinpath(*(part.lower() for part in parts)))
        found += [option for option in options if option.is_file()][:1]
    if not found:
        raise InputError(f"The DICOMDIR '{path.name}' names {len(named)} files and none of them is there; copy the whole disc.")
    return found, len(named) - len(found)


def scan(paths: Iterable[Path], progress: Progress | None = None, *, not_there: int = 0) -> Scan:
    """The headers of many files. Damaged ones and those without a picture are counted, not raised.

    not_there: how many more there should be.
    """
    frames: list[Frame] = []
    left_out: Counter[str] = Counter()
    listed = list(paths)
    for number, path in enumerate(listed):
        give_way()
        if progress and number % 16 == 0:
            progress(SCANNING * number / len(listed), f"Looking at file {number + 1} of {len(listed)}")
        if not is_dicom(path):
            left_out["not_dicom"] += 1
            continue
        found = read_header(path)
        try:
            reason = "damaged" if found is None else not_wanted(found[0])
            if found is None or reason:
                left_out[reason] += 1
                continue
            frames += frames_of(found[0], path, pixels_at=found[1])
        except Exception:  # pydicom parses values late and raises whatever its parser stumbles over
            left_out["damaged"] += 1
    return Scan(tuple(frames), **left_out, not_there=not_there)


def read_header(path: Path) -> tuple[Any, int | None] | None:
    """(header without pixels, byte at which plain pixels begin or None), or None when the file is damaged or a bomb."""
    import pydicom

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with open(path, "rb") as file:
                if is_deflate_bomb(file):
                    return None
                header = pydicom.dcmread(file, stop_before_pixels=True, force=True, specific_tags=_HEADER_TAGS)
                # Values are parsed late: touch those that decide what the file is.
                str(header.get("SOPClassUID")), header.get("Rows"), header.get("Columns")
                pixels_at = plain_pixels_at(file, header)
        except Cancelled:
            raise
        except Exception:  # pydicom raises whatever its parser stumbles over
            return None
    return (header, pixels_at) if "SOPClassUID" in header or "Rows" in header else None


def not_wanted(header: Any) -> str:
    if header.get("Modality") == "SEG" or str(header.get("SOPClassUID", "")).startswith(_NOT_PICTURES):
        return "without_picture"
    if not header.get("Rows") or not header.get("Columns"):
        return "without_picture"
    kinds = header.get("ImageType") or []
    if _LOCALIZERS & {str(kind).upper() for kind in ([kinds] if isinstance(kinds, str) else kinds)}:
        return "localizers"
    return ""


def group(scanned: Scan) -> list[Series]:
    """The series of a scan, largest first. One series UID with slices of different size or direction gives several."""
    by_uid: dict[str, list[list[Frame]]] = {}
    for frame in scanned.frames:
        groups = by_uid.setdefault(frame.series_uid, [])
        fitting = next((frames for frames in groups if frames[0].fits(frame)), None)
        if fitting is None:
            groups.append([frame])
        else:
            fitting.append(frame)
    series = []
    for uid, groups in by_uid.items():
        groups.sort(key=len, reverse=True)
        for number, frames in enumerate(groups):
            series.append(Series(uid if number == 0 else f"{uid}#{number + 1}", tuple(frames)))
    return sorted(series, key=lambda one: (-len(one.frames), one.uid))


def describe(series: Series) -> SeriesInfo:
    """The line of a picker. A series whose grid cannot be worked out is listed with its number of files."""
    first = series.frames[0]
    try:
        geometry = stack_frames(series.frames).geometry
        size = geometry.shape
        i_mm, j_mm, k_mm = (float(mm) for mm in geometry.spacing_mm)
        spacing = (i_mm, j_mm, k_mm) if geometry.has_spacing else None
    except InputError:
        size, spacing = (first.columns, first.rows, len(series.frames)), None
    files = tuple(dict.fromkeys(frame.path for frame in series.frames))
    return SeriesInfo(series.uid, first.modality, first.series_number, first.series_description, size, spacing, files)


def list_series(path: Path, progress: Progress | None = None) -> list[SeriesInfo]:
    """The series of a DICOM file, folder or DICOMDIR, largest first; empty when there are none."""
    whole = (lambda share, text: progress(share / SCANNING, text)) if progress else None
    return [describe(series) for series in group(_scan(path, whole))]


def _scan(path: Path, progress: Progress | None = None) -> Scan:
    if path.is_dir():
        return scan(find_files(path), progress)
    if path.name.upper().startswith("DICOMDIR"):
        files, not_there = directory_files(path)
        return scan(files, progress, not_there=not_there)
    return scan([path], progress)


def read_volume(path: Path, *, series_uid: str | None = None, resample: bool = False, progress: Progress | None = None) -> Volume:
    """The volume of a DICOM file (that file alone), folder or DICOMDIR.

    resample: bring slices that are unevenly spaced onto an even grid. Raises InputError when there is no picture or several series are
    there and none is chosen, OffGridError when the slices make no regular grid and resampling is not asked for.
    """
    scanned = _scan(path, progress)
    found = group(scanned)
    if not found:
        said = " ".join(scanned.notes())
        raise InputError(f"'{path.name}' holds no DICOM picture that can be read. {said}".strip())
    return read_series(_choose(path, found, series_uid), scanned, progress, resample=resample)


def _choose(path: Path, found: list[Series], series_uid: str | None) -> Series:
    if series_uid is not None:
        for series in found:
            if series.uid == series_uid:
                return series
        known = ", ".join(series.uid for series in found[:_LIST_LIMIT])
        raise InputError(f"'{path.name}' has no series '{series_uid}'; it has {known}.")
    if len(found) == 1:
        return found[0]
    listed = "; ".join(f"{describe(series).title} (UID {series.uid})" for series in found[:_LIST_LIMIT])
    more = f"; and {len(found) - _LIST_LIMIT} more" if len(found) > _LIST_LIMIT else ""
    raise SeveralCasesError(f"'{path.name}' holds {len(found)} series; choose one by its UID (--series UID): {listed}{more}.")


def read_series(series: Series, scanned: Scan, progress: Progress | None = None, *, resample: bool = False) -> Volume:
    """The voxels of a series on their grid."""
    stack = stack_frames(series.frames, resample=resample)
    voxels, stack, pixel_notes = read_pixels(stack, progress)
    instances, resampled = stack.instances, stack.along_mm is not None
    if resampled:
        voxels, stack = onto_grid(voxels, stack)
    first = stack.first
    number = "" if first.series_number is None else f" {first.series_number}"
    return Volume(
        voxels,
        stack.geometry,
        is_hu=_is_hu(stack),
        source={**_source(series.uid, stack), "instances": instances, "resampled": resampled},
        notes=(*scanned.notes(), *stack.notes, *pixel_notes),
        name=f"{first.modality} series{number}",
    )


def _is_hu(stack: Stack) -> bool:
    # A CT whose rescale type is stated and is not HU (mask, density maps) is no HU picture.
    return stack.first.modality == "CT" and stack.first.rescale_type in ("", "HU", "US") and stack.first.samples == 1


def _source(uid: str, stack: Stack) -> dict[str, Any]:
    """Which file, frame and SOP instance each slice k came from; None for slices that were filled in or interpolated."""
    return {
        "format": "dicom",
        "ndim": 3,
        "series_uid": uid,
        "files": tuple(None if frame is None else frame.path for frame in stack.slices),
        "frame_numbers": tuple(None if frame is None else frame.number for frame in stack.slices),
        "sop_instance_uids": tuple(None if frame is None else frame.sop_instance_uid for frame in stack.slices),
        "filled_slices": tuple(k for k, frame in enumerate(stack.slices) if frame is None),
        "padding_value": stack.first.padding_hu,
        "slice_thickness_mm": stack.slice_thickness_mm,
    }
