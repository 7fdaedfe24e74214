"""A procedural CT of the lumbar spine with its exact reference: the sample case, the test fixture, training data.

`make_phantom` builds a person from numbers alone (no scan, no statistical model): sizes and angles from published
morphometry (see `phantom_parts/skeleton.py`), shapes from signed distances, HU from the literature, then the scanner's blur,
noise and streaks. The same seed and options give the same voxels.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spinalsam.data.volume import Volume
from spinalsam.errors import UsageError
from spinalsam.support.anatomy import label_value
from spinalsam.support.geometry import Geometry
from spinalsam.training.phantom_parts import organs, scanner
from spinalsam.training.phantom_parts.bones import (
    Bone,
    Wear,
    drop_crumbs,
    grid_box,
    ilium_bone,
    lumps,
    rib_bones,
    sacrum_bone,
    separate,
    vertebra_bone,
)
from spinalsam.training.phantom_parts.canvas import TISSUES, Canvas
from spinalsam.training.phantom_parts.shapes import Box, Factors, Grid, block_mean, rod_distance
from spinalsam.training.phantom_parts.skeleton import Spine, Vertebra, build_spine

__all__ = ["TISSUES", "Phantom", "PhantomOptions", "make_phantom"]

# The widest working voxel for bone; thicker slices are averages of several.
_FINE_MM = 1.3
_THORACIC = ("T8", "T9", "T10", "T11", "T12")
_LUMBAR = ("L1", "L2", "L3", "L4", "L5")


@dataclass(frozen=True)
class PhantomOptions:
    """How to make a phantom.

    spacing_mm: voxel size toward left, back and head; the last is the slice thickness too.
    fov_mm: (left-right, front-back) size of the picture; None: fits the body and the table.
    levels: first and last level that lie whole in the picture, such as ("L1", "L5") or ("T11", "sacrum").
    noise_hu: standard deviation of the noise in the middle of the body. kernel_mm: width of the kernel at half maximum
        (about 1 soft, 0.6 standard; negative: a sharp kernel with bright edges).
    lumbar_count: 5, or 6 for a spine with L6. lordosis_scale: 1 is about 50 degrees from L1 to S1.
    scoliosis_deg: Cobb angle. osteoporosis: 0-1, less and coarser spongy bone, thin cortex, hollow endplates.
    osteophytes: 0-1. disc_loss and fractures: (level, share) pairs or a mapping; the share of its height that the disc
        below the level, or the front of its body, has lost.
    screws: levels with a pair of pedicle screws; rods join them. streaks: strength of their streaks, 0 for none.
    contrast: portal venous contrast. calcification: 0-1, plaques in the aorta. fat_mm: subcutaneous fat.
    """

    spacing_mm: tuple[float, float, float] = (0.9, 0.9, 1.5)
    fov_mm: tuple[float, float] | None = None
    levels: tuple[str, str] = ("T11", "sacrum")
    noise_hu: float = 15.0
    kernel_mm: float = 0.8
    lumbar_count: int = 5
    lordosis_scale: float = 1.0
    scoliosis_deg: float = 0.0
    osteoporosis: float = 0.0
    osteophytes: float = 0.25
    disc_loss: tuple[tuple[str, float], ...] = ()
    fractures: tuple[tuple[str, float], ...] = ()
    screws: tuple[str, ...] = ()
    streaks: float = 1.0
    contrast: bool = False
    calcification: float = 0.4
    gas: float = 1.0
    fat_mm: float | None = None
    table: bool = True


@dataclass(frozen=True)
class Phantom:
    """A phantom and everything that is known about it.

    volume: int16 HU in LPS order. mask: uint8 [i, j, k], VerSe labels, bone of the vertebrae and the sacrum, canal excluded.
    tissues: uint8 [i, j, k], values of TISSUES. centres_mm: the middle of each vertebral body in LPS mm, head to foot.
    whole: names of the levels that lie wholly in the picture; others in the mask are cut by its edge.
    spine: sizes and pose of every bone, from which heights, discs and angles are known exactly.
    """

    volume: Volume
    mask: NDArray[np.uint8]
    tissues: NDArray[np.uint8]
    centres_mm: Mapping[str, NDArray[np.float64]]
    whole: tuple[str, ...]
    options: PhantomOptions
    seed: int
    spine: Spine


@dataclass(frozen=True)
class _Density:
    """HU of a bone's parts and the thickness of its shell."""

    spongy: float
    cortex: float
    shell_mm: float
    texture: float


