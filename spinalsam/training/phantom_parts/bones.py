"""The shapes of vertebrae, sacrum, ilia and ribs as signed distances."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spinalsam.training.phantom_parts.shapes import (
    FAR_MM,
    Array,
    Box,
    DistanceField,
    Frame,
    Grid,
    Vector,
    rod_distance,
    smooth_max,
    smooth_min,
)
from spinalsam.training.phantom_parts.skeleton import (
    SACRAL_DEPTH_MM,
    SACRAL_WIDTH_MM,
    Joint,
    Spine,
    Vertebra,
)

JOINT_RADIUS_MM = 13.0
JOINT_HALF_GAP_MM = 0.65
MIRROR = np.array([-1.0, 1.0, 1.0])


@dataclass
class Bone:
    """One bone's distance on a box of a grid.

    body: distance to the vertebral body alone (None for other bones), which tells body from arch and thin shell from thick.
    core_change: HU to add to the spongy core (veins, remnants of discs), or None.
    """

    name: str
    field: DistanceField
    body: Array | None = None
    core_change: Array | None = None


_TILE = 112


def lumps(shape: tuple[int, ...], spacing_mm: Sequence[float], scale_mm: float, rng: np.random.Generator) -> Array:
    """A smooth random field of mean 0 and deviation 1 whose details are about scale_mm long.

    It repeats after _TILE voxels, which nobody sees in texture and which makes it cheap.
    """
    # Drawn coarsely and enlarged: smooth fields need few random numbers.
    steps = [max(1, int(scale_mm / s / 1.5)) for s in spacing_mm]
    counts = [-(-min(n, _TILE) // step) for n, step in zip(shape, steps, strict=True)]
    small = rng.standard_normal(counts, dtype=np.float32)
    sigmas = [scale_mm / s / step / 1.5 for s, step in zip(spacing_mm, steps, strict=True)]
    tile = ndimage.gaussian_filter(small, sigmas, mode="wrap", truncate=3.0)
    tile /= tile.std() + 1e-6
    for axis, step in enumerate(steps):
        tile = _stretched(tile, axis, step)
    return _tiled(tile, shape)


def _tiled(tile: Array, shape: tuple[int, ...]) -> Array:
    """The tile repeated until the shape is full."""
    if all(n <= t for n, t in zip(shape, tile.shape, strict=True)):
        return tile[tuple(slice(0, n) for n in shape)]
    result = np.empty(shape, np.float32)
    starts = (range(0, n, t) for n, t in zip(shape, tile.shape, strict=True))
    for corner in itertools.product(*starts):
        view = result[tuple(slice(c, c + t) for c, t in zip(corner, tile.shape, strict=True))]
        view[...] = tile[tuple(slice(0, n) for n in view.shape)]
    return result


def _stretched(values: Array, axis: int, step: int) -> Array:
    """Linear interpolation along one axis, step times as long, wrapping round."""
    if step == 1:
        return values
    following = np.roll(values, -1, axis)
    weights = (np.arange(step, dtype=np.float32) / step).reshape([-1 if n == axis + 1 else 1 for n in range(values.ndim + 1)])
    first, change = np.expand_dims(values, axis + 1), np.expand_dims(following - values, axis + 1)
    shape = [n * step if at == axis else n for at, n in enumerate(values.shape)]
    return (first + change * weights).reshape(shape)


# --- vertebrae -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wear:
    """How old a spine looks: osteophytes 0-1 at the rims, hollow_mm the depth of the endplates."""

    osteophytes: float = 0.2
    hollow_mm: float = 2.2


def body_distance(grid: Grid, vertebra: Vertebra, wear: Wear, lip: Array | float) -> Array:
    """Distance to the vertebral body: a waisted, kidney-shaped drum with hollow endplates and a rim."""
    size = vertebra.size
    left, back, head = grid.local(vertebra.frame)
    outline = body_outline(left, back, size.width / 2, size.depth / 2)
    radius = np.sqrt(left * left + back * back) + 1e-3
    edge = radius / outline
    half = size.height / 2
    slope = np.tan(np.radians(size.wedge / 2))
    bowl = np.clip(1.0 - (outline / 0.86) ** 2, 0.0, 1.0) * wear.hollow_mm
    front = np.clip(0.5 - back / size.depth, 0.0, 1.0)
    top = half - slope * back - bowl - vertebra.fracture * size.height * front
    bottom = -half + slope * back + bowl * 0.85
    middle, span = (top + bottom) / 2, (top - bottom) / 2
    height = np.clip(np.abs(head - middle) / np.maximum(span, 1.0), 0.0, 1.0)
    # The posterior wall is nearly straight; front and sides are waisted.
    waist = np.where(back > 0, 0.05 + 0.06 * (np.abs(left) / (size.width / 2)) ** 2, 0.105) * (1.0 - height * height)
    rim = wear.osteophytes * 0.09 * lip * np.clip((height - 0.6) / 0.4, 0.0, 1.0) ** 2
    scale = 1.0 - waist + rim
    side = radius - edge * scale
    return smooth_max(side, smooth_max(head - top, bottom - head, 0.5), 2.0)


def body_outline(left: Array, back: Array, half_width: float, half_depth: float) -> Array:
    """Position relative to the body's outline seen from above: 0 in the middle, 1 on it."""
    flatness = np.where(back > 0, 2.9, 2.25)
    ratio_x, ratio_y = np.abs(left) / half_width + 1e-4, np.abs(back) / half_depth + 1e-4
    outline = (ratio_x**flatness + ratio_y**flatness) ** (1.0 / flatness)
    hollow = 0.10 * np.exp(-((left / (0.30 * half_width)) ** 2)) * np.clip(back / half_depth, 0.0, 1.0) ** 2
    return outline / (1.0 - hollow)


