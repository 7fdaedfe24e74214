"""Made-up people: real vertebrae stacked to whole spines, with ribs, pelvis and trunk, seen through a small field of view.

A person is a chain of bones from C1 to the sacrum on a curve with lordosis, kyphosis and, sometimes, scoliosis, one vertebra
too many or too few. `look_at` gives what a part of the body holds on a grid of coarse voxels: bone and its core, the canal, tissues
by kind, and which vertebra each voxel of bone belongs to. Nothing of it has HU yet; see `locator_render.py`.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy import ndimage

from spinalsam.training.bone_library import GRID_MM, ILIUM, ORGANS, SACRUM, LocalBone

Array = NDArray[np.float32]

VOXEL_MM = 3.0
REAL_PELVIS = 0.5  # share of people with a pelvis from an organ map, where there is one
BARE = 0.08  # share of looks without ribs, limbs and skull base: levels are to be told by the vertebrae's shapes too
WORN_DISC = 0.02  # share of discs that hold gas, and of those that are calcified
C1, C7, T1, T12, T13, L1, L5, L6 = 1, 7, 8, 19, 28, 20, 24, 25

# Tissues of a look.
AIR, FAT, MUSCLE, VISCERA, LUNG, DISC, CANAL, VESSEL, GAS, BRIGHT, TABLE, METAL = range(12)

# Heights of the bodies and of the discs below them in mm, and the angle of the body's axis, positive leaning forward, by level; see
# `phantom_parts/skeleton.py` for the sources of the thoracic and lumbar ones; cervical after Panjabi et al., Spine 16(8) 1991.
_LEVELS = (*range(1, 20), 20, 21, 22, 23, 24, 25)
_HEIGHT = dict(zip(_LEVELS, [11, 21, 12.5, 12.5, 12.5, 13, 14, 15.5, 16.5, 17, 17.5, 18, 18.5, 19, 19.5, 20, 20.8, 22, 23.6, 25.2, 26, 26.2, 26.2, 25.6, 25], strict=True))  # fmt: skip  # noqa: E501
_DISC = dict(zip(_LEVELS, [2, 4.5, 5, 5, 5, 5.2, 4.8, 4.2, 3.8, 3.6, 3.6, 3.8, 4, 4.3, 4.5, 4.8, 5.2, 5.8, 6.8, 8.2, 9.4, 10.6, 11.4, 10.6, 9.8], strict=True))  # fmt: skip  # noqa: E501
_LEAN = dict(zip(_LEVELS, [-6, -3, 0, 3, 6, 11, 17, 21, 22, 20, 16, 11, 6, 1, -4, -8, -11, -13, -13, -11, -6, 0, 9, 22, 24], strict=True))  # fmt: skip  # noqa: E501
# Half width, front and back of the trunk about the spine in mm, at heights along it: skull, C4, C7, T2, T6, T11, L3, sacrum, hips.
_TRUNK_AT = (-1.5, 3.0, 6.0, 8.5, 12.0, 17.0, 21.0, 24.5, 27.0)
_TRUNK = np.array([[80, 115, 85], [60, 65, 60], [75, 65, 65], [190, 80, 75], [165, 130, 70], [150, 150, 75], [150, 135, 75], [172, 140, 75], [180, 120, 95]], float)  # fmt: skip  # noqa: E501


@dataclass(frozen=True)
class Placed:
    """A bone in a person: its value, its shape, its place and its axes, which carry the scale. index: its number from the head."""

    value: int
    bone: LocalBone
    centre_mm: NDArray[np.float64]
    axes: NDArray[np.float64]
    height_mm: float
    index: int


@dataclass(frozen=True)
class Person:
    """A spine, its ribs as rows of points with radii, and the trunk around it."""

    chain: tuple[Placed, ...]
    others: tuple[Placed, ...]
    ribs: NDArray[np.float64]
    first_ribs: NDArray[np.float64]
    trunk: NDArray[np.float64]
    seed: int

    def line(self) -> NDArray[np.float64]:
        """(n, 3) middles of the bodies and of the sacrum from head to foot."""
        return np.array([one.centre_mm for one in self.chain])


@dataclass
class Look:
    """What a part of a person holds, all [x, y, z] in LPS.

    bone, core, body: 0-1 share of spine in the voxel; other, other_core: ribs, pelvis, skull; canal: 0-1. tissue: kinds above.
    owner: index of the vertebra + 1, 0 for none. values, centres: VerSe value and centre in voxels of every owner.
    """

    bone: Array
    core: Array
    body: Array
    other: Array
    other_core: Array
    canal: Array
    tissue: NDArray[np.uint8]
    owner: NDArray[np.uint8]
    values: dict[int, int] = field(default_factory=dict)
    centres: dict[int, NDArray[np.float64]] = field(default_factory=dict)


def make_person(rng: np.random.Generator, bones: Sequence[LocalBone]) -> Person:
    """A spine of 23 to 26 vertebrae, with everything about it drawn anew."""
    levels = _levels(rng)
    scale = float(np.clip(rng.normal(1.0, 0.09), 0.72, 1.2))
    by_value: dict[int, list[LocalBone]] = {}
    for bone in bones:
        by_value.setdefault(bone.value, []).append(bone)
    sacra = by_value[SACRUM]
    real = [bone for bone in sacra if bone.source.startswith(ORGANS)]
    sacra = real if real and rng.random() < REAL_PELVIS else sacra
    sacrum = sacra[int(rng.integers(len(sacra)))]
    ilium = next(bone for bone in by_value[ILIUM] if bone.source == sacrum.source)
    lean = _leans(rng, levels)
    roll, yaw = _rolls(rng, len(levels) + 1)
    slope = lean[-1]
    axes = _axes(slope, roll[-1], yaw[-1])
    pelvis_scale = scale * np.diag(np.clip(rng.normal(1.0, 0.12, 3), 0.7, 1.35))
    position = np.zeros(3)
    placed = [Placed(SACRUM, sacrum, position.copy(), axes @ pelvis_scale, 30.0 * scale, len(levels))]
    others = [Placed(ILIUM, ilium, position.copy(), axes @ pelvis_scale, 0.0, 0)]
    loss = np.clip(rng.normal(1.0, 0.15, len(levels)), 0.3, 1.3) * np.where(rng.random(len(levels)) < 0.06, 0.3, 1.0)
    squeeze = np.where(rng.random(len(levels)) < 0.05, rng.uniform(0.45, 0.9, len(levels)), 1.0)
    favourite = str(rng.choice([bone.source for bone in bones]))
    for n in range(len(levels) - 1, -1, -1):
        value = levels[n]
        bone = _bone_for(rng, value, by_value, favourite)
        known = 19 if value == T13 else value
        height = _HEIGHT[known] * scale * squeeze[n]
        disc = _DISC[known] * scale * loss[n]
        axes = _axes(lean[n], roll[n], yaw[n])
        between = _axes((lean[n] + (lean[n + 1] if n + 1 < len(lean) else slope)) / 2, roll[n], 0.0)
        position = position + between[:, 2] * disc
        centre = position + axes[:, 2] * height / 2
        size = scale * (_HEIGHT[known] / max(_HEIGHT[19 if bone.value == T13 else bone.value], 1)) * rng.normal(1.0, 0.04, 3)
        natural = height / max(bone.height_mm, 6.0) if bone.value > 2 else size[2]
        size[2] = np.clip(natural, 0.5 * size[0], 1.5 * size[0])
        placed.append(Placed(value, bone, centre, axes @ np.diag(size), height, n))
        position = position + axes[:, 2] * height
    placed.reverse()
    middle = placed[len(placed) // 2].centre_mm
    chain = tuple(_moved(one, middle) for one in placed)
    ribs, first = _ribs(rng, chain, scale)
    trunk = _TRUNK * scale * rng.normal(1.0, 0.06, _TRUNK.shape) + rng.uniform(-5, 35)
    return Person(chain, tuple(_moved(one, middle) for one in others), ribs, first, trunk, int(rng.integers(1 << 30)))


def _levels(rng: np.random.Generator) -> list[int]:
    """VerSe values from head to foot, with the numeric variants that people have."""
    levels = list(range(C1, L5 + 1))
    draw = rng.random()
    if draw < 0.14:
        levels.append(L6)
    elif draw < 0.18:
        levels.remove(L5)
    elif draw < 0.21:
        levels.remove(T12)
    return levels


def _leans(rng: np.random.Generator, levels: Sequence[int]) -> NDArray[np.float64]:
    """Angle of every body's axis and of the sacrum's, in degrees."""
    strength = rng.uniform(0.35, 1.35)
    lean = np.array([_LEAN[v] for v in levels] + [36.0]) * strength
    drift = np.interp(np.arange(len(lean)), [0, 6, 12, 18, len(lean)], rng.normal(0, 7, 5))
    return lean + drift + rng.normal(0, 1.5, len(lean))


def _rolls(rng: np.random.Generator, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sideways tilt and turn of every bone in degrees: a wave for scoliosis."""
    strength = rng.choice([rng.uniform(0, 4), rng.uniform(4, 24)], p=[0.7, 0.3])
    wave = np.sin(2 * np.pi * np.arange(count) / rng.uniform(8, 20) + rng.uniform(0, 6.3))
    return strength * wave + rng.normal(0, 1.0, count), 0.4 * strength * np.roll(wave, 2) + rng.normal(0, 1.5, count)


