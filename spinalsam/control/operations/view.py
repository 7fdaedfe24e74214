"""What is shown: slices, planes, display window, mask on or off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from spinalsam.control.locating import must_look
from spinalsam.control.operation import OperationResult, Preset, operation
from spinalsam.control.requirements import has_case
from spinalsam.control.state import ViewState
from spinalsam.errors import InputError, RequirementError, UsageError
from spinalsam.support.anatomy import GROUPS, label_value
from spinalsam.support.calls import ArgumentSpec
from spinalsam.support.planes import PLANES
from spinalsam.support.windowing import PRESETS

if TYPE_CHECKING:
    from spinalsam.control.jobs import Job
    from spinalsam.control.workspace import Workspace


@operation(
    "Next or previous slice",
    category="other",
    requires=(has_case,),
    arguments=(
        ArgumentSpec("direction", "choice", choices=("next", "previous"), required=True),
        ArgumentSpec("count", "count", help="how many slices; 1"),
        ArgumentSpec("plane", "choice", choices=PLANES, help="plane of the slices; the active one"),
    ),
    presets=(
        Preset("Next slice", {"direction": "next"}, "PgDown"),
        Preset("Previous slice", {"direction": "previous"}, "PgUp"),
        Preset("Ten slices on", {"direction": "next", "count": 10}, "Ctrl+PgDown"),
        Preset("Ten slices back", {"direction": "previous", "count": 10}, "Ctrl+PgUp"),
    ),
    writes=("view",),
)
def navigate(ws: Workspace, job: Job, *, direction: str, count: int = 1, plane: str | None = None) -> OperationResult:
    """Go to the next or previous slice, or image of a folder of images."""
    plane = plane or ws.state.view.active_plane
    now = ws.shown_slice(plane).index
    last = ws.plane(plane).count - 1
    wanted = min(max(now + (count if direction == "next" else -count), 0), last)
    if wanted == now:
        end = "There is only one slice." if last == 0 else f"This is the {'last' if now else 'first'} {plane} slice."
        return OperationResult(end, {"slice": now + 1})
    return _show_slice(ws, plane, wanted)


@operation(
    "Go to",
    category="view",
    requires=(has_case,),
    arguments=(
        ArgumentSpec("slice", "count", help="slice number as shown, from 1"),
        ArgumentSpec("position", "choice", choices=("first", "middle", "last")),
        ArgumentSpec(
            "regions", "regions", single=True, help="the slice that shows this vertebra's mask best, else where the locator finds it"
        ),
        ArgumentSpec("plane", "choice", choices=PLANES, help="plane of the slices; the active one"),
    ),
    one_of=("slice", "position", "regions"),
    presets=(
        Preset("First slice", {"position": "first"}, "Home"),
        Preset("Middle slice", {"position": "middle"}),
        Preset("Last slice", {"position": "last"}, "End"),
    ),
    writes=("view",),
    heavy_when=must_look,
)
def go_to(
    ws: Workspace,
    job: Job,
    *,
    slice: int | None = None,
    position: str | None = None,
    regions: Sequence[str] | None = None,
    plane: str | None = None,
) -> OperationResult:
    """Go to a slice by its number, its position or the vertebra that it shows."""
    plane = plane or ws.state.view.active_plane
    count = ws.plane(plane).count
    if slice is not None:
        if slice > count:
            raise InputError(f"There is no {plane} slice {slice}; they run from 1 to {count}.")
        return _show_slice(ws, plane, slice - 1)
    if position is not None:
        return _show_slice(ws, plane, {"first": 0, "middle": count // 2, "last": count - 1}[position])
    return _show_region(ws, job, plane, regions[0] if regions else "")


@operation(
    "View",
    category="view",
    requires=(has_case,),
    arguments=(ArgumentSpec("plane", "choice", choices=(*PLANES, "mpr", "3d"), required=True),),
    presets=(
        Preset("Axial", {"plane": "axial"}, "A"),
        Preset("Sagittal", {"plane": "sagittal"}, "S"),
        Preset("Coronal", {"plane": "coronal"}, "C"),
        Preset("Three planes", {"plane": "mpr"}, "R"),
        Preset("3-D", {"plane": "3d"}, "D"),
    ),
    writes=("view", "reference"),
)
def set_view(ws: Workspace, job: Job, *, plane: str) -> OperationResult:
    """Show one plane, all three (mpr) or the surface (3d)."""
    view = replace(ws.state.view, layout=plane)
    if plane in PLANES:
        view = replace(view, active_plane=plane)
    names = {"mpr": "all three planes", "3d": "the 3-D view"}
    result = _view_result(ws, view, f"Showing {names.get(plane, 'the ' + plane + ' plane')}.")
    reference = ws.state.reference
    if reference is None or not reference.side_by_side or plane in PLANES:
        return result
    # Two masks beside each other leave no room for all planes.
    return replace(result, changes={**result.changes, "reference": replace(reference, side_by_side=False)})


@operation(
    "Active plane",
    category="view",
    spoken=False,
    requires=(has_case,),
    arguments=(ArgumentSpec("plane", "choice", choices=PLANES, required=True),),
    writes=("view",),
)
def set_active_plane(ws: Workspace, job: Job, *, plane: str) -> OperationResult:
    """Choose the plane to which slice numbers and pixels refer, without changing the layout."""
    return _view_result(ws, replace(ws.state.view, active_plane=plane), f"The {plane} plane is active.")


@operation(
    "Crosshair",
    category="view",
    spoken=False,
    requires=(has_case,),
    arguments=(ArgumentSpec("ijk", "ijk", required=True, help="voxel"),),
    writes=("view",),
)
def set_crosshair(ws: Workspace, job: Job, *, ijk: Sequence[float]) -> OperationResult:
    """Put the crosshair on a voxel; every plane shows the slice through it."""
    if not ws.case.volume.geometry.contains(ijk):
        raise InputError(f"The voxel {', '.join(f'{n:g}' for n in ijk)} is outside the volume.")
    i, j, k = (round(n) for n in ijk)
    return _view_result(ws, replace(ws.state.view, crosshair_ijk=(i, j, k)), f"Crosshair at voxel {i}, {j}, {k}.")


@operation(
    "Window",
    category="view",
    requires=(has_case,),
    arguments=(
        ArgumentSpec("preset", "choice", choices=tuple(PRESETS)),
        ArgumentSpec("level", "number", help="HU shown as middle grey"),
        ArgumentSpec("width", "number", help="HU from black to white"),
    ),
    one_of=("preset", "level", "width"),
    shortcut="W",
    presets=(
        Preset("Bone", {"preset": "bone"}, "1"),
        Preset("Soft tissue", {"preset": "soft_tissue"}, "2"),
        Preset("Lung", {"preset": "lung"}, "3"),
        Preset("Brain", {"preset": "brain"}, "4"),
    ),
    writes=("view",),
)
def set_window(
    ws: Workspace, job: Job, *, preset: str | None = None, level: float | None = None, width: float | None = None
) -> OperationResult:
    """Set the display window in Hounsfield units."""
    view = ws.state.view
    if preset is not None:
        if not ws.case.volume.is_hu:
            raise RequirementError("This image is not in Hounsfield units; give the window's level and width instead.")
        view = replace(view, level_hu=float(PRESETS[preset].level), width_hu=float(PRESETS[preset].width))
    if width is not None and width <= 0:
        raise UsageError(f"The window's width must be above 0, not {width:g}.")
    if level is not None:
        view = replace(view, level_hu=float(level))
    if width is not None:
        view = replace(view, width_hu=float(width))
    name = f"{preset.replace('_', ' ')}: " if preset else ""
    return _view_result(ws, view, f"Window {name}level {view.level_hu:g}, width {view.width_hu:g}.")


@operation(
    "Show mask",
    category="view",
    requires=(has_case,),
    arguments=(ArgumentSpec("visible", "flag", required=True),),
    presets=(Preset("Show masks", {"visible": True}), Preset("Hide masks", {"visible": False})),
    writes=("view",),
)
def show_mask(ws: Workspace, job: Job, *, visible: bool) -> OperationResult:
    """Show or hide the masks."""
    text = "The masks are shown." if visible else "The masks are hidden."
    return _view_result(ws, replace(ws.state.view, mask_visible=visible), text)


def _show_slice(ws: Workspace, plane: str, index: int) -> OperationResult:
    crosshair = list(ws.state.view.crosshair_ijk)
    crosshair[ws.plane(plane).normal_axis] = index
    view = replace(ws.state.view, crosshair_ijk=(crosshair[0], crosshair[1], crosshair[2]))
    message = f"{plane.capitalize()} slice {index + 1} of {ws.plane(plane).count}."
    return _view_result(ws, view, message, {"slice": index + 1, "plane": plane})


def _show_region(ws: Workspace, job: Job, plane: str, region: str) -> OperationResult:
    """The slice that shows most of a region's mask; without a mask the slice through the vertebra that the locator takes for it."""
    from spinalsam.control.masking import best_voxel

    values = [label_value(name) for name in (region, *GROUPS.get(region, ()))]
    voxel, note = best_voxel(ws, plane, values), ""
    if voxel is None:
        from spinalsam.control.locating import middle_of

        voxel, note = middle_of(ws, job, region), " Check the level: it is as the locator counts."
    index = voxel[ws.plane(plane).normal_axis]
    view = replace(ws.state.view, crosshair_ijk=voxel)
    return _view_result(ws, view, f"{region} on {plane} slice {index + 1}.{note}", {"slice": index + 1, "plane": plane})


def _view_result(ws: Workspace, view: ViewState, message: str, data: dict | None = None) -> OperationResult:
    """A change of the view; none when it is so already."""
    return OperationResult(message, data or {}, {"view": view} if view != ws.state.view else {})
