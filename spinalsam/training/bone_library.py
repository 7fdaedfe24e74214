"""Bones for made-up people: every vertebra of a label volume or a phantom, turned into one frame of its own.

The locator learns from spines that are put together from such bones (`people.py`). A vertebra's frame has its origin in the middle
of its body and its axes to the left, to the back and to the head; on it lie three fields on a grid of GRID_MM: occupancy, occupancy
of the spongy core, and the body without the arch, each 0-255.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spinalsam.support.anatomy import LABEL_VALUES
from spinalsam.support.geometry import Geometry

if TYPE_CHECKING:
    from spinalsam.data.volume import Volume

GRID_MM = 1.5
SHELL_MM = 1.2
C1, SACRUM, ILIUM = 1, 26, 50  # values in the library; an ilium has no VerSe value
ORGANS = "organs:"  # how the source of a bone from an organ map begins
# TotalSegmentator's values: sacrum and S1; femora and hips.
ORGAN_SACRUM, ORGAN_PELVIS = (25, 26), (75, 76, 77, 78)
SACRUM_ML = 60.0  # of a sacrum that is whole
ENDPLATE_MM = 27.0
_ORDER = {value: n for n, value in enumerate((*range(1, 20), 28, *range(20, 27)))}  # from head to foot

Report = Callable[[str], None]


@dataclass(frozen=True)
class LocalBone:
    """One bone in its own frame.

    fields: uint8 (3, left, back, up): occupancy, core, body. origin: voxel of the frame's origin. height_mm: of the body.
    wall_mm, canal_mm: how far behind the origin the canal begins and how deep it is; 0 where there is none.
    """

    value: int
    source: str
    fields: NDArray[np.uint8]
    origin: NDArray[np.float64]
    height_mm: float = 0.0
    wall_mm: float = 0.0
    canal_mm: float = 0.0

    def corners_mm(self) -> NDArray[np.float64]:
        """(8, 3) corners of the grid in the bone's frame."""
        size = np.array(self.fields.shape[1:], float)
        ends = np.array(np.meshgrid(*[(0, 1)] * 3, indexing="ij")).reshape(3, -1).T * (size - 1)
        return (ends - self.origin) * GRID_MM


def bones_of_labels(source: str, labels: NDArray, geometry: Geometry) -> list[LocalBone]:
    """The whole vertebrae of a label volume with VerSe values; those that the volume's edge cuts are left out."""
    boxes = ndimage.find_objects(labels.astype(np.uint8), max_label=28)
    present = sorted((v for v in range(1, 29) if v not in (26, 27) and boxes[v - 1] is not None), key=_ORDER.__getitem__)
    centres = {v: body_centre(labels, geometry, boxes[v - 1], v) for v in present}
    bones = []
    for number, value in enumerate(present):
        if _is_cut(boxes[value - 1], labels.shape):
            continue
        above, below = present[max(0, number - 1)], present[min(len(present) - 1, number + 1)]
        up = _unit(centres[above] - centres[below])
        axes = _frame(up, labels, geometry, boxes[value - 1], value, centres[value])
        bones.append(local_bone(source, value, labels == value, geometry, boxes[value - 1], centres[value], axes))
    return bones


def _is_cut(box: tuple[slice, ...], shape: tuple[int, ...]) -> bool:
    return any(part.start == 0 or part.stop == n for part, n in zip(box, shape, strict=True))


def _unit(vector: NDArray) -> NDArray[np.float64]:
    return vector / max(float(np.linalg.norm(vector)), 1e-9)


def body_centre(labels: NDArray, geometry: Geometry, box: tuple[slice, ...], value: int) -> NDArray[np.float64]:
    """LPS middle of the thickest part of a vertebra, which is its body; of C1, which has none, the middle of its ring."""
    part = np.pad(labels[box] == value, 1)
    if value == C1:
        inside = np.argwhere(part)
    else:
        depth = ndimage.distance_transform_edt(part, sampling=geometry.spacing_mm)
        pieces, _ = ndimage.label(depth > 0.6 * depth.max())
        inside = np.argwhere(pieces == np.bincount(pieces.ravel())[1:].argmax() + 1)
    return geometry.to_mm(inside.mean(axis=0) - 1 + [s.start for s in box])