def make_phantom(seed: int = 0, options: PhantomOptions | None = None, **changes: Any) -> Phantom:
    """Make a phantom; keyword arguments change single options, for example ``make_phantom(3, scoliosis_deg=30)``.

    Raises UsageError for options that do not exist or make no sense.
    """
    options = _checked(options or PhantomOptions(), changes)
    spine, trunk = _person(seed, options)
    grid = _grid(options, spine, trunk)
    canvas = Canvas.empty(grid)
    _paint_soft(canvas, spine, trunk, options, seed)
    fz, fy, fx = (int(np.ceil(s / _FINE_MM - 0.01)) for s in grid.spacing_mm)
    factors = (fz, fy, fx)
    fine = grid.refined(factors)
    bones, others = _bones(fine, spine, trunk, options, seed)
    mask = np.zeros(grid.shape, np.uint8)
    best = np.full(grid.shape, 0.5, np.float32)
    for n, bone in enumerate([*others, *bones]):
        _paint_bone(canvas, bone, fine, factors, options, mask, best, _stream(seed, 100 + n))
    metal = _paint_screws(canvas, spine, options)
    _scan(canvas, metal, options, seed)
    return _finished(canvas, mask, spine, options, seed)


def _stream(seed: int, purpose: int) -> np.random.Generator:
    """Random numbers for one purpose: changing one option does not change the rest of the person."""
    return np.random.default_rng([seed, purpose])


def _checked(options: PhantomOptions, changes: Mapping[str, Any]) -> PhantomOptions:
    unknown = set(changes) - set(PhantomOptions.__dataclass_fields__)
    if unknown:
        raise UsageError(f"The phantom has no option '{sorted(unknown)[0]}'.")
    options = replace(options, **changes)
    options = replace(options, disc_loss=_pairs(options.disc_loss), fractures=_pairs(options.fractures))
    if options.lumbar_count not in (5, 6):
        raise UsageError(f"The phantom has 5 or 6 lumbar vertebrae, not {options.lumbar_count}.")
    if len(options.spacing_mm) != 3 or not all(0.2 <= s <= 10 for s in options.spacing_mm):
        raise UsageError("The phantom's spacing is three numbers from 0.2 to 10 mm.")
    names = _names(options)
    for name in (*options.levels, *options.screws, *dict(options.disc_loss), *dict(options.fractures)):
        if name not in (*names, "sacrum"):
            raise UsageError(f"The phantom has no level '{name}'; it has {names[0]} to {names[-1]} and the sacrum.")
    order = (*names, "sacrum")
    if order.index(options.levels[0]) > order.index(options.levels[1]):
        raise UsageError("The phantom's levels go from head to foot.")
    return options


def _pairs(values: Mapping[str, float] | tuple[tuple[str, float], ...]) -> tuple[tuple[str, float], ...]:
    return tuple(sorted(dict(values).items()))


def _names(options: PhantomOptions) -> tuple[str, ...]:
    return (*_THORACIC, *_LUMBAR, *(("L6",) if options.lumbar_count == 6 else ()))


def _person(seed: int, options: PhantomOptions) -> tuple[Spine, organs.Trunk]:
    rng = _stream(seed, 1)
    scale = float(np.clip(rng.normal(1.0, 0.05), 0.88, 1.12))
    spine = build_spine(
        _names(options),
        _stream(seed, 2),
        scale=scale,
        scoliosis_deg=options.scoliosis_deg,
        lordosis_scale=options.lordosis_scale * float(np.clip(rng.normal(1.0, 0.1), 0.75, 1.25)),
        disc_loss=dict(options.disc_loss),
        fractures=dict(options.fractures),
    )
    fat = options.fat_mm if options.fat_mm is not None else float(np.clip(rng.normal(19, 6), 7, 40))
    habitus = organs.Habitus(
        half_width=146 * scale + 1.1 * fat,
        front=(96 + rng.normal(0, 7)) * scale + 0.9 * fat,
        fat=fat,
        muscle=float(rng.normal(17, 2)),
        muscle_hu=float(rng.normal(55, 4)) + (8 if options.contrast else 0),
        fat_hu=float(rng.normal(-103, 4)),
        contrast=options.contrast,
        calcification=options.calcification,
        gas=options.gas,
    )
    return spine, organs.Trunk(spine, habitus)


