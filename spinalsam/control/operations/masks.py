"""Masks: make them, carry them on, choose, clear, measure and write them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from spinalsam.control.operation import OperationResult, Preset, operation
from spinalsam.control.operations.points import SURROUNDINGS
from spinalsam.control.requirements import has_candidates, has_case, has_figures, has_mask
from spinalsam.support.calls import ArgumentSpec

if TYPE_CHECKING:
    from spinalsam.control.jobs import Job
    from spinalsam.control.workspace import Workspace

ENDPLATES = ("superior", "inferior")
_GENERATED = ("mask", "labels", "candidates")


@operation(
    "Mask from a prompt",
    category="masks",
    spoken=False,
    requires=(has_case,),
    arguments=(ArgumentSpec("prompt", "json", required=True, help="one line of a prompts file: plane, points, box, label"), SURROUNDINGS),
    undoable=True,
    background=True,
    writes=_GENERATED,
    reads=("mask", "locked"),
)
def prompt_mask(ws: Workspace, job: Job, *, prompt: Any, surroundings: bool | None = None) -> OperationResult:
    """Make the mask of one prompt given in voxels, on the slice on which it lies."""
    from spinalsam.control.prompting import prompt_from_json, prompt_result

    return prompt_result(ws, job, prompt_from_json(prompt), surroundings=surroundings)


@operation(
    "Choose candidate",
    category="masks",
    spoken=False,
    shortcut="Tab",
    requires=(has_candidates,),
    arguments=(ArgumentSpec("number", "count", help="which of the candidates, from 1; without it the next one"),),
    undoable=True,
    writes=_GENERATED,
)
def choose_candidate(ws: Workspace, job: Job, *, number: int | None = None) -> OperationResult:
    """Take another of the candidates that the last prompt gave."""
    from spinalsam.control.prompting import other_candidate

    return other_candidate(ws, number)


@operation(
    "Segment",
    category="masks",
    requires=(has_case,),
    arguments=(ArgumentSpec("regions", "regions", required=True, help="the vertebrae to find and segment"),),
    undoable=True,
    background=True,
    writes=(*_GENERATED, "view", "active_label"),
    reads=("mask", "locked"),
)
def segment(ws: Workspace, job: Job, *, regions: Sequence[str]) -> OperationResult:
    """Segment whole structures, from what is known of them: their prompts or their mask on a slice."""
    from spinalsam.control.volumes import segment_regions

    return segment_regions(ws, job, tuple(regions))


@operation(
    "Propagate",
    category="masks",
    requires=(has_mask,),
    arguments=(
        ArgumentSpec("direction", "choice", choices=("up", "down", "both"), help="up: toward the head; both by default"),
        ArgumentSpec("plane", "choice", choices=("axial", "sagittal", "coronal"), help="plane of the slices; the shown one"),
        ArgumentSpec("slice", "count", help="number of the slice to start from; the shown one"),
        ArgumentSpec("value", "count", help="label value of the mask; the active label's, else the one on the slice"),
    ),
    presets=(
        Preset("Propagate up and down", {"direction": "both"}, "Ctrl+P"),
        Preset("Propagate toward the head", {"direction": "up"}, "Ctrl+Up"),
        Preset("Propagate toward the feet", {"direction": "down"}, "Ctrl+Down"),
    ),
    undoable=True,
    background=True,
    writes=(*_GENERATED, "view"),
    reads=("mask", "locked"),
)
def propagate(
    ws: Workspace,
    job: Job,
    *,
    direction: str = "both",
    plane: str | None = None,
    slice: int | None = None,
    value: int | None = None,
) -> OperationResult:
    """Carry the current mask through the neighbouring slices until the structure ends."""
    from spinalsam.control.placing import slice_argument
    from spinalsam.control.volumes import propagate_from

    return propagate_from(ws, job, slice_argument(ws, plane, slice), direction=direction, value=value)


@operation(
    "Clear mask",
    category="masks",
    requires=(has_mask,),
    arguments=(ArgumentSpec("regions", "regions", help="only the masks of these vertebrae"),),
    undoable=True,
    writes=_GENERATED,
)
def clear_mask(ws: Workspace, job: Job, *, regions: Sequence[str] | None = None) -> OperationResult:
    """Take masks away; prompts stay, locked labels stay."""
    from spinalsam.control.masking import clear_values

    return clear_values(ws, regions)


@operation(
    "Load mask",
    category="masks",
    spoken=False,
    requires=(has_case,),
    arguments=(
        ArgumentSpec("path", "text", required=True, help="a label image on the same grid"),
        ArgumentSpec("resample", "flag", help="bring a mask of another grid onto the image's, nearest voxel"),
        ArgumentSpec("label_table", "text", help="a label description file of ITK-SNAP that names the mask's labels"),
    ),
    undoable=True,
    background=True,
    writes=_GENERATED,
    reads=("mask", "labels"),
)
def load_mask(ws: Workspace, job: Job, *, path: str, resample: bool = False, label_table: str | None = None) -> OperationResult:
    """Put the labels of a mask file on the image, by their names where the file has them; locked labels stay."""
    from spinalsam.control.masking import loaded

    return loaded(ws, job, path, resample=resample, label_table=label_table)


@operation(
    "Measure",
    category="masks",
    shortcut="M",
    requires=(has_mask,),
    arguments=(ArgumentSpec("regions", "regions", help="only these vertebrae"),),
    background=True,
    writes=("figures",),
    reads=("mask",),
)
def measure(ws: Workspace, job: Job, *, regions: Sequence[str] | None = None) -> OperationResult:
    """Volume, mean HU and dimensions of the masks; of vertebrae body and disc heights, core HU and Cobb angles too."""
    from spinalsam.control.measuring import measure_labels

    return measure_labels(ws, job, regions)


@operation(
    "Cobb angle",
    category="masks",
    spoken=False,
    requires=(has_mask,),
    arguments=(
        ArgumentSpec("upper", "regions", single=True, help="the upper level, such as T12; without levels the largest coronal angle"),
        ArgumentSpec("lower", "regions", single=True, help="the lower level, such as L4"),
        ArgumentSpec("upper_endplate", "choice", choices=ENDPLATES, help="which endplate of the upper level; superior"),
        ArgumentSpec("lower_endplate", "choice", choices=ENDPLATES, help="which endplate of the lower level; inferior"),
        ArgumentSpec("plane", "choice", choices=("coronal", "sagittal"), help="as seen from the front (scoliosis) or the side; coronal"),
    ),
    background=True,
    writes=("figures",),
    reads=("mask", "figures"),
)
def measure_cobb(
    ws: Workspace,
    job: Job,
    *,
    upper: Sequence[str] | None = None,
    lower: Sequence[str] | None = None,
    upper_endplate: str = "superior",
    lower_endplate: str = "inferior",
    plane: str = "coronal",
) -> OperationResult:
    """The angle between two endplates, drawn on the slices; for research use only."""
    from spinalsam.control.quantities import cobb_angle

    levels = [regions[0] if regions else None for regions in (upper, lower)]
    return cobb_angle(ws, job, levels[0], levels[1], upper_endplate, lower_endplate, plane)


@operation(
    "Show measurements",
    category="masks",
    spoken=False,
    requires=(has_figures,),
    arguments=(ArgumentSpec("visible", "flag", help="draw them, or not; without it the other way round"),),
    writes=("figures",),
)
def show_figures(ws: Workspace, job: Job, *, visible: bool | None = None) -> OperationResult:
    """Draw on the slices where the last measurements were read, or take the lines away."""
    from dataclasses import replace

    figures = ws.state.figures
    assert figures is not None  # required
    shown = not figures.shown if visible is None else visible
    return OperationResult(
        "The measurements are drawn." if shown else "The measurements are hidden.", changes={"figures": replace(figures, shown=shown)}
    )


@operation(
    "Export mask",
    category="masks",
    shortcut="Ctrl+E",
    requires=(has_mask,),
    arguments=(
        ArgumentSpec("path", "text", help="the file to write"),
        ArgumentSpec("format", "choice", choices=("nifti", "nrrd", "dicom_seg", "stl"), help="by the path's ending"),
        ArgumentSpec("overwrite", "flag", help="replace an existing file"),
    ),
    background=True,
    reads=("mask", "locked"),
    outside=True,
)
def export_mask(
    ws: Workspace,
    job: Job,
    *,
    path: str | None = None,
    format: str | None = None,
    overwrite: bool = False,
) -> OperationResult:
    """Write the masks to a file on exactly the image's grid."""
    from spinalsam.control.exporting import export

    return export(ws, job, path, format, overwrite=overwrite)