def _axes(lean_deg: float, roll_deg: float, yaw_deg: float) -> NDArray[np.float64]:
    from spinalsam.training.phantom_parts.skeleton import rotation

    return rotation(float(lean_deg), float(roll_deg), float(yaw_deg))


def _bone_for(rng: np.random.Generator, value: int, by_value: dict[int, list[LocalBone]], favourite: str) -> LocalBone:
    """A bone for a level: its own where there is one, of the favourite source rather; else that of the nearest level of its kind."""
    value = 19 if value == T13 else value
    choices: list[LocalBone] = []
    for distance in range(8):
        for near in {value - distance, value + distance}:
            same_kind = (near <= 2) == (value <= 2) and (near <= C7) == (value <= C7) and (near >= L1) == (value >= L1)
            choices += by_value.get(near, []) if same_kind else []
        if choices:
            break
    if rng.random() < 0.15 and 3 < value < 25:  # a neighbour's bone, for variety
        choices = choices + [b for near in (value - 1, value + 1) if (near <= C7) == (value <= C7) for b in by_value.get(near, [])]
    liked = [bone for bone in choices if bone.source == favourite]
    pool = liked if liked and rng.random() < 0.6 else choices
    return pool[int(rng.integers(len(pool)))]


def _moved(one: Placed, middle: NDArray) -> Placed:
    return Placed(one.value, one.bone, one.centre_mm - middle, one.axes, one.height_mm, one.index)


