"""What clinicians measure at the vertebrae of a case, as rows, as sentences and as lines on the slices. Research use only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spinalsam.control.operation import OperationResult
from spinalsam.control.state import MeasuredFigures
from spinalsam.errors import RequirementError
from spinalsam.support.anatomy import label_name, label_value

if TYPE_CHECKING:
    from spinalsam.control.jobs import Job
    from spinalsam.control.workspace import Workspace
    from spinalsam.support.morphometry.curves import Cobb
    from spinalsam.support.morphometry.marks import Mark
    from spinalsam.support.morphometry.spine import SpineMeasurer, VertebraFigures

RESEARCH_USE = "research use only"
_DIGITS = {"wedge_ratio": 3, "biconcavity_ratio": 3, "crush_ratio": 3, "core_ml": 2}
# The columns of a vertebra's row; where one is empty, `not_measured` says why.
COLUMNS = (
    "height_anterior_mm", "height_middle_mm", "height_posterior_mm", "wedge_ratio", "biconcavity_ratio", "crush_ratio",
    "genant_grade", "genant_shape", "core_hu", "core_sd_hu", "core_ml", "disc_below_to", "disc_anterior_mm", "disc_middle_mm",
    "disc_posterior_mm", "not_measured", "notes", "use",
)  # fmt: skip
_WHAT = {"heights": "heights", "genant": "Genant grade", "core": "core HU", "disc": "disc below"}


@dataclass(frozen=True, eq=False)
class Quantities:
    """What `quantities_of` found. rows: by label value, the COLUMNS. angles: Cobb angles as JSON. sentences: by label value; the last,
    under 0, is about all."""

    rows: Mapping[int, dict[str, Any]]
    angles: tuple[dict[str, Any], ...]
    sentences: Mapping[int, str]
    marks: tuple[Mark, ...]

    def row(self, value: int) -> dict[str, Any]:
        """The row of a label; empty for one that is no vertebra."""
        return self.rows.get(value) or dict.fromkeys(COLUMNS)


def quantities_of(ws: Workspace, job: Job, values: Sequence[int]) -> Quantities:
    """Heights, grades, cores, discs and angles of the labels among the values that stand for one vertebra."""
    from spinalsam.support.morphometry.marks import marks_of
    from spinalsam.support.morphometry.spine import is_vertebra

    wanted = [value for value in values if is_vertebra(value)]
    if not wanted:
        return Quantities({}, (), {}, ())
    measurer = measurer_of(ws, job)
    wanted = [value for value in measurer.order if value in wanted] or wanted
    found = measurer.figures(wanted)
    marks = [mark for one in found for mark in marks_of(one, measurer.body(one.value))]
    angles, lines, missing = _angles(measurer, wanted)
    sentences = {one.value: _sentence(one) for one in found}
    sentences[0] = " ".join([*(_angle_text(angle) for angle in angles), *([missing] if missing else [])])
    return Quantities({one.value: _row(one) for one in found}, angles, sentences, (*marks, *lines))


def measurer_of(ws: Workspace, job: Job) -> SpineMeasurer:
    """The case's vertebrae, ready to be measured."""
    from spinalsam.control.measuring import measured_geometry
    from spinalsam.support.morphometry.spine import SpineMeasurer

    case = ws.case
    boxes = {value: case.extents.box_of(case.mask, value) for value in case.extents.values}
    voxels = case.volume.voxels if case.volume.is_hu else None
    there = {value: box for value, box in boxes.items() if box is not None}
    return SpineMeasurer(case.mask, there, measured_geometry(case.volume), voxels, lambda share, text: job.progress(share, text))


def cobb_angle(
    ws: Workspace, job: Job, upper: str | None, lower: str | None, upper_plate: str, lower_plate: str, plane: str
) -> OperationResult:
    """The angle between two endplates, or without levels the largest coronal one.

    Raises RequirementError, with why, where there is none.
    """
    from spinalsam.support.morphometry.body import Unmeasurable
    from spinalsam.support.morphometry.marks import cobb_marks

    measurer = measurer_of(ws, job)
    if (upper is None) != (lower is None):
        raise RequirementError("A Cobb angle lies between two levels; name both, or none for the largest one.")
    try:
        if upper is None or lower is None:
            above, below, found = measurer.largest_coronal(measurer.order)
        else:
            above, below = label_value(upper), label_value(lower)
            found = measurer.cobb(above, upper_plate, below, lower_plate, plane)
    except Unmeasurable as reason:
        raise RequirementError(f"There is no Cobb angle: {reason}.") from None
    angle = _angle(found, above, below, upper_plate, lower_plate)
    shown = ws.state.figures
    rows, marks = (shown.rows, shown.marks) if shown is not None and shown.mask_revision == _revision(ws) else ((), ())
    kept = tuple(mark for mark in marks if mark.kind != "cobb")
    figures = MeasuredFigures(rows, (angle,), (*kept, *cobb_marks(found, above, below)), _revision(ws))
    return OperationResult(f"{_angle_text(angle)} For {RESEARCH_USE}.", {"cobb": [angle]}, {"figures": figures})