def canal_distance(grid: Grid, vertebra: Vertebra) -> Array:
    """Distance to the neural canal at one level: a triangle with rounded corners, its base on the posterior wall."""
    size = vertebra.size
    left, back, _ = grid.local(vertebra.frame)
    depth = back - vertebra.back_wall_mm
    # Thoracic canals are round, low lumbar ones triangular.
    roundness = np.clip(2.6 - (size.width - 38.0) * 0.13, 1.15, 2.6)
    fraction = np.clip(depth / size.canal_depth, 0.0, 1.0)
    half = size.canal_width / 2 * (1.0 - 0.72 * fraction**roundness)
    sides = (np.abs(left) - half) * 0.9
    ends = smooth_max(-depth, depth - size.canal_depth, 0.5)
    return smooth_max(sides, ends, 5.0)


def joint_wall(grid: Grid, joint: Joint) -> Array:
    """Distance from the joint's cylinder: negative on the side of the upper bone's inferior process."""
    axis_left, axis_back, _ = (joint.centre_mm + joint.normal * JOINT_RADIUS_MM).tolist()
    left, back, _ = grid.local(joint.frame)
    return np.hypot(left - axis_left, back - axis_back) - JOINT_RADIUS_MM


def vertebra_bone(grid: Grid, vertebra: Vertebra, scale: float, wear: Wear, rng: np.random.Generator) -> Bone | None:
    """The whole vertebra on the part of the grid that holds it, or None where the grid does not reach it."""
    box = grid.box(*_vertebra_corners(vertebra))
    if box is None:
        return None
    field = DistanceField(grid.part(box))
    _add_arch(field, vertebra, scale, rng)
    centre = vertebra.frame.centre_mm
    reach = np.array([60.0, 70.0, 70.0])
    field.carve(centre - reach, centre + reach, lambda part: canal_distance(part, vertebra), fillet_mm=1.0)
    lip = np.clip(lumps(field.grid.shape, field.grid.spacing_mm, 11.0, rng), -0.5, 2.0)
    body = np.full(field.grid.shape, FAR_MM, np.float32)
    reach = np.array([0.75 * vertebra.size.width, 0.75 * vertebra.size.width, vertebra.size.height]) * 0.5 + 12.0
    near = field.grid.box(centre - reach, centre + reach)
    if near is not None:
        body[near] = body_distance(field.grid.part(near), vertebra, wear, lip[near])
    unevenness = 0.22 * lumps(field.grid.shape, field.grid.spacing_mm, 3.5, rng)
    unevenness += 0.12 * lumps(field.grid.shape, field.grid.spacing_mm, 1.4, rng)
    field.distance = smooth_min(field.distance, body, 3.0) + unevenness
    return Bone(vertebra.name, field, body + unevenness, _basivertebral(field.grid, vertebra))


