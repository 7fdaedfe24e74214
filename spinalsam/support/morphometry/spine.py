"""All figures of the vertebrae in a label map, each with its number or with why there is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from spinalsam.support.anatomy import LABEL_NAMES, LABEL_VALUES, RELATIVE_VALUES, label_name
from spinalsam.support.frame import unit
from spinalsam.support.geometry import Geometry
from spinalsam.support.levels import head_to_foot
from spinalsam.support.morphometry.body import Body, Endplate, Unmeasurable, find_body
from spinalsam.support.morphometry.curves import Cobb, cobb, largest_coronal
from spinalsam.support.morphometry.density import Core, core_of
from spinalsam.support.morphometry.discs import Disc, disc_between, plate_below
from spinalsam.support.morphometry.heights import Genant, Heights, genant, heights_of
from spinalsam.support.morphometry.sampling import Piece

T = TypeVar("T")
Progress = Callable[[float, str], None]
SACRUM = LABEL_VALUES["sacrum"]
_GROUPS = tuple(LABEL_VALUES[name] for name in ("spine", "cervical", "thoracic", "lumbar"))
_NECK = tuple(LABEL_VALUES[f"C{n}"] for n in range(3, 8))
_BODILESS = {
    LABEL_VALUES["C1"]: "C1 has no body",
    LABEL_VALUES["C2"]: "C2's body cannot be told from its dens",
    SACRUM: "the sacrum's bodies are fused",
}
# Genant et al. graded T4 to L4; L5 is added here with the same limits, levels that nobody has named are not graded.
_GRADED = range(LABEL_VALUES["T4"], LABEL_VALUES["L6"] + 1)
COARSEST_GRADED_MM = 2.5  # thicker slices misjudge a height by more than the grades lie apart
# A spine that lies on the table leans no further than this from the scan's own head direction; centres that say more are in disorder.
_LEAST_UPRIGHT = 0.5


def is_vertebra(value: int) -> bool:
    """Whether a label value stands for one vertebra."""
    return (value in LABEL_NAMES and value < SACRUM) or value == LABEL_VALUES["T13"] or value in RELATIVE_VALUES


@dataclass(frozen=True, eq=False)
class VertebraFigures:
    """One vertebra. Where a figure is None, `why` says the reason by its name ('heights', 'genant', 'core', 'disc').

    disc: the one below; below: the label value of the bone under it.
    """

    value: int
    heights: Heights | None = None
    genant: Genant | None = None
    core: Core | None = None
    disc: Disc | None = None
    below: int | None = None
    why: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(eq=False)
class _Bone:
    piece: Piece
    centre_mm: NDArray[np.float64]
    up: NDArray[np.float64]
    body: Body | None = None
    reason: str = ""


class SpineMeasurer:
    """Measures the vertebrae of one label map; bodies are found when they are first needed, once.

    labels: [i, j, k] label values. boxes: of each label, the box that holds all of it. voxels: [i, j, k] HU, or None where the image is
    not in HU. Raises nothing of its own; progress may raise Cancelled.
    """

    def __init__(
        self,
        labels: NDArray,
        boxes: Mapping[int, tuple[slice, ...]],
        geometry: Geometry,
        voxels: NDArray | None,
        progress: Progress | None = None,
    ) -> None:
        self._voxels, self._boxes = voxels, dict(boxes)
        self._say = progress or (lambda share, text: None)
        values = [value for value in boxes if is_vertebra(value) or value == SACRUM]
        self._bones: dict[int, _Bone] = {}
        self.has_mm = geometry.has_spacing and min(geometry.shape) > 1
        if not self.has_mm:
            self.order: list[int] = []
            return
        pieces = {value: Piece.of(labels, value, boxes[value], geometry) for value in values}
        centres = {value: piece.points_mm.mean(axis=0) for value, piece in pieces.items()}
        self.order = head_to_foot(centres)
        for number, value in enumerate(self.order):
            near = self.order[max(number - 1, 0) : number + 2]
            way = centres[near[0]] - centres[near[-1]] if len(near) > 1 else np.array([0.0, 0.0, 1.0])
            up = unit(way) if np.linalg.norm(way) > 1e-6 else np.array([0.0, 0.0, 1.0])
            self._bones[value] = _Bone(pieces[value], centres[value], up if up[2] > _LEAST_UPRIGHT else np.array([0.0, 0.0, 1.0]))

    def figures(self, values: Sequence[int]) -> list[VertebraFigures]:
        """Of each of the values, in their order."""
        found = []
        for number, value in enumerate(values):
            self._say(number / max(len(values), 1), f"Measuring {label_name(value)}")
            found.append(self._figures(value))
        return found

    def cobb(self, upper: int, upper_plate: str, lower: int, lower_plate: str, plane: str) -> Cobb:
        """The angle between two endplates ('superior' or 'inferior'). Raises Unmeasurable."""
        return cobb(self.endplate(upper, upper_plate), self.endplate(lower, lower_plate), plane)

    def largest_coronal(self, values: Sequence[int]) -> tuple[int, int, Cobb]:
        """The largest coronal angle between the upper endplate of one and the lower of another of the values. Raises Unmeasurable."""
        plates: dict[str, tuple[Endplate | None, Endplate | None]] = {}
        for value in self.order:
            if value not in values:
                continue
            try:
                body = self._body(value)
            except Unmeasurable:
                continue
            plates[str(value)] = (body.superior, body.inferior)
        above, below, found = largest_coronal(plates)
        return int(above), int(below), found

    def endplate(self, value: int, which: str) -> Endplate:
        """Raises Unmeasurable."""
        name = label_name(value)
        try:
            if value == SACRUM and which == "superior":
                above = self._neighbour(value, -1)
                if above is None:
                    raise Unmeasurable("its upper endplate is found from the body above it, which is not masked")
                return plate_below(self._body(above), self._bones[value].piece)
            return self._body(value).endplate(which)
        except Unmeasurable as reason:
            raise Unmeasurable(f"{name}: {reason}") from None

    def body(self, value: int) -> Body | None:
        """The body of a vertebra, or None where it cannot be measured."""
        try:
            return self._body(value)
        except Unmeasurable:
            return None

    def _body(self, value: int) -> Body:
        bone = self._bones.get(value)
        if bone is None:
            raise Unmeasurable(self._why_no_bone(value))
        if bone.body is None and not bone.reason:
            try:
                if value in _BODILESS:
                    raise Unmeasurable(_BODILESS[value])
                bone.body = find_body(bone.piece, bone.up, neck=value in _NECK)
            except Unmeasurable as reason:
                bone.reason = str(reason)
        if bone.body is None:
            if bone.piece.touches_edge:
                raise Unmeasurable("the edge of the scan cuts it, and too little is in view")
            raise Unmeasurable(bone.reason)
        return bone.body

    def _why_no_bone(self, value: int) -> str:
        if not self.has_mm:
            return "it needs a volume whose voxel size is known"
        if value in _GROUPS:
            return "this label is a group, no single vertebra; name the vertebrae first"
        return "it is no vertebra" if value in self._boxes else "it is not masked"

    def _neighbour(self, value: int, step: int) -> int | None:
        if value not in self.order:
            return None
        number = self.order.index(value) + step
        return self.order[number] if 0 <= number < len(self.order) else None

    def _figures(self, value: int) -> VertebraFigures:
        why: dict[str, str] = {}
        try:
            body = self._body(value)
        except Unmeasurable as reason:
            return VertebraFigures(value, why=dict.fromkeys(("heights", "genant", "core", "disc"), str(reason)))
        heights = _tried(lambda: heights_of(body), why, "heights")
        grade = None
        if heights is None:
            why["genant"] = why["heights"]
        elif value not in _GRADED:
            why["genant"] = "grades are defined from T4 to the lumbar spine, for vertebrae with a name"
        elif body.step_mm > COARSEST_GRADED_MM:
            why["genant"] = f"slices {body.step_mm:.1f} mm apart are too coarse for a grade; {COARSEST_GRADED_MM:g} mm or less are needed"
        else:
            grade = genant(heights, [one for one in (self._heights_of(value, step) for step in (-1, 1)) if one is not None])
        core = _tried(lambda: self._core(value, body), why, "core")
        below = self._neighbour(value, 1)
        disc = _tried(lambda: self._disc(value, body, below), why, "disc")
        notes: tuple[str, ...] = (
            () if body.canal is not None else ("the mask shows no canal: the arch was told from the body by its thickness",)
        )
        if self._bones[value].piece.touches_edge:
            notes = (*notes, "the edge of the scan cuts it: the volume is that of what is in view")
        if grade is not None and grade.crush is None:
            notes = (*notes, "without a measured neighbour a crush cannot be told")
        return VertebraFigures(value, heights, grade, core, disc, below, why, notes)

    def _heights_of(self, value: int, step: int) -> Heights | None:
        neighbour = self._neighbour(value, step)
        if neighbour is None or neighbour == SACRUM:
            return None
        try:
            return heights_of(self._body(neighbour))
        except Unmeasurable:
            return None

    def _core(self, value: int, body: Body) -> Core:
        if self._voxels is None:
            raise Unmeasurable("the image is not in HU")
        return core_of(body, self._bones[value].piece, self._voxels[self._boxes[value]])

    def _disc(self, value: int, body: Body, below: int | None) -> Disc:
        if below is None:
            raise Unmeasurable("no bone is masked below it")
        bone = self._bones[below]
        if below == SACRUM:
            plate = plate_below(body, bone.piece)
        else:
            try:
                plate = self._body(below).endplate("superior")
            except Unmeasurable as reason:
                raise Unmeasurable(f"{label_name(below)}: {reason}") from None
        return disc_between(body, self._bones[value].piece, plate, bone.piece)


def _tried(work: Callable[[], T], why: dict[str, str], name: str) -> T | None:
    """The figure, or None with the reason noted."""
    try:
        return work()
    except Unmeasurable as reason:
        why[name] = str(reason)
        return None


def spans(values: Sequence[int], order: Sequence[int]) -> tuple[int, int] | None:
    """The topmost and the lowest of the values, or None where there are fewer than two."""
    there = [value for value in order if value in values]
    return (there[0], there[-1]) if len(there) > 1 else None
