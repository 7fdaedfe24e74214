"""How colours look to people with red- or green-blindness, and how far apart two colours are.

Dichromacy is simulated by Machado, Oliveira and Fernandes (IEEE Transactions on Visualization and Computer Graphics 15, 2009; their
matrices for severity 1.0, in linear RGB). Distances are CIEDE2000 colour differences (Sharma, Wu and Dalal, Color Research and
Application 30, 2005) of L*a*b* under D65; about 1 can just be seen side by side.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

_MACHADO = {
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
}
_TO_XYZ = np.array(((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041)))
_WHITE = np.array((0.95047, 1.0, 1.08883))


def linear(rgb: ArrayLike) -> NDArray[np.float64]:
    """sRGB 0-255 (..., 3) to linear light 0-1."""
    part = np.asarray(rgb, float) / 255.0
    return np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)


def lab(rgb: ArrayLike, kind: str | None = None) -> NDArray[np.float64]:
    """L*a*b* (..., 3) of sRGB 0-255, as seen by normal eyes (None) or with 'protanopia' or 'deuteranopia'."""
    light = linear(rgb)
    if kind is not None:
        light = np.clip(light @ np.array(_MACHADO[kind]).T, 0.0, 1.0)
    ratio = light @ _TO_XYZ.T / _WHITE
    f = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)


def difference(one: ArrayLike, other: ArrayLike, kind: str | None = None) -> float:
    """CIEDE2000 colour difference of two sRGB colours."""
    from skimage.color import deltaE_ciede2000

    return float(deltaE_ciede2000(lab(one, kind), lab(other, kind)))
