"""Writing the mask: where to, in which format, and never over something else by surprise."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from spinalsam.control.masking import present
from spinalsam.control.operation import OperationResult
from spinalsam.control.provenance import sidecar
from spinalsam.errors import OutputError
from spinalsam.support.paths import absolute

if TYPE_CHECKING:
    from spinalsam.control.jobs import Job
    from spinalsam.control.workspace import Workspace

_ENDINGS = {"nifti": ".nii.gz", "nrrd": ".nrrd", "dicom_seg": ".dcm", "stl": ".stl"}


def export(ws: Workspace, job: Job, path: str | None, format: str | None, *, overwrite: bool) -> OperationResult:
    """Write the mask and its sidecar. Raises OutputError when the file is there already and may not be replaced."""
    from spinalsam.data.formats import mask_path, write_mask

    target = mask_path(absolute(path), format) if path else free_path(ws, format or "nifti")
    if target.exists() and not overwrite:
        raise OutputError(f"'{target}' exists already; confirm to replace it (overwrite=True in a script), or choose another name.")
    job.progress(None, "Writing")
    write_mask(target, ws.case.mask, ws.case.volume, labels=ws.state.labels, sidecar=sidecar(ws), format=format)
    names = [ws.state.label(value).name for value in present(ws)]
    data = {"path": str(target), "labels": dict(zip(map(str, present(ws)), names, strict=True))}
    args = {"path": str(target), **({"format": format} if format else {})}
    return OperationResult(f"Saved {', '.join(names)} to '{target}'.", data, replay_args=args)


def free_path(ws: Workspace, format: str) -> Path:
    """A name beside the image, or in the working folder when that cannot be written, that does not exist yet."""
    source = ws.source_path
    folder = source.parent if source is not None and os.access(source.parent, os.W_OK) else Path.cwd()
    stem = source.name if source is not None else (ws.case.volume.name or "sample")
    for ending in (".nii.gz", ".seg.nrrd", *((source.suffix,) if source is not None and source.is_file() else ())):
        if ending and stem.lower().endswith(ending.lower()):
            stem = stem[: -len(ending)]
            break
    return next(path for path in _names(folder, stem, _ENDINGS[format]) if not path.exists())


def _names(folder: Path, stem: str, ending: str) -> Iterator[Path]:
    yield folder / f"{stem}_mask{ending}"
    number = 2
    while True:
        yield folder / f"{stem}_mask_{number}{ending}"
        number += 1
