"""Where DICOM slices lie: frames sorted along their normal, checked for gaps, doubles, uneven spacing and gantry tilt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinalsam.errors import InputError, OffGridError
from spinalsam.support.geometry import Geometry

# Two slices nearer than this are at one place.
_SAME_PLACE_MM = 1e-3
# How far a slice may lie from its place on the regular grid, as a share of the slice distance.
_UNEVEN_SHARE = 0.1
_SAID_SHARE = 0.02
_TILT_SAID_DEGREES = 0.1
_SKEW_SAID = 0.002
# More missing slices than this share are not filled in.
_FILL_LIMIT = 0.25
_NAMED_LIMIT = 6
# Slices that are to be resampled may lie so far beside the line through the first and the last one.
_SIDEWAYS_MM = 0.1
# An even grid has at most so many times as many slices as were read.
_MOST_TIMES = 4


@dataclass(frozen=True)
class Frame:
    """One slice as its header describes it.

    position_mm: LPS centre of the first pixel, or None. orientation: six cosines (along a row, down a column), or None.
    pixel_mm: (between rows, between columns), or None. number: 1-based frame number inside a multi-frame file, else None.
    pixels_at: the byte at which plain little-endian 16-bit pixels begin, or None where they need a decoder. signed: their sign.
    has_lut: whether a table, not slope and intercept, turns stored values into the picture's.
    """

    path: str
    number: int | None
    series_uid: str
    sop_instance_uid: str
    rows: int
    columns: int
    position_mm: tuple[float, float, float] | None
    orientation: tuple[float, ...] | None
    pixel_mm: tuple[float, float] | None
    thickness_mm: float | None
    spacing_between_mm: float | None
    slope: float
    intercept: float
    order: tuple[int, int]
    modality: str
    series_number: int | None
    series_description: str
    rescale_type: str
    samples: int
    padding: int | None
    signed: bool
    exact_spacing: bool = True
    pixels_at: int | None = None
    has_lut: bool = False
    frame_of_reference: str = ""

    def fits(self, other: Frame) -> bool:
        """Whether both can be slices of one volume: of one kind and size, in one direction, measured in one coordinate system."""
        return (
            (self.rows, self.columns, self.samples) == (other.rows, other.columns, other.samples)
            and self.modality == other.modality
            and (self.frame_of_reference == other.frame_of_reference or not (self.frame_of_reference and other.frame_of_reference))
            and (self.position_mm is None) == (other.position_mm is None)
            and _near(self.orientation, other.orientation, 1e-3)
            and _near(self.pixel_mm, other.pixel_mm, 1e-4)
        )

    @property
    def padding_hu(self) -> float | None:
        """The value of voxels outside the field of view, as it stands in the volume."""
        return None if self.padding is None else self.padding * self.slope + self.intercept

    @property
    def normal(self) -> NDArray[np.float64]:
        """Unit vector across the slice."""
        cosines = np.array(self.orientation)
        across = np.cross(cosines[:3], cosines[3:])
        return across / np.linalg.norm(across)


@dataclass(frozen=True)
class Stack:
    """Frames in order on a grid; None stands for a slice that is missing and is filled in between its neighbours.

    along_mm: how far each slice lies from the first, where they are unevenly spaced and have to be brought onto the grid
    (`dicom_resample`); None where slice k lies on the grid's slice k.
    """

    geometry: Geometry
    slices: tuple[Frame | None, ...]
    notes: tuple[str, ...] = ()
    along_mm: tuple[float, ...] | None = None

    @property
    def slice_thickness_mm(self) -> float | None:
        """How thick a lone slice is where its place among others does not tell; None elsewhere."""
        lone = len(self.slices) == 1 and self.first.spacing_between_mm is None and self.first.position_mm is not None
        return self.first.thickness_mm if lone else None

    @property
    def instances(self) -> dict[str, str]:
        """SOP instance UIDs by the path of the file, of everything that is shown."""
        return {frame.path: frame.sop_instance_uid for frame in self.slices if frame is not None}

    @property
    def first(self) -> Frame:
        return next(frame for frame in self.slices if frame is not None)


def frames_of(header: Any, path: Path, *, pixels_at: int | None = None) -> list[Frame]:
    """The frames that a header describes. Raises ValueError, TypeError or KeyError when its numbers are damaged."""
    count = int(header.get("NumberOfFrames") or 1)
    per_frame = header.get("PerFrameFunctionalGroupsSequence")
    if count == 1 and not per_frame:
        frame = _frame(header, [header], path, None)
        return [frame if frame.has_lut else replace(frame, pixels_at=pixels_at)]
    shared = list(header.get("SharedFunctionalGroupsSequence") or [])
    groups = [[group, *shared, header] for group in per_frame] if per_frame else [[*shared, header]] * count
    if len(groups) != count:
        raise ValueError("the functional groups do not match the number of frames")
    return [_frame(header, sources, path, number + 1) for number, sources in enumerate(groups)]


def _frame(header: Any, sources: list[Any], path: Path, number: int | None) -> Frame:
    tables = header.get("ModalityLUTSequence")
    has_lut = bool(tables) and header.get("RescaleSlope") is None
    pixel = _numbers(_find(sources, "PixelSpacing", "PixelMeasuresSequence"), 2)
    exact = pixel is not None
    if pixel is None:
        pixel = _numbers(header.get("ImagerPixelSpacing"), 2)
    description = header.get("SeriesDescription")
    series_number = header.get("SeriesNumber")
    return Frame(
        path=str(path),
        number=number,
        series_uid=str(header.get("SeriesInstanceUID") or "unknown"),
        sop_instance_uid=str(header.get("SOPInstanceUID") or ""),
        rows=int(header.Rows),
        columns=int(header.Columns),
        position_mm=_numbers(_find(sources, "ImagePositionPatient", "PlanePositionSequence"), 3),  # type: ignore[arg-type]
        orientation=_orientation(_numbers(_find(sources, "ImageOrientationPatient", "PlaneOrientationSequence"), 6)),
        pixel_mm=pixel if pixel is not None and min(pixel) > 0 else None,  # type: ignore[arg-type]
        thickness_mm=_number(_find(sources, "SliceThickness", "PixelMeasuresSequence")),
        spacing_between_mm=_number(_find(sources, "SpacingBetweenSlices", "PixelMeasuresSequence")),
        slope=_number(_find(sources, "RescaleSlope", "PixelValueTransformationSequence"), zero=False) or 1.0,
        intercept=_number(_find(sources, "RescaleIntercept", "PixelValueTransformationSequence")) or 0.0,
        order=(int(header.get("AcquisitionNumber") or 0), number or int(header.get("InstanceNumber") or 0)),
        modality=str(header.get("Modality") or "OT"),
        series_number=None if series_number is None else int(series_number),
        series_description="" if description is None else str(description),
        rescale_type=str(
            (tables[0].get("ModalityLUTType") if has_lut else _find(sources, "RescaleType", "PixelValueTransformationSequence")) or ""
        ),
        samples=int(header.get("SamplesPerPixel") or 1),
        padding=_padding(header),
        signed=header.get("PixelRepresentation") == 1,
        exact_spacing=exact,
        has_lut=has_lut,
        frame_of_reference=str(header.get("FrameOfReferenceUID") or ""),
    )


def _near(one: tuple[float, ...] | None, other: tuple[float, ...] | None, tolerance: float) -> bool:
    if one is None or other is None:
        return one is other
    return one == other or all(abs(a - b) <= tolerance for a, b in zip(one, other, strict=True))


def _padding(header: Any) -> int | None:
    value = header.get("PixelPaddingValue")
    if value is None or isinstance(value, (bytes, str)):
        return None
    value, bits = int(value), int(header.get("BitsAllocated") or 16)
    if header.get("PixelRepresentation") == 1 and value >= 1 << (bits - 1):
        value -= 1 << bits
    return value


def _find(sources: list[Any], name: str, sequence: str) -> Any:
    """An attribute from the frame's own group, the shared groups or the top of the file, whichever has it first."""
    for source in sources:
        inner = source.get(sequence)
        if inner and name in inner[0]:
            return inner[0].get(name)
        if name in source and source.get(name) is not None:
            return source.get(name)
    return None


