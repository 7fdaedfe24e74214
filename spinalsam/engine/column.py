"""The spine as one line with cuts where its discs are.

The locator's network shows where the bodies are, coarsely; where one ends and the next begins is read from the scan itself. Along the line
through the bodies discs come at regular distances: they are darker than spongy bone, beside them lie foramina instead of pedicles, and
the network's centres lie between them. Dynamic programming finds the cuts that explain most of that with distances that fit the width
of the bodies, which tells the scale of a spine: a vertebra with its disc is about three quarters as high as it is wide in the loins, and
less than half in the neck.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spinalsam.support.geometry import Geometry

STEP_MM = 1.0
SMALLEST_ML = 1.2  # of body that is a column or a part of one
BODY = 0.4
CANAL, CANAL_REACH_MM = 0.35, (9.0, 36.0, 9.0)
NEAR_VOXELS = 10.0  # how far from where the column leads its next slice is looked for
MISSING_VOXELS = 14  # slices without body that are stepped over: a vertebra hidden by metal
# Height of a vertebra with its disc beside its width, by the height that a middling adult has there: necks are wide for their height.
# Measured on 36 vertebrae of VerSe masks and on phantoms.
USUAL_MM, RATIO = (18.5, 20.5, 22.0, 25.0, 28.0, 31.0), (0.40, 0.49, 0.58, 0.66, 0.68, 0.74)
HEIGHT_MM = (11.0, 42.0)
# The same from width and depth: exp(c) * width^a * depth^b. Bodies of the loins are twice as deep as those of the neck, and little wider.
# Fitted to 723 neighbours in 108 views of phantoms, made-up people and VerSe masks (13 % off on average). Where this is by more than
# OUT_OF_SHAPE, as a logarithm, off from what the network thinks, it took loins for a neck: 0.55 to 0.70 in the three such views, 0.29 or
# less in all others.
SHAPE, OUT_OF_SHAPE = (-2.23, 0.51, 1.05), 0.42
LOOSE, SPREAD = 0.3, 0.17  # of the logarithm of a distance between discs, before and after the scan has told its scale
RIGID = 1.0  # weight of regular distances beside the evidence
PART = 0.45  # share of a usual height from which what lies beyond the last cut is a vertebra of its own
# Of dark discs, of foramina, of the network's centres between them, and of where bone points as its centre. Each alone misleads somewhere:
# discs brighter than bone in osteoporosis, a network that is half a vertebra off. In the neck the network is better than what the scan
# shows of thin discs, below it the scan counts more. Chosen on phantoms and by eye on two real scans. What is dark counts as far as it lies
# where the network sees discs: fully from a correlation of AGREED on, not at all where they contradict each other.
WEIGHTS_AT_MM = (18.0, 22.0)  # height of a vertebra with its disc
WEIGHTS = ((0.6, 0.8), (0.7, 1.0), (0.8, 0.6), (1.2, 0.9))
AGREED = 0.15
VOTE_MM = 2.0  # how far those places spread


@dataclass(frozen=True)
class Column:
    """line_mm: (n, 3) LPS from head to foot, one a STEP_MM. width_mm, height_mm: (n,) of the bodies there, and usual for such bodies.

    solid: (n,) whether there is body at all; cuts: positions of the discs. bounds: (first, last) position of every vertebra.
    """

    line_mm: NDArray[np.float64]
    width_mm: NDArray[np.float64]
    height_mm: NDArray[np.float64]
    solid: NDArray[np.bool_]
    bounds: tuple[tuple[int, int], ...]

    def position_of(self, points_mm: NDArray[np.float64]) -> NDArray[np.int64]:
        """Index on the line nearest to each point (n, 3)."""
        from scipy.spatial import cKDTree

        return np.asarray(cKDTree(self.line_mm).query(points_mm)[1], np.int64)

    def order_of(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Order, from 1, of the vertebra in which positions on the line lie; 0 for none."""
        orders = np.zeros(len(self.line_mm), np.int64)
        for number, (first, last) in enumerate(self.bounds, 1):
            orders[first : last + 1] = number
        return orders[positions]


