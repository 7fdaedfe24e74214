"""How good a model is when a person uses it: one box, one click, a box and corrective clicks, all with human jitter.

The protocol is that of the CVPR 2025 interactive segmentation challenge (box, then up to five corrective clicks, area under
the Dice curve), with jittered prompts because robot users overestimate (arXiv 2404.01816).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinalsam.data.volume import Volume
from spinalsam.engine.rough import RoughShapes
from spinalsam.engine.segmenter import Candidates, Embedding, RoughShape, Segmenter, SliceImage
from spinalsam.errors import InputError
from spinalsam.support.metrics import dice, evaluate_mask
from spinalsam.support.planes import PLANES, SlicePlane
from spinalsam.support.prompts import SlicePrompt
from spinalsam.training.interaction import corrective_click, first_click, jittered_box

SMALLEST_PIXELS = 25  # a cross-section smaller than this is not something a person would box
MASK_ENDINGS = ("_mask", "_seg", "-mask", "-seg")
CLICKS = 5
GOOD_DICE = 0.90


@dataclass(frozen=True)
class SliceCase:
    """One structure on one slice. truth: (rows, columns) bool; spacing_mm: (row, column).

    surroundings: what the locator knows of a prompt from the volume around the slice; None for a slice by itself.
    """

    name: str
    image: SliceImage
    truth: NDArray[np.bool_]
    surroundings: Callable[[SlicePrompt], RoughShape | None] | None = None

    @property
    def spacing_mm(self) -> tuple[float, float]:
        return self.image.spacing_mm or (1.0, 1.0)


def slice_cases(
    name: str, volume: Volume, mask: NDArray, *, planes: Sequence[str] = PLANES, per_label: int = 3, shapes: RoughShapes | None = None
) -> Iterator[SliceCase]:
    """Slices at even steps through every label of a mask [i, j, k] on the volume's grid. shapes: what the locator knows of the volume."""
    spacing = volume.geometry.spacing_mm if volume.geometry.has_spacing else None
    for plane in planes:
        cut = SlicePlane(volume.geometry, plane)
        if min(cut.shape) < 8:
            continue
        across = tuple(axis for axis in range(3) if axis != cut.normal_axis)
        for label in np.unique(mask)[1:]:
            held = np.flatnonzero((mask == label).any(axis=across))
            for share in (np.arange(per_label) + 0.5) / per_label:
                index = int(held[int(share * len(held))])
                truth = np.ascontiguousarray(cut.cut(mask, index) == label)
                if truth.sum() >= SMALLEST_PIXELS:
                    pixels = np.ascontiguousarray(cut.cut(volume.voxels, index), dtype=np.float32)
                    mm = cut.spacing_mm if spacing is not None else None
                    around = partial(shapes.for_prompt, cut, index) if shapes is not None else None
                    yield SliceCase(f"{name} {plane} {label} {index}", SliceImage(pixels, volume.is_hu, mm), truth, around)


def find_pairs(folder: Path) -> list[tuple[Path, Path]]:
    """Image and mask files of a folder: ``NAME.ext`` or a DICOM folder ``NAME`` with ``NAME_mask.ext`` or ``NAME_seg.ext``.

    Raises InputError when there are none.
    """
    if not folder.is_dir():
        raise InputError(f"'{folder}' is not a folder of images and masks; check the path.")
    entries = sorted(folder.iterdir())
    by_stem: dict[str, list[Path]] = {}
    for path in entries:
        by_stem.setdefault(path.name.split(".")[0], []).append(path)
    pairs = []
    for mask_path in entries:
        stem = mask_path.name.split(".")[0]
        ending = next((ending for ending in MASK_ENDINGS if stem.endswith(ending)), None)
        if ending and mask_path.is_file() and mask_path.suffix != ".json":
            images = [path for path in by_stem.get(stem[: -len(ending)], []) if path.suffix != ".json"]
            pairs += [(images[0], mask_path)] if images else []
    if not pairs:
        raise InputError(f"{folder} holds no pairs of image and mask; name them NAME.nii.gz (or a DICOM folder NAME) and NAME_mask.nii.gz.")
    return pairs


