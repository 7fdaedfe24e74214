"""Display windows: which grey values are black, which are white."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spinalsam.errors import UsageError


@dataclass(frozen=True)
class Window:
    """level: the value shown as middle grey. width: the span from black to white, > 0. In HU for CT, else grey values."""

    level: float
    width: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.level) and np.isfinite(self.width) and self.width > 0):
            raise UsageError(f"A window needs a finite level and a width above 0, not level {self.level:g}, width {self.width:g}.")

    @property
    def lower(self) -> float:
        """The value shown as black."""
        return self.level - self.width / 2

    @property
    def upper(self) -> float:
        """The value shown as white."""
        return self.level + self.width / 2


# The customary settings of radiology workstations.
PRESETS: dict[str, Window] = {
    "bone": Window(400, 1800),
    "soft_tissue": Window(50, 400),
    "lung": Window(-600, 1500),
    "brain": Window(40, 80),
}

GREY = Window(127.5, 255)


def preset(name: str) -> Window:
    """A preset by name. Raises UsageError for any other name."""
    try:
        return PRESETS[name]
    except KeyError:
        raise UsageError(f"There is no window '{name}'; use {', '.join(PRESETS)}, or a level and a width.") from None


def default_window(voxels: NDArray, *, is_hu: bool) -> Window:
    """The window a volume opens with: bone for CT, the full range of 8-bit pictures, else the bulk of the values.

    voxels: any shape. Only a sample of large volumes is looked at.
    """
    if is_hu:
        return PRESETS["bone"]
    if voxels.dtype == np.uint8:
        return GREY
    sample = voxels[tuple(slice(None, None, max(1, n // 64)) for n in voxels.shape)].astype(np.float64)
    sample = sample[np.isfinite(sample)]
    if sample.size == 0:
        return GREY
    lower, upper = np.percentile(sample, (0.5, 99.5))
    if upper <= lower:
        lower, upper = float(sample.min()), float(sample.max())
    return Window(float(lower + upper) / 2, max(float(upper - lower), 1.0))


def apply_window(values: NDArray, window: Window) -> NDArray[np.uint8]:
    """Values of any shape and real type to uint8 of the same shape: 0 at `window.lower` and below, 255 at `window.upper` and above.

    NaN is shown as black.
    """
    scaled = values.astype(np.float32)
    scaled -= np.float32(window.lower)
    scaled *= np.float32(255.0 / window.width)
    np.rint(scaled, out=scaled)
    np.clip(scaled, 0, 255, out=scaled)
    np.nan_to_num(scaled, copy=False, nan=0.0)
    return scaled.astype(np.uint8)