def _grid(options: PhantomOptions, spine: Spine, trunk: organs.Trunk) -> Grid:
    """The picture: just the levels that were asked for in height, the body and the table across."""
    heights = {v.name: _extent(v) for v in spine.vertebrae}
    tip = spine.sacrum.to_world(np.array((0.0, -40.0, -92.0)) * spine.scale)
    heights["sacrum"] = (float(tip[2]) - 8, float(spine.sacrum.centre_mm[2]) + 36 * spine.scale)
    top, bottom = heights[options.levels[0]][1], heights[options.levels[1]][0]
    centre, half, depth = trunk.profile(np.linspace(bottom, top, 20))
    if options.fov_mm is None:
        width = 2 * float(half.max()) + 14
        front, back = float((centre - depth).min()) - 7, float((centre + depth).max()) + (30 if options.table else 8)
    else:
        width = options.fov_mm[0]
        middle = float((centre + 12).mean()) if options.fov_mm[1] > 200 else 35.0
        front, back = middle - options.fov_mm[1] / 2, middle + options.fov_mm[1] / 2
    extents = ((-width / 2, width / 2), (front, back), (bottom, top))
    axes = []
    for (low, high), step in zip(extents, options.spacing_mm, strict=True):
        count = max(2, round((high - low) / step))
        axes.append((low + step * (np.arange(count) + 0.5)).astype(np.float32))
    return Grid(*axes)


def _extent(vertebra: Vertebra) -> tuple[float, float]:
    """Lowest and highest z of a vertebra with its processes."""
    size = vertebra.size
    joints = [j.frame.to_world(j.centre_mm)[2] for j in vertebra.joints_above]
    below = [j.frame.to_world(j.centre_mm)[2] for j in vertebra.joints_below]
    corners = [
        vertebra.frame.to_world((x, y, z))[2]
        for x in (-size.width / 2, size.width / 2)
        for y in (-size.depth / 2, size.depth / 2)
        for z in (-size.height / 2, size.height / 2)
    ]
    tip = vertebra.spinous_tip_mm[2] - 13
    return float(min(*corners, *below, tip) - 14), float(max(*corners, *joints) + 16)


def _paint_soft(canvas: Canvas, spine: Spine, trunk: organs.Trunk, options: PhantomOptions, seed: int) -> None:
    habitus = trunk.habitus
    organs.paint_trunk(canvas, trunk, _stream(seed, 10))
    organs.paint_organs(canvas, spine, trunk, _stream(seed, 11))
    organs.paint_back_muscles(canvas, spine, trunk, _stream(seed, 12))
    organs.streak_muscles(canvas, habitus, 0.5 * options.osteoporosis, _stream(seed, 13))
    organs.paint_canal(canvas, spine, habitus)
    organs.paint_discs(canvas, spine, dict(options.disc_loss), _stream(seed, 14))
    if options.table:
        organs.paint_table(canvas, trunk)


def _bones(fine: Grid, spine: Spine, trunk: organs.Trunk, options: PhantomOptions, seed: int) -> tuple[list[Bone], list[Bone]]:
    """(vertebrae and sacrum, ilia and ribs), separated where they would touch."""
    wear = Wear(options.osteophytes, 2.0 + 2.6 * options.osteoporosis)
    spinal = [vertebra_bone(fine, v, spine.scale, wear, _stream(seed, 20 + n)) for n, v in enumerate(spine.vertebrae)]
    spinal.append(sacrum_bone(fine, spine, _stream(seed, 40)))
    for upper, lower in itertools.pairwise(spinal):
        if upper is not None and lower is not None:
            separate(upper, lower, fine, 1.3)
    others = [ilium_bone(fine, spine, side, _stream(seed, 41 + side)) for side in (-1, 1)]
    for n, vertebra in enumerate(spine.vertebrae):
        others += rib_bones(fine, vertebra, trunk.cage, _stream(seed, 50 + n))
    kept, rest = [b for b in spinal if b is not None], [b for b in others if b is not None]
    for bone in kept:
        for other in rest:
            separate(bone, other, fine, 1.6)
        drop_crumbs(bone)
    return kept, rest


