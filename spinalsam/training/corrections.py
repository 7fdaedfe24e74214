"""How far a box and two clicks go: the whole vertebra from one box on its middle slice, then corrected where it is most wrong.

    python -m spinalsam.training.corrections --image ct.nii.gz --reference mask.nii.gz
    python -m spinalsam.training.corrections --shapes verse_mask.nii.gz
    python -m spinalsam.training.corrections --phantom 3

For every whole vertebra and every plane: a box, drawn a little off, on the middle slice; the mask that the network gives there, carried
through the volume (`engine/whole.py`); then up to two clicks, each on the slice of any plane that holds the largest wrong area, inside
that area, and carried on from there (`engine/correct.py`). The robot knows where the largest error is; a person has to look for it, and
clicks worse.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spinalsam.data.volume import Volume
from spinalsam.engine.correct import correct
from spinalsam.engine.locator_net import LocatorNet
from spinalsam.engine.segmenter import Segmenter, SliceImage
from spinalsam.engine.territory import territory_of
from spinalsam.engine.whole import grow
from spinalsam.support.geometry import Geometry
from spinalsam.support.metrics import dice
from spinalsam.support.planes import PLANES, SlicePlane, SliceRef
from spinalsam.support.prompts import SlicePrompt
from spinalsam.training.interaction import corrective_click, jittered_box

CLICKS = 2
Mask = NDArray[np.bool_]


def whole_values(labels: NDArray, values: Sequence[int] | None = None) -> list[int]:
    """The labels of a volume [i, j, k] that its edge does not cut, restricted to `values` where given."""
    inner = np.zeros(labels.shape, bool)
    inner[1:-1, 1:-1, 1:-1] = True
    cut = set(np.unique(labels[~inner]).tolist())
    return [int(value) for value in np.unique(labels) if value and value not in cut and (values is None or value in values)]


def try_vertebra(
    segmenter: Segmenter,
    volume: Volume,
    truth: Mask,
    plane: str,
    *,
    seed: int,
    clicks: int = CLICKS,
    locator: LocatorNet | None = None,
) -> dict[str, Any]:
    """One vertebra from one plane, bounded by its neighbours where there is a locator.

    Returns `curve` (Dice after the box and after each click), `seconds` of each, the planes' agreement, and the clicks that were made.
    """
    rng = np.random.default_rng(seed)
    geometry = volume.geometry
    cut = SlicePlane(geometry, plane)
    held = np.flatnonzero(truth.any(axis=tuple(axis for axis in range(3) if axis != cut.normal_axis)))
    ref = SliceRef(plane, int(held[len(held) // 2]))
    shown = np.ascontiguousarray(cut.cut(truth, ref.index))
    image = SliceImage(np.ascontiguousarray(cut.cut(volume.voxels, ref.index), np.float32), volume.is_hu, cut.spacing_mm)
    began = time.perf_counter()
    start = segmenter.decode(segmenter.encode(image), SlicePrompt(box_xyxy=jittered_box(rng, shown))).masks[0]
    if not start.any():
        return {"plane": plane, "curve": [0.0] * (clicks + 1), "seconds": [0.0] * (clicks + 1), "agreement": 0.0, "clicks": []}
    grown = grow(segmenter, volume.voxels, geometry, {ref: start}, is_hu=volume.is_hu, locator=locator)
    mask = np.zeros(truth.shape, bool, order="F")
    mask[tuple(slice(low, low + n) for low, n in zip(grown.lower_ijk, grown.mask.shape, strict=True))] = grown.mask
    curve, seconds, made = [dice(mask, truth)], [time.perf_counter() - began], []
    for _ in range(clicks):
        began = time.perf_counter()
        worst = worst_slice(geometry, mask, truth)
        click = None if worst is None else corrective_click(rng, *_pair(geometry, worst, mask, truth))
        if worst is not None and click is not None:
            x, y, positive = click
            known = None
            if locator is not None and positive:
                known = territory_of(locator, volume.voxels, geometry, geometry, mask, is_hu=volume.is_hu)
            within = None if known is None else known.may
            found = correct(segmenter, volume.voxels, geometry, mask, worst, (x, y), positive=positive, is_hu=volume.is_hu, within=within)
            mask = found.mask
            made.append({"plane": worst.plane, "slice": worst.index + 1, "positive": positive, "slices": found.slices})
        curve.append(dice(mask, truth))
        seconds.append(time.perf_counter() - began)
    return {"plane": plane, "curve": curve, "seconds": seconds, "agreement": grown.agreement, "clicks": made}


def worst_slice(geometry: Geometry, mask: Mask, truth: Mask) -> SliceRef | None:
    """The slice of any plane with the largest connected wrong area in mm^2; None where nothing is wrong."""
    wrong = mask ^ truth
    best, area = None, 0.0
    for name in PLANES:
        plane = SlicePlane(geometry, name)
        held = np.flatnonzero(wrong.any(axis=tuple(axis for axis in range(3) if axis != plane.normal_axis)))
        for index in held:
            pieces, _ = ndimage.label(plane.cut(wrong, int(index)))
            largest = float(np.bincount(pieces.ravel())[1:].max() * np.prod(plane.spacing_mm))
            if largest > area:
                best, area = SliceRef(name, int(index)), largest
    return best


def _pair(geometry: Geometry, ref: SliceRef, mask: Mask, truth: Mask) -> tuple[Mask, Mask]:
    cut = SlicePlane(geometry, ref.plane).cut
    return np.ascontiguousarray(cut(mask, ref.index)), np.ascontiguousarray(cut(truth, ref.index))


def measure(
    segmenter: Segmenter,
    volume: Volume,
    labels: NDArray,
    *,
    values: Sequence[int] | None = None,
    planes: Sequence[str] = PLANES,
    locator: LocatorNet | None = None,
) -> Iterator[dict[str, Any]]:
    """`try_vertebra` for every whole vertebra of a reference [i, j, k] and every plane, with its label."""
    for value in whole_values(labels, values):
        for number, plane in enumerate(planes):
            tried = try_vertebra(segmenter, volume, labels == value, plane, seed=100 * value + number, locator=locator)
            yield {"label": value, **tried}


def rendered(labels: NDArray, geometry: Geometry, *, seed: int = 0) -> Volume:
    """A CT of a label volume [i, j, k]: textured spongy bone in a shell, discs and soft tissue around it, blur and noise.

    The shapes are real and the densities are not (Billot et al., SynthSeg, Medical Image Analysis 2023).
    """
    rng = np.random.default_rng(seed)
    spacing = geometry.spacing_mm

    def texture(mm: float, hu: float) -> NDArray[np.float32]:
        field = ndimage.gaussian_filter(rng.standard_normal(labels.shape, np.float32), mm / spacing)
        return np.asarray(field * np.float32(hu / max(float(field.std()), 1e-6)), np.float32)

    bone = labels > 0
    depth = ndimage.distance_transform_edt(bone, sampling=spacing)
    beside = ndimage.distance_transform_edt(~bone, sampling=spacing)
    hu = 40 + texture(6.0, 25)
    hu = np.where((beside > 0) & (beside < 4), 85 + texture(2.0, 15), hu)
    hu = np.where(bone, np.where(depth <= 1.6, 480 + texture(3.0, 90), 165 + texture(1.2, 45)), hu)
    hu = ndimage.gaussian_filter(hu, 0.7 / spacing) + texture(0.5, 18)
    return Volume(np.asfortranarray(np.rint(hu).astype(np.int16)), geometry, name="rendered")


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Means by plane and overall: Dice after box and clicks, share of vertebrae with 0.92 at the end, seconds of the box and of a click."""
    groups: dict[str, list[dict[str, Any]]] = {plane: [row for row in rows if row["plane"] == plane] for plane in PLANES}
    groups["all"] = list(rows)
    table = {}
    for name, group in groups.items():
        if group:
            curves = np.array([row["curve"] for row in group])
            seconds = np.array([row["seconds"] for row in group])
            table[name] = {
                "count": len(group),
                "dice": [round(float(value), 4) for value in curves.mean(axis=0)],
                "worst": [round(float(value), 4) for value in curves.min(axis=0)],
                "at_least_0.92": round(float((curves[:, -1] >= 0.92).mean()), 3),
                "box_s": round(float(seconds[:, 0].mean()), 2),
                "click_s": round(float(seconds[:, 1:].mean()), 2),
            }
    return table