def _ribs(rng: np.random.Generator, chain: Sequence[Placed], scale: float) -> tuple[NDArray, NDArray]:
    """Ribs as rows of (x, y, z, radius): an arc from the body's back corner round the chest, lower in front."""
    rows, first = [], []
    for one in chain:
        if not (T1 <= one.value <= T12 or one.value == T13):
            continue
        number = one.value - T1 + 1 if one.value != T13 else 12.5
        width = np.interp(number, [1, 2, 4, 7, 9, 12.5], [58, 85, 112, 130, 135, 120]) * scale
        depth = np.interp(number, [1, 2, 4, 7, 9, 12.5], [55, 75, 115, 145, 150, 120]) * scale
        span = np.interp(number, [1, 9, 10, 11, 12, 12.5], [2.7, 2.7, 2.3, 1.7, 1.1, 0.7]) * rng.uniform(0.85, 1.08)
        if number >= 12 and rng.random() < 0.25:
            span *= rng.uniform(0.2, 0.6)
        drop = np.interp(number, [1, 5, 12], [38, 70, 60]) * scale * rng.uniform(0.7, 1.3)
        axes = one.axes / np.linalg.norm(one.axes, axis=0)
        for side in (-1, 1):
            turn = np.linspace(0, span, max(6, int(span * width / 1.6)))
            # The head beside the body, then out, back and round; the oval's middle lies in front of the spine.
            x = (13 + 5 * min(number, 10) / 10) * scale + (width - 16 * scale) * np.sin(np.clip(turn, 0, np.pi / 2)) ** 0.9
            x = np.where(turn > np.pi / 2, width * np.sin(np.clip(turn, 0, np.pi)), x)
            y = 12 * scale + 14 * scale * np.sin(np.clip(3 * turn, 0, np.pi)) - 0.5 * depth * (1 - np.cos(turn))
            z = one.height_mm * 0.35 - drop * (turn / 2.7) ** 1.3
            points = one.centre_mm + np.stack([side * x, y, z], axis=1) @ np.diag([1, 1, 1]) @ _upright(axes).T
            radius = (3.6 + 0.8 * np.sin(turn)) * scale * rng.uniform(0.85, 1.1)
            rows.append(np.column_stack([points, np.full(len(points), radius.mean())]))
            if one.value == T1:
                first.append(rows[-1])
    return np.concatenate(rows), np.concatenate(first)


def _upright(axes: NDArray) -> NDArray[np.float64]:
    """Axes halfway between a bone's own and the body's."""
    mixed = 0.5 * axes + 0.5 * np.eye(3)
    up = mixed[:, 2] / np.linalg.norm(mixed[:, 2])
    back = mixed[:, 1] - up * (mixed[:, 1] @ up)
    back /= np.linalg.norm(back)
    return np.stack([np.cross(back, up), back, up], axis=1)


