"""Points that a whole mask contradicts: one step mends it on all slices around, in any orientation, and can be undone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spinalsam.control.workspace import Workspace
from spinalsam.data.volume import Volume
from spinalsam.errors import RequirementError
from spinalsam.support.planes import SlicePlane
from tests.engine.test_whole import _blocks, _geometry, _turned
from tests.fakes import FakeSegmenter

L2, L3 = 21, 22


@pytest.fixture(params=[((0, 1, 2), (0, 0, 0)), ((2, 0, 1), (1, 0, 1)), ((1, 2, 0), (0, 1, 1))])
def blocks(request: pytest.FixtureRequest, tmp_path: Path):
    """A workspace on three blocks of which L2 lacks its process; the truth; the process' middle voxel."""
    hu, labels = _blocks()
    body = np.zeros(labels.shape, bool)
    body[22:48, 14:40, 25:41] = True
    hu, labels, body = (_turned(array, *request.param) for array in (hu, labels, body))
    volume = Volume(hu, _geometry(labels.shape, *request.param))
    ws = Workspace(segmenter=FakeSegmenter(), journal=False, reader=lambda *_, **__: volume)
    (tmp_path / "ct.nii.gz").touch()
    ws.open(tmp_path / "ct.nii.gz")
    ws.case.mask[(labels == L2) & body] = L2
    ws.case.mask[labels == L3] = L3
    counts = {value: int((ws.case.mask == value).sum()) for value in (L2, L3)}
    ws.case.extents.follow(((0, 0, 0), ws.case.mask.shape), {}, counts)
    process = np.argwhere((labels == L2) & ~body)
    middle = process[np.abs(process - process.mean(axis=0)).sum(axis=1).argmin()]
    yield ws, labels, middle
    ws.close()


def click(ws: Workspace, voxel: np.ndarray, plane: str, **args: object) -> None:
    cut = SlicePlane(ws.case.volume.geometry, plane)
    ws.run("set_view", plane=plane)
    ws.run("go_to", slice=int(voxel[cut.normal_axis]) + 1, plane=plane)
    ws.run("add_points", at=[cut.to_pixel(voxel).tolist()], regions=["L2"], **args)


@pytest.mark.parametrize("plane", ["sagittal", "axial", "coronal"])
def test_a_missing_process_comes_back_in_one_step(blocks, plane: str) -> None:
    ws, labels, middle = blocks
    before = ws.mask.copy()
    click(ws, middle, plane)
    result = ws.run("correct_mask")
    after = ws.mask
    assert result.data["slices"] > 1 and result.data["voxels"] == np.count_nonzero(after != before)
    assert (after[tuple(middle)], (after == L3).sum()) == (L2, (before == L3).sum())
    assert np.count_nonzero((after == L2) & (labels != L2)) <= 0.01 * (labels == L2).sum()
    assert np.count_nonzero((before == L2) & (after != L2)) == 0
    ws.run("undo")
    assert np.array_equal(ws.mask, before)
    ws.run("redo")
    assert np.array_equal(ws.mask, after)


def test_what_there_is_nothing_to_correct_with_is_told(blocks) -> None:
    ws, _, middle = blocks
    with pytest.raises(RequirementError, match="no points"):
        ws.run("correct_mask")
    inside = np.argwhere(ws.mask == L2)
    click(ws, inside[len(inside) // 2], "axial")
    with pytest.raises(RequirementError, match="agrees with every point"):
        ws.run("correct_mask")
    click(ws, middle, "sagittal")
    ws.run("lock_label", value=L2, locked=True)
    with pytest.raises(RequirementError, match="locked"):
        ws.run("correct_mask")


def test_other_masks_are_not_painted_over(blocks) -> None:
    ws, labels, middle = blocks
    ws.case.mask[(labels == L2) & (ws.case.mask == 0)] = L3
    before = ws.mask.copy()
    click(ws, middle, "sagittal")
    assert "stand in its way" in ws.run("correct_mask").message
    assert np.array_equal(ws.mask, before)