def find_column(
    body: NDArray[np.float32],
    canal: NDArray[np.float32],
    heat: NDArray[np.float32],
    grid: Geometry,
    voxels: NDArray,
    geometry: Geometry,
    *,
    is_hu: bool,
    pointed_mm: NDArray[np.float64] | None = None,
    step_mm: NDArray[np.float32] | None = None,
) -> Column | None:
    """The column of a coarse answer. body, canal, heat: [x, y, z] on `grid`. step_mm: on it too, how high the network thinks a vertebra is
    with its disc. pointed_mm: LPS places (n, 3) at which bone points as its vertebra's centre. voxels, geometry: the scan. None where there
    is no column."""
    traced = _trace(body, canal, grid)
    if traced is None:
        return None
    line, width, depth, solid = traced
    told = None if step_mm is None else _smooth(_sampled(step_mm, grid, line), 20.0 / STEP_MM)
    height, trusted = _usual(width, depth, told)
    evidence = _evidence(line, width, height, heat, grid, (voxels, geometry, is_hu), pointed_mm, trusted=trusted)
    # First the scan decides, then the distances that it gave make the row regular.
    cuts = _cuts(evidence, height, LOOSE)
    height = _told_by(cuts, height)
    cuts = _cuts(evidence, height, SPREAD)
    return Column(line, width, height, solid, _bounds(cuts, height, solid))


def _usual(width: NDArray, depth: NDArray, told: NDArray | None) -> tuple[NDArray[np.float64], bool]:
    """The usual height of a vertebra with its disc along the line, and whether the network knows where it looks.

    width, depth: of the bodies. told: what the network thinks that the height is; all in mm.
    """
    shaped = np.clip(np.exp(SHAPE[0] + SHAPE[1] * np.log(np.maximum(width, 1)) + SHAPE[2] * np.log(np.maximum(depth, 1))), *HEIGHT_MM)
    if told is None:
        return shaped, True
    opinion = np.clip(told, *HEIGHT_MM)
    if abs(float(np.median(np.log(shaped / opinion)))) > OUT_OF_SHAPE:
        return shaped, False
    return np.sqrt(np.clip(np.interp(told, USUAL_MM, RATIO) * width, *HEIGHT_MM) * opinion), True


def _trace(body: NDArray[np.float32], canal: NDArray[np.float32], grid: Geometry) -> tuple[NDArray, NDArray, NDArray, NDArray] | None:
    """(line, width, depth, solid) through the middles of the bodies, slice by slice; of several beginnings the longest column is kept."""
    weights = np.where(body > BODY, body, 0)
    # A body has a canal within reach behind it; hips and other bright bone have none.
    reach = tuple(2 * int(mm / step) + 1 for mm, step in zip(CANAL_REACH_MM, grid.spacing_mm, strict=True))
    weights = weights * (ndimage.maximum_filter(canal, reach) > CANAL)
    if weights.sum() * np.prod(grid.spacing_mm) < 1000 * SMALLEST_ML:
        return None
    mass = weights.sum(axis=(0, 1))
    solid = np.flatnonzero(mass > 0.25 * mass.max())
    starts = {int(solid[int(share * (len(solid) - 1))]) for share in (0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95)}
    rows = max((_through(weights, start) for start in sorted(starts)), key=len)
    good = np.array(sorted(rows))
    if len(good) < 2:
        return None
    found = np.array([rows[int(z)] for z in good])
    every = np.arange(good[0], good[-1] + 1)
    sigma = 7.0 / grid.spacing_mm[2]
    x, y, *spreads = (_smooth(np.interp(every, good, found[:, n]), factor * sigma) for n, factor in ((0, 1), (1, 1), (2, 3), (3, 3)))
    points = grid.to_mm(np.column_stack([x, y, every]))[::-1]
    # A body's mask is nearly an ellipse, whose width is four standard deviations.
    width, depth = (4 * spread[::-1] * mm for spread, mm in zip(spreads, grid.spacing_mm, strict=False))
    return _resampled(points, width, depth, np.isin(every, good)[::-1])


def _through(weights: NDArray[np.float32], start: int) -> dict[int, tuple[float, ...]]:
    """The column up and down from the place of a slice around which most body lies."""
    middle = _densest(weights[..., start])
    down = _followed(weights, middle, range(start, -1, -1))
    return {**down, **_followed(weights, middle, range(start + 1, weights.shape[2]))}


def _densest(weights: NDArray[np.float32]) -> NDArray[np.float64]:
    """The place on a slice around which most body lies, in voxels."""
    near = ndimage.uniform_filter(weights, 9, mode="constant")
    return np.array(np.unravel_index(int(near.argmax()), weights.shape), float)


