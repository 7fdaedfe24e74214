"""How well two masks agree: Dice, IoU, and distances between their surfaces in mm.

The surface of a mask is the set of its voxels that touch a voxel outside it over a face (edge in 2-D); the edge of the picture
counts as outside. Distances run between voxel centres along the true spacing. With d(a, B) the distance from a surface voxel to
the other surface:

- MSD is the mean symmetric surface distance, the sum of all d over both surfaces divided by their number of voxels.
- HD95 is the larger of the two directed 95th percentiles (linear interpolation).
- NSD at a tolerance is the share of surface voxels of both masks with d at most the tolerance.

Two empty masks agree wholly: Dice, IoU and NSD 1, distances 0. If only one is empty, Dice, IoU and NSD are 0 and distances have no
value: infinity in Python, null in JSON.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from spinalsam.errors import InputError
from spinalsam.support.label_image import label_values

NSD_TOLERANCE_MM = 1.0
# Distances are compared with the tolerance after rounding errors of sums of squares.
_EPSILON_MM = 1e-6
_TREE_PAYS = 25


@dataclass(frozen=True)
class SurfaceDistances:
    """Distances in mm from every surface voxel of one mask to the surface of the other, (n,) float64 each."""

    first_to_second: NDArray[np.float64]
    second_to_first: NDArray[np.float64]

    @property
    def pooled(self) -> NDArray[np.float64]:
        return np.concatenate([self.first_to_second, self.second_to_first])


def dice(first: NDArray, second: NDArray) -> float:
    """2 |A and B| / (|A| + |B|) of two masks of any equal shape; non-zero is inside."""
    common, sizes = _overlap(first, second)
    return 1.0 if sizes == 0 else 2.0 * common / sizes


def iou(first: NDArray, second: NDArray) -> float:
    """|A and B| / |A or B| of two masks of any equal shape; non-zero is inside."""
    common, sizes = _overlap(first, second)
    return 1.0 if sizes == 0 else common / (sizes - common)


def surface_distances(first: NDArray, second: NDArray, spacing_mm: ArrayLike | None) -> SurfaceDistances | None:
    """Distances between the surfaces of two non-empty masks of equal shape, or None if either is empty.

    spacing_mm: one length an array axis; None where it is unknown (distances are then in voxels).
    """
    spacing = _spacing(first, spacing_mm)
    _same_shape(first, second)
    box = _common_box(first != 0, second != 0)
    if box is None:
        return None
    one, other = _surface(first[box] != 0), _surface(second[box] != 0)
    # A tree costs by surface voxel, a distance map by voxel of the box.
    sparse = one.size > _TREE_PAYS * (np.count_nonzero(one) + np.count_nonzero(other))
    measure = _by_tree if sparse else _by_map
    return SurfaceDistances(measure(one, other, spacing), measure(other, one, spacing))


def _by_tree(of: NDArray[np.bool_], to: NDArray[np.bool_], spacing: tuple[float, ...]) -> NDArray[np.float64]:
    points = [np.argwhere(surface) * np.array(spacing) for surface in (of, to)]
    return cKDTree(points[1]).query(points[0])[0]


def _by_map(of: NDArray[np.bool_], to: NDArray[np.bool_], spacing: tuple[float, ...]) -> NDArray[np.float64]:
    return ndimage.distance_transform_edt(~to, sampling=spacing)[of]


def msd_mm(first: NDArray, second: NDArray, spacing_mm: ArrayLike | None) -> float:
    """Mean symmetric surface distance; see the module's text for empty masks."""
    return _from_surfaces(first, second, spacing_mm)["msd_mm"]


def hd95_mm(first: NDArray, second: NDArray, spacing_mm: ArrayLike | None) -> float:
    """95th percentile Hausdorff distance; see the module's text for empty masks."""
    return _from_surfaces(first, second, spacing_mm)["hd95_mm"]


def nsd(first: NDArray, second: NDArray, spacing_mm: ArrayLike | None, tolerance_mm: float = NSD_TOLERANCE_MM) -> float:
    """Normalised surface Dice at a tolerance; see the module's text for empty masks."""
    return _from_surfaces(first, second, spacing_mm, tolerance_mm)["nsd"]


