"""Curves of a training log as a PNG, drawn with Pillow alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image, ImageDraw

Series = Mapping[tuple[str, str], Sequence[tuple[float, float]]]
_COLOURS = ((0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167), (86, 180, 233), (230, 159, 0), (60, 60, 60))
_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 900, 360, 60, 40, 30


def draw_curves(series: Series, picture: Path) -> None:
    """Two panels: the loss, and Dice in training and on real CT, against steps."""
    loss = {name: points for (kind, name), points in series.items() if name == "loss"}
    dice = {
        f"{kind} {name}": points
        for (kind, name), points in series.items()
        if name not in ("loss", "grad_norm", "lr", "score") and (kind == "validate" or name in ("box_0", "point_0"))
    }
    image = Image.new("RGB", (_WIDTH, 2 * _HEIGHT), "white")
    _panel(ImageDraw.Draw(image), 0, "training loss", loss, None)
    _panel(ImageDraw.Draw(image), _HEIGHT, "Dice", dice, (0.5, 1.0))
    image.save(picture)


def _panel(
    draw: ImageDraw.ImageDraw,
    top: int,
    title: str,
    series: Mapping[str, Sequence[tuple[float, float]]],
    limits: tuple[float, float] | None,
) -> None:
    points = [point for line in series.values() for point in line]
    if not points:
        return
    low, high = limits or (min(y for _, y in points), max(y for _, y in points) + 1e-9)
    last = max(x for x, _ in points) or 1.0
    right, floor, ceiling = _WIDTH - 230, top + _HEIGHT - _BOTTOM, top + _TOP
    draw.text((_LEFT, top + 8), title, fill="black")
    for tick in range(6):
        value = low + (high - low) * tick / 5
        y = floor - (floor - ceiling) * tick / 5
        draw.line((_LEFT, y, right, y), fill=(225, 225, 225))
        draw.text((8, y - 6), f"{value:.3g}", fill="black")
        x = _LEFT + (right - _LEFT) * tick / 5
        draw.text((x - 12, floor + 8), f"{last * tick / 5:.0f}", fill="black")
    for number, (name, line) in enumerate(series.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        path = [
            (_LEFT + (right - _LEFT) * x / last, floor - (floor - ceiling) * (min(max(y, low), high) - low) / (high - low)) for x, y in line
        ]
        if len(path) > 1:
            draw.line(path, fill=colour, width=2)
        draw.text((right + 10, ceiling + 16 * number), f"{name} {line[-1][1]:.3f}", fill=colour)
