"""The locator tried on spines whose vertebrae are known: phantoms, made-up people, and CT rendered from hand-drawn labels.

Every spine is looked at through random fields of view, spacings, orientations and tilts, with noise. A case counts what of the visible
vertebrae was found, what was invented, and which names are right: with what the scan shows, and once more when a user has named one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spinalsam.engine.locate import SACRUM, Survey, survey
from spinalsam.engine.locator_net import LocatorNet, shipped_locator
from spinalsam.engine.refine import rough_mask
from spinalsam.support.anatomy import LABEL_VALUES
from spinalsam.support.geometry import Geometry
from spinalsam.training.bone_library import body_centre, gather_bones
from spinalsam.training.people import AIR, CANAL, DISC, FAT, MUSCLE, VISCERA, Look
from spinalsam.training.phantom_parts.skeleton import rotation

NEAR_MM = 10.0  # from a body's middle, within which a vertebra counts as found
CUT_MM = 22.0  # from the middle of a vertebra that the scan's edge cuts, within which something found is not invented
WHOLE = 0.75  # share of a vertebra's bone within the scan from which it counts as visible
PEOPLE_MM = 1.5

Report = Callable[[str], None]


@dataclass(frozen=True)
class Spine:
    """A CT with every vertebra known. condition: what is special. voxels: int16 HU [i, j, k]; labels: uint8, VerSe values, sacrum too.

    centres_mm: LPS middles of the bodies by VerSe value. volumes_mm3: of the whole bones, whatever the scan shows of them. anchors: whether
    ribs, sacrum and pelvis are there too, so that levels can be told.
    """

    condition: str
    voxels: NDArray[np.int16]
    labels: NDArray[np.uint8]
    geometry: Geometry
    centres_mm: Mapping[int, NDArray[np.float64]]
    volumes_mm3: NDArray[np.float64]
    anchors: bool


@dataclass(frozen=True)
class Tally:
    """What came out of one case. wrong: names given that are not right. anchored: whether the sacrum or T1 is in view."""

    condition: str
    visible: int
    found: int
    invented: int
    right: int
    wrong: int
    anchored: bool
    told_right: int
    told_wrong: int
    sacrum_dice: float | None = None
    text: str = ""


def phantom_spines(report: Report) -> Iterator[Spine]:
    """One person for each difficulty; fine enough for every view."""
    from spinalsam.training.phantom import make_phantom

    every = {"spacing_mm": (1.2, 1.2, 1.2), "levels": ("T9", "sacrum")}
    for number, (name, options) in enumerate(PHANTOMS.items()):
        report(f"growing a phantom: {name}")
        made = make_phantom(60 + number, **{**every, **options})
        centres = {LABEL_VALUES[level]: place for level, place in made.centres_mm.items()}
        yield Spine(
            name, np.asarray(made.volume.voxels), made.mask, made.volume.geometry, centres, _volumes(made.mask, made.volume.geometry), True
        )


PHANTOMS: dict[str, dict[str, Any]] = {
    "plain phantom": {},
    "six lumbar vertebrae": {"lumbar_count": 6},
    "scoliosis 30": {"scoliosis_deg": 30.0},
    "osteoporosis 0.5": {"osteoporosis": 0.5},
    "osteoporosis 0.9, fractures": {"osteoporosis": 0.9, "fractures": {"L1": 0.35, "T12": 0.25}},
    "screws": {"screws": ("L3", "L4", "L5")},
    "contrast, worn discs": {"contrast": True, "disc_loss": {"L4": 0.5, "L3": 0.4}, "osteophytes": 0.9},
    "thick slices 5 mm": {"spacing_mm": (0.9, 0.9, 5.0)},
}


def rendered_spines(files: Sequence[Path], seed: int, report: Report) -> Iterator[Spine]:
    """CT drawn around hand-made labels, at 1 mm: bone, canal, discs and a trunk; no ribs and no sacrum, so no anchors."""
    from spinalsam.data.formats import read_label_volume
    from spinalsam.training.locator_render import render

    for number, file in enumerate(files):
        report(f"rendering {file.name}")
        volume = read_label_volume(file)
        labels, geometry = _upright(volume.voxels, volume.geometry)
        rng = np.random.default_rng([seed, 20, number])
        sample = render(rng, _look_of(rng, labels), whole_view=True)
        yield Spine(
            "drawn from VerSe labels", sample.hu, labels, geometry, _body_centres(labels, geometry), _volumes(labels, geometry), False
        )


def people_spines(bones: Sequence[Any], count: int, seed: int, report: Report) -> Iterator[Spine]:
    """Made-up people from the neck to the sacrum, with ribs, pelvis, arms and table."""
    from spinalsam.training.locator_render import render
    from spinalsam.training.people import View, look_at, make_person

    for number in range(count):
        report(f"making up person {number + 1} of {count}")
        rng = np.random.default_rng([seed, 30, number])
        person = make_person(rng, bones)
        line = person.line()
        at = line[int(rng.integers(3, len(line) - 1))]
        view = View((180, 160, 190), at + (0, -25, 0), np.eye(3), np.zeros((0, 7)), PEOPLE_MM)
        look = look_at(rng, person, view)
        sample = render(rng, look, whole_view=True)
        geometry = Geometry.from_parts(sample.hu.shape, spacing_mm=[PEOPLE_MM] * 3)
        values = np.concatenate([[0], sample.values]).astype(np.uint8)
        labels = values[sample.owner]
        centres = {
            int(value): geometry.to_mm(centre)
            for value, centre in zip(sample.values, sample.centres, strict=True)
            if value and value != SACRUM and centre[0] > -90
        }
        yield Spine("made-up person", sample.hu, labels, geometry, centres, _volumes(labels, geometry), True)


def views(spine: Spine, count: int, seed: int) -> Iterator[Spine]:
    """The spine whole and upright, then seen through random fields of view, spacings, tilts and orders of axes."""
    yield spine
    for number in range(count):
        rng = np.random.default_rng([seed, 40, number, crc32(spine.condition.encode()), int(spine.voxels[::9, ::9, ::9].sum()) & 0xFFFF])
        yield _reordered(rng, _tilted(rng, _resampled(rng, _cropped(rng, spine))))


def try_out(network: LocatorNet, spine: Spine) -> Tally:
    """Locate and name one case, and compare with what is known of it."""
    return compare(survey(network, spine.voxels, spine.geometry, is_hu=True), spine)


def compare(seen: Survey, spine: Spine) -> Tally:
    """What was found against what is known."""
    located = seen.named()
    visible = _visible(spine)
    pairs = _pairs([one.centre_mm for one in located.vertebrae], visible)
    cut = [place for value, place in spine.centres_mm.items() if value not in visible and (spine.labels == value).any()]
    invented = sum(
        1
        for n, one in enumerate(located.vertebrae)
        if n not in pairs and min((float(np.linalg.norm(one.centre_mm - place)) for place in cut), default=np.inf) > CUT_MM
    )
    given = [(one.value, pairs.get(n)) for n, one in enumerate(located.vertebrae)]
    told = _when_told(seen, spine, {located.vertebrae[n].order: value for n, value in pairs.items()}, visible)
    sacral = spine.labels == SACRUM
    dice = None
    if spine.anchors and sacral.sum() * np.prod(spine.geometry.spacing_mm) > 20000:
        dice = _sacrum_dice(located, sacral, spine.geometry)
    text = " ".join(f"{one.name}{'' if n in pairs else '!'}" for n, one in enumerate(located.found) if one.value != SACRUM)
    anchored = spine.anchors and (bool(sacral.any()) or 8 in visible)
    return Tally(
        spine.condition, len(visible), len(pairs), invented,
        sum(1 for value, truth in given if value and value == truth),
        sum(1 for value, truth in given if value and truth and value != truth),
        anchored, told[0], told[1], dice, f"{sorted(visible)} as {text}",
    )  # fmt: skip


def summary(tallies: Sequence[Tally]) -> list[dict[str, Any]]:
    """One row a condition and one for all."""
    names = dict.fromkeys(tally.condition for tally in tallies)
    rows = [_row(name, [one for one in tallies if one.condition == name]) for name in names]
    return [*rows, _row("all", tallies)]


def _row(name: str, some: Sequence[Tally]) -> dict[str, Any]:
    anchored = [one for one in some if one.anchored]
    dice = [one.sacrum_dice for one in some if one.sacrum_dice is not None]
    visible = sum(one.visible for one in some)
    return {
        "condition": name,
        "cases": len(some),
        "visible": visible,
        "found": round(sum(one.found for one in some) / max(1, visible), 4),
        "invented": sum(one.invented for one in some),
        "anchored_visible": sum(one.visible for one in anchored),
        "anchored_right": round(sum(one.right for one in anchored) / max(1, sum(one.visible for one in anchored)), 4),
        "wrong_names": sum(one.wrong for one in some),
        "told_right": round(sum(one.told_right for one in some) / max(1, visible), 4),
        "told_wrong": sum(one.told_wrong for one in some),
        "sacrum_dice": round(float(np.mean(dice)), 3) if dice else None,
    }


def _volumes(labels: NDArray, geometry: Geometry) -> NDArray[np.float64]:
    return np.asarray(np.bincount(labels.ravel(), minlength=256) * np.prod(geometry.spacing_mm), np.float64)


def _visible(spine: Spine) -> dict[int, NDArray[np.float64]]:
    """Middles of the vertebrae of which most lies within the scan, the body's middle too."""
    volumes = _volumes(spine.labels, spine.geometry)
    margin = 4.0 / spine.geometry.spacing_mm
    visible = {}
    for value, place in spine.centres_mm.items():
        ijk = spine.geometry.to_ijk(place)
        inside = bool(np.all(ijk > margin - 0.5) and np.all(ijk < np.array(spine.geometry.shape) - 0.5 - margin))
        if inside and volumes[value] >= WHOLE * spine.volumes_mm3[value] > 0:
            visible[value] = place
    return visible