def _basivertebral(grid: Grid, vertebra: Vertebra) -> Array:
    """The vein that enters the body in the middle of its posterior wall and forks: a dark Y in the core."""
    size, frame = vertebra.size, vertebra.frame
    change = np.zeros(grid.shape, np.float32)
    fork = (0.0, size.depth * 0.12, 0.0)
    branches = [((0.0, size.depth / 2 + 1, 0.0), fork, (1.5, 3.2), (1.1, 1.8))]
    branches += [(fork, (side * size.width * 0.2, -size.depth * 0.14, 0.0), (1.1, 1.6), (0.8, 1.2)) for side in (-1, 1)]
    for start, end, radii, end_radii in branches:
        points = frame.to_world([start, end])
        box = grid.box(points.min(0) - 5, points.max(0) + 5)
        if box is not None:
            distance = rod_distance(grid.part(box), points[0], points[1], radii, end_radii, frame.turn((0, 0, 1)))
            change[box] = np.minimum(change[box], -120.0 * np.clip(0.5 - distance / 1.6, 0.0, 1.0))
    return change


def _vertebra_corners(vertebra: Vertebra) -> tuple[NDArray, NDArray]:
    size = vertebra.size
    points = vertebra.frame.to_world(
        [
            (x, y, z)
            for x in (-size.transverse_half - 8, size.transverse_half + 8)
            for y in (-size.depth / 2 - 5, size.depth / 2 + size.canal_depth + size.spinous_length + 14)
            for z in (-size.height / 2 - 22 - size.spinous_drop, size.height / 2 + 18)
        ]
    )
    return points.min(0), points.max(0)


def _add_arch(field: DistanceField, vertebra: Vertebra, scale: float, rng: np.random.Generator) -> None:
    """Pedicles, articular processes, laminae, transverse and spinous processes."""
    for side in (-1, 1):
        _add_pedicle(field, vertebra, side)
        _add_articular(field, vertebra, side, scale)
        _add_lamina(field, vertebra, side, scale)
        _add_transverse(field, vertebra, side, scale, rng)
    _add_spinous(field, vertebra, scale, rng)


def _pedicle_end(vertebra: Vertebra, side: int, back_mm: float) -> tuple[float, float, float]:
    size = vertebra.size
    lateral = size.canal_width / 2 + size.pedicle_width / 2 - 0.6
    height = size.height / 2 - size.pedicle_height / 2 - 0.8
    return side * (lateral + 0.12 * back_mm), vertebra.back_wall_mm + back_mm, height


def _add_pedicle(field: DistanceField, vertebra: Vertebra, side: int) -> None:
    size, frame = vertebra.size, vertebra.frame
    radii = (size.pedicle_width / 2, size.pedicle_height / 2)
    field.add_rod(
        frame.to_world(_pedicle_end(vertebra, side, -5.0)),
        frame.to_world(_pedicle_end(vertebra, side, 7.5)),
        (radii[0] * 1.1, radii[1] * 1.0),
        (radii[0], radii[1] * 0.88),
        thin_axis=frame.turn((1, 0, 0)),
        fillet_mm=4.0,
    )


def _add_articular(field: DistanceField, vertebra: Vertebra, side: int, scale: float) -> None:
    """Superior process, the pars below it, and the inferior process, the processes cut along their joints."""
    frame, size = vertebra.frame, vertebra.size
    root = np.array(_pedicle_end(vertebra, side, 8.0))
    above = next(joint for joint in vertebra.joints_above if joint.side == side)
    thickness = 5.8 * scale if size.facet_angle < 60 else 3.8 * scale
    width = (9.2 if size.facet_angle < 60 else 6.2) * scale
    reach = (8.0 if size.facet_angle < 60 else 6.0) * scale
    tip = above.centre_mm - above.normal * (thickness * 0.55) + (0, 0, reach)
    foot = (root + above.centre_mm - above.normal * thickness) / 2 + (0, 0, -4.0)
    field.add_rod(
        frame.to_world(foot), frame.to_world(tip), (thickness * 1.15, width), (thickness * 0.8, width * 0.75),
        thin_axis=frame.turn(above.normal), fillet_mm=3.0,
        cut=lambda grid: JOINT_HALF_GAP_MM - joint_wall(grid, above),
    )  # fmt: skip
    back = vertebra.back_wall_mm
    pars = np.array([side * (size.canal_width / 2 + 1.5 * scale), back + 0.72 * size.canal_depth + 2, -5.0 * scale])
    field.add_rod(
        frame.to_world(root), frame.to_world(pars), (4.4 * scale, 6.0 * scale), (3.6 * scale, 6.0 * scale),
        thin_axis=frame.turn((side * 0.4, 1, 0)), fillet_mm=3.5,
    )  # fmt: skip
    below = next(joint for joint in vertebra.joints_below if joint.side == side)
    centre = below.centre_mm + below.normal * (thickness * 0.55)
    end = frame.to_local(below.frame.to_world(centre + (0, 0, -6.0 * scale)))
    field.add_rod(
        frame.to_world(pars), frame.to_world(end), (4.2 * scale, 6.4 * scale), (thickness * 1.0, width * 0.8),
        thin_axis=frame.turn((0.5 * below.normal[0], 1.0, 0)), fillet_mm=3.5,
        cut=lambda grid: joint_wall(grid, below) + JOINT_HALF_GAP_MM,
    )  # fmt: skip