@dataclass(frozen=True)
class View:
    """Where a look is taken: voxel -> mm is rotation @ (voxel - middle) * voxel_mm + centre, then a smooth warp."""

    shape: tuple[int, int, int]
    centre_mm: NDArray[np.float64]
    rotation: NDArray[np.float64]
    waves: NDArray[np.float64]
    voxel_mm: float = VOXEL_MM

    def places(self) -> Array:
        """(3, x, y, z) LPS mm of every voxel."""
        axes = [((np.arange(n) - (n - 1) / 2) * self.voxel_mm).astype(np.float32) for n in self.shape]
        grid = np.stack(np.meshgrid(*axes, indexing="ij"))
        turned = np.tensordot(self.rotation.astype(np.float32), grid, 1) + self.centre_mm[:, None, None, None].astype(np.float32)
        for wave in self.waves:  # direction of the shift (3), wave vector (3), phase
            angle = np.tensordot(wave[3:6].astype(np.float32), grid, 1) + np.float32(wave[6])
            turned += wave[:3, None, None, None].astype(np.float32) * np.sin(angle)
        return turned

    def voxel_of(self, point_mm: NDArray) -> NDArray[np.float64]:
        """The voxel, with fractions, that lies at a point; by iteration, since the warp has no inverse in closed form."""
        grid = self.rotation.T @ (point_mm - self.centre_mm)
        for _ in range(8):
            shift = np.sin(self.waves[:, 3:6] @ grid + self.waves[:, 6]) @ self.waves[:, :3]
            grid = self.rotation.T @ (point_mm - self.centre_mm - shift)
        return grid / self.voxel_mm + (np.array(self.shape) - 1) / 2


def draw_view(rng: np.random.Generator, person: Person, shape: tuple[int, int, int]) -> View:
    """A place along the spine, turned a little, as people lie in scanners."""
    line = person.line()
    # Evenly along the height, so that the short necks do not outnumber the rest; the ends, by which levels are told, more often.
    heights = np.abs(np.gradient(line[:, 2]))
    heights /= heights.sum()
    heights[:9] *= 2.0
    heights[15:22] *= 1.8
    heights[-4:] *= 2.5
    at = int(rng.choice(len(line), p=heights / heights.sum()))
    off = rng.normal(0, (24, 22, 25)) * (4 if rng.random() < 0.12 else 1)  # sometimes beside it all
    angles = np.radians(rng.normal(0, 8, 3) * (3 if rng.random() < 0.1 else 1))
    rotation = np.eye(3)
    for axis, angle in enumerate(angles):
        turn = np.eye(3)
        a, b = [n for n in range(3) if n != axis]
        turn[a, a] = turn[b, b] = np.cos(angle)
        turn[a, b], turn[b, a] = -np.sin(angle), np.sin(angle)
        rotation = rotation @ turn
    amplitude = rng.uniform(0, 6)
    waves = np.column_stack([rng.normal(0, amplitude / 2, (4, 3)), rng.normal(0, 1, (4, 3)) * 2 * np.pi / 160, rng.uniform(0, 6.3, 4)])
    return View(shape, line[at] + off, rotation, waves)


def look_at(rng: np.random.Generator, person: Person, view: View) -> Look:
    """Everything of a person that a view shows."""
    places = view.places()
    zeros = lambda: np.zeros(view.shape, np.float32)  # noqa: E731
    look = Look(zeros(), zeros(), zeros(), zeros(), zeros(), zeros(), np.zeros(view.shape, np.uint8), np.zeros(view.shape, np.uint8))
    _paint_trunk(rng, look, person, places)
    for one in person.others:
        pasted = _paste(one, view, places)
        if pasted is not None:
            box, fields = pasted
            np.maximum(look.other[box], fields[0], out=look.other[box])
            np.maximum(look.other_core[box], fields[1], out=look.other_core[box])
    for one in person.chain:
        pasted = _paste(one, view, places)
        if pasted is None:
            continue
        box, (occupancy, core, body) = pasted
        wins = (occupancy > look.bone[box]) & (occupancy > 0.3)
        look.owner[box][wins] = one.index + 1
        look.body[box] = np.where(wins, body, look.body[box])
        np.maximum(look.bone[box], occupancy, out=look.bone[box])
        np.maximum(look.core[box], core, out=look.core[box])
        look.values[one.index + 1] = one.value
        look.centres[one.index + 1] = view.voxel_of(one.centre_mm)
    bare = rng.random() < BARE
    if not bare:
        _paint_limbs(rng, look, person, view, places)
    look.other *= 1 - look.bone
    _paint_canal_and_discs(rng, look, person, view, places)
    if not bare:
        _paint_ribs(rng, look, person, view)
    return look