def _followed(weights: NDArray[np.float32], middle: NDArray[np.float64], slices: range) -> dict[int, tuple[float, ...]]:
    """(x, y, spread in x, spread in y) of the body on slice after slice, as long as it goes on where the last ones lead; all in voxels."""
    rows: dict[int, tuple[float, ...]] = {}
    x = np.arange(weights.shape[0], dtype=float)[:, None]
    y = np.arange(weights.shape[1], dtype=float)[None]
    drift, missing, usual = np.zeros(2), 0, 0.0
    for z in slices:
        expected = middle + drift * (missing + 1)
        near = weights[..., z] * (np.hypot(x - expected[0], y - expected[1]) < NEAR_VOXELS)
        mass = float(near.sum())
        if mass < max(4.0, 0.2 * usual):
            missing += 1
            if missing > MISSING_VOXELS:
                break
            continue
        here = np.array([(near * x).sum(), (near * y).sum()]) / mass
        rows[z] = (here[0], here[1], *(float(np.sqrt((near * (a - at) ** 2).sum() / mass)) for a, at in ((x, here[0]), (y, here[1]))))
        step = np.clip((here - middle) / (missing + 1), -1.2, 1.2)
        drift = step if len(rows) == 2 else 0.75 * drift + 0.25 * step
        usual = mass if not usual else 0.85 * usual + 0.15 * mass
        middle, missing = here, 0
    return rows


def _smooth(values: NDArray, sigma: float) -> NDArray:
    return ndimage.gaussian_filter1d(values, sigma, mode="nearest")


def _resampled(points: NDArray, width: NDArray, depth: NDArray, solid: NDArray) -> tuple[NDArray, NDArray, NDArray, NDArray] | None:
    """The same line with a point every STEP_MM of its length."""
    if len(points) < 2:
        return None
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    wanted = np.arange(0, along[-1] + 1e-6, STEP_MM)
    line = np.column_stack([np.interp(wanted, along, points[:, n]) for n in range(3)])
    width, depth, held = (np.interp(wanted, along, values) for values in (width, depth, solid.astype(float)))
    return line, width, depth, held > 0.5