def _numbers(value: Any, count: int) -> tuple[float, ...] | None:
    if value is None or isinstance(value, (str, bytes)) or not hasattr(value, "__len__") or len(value) != count:
        return None
    numbers = tuple(float(item) for item in value)
    return numbers if np.all(np.isfinite(numbers)) else None


def _number(value: Any, *, zero: bool = True) -> float | None:
    if value is None or value == "":
        return None
    number = float(value)
    return number if np.isfinite(number) and (zero or number != 0) else None


def _orientation(cosines: tuple[float, ...] | None) -> tuple[float, ...] | None:
    """Both directions at unit length, or None where they are no directions or run together."""
    if cosines is None:
        return None
    along_row, down_column = np.array(cosines[:3]), np.array(cosines[3:])
    lengths = np.linalg.norm(along_row), np.linalg.norm(down_column)
    if min(lengths) < 0.1 or np.linalg.norm(np.cross(along_row / lengths[0], down_column / lengths[1])) < 0.1:
        return None
    # Written with few digits the cosines are not quite of unit length; the pixel size would change by that.
    return (*(along_row / lengths[0]).tolist(), *(down_column / lengths[1]).tolist())


def stack_frames(frames: tuple[Frame, ...], *, resample: bool = False) -> Stack:
    """Frames of one signature in order on their grid.

    Doubles are dropped and gaps are filled with None, both with a note. Raises OffGridError when the slices are unevenly spaced;
    with `resample` the stack says how they are brought onto an even grid then.
    """
    if frames[0].position_mm is None or frames[0].orientation is None:
        return _stack_by_number(frames)
    distances = np.array([np.dot(frame.normal, np.array(frame.position_mm)) for frame in frames])
    ordered = [frames[n] for n in np.lexsort((*np.array([frame.order for frame in frames]).T[::-1], np.round(distances, 3)))]
    kept, notes = _without_doubles(ordered)
    count, along_mm = len(kept), None
    try:
        slices, step_mm, gap_notes = _regular(kept, _SAID_SHARE if resample else _UNEVEN_SHARE)
        count = len(slices)
    except OffGridError:
        if not resample:
            raise
        slices = tuple(kept)
        along_mm, count, step_mm, gap_notes = even_grid(kept)
    columns, has_spacing, spacing_notes = _in_plane(kept[0])
    affine = np.eye(4)
    affine[:3, :2] = columns
    affine[:3, 2] = step_mm
    affine[:3, 3] = kept[0].position_mm
    geometry = Geometry((kept[0].columns, kept[0].rows, count), affine, has_spacing)
    return Stack(geometry, slices, (*notes, *gap_notes, *spacing_notes, *_tilt_note(geometry, kept)), along_mm)


