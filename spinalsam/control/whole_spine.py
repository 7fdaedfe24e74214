"""Whole vertebrae without a prompt: located, refined by the network plane by plane, and put beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spinalsam.control.locating import LIKELY, ambiguity, in_view, located, wanted_of
from spinalsam.support.anatomy import RELATIVE_VALUES, label_name

if TYPE_CHECKING:
    from spinalsam.control.jobs import Job
    from spinalsam.control.workspace import Workspace
    from spinalsam.engine.locate import Found, Located
    from spinalsam.engine.refine import Refined

DOUBTFUL = 0.75  # agreement between the planes below which a vertebra wants a look
DOUBTFUL_SCORE = 0.5  # sureness below which a slice does: a fifth of the slices of a real case, with a mean Dice of 0.72 where all had 0.87


@dataclass(frozen=True)
class Report:
    """What was done without a prompt. sentences: for the chat. structures, doubtful: for scripts, worst first."""

    sentences: tuple[str, ...]
    structures: tuple[dict[str, Any], ...]
    doubtful: tuple[dict[str, Any], ...]
    values: tuple[int, ...]


def segment_located(ws: Workspace, job: Job, regions: Sequence[str], labels: NDArray, *, skip: Sequence[int]) -> Report:
    """Segment what regions mean into `labels` (in place), wherever there is nothing yet; the values in `skip` are left as they are.

    Raises RequirementError when they are not in view or cannot be told apart.
    """
    from spinalsam.engine.refine import compose, refine

    found = located(ws, job)
    wanted = wanted_of(found, regions)
    todo = [(one, value) for one, value in wanted if value not in skip and value not in ws.state.locked_values]
    volume, parts = ws.case.volume, []
    for number, (one, value) in enumerate(todo):
        text = f"{label_name(value)}, {number + 1} of {len(todo)}"

        def say(share: float, name: str, number: int = number, text: str = text) -> None:
            job.progress(0.1 + 0.9 * (number + share) / len(todo), text)

        parts.append(refine(ws.segmenter(), volume.voxels, volume.geometry, found, one, is_hu=volume.is_hu, progress=say))
    values = [value for _, value in todo]
    if parts:
        if found.named:
            unnamed = set(RELATIVE_VALUES) - set(ws.state.locked_values)
            labels[np.isin(labels, list(unnamed))] = 0  # they have names now
        lower, composed = compose(
            [*parts, *_neighbours(ws, found, [one for one, _ in todo])],
            [*values, *_claims(found, todo)],
            volume.geometry.spacing_mm.tolist(),
        )
        composed[composed == _CLAIMED] = 0
        box = tuple(slice(low, low + n) for low, n in zip(lower, composed.shape, strict=True))
        free = (labels[box] == 0) & (composed > 0)
        labels[box][free] = composed[free]
    return Report(_sentences(found, todo, wanted), _structures(parts, values), _doubtful(parts, values), tuple(values))


_CLAIMED = 255


def _neighbours(ws: Workspace, found: Located, chosen: Sequence[Found]) -> list[Refined]:
    """The rough masks of vertebrae beside the chosen ones, so that those do not grow into them."""
    from spinalsam.engine.refine import rough_part

    return [rough_part(found, one, ws.case.volume.geometry) for one in _beside(found, chosen)]


def _claims(found: Located, todo: Sequence[tuple[Found, int]]) -> list[int]:
    return [_CLAIMED] * len(_beside(found, [one for one, _ in todo]))


def _beside(found: Located, chosen: Sequence[Found]) -> list[Found]:
    orders = {one.order for one in chosen}
    return [one for one in found.found if one.order not in orders and {one.order - 1, one.order + 1} & orders]


def _structures(parts: Sequence[Refined], values: Sequence[int]) -> tuple[dict[str, Any], ...]:
    return tuple(
        {
            "label": value,
            "name": label_name(value),
            "centre_mm": [round(float(n), 1) for n in part.found.centre_mm],
            "confidence": round(part.found.confidence, 3),
            "certainty": round(part.found.certainty, 3),
            "agreement": round(part.agreement, 3),
            "cut": part.found.cut,
            "doubtful": part.agreement < DOUBTFUL and not part.found.cut,
        }
        for part, value in zip(parts, values, strict=True)
    )


def _doubtful(parts: Sequence[Refined], values: Sequence[int]) -> tuple[dict[str, Any], ...]:
    """The slices that the network was least sure of, worst first."""
    slices = [
        {"label": value, "plane": plane, "slice": index + 1, "score": round(score, 3)}
        for part, value in zip(parts, values, strict=True)
        for plane, index, score in part.doubts
        if score < DOUBTFUL_SCORE
    ]
    return tuple(sorted(slices, key=lambda one: one["score"]))


def _sentences(found: Located, todo: Sequence[tuple[Found, int]], wanted: Sequence[tuple[Found, int]]) -> tuple[str, ...]:
    names = in_view(found, [value for _, value in todo]) if len(todo) > 1 else ", ".join(label_name(value) for _, value in todo)
    sentences = [f"Found and segmented {names}"] if todo else []
    cut = [label_name(value) for one, value in todo if one.cut and one.value != 26]
    if cut:
        sentences.append(f"{', '.join(cut)} cut by the edge of the scan")
    if not found.named and found.vertebrae:
        certainty = min(one.certainty for one in found.vertebrae)
        verdict = "the levels are likely, not sure" if certainty >= LIKELY else "the levels cannot be told"
        sentences.append(f"{verdict}: {ambiguity(found)}; name one vertebra to name them all")
    elif found.readings:
        sentences.append(f"levels: {ambiguity(found)}")
    if found.sacrum_missed and todo:
        sentences.append("the sacrum is in view but was not recognised; drag a box around it with Shift held")
    kept = len(wanted) - len(todo)
    if kept:
        sentences.append(f"{kept} kept as {'it was' if kept == 1 else 'they were'}")
    return tuple(sentences)
