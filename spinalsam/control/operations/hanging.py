"""How a case hangs: the first look at it, and how pixels and surfaces are drawn."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from spinalsam.control.operation import OperationResult, Preset, operation
from spinalsam.control.requirements import has_case
from spinalsam.support.calls import ArgumentSpec
from spinalsam.support.planes import PLANES

if TYPE_CHECKING:
    from spinalsam.control.jobs import Job
    from spinalsam.control.workspace import Workspace


@operation("First look", category="view", spoken=False, shortcut="Shift+F", requires=(has_case,), writes=("view",))
def hang_case(ws: Workspace, job: Job) -> OperationResult:
    """Go to the middle of the spine, sagittal; to the middle of the image where no spine can be told."""
    from spinalsam.control.opening import spine_of

    view = ws.state.view
    found = spine_of(ws.case)
    if found is None:
        i, j, k = (n // 2 for n in ws.case.volume.geometry.shape)
        return OperationResult("The middle of the image.", changes={"view": replace(view, crosshair_ijk=(i, j, k))})
    hung = replace(view, crosshair_ijk=found, active_plane="sagittal")
    return OperationResult("The middle of the spine.", changes={"view": hung} if hung != view else {})


@operation(
    "Pixels",
    category="view",
    spoken=False,
    requires=(has_case,),
    arguments=(ArgumentSpec("smooth", "flag", required=True, help="interpolated, or every pixel as a square"),),
    presets=(Preset("Smooth pixels", {"smooth": True}, "I"), Preset("Square pixels", {"smooth": False}, "Shift+I")),
    writes=("view",),
)
def set_smooth(ws: Workspace, job: Job, *, smooth: bool) -> OperationResult:
    """Draw slices smoothly, or every pixel as the square that it is."""
    text = "Pixels are drawn smoothly." if smooth else "Pixels are drawn as squares."
    view = replace(ws.state.view, smooth=smooth)
    return OperationResult(text, changes={"view": view} if view != ws.state.view else {})


@operation(
    "Cut the 3-D surface",
    category="view",
    spoken=False,
    requires=(has_case,),
    arguments=(ArgumentSpec("plane", "choice", choices=("none", *PLANES), required=True),),
    presets=(
        Preset("Whole surface", {"plane": "none"}, "Shift+D"),
        Preset("Cut along the sagittal slice", {"plane": "sagittal"}, "Shift+S"),
        Preset("Cut along the axial slice", {"plane": "axial"}, "Shift+A"),
        Preset("Cut along the coronal slice", {"plane": "coronal"}, "Shift+C"),
    ),
    writes=("view",),
)
def cut_surface(ws: Workspace, job: Job, *, plane: str) -> OperationResult:
    """Cut the 3-D surfaces open along the shown slice of a plane, or show them whole."""
    cut = "" if plane == "none" else plane
    view = replace(ws.state.view, surface_cut=cut)
    text = f"The surface is cut along the {plane} slice." if cut else "The surface is whole."
    return OperationResult(text, changes={"view": view} if view != ws.state.view else {})