def _evidence(
    line: NDArray,
    width: NDArray,
    height: NDArray,
    heat: NDArray[np.float32],
    grid: Geometry,
    scan: tuple[NDArray, Geometry, bool],
    pointed_mm: NDArray[np.float64] | None,
    *,
    trusted: bool,
) -> NDArray[np.float64]:
    """How much speaks for a disc at every position of the line, in standard deviations. trusted: the network knows where it looks."""
    voxels, geometry, is_hu = scan
    tangent = np.gradient(line, axis=0) if len(line) > 1 else np.tile([0.0, 0.0, -1.0], (len(line), 1))
    tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-6)
    left = np.cross(np.tile([0.0, 1.0, 0.0], (len(line), 1)), -tangent)
    left /= np.maximum(np.linalg.norm(left, axis=1, keepdims=True), 1e-6)
    back = np.cross(-tangent, left)
    inside = [(u, v) for u in (-0.24, -0.12, 0, 0.12, 0.24) for v in (-0.2, -0.1, 0, 0.1, 0.2)]
    beside = [(u, v) for u in (-0.34, -0.27, 0.27, 0.34) for v in (0.42, 0.5)]
    limits = (-50.0, 500.0) if is_hu else tuple(np.percentile(voxels[:: max(1, voxels.shape[0] // 32)], [2, 99.8]))
    dark, foramen = (
        np.mean(
            [
                np.clip(_sampled(voxels, geometry, line + (u * width)[:, None] * left + (v * width)[:, None] * back), *limits)
                for u, v in places
            ],
            axis=0,
        )
        for places in (inside, beside)
    )
    near = [(u, v) for u in (-3.0, 0.0, 3.0) for v in (-3.0, 0.0, 3.0)]
    centres = np.max([_sampled(heat, grid, line + u * left + v * back) for u, v in near], axis=0)
    usual = float(np.median(height))
    # Foramina lie a little above the discs.
    shifted = np.interp(np.arange(len(line)) - 0.12 * usual, np.arange(len(line)), foramen)
    parts = [_standard(part, usual) for part in (dark, shifted, centres, _votes(line, width, pointed_mm))]
    weights = [np.interp(height, WEIGHTS_AT_MM, ends) for ends in WEIGHTS]
    weights[0] = weights[0] * _agreement(parts[0], parts[2] + parts[3] if trusted else parts[1])
    return _smooth(-np.asarray(sum(weight * part for weight, part in zip(weights, parts, strict=True))), 1.5)


def _agreement(one: NDArray, other: NDArray) -> float:
    """0 where two pieces of evidence contradict each other, 1 where they say the same clearly."""
    if min(one.std(), other.std()) < 1e-6:  # nothing to contradict
        return 1.0
    return float(np.clip(np.corrcoef(one, other)[0, 1] / AGREED, 0, 1))


def _votes(line: NDArray, width: NDArray, pointed_mm: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """How much bone points at every position of the line as its vertebra's centre."""
    from scipy.spatial import cKDTree

    if pointed_mm is None or not len(pointed_mm):
        return np.zeros(len(line))
    distance, position = cKDTree(line).query(pointed_mm)
    near = distance < 0.35 * width[position]
    return _smooth(np.bincount(position[near], minlength=len(line)).astype(float), VOTE_MM / STEP_MM)


def _sampled(values: NDArray, geometry: Geometry, points_mm: NDArray) -> NDArray[np.float64]:
    return ndimage.map_coordinates(values, geometry.to_ijk(points_mm).T, np.float64, order=1, mode="nearest")


def _standard(values: NDArray, usual: float) -> NDArray[np.float64]:
    """Without what changes slowly along the line, in local standard deviations."""
    rest = values - _smooth(values, 0.6 * usual)
    scale = np.sqrt(_smooth(rest**2, 1.5 * usual))
    return rest / np.maximum(scale, 0.15 * rest.std() + 1e-6)


def _told_by(cuts: list[int], height: NDArray) -> NDArray[np.float64]:
    """The usual height along the line as cuts tell it, smoothed over some vertebrae."""
    if len(cuts) < 3:
        return height
    middles, gaps = 0.5 * (np.array(cuts[1:]) + cuts[:-1]), np.diff(cuts) * STEP_MM
    ratio = np.log(gaps / height[middles.astype(int)])
    smooth = np.array([np.median(ratio[max(0, n - 2) : n + 3]) for n in range(len(ratio))])
    return np.clip(height * np.exp(np.interp(np.arange(len(height)), middles, smooth)), *HEIGHT_MM)


def _cuts(evidence: NDArray, height: NDArray, spread: float) -> list[int]:
    """Positions of the discs: the row of them that has most evidence at regular distances."""
    count = len(evidence)
    best, back = np.full(count, -np.inf), np.full(count, -1)
    for here in range(count):
        usual = height[here]
        if here < 1.5 * usual:
            best[here] = evidence[here]
        reach = np.arange(max(0, here - int(1.7 * usual)), max(0, here - int(0.5 * usual)) + 1)
        reach = reach[reach < here]
        if len(reach):
            between = 0.5 * (height[reach] + usual)
            total = best[reach] + evidence[here] - 0.5 * RIGID * (np.log((here - reach) * STEP_MM / between) / spread) ** 2
            if total.max() > best[here]:
                best[here], back[here] = total.max(), reach[total.argmax()]
    ends = np.arange(count)[np.arange(count) > count - 1 - 1.5 * height]
    if not len(ends) or count < PART * height.min() / STEP_MM:
        return []
    cut = int(ends[best[ends].argmax()])
    cuts = [cut]
    while back[cut] >= 0:
        cut = int(back[cut])
        cuts.append(cut)
    return cuts[::-1]


def _bounds(cuts: list[int], height: NDArray, solid: NDArray) -> tuple[tuple[int, int], ...]:
    """Vertebrae between the cuts, and at the ends where enough is left."""
    last = len(height) - 1
    edges = [0, *[cut for cut in cuts if 0 < cut < last], last]
    bounds = []
    for number, (first, second) in enumerate(itertools.pairwise(edges)):
        at_end = number in (0, len(edges) - 2)
        enough = (second - first) * STEP_MM >= PART * height[(first + second) // 2] or len(edges) == 2
        if (not at_end or enough) and solid[first : second + 1].mean() > 0.4:
            bounds.append((first, second))
    return tuple(bounds)
