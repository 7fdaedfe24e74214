"""Where the spine is and which vertebra is which, in any field of view.

The locator's network looks at the volume on coarse voxels (`coarse.py`, `locator_net.py`). Along the line through the bodies that it shows,
`column.py` finds the discs; what lies between two of them is a vertebra, and `chain.py` names the chain.
What comes out is a centre, a box and a rough mask for each vertebra, and how sure each is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spinalsam.engine import chain as chains
from spinalsam.engine.chain import Link, Naming
from spinalsam.engine.coarse import VOXEL_MM, Coarse, coarse_volume
from spinalsam.engine.column import STEP_MM, Column, find_column
from spinalsam.engine.locator_net import BODY, BONE, CANAL, HEAT, LEVELS, OFFSET, LocatorAnswer, LocatorNet, answer
from spinalsam.support.anatomy import LABEL_VALUES, label_name
from spinalsam.support.geometry import Geometry

C1, SACRUM = LABEL_VALUES["C1"], LABEL_VALUES["sacrum"]
BONE_SURE = 0.4
# Distance from a level's middle to the next one's, C1 to L6, in a middling adult: half of both bodies and the disc. Bodies and discs after
# the sources in `training/phantom_parts/skeleton.py`; C1 to C2 from VerSe masks.
STEP_MM_OF_LEVEL = np.array(
    [18, 21, 17.5, 17.5, 17.8, 18.8, 19.6, 20.2, 20.6, 20.9, 21.4, 22, 22.8, 23.6, 24.3, 25.2, 26.6, 28.6]
    + [31.2, 33.8, 35.5, 36.8, 37.3, 36, 35],
    np.float32,
)
SACRUM_ML = 4.0
# The network's chance of sacrum in a body: up to 0.0036 in the lowest vertebra and 0.022 and more in S1 on 40 views of phantoms and made-up
# people, 0.0055 and 0.0036 in L5 of two real scans. Wings count less, as a logarithm of odds: bowel full of contrast looks like them.
SACRAL_CHANCE, WING_ODDS = 0.011, 0.5
SACRAL_REST = 0.1  # chance from which bone that hangs on the sacrum belongs to it
SACRUM_REACH_MM, SACRUM_ASIDE_MM = 110.0, 25.0  # from the lowest vertebra: two may lie unseen between
SEGMENTS = 4  # of the sacrum, into which the column may have run on
SMALLEST_VOXELS = 26  # crumbs that the scan's edge has left of a vertebra are no vertebra
SMALLEST_POINTING = 10  # voxels of a body whose pointing tells where its centre is to the network
EDGE_VOXELS = 12  # of a vertebra at the scan's edge, from which it counts as cut
NAMED_MM = 30.0  # how far from a vertebra's middle the point may lie that somebody named
# How sure the sacrum is that shows its wings; that only the network sees; that the column's end tells, so many voxels above the scan's; and
# that in a scan too narrow for wings.
WINGS_SURE, SACRUM_UNSURE, END_UNSURE, NARROW_UNSURE = 0.97, 0.6, 0.6, 0.5
ONWARD_VOXELS, LUMBAR = 9, slice(19, 25)
LUMBAR_CHANCE = 0.3
# Measured beside S1 of five phantoms: 0.24, 0.15, 0.14 and, with osteoporosis, 0.08, 1.6 times and more what lies beside the body above;
# beside lumbar vertebrae of phantoms and real cases 0.08 or less (an L6), beside thoracic ones with their ribs 0.07 or less.
WING_MM, WING_HU, WING_SURE, WING_SHARE, WING_GROWTH = (36.0, 60.0), 150.0, 0.15, 0.07, 1.5
SURE, SURE_ALONE = 0.7, 0.9  # probability from which names are given: with the sacrum in view or a level that was told, and without
TILE = 176  # voxels in height that are looked at together
OVERLAP = 48

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Found:
    """A vertebra or the sacrum. value: VerSe's, 0 where the level is not known. order: 1 for the topmost.

    centre_mm, lower_mm, upper_mm: LPS, middle of the body and corners of the box around all of it. confidence: that it is there. certainty:
    that the level is right. cut: whether the scan's edge cuts it.
    """

    value: int
    order: int
    centre_mm: NDArray[np.float64]
    lower_mm: NDArray[np.float64]
    upper_mm: NDArray[np.float64]
    confidence: float
    certainty: float
    cut: bool = False

    @property
    def name(self) -> str:
        return label_name(self.value) if self.value else f"vertebra {self.order}"


@dataclass(frozen=True)
class Located:
    """Everything found, from head to foot.

    owner: uint8 [x, y, z] on the coarse grid `geometry`: n for found[n - 1]. body, canal: probabilities. likeliest: the names that are
    likelier than all others, though perhaps not sure enough to be given. readings: other possible names with their chance. sacrum_missed:
    whether the sacrum's wings are in view, but what lies between them was not recognised.
    """

    found: tuple[Found, ...]
    owner: NDArray[np.uint8]
    body: NDArray[np.float16]
    canal: NDArray[np.float16]
    geometry: Geometry
    likeliest: tuple[int, ...] = ()
    readings: tuple[tuple[tuple[int, ...], float], ...] = ()
    sacrum_missed: bool = False

    @property
    def vertebrae(self) -> tuple[Found, ...]:
        return tuple(one for one in self.found if one.value != SACRUM)

    @property
    def named(self) -> bool:
        return all(one.value for one in self.found)

    def by_value(self, value: int) -> Found | None:
        return next((one for one in self.found if one.value == value), None)


@dataclass(frozen=True)
class Survey:
    """What the network's answer holds before anything is named: the chain, who owns which voxel, and the sacrum's place.

    skipped: how many vertebrae lie unseen between neighbours of the chain. below, below_sure: the same between the last one and the
    sacrum, None without a sacrum, and how sure that is. sacrum_sure: mean probability of bone in the sacrum, 0 without one.
    """

    chain: tuple[Link, ...]
    skipped: tuple[int, ...]
    owner: NDArray[np.uint8]
    body: NDArray[np.float16]
    canal: NDArray[np.float16]
    coarse_seen: NDArray[np.bool_]
    geometry: Geometry
    below: int | None
    below_sure: float
    sacrum_sure: float

    def named(self, known: Mapping[int, int] | None = None) -> Located:
        """The vertebrae with their names. known: VerSe values that somebody has given, by order (1 for the topmost); they fix all names."""
        naming = None
        if self.chain:
            fixed = {order - 1: value for order, value in (known or {}).items() if 1 <= order <= len(self.chain)}
            naming = chains.name_chain(self.chain, self.skipped, sacrum_below=self.below, sacrum_sure=self.below_sure, named=fixed)
        return _located(self, naming)

    def order_at(self, points_mm: NDArray[np.float64]) -> int:
        """Order of the vertebra in which most LPS points (n, 3) lie, else of the one nearest to their middle; 0 for none."""
        if not self.chain:
            return 0
        ijk = np.rint(self.geometry.to_ijk(points_mm)).astype(int)
        inside = ijk[np.all((ijk >= 0) & (ijk < self.geometry.shape), axis=1)]
        owners = self.owner[tuple(inside.T)]
        counts = np.bincount(owners, minlength=len(self.chain) + 2)[1 : len(self.chain) + 1]
        if counts.sum() > 0.1 * len(points_mm):
            return int(counts.argmax()) + 1
        distance = [float(np.linalg.norm(one.centre_mm - points_mm.mean(axis=0))) for one in self.chain]
        return int(np.argmin(distance)) + 1 if min(distance) < NAMED_MM else 0


def locate(
    network: LocatorNet,
    voxels: NDArray,
    geometry: Geometry,
    *,
    is_hu: bool,
    known: Mapping[int, int] | None = None,
    progress: Progress | None = None,
) -> Located:
    """Find and name the vertebrae of a volume [i, j, k]; `survey` and `Survey.named` in one."""
    return survey(network, voxels, geometry, is_hu=is_hu, progress=progress).named(known)


def survey(network: LocatorNet, voxels: NDArray, geometry: Geometry, *, is_hu: bool, progress: Progress | None = None) -> Survey:
    """Find the vertebrae of a volume [i, j, k]. progress may raise Cancelled."""
    say = progress or (lambda share, text: None)
    say(0.0, "Looking for the spine")
    coarse = _body(coarse_volume(voxels, geometry, is_hu=is_hu))
    return interpret(_answer(network, coarse, say), coarse, voxels, geometry, is_hu=is_hu)


def _body(coarse: Coarse) -> Coarse:
    """The part that holds the largest thing that is no air: scans show much air, and a table, around a patient."""
    solid = ndimage.binary_opening((coarse.hu > -250) & coarse.seen)
    pieces, count = ndimage.label(solid)
    if not count:
        return coarse
    largest = int(np.bincount(pieces.ravel())[1:].argmax())
    box = tuple(
        slice(max(0, part.start - 2), min(n, part.stop + 2))
        for part, n in zip(ndimage.find_objects(pieces)[largest], coarse.hu.shape, strict=True)
    )
    affine = coarse.geometry.affine.copy()
    affine[:3, 3] = coarse.geometry.to_mm([part.start for part in box])
    hu = np.ascontiguousarray(coarse.hu[box])
    return Coarse(hu, coarse.seen[box], Geometry((hu.shape[0], hu.shape[1], hu.shape[2]), affine))


def _answer(network: LocatorNet, coarse: Coarse, say: Progress) -> LocatorAnswer:
    """The network's answer, in overlapping pieces where the volume is tall."""
    height = coarse.hu.shape[2]
    starts = list(range(0, max(1, height - OVERLAP), TILE - OVERLAP))
    parts = []
    for number, start in enumerate(starts):
        say(0.1 * number / len(starts), "Looking for the spine")
        stop = height if number == len(starts) - 1 else start + TILE
        parts.append(answer(network, coarse.hu[:, :, start:stop], coarse.seen[:, :, start:stop]))
    # Each piece but the first gives its half of the overlap away; even, so that halves fall on halves.
    keep = OVERLAP // 2
    ends = [TILE - keep] * (len(parts) - 1) + [None]
    fine = [part.fine[..., (keep if n else 0) : end] for n, (part, end) in enumerate(zip(parts, ends, strict=True))]
    levels = [part.levels[..., (keep // 2 if n else 0) : end and end // 2] for n, (part, end) in enumerate(zip(parts, ends, strict=True))]
    return LocatorAnswer(np.concatenate(fine, -1), np.concatenate(levels, -1)) if len(parts) > 1 else parts[0]


def interpret(given: LocatorAnswer, coarse: Coarse, voxels: NDArray, geometry: Geometry, *, is_hu: bool) -> Survey:
    """Vertebrae out of the network's answer and the scan [i, j, k] itself."""
    fine = given.fine * coarse.seen
    sacral = _sacral(fine[BONE], given.levels)
    body = np.where(sacral, 0, fine[BODY])
    step_mm = _doubled(np.tensordot(STEP_MM_OF_LEVEL, np.exp(given.levels[: LEVELS - 1]), 1), body.shape)
    column = find_column(
        body,
        fine[CANAL],
        fine[HEAT],
        coarse.geometry,
        voxels,
        geometry,
        is_hu=is_hu,
        pointed_mm=_pointed(fine, sacral, coarse),
        step_mm=step_mm,
    )
    owner = np.zeros(coarse.hu.shape, np.uint8)
    chain: list[Link] = []
    skipped: list[int] = []
    if column is not None:
        _own(owner, column, fine, sacral, coarse)
        chain, skipped, owner = _chain(column, owner, fine, given.levels)
    vertebrae = _above_sacrum(chain, owner, fine[BODY], given.levels, coarse)
    # The column may have run on into the sacrum.
    run_on = owner > vertebrae
    sacral |= run_on
    owner[run_on] = 0
    chain, skipped = chain[:vertebrae], skipped[: max(0, vertebrae - 1)]
    sacral = _grown_sacrum(_sacrum(sacral, chain, coarse), owner, fine[BONE], given.levels)
    below, below_sure = _below(chain, owner, sacral, coarse)
    owner[sacral] = len(chain) + 1
    sure = float(fine[BONE][sacral].mean()) if sacral.any() else 0.0
    small = np.float16
    shares = fine[BODY].astype(small), fine[CANAL].astype(small)
    return Survey(tuple(chain), tuple(skipped), owner, *shares, coarse.seen, coarse.geometry, below, below_sure, sure)


def _sacral(bone: NDArray[np.float32], levels: NDArray[np.float32]) -> NDArray[np.bool_]:
    """The voxels of bone that look like the sacrum."""
    return np.asarray((bone > 0.5) & (_doubled(levels[LEVELS - 1], bone.shape) > np.log(0.5)))


def _is_lumbar(link: Link) -> bool:
    """Whether the network believes a vertebra to be about T11 or lower."""
    chances = np.exp(link.levels)
    return bool((chances * np.arange(1, LEVELS)).sum() / chances.sum() > 18)


def _sacral_odds(own: NDArray[np.bool_], body: NDArray[np.float32], levels: NDArray[np.float32]) -> float:
    """Logarithm of how much more what was found looks like sacrum to the network than the lowest vertebra and S1 do on average."""
    bodies = np.argwhere(own & (body > 0.5))
    if not len(bodies):
        return 0.0
    half = np.minimum(bodies // 2, np.array(levels.shape[1:]) - 1)
    chance = float(np.exp(levels[LEVELS - 1, half[:, 0], half[:, 1], half[:, 2]]).mean())
    return float(np.log(chance / SACRAL_CHANCE + 1e-6))


def _above_sacrum(
    chain: Sequence[Link], owner: NDArray[np.uint8], body: NDArray[np.float32], levels: NDArray[np.float32], coarse: Coarse
) -> int:
    """How many links of a chain are vertebrae: not those from the first that is rather sacrum, by the network and by its wings."""
    beside = [wings(link.centre_mm, coarse) for link in chain]
    for number in range(max(1, len(chain) - SEGMENTS), len(chain)):
        if not any(map(_is_lumbar, chain[:number])):
            continue
        seen = 0.0 if beside[number] is None else WING_ODDS if _winged(beside[number], beside[number - 1]) else -WING_ODDS
        if seen + _sacral_odds(owner == number + 1, body, levels) > 0:
            return number
    return len(chain)


def _winged(beside: float | None, above: float | None) -> bool:
    """Whether the bone beside a body is that of a sacrum, given what lies beside the body above."""
    return beside is not None and (beside > WING_SURE or (beside > WING_SHARE and beside > WING_GROWTH * (above or 0.0)))


def wings(centre_mm: NDArray[np.float64], coarse: Coarse) -> float | None:
    """How much bone lies wide beside a body, as the sacrum's wings and joints with the pelvis do beside S1 and nothing beside L5.

    Share of voxels above 150 HU, 36 to 60 mm to each side, the lesser of both; None where the scan does not reach that far.
    """
    i, j, k = np.rint(coarse.geometry.to_ijk(centre_mm[None])[0]).astype(int)
    shares = []
    for side in (-1, 1):
        first, last = sorted(i + side * round(mm / VOXEL_MM) for mm in WING_MM)
        around = np.s_[max(first, 0) : max(last + 1, 0), max(j - 4, 0) : max(j + 9, 0), max(k - 2, 0) : max(k + 3, 0)]
        seen = coarse.seen[around]
        if seen.sum() < 0.6 * (last - first + 1) * 13 * 5:
            return None
        shares.append(float((coarse.hu[around][seen] > WING_HU).mean()))
    return min(shares)


def _sacrum(sacral: NDArray[np.bool_], chain: Sequence[Link], coarse: Coarse) -> NDArray[np.bool_]:
    """Of what looks like the sacrum the pieces that go on where the column ends, or the largest where there is no column."""
    pieces, count = ndimage.label(sacral)
    sizes = ndimage.sum_labels(sacral, pieces, range(1, count + 1)) * VOXEL_MM**3 / 1000 if count else np.zeros(0)
    kept = []
    for number in np.flatnonzero(sizes >= SACRUM_ML):
        points = coarse.geometry.to_mm(np.argwhere(pieces == number + 1))
        if not chain:
            kept = [int(sizes.argmax())]
            break
        away = points - chain[-1].centre_mm
        if np.linalg.norm(away, axis=1).min() < SACRUM_REACH_MM and away[:, 2].mean() < 0 and abs(away[:, 0].mean()) < SACRUM_ASIDE_MM:
            kept.append(int(number))
    return np.isin(pieces, np.array(kept, int) + 1) if kept else np.zeros_like(sacral)


def _grown_sacrum(
    sacral: NDArray[np.bool_], owner: NDArray[np.uint8], bone: NDArray[np.float32], levels: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """The sacrum with the bone that hangs on it and may be sacrum too: the network doubts its rim and its tip."""
    chance = np.exp(_doubled(levels[LEVELS - 1], bone.shape))
    may = sacral | ((bone > BONE_SURE) & (chance > SACRAL_REST) & (owner == 0))
    return np.asarray(ndimage.binary_propagation(sacral, mask=may))


def _doubled(halved: NDArray, shape: tuple[int, ...]) -> NDArray:
    grown = halved.repeat(2, 0).repeat(2, 1).repeat(2, 2)
    return grown[tuple(slice(0, n) for n in shape)]


def _pointed(fine: NDArray[np.float32], sacral: NDArray[np.bool_], coarse: Coarse) -> NDArray[np.float64]:
    """LPS places (n, 3) at which voxels of bone point as their vertebra's centre."""
    bone = np.argwhere((fine[BONE] > BONE_SURE) & ~sacral)
    return coarse.geometry.to_mm(bone + fine[OFFSET][:, bone[:, 0], bone[:, 1], bone[:, 2]].T.astype(np.float64))


def _own(owner: NDArray[np.uint8], column: Column, fine: NDArray[np.float32], sacral: NDArray[np.bool_], coarse: Coarse) -> None:
    """Whose each voxel of bone is: of a body by where it lies along the column, of an arch by the centre that it points at."""
    bone = np.argwhere((fine[BONE] > BONE_SURE) & ~sacral)
    if not len(bone):
        return
    at = tuple(bone.T)
    in_body = fine[BODY][at] > 0.5
    pointed_mm = coarse.geometry.to_mm(bone + fine[OFFSET][:, at[0], at[1], at[2]].T.astype(np.float64))
    places = np.where(in_body[:, None], coarse.geometry.to_mm(bone), pointed_mm)
    positions = column.position_of(places)
    aside = np.linalg.norm(places - column.line_mm[positions], axis=1)
    # Beyond the ends of the line bone belongs to no vertebra of the column.
    near = aside < np.where(in_body, 1.0, 0.6) * column.width_mm[positions]
    orders = np.where(near, column.order_of(positions), 0)
    pointed = column.position_of(pointed_mm)
    of_arch = ~in_body & (orders > 0)
    orders[of_arch] = _pointed_at(column, pointed, np.where(in_body, orders, 0))[of_arch]
    owner[at] = orders
    _drop_crumbs(owner)


def _pointed_at(column: Column, pointed: NDArray[np.int64], orders: NDArray[np.int64]) -> NDArray[np.int64]:
    """Order of the vertebra at whose centre voxels point, by positions on the line.

    orders: of the voxels of bodies, 0 for others. The network's centres may lie off the middles between the cuts, for a body's own voxels
    too: an arch belongs to the body that points nearest to where it points.
    """
    centres = []
    for number, bounds in enumerate(column.bounds, 1):
        own = pointed[orders == number]
        centres.append(float(np.median(own)) if len(own) >= SMALLEST_POINTING else sum(bounds) / 2)
    rising = np.maximum.accumulate(centres)
    return np.asarray(np.searchsorted((rising[1:] + rising[:-1]) / 2, pointed) + 1, np.int64)


def _chain(
    column: Column, owner: NDArray[np.uint8], fine: NDArray[np.float32], levels: NDArray[np.float32]
) -> tuple[list[Link], list[int], NDArray[np.uint8]]:
    """The vertebrae of a column that own enough, how many lie unseen between them, and the owners renumbered from 1."""
    chain: list[Link] = []
    skipped: list[int] = []
    numbers, before = np.zeros(256, np.uint8), 0
    for number, (first, last) in enumerate(column.bounds, 1):
        voxels = np.argwhere(owner == number)
        if len(voxels) < SMALLEST_VOXELS:
            continue
        at = tuple(voxels.T)
        weights = fine[BONE][at] * (0.2 + fine[BODY][at])
        score = float((fine[BONE][at] * weights).sum() / weights.sum())
        chain.append(Link(column.line_mm[(first + last) // 2], score, _opinion(levels, voxels, weights)))
        numbers[number] = len(chain)
        if len(chain) > 1:
            skipped.append(round((first - before) * STEP_MM / float(column.height_mm[(first + before) // 2])))
        before = last
    return chain, skipped, numbers[owner]


def _opinion(levels: NDArray[np.float32], voxels: NDArray, weights: NDArray) -> NDArray[np.float64]:
    """(25,) mean log-probability of each level over a vertebra's voxels."""
    half = np.minimum(voxels // 2, np.array(levels.shape[1:]) - 1)
    mean = (levels[: LEVELS - 1][:, half[:, 0], half[:, 1], half[:, 2]] * weights).sum(axis=1) / weights.sum()
    return mean.astype(np.float64)


def _drop_crumbs(owner: NDArray[np.uint8]) -> None:
    """Of every vertebra only the pieces that are a fifth of its largest one or more."""
    for number, box in enumerate(ndimage.find_objects(owner), 1):
        if box is None:
            continue
        part = owner[box]
        pieces, count = ndimage.label(part == number, np.ones((3, 3, 3)))
        if count > 1:
            sizes = np.bincount(pieces.ravel())
            small = sizes < 0.2 * sizes[1:].max()
            small[0] = False
            part[small[pieces]] = 0


def _below(chain: Sequence[Link], owner: NDArray[np.uint8], sacral: NDArray[np.bool_], coarse: Coarse) -> tuple[int | None, float]:
    """How many vertebrae lie unseen between the chain and the sacrum, and how sure that is.

    A sacrum is sure by its wings where a vertebra would follow. Without them, what the network takes for one, or a column that ends well
    above the end of the scan, says less.
    """
    if not chain:
        return None, 1.0
    if _wings_below(chain, coarse):
        return 0, WINGS_SURE
    below = _unseen_above_sacrum(chain[-1], sacral, coarse)
    if below is not None:
        return below, SACRUM_UNSURE
    lowest = np.argwhere(owner == len(chain))
    middle = lowest[lowest[:, 2] <= lowest[:, 2].min() + 2].mean(axis=0).astype(int)
    onward = coarse.seen[middle[0], middle[1], max(0, middle[2] - ONWARD_VOXELS) : middle[2]]
    lumbar = float(np.exp(chain[-1].levels[LUMBAR]).sum())
    ends = middle[2] >= ONWARD_VOXELS and bool(onward.all()) and lumbar > LUMBAR_CHANCE
    wide = wings(chain[-1].centre_mm, coarse) is not None
    return (0, END_UNSURE if wide else NARROW_UNSURE) if ends else (None, 1.0)


def _wings_below(chain: Sequence[Link], coarse: Coarse) -> bool:
    """Whether the sacrum's wings lie where the next vertebra's body would be."""
    if len(chain) < 2 or not any(map(_is_lumbar, chain)):
        return False
    step = chain[-1].centre_mm - chain[-2].centre_mm
    own = wings(chain[-1].centre_mm, coarse)
    there = [wings(chain[-1].centre_mm + share * step, coarse) for share in (0.8, 1.0, 1.2)]
    return own is not None and any(_winged(beside, own) for beside in there)


def _unseen_above_sacrum(lowest: Link, sacral: NDArray[np.bool_], coarse: Coarse) -> int | None:
    """How many vertebrae lie unseen between the lowest one and the sacrum; None without a sacrum near enough to tell."""
    if not sacral.any():
        return None
    points = coarse.geometry.to_mm(np.argwhere(sacral))
    distance = float(np.linalg.norm(points - lowest.centre_mm, axis=1).min())
    # From the middle of a body to the bone below: half the body and the disc.
    unseen = round((distance - 22.0) / 36.0)
    return unseen if unseen <= 2 else None


def _located(survey: Survey, naming: Naming | None) -> Located:
    """A chain is named as a whole or not at all: half of it would suggest that the rest is known too."""
    found: list[Found] = []
    anchored = survey.below is not None or bool(survey.sacrum_sure)
    sure = naming is not None and min(naming.certainty) >= (SURE if anchored else SURE_ALONE)
    skull = naming.skull if naming is not None else 0
    for number, one in enumerate(survey.chain[skull:], 1 + skull):
        assert naming is not None
        value, certainty = naming.values[number - 1 - skull], naming.certainty[number - 1 - skull]
        centre = one.centre_mm
        if sure and value == C1:  # a ring has its middle in the canal
            centre = survey.geometry.to_mm(np.argwhere(survey.owner == number).mean(axis=0))
        found.append(_boxed(survey, value if sure else 0, number, centre, one.score, certainty))
    if survey.sacrum_sure:
        number = len(survey.chain) + 1
        centre = survey.geometry.to_mm(np.argwhere(survey.owner == number).mean(axis=0))
        found.append(_boxed(survey, SACRUM, number, centre, survey.sacrum_sure, 1.0))
    likeliest, readings = (naming.values, naming.others) if naming else ((), ())
    missed = survey.below == 0 and survey.below_sure >= WINGS_SURE and not survey.sacrum_sure
    return Located(tuple(found), survey.owner, survey.body, survey.canal, survey.geometry, likeliest, readings, missed)


def _boxed(survey: Survey, value: int, order: int, centre_mm: NDArray, score: float, certainty: float) -> Found:
    own = survey.owner == order
    voxels = np.argwhere(own)
    low, high = voxels.min(axis=0), voxels.max(axis=0)
    around = tuple(slice(max(0, a - 1), b + 2) for a, b in zip(low, high, strict=True))
    grown = ndimage.binary_dilation(np.pad(own[around], 1))
    edge = np.pad(~survey.coarse_seen[around], 1, constant_values=True)
    grid = survey.geometry
    cut = int((grown & edge).sum()) > EDGE_VOXELS or not grid.contains(grid.to_ijk(centre_mm))
    return Found(value, order, centre_mm, grid.to_mm(low - 0.5), grid.to_mm(high + 0.5), min(1.0, score), certainty, cut)
