"""Editing on vertebrae that people have drawn: what the tools do to real shapes, and that right spines raise no warning."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from spinalsam.control.label_table import TableRequest, label_table, warnings_of
from spinalsam.control.workspace import Workspace
from spinalsam.data.formats import read_label_volume
from spinalsam.data.volume import Volume
from spinalsam.support.metrics import dice
from tests.fakes import FakeSegmenter


def masks(shared_data: Callable[..., Path]) -> list[Path]:
    """The two that are small: T9 to L5 on an oblique grid, and L1 to L5."""
    return sorted(path for path in shared_data("verse_masks").glob("*.nii.gz") if "004" in path.name or "010" in path.name)


def opened(path: Path, values: tuple[int, ...] = ()) -> Workspace:
    """A case on the mask's own grid with its labels (or some of them) loaded."""
    found = read_label_volume(path)
    volume = Volume(np.zeros(found.geometry.shape, np.int16, order="F"), found.geometry, True, {}, (), path.stem)
    ws = Workspace(segmenter=FakeSegmenter(), samples={"spine": lambda: volume}, journal=False)
    ws.run("open_image", path="sample:spine")
    ws.run("load_mask", path=str(path))
    for value in [value for value in ws.case.extents.values if values and value not in values]:
        ws.run("delete_label", value=value)
    return ws


def test_right_spines_have_no_warning_and_wrong_ones_have(shared_data: Callable[..., Path]) -> None:
    for path in masks(shared_data):
        with opened(path) as ws:
            names = {info.value: info.name for info in ws.state.labels}
            found = warnings_of(label_table(TableRequest.of(ws)), names)
            assert found == [], (path.name, [warning.text for warning in found])
            values = ws.case.extents.values
            ws.run("merge_labels", value=values[0], into=values[2])
            kinds = [warning["kind"] for warning in ws.run("check_levels").data["warnings"]]
            assert "duplicate" in kinds, path.name


def test_one_named_vertebra_brings_all_others_right(shared_data: Callable[..., Path]) -> None:
    path = next(path for path in masks(shared_data) if "010" in path.name)
    with opened(path) as ws:
        right, values = ws.mask.copy(), ws.case.extents.values
        for number, value in enumerate(values):
            ws.run("change_label", value=value, to=40 + (7 * number) % 11)
        middle = values[2]
        wrong = int(ws.mask[right == middle][0])
        ws.run("number_from", value=wrong, regions=[ws.state.label(middle).name])
        assert np.array_equal(ws.mask, right)


def test_every_fourth_slice_of_a_real_vertebra_is_filled_between(shared_data: Callable[..., Path]) -> None:
    path = next(path for path in masks(shared_data) if "010" in path.name)
    with opened(path, (22,)) as ws:
        whole = ws.mask == 22
        plane = ws.plane("sagittal")
        for index in range(plane.count):
            if index % 4 and plane.cut(whole, index).any():
                rows, columns = plane.shape
                corners = [[-0.4, -0.4], [columns, -0.4], [columns, rows], [-0.4, rows]]
                ws.run("lasso", outline=corners, mode="remove", value=22, plane="sagittal", slice=index + 1)
        ws.run("fill_between", value=22, plane="sagittal")
        assert dice(ws.mask == 22, whole) > 0.93


def test_a_real_vertebra_is_smoothed_grown_and_shrunk(shared_data: Callable[..., Path]) -> None:
    path = next(path for path in masks(shared_data) if "010" in path.name)
    with opened(path, (22,)) as ws:
        whole = ws.mask == 22
        ws.run("smooth", value=22, strength_mm=1.0)
        assert np.count_nonzero(ws.mask) == np.count_nonzero(whole) and dice(ws.mask != 0, whole) > 0.95
        ws.run("undo")
        ws.run("resize", value=22, mm=2.0)
        ws.run("resize", value=22, mm=-2.0)
        assert dice(ws.mask != 0, whole) > 0.95 and not np.any(whole & (ws.mask == 0))


def test_two_vertebrae_in_one_label_are_split_where_they_touch(shared_data: Callable[..., Path]) -> None:
    path = next(path for path in masks(shared_data) if "010" in path.name)
    with opened(path, (21, 22)) as ws:
        right = ws.mask.copy()
        ws.run("merge_labels", value=21, into=22)
        ws.run("split_label", value=22, method="watershed")
        best = max(
            dice(ws.mask == one, right == 21) + dice(ws.mask == other, right == 22)
            for one, other in (tuple(ws.case.extents.values), tuple(ws.case.extents.values)[::-1])
        )
        assert best / 2 > 0.98
