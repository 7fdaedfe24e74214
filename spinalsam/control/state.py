"""What a case is at one moment: prompts, view and labels as immutable values, beside the one label map."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spinalsam.data.volume import Volume
from spinalsam.support.anatomy import label_colour, label_name, label_value
from spinalsam.support.planes import SliceRef
from spinalsam.support.prompts import Ijk, Prompt
from spinalsam.support.windowing import default_window

if TYPE_CHECKING:
    from spinalsam.support.morphometry.marks import Mark

LAYOUTS = ("axial", "sagittal", "coronal", "mpr", "3d")

DEFAULT_OPACITY = 0.34
DRAWN = ("both", "fill", "outline")
PROGRESS = ("open", "in_progress", "done")

# A mask whose level nobody has named yet: part of the spine, no more is known.
UNNAMED_LABEL = label_value("spine")


@dataclass(frozen=True)
class PlacedPoint:
    """A click: the slice on which it was made, its voxel, and the label that it asks for."""

    ref: SliceRef
    ijk: Ijk
    positive: bool = True
    label: int = UNNAMED_LABEL


@dataclass(frozen=True)
class PlacedBox:
    """A box on one slice by two opposite corner voxels, both inclusive."""

    ref: SliceRef
    corner_a_ijk: Ijk
    corner_b_ijk: Ijk
    label: int = UNNAMED_LABEL


@dataclass(frozen=True)
class ViewState:
    """What is shown.

    layout: one of LAYOUTS. active_plane: the plane to which slice numbers and pixels refer. crosshair_ijk: the shown slice of
    every plane runs through it. level_hu, width_hu: display window, grey values where the volume is not HU.
    smooth: whether pixels are interpolated. surface_cut: plane along which the 3-D surfaces are cut at the crosshair, or "".
    """

    layout: str = "mpr"
    active_plane: str = "axial"
    crosshair_ijk: tuple[int, int, int] = (0, 0, 0)
    level_hu: float = 400.0
    width_hu: float = 1800.0
    mask_visible: bool = True
    smooth: bool = True
    surface_cut: str = ""


@dataclass(frozen=True)
class LabelInfo:
    """How a label value is shown; a locked label is never painted over.

    opacity: of the filled area, 0 to 1. drawn: 'both', 'fill' or 'outline'. progress: 'open', 'in_progress' or 'done'; a label that
    is done is locked.
    """

    value: int
    name: str
    colour: tuple[int, int, int]
    visible: bool = True
    locked: bool = False
    opacity: float = DEFAULT_OPACITY
    drawn: str = "both"
    progress: str = "open"

    @classmethod
    def of(cls, value: int) -> LabelInfo:
        return cls(value, label_name(value), label_colour(value))


@dataclass(frozen=True, eq=False)
class ReferenceMask:
    """A mask that the case's own is compared with. It is no part of the case: undo, recovery and export know nothing of it.

    path: its file, or "" for an earlier state of the case. title: what it is called. labels: [i, j, k] on the volume's grid.
    boxes: (first voxel, first voxel beyond) of every label. shown: whether the difference is drawn instead of the labels.
    side_by_side: whether both are shown beside each other, on the same slice.
    """

    path: str
    title: str
    labels: NDArray[np.unsignedinteger]
    boxes: Mapping[int, tuple[tuple[int, int, int], tuple[int, int, int]]]
    shown: bool = True
    side_by_side: bool = False


@dataclass(frozen=True, eq=False)
class MeasuredFigures:
    """What was measured last. Like a reference mask it is no part of the case.

    rows: one a label, as `measure` gives them. angles: Cobb angles. marks: what is drawn on the slices. mask_revision: of the mask that
    was measured; after its next change nothing is drawn any more. shown: whether the marks are drawn.
    """

    rows: tuple[Mapping[str, Any], ...]
    angles: tuple[Mapping[str, Any], ...]
    marks: tuple[Mark, ...]
    mask_revision: int
    shown: bool = True


@dataclass(frozen=True, eq=False)
class CandidateMasks:
    """The masks among which the last generation chose, best first, for its last prompt.

    masks: (n, rows, columns) bool on the slice as shown. scores: predicted IoU. chosen: index of the one on the label map.
    low_res: what the network takes back to refine the chosen one.
    """

    ref: SliceRef
    label: int
    prompt: Prompt
    masks: NDArray[np.bool_]
    scores: tuple[float, ...]
    chosen: int = 0
    low_res: tuple[Any, ...] = ()


@dataclass(frozen=True)
class CaseState:
    """Everything about a case that is not its voxels or its label map."""

    points: tuple[PlacedPoint, ...] = ()
    boxes: tuple[PlacedBox, ...] = ()
    view: ViewState = field(default_factory=ViewState)
    active_label: int = UNNAMED_LABEL
    labels: tuple[LabelInfo, ...] = (LabelInfo.of(UNNAMED_LABEL),)
    candidates: CandidateMasks | None = None
    reference: ReferenceMask | None = None
    figures: MeasuredFigures | None = None

    def label(self, value: int) -> LabelInfo:
        """How the value is shown, also when nothing has been said about it yet."""
        return next((info for info in self.labels if info.value == value), LabelInfo.of(value))

    @property
    def prompts(self) -> tuple[PlacedPoint | PlacedBox, ...]:
        """All boxes and points."""
        return (*self.boxes, *self.points)

    @property
    def locked_values(self) -> tuple[int, ...]:
        return tuple(info.value for info in self.labels if info.locked)

    def points_on(self, ref: SliceRef) -> tuple[PlacedPoint, ...]:
        return tuple(point for point in self.points if point.ref == ref)

    def boxes_on(self, ref: SliceRef) -> tuple[PlacedBox, ...]:
        return tuple(box for box in self.boxes if box.ref == ref)


@dataclass(frozen=True)
class Change:
    """What observers are told after a commit.

    fields: among 'case', 'case_list', 'points', 'boxes', 'view', 'active_label', 'labels', 'candidates', 'reference',
    'figures', 'mask', 'history', 'locked', 'job'.
    box_ijk: (first voxel, first voxel beyond) of the changed part of the mask, or None where it is all or nothing.
    """

    fields: frozenset[str]
    box_ijk: tuple[tuple[int, int, int], tuple[int, int, int]] | None = None


def with_labels(labels: tuple[LabelInfo, ...], values: list[int] | tuple[int, ...]) -> tuple[LabelInfo, ...]:
    """The labels with those of `values` added that are not there yet; where all look alike, the new ones do too."""
    known = {info.value for info in labels}
    styles = {(info.opacity, info.drawn) for info in labels}
    opacity, drawn = styles.pop() if len(styles) == 1 else (DEFAULT_OPACITY, "both")
    new = (LabelInfo.of(value) for value in dict.fromkeys(values) if value not in known)
    return labels + tuple(replace(info, opacity=opacity, drawn=drawn) for info in new)


def initial_state(volume: Volume) -> CaseState:
    """How a case opens: crosshair in the middle, a window that fits, no prompts."""
    i, j, k = (n // 2 for n in volume.geometry.shape)
    window = default_window(volume.voxels, is_hu=volume.is_hu)
    layout = "mpr" if min(volume.geometry.shape) > 1 else "axial"
    return CaseState(view=ViewState(layout, "axial", (i, j, k), float(window.level), float(window.width)))


# The journal's form of the fields that it stores as they are.


def encode_changes(changes: Mapping[str, Any], before: CaseState | None = None) -> dict[str, Any]:
    """Prompts, view, labels and active label as JSON; other fields are left out.

    before: the state that they change. What their prompts begin with and that has already is then only counted, so that a line does
    not grow with the work done: ``{"kept": 12, "then": [...]}``.
    """
    encoded: dict[str, Any] = {}
    if "points" in changes:
        encoded["points"] = _listed(changes["points"], before.points if before else (), _point_row)
    if "boxes" in changes:
        encoded["boxes"] = _listed(changes["boxes"], before.boxes if before else (), _box_row)
    if "view" in changes:
        encoded["view"] = {**vars(changes["view"]), "crosshair_ijk": list(changes["view"].crosshair_ijk)}
    if "labels" in changes:
        encoded["labels"] = [{**vars(info), "colour": list(info.colour)} for info in changes["labels"]]
    if "active_label" in changes:
        encoded["active_label"] = int(changes["active_label"])
    return encoded


def decode_changes(encoded: Mapping[str, Any], before: CaseState | None = None) -> dict[str, Any]:
    """The inverse of `encode_changes`. Raises ValueError where prompts are counted that the state before does not have."""
    changes: dict[str, Any] = {}
    if "points" in encoded:
        kept, rows = _kept(encoded["points"], before.points if before else ())
        changes["points"] = kept + tuple(
            PlacedPoint(SliceRef(plane, index), tuple(ijk), positive, label) for plane, index, ijk, positive, label in rows
        )
    if "boxes" in encoded:
        kept, rows = _kept(encoded["boxes"], before.boxes if before else ())
        changes["boxes"] = kept + tuple(PlacedBox(SliceRef(plane, index), tuple(a), tuple(b), label) for plane, index, a, b, label in rows)
    if "view" in encoded:
        i, j, k = (int(n) for n in encoded["view"]["crosshair_ijk"])
        changes["view"] = replace(ViewState(**encoded["view"]), crosshair_ijk=(i, j, k))
    if "labels" in encoded:
        changes["labels"] = tuple(LabelInfo(**{**info, "colour": tuple(info["colour"])}) for info in encoded["labels"])
    if "active_label" in encoded:
        changes["active_label"] = int(encoded["active_label"])
    return changes


def _point_row(point: PlacedPoint) -> list[Any]:
    return [*_ref(point.ref), list(point.ijk), point.positive, point.label]


def _box_row(box: PlacedBox) -> list[Any]:
    return [*_ref(box.ref), list(box.corner_a_ijk), list(box.corner_b_ijk), box.label]


def _listed(after: tuple[Any, ...], before: tuple[Any, ...], row: Callable[[Any], list[Any]]) -> Any:
    """The rows of prompts, or how many of those before stay and the rows of those that follow."""
    kept = sum(1 for _ in takewhile(lambda pair: pair[0] is pair[1] or pair[0] == pair[1], zip(before, after, strict=False)))
    rows = [row(prompt) for prompt in after[kept:]]
    return {"kept": kept, "then": rows} if kept else rows


def _kept(encoded: Any, before: tuple[Any, ...]) -> tuple[tuple[Any, ...], list[Any]]:
    """The prompts that stay, and the rows of those that follow."""
    if isinstance(encoded, list):
        return (), encoded
    kept = int(encoded["kept"])
    if not 0 <= kept <= len(before):
        raise ValueError(f"it keeps {kept} prompts where there are {len(before)}.")
    return before[:kept], encoded["then"]


def _ref(ref: SliceRef) -> tuple[str, int]:
    return ref.plane, ref.index
