"""Which DICOM series lie in a tree of folders, study by study, from few header elements a file: for batches of hundreds of studies.

Series are told apart by their UIDs and their patient. Files of one series that lie in several folders belong together only where their
slices do: anonymised data often bear the same UIDs for different patients, who must never be mixed into one volume.
"""

from __future__ import annotations

import hashlib
import itertools
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spinalsam.data.formats import dicom
from spinalsam.data.formats.dicom_pixels import is_deflate_bomb
from spinalsam.data.formats.series import SeriesInfo
from spinalsam.data.volume import Volume
from spinalsam.errors import InputError

Progress = Callable[[float, str], None]

_TAGS = (
    "SOPClassUID SOPInstanceUID StudyInstanceUID SeriesInstanceUID PatientID Modality SeriesNumber ImageType Rows Columns NumberOfFrames "
    "ImagePositionPatient ImageOrientationPatient SliceThickness"
).split()


@dataclass(frozen=True)
class Found:
    """One file as its header describes it. place_mm: along the slices' normal, or None. study, series: hashes that name no patient."""

    path: str
    study: str
    series: str
    sop: str
    modality: str
    number: int | None
    frames: int
    place_mm: float | None
    thickness_mm: float | None

    @property
    def folder(self) -> str:
        return str(Path(self.path).parent)


@dataclass(frozen=True)
class StudySeries:
    """One series of a study. study, key: hashes of its UIDs, and of its folder where UIDs alone do not tell. slices: different places."""

    study: str
    key: str
    modality: str
    number: int | None
    slices: int
    thickness_mm: float | None
    files: tuple[str, ...]

    @property
    def title(self) -> str:
        """For a list of what was left out; free of the scanner's own words, which may name a patient."""
        number = "" if self.number is None else f" {self.number}"
        thick = "" if self.thickness_mm is None else f", {self.thickness_mm:g} mm"
        return f"{self.modality} series{number} ({self.slices} slice{'' if self.slices == 1 else 's'}{thick})"


def find_studies(files: Sequence[Path], root: Path, progress: Progress | None = None) -> tuple[list[list[StudySeries]], Counter[str]]:
    """(the studies among the files, each as its series with the most slices first; how many files were left out by reason)."""
    found: list[Found] = []
    left_out: Counter[str] = Counter()
    for number, path in enumerate(files):
        if progress and number % 64 == 0:
            progress(number / len(files), f"Looking at file {number + 1} of {len(files)}")
        if not dicom.is_dicom(path):
            left_out["no image that is known here"] += 1
            continue
        one = _read(path)
        if isinstance(one, str):
            left_out[one] += 1
        else:
            found.append(one)
    return _studies(found, root), left_out


def _read(path: Path) -> Found | str:
    """What a file is, or why it is left out."""
    import pydicom

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with open(path, "rb") as file:
                if is_deflate_bomb(file):
                    return "damaged DICOM"
                header = pydicom.dcmread(file, stop_before_pixels=True, force=True, specific_tags=_TAGS)
            reason = dicom.not_wanted(header)
            return reason.replace("_", " ") if reason else _found(path, header)
    except Exception:  # pydicom raises whatever its parser stumbles over
        return "damaged DICOM"


def _found(path: Path, header: Any) -> Found:
    patient = str(header.get("PatientID") or "")
    study = str(header.get("StudyInstanceUID") or "")
    series = str(header.get("SeriesInstanceUID") or "")
    number, thickness = header.get("SeriesNumber"), header.get("SliceThickness")
    return Found(
        path=str(path),
        study=_hash(study, patient),
        series=_hash(study, patient, series),
        sop=str(header.get("SOPInstanceUID") or path),
        modality=str(header.get("Modality") or "OT"),
        number=None if number is None else int(number),
        frames=int(header.get("NumberOfFrames") or 1),
        place_mm=_place(header),
        thickness_mm=None if thickness is None else float(thickness),
    )