def _stack_by_number(frames: tuple[Frame, ...]) -> Stack:
    """Frames that do not say where they lie, by their numbers."""
    ordered = sorted(frames, key=lambda frame: frame.order)
    first = ordered[0]
    rows_mm, columns_mm = first.pixel_mm or (1.0, 1.0)
    step = first.spacing_between_mm or first.thickness_mm or 1.0
    geometry = Geometry.from_parts(
        (first.columns, first.rows, len(ordered)), spacing_mm=(columns_mm, rows_mm, abs(step)), has_spacing=first.pixel_mm is not None
    )
    note = "The files do not say where the slices lie; they were stacked by number, so left and right are not certain."
    return Stack(geometry, tuple(ordered), (note,))


def _without_doubles(ordered: list[Frame]) -> tuple[list[Frame], list[str]]:
    """One frame a place, the one of the earliest acquisition."""
    kept: list[Frame] = []
    copies = phases = 0
    for frame in ordered:
        if kept and np.linalg.norm(np.subtract(frame.position_mm, kept[-1].position_mm)) < _SAME_PLACE_MM:  # type: ignore[arg-type]
            copies += frame.sop_instance_uid == kept[-1].sop_instance_uid
            phases += frame.sop_instance_uid != kept[-1].sop_instance_uid
        else:
            kept.append(frame)
    notes = []
    if copies:
        notes.append(f"{copies} {'file is a copy' if copies == 1 else 'files are copies'} of slices that were read already.")
    if phases:
        notes.append(
            f"{phases} more {'slice lies' if phases == 1 else 'slices lie'} where another one does (several acquisitions in one "
            "series); the first acquisition was read."
        )
    return kept, notes


