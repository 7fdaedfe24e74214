"""Synthetic CT slices rendered from real vertebra shapes, so that a network trained on them meets every scanner.

After SynthSeg (Billot et al., Medical Image Analysis 2023): the shapes are real, everything else is drawn anew each time,
wider than reality. Bone keeps what makes it bone: a shell brighter than its spongy core. Around it lie tissues, fat,
contrast vessels, air, other bones, discs and ligaments; then the slice is given a scanner's pixel size, slice thickness,
blur, noise, kernel, window and bit depth.

A shape library is a list of label volumes; where to find them is the caller's business.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Shape:
    """One vertebra: its smoothed occupancy (0-255) in a box of its volume."""

    label: int
    lower: NDArray[np.int64]
    occupancy: NDArray[np.uint8]


@dataclass(frozen=True)
class ShapeVolume:
    """The spine of one label volume on isotropic voxels of `spacing_mm`, as smoothed occupancy (0-255), and its vertebrae.

    beside: ribs, hips and other bones that lie around it, on the same voxels; None where they are not known.
    """

    name: str
    spacing_mm: float
    bone: NDArray[np.uint8]
    shapes: tuple[Shape, ...]
    beside: NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class ContextMap:
    """Labels of a whole body part: organs, muscles and bones of true shape, to lie around the vertebra with random values.

    labels: uint8 on isotropic voxels. bones: the values that are bone.
    """

    spacing_mm: float
    labels: NDArray[np.uint8]
    bones: tuple[int, ...]


@dataclass(frozen=True)
class ContextScan:
    """A real CT without labels, to lie around the vertebra as it is. voxels: int16 HU on isotropic voxels."""

    spacing_mm: float
    voxels: NDArray[np.int16]


Context = ContextMap | ContextScan


@dataclass(frozen=True)
class RenderedSlice:
    """pixels: (side, side) float32 as a scanner or a screenshot would give them, any range.

    target, whole, bone: (side, side) bool, what is asked for (a vertebra's cross-section or one piece of it), the whole
    cross-section of that vertebra, and all bone in view.
    """

    pixels: Array
    target: NDArray[np.bool_]
    whole: NDArray[np.bool_]
    bone: NDArray[np.bool_]


def build_shape_volume(
    name: str, labels: NDArray, spacing_mm: ArrayLike, *, grid_mm: float, beside: NDArray[np.bool_] | None = None
) -> ShapeVolume:
    """Resample a label volume [i, j, k] to isotropic voxels and smooth every label's occupancy by a Gaussian vote.

    beside: [i, j, k] bool, other bones.
    """
    zoom = np.asarray(spacing_mm, float) / grid_mm
    bone = np.zeros(np.ceil(np.array(labels.shape) * zoom).astype(int) + 2, np.uint8)
    shapes = []
    for label, box in enumerate(ndimage.find_objects(labels.astype(np.uint8)), start=1):
        if box is not None:
            shape = _shape(label, labels == label, box, zoom)
            _add(bone, shape)
            shapes.append(shape)
    around = None
    if beside is not None and beside.any():
        around = np.zeros_like(bone)
        _add(around, _shape(0, beside, ndimage.find_objects(beside.astype(np.uint8))[0], zoom))
    return ShapeVolume(name, grid_mm, bone, tuple(shapes), around)


def _shape(label: int, mask: NDArray[np.bool_], box: tuple[slice, ...], zoom: NDArray[np.float64]) -> Shape:
    """A mask's smoothed occupancy on the finer or coarser voxels."""
    sigma = 0.5 / np.minimum(zoom, 1.0) * 0.8  # enough to melt the staircase of the coarser of the two grids
    lower = np.maximum([part.start - 4 for part in box], 0)
    upper = np.minimum([part.stop + 4 for part in box], mask.shape)
    crop = mask[tuple(slice(a, b) for a, b in zip(lower, upper, strict=True))].astype(np.float32)
    occupancy = ndimage.zoom(ndimage.gaussian_filter(crop, 0.6), zoom, order=1, grid_mode=True, mode="nearest")
    occupancy = ndimage.gaussian_filter(occupancy, np.clip(sigma, 0.3, 1.2))
    return Shape(label, np.round(lower * zoom).astype(np.int64), np.clip(occupancy * 255, 0, 255).astype(np.uint8))


def _add(whole: NDArray[np.uint8], shape: Shape) -> None:
    where = tuple(slice(a, a + n) for a, n in zip(shape.lower, shape.occupancy.shape, strict=True))
    view = whole[where]
    cut = shape.occupancy[tuple(slice(0, n) for n in view.shape)]
    np.copyto(view, np.minimum(view.astype(np.uint16) + cut, 255).astype(np.uint8))


def save_library(volumes: Sequence[ShapeVolume], path: Path) -> None:
    """Write a library as one npz without pickle."""
    arrays: dict[str, NDArray] = {}
    for n, volume in enumerate(volumes):
        arrays[f"{n}.bone"] = volume.bone
        if volume.beside is not None:
            arrays[f"{n}.beside"] = volume.beside
        arrays[f"{n}.spacing"] = np.array([volume.spacing_mm])
        arrays[f"{n}.name"] = np.frombuffer(volume.name.encode(), np.uint8)
        for shape in volume.shapes:
            arrays[f"{n}.{shape.label}.lower"] = shape.lower
            arrays[f"{n}.{shape.label}.occupancy"] = shape.occupancy
    temporary = path.with_suffix(f".{os.getpid()}.npz")  # several processes may make it at once
    np.savez(temporary, **arrays)  # type: ignore[arg-type]
    temporary.replace(path)


def load_library(path: Path) -> list[ShapeVolume]:
    volumes = []
    with np.load(path, allow_pickle=False) as store:
        names = list(store.keys())
        for n in sorted({int(key.split(".")[0]) for key in names}):
            labels = sorted({int(k.split(".")[1]) for k in names if k.startswith(f"{n}.") and k.endswith(".lower")})
            shapes = tuple(Shape(v, store[f"{n}.{v}.lower"], store[f"{n}.{v}.occupancy"]) for v in labels)
            name = store[f"{n}.name"].tobytes().decode()
            beside = store[f"{n}.beside"] if f"{n}.beside" in names else None
            volumes.append(ShapeVolume(name, float(store[f"{n}.spacing"][0]), store[f"{n}.bone"], shapes, beside))
    return volumes


def _noise(rng: np.random.Generator, side: int, cells: int) -> Array:
    """A smooth random field of zero mean and unit deviation with about `cells` bumps across."""
    cells = int(np.clip(cells, 2, side))
    low = torch.from_numpy(rng.standard_normal((1, 1, cells + 2, cells + 2), np.float32))
    mode = "bicubic" if cells < side // 3 else "bilinear"
    grown = F.interpolate(low, size=(side + 2 * (side // cells), side + 2 * (side // cells)), mode=mode, align_corners=False)
    edge = side // cells
    field = grown[0, 0, edge : edge + side, edge : edge + side].numpy()
    return (field - field.mean()) / (field.std() + 1e-6)


def _smooth(image: Array, sigma: float) -> Array:
    """Gaussian blur by a separable convolution, several times faster than scipy's at these sizes."""
    if sigma < 0.2:
        return image
    radius = max(1, int(np.ceil(2.5 * sigma)))
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2).astype(np.float32)
    weight = torch.from_numpy(kernel / kernel.sum())
    x = F.pad(torch.from_numpy(np.ascontiguousarray(image))[None, None], (radius,) * 4, mode="replicate")
    x = F.conv2d(F.conv2d(x, weight.view(1, 1, 1, -1)), weight.view(1, 1, -1, 1))
    return x[0, 0].numpy()


def _step(x: Array) -> Array:
    """A soft step from 0 to 1 (logistic)."""
    return 0.5 * (1 + np.tanh(0.5 * x))


def _rotation(rng: np.random.Generator, tilt_deg: float) -> NDArray[np.float64]:
    """A random rotation matrix about a random axis by up to `tilt_deg`."""
    axis = rng.standard_normal(3)
    axis /= np.linalg.norm(axis)
    angle = np.deg2rad(rng.uniform(-tilt_deg, tilt_deg))
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


@dataclass
class _Cut:
    """A plane through a shape volume: voxel = origin + x * right + y * down (+ z * normal), x and y in mm."""

    origin: NDArray[np.float64]
    right: NDArray[np.float64]
    down: NDArray[np.float64]
    normal: NDArray[np.float64]

    def grid(self, centre_mm: NDArray, field_mm: float, side: int, warp: NDArray | None) -> NDArray[np.float32]:
        """(3, side, side) voxel coordinates of a square field; warp: (3, side, side) extra voxels."""
        steps = ((np.arange(side) + 0.5) / side - 0.5) * field_mm
        x, y = (steps + centre_mm[0])[None, :], (steps + centre_mm[1])[:, None]
        points = self.origin[:, None, None] + self.right[:, None, None] * x[None] + self.down[:, None, None] * y[None]
        return (points if warp is None else points + warp).astype(np.float32)


def _sample(occupancy: NDArray[np.uint8], lower: NDArray | int, points: NDArray[np.float32]) -> Array:
    """Trilinear occupancy 0-1 at voxel coordinates (3, h, w)."""
    shifted = points - np.asarray(lower, np.float32).reshape(-1, 1, 1)
    return ndimage.map_coordinates(occupancy, shifted, order=1, output=np.float32, mode="constant") / 255.0


def _random_inside(rng: np.random.Generator, occupancy: NDArray[np.uint8]) -> NDArray[np.int64]:
    """A random voxel inside a shape, by trial: listing all of them would cost more than the slice."""
    for _ in range(500):
        voxel = rng.integers(occupancy.shape)
        if occupancy[tuple(voxel)] > 127:
            return voxel
    return np.array(np.unravel_index(int(np.argmax(occupancy)), occupancy.shape))


def _random_cut(rng: np.random.Generator, volume: ShapeVolume, shape: Shape) -> _Cut:
    """A plane along one of the three index axes (tilted a little, sometimes a lot) through a random part of a vertebra."""
    normal_axis = int(rng.integers(3))
    others = [axis for axis in range(3) if axis != normal_axis]
    basis = np.eye(3)
    rotation = _rotation(rng, 12 if rng.random() < 0.75 else 35)
    angle = rng.uniform(0, 2 * np.pi) if rng.random() < 0.35 else rng.integers(4) * np.pi / 2 + rng.normal(0, 0.2)
    right, down = basis[others[0]], basis[others[1]]
    right, down = np.cos(angle) * right + np.sin(angle) * down, np.cos(angle) * down - np.sin(angle) * right
    if rng.random() < 0.5:
        right = -right
    scale = rng.uniform(0.82, 1.22, 2)
    origin = _random_inside(rng, shape.occupancy) + shape.lower
    return _Cut(
        origin.astype(float),
        rotation @ right / volume.spacing_mm * scale[0],
        rotation @ down / volume.spacing_mm * scale[1],
        rotation @ basis[normal_axis] / volume.spacing_mm,
    )


def _pick_target(rng: np.random.Generator, whole: NDArray[np.bool_], *, piece_share: float) -> NDArray[np.bool_] | None:
    """The cross-section, or one connected piece of it; None where nothing worth asking for is in the plane."""
    pieces, count = ndimage.label(whole)
    if count == 0:
        return None
    sizes = np.bincount(pieces.ravel())[1:]
    if sizes.sum() < 12:
        return None
    if count == 1 or rng.random() > piece_share:
        return whole & (sizes >= 0.02 * sizes.sum())[np.maximum(pieces - 1, 0)]
    large = np.flatnonzero(sizes >= max(6, 0.04 * sizes.sum()))
    return pieces == 1 + rng.choice(large) if len(large) else None


def _bounds(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return int(columns[0]), int(rows[0]), int(columns[-1]), int(rows[-1])


CONTEXT_SHARE = 0.4  # of the slices have organs of true shape around the bone
# What share of the picture's side the target fills, and how often: as a box's look shows it, as a click's, as anything.
FILLS, FILL_SHARES = ((0.48, 0.72), (0.2, 0.48), (0.12, 0.9)), (0.5, 0.35, 0.15)
ADJOINING_SHARE = 0.4  # of the slices have ribs or other bones that meet the bone at a joint
UNEVEN_SHARE = 0.35  # of the coarse slices have longer pixels one way, as sagittal and coronal slices of thick-sliced scans
ENDPLATE_SHARE = 0.2  # of the slices run along an endplate
ROUND_SHARE = 0.25  # of the references are as smooth as a hand draws
EDGE_SHARE = 0.15  # of the slices end within the picture


def render_slice(
    rng: np.random.Generator,
    library: Sequence[ShapeVolume],
    *,
    side: int,
    contexts: Sequence[Context] = (),
    piece_share: float = 0.25,
) -> RenderedSlice:
    """One training slice of (side, side) pixels around a random vertebra of the library."""
    while True:
        context = contexts[int(rng.integers(len(contexts)))] if contexts and rng.random() < CONTEXT_SHARE else None
        volume = library[int(rng.integers(len(library)))]
        shape = volume.shapes[int(rng.integers(len(volume.shapes)))]
        cut = _random_cut(rng, volume, shape)
        scout_field, scout_side = 150.0, 64
        scout = _sample(shape.occupancy, shape.lower, cut.grid(np.zeros(2), scout_field, scout_side, None)) > 0.5
        target = _pick_target(rng, scout, piece_share=piece_share)
        if target is None:
            continue
        rendered = _render_cut(rng, volume, shape, cut, target, scout_field / scout_side, side, context)
        if rendered is not None:
            return rendered


def _render_cut(
    rng: np.random.Generator,
    volume: ShapeVolume,
    shape: Shape,
    cut: _Cut,
    scout: NDArray[np.bool_],
    scout_mm: float,
    side: int,
    context: Context | None,
) -> RenderedSlice | None:
    """Zoom so that the target fills a random share of the picture, then draw."""
    x0, y0, x1, y1 = _bounds(scout)
    extent_mm = max(x1 - x0 + 1, y1 - y0 + 1) * scout_mm
    fill = rng.uniform(*FILLS[rng.choice(3, p=FILL_SHARES)])
    field_mm = extent_mm / fill
    centre = (np.array([x0 + x1 + 1, y0 + y1 + 1]) / 2 - scout.shape[0] / 2) * scout_mm
    free = max(0.0, 0.5 - fill / 2) if rng.random() < 0.35 else 0.03
    centre = centre + rng.uniform(-free, free, 2) * field_mm * 0.9
    warp = _warp(rng, side, volume.spacing_mm)
    points = cut.grid(centre, field_mm, side, warp)
    # A coarse scanner: that many of our pixels are one of its own. A vertebra then has 12 to 40 pixels across.
    factor = float(rng.uniform(1.5, max(1.6, fill * side / 14))) if rng.random() < 0.4 else 1.0
    thick_mm = rng.uniform(1.0, 5.0) if rng.random() < 0.35 else 0.0
    offsets = [0.0] if not thick_mm else [-0.33 * thick_mm, 0.0, 0.33 * thick_mm]
    target_occupancy = np.zeros((side, side), np.float32)
    bone_occupancy = np.zeros((side, side), np.float32)
    beside_occupancy = np.zeros((side, side), np.float32)
    for offset in offsets:
        shifted = points + (cut.normal * offset).astype(np.float32)[:, None, None]
        target_occupancy += _sample(shape.occupancy, shape.lower, shifted)
        bone_occupancy += _sample(volume.bone, 0, shifted)
        if volume.beside is not None:
            beside_occupancy += _sample(volume.beside, 0, shifted)
    target_occupancy /= len(offsets)
    bone_occupancy = np.maximum(bone_occupancy / len(offsets), target_occupancy)
    all_bone = np.maximum(bone_occupancy, beside_occupancy / len(offsets))
    hu = _draw(rng, target_occupancy, all_bone, field_mm / side, context, _overdraw_px(rng, field_mm / side, factor))
    whole = target_occupancy > 0.5
    bone = bone_occupancy > 0.5
    if factor > 1.0:
        hu, whole, bone = _coarsen(rng, hu, target_occupancy, bone_occupancy, factor)
    else:
        hu = _expose(rng, hu)
    target = _piece_at(whole, scout, centre, field_mm, scout_mm)
    if target is None:
        return None
    if rng.random() < ROUND_SHARE:
        target, whole = _rounded(rng, target, whole)
    rendered = RenderedSlice(_window(rng, hu), target, whole, bone)
    if rng.random() < EDGE_SHARE:
        rendered = _at_the_edge(rng, rendered)
    return rendered if rendered.target.sum() >= 20 else None


def _overdraw_px(rng: np.random.Generator, pixel_mm: float, factor: float) -> float:
    """How far outside the bone its outline was drawn, in pixels: people and networks take the blurred edge in.

    Hardly at random: a network can only learn what can be seen, and how far a person draws outside cannot.
    """
    return float(np.clip(rng.normal(0.45, 0.1), 0, 0.8) / pixel_mm + 0.15 * (factor - 1))


def _rounded(rng: np.random.Generator, target: NDArray[np.bool_], whole: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Outlines as a hand draws them: notches filled, corners cut."""
    sigma = rng.uniform(0.8, 1.6)
    target = _smooth(target.astype(np.float32), sigma) > 0.5
    return target, target | (_smooth(whole.astype(np.float32), sigma) > 0.5)


def _at_the_edge(rng: np.random.Generator, rendered: RenderedSlice) -> RenderedSlice:
    """A structure cut by the end of the scan: beyond it the last line repeats, as `engine.look.cut` shows it."""
    turns, lines = int(rng.integers(4)), int(rng.uniform(0.05, 0.45) * rendered.pixels.shape[0])
    parts = [np.rot90(part, turns).copy() for part in (rendered.pixels, rendered.target, rendered.whole, rendered.bone)]
    parts[0][:lines] = parts[0][lines]
    for mask in parts[1:]:
        mask[:lines] = False
    pixels, *masks = (np.ascontiguousarray(np.rot90(part, -turns)) for part in parts)
    return RenderedSlice(pixels.astype(np.float32), *(mask.astype(bool) for mask in masks))


def _warp(rng: np.random.Generator, side: int, spacing_mm: float) -> NDArray[np.float32] | None:
    """A smooth elastic displacement (3, side, side) in voxels, up to about 3 mm."""
    if rng.random() < 0.25:
        return None
    strength = rng.uniform(0.3, 1.6) / spacing_mm
    return np.stack([_noise(rng, side, int(rng.integers(3, 8))) for _ in range(3)]) * np.float32(strength)


def _piece_at(
    whole: NDArray[np.bool_], scout: NDArray[np.bool_], centre: NDArray, field_mm: float, scout_mm: float
) -> NDArray[np.bool_] | None:
    """The pieces of the final cross-section that the scout's choice names."""
    side = whole.shape[0]
    steps = ((np.arange(side) + 0.5) / side - 0.5) * field_mm
    n = scout.shape[0]
    columns = np.clip(np.floor((steps + centre[0]) / scout_mm + n / 2).astype(int), 0, n - 1)
    rows = np.clip(np.floor((steps + centre[1]) / scout_mm + n / 2).astype(int), 0, n - 1)
    chosen = scout[np.ix_(rows, columns)]
    pieces, count = ndimage.label(whole)
    if count == 0:
        return None
    sizes = np.bincount(pieces.ravel(), minlength=count + 1).astype(float)
    shared = np.bincount(pieces.ravel(), weights=chosen.ravel(), minlength=count + 1)
    keep = (shared > 0.3 * sizes) & (sizes >= 4)
    keep[0] = False
    return keep[pieces] if keep.any() else None


def _draw(rng: np.random.Generator, target: Array, bone: Array, pixel_mm: float, context: Context | None, overdraw_px: float) -> Array:
    """Hounsfield units of a slice with a perfect scanner. target, bone: occupancies 0-1, as outlined: the bone itself begins
    `overdraw_px` further in."""
    side = target.shape[0]
    hu = _surroundings(rng, bone, pixel_mm, context)
    inside = bone > 0.5
    depth = ndimage.distance_transform_edt(inside).astype(np.float32) - np.float32(overdraw_px)
    # Near an endplate the plane runs through the rim for millimetres, and through the disc in its middle.
    endplate = rng.random() < ENDPLATE_SHARE
    thickness_mm = rng.uniform(1.5, 7.0) if endplate else rng.uniform(0.35, 1.9)
    shell_px = thickness_mm / pixel_mm * np.exp(0.35 * _noise(rng, side, int(rng.integers(3, 14))))
    shell_px = np.maximum(shell_px, 0.6)
    osteoporotic = rng.random() < 0.15
    core = rng.uniform(-40, 90) if osteoporotic or (endplate and rng.random() < 0.5) else rng.uniform(40, 380)
    shell = rng.uniform(150, 500) if osteoporotic else rng.uniform(200, 1200)
    fine_cells = int(np.clip(side * pixel_mm / rng.uniform(0.8, 2.5), 8, side))
    value = core + rng.uniform(0, 90) * _noise(rng, side, int(rng.integers(3, 12))) + rng.uniform(0, 90) * _noise(rng, side, fine_cells)
    strength = np.clip(1 + rng.uniform(0, 0.35) * _noise(rng, side, int(rng.integers(3, 10))), 0.3, 1.9)
    softness = rng.uniform(0.3, 0.9) * (thickness_mm / pixel_mm if endplate else 1.0)
    value = value + shell * strength * _step((shell_px - np.maximum(depth, 0)) / softness)
    if rng.random() < 0.5:  # neighbours are not of the same density
        value = value + rng.uniform(-90, 90) * np.clip(bone - target, 0, 1)
    if rng.random() < 0.8:  # the joint space between two bones that touch
        joint = np.clip(4 * target * np.clip(bone - target, 0, 1), 0, 1)
        value = value - rng.uniform(0.3, 1.0) * joint * (value - rng.uniform(20, 110))
    edge = np.clip((bone - 0.5) * rng.uniform(1.2, 4) + 0.5, 0, 1)
    if overdraw_px:
        edge = edge * _step((depth - 0.5) / np.float32(rng.uniform(0.15, 0.4)))
    hu = hu * (1 - edge) + value * edge
    if rng.random() < 0.05:
        hu = _metal(rng, hu)
    return hu.astype(np.float32)


def _scanned(rng: np.random.Generator, context: ContextScan, side: int, pixel_mm: float) -> Array:
    """A random plane through a real scan, its values spread a little anew."""
    shape = np.array(context.voxels.shape)
    basis = _rotation(rng, 25) @ np.eye(3)[:, rng.permutation(3)] / context.spacing_mm
    origin = rng.uniform(0.2, 0.8, 3) * shape
    steps = ((np.arange(side) + 0.5) - side / 2) * pixel_mm
    points = origin[:, None, None] + basis[:, 0, None, None] * steps[None, None] + basis[:, 1, None, None] * steps[None, :, None]
    hu = ndimage.map_coordinates(context.voxels, points, order=1, output=np.float32, mode="nearest")
    return hu * np.float32(rng.uniform(0.85, 1.15)) + np.float32(rng.uniform(-20, 20))


def _organs(rng: np.random.Generator, context: ContextMap, side: int, pixel_mm: float) -> Array:
    """A random plane through a map of organs, every organ with a random value; smoothed as far as the map is coarse."""
    shape = np.array(context.labels.shape)
    axes = rng.permutation(3)
    basis = _rotation(rng, 20) @ np.eye(3)[:, axes] / context.spacing_mm
    origin = rng.uniform(0.2, 0.8, 3) * shape
    steps = ((np.arange(side) + 0.5) - side / 2) * pixel_mm
    points = origin[:, None, None] + basis[:, 0, None, None] * steps[None, None] + basis[:, 1, None, None] * steps[None, :, None]
    blur = 0.5 * context.spacing_mm / pixel_mm
    warp = _warp(rng, side, context.spacing_mm)
    nearest = np.rint(points if warp is None else points + warp).astype(np.int64)
    inside = ((nearest >= 0) & (nearest < shape[:, None, None])).all(axis=0)
    voxel = np.clip(nearest, 0, shape[:, None, None] - 1)
    labels = np.where(inside, context.labels[voxel[0], voxel[1], voxel[2]], 0)
    values = np.array([_tissue(rng) for _ in range(256)], np.float32)
    values[list(context.bones)] = rng.uniform(90, 700) + rng.uniform(-60, 60, len(context.bones))
    return _smooth(values[labels], min(blur, 6.0))


def _tissue(rng: np.random.Generator) -> float:
    """HU of some soft tissue: fat, water, muscle or organ, contrast."""
    ranges = ((-130, -50), (0, 30), (35, 80), (90, 380))
    return float(rng.uniform(*ranges[rng.choice(4, p=(0.4, 0.15, 0.3, 0.15))]))


def _surroundings(rng: np.random.Generator, bone: Array, pixel_mm: float, context: Context | None) -> Array:
    """Soft tissue, fat, vessels, air and other bones around the bone."""
    side = bone.shape[0]
    hu = np.full((side, side), rng.uniform(-20, 80), np.float32)
    if isinstance(context, ContextScan):
        return _scanned(rng, context, side, pixel_mm)
    if context is not None:
        hu = _organs(rng, context, side, pixel_mm)
    for _ in range(int(rng.integers(2, 7)) if context is None else int(rng.integers(0, 3))):
        field = _noise(rng, side, int(rng.integers(2, 16)))
        level = _tissue(rng)
        weight = _step((field - rng.uniform(-0.2, 1.4)) * rng.uniform(3, 25))
        hu = hu * (1 - weight) + level * weight
    hu = hu + rng.uniform(0, 14) * _noise(rng, side, int(rng.integers(8, max(9, side // 2))))
    if rng.random() < 0.7:
        reach = rng.uniform(1.0, 9.0) / pixel_mm
        away = ndimage.distance_transform_edt(bone[::2, ::2] < 0.5).astype(np.float32) * 2
        away = np.repeat(np.repeat(away, 2, 0), 2, 1)[:side, :side]
        patchy = _step((_noise(rng, side, int(rng.integers(2, 6))) + rng.uniform(-0.5, 1.5)) * 6)
        band = patchy * _step(((reach - away) / 0.8).astype(np.float32))
        hu = hu * (1 - band) + rng.uniform(40, 130) * band
    if rng.random() < 0.3:
        field = _noise(rng, side, int(rng.integers(2, 7)))
        hu = np.where(field > rng.uniform(1.2, 2.2), rng.uniform(-1000, -500), hu)
    if rng.random() < 0.12:
        hu = np.where(_half_plane(rng, side), rng.uniform(-1024, -800), hu)
    if rng.random() < 0.55:
        for _ in range(int(rng.integers(1, 6))):
            hu = _other_bone(rng, hu, pixel_mm)
    if rng.random() < ADJOINING_SHARE:
        for _ in range(int(rng.integers(1, 4))):
            hu = _adjoining_bone(rng, hu, bone, pixel_mm)
    return hu.astype(np.float32)


def _half_plane(rng: np.random.Generator, side: int) -> NDArray[np.bool_]:
    """Outside of the patient: everything beyond a bent line near the edge."""
    angle = rng.uniform(0, 2 * np.pi)
    y, x = np.mgrid[:side, :side] / side - 0.5
    return (np.cos(angle) * x + np.sin(angle) * y + 0.03 * _noise(rng, side, 3)) > rng.uniform(0.25, 0.5)


def _ellipse(rng: np.random.Generator, side: int, low_px: float, high_px: float) -> Array:
    """Distance-like field of a random ellipse, 1 at its edge, 0 at its centre."""
    cx, cy = rng.uniform(0, side, 2)
    a, b = rng.uniform(low_px, high_px, 2)
    angle = rng.uniform(0, np.pi)
    y, x = np.mgrid[:side, :side].astype(np.float32)
    u = (np.cos(angle) * (x - cx) + np.sin(angle) * (y - cy)) / a
    v = (-np.sin(angle) * (x - cx) + np.cos(angle) * (y - cy)) / b
    return np.sqrt(u * u + v * v)


def _other_bone(rng: np.random.Generator, hu: Array, pixel_mm: float) -> Array:
    """A rib, a calcification or a contrast vessel: a bright ellipse, with a shell or without."""
    side = hu.shape[0]
    radius = _ellipse(rng, side, max(1.5, 2.0 / pixel_mm), max(3.0, 18.0 / pixel_mm))
    if rng.random() < 0.5:
        radius = radius * (1 + 0.2 * _noise(rng, side, 5))
    level = rng.uniform(60, 380) + rng.uniform(0, 700) * np.clip((radius - 0.55) / 0.45, 0, 1) * (rng.random() < 0.7)
    weight = _step((1 - radius) * 14)
    return hu * (1 - weight) + level * weight


def _adjoining_bone(rng: np.random.Generator, hu: Array, bone: Array, pixel_mm: float) -> Array:
    """A rib or a neighbour's process that meets the bone at a joint: a bent rod that begins at its edge and leads away from it."""
    side = hu.shape[0]
    inside = bone > 0.5
    edge = np.argwhere(inside & ~ndimage.binary_erosion(inside))
    if not len(edge):
        return hu
    start = edge[int(rng.integers(len(edge)))].astype(float)
    away = start - np.argwhere(inside).mean(axis=0)
    angle = np.arctan2(away[0], away[1]) + rng.normal(0, 0.6)
    radius = rng.uniform(2.0, 6.5) / pixel_mm
    gap, length = rng.uniform(0.0, 2.0) / pixel_mm, rng.uniform(8, 70) / pixel_mm
    y, x = np.mgrid[:side, :side].astype(np.float32)
    along = np.cos(angle) * (x - start[1]) + np.sin(angle) * (y - start[0]) - gap - radius
    across = np.cos(angle) * (y - start[0]) - np.sin(angle) * (x - start[1]) - rng.normal(0, 0.012) * pixel_mm * along**2
    beyond = np.maximum(np.maximum(-along, along - length), 0)
    depth = radius * np.exp(0.15 * _noise(rng, side, int(rng.integers(3, 9)))) - np.hypot(across, beyond)
    shell = rng.uniform(0.5, 1.8) / pixel_mm
    level = rng.uniform(40, 350) + rng.uniform(60, 900) * _step((shell - np.maximum(depth, 0)) / (0.5 * shell))
    weight = _step(depth * rng.uniform(1.5, 5.0))
    return hu * (1 - weight) + level * weight


def _metal(rng: np.random.Generator, hu: Array) -> Array:
    """A screw: a very bright rod with streaks of light and shadow through the whole picture."""
    side = hu.shape[0]
    radius = _ellipse(rng, side, side * 0.01, side * 0.06)
    cy, cx = np.unravel_index(int(np.argmin(radius)), radius.shape)
    y, x = np.mgrid[:side, :side].astype(np.float32)
    angle = np.arctan2(y - cy, x - cx)
    distance = np.hypot(y - cy, x - cx) + 2
    waves = sum(np.sin(angle * k + rng.uniform(0, 6.28)) for k in (3, 7, 13, 22)) / 2
    streaks = rng.uniform(100, 900) * waves * np.exp(-distance / (side * rng.uniform(0.1, 0.5)))
    return np.where(radius < 1, rng.uniform(1800, 3500), hu + streaks)


def _grain(rng: np.random.Generator, shape: tuple[int, int], weight: float) -> Array:
    """Image noise: white, or correlated as by a smooth kernel; coarse pixels average it away (weight)."""
    noise = rng.standard_normal(shape, np.float32)
    sigma = rng.uniform(0.4, 1.6) if rng.random() < 0.6 else 0.0
    noise = _smooth(noise, sigma)
    deviation = rng.uniform(3, 70) if rng.random() < 0.75 else rng.uniform(0, 20)
    return noise / (noise.std() + 1e-6) * deviation * weight


def _expose(rng: np.random.Generator, hu: Array, noise: float = 1.0) -> Array:
    """Blur, sharpen and add noise as scanner and kernel do."""
    hu = _smooth(hu, rng.uniform(0.3, 1.6) * noise)
    if rng.random() < 0.25:
        hu = hu + rng.uniform(0.3, 1.5) * (hu - _smooth(hu, rng.uniform(0.8, 2.0)))
    return hu + _grain(rng, (hu.shape[0], hu.shape[1]), noise)


def _resize(image: Array, size: tuple[int, int], *, antialias: bool) -> Array:
    tensor = torch.from_numpy(np.ascontiguousarray(image, np.float32))[None, None]
    return F.interpolate(tensor, size=size, mode="bilinear", align_corners=False, antialias=antialias)[0, 0].numpy()


def _coarsen(
    rng: np.random.Generator, hu: Array, target: Array, bone: Array, factor: float
) -> tuple[Array, NDArray[np.bool_], NDArray[np.bool_]]:
    """The slice and its reference on a scanner's coarse pixels, seen through interpolation as the network will see them."""
    side = hu.shape[0]
    coarse = (max(10, round(side / factor)),) * 2
    if rng.random() < UNEVEN_SHARE:  # finer the one way: `factor` is that of the longer edge
        finer = min(side, round(coarse[0] * rng.uniform(1.3, 4.0)))
        coarse = (coarse[0], finer) if rng.random() < 0.5 else (finer, coarse[1])
    small = _expose(rng, _resize(hu, coarse, antialias=True), noise=factor**-0.5)
    share = rng.uniform(0.38, 0.48)  # a pixel that bone fills by a third is often drawn as bone
    drawn, drawn_bone = (_resize(part, coarse, antialias=True) > share for part in (target, bone))
    full = (side, side)
    seen, seen_bone = (_resize(part.astype(np.float32), full, antialias=False) > 0.5 for part in (drawn, drawn_bone))
    return _resize(small, full, antialias=False), seen, seen_bone


def _window(rng: np.random.Generator, hu: Array) -> Array:
    """A display window, sometimes a gamma curve, sometimes eight bits."""
    if rng.random() < 0.35:  # what the program itself shows the network of a CT
        low, high = -250.0 + rng.normal(0, 40), 1250.0 + rng.normal(0, 120)
    elif rng.random() < 0.12:  # a soft-tissue window, which hides the bone's inside
        low, high = rng.uniform(-220, -100), rng.uniform(200, 350)
    else:
        low = rng.uniform(-400, -50) if rng.random() < 0.6 else rng.uniform(-1100, -50)
        high = rng.uniform(350, 2200)
    picture = np.clip((hu - low) / (high - low), 0, 1)
    if rng.random() < 0.2:
        picture = picture ** rng.uniform(0.6, 1.6)
    if rng.random() < 0.4:
        picture = np.round(picture * 255) / 255
    return picture.astype(np.float32)
