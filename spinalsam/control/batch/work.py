"""One case of a batch, from its files to its folder of results. Runs in this process or in a worker on another machine.

Whatever goes wrong with a case becomes its record; only the wish to stop, and the death of the process, end more than that.
"""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spinalsam.control.batch import flags, records
from spinalsam.control.batch.cases import BatchCase
from spinalsam.control.batch.records import DONE, FAILED, NOTHING, Recipe
from spinalsam.errors import InputError, ModelError, RequirementError, ResourceError, SpinalSamError
from spinalsam.support.anatomy import level_order

if TYPE_CHECKING:
    from spinalsam.control.workspace import Workspace
    from spinalsam.data.volume import Volume
    from spinalsam.engine.segmenter import Segmenter

MOST_TRIES = 3  # deaths of a process over one case after which the case is given up
UNREACHABLE = "unreachable"  # status of a case whose files this worker does not see; another one may

# One case at a time in a process: a network and a volume fill its memory.
_one_at_a_time = threading.Lock()
_networks: dict[tuple[str, str], Segmenter] = {}


@dataclass(frozen=True)
class Task:
    """One case and what is to be done with it. out: the folder of all results. signature: of the case's files. remote: on a cluster."""

    case: BatchCase
    out: str
    recipe: Recipe
    signature: str
    force: bool = False
    remote: bool = False

    @property
    def folder(self) -> Path:
        return Path(self.out) / self.case.id


def segment_case(task: Task) -> dict[str, Any]:
    """Do a case and return its record, which lies in its folder by then."""
    with _one_at_a_time:
        missing = _missing(task)
        if missing:
            return {**_blank(task), "status": UNREACHABLE, "reason": missing, "code": InputError.exit_code, "worker": _worker_address()}
        try:
            task.folder.mkdir(parents=True, exist_ok=True)
            deaths = records.count_try(task.folder)
        except (OSError, SpinalSamError) as error:
            return failed(task, f"Its folder of results cannot be written: {error}", InputError.exit_code)
        try:
            if deaths >= MOST_TRIES:
                reason = f"The program ended {deaths} times while it was at work on this case; nothing else is known."
                return keep(task, failed(task, reason, ResourceError.exit_code))
            return keep(task, _attempt(task))
        finally:
            records.forget_tries(task.folder)


def failed(task: Task, reason: str, code: int) -> dict[str, Any]:
    """The record of a case that could not be done. Nothing in it names the files."""
    said = reason if reason == task.case.problem else unnamed(reason, task.case)
    return {**_blank(task), "status": FAILED, "reason": said, "code": code, "flags": [flags.FAILED]}


def keep(task: Task, record: dict[str, Any]) -> dict[str, Any]:
    """Write a record into its folder. Where that fails, the record says so."""
    try:
        return records.write_record(task.folder, record)
    except SpinalSamError as error:
        return failed(task, str(error), error.exit_code)


def unnamed(text: str, case: BatchCase) -> str:
    """A message without the names of the case's files and folders, which may be a patient's.

    Whole paths and names go wherever they stand. What could be a word of the message ("file", "CT", "512") goes in quotes, and where it
    is written like a name: with a capital that begins no sentence.
    """
    paths = {Path(path) for path in (case.source, *case.paths)}
    whole = {str(place) for path in paths for place in (path, *path.parents) if len(place.parts) > 1}
    names = {name for path in paths for part in path.parts[1:] for name in (part, Path(part).stem, part.split(".")[0]) if name}
    for name in sorted(whole | names, key=len, reverse=True):
        text = re.sub(_standing_for(name), case.id if name == case.source else "the image", text)
    return text


def _standing_for(name: str) -> str:
    """The pattern that finds a name where it can only be one."""
    said = re.escape(name)
    if not _may_be_a_word(name):
        return rf"(?<!\w){said}(?!\w)"
    quoted = rf"(?<=['\"/\\]){said}(?=['\"/\\.])"
    return rf"{quoted}|(?<=[\w,;:] ){said}(?!\w)" if name.istitle() else quoted


