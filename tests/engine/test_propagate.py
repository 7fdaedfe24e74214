"""Walking from slice to slice: as far as the structure goes, and no further."""

from __future__ import annotations

import numpy as np
import pytest

from spinalsam.engine.propagate import Step, StopRules, dice, prompt_from, walk
from spinalsam.engine.segmenter import Embedding, SliceImage
from spinalsam.errors import Cancelled
from tests.fakes import FakeSegmenter


def stack(radii: list[float], *, brightness: float = 400) -> list[SliceImage]:
    """Slices with a bright disc of these radii in the middle; 0 for none."""
    rows, columns = np.indices((48, 48))
    distance = np.hypot(rows - 24, columns - 24)
    return [SliceImage(np.where(distance < radius, brightness, -50).astype(np.float32), True, (1.0, 1.0)) for radius in radii]


class Walker:
    def __init__(self, slices: list[SliceImage]) -> None:
        self.slices = slices
        self.segmenter = FakeSegmenter()

    def embed(self, index: int) -> Embedding:
        return self.segmenter.encode(self.slices[index])

    def walk(self, start: int, indices: range, **options: object):  # type: ignore[no-untyped-def]
        mask = self.slices[start].pixels > 150
        return walk(self.segmenter, self.embed, mask, start_index=start, indices=indices, **options)  # type: ignore[arg-type]


def test_it_follows_a_structure_that_swells_and_shrinks() -> None:
    walker = Walker(stack([8, 9, 10, 11, 10, 9]))
    walked = walker.walk(0, range(1, 6))
    assert [step.index for step in walked.steps] == [1, 2, 3, 4, 5]
    assert walked.reason == "the last slice"
    for step in walked.steps:
        assert dice(step.mask, walker.slices[step.index].pixels > 150) > 0.95
    assert walker.segmenter.refined == 4


def test_it_ends_where_the_structure_ends() -> None:
    walked = Walker(stack([8, 8, 8, 0, 8])).walk(0, range(1, 5))
    assert [step.index for step in walked.steps] == [1, 2]
    assert "slice 4" in walked.reason


def test_it_ends_where_the_structure_has_shrunk_to_a_rest() -> None:
    walked = Walker(stack([10, 8, 6, 4.5, 3, 2, 1.5])).walk(0, range(1, 7), rules=StopRules(shrink=0.15))
    assert walked.steps[-1].index < 6 and "ends" in walked.reason


def test_it_does_not_jump_to_something_else() -> None:
    slices = stack([8, 8])
    elsewhere = np.full((48, 48), -50, np.float32)
    elsewhere[2:10, 2:10] = 400
    walked = Walker([*slices, SliceImage(elsewhere, True, (1.0, 1.0))]).walk(0, range(1, 3))
    assert [step.index for step in walked.steps] == [1]


def test_it_ends_where_the_bone_ends_though_the_shape_goes_on() -> None:
    slices = [*stack([8, 8]), *stack([8], brightness=60)]
    walker = Walker(slices)
    walker.segmenter.brightness = 0
    walked = walker.walk(0, range(1, 3))
    assert [step.index for step in walked.steps] == [1] and "bone ends" in walked.reason


def test_known_slices_are_kept_and_walked_on_from() -> None:
    walker = Walker(stack([8] * 5))
    known = np.zeros((48, 48), bool)
    known[20:28, 20:28] = True
    walked = walker.walk(0, range(1, 5), anchors={2: known})
    assert np.array_equal(walked.steps[1].mask, known) and walked.steps[1].confidence == 1
    # What follows starts from the small mask again, so it is smaller than the whole disc.
    assert walked.steps[2].mask.sum() <= 12 * 12 < (walker.slices[3].pixels > 150).sum()


def test_it_walks_either_way_and_can_be_stopped() -> None:
    walker = Walker(stack([8] * 6))
    assert [step.index for step in walker.walk(5, range(4, -1, -1)).steps] == [4, 3, 2, 1, 0]
    seen: list[int] = []

    def stop(step: Step) -> None:
        seen.append(step.index)
        if len(seen) == 2:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        walker.walk(0, range(1, 6), on_step=stop)
    assert seen == [1, 2]


def test_the_prompt_is_the_box_and_the_deepest_point() -> None:
    mask = np.zeros((20, 30), bool)
    mask[5:12, 8:21] = True
    mask[8, 21:27] = True
    prompt = prompt_from(mask)
    assert prompt.box_xyxy is not None and prompt.box_xyxy.tolist() == [8, 5, 26, 11]
    roomy = prompt_from(mask, room_mm=3, spacing_mm=(0.5, 2.0)).box_xyxy
    assert roomy is not None and roomy.tolist() == [6, 0, 28, 17]
    x, y = prompt.points_xy[0]
    assert y == 8 and 11 <= x <= 17 and prompt.positive.tolist() == [True]