def _frame(up: NDArray, labels: NDArray, geometry: Geometry, box: tuple[slice, ...], value: int, centre_mm: NDArray) -> NDArray[np.float64]:
    """Axes as columns (left, back, up); the back is where the arch is."""
    whole = geometry.to_mm(np.argwhere(labels[box] == value).mean(axis=0) + [s.start for s in box])
    back = np.array([0.0, 1.0, 0.0]) if value == C1 else whole - centre_mm
    back = _unit(back - up * float(back @ up))
    return np.stack([np.cross(back, up), back, up], axis=1)


def local_bone(
    source: str,
    value: int,
    mask: NDArray[np.bool_],
    geometry: Geometry,
    box: tuple[slice, ...],
    centre_mm: NDArray,
    axes: NDArray,
) -> LocalBone:
    """A bone of a label volume, resampled into its frame."""
    lower = np.maximum([part.start - 5 for part in box], 0)
    upper = np.minimum([part.stop + 5 for part in box], mask.shape)
    crop = mask[tuple(slice(a, b) for a, b in zip(lower, upper, strict=True))]
    spacing = geometry.spacing_mm
    points = (geometry.to_mm(np.argwhere(crop) + lower) - centre_mm) @ axes
    low = np.floor(points.min(axis=0) / GRID_MM).astype(int) - 2
    high = np.ceil(points.max(axis=0) / GRID_MM).astype(int) + 3
    grid = np.stack(np.meshgrid(*[np.arange(a, b) for a, b in zip(low, high, strict=True)], indexing="ij"), axis=-1) * GRID_MM
    where = np.moveaxis(geometry.to_ijk(grid @ axes.T + centre_mm) - lower, -1, 0)
    depth = ndimage.distance_transform_edt(crop, sampling=spacing)
    sigma = 0.45 * GRID_MM / spacing
    fields = [_sampled(crop, sigma, where), _sampled(depth > SHELL_MM, sigma, where)]
    origin = -low.astype(float)
    height, wall, canal = _measures(fields[0], origin) if value < SACRUM or value == 28 else (0.0, 0.0, 0.0)
    behind = grid[..., 1] > (wall + 1.5 if value != C1 else 1e9)
    fields.append(np.where(behind | (value in (SACRUM, ILIUM)), 0, fields[0]).astype(np.uint8))
    return LocalBone(value, source, np.stack(fields), origin, height, wall, canal)


def _sampled(mask: NDArray, sigma: NDArray, where: NDArray) -> NDArray[np.uint8]:
    smooth = ndimage.gaussian_filter(mask.astype(np.float32), sigma)
    return np.clip(np.rint(ndimage.map_coordinates(smooth, where, order=1) * 255), 0, 255).astype(np.uint8)


def _measures(occupancy: NDArray[np.uint8], origin: NDArray) -> tuple[float, float, float]:
    """(height, wall, canal) in mm along lines through the body's middle."""
    left, back, up = origin.astype(int)
    solid = occupancy > 127
    column = solid[left - 2 : left + 3, back - 2 : back + 3]
    heights = [_run(line, up) for line in column.reshape(-1, solid.shape[2])]
    rows = solid[left - 1 : left + 2, :, max(0, up - 2) : up + 3]
    lines = np.moveaxis(rows, 1, -1).reshape(-1, solid.shape[1])
    walls = [_run(line, back, onward=True) for line in lines]
    wall = float(np.median(walls))
    gaps = []
    for line in lines:
        again = np.flatnonzero(line[back + int(wall) + 1 :])
        if len(again):
            gaps.append(again[0] + 1)
    canal = float(np.median(gaps)) if gaps else 0.0
    return float(np.median(heights)) * GRID_MM, wall * GRID_MM, min(canal * GRID_MM, 26.0)


