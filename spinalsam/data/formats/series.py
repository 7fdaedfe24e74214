"""What a series picker shows."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class SeriesInfo:
    """One series that can be opened, without patient data.

    uid: give it to `read_volume(series_uid=...)`. size: (ni, nj, nk). spacing_mm: along i, j, k, or None where unknown.
    description: the scanner's name of the series.
    """

    uid: str
    modality: str
    number: int | None
    description: str
    size: tuple[int, int, int]
    spacing_mm: tuple[float, float, float] | None
    files: tuple[str, ...] = ()

    @property
    def slices(self) -> int:
        return self.size[2]

    @property
    def title(self) -> str:
        """One line for a list."""
        spacing = "x".join(f"{mm:.3g}" for mm in self.spacing_mm) + " mm" if self.spacing_mm else "spacing unknown"
        size = "x".join(str(n) for n in self.size)
        number = "" if self.number is None else f" {self.number}"
        described = f" '{self.description}'" if self.description else ""
        return f"{self.modality} series{number}{described}: {size}, {spacing}"

    def to_json(self) -> dict[str, Any]:
        values = asdict(self)
        del values["files"]
        return {**values, "size": list(self.size), "slices": self.slices}