def _paste(one: Placed, view: View, places: Array) -> tuple[tuple[slice, ...], Array] | None:
    """A bone's fields on the part of the view that holds it."""
    corners = one.bone.corners_mm() @ one.axes.T + one.centre_mm
    voxels = np.array([view.voxel_of(corner) for corner in corners])
    low = np.maximum(np.floor(voxels.min(axis=0)).astype(int) - 1, 0)
    high = np.minimum(np.ceil(voxels.max(axis=0)).astype(int) + 2, view.shape)
    if np.any(low >= high):
        return None
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    inverse = (np.linalg.inv(one.axes) / GRID_MM).astype(np.float32)
    local = np.tensordot(inverse, places[(slice(None), *box)] - one.centre_mm[:, None, None, None].astype(np.float32), 1)
    local += one.bone.origin[:, None, None, None].astype(np.float32)
    count = 3 if one.value != ILIUM and one.value != SACRUM else 2
    fields = np.zeros((3, *local.shape[1:]), np.float32)
    for n in range(count):
        fields[n] = ndimage.map_coordinates(one.bone.fields[n], local, np.float32, order=1) / 255
    if one.value == SACRUM:
        fields[2] = 0
    return box, fields


def _along(person: Person, z_mm: Array) -> tuple[Array, Array, Array]:
    """(x, y) of the spine and the level, counted from C1 = 0, at heights z."""
    line = person.line()
    order = np.argsort(line[:, 2])
    z, level = line[order, 2], np.arange(len(line), dtype=float)[order]
    step = 30.0
    z = np.concatenate([[z[0] - 4 * step], z, [z[-1] + 4 * step]])
    level = np.concatenate([[level[0] + 4], level, [level[-1] - 4]])
    ends = line[order][[0, -1]]
    x = np.concatenate([[ends[0, 0]], line[order, 0], [ends[1, 0]]])
    y = np.concatenate([[ends[0, 1] + 60], line[order, 1], [ends[1, 1]]])
    return tuple(np.interp(z_mm, z, values).astype(np.float32) for values in (x, y, level))


def _paint_trunk(rng: np.random.Generator, look: Look, person: Person, places: Array) -> None:
    x_mm, y_mm, level = _along(person, places[2])
    left, back = places[0] - x_mm, places[1] - y_mm
    half, front, rear = (np.interp(level, _TRUNK_AT, person.trunk[:, n]).astype(np.float32) for n in range(3))
    deep = np.where(back < 0, front, rear)
    radius = ((np.abs(left) / half) ** 2.4 + (np.abs(back) / deep) ** 2.4) ** (1 / 2.4)
    fat = rng.uniform(0.02, 0.25)
    tissue = look.tissue
    tissue[radius < 1] = FAT
    tissue[radius < 1 - fat] = MUSCLE
    inside = (radius < 1 - fat - rng.uniform(0.04, 0.1)) & (back < 12) & (level > 6)
    tissue[inside] = VISCERA
    _paint_chest(rng, look, left, back, level, radius, fat)
    _paint_vessels(rng, look, left, back, level)
    if rng.random() < 0.5:
        plane = places[1] > float(person.line()[:, 1].max()) + rng.uniform(75, 110)
        tissue[plane & (places[1] < person.line()[:, 1].max() + 140)] = TABLE
    if (level < 0.3).any():
        skull = np.sqrt(((left) / 72) ** 2 + ((back + 15) / 92) ** 2 + ((level + 4.5) / 4.6) ** 2)
        shell = np.clip(1 - np.abs(skull - 1) * 12, 0, 1) * (level < 0.2)
        look.other[...] = np.maximum(look.other, shell)
        jaw = np.clip(1 - np.abs(np.sqrt((left / 50) ** 2 + ((back + 55) / 38) ** 2) - 1) * 5, 0, 1) * (
            (level > -1.5) & (level < 2.2) & (back < -40)
        )
        look.other[...] = np.maximum(look.other, jaw)


