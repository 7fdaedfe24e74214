"""The best, median and worst cases of an evaluation as one picture, to be looked at before any mean is believed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from spinalsam.engine.look import cut, look_for_box
from spinalsam.engine.segmenter import Segmenter, SliceImage
from spinalsam.support.prompts import SlicePrompt
from spinalsam.training.evaluate import SliceCase, first_answer
from spinalsam.training.interaction import jittered_box, mask_bounds

TILE, GAP, CAPTION = 220, 6, 16
TRUTH, ANSWER, BOX = (70, 220, 90), (255, 80, 70), (90, 160, 255)


def draw_gallery(segmenter: Segmenter, cases: Sequence[SliceCase], rows: Sequence[dict[str, Any]], path: Path, *, each: int = 5) -> None:
    """Three rows of `each` cases by the Dice of one box: best, median, worst. Green: reference, red: answer, blue: the box.

    rows: the figures of the cases, in their order, as `evaluate_segmenter` gives them.
    """
    order = np.argsort([-row["dice"] for row in rows], kind="stable")
    middle = max(0, len(order) // 2 - each // 2)
    groups = (("best", order[:each]), ("median", order[middle : middle + each]), ("worst", order[-each:][::-1]))
    sheet = Image.new("RGB", (each * (TILE + GAP) + GAP, 3 * (TILE + CAPTION + GAP) + GAP), (18, 20, 24))
    draw = ImageDraw.Draw(sheet)
    for line, (title, numbers) in enumerate(groups):
        for column, number in enumerate(numbers):
            corner = (GAP + column * (TILE + GAP), GAP + line * (TILE + CAPTION + GAP))
            sheet.paste(_tile(segmenter, cases[int(number)], int(number)), corner)
            caption = f"{title} {rows[int(number)]['dice']:.3f}  {cases[int(number)].name}"
            draw.text((corner[0], corner[1] + TILE + 2), caption[:40], fill=(210, 214, 220))
    sheet.save(path, optimize=True)


def _tile(segmenter: Segmenter, case: SliceCase, seed: int) -> Image.Image:
    box = jittered_box(np.random.default_rng(seed), case.truth)
    answer = first_answer(segmenter, case, segmenter.encode(case.image), SlicePrompt(box_xyxy=box)).masks[0]
    look = look_for_box(case.image, np.array(mask_bounds(case.truth), np.float32), side=TILE, fill=0.55)
    low, high = (-250.0, 1000.0) if case.image.is_hu else (0.0, 255.0)
    grey = np.clip((cut(case.image, look)[0, 0].numpy() - low) / (high - low), 0, 1) * 255
    colours = np.repeat(grey[..., None], 3, axis=2).astype(np.uint8)
    for mask, colour in ((case.truth, TRUTH), (answer, ANSWER)):
        seen = cut(SliceImage(mask.astype(np.float32), False, case.image.spacing_mm), look)[0, 0].numpy() > 0.5
        colours[_outline(seen)] = colour
    tile = Image.fromarray(colours)
    corners = look.to_look(box.reshape(2, 2)).ravel()
    ImageDraw.Draw(tile).rectangle([float(value) for value in corners], outline=BOX)
    return tile


def _outline(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return mask & ~ndimage.binary_erosion(mask)