def _pairs(found_mm: Sequence[NDArray], visible: Mapping[int, NDArray]) -> dict[int, int]:
    """VerSe value of the vertebra that each found one is, by its number; the nearest first, each once."""
    distances = sorted(
        (float(np.linalg.norm(place - truth)), n, value) for n, place in enumerate(found_mm) for value, truth in visible.items()
    )
    pairs: dict[int, int] = {}
    for distance, n, value in distances:
        if distance <= NEAR_MM and n not in pairs and value not in pairs.values():
            pairs[n] = value
    return pairs


def _when_told(seen: Survey, spine: Spine, truths: Mapping[int, int], visible: Mapping[int, NDArray]) -> tuple[int, int]:
    """(right, wrong) names of found vertebrae, whose true values are given by order, after a user has named the middle one by its mask."""
    if not truths:
        return 0, 0
    value = sorted(visible)[len(visible) // 2]
    voxels = np.argwhere(spine.labels == value)
    order = seen.order_at(spine.geometry.to_mm(voxels[:: max(1, len(voxels) // 4000)]))
    named = {one.order: one.value for one in seen.named({order: value} if order else None).vertebrae}
    right = sum(1 for order, truth in truths.items() if named.get(order) == truth)
    return right, sum(1 for order, truth in truths.items() if named.get(order, 0) not in (0, truth))


def _sacrum_dice(located: Any, sacral: NDArray[np.bool_], geometry: Geometry) -> float:
    """Overlap of the rough sacrum with the true one."""
    found = located.by_value(SACRUM)
    if found is None:
        return 0.0
    rough = rough_mask(located, found, geometry, np.zeros(3, int), np.array(geometry.shape)) > 0.5
    return float(2 * (rough & sacral).sum() / max(1, rough.sum() + sacral.sum()))


# Views


def _cropped(rng: np.random.Generator, spine: Spine) -> Spine:
    """A part of the spine: most of it or a few vertebrae, wide or narrow."""
    shape, spacing = np.array(spine.geometry.shape), spine.geometry.spacing_mm
    held = spine.geometry.to_ijk(np.array(list(spine.centres_mm.values())))
    middle = held[int(rng.integers(len(held)))]
    # Left to right and front to back the scan holds the vertebrae at least.
    wide = float(rng.choice([rng.uniform(110, 180), rng.uniform(180, 320), 1000.0]))
    size = np.array([wide, wide * rng.uniform(0.8, 1.0), rng.uniform(90, 420)]) / spacing
    start = middle - size * [rng.uniform(0.45, 0.55), rng.uniform(0.45, 0.6), rng.uniform(0.2, 0.8)]
    low = np.clip(np.rint(start).astype(int), 0, np.maximum(shape - 8, 0))
    high = np.clip(np.rint(start + size).astype(int), low + 8, shape)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    affine = spine.geometry.affine.copy()
    affine[:3, 3] = spine.geometry.to_mm(low)
    voxels = spine.voxels[box]
    return replace(spine, voxels=voxels, labels=spine.labels[box], geometry=Geometry(_shape(voxels), affine))


def _resampled(rng: np.random.Generator, spine: Spine) -> Spine:
    """Other voxels, averaged over what they cover, and noise of their size."""
    plane = float(rng.uniform(0.5, 1.4))
    wanted = np.array(
        [plane, plane, float(rng.choice([rng.uniform(0.6, 1.5), rng.uniform(1.5, 3.0), rng.uniform(3.0, 5.0)], p=[0.4, 0.45, 0.15]))]
    )
    factor = wanted / spine.geometry.spacing_mm
    shape = np.maximum((np.array(spine.geometry.shape) / factor).astype(int), 2)
    smooth = ndimage.gaussian_filter(spine.voxels.astype(np.float32), np.where(factor > 1, 0.42 * factor, 0.0))
    shift = (factor - 1) / 2
    voxels = ndimage.affine_transform(smooth, factor, shift, tuple(shape), np.float32, order=1, mode="nearest")
    labels = ndimage.affine_transform(spine.labels, factor, shift, tuple(shape), np.uint8, order=0, mode="nearest")
    voxels += rng.standard_normal(voxels.shape, np.float32) * np.float32(
        rng.choice([rng.uniform(0, 15), rng.uniform(15, 70)], p=[0.7, 0.3])
    )
    affine = spine.geometry.affine.copy()
    affine[:3, :3] *= factor
    affine[:3, 3] = spine.geometry.to_mm(shift)
    hu = np.clip(np.rint(voxels), -1024, 3071).astype(np.int16)
    return replace(spine, voxels=hu, labels=labels, geometry=Geometry(_shape(hu), affine))


def _tilted(rng: np.random.Generator, spine: Spine) -> Spine:
    """The patient turned by up to 15 degrees about every axis: the grid is turned, which is the same to the locator."""
    turn = rotation(*rng.uniform(-15, 15, 3)) if rng.random() < 0.6 else np.eye(3)
    matrix = np.eye(4)
    matrix[:3, :3] = turn
    matrix[:3, 3] = rng.uniform(-300, 300, 3)
    centres = {value: turn @ place + matrix[:3, 3] for value, place in spine.centres_mm.items()}
    return replace(spine, geometry=Geometry(spine.geometry.shape, matrix @ spine.geometry.affine), centres_mm=centres)


def _reordered(rng: np.random.Generator, spine: Spine) -> Spine:
    """The same scan with its axes in another order and direction, as files have them."""
    axes = rng.permutation(3)
    flips = rng.random(3) < 0.5
    matrix = np.eye(4)
    for n, axis in enumerate(axes):
        matrix[axis, :] = 0
        matrix[axis, n] = -1 if flips[n] else 1
        matrix[axis, 3] = spine.geometry.shape[axis] - 1 if flips[n] else 0
    order = tuple(slice(None, None, -1 if flip else 1) for flip in flips)
    voxels, labels = spine.voxels.transpose(axes)[order], spine.labels.transpose(axes)[order]
    geometry = Geometry(_shape(voxels), spine.geometry.affine @ matrix)
    return replace(spine, voxels=np.asfortranarray(voxels), labels=np.asfortranarray(labels), geometry=geometry)


def _shape(array: NDArray) -> tuple[int, int, int]:
    return int(array.shape[0]), int(array.shape[1]), int(array.shape[2])


# CT around hand-made labels


def _upright(labels: NDArray, geometry: Geometry) -> tuple[NDArray[np.uint8], Geometry]:
    """Labels on an upright grid of 1 mm with room for the body around them."""
    held = geometry.to_mm(np.argwhere(labels[::2, ::2, ::2] > 0) * 2)
    low, high = held.min(axis=0) - (45, 70, 2), held.max(axis=0) + (45, 35, 2)
    shape = tuple(int(n) for n in np.ceil(high - low).astype(int))
    grid = Geometry.from_parts(shape, origin_mm=low)  # type: ignore[arg-type]
    matrix = np.linalg.inv(geometry.affine) @ grid.affine
    given = labels.astype(np.uint8)
    return ndimage.affine_transform(given, matrix[:3, :3], matrix[:3, 3], shape, np.uint8, order=0, mode="constant"), grid


def _look_of(rng: np.random.Generator, labels: NDArray[np.uint8]) -> Look:
    """Bone with a core, what the arches enclose as canal, what lies between bodies as discs, and a round trunk."""
    bone = labels > 0
    core = ndimage.distance_transform_edt(bone) > 1.4
    canal = np.zeros_like(bone)
    for z in np.flatnonzero(bone.any(axis=(0, 1))):
        closed = ndimage.binary_closing(np.pad(bone[..., z], 12), ndimage.generate_binary_structure(2, 1), iterations=9)[12:-12, 12:-12]
        canal[..., z] = ndimage.binary_opening(ndimage.binary_fill_holes(closed) & ~bone[..., z], iterations=3)
    gap = ndimage.binary_closing(np.pad(core, 14), np.ones((1, 1, 13), bool))[14:-14, 14:-14, 14:-14]
    discs = ndimage.binary_opening(gap & ~bone & ~canal, iterations=1)
    x, y = (np.linspace(-1, 1, n, dtype=np.float32) for n in labels.shape[:2])
    radius = (np.abs(x[:, None]) ** 2.4 + np.abs(y[None]) ** 2.4) ** (1 / 2.4)
    plane = np.full(labels.shape[:2], AIR, np.uint8)
    plane[radius < 0.98] = FAT
    plane[radius < rng.uniform(0.75, 0.95)] = MUSCLE
    plane[(radius < 0.7) & (y[None] < 0.0)] = VISCERA
    tissue = np.repeat(plane[..., None], labels.shape[2], axis=2)
    tissue[discs], tissue[canal] = DISC, CANAL
    smooth = lambda mask: ndimage.gaussian_filter(mask.astype(np.float32), 0.6)  # noqa: E731
    nothing = np.zeros(labels.shape, np.float32)
    owner = labels.copy()
    return Look(smooth(bone), smooth(core), nothing, nothing, nothing, canal.astype(np.float32), tissue, owner)


def _body_centres(labels: NDArray[np.uint8], geometry: Geometry) -> dict[int, NDArray[np.float64]]:
    boxes = ndimage.find_objects(labels, max_label=25)
    return {n + 1: body_centre(labels, geometry, box, n + 1) for n, box in enumerate(boxes) if box is not None}


def try_shipped(files: Sequence[Path], count: int, *, report: Report, people: int = 6, seed: int = 7) -> list[dict[str, Any]]:
    """The shipped locator on phantoms, on CT drawn from label files and on made-up people of their bones; a row a condition.

    Without files people are made of phantoms' bones alone, which have no neck, so there are none. Raises ModelError without weights.
    """
    network = shipped_locator()
    tallies = try_all(network, chain(phantom_spines(report), rendered_spines(files, seed, report)), count, seed, report)
    if files:
        with TemporaryDirectory() as folder:
            bones = gather_bones(files, 4, Path(folder), report)
        tallies += try_all(network, people_spines(bones, people, seed, report), count, seed, report)
    return summary(tallies)


def try_all(network: LocatorNet, spines: Iterator[Spine], count: int, seed: int, report: Report) -> list[Tally]:
    """Every spine whole and through `count` views."""
    tallies = []
    for spine in spines:
        for view in views(spine, count, seed):
            tallies.append(try_out(network, view))
            one = tallies[-1]
            report(
                f"{one.condition}: {one.found}/{one.visible} found, {one.invented} invented, {one.right} right, {one.wrong} wrong; "
                f"told: {one.told_right}; sacrum {one.sacrum_dice}: {one.text}"
            )
    return tallies
