"""How times grow with the size of a slice, the number of prompts and the size of a volume, as a picture."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from spinalsam.benchmark.case import Case
from spinalsam.benchmark.peers import simpleitk_open
from spinalsam.benchmark.stages import first_slice
from spinalsam.benchmark.timing import in_turn
from spinalsam.engine.segmenter import Segmenter, SliceImage
from spinalsam.support.prompts import SlicePrompt

SIDES = (128, 256, 512, 1024, 2048)
PROMPTS = (1, 2, 4, 8, 16)
SLICES = (50, 150, 300, 600)
# title, what runs along the axis, and lines by name
Panel = tuple[str, str, dict[str, list[tuple[float, float]]]]
_COLOURS = ((0, 114, 178), (213, 94, 0), (0, 158, 115))
_WIDTH, _HEIGHT, _MARGIN = 460, 340, 56


def measure(
    case: Case, model: str | None, device: str, *, repeats: int, progress: Callable[[float, str], None] = lambda fraction, message: None
) -> list[Panel]:
    """The medians of each, in milliseconds. Raises ModelError when there is no such model."""
    from spinalsam.engine.models import load_segmenter

    segmenter = load_segmenter(model, device)
    progress(0.0, "growing slices")
    slices = _slices(segmenter, repeats)
    progress(0.3, "more prompts")
    prompts = _prompts(case, segmenter, repeats)
    progress(0.6, "growing volumes")
    volumes = _volumes(max(2, repeats // 3))
    progress(1.0, "drawn")
    return [slices, prompts, volumes]


def _slices(segmenter: Segmenter, repeats: int) -> Panel:
    rng = np.random.default_rng(0)
    lines: dict[str, list[tuple[float, float]]] = {"first click": [], "further click": []}
    for side in SIDES:
        image = SliceImage(rng.normal(100, 200, (side, side)).astype(np.float32), True, (350 / side, 350 / side))
        click = SlicePrompt(np.array([[side / 2, side / 2]], np.float32), np.array([True]))
        embedding = segmenter.encode(image)
        works = {
            "first click": lambda i=image, c=click: segmenter.decode(segmenter.encode(i), c),
            "further click": lambda e=embedding, c=click: segmenter.decode(e, c),
        }
        for name, taken in in_turn(works, repeats).items():
            lines[name].append((side, float(np.median(taken))))
    return "A click", "side of the slice, pixels", lines


def _prompts(case: Case, segmenter: Segmenter, repeats: int) -> Panel:
    embedding = segmenter.encode(case.picture())
    lines: dict[str, list[tuple[float, float]]] = {"one by one": [], "in one call": []}
    many = getattr(segmenter, "decode_many", None)
    for count in PROMPTS:
        boxes = [SlicePrompt(box_xyxy=case.box + 0.5 * number) for number in range(count)]
        works = {"one by one": lambda b=boxes: [segmenter.decode(embedding, box) for box in b]}
        if many is not None:
            works["in one call"] = lambda b=boxes: many(embedding, b)
        for name, taken in in_turn(works, repeats).items():
            lines[name].append((count, float(np.median(taken))))
    return "Boxes on a slice", "boxes", {name: line for name, line in lines.items() if line}


def _volumes(repeats: int) -> Panel:
    import SimpleITK

    rng = np.random.default_rng(0)
    coarse = np.kron(rng.normal(0, 300, (64, 64)), np.ones((8, 8)))
    lines: dict[str, list[tuple[float, float]]] = {"first slice": [], "SimpleITK alone": []}
    with tempfile.TemporaryDirectory() as folder:
        for count in SLICES:
            voxels = np.empty((count, 512, 512), np.int16)
            for piece in voxels:
                piece[:] = coarse + rng.integers(-20, 20, (512, 512))
            path = Path(folder) / f"{count}.nii.gz"
            SimpleITK.WriteImage(SimpleITK.GetImageFromArray(voxels), str(path))
            del voxels
            works = {"first slice": lambda p=path: first_slice(p), "SimpleITK alone": lambda p=path: simpleitk_open(p)}
            for name, taken in in_turn(works, repeats).items():
                lines[name].append((count, float(np.median(taken))))
            path.unlink()
    return "Opening a .nii.gz of 512 x 512", "slices", lines


def draw(panels: Sequence[Panel], picture: Path) -> None:
    """The panels side by side, both axes logarithmic, as a PNG."""
    image = Image.new("RGB", (_WIDTH * len(panels), _HEIGHT), "white")
    canvas = ImageDraw.Draw(image)
    for number, (title, along, lines) in enumerate(panels):
        _panel(canvas, number * _WIDTH, title, along, lines)
    picture.parent.mkdir(parents=True, exist_ok=True)
    image.save(picture)


def _panel(canvas: ImageDraw.ImageDraw, left: int, title: str, along: str, lines: Mapping[str, Sequence[tuple[float, float]]]) -> None:
    points = [point for line in lines.values() for point in line]
    across = np.log10([x for x, _ in points])
    low, high = np.floor(np.log10(min(y for _, y in points))), np.ceil(np.log10(max(y for _, y in points)))
    x0, x1, y0, y1 = left + _MARGIN, left + _WIDTH - 24, _HEIGHT - _MARGIN, _MARGIN

    def place(x: float, y: float) -> tuple[float, float]:
        share = (np.log10(x) - across.min()) / max(float(np.ptp(across)), 1e-9)
        return x0 + (x1 - x0) * share, y0 - (y0 - y1) * (np.log10(y) - low) / max(high - low, 1.0)

    canvas.text((x0, 14), f"{title}, milliseconds", fill="black", font_size=15)
    for power in range(int(low), int(high) + 1):
        y = place(points[0][0], 10.0**power)[1]
        canvas.line((x0, y, x1, y), fill=(220, 220, 220))
        canvas.text((left + 6, y - 7), f"{10**power:g}", fill="black", font_size=12)
    for x in sorted({x for x, _ in points}):
        canvas.text((place(x, 10.0**low)[0] - 10, y0 + 6), f"{x:g}", fill="black", font_size=12)
    canvas.text((x0, y0 + 26), along, fill="black", font_size=12)
    for number, (name, line) in enumerate(lines.items()):
        path = [place(x, y) for x, y in line]
        canvas.line(path, fill=_COLOURS[number], width=3)
        for x, y in path:
            canvas.ellipse((x - 4, y - 4, x + 4, y + 4), fill=_COLOURS[number])
        canvas.text((x0 + 10, y1 + 4 + 18 * number), name, fill=_COLOURS[number], font_size=13)