def _density(bone: Bone, options: PhantomOptions) -> _Density:
    loss = options.osteoporosis
    if bone.name.startswith("rib"):
        return _Density(150 - 60 * loss, 980, 0.9, 30)
    if bone.name.startswith("ilium"):
        return _Density(130 - 60 * loss, 1050, 1.3 - 0.4 * loss, 40)
    if bone.name == "sacrum":
        return _Density(110 - 70 * loss, 900, 0.85 - 0.3 * loss, 40)
    return _Density(170 - 100 * loss, 860, 0.6 - 0.2 * loss, 38)


def _paint_bone(
    canvas: Canvas,
    bone: Bone,
    fine: Grid,
    factors: Factors,
    options: PhantomOptions,
    mask: NDArray[np.uint8],
    best: NDArray[np.float32],
    rng: np.random.Generator,
) -> None:
    """Shell and core of one bone in fine voxels, averaged into the picture's; the mask takes what is at least half bone."""
    fine_box = _aligned(grid_box(fine, bone.field.grid), factors, fine.shape)
    own = grid_box(fine, bone.field.grid)
    pads = [(o.start - f.start, f.stop - o.stop) for o, f in zip(own, fine_box, strict=True)]
    distance = np.pad(bone.field.distance, pads, constant_values=30.0)
    body = None if bone.body is None else np.pad(bone.body, pads, constant_values=30.0)
    change = 0.0 if bone.core_change is None else np.pad(bone.core_change, pads)
    density = _density(bone, options)
    edge = canvas.edge_mm / factors[2]
    outer = np.clip(0.5 - distance / edge, 0.0, 1.0)
    if not outer.any():
        return
    spacing = fine.spacing_mm
    shell: Any = density.shell_mm
    spongy: Any = density.spongy
    if body is not None:
        # Thin over the body, thick over the arch.
        arch = np.clip(body / 5.0, 0.0, 1.0)
        shell = density.shell_mm + (0.8 - 0.3 * options.osteoporosis) * arch
        spongy = density.spongy + 90.0 * arch
    # No cortex is equally thick all round.
    shell = shell * (1.0 + 0.35 * np.clip(lumps(distance.shape, spacing, 6.0, rng), -2.0, 2.0))
    inner = np.clip(0.5 - (distance + shell) / edge, 0.0, 1.0)
    coarse = lumps(distance.shape, spacing, 5.0, rng)
    # Trabeculae stand upright: details are longer in z.
    trabeculae = lumps(distance.shape, (spacing[0] * 0.45, spacing[1], spacing[2]), 0.85, rng)
    under_shell = 90.0 * np.exp(np.clip(distance + shell, -12.0, 0.0) / 1.6)
    core = spongy + under_shell + density.texture * (1 + 0.6 * options.osteoporosis) * trabeculae + 13.0 * coarse
    core = core + change
    value = core * inner + (density.cortex + 90.0 * coarse) * (outer - inner)
    share = block_mean(outer, factors)
    value = block_mean(value, factors)
    box = tuple(slice(f.start // n, f.stop // n) for f, n in zip(fine_box, factors, strict=True))
    canvas.hu[box] = canvas.hu[box] * (1 - share) + value
    inside = share >= 0.5
    tissue = canvas.tissue[box]
    if body is None:
        tissue[inside] = TISSUES[bone.name.split("_")[0]]
    else:
        is_body = block_mean((body < 0.4).astype(np.float32), factors) >= 0.5
        tissue[inside & is_body] = TISSUES["vertebral body"]
        tissue[inside & ~is_body] = TISSUES["posterior elements"]
    if bone.name == "sacrum" or body is not None:
        wins = share >= best[box]
        mask[box][wins] = label_value(bone.name)
        best[box][wins] = share[wins]


def _aligned(box: Box, factors: Factors, shape: tuple[int, int, int]) -> Box:
    """The box grown to whole voxels of the picture."""
    z, y, x = (slice(b.start // f * f, min(-(-b.stop // f) * f, n)) for b, f, n in zip(box, factors, shape, strict=True))
    return z, y, x


def _paint_screws(canvas: Canvas, spine: Spine, options: PhantomOptions) -> NDArray[np.float32] | None:
    """Pedicle screws with heads and the rods between them; returns the share of metal in every voxel."""
    if not options.screws:
        return None
    metal = np.zeros(canvas.grid.shape, np.float32)

    def add(start: NDArray, end: NDArray, radius: float) -> None:
        box = canvas.grid.box(np.minimum(start, end) - radius - 2, np.maximum(start, end) + radius + 2)
        if box is not None:
            thin = (0.31, 0.57, 0.76)
            distance = rod_distance(canvas.grid.part(box), start, end, (radius, radius), (radius, radius), thin)
            metal[box] = np.maximum(metal[box], canvas.coverage(distance))

    heads: dict[int, list[NDArray]] = {-1: [], 1: []}
    for vertebra in spine.vertebrae:
        if vertebra.name not in options.screws:
            continue
        size = vertebra.size
        height = size.height / 2 - size.pedicle_height / 2 - 0.8
        lateral = size.canal_width / 2 + size.pedicle_width / 2
        for side in (-1, 1):
            points = vertebra.frame.to_world(
                [
                    (side * (lateral - 8.0), -size.depth * 0.22, height - 1),
                    (side * (lateral + 2.5), size.depth / 2 + 20, height),
                    (side * (lateral + 4.0), size.depth / 2 + 27, height),
                ]
            )
            add(points[0], points[1], 2.9)
            add(points[1], points[2], 5.6)
            heads[side].append(points[2])
    for ends in heads.values():
        for start, end in itertools.pairwise(ends):
            add(start, end, 2.8)
    canvas.hu += metal * (8000.0 - canvas.hu)
    canvas.tissue[metal >= 0.5] = TISSUES["metal"]
    return metal


def _scan(canvas: Canvas, metal: NDArray[np.float32] | None, options: PhantomOptions, seed: int) -> None:
    if options.kernel_mm:
        scanner.blur_in_plane(canvas.hu, canvas.grid, options.kernel_mm)
    if metal is not None and options.streaks > 0:
        scanner.add_metal_streaks(canvas.hu, canvas.grid, metal, options.streaks, _stream(seed, 61))
    if options.noise_hu > 0:
        scanner.add_noise(canvas.hu, canvas.grid, options.noise_hu, options.kernel_mm, _stream(seed, 60))


def _finished(canvas: Canvas, mask: NDArray[np.uint8], spine: Spine, options: PhantomOptions, seed: int) -> Phantom:
    grid = canvas.grid
    hu = np.clip(np.rint(canvas.hu), -1024, 3071).astype(np.int16)
    geometry = Geometry.from_parts(
        hu.shape[::-1],
        spacing_mm=options.spacing_mm,
        origin_mm=(float(grid.x_mm[0]), float(grid.y_mm[0]), float(grid.z_mm[0])),
    )
    volume = Volume(hu.T, geometry, name=f"lumbar phantom {seed}")
    centres = {v.name: v.frame.centre_mm for v in spine.vertebrae if geometry.contains(geometry.to_ijk(v.frame.centre_mm))}
    names = (*_names(options), "sacrum")
    whole = names[names.index(options.levels[0]) : names.index(options.levels[1]) + 1]
    mask = _without_crumbs(mask, whole)
    return Phantom(volume, mask.T, canvas.tissue.T, centres, whole, options, seed, spine)


def _without_crumbs(mask: NDArray[np.uint8], whole: tuple[str, ...]) -> NDArray[np.uint8]:
    """The mask without the few voxels that large voxels cut off the ends of thin processes."""
    boxes = ndimage.find_objects(mask)
    for value in map(label_value, whole):
        if value > len(boxes) or boxes[value - 1] is None:
            continue
        view = mask[boxes[value - 1]]
        pieces, count = ndimage.label(view == value, np.ones((3, 3, 3)))
        if count > 1:
            sizes = np.bincount(pieces.ravel())
            view[(pieces > 0) & (sizes < 0.02 * sizes[1:].max())[pieces]] = 0
    return mask
