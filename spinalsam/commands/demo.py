"""`spinalsam demo`: the main job on the sample case, through the same operations as the window."""

from __future__ import annotations

import argparse
import csv
import io
import json
import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spinalsam.commands.output import add_json, figure, note, print_result, table
from spinalsam.errors import OutputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from spinalsam.control.workspace import Workspace
    from spinalsam.support.planes import SliceRef

NAME = "demo"
HELP = "The main job on a sample case: clicks, a box and a sentence to a mask, a picture and a table of figures."

CLICKED, BOXED, SPOKEN = "L3", "L4", ("L1", "L2", "L3", "L4", "L5")
CLICKS = 2
# A neighbour that reaches into a box with at least so many pixels gets a negative click, as a person would give it.
_INTRUDER_PIXELS = 30
SENTENCE = "Generate the masks from the boxes, then measure L3."
_BOX_MARGIN_PIXELS = 2
_FIGURES = ("dice", "iou", "hd95_mm", "nsd_1mm")
_COLUMNS = ("label", "prompt", "plane", "slice", *_FIGURES)


@dataclass
class Record:
    """What the demo did: a row for every label, and how long every stage took."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    stages_ms: dict[str, float] = field(default_factory=dict)
    answers: list[str] = field(default_factory=list)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", metavar="DIR", default="spinalsam_demo", help="where the results go (default: ./spinalsam_demo)")
    parser.add_argument("--headless", action="store_true", help="never open a window")
    add_json(parser)


def run(options: argparse.Namespace) -> int | None:
    out = _folder(Path(options.out))
    document = perform(out)
    print_result(options, document, lambda: _text(document))
    if options.headless:
        return None
    from spinalsam.commands.open_window import missing_display, show

    if missing_display():
        return None
    return show("sample:phantom", mask=out / "mask.nii.gz")


def perform(out: Path) -> dict[str, Any]:
    """The whole job; leaves mask.nii.gz (and its sidecar), overlay.png, figures.json and figures.csv in the folder."""
    from spinalsam.commands.samples import SAMPLES, phantom_reference, sample_files
    from spinalsam.control.workspace import Workspace

    record = Record()
    files = sample_files()
    with Workspace(journal=False, samples=SAMPLES) as case:
        _timed(record, "open", lambda: case.run("open_image", path="sample:phantom"))
        _timed(record, "load_model", case.segmenter)
        reference = phantom_reference(case.case.volume)
        _click(case, reference, record)
        _box(case, reference, record)
        middle = _many_boxes(case, reference)
        _timed(record, "sentence", lambda: _speak(case, record))
        record.rows += [_row(case, reference, region, "box, negative click, sentence", middle) for region in SPOKEN]
        _timed(record, "export", lambda: case.export(out / "mask.nii.gz", overwrite=True))
        _draw(case, out / "overlay.png", middle)
        model = case.segmenter()
        document = {
            "sample": str(files.image),
            "reference": str(files.reference),
            "mask": str(out / "mask.nii.gz"),
            "picture": str(out / "overlay.png"),
            "model": {"name": model.name, "checksum": model.checksum},
            "sentence": SENTENCE,
            "answers": record.answers,
            "labels": record.rows,
            "stages_ms": record.stages_ms,
        }
    _write_figures(out, document)
    return document


def _folder(out: Path) -> Path:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder '{out}' cannot be made: {error.strerror or error}; name another one with --out.") from None
    return out


def _timed(record: Record, stage: str, work: Any) -> Any:
    started = time.perf_counter()
    result = work()
    record.stages_ms[stage] = round((time.perf_counter() - started) * 1000, 1)
    message = getattr(result, "message", "")
    if message:
        record.answers.append(message)
        note(message)
    return result


def _click(case: Workspace, reference: NDArray, record: Record) -> None:
    """Click into a vertebra on an axial slice, deep inside its parts, where someone who looks at it would."""
    from spinalsam.control.placing import interior_points

    ref = _go_to_clearest(case, reference, "axial", CLICKED)
    clicks = _pixels(interior_points(_on_slice(case, reference, CLICKED, ref), CLICKS))
    case.run("add_points", at=clicks, regions=[CLICKED])
    _timed(record, "clicks_to_mask", lambda: case.run("generate_point_mask", regions=[CLICKED]))
    record.rows.append(_row(case, reference, CLICKED, f"{len(clicks)} clicks", ref))


def _box(case: Workspace, reference: NDArray, record: Record) -> None:
    """Drag a box around a vertebra on a coronal slice."""
    ref = _go_to_clearest(case, reference, "coronal", BOXED)
    case.run("add_box", corners=_around(_on_slice(case, reference, BOXED, ref)), regions=[BOXED])
    _timed(record, "box_to_mask", lambda: case.run("generate_box_mask", regions=[BOXED]))
    record.rows.append(_row(case, reference, BOXED, "a box", ref))


def _many_boxes(case: Workspace, reference: NDArray) -> SliceRef:
    """Drag a box around every lumbar vertebra on the sagittal slice through the middle; its masks are asked for by the sentence."""
    case.run("set_view", plane="sagittal")
    case.run("go_to", position="middle")
    for region in SPOKEN:
        corners = _around(_on_slice(case, reference, region, case.shown))
        case.run("add_box", corners=corners, regions=[region])
        intruders = _intruders(case, reference, region, corners)
        if intruders:
            case.run("add_points", at=intruders, regions=[region], label="negative")
    return case.shown


def _around(truth: NDArray) -> list[int]:
    """Corners [x0, y0, x1, y1] a little outside of a shape."""
    import numpy as np

    rows, columns = np.flatnonzero(truth.any(axis=1)), np.flatnonzero(truth.any(axis=0))
    margin = _BOX_MARGIN_PIXELS
    return [int(columns[0]) - margin, int(rows[0]) - margin, int(columns[-1]) + margin, int(rows[-1]) + margin]


def _intruders(case: Workspace, reference: NDArray, region: str, corners: list[int]) -> list[list[int]]:
    """A click in every part of another vertebra that reaches into the box."""
    import numpy as np
    from scipy import ndimage

    from spinalsam.control.placing import interior_points

    plane, ref = case.plane(), case.shown
    others = (plane.cut(reference, ref.index) != 0) & ~_on_slice(case, reference, region, ref)
    inside = np.zeros_like(others)
    inside[corners[1] : corners[3] + 1, corners[0] : corners[2] + 1] = True
    pieces, count = ndimage.label(others & inside)
    large = [pieces == number for number in range(1, count + 1) if (pieces == number).sum() >= _INTRUDER_PIXELS]
    return [_pixels(interior_points(piece, 1))[0] for piece in large]


def _pixels(points: list[tuple[int, int]]) -> list[list[int]]:
    return [[int(x), int(y)] for x, y in points]


def _go_to_clearest(case: Workspace, reference: NDArray, plane: str, region: str) -> SliceRef:
    """Show the slice of a plane that shows most of a vertebra."""
    from spinalsam.support.anatomy import label_value

    axis = case.plane(plane).normal_axis
    others = tuple(other for other in range(3) if other != axis)
    index = int((reference == label_value(region)).sum(axis=others).argmax())
    case.run("set_view", plane=plane)
    case.run("go_to", slice=index + 1)
    return case.shown


def _on_slice(case: Workspace, labels: NDArray, region: str, ref: SliceRef) -> NDArray:
    """A region of a label map on a slice, (rows, columns) bool."""
    from spinalsam.support.anatomy import label_value

    return case.plane(ref.plane).cut(labels, ref.index) == label_value(region)


def _row(case: Workspace, reference: NDArray, region: str, prompt: str, ref: SliceRef) -> dict[str, Any]:
    """The figures of a region on the slice that was prompted."""
    from spinalsam.support.metrics import evaluate_mask

    found, truth = (_on_slice(case, labels, region, ref) for labels in (case.case.mask, reference))
    figures = evaluate_mask(found, truth, case.plane(ref.plane).spacing_mm)
    kept = {name: round(figures[name], 4) if math.isfinite(figures[name]) else None for name in _FIGURES}
    return {"label": region, "prompt": prompt, "plane": ref.plane, "slice": ref.index + 1, **kept}


def _speak(case: Workspace, record: Record) -> None:
    from spinalsam.control.saying import say

    note(f'"{SENTENCE}"')
    for result in say(case, SENTENCE)[1]:
        record.answers.append(result.message)
        note(result.message)


def _draw(case: Workspace, path: Path, middle: SliceRef) -> None:
    """The three planes through the slices that were prompted."""
    from spinalsam.commands.overlay import write_overlay

    voxel = [0, 0, 0]
    for ref in (middle, case.state.points[0].ref, case.state.boxes[0].ref):
        voxel[case.plane(ref.plane).normal_axis] = ref.index
    write_overlay(path, case.case.volume, case.case.mask, centre_ijk=(voxel[0], voxel[1], voxel[2]), title="SpinalSAM: sample case")


def _write_figures(out: Path, document: dict[str, Any]) -> None:
    from spinalsam.settings import write_atomically

    text = io.StringIO()
    writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(document["labels"])
    write_atomically(out / "figures.csv", text.getvalue().encode())
    write_atomically(out / "figures.json", (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode())


def _text(document: dict[str, Any]) -> str:
    digits = {"hd95_mm": 2}
    rows = [
        [row["label"], row["prompt"], f"{row['plane']} {row['slice']}", *(figure(row[name], digits.get(name, 3)) for name in _FIGURES)]
        for row in document["labels"]
    ]
    titles = ["label", "prompt", "slice", "Dice", "IoU", "HD95 mm", "NSD 1 mm"]
    lines = [table("Against the sample's reference, on the prompted slice", titles, rows)]
    lines += [f"mask     {document['mask']}", f"picture  {document['picture']}", f"sample   {document['sample']}"]
    return "\n".join(lines)
