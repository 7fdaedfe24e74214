"""What one pane shows, as plain data taken from the workspace: no Qt, no drawing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinalsam.data.volume import Volume
from spinalsam.support.planes import SlicePlane, SliceRef
from spinalsam.support.windowing import Window

Rgb = tuple[int, int, int]
Pixel = tuple[float, float]


@dataclass(frozen=True)
class PointMark:
    """A point prompt on this slice. position: its place in the case's list of points. faint: it is of another label than the active one."""

    xy: Pixel
    positive: bool
    position: int
    faint: bool = False


@dataclass(frozen=True)
class BoxMark:
    """A box prompt on this slice, as two opposite corner pixels, inclusive. position: its place in the case's list of boxes.

    faint: it is of another label than the active one.
    """

    corner_a_xy: Pixel
    corner_b_xy: Pixel
    position: int
    faint: bool = False

    @property
    def edges_xyxy(self) -> tuple[float, float, float, float]:
        """Outer edges in slice pixels: the corner pixels belong to the box, so half a pixel is added on each side."""
        (ax, ay), (bx, by) = self.corner_a_xy, self.corner_b_xy
        return min(ax, bx) - 0.5, min(ay, by) - 0.5, max(ax, bx) + 0.5, max(ay, by) + 0.5


@dataclass(frozen=True)
class OpenMask:
    """The mask of the last prompt on this slice, while another candidate can still be taken. number counts from 1."""

    number: int
    count: int
    score: float
    label: str


@dataclass(frozen=True)
class MeasuredLine:
    """Where a figure was read, on this slice. kind: of `morphometry.marks.KINDS`. corners_xy: pixels of its line. text: at text_xy."""

    kind: str
    corners_xy: tuple[Pixel, ...]
    text: str
    text_xy: Pixel


@dataclass(frozen=True)
class SliceScene:
    """One slice with all that is drawn on it.

    mask: label values [i, j, k] of the whole case, or None. has_mask: whether there is any in it.
    revision: changes whenever the mask's voxels do. colours: colour of each visible label. crosshair_xy: pixel of the linked
    crosshair. active: whether keys act on this pane. smooth: whether pixels are interpolated. open_mask: the mask that can
    still be exchanged, if it lies here.
    styles: opacity and way of drawing ('both', 'fill', 'outline') of each visible label. reference: labels [i, j, k] with which the
    mask is compared, or None. measured: where figures were read.
    shown_first: first and last voxel along i, j, k of what the pane shows before anybody zooms; empty for all.
    """

    volume: Volume
    plane: SlicePlane
    index: int
    window: Window
    mask: NDArray[Any] | None = None
    has_mask: bool = True
    revision: int = 0
    colours: Mapping[int, Rgb] = field(default_factory=dict)
    mask_visible: bool = True
    crosshair_xy: Pixel = (0.0, 0.0)
    points: tuple[PointMark, ...] = ()
    boxes: tuple[BoxMark, ...] = ()
    active: bool = False
    smooth: bool = True
    open_mask: OpenMask | None = None
    styles: Mapping[int, tuple[float, str]] = field(default_factory=dict)
    reference: NDArray[Any] | None = None
    measured: tuple[MeasuredLine, ...] = ()
    shown_first: tuple[tuple[float, float], ...] = ()

    @property
    def ref(self) -> SliceRef:
        return SliceRef(self.plane.plane, self.index)

    def voxel(self, xy: Pixel) -> tuple[int, int, int]:
        """The voxel of a slice pixel."""
        i, j, k = self.plane.to_voxel(xy, self.index)
        return round(float(i)), round(float(j)), round(float(k))

    def position_mm(self) -> float:
        """Where the slice lies along its normal, in LPS mm, at the crosshair."""
        point_mm = self.volume.geometry.to_mm(self.plane.to_voxel(self.crosshair_xy, self.index))
        return float(point_mm[self.volume.geometry.world_axes[self.plane.normal_axis]])


def scene_of(workspace: Any, plane_name: str, shown_first: tuple[tuple[float, float], ...] = ()) -> SliceScene | None:
    """The scene of one plane of a workspace, or None where no case is open."""
    volume, state = workspace.volume, workspace.state
    if volume is None:
        return None
    plane = SlicePlane(volume.geometry, plane_name)
    view = state.view
    ref = plane.slice_of(view.crosshair_ijk)
    return SliceScene(
        volume=volume,
        plane=plane,
        index=min(max(ref.index, 0), plane.count - 1),
        window=Window(view.level_hu, view.width_hu),
        mask=workspace.mask,
        has_mask=workspace.has_mask,
        revision=workspace.field_revisions.get("mask", 0),
        colours={label.value: label.colour for label in state.labels if label.visible},
        mask_visible=view.mask_visible,
        crosshair_xy=_pixel(plane, view.crosshair_ijk),
        points=tuple(
            PointMark(_pixel(plane, point.ijk), point.positive, n, point.label != state.active_label)
            for n, point in enumerate(state.points)
            if point.ref == ref
        ),
        boxes=tuple(
            BoxMark(_pixel(plane, box.corner_a_ijk), _pixel(plane, box.corner_b_ijk), n, box.label != state.active_label)
            for n, box in enumerate(state.boxes)
            if box.ref == ref
        ),
        active=view.active_plane == plane_name,
        smooth=view.smooth,
        open_mask=_open_mask(state, ref),
        styles={label.value: (label.opacity, label.drawn) for label in state.labels if label.visible},
        reference=state.reference.labels if state.reference is not None and state.reference.shown else None,
        measured=measured_lines(workspace, plane, ref.index),
        shown_first=shown_first,
    )