def _regular(kept: list[Frame], tolerance: float) -> tuple[tuple[Frame | None, ...], NDArray[np.float64], list[str]]:
    """(slices with None for missing ones, step from slice to slice in mm, notes).

    tolerance: how far a slice may lie from its place, as a share of the step. Raises OffGridError for uneven spacing.
    """
    first = kept[0]
    if len(kept) == 1:
        # One slice has no distance to the next. What other libraries take is taken, so that the mask fits their image of it;
        # measuring goes by the thickness (see `slice_thickness_mm`).
        note = [] if first.spacing_between_mm or first.thickness_mm else ["The slice does not state its thickness; 1 mm was taken."]
        return (first,), first.normal * abs(first.spacing_between_mm or 1.0), note
    positions = np.array([frame.position_mm for frame in kept])
    along = (positions - positions[0]) @ first.normal
    gaps = np.diff(along)
    if float(gaps.min()) < _SAME_PLACE_MM:
        raise InputError("Slices of the series lie beside each other in one plane, so they make no volume; open them one by one.")
    usual = float(np.median(gaps))
    whole = np.maximum(np.rint(gaps / usual).astype(int), 1)
    places = np.concatenate([[0], np.cumsum(whole)])
    total = int(places[-1]) + 1
    missing = total - len(kept)
    if missing > _FILL_LIMIT * total:
        raise OffGridError(_uneven_text(kept, gaps, usual))
    step = np.linalg.lstsq(places[:, None].astype(float), positions - positions[0], rcond=None)[0][0]
    off = np.max(np.linalg.norm(positions - positions[0] - places[:, None] * step, axis=1)) / np.linalg.norm(step)
    if off > tolerance:
        raise OffGridError(_uneven_text(kept, gaps, usual))
    slices: list[Frame | None] = [None] * total
    for place, frame in zip(places, kept, strict=True):
        slices[place] = frame
    return tuple(slices), step, _gap_notes(slices, step, positions[0], off)


def _gap_notes(slices: list[Frame | None], step: NDArray[np.float64], origin: NDArray[np.float64], off: float) -> list[str]:
    notes = []
    empty = [k for k, frame in enumerate(slices) if frame is None]
    if empty:
        named = ", ".join(f"{k + 1} (z = {(origin + k * step)[2]:.1f} mm)" for k in empty[:_NAMED_LIMIT])
        more = f" and {len(empty) - _NAMED_LIMIT} more" if len(empty) > _NAMED_LIMIT else ""
        which = "Slice" if len(empty) == 1 else "Slices"
        notes.append(
            f"{which} {named}{more} {'is' if len(empty) == 1 else 'are'} missing from the series; "
            "what is shown there is interpolated between the neighbours."
        )
    if off > _SAID_SHARE:
        notes.append(f"The slices are not quite evenly spaced: they lie up to {off * 100:.0f} % of a slice from their places.")
    return notes