def _run(line: NDArray[np.bool_], start: int, *, onward: bool = False) -> int:
    """Length of the run of True about (or from) a position."""
    forward = np.argmin(np.append(line[start:], False))
    backward = 0 if onward else np.argmin(np.append(line[:start][::-1], False))
    return int(forward + backward)


def bones_of_phantom(seed: int, report: Report) -> list[LocalBone]:
    """Vertebrae, sacrum and ilia of one procedural phantom."""
    from spinalsam.training.phantom import TISSUES, PhantomOptions, _person, make_phantom

    rng = np.random.default_rng([seed, 98])
    options = PhantomOptions(
        spacing_mm=(1.5, 1.5, 1.5),
        levels=("T8", "sacrum"),
        lordosis_scale=float(rng.uniform(0.8, 1.2)),
        osteophytes=float(rng.uniform(0, 0.9)),
        lumbar_count=6 if seed % 4 == 0 else 5,
        noise_hu=0.0,
        table=False,
    )
    report(f"growing phantom {seed}")
    phantom = make_phantom(seed, options)
    spine, _ = _person(seed, options)
    geometry = phantom.volume.geometry
    frames = {LABEL_VALUES[v.name]: v.frame for v in spine.vertebrae} | {SACRUM: spine.sacrum}
    bones = []
    boxes = ndimage.find_objects(phantom.mask, max_label=SACRUM)
    for value, frame in frames.items():
        if boxes[value - 1] is not None and LABEL_VALUES["T9"] <= value:
            args = (phantom.mask == value, geometry, boxes[value - 1], frame.centre_mm, frame.axes)
            bones.append(local_bone(f"phantom{seed}", value, *args))
    ilium = phantom.tissues == TISSUES["ilium"]
    box = ndimage.find_objects(ilium.astype(np.uint8))[0]
    bones.append(local_bone(f"phantom{seed}", ILIUM, ilium, geometry, box, spine.sacrum.centre_mm, spine.sacrum.axes))
    return bones


def bones_of_organs(source: str, labels: NDArray, geometry: Geometry) -> list[LocalBone]:
    """Sacrum and pelvis of an organ map with TotalSegmentator's values; vertebrae are never taken. Empty without sacrum and hips.

    The map is coarse: its outlines are smoothed on voxels of a third of its size.
    """
    sacral, pelvic = np.isin(labels, ORGAN_SACRUM), np.isin(labels, ORGAN_PELVIS)
    if sacral.sum() * np.prod(geometry.spacing_mm) < 1000 * SACRUM_ML or not pelvic.any():
        return []
    centre, axes = _sacral_frame(geometry.to_mm(np.argwhere(sacral)))
    bones = []
    for value, mask in ((SACRUM, sacral), (ILIUM, pelvic)):
        fine, grid = _refined(mask, geometry)
        box = ndimage.find_objects(fine.astype(np.uint8))[0]
        bones.append(local_bone(source, value, fine, grid, box, centre, axes))
    return bones


def _refined(mask: NDArray[np.bool_], geometry: Geometry, factor: int = 3) -> tuple[NDArray[np.bool_], Geometry]:
    """What a mask holds, on voxels of a `factor`-th of the size with smooth outlines."""
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    low = np.array([part.start for part in box]) - 3
    part = ndimage.gaussian_filter(np.pad(mask[box], 3).astype(np.float32), 0.6)
    fine = ndimage.zoom(part, factor, order=1, grid_mode=True, mode="grid-constant") > 0.5
    affine = geometry.affine.copy()
    affine[:3, :3] /= factor
    affine[:3, 3] = geometry.to_mm(low - 0.5 + 0.5 / factor)
    return fine, Geometry((fine.shape[0], fine.shape[1], fine.shape[2]), affine)


