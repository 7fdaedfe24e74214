"""`spinalsam segment IMAGE -o OUT`: prompts to a mask on the image's own grid, through the same operations as the window."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spinalsam.commands import batch
from spinalsam.commands import prompts as prompting
from spinalsam.commands.output import OUT_HELP, add_json, add_series, note, notes_on_success, print_result, progress
from spinalsam.errors import InputError, OutputError, UsageError

if TYPE_CHECKING:
    from spinalsam.control.workspace import Workspace
    from spinalsam.support.prompts import Prompt

NAME = "segment"
HELP = "Prompts to a mask on the image's own grid."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    help = "a CT file, a DICOM folder, a picture or a folder of pictures; with a folder for -o any number of them, and lists"
    parser.add_argument("image", metavar="IMAGE", nargs="+", help=help)
    parser.add_argument("-o", "--out", required=True, metavar="OUT", help=OUT_HELP)
    prompting.add_arguments(parser)
    parser.add_argument("--say", action="append", default=[], metavar="TEXT", help="a sentence, after the prompts; repeatable")
    parser.add_argument("--propagate", action="store_true", help="carry every mask through the neighbouring slices")
    parser.add_argument("--alone", action="store_true", help="answer prompts from their slice by itself, without the locator")
    add_model(parser)
    add_series(parser)
    batch.add_arguments(parser)
    add_json(parser)


def add_model(parser: argparse.ArgumentParser) -> None:
    """The options that choose the network and where it runs."""
    parser.add_argument("--model", metavar="NAME", help="a model of `spinalsam models` (default: the one of the settings)")
    parser.add_argument("--device", metavar="D", help="auto, cpu, cuda, cuda:N or mps (default: the one of the settings)")


def run(options: argparse.Namespace) -> int:
    if batch.is_batch(options):
        return batch.run(options)
    [options.image] = options.image
    prompts = prompting.from_options(options)
    if not prompts and not options.say:
        raise UsageError("Nothing says what to segment; give --point, --box, --prompts or --say.")
    out = _writable(options.out)
    started = time.perf_counter()
    with notes_on_success(), workspace(options) as case:
        case.looks_around = "told" if options.alone else "first"
        case.open(options.image, series_uid=options.series, resample=options.resample)
        _notes(case, options)
        _check(prompts, case)
        document = _segment(case, prompts, options)
        _write(case, out)
        document |= {"output": str(out), "sidecar": str(_sidecar(out)), "seconds": round(time.perf_counter() - started, 3)}
    print_result(options, document, lambda: _text(document))
    return 0


def workspace(options: argparse.Namespace) -> Workspace:
    """A workspace for one command: the chosen network, no journal. Raises ModelError for a network that does not exist."""
    from spinalsam.control.workspace import Workspace
    from spinalsam.settings import Settings

    chosen = {name: value for name, value in (("model", options.model), ("device", options.device)) if value is not None}
    return Workspace(journal=False, settings=Settings.load().with_changes(**chosen))


def _writable(name: str) -> Path:
    """The output's path, once it is known that a mask can be written there: nobody should wait for a mask that cannot be kept."""
    from spinalsam.data.formats import mask_path

    out = mask_path(name)
    folder = out.absolute().parent
    if not folder.is_dir():
        raise OutputError(f"The folder of '{out}' does not exist; make it first.")
    if out.is_dir():
        raise OutputError(f"'{out}' is a folder; name a file in it.")
    _try_to_write(folder, out)
    return out


def _try_to_write(folder: Path, out: Path) -> None:
    import tempfile

    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OutputError(f"'{out}' cannot be written: {error.strerror or error}; choose another place.") from None


def _notes(case: Workspace, options: argparse.Namespace) -> None:
    for sentence in case.volume.notes if case.volume else ():
        note(f"note: {sentence}")
    if options.label is None and (options.point or options.box):
        note("note: without --label the mask gets the value 1, which stands for C1; --label L3 names the vertebra.")


def _check(prompts: list[Prompt], case: Workspace) -> None:
    """Every prompt lies on one slice of the volume, before the first mask is made. Raises InputError."""
    for prompt in prompts:
        prompt.slice_ref(case.case.volume.geometry)


