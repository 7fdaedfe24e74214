"""Files that arrive together, as by drag and drop: which is the image to open, and which are masks to lay over it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from spinalsam.control.journal import JOURNAL_ENDING

if TYPE_CHECKING:
    from spinalsam.control.jobs import Job
    from spinalsam.control.workspace import Workspace


@dataclass(frozen=True)
class Arrivals:
    """image: what is to be opened (file, folder or journal), or None where the open case stays. masks: files to be laid over it.

    left: what there is no place for, as only one case is open at a time.
    """

    image: Path | None
    masks: tuple[Path, ...] = ()
    left: tuple[Path, ...] = ()


def sort_arrivals(ws: Workspace, paths: Sequence[Path], job: Job) -> Arrivals:
    """What each of the paths, at least one, is for.

    Masks are laid over the open case, or over the image that comes with them; with neither, the first is opened like any image. Slices
    of one folder stand for that folder. A file that cannot be read counts as an image: opening it says why. Raises Cancelled.
    """
    journals = [path for path in paths if path.suffix.lower() == JOURNAL_ENDING]
    if journals:
        return Arrivals(journals[0], (), tuple(path for path in paths if path is not journals[0]))
    folder = _shared_folder(paths)
    if folder is not None:
        return Arrivals(folder)
    if len(paths) == 1 and not ws.has_case:
        return Arrivals(paths[0])
    masks = []
    for number, path in enumerate(paths):
        job.progress(number / len(paths), f"Looking at '{path.name}' ...")
        if _is_mask(ws, path):
            masks.append(path)
    images = [path for path in paths if path not in masks]
    if images:
        return Arrivals(images[0], tuple(masks), tuple(images[1:]))
    if ws.has_case:
        return Arrivals(None, tuple(masks))
    return Arrivals(masks[0], (), tuple(masks[1:]))


def _is_mask(ws: Workspace, path: Path) -> bool:
    from spinalsam.data.formats import is_mask

    volume = ws.volume
    return is_mask(path, volume.geometry if volume is not None else None)


def _shared_folder(paths: Sequence[Path]) -> Path | None:
    """The folder of several files that are slices of a stack in it, else None."""
    from spinalsam.data.formats import is_slice

    parents = {path.parent for path in paths}
    together = len(paths) > 1 and len(parents) == 1 and all(path.is_file() and is_slice(path) for path in paths)
    return parents.pop() if together else None
