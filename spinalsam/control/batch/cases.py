"""Which cases a batch has: folders of studies and volume files, or a list of them. Every case gets a name that tells nobody who it is."""

from __future__ import annotations

import csv
import hashlib
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from spinalsam.control.case_list import MASK_WORDS, VOLUME_ENDINGS
from spinalsam.errors import InputError
from spinalsam.support.paths import absolute

Progress = Callable[[float, str], None]

LIST_ENDINGS = (".txt", ".csv", ".tsv")
_VOLUMES = (*VOLUME_ENDINGS, ".hdr", ".hdr.gz")
_MASKS = (*MASK_WORDS, "msk")
_HEADINGS = ("path", "image", "file", "ct", "case")
# Files that are no DICOM whatever their content; everything else is looked into.
_OTHERS = tuple(
    ".txt .csv .tsv .json .jsonl .xml .html .htm .pdf .md .png .jpg .jpeg .gif .tif .tiff .bmp .zip .tar .gz .7z .py .log .ini .toml .yaml "
    ".yml .doc .docx .xls .xlsx .img .raw .zraw .exe .dll .so .stl .obj .ply .mat .npy .npz .h5 .pt .safetensors".split()
)
_ID = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True)
class BatchCase:
    """One CT to segment. id: names its folder. source: the file, or the folder of its DICOM files. files: those of the chosen series.

    seed: what the id is made from. left_out: other series of its study, in words. problem: why it cannot be tried at all.
    """

    id: str
    source: str
    files: tuple[str, ...] = ()
    seed: str = ""
    left_out: tuple[str, ...] = ()
    problem: str = ""

    @property
    def paths(self) -> tuple[str, ...]:
        """Every file that is read."""
        return self.files or (self.source,)


@dataclass(frozen=True)
class Listing:
    """cases: by id, all different. left_out: sentences on what was passed over."""

    cases: tuple[BatchCase, ...]
    left_out: tuple[str, ...] = ()


@dataclass
class _Search:
    """What is gathered while folders and lists are gone through."""

    progress: Progress | None
    skip: Path
    cases: list[BatchCase] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)


def find_cases(inputs: Sequence[str | Path], out: Path, progress: Progress | None = None) -> Listing:
    """The cases of folders, volume files and lists (.txt, .csv, .tsv).

    out: the folder of the results, which is not looked into. Raises InputError when an input does not exist or none holds a case.
    """
    search = _Search(progress, out.absolute())
    for given in inputs:
        path = absolute(given)
        if not os.path.exists(path):
            raise InputError(f"There is no file or folder '{path}'; check the path.")
        if path.is_dir():
            _add_folder(search, path, prefix=path.name if len(inputs) > 1 else "")
        elif path.name.lower().endswith(LIST_ENDINGS):
            _add_list(search, path)
        else:
            _add_file(search, path, seed=path.name)
    if not search.cases:
        names = ", ".join(f"'{given}'" for given in inputs)
        raise InputError(f"{names} holds no CT that can be segmented: no DICOM series, NIfTI, NRRD or MetaImage files.")
    search.said += [f"{count} file{'' if count == 1 else 's'} left out ({reason})" for reason, count in search.left_out.most_common()]
    return Listing(tuple(_named_apart(_once(search))), tuple(search.said))


def _add_folder(search: _Search, root: Path, *, prefix: str) -> None:
    from spinalsam.data.formats.dicom_studies import find_studies

    others: list[Path] = []
    for path in _walk(root, search.skip):
        lower = path.name.lower()
        if lower.endswith(_VOLUMES):
            if any(word in lower for word in _MASKS):
                search.left_out["their names say that they are masks"] += 1
            else:
                _add_file(search, path, seed=f"{prefix}/{path.relative_to(root).as_posix()}")
        elif not lower.endswith(_OTHERS) and lower != "dicomdir":
            others.append(path)
    studies, left_out = find_studies(others, root, search.progress)
    search.left_out.update(left_out)
    for series in studies:
        wanted = [one for one in series if one.modality == "CT"]
        if not wanted:
            search.said.append(f"a study without CT left out: {', '.join(one.title for one in series)}")
            continue
        chosen = wanted[0]
        titles = tuple(one.title for one in series if one is not chosen)
        folder = os.path.commonpath([str(Path(path).parent) for path in chosen.files])
        search.cases.append(BatchCase("", folder, chosen.files, f"dicom:{chosen.key}", titles))