def _segment(case: Workspace, prompts: list[Prompt], options: argparse.Namespace) -> dict[str, Any]:
    made = []
    if options.say and options.label is not None:
        _choose_label(case, options.label)
    for number, prompt in enumerate(prompts, 1):
        progress((number - 1) / len(prompts), "segmenting")
        result = case.run("prompt_mask", prompt=prompt.to_json())
        made.append(dict(result.data))
        if not any(mask["pixels"] for mask in result.data["masks"]):
            note(f"note: {result.message}")
            continue
        if options.propagate:
            _propagate(case, prompt)
    if prompts:
        progress(1.0, "segmenting")
    if options.say:
        _speak(case, prompts, options)
    return {"prompts": [prompt.to_json() for prompt in prompts], "results": made, **_labels(case), **_measured(case), **_model(case)}


def _propagate(case: Workspace, prompt: Prompt) -> None:
    ref = prompt.slice_ref(case.case.volume.geometry)
    case.run("propagate", direction="both", plane=ref.plane, slice=ref.index + 1, value=prompt.label)


def _speak(case: Workspace, prompts: list[Prompt], options: argparse.Namespace) -> None:
    """Do what the sentences say, in order, from the slice that was prompted last.

    Raises InputError for a sentence that asks for nothing that can be done here, and when there would be no mask to write.
    """
    from spinalsam.control.saying import makes_mask, say

    _look_at(case, prompts[-1] if prompts else None, options.plane)
    asked: set[str] = set()
    for text in options.say:
        calls, results = say(case, text)
        asked |= {call.op for call in calls}
        for result in results:
            note(result.message)
    if options.propagate and case.has_mask and not prompts:
        case.run("propagate", direction="both")
        return
    if not prompts and not any(makes_mask(op) for op in asked):
        raise InputError("The sentences ask for no mask, so there is nothing to write; add one such as 'generate the mask'.")


def _look_at(case: Workspace, prompt: Prompt | None, plane: str) -> None:
    """Show the slice on which the prompt lies: slice numbers and pixels of the sentences refer to it."""
    if prompt is not None:
        ref = prompt.slice_ref(case.case.volume.geometry)
        case.run("go_to", slice=ref.index + 1, plane=ref.plane)
        plane = ref.plane
    if plane != case.state.view.active_plane:
        case.run("set_view", plane=plane)


def _choose_label(case: Workspace, label: str) -> None:
    """The label of masks that the sentences ask for."""
    from spinalsam.support.anatomy import LABEL_NAMES, parse_label

    value = parse_label(label)
    if value in LABEL_NAMES:
        case.run("set_label", regions=[LABEL_NAMES[value]])
    else:
        case.run("change_label", value=case.state.active_label, to=value)


def _labels(case: Workspace) -> dict[str, Any]:
    import numpy as np

    from spinalsam.support.anatomy import label_name

    values, counts = np.unique(case.case.mask, return_counts=True)
    names = {label.value: label.name for label in case.state.labels}
    voxels = {
        str(int(value)): {"name": names.get(int(value), label_name(int(value))), "voxels": int(count)}
        for value, count in zip(values, counts, strict=True)
        if value
    }
    return {"labels": voxels}


def _measured(case: Workspace) -> dict[str, Any]:
    """What a sentence asked to be measured last, where the mask is still the one that was measured."""
    figures = case.state.figures
    if figures is None or figures.mask_revision != case.field_revisions.get("mask", 0):
        return {}
    return {"measurements": [dict(row) for row in figures.rows], "cobb": [dict(angle) for angle in figures.angles]}


def _model(case: Workspace) -> dict[str, Any]:
    network = case.loaded_segmenter
    return {"model": {"name": network.name, "checksum": network.checksum} if network else None}


def _write(case: Workspace, out: Path) -> None:
    """The mask and its sidecar. A mask in which nothing was found is a result too, though the window has nothing to export then."""
    if case.has_mask:
        case.export(out, overwrite=True)
        return
    from spinalsam.control.provenance import sidecar
    from spinalsam.data.formats import write_mask

    write_mask(out, case.case.mask, case.case.volume, sidecar=sidecar(case))


def _sidecar(out: Path) -> Path:
    from spinalsam.data.formats import sidecar_path

    return sidecar_path(out)


def _text(document: dict[str, Any]) -> str:
    labels = ", ".join(f"{label['name']} ({label['voxels']} voxels)" for label in document["labels"].values()) or "nothing found"
    return f"{document['output']}: {labels}, in {document['seconds']:.1f} s"
