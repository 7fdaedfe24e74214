"""What the scanner adds: the kernel's blur, correlated noise, metal streaks, the table, rounding."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from spinalsam.training.phantom_parts.shapes import Array, Grid


def blur_in_plane(hu: Array, grid: Grid, kernel_mm: float) -> None:
    """Smooth every slice in place with a Gaussian of kernel_mm (full width at half maximum); below 0 sharpens instead."""
    _, dy, dx = grid.spacing_mm
    sigma = abs(kernel_mm) / 2.355
    for plane in hu:
        smooth = ndimage.gaussian_filter(plane, (sigma / dy, sigma / dx), mode="nearest", truncate=3.0)
        plane[...] = smooth if kernel_mm >= 0 else 1.8 * plane - 0.8 * smooth


def add_noise(hu: Array, grid: Grid, noise_hu: float, kernel_mm: float, rng: np.random.Generator) -> None:
    """Add noise in place: a ramp times the kernel's window in frequency, stronger in the middle of the body and across it."""
    _, dy, dx = grid.spacing_mm
    ny, nx = hu.shape[1:]
    fy, fx = fft.fftfreq(ny, dy)[:, None], fft.rfftfreq(nx, dx)[None]
    frequency = np.sqrt(fx**2 + fy**2)
    cutoff = 0.44 / max(abs(kernel_mm), 0.55)
    shape = (np.sqrt(frequency + 0.012) * np.exp(-((frequency / cutoff) ** 2))).astype(np.float32)
    gain = np.sqrt(hu.shape[1] * hu.shape[2] / _energy(shape, nx))
    attenuation = np.clip((hu[:: max(1, len(hu) // 24)] + 1000) / 1000, 0, 2.2).mean(0)
    strength = _noise_strength(attenuation, dx, dy)
    for plane in hu:
        white = rng.standard_normal((ny, nx), dtype=np.float32)
        coloured = fft.irfft2(fft.rfft2(white) * shape, s=(ny, nx)) * gain
        plane += coloured * strength * noise_hu


def _energy(shape: Array, nx: int) -> float:
    """Sum of squares of a real-FFT filter over the full plane."""
    weights = np.full(shape.shape[1], 2.0)
    weights[0] = 1.0
    if nx % 2 == 0:
        weights[-1] = 1.0
    return float((shape.astype(float) ** 2 * weights).sum())


def _noise_strength(attenuation: Array, dx: float, dy: float) -> Array:
    """Relative noise: grows with how much tissue the rays through a point have crossed."""
    lateral = attenuation.sum(1) * dx / 200.0
    frontal = attenuation.sum(0) * dy / 200.0
    rays = np.sqrt(0.5 * np.exp(1.1 * lateral)[:, None] + 0.5 * np.exp(1.1 * frontal)[None])
    rays = ndimage.gaussian_filter(rays, (25 / dy, 25 / dx), mode="nearest")
    return (0.35 + 0.65 * rays / rays[rays.shape[0] // 2, rays.shape[1] // 2]).astype(np.float32)


_STREAK_ANGLES = 120
_STREAK_SIDE = 220
_WATER_PER_MM = 0.02


def add_metal_streaks(hu: Array, grid: Grid, metal: NDArray[np.float32], strength: float, rng: np.random.Generator) -> None:
    """Add beam hardening and starvation streaks in place.

    metal: [z, y, x] share of metal in every voxel. A ray's error and its noise grow with the length of metal that it
    crosses; filtered back-projection of these errors gives the streaks, as in a scanner.
    """
    slices = np.flatnonzero(metal.any(axis=(1, 2)))
    if not len(slices):
        return
    bins, bin_mm = 2 * _STREAK_SIDE, 1.05 * float(np.hypot(np.ptp(grid.x_mm), np.ptp(grid.y_mm))) / (2 * _STREAK_SIDE)
    middle = np.array([grid.x_mm.mean(), grid.y_mm.mean()])
    x = np.linspace(grid.x_mm[0], grid.x_mm[-1], _STREAK_SIDE) - middle[0]
    y = np.linspace(grid.y_mm[0], grid.y_mm[-1], _STREAK_SIDE) - middle[1]
    ramp = np.abs(fft.rfftfreq(2 * bins, bin_mm))
    ramp *= 0.5 + 0.5 * np.cos(np.pi * ramp / ramp.max())
    at, row, column = np.nonzero(metal[slices])
    _, dy, dx = grid.spacing_mm
    area = metal[slices][at, row, column] * (dx * dy / bin_mm)
    offset_x, offset_y = grid.x_mm[column] - middle[0], grid.y_mm[row] - middle[1]
    streaks = np.zeros((len(slices), _STREAK_SIDE, _STREAK_SIDE), np.float32)
    for angle in np.linspace(0.0, np.pi, _STREAK_ANGLES, endpoint=False):
        cos, sin = np.cos(angle), np.sin(angle)
        crossed = _crossed_mm(at, (cos * offset_x + sin * offset_y) / bin_mm + bins / 2, area, (len(slices), bins))
        error = -0.034 * crossed**2 / (crossed + 10.0)
        error += rng.standard_normal(crossed.shape) * 0.007 * crossed**0.75
        filtered = fft.irfft(fft.rfft(error, 2 * bins) * ramp, 2 * bins)[:, :bins].astype(np.float32)
        rows = np.clip(np.rint((x[None] * cos + y[:, None] * sin) / bin_mm + bins / 2), 0, bins - 1).astype(np.int32)
        streaks += filtered[:, rows]
    streaks *= np.pi / _STREAK_ANGLES * 1000.0 / _WATER_PER_MM * strength
    zoom = [_STREAK_SIDE / n for n in hu.shape[1:]]
    for index, plane in zip(slices, streaks, strict=True):
        enlarged = ndimage.affine_transform(plane, zoom, [(z - 1) / 2 for z in zoom], hu.shape[1:], order=1, mode="nearest")
        hu[index] += np.clip(enlarged, -700, 700)


def _crossed_mm(at: NDArray, position: NDArray, length_mm: NDArray, shape: tuple[int, int]) -> NDArray:
    """(slices, bins) length of metal along parallel rays: each voxel's length shared between the two bins nearest to it."""
    lower = np.floor(position).astype(int)
    share = position - lower
    total = np.zeros(shape[0] * shape[1])
    for offset, weight in ((0, 1 - share), (1, share)):
        total += np.bincount(at * shape[1] + np.clip(lower + offset, 0, shape[1] - 1), length_mm * weight, len(total))
    return total.reshape(shape)