def as_markdown(table: dict[str, dict[str, Any]]) -> str:
    """Planes as rows."""
    clicks = len(next(iter(table.values()))["dice"]) - 1
    heads = ["plane of the box", "vertebrae", "box", *(f"{n} click{'s' if n > 1 else ''}" for n in range(1, clicks + 1)), "0.92 or more"]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for name, row in table.items():
        cells = [name, str(row["count"]), *(f"{value:.3f}" for value in row["dice"]), f"{100 * row['at_least_0.92']:.0f} %"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _source(options: argparse.Namespace) -> tuple[Volume, NDArray]:
    from spinalsam.data.formats import read_label_volume, read_mask, read_volume

    if options.phantom is not None:
        from spinalsam.training.phantom import make_phantom

        phantom = make_phantom(options.phantom, spacing_mm=(1.2, 1.2, 1.5))
        return phantom.volume, np.where(phantom.mask == 26, 0, phantom.mask)
    if options.shapes:
        given = read_label_volume(options.shapes)
        return rendered(given.voxels, given.geometry), given.voxels
    volume = read_volume(options.image)
    return volume, read_mask(options.reference, volume.geometry)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--image", type=Path, help="a CT, with --reference")
    parser.add_argument("--reference", type=Path, help="its label image")
    parser.add_argument("--shapes", type=Path, help="a label image alone, from which a CT is made")
    parser.add_argument("--phantom", type=int, metavar="SEED", help="a procedural phantom")
    parser.add_argument("--values", help="only these labels, separated by commas")
    parser.add_argument("--locator", action="store_true", help="bound the mask by the neighbours, as the program does")
    parser.add_argument("--json", type=Path, help="keep every row here")
    options = parser.parse_args()
    if options.phantom is None and not options.shapes and not (options.image and options.reference):
        parser.error("give --image and --reference, --shapes or --phantom")
    from spinalsam.engine.locator_net import shipped_locator
    from spinalsam.engine.models import load_segmenter

    locator = shipped_locator() if options.locator else None
    values = [int(word) for word in options.values.split(",")] if options.values else None
    volume, labels = _source(options)
    rows = []
    for row in measure(load_segmenter(), volume, labels, values=values, locator=locator):
        rows.append(row)
        sys.stderr.write(f"{row['label']} {row['plane']}: {' '.join(f'{value:.3f}' for value in row['curve'])}\n")
    if not rows:
        parser.error("the reference holds no whole vertebra")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    sys.stdout.write(as_markdown(summary(rows)) + "\n")


if __name__ == "__main__":
    main()