def _paint_chest(rng: np.random.Generator, look: Look, left: Array, back: Array, level: Array, radius: Array, fat: float) -> None:
    tissue = look.tissue
    top, bottom = rng.uniform(6.3, 7.6), rng.uniform(15.0, 19.5)
    dome = bottom - np.clip(-back / 60, 0, 2.2) * rng.uniform(0.5, 1.5)
    middle = rng.uniform(16, 30) + np.where(back < -25, np.clip(level - 10, 0, 4) * 9, 0)
    cage = (radius < 1 - fat - 0.12) & (back < rng.uniform(25, 40)) & ~((np.abs(left) < 26) & (back > -18))
    narrow = np.clip((level - top) / 3.0, 0, 1)
    lung = cage & (level > top) & (level < dome) & (np.abs(left) > middle) & (np.abs(left) < 60 + 80 * narrow)
    if rng.random() < 0.9:
        tissue[lung] = LUNG
    airway = (level > -0.5) & (level < 10) & (np.hypot(left, (back + rng.uniform(25, 45)) / 1.1) < rng.uniform(6, 10))
    tissue[airway & (tissue > AIR)] = GAS
    field = _noise_field(rng, look.tissue.shape, rng.uniform(6, 14))
    belly = (tissue == VISCERA) & (level > 15)
    tissue[belly & (field > rng.uniform(0.3, 1.2))] = FAT
    tissue[belly & (field < rng.uniform(-2.2, -1.3)) & (back < -30)] = GAS
    tissue[belly & (np.abs(field) < rng.uniform(0, 0.15))] = BRIGHT if rng.random() < 0.4 else FAT


def _paint_vessels(rng: np.random.Generator, look: Look, left: Array, back: Array, level: Array) -> None:
    tissue = look.tissue
    aorta = np.hypot(left - rng.uniform(0, 28), back + rng.uniform(28, 40)) < rng.uniform(8, 14)
    cava = np.hypot(left + rng.uniform(12, 28), back + rng.uniform(26, 38)) < rng.uniform(7, 12)
    tissue[(aorta | cava & (level > 15)) & (level > 10) & (level < 23)] = VESSEL
    psoas = np.hypot((np.abs(left) - np.interp(level, [18, 24], [24, 46])) / 1.0, (back + 4) / 1.2) < np.interp(
        level, [18, 22, 25], [4, 20, 20]
    )
    tissue[psoas & (level > 18) & (tissue > AIR)] = MUSCLE
    rear = (back > 8) & (back < rng.uniform(45, 65)) & (np.abs(left) < rng.uniform(48, 70)) & (tissue > AIR)
    tissue[rear] = MUSCLE
    marbled = _noise_field(rng, look.tissue.shape, rng.uniform(3, 6))
    tissue[rear & (marbled > rng.uniform(0.8, 2.5))] = FAT
    kidney = np.sqrt(((np.abs(left) - 62) / 26) ** 2 + ((back - 2) / 28) ** 2 + ((level - rng.uniform(18.5, 20.5)) / 1.8) ** 2) < 1
    tissue[kidney & (tissue > AIR)] = VESSEL if rng.random() < 0.6 else VISCERA


def _noise_field(rng: np.random.Generator, shape: tuple[int, ...], cells_voxels: float) -> Array:
    """A smooth random field of about unit deviation with bumps of some voxels' size."""
    coarse = [max(2, int(np.ceil(n / cells_voxels)) + 1) for n in shape]
    low = torch.from_numpy(rng.standard_normal((1, 1, *coarse), np.float32))
    return F.interpolate(low, size=tuple(shape), mode="trilinear", align_corners=True)[0, 0].numpy() * np.float32(1.6)


def _paint_canal_and_discs(rng: np.random.Generator, look: Look, person: Person, view: View, places: Array) -> None:
    """The canal as a tube through the arches, the discs as drums between the bodies."""
    levels = [one for one in person.chain if one.bone.canal_mm > 0]
    knots = []
    for one in levels:
        depth = np.clip(one.bone.canal_mm, 11, 22)
        axes = one.axes
        knots.append((one.centre_mm + axes[:, 1] * (one.bone.wall_mm + depth / 2), depth / 2 * np.linalg.norm(axes[:, 1]), axes))
    sacrum = person.chain[-1]
    knots.append((sacrum.centre_mm + sacrum.axes @ (0, 24.0, -8.0), 7.0, sacrum.axes))
    knots.append((sacrum.centre_mm + sacrum.axes @ (0, 34.0, -45.0), 5.0, sacrum.axes))
    for (start, r0, axes), (end, r1, _) in itertools.pairwise(knots):
        box = _box_between(view, start, end, 16.0)
        if box is not None:
            near, along, length = _segment(places[(slice(None), *box)], start, end, axes)
            radius = r0 + (r1 - r0) * along
            inside = np.clip((radius - near) / view.voxel_mm + 0.5, 0, 1) * ((along > -0.05) & (along < 1.05))
            np.maximum(look.canal[box], inside * (length > 0), out=look.canal[box])
    look.canal *= 1 - look.bone
    look.tissue[look.canal > 0.5] = CANAL
    for upper, lower in itertools.pairwise(person.chain[1:]):
        down, up = upper.axes[:, 2], lower.axes[:, 2]
        start = upper.centre_mm - down / np.linalg.norm(down) * upper.height_mm * 0.42
        end = lower.centre_mm + (up / np.linalg.norm(up) * lower.height_mm * 0.42 if lower.value != SACRUM else 0)
        box = _box_between(view, start, end, 24.0)
        if box is not None:
            width = 0.62 * max(upper.height_mm, 14)
            near, along, _ = _segment(places[(slice(None), *box)], start, end, upper.axes)
            disc = (near < width) & (along > 0) & (along < 1) & (look.bone[box] < 0.5)
            draw = rng.random()
            look.tissue[box][disc] = GAS if draw < WORN_DISC else BRIGHT if draw < 2 * WORN_DISC else DISC


