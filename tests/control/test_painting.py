"""Edits of the label map: the same slice in and out for every orientation, and both ways exactly."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from spinalsam.control.packing import PackedArray, PackedEdit
from spinalsam.control.painting import apply_edit, block_edit, paint, slice_edit, to_slab, union_box
from spinalsam.errors import JournalError
from spinalsam.support.geometry import Geometry
from spinalsam.support.planes import PLANES, SlicePlane

SHAPE = (5, 6, 7)
ORIENTATIONS = [
    np.eye(3)[list(order)].T * np.array(signs)
    for order in itertools.permutations(range(3))
    for signs in itertools.product((1, -1), repeat=3)
]


def test_a_painted_slice_is_cut_out_again_in_every_orientation() -> None:
    rng = np.random.default_rng(1)
    assert len(ORIENTATIONS) == 48
    for direction in ORIENTATIONS:
        geometry = Geometry.from_parts(SHAPE, direction=direction)
        for name in PLANES:
            plane = SlicePlane(geometry, name)
            labels = np.asfortranarray(rng.integers(0, 4, SHAPE).astype(np.uint8))
            original = labels.copy()
            index = int(rng.integers(plane.count))
            wanted = rng.integers(0, 4, plane.shape).astype(np.uint8)
            edit = slice_edit(labels, plane, index, wanted)
            assert edit is not None
            labels = apply_edit(labels, edit)
            assert np.array_equal(plane.cut(labels, index), wanted)
            others = [n for n in range(plane.count) if n != index]
            assert all(np.array_equal(plane.cut(labels, n), plane.cut(original, n)) for n in others)
            assert np.array_equal(apply_edit(labels, edit, back=True), original)


def test_a_slab_is_the_inverse_of_a_cut() -> None:
    plane = SlicePlane(Geometry.from_parts(SHAPE, direction=ORIENTATIONS[13]), "coronal")
    labels = np.arange(210, dtype=np.uint8).reshape(SHAPE)
    slab = to_slab(plane, plane.cut(labels, 2))
    assert np.array_equal(slab, np.take(labels, [2], axis=plane.normal_axis))


def test_an_edit_is_as_small_as_what_it_changes_and_nothing_is_none() -> None:
    labels = np.zeros(SHAPE, np.uint8, order="F")
    after = labels.copy()
    after[2:4, 3, 1:6] = 9
    edit = block_edit(labels, (0, 0, 0), after)
    assert edit is not None
    assert (edit.lower_ijk, edit.upper_ijk) == ((2, 3, 1), (4, 4, 6))
    assert block_edit(labels, (0, 0, 0), labels.copy()) is None


def test_locked_values_stay() -> None:
    labels = np.array([[1, 2], [0, 1]], np.uint8)
    assert paint(labels, np.ones((2, 2), bool), 3, locked=(1,)).tolist() == [[1, 3], [3, 1]]
    assert labels.tolist() == [[1, 2], [0, 1]]


def test_a_value_beyond_255_widens_the_map() -> None:
    labels = np.zeros(SHAPE, np.uint8, order="F")
    edit = block_edit(labels, (1, 1, 1), np.full((1, 1, 1), 300, np.uint16))
    assert edit is not None
    widened = apply_edit(labels, edit)
    assert widened.dtype == np.uint16 and widened[1, 1, 1] == 300 and widened.flags.f_contiguous


def test_boxes_are_united() -> None:
    assert union_box([]) is None
    assert union_box([((1, 5, 2), (3, 6, 9)), ((0, 7, 3), (2, 8, 4))]) == ((0, 5, 2), (3, 8, 9))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, bool])
def test_packing_is_exact(dtype: type) -> None:
    array = np.asfortranarray(np.random.default_rng(0).integers(0, 2, SHAPE).astype(dtype))
    again = PackedArray.from_json(PackedArray.pack(array).to_json()).array()
    assert again.dtype == array.dtype and np.array_equal(again, array) and again.flags.writeable


def test_a_packed_edit_is_the_edit() -> None:
    labels = np.zeros(SHAPE, np.uint8, order="F")
    edit = block_edit(labels, (1, 2, 3), np.full((2, 2, 2), 5, np.uint8))
    assert edit is not None
    again = PackedEdit.pack(edit).edit()
    assert again.lower_ijk == edit.lower_ijk
    assert np.array_equal(again.before, edit.before) and np.array_equal(again.after, edit.after)


@pytest.mark.parametrize("change", [{"shape": [9, 9, 9]}, {"dtype": "object"}, {"data": "!!"}, {"data": "AAAA"}, {"shape": [1]}])
def test_damaged_packing_is_refused(change: dict[str, object]) -> None:
    good = PackedArray.pack(np.ones(SHAPE, np.uint8)).to_json()
    with pytest.raises(JournalError):
        PackedArray.from_json({**good, **change})