def _may_be_a_word(name: str) -> bool:
    from spinalsam.language.redaction import is_spoken_of

    if name.isascii() and name.isdigit():
        return len(name) < 4 and not name.startswith("0")  # 512, but not 0012
    return name.isascii() and name.isalnum() and is_spoken_of(name.lower())


def _blank(task: Task) -> dict[str, Any]:
    from spinalsam import __version__

    recipe = task.recipe
    return {
        "format": records.FORMAT,
        "case": task.case.id,
        "status": FAILED,
        "reason": "",
        "code": 0,
        "flags": [],
        "notes": [f"left out: {title}" for title in task.case.left_out],
        "vertebrae": [],
        "sentences": list(recipe.sentences),
        "model": {"name": recipe.model, "checksum": recipe.checksum},
        "locator": recipe.locator,
        "version": __version__,
        "key": recipe.key,
        "signature": task.signature,
        "seconds": 0.0,
    }


def _missing(task: Task) -> str:
    """Why this machine cannot get at the case, or nothing. Only asked where another machine may."""
    if not task.remote:
        return ""
    paths = (task.case.source, str(Path(task.out)))
    gone = [path for path in paths if not Path(path).exists()]
    if not gone:
        return ""
    what = "the images" if gone[0] == task.case.source else "the folder of results"
    return f"The worker on {socket.gethostname()} cannot see {what}; workers need the same folders under the same names."


def _worker_address() -> str:
    """This worker's address in its cluster; empty outside of one."""
    from distributed import get_worker

    try:
        return str(get_worker().address)
    except ValueError:
        return ""


def _attempt(task: Task) -> dict[str, Any]:
    started = time.perf_counter()
    try:
        record = _segmented(task)
    except SpinalSamError as error:
        record = failed(task, str(error), error.exit_code)
    except MemoryError:
        record = failed(task, "The memory is full; give workers more, or crop the image.", ResourceError.exit_code)
    except Exception as error:  # a bug, or a library's; the other cases go on
        record = failed(task, f"Something unexpected happened ({type(error).__name__}: {' '.join(str(error).split())}).", 1)
    if record["status"] == FAILED:
        with contextlib.suppress(OSError, SpinalSamError):
            records.put_mask_aside(task.folder, None, edited_only=False)
            records.drop_mask(task.folder)
    record["seconds"] = record["seconds"] or round(time.perf_counter() - started, 2)
    return record


def _segmented(task: Task) -> dict[str, Any]:
    """The whole work on a case. Raises SpinalSamError."""
    from spinalsam.control.workspace import Workspace
    from spinalsam.settings import Settings

    if task.case.problem:
        raise InputError(task.case.problem)
    settings = Settings.load().with_changes(model=task.recipe.model, device=task.recipe.device, disk_cache_mb=0, memory_cache_mb=64)
    before = records.read_record(task.folder)
    reader = _reader(task.case, resample=task.recipe.resample)
    with Workspace(segmenter=_network(task.recipe), journal=False, settings=settings, reader=reader) as ws:
        ws.open(task.case.source)
        if before is not None and not task.force and _is_same(before, task, ws):
            return {**before, "signature": task.signature, "notes": before.get("notes", [])}
        record = {**_blank(task), **_image(ws)}
        record["resampled"] = ws.case.resampled
        record["notes"] += [unnamed(note, task.case) for note in ws.case.volume.notes]
        _say(ws, task, record)
        _write(ws, task, record, before)
    return record


def _network(recipe: Recipe) -> Segmenter:
    """The network, loaded once a process. Raises ModelError when this machine has other weights than the batch was begun with."""
    from spinalsam.engine.models import load_segmenter

    chosen = recipe.model, recipe.device
    if chosen not in _networks:
        _networks.clear()
        _networks[chosen] = load_segmenter(recipe.model, recipe.device)
    network = _networks[chosen]
    if network.checksum != recipe.checksum:
        raise ModelError(f"The weights of '{recipe.model}' on {socket.gethostname()} are others than where the batch was started.")
    return network


def _reader(case: BatchCase, *, resample: bool) -> Any:
    """How a workspace reads this case: just the files of the chosen series, or whatever the path needs.

    resample: bring unevenly spaced slices of a series onto an even grid; other files have none.
    """
    from spinalsam.data.formats import read_volume
    from spinalsam.data.formats.dicom_studies import read_files

    def read(path: str | Path, *, series_uid: str | None = None, progress: Any = None) -> Volume:
        if case.files:
            return read_files(case.files, progress, resample=resample)
        return read_volume(path, series_uid=series_uid, progress=progress)

    return read