def drawn(ws: Workspace, found: Quantities, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The change of state that shows the figures on the slices; nothing where there is nothing to draw."""
    if not found.marks and not found.rows:
        return {}
    return {"figures": MeasuredFigures(tuple(rows), found.angles, found.marks, _revision(ws))}


def visible_marks(ws: Workspace) -> tuple[Mark, ...]:
    """What is to be drawn on the slices now: nothing once the mask has changed, and nothing of labels that are hidden."""
    figures = ws.state.figures
    if figures is None or not figures.shown or figures.mask_revision != _revision(ws):
        return ()
    hidden = {info.value for info in ws.state.labels if not info.visible}
    return tuple(mark for mark in figures.marks if mark.value not in hidden)


def _revision(ws: Workspace) -> int:
    return ws.field_revisions.get("mask", 0)


def _angles(measurer: SpineMeasurer, values: Sequence[int]) -> tuple[tuple[dict[str, Any], ...], list[Mark], str]:
    """Angles from the topmost to the lowest vertebra in both planes, and the largest coronal one where it lies between others.

    Where the topmost or the lowest has no endplate, the third says why, and the next ones that have are taken.
    """
    from spinalsam.support.morphometry.body import Unmeasurable
    from spinalsam.support.morphometry.marks import cobb_marks

    if len(values) < 2:
        return (), [], ""
    found: list[tuple[int, int, Cobb]] = []
    missing = ""
    try:
        measurer.cobb(values[0], "superior", values[-1], "inferior", "sagittal")
    except Unmeasurable as reason:
        missing = f"No Cobb angle from {label_name(values[0])} to {label_name(values[-1])}: {reason}."
    bodies = {value: measurer.body(value) for value in values}
    tops = [value for value, body in bodies.items() if body is not None and body.superior is not None]
    bottoms = [value for value, body in bodies.items() if body is not None and body.inferior is not None]
    if not tops or not bottoms or values.index(tops[0]) >= values.index(bottoms[-1]):
        return (), [], missing
    for plane in ("coronal", "sagittal"):
        found.append((tops[0], bottoms[-1], measurer.cobb(tops[0], "superior", bottoms[-1], "inferior", plane)))
    largest = measurer.largest_coronal(values)
    if largest[:2] != found[0][:2]:
        found.append(largest)
    # Of the coronal angles only the largest is drawn: lines of two would cross.
    drawn_ones = (found[1], found[-1] if len(found) > 2 else found[0])
    lines = [mark for above, below, one in drawn_ones for mark in cobb_marks(one, above, below)]
    return tuple(_angle(one, above, below, "superior", "inferior") for above, below, one in found), lines, missing


def _angle(found: Cobb, above: int, below: int, upper_plate: str, lower_plate: str) -> dict[str, Any]:
    return {
        "plane": found.plane,
        "upper": label_name(above),
        "upper_endplate": upper_plate,
        "lower": label_name(below),
        "lower_endplate": lower_plate,
        "angle_deg": found.angle_deg,
        "bend": found.bend,
        "use": RESEARCH_USE,
    }


def _angle_text(angle: Mapping[str, Any]) -> str:
    plates = f"{angle['upper']} {angle['upper_endplate']} to {angle['lower']} {angle['lower_endplate']} endplate"
    return f"Cobb angle {angle['plane']}, {plates}: {angle['angle_deg']:.1f}° ({angle['bend']})."


def _row(one: VertebraFigures) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(COLUMNS)
    if one.heights is not None:
        heights = one.heights
        row |= {f"height_{place}_mm": getattr(heights, f"{place}_mm") for place in ("anterior", "middle", "posterior")}
        row |= {"wedge_ratio": heights.wedge, "biconcavity_ratio": heights.biconcavity}
    if one.genant is not None:
        row |= {"crush_ratio": one.genant.crush, "genant_grade": one.genant.grade, "genant_shape": one.genant.shape or "none"}
    if one.core is not None:
        row |= {"core_hu": one.core.mean_hu, "core_sd_hu": one.core.sd_hu, "core_ml": one.core.volume_ml}
    if one.disc is not None and one.below is not None:
        row |= {f"disc_{place}_mm": getattr(one.disc, f"{place}_mm") for place in ("anterior", "middle", "posterior")}
        row["disc_below_to"] = label_name(one.below)
    row["not_measured"] = _reasons(one.why)
    row["notes"] = "; ".join(one.notes)
    row["use"] = RESEARCH_USE
    return row


def _reasons(why: Mapping[str, str]) -> str:
    """What is missing and why; what shares a reason is said together."""
    return "; ".join(f"{', '.join(names)}: {reason}" for reason, names in _missing(why).items())


def _missing(why: Mapping[str, str]) -> dict[str, list[str]]:
    """What is missing by the reason for it."""
    together: dict[str, list[str]] = {}
    for name, reason in why.items():
        together.setdefault(reason, []).append(_WHAT[name])
    return together


def _sentence(one: VertebraFigures) -> str:
    """What was measured and what was not, each in a sentence of its own, so that each can be said in another language."""
    said = []
    if one.heights is not None:
        heights = one.heights
        said.append(
            f"Body height {heights.anterior_mm:.1f} / {heights.middle_mm:.1f} / {heights.posterior_mm:.1f} mm (front / middle / back)."
        )
    if one.genant is not None:
        shape = f", {one.genant.shape}, {100 * one.genant.loss:.0f} % lost" if one.genant.grade else ""
        said.append(f"Genant grade {one.genant.grade} ({one.genant.word}{shape}).")
    if one.core is not None:
        band = one.core.band if one.value in _SCREENED else None
        under = f", at or under {band:.0f} HU" if band is not None else ""
        said.append(f"Core {one.core.mean_hu:.0f} ± {one.core.sd_hu:.0f} HU{under}.")
    if one.disc is not None:
        disc = one.disc
        said.append(f"Disc below {disc.anterior_mm:.1f} / {disc.middle_mm:.1f} / {disc.posterior_mm:.1f} mm.")
    said += [f"Not measured: {', '.join(names)} ({reason})." for reason, names in _missing(one.why).items()]
    return " ".join(said)


_SCREENED = tuple(label_value(name) for name in ("T12", "L1", "L2", "L3", "L4", "L5"))