def evaluate_mask(pred: NDArray, truth: NDArray, spacing_mm: ArrayLike | None) -> dict[str, float]:
    """All figures of one pair of masks: dice, iou, msd_mm, hd95_mm, nsd_1mm. Non-zero is inside."""
    surfaces = _from_surfaces(pred, truth, spacing_mm)
    return {
        "dice": dice(pred, truth),
        "iou": iou(pred, truth),
        "msd_mm": surfaces["msd_mm"],
        "hd95_mm": surfaces["hd95_mm"],
        "nsd_1mm": surfaces["nsd"],
    }


def evaluate_pair(pred: NDArray, truth: NDArray, spacing_mm: ArrayLike | None) -> dict[str, Any]:
    """The document of `evaluate --json` for two label images of equal shape.

    `overall` compares everything that has a label with everything that has one; `labels` has an entry for every value in either
    image. Distances without a value are None.
    """
    _same_shape(pred, truth)
    values = sorted({*label_values(pred), *label_values(truth)})
    labels = {}
    for value in values:
        box = _common_box(pred == value, truth == value)
        part = box or ...
        labels[str(value)] = _json(evaluate_mask(pred[part] == value, truth[part] == value, spacing_mm))
    return {"overall": _json(evaluate_mask(pred != 0, truth != 0, spacing_mm)), "labels": labels}


def mean_of_pairs(results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Several `evaluate_pair` documents averaged, figure by figure; a figure without a value in any pair is left out of its mean."""
    labels = sorted({label for result in results for label in result["labels"]}, key=int)
    return {
        "overall": _mean([result["overall"] for result in results]),
        "labels": {name: _mean([result["labels"][name] for result in results if name in result["labels"]]) for name in labels},
    }


def _mean(rows: Sequence[dict[str, Any]]) -> dict[str, float | None]:
    out: dict[str, float | None] = {}
    for name in ("dice", "iou", "msd_mm", "hd95_mm", "nsd_1mm"):
        values = [row[name] for row in rows if row[name] is not None]
        out[name] = sum(values) / len(values) if values else None
    return out


def _json(figures: dict[str, float]) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in figures.items()}


def _overlap(first: NDArray, second: NDArray) -> tuple[int, int]:
    _same_shape(first, second)
    one, other = first != 0, second != 0
    return int(np.count_nonzero(one & other)), int(np.count_nonzero(one)) + int(np.count_nonzero(other))


def _same_shape(first: NDArray, second: NDArray) -> None:
    if first.shape != second.shape:
        raise InputError(f"The masks have different sizes, {first.shape} and {second.shape}; compare masks of one image.")


def _spacing(mask: NDArray, spacing_mm: ArrayLike | None) -> tuple[float, ...]:
    spacing = (1.0,) * mask.ndim if spacing_mm is None else tuple(float(mm) for mm in np.asarray(spacing_mm, float).reshape(-1))
    if len(spacing) != mask.ndim or not all(math.isfinite(mm) and mm > 0 for mm in spacing):
        raise InputError(f"A mask of {mask.ndim} dimensions needs {mask.ndim} positive spacings, not {spacing}.")
    return spacing


def _from_surfaces(
    first: NDArray, second: NDArray, spacing_mm: ArrayLike | None, tolerance_mm: float = NSD_TOLERANCE_MM
) -> dict[str, float]:
    distances = surface_distances(first, second, spacing_mm)
    if distances is None:
        agree = not np.any(first) and not np.any(second)
        return {"msd_mm": 0.0, "hd95_mm": 0.0, "nsd": 1.0} if agree else {"msd_mm": math.inf, "hd95_mm": math.inf, "nsd": 0.0}
    return {
        "msd_mm": float(distances.pooled.mean()),
        "hd95_mm": float(max(np.percentile(d, 95) for d in (distances.first_to_second, distances.second_to_first))),
        "nsd": float(np.mean(distances.pooled <= tolerance_mm + _EPSILON_MM)),
    }


def _surface(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Voxels of the mask with a face neighbour outside it; beyond the array is outside."""
    return mask & ~ndimage.binary_erosion(mask)


def _common_box(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> tuple[slice, ...] | None:
    """The smallest box around both masks, or None if either is empty."""
    boxes = [_box(mask) for mask in (first, second)]
    if boxes[0] is None or boxes[1] is None:
        return None
    return tuple(slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(*boxes, strict=True))


def _box(mask: NDArray[np.bool_]) -> tuple[slice, ...] | None:
    box = []
    for axis in range(mask.ndim):
        hit = np.flatnonzero(mask.any(axis=tuple(other for other in range(mask.ndim) if other != axis)))
        if hit.size == 0:
            return None
        box.append(slice(int(hit[0]), int(hit[-1]) + 1))
    return tuple(box)