def _is_same(before: dict[str, Any], task: Task, ws: Workspace) -> bool:
    """Whether the case was done already, from files that look new but hold the same."""
    same = records.is_made_by(before, task.recipe) and before.get("image", {}).get("fingerprint") == ws.case.fingerprint
    return same and records.has_mask(before, task.folder)


def _image(ws: Workspace) -> dict[str, Any]:
    geometry = ws.case.volume.geometry
    spacing = [round(float(mm), 4) for mm in geometry.spacing_mm] if geometry.has_spacing else None
    image = {"fingerprint": ws.case.fingerprint, "size": list(geometry.shape), "spacing_mm": spacing, "orientation": geometry.axis_codes}
    return {"image": image}


def _say(ws: Workspace, task: Task, record: dict[str, Any]) -> None:
    """Do what the sentences ask for. What is not in the image is a finding and no failure."""
    from spinalsam.control.saying import say

    told: list[str] = []
    structures: dict[int, dict[str, Any]] = {}
    doubtful: list[dict[str, Any]] = []
    try:
        for text in task.recipe.sentences:
            for result in say(ws, text)[1]:
                told.append(unnamed(result.message, task.case))
                structures |= {one["label"]: one for one in result.data.get("structures", ())}
                doubtful += result.data.get("doubtful", ())
    except RequirementError as error:
        told.append(unnamed(str(error), task.case))
    record["answers"] = told
    record["doubtful_slices"] = doubtful
    if ws.has_mask:
        record |= {"status": DONE, "vertebrae": _vertebrae(ws, structures)}
        levels, sentences = flags.level_flags(
            {one["label"]: (one["centre_x_mm"], one["centre_y_mm"], one["centre_z_mm"]) for one in record["vertebrae"]}
        )
        record["flags"] = [*flags.of_case(record["vertebrae"]), *levels]
        record["notes"] += sentences
    else:
        record |= {"status": NOTHING, "flags": [flags.NOTHING], "reason": told[-1] if told else "Nothing was found."}


def _vertebrae(ws: Workspace, structures: dict[int, dict[str, Any]]) -> list[dict[str, Any]]:
    """A row for each label, from head to foot."""
    from spinalsam.control.batch.quantities import quantities
    from spinalsam.control.jobs import Job

    rows = []
    for value, figures in sorted(quantities(ws, Job("Measure")).items(), key=lambda item: level_order(item[0])):
        told = structures.get(value, {})
        row = {"label": value, "name": ws.state.label(value).name}
        row |= {name: told.get(name) for name in ("confidence", "certainty", "agreement")}
        rows.append({**row, "partial": bool(told.get("cut")), "doubtful": bool(told.get("doubtful")), **figures})
    flags.mark(rows)
    return rows


def _write(ws: Workspace, task: Task, record: dict[str, Any], before: dict[str, Any] | None) -> None:
    """Mask and picture. The old record goes first: until the new one is there, the case counts as not done."""
    from spinalsam.control.batch.preview import draw_preview, png
    from spinalsam.data.formats.safe_write import Output, write_all

    kept = records.put_mask_aside(task.folder, before)
    if kept:
        record["notes"].append(f"A mask that was changed by hand is kept as {kept}.")
    picture = png(draw_preview(ws))
    (task.folder / records.RECORD).unlink(missing_ok=True)
    if record["status"] == DONE:
        ws.export(task.folder / records.MASK, overwrite=True)
        record["mask"] = records.describe_file(task.folder / records.MASK)
    else:
        records.drop_mask(task.folder)
    write_all([Output(task.folder / records.PREVIEW, lambda file: _put(file, picture))])
    record["preview"] = records.PREVIEW


def _put(file: Any, content: bytes) -> None:
    file.write(content)


def sentences_of(texts: Sequence[str]) -> tuple[str, ...]:
    """Sentences as they are kept and compared: without the space around them."""
    return tuple(" ".join(text.split()) for text in texts)
