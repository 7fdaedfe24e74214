"""Many slices asked together: all of them answered, in order, few where they are alike, and stopped at once."""

from __future__ import annotations

import time
from contextlib import closing

import numpy as np
import pytest

from spinalsam.device import threads
from spinalsam.engine.scene import SPARE_MM, Scene, filled, in_order, looked_at
from spinalsam.errors import Cancelled
from spinalsam.support.geometry import Geometry
from tests.fakes import FakeSegmenter

PLANES = ("axial", "sagittal", "coronal")


def cylinder(spacing_mm: float = 0.8) -> tuple[Scene, np.ndarray]:
    """A bright cylinder along the body with a step in its radius, on a flipped grid."""
    i, j, k = np.indices((60, 60, 60))
    body = ((i - 30) ** 2 + (j - 30) ** 2 < np.where(k < 30, 10, 18) ** 2) & (k > 9) & (k < 51)
    hu = np.asfortranarray(np.where(body, 400, 20).astype(np.int16))
    geometry = Geometry.from_parts(hu.shape, spacing_mm=(spacing_mm,) * 3, direction=np.diag([-1, 1, -1]))
    return Scene(FakeSegmenter(), hu, geometry, True), body


def said(share: float) -> None:
    assert 0 <= share <= 1


@pytest.mark.parametrize("plane", PLANES)
def test_between_slices_that_are_alike_none_is_asked_and_the_body_is_the_same(plane: str) -> None:
    scene, body = cylinder()
    every = looked_at(scene, plane, body, room_mm=1.0, step_mm=0.8, spare=None, say=said)
    few = looked_at(scene, plane, body, room_mm=1.0, step_mm=0.8, spare=0.9, say=said)
    axis = scene.planes[plane].normal_axis
    assert len(every) == np.count_nonzero(body.any(axis=tuple(n for n in range(3) if n != axis)))
    assert len(few) < 0.7 * len(every)
    assert max(np.diff(sorted(few))) * 0.8 <= SPARE_MM
    built = [filled(scene, plane, {index: one.mask for index, one in seen.items()}) > 0.5 for seen in (every, few)]
    assert np.array_equal(built[0], body)
    assert np.count_nonzero(built[1] ^ body) < 0.03 * body.sum()
    if plane == "axial":
        assert {29, 30} <= set(few), "where the radius jumps every slice is asked"


@pytest.mark.parametrize("plane", PLANES)
def test_a_smaller_grid_gives_the_same_answers(plane: str) -> None:
    scene, body = cylinder()
    box = (slice(8, 52), slice(10, 55), slice(5, 57))
    narrow = scene.narrowed(box)
    one = looked_at(scene, plane, body, room_mm=1.0, step_mm=0.8, spare=None, say=said)
    other = looked_at(narrow, plane, body[box], room_mm=1.0, step_mm=0.8, spare=None, say=said)
    first = box[scene.planes[plane].normal_axis].start
    assert sorted(one) == [index + first for index in sorted(other)]
    whole = filled(scene, plane, {index: seen.mask for index, seen in one.items()})
    part = filled(narrow, plane, {index: seen.mask for index, seen in other.items()})
    assert np.array_equal(whole[box], part)


def test_parts_are_worked_on_beside_each_other_and_come_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spinalsam.engine.scene.all_threads", lambda: 3)
    assert list(in_order(lambda n: n * n, range(20), beside=3)) == [n * n for n in range(20)]
    done = []

    def work(n: int) -> int:
        done.append(n)
        time.sleep(0.002)
        return n

    with pytest.raises(Cancelled), closing(in_order(work, range(2000), beside=2)) as answers:
        for n in answers:
            if n == 3:
                raise Cancelled("stopped")
    assert len(done) < 2000, "what had not begun is not begun any more"


def test_no_more_threads_than_the_program_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spinalsam.engine.scene.all_threads", lambda: 1)
    monkeypatch.setattr("spinalsam.engine.scene.ThreadPoolExecutor", None)
    assert list(in_order(str, [1, 2], beside=4)) == ["1", "2"]
    assert threads.all_threads() >= 1