def _paint_limbs(rng: np.random.Generator, look: Look, person: Person, view: View, places: Array) -> None:
    """Hips, shoulders, breastbone and arms as rods with a core: what else is bright and must not be taken for spine."""
    scale = float(np.linalg.norm(person.chain[10].axes[:, 0]))
    for start, end, radius in [*_limbs(rng, person), *_skull_base(rng, person)]:
        box = _box_between(view, start, end, radius + 4)
        if box is not None:
            near, along, _ = _segment(places[(slice(None), *box)], start, end, np.eye(3), flat=0.0)
            beyond = np.maximum(np.abs(along - 0.5) - 0.5, 0) * np.linalg.norm(end - start)
            distance = np.hypot(near, beyond) - radius * scale
            np.maximum(look.other[box], np.clip(0.5 - distance / view.voxel_mm, 0, 1), out=look.other[box])
            np.maximum(look.other_core[box], np.clip(-0.5 - distance / view.voxel_mm, 0, 1), out=look.other_core[box])


def _limbs(rng: np.random.Generator, person: Person) -> list[tuple[NDArray[np.float64], NDArray[np.float64], float]]:
    """(start, end, radius) of rods in LPS mm."""
    sacrum, t1, t3 = person.chain[-1].centre_mm, person.chain[7].centre_mm, person.chain[9].centre_mm
    t7, t9 = person.chain[13].centre_mm, person.chain[15].centre_mm
    scale = float(np.linalg.norm(person.chain[10].axes[:, 0]))
    at = lambda origin, *shift: origin + np.array(shift) * scale * rng.normal(1.0, 0.06, 3)  # noqa: E731
    rods = [(at(t3, 0, -75, -15), at(t9, 0, -135, 0), 9.0)]
    for side in (-1, 1):
        hip, shoulder = at(sacrum, side * 90, -15, -95), at(t1, side * 165, -5, -10)
        rods += [
            (hip, hip, 24.0),
            (hip, at(hip, side * 42, 15, -22), 17.0),
            (at(hip, side * 40, 15, -20), at(hip, side * 28, 0, -200), 14.0),
            (at(hip, -side * 20, -8, 5), at(sacrum, side * 8, -75, -120), 10.0),
            (at(hip, -side * 15, 20, -10), at(hip, -side * 30, 30, -55), 13.0),
            (shoulder, shoulder, 23.0),
            (shoulder, at(shoulder, side * 25, 0, -220), 12.0),
            (at(t3, side * 25, -70, 0), at(shoulder, -side * 15, -10, 25), 6.0),
            (at(shoulder, -side * 20, 15, 0), at(t7, side * 85, 60, 0), 5.0),
            (at(t1, side * 75, 55, -20), at(t7, side * 85, 60, 0), 4.0),
        ]
        if rng.random() < 0.2:  # an arm beside the trunk
            rods.append((at(sacrum, side * 205, 0, -60), at(t9, side * 205, 10, 0), 11.0))
    return rods