def _uneven_text(kept: list[Frame], gaps: NDArray[np.float64], usual: float) -> str:
    return (
        f"The slices of the series are unevenly spaced: {usual:.2f} mm apart as a rule, but {_worst_gap(kept, gaps, usual)}, so they "
        "make no regular volume; get the missing files, or have the slices resampled onto an even grid (--resample)."
    )


def _worst_gap(kept: list[Frame], gaps: NDArray[np.float64], usual: float) -> str:
    worst = int(np.argmax(np.abs(gaps - usual)))
    return f"{gaps[worst]:.2f} mm between slices {worst + 1} and {worst + 2} of {len(kept)}"


def even_grid(kept: list[Frame]) -> tuple[tuple[float, ...], int, NDArray[np.float64], list[str]]:
    """(how far each slice lies from the first in mm, number of slices of an even grid from the first to the last, its step in mm, notes).

    The grid is as fine as the denser quarter of the slices, so that nothing that was measured closely is given up. Raises InputError
    when the slices do not lie behind each other on a straight line.
    """
    positions = np.array([frame.position_mm for frame in kept]) - kept[0].position_mm
    across = positions @ kept[0].normal
    line = positions[-1] / across[-1]
    sideways = float(np.linalg.norm(positions - across[:, None] * line, axis=1).max())
    if sideways > _SIDEWAYS_MM:
        raise InputError(
            f"The slices of the series are unevenly spaced and shifted sideways by up to {sideways:.1f} mm against each other, so they "
            "make no volume, not even a resampled one; get the series again."
        )
    gaps = np.diff(across)
    count = min(round(float(across[-1] / np.quantile(gaps, 0.25, method="lower"))) + 1, _MOST_TIMES * len(kept))
    step = positions[-1] / (count - 1)
    along = across * float(np.linalg.norm(line))
    step_mm = float(np.linalg.norm(step))
    there = int(np.sum(np.abs(along - np.rint(along / step_mm) * step_mm) < _SAME_PLACE_MM))
    note = (
        f"RESAMPLED: the slices are unevenly spaced, {float(np.median(gaps)):.2f} mm apart as a rule, but "
        f"{_worst_gap(kept, gaps, float(np.median(gaps)))}. They were brought onto {count} slices "
        f"{step_mm:.2f} mm apart; {there} of them are as they were measured, the others are interpolated."
    )
    return tuple(float(mm) for mm in along), count, step, [note]


def _in_plane(first: Frame) -> tuple[NDArray[np.float64], bool, list[str]]:
    """((3, 2) steps along i and j in mm, whether their length is known, notes)."""
    cosines = np.array(first.orientation)
    rows_mm, columns_mm = first.pixel_mm or (1.0, 1.0)
    notes = []
    if first.pixel_mm is None:
        notes.append("The files do not state the pixel size; measurements in mm are not possible.")
    if abs(cosines[:3] @ cosines[3:]) > _SKEW_SAID:
        notes.append("The rows and columns of the slices are not at right angles to each other, which no CT scanner makes: look closely.")
    if first.pixel_mm is not None and not first.exact_spacing:
        notes.append("The pixel size is that at the detector, not in the patient; lengths in mm are not exact.")
    return np.stack([cosines[:3] * columns_mm, cosines[3:] * rows_mm], axis=1), first.pixel_mm is not None, notes


def _tilt_note(geometry: Geometry, kept: list[Frame]) -> list[str]:
    step = geometry.direction[:, 2]
    degrees = float(np.degrees(np.arccos(np.clip(abs(step @ kept[0].normal), -1, 1))))
    if len(kept) < 2 or degrees < _TILT_SAID_DEGREES:
        return []
    return [
        f"The gantry was tilted by {degrees:.1f} degrees: the slices are shifted against each other. The grid is kept as it was "
        "measured (sheared), so positions and masks are right; the sagittal picture looks slanted."
    ]


def fill_missing(stack: Stack, slices: tuple[Frame | None, ...], note: str) -> Stack:
    """The stack with some of its slices given up (they could not be decoded)."""
    return replace(stack, slices=slices, notes=(*stack.notes, note))
