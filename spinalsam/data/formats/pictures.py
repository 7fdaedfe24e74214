"""PNG, JPEG and TIFF pictures: one, the pages of one, or a folder of them as a stack."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinalsam.data.formats.limits import check_memory, file_size
from spinalsam.data.formats.values import to_working
from spinalsam.data.volume import Volume
from spinalsam.errors import Cancelled, InputError
from spinalsam.support.geometry import Geometry

ENDINGS = (".png", ".jpg", ".jpeg", ".tif", ".tiff")
MAGICS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
MAX_PIXELS = 1 << 28
_COLOUR_NOTE = "Colour pictures were turned into grey values."
_SPACING_NOTE = "Pictures do not say how large a pixel is; measurements in mm are not possible."


def is_picture(path: Path) -> bool:
    """Whether the file begins like a PNG, JPEG or TIFF."""
    try:
        with open(path, "rb") as file:
            start = file.read(8)
    except OSError:
        return False
    return any(start.startswith(magic) for magic in MAGICS)


def natural_key(path: Path) -> list[tuple[int, int, str]]:
    """Sorts 'slice 2' before 'slice 10'."""
    parts = re.split(r"(\d+)", path.name.lower())
    return [(0, int(part), part) if part.isdigit() else (1, 0, part) for part in parts if part]


def read_volume(path: Path, progress: Callable[[float, str], None] | None = None) -> Volume:
    """One picture as a volume with nk = 1, or the pages of a TIFF as its slices. Raises InputError when it is damaged."""
    pages, notes = _read_pages(path)
    return _volume(pages, [path.name] * len(pages), path, path.stem, notes)


def read_folder(paths: list[Path], folder: Path, progress: Callable[[float, str], None] | None = None) -> Volume:
    """Pictures of one size as a stack, in natural order of their names.

    Raises InputError when none can be read or their sizes differ; damaged ones are left out with a note.
    """
    pages: list[NDArray] = []
    names: list[str] = []
    notes: list[str] = []
    damaged = 0
    ordered = sorted(paths, key=natural_key)
    for number, path in enumerate(ordered):
        if progress:
            progress(number / len(ordered), f"Reading picture {number + 1} of {len(ordered)}")
        try:
            found, page_notes = _read_pages(path)
        except Cancelled:
            raise
        except InputError:
            damaged += 1
            continue
        if pages and found[0].shape != pages[0].shape:
            raise InputError(
                f"The pictures in '{folder.name}' differ in size: '{names[0]}' has {_size(pages[0])} pixels, "
                f"'{path.name}' {_size(found[0])}; put pictures of one size into a folder of their own."
            )
        pages += found
        names += [path.name] * len(found)
        notes += [note for note in page_notes if note not in notes]
        check_memory(folder, pages[0].nbytes * len(ordered))
    if not pages:
        raise InputError(f"None of the {damaged} pictures in '{folder.name}' can be read; they are damaged.")
    if damaged:
        notes.append(f"{damaged} damaged pictures were left out.")
    return _volume(pages, names, folder, folder.name, notes)


def _size(page: NDArray) -> str:
    return f"{page.shape[1]}x{page.shape[0]}"


def _volume(pages: list[NDArray], names: list[str], path: Path, name: str, notes: list[str]) -> Volume:
    rows, columns = pages[0].shape
    dtype = np.result_type(*{page.dtype for page in pages})
    stack = np.empty((columns, rows, len(pages)), dtype, order="F")
    for k, page in enumerate(pages):
        stack[..., k] = page.T
    voxels, value_notes = to_working(stack)
    geometry = Geometry(voxels.shape, np.eye(4), has_spacing=False)
    source = {"format": "picture", "path": str(path), "files": tuple(names), "ndim": 2 if len(pages) == 1 else 3}
    source["colour"] = _COLOUR_NOTE in notes
    return Volume(voxels, geometry, is_hu=False, source=source, notes=(*notes, _SPACING_NOTE, *value_notes), name=name)


def _read_pages(path: Path) -> tuple[list[NDArray], list[str]]:
    """((rows, columns) grey arrays, notes). Raises InputError when the file is damaged or claims an absurd size."""
    from PIL import Image, UnidentifiedImageError

    file_size(path)
    notes: list[str] = []
    pages: list[NDArray] = []
    try:
        with Image.open(path) as picture:
            count = getattr(picture, "n_frames", 1)
            check_size(path, picture, count)
            for index in range(count):
                if count > 1:
                    picture.seek(index)
                page, is_colour = _grey(path, picture)
                if pages and page.shape != pages[0].shape:
                    notes.append(f"Only the {len(pages)} pages of the first page's size were read.")
                    break
                pages.append(page)
                if is_colour and _COLOUR_NOTE not in notes:
                    notes.append(_COLOUR_NOTE)
    except Image.DecompressionBombError:
        raise InputError(f"'{path.name}' claims far more pixels than a CT slice has; make it smaller first.") from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError) as error:
        reason = "it is truncated" if "truncated" in str(error).lower() else "it is damaged or no picture"
        raise InputError(f"'{path.name}' cannot be read as a picture: {reason}.") from None
    return pages, notes


def check_size(path: Path, picture: Any, count: int) -> None:
    pixels = picture.width * picture.height * count
    if pixels > MAX_PIXELS:
        raise InputError(f"'{path.name}' claims {pixels / 1e6:.0f} million pixels, more than a CT has; make it smaller first.")
    check_memory(path, pixels * 4)


def _grey(path: Path, picture: Any) -> tuple[NDArray, bool]:
    """((rows, columns) grey values as stored, whether colour was given up)."""
    mode = picture.mode
    if mode in ("L", "F", "I") or mode.startswith("I;16"):
        return np.array(picture).astype(np.uint16) if mode.startswith("I;16") else np.array(picture), False
    if mode == "1":
        return np.array(picture.convert("L")), False
    if mode == "LA":
        return np.array(picture)[..., 0], False
    colours = np.array(picture.convert("RGB"))
    if np.array_equal(colours[..., 0], colours[..., 1]) and np.array_equal(colours[..., 0], colours[..., 2]):
        return np.ascontiguousarray(colours[..., 0]), False
    return np.array(picture.convert("RGB").convert("L")), True