def _add_lamina(field: DistanceField, vertebra: Vertebra, side: int, scale: float) -> None:
    size, frame, back = vertebra.size, vertebra.frame, vertebra.back_wall_mm
    height = (9.2 if size.facet_angle < 60 else 10.5) * scale
    outer = (side * (size.canal_width / 2 - 1.0), back + 0.74 * size.canal_depth, -4.5 * scale)
    inner = (side * 0.8, back + size.canal_depth + 2.6, -6.5 * scale)
    field.add_rod(
        frame.to_world(outer), frame.to_world(inner), (3.0 * scale, height * 0.86), (3.2 * scale, height),
        # Laminae slope backward toward the feet, like tiles.
        thin_axis=frame.turn((side * 0.55, 1.0, 0.42)), fillet_mm=3.0,
    )  # fmt: skip


def _add_transverse(field: DistanceField, vertebra: Vertebra, side: int, scale: float, rng: np.random.Generator) -> None:
    size, frame = vertebra.size, vertebra.frame
    root = np.array(_pedicle_end(vertebra, side, 6.0)) + (side * 1.0, 0, 0)
    sweep, rise = 9.0 + rng.normal(0, 1.5), rng.normal(2.0, 2.0)
    radii = (3.4 * scale, 6.4 * scale)
    if size.facet_angle > 60:
        # Thoracic: short and stout, pointing backward, to meet the rib.
        sweep, rise, radii = 11.0, 2.0, (4.6 * scale, 5.6 * scale)
    if vertebra.name in ("L5", "L6"):
        sweep, radii = 3.0, (5.6 * scale, 7.0 * scale)
    tip = np.array([side * (size.transverse_half - 5.0), root[1] + sweep, root[2] + rise])
    knee = root + (tip - root) * 0.45 + (0, -1.5, 0)
    thin = frame.turn((0, 1, 0.1))
    middle = (radii[0] * 0.8, radii[1] * 0.78)
    field.add_rod(frame.to_world(root), frame.to_world(knee), radii, middle, thin_axis=thin, fillet_mm=4.0)
    field.add_rod(
        frame.to_world(knee), frame.to_world(tip), middle, (radii[0] * 0.72, radii[1] * 0.72),
        thin_axis=thin, fillet_mm=2.0,
    )  # fmt: skip


def _add_spinous(field: DistanceField, vertebra: Vertebra, scale: float, rng: np.random.Generator) -> None:
    size, frame = vertebra.size, vertebra.frame
    base = np.array([0.0, vertebra.back_wall_mm + size.canal_depth + 3.0, -5.5 * scale])
    tip = frame.to_local(vertebra.spinous_tip_mm) + (rng.normal(0, 1.0), -3.0, 0)
    lumbar = size.facet_angle < 60
    height = (8.6 if lumbar else 6.4) * scale
    middle = base + (tip - base) * 0.6
    side = frame.turn((1, 0, 0))
    field.add_rod(
        frame.to_world(base), frame.to_world(middle), (3.6 * scale, height * 1.02), (2.3 * scale, height * 0.95),
        thin_axis=side, fillet_mm=4.5,
    )  # fmt: skip
    field.add_rod(
        frame.to_world(middle), frame.to_world(tip), (2.3 * scale, height * 0.95), (3.9 * scale, height * 1.08),
        thin_axis=side, fillet_mm=2.0,
    )  # fmt: skip


def drop_crumbs(bone: Bone) -> None:
    """Take away what separation and unevenness cut off a bone, so that it is one piece."""
    pieces, count = ndimage.label(bone.field.distance < 0)
    if count < 2:
        return
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    # Bones that the picture's edge cuts have several large pieces; only crumbs go.
    crumbs = (sizes < 0.01 * sizes.max())[pieces] & (pieces > 0)
    bone.field.distance[ndimage.binary_dilation(crumbs, iterations=2) & ((pieces == 0) | crumbs)] = FAR_MM