def _walk(root: Path, skip: Path) -> Iterator[Path]:
    """Every file below a folder in a stable order, but hidden ones and those of the results."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and Path(folder, name) != skip)
        if Path(folder) == skip:
            folders[:] = []
            continue
        yield from (Path(folder, name) for name in sorted(names) if not name.startswith("."))


def _add_file(search: _Search, path: Path, *, seed: str, id: str = "") -> None:
    from spinalsam.data.formats.dicom import is_dicom

    lone_dicom = path.is_file() and not path.name.lower().endswith(_VOLUMES) and is_dicom(path)
    search.cases.append(BatchCase(id, str(path), (str(path),) if lone_dicom else (), f"file:{seed}"))


def _add_list(search: _Search, path: Path) -> None:
    """The cases of a list: one path a line, or a table with a column `path` and perhaps `id`; paths start at the list's folder."""
    before = len(search.cases)
    for given, id in _rows(path):
        source = Path(os.path.abspath(path.parent / os.path.expanduser(given)))
        start = len(search.cases)
        if os.path.isdir(source):
            _add_folder(search, source, prefix=given)
            if len(search.cases) == start:
                search.cases.append(BatchCase("", str(source), seed=f"file:{given}", problem="The folder holds no CT."))
        elif os.path.exists(source):
            _add_file(search, source, seed=given)
        else:
            search.cases.append(BatchCase("", str(source), seed=f"file:{given}", problem="There is no such file or folder."))
        if id:
            search.cases[start:] = [replace(case, id=_ID.sub("_", id)) for case in search.cases[start:]]
    if len(search.cases) == before:
        raise InputError(f"The list '{path}' names no case; write one path a line.")


def _rows(path: Path) -> Iterator[tuple[str, str]]:
    """(path, id) of a list's lines. Raises InputError when it is no text or no table."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The list '{path}' cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8 text'}.") from None
    if path.suffix.lower() == ".txt":
        lines = [line.strip() for line in text.splitlines()]
        yield from ((line, "") for line in lines if line and not line.startswith("#"))
        return
    try:
        rows = [row for row in csv.reader(text.splitlines(), delimiter="\t" if path.suffix.lower() == ".tsv" else ",") if any(row)]
    except csv.Error as error:
        raise InputError(f"The list '{path}' is no table of paths ({error}); write one path a line.") from None
    heading = [cell.strip().lower() for cell in rows[0]] if rows else []
    column = next((heading.index(name) for name in _HEADINGS if name in heading), None)
    ids = heading.index("id") if column is not None and "id" in heading else None
    for row in rows if column is None else rows[1:]:
        cells = [cell.strip() for cell in row]
        given = cells[column or 0] if len(cells) > (column or 0) else ""
        if given and not given.startswith("#"):
            yield given, cells[ids] if ids is not None and len(cells) > ids else ""


def _once(search: _Search) -> list[BatchCase]:
    """The cases without those that were named twice."""
    kept: dict[tuple[str, ...], BatchCase] = {}
    for case in search.cases:
        kept.setdefault(case.paths, case)
    twice = len(search.cases) - len(kept)
    if twice:
        search.said.append(f"{twice} case{' was' if twice == 1 else 's were'} named twice, and done once")
    return list(kept.values())


def _named_apart(cases: Sequence[BatchCase]) -> Iterator[BatchCase]:
    """The cases with ids, made from where they lie or from their UIDs; two that would get the same one are told apart by their place."""
    used: set[str] = set()
    for case in sorted(cases, key=lambda one: (not one.id, one.id, one.source)):
        id = case.id.strip(".-_") or f"case-{_digest(case.seed)}"
        if id.lower() in used:
            id = f"{id}-{_digest(repr(case.paths))}"
        used.add(id.lower())
        yield replace(case, id=id[:120])


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=5).hexdigest()


def signature(case: BatchCase) -> str:
    """Changes when a file of the case is replaced or touched; far quicker than reading it. Empty when one cannot be looked at."""
    digest = hashlib.blake2b(digest_size=16)
    try:
        for path in case.paths:
            stat = os.stat(path)
            digest.update(f"{path}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode("utf-8", "surrogateescape"))
    except OSError:
        return ""
    return digest.hexdigest()
