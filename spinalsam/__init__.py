"""SpinalSAM: vertebrae in CT, segmented by points, boxes and sentences."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spinalsam.control.workspace import Workspace

# Read once, when a numerical library starts its threads. Threads that spin while they wait for each other make a click ten times slower
# as soon as another program wants the same cores.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = "0.1.0"

__all__ = ["__version__", "open"]


def open(path: str | Path, *, series_uid: str | None = None, resample: bool = False, **options: Any) -> Workspace:
    """Open a CT as a workspace: ``ws = spinalsam.open("ct.nii.gz"); ws.run("add_box", corners=[...])``.

    path: of a CT, or of the journal of an earlier session, in Python or in the window, which is gone on with.
    resample: bring unevenly spaced DICOM slices, which are refused otherwise, onto an even grid. options: as
    `spinalsam.control.workspace.Workspace` takes them (segmenter, journal, settings, ...). A case that is open already, here or in
    another program, is worked on without a journal unless one is asked for. Raises SpinalSamError.
    """
    workspace = _opened(path, series_uid, options, resample=resample)
    if workspace.read_only and "journal" not in options:
        workspace.close()
        return _opened(path, series_uid, {**options, "journal": False}, resample=resample)
    return workspace


def _opened(path: str | Path, series_uid: str | None, options: dict[str, Any], *, resample: bool) -> Workspace:
    from spinalsam.control.workspace import Workspace

    workspace = Workspace(**options)
    try:
        workspace.open(path, series_uid=series_uid, resample=resample)
    except BaseException:
        workspace.close()
        raise
    return workspace