def _sacral_frame(points_mm: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(middle of the S1 endplate, axes as columns: left, back, up) of a sacrum's voxels in LPS mm.

    In the middle the upper surface falls from the canal to the promontory, the foremost point of the upper half.
    """
    middle = float(np.median(points_mm[:, 0]))
    slab = points_mm[np.abs(points_mm[:, 0] - middle) < 12.0]
    tops = np.array([column[column[:, 2].argmax()] for column in _columns(slab)])
    upper = tops[tops[:, 2] > np.median(points_mm[:, 2])]
    front = float(upper[:, 1].min())
    plate = upper[upper[:, 1] < front + ENDPLATE_MM]
    slope = np.polyfit(plate[:, 1], plate[:, 2], 1)[0]
    up = _unit(np.array([0.0, -slope, 1.0]))
    back = _unit(np.array([0.0, 1.0, slope]))
    return np.array([middle, *plate[:, 1:].mean(axis=0)]), np.stack([np.cross(back, up), back, up], axis=1)


def _columns(points_mm: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Points grouped by their place seen from above."""
    _, which = np.unique(np.rint(points_mm[:, :2] * 10).astype(int), axis=0, return_inverse=True)
    order = np.argsort(which.ravel(), kind="stable")
    return np.split(points_mm[order], np.flatnonzero(np.diff(which.ravel()[order])) + 1)


def gather_bones(files: Sequence[Path], phantoms: int, cache: Path, report: Report, contexts: Sequence[Path] = ()) -> list[LocalBone]:
    """The bones of all label files and of some phantoms, and the pelves of organ maps; kept in `cache` between runs."""
    bones: list[LocalBone] = []
    cache.mkdir(parents=True, exist_ok=True)
    for file in files:
        stored = cache / f"bones-{file.name.split('.')[0]}-{file.stat().st_size}.npz"
        if not stored.exists():
            report(f"reading bones from {file.name}")
            volume = _read(file)
            save_bones(bones_of_labels(file.name.split(".")[0], volume.voxels, volume.geometry), stored)
        bones += load_bones(stored)
    for file in contexts:
        stored = cache / f"organs-{file.name.split('.')[0]}-{file.stat().st_size}.npz"
        if not stored.exists():
            report(f"reading sacrum and pelvis from {file.name}")
            volume = _read(file)
            save_bones(bones_of_organs(ORGANS + file.name.split(".")[0], np.asarray(volume.voxels), volume.geometry), stored)
        bones += load_bones(stored)
    for seed in range(1, phantoms + 1):
        stored = cache / f"bones-phantom{seed}.npz"
        if not stored.exists():
            save_bones(bones_of_phantom(seed, report), stored)
        bones += load_bones(stored)
    return bones


def _read(file: Path) -> Volume:
    from spinalsam.data.formats import read_volume  # only where nothing is cached: a training machine needs no reader of images

    return read_volume(file)


def save_bones(bones: Sequence[LocalBone], path: Path) -> None:
    """Write bones as one npz without pickle, under a temporary name first."""
    arrays: dict[str, Any] = {}
    for n, bone in enumerate(bones):
        arrays[f"{n}.fields"] = bone.fields
        arrays[f"{n}.figures"] = np.array([bone.value, *bone.origin, bone.height_mm, bone.wall_mm, bone.canal_mm])
        arrays[f"{n}.source"] = np.frombuffer(bone.source.encode(), np.uint8)
    temporary = path.with_suffix(f".{os.getpid()}.npz")
    np.savez_compressed(temporary, **arrays)
    temporary.replace(path)


def load_bones(path: Path) -> list[LocalBone]:
    bones = []
    with np.load(path, allow_pickle=False) as store:
        for n in range(len(store.files) // 3):
            value, *rest = store[f"{n}.figures"]
            origin, measures = np.array(rest[:3]), [float(v) for v in rest[3:]]
            bones.append(LocalBone(int(value), store[f"{n}.source"].tobytes().decode(), store[f"{n}.fields"], origin, *measures))
    return bones
