"""From a path to a case."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spinalsam.control.session import fingerprint
from spinalsam.errors import InputError
from spinalsam.support.calls import suggest
from spinalsam.support.paths import absolute

if TYPE_CHECKING:
    from spinalsam.control.jobs import Job
    from spinalsam.control.workspace import CaseContent, Workspace
    from spinalsam.data.volume import Volume

SAMPLE = "sample:"


def open_case(ws: Workspace, path: str, *, series_uid: str | None, resample: bool = False, job: Job) -> CaseContent:
    """Read a file, a folder or a sample case and make a fresh case of it. Raises InputError or ResourceError.

    resample: bring unevenly spaced slices onto an even grid.
    """
    from spinalsam.control.workspace import CaseContent

    source = path if path.startswith(SAMPLE) else str(absolute(path))
    options = {"series_uid": series_uid, **({"resample": True} if resample else {})}
    volume = _read(ws, source, options, job)
    job.progress(None, "Checking")
    content = CaseContent.fresh(volume, source=source, series_uid=series_uid, fingerprint=fingerprint(volume))
    content.resampled = bool(volume.source.get("resampled"))
    if ws.looks_for_spine:
        spine_of(content)
    return content


def spine_of(content: CaseContent) -> tuple[int, int, int] | None:
    """The voxel in the middle of the spine, or None where it cannot be told; looked for once a case."""
    from spinalsam.support.spine_place import find_spine

    if content.spine is None:
        volume = content.volume
        told = volume.is_hu and min(volume.geometry.shape) > 1
        content.spine = (find_spine(volume.voxels, volume.geometry) if told else None,)
    return content.spine[0]


def _read(ws: Workspace, source: str, options: Mapping[str, Any], job: Job) -> Volume:
    if source.startswith(SAMPLE):
        name = source.removeprefix(SAMPLE)
        if name not in ws.samples:
            known = ", ".join(SAMPLE + known for known in ws.samples) or "none here"
            raise InputError(f"There is no sample case '{name}' ({known}).{suggest(name, list(ws.samples))}")
        return ws.samples[name]()
    if ws.reader is not None:
        return ws.reader(Path(source), **options, progress=job.progress)
    from spinalsam.data.formats import read_volume

    return read_volume(Path(source), **options, progress=job.progress)