def separate(upper: Bone, lower: Bone, grid: Grid, gap_mm: float) -> None:
    """Push two touching bones apart along their bisector, so that a gap of gap_mm is left and no voxel belongs to both."""
    boxes = [grid_box(grid, bone.field.grid) for bone in (upper, lower)]
    shared = [(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(*boxes, strict=True)]
    if any(start >= stop for start, stop in shared):
        return
    views = [tuple(slice(start - own.start, stop - own.start) for (start, stop), own in zip(shared, box, strict=True)) for box in boxes]
    first, second = upper.field.distance[views[0]], lower.field.distance[views[1]]
    half_difference = (first - second) / 2
    upper.field.distance[views[0]] = np.maximum(first, half_difference + gap_mm / 2)
    lower.field.distance[views[1]] = np.maximum(second, gap_mm / 2 - half_difference)


def grid_box(grid: Grid, part: Grid) -> Box:
    """Where a part lies in its grid."""
    axes = ((grid.z_mm, part.z_mm), (grid.y_mm, part.y_mm), (grid.x_mm, part.x_mm))
    starts = [int(np.searchsorted(whole, own[0])) for whole, own in axes]
    z, y, x = (slice(start, start + len(own)) for start, (_, own) in zip(starts, axes, strict=True))
    return z, y, x


# --- sacrum and ilia -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SacralSegments:
    """The five fused segments in the sacrum's frame: top edges (6, 3), head-to-foot and backward directions (5, 3)."""

    tops: NDArray[np.float64]
    down: NDArray[np.float64]
    back: NDArray[np.float64]
    half_width: NDArray[np.float64]
    half_depth: NDArray[np.float64]
    canal_half_width: NDArray[np.float64]
    canal_half_depth: NDArray[np.float64]

    @property
    def middles(self) -> NDArray[np.float64]:
        return (self.tops[:-1] + self.tops[1:]) / 2

    def canal(self, index: int) -> NDArray[np.float64]:
        """Centre of the sacral canal beside the top of a segment."""
        n = min(index, 4)
        return self.tops[index] + self.back[n] * (self.half_depth[n] + self.canal_half_depth[n] - 1.5)


def sacral_segments(scale: float) -> SacralSegments:
    """Sizes after Mahato, Spine J 2010, and Esses et al., Spine 16 1991; kyphosis of about 60 degrees."""
    heights = np.array([29.0, 24.0, 20.0, 17.0, 15.0]) * scale
    bend = np.radians([2.0, 12.0, 27.0, 45.0, 62.0])
    down = np.stack([np.zeros(5), -np.sin(bend), -np.cos(bend)], axis=1)
    back = np.stack([np.zeros(5), np.cos(bend), -np.sin(bend)], axis=1)
    tops = np.vstack([np.zeros(3), np.cumsum(down * heights[:, None], axis=0)])
    return SacralSegments(
        tops,
        down,
        back,
        np.array([SACRAL_WIDTH_MM / 2, 20.0, 16.0, 13.0, 10.5, 8.0]) * scale,
        np.array([SACRAL_DEPTH_MM / 2, 11.5, 8.5, 6.8, 5.5, 4.0]) * scale,
        np.array([14.5, 12.5, 9.5, 7.0, 5.0, 4.0]) * scale,
        np.array([7.5, 6.5, 4.8, 3.4, 2.4, 1.8]) * scale,
    )


def sacrum_bone(grid: Grid, spine: Spine, rng: np.random.Generator) -> Bone | None:
    """The sacrum: fused bodies, alae, closed posterior wall, crest, superior processes, four pairs of foramina, canal."""
    frame, scale = spine.sacrum, spine.scale
    corners = frame.to_world([(x, y, z) for x in (-62, 62) for y in (-50, 55) for z in (-112 * scale, 24)])
    box = grid.box(corners.min(0), corners.max(0))
    if box is None:
        return None
    field, parts = DistanceField(grid.part(box)), sacral_segments(scale)
    _add_sacral_bodies(field, frame, parts, scale)
    _add_sacral_back(field, frame, parts, scale, rng)
    _carve_sacrum(field, frame, parts, scale)
    for joint in spine.sacral_joints:
        _add_sacral_process(field, frame, joint, scale)
    field.distance += 0.25 * lumps(field.grid.shape, field.grid.spacing_mm, 4.0, rng)
    return Bone("sacrum", field, None, _disc_remnants(field.grid, frame, parts))


def _disc_remnants(grid: Grid, frame: Frame, parts: SacralSegments) -> Array:
    """Between fused segments a thin dark line with bright edges, fading toward the coccyx."""
    change = np.zeros(grid.shape, np.float32)
    for n in range(1, 4):
        at = parts.tops[n].tolist()
        centre = frame.to_world(at)
        box = grid.box(centre - parts.half_width[n] - 6, centre + parts.half_width[n] + 6)
        if box is None:
            continue
        left, back, head = grid.part(box).local(frame)
        (_, down_y, down_z), (_, back_y, back_z) = parts.down[n].tolist(), parts.back[n].tolist()
        along = (back - at[1]) * down_y + (head - at[2]) * down_z
        across = (back - at[1]) * back_y + (head - at[2]) * back_z
        half_width, half_depth = float(parts.half_width[n]) * 0.9, float(parts.half_depth[n]) * 0.95
        within = 1.15 - (left / half_width) ** 2 - (across / half_depth) ** 2
        plate = np.clip(within * 4.0, 0.0, 1.0) * (1.0, 0.8, 0.5)[n - 1]
        profile = 260.0 * np.exp(-((np.abs(along) - 2.2) ** 2) / 0.9) - 70.0 * np.exp(-(along**2) / 2.2)
        change[box] += plate * profile
    return change


def _add_sacral_bodies(field: DistanceField, frame: Frame, parts: SacralSegments, scale: float) -> None:
    lateral = np.array([43.0, 42.0, 34.0, 24.0, 15.0]) * scale
    backward = np.array([11.0, 12.0, 10.0, 6.0, 3.0]) * scale
    thickness = np.array([14.0, 12.5, 9.5, 7.0, 5.0]) * scale
    for n in range(5):
        axis = frame.turn(parts.back[n])
        tall = 0.56 * float(np.linalg.norm(parts.tops[n + 1] - parts.tops[n]))
        field.add_rod(
            frame.to_world(parts.tops[n]), frame.to_world(parts.tops[n + 1]),
            (parts.half_depth[n], parts.half_width[n]), (parts.half_depth[n + 1], parts.half_width[n + 1]),
            thin_axis=axis, fillet_mm=4.0,
        )  # fmt: skip
        for side in (-1, 1):
            start = parts.middles[n] + (side * 12 * scale, 0, 0)
            end = parts.middles[n] + parts.back[n] * backward[n] + (side * lateral[n], 0, 0)
            field.add_rod(
                frame.to_world(start), frame.to_world(end), (thickness[n], tall), (thickness[n], tall * 1.05),
                thin_axis=axis, fillet_mm=6.0,
            )  # fmt: skip
    # The S1 endplate is flat, slightly hollow, and its alae fall away to the sides.
    top = frame.turn((0, 0, 1))

    def above(grid: Grid) -> Array:
        left, back, head = grid.local(frame)
        fall = 0.35 * np.maximum(np.abs(left) - 24 * scale, 0.0)
        bowl = 1.5 * np.clip(1 - (left / (22 * scale)) ** 2 - (back / (14 * scale)) ** 2, 0, 1)
        return -(head + fall + bowl)

    reach = np.full(3, 75.0)
    centre = frame.centre_mm + top * 20
    field.carve(centre - reach, centre + reach, above, fillet_mm=2.5)


def _add_sacral_back(field: DistanceField, frame: Frame, parts: SacralSegments, scale: float, rng: np.random.Generator) -> None:
    for n in range(5):
        tall = 0.58 * float(np.linalg.norm(parts.tops[n + 1] - parts.tops[n]))
        canal = (parts.canal(n) + parts.canal(n + 1)) / 2
        roof = canal + parts.back[n] * (parts.canal_half_depth[n] + 2.0)
        axis = parts.back[n]
        for side in (-1, 1):
            outer = canal + (side * (parts.canal_half_width[n] + 7 * scale), 0, 0) + axis * -1.0
            field.add_rod(
                frame.to_world(outer), frame.to_world(roof), (4.6 * scale, tall), (3.2 * scale, tall),
                thin_axis=frame.turn(axis + (side * 0.3, 0, 0)), fillet_mm=4.0,
            )  # fmt: skip
        if n < 4:
            crest = roof + axis * ((9.0, 8.0, 6.0, 4.0)[n] * scale * rng.uniform(0.8, 1.15))
            field.add_rod(
                frame.to_world(roof), frame.to_world(crest), (3.0, tall * 0.6), (2.8, tall * 0.5),
                thin_axis=frame.turn((1, 0, 0)), fillet_mm=3.0,
            )  # fmt: skip


def _carve_sacrum(field: DistanceField, frame: Frame, parts: SacralSegments, scale: float) -> None:
    def tunnel(start: Vector, end: Vector, radii: tuple, end_radii: tuple, thin: Vector) -> None:
        points = frame.to_world([start, end])
        radius = max(*radii, *end_radii) + 3

        def shape(grid: Grid) -> Array:
            return rod_distance(grid, points[0], points[1], radii, end_radii, frame.turn(thin))

        field.carve(points.min(0) - radius, points.max(0) + radius, shape, fillet_mm=1.5)

    for n in range(5):
        start = parts.canal(n) - (parts.down[n] * 16 if n == 0 else 0)
        tunnel(
            start, parts.canal(n + 1),
            (parts.canal_half_depth[n], parts.canal_half_width[n]),
            (parts.canal_half_depth[n + 1], parts.canal_half_width[n + 1]), parts.back[n],
        )  # fmt: skip
    for n, (lateral, radius) in enumerate(((18.5, 5.6), (16.5, 5.0), (14.5, 4.2), (12.5, 3.4))):
        for side in (-1, 1):
            middle = parts.tops[n + 1] + (side * lateral * scale, 0, 0)
            front = middle - parts.back[n] * 22 + (side * 6, 0, 0)
            rear = middle + parts.back[n] * 26
            # Wide pelvic openings, narrower ones at the back.
            tunnel(front, rear, (radius * 1.3, radius * 1.3), (radius * 0.75, radius * 0.75), (1, 0, 0))


def _add_sacral_process(field: DistanceField, frame: Frame, joint: Joint, scale: float) -> None:
    thickness, width = 5.0 * scale, 8.5 * scale
    tip = joint.centre_mm - joint.normal * (thickness * 0.6) + (0, 0, 7.0 * scale)
    foot = joint.centre_mm - joint.normal * (thickness * 1.1) + (joint.side * 2.0, -1.0, -16.0)
    field.add_rod(
        frame.to_world(foot), frame.to_world(tip), (thickness * 1.3, width), (thickness * 0.85, width * 0.75),
        thin_axis=frame.turn(joint.normal), fillet_mm=3.0,
        cut=lambda grid: JOINT_HALF_GAP_MM - joint_wall(grid, joint),
    )  # fmt: skip


# Outline of the ilium seen from above at heights relative to the S1 endplate: z, then (x, y, half thickness) in front, middle, back.
_ILIUM = np.array(
    [
        (62, 124, -12, 6.5, 112, 12, 5.0, 84, 44, 5.0),
        (40, 127, -26, 5.5, 103, 10, 3.6, 68, 54, 5.5),
        (10, 127, -46, 4.8, 82, 2, 3.0, 52, 63, 8.0),
        (-20, 128, -56, 4.8, 66, 0, 4.4, 47, 70, 9.5),
        (-45, 122, -58, 6.0, 64, 0, 7.0, 50, 64, 8.5),
        (-70, 112, -54, 11.0, 74, -6, 11.0, 62, 34, 8.0),
        (-100, 104, -44, 16.0, 82, -14, 15.0, 74, 8, 9.0),
    ],
    dtype=float,
)


def ilium_bone(grid: Grid, spine: Spine, side: int, rng: np.random.Generator) -> Bone | None:
    """One iliac wing: a curved plate, thick behind at the sacroiliac joint, with a bulging crest."""
    origin, scale = spine.sacrum.centre_mm, spine.scale
    low = origin + np.array([32.0 if side > 0 else -140.0, -75.0, -130.0]) * scale
    high = origin + np.array([140.0 if side > 0 else -32.0, 95.0, 62.0]) * scale
    box = grid.box(low, high)
    if box is None:
        return None
    field = DistanceField(grid.part(box))
    x = (side * (field.grid.x_mm - origin[0]) / scale).astype(np.float32)[None, None, :]
    y = ((field.grid.y_mm - origin[1]) / scale).astype(np.float32)[None, :, None]
    z = (field.grid.z_mm - origin[2]) / scale
    columns = [np.interp(z, _ILIUM[::-1, 0], _ILIUM[::-1, n]).astype(np.float32)[:, None, None] for n in range(1, 10)]
    plate, along = _curved_plate(x, y, columns)
    crest = np.interp(along.ravel(), (0, 0.1, 0.3, 0.55, 0.8, 1.0), (2.0, 28.0, 49.0, 52.0, 34.0, 4.0)).reshape(along.shape)
    over = (z[:, None, None] - crest).astype(np.float32) * 0.85
    bulge = 2.2 * np.exp(-(((over + 5.0) / 6.0) ** 2))
    field.distance = (smooth_max(plate - bulge, over, 6.0) * scale).astype(np.float32)
    field.distance += 0.3 * lumps(field.grid.shape, field.grid.spacing_mm, 5.0, rng)
    return Bone("ilium_left" if side > 0 else "ilium_right", field)


def _curved_plate(x: Array, y: Array, columns: list[Array], pieces: int = 5) -> tuple[Array, Array]:
    """Distance to a plate whose midline in each slice is a smooth curve through three points, and the position along it."""
    front, middle, back = (np.stack(columns[n : n + 3]) for n in (0, 3, 6))
    control = 2 * middle - (front + back) / 2

    def knot(t: float) -> Array:
        return (1 - t) ** 2 * front + 2 * t * (1 - t) * control + t**2 * back

    distance, along = _segment(x, y, *knot(0.0), *knot(1 / pieces))
    along = along / pieces
    for n in range(1, pieces):
        other, share = _segment(x, y, *knot(n / pieces), *knot((n + 1) / pieces))
        nearer = other < distance
        along = np.where(nearer, (n + share) / pieces, along)
        distance = np.where(nearer, other, distance)
    return distance, along


def _segment(x: Array, y: Array, x0: Array, y0: Array, r0: Array, x1: Array, y1: Array, r1: Array) -> tuple[Array, Array]:
    """Distance to a line with a thickness in each slice, and the position 0-1 along it."""
    dx, dy = x1 - x0, y1 - y0
    along = np.clip(((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy), 0.0, 1.0)
    distance = np.sqrt((x - x0 - along * dx) ** 2 + (y - y0 - along * dy) ** 2) - (r0 + along * (r1 - r0))
    return distance, along


# --- ribs ----------------------------------------------------------------------------------------------------------------

# For each rib: how far round the chest it goes (degrees from the back) and how far it falls on the way (mm).
RIB_COURSE: dict[str, tuple[float, float]] = {
    "T6": (128, 118), "T7": (130, 120), "T8": (126, 115), "T9": (118, 108), "T10": (108, 98), "T11": (80, 72), "T12": (48, 46),
}  # fmt: skip


def rib_bones(grid: Grid, vertebra: Vertebra, cage: Callable[[float, float], tuple[float, float]], rng: np.random.Generator) -> list[Bone]:
    """Both ribs of a vertebra. cage: (degrees round from the back on the left, z) -> (x, y) of the chest wall."""
    if vertebra.name not in RIB_COURSE:
        return []
    around, fall = RIB_COURSE[vertebra.name]
    size = vertebra.size
    bones = []
    for side in (-1, 1):
        head_local = (side * (size.width / 2 + 2.5), vertebra.back_wall_mm - 1.0, size.height * 0.22)
        neck_local = (side * (size.transverse_half + 1.0), vertebra.back_wall_mm + 11.0, size.height * 0.22 - 1)
        points = [vertebra.frame.to_world(head_local), vertebra.frame.to_world(neck_local)]
        start_z = points[-1][2]
        for angle in np.linspace(34.0, around, max(3, int(around / 9))):
            z = start_z - 4 - fall * ((angle - 22) / (around - 22)) ** 1.15
            cage_x, cage_y = cage(float(angle), float(z))
            points.append(np.array([side * cage_x, cage_y, z]))
        bone = _rib(grid, f"rib_{vertebra.name}_{'left' if side > 0 else 'right'}", np.array(points), rng)
        if bone is not None:
            bones.append(bone)
    return bones


def _rib(grid: Grid, name: str, points_mm: NDArray, rng: np.random.Generator) -> Bone | None:
    box = grid.box(points_mm.min(0) - 10, points_mm.max(0) + 10)
    if box is None:
        return None
    field = DistanceField(grid.part(box))
    for n in range(len(points_mm) - 1):
        start, end = points_mm[n], points_mm[n + 1]
        outward = np.cross(end - start, (0, 0, 1.0))
        radii = (4.6, 5.0) if n == 0 else (3.3, 6.2)
        end_radii = (3.3, 6.2) if n < len(points_mm) - 2 else (2.2, 4.0)
        field.add_rod(start, end, radii, end_radii, thin_axis=outward, fillet_mm=1.5)
    field.distance += 0.15 * lumps(field.grid.shape, field.grid.spacing_mm, 4.0, rng)
    return Bone(name, field)
