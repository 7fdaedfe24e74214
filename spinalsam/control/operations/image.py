"""Opening and closing a case."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from spinalsam.control.journal import JOURNAL_ENDING
from spinalsam.control.operation import OperationResult, operation, resampling_offered
from spinalsam.control.requirements import has_case
from spinalsam.errors import InputError, SeveralCasesError, UsageError
from spinalsam.support.calls import ArgumentSpec
from spinalsam.support.paths import absolute

if TYPE_CHECKING:
    from spinalsam.control.jobs import Job
    from spinalsam.control.workspace import CaseContent, Workspace


@operation(
    "Open image",
    category="image",
    shortcut="Ctrl+O",
    arguments=(
        ArgumentSpec("path", "text", help="a CT file, a DICOM folder, a picture, a folder of pictures, or a journal"),
        ArgumentSpec("series_uid", "text", help="which series of a DICOM folder that holds several"),
        ArgumentSpec("resample", "flag", help="bring unevenly spaced slices onto an even grid"),
    ),
    background=True,
    writes=("case",),
)
def open_image(ws: Workspace, job: Job, *, path: str = "", series_uid: str | None = None, resample: bool = False) -> OperationResult:
    """Open a CT volume, a DICOM folder, a picture, or the journal of an earlier session."""
    if not path:
        raise UsageError("Which image? Give the path of a file or a folder.")
    return case_opened(ws, job, path, series_uid, resample=resample)


def case_opened(ws: Workspace, job: Job, path: str, series_uid: str | None = None, *, resample: bool = False) -> OperationResult:
    """The case at a path as the one to work on; a journal brings its case back."""
    from spinalsam.control.case_list import holds_studies
    from spinalsam.control.opening import open_case

    if Path(path).suffix.lower() == JOURNAL_ENDING:
        if series_uid:
            raise UsageError("A journal names its series itself; open it without one.")
        return case_restored(ws, job, Path(path))
    series = {"series_uid": series_uid} if series_uid else {}
    try:
        with resampling_offered("open_image", {"path": path, **series}):
            content = open_case(ws, path, series_uid=series_uid, resample=resample, job=job)
    except InputError as error:
        if not series and Path(path).is_dir() and holds_studies(Path(path)):
            raise SeveralCasesError(str(error)) from None
        raise
    return OperationResult(_opened(content), _case_data(ws, content), {"case": content}, replay_args=content.opening_args)


@operation(
    "Close image",
    category="image",
    shortcut="Ctrl+W",
    requires=(has_case,),
    destructive=True,
    writes=("case",),
)
def clear_image(ws: Workspace, job: Job) -> OperationResult:
    """Close the case: image, prompts and masks; its journal stays, so that it can be restored."""
    worked = bool(ws.undo_titles) or ws.has_mask
    kept = " What you did is kept: open the image again to restore it." if worked and ws.journal_path else ""
    return OperationResult(f"The image is closed.{kept}", changes={"case": None})


@operation(
    "Restore case",
    category="image",
    spoken=False,
    arguments=(
        ArgumentSpec("journal", "text", required=True, help="the journal of an earlier session"),
        ArgumentSpec("accept_damage", "flag", help="take what can be had of a damaged journal"),
        ArgumentSpec("accept_other_image", "flag", help="take an image of the same size and place whose values have changed"),
    ),
    background=True,
    writes=("case",),
)
def restore_case(
    ws: Workspace, job: Job, *, journal: str, accept_damage: bool = False, accept_other_image: bool = False
) -> OperationResult:
    """Open a case as an earlier session left it."""
    return case_restored(ws, job, Path(journal), accept_damage=accept_damage, accept_other_image=accept_other_image)


def case_restored(ws: Workspace, job: Job, journal: Path, **accepted: bool) -> OperationResult:
    """The case of a journal as its last whole line left it. Raises JournalError, UsageError, and InputError where the images are gone."""
    from spinalsam.control.recovery import restore_content

    journal = absolute(journal)
    if ws.journal_path == journal:
        raise UsageError("This is the session that is open already; there is nothing to restore.")
    content, _ = restore_content(journal, like=ws, job=job, **accepted)
    steps = len(content.history.undo_titles)
    message = f"Restored '{content.volume.name or Path(content.source).name}' with {steps} steps; undo works from here."
    return OperationResult(message, {**_case_data(ws, content), "restored": True}, {"case": content})


@operation(
    "Keep journal elsewhere",
    category="image",
    spoken=False,
    requires=(has_case,),
    arguments=(ArgumentSpec("folder", "text", required=True, help="a folder that can be written, on another disk if need be"),),
)
def keep_journal(ws: Workspace, job: Job, *, folder: str) -> OperationResult:
    """Save everything that was done in a journal in another folder and go on there, where the usual place cannot be written."""
    session = ws.case.session
    if session is None:
        raise UsageError("Nothing is recorded in this workspace, so there is no journal to keep.")
    with ws.lock:
        path = session.move_to(absolute(folder), ws.case)
    return OperationResult(f"All that was done is in '{path}' now, and what you do next goes there too.", {"journal": str(path)})


def _opened(content: CaseContent) -> str:
    size = "x".join(str(n) for n in content.volume.geometry.shape)
    name = content.volume.name or Path(content.source).name
    notes = "".join(f" {note}" for note in content.volume.notes)
    return f"Opened '{name}': {size} voxels, {content.volume.geometry.axis_codes}.{notes}"


def _case_data(ws: Workspace, content: CaseContent) -> dict[str, Any]:
    """Size, spacing and the sessions of this case that can be restored."""
    from spinalsam.control.recovery import find_of_changed_image, find_recoverable

    geometry = content.volume.geometry
    resumed = content.resumes.path if content.resumes is not None else None
    earlier = find_recoverable(content.fingerprint, settings=ws.settings, besides=resumed) if ws.keeps_journal else []
    of_changed = find_of_changed_image(content, settings=ws.settings) if ws.keeps_journal else []
    return {
        "size": list(geometry.shape),
        "spacing_mm": [float(mm) for mm in geometry.spacing_mm] if geometry.has_spacing else None,
        "orientation": geometry.axis_codes,
        "notes": list(content.volume.notes),
        "recoverable": [
            *(item.to_json() for item in earlier if not content.session or item.journal != content.session.path),
            *({**item.to_json(), "other_image": True} for item in of_changed),
        ],
    }
