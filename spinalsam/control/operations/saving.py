"""What goes into files beside the mask itself: the figures, a picture, the names of the labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from spinalsam.control.operation import OperationResult, operation
from spinalsam.control.requirements import has_case, has_mask
from spinalsam.errors import OutputError
from spinalsam.support.calls import ArgumentSpec
from spinalsam.support.paths import absolute

if TYPE_CHECKING:
    from spinalsam.control.jobs import Job
    from spinalsam.control.workspace import Workspace

_OVERWRITE = ArgumentSpec("overwrite", "flag", help="replace an existing file")


@operation(
    "Save measurements",
    category="masks",
    spoken=False,
    requires=(has_mask,),
    arguments=(
        ArgumentSpec("path", "text", required=True, help="the table to write (.csv)"),
        ArgumentSpec("regions", "regions", help="only these vertebrae"),
        _OVERWRITE,
    ),
    background=True,
    reads=("mask",),
    outside=True,
)
def save_measurements(
    ws: Workspace, job: Job, *, path: str, regions: Sequence[str] | None = None, overwrite: bool = False
) -> OperationResult:
    """Write what `measure` finds of the masks as a table for spreadsheets."""
    from spinalsam.control.measuring import measure_labels
    from spinalsam.data.formats import measurement_table

    target = _target(path, ".csv", overwrite=overwrite)
    measured = measure_labels(ws, job, regions)
    measurement_table.write(target, measured.data["measurements"])
    args = {"path": str(target), **({"regions": list(regions)} if regions else {})}
    return OperationResult(f"Saved the measurements to '{target}'.", {"path": str(target), **measured.data}, replay_args=args)


@operation(
    "Save picture",
    category="view",
    spoken=False,
    requires=(has_case,),
    arguments=(
        ArgumentSpec("path", "text", required=True, help="the picture to write (.png)"),
        ArgumentSpec("plane", "choice", choices=("axial", "sagittal", "coronal"), help="plane of the slice; the shown one"),
        ArgumentSpec("slice", "count", help="number of the slice; the shown one"),
        _OVERWRITE,
    ),
    background=True,
    outside=True,
)
def save_picture(
    ws: Workspace, job: Job, *, path: str, plane: str | None = None, slice: int | None = None, overwrite: bool = False
) -> OperationResult:
    """Write a slice as it is shown, with its masks, as a picture; it holds no name of the patient."""
    from PIL import Image

    from spinalsam.control.picturing import slice_picture
    from spinalsam.control.placing import slice_argument
    from spinalsam.data.formats.safe_write import Output, write_all

    target = _target(path, ".png", overwrite=overwrite)
    ref = slice_argument(ws, plane, slice)
    picture = Image.fromarray(slice_picture(ws, ref))
    write_all([Output(target, lambda file: picture.save(file, format="PNG"))])
    args = {"path": str(target), "plane": ref.plane, "slice": ref.index + 1}
    return OperationResult(f"Saved {ref.plane} slice {ref.index + 1} to '{target}'.", {"path": str(target)}, replay_args=args)


@operation(
    "Save label table",
    category="labels",
    spoken=False,
    requires=(has_case,),
    arguments=(ArgumentSpec("path", "text", required=True, help="the table to write (.txt)"), _OVERWRITE),
    background=True,
    outside=True,
)
def save_label_table(ws: Workspace, job: Job, *, path: str, overwrite: bool = False) -> OperationResult:
    """Write names and colours of the labels as ITK-SNAP's label descriptions."""
    from spinalsam.data.formats import label_table
    from spinalsam.data.formats.labels import Label

    target = _target(path, ".txt", overwrite=overwrite)
    label_table.write(target, [Label(info.value, info.name, info.colour) for info in sorted(ws.state.labels, key=lambda one: one.value)])
    return OperationResult(f"Saved the label table to '{target}'.", {"path": str(target)}, replay_args={"path": str(target)})


def _target(path: str, ending: str, *, overwrite: bool) -> Path:
    """Where to write. Raises OutputError for a file that is there already and may not be replaced."""
    target = absolute(path)
    if target.suffix.lower() != ending:
        target = target.with_name(target.name + ending)
    if target.exists() and not overwrite:
        raise OutputError(f"'{target}' exists already; confirm to replace it (overwrite=True in a script), or choose another name.")
    return target
