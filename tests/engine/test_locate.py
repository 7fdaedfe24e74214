"""From a network's answer to vertebrae: answers are painted from made-up spines, so nothing here depends on weights."""

from __future__ import annotations

import numpy as np
import pytest

from spinalsam.engine.coarse import VOXEL_MM, Coarse
from spinalsam.engine.column import Column
from spinalsam.engine.locate import SACRUM, Survey, _pointed_at, interpret
from spinalsam.engine.locator_net import BODY, BONE, CANAL, FINE, HEAT, LEVELS, OFFSET, LocatorAnswer, LocatorNet, answer
from spinalsam.engine.refine import Refined, compose, rough_mask
from spinalsam.support.geometry import Geometry

SHAPE = (24, 32, 90)
RADIUS = np.array([8.0, 6.0, 4.6])  # of a body, in voxels


def painted(centres: dict[int, tuple[float, float, float]], *, doubt: float = 0.25, sacrum: bool = False) -> tuple[LocatorAnswer, Coarse]:
    """The answer of a perfect network to bodies at some voxels, by VerSe value; `doubt` is how far off it says its levels may be."""
    fine = np.zeros((FINE, *SHAPE), np.float32)
    half = tuple(-(-n // 2) for n in SHAPE)
    levels = np.full((LEVELS, *half), -np.log(LEVELS), np.float32)
    grid = np.stack(np.meshgrid(*[np.arange(n, dtype=float) for n in SHAPE], indexing="ij"))
    for value, centre in centres.items():
        offset = np.array(centre)[:, None, None, None] - grid
        relative = (offset / RADIUS[:, None, None, None]) ** 2
        own = (relative[0] + relative[1] < 1) & (relative[2] < 1)
        fine[BONE][own] = fine[BODY][own] = 0.95
        fine[OFFSET][:, own] = offset[:, own]
        fine[HEAT] = np.maximum(fine[HEAT], np.exp(-(offset**2).sum(axis=0) / 4))
        opinion = -np.abs(np.arange(1, LEVELS + 1) - value) / doubt
        opinion[LEVELS - 1] = -20  # vertebrae do not look like a sacrum
        opinion -= np.log(np.exp(opinion).sum())
        coarse_own = own[::2, ::2, ::2]
        levels[:, coarse_own] = opinion[:, None]
    if sacrum:
        fine[BONE, 4:20, 12:28, 2:14] = 0.9
        levels[:, 2:10, 6:14, 1:7] = -20
        levels[LEVELS - 1, 2:10, 6:14, 1:7] = 0
    fine[CANAL, 10:15, 22:26] = 0.9
    geometry = Geometry.from_parts(SHAPE, spacing_mm=[VOXEL_MM] * 3, origin_mm=(-30, 5, 100))
    hu = np.where(fine[BODY] > 0.5, 220, 40).astype(np.float32)
    return LocatorAnswer(fine, levels), Coarse(hu, np.ones(SHAPE, bool), geometry)


THORACIC = {14: (12.0, 14.0, 70.0), 15: (12.0, 14.0, 59.0), 16: (12.0, 14.0, 48.0)}
LUMBAR = {20: (12.0, 14.0, 72.0), 21: (12.5, 13.0, 60.5), 22: (12.0, 13.0, 48.0), 23: (12.0, 14.0, 36.0), 24: (11.5, 15.0, 24.0)}


def surveyed(*args, **options) -> Survey:  # type: ignore[no-untyped-def]
    given, coarse = painted(*args, **options)
    return interpret(given, coarse, coarse.hu, coarse.geometry, is_hu=True)


def test_centres_boxes_and_names_of_a_lumbar_spine_with_its_sacrum() -> None:
    found = surveyed(LUMBAR, sacrum=True).named()
    assert [one.value for one in found.found] == [20, 21, 22, 23, 24, SACRUM]
    assert found.named and found.found[0].name == "L1"
    for one, voxel in zip(found.vertebrae, LUMBAR.values(), strict=True):
        centre = found.geometry.to_mm(voxel)
        assert np.linalg.norm(one.centre_mm - centre) < 4.0
        assert np.all(one.lower_mm < centre - (RADIUS - 2) * VOXEL_MM) and np.all(one.upper_mm > centre + (RADIUS - 2) * VOXEL_MM)
        assert not one.cut


def test_an_empty_answer_finds_nothing() -> None:
    found = surveyed({}).named()
    assert found.found == () and found.owner.max() == 0


def test_without_anchor_and_conviction_levels_stay_open_but_the_order_is_told() -> None:
    found = surveyed(THORACIC, doubt=6.0).named()
    assert [one.value for one in found.found] == [0, 0, 0]
    assert [one.order for one in found.found] == [1, 2, 3] and found.found[2].name == "vertebra 3"
    assert found.readings


def test_one_name_fixes_the_chain() -> None:
    survey = surveyed(THORACIC, doubt=6.0)
    point = survey.geometry.to_mm(np.array([[12.0, 14.0, 59.0]]))
    order = survey.order_at(point)
    assert order == 2
    assert [one.value for one in survey.named({order: 11}).found] == [10, 11, 12]


def test_a_vertebra_at_the_edge_counts_as_cut() -> None:
    found = surveyed({22: (12, 14, 88.0), 23: (12, 14, 76.0)}).named()
    assert [one.cut for one in found.found] == [True, False]


def test_a_point_far_from_every_vertebra_names_nothing() -> None:
    survey = surveyed(LUMBAR)
    assert survey.order_at(survey.geometry.to_mm(np.array([[0.0, 0.0, 0.0]]))) == 0


def test_rough_masks_lie_where_the_vertebra_is_on_any_grid() -> None:
    found = surveyed(LUMBAR).named()
    fine = Geometry.from_parts((72, 96, 60), spacing_mm=(1, 1, 4.5), origin_mm=(41, 5, 100), direction=np.diag([-1, 1, 1]))
    mask = rough_mask(found, found.found[2], fine, np.zeros(3, int), np.array(fine.shape)) > 0.5
    middle = fine.to_mm(np.argwhere(mask)).mean(axis=0)
    assert np.linalg.norm(middle - found.geometry.to_mm(LUMBAR[22])) < 2.0


def test_neighbours_share_no_voxel_and_cavities_are_filled() -> None:
    located = surveyed(LUMBAR).named()
    votes = np.zeros((12, 12, 12), np.float32)
    votes[1:11, 1:11, 1:9] = 0.8
    votes[5, 5, 5] = 0.0
    lower = np.zeros((12, 12, 12), np.float32)
    lower[1:11, 1:11, 6:11] = 0.7
    parts = [Refined(located.found[0], (0, 0, 10), votes, 1.0, ()), Refined(located.found[1], (0, 0, 10), lower, 1.0, ())]
    start, labels = compose(parts, [20, 21], (1.0, 1.0, 1.0))
    assert start == (0, 0, 10) and labels.shape == (12, 12, 12)
    assert labels[5, 5, 5] == 20  # the cavity
    assert (labels[1:11, 1:11, 6:9] == 20).all() and (labels[1:11, 1:11, 9:11] == 21).all()


@pytest.mark.parametrize("shape", [(5, 7, 1), (17, 30, 33)])
def test_the_network_answers_for_every_size(shape: tuple[int, int, int]) -> None:
    given = answer(LocatorNet((4, 6, 8, 8, 8)).eval(), np.zeros(shape, np.float32), np.ones(shape, bool))
    assert given.fine.shape == (FINE, *shape)
    assert given.levels.shape == (LEVELS, *(-(-n // 2) for n in shape))
    assert np.allclose(np.exp(given.levels).sum(axis=0), 1, atol=1e-3)


def winged(share: float, *, chance: float = 1e-9, narrow: bool = False) -> tuple[LocatorAnswer, Coarse]:
    """A lumbar spine on whose lowest body the bone of a pelvis lies at both sides, filling `share` of where it is looked for.

    chance: of the lowest body and what is below, to be sacrum in the network's opinion.
    """
    given, coarse = painted(LUMBAR, doubt=0.3)
    margin = 16  # voxels of room to both sides
    fine = np.pad(given.fine, [(0, 0), (margin, margin), (0, 0), (0, 0)])
    levels = np.pad(given.levels, [(0, 0), (margin // 2, margin // 2), (0, 0), (0, 0)], mode="edge")
    levels[LEVELS - 1] = -20
    levels[LEVELS - 1, ..., : round(LUMBAR[24][2]) // 2 + 3] = np.log(chance)
    hu = np.pad(coarse.hu, [(margin, margin), (0, 0), (0, 0)], constant_values=40.0)
    affine = coarse.geometry.affine.copy()
    affine[:3, 3] = coarse.geometry.to_mm((-margin, 0, 0))
    x, y, z = (round(value) for value in LUMBAR[24])
    lines = round(share * 13)
    for side in (-1, 1):
        first, last = sorted((margin + x + side * 12, margin + x + side * 20))
        hu[first : last + 1, y - 4 : y - 4 + lines, z - 3 : z + 4] = 400.0
    seen = np.ones(hu.shape, bool)
    if narrow:
        seen[: margin - 2] = False
    return LocatorAnswer(fine, levels), Coarse(hu, seen, Geometry(hu.shape, affine))


@pytest.mark.parametrize(
    ("share", "chance", "vertebrae"),
    [(0.0, 0.008, 5), (0.5, 0.008, 4), (0.0, 0.05, 4), (0.5, 1e-9, 5)],
    ids=["nothing tells", "wings tell", "the network tells", "bowel full of contrast looks like wings"],
)
def test_whether_the_lowest_body_is_sacrum_is_told_by_the_network_and_where_that_doubts_by_the_wings(
    share: float, chance: float, vertebrae: int
) -> None:
    given, coarse = winged(share, chance=chance)
    found = interpret(given, coarse, coarse.hu, coarse.geometry, is_hu=True)
    assert len(found.chain) == vertebrae


def test_where_the_scan_is_too_narrow_for_wings_the_end_of_the_column_says_less() -> None:
    scans = (winged(0.0), winged(0.0, narrow=True))
    sure, unsure = (interpret(given, coarse, coarse.hu, coarse.geometry, is_hu=True).below_sure for given, coarse in scans)
    assert unsure < sure


def test_the_sacrum_begins_at_its_first_winged_segment_however_far_the_column_runs_on() -> None:
    """S1 and S2 are winged alike; a rule that compares the lowest with the one above would keep both."""
    given, coarse = winged(0.2)
    given.levels[LEVELS - 1, ..., : round(LUMBAR[23][2]) // 2 + 4] = np.log(0.01)
    x, y, z = (round(value) for value in LUMBAR[23])
    for side in (-1, 1):
        first, last = sorted((16 + x + side * 12, 16 + x + side * 20))
        coarse.hu[first : last + 1, y - 4 : y - 1, z - 3 : z + 4] = 400.0
    found = interpret(given, coarse, coarse.hu, coarse.geometry, is_hu=True)
    assert len(found.chain) == 3 and (found.below, found.below_sure > 0.9) == (0, True)
    assert not found.named().sacrum_missed


def test_wings_below_the_column_with_nothing_between_them_are_a_sacrum_that_was_missed() -> None:
    given, coarse = winged(0.5)
    z = round(LUMBAR[24][2])
    for channel in (BONE, BODY, HEAT):
        given.fine[channel, ..., : z + 6] = 0
    found = interpret(given, coarse, coarse.hu, coarse.geometry, is_hu=True)
    assert len(found.chain) == 4 and found.below_sure > 0.9
    assert found.named().sacrum_missed


def test_bone_that_hangs_on_the_sacrum_and_may_be_sacrum_belongs_to_it() -> None:
    given, coarse = painted(LUMBAR, sacrum=True)
    given.fine[BONE, 4:20, 28:31, 2:6] = 0.45  # the network doubts it
    given.levels[LEVELS - 1, 2:10, 14:16, 1:3] = np.log(0.2)
    found = interpret(given, coarse, coarse.hu, coarse.geometry, is_hu=True)
    assert (found.owner[6:18, 28:30, 3:5] == len(found.chain) + 1).all()


def test_bone_beside_the_sacrum_that_is_sure_to_be_something_else_stays_out() -> None:
    given, coarse = painted(LUMBAR, sacrum=True)
    given.fine[BONE, 4:20, 28:31, 2:6] = 0.45
    given.levels[LEVELS - 1, 2:10, 14:16, 1:3] = np.log(0.02)
    found = interpret(given, coarse, coarse.hu, coarse.geometry, is_hu=True)
    assert not (found.owner[:, 28:] == len(found.chain) + 1).any()


def test_an_arch_belongs_to_the_body_that_points_where_it_points() -> None:
    """The network's centres lie 12 mm below the middles between the cuts, for bodies and arches alike."""
    line = np.column_stack([np.zeros((60, 2)), -np.arange(60.0)])
    column = Column(line, np.full(60, 40.0), np.full(60, 20.0), np.ones(60, bool), ((0, 20), (20, 40), (40, 59)))
    pointed = np.array([22] * 12 + [42] * 12 + [58] * 12 + [22, 41, 57])
    orders = np.array([1] * 12 + [2] * 12 + [3] * 12 + [0, 0, 0])
    assert _pointed_at(column, pointed, orders)[-3:].tolist() == [1, 2, 3]
    assert _pointed_at(column, pointed[-3:], orders[-3:]).tolist() == [2, 3, 3]  # no body tells: the middles do
