"""From a journal back to the case: as it was, at once (restore), or by doing everything again with the model (replay)."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spinalsam.control.jobs import Job
from spinalsam.control.journal import DONE, JOURNAL_ENDING, STATE, Entry, JournalContent, first_line, read_journal
from spinalsam.control.operation import MaskEdit, Operation, OperationResult
from spinalsam.control.packing import PackedArray
from spinalsam.control.provenance import locator_identity
from spinalsam.control.session import first_fingerprint, journals_folder
from spinalsam.control.snapshot import put_state, read_with_snapshot
from spinalsam.control.state import decode_changes
from spinalsam.data.slice_cache import EmbeddingCache
from spinalsam.errors import JournalError, ModelError, OutputError, RequirementError, SpinalSamError
from spinalsam.support.calls import OperationCall, validate_call
from spinalsam.support.geometry import Geometry
from spinalsam.support.paths import absolute

if TYPE_CHECKING:
    from spinalsam.control.workspace import CaseContent, Workspace
    from spinalsam.engine.segmenter import Segmenter
    from spinalsam.settings import Settings

# Lines of these operations end a sitting; they are no step of the work.
_ENDS = frozenset({"clear_image"})
# Fields that a restored case is without.
_PASSING = frozenset({"candidates", "reference", "figures"})


@dataclass(frozen=True)
class Recoverable:
    """An earlier session that can be restored.

    source: the path of the images. time: of the last line, in UTC. steps: how many steps undo would take back there, those that had been
    undone not counted. unfinished: whether the
    program ended without closing the case. damaged: whether a line before the end cannot be read.
    """

    journal: Path
    source: str
    fingerprint: str
    time: str
    steps: int
    unfinished: bool
    damaged: bool = False

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "journal": str(self.journal)}


def find_recoverable(
    fingerprint: str | None = None,
    *,
    source: str | Path | None = None,
    settings: Settings | None = None,
    unfinished_only: bool = False,
    besides: Path | None = None,
) -> list[Recoverable]:
    """Earlier sessions in which something was done, the newest first; of one case where its fingerprint or path is given.

    besides: a journal that is gone on with already, which need not be read again. Journals that cannot be read are passed over: this
    only makes an offer.
    """
    folder = journals_folder(settings)
    wanted = None if source is None else str(absolute(source))
    found = []
    for path in folder.glob(f"{fingerprint or '*'}/*{JOURNAL_ENDING}"):
        if path == besides:
            continue
        if wanted is not None and (first_line(path) or {}).get("args", {}).get("path") != wanted:
            continue
        item = _describe(path)
        if item is not None and not (unfinished_only and not item.unfinished):
            found.append(item)
    return sorted(found, key=lambda item: (item.time, item.journal.name), reverse=True)


def find_of_changed_image(content: CaseContent, *, settings: Settings | None = None) -> list[Recoverable]:
    """Earlier sessions on the same file, series and grid whose voxels were others then, the newest first."""
    if not Path(content.source).is_absolute():
        return []
    found = [item for item in find_recoverable(source=content.source, settings=settings) if item.fingerprint != content.fingerprint]
    return [item for item in found if _same_series_and_size(first_line(item.journal) or {}, content)]


def _same_series_and_size(case: Mapping[str, Any], content: CaseContent) -> bool:
    same_series = case.get("args", {}).get("series_uid") == content.series_uid
    return same_series and case.get("size") == list(content.volume.geometry.shape)


def _describe(path: Path) -> Recoverable | None:
    try:
        journal = read_with_snapshot(path)
        steps, undone = _steps(journal)
    except SpinalSamError:
        return None
    if not steps + undone:
        return None
    last = journal.entries[-1].values
    return Recoverable(
        path,
        str(journal.case.get("args", {}).get("path", "")),
        str(journal.case.get("fingerprint", "")),
        str(last.get("t", "")),
        steps,
        not (journal.is_closed or journal.entries[-1].op in _ENDS),
        journal.damaged,
    )


def _steps(journal: JournalContent) -> tuple[int, int]:
    """(how many steps stand at a journal's end, how many had been undone and can be redone). Raises UsageError for unknown operations."""
    from spinalsam.control.operations import find

    stand, undone = _steps_before(journal), 0
    for entry in journal.done:
        if entry.op in ("undo", "redo"):
            walked = int(entry.values.get("args", {}).get("count", 1)) * (1 if entry.op == "redo" else -1)
            stand, undone = stand + walked, undone - walked
        elif find(entry.op).undoable:
            stand, undone = stand + 1, 0
    return stand, undone


def _steps_before(journal: JournalContent) -> int:
    """How many steps were done before the state with which a journal begins, if it does."""
    return sum(int(entry.values.get("steps", 0)) for entry in journal.entries if entry.kind == STATE)


def restore_content(
    path: Path, *, like: Workspace, job: Job | None = None, accept_damage: bool = False, accept_other_image: bool = False
) -> tuple[CaseContent, int]:
    """The case as a journal's last whole line left it, ready to be opened, and how many lines were done again.

    like: the workspace whose reader and sample cases are used. accept_damage: take what can be had of a damaged journal, with its
    snapshot. accept_other_image: take an image of the same size and place although its values have changed. No network runs: what
    the network did is in the journal. Raises JournalError when the journal is damaged or the images are not those it was written
    for, unless that is accepted.
    """
    from spinalsam.control.workspace import Workspace

    job = job or Job("Restore case")
    journal = read_with_snapshot(path) if accept_damage else read_journal(path)
    scratch = Workspace(journal=False, settings=like.settings, samples=like.samples, reader=like.reader)
    scratch.install(_open_source(scratch, journal, job, accept_other_image=accept_other_image))
    same_image = _same_image(scratch.case, journal)
    for number, entry in enumerate(journal.entries):
        if number % 50 == 0:
            job.progress(number / len(journal.entries), "Restoring")
        if entry.kind == STATE:
            put_state(scratch.case, entry.values)
        elif entry.kind == DONE:
            _do_again(scratch, path, entry)
    content = scratch.case
    if journal.rescued or not same_image:
        # Nothing can be added to that journal: a new one begins with the case as it is now.
        content.carried = True
    else:
        content.resumes = journal
    return content, len(journal.done) + _steps_before(journal)


def recover(path: str | Path, *, workspace: Workspace | None = None, accept_damage: bool = False, **options: Any) -> Workspace:
    """A workspace with the case as an earlier session left it; what is done next goes on in the same journal.

    workspace: where to open it; otherwise a new one is made with `options`. Raises JournalError or InputError.
    """
    from spinalsam.control.workspace import Workspace

    workspace = workspace or Workspace(**options)
    args = {"journal": str(path), **({"accept_damage": True} if accept_damage else {})}
    workspace.run("restore_case", **args)
    return workspace


@dataclass(frozen=True)
class ReplayReport:
    """What a replay gave. operations: how many were done again. differing_voxels, dice: the mask against the session's own result."""

    out: Path
    operations: int
    differing_voxels: int
    dice: float
    model: Mapping[str, str] | None

    @property
    def identical(self) -> bool:
        return self.differing_voxels == 0

    def to_json(self) -> dict[str, Any]:
        return {
            "out": str(self.out),
            "operations": self.operations,
            "identical": self.identical,
            "differing_voxels": self.differing_voxels,
            "dice": self.dice,
            "model": dict(self.model) if self.model else None,
        }


def replay(
    path: str | Path,
    out: str | Path,
    *,
    segmenter: Segmenter | None = None,
    job: Job | None = None,
    format: str | None = None,
    overwrite: bool = False,
    **options: Any,
) -> ReplayReport:
    """Do a session again from its journal, with the network, and write the mask that comes of it.

    The masks that the journal keeps are used only to count how many voxels differ. segmenter: the network, or None to load the
    model that the journal names. Raises JournalError, InputError, OutputError, or ModelError when it is another model.
    """
    from spinalsam.control.provenance import sidecar
    from spinalsam.control.workspace import Workspace
    from spinalsam.data.formats import mask_path, write_mask

    job = job or Job("Replay")
    target = mask_path(absolute(out), format)
    if target.exists() and not overwrite:
        raise OutputError(f"'{target}' exists already; choose another name or remove it.")
    journal = read_journal(Path(path))
    model = _model_of(journal)
    with Workspace(journal=False, segmenter=segmenter, **options) as ws:
        # Done again means computed again: nothing that is kept on disk may stand in for the network.
        ws.cache = EmbeddingCache(memory_bytes=ws.cache.memory_bytes)
        ws.looks_around = "told"  # by each line, whether the locator was asked then
        if model is not None:
            _use_model(ws, model, Path(path))
        precision = _locator_precision(journal)
        ws.install(_open_source(ws, journal, job))
        with _locating_in(precision):
            for number, entry in enumerate(journal.entries):
                job.progress(number / len(journal.entries), entry.op)
                if entry.kind == STATE:
                    put_state(ws.case, entry.values)
                elif entry.kind == DONE:
                    _run_again(ws, Path(path), entry)
        if not ws.has_mask:
            raise RequirementError(f"The session in '{path}' ended without a mask; there is nothing to write.")
        own = restore_content(Path(path), like=ws)[0].mask
        differing = int(np.count_nonzero(ws.case.mask != own))
        dice = _dice(ws.case.mask, own)
        write_mask(target, ws.case.mask, ws.case.volume, labels=ws.state.labels, sidecar=sidecar(ws), format=format)
    return ReplayReport(target, len(journal.done), differing, dice, model)


def _dice(one: NDArray, other: NDArray) -> float:
    """Agreement of two label maps over all labels: 1 where they are the same."""
    total = int(np.count_nonzero(one)) + int(np.count_nonzero(other))
    return 1.0 if total == 0 else 2 * int(np.count_nonzero((one == other) & (one != 0))) / total


def _open_source(ws: Workspace, journal: JournalContent, job: Job, *, accept_other_image: bool = False) -> CaseContent:
    """The journal's images as a fresh case. Raises JournalError when they are not what they were and that is not accepted."""
    from spinalsam.control.opening import open_case

    args = journal.case.get("args", {})
    resample = args.get("resample") is True
    content = open_case(ws, str(args.get("path", "")), series_uid=args.get("series_uid"), resample=resample, job=job)
    if not _same_image(content, journal) and not (accept_other_image and _same_place(content, journal)):
        raise JournalError(
            f"'{content.source}' is not the image for which the journal was written (it has changed); put the earlier file back, "
            "or accept the other image if it has the same voxels in the same place."
        )
    return content


def _same_image(content: CaseContent, journal: JournalContent) -> bool:
    """Whether voxels and grid are those for which the journal was written."""
    named = journal.case.get("fingerprint")
    return named == content.fingerprint or (journal.case.get("format") == 1 and named == first_fingerprint(content.volume))


def _same_place(content: CaseContent, journal: JournalContent) -> bool:
    """Whether the image has the grid for which the journal was written, as far as the journal says."""
    geometry, affine = content.volume.geometry, journal.case.get("affine")
    if list(geometry.shape) != journal.case.get("size"):
        return False
    return affine is None or Geometry(geometry.shape, np.vstack([affine, [0, 0, 0, 1]])).same_grid(geometry, tolerance_mm=0.01)


def _do_again(ws: Workspace, path: Path, entry: Entry) -> None:
    """Bring back one line's effect without journal, observers and network."""
    operation, call = _operation(path, entry)
    if operation.outside or entry.op in _ENDS:
        return
    try:
        # What paints never runs again here, not even where it painted nothing: candidates and network are not there.
        paints = operation.undoable and "mask" in operation.writes
        carries = paints or "edit" in entry.values or "changes" in entry.values
        # Candidates, a reference mask that is compared and what was measured are not kept; files may be gone.
        passing = bool(operation.writes) and operation.writes <= _PASSING
        result = _recorded(ws, entry) if carries or passing else operation.run(ws, Job(), **call.args)
        ws.apply_silently(operation, call, result)
    except (SpinalSamError, KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
        raise JournalError(f"Line {entry.number + 1} of the journal '{path}' cannot be done again: {error}") from error


def _recorded(ws: Workspace, entry: Entry) -> OperationResult:
    """A line's effect from what the line carries."""
    changes = decode_changes(entry.values.get("changes", {}), ws.case.state)
    edit = None
    if "edit" in entry.values:
        lower = entry.values["edit"]["lower"]
        after = PackedArray.from_json(entry.values["edit"]).array()
        edit = MaskEdit((int(lower[0]), int(lower[1]), int(lower[2])), after, after)
        if min(edit.lower_ijk) < 0 or any(high > n for high, n in zip(edit.upper_ijk, ws.case.mask.shape, strict=True)):
            raise JournalError("a mask lies outside the volume.")
        edit = replace(edit, before=ws.case.mask[edit.box].copy(order="F"))
    if "masks" in entry.values:
        changes["slice_masks"] = _slice_masks(ws, entry.values["masks"], replaces=entry.op != "prompt_mask")
    title, located = str(entry.values.get("title", "")), "locator" in entry.values
    return OperationResult("", changes=changes, edit=edit, title=title, located=located)


def _slice_masks(ws: Workspace, recorded: list[dict[str, Any]], *, replaces: bool) -> tuple[Any, ...]:
    """What the line's prompts painted on their slice, remembered as it was when they did."""
    from spinalsam.control.prompting import prompt_from_json, put

    prompts = [prompt_from_json(item["prompt"]) for item in recorded]
    masks = [PackedArray.from_json(item["mask"]).array() for item in recorded]
    ref = prompts[0].slice_ref(ws.case.volume.geometry)
    return put(ws, ref, prompts, masks, replaces=replaces).slice_masks


def _run_again(ws: Workspace, path: Path, entry: Entry) -> None:
    """Really do one line's operation once more."""
    operation, call = _operation(path, entry)
    if operation.outside or entry.op in _ENDS:
        return
    try:
        ws.dispatcher.run(call, origin="replay")
    except ModelError:
        raise
    except SpinalSamError as error:
        raise JournalError(f"Line {entry.number + 1} of the journal '{path}' ({entry.op}) could not be repeated: {error}") from error


def _operation(path: Path, entry: Entry) -> tuple[Operation, OperationCall]:
    from spinalsam.control.operations import SPECS, find

    try:
        call = OperationCall(entry.op, entry.values.get("args", {}))
        validate_call(call, SPECS)
    except (SpinalSamError, AttributeError) as error:
        raise JournalError(f"Line {entry.number + 1} of the journal '{path}' is not understood: {error}") from None
    return find(call.op), call


def _model_of(journal: JournalContent) -> dict[str, str] | None:
    """The model that made the session's masks. Raises JournalError when there were several."""
    models = {(entry.values["model"]["name"], entry.values["model"]["checksum"]) for entry in journal.done if "model" in entry.values}
    if len(models) > 1:
        names = ", ".join(sorted(f"{name} {checksum[:8]}" for name, checksum in models))
        raise JournalError(f"The session in '{journal.path}' used several models ({names}) and cannot be replayed with one.")
    name, checksum = next(iter(models), ("", ""))
    return {"name": name, "checksum": checksum} if models else None


def _locating_in(precision: str | None) -> AbstractContextManager[None]:
    """What the locator finds hangs on its precision: a replay takes the session's, also where this processor is slow at it."""
    if precision is None:
        return nullcontext()
    from spinalsam.engine.locator_net import computing_in

    return computing_in(precision)


def _locator_precision(journal: JournalContent) -> str | None:
    """In what the session's locator computed; None where it had no part. Raises ModelError where it was another one than is here."""
    lines = [entry.values["locator"] for entry in journal.done if "locator" in entry.values]
    used = {line["checksum"] for line in lines}
    if used and used != {locator_identity()["checksum"]}:
        named = ", ".join(sorted(checksum[:16] for checksum in used))
        raise ModelError(
            f"The journal '{journal.path}' was made with the locator {named}, but here it is {locator_identity()['checksum'][:16]}; "
            "install that version of the program."
        )
    return lines[0].get("precision") if lines else None


def _use_model(ws: Workspace, model: Mapping[str, str], path: Path) -> None:
    if ws.loaded_segmenter is None:
        from spinalsam.engine.models import load_segmenter

        ws.use_segmenter(load_segmenter(model["name"], ws.settings.device))
    segmenter = ws.segmenter()
    if segmenter.checksum != model["checksum"]:
        raise ModelError(
            f"The journal '{path}' was made with the model {model['name']} ({model['checksum'][:16]}), but here it is "
            f"{segmenter.name} ({segmenter.checksum[:16]}); install that version of the model."
        )