def read_pair(image: Path, mask: Path) -> tuple[Volume, NDArray]:
    """An image and the labels of its mask [i, j, k]. Raises InputError when the mask is not on the image's grid."""
    from spinalsam.data.formats import read_mask, read_volume

    volume = read_volume(image)
    return volume, read_mask(mask, volume.geometry)


def read_pairs(folder: Path) -> list[tuple[str, Volume, NDArray]]:
    """Every pair of a folder with its name. Raises InputError as `find_pairs` and `read_pair`."""
    return [(image.name.split(".")[0], *read_pair(image, mask)) for image, mask in find_pairs(folder)]


def try_case(segmenter: Segmenter, case: SliceCase, *, seed: int, clicks: int = CLICKS) -> dict[str, Any]:
    """Prompt one case as a person would. Returns figures; `curve` is Dice after the box and after every click."""
    rng = np.random.default_rng(seed)
    embedding = segmenter.encode(case.image)
    box = jittered_box(rng, case.truth)
    answer = first_answer(segmenter, case, embedding, SlicePrompt(box_xyxy=box))
    boxed = answer.masks[0]
    curve = [dice(boxed, case.truth)]
    points: list[tuple[float, float]] = []
    kinds: list[bool] = []
    for _ in range(clicks):
        click = corrective_click(rng, answer.masks[0], case.truth)
        if click is not None:
            points.append(click[:2])
            kinds.append(click[2])
            prompt = SlicePrompt(np.array(points, np.float32), np.array(kinds), box)
            answer = segmenter.decode(embedding, prompt, answer.low_res[0] if answer.low_res else None)
        curve.append(dice(answer.masks[0], case.truth))
    x, y = first_click(rng, case.truth)
    pointed = first_answer(segmenter, case, embedding, SlicePrompt(np.array([[x, y]], np.float32), np.array([True])))
    good = next((n for n, value in enumerate(curve) if value >= GOOD_DICE), None)
    return {
        "name": case.name,
        **evaluate_mask(boxed, case.truth, case.spacing_mm),
        "curve": curve,
        "auc": float(np.trapezoid(curve) / max(1, len(curve) - 1)),
        "point": dice(pointed.masks[0], case.truth),
        "point_best_of_3": max(dice(mask, case.truth) for mask in pointed.masks),
        "clicks_to_0.90": good if good is not None else clicks + 1,
    }


def first_answer(segmenter: Segmenter, case: SliceCase, embedding: Embedding, prompt: SlicePrompt) -> Candidates:
    """The answer to a first prompt."""
    return segmenter.decode(embedding, prompt, case.surroundings(prompt) if case.surroundings is not None else None)


def evaluate_segmenter(segmenter: Segmenter, cases: Iterable[SliceCase], *, clicks: int = CLICKS) -> dict[str, Any]:
    """`try_case` over many cases: means, and every case's own figures under `cases`."""
    rows = [try_case(segmenter, case, seed=number, clicks=clicks) for number, case in enumerate(cases)]
    if not rows:
        raise InputError("There is nothing to evaluate: no slice holds a large enough part of a label.")
    return {**means(rows), "cases": rows}


def means(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The means of cases' figures, and how many there are; None where no case has a figure (distances to an empty mask)."""
    mean = {name: _mean(rows, name) for name in ("dice", "iou", "msd_mm", "hd95_mm", "nsd_1mm", "auc", "point", "point_best_of_3")}
    curve = np.mean([row["curve"] for row in rows], axis=0)
    reached = {f"box_and_{n}": float(curve[n]) for n in range(1, len(curve))}
    return {"count": len(rows), **mean, **reached, "clicks_to_0.90": _mean(rows, "clicks_to_0.90")}


def grouped(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """`means` by image and plane, all but the last two words of a case's name."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(row["name"].rsplit(" ", 2)[0], []).append(row)
    return {name: means(group) for name, group in groups.items()}


def _mean(rows: Sequence[dict[str, Any]], name: str) -> float | None:
    values = [row[name] for row in rows if np.isfinite(row[name])]
    return float(np.mean(values)) if values else None