def _skull_base(rng: np.random.Generator, person: Person) -> list[tuple[NDArray[np.float64], NDArray[np.float64], float]]:
    """(start, end, radius) of rods in LPS mm: what is bright above and before C1 and is no vertebra."""
    atlas = person.chain[0].centre_mm
    c3 = person.chain[2].centre_mm
    scale = float(np.linalg.norm(person.chain[2].axes[:, 0]))
    at = lambda origin, *shift: origin + np.array(shift) * scale * rng.normal(1.0, 0.08, 3)  # noqa: E731
    rods = [
        (at(atlas, 0, -14, 17), at(atlas, 0, -40, 42), 6.0),  # clivus
        (at(atlas, 0, 34, 14), at(atlas, 0, 62, 26), 4.0),  # occiput behind the foramen magnum
        (at(atlas, 0, -82, -22), at(atlas, 0, -84, -30), 9.0),  # chin
    ]
    for side in (-1, 1):
        rods += [
            (at(atlas, side * 20, 0, 13), at(atlas, side * 22, 9, 15), 6.0),  # condyle
            (at(atlas, side * 22, -8, 24), at(atlas, side * 62, 6, 27), 8.0),  # petrous bone
            (at(atlas, side * 50, 4, 6), at(atlas, side * 52, 8, 24), 9.0),  # mastoid
            (at(atlas, side * 48, -22, 12), at(atlas, side * 45, -30, -22), 5.0),  # jaw
            (at(atlas, side * 45, -30, -22), at(atlas, side * 12, -80, -28), 5.0),
            (at(atlas, side * 26, -45, -4), at(atlas, side * 10, -72, -6), 5.0),  # teeth
            (at(c3, side * 18, -30, 0), at(c3, side * 6, -52, -4), 2.5),  # hyoid
            (at(c3, side * 14, -32, -30), at(c3, side * 3, -48, -40), 3.0),  # larynx
        ]
    return rods


def _box_between(view: View, start: NDArray, end: NDArray, room_mm: float) -> tuple[slice, ...] | None:
    voxels = np.array([view.voxel_of(start), view.voxel_of(end)])
    room = room_mm / view.voxel_mm + 2
    low = np.maximum(np.floor(voxels.min(axis=0) - room).astype(int), 0)
    high = np.minimum(np.ceil(voxels.max(axis=0) + room).astype(int) + 1, view.shape)
    return None if np.any(low >= high) else tuple(slice(a, b) for a, b in zip(low, high, strict=True))


def _segment(places: Array, start: NDArray, end: NDArray, axes: NDArray, flat: float = 0.4) -> tuple[Array, Array, float]:
    """(distance from the line, share of the way along it, length); left and right count less by `flat`: canals are wide."""
    line = end - start
    length = float(np.linalg.norm(line))
    offset = places - start[:, None, None, None].astype(np.float32)
    along = np.tensordot((line / max(length, 1e-3) ** 2).astype(np.float32), offset, 1)
    across = offset - line[:, None, None, None].astype(np.float32) * along
    left = axes[:, 0] / np.linalg.norm(axes[:, 0])
    sideways = np.tensordot(left.astype(np.float32), across, 1)
    square = (across**2).sum(axis=0) - flat * sideways**2
    return np.sqrt(np.maximum(square, 0)), along, length


def _paint_ribs(rng: np.random.Generator, look: Look, person: Person, view: View) -> None:
    """Ribs as dense clouds of points, counted per voxel."""
    points = person.ribs
    low = view.rotation.T @ (points[:, :3] - view.centre_mm).T / view.voxel_mm + ((np.array(view.shape) - 1) / 2)[:, None]
    near = np.all((low > -4) & (low < np.array(view.shape)[:, None] + 4), axis=0)
    if not near.any():
        return
    points = points[near]
    copies = 40
    spread = rng.standard_normal((len(points), copies, 3))
    spread /= np.linalg.norm(spread, axis=2, keepdims=True)
    shares = rng.random((len(points), copies, 1)) ** (1 / 3)
    cloud = points[:, None, :3] + spread * shares * points[:, None, 3:4]
    flat = cloud.reshape(-1, 3)
    grid = (flat - view.centre_mm) @ view.rotation
    for _ in range(2):
        shift = np.zeros_like(grid)
        for wave in view.waves:
            shift += wave[:3] * np.sin(grid @ wave[3:6] + wave[6])[:, None]
        grid = (flat - view.centre_mm - shift) @ view.rotation
    voxels = np.rint(grid / view.voxel_mm + (np.array(view.shape) - 1) / 2).astype(int)
    kept = voxels[np.all((voxels >= 0) & (voxels < view.shape), axis=1)]
    counts = np.zeros(view.shape, np.float32)
    np.add.at(counts, tuple(kept.T), 1.0)
    # A voxel full of rib holds as many points as its share of the rod's volume.
    full = copies / (1.6 * np.pi * 4.0**2) * view.voxel_mm**3
    share = np.clip(counts / full, 0, 1) * (1 - look.bone)
    np.maximum(look.other, share, out=look.other)
    np.maximum(look.other_core, np.clip(share - 0.55, 0, 1) * 1.5 * (share > 0.6), out=look.other_core)
