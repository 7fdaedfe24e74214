"""A folder of studies as a list of cases, with a mark on those that are done.

The marks are kept in the user's data folder, never among the images.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from spinalsam.errors import InputError, RequirementError
from spinalsam.settings import Settings, data_dir, write_atomically
from spinalsam.support.paths import absolute

VOLUME_ENDINGS = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")
MASK_WORDS = ("mask", "seg", "label")
DEEPEST = 5
MOST_CASES = 5000


@dataclass(frozen=True)
class CaseList:
    """folder: where they lie. paths: each a file or a folder of DICOM files, in order of their names. done: those that are finished."""

    folder: Path
    paths: tuple[Path, ...]
    done: frozenset[Path] = field(default_factory=frozenset)

    def position(self, source: Path | None) -> int | None:
        """Which of the cases is open, from 0, or None."""
        return self.paths.index(source) if source is not None and source in self.paths else None

    def name(self, number: int) -> str:
        """A case as it is listed: its path below the folder."""
        path = self.paths[number]
        return str(path.relative_to(self.folder)) if path != self.folder else path.name

    def beyond(self, source: Path | None, step: int) -> list[Path]:
        """The cases on the way forth (step 1) or back (-1), the nearest first.

        From no case of the list the way forth begins where there is something left to do. Raises RequirementError at the ends of the list.
        """
        position = self.position(source)
        if position is None:
            return sorted(self.paths, key=self.done.__contains__) if step > 0 else list(self.paths[::-1])
        found = self.paths[position + 1 :] if step > 0 else self.paths[:position][::-1]
        if not found:
            raise RequirementError(f"This is the {'last' if step > 0 else 'first'} of {len(self.paths)} cases.")
        return list(found)

    def marked(self, path: Path, *, done: bool) -> CaseList:
        return replace(self, done=self.done | {path} if done else self.done - {path})

    def to_json(self) -> dict[str, Any]:
        """For scripts."""
        names = [self.name(number) for number in range(len(self.paths))]
        return {
            "folder": str(self.folder),
            "cases": names,
            "done": [self.name(n) for n, path in enumerate(self.paths) if path in self.done],
        }


def find_cases(folder: Path, settings: Settings) -> CaseList:
    """The cases below a folder: volume files that are not masks, and folders with DICOM files in them.

    Raises InputError when there is no such folder or no case in it.
    """
    folder = absolute(folder)
    if not folder.is_dir():
        raise InputError(f"'{folder}' is not a folder; give the folder that holds the studies.")
    paths = sorted(_cases(folder, 0), key=lambda path: _natural(str(path)))[:MOST_CASES]
    if not paths:
        raise InputError(f"'{folder}' holds no CT that can be opened: no DICOM, NIfTI, NRRD or MetaImage files.")
    return CaseList(folder, tuple(paths), _done(folder, settings) & frozenset(paths))


def holds_studies(folder: Path) -> bool:
    """Whether a folder holds several studies and is none itself: volume files, or folders with DICOM files of several studies.

    Series of one study are no studies, whatever folders they lie in.
    """
    from spinalsam.data.formats import study_of

    folder = absolute(folder)
    found = sorted(_cases(folder, 0))[:MOST_CASES]
    if len(found) < 2 or folder in found:
        return False
    if any(path.is_file() for path in found):
        return True
    first = study_of(found[0])
    return any(study_of(path) != first for path in found)


def save_marks(cases: CaseList, settings: Settings) -> None:
    """Keep which cases are done. Raises OutputError."""
    marks = sorted(str(path.relative_to(cases.folder)) for path in cases.done)
    content = json.dumps({"folder": str(cases.folder), "done": marks}, ensure_ascii=False, indent=1)
    write_atomically(_marks_file(cases.folder, settings), content.encode())


def _cases(folder: Path, depth: int) -> Iterator[Path]:
    try:
        entries = [entry for entry in os.scandir(folder) if not entry.name.startswith(".")]
    except OSError:
        return
    files = [entry.name for entry in entries if entry.is_file()]
    for name in files:
        if name.lower().endswith(VOLUME_ENDINGS) and not any(word in name.lower() for word in MASK_WORDS):
            yield folder / name
    if _has_dicom(folder, files):
        yield folder
        return
    if depth < DEEPEST:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _cases(folder / entry.name, depth + 1)


def _has_dicom(folder: Path, names: list[str]) -> bool:
    """Whether the folder holds DICOM files, by their ending or, where they have none, by the first one's mark."""
    if any(name.lower().endswith((".dcm", ".dicom", ".ima")) for name in names):
        return True
    bare = sorted(name for name in names if "." not in name or name.rsplit(".", 1)[1].isdigit())
    if not bare:
        return False
    try:
        with open(folder / bare[0], "rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False


def _natural(text: str) -> list[tuple[int, Any]]:
    """Sorts case 2 before case 10."""
    parts: list[tuple[int, Any]] = []
    digits = ""
    for char in text.lower() + "\0":
        if char.isdigit() and char.isascii():
            digits += char
            continue
        if digits:
            parts.append((0, int(digits)))
            digits = ""
        parts.append((1, char))
    return parts


def _done(folder: Path, settings: Settings) -> frozenset[Path]:
    try:
        kept = json.loads(_marks_file(folder, settings).read_text(encoding="utf-8"))
        return frozenset(folder / name for name in kept["done"])
    except (OSError, ValueError, KeyError, TypeError):
        return frozenset()


def _marks_file(folder: Path, settings: Settings) -> Path:
    name = hashlib.sha256(str(folder).encode()).hexdigest()[:20]
    return data_dir(settings) / "case_lists" / f"{name}.json"
