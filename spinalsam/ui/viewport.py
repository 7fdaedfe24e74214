"""Where a shown slice lies on its pane: the map between slice pixels and screen points.

The only other conversion, slice pixel to voxel, is `spinalsam.support.planes`.
A slice pixel (x, y) covers the square from x - 0.5 to x + 0.5, so its centre is at the integer. Screen points are in
device-independent points of the pane, with y downwards.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

MARGIN_POINTS = 6.0
SMALLEST_ZOOM = 0.25
LARGEST_ZOOM = 40.0


@dataclass(frozen=True)
class Viewport:
    """One slice in one pane, drawn at true proportions.

    rows, columns: size of the slice. row_mm, column_mm: pixel size. width, height: size of the pane in points.
    zoom: 1 shows the whole slice. pan_mm: what the centre of the pane shows, relative to the slice's centre, (right, down).
    """

    rows: int
    columns: int
    row_mm: float
    column_mm: float
    width: float = 1.0
    height: float = 1.0
    zoom: float = 1.0
    pan_mm: tuple[float, float] = (0.0, 0.0)

    @property
    def points_per_mm(self) -> float:
        """The scale, the same in both directions."""
        usable_width = max(self.width - 2 * MARGIN_POINTS, 1.0)
        usable_height = max(self.height - 2 * MARGIN_POINTS, 1.0)
        fit = min(usable_width / (self.columns * self.column_mm), usable_height / (self.rows * self.row_mm))
        return fit * self.zoom

    @property
    def pixel_points(self) -> tuple[float, float]:
        """Width and height of one slice pixel in points."""
        return self.column_mm * self.points_per_mm, self.row_mm * self.points_per_mm

    def to_screen(self, x: float, y: float) -> tuple[float, float]:
        """Slice pixel to screen point."""
        across_mm = (x + 0.5 - self.columns / 2) * self.column_mm - self.pan_mm[0]
        down_mm = (y + 0.5 - self.rows / 2) * self.row_mm - self.pan_mm[1]
        return self.width / 2 + across_mm * self.points_per_mm, self.height / 2 + down_mm * self.points_per_mm

    def to_pixel(self, screen_x: float, screen_y: float) -> tuple[float, float]:
        """Screen point to continuous slice pixel; it may lie outside the slice."""
        across_mm = (screen_x - self.width / 2) / self.points_per_mm + self.pan_mm[0]
        down_mm = (screen_y - self.height / 2) / self.points_per_mm + self.pan_mm[1]
        return across_mm / self.column_mm + self.columns / 2 - 0.5, down_mm / self.row_mm + self.rows / 2 - 0.5

    def nearest_pixel(self, screen_x: float, screen_y: float) -> tuple[int, int] | None:
        """The slice pixel under a screen point, or None beside the slice."""
        x, y = self.to_pixel(screen_x, screen_y)
        column, row = round_half_up(x), round_half_up(y)
        return (column, row) if 0 <= column < self.columns and 0 <= row < self.rows else None

    def clamped_pixel(self, screen_x: float, screen_y: float) -> tuple[int, int]:
        """The slice pixel nearest to a screen point."""
        x, y = self.to_pixel(screen_x, screen_y)
        column, row = round_half_up(x), round_half_up(y)
        return min(max(column, 0), self.columns - 1), min(max(row, 0), self.rows - 1)

    def resized(self, width: float, height: float) -> Viewport:
        return replace(self, width=max(width, 1.0), height=max(height, 1.0))

    def zoomed(self, factor: float, screen_x: float, screen_y: float) -> Viewport:
        """Zoomed so that what is under the screen point stays there."""
        before = self.to_pixel(screen_x, screen_y)
        larger = replace(self, zoom=min(max(self.zoom * factor, SMALLEST_ZOOM), LARGEST_ZOOM))
        after = larger.to_pixel(screen_x, screen_y)
        moved = (
            larger.pan_mm[0] + (before[0] - after[0]) * self.column_mm,
            larger.pan_mm[1] + (before[1] - after[1]) * self.row_mm,
        )
        return replace(larger, pan_mm=moved)

    def panned(self, right_points: float, down_points: float) -> Viewport:
        """The picture moved with the pointer by so many points."""
        scale = self.points_per_mm
        return replace(self, pan_mm=(self.pan_mm[0] - right_points / scale, self.pan_mm[1] - down_points / scale))

    def like(self, other: Viewport) -> Viewport:
        """Looking at the same place at the same scale as another, on a slice of the same size."""
        return replace(self, zoom=self.zoom * other.points_per_mm / self.points_per_mm, pan_mm=other.pan_mm)

    def fitted(self) -> Viewport:
        """The whole slice, centred."""
        return replace(self, zoom=1.0, pan_mm=(0.0, 0.0))

    def around(self, first_xy: tuple[float, float], last_xy: tuple[float, float]) -> Viewport:
        """Fitted to a part of the slice, between two of its pixels."""
        (x0, y0), (x1, y1) = first_xy, last_xy
        columns, rows = abs(x1 - x0) + 1, abs(y1 - y0) + 1
        whole = self.fitted()
        part = replace(whole, columns=max(1, round(columns)), rows=max(1, round(rows)))
        middle = (
            ((x0 + x1) / 2 + 0.5 - self.columns / 2) * self.column_mm,
            ((y0 + y1) / 2 + 0.5 - self.rows / 2) * self.row_mm,
        )
        return replace(whole, zoom=part.points_per_mm / whole.points_per_mm, pan_mm=middle)


def round_half_up(value: float) -> int:
    """The pixel whose square holds the value; a left or upper border belongs to the pixel it begins."""
    return int((value + 0.5) // 1)


def scale_bar_mm(available_mm: float) -> float:
    """The longest of 1, 2, 5, 10, 20, 50 ... mm that fits."""
    length = 0.1
    for decade in (0.1, 1.0, 10.0, 100.0, 1000.0):
        for step in (1.0, 2.0, 5.0):
            if decade * step <= available_mm:
                length = decade * step
    return length