def measured_lines(workspace: Any, plane: SlicePlane, index: int) -> tuple[MeasuredLine, ...]:
    """What was measured last, as far as it lies on a slice; nothing where the mask has changed since or its label is hidden."""
    if workspace.state.figures is None:
        return ()
    from spinalsam.control.quantities import visible_marks
    from spinalsam.support.morphometry.marks import on_slice, text_place

    return tuple(
        MeasuredLine(mark.kind, tuple((float(x), float(y)) for x, y in corners), mark.text, text_place(mark, corners))
        for mark, corners in on_slice(visible_marks(workspace), plane, index)
    )


def reference_scene(workspace: Any, scene: SliceScene) -> SliceScene:
    """The same slice with the reference's labels instead of the case's own, and without prompts."""
    reference = workspace.state.reference
    hidden = {label.value for label in workspace.state.labels if not label.visible}
    values = [value for value in reference.boxes if value not in hidden]
    infos = [workspace.state.label(value) for value in values]
    return replace(
        scene,
        mask=reference.labels,
        has_mask=True,
        revision=-1,
        colours={info.value: info.colour for info in infos},
        styles={info.value: (info.opacity, info.drawn) for info in infos},
        points=(),
        boxes=(),
        active=False,
        open_mask=None,
        reference=None,
        measured=(),
    )


def box_marks(boxes: Mapping[int, Any], scene: SliceScene) -> dict[int, NDArray[np.bool_]]:
    """Label value -> whether each slice of the scene's plane lies in its box (first voxel, first voxel beyond)."""
    axis, numbers = scene.plane.normal_axis, np.arange(scene.plane.count)
    return {value: (numbers >= lower[axis]) & (numbers < upper[axis]) for value, (lower, upper) in boxes.items()}


def _open_mask(state: Any, ref: SliceRef) -> OpenMask | None:
    candidates = state.candidates
    if candidates is None or candidates.ref != ref:
        return None
    score = candidates.scores[candidates.chosen]
    return OpenMask(candidates.chosen + 1, len(candidates.masks), float(score), state.label(candidates.label).name)


def _pixel(plane: SlicePlane, ijk: Any) -> Pixel:
    x, y = plane.to_pixel(ijk)
    return float(x), float(y)


def surface_cut(workspace: Any) -> tuple[list[float] | None, list[float] | None]:
    """A point of the plane at which the 3-D surfaces are cut and the way to what stays, in LPS mm; (None, None) for no cut.

    What lies before the cut as one looks at that plane is left away: the patient's left half, what is above, what is in front.
    """
    view = workspace.state.view
    if workspace.volume is None or not view.surface_cut:
        return None, None
    geometry = workspace.volume.geometry
    axis = SlicePlane(geometry, view.surface_cut).normal_axis
    normal = geometry.affine[:3, axis] / np.linalg.norm(geometry.affine[:3, axis])
    world = geometry.world_axes[axis]
    # vtk keeps the side to which the normal points: right of, below, behind the slice.
    keeps = {0: -1.0, 1: 1.0, 2: -1.0}[world]
    normal = normal * (keeps if normal[world] > 0 else -keeps)
    return [float(n) for n in geometry.to_mm(view.crosshair_ijk)], [float(n) for n in normal]


# A slice of the sampled volume belongs to the patient where at least this share of the fullest one is tissue; table and air do not.
_PATIENT_SHARE = 0.12
_TISSUE_HU = -300
_MARGIN = 0.04


def patient_box(volume: Volume) -> tuple[tuple[float, float], ...]:
    """First and last voxel of the patient along i, j, k, from a coarse sample; the whole volume where that cannot be told."""
    steps = [max(1, n // 64) for n in volume.voxels.shape]
    whole = tuple((0.0, n - 1.0) for n in volume.voxels.shape)
    if not volume.is_hu:
        return whole
    tissue = volume.voxels[tuple(slice(None, None, step) for step in steps)] > _TISSUE_HU
    spans = []
    for axis, step in enumerate(steps):
        filled = tissue.sum(axis=tuple(n for n in range(3) if n != axis))
        taken = np.flatnonzero(filled > _PATIENT_SHARE * max(int(filled.max()), 1))
        if taken.size < 0.15 * len(filled):
            return whole
        margin = _MARGIN * whole[axis][1]
        spans.append((max(0.0, taken[0] * step - margin), min(whole[axis][1], (taken[-1] + 1) * step + margin)))
    return tuple(spans)