def _place(header: Any) -> float | None:
    position, cosines = header.get("ImagePositionPatient"), header.get("ImageOrientationPatient")
    if not position or not cosines or len(position) != 3 or len(cosines) != 6:
        return None
    values = np.array([float(value) for value in cosines])
    return float(np.dot(np.cross(values[:3], values[3:]), [float(value) for value in position]))


def _hash(*words: str) -> str:
    return hashlib.blake2b("\0".join(words).encode(), digest_size=10).hexdigest()


def _studies(found: Iterable[Found], root: Path) -> list[list[StudySeries]]:
    by_study: dict[str, dict[str, list[Found]]] = {}
    for one in found:
        by_study.setdefault(one.study, {}).setdefault(one.series, []).append(one)
    studies: dict[str, list[StudySeries]] = {}
    for study, groups in by_study.items():
        split = any(not _belong_together(files) for files in groups.values())
        for key, files in groups.items():
            for place, part in (_by_place(files, root) if split else {"": files}).items():
                name = _hash(study, place) if split else study
                studies.setdefault(name, []).append(_series(name, _hash(key, place) if split else key, part))
    for listed in studies.values():
        listed.sort(key=lambda one: (-one.slices, one.thickness_mm or 0.0, one.number or 0, one.key))
    return sorted(studies.values(), key=lambda listed: listed[0].files[0])


def _belong_together(files: Sequence[Found]) -> bool:
    """Whether a series' files in several folders are parts of one stack: no picture twice, and one stretch of slices after another."""
    folders: dict[str, list[Found]] = {}
    for one in files:
        folders.setdefault(one.folder, []).append(one)
    if len(folders) == 1:
        return True
    if len({one.sop for one in files}) < len(files) or any(one.place_mm is None for one in files):
        return False
    spans = sorted((min(places), max(places)) for part in folders.values() if (places := [one.place_mm or 0.0 for one in part]))
    return all(upper[0] > lower[1] for lower, upper in itertools.pairwise(spans))


def _by_place(files: Sequence[Found], root: Path) -> dict[str, list[Found]]:
    """The files by the first folder below the root, or by their own folder where that is the same for all."""
    tops: dict[str, list[Found]] = {}
    for one in files:
        tops.setdefault(Path(one.path).relative_to(root).parts[0], []).append(one)
    if len(tops) > 1:
        return tops
    folders: dict[str, list[Found]] = {}
    for one in files:
        folders.setdefault(str(Path(one.folder).relative_to(root)), []).append(one)
    return folders


def _series(study: str, key: str, files: Sequence[Found]) -> StudySeries:
    first = files[0]
    places = {round(one.place_mm, 3) for one in files if one.place_mm is not None}
    slices = max(len(places), max(one.frames for one in files)) if places else sum(one.frames for one in files)
    paths = tuple(sorted(one.path for one in files))
    return StudySeries(study, key, first.modality, first.number, slices, first.thickness_mm, paths)


def read_files(files: Sequence[str], progress: Progress | None = None, *, resample: bool = False) -> Volume:
    """The volume of one series' files; where they make several stacks, the one with the most slices, which the notes say.

    resample: bring slices that are unevenly spaced onto an even grid. Raises InputError when there is no picture among them,
    OffGridError when the slices make no regular grid and resampling is not asked for.
    """
    scanned = dicom.scan([Path(path) for path in files], progress)
    groups = dicom.group(scanned)
    if not groups:
        raise InputError(f"None of the {len(files)} DICOM files of this series holds a picture that can be read.")
    volume = dicom.read_series(groups[0], scanned, progress, resample=resample)
    if len(groups) == 1:
        return volume
    rest: list[SeriesInfo] = [dicom.describe(one) for one in groups[1:]]
    sizes = ", ".join("x".join(map(str, info.size)) for info in rest)
    note = f"The series holds slices of different size or direction; the largest stack was taken, {sizes} left."
    return Volume(volume.voxels, volume.geometry, volume.is_hu, volume.source, (*volume.notes, note), volume.name)
