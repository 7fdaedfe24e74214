"""HU for what a made-up person shows: random tissues, scanner, field of view; and what the locator should answer.

As in `render.py` the shapes are real and everything else is drawn wider than reality (SynthSeg, Billot et al., Medical Image
Analysis 2023), here in three dimensions on the locator's coarse voxels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spinalsam.training.bone_library import SACRUM
from spinalsam.training.people import (
    AIR,
    BRIGHT,
    CANAL,
    DISC,
    FAT,
    GAS,
    LUNG,
    METAL,
    MUSCLE,
    TABLE,
    VESSEL,
    VISCERA,
    Look,
    _noise_field,
)  # fmt: skip

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Sample:
    """hu: int16 [x, y, z]; seen: bool, within the field of view. masks: uint8, bits 1 bone, 2 body, 4 canal, 8 rib and pelvis.

    owner: uint8, which vertebra a voxel belongs to. values, centres: VerSe value and centre in voxels of owner 1 and on.
    """

    hu: NDArray[np.int16]
    seen: NDArray[np.bool_]
    masks: NDArray[np.uint8]
    owner: NDArray[np.uint8]
    values: NDArray[np.uint8]
    centres: NDArray[np.float32]


def render(rng: np.random.Generator, look: Look, *, whole_view: bool = False) -> Sample:
    """One scan of a look: call it again for another scanner and other tissues of the same person. whole_view: nothing of it is cut off."""
    hu = _tissues(rng, look)
    hu = _with_bone(rng, look, hu)
    if rng.random() < 0.12:
        _add_metal(rng, look, hu)
    if rng.random() < 0.45:
        _add_distractors(rng, look, hu)
    hu = _scanned(rng, hu)
    seen = np.ones(look.bone.shape, bool) if whole_view else _field_of_view(rng, look)
    hu[~seen] = rng.choice([-1024.0, -1000.0, 0.0])
    masks = (look.bone > 0.45) * 1 + ((look.body > 0.45) & (look.bone > 0.45)) * 2 + (look.canal > 0.5) * 4 + (look.other > 0.45) * 8
    count = max([0, *look.values])
    values, centres = np.zeros(count, np.uint8), np.full((count, 3), -99, np.float32)
    for owner, value in look.values.items():
        values[owner - 1], centres[owner - 1] = value, look.centres[owner]
    owners = np.where(look.bone > 0.45, look.owner, 0).astype(np.uint8)
    return Sample(np.clip(np.rint(hu), -1024, 3071).astype(np.int16), seen, masks.astype(np.uint8), owners, values, centres)


def _tissues(rng: np.random.Generator, look: Look) -> Array:
    wild = 3.0 if rng.random() < 0.15 else 1.0
    means = np.zeros(12, np.float32)
    contrast = rng.choice([0.0, 1.0, 2.5], p=[0.5, 0.35, 0.15])  # none, venous, arterial
    usual = {
        AIR: (-1000, 5), FAT: (-100, 12), MUSCLE: (50, 14), VISCERA: (45 + 35 * min(contrast, 1), 22), LUNG: (-820, 70), DISC: (85, 25),
        CANAL: (25, 18), VESSEL: (45 + 130 * contrast, 40), GAS: (-900, 80), BRIGHT: (250, 150), TABLE: (-450, 350), METAL: (3000, 10),
    }  # fmt: skip
    for kind, (mean, spread) in usual.items():
        means[kind] = rng.normal(mean, spread * (wild if kind != AIR else 1.0))
    hu = means[look.tissue]
    soft = (look.tissue != AIR) & (look.tissue != GAS)
    hu += _noise_field(rng, hu.shape, rng.uniform(2, 6)) * np.float32(rng.uniform(3, 18)) * soft
    if (look.tissue == LUNG).any():
        vessels = _noise_field(rng, hu.shape, 2.0)
        hu[(look.tissue == LUNG) & (vessels > rng.uniform(2.2, 3.2))] += 500
    return hu


def _with_bone(rng: np.random.Generator, look: Look, hu: Array) -> Array:
    weak = rng.random() < 0.35
    core = rng.uniform(-50, 110) if weak else rng.uniform(90, 330)
    shell = rng.uniform(120, 500) if weak else rng.uniform(300, 1100)
    arch = rng.uniform(40, 350)
    texture = _noise_field(rng, hu.shape, 1.6) * np.float32(rng.uniform(5, 60)) + _noise_field(rng, hu.shape, 4.0) * np.float32(
        rng.uniform(0, 40)
    )
    # Each vertebra has its own density; a few are sclerotic, or dark from a tumour.
    own = rng.normal(0, 25, 40).astype(np.float32)
    odd = rng.random(40) < 0.05
    own[odd] += rng.choice([-80.0, 200.0, 400.0], int(odd.sum()))
    for owner, value in look.values.items():
        if value == SACRUM:  # its wings are full of fat in many
            own[owner] -= rng.uniform(0, 140)
    inner = core + own[look.owner] + texture + arch * np.clip(look.bone - look.body, 0, 1)
    hu = hu * (1 - look.bone) + inner * look.core + (core + shell + texture) * np.clip(look.bone - look.core, 0, 1)
    other = rng.uniform(50, 250)
    return hu * (1 - look.other) + (other + texture) * look.other_core + (other + 0.8 * shell) * np.clip(look.other - look.other_core, 0, 1)


def _add_metal(rng: np.random.Generator, look: Look, hu: Array) -> None:
    """Screws and rods near some vertebrae, or a lump anywhere, with streaks in the axial planes."""
    grid = np.stack(np.meshgrid(*[np.arange(n, dtype=np.float32) for n in hu.shape], indexing="ij"))
    metal = np.zeros(hu.shape, bool)
    owners = [owner for owner, centre in look.centres.items() if np.all(centre > 0) and np.all(centre < hu.shape)]
    if owners and rng.random() < 0.75:
        start = int(rng.integers(len(owners)))
        for owner in owners[start : start + int(rng.integers(1, 5))]:
            for side in (-1, 1):
                tip = look.centres[owner] + (side * 4.0, -2.0, 1.0)
                head = look.centres[owner] + (side * 7.5, 14.0, 1.0)
                metal |= _rod(grid, tip, head, 1.0)
                metal |= _rod(grid, head, head + (0, 0, rng.uniform(-11, 11)), 1.0)
    else:
        middle = rng.random(3) * hu.shape
        metal |= _rod(grid, middle, middle + rng.normal(0, 6, 3), rng.uniform(1, 5))
    strength, phase = rng.uniform(50, 600), rng.uniform(0, 6.3)
    for z in np.flatnonzero(metal.any(axis=(0, 1))):
        x, y = (index.mean() for index in np.nonzero(metal[:, :, z]))
        dx, dy = grid[0, :, :, z] - x, grid[1, :, :, z] - y
        wave = np.cos(np.arctan2(dy, dx) * int(rng.integers(2, 9)) + phase)
        hu[:, :, z] += np.float32(strength) * wave / (1 + np.hypot(dx, dy) / 8)
    hu[metal] = 3000


def _rod(grid: Array, start: NDArray, end: NDArray, radius: float) -> NDArray[np.bool_]:
    line = np.asarray(end, float) - start
    offset = grid - np.asarray(start, np.float32)[:, None, None, None]
    along = np.clip(np.tensordot((line / max(float(line @ line), 1e-6)).astype(np.float32), offset, 1), 0, 1)
    return ((offset - line.astype(np.float32)[:, None, None, None] * along) ** 2).sum(axis=0) < radius**2


def _add_distractors(rng: np.random.Generator, look: Look, hu: Array) -> None:
    """Bright lumps and tubes that are not bone: contrast in bowel, ureters and vessels, calcified walls; some of them beside the spine."""
    middles = [centre for centre in look.centres.values() if np.all(centre > 0) and np.all(centre < hu.shape)]
    for _ in range(int(rng.integers(1, 5))):
        middle, radii = rng.random(3) * hu.shape, rng.uniform(1.5, 7, 3)
        if middles and rng.random() < 0.5:
            turn = rng.uniform(np.pi, 2 * np.pi)  # before the spine or to its sides
            away = np.array([np.cos(turn), np.sin(turn), 0.0]) * rng.uniform(8, 18)
            middle = middles[int(rng.integers(len(middles)))] + away
            radii[2] *= rng.choice([1.0, 5.0])
        axes = [((np.arange(n) - c) / r) ** 2 for n, c, r in zip(hu.shape, middle, radii, strict=True)]
        shape = axes[0][:, None, None] + axes[1][None, :, None] + axes[2][None, None] < 1
        hu[shape & (look.bone < 0.3) & (look.canal < 0.3)] = rng.uniform(150, 900)


def _scanned(rng: np.random.Generator, hu: Array) -> Array:
    """Blur, slice thickness, noise."""
    sigma = np.full(3, rng.uniform(0, 0.7))
    if rng.random() < 0.35:
        sigma[2 if rng.random() < 0.8 else int(rng.integers(3))] += rng.uniform(0.3, 1.3)
    if sigma.max() > 0.2:
        hu = ndimage.gaussian_filter(hu, sigma, truncate=2.5)
    noise = rng.choice([rng.uniform(2, 15), rng.uniform(15, 60)], p=[0.7, 0.3])
    hu += rng.standard_normal(hu.shape).astype(np.float32) * np.float32(noise)
    if rng.random() < 0.2:
        hu = hu * np.float32(rng.uniform(0.85, 1.15)) + np.float32(rng.normal(0, 20))
    return hu


def _field_of_view(rng: np.random.Generator, look: Look) -> NDArray[np.bool_]:
    """A box, often small and off the middle, sometimes a cylinder; what lies beyond was never scanned."""
    shape = look.bone.shape
    seen = np.ones(shape, bool)
    for axis, n in enumerate(shape):
        if rng.random() < 0.65:
            smallest = min((18, 18, 3)[axis], n)
            size = int(rng.integers(smallest, n + 1))
            start = int(np.clip(rng.normal((n - size) / 2, n / 5), 0, n - size))
            keep = np.zeros(n, bool)
            keep[start : start + size] = True
            seen &= keep.reshape([-1 if a == axis else 1 for a in range(3)])
    if rng.random() < 0.15:
        x, y = np.meshgrid(*[np.arange(n) - (n - 1) / 2 for n in shape[:2]], indexing="ij")
        seen &= (np.hypot(x, y) < rng.uniform(0.38, 0.5) * shape[0])[:, :, None]
    return seen
